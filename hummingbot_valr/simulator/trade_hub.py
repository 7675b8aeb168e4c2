"""The trade socket: subscriptions, and public events to those who subscribed."""
import json
import random
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from . import wire
from .book import Book
from .book_feed import BookFeed
from .candles import Candles, mark_price
from .catalogue import Pair
from .clock import SimulatedClock, Timer
from .engine import Engine
from .events import Batch
from .faults import Faults
from .money import plain
from .socket import Socket

BOOK = "OB_L1_DIFF"
AGGREGATED = "AGGREGATED_ORDERBOOK_UPDATE"
TRADES = "NEW_TRADE"
BUCKETS = "NEW_TRADE_BUCKET"
SUMMARY = "MARKET_SUMMARY_UPDATE"
MARK_PRICE = "MARK_PRICE_UPDATE"
ORDER_TYPES = "ALLOWED_ORDER_TYPES_UPDATED"
TRUNCATED = {f"OB_L1_D{depth}_SNAPSHOT": depth for depth in (1, 5, 10, 20, 40, 80)}
_BOOK_EVENTS = {BOOK, AGGREGATED, *TRUNCATED}
_EVENTS = {*_BOOK_EVENTS, TRADES, BUCKETS, SUMMARY, MARK_PRICE, ORDER_TYPES}
_AGGREGATED_EVERY = 0.2
_SUMMARY_EVERY = 0.5
_MARK_PRICE_EVERY = 3.0


