from test.hummingbot.connector.exchange.valr.trade_server import trade_frame

import pytest

from hummingbot.connector.exchange.valr.valr_order_book import BookFault, FaultKind
from hummingbot.connector.exchange.valr.valr_tracked_book import TrackedBook
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow
from hummingbot.core.data_type.order_book_tracker import OrderBookTrackerMetrics

SNAPSHOT = ([OrderBookRow(100.0, 1.0, 7)], [OrderBookRow(101.0, 1.0, 7)], 7)
GAP = BookFault(FaultKind.GAP, "a gap")


@pytest.fixture
def metrics() -> OrderBookTrackerMetrics:
    return OrderBookTrackerMetrics()


@pytest.fixture
def book(metrics) -> TrackedBook:
    return TrackedBook("BTC-ZAR", OrderBook(), metrics)


def trade(trade_id: str) -> dict:
    return trade_frame("BTCZAR", trade_id)["data"]


def test_a_new_book_is_not_verified_and_says_why(book):
    assert not book.is_verified
    assert book.reason == "no snapshot yet"
    assert not book.initialised.is_set()


def test_a_snapshot_replaces_what_strategies_see(book):
    book.order_book.apply_snapshot([OrderBookRow(1.0, 1.0, 1)], [], 1)

    book.serve(SNAPSHOT, "feed")

    assert [row.price for row in book.order_book.bid_entries()] == [100.0]
    assert book.initialised.is_set() and book.answered.is_set() and book.feed == "feed"
    assert book.metrics.snapshots_processed == 1


def test_a_pair_that_gets_a_book_after_all_is_not_refused_any_more(book):
    book.is_refused = True
    book.serve(SNAPSHOT, "feed")

    assert not book.is_refused


def test_loss_is_told_once_and_keeps_the_book(book):
    book.serve(SNAPSHOT, "feed")
    book.regain()

    assert book.lose("gone") is True
    assert book.lose("still gone") is False
    assert book.reason == "still gone"
    assert book.order_book.get_price(False) == 100.0


def test_a_resync_is_timed_from_the_fault_and_a_reconnect_is_none(book):
    book.regain()
    book.lose("socket closed")
    book.regain()
    assert (book.faults.resyncs, book.faults.longest_resync) == (0, 0.0)

    book.lose("a gap", GAP)
    book.regain()
    assert book.faults.resyncs == 1 and book.faults.longest_resync > 0


def test_faults_are_counted_by_kind(book):
    for kind in (FaultKind.GAP, FaultKind.CHECKSUM, FaultKind.CHECKSUM, FaultKind.CROSSED, FaultKind.MALFORMED):
        book.faults.count(BookFault(kind, ""))

    assert (book.faults.gaps, book.faults.checksum_failures, book.faults.other_faults) == (1, 2, 2)


def test_a_trade_is_remembered_for_a_bounded_time(book):
    for number in range(TrackedBook.TRADE_MEMORY):
        book.apply_trade(trade(str(number)), is_source=False)
    book.apply_trade(trade("0"), is_source=True)
    assert book.metrics.trades_processed == TrackedBook.TRADE_MEMORY

    book.apply_trade(trade("new"), is_source=True)
    book.apply_trade(trade("0"), is_source=True)
    book.apply_trade(trade("2"), is_source=True)

    assert book.metrics.trades_processed == TrackedBook.TRADE_MEMORY + 2
    assert len(book._trade_ids) == TrackedBook.TRADE_MEMORY


@pytest.mark.parametrize("moment, seconds", [
    ("2024-03-27T12:33:19Z", 1711542799.0), ("2024-03-27T12:33:19.918Z", 1711542799.918),
    ("2024-03-27T12:33:19.918123456Z", 1711542799.918123), ("2024-03-27T12:33:19.918", 1711542799.918)])
def test_reads_the_timestamps_that_valr_was_seen_to_send(book, moment, seconds):
    times = []
    book.order_book = type("Recorder", (), {"apply_trade": lambda self, event: times.append(event.timestamp)})()

    book.apply_trade({**trade("a"), "tradedAt": moment}, is_source=True)

    assert times == [pytest.approx(seconds, abs=1e-6)]


@pytest.mark.parametrize("damage", [
    {"tradedAt": "yesterday"}, {"takerSide": "both"}, {"price": "much"}, {"quantity": None}])
def test_a_trade_that_makes_no_sense_is_an_error_and_not_remembered(book, damage):
    with pytest.raises((KeyError, TypeError, ValueError)):
        book.apply_trade({**trade("a"), **damage}, is_source=True)

    book.apply_trade(trade("a"), is_source=True)
    assert book.metrics.trades_processed == 1


def test_latency_samples_reach_hummingbots_metrics(book, metrics):
    book.record_latency(0.002)

    for latency in (book.metrics.diff_processing_latency, metrics.diff_processing_latency):
        assert latency.count == 1
        assert latency.avg_ms == latency.recent_avg_ms == latency.max_ms == pytest.approx(2.0)
