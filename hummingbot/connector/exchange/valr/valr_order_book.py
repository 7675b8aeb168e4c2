"""
VALR's verified order book feed, without any I/O: every frame is checked against its sequence number and its CRC32
before anybody may use it.
"""
from bisect import bisect_left
from dataclasses import dataclass
from enum import Enum
from itertools import chain, zip_longest
from typing import Any, Dict, List, Optional, Tuple, Union
from zlib import crc32

from hummingbot.connector.exchange.valr.valr_errors import one_line
from hummingbot.core.data_type.order_book_row import OrderBookRow

# The checksum covers the best 25 levels of each side (VALR documentation; 1,128 of 1,128 captured frames agree).
CHECKSUM_DEPTH = 25
_BEST_LEVELS = slice(None, -CHECKSUM_DEPTH - 1, -1)  # those that count, best first, of a list with the best last

# Hummingbot keeps sequence numbers in 64 bits.
_MAX_UPDATE_ID = 2 ** 62

# OrderBookRow's own constructor takes twice as long, and every level of every frame needs one.
_new_row = tuple.__new__


class FaultKind(Enum):
    GAP = "sequence gap"
    CHECKSUM = "checksum"
    STALE = "outdated snapshot"
    CROSSED = "crossed book"
    MALFORMED = "malformed frame"


@dataclass(frozen=True, slots=True)
class BookFault:
    """The book is not known to be right any more; only a new snapshot makes it so."""
    kind: FaultKind
    text: str


# Verified bids and asks, best level first in a snapshot, and their sequence number: what the methods of Hummingbot's
# OrderBook take. In a diff a row holds the new total in base units at its price, zero where the level is gone.
BookRows = Tuple[List[OrderBookRow], List[OrderBookRow], int]


class _Side:
    """
    One side of a book in the spelling of the wire, because the checksum is taken over that spelling. Best level last:
    most changes are near the best price, and the end of a list is the cheap place for them.
    """

    __slots__ = ("sign", "keys", "texts", "parts", "places", "is_deep")

    def __init__(self, sign: float, parts: List[str], places: slice):
        """
        :param sign: 1 for bids, -1 for asks: keys rise towards the best level
        :param parts: the elements of the text under the checksum, for a book that has enough levels on both sides
        :param places: which of the elements are those of this side
        """
        self.sign = sign
        self.keys: List[float] = []
        self.texts: List[str] = []  # "price:quantity" of the key at the same index
        self.parts = parts
        self.places = places
        self.is_deep = False  # has enough levels for its part of the checksum

    def clear(self) -> None:
        self.keys.clear()
        self.texts.clear()
        self.is_deep = False

    def apply(self, levels: List[List[str]], update_id: int) -> List[OrderBookRow]:
        """
        :param levels: [price, new total quantity] in the wire's spelling
        :return: the same as Hummingbot's rows
        :raises ValueError, TypeError: when a level is not a pair of numbers in text form
        """
        keys = self.keys
        texts = self.texts
        sign = self.sign
        rows = []
        for level in levels:
            price_text, quantity_text = level
            price = float(price_text)
            quantity = float(quantity_text)
            if not price > 0.0 <= quantity:
                raise ValueError(f"level {level}")
            key = price * sign
            index = bisect_left(keys, key)
            if index < len(keys) and keys[index] == key:
                if quantity:
                    texts[index] = ":".join(level)
                else:
                    del keys[index], texts[index]
            elif quantity:
                keys.insert(index, key)
                texts.insert(index, ":".join(level))
            rows.append(_new_row(OrderBookRow, (price, quantity, update_id)))
        self.is_deep = len(texts) >= CHECKSUM_DEPTH
        if self.is_deep:
            self.parts[self.places] = texts[_BEST_LEVELS]
        return rows

    def rows(self, update_id: int) -> List[OrderBookRow]:
        levels = [text.split(":") for text in reversed(self.texts)]
        return [OrderBookRow(float(price), float(quantity), update_id) for price, quantity in levels]


