import asyncio
import time
from contextlib import asynccontextmanager
from test.hummingbot.connector.exchange.valr.helpers import until
from test.hummingbot.connector.exchange.valr.test_valr_api_order_book_data_source import Connector
from test.hummingbot.connector.exchange.valr.trade_server import (
    TradeServer,
    book_frame,
    checksum,
    diff_frame,
    trade_frame,
)
from typing import Any, AsyncIterator, Dict, List, Tuple

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_web_utils as web_utils
from hummingbot.connector.exchange.valr.valr_api_order_book_data_source import ValrAPIOrderBookDataSource
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError
from hummingbot.connector.exchange.valr.valr_order_book_tracker import ValrOrderBookTracker
from hummingbot.core.data_type.composite_order_book import CompositeOrderBook
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_message import OrderBookMessage, OrderBookMessageType
from hummingbot.core.data_type.order_book_tracker import OrderBookTracker

pytestmark = pytest.mark.asyncio

DOMAIN = CONSTANTS.SIMULATOR_DOMAIN
SUMMARY = CONSTANTS.MARKET_SUMMARY_PATH


@pytest.fixture
def connector() -> Connector:
    connector = Connector({"BTCZAR": "BTC-ZAR", "ETHZAR": "ETH-ZAR"})
    connector.rest[SUMMARY] = [{"currencyPair": "BTCZAR", "lastTradedPrice": "1800000"}]
    return connector


def make_tracker(connector: Any, pairs: List[str], tracker_class=ValrOrderBookTracker) -> OrderBookTracker:
    source = ValrAPIOrderBookDataSource(pairs, connector, web_utils.build_api_factory(domain=DOMAIN), DOMAIN)
    return tracker_class(data_source=source, trading_pairs=pairs, domain=DOMAIN)


@asynccontextmanager
async def started(tracker: OrderBookTracker, server: TradeServer, monkeypatch) -> AsyncIterator[OrderBookTracker]:
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, server.url)
    tracker.start()
    try:
        yield tracker
    finally:
        tracker.stop()
        await until(lambda: not server.open_sockets)


def levels(order_book: OrderBook) -> Tuple[List[Tuple[float, float]], List[Tuple[float, float]]]:
    return [(row.price, row.amount) for row in order_book.bid_entries()], \
        [(row.price, row.amount) for row in order_book.ask_entries()]


# A bid at 100 that appears with a diff and is gone in the snapshot that follows.
FRAMES = [
    book_frame("BTCZAR", 500, bids=[["99", "2"]], asks=[["101", "1"]]),
    book_frame("BTCZAR", 501, bids=[["100", "5"]], asks=[], kind=CONSTANTS.BOOK_DIFF_FRAME, cs=checksum(
        bids=[["100", "5"], ["99", "2"]], asks=[["101", "1"]])),
    book_frame("BTCZAR", 502, bids=[["99", "2"]], asks=[["101", "1"]]),
]
LAST_LEVELS = ([(99.0, 2.0)], [(101.0, 1.0)])


async def test_no_ghost_levels_after_a_snapshot(monkeypatch, connector):
    async with TradeServer() as server:
        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: FRAMES
        async with started(make_tracker(connector, ["BTC-ZAR"]), server, monkeypatch) as tracker:
            await until(lambda: tracker.ready and tracker.order_books["BTC-ZAR"].snapshot_uid == 502)

            assert levels(tracker.order_books["BTC-ZAR"]) == LAST_LEVELS


async def test_the_stock_tracker_leaves_ghost_levels():
    """The reason for a tracker of our own: should this fail, Hummingbot has mended it."""
    tracker = OrderBookTracker(data_source=None, trading_pairs=["BTC-ZAR"])
    tracker._order_books["BTC-ZAR"] = order_book = OrderBook()
    tracker._tracking_message_queues["BTC-ZAR"] = asyncio.Queue()
    task = asyncio.create_task(tracker._track_single_book("BTC-ZAR"))
    for frame in FRAMES:
        is_diff = frame["type"] == CONSTANTS.BOOK_DIFF_FRAME
        content = {"trading_pair": "BTC-ZAR", "update_id": frame["d"]["sq"], "bids": frame["d"]["b"],
                   "asks": frame["d"]["a"]}
        tracker._tracking_message_queues["BTC-ZAR"].put_nowait(OrderBookMessage(
            OrderBookMessageType.DIFF if is_diff else OrderBookMessageType.SNAPSHOT, content, time.time()))
    await until(lambda: order_book.snapshot_uid == 502)
    task.cancel()

    assert levels(order_book) == ([(100.0, 5.0), (99.0, 2.0)], [(101.0, 1.0)])


