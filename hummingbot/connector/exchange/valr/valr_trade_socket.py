import asyncio
import re
from logging import Logger
from math import inf
from time import perf_counter
from typing import Any, Dict, List, Optional, Set

import aiohttp

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_errors import ValrLoginRefused, one_line
from hummingbot.connector.exchange.valr.valr_heartbeat import Heartbeat
from hummingbot.connector.exchange.valr.valr_order_book import (
    BookFault,
    BookRows,
    FaultKind,
    ValrOrderBook,
    is_update_id,
)
from hummingbot.connector.exchange.valr.valr_tracked_book import TrackedBook
from hummingbot.core.data_type.order_book_row import OrderBookRow
from hummingbot.core.web_assistant.connections.data_types import WSJSONRequest
from hummingbot.core.web_assistant.connections.ws_connection import WSConnection

try:
    from orjson import loads
except ImportError:
    from ujson import loads

_DIFF = CONSTANTS.BOOK_DIFF_FRAME
_LATENCY_SAMPLE_INTERVAL = 100  # diffs

# Wire: the reply to a subscription for a pair that is unknown, or inactive.
_REFUSAL = re.compile(r"Channel (\S+), pair (\S+) combination invalid")


class _Subscription:
    """One pair on one connection."""

    __slots__ = ("tracked", "book", "wants_verified", "wants_aggregated", "waiting_since", "retry_at", "counted")

    def __init__(self, tracked: TrackedBook, now: float):
        self.tracked = tracked
        self.book = ValrOrderBook()
        is_fallback = tracked.fallback_until is not None and tracked.fallback_until > now
        self.wants_verified = not is_fallback
        self.wants_aggregated = is_fallback
        self.waiting_since: Optional[float] = None if is_fallback else now  # perf_counter seconds, for a snapshot
        self.retry_at = tracked.fallback_until or now  # perf_counter seconds, when the verified feed is tried again
        self.counted = 0  # sequence number up to which the diffs are in the metrics


