import random
import time
from test.integration.book_traffic import (
    PAIRS,
    Traffic,
    Watch,
    exchange_levels,
    is_up_to_date,
    market_data,
    served_levels,
    symbol_of,
    until,
)
from typing import Callable, List

import pytest

from hummingbot.connector.exchange.valr import valr_order_book
from hummingbot.connector.exchange.valr.valr_trade_feed import ValrTradeFeed
from hummingbot.connector.exchange.valr.valr_trade_socket import ValrTradeSocket
from hummingbot_valr.simulator import ValrSimulator

FRAMES = 20_000
RATE = 1_500.0  # a second
FRAME_FAULTS = ("gap", "repeat", "swap", "corrupt_checksum", "wrong_content")


class Saboteur:
    """Does everything that can go wrong with market data, at random."""

    INTERVAL = 0.1  # seconds between two faults

    def __init__(self, exchange: ValrSimulator, seed: int):
        self.done: List[str] = []
        self._exchange = exchange
        self._books = exchange.faults.books
        self._random = random.Random(f"saboteur-{seed}")
        self._next = time.perf_counter() + 0.5
        self._next_connection_fault = time.perf_counter() + 2.0
        self._acts = {
            **{name: self._fault_of_a_frame(name) for name in FRAME_FAULTS},
            "missing snapshot": self._miss_snapshot,
            "repeated snapshot": self._repeat_snapshot,
            "delayed snapshots": self._delay_snapshots,
            "unasked snapshot": self._send_snapshot,
            "re-subscription without a snapshot": self._toggle_resubscription,
            "refused pair": self._refuse_pair,
        }
        self._connection_acts = {
            "close 1000": lambda: exchange.faults.drop_sockets("trade", 1000),
            "close 1006": lambda: exchange.faults.drop_sockets("trade", 1006),
            "close 1012": lambda: exchange.faults.drop_sockets("trade", 1012),
            "silence": lambda: exchange.faults.silence_sockets("trade"),
            "15 minutes": lambda: exchange.clock.advance(900),
        }

        self.repertoire = {*self._acts, *self._connection_acts}

    def act(self):
        """To be called often."""
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + self.INTERVAL
            weights = [10 if name in FRAME_FAULTS else 2 for name in self._acts]
            name, = self._random.choices(list(self._acts), weights)
            self._acts[name]()
            self.done.append(name)
        if now >= self._next_connection_fault and self._connection_acts:
            # Each of them once, in random order.
            self._next_connection_fault = now + 2.5
            name = self._random.choice(list(self._connection_acts))
            self._connection_acts.pop(name)()
            self.done.append(name)

    def stop(self):
        """Nothing goes wrong any more."""
        self._books.clear()
        self._books.refused_pairs.clear()
        self._books.missing_snapshots = self._books.repeated_snapshots = 0
        self._books.snapshot_delay = (0.0, 0.0)

    def falsify_all(self):
        """The next frame of every pair has a wrong content, and the mending of one pair mends no other."""
        self._books.snapshot_on_resubscribe = False
        for pair in PAIRS:
            self._books.next("wrong_content", key=symbol_of(pair))

    def _symbol(self) -> str:
        return symbol_of(self._random.choice(PAIRS))

    def _fault_of_a_frame(self, name: str) -> Callable[[], None]:
        return lambda: self._books.next(name, key=self._symbol())

    def _miss_snapshot(self):
        self._books.missing_snapshots = 1

    def _repeat_snapshot(self):
        self._books.repeated_snapshots = 3

    def _delay_snapshots(self):
        self._books.snapshot_delay = self._random.choice(((0.0, 0.0), (0.0, 0.2)))

    def _send_snapshot(self):
        self._exchange.trade_hub.send_snapshot(self._symbol())

    def _toggle_resubscription(self):
        self._books.snapshot_on_resubscribe = not self._books.snapshot_on_resubscribe

    def _refuse_pair(self):
        refused = self._books.refused_pairs
        refused.clear() if refused else refused.add(self._symbol())


async def run_with_all_faults(monkeypatch, is_signed: bool, seed: int = 1) -> Watch:
    """
    Lets the exchange change 20 books 20,000 times while everything goes wrong, and then come to rest.

    :raises AssertionError: when a wrong best price is served as verified for a second, or a book is wrong in the end
    """
    monkeypatch.setattr(ValrTradeSocket, "FALLBACK_MIN_DELAY", 2.0)
    monkeypatch.setattr(ValrTradeFeed, "STABLE_AGE", 1.0)
    async with ValrSimulator(seed=seed, market=False) as exchange:
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)
        traffic = Traffic(exchange, PAIRS, seed)
        saboteur = Saboteur(exchange, seed)
        async with market_data(exchange, PAIRS, is_signed) as connector:
            await until(lambda: connector.ready)
            watch = Watch(exchange, connector)

            def on_step():
                saboteur.act()
                watch.look()
                assert watch.longest_lie < 1.0, f"{watch.worst_pair} is wrong and said to be verified"

            await traffic.run(FRAMES, RATE, on_step)
            saboteur.stop()
            await until(lambda: connector.market_data.books_verified, seconds=30)
            saboteur.falsify_all()
            traffic.change_each()
            traffic.change_each()
            await until(lambda: all(is_up_to_date(exchange, connector, pair) for pair in PAIRS), seconds=30)
            for pair in PAIRS:
                assert served_levels(connector.order_books[pair]) == exchange_levels(exchange, pair), \
                    f"{pair} is wrong in the end"
            assert connector.market_data.books_verified
            assert set(saboteur.done) == saboteur.repertoire
    return watch


@pytest.mark.parametrize("is_signed", [True, False])
async def test_books_are_right_or_say_that_they_are_not(monkeypatch, is_signed):
    watch = await run_with_all_faults(monkeypatch, is_signed)

    assert watch.unverified_looks > 0
    assert watch.verified_looks > 5_000


class AnyChecksum(int):
    """Agrees with every checksum."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


async def test_the_same_fails_without_the_checksum(monkeypatch):
    monkeypatch.setattr(valr_order_book, "crc32", lambda text: AnyChecksum())
    with pytest.raises(AssertionError, match="is wrong"):
        await run_with_all_faults(monkeypatch, is_signed=True)
