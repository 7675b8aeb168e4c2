"""Candles and 24-hour statistics, from the trades of the engine."""
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, List, Optional

from sortedcontainers import SortedDict

from .book import Book
from .clock import SimulatedClock
from .engine import Engine
from .events import Batch
from .money import EXACT, ZERO, iso, iso_seconds, plain

PERIODS = (60, 300, 900, 1800, 3600, 21600, 86400)
MOST_BUCKETS = 300
_DAY = 86400


@dataclass(slots=True)
class Candle:
    """Prices in quote, `volume` in base, `quote_volume` in quote."""
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO

    def absorb(self, later: "Candle") -> None:
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume = EXACT.add(self.volume, later.volume)
        self.quote_volume = EXACT.add(self.quote_volume, later.quote_volume)

    def row(self, symbol: str, period: int, start: int) -> Dict[str, Any]:
        """A row of the buckets route and the data of NEW_TRADE_BUCKET."""
        return {"currencyPairSymbol": symbol, "bucketPeriodInSeconds": period, "startTime": iso_seconds(start),
                "open": plain(self.open), "high": plain(self.high), "low": plain(self.low), "close": plain(self.close),
                "volume": plain(self.volume), "quoteVolume": plain(self.quote_volume)}


class Candles:
    """One-minute candles of every pair; longer ones are built from them."""

    def __init__(self, engine: Engine, clock: SimulatedClock):
        self._engine = engine
        self._clock = clock
        self._minutes: Dict[str, SortedDict] = {}
        engine.listeners.append(self._on_batch)

    def add(self, symbol: str, start: int, candle: Candle) -> None:
        """Adds to the minute that begins at `start` (epoch seconds)."""
        minutes = self._minutes.setdefault(symbol, SortedDict())
        known = minutes.get(start)
        if known is None:
            minutes[start] = candle
        else:
            known.absorb(candle)

    def buckets(self, symbol: str, period: int, start: int, end: int, include_empty: bool) -> List[Dict[str, Any]]:
        """
        Rows of the buckets that overlap `start`..`end` (epoch seconds), newest first: the oldest may begin before
        `start`, none begins in the future.
        """
        end = min(end, int(self._clock.now()))
        first = start // period * period
        rows: Dict[int, Candle] = {}
        minutes = self._minutes.get(symbol, SortedDict())
        for minute in minutes.irange(first, end // period * period + period - 60):
            bucket, candle = minute // period * period, minutes[minute]
            if bucket in rows:
                rows[bucket].absorb(candle)
            else:
                rows[bucket] = Candle(candle.open, candle.high, candle.low, candle.close, candle.volume,
                                      candle.quote_volume)
        if include_empty:
            rows = self._with_empty(symbol, rows, period, first, end)
        return [rows[bucket].row(symbol, period, bucket) for bucket in sorted(rows, reverse=True)]

    def finished_minute(self, symbol: str) -> Optional[Dict[str, Any]]:
        """The row of the minute before the current one, empty if it had no trade; None before the first trade."""
        start = int(self._clock.now()) // 60 * 60 - 60
        rows = self.buckets(symbol, 60, start, start, include_empty=True)
        return rows[0] if rows else None

    def summary(self, book: Book) -> Dict[str, Any]:
        """The market summary of a pair, without the pair's name."""
        symbol, now = book.pair.symbol, self._clock.now()
        minutes = self._minutes.get(symbol, SortedDict())
        day: Optional[Candle] = None
        for minute in minutes.irange(int(now) - _DAY, int(now)):
            candle = minutes[minute]
            if day is None:
                day = Candle(candle.open, candle.high, candle.low, candle.close, candle.volume, candle.quote_volume)
            else:
                day.absorb(candle)
        last = book.last_price or self._close_before(symbol, int(now)) or ZERO
        day = day or Candle(last, last, last, last)
        previous = self._close_before(symbol, int(now) - _DAY) or day.open
        ask, bid = book.asks.best(), book.bids.best()
        change = (last - previous) * 100 / previous if previous else ZERO
        return {"askPrice": ask.price_text if ask else "0", "bidPrice": bid.price_text if bid else "0",
                "lastTradedPrice": plain(last), "previousClosePrice": plain(previous), "baseVolume": plain(day.volume),
                "quoteVolume": plain(day.quote_volume), "highPrice": plain(day.high), "lowPrice": plain(day.low),
                "created": iso(int(now * 1000)), "changeFromPrevious": plain(change.quantize(Decimal("0.01"))),
                "markPrice": plain(mark_price(book))}

    def _on_batch(self, batch: Batch) -> None:
        for trade in batch.trades:
            total = EXACT.multiply(trade.price, trade.quantity)
            self.add(trade.pair.symbol, trade.at_ms // 60_000 * 60,
                     Candle(trade.price, trade.price, trade.price, trade.price, trade.quantity, total))

    def _with_empty(self, symbol: str, rows: Dict[int, Candle], period: int, first: int, end: int) -> Dict[int, Candle]:
        close = self._close_before(symbol, first)
        complete: Dict[int, Candle] = {}
        for bucket in range(first, end + 1, period):
            candle = rows.get(bucket)
            if candle is not None:
                close = candle.close
            elif close is not None:
                candle = Candle(close, close, close, close)
            if candle is not None:
                complete[bucket] = candle
        return complete

    def _close_before(self, symbol: str, moment: int) -> Optional[Decimal]:
        minutes = self._minutes.get(symbol)
        if not minutes:
            return None
        index = minutes.bisect_left(moment)
        return minutes.peekitem(index - 1)[1].close if index else None


def mark_price(book: Book) -> Decimal:
    """The middle of the book on the tick, the last price of a one-sided book, zero without either."""
    ask, bid = book.asks.best(), book.bids.best()
    if ask and bid:
        middle = (ask.price + bid.price) / 2
        return middle - middle % book.pair.tick
    return book.last_price or ZERO
