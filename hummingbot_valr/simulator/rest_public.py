"""REST routes of market data: public ones, and the signed ones with the shorter cache."""
from typing import Callable, Dict, List

from . import wire
from .book import Book
from .candles import MOST_BUCKETS, PERIODS, Candles
from .catalogue import Pair
from .clock import SimulatedClock
from .engine import Engine
from .faults import Faults
from .gate import Call, Reply, Route
from .money import iso_seconds
from .rules import Rejected, invalid
from .tape import Tape


class PublicRoutes:
    """Market data, straight from the engine."""

    def __init__(self, engine: Engine, clock: SimulatedClock, faults: Faults, candles: Candles, tape: Tape):
        self._engine = engine
        self._clock = clock
        self._faults = faults
        self._candles = candles
        self._tape = tape

    def routes(self) -> List[Route]:
        def public(path: str, handler: Callable[[Call], Reply], cache: int = 0) -> Route:
            return Route("GET", path, handler, permission=None, cache=cache)

        return [
            public("/v1/public/time", self.time),
            public("/v1/public/status", self.status),
            public("/v2/healthz", self.health),
            public("/v1/public/pairs", self.pairs, cache=60),
            public("/v1/public/pairs/{kind}", self.pairs, cache=60),
            public("/v1/public/currencies", self.currencies, cache=60),
            public("/v1/public/ordertypes", self.order_types, cache=60),
            public("/v1/public/marketsummary", self.summaries, cache=5),
            public("/v1/public/{pair}/marketsummary", self.summary, cache=5),
            public("/v1/public/{pair}/ordertypes", self.order_types_of_pair, cache=60),
            public("/v1/public/{pair}/orderbook", self.book, cache=30),
            public("/v1/public/{pair}/orderbook/full", self.full_book, cache=30),
            public("/v1/public/{pair}/trades", self.trades, cache=30),
            public("/v1/public/{pair}/buckets", self.buckets),
            Route("GET", "/v1/marketdata/{pair}/orderbook", self.book, cache=1),
            Route("GET", "/v1/marketdata/{pair}/orderbook/full", self.full_book, cache=1),
            Route("GET", "/v1/marketdata/{pair}/tradehistory", self.trades, cache=1),
        ]

    def time(self, call: Call) -> Reply:
        now = self._clock.now()
        nanoseconds = int(now % 1 * 1_000_000_000)
        return Reply(body={"epochTime": int(now), "time": f"{iso_seconds(int(now))[:-1]}.{nanoseconds:09d}Z"})

    def status(self, call: Call) -> Reply:
        return Reply(body={"status": "read-only" if self._faults.read_only else "online"})

    def health(self, call: Call) -> Reply:
        return Reply(200)

    def pairs(self, call: Call) -> Reply:
        kind = call.params.get("kind")
        if kind not in (None, "SPOT", "FUTURE"):
            raise invalid("the type of a pair is SPOT or FUTURE")
        return Reply(body=[pair.row() for pair in self._engine.pairs.values() if kind in (None, pair.kind)])

    def currencies(self, call: Call) -> Reply:
        return Reply(body=[currency.rest_row() for currency in self._engine.currencies.values()])

    def order_types(self, call: Call) -> Reply:
        inactive_too = call.flag("includeInactivePairs", default=True)
        return Reply(body=[{"currencyPair": pair.symbol, "orderTypes": pair.order_types}
                           for pair in self._engine.pairs.values() if pair.active or inactive_too])

    def order_types_of_pair(self, call: Call) -> Reply:
        return Reply(body=self._pair(call).order_types)

    def summaries(self, call: Call) -> Reply:
        return Reply(body=[self._summary(book) for book in self._engine.books.values() if book.pair.active])

    def summary(self, call: Call) -> Reply:
        pair = self._pair(call)
        if not pair.active:
            raise Rejected(-111, "Market summary not found", status=404)
        return Reply(body=self._summary(self._engine.books[pair.symbol]))

    def book(self, call: Call) -> Reply:
        return Reply(body=wire.aggregated_book(self._engine.books[self._pair(call).symbol]))

    def full_book(self, call: Call) -> Reply:
        return Reply(body=wire.full_book(self._engine.books[self._pair(call).symbol]))

    def trades(self, call: Call) -> Reply:
        start, end = call.period()
        trades = (trade for trade in reversed(self._tape.trades(self._pair(call).symbol))
                  if start <= trade.at_ms / 1000 <= end)
        return Reply(body=[wire.public_trade(trade) for trade in call.page(trades, lambda trade: trade.trade_id)])

    def buckets(self, call: Call) -> Reply:
        pair = self._pair(call)
        period = call.number("periodSeconds", 60, max(PERIODS))
        if period not in PERIODS:
            raise invalid(f"periodSeconds is one of {', '.join(map(str, PERIODS))}")
        end = call.number("endTime", int(self._clock.now()), 10**11)
        start = call.number("startTime", max(0, end - (MOST_BUCKETS - 1) * period), 10**11)
        if start > end or (end - start) / period > MOST_BUCKETS:
            raise invalid(f"startTime is before endTime and at most {MOST_BUCKETS} buckets away from it")
        skip, limit = call.number("skip", 0, 10**9), call.number("limit", MOST_BUCKETS, MOST_BUCKETS)
        rows = self._candles.buckets(pair.symbol, period, start, end, include_empty=call.flag("includeEmpty"))
        return Reply(body=rows[skip:skip + limit])

    def _pair(self, call: Call) -> Pair:
        pair = self._engine.pairs.get(call.params["pair"])
        if pair is None:
            raise Rejected(-21, "Unsupported Currency Pair")
        return pair

    def _summary(self, book: Book) -> Dict[str, str]:
        return {"currencyPair": book.pair.symbol, **self._candles.summary(book)}
