"""Order books of the embedded exchange that never rest, and a watch over what a connector says about them."""
import asyncio
import random
import time
from contextlib import asynccontextmanager
from typing import AsyncIterator, Callable, Dict, List, Tuple

from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot_valr.simulator import ValrSimulator

PAIRS = ["BTC-ZAR", "ETH-ZAR", "USDT-ZAR", "BTC-USDT", "XRP-ZAR", "SOL-ZAR", "USDC-ZAR", "BNB-ZAR", "AVAX-ZAR",
         "LINK-ZAR", "DOGE-ZAR", "XAUT-ZAR", "ETH-USDT", "XRP-USDT", "SOL-USDT", "BTC-USDC", "ETH-USDC", "BNB-USDC",
         "PYUSD-USDT", "ETH-BTC"]
ACCOUNT = "market"
Levels = List[Tuple[float, float]]


def symbol_of(trading_pair: str) -> str:
    return trading_pair.replace("-", "")


def exchange_levels(exchange: ValrSimulator, trading_pair: str) -> Tuple[Levels, Levels]:
    """:return: bids and asks of the exchange, best first"""
    bids, asks = exchange.engine.book(symbol_of(trading_pair))
    return [(float(price), float(size)) for price, size in bids], [(float(price), float(size)) for price, size in asks]


def served_levels(order_book: OrderBook) -> Tuple[Levels, Levels]:
    """:return: bids and asks that strategies see, best first"""
    return [(row.price, row.amount) for row in order_book.bid_entries()], \
        [(row.price, row.amount) for row in order_book.ask_entries()]


def is_up_to_date(exchange: ValrSimulator, connector: ValrExchange, trading_pair: str) -> bool:
    """:return: whether all books are verified and this one has the exchange's last frame"""
    sequence = exchange.trade_hub.feed(symbol_of(trading_pair)).sequence
    order_book = connector.order_books[trading_pair]
    return connector.market_data.books_verified and sequence in (order_book.last_diff_uid, order_book.snapshot_uid)


@asynccontextmanager
async def market_data(exchange: ValrSimulator, trading_pairs: List[str],
                      is_signed: bool = True) -> AsyncIterator[ValrExchange]:
    """The connector as it runs without an account: nothing but its market data is started."""
    keys = (exchange.api_key, exchange.api_secret) if is_signed else ("", "")
    connector = ValrExchange(*keys, trading_pairs=list(trading_pairs), trading_required=False, domain="valr_simulator")
    await connector.start_network()
    try:
        yield connector
    finally:
        await connector.stop_network()
        await ConnectionsFactory().close()


async def until(condition: Callable[[], bool], seconds: float = 10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        await asyncio.sleep(0.005)


class PairTraffic:
    """
    Orders of one pair that come and go, one at a price, mostly near the best one: every other frame or so changes the
    best bid or ask. The two sides never meet.
    """

    DEPTH = 45  # levels a side, more than the checksum covers

    def __init__(self, exchange: ValrSimulator, trading_pair: str, generator: random.Random):
        self._engine = exchange.engine
        self._pair = exchange.engine.pairs[symbol_of(trading_pair)]
        self._middle = int(self._pair.reference_price / self._pair.tick)
        self._generator = generator
        self._orders: Dict[str, Dict[int, str]] = {"BUY": {}, "SELL": {}}  # side -> ticks from the middle -> order id
        with self._engine.together():
            for side in self._orders:
                for distance in range(1, self.DEPTH):
                    self._place(side, distance)

    def change(self):
        """One frame: one to three orders are placed, cancelled or replaced."""
        with self._engine.together():
            for _ in range(self._generator.choice((1, 1, 2, 3))):
                side = self._generator.choice(("BUY", "SELL"))
                orders = self._orders[side]
                rank = int(self._generator.expovariate(1 / 5))
                if self._generator.random() < len(orders) / (2 * self.DEPTH):
                    distances = sorted(orders)
                    self._cancel(side, distances[min(rank, len(distances) - 1)])
                else:
                    distance = min(orders, default=10) - 2 + rank
                    distance = max(1, distance)
                    if distance in orders:
                        self._cancel(side, distance)
                    self._place(side, distance)

    def _cancel(self, side: str, distance: int):
        self._engine.cancel(ACCOUNT, order_id=self._orders[side].pop(distance))

    def _place(self, side: str, distance: int):
        price = (self._middle - distance if side == "BUY" else self._middle + distance) * self._pair.tick
        order = self._engine.place_limit(
            ACCOUNT, pair=self._pair.symbol, side=side, price=price,
            quantity=self._pair.min_base * self._generator.randint(1, 999) + self._pair.min_quote / price)
        assert order.is_open, order.failed_reason
        self._orders[side][distance] = order.order_id


class Traffic:
    """Random changes on many pairs."""

    def __init__(self, exchange: ValrSimulator, trading_pairs: List[str], seed: int):
        self.frames = 0
        self._generator = random.Random(f"traffic-{seed}")
        self._pairs = [PairTraffic(exchange, pair, self._generator) for pair in trading_pairs]

    def change_each(self):
        """One change on every pair."""
        for pair in self._pairs:
            pair.change()
            self.frames += 1

    async def run(self, frames: int, rate: float, on_step: Callable[[], None]):
        """
        :param frames: how many changes to make
        :param rate: how many of them a second at most
        :param on_step: called every few changes
        """
        start, first = time.perf_counter(), self.frames
        while self.frames < first + frames:
            on_step()  # before the changes, so that those of the last step had time to arrive
            for pair in self._generator.choices(self._pairs, k=10):
                pair.change()
                self.frames += 1
            ahead = (self.frames - first) / rate - (time.perf_counter() - start)
            await asyncio.sleep(max(ahead, 0.001))


class Watch:
    """Compares what the connector serves as verified with the exchange, as often as it is asked to."""

    # A machine without time for this process makes nobody a liar: no more counts from one look to the next.
    LONGEST_STEP = 0.1  # seconds

    def __init__(self, exchange: ValrSimulator, connector: ValrExchange):
        self.longest_lie = 0.0  # seconds a wrong best bid or ask, or a wrong amount of it, was served as verified
        self.worst_pair = ""
        self.verified_looks = 0
        self.unverified_looks = 0
        self._exchange = exchange
        self._connector = connector
        self._lies: Dict[str, float] = {}
        self._looked_at = time.perf_counter()

    def look(self):
        now = time.perf_counter()
        step, self._looked_at = min(now - self._looked_at, self.LONGEST_STEP), now
        unverified = self._connector.market_data.counters().unverified
        assert self._connector.status_dict["order_books_verified"] == (not unverified)
        for trading_pair, order_book in self._connector.order_books.items():
            if trading_pair in unverified:
                self.unverified_looks += 1
                self._lies.pop(trading_pair, None)
                continue
            self.verified_looks += 1
            if self._is_right(trading_pair, order_book):
                self._lies.pop(trading_pair, None)
                continue
            self._lies[trading_pair] = self._lies.get(trading_pair, 0.0) + step
            if self._lies[trading_pair] > self.longest_lie:
                self.longest_lie, self.worst_pair = self._lies[trading_pair], trading_pair

    def _is_right(self, trading_pair: str, order_book: OrderBook) -> bool:
        book = self._exchange.engine.books[symbol_of(trading_pair)]
        best = [next(order_book.bid_entries(), None), next(order_book.ask_entries(), None)]
        return [row and (row.price, row.amount) for row in best] == [
            level and (float(level.price), float(level.total)) for level in (book.bids.best(), book.asks.best())]
