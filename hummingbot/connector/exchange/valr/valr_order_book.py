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

from hummingbot.core.data_type.order_book_row import OrderBookRow

# The checksum covers the best 25 levels of each side (VALR documentation; 1,128 of 1,128 captured frames agree).
CHECKSUM_DEPTH = 25

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

    __slots__ = ("sign", "keys", "texts", "best")

    def __init__(self, sign: float):
        self.sign = sign  # 1 for bids, -1 for asks: keys rise towards the best level
        self.keys: List[float] = []
        self.texts: List[str] = []  # "price:quantity" of the key at the same index
        self.best: List[str] = []  # the texts of the levels under the checksum, best first

    def clear(self):
        self.keys.clear()
        self.texts.clear()
        self.best.clear()

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
        self.best = texts[:-CHECKSUM_DEPTH - 1:-1]
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

    def __init__(self):
        self.is_synchronized = False
        self._bids = _Side(sign=1.0)
        self._asks = _Side(sign=-1.0)
        self._update_id = 0
        self._checksum = 0
        self._snapshot_update_id = 0
        self._skipped_update_id = 0  # of the last diff that came while there was no snapshot
        self._parts = [""] * (2 * CHECKSUM_DEPTH)

    def apply_snapshot(self, data: Dict[str, Any]) -> Union[BookRows, BookFault]:
        """
        Replaces the book. VALR sends one per subscription, and whether a repeated subscription brings another is not
        known, so a snapshot is welcome at any time, unless it is older than what this connection has seen: the book
        would then go back in time and, on a quiet pair, stay there.
        """
        try:
            update_id = data["sq"]
            newest = max(self._update_id, self._skipped_update_id)
            if update_id < newest:
                return self._fault(FaultKind.STALE, f"snapshot {update_id} after frame {newest}")
        except (KeyError, TypeError) as error:
            return self._malformed(error)
        self._bids.clear()
        self._asks.clear()
        self._snapshot_update_id = update_id
        self._update_id = update_id - 1
        self.is_synchronized = True
        fault = self.apply_diff(data)
        return fault if isinstance(fault, BookFault) else self.rows()

    def apply_diff(self, data: Dict[str, Any]) -> Union[BookRows, BookFault, None]:
        """
        :return: the verified changes; None when there is nothing to do, because the book waits for its snapshot or the
            frame repeats the one before
        """
        try:
            update_id = data["sq"]
            if not self.is_synchronized:
                self._skipped_update_id = max(update_id, self._skipped_update_id)
                return None
            if update_id != self._update_id + 1:
                return self._out_of_sequence(update_id, data["cs"])
            self._update_id = update_id
            bids = self._bids.apply(data["b"], update_id) if data["b"] else []
            asks = self._asks.apply(data["a"], update_id) if data["a"] else []
            checksum = data["cs"]
        except (KeyError, TypeError, ValueError) as error:
            return self._malformed(error) if self.is_synchronized else None
        best_bids = self._bids.best
        best_asks = self._asks.best
        if len(best_bids) == len(best_asks) == CHECKSUM_DEPTH:
            parts = self._parts
            parts[::2] = best_bids
            parts[1::2] = best_asks
        else:
            parts = filter(None, chain.from_iterable(zip_longest(best_bids, best_asks)))
        self._checksum = crc32(":".join(parts).encode())
        if self._checksum != checksum:
            return self._fault(FaultKind.CHECKSUM, f"{checksum} in frame {update_id}, {self._checksum} of the book")
        # Hummingbot's OrderBook silently drops levels of a crossed book, and would differ from VALR's from then on.
        if best_bids and best_asks and self._bids.keys[-1] + self._asks.keys[-1] >= 0.0:
            return self._fault(FaultKind.CROSSED, f"bid {best_bids[0]} meets ask {best_asks[0]}")
        return bids, asks, update_id

    def rows(self) -> BookRows:
        """The whole book as it is now."""
        return self._bids.rows(self._update_id), self._asks.rows(self._update_id), self._update_id

    @property
    def age(self) -> int:
        """How many verified diffs followed the snapshot."""
        return self._update_id - self._snapshot_update_id

    def invalidate(self):
        """Takes no diff until the next snapshot."""
        self.is_synchronized = False

    def _out_of_sequence(self, update_id: int, checksum: int) -> Optional[BookFault]:
        if update_id == self._update_id and checksum == self._checksum:
            return None
        return self._fault(FaultKind.GAP, f"frame {update_id} after {self._update_id}")

    def _malformed(self, error: Exception) -> BookFault:
        return self._fault(FaultKind.MALFORMED, f"{type(error).__name__} {error}")

    def _fault(self, kind: FaultKind, text: str) -> BookFault:
        self.is_synchronized = False
        return BookFault(kind, f"{kind.value}: {text}")
