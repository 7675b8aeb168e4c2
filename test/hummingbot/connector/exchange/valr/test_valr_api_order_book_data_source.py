import asyncio
import logging
from contextlib import asynccontextmanager
from test.hummingbot.connector.exchange.valr.helpers import until
from test.hummingbot.connector.exchange.valr.trade_server import TradeServer, book_frame, diff_frame, trade_frame
from typing import Any, AsyncIterator, Dict, List, Optional

import pytest
from bidict import bidict

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_web_utils as web_utils
from hummingbot.connector.exchange.valr.valr_api_order_book_data_source import ValrAPIOrderBookDataSource
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.connector.time_synchronizer import TimeSynchronizer
from hummingbot.core.data_type.order_book_message import OrderBookMessageType

pytestmark = pytest.mark.asyncio

DOMAIN = CONSTANTS.SIMULATOR_DOMAIN
REST_BOOK_PATH = CONSTANTS.ORDER_BOOK_PATH.format(symbol="BTCZAR")
REST_BOOK = {
    "Asks": [{"side": "sell", "quantity": "3", "price": "201", "currencyPair": "BTCZAR", "orderCount": 1}],
    "Bids": [{"side": "buy", "quantity": "2", "price": "200", "currencyPair": "BTCZAR", "orderCount": 1}],
    "LastChange": "2026-01-01T00:00:00Z", "SequenceNumber": 9_700_000_000,
}


class Connector:
    """What the data source asks of the exchange class; `rest[path]` is the reply to a request, or the error."""

    get_all_pairs_prices = ValrExchange.get_all_pairs_prices
    get_last_traded_prices = ValrExchange.get_last_traded_prices

    def __init__(self, pairs: Dict[str, str]):
        self.symbols = bidict(pairs)
        self.rest: Dict[str, Any] = {}
        self.requests: List[Dict[str, Any]] = []

    async def trading_pair_symbol_map(self) -> bidict:
        return self.symbols

    async def exchange_symbol_associated_to_pair(self, trading_pair: str) -> str:
        return self.symbols.inverse[trading_pair]

    async def _api_get(self, **request: Any) -> Any:
        self.requests.append(request)
        reply = self.rest[request["path_url"]]
        if isinstance(reply, Exception):
            raise reply
        return reply


@pytest.fixture
def connector() -> Connector:
    return Connector({"BTCZAR": "BTC-ZAR", "ETHZAR": "ETH-ZAR", "XRPZAR": "XRP-ZAR"})


@pytest.fixture
def auth() -> ValrAuth:
    return ValrAuth("key", "secret", TimeSynchronizer())


def make_source(connector: Connector, pairs: List[str], auth: Optional[ValrAuth] = None) -> ValrAPIOrderBookDataSource:
    return ValrAPIOrderBookDataSource(pairs, connector, web_utils.build_api_factory(domain=DOMAIN), DOMAIN, auth)