class ValrTradeSocket(WSConnection):
    """
    One connection to VALR's trade socket and the order books that come over it, from the frame to Hummingbot's
    `OrderBook` without a detour. A book that fails its verification is subscribed anew while the others run on.

    Only the connection that is the `source` of a tracked book changes what strategies see, so that a second one can be
    brought up to date before it takes over.
    """

    SNAPSHOT_TIMEOUT = 5.0  # seconds
    # A book that fails as often, with fewer verified diffs than this from one time to the next, cannot be verified.
    FAULTS_BEFORE_FALLBACK = 3
    FAULT_WINDOW = 10  # diffs
    # Pauses before the verified feed is tried again. Nobody trades meanwhile, so they begin short; they double.
    FALLBACK_MIN_DELAY = 10.0  # seconds
    FALLBACK_MAX_DELAY = 300.0  # seconds
    CLOSE_TIMEOUT = 1.0  # seconds
    # After this long without an answer to a PING, a second connection is opened to replace this one.
    REPLACEMENT_AGE = 5.0  # seconds

    def __init__(self, session: aiohttp.ClientSession, logger: Logger):
        super().__init__(session)
        self._subscriptions: Dict[str, _Subscription] = {}
        self._subscribed: Dict[str, List[str]] = {}
        self._to_resync: Set[str] = set()
        self._work = asyncio.Event()
        self._logger = logger
        self._regained: List[str] = []
        self._doubted: List[TrackedBook] = []  # verified, were the connection known to be alive
        self._last_frame_at = perf_counter()  # for diffs only as exact as `count_diffs` is called often
        self._last_snapshot_at = self._last_frame_at  # that a pair waited for
        self._diffs = 0
        self._unreadable_types: Set[str] = set()  # that were reported
        self.settled = asyncio.Event()  # no pair waits for its snapshot any more, or the connection ended
        self.to_be_replaced = asyncio.Event()  # silent for too long, or ended
        self.has_ended = False
        self.has_worked = False

    async def open(self, url: str, headers: Dict[str, str]):
        """
        Connects. VALR was not seen to answer pings of the protocol, so none is relied upon (see `_supervise`).

        :raises OSError, aiohttp.ClientError: when that fails
        """
        await self.connect(ws_url=url, ws_headers=headers, ping_timeout=None, max_msg_size=self._MAX_MSG_SIZE)

    def add(self, tracked: TrackedBook):
        """Subscribes one more pair, and becomes the source of its book if it has none."""
        self._subscriptions[tracked.symbol] = _Subscription(tracked, perf_counter())
        tracked.source = tracked.source or self
        self._work.set()

    def remove(self, tracked: TrackedBook):
        """Unsubscribes a pair."""
        self.count_diffs()
        self._subscriptions.pop(tracked.symbol, None)
        self._work.set()
        self._settle()

    def release(self, reason: str, heir: Optional["ValrTradeSocket"] = None) -> List[str]:
        """
        Stops being the source of any book. The heir becomes it, and serves at once what it has verified.

        :return: the trading pairs that were verified until now and are not any more
        """
        lost = []
        self.count_diffs()
        for symbol, subscription in self._subscriptions.items():
            tracked = subscription.tracked
            if tracked.source is not self:
                continue
            tracked.source = heir
            inherited = heir._subscriptions.get(symbol) if heir is not None else None
            if heir is not None and inherited is not None and inherited.book.is_synchronized:
                heir._serve_verified(inherited, inherited.book.rows())
            elif tracked.lose(reason):
                lost.append(tracked.trading_pair)
        self._report_regained()
        return lost

    def count_diffs(self):
        """
        Brings the metrics of the pairs up to date. Sequence numbers rise by one with every verified diff, so the loop
        that receives them does not have to count.
        """
        for subscription in self._subscriptions.values():
            self._count_diffs(subscription)

    def _count_diffs(self, subscription: _Subscription):
        diffs = subscription.book.update_id - subscription.counted
        if not diffs:
            return
        subscription.counted += diffs
        self._diffs += diffs
        self._last_frame_at = perf_counter()
        if subscription.tracked.source is self:
            metrics = subscription.tracked.metrics
            metrics.diffs_processed += diffs
            metrics.last_diff_timestamp = self._last_frame_at

    async def run(self):
        """
        Subscribes and receives until the connection ends.

        :raises ConnectionError: always, with the reason in words
        """
        receiving, supervising = tasks = (
            asyncio.create_task(self._receive_frames()), asyncio.create_task(self._supervise()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if supervising.done() and isinstance(supervising.exception(), aiohttp.ClientError):
                # The connection ended while something was being sent; the frame that says why may still be unread.
                await asyncio.wait([receiving], timeout=self.CLOSE_TIMEOUT)
            for task in tasks:
                if task.done():
                    task.result()
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error)) from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self):
        """Closes the connection. A server that does not answer the close is not waited for."""
        self.has_ended = True
        self.settled.set()
        self.to_be_replaced.set()
        try:
            async with asyncio.timeout(self.CLOSE_TIMEOUT):
                await self.disconnect()
        except TimeoutError:
            pass

    # === Receiving ===

    async def _receive_frames(self):
        """
        The base class wraps every message into six coroutines and a response object, which takes longer than decoding
        it. Here a diff, the one frame there is much of, is verified and applied within this loop.
        """
        receive = self._connection.receive
        subscriptions = self._subscriptions
        text_type = aiohttp.WSMsgType.TEXT
        until_sample = _LATENCY_SAMPLE_INTERVAL
        started_at = 0.0
        while True:
            message = await receive()
            if message.type is not text_type:
                await self._handle_control(message)
                continue
            until_sample -= 1
            if until_sample <= 0:
                started_at = perf_counter()
            try:
                frame = loads(message.data)
                if frame["type"] != _DIFF:
                    self._handle_other(frame["type"], frame)
                    continue
                subscription = subscriptions.get(frame["ps"])
                if subscription is None:
                    continue
                diff = subscription.book.apply_diff(frame["d"])
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                self._on_unreadable(message.data, error)
                continue
            if type(diff) is tuple:
                tracked = subscription.tracked
                if tracked.source is self:
                    bids, asks, update_id = diff  # takes a third less than unpacking into the call
                    tracked.order_book.apply_diffs(bids, asks, update_id)
            elif isinstance(diff, BookFault):
                self._on_fault(subscription, diff)
            if until_sample <= 0:
                until_sample = _LATENCY_SAMPLE_INTERVAL
                subscription.tracked.record_latency(perf_counter() - started_at)

    async def _handle_control(self, message: aiohttp.WSMessage):
        if message.type is aiohttp.WSMsgType.PING:
            await self._connection.pong(message.data)
        elif message.type not in (aiohttp.WSMsgType.PONG, aiohttp.WSMsgType.BINARY):
            self._raise_ending(message)

    def _raise_ending(self, message: aiohttp.WSMessage):
        if message.type is aiohttp.WSMsgType.ERROR:
            raise ConnectionError(one_line(message.data))
        code = self._connection.close_code
        detail = f"code {code}" + (f", {one_line(message.extra)}" if message.extra else "")
        # Wire: VALR accepts the handshake and then closes with 1007 when the signature is wrong.
        if code == aiohttp.WSCloseCode.INVALID_TEXT:
            raise ValrLoginRefused(detail)
        raise ConnectionError(detail)

    def _handle_other(self, kind: str, frame: Dict[str, Any]):
        self._last_frame_at = perf_counter()
        if kind == CONSTANTS.BOOK_SNAPSHOT_FRAME:
            self._on_snapshot(frame["ps"], frame["d"])
        elif kind == CONSTANTS.TRADE_EVENT:
            self._on_trade(frame["currencyPairSymbol"], frame["data"])
        elif kind == CONSTANTS.AGGREGATED_BOOK_EVENT:
            self._on_aggregated(frame["currencyPairSymbol"], frame["data"])
        elif kind == CONSTANTS.ERROR:
            self._on_error(one_line(frame.get("message", "")))
        elif kind == CONSTANTS.UNAUTHORIZED:
            raise ValrLoginRefused(one_line(frame.get("message", kind)))

    def _on_unreadable(self, text: str, error: Exception):
        """Should VALR change one type of frames, all of them cannot be read: the first one is told."""
        if not text:  # Users of VALR have seen empty frames.
            return
        kind = _type_of(text)
        if kind in self._unreadable_types:
            self._logger.debug(f"One more frame cannot be read ({one_line(repr(error))}): {one_line(text)}")
            return
        self._unreadable_types.add(kind)
        self._logger.warning(f"VALR sent a frame that cannot be read ({one_line(repr(error))}): {one_line(text)}")

    def _on_snapshot(self, symbol: str, data: Dict[str, Any]):
        subscription = self._subscriptions.get(symbol)
        if subscription is None or not subscription.wants_verified:
            return
        self._count_diffs(subscription)
        was_synchronized = subscription.book.is_synchronized
        snapshot = subscription.book.apply_snapshot(data)
        subscription.counted = subscription.book.update_id
        if not isinstance(snapshot, BookFault):
            if subscription.waiting_since is not None:
                subscription.waiting_since = None
                self._last_snapshot_at = perf_counter()
            subscription.tracked.has_missed_snapshot = False
            if subscription.tracked.source is self:
                self._serve_verified(subscription, snapshot)
            self._settle()
        elif was_synchronized or snapshot.kind is not FaultKind.STALE:
            self._on_fault(subscription, snapshot)

    def _on_trade(self, symbol: str, data: Dict[str, Any]):
        subscription = self._subscriptions.get(symbol)
        if subscription is not None:
            subscription.tracked.apply_trade(data, is_source=subscription.tracked.source is self)

    def _on_aggregated(self, symbol: str, data: Dict[str, Any]):
        subscription = self._subscriptions.get(symbol)
        if subscription is None or not subscription.wants_aggregated:
            return
        tracked = subscription.tracked
        snapshot = aggregated_rows(data)
        if tracked.source is not self:
            return
        if tracked.feed != CONSTANTS.AGGREGATED_BOOK_EVENT:
            self._logger.warning(
                f"The order book of {tracked.trading_pair} comes from {CONSTANTS.AGGREGATED_BOOK_EVENT}, which cannot "
                f"be verified ({tracked.reason}).")
        tracked.serve(snapshot, CONSTANTS.AGGREGATED_BOOK_EVENT)

    def _on_error(self, message: str):
        refusal = _REFUSAL.search(message)
        subscription = self._subscriptions.get(refusal[2]) if refusal else None
        if refusal is None or subscription is None:
            self._logger.warning(f"VALR answered on the trade socket: {message}")
            return
        tracked = subscription.tracked
        if refusal[1] == CONSTANTS.BOOK_EVENT:
            self._fall_back(subscription, f"VALR refuses {CONSTANTS.BOOK_EVENT} for it")
            return
        if refusal[1] == CONSTANTS.AGGREGATED_BOOK_EVENT:
            tracked.answered.set()
        if not tracked.is_refused:
            tracked.is_refused = True
            self._logger.error(
                f"VALR has no {refusal[1]} for {tracked.trading_pair}: the pair is unknown or not active. Remove it "
                f"from the trading pairs; the other pairs are not affected.")

    def _serve_verified(self, subscription: _Subscription, snapshot: BookRows):
        tracked = subscription.tracked
        if tracked.feed == CONSTANTS.AGGREGATED_BOOK_EVENT:
            self._logger.info(f"The order book of {tracked.trading_pair} comes from {CONSTANTS.BOOK_EVENT} again.")
        tracked.serve(snapshot, CONSTANTS.BOOK_EVENT)
        tracked.fallback_until = None
        if subscription.wants_aggregated:
            subscription.wants_aggregated = False
            self._work.set()
        self._regain(tracked)

    def _regain(self, tracked: TrackedBook):
        if not tracked.is_verified:
            tracked.regain()
            self._regained.append(tracked.trading_pair)
            self._work.set()  # several that come together are reported together

    # === Faults ===

    def _on_fault(self, subscription: _Subscription, fault: BookFault):
        tracked = subscription.tracked
        self._report_regained()
        tracked.faults.count(fault)
        self._count_diffs(subscription)
        if tracked.source is self and tracked.lose(fault.text, fault):
            self._logger.warning(
                f"The order book of {tracked.trading_pair} is not verified ({fault.text}). It is subscribed anew.")
        if tracked.faults_in_a_row(self.FAULT_WINDOW) >= self.FAULTS_BEFORE_FALLBACK:
            self._fall_back(subscription, fault.text)
            return
        subscription.waiting_since = perf_counter()
        self._to_resync.add(tracked.symbol)
        self._work.set()

    def _fall_back(self, subscription: _Subscription, reason: str):
        tracked = subscription.tracked
        if tracked.source is self and tracked.lose(reason):
            self._logger.warning(f"The order book of {tracked.trading_pair} is not verified ({reason}).")
        tracked.consecutive_faults = 0
        tracked.fallback_delay = min(max(2 * tracked.fallback_delay, self.FALLBACK_MIN_DELAY), self.FALLBACK_MAX_DELAY)
        tracked.fallback_until = subscription.retry_at = perf_counter() + tracked.fallback_delay
        subscription.book.invalidate()
        subscription.wants_verified = False
        subscription.wants_aggregated = True
        subscription.waiting_since = None
        self._work.set()
        self._settle()

    def _settle(self):
        if any(subscription.waiting_since is not None for subscription in self._subscriptions.values()):
            return
        self.settled.set()
        self.has_worked = True

    def _report_regained(self):
        if self._regained:
            self._logger.info(f"Order books verified: {', '.join(self._regained)}.")
            self._regained = []

    # === Sending and watching ===

    async def _supervise(self):
        heartbeat = Heartbeat(perf_counter())
        while True:
            self._work.clear()
            self._report_regained()
            await self._update_subscriptions()
            now = perf_counter()
            self.count_diffs()
            if heartbeat.is_ping_due(now, self._last_frame_at, self._diffs):
                await self.send(WSJSONRequest({"type": CONSTANTS.PING}))
            self._judge_silence(now, heartbeat.silent_since)
            self._check_snapshots(now)
            pause = min(max(heartbeat.next_check(self._last_frame_at) - now, 0.02), heartbeat.patience / 2, 1.0)
            try:
                async with asyncio.timeout(pause):
                    await self._work.wait()
            except TimeoutError:
                pass

    async def _update_subscriptions(self):
        """
        VALR keeps one list of pairs per event, and a SUBSCRIBE replaces it. To get a new snapshot, a pair is left out
        of the list and then put back: whether repeating a subscription brings one is not known.
        """
        resync, self._to_resync = self._to_resync, set()
        subscriptions = self._subscriptions.items()
        wanted = {
            CONSTANTS.BOOK_EVENT: [symbol for symbol, pair in subscriptions if pair.wants_verified],
            CONSTANTS.AGGREGATED_BOOK_EVENT: [symbol for symbol, pair in subscriptions if pair.wants_aggregated],
            CONSTANTS.TRADE_EVENT: list(self._subscriptions),
        }
        if resync:
            kept = [symbol for symbol in wanted[CONSTANTS.BOOK_EVENT] if symbol not in resync]
            await self._subscribe({CONSTANTS.BOOK_EVENT: kept})
        changed = {event: symbols for event, symbols in wanted.items() if symbols != self._subscribed.get(event, [])}
        if changed:
            await self._subscribe(changed)

    async def _subscribe(self, pairs_of_event: Dict[str, List[str]]):
        self._subscribed.update(pairs_of_event)
        await self.send(WSJSONRequest({
            "type": CONSTANTS.SUBSCRIBE,
            "subscriptions": [{"event": event, "pairs": symbols} for event, symbols in pairs_of_event.items()],
        }))

    def _judge_silence(self, now: float, silent_since: Optional[float]):
        if silent_since is None:
            if self._doubted:
                self._trust_again()
            return
        silence = now - silent_since
        if silence > CONSTANTS.SOCKET_SILENCE_LIMIT:
            raise ConnectionError(f"silent for {silence:.0f} s")
        if silence > self.REPLACEMENT_AGE:
            self.to_be_replaced.set()
        reason = "the trade socket does not answer"
        doubted = [pair.tracked for pair in self._subscriptions.values()
                   if pair.tracked.source is self and pair.tracked.lose(reason)]
        if doubted:
            self._doubted += doubted
            self._logger.warning(f"VALR's trade socket has been silent for {silence:.1f} s and does not answer. Not "
                                 f"verified until it does: {', '.join(book.trading_pair for book in doubted)}.")

    def _trust_again(self):
        """Frames arrive in order or not at all, so a book that still follows its sequence has missed nothing."""
        for subscription in self._subscriptions.values():
            tracked = subscription.tracked
            if tracked in self._doubted and tracked.source is self and subscription.book.is_synchronized:
                self._regain(tracked)
        self._doubted = []

    def _check_snapshots(self, now: float):
        """The snapshots of many pairs take their time over a slow line: while some arrive, the others are not late."""
        for subscription in self._subscriptions.values():
            waiting_since = subscription.waiting_since
            if waiting_since is not None:
                if now - max(waiting_since, self._last_snapshot_at) > self.SNAPSHOT_TIMEOUT:
                    self._on_missing_snapshot(subscription)
            elif not subscription.wants_verified and now >= subscription.retry_at:
                subscription.wants_verified = True
                subscription.waiting_since = now
                self._work.set()

    def _on_missing_snapshot(self, subscription: _Subscription):
        """A new connection helps the pair, but disturbs the others: it is tried once."""
        tracked = subscription.tracked
        reason = f"no snapshot within {self.SNAPSHOT_TIMEOUT:g} s"
        if subscription.wants_aggregated or tracked.has_missed_snapshot:
            self._fall_back(subscription, reason)
        else:
            tracked.has_missed_snapshot = True
            raise ConnectionError(f"{reason} for {tracked.trading_pair}")


def _type_of(text: str) -> str:
    """:return: the type of a frame, empty when it has none"""
    try:
        return str(loads(text)["type"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return ""


def aggregated_rows(data: Dict[str, Any]) -> BookRows:
    """
    :param data: VALR's aggregated order book of the socket or of REST: `Bids` and `Asks`, best level first, at most 40
        levels a side; some texts spell the keys in lower case
    :return: the same as Hummingbot's rows
    :raises ValueError: when it cannot be read
    """
    try:
        update_id = int(data.get("SequenceNumber", 0))
        bids, asks = (
            [OrderBookRow(float(level["price"]), float(level["quantity"]), update_id) for level in levels]
            for levels in (data.get("Bids") or data.get("bids", []), data.get("Asks") or data.get("asks", [])))
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(one_line(repr(error))) from None
    if not is_update_id(update_id) or not all(
            0 < row.price < inf and 0 <= row.amount < inf for row in (*bids, *asks)):
        raise ValueError("a number is out of range")
    return bids, asks, update_id