class ValrOrderBook:
    """
    The order book of one pair on one connection. `apply_snapshot` and `apply_diff` take the `d` object of an
    OB_L1_SNAPSHOT or OB_L1_DIFF frame: `sq` sequence, `cs` unsigned CRC32, `a` asks and `b` bids as [price, quantity]
    texts. After a fault the book takes no diff until a snapshot has replaced it.
    """

    def __init__(self) -> None:
        self._parts = [""] * (2 * CHECKSUM_DEPTH)
        self._bids = _Side(1.0, self._parts, slice(0, None, 2))
        self._asks = _Side(-1.0, self._parts, slice(1, None, 2))
        self._expected: Optional[int] = None  # sequence of the next diff; None while there is no snapshot
        self._update_id = 0  # of the last frame before the snapshot was lost
        self._newest_update_id = 0  # of all frames that came while there was no snapshot
        self._checksum = 0

    @property
    def is_synchronized(self) -> bool:
        return self._expected is not None

    @property
    def update_id(self) -> int:
        """Sequence number of the last verified frame."""
        return self._update_id if self._expected is None else self._expected - 1

    def apply_snapshot(self, data: Dict[str, Any]) -> Union[BookRows, BookFault]:
        """
        Replaces the book. VALR sends one per subscription, and whether a repeated subscription brings another is not
        known, so a snapshot is welcome at any time, unless it is older than what this connection has seen: the book
        would then go back in time and, on a quiet pair, stay there.
        """
        try:
            update_id = data["sq"]
        except (KeyError, TypeError) as error:
            return self._fault(FaultKind.MALFORMED, repr(error))
        if not is_update_id(update_id):
            return self._fault(FaultKind.MALFORMED, f"snapshot {update_id}")
        newest = max(self.update_id, self._newest_update_id)
        if update_id < newest:
            return self._fault(FaultKind.STALE, f"snapshot {update_id} after frame {newest}")
        self._bids.clear()
        self._asks.clear()
        self._expected = update_id
        fault = self.apply_diff(data)
        return fault if isinstance(fault, BookFault) else self.rows()

    def apply_diff(self, data: Dict[str, Any]) -> Union[BookRows, BookFault, None]:
        """
        :return: the verified changes; None when there is nothing to do, because the book waits for its snapshot or the
            frame repeats the one before
        """
        try:
            update_id = self._expected
            if update_id is None or data["sq"] != update_id:
                return self._out_of_sequence(data["sq"], data["cs"])
            bids = data["b"] or []
            if bids:
                bids = self._bids.apply(bids, update_id)
            asks = data["a"] or []
            if asks:
                asks = self._asks.apply(asks, update_id)
            checksum = data["cs"]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            return self._fault(FaultKind.MALFORMED, repr(error)) if self.is_synchronized else None
        if self._bids.is_deep and self._asks.is_deep:
            self._checksum = crc32(":".join(self._parts).encode())
            is_crossed = self._bids.keys[-1] + self._asks.keys[-1] >= 0.0
        else:
            self._checksum = self._checksum_of_short_book()
            is_crossed = bool(self._bids.keys and self._asks.keys
                              and self._bids.keys[-1] + self._asks.keys[-1] >= 0.0)
        if self._checksum != checksum:
            return self._fault(FaultKind.CHECKSUM, f"{checksum} in frame {update_id}, {self._checksum} of the book")
        # Hummingbot's OrderBook silently drops levels of a crossed book, and would differ from VALR's from then on.
        if is_crossed:
            return self._fault(FaultKind.CROSSED, f"bid {self._bids.texts[-1]} meets ask {self._asks.texts[-1]}")
        self._expected = update_id + 1
        return bids, asks, update_id

    def rows(self) -> BookRows:
        """The whole book as it is now."""
        return self._bids.rows(self.update_id), self._asks.rows(self.update_id), self.update_id

    def invalidate(self) -> None:
        """Takes no diff until the next snapshot."""
        self._update_id = self.update_id
        self._expected = None

    def _checksum_of_short_book(self) -> int:
        levels = zip_longest(self._bids.texts[_BEST_LEVELS], self._asks.texts[_BEST_LEVELS])
        return crc32(":".join(filter(None, chain.from_iterable(levels))).encode())

    def _out_of_sequence(self, update_id: int, checksum: int) -> Optional[BookFault]:
        if self._expected is None:
            if is_update_id(update_id):
                self._newest_update_id = max(update_id, self._newest_update_id)
            return None
        if update_id == self.update_id and checksum == self._checksum:
            return None
        return self._fault(FaultKind.GAP, f"frame {update_id} after {self.update_id}")

    def _fault(self, kind: FaultKind, text: str) -> BookFault:
        self.invalidate()
        return BookFault(kind, one_line(f"{kind.value}: {text}"))


def is_update_id(number: Any) -> bool:
    return type(number) is int and 0 <= number < _MAX_UPDATE_ID
