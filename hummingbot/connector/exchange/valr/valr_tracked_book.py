import asyncio
import math
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Deque, Dict, Optional, Set

from hummingbot.connector.exchange.valr.valr_order_book import BookFault, BookRows, FaultKind
from hummingbot.core.data_type.common import TradeType
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_tracker import OrderBookTrackerMetrics
from hummingbot.core.event.events import OrderBookTradeEvent


@dataclass
class FaultCounters:
    """What went wrong with the order book of one pair, and how long it took to mend."""
    gaps: int = 0
    checksum_failures: int = 0
    other_faults: int = 0
    resyncs: int = 0
    longest_resync: float = 0.0  # seconds from the fault to the verified book
    repeated_trades: int = 0

    def count(self, fault: BookFault):
        if fault.kind is FaultKind.GAP:
            self.gaps += 1
        elif fault.kind is FaultKind.CHECKSUM:
            self.checksum_failures += 1
        else:
            self.other_faults += 1


class TrackedBook:
    """
    One pair as Hummingbot sees it: the order book that strategies read, whether it is known to be right, and where it
    comes from. Connections come and go; this stays.
    """

    # Trade ids remembered, to recognise a trade that comes again over another socket.
    TRADE_MEMORY = 200

    def __init__(self, trading_pair: str, order_book: OrderBook, metrics: OrderBookTrackerMetrics):
        self.trading_pair = trading_pair
        self.symbol = ""  # VALR's name of the pair, once it is known
        self.order_book = order_book
        self.metrics = metrics.get_or_create_pair_metrics(trading_pair)
        self._latencies = (metrics.diff_processing_latency, self.metrics.diff_processing_latency)
        for latency in self._latencies:
            latency.SAMPLE_RATE = 1  # `record_latency` gets samples already
        self.faults = FaultCounters()
        self.source: Optional[object] = None  # the one connection that may change the order book
        self.feed: Optional[str] = None  # the event the order book comes from
        self.is_verified = False
        self.reason = "no snapshot yet"
        self.initialised = asyncio.Event()  # strategies have a book to read
        self.answered = asyncio.Event()  # initialised, or VALR refuses the pair
        self.is_refused = False
        self.consecutive_faults = 0
        self._diffs_at_fault = 0
        self.has_missed_snapshot = False
        self.fallback_until: Optional[float] = None  # perf_counter seconds
        self.fallback_delay = 0.0  # seconds, the last one
        self._lost_at = time.perf_counter()
        self._is_resync = False
        self._trade_ids: Set[str] = set()
        self._trade_id_order: Deque[str] = deque()

    def serve(self, snapshot: BookRows, feed: str):
        """Replaces the order book that strategies read."""
        self.order_book.apply_snapshot(*snapshot)
        self.metrics.snapshots_processed += 1
        self.metrics.last_snapshot_timestamp = time.perf_counter()
        self.feed = feed
        self.is_refused = False
        self.initialised.set()
        self.answered.set()

    def record_latency(self, seconds: float):
        """
        :param seconds: from the arrival of a diff to its place in the order book
        """
        for latency in self._latencies:
            latency.record(seconds * 1e3)

    def lose(self, reason: str, fault: Optional[BookFault] = None) -> bool:
        """
        From now on the order book is not known to be right. It keeps its last verified content.

        :return: True if it was known to be right until now
        """
        was_verified = self.is_verified
        if was_verified:
            self.is_verified = False
            self._lost_at = time.perf_counter()
            self._is_resync = fault is not None
            self.faults.resyncs += self._is_resync
        self.reason = reason
        return was_verified

    def faults_in_a_row(self, window: int) -> int:
        """
        To be called at every fault.

        :param window: so many verified diffs since the last fault, on whatever connections, make this one the first
        :return: how many faults there were in a row, this one included
        """
        diffs = self.metrics.diffs_processed
        if diffs - self._diffs_at_fault >= window:
            self.consecutive_faults = 0
            self.fallback_delay = 0.0
        self._diffs_at_fault = diffs
        self.consecutive_faults += 1
        return self.consecutive_faults

    def regain(self):
        """From now on the order book is verified."""
        if self._is_resync:
            self.faults.longest_resync = max(self.faults.longest_resync, time.perf_counter() - self._lost_at)
            self._is_resync = False
        self.is_verified = True
        self.reason = ""

    def apply_trade(self, data: Dict[str, Any], is_source: bool):
        """
        Passes a public trade on, once. VALR's documentation shows trades without an id; such a trade cannot be
        recognised when it comes again, so only one connection at a time counts for it.

        :param data: the `data` object of a NEW_TRADE frame
        :param is_source: whether the trade came over the connection that serves the order book
        :raises KeyError, ValueError: when a field is missing or not what it should be
        """
        trade_id = data.get("id")
        event = OrderBookTradeEvent(
            trading_pair=self.trading_pair,
            timestamp=_seconds(data["tradedAt"]),
            type=TradeType[data["takerSide"].upper()],
            price=float(data["price"]),
            amount=float(data["quantity"]),
            trade_id=trade_id,
        )
        if not (0 < event.price < math.inf and 0 < event.amount < math.inf):
            raise ValueError("a number is out of range")
        if trade_id is None:
            is_new = is_source
        else:
            is_new = self._remember(trade_id)
        if not is_new:
            self.faults.repeated_trades += 1
            return
        self.order_book.apply_trade(event)
        self.metrics.trades_processed += 1
        self.metrics.last_trade_timestamp = time.perf_counter()

    def _remember(self, trade_id: str) -> bool:
        if trade_id in self._trade_ids:
            return False
        if len(self._trade_id_order) == self.TRADE_MEMORY:
            self._trade_ids.discard(self._trade_id_order.popleft())
        self._trade_ids.add(trade_id)
        self._trade_id_order.append(trade_id)
        return True


def _seconds(timestamp: str) -> float:
    moment = datetime.fromisoformat(timestamp)
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
