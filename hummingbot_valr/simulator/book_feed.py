"""OB_L1 frames of one pair: snapshots and diffs with sequence number and checksum."""
import random
from decimal import Decimal
from typing import Dict, List, Tuple

from .book import Book, Level
from .money import plain

Entries = List[Tuple[str, str]]


class BookFeed:
    """
    The socket's view of a book. `sequence` rises by one with every frame that changes the book; it has nothing to do
    with the sequence number of REST books.
    """

    def __init__(self, book: Book, sequence: int):
        self.book = book
        self.sequence = sequence

    def snapshot(self) -> str:
        """All levels as they are now."""
        return self._frame("OB_L1_SNAPSHOT", _json(list(self.book.asks)), _json(list(self.book.bids)))

    def truncated(self, depth: int) -> str:
        """The best `depth` levels a side, without sequence and checksum."""
        book = self.book
        return (f'{{"type":"OB_L1_D{depth}_SNAPSHOT","ps":"{book.pair.symbol}","d":{{"lc":{book.last_change_ms},'
                f'"a":[{_json(book.asks.top(depth))}],"b":[{_json(book.bids.top(depth))}]}}}}')

    def take_changes(self) -> Tuple[List[Level], List[Level]]:
        """(asks, bids) changed since the last call, which counts as the next frame even if nobody gets it."""
        self.sequence += 1
        return self.book.asks.take_changes(), self.book.bids.take_changes()

    def diff(self, asks: List[Level], bids: List[Level]) -> str:
        """The changed levels with their new totals, "0" for those that are gone."""
        return self._frame("OB_L1_DIFF", _json(asks), _json(bids))

    def falsified(self, kind: str, asks: List[Level], bids: List[Level], generator: random.Random) -> str:
        """
        The frame of `asks` and `bids` with the checksum of the right book and one wrong level at the top of it: a wrong
        quantity, a level left out, or a level that does not exist.
        """
        is_bid = generator.random() < 0.5
        side = self.book.bids if is_bid else self.book.asks
        entries: Dict[Decimal, str] = {level.price: plain(level.total) for level in (bids if is_bid else asks)}
        best = side.best()
        choice = generator.choice(("quantity", "missing", "invented"))
        if best is None or choice == "invented":
            middle = best.price if best else self.book.pair.reference_price
            step = self.book.pair.tick * generator.randint(1, 5)
            price = middle + (step if is_bid else -step)
            entries[price if price > 0 else middle + step] = plain(self.book.pair.min_base * generator.randint(1, 9))
        elif choice == "quantity":
            surplus = Decimal(generator.randint(1, 9)).scaleb(-self.book.pair.base_decimals)
            entries[best.price] = plain(best.total + surplus)
        elif kind == "OB_L1_SNAPSHOT":
            del entries[best.price]
        else:
            entries[best.price] = "0"
        wrong = ",".join(f'["{plain(price)}","{entries[price]}"]' for price in sorted(entries, reverse=is_bid))
        return self._frame(kind, _json(asks) if is_bid else wrong, wrong if is_bid else _json(bids))

    def with_wrong_checksum(self, kind: str, asks: List[Level], bids: List[Level]) -> str:
        return self._frame(kind, _json(asks), _json(bids), disturbance=1)

    def _frame(self, kind: str, asks: str, bids: str, disturbance: int = 0) -> str:
        book = self.book
        return (f'{{"type":"{kind}","ps":"{book.pair.symbol}","d":{{"lc":{book.last_change_ms},"a":[{asks}],'
                f'"b":[{bids}],"sq":{self.sequence},"cs":{book.checksum() ^ disturbance}}}}}')


def _json(levels: List[Level]) -> str:
    return ",".join([level.entry for level in levels])
