"""
`python -m benchmarks.exchange --pairs N` runs the embedded exchange in a process of its own. It prints one JSON line
when it is up, then answers each command, a JSON line on its standard input, with one.
"""
import argparse
import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Dict, List

from hummingbot_valr.simulator import ValrSimulator

LEVELS = 20  # a side, of every pair
MAKER = "market"  # the simulator's account for tests


class Exchange:
    """The embedded exchange with as many quiet pairs as wanted, and what the benchmarks ask of it."""

    def __init__(self, simulator: ValrSimulator, pair_count: int):
        self._simulator = simulator
        self._public_requests = 0
        self._count_public_requests()
        self._symbols = [self._add_pair(f"C{number:03d}") for number in range(pair_count)]

    def description(self) -> Dict[str, Any]:
        return {"url": self._simulator.url, "key": self._simulator.api_key, "secret": self._simulator.api_secret,
                "pairs": {symbol: f"{symbol[:-4]}-USDT" for symbol in self._symbols}}

    def public_requests(self) -> int:
        """:return: requests of `/v1/public/*` since the last call; the next minute of VALR's rate limits begins"""
        count, self._public_requests = self._public_requests, 0
        self._simulator.clock.advance(60.0)
        return count

    def lift_rate_limits(self) -> None:
        self._simulator.rate_limits.enabled = False

    def count_cancelled(self, prefix: str) -> int:
        """:return: how many orders of the demo account whose client order ids begin so were cancelled"""
        orders = self._simulator.engine.account(self._simulator.account_id).orders.values()
        return sum(order.status == "Cancelled" and order.customer_order_id.startswith(prefix) for order in orders)

    async def move_books(self, commands: int) -> float:
        """
        Places and cancels orders so that every command changes one book.

        :return: CPU seconds of this process
        """
        engine, started_at = self._simulator.engine, time.process_time()
        placed: List[Any] = []
        for number in range(commands):
            if number % 2 == 0:
                symbol = self._symbols[number // 2 % len(self._symbols)]
                placed.append(engine.place_limit(MAKER, pair=symbol, side="BUY", quantity="1", price="89"))
            else:
                engine.cancel(MAKER, order_id=placed.pop().order_id)
            if number % 50 == 49:
                await asyncio.sleep(0)  # lets the frames out
        return time.process_time() - started_at

    def _add_pair(self, base: str) -> str:
        engine = self._simulator.engine
        symbol = engine.add_pair(base, "USDT", price="100", tick="0.01").symbol
        for level in range(1, LEVELS + 1):
            engine.place_limit(MAKER, pair=symbol, side="BUY", quantity="1", price=f"{100 - level * 0.1:.2f}")
            engine.place_limit(MAKER, pair=symbol, side="SELL", quantity="1", price=f"{100 + level * 0.1:.2f}")
        return symbol

    def _count_public_requests(self):
        allow = self._simulator.rate_limits.allow

        def counting_allow(verb: str, path: str, api_key: str) -> bool:
            self._public_requests += path.startswith("/v1/public/")
            return allow(verb, path, api_key)

        self._simulator.rate_limits.allow = counting_allow


async def serve(pair_count: int):
    async with ValrSimulator(market=False) as simulator:
        exchange = Exchange(simulator, pair_count)
        print(json.dumps(exchange.description()), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = json.loads(line)
            result = getattr(exchange, command.pop("do"))(**command)
            print(json.dumps(await result if asyncio.iscoroutine(result) else result), flush=True)


class ExchangeProcess:
    """The control side of the process."""

    def __init__(self, process: asyncio.subprocess.Process, description: Dict[str, Any]):
        self._process = process
        self.pid = process.pid
        self.url, self.key, self.secret = description["url"], description["key"], description["secret"]
        self.pairs: Dict[str, str] = description["pairs"]  # symbol -> trading pair

    async def do(self, command: str, **arguments: Any) -> Any:
        """Calls one of the methods of `Exchange` and returns what it returns."""
        self._process.stdin.write((json.dumps({"do": command, **arguments}) + "\n").encode())
        return json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def exchange_process(pair_count: int) -> AsyncIterator[ExchangeProcess]:
    """
    :param pair_count: pairs C000USDT, C001USDT, ... beside the simulator's usual ones
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.exchange", "--pairs", str(pair_count),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20)
    try:
        yield ExchangeProcess(process, json.loads(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=1)
    asyncio.run(serve(parser.parse_args().pairs))