async def test_is_ready_when_all_books_are_there_and_not_before(monkeypatch, connector):
    async with TradeServer() as server:
        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: [book_frame(symbol, 1)] if symbol == "BTCZAR" else []
        async with started(make_tracker(connector, ["ETH-ZAR", "BTC-ZAR"]), server, monkeypatch) as tracker:
            await until(lambda: "BTC-ZAR" in tracker.order_books)
            assert not tracker.ready

            await server.send(book_frame("ETHZAR", 1))
            await asyncio.wait_for(tracker.wait_ready(), 5)
            assert set(tracker.order_books) == {"BTC-ZAR", "ETH-ZAR"}
            assert tracker.snapshot["ETH-ZAR"][0].price.tolist() == [100.0, 99.0]


async def test_does_not_sleep_for_each_pair(monkeypatch):
    pairs: Dict[str, str] = {f"A{number}ZAR": f"A{number}-ZAR" for number in range(60)}
    connector = Connector(pairs)
    connector.rest[SUMMARY] = []
    async with TradeServer() as server:
        async with started(make_tracker(connector, list(pairs.values())), server, monkeypatch) as tracker:
            await asyncio.wait_for(tracker.wait_ready(), 5)


async def test_metrics_are_counted_and_survive_the_removal_of_a_pair(monkeypatch, connector):
    async with TradeServer() as server:
        async with started(make_tracker(connector, ["BTC-ZAR", "ETH-ZAR"]), server, monkeypatch) as tracker:
            await tracker.wait_ready()
            await server.send(diff_frame("BTCZAR", 501), diff_frame("ETHZAR", 501), trade_frame("ETHZAR", "a"))
            await until(lambda: tracker.metrics.total_trades_processed == 1)

            metrics = tracker.metrics
            assert metrics.total_diffs_processed == 2 and metrics.total_snapshots_processed == 2
            assert metrics.per_pair_metrics["ETH-ZAR"].trades_processed == 1
            assert metrics.to_dict()["uptime_seconds"] > 0

            await tracker.remove_trading_pair("ETH-ZAR")
            assert list(tracker.metrics.per_pair_metrics) == ["BTC-ZAR"]
            assert tracker.metrics.total_diffs_processed == 2 and tracker.metrics.total_trades_processed == 1


async def test_pairs_can_be_added_and_removed_at_run_time(monkeypatch, connector, caplog):
    async with TradeServer() as server:
        async with started(make_tracker(connector, ["BTC-ZAR"]), server, monkeypatch) as tracker:
            await tracker.wait_ready()
            assert await tracker.add_trading_pair("ETH-ZAR")
            assert not await tracker.add_trading_pair("ETH-ZAR")
            assert not await tracker.add_trading_pair("NO-PAIR")
            assert set(tracker.order_books) == {"BTC-ZAR", "ETH-ZAR"}
            assert tracker._trading_pairs == ["BTC-ZAR", "ETH-ZAR"]

            assert await tracker.remove_trading_pair("BTC-ZAR")
            assert not await tracker.remove_trading_pair("BTC-ZAR")
            assert set(tracker.order_books) == {"ETH-ZAR"} and tracker.data_source.books_verified
            await server.send(diff_frame("ETHZAR", 501, "7"))
            await until(lambda: levels(tracker.order_books["ETH-ZAR"])[0][0] == (100.0, 7.0))
            assert tracker.data_source.counters().resyncs == 0


async def test_a_pair_without_a_book_can_be_removed_and_the_rest_becomes_ready(monkeypatch, connector):
    async with TradeServer() as server:
        async with started(make_tracker(connector, ["NO-PAIR", "BTC-ZAR"]), server, monkeypatch) as tracker:
            await until(lambda: "BTC-ZAR" in tracker.order_books)
            assert not tracker.ready and not tracker.data_source.books_verified
            # A pair more does not have to wait for the bad one.
            assert await tracker.add_trading_pair("ETH-ZAR")

            assert await tracker.remove_trading_pair("NO-PAIR")
            await asyncio.wait_for(tracker.wait_ready(), 5)
            assert tracker.data_source.books_verified


