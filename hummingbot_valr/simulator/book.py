"""The order book of one pair: price levels in price-time priority, and what changed since the last frame."""
import zlib
from decimal import Decimal
from itertools import islice, zip_longest
from typing import Dict, Iterator, List, Optional, Tuple

from sortedcontainers import SortedDict

from .catalogue import Pair
from .money import ZERO, plain
from .orders import Order

CHECKSUM_DEPTH = 25


class Level:
    """All orders at one price, first come first served."""

    __slots__ = ("price", "price_text", "total", "orders", "_texts")

    def __init__(self, price: Decimal):
        self.price = price
        self.price_text = plain(price)
        self.total = ZERO
        self.orders: Dict[str, Order] = {}
        self._texts: Optional[Tuple[str, str]] = None

    def change(self, quantity: Decimal) -> None:
        self.total += quantity
        self._texts = None

    @property
    def entry(self) -> str:
        """`["price","quantity"]`, the JSON of the level in a book frame."""
        return self._spelling()[0]

    @property
    def element(self) -> str:
        """`price:quantity`, the level in the text under the checksum."""
        return self._spelling()[1]

    def _spelling(self) -> Tuple[str, str]:
        # The same level is written into many frames; its spelling changes only with its quantity.
        if self._texts is None:
            quantity = plain(self.total)
            self._texts = f'["{self.price_text}","{quantity}"]', f"{self.price_text}:{quantity}"
        return self._texts


class BookSide:
    """One side of a book, best price first."""

    def __init__(self, is_bid: bool):
        self.is_bid = is_bid
        self._sign = -1 if is_bid else 1
        self._levels: SortedDict = SortedDict()
        self._changed: Dict[Decimal, Level] = {}

    def __len__(self) -> int:
        return len(self._levels)

    def __iter__(self) -> Iterator[Level]:
        return iter(self._levels.values())

    def best(self) -> Optional[Level]:
        return self._levels.peekitem(0)[1] if self._levels else None

    def add(self, order: Order) -> None:
        key = order.price * self._sign
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = Level(order.price)
        level.orders[order.order_id] = order
        level.change(order.remaining)
        self._changed[key] = level

    def reduce(self, order: Order, quantity: Decimal) -> None:
        """Takes `quantity` off a resting order that was filled or cancelled; `order.remaining` is already reduced."""
        key = order.price * self._sign
        level = self._levels[key]
        level.change(-quantity)
        self._changed[key] = level
        if not order.remaining or not order.is_open:
            del level.orders[order.order_id]
            if not level.orders:
                del self._levels[key]

    def take_changes(self) -> List[Level]:
        """Levels changed since the last call, best first; a level that is gone has a total of zero."""
        changed = [self._changed[key] for key in sorted(self._changed)]
        self._changed.clear()
        return changed

    def top(self, depth: int) -> List[Level]:
        return list(islice(self._levels.values(), depth))


class Book:
    """Both sides of one pair. `sequence` is the REST sequence number, which has nothing to do with the socket's."""

    def __init__(self, pair: Pair, sequence: int, now_ms: int):
        self.pair = pair
        self.bids = BookSide(is_bid=True)
        self.asks = BookSide(is_bid=False)
        self.sequence = sequence
        self.last_change_ms = now_ms
        self.last_price: Optional[Decimal] = None

    def side(self, side: str) -> BookSide:
        """The side on which an order with `side` ("buy"/"sell") rests."""
        return self.bids if side == "buy" else self.asks

    def opposite(self, side: str) -> BookSide:
        """The side an order with `side` ("buy"/"sell") trades against."""
        return self.asks if side == "buy" else self.bids

    def levels(self) -> Tuple[List[Tuple[Decimal, Decimal]], List[Tuple[Decimal, Decimal]]]:
        """(bids, asks), each a list of (price, quantity), best first."""
        return [(each.price, each.total) for each in self.bids], [(each.price, each.total) for each in self.asks]

    def checksum(self) -> int:
        """CRC32 of VALR's socket books: the best 25 levels interleaved, bid first, in the spelling of the wire."""
        return checksum(self.bids.top(CHECKSUM_DEPTH), self.asks.top(CHECKSUM_DEPTH))


def checksum(bids: List[Level], asks: List[Level]) -> int:
    """Unsigned CRC32 of `bid1:ask1:bid2:ask2…`, each element being `price:quantity`, missing elements left out."""
    elements = [level.element for couple in zip_longest(bids, asks) for level in couple if level is not None]
    return zlib.crc32(":".join(elements).encode())