class TradeHub:
    """All trade sockets. A SUBSCRIBE replaces the pairs of its event; unknown pairs are answered by ERROR."""

    def __init__(self, engine: Engine, clock: SimulatedClock, faults: Faults, candles: Candles, seed: int):
        self.sockets: Set[Socket] = set()
        self._engine = engine
        self._clock = clock
        self._faults = faults
        self._candles = candles
        self._random = random.Random(f"feed-{seed}")
        self._feeds: Dict[str, BookFeed] = {}
        self._subscribers: Dict[str, Dict[str, Dict[Socket, None]]] = {event: {} for event in _EVENTS}
        self._swapped: Dict[str, str] = {}
        self._truncated: Dict[Tuple[str, str], str] = {}
        self._waiting: Dict[str, Set[str]] = {AGGREGATED: set(), SUMMARY: set()}
        self._timers: Dict[str, Timer] = {}
        engine.listeners.append(self._on_batch)
        engine.catalogue_listeners.append(self._on_catalogue)

    def feed(self, symbol: str) -> BookFeed:
        """The socket's view of a pair's book."""
        feed = self._feeds.get(symbol)
        if feed is None:
            feed = self._feeds[symbol] = BookFeed(self._engine.books[symbol], self._random.randrange(100_000, 10**9))
        return feed

    def add(self, socket: Socket) -> None:
        self.sockets.add(socket)
        if socket.is_signed:
            socket.send('{"type":"AUTHENTICATED"}')

    def remove(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        for event in list(socket.subscriptions):
            self._leave(socket, event, list(socket.subscriptions[event]))

    def handle(self, socket: Socket, text: str) -> None:
        """Answers one frame of a client."""
        try:
            message = json.loads(text)
            kind = message["type"]
        except (ValueError, RecursionError, TypeError, KeyError):
            socket.send(wire.INVALID_JSON)
            return
        if kind == "PING":
            subscribed = any(socket.subscriptions.values())
            socket.send('{"type":"PONG"}' if subscribed else '{"type":"PONG","message":"NO_SUBSCRIPTIONS"}')
        elif kind == "SUBSCRIBE" and isinstance(message.get("subscriptions"), list):
            for subscription in message["subscriptions"]:
                self._subscribe(socket, subscription)
        else:
            socket.send(wire.INVALID_MESSAGE)

    def send_snapshot(self, symbol: str) -> None:
        """Sends an unasked-for snapshot of a pair to all who subscribed to its book."""
        for socket in list(self._subscribers[BOOK].get(symbol, ())):
            self._send_snapshot(socket, symbol)

    # Subscriptions

    def _subscribe(self, socket: Socket, subscription: Any) -> None:
        event = subscription.get("event") if isinstance(subscription, dict) else None
        pairs = subscription.get("pairs") if isinstance(subscription, dict) else None
        if not isinstance(event, str) or not _is_list_of_pairs(pairs):
            socket.send(wire.INVALID_MESSAGE)
            return
        if pairs is None:
            pairs = [symbol for symbol, pair in self._engine.pairs.items() if self._offers(event, pair)]
        symbols = [pair.upper() for pair in pairs]
        known = socket.subscriptions.get(event, {})
        accepted = {symbol: None for symbol in symbols if self._may_subscribe(event, symbol)}
        removed = [symbol for symbol in known if symbol not in accepted]
        self._leave(socket, event, removed)
        for symbol in removed:
            self._reply(socket, "UNSUBSCRIBED", f"{event}:{symbol}")
        if accepted:
            socket.subscriptions[event] = accepted
        for symbol in symbols:
            if symbol not in accepted:
                self._reply(socket, "ERROR", f"Channel {event}, pair {symbol} combination invalid")
                continue
            self._subscribers[event].setdefault(symbol, {})[socket] = None
            self._reply(socket, "SUBSCRIBED", f"{event}:{symbol}")
            self._greet(socket, event, symbol, is_new=symbol not in known)
        self._set_timers(event)

    def _may_subscribe(self, event: str, symbol: str) -> bool:
        pair = self._engine.pairs.get(symbol)
        if pair is None or not self._offers(event, pair):
            return False
        return event not in _BOOK_EVENTS or symbol not in self._faults.books.refused_pairs

    @staticmethod
    def _offers(event: str, pair: Pair) -> bool:
        return event in _EVENTS and (pair.active or event not in _BOOK_EVENTS)

    def _leave(self, socket: Socket, event: str, symbols: List[str]) -> None:
        for symbol in symbols:
            self._subscribers[event][symbol].pop(socket, None)
            socket.subscriptions[event].pop(symbol, None)
        if event in socket.subscriptions and not socket.subscriptions[event]:
            del socket.subscriptions[event]

    def _greet(self, socket: Socket, event: str, symbol: str, is_new: bool) -> None:
        """The first frame after a subscription."""
        book = self._engine.books[symbol]
        if event == BOOK:
            if is_new or self._faults.books.snapshot_on_resubscribe:
                self._plan_snapshot(socket, symbol)
        elif event in TRUNCATED:
            socket.send(self.feed(symbol).truncated(TRUNCATED[event]))
        elif event == AGGREGATED:
            socket.send(self._aggregated(book))
        elif event == SUMMARY and book.pair.active:
            socket.send(self._summary(book))
        elif event == MARK_PRICE:
            socket.send(self._mark_price(book))

    @staticmethod
    def _reply(socket: Socket, kind: str, message: str) -> None:
        socket.send(wire.dumps({"type": kind, "message": message}))

    # Books

    def _plan_snapshot(self, socket: Socket, symbol: str) -> None:
        books = self._faults.books
        if books.missing_snapshots:
            books.missing_snapshots -= 1
            return
        copies = 1
        if books.repeated_snapshots:
            books.repeated_snapshots -= 1
            copies = 2
        delay = self._faults.between(books.snapshot_delay)
        for _ in range(copies):
            if delay:
                self._clock.call_later(delay, self._send_snapshot, socket, symbol)
            else:
                self._send_snapshot(socket, symbol)

    def _send_snapshot(self, socket: Socket, symbol: str) -> None:
        if symbol not in socket.subscriptions.get(BOOK, ()):
            return
        feed = self.feed(symbol)
        asks, bids = list(feed.book.asks), list(feed.book.bids)
        fault = self._faults.books.draw(symbol)
        if fault == "corrupt_checksum":
            socket.send(feed.with_wrong_checksum("OB_L1_SNAPSHOT", asks, bids))
        elif fault == "wrong_content":
            socket.send(feed.falsified("OB_L1_SNAPSHOT", asks, bids, self._faults.random))
        else:
            socket.send(feed.snapshot())

    def _send_diff(self, symbol: str) -> None:
        feed = self.feed(symbol)
        asks, bids = feed.take_changes()
        sockets = self._subscribers[BOOK].get(symbol)
        if not sockets:
            return
        fault = self._faults.books.draw(symbol)
        if fault == "corrupt_checksum":
            frames = [feed.with_wrong_checksum("OB_L1_DIFF", asks, bids)]
        elif fault == "wrong_content":
            frames = [feed.falsified("OB_L1_DIFF", asks, bids, self._faults.random)]
        else:
            frames = [feed.diff(asks, bids)] * {"gap": 0, "swap": 0, "repeat": 2}.get(fault or "", 1)
        held = self._swapped.pop(symbol, None)
        if held is not None:
            frames.append(held)
        if fault == "swap":
            self._swapped[symbol] = feed.diff(asks, bids)
        for frame in frames:
            for socket in sockets:
                socket.send(frame)

    # Events

    def _on_batch(self, batch: Batch) -> None:
        for symbol, book in batch.books.items():
            self._send_diff(symbol)
            for event, depth in TRUNCATED.items():
                if self._subscribers[event].get(symbol):
                    self._send_truncated(event, symbol, depth)
            for event in (AGGREGATED, SUMMARY):
                if self._subscribers[event].get(symbol):
                    self._waiting[event].add(symbol)
                    self._set_timers(event)
        for trade in batch.trades:
            symbol = trade.pair.symbol
            self._publish(TRADES, symbol, lambda: self._frame(TRADES, symbol, wire.new_trade(trade)))

    def _on_catalogue(self, pair: Pair) -> None:
        self._publish(ORDER_TYPES, pair.symbol, lambda: self._frame(ORDER_TYPES, pair.symbol, pair.order_types))

    def _publish(self, event: str, symbol: str, make_frame: Callable[[], str]) -> None:
        sockets = self._subscribers[event].get(symbol)
        if sockets:
            frame = make_frame()
            for socket in sockets:
                socket.send(frame)

    def _send_truncated(self, event: str, symbol: str, depth: int) -> None:
        # `lc` changes with every order; the frame goes out only when the levels inside its depth did.
        frame = self.feed(symbol).truncated(depth)
        content = frame[frame.index('"a":'):]
        if self._truncated.get((event, symbol)) != content:
            self._truncated[event, symbol] = content
            for socket in self._subscribers[event][symbol]:
                socket.send(frame)

    # Timed events

    def _set_timers(self, event: str) -> None:
        if event in self._timers or not any(self._subscribers.get(event, {}).values()):
            return
        if event == AGGREGATED:
            self._timers[event] = self._clock.call_later(_AGGREGATED_EVERY, self._flush, event)
        elif event == SUMMARY:
            self._timers[event] = self._clock.call_later(_SUMMARY_EVERY, self._flush, event)
        elif event == MARK_PRICE:
            self._timers[event] = self._clock.call_later(_MARK_PRICE_EVERY, self._send_mark_prices)
        elif event == BUCKETS:
            self._timers[event] = self._clock.call_later(60 - self._clock.now() % 60, self._send_buckets)

    def _flush(self, event: str) -> None:
        del self._timers[event]
        waiting, self._waiting[event] = self._waiting[event], set()
        for symbol in sorted(waiting):
            book = self._engine.books[symbol]
            self._publish(event, symbol, lambda: self._aggregated(book) if event == AGGREGATED else self._summary(book))

    def _send_mark_prices(self) -> None:
        del self._timers[MARK_PRICE]
        for symbol, pair in self._engine.pairs.items():
            if pair.active:
                self._publish(MARK_PRICE, symbol, lambda: self._mark_price(self._engine.books[symbol]))
        self._set_timers(MARK_PRICE)

    def _send_buckets(self) -> None:
        del self._timers[BUCKETS]
        for symbol in self._subscribers[BUCKETS]:
            row = self._candles.finished_minute(symbol)
            if row is not None:
                self._publish(BUCKETS, symbol, lambda: self._frame(BUCKETS, symbol, row))
        self._set_timers(BUCKETS)

    # Frames

    def _aggregated(self, book: Book) -> str:
        return self._frame(AGGREGATED, book.pair.symbol, wire.aggregated_book(book))

    def _summary(self, book: Book) -> str:
        return self._frame(SUMMARY, book.pair.symbol,
                           {"currencyPairSymbol": book.pair.symbol, **self._candles.summary(book)})

    def _mark_price(self, book: Book) -> str:
        return self._frame(MARK_PRICE, book.pair.symbol, {"price": plain(mark_price(book))})

    @staticmethod
    def _frame(event: str, symbol: str, data: Optional[Any]) -> str:
        return wire.dumps({"type": event, "currencyPairSymbol": symbol, "data": data})


def _is_list_of_pairs(pairs: Any) -> bool:
    """Whether `pairs` can stand in a SUBSCRIBE: a list of names, or nothing for all pairs."""
    return pairs is None or isinstance(pairs, list) and all(isinstance(pair, str) for pair in pairs)