async def test_last_prices_come_from_one_request_a_minute(monkeypatch, connector):
    pauses = []
    slept = asyncio.Event()

    async def pause(delay: float):
        pauses.append(delay)
        slept.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(ValrOrderBookTracker, "_sleep", staticmethod(pause))
    async with TradeServer() as server:
        async with started(make_tracker(connector, ["BTC-ZAR", "ETH-ZAR"]), server, monkeypatch) as tracker:
            await asyncio.wait_for(slept.wait(), 5)

            assert tracker.order_books["BTC-ZAR"].last_trade_price == 1_800_000.0
            assert tracker.order_books["ETH-ZAR"].last_trade_price != tracker.order_books["ETH-ZAR"].last_trade_price
            assert [request["path_url"] for request in connector.requests] == [SUMMARY]
            assert pauses == [60.0]


async def test_a_price_from_a_trade_is_not_replaced(monkeypatch, connector):
    tracker = make_tracker(connector, ["BTC-ZAR"])
    async with TradeServer() as server, started(tracker, server, monkeypatch):
        await tracker.wait_ready()
        await server.send(trade_frame("BTCZAR", "a", price="99"))
        await until(lambda: tracker.order_books["BTC-ZAR"].last_trade_price == 99.0)

        connector.requests.clear()
        await tracker._update_last_trade_prices()
        assert tracker.order_books["BTC-ZAR"].last_trade_price == 99.0 and connector.requests == []


async def test_a_pair_that_valr_knows_no_price_of_keeps_its_own(monkeypatch, connector):
    tracker = make_tracker(connector, ["ETH-ZAR"])
    async with TradeServer() as server, started(tracker, server, monkeypatch):
        await tracker.wait_ready()
        tracker.order_books["ETH-ZAR"].last_trade_price = 5.0

        await tracker._update_last_trade_prices()
        assert tracker.order_books["ETH-ZAR"].last_trade_price == 5.0


@pytest.mark.parametrize("reply", [
    ValrAPIError(429, "GET", SUMMARY), [{"currencyPair": "BTCZAR"}],
    [{"currencyPair": "BTCZAR", "lastTradedPrice": "x"}], {"code": 1}, None])
async def test_last_prices_are_asked_again_after_a_failure(monkeypatch, connector, reply):
    pauses = []

    async def pause(delay: float):
        pauses.append(delay)
        await asyncio.sleep(0)

    monkeypatch.setattr(ValrOrderBookTracker, "_sleep", staticmethod(pause))
    good, connector.rest[SUMMARY] = connector.rest[SUMMARY], reply
    async with TradeServer() as server:
        async with started(make_tracker(connector, ["BTC-ZAR"]), server, monkeypatch) as tracker:
            await until(lambda: len(pauses) > 2)
            connector.rest[SUMMARY] = good
            await until(lambda: tracker.order_books["BTC-ZAR"].last_trade_price == 1_800_000.0)


async def test_start_and_stop_leave_nothing_behind_and_can_be_repeated(monkeypatch, connector):
    async with TradeServer() as server:
        before = asyncio.all_tasks()
        tracker = make_tracker(connector, ["BTC-ZAR"])
        monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, server.url)
        for _ in range(3):
            tracker.start()
            await asyncio.wait_for(tracker.wait_ready(), 5)
            assert tracker.data_source.books_verified
            tracker.stop()
            assert not tracker.ready and not tracker.data_source.books_verified
        tracker.start()
        await asyncio.sleep(0)
        tracker.start()
        await asyncio.wait_for(tracker.wait_ready(), 5)
        await until(lambda: len(server.open_sockets) == 1)
        assert tracker.data_source.books_verified

        tracker.stop()
        await until(lambda: not server.open_sockets)
        await until(lambda: not [task for task in asyncio.all_tasks() - before if "RequestHandler" not in repr(task)])


async def test_paper_trade_gets_books_of_its_own_kind(monkeypatch, connector):
    tracker = make_tracker(connector, ["BTC-ZAR"])
    tracker.data_source.order_book_create_function = CompositeOrderBook
    async with TradeServer() as server, started(tracker, server, monkeypatch):
        await asyncio.wait_for(tracker.wait_ready(), 5)
        assert type(tracker.order_books["BTC-ZAR"]) is CompositeOrderBook


async def test_the_stock_tracker_can_use_the_data_source_too(monkeypatch, connector):
    tracker = make_tracker(connector, ["BTC-ZAR"], tracker_class=OrderBookTracker)
    async with TradeServer() as server, started(tracker, server, monkeypatch):
        await until(lambda: "BTC-ZAR" in tracker.order_books)
        await server.send(diff_frame("BTCZAR", 501, "7"))
        await until(lambda: levels(tracker.order_books["BTC-ZAR"])[0][0] == (100.0, 7.0))
