import random
import zlib
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import Dict, List, Optional, Tuple

Level = Tuple[str, str]  # price, quantity in wire spelling; quantity "0" deletes the level

CHECKSUM_DEPTH = 25


@dataclass(frozen=True)
class BookUpdate:
    """One step of a logical order book: the levels that changed, with their new total quantities."""

    sequence: int
    asks: List[Level]
    bids: List[Level]
    checksum: int  # VALR's CRC32 over the best 25 levels of each side after this update


class _Side:
    def __init__(self, is_bid: bool):
        self.sign = -1 if is_bid else 1
        self.ticks: List[int] = []  # price ticks times sign, best first
        self.quantities: List[str] = []

    def set(self, price: int, quantity: str):
        key = price * self.sign
        index = bisect_left(self.ticks, key)
        known = index < len(self.ticks) and self.ticks[index] == key
        if quantity == "0":
            if known:
                del self.ticks[index], self.quantities[index]
        elif known:
            self.quantities[index] = quantity
        else:
            self.ticks.insert(index, key)
            self.quantities.insert(index, quantity)

    def price(self, index: int) -> int:
        return self.ticks[index] * self.sign

    def levels(self, depth: Optional[int] = None) -> List[Level]:
        return [(str(tick * self.sign), quantity)
                for tick, quantity in zip(self.ticks[:depth], self.quantities[:depth])]


class BookStream:
    """
    A seeded walk of one order book, the same for every exchange of a comparison: a snapshot of `levels` levels a side,
    then `length` updates of one to three levels each, nine in ten of them near the top, as a liquid book has them.
    Prices are whole numbers, quantities have up to six decimals.
    """

    FIRST_SEQUENCE = 1_000_000

    def __init__(self, length: int, levels: int = 100, seed: int = 7):
        """
        :param length: number of updates after the snapshot
        :param levels: price levels on each side, kept at about this number
        """
        self._random = random.Random(seed)
        self._level_count = levels
        self._bids, self._asks = _Side(is_bid=True), _Side(is_bid=False)
        for side in (self._bids, self._asks):
            price = 1_800_000
            for _ in range(levels):
                price += side.sign * self._random.randint(1, 5)
                side.set(price, self._quantity())
        self.snapshot = BookUpdate(
            self.FIRST_SEQUENCE, self._asks.levels(), self._bids.levels(), self._checksum())
        self.updates = [self._update(self.FIRST_SEQUENCE + 1 + index) for index in range(length)]

    @property
    def last_sequence(self) -> int:
        return self.FIRST_SEQUENCE + len(self.updates)

    @cached_property
    def final_book(self) -> Tuple[List[Level], List[Level]]:
        """:return: bids and asks after the last update, best first"""
        return self._bids.levels(), self._asks.levels()

    def _quantity(self) -> str:
        scale = self._random.choice((1, 1, 10))
        return f"{self._random.randint(1, 400_000) * scale / 1e6:.6f}".rstrip("0").rstrip(".")

    def _update(self, sequence: int) -> BookUpdate:
        bids: Dict[str, str] = {}
        asks: Dict[str, str] = {}
        count = self._random.choices((1, 2, 3), weights=(50, 35, 15))[0]
        while len(bids) + len(asks) < count:
            side, changes, other = self._random.choice(
                ((self._bids, bids, self._asks), (self._asks, asks, self._bids)))
            price, quantity = self._change(side)
            crosses = price * side.sign <= other.price(0) * side.sign
            if not crosses and str(price) not in changes:
                changes[str(price)] = quantity
                side.set(price, quantity)
        return BookUpdate(sequence, list(asks.items()), list(bids.items()), self._checksum())

    def _change(self, side: _Side) -> Tuple[int, str]:
        count = len(side.ticks)
        near_top = self._random.random() < 0.9
        index = min(count - 1, int(self._random.expovariate(1 / 8))) if near_top else self._random.randrange(count)
        price = side.price(index)
        kind = self._random.random()
        if kind < 0.5:
            return price, self._quantity()
        if count > self._level_count + 5 or (kind < 0.75 and count > self._level_count - 5):
            return price, "0"
        return price + self._random.choice((-2, -1, 1, 2)), self._quantity()

    def _checksum(self) -> int:
        bids, asks = self._bids.levels(CHECKSUM_DEPTH), self._asks.levels(CHECKSUM_DEPTH)
        texts = []
        for index in range(CHECKSUM_DEPTH):
            texts += [":".join(levels[index]) for levels in (bids, asks) if index < len(levels)]
        return zlib.crc32(":".join(texts).encode())
