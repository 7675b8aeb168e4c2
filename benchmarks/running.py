import asyncio
import time
from contextlib import asynccontextmanager
from typing import AsyncIterator

from hummingbot.connector.exchange_py_base import ExchangePyBase
from hummingbot.core.clock import Clock, ClockMode
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

READY_TIMEOUT = 120.0  # seconds
POLL_INTERVAL = 0.005  # seconds


@asynccontextmanager
async def running(connector: ExchangePyBase) -> AsyncIterator[float]:
    """
    Runs a connector under Hummingbot's real-time clock, as the bot does, and stops it in the end.

    :return: seconds from the start of the clock until the connector said that it is ready
    :raises TimeoutError: when it does not become ready, with the parts that are not
    """
    clock = Clock(ClockMode.REALTIME, tick_size=1.0)
    clock.add_iterator(connector)
    started_at = time.perf_counter()
    with clock:
        task = asyncio.ensure_future(clock.run())
        try:
            while not connector.ready:
                if time.perf_counter() - started_at > READY_TIMEOUT:
                    raise TimeoutError(f"{connector.name} is not ready: {connector.status_dict}")
                await asyncio.sleep(POLL_INTERVAL)
            yield time.perf_counter() - started_at
        finally:
            task.cancel()
            await asyncio.wait([task])
    await connector.stop_network()
    await ConnectionsFactory().close()