@asynccontextmanager
async def listening(source: ValrAPIOrderBookDataSource, server: TradeServer,
                    monkeypatch) -> AsyncIterator[asyncio.Task]:
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, server.url)
    task = asyncio.create_task(source.listen_for_subscriptions())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def errors(caplog) -> List[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_serves_live_order_books(monkeypatch, connector):
    source = make_source(connector, ["BTC-ZAR", "ETH-ZAR"])
    assert not source.books_verified
    async with TradeServer() as server, listening(source, server, monkeypatch):
        order_book = await source.get_new_order_book("BTC-ZAR")
        await source.get_new_order_book("ETH-ZAR")
        assert source.books_verified

        await server.send(diff_frame("BTCZAR", 501, "7"))
        await until(lambda: next(order_book.bid_entries()).amount == 7.0)

        counters = source.counters()
        assert (counters.frames, counters.snapshots, counters.gaps, counters.reconnects) == (1, 2, 0, 0)
        assert counters.feeds == {"BTC-ZAR": CONSTANTS.BOOK_EVENT, "ETH-ZAR": CONSTANTS.BOOK_EVENT}
        assert counters.unverified == {}
        assert connector.requests == []
    assert not source.books_verified


async def test_counters_tell_what_happened(monkeypatch, connector):
    source = make_source(connector, ["BTC-ZAR", "ETH-ZAR"])
    async with TradeServer() as server, listening(source, server, monkeypatch):
        await until(lambda: source.books_verified)
        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: []
        await server.send(diff_frame("BTCZAR", 501), trade_frame("ETHZAR", "a"), trade_frame("ETHZAR", "a"),
                          diff_frame("ETHZAR", 505))
        await until(lambda: not source.books_verified)

        counters = source.counters()
        assert (counters.frames, counters.trades, counters.repeated_trades) == (1, 1, 1)
        assert (counters.gaps, counters.checksum_failures, counters.resyncs) == (1, 0, 1)
        assert list(counters.unverified) == ["ETH-ZAR"] and "gap" in counters.unverified["ETH-ZAR"]
        await server.send(book_frame("ETHZAR", 600))
        await until(lambda: source.books_verified)
        assert 0 < source.counters().longest_resync < 5

        metrics = source.metrics
        assert (metrics.total_diffs_processed, metrics.total_snapshots_processed, metrics.total_trades_processed) \
            == (1, 3, 1)


async def test_a_pair_that_valr_does_not_have_is_one_error_and_the_others_run_on(monkeypatch, caplog, connector):
    source = make_source(connector, ["BTC-ZAR", "NO-PAIR"])
    async with TradeServer() as server, listening(source, server, monkeypatch):
        await source.get_new_order_book("BTC-ZAR")

        error, = errors(caplog)
        assert "NO-PAIR" in error and "correct" in error
        assert not source.books_verified
        assert "NO-PAIR" in source.counters().unverified
        assert not server.subscriptions() or "NOPAIR" not in str(server.subscriptions())


async def test_waits_for_the_list_of_pairs(monkeypatch, connector):
    pauses = []

    async def pause(seconds: float):
        pauses.append(seconds)
        if len(pauses) == 5:
            connector.symbols.update({"BTCZAR": "BTC-ZAR"})

    connector.symbols.clear()
    source = make_source(connector, ["BTC-ZAR"])
    monkeypatch.setattr(source, "_sleep", pause)
    async with TradeServer() as server, listening(source, server, monkeypatch):
        await until(lambda: source.books_verified)

    assert pauses == [5.0, 10.0, 20.0, 40.0, 60.0]


async def test_an_unexpected_error_is_not_the_end(monkeypatch, caplog, connector):
    async def fail(trading_pair: str):
        connector.exchange_symbol_associated_to_pair = works
        raise RuntimeError("a bug")

    pauses = []

    async def pause(seconds: float):
        pauses.append(seconds)

    works = connector.exchange_symbol_associated_to_pair
    connector.exchange_symbol_associated_to_pair = fail
    source = make_source(connector, ["BTC-ZAR"])
    monkeypatch.setattr(source, "_sleep", pause)
    async with TradeServer() as server, listening(source, server, monkeypatch):
        await until(lambda: source.books_verified)

    assert pauses == [5.0]
    assert len(errors(caplog)) == 1 and "a bug" in caplog.text


async def test_a_pair_that_is_named_twice_is_tracked_once(monkeypatch, connector):
    source = make_source(connector, ["BTC-ZAR", "BTC-ZAR"])
    async with TradeServer() as server, listening(source, server, monkeypatch):
        await until(lambda: source.books_verified)
        assert server.subscriptions()[0] == (CONSTANTS.BOOK_EVENT, ["BTCZAR"])


async def test_many_pairs_are_spread_over_several_sockets(monkeypatch):
    pairs = {f"A{number}ZAR": f"A{number}-ZAR" for number in range(120)}
    source = make_source(Connector(pairs), list(pairs.values()))
    async with TradeServer() as server, listening(source, server, monkeypatch):
        await until(lambda: source.books_verified)

        books = [dict(received)[CONSTANTS.BOOK_EVENT] for received in server.received]
        assert sorted(len(symbols) for symbols in books) == [20, 50, 50]
        assert sorted(symbol for symbols in books for symbol in symbols) == sorted(pairs)


async def test_a_pair_can_be_added_and_removed(monkeypatch, connector):
    source = make_source(connector, ["BTC-ZAR"])
    async with TradeServer() as server, listening(source, server, monkeypatch):
        await until(lambda: source.books_verified)
        assert await source.subscribe_to_trading_pair("ETH-ZAR")
        assert source.books_verified and source._trading_pairs == ["BTC-ZAR", "ETH-ZAR"]
        order_book = await source.get_new_order_book("ETH-ZAR")
        await server.send(diff_frame("ETHZAR", 501))
        await until(lambda: order_book.last_diff_uid == 501)

        assert await source.unsubscribe_from_trading_pair("BTC-ZAR")
        assert await source.unsubscribe_from_trading_pair("ETH-ZAR")
        await until(lambda: not server.open_sockets)

        assert source._trading_pairs == []
        assert not await source.unsubscribe_from_trading_pair("ETH-ZAR")
        assert source.metrics.total_diffs_processed == 1
        assert await source.subscribe_to_trading_pair("XRP-ZAR")
        assert len(server.open_sockets) == 1


async def test_a_pair_that_cannot_be_added_leaves_nothing_behind(monkeypatch, caplog, connector):
    source = make_source(connector, ["BTC-ZAR"])
    assert not await source.subscribe_to_trading_pair("ETH-ZAR")
    async with TradeServer() as server, listening(source, server, monkeypatch):
        await until(lambda: source.books_verified)
        caplog.clear()
        assert not await source.subscribe_to_trading_pair("NO-PAIR")
        for event in (CONSTANTS.BOOK_EVENT, CONSTANTS.AGGREGATED_BOOK_EVENT):
            server.first_frame[event] = lambda symbol, event=event: [
                {"type": "ERROR", "message": f"Channel {event}, pair {symbol} combination invalid"}]
        assert not await source.subscribe_to_trading_pair("ETH-ZAR")

        assert len(errors(caplog)) == 2
        assert source.books_verified and list(source.counters().feeds) == ["BTC-ZAR"]
        monkeypatch.setattr(source, "SOCKET_BOOK_TIMEOUT", 0.05)
        server.first_frame = {}
        assert not await source.subscribe_to_trading_pair("XRP-ZAR")
        assert "XRP-ZAR" in caplog.messages[-1]


async def test_a_removed_pair_is_not_waited_for(monkeypatch, connector):
    source = make_source(connector, ["BTC-ZAR"])
    waiting = asyncio.create_task(source.get_new_order_book("BTC-ZAR"))
    await asyncio.sleep(0)
    await source.unsubscribe_from_trading_pair("BTC-ZAR")

    with pytest.raises(ValueError, match="BTC-ZAR"):
        await waiting


async def test_a_signed_rest_book_stands_in_while_the_socket_delivers_none(monkeypatch, caplog, connector, auth):
    connector.rest[REST_BOOK_PATH] = REST_BOOK
    source = make_source(connector, ["BTC-ZAR"], auth)
    monkeypatch.setattr(source, "SOCKET_BOOK_TIMEOUT", 0.05)
    async with TradeServer() as server:
        server.first_frame = {}
        async with listening(source, server, monkeypatch):
            order_book = await source.get_new_order_book("BTC-ZAR")

            assert order_book.get_price(True) == 201.0
            assert not source.books_verified
            request, = connector.requests
            assert request == {
                "path_url": REST_BOOK_PATH, "is_auth_required": True, "limit_id": CONSTANTS.ORDER_BOOK_PATH}
            assert "not verified" in caplog.text

            await server.send(book_frame("BTCZAR", 7))
            await until(lambda: source.books_verified)
            assert order_book.get_price(True) == 101.0 and order_book.get_price(False) == 100.0


async def test_rest_is_not_asked_for_a_book_without_keys(monkeypatch, connector):
    source = make_source(connector, ["BTC-ZAR"])
    monkeypatch.setattr(source, "SOCKET_BOOK_TIMEOUT", 0.01)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(source.get_new_order_book("BTC-ZAR"), 0.1)

    assert connector.requests == []


async def test_a_rest_book_that_comes_too_late_is_not_served(monkeypatch, connector, auth):
    source = make_source(connector, ["BTC-ZAR"], auth)
    monkeypatch.setattr(source, "SOCKET_BOOK_TIMEOUT", 0.01)
    async with TradeServer() as server:
        server.first_frame = {}

        async def answer_late(**request):
            await until(lambda: server.sockets and server.subscriptions())
            await server.send(book_frame("BTCZAR", 7))
            await until(lambda: source.books_verified)
            return REST_BOOK

        monkeypatch.setattr(connector, "_api_get", answer_late)
        async with listening(source, server, monkeypatch):
            order_book = await source.get_new_order_book("BTC-ZAR")
            assert order_book.get_price(True) == 101.0 and source.books_verified


async def test_a_failing_rest_book_is_one_line(monkeypatch, caplog, connector, auth):
    connector.rest[REST_BOOK_PATH] = ValrAPIError(503, "GET", REST_BOOK_PATH)
    source = make_source(connector, ["BTC-ZAR"], auth)
    monkeypatch.setattr(source, "SOCKET_BOOK_TIMEOUT", 0.01)
    waiting = asyncio.create_task(source.get_new_order_book("BTC-ZAR"))
    await until(lambda: "503" in caplog.text)

    assert len(caplog.records) == 1 and caplog.records[0].exc_info is None
    assert not waiting.done()
    waiting.cancel()


async def test_a_rest_snapshot_as_hummingbot_knows_it(connector, auth):
    connector.rest[REST_BOOK_PATH] = REST_BOOK
    message = await make_source(connector, ["BTC-ZAR"], auth)._order_book_snapshot("BTC-ZAR")

    assert message.type is OrderBookMessageType.SNAPSHOT
    assert message.trading_pair == "BTC-ZAR" and message.update_id == 9_700_000_000
    assert [tuple(row) for row in message.bids] == [(200.0, 2.0, 9_700_000_000)]
    assert [tuple(row) for row in message.asks] == [(201.0, 3.0, 9_700_000_000)]


async def test_last_prices_of_all_pairs_come_from_one_request(connector):
    connector.rest[CONSTANTS.MARKET_SUMMARY_PATH] = [
        {"currencyPair": "BTCZAR", "lastTradedPrice": "1800000"}, {"currencyPair": "ETHZAR", "lastTradedPrice": "0"},
        {"currencyPair": "BTCUSDTPERP", "lastTradedPrice": "1"}]
    source = make_source(connector, ["BTC-ZAR", "ETH-ZAR", "XRP-ZAR"])

    prices = await source.get_last_traded_prices(["BTC-ZAR", "ETH-ZAR", "XRP-ZAR"], DOMAIN)

    assert prices == {"BTC-ZAR": 1_800_000.0}
    assert len(connector.requests) == 1


async def test_a_pair_that_is_not_listed_any_more_takes_no_last_price_from_another(connector):
    connector.rest[CONSTANTS.MARKET_SUMMARY_PATH] = [
        {"currencyPair": "BTCZAR", "lastTradedPrice": "1800000"}, {"currencyPair": "OLDZAR", "lastTradedPrice": "7"}]
    source = make_source(connector, ["OLD-ZAR", "BTC-ZAR"])

    assert await source.get_last_traded_prices(["OLD-ZAR", "BTC-ZAR"], DOMAIN) == {"BTC-ZAR": 1_800_000.0}


async def test_stops_at_once_and_starts_again(monkeypatch, connector):
    source = make_source(connector, ["BTC-ZAR"])
    async with TradeServer() as server:
        async with listening(source, server, monkeypatch):
            order_book = await source.get_new_order_book("BTC-ZAR")
            source.stop()
            assert not source.books_verified
            await server.send(diff_frame("BTCZAR", 501, "7"))
        await until(lambda: not server.open_sockets)
        assert next(order_book.bid_entries()).amount == 1.5

        async with listening(source, server, monkeypatch):
            assert await source.get_new_order_book("BTC-ZAR") is order_book
            assert source.books_verified
            await server.close()
            await until(lambda: source.counters().reconnects == 1)
    assert source.counters().reconnects == 1


async def test_an_old_run_that_still_ends_does_not_disturb_a_new_one(monkeypatch, connector):
    source = make_source(connector, ["BTC-ZAR"])
    async with TradeServer() as server, listening(source, server, monkeypatch) as first:
        await until(lambda: source.books_verified)
        source.stop()
        first.cancel()
        async with listening(source, server, monkeypatch):
            await until(lambda: source.books_verified)
            await until(first.done)
            await until(lambda: len(server.open_sockets) == 1)
            await server.send(diff_frame("BTCZAR", 501, "7"))
            await until(lambda: source.counters().frames == 1)
            assert source.books_verified


async def test_the_queues_of_hummingbot_stay_empty(monkeypatch, connector):
    source = make_source(connector, ["BTC-ZAR"])
    queue: asyncio.Queue = asyncio.Queue()
    loop = asyncio.get_running_loop()

    await source.listen_for_order_book_diffs(loop, queue)
    await source.listen_for_order_book_snapshots(loop, queue)
    await source.listen_for_trades(loop, queue)

    assert queue.empty() and connector.requests == []
