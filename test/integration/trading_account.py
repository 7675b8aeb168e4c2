"""The real connector with its account socket running against the embedded exchange, nothing else of it started."""
import asyncio
from contextlib import asynccontextmanager
from functools import partial
from test.hummingbot.connector.exchange.valr import helpers
from typing import Any, AsyncIterator, Dict, List

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot_valr.simulator import ValrSimulator

PAIR = "BTCZAR"

until = partial(helpers.until, seconds=15.0)


class TradingAccount:
    """`exchange` is the embedded exchange, `connector` the bot's connector to it, `frames` what its stream brought."""

    def __init__(self, exchange: ValrSimulator, connector: ValrExchange):
        self.exchange = exchange
        self.connector = connector
        self.entry = connector.order_entry
        self.stream = connector.user_stream_data_source
        self.queue = connector._user_stream_tracker.user_stream
        self.frames: List[Dict[str, Any]] = []

    async def start(self):
        """Starts the user stream and waits for the login."""
        self.start_stream()
        await until(lambda: self.stream.connected)

    def start_stream(self):
        self._task = asyncio.ensure_future(self.connector._user_stream_tracker.start())

    def of_type(self, kind: str) -> List[Dict[str, Any]]:
        """:return: all frames of a type that came so far"""
        while not self.queue.empty():
            self.frames.append(self.queue.get_nowait())
        return [frame for frame in self.frames if frame["type"] == kind]

    def orders(self) -> Dict[str, List[Any]]:
        """:return: customerOrderId -> the exchange's orders with this id"""
        result: Dict[str, List[Any]] = {}
        for order in self.exchange.engine.account(self.exchange.account_id).orders.values():
            result.setdefault(order.customer_order_id, []).append(order)
        return result

    def order(self, client_order_id: str) -> Any:
        """:return: the exchange's only order with this id"""
        order, = self.orders()[client_order_id]
        return order


@asynccontextmanager
async def trading_account(monkeypatch, seed: int = 1) -> AsyncIterator[TradingAccount]:
    async with ValrSimulator(seed=seed, market=False) as exchange:
        monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, exchange.url)
        connector = ValrExchange(exchange.api_key, exchange.api_secret, domain=CONSTANTS.SIMULATOR_DOMAIN)
        account = TradingAccount(exchange, connector)
        try:
            yield account
        finally:
            await connector._user_stream_tracker.stop()
            await ConnectionsFactory().close()
