"""Whatever VALR, or somebody between, sends: no crash, no hang, one line in the log, and no order declared dead."""
import asyncio
import itertools
import logging
from decimal import Decimal
from test.hummingbot.connector.exchange.valr import junk
from test.hummingbot.connector.exchange.valr.account_server import KEY, SECRET, AccountServer
from test.hummingbot.connector.exchange.valr.helpers import until
from typing import Any, Callable, List

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from bidict import bidict
from hypothesis import HealthCheck, example, given, settings, strategies as st

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_parsers as parsers
from hummingbot.connector.exchange.valr.valr_errors import (
    ValrAPIError,
    ValrCommandNotSent,
    ValrLoginRefused,
    ValrOrderRejected,
    ValrOutcomeUnknown,
)
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.connector.exchange.valr.valr_order_book import BookFault, ValrOrderBook
from hummingbot.connector.exchange.valr.valr_pairs import ValrPairs
from hummingbot.connector.exchange.valr.valr_tracked_book import TrackedBook
from hummingbot.connector.exchange.valr.valr_trade_socket import ValrTradeSocket, aggregated_rows
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_tracker import OrderBookTrackerMetrics

LONGEST_LINE = 1_000
OUTCOMES = (ValrOrderRejected, ValrOutcomeUnknown, ValrCommandNotSent)

pure = settings(max_examples=200, deadline=None, derandomize=True,
                suppress_health_check=[HealthCheck.function_scoped_fixture])
with_sockets = settings(max_examples=40, deadline=None, derandomize=True,
                        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

trade_frames = st.sampled_from(junk.captured("trade"))
account_frames = st.sampled_from(junk.captured("account"))
replies = st.sampled_from(junk.captured("rest"))
place_replies = st.sampled_from([
    {"id": "0192b7f0-0000-7000-8000-000000000002"},
    *(frame for frame in junk.captured("account") if str(frame.get("type")).startswith("PLACE_LIMIT"))])
rows = junk.spoilt(st.sampled_from(junk.captured_rows()))


def is_one_line(text: str) -> bool:
    return len(text.splitlines()) <= 1 and len(text) <= LONGEST_LINE and text.isprintable()


def assert_quiet(records: List[logging.LogRecord], most: int):
    """At most so many records, each one line without a traceback."""
    messages = [record.getMessage() for record in records]
    assert not [record for record in records if record.exc_info], messages
    assert all(map(is_one_line, messages)), messages
    assert len(records) <= most, messages


# === Parsers ===

TRADED = {"id": "1", "orderId": "a", "price": "1", "quantity": "1", "tradedAt": "2026-01-01T00:00:00Z"}
PAIR = {"tickSize": "1", "baseDecimalPlaces": "8", "minBaseAmount": "1", "maxBaseAmount": "2", "minQuoteAmount": "1"}
LISTED = PAIR | {"symbol": "FUZZZAR", "baseCurrency": "FUZZ", "quoteCurrency": "R", "active": True}

PARSERS: List[Callable[[Any], Any]] = [
    parsers.order_report,
    parsers.open_order,
    parsers.fill,
    parsers.balance,
    parsers.placement_outcome,
    parsers.failure,
    parsers.fee_rates,
    parsers.pair,
    lambda row: parsers.trading_rule(row, "BTC-ZAR", True),
    parsers.open_order_rows,
    parsers.latest_report,
    parsers.asset,
    aggregated_rows,
]


@pytest.mark.parametrize("parse", PARSERS)
@pure
@given(row=rows | junk.values)
@example(row=TRADED | {"price": "1e999999999", "quantity": "1e-999999999"})
@example(row=PAIR | {"baseDecimalPlaces": "1e999999999"})
@example(row=PAIR | {"baseDecimalPlaces": "-1"})
@example(row={"orderId": "a", "originalQuantity": "1e999999999", "remainingQuantity": "-1e999999999"})
@example(row={"Asks": [], "Bids": [{"price": "nan", "quantity": "1"}]})
@example(row={"Asks": [], "Bids": [], "SequenceNumber": 2 ** 63})
def test_a_row_is_understood_or_refused_with_one_line(parse, row):
    try:
        parse(row)
    except ValueError as error:
        assert is_one_line(str(error))


@pure
@given(row=rows)
@example(row=TRADED | {"customerOrderId": ["a"]})
@example(row=TRADED | {"price": "1e999999999", "quantity": "1e999999999"})
def test_ids_and_amounts_are_what_they_seem(row):
    try:
        fill = parsers.fill(row)
    except ValueError:
        return
    assert fill.trade_id and fill.exchange_order_id and fill.client_order_id != ""
    assert all(isinstance(text, str) for text in (fill.trade_id, fill.exchange_order_id, fill.client_order_id or ""))
    assert (fill.price * fill.quantity).is_finite()


@pure
@given(spoilt_pairs=st.lists(junk.spoilt(st.sampled_from(junk.captured_pairs())) | junk.values, max_size=4))
@example(spoilt_pairs=[{**LISTED, "symbol": ["BTCZAR"]}, {**LISTED, "baseCurrency": "B\nC"}, [], None])
def test_a_pair_that_cannot_be_read_costs_no_other_one(spoilt_pairs, caplog):
    caplog.clear()
    pairs = ValrPairs(logging.getLogger("test.pairs"))
    pairs.set_order_types([{"currencyPair": "FUZZZAR", "orderTypes": ["LIMIT", "MARKET"]}])
    rows = [*spoilt_pairs, LISTED]

    assert pairs.symbols(rows)["FUZZZAR"] == "FUZZ-ZAR"
    assert [rule.trading_pair for rule in pairs.rules(rows)][-1] == "FUZZ-ZAR"
    assert_quiet(caplog.records, most=2 * len(spoilt_pairs))


@pure
@given(status=st.integers(400, 599), body=junk.texts(replies).map(lambda text: text.decode(errors="replace")))
def test_an_error_of_rest_is_one_line(status, body):
    assert is_one_line(str(ValrAPIError(status, "GET", "/v1/account/balances", body)))


# === Order books ===

levels = st.lists(st.lists(st.sampled_from(["1", "2", "3.5", "0"]) | junk.scalars, min_size=1, max_size=3), max_size=4)
EMPTY = {"sq": 1, "cs": 0, "b": [], "a": []}  # the checksum of an empty book is 0
book_data = junk.spoilt(st.fixed_dictionaries({
    "sq": st.integers(1, 3) | st.sampled_from([2 ** 63, 2 ** 70, 1.0, True, float("inf")]),
    "cs": st.sampled_from([0, 2_212_294_583, 1_842_515_611]),
    "b": levels,
    "a": levels,
}))


@pure
@given(snapshot=book_data, changes=st.lists(book_data, max_size=4))
@example(snapshot=EMPTY | {"b": [[10 ** 400, "1"]]}, changes=[])
@example(snapshot=EMPTY | {"sq": 2 ** 63}, changes=[])
@example(snapshot=EMPTY, changes=[EMPTY | {"sq": 2.0}])
@example(snapshot=None, changes=[EMPTY | {"sq": None}])
@example(snapshot=None, changes=[EMPTY | {"sq": "two\nlines"}, EMPTY])
def test_a_book_is_verified_or_faulty(snapshot, changes):
    book, served = ValrOrderBook(), OrderBook()
    verdicts = [book.apply_snapshot(snapshot), *map(book.apply_diff, changes)]
    for index, verdict in enumerate(verdicts):
        if isinstance(verdict, BookFault):
            assert is_one_line(verdict.text)
        elif verdict is not None:
            (served.apply_diffs if index else served.apply_snapshot)(*verdict)
    if any(isinstance(verdict, BookFault) for verdict in verdicts[-1:]):
        assert not book.is_synchronized


class Junkyard:
    """A server that says what it is told to every client that connects, and hangs up."""

    def __init__(self):
        self.texts: List[bytes] = []
        application = web.Application()
        application.router.add_get("/", self._serve)
        self._server = TestServer(application)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for text in self.texts:
            # By hand, because aiohttp does not send what is no UTF-8.
            length = bytes([len(text)]) if len(text) < 126 else b"\x7f" + len(text).to_bytes(8)
            request.transport.write(b"\x81" + length + text)
        await socket.close()
        return socket

    async def __aenter__(self) -> "Junkyard":
        await self._server.start_server()
        self.url = str(self._server.make_url("/"))
        return self

    async def __aexit__(self, *_):
        await self._server.close()


@pytest.mark.asyncio
@with_sockets
@given(texts=st.lists(junk.texts(trade_frames), max_size=5))
@example(texts=[b"two\nlines", b"\0", b"[" * 9999])
@example(texts=[b'{"type":"NEW_TRADE","currencyPairSymbol":"BTCUSDT","data":{"tradedAt":"2026-01-01T00:00:00Z",'
                b'"takerSide":"buy","quantity":"1","price":1%s}}' % (b"0" * 400)])
@example(texts=[b'{"type":"AGGREGATED_ORDERBOOK_UPDATE","currencyPairSymbol":["BTCUSDT"],"data":[]}'])
async def test_the_trade_socket_ends_only_with_its_connection(texts, caplog):
    caplog.clear()
    logger = logging.getLogger("test.trade")
    tracked = TrackedBook("BTC-USDT", OrderBook(), OrderBookTrackerMetrics())
    tracked.symbol = "BTCUSDT"
    async with Junkyard() as server, aiohttp.ClientSession() as session:
        server.texts = texts
        socket = ValrTradeSocket(session, logger)
        socket.add(tracked)
        await socket.open(server.url, {})
        with pytest.raises(ConnectionError) as ending:
            await socket.run()
        await socket.close()
    assert is_one_line(str(ending.value))
    assert_quiet([record for record in caplog.records if record.name == logger.name], most=2 * len(texts))


@pytest.mark.asyncio
async def test_a_message_that_is_no_utf8_is_no_refused_login():
    async with Junkyard() as server, aiohttp.ClientSession() as session:
        server.texts = [b"\xff"]
        socket = ValrTradeSocket(session, logging.getLogger("test.trade"))
        await socket.open(server.url, {})
        with pytest.raises(ConnectionError, match="UTF-8") as ending:
            await socket.run()
        await socket.close()
    assert not isinstance(ending.value, ValrLoginRefused)


# === Account ===

ORDER = InFlightOrder(
    "HBOT1", "BTC-ZAR", OrderType.LIMIT, TradeType.BUY, Decimal("0.01"), 1_790_000_000.0, Decimal("1000000"),
    exchange_order_id="0192b7f0-0000-7000-8000-000000000001", initial_state=OrderState.OPEN)
STATUS = {"orderId": ORDER.exchange_order_id, "customerOrderId": "HBOT1", "orderStatusType": "Placed",
          "originalQuantity": "0.01", "remainingQuantity": "0.01"}


@pytest_asyncio.fixture
async def server(monkeypatch):
    monkeypatch.setattr(CONSTANTS, "SOCKET_REPLY_TIMEOUT", 0.1)
    server = AccountServer()
    server.rest["/v1/orders/BTCZAR/customerorderid/HBOT1"] = STATUS
    server.rest[CONSTANTS.API_KEY_PATH] = {"permissions": [CONSTANTS.VIEW_PERMISSION, CONSTANTS.TRADE_PERMISSION]}
    # Older than the events, so that it does not count.
    server.rest[CONSTANTS.BALANCES_PATH] = [
        {"currency": "FUZZ", "available": "0", "reserved": "0", "updatedAt": "2020-01-01T00:00:00Z"}]
    await server.start()
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, server.url)
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def exchange(server):
    """The connector with an open order, of which only the account is started."""
    exchange = ValrExchange(KEY, SECRET, trading_pairs=["BTC-ZAR"], domain=CONSTANTS.SIMULATOR_DOMAIN)
    exchange._set_trading_pair_symbol_map(bidict({"BTCZAR": "BTC-ZAR"}))
    exchange._set_current_timestamp(1_790_000_000.0)
    exchange._order_tracker.start_tracking_order(ORDER)
    tasks = [asyncio.ensure_future(exchange._user_stream_tracker.start()),
             asyncio.ensure_future(exchange._user_stream_event_listener())]
    await until(lambda: exchange.user_stream_data_source.connected)
    yield exchange
    for task in tasks:
        task.cancel()
    await exchange.stop_network()


numbers = itertools.count(1)


@pytest.mark.asyncio
@with_sockets
@given(frames=st.lists(junk.texts(account_frames), max_size=5))
@example(frames=[b'{"type":"OPEN_ORDERS_UPDATE","data":[[]]}', b'{"type":"BALANCE_UPDATE"}'])
@example(frames=[b'{"type":"OPEN_ORDERS_UPDATE","data":[{"orderId":["a"]}]}'])
@example(frames=[b'{"type":"NEW_ACCOUNT_TRADE","data":{"customerOrderId":"HBOT1","orderId":"a","id":"1",'
                 b'"price":"1e999999999","quantity":"1e999999999","tradedAt":"2026-01-01T00:00:00Z"}}'])
async def test_the_account_goes_on_after_whatever_comes(server, exchange, caplog, frames):
    caplog.clear()
    number = next(numbers)
    for frame in frames:
        await server.send(frame.decode(errors="replace"))
    await server.send({"type": "BALANCE_UPDATE", "data": {
        "currency": {"symbol": "FUZZ"}, "available": str(number), "reserved": "0",
        "updatedAt": "2026-01-01T00:00:00Z"}})
    await until(lambda: exchange.get_balance("FUZZ") == number)

    assert_quiet([record for record in caplog.records if "valr" in record.name], most=len(frames))
    assert exchange.in_flight_orders["HBOT1"].is_open
    assert len(server.handshakes) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("socket", [True, False], ids=["socket", "rest"])
@with_sockets
@given(reply=junk.spoilt(place_replies | replies | account_frames),
       status=st.sampled_from([200, 201, 202, 400, 404, 429, 500]))
@example(reply={"id": ["a"], "data": {"orderId": ["a"]}}, status=201)
@example(reply={"code": -11, "message": "two\nlines", "error": {"message": "two\nlines" * 200}}, status=400)
async def test_a_placement_has_one_of_four_outcomes(server, exchange, caplog, socket, reply, status):
    caplog.clear()
    exchange.user_stream_data_source._is_logged_in = socket
    server.rest[CONSTANTS.PLACE_LIMIT_PATH] = lambda _: web.json_response(reply, status=status)
    server.commands[CONSTANTS.PLACE_LIMIT_COMMAND] = lambda frame: [
        {**reply, "type": CONSTANTS.PLACE_LIMIT_REPLY, "clientMsgId": frame["clientMsgId"]}
        if isinstance(reply, dict) else reply]
    try:
        placement = await exchange.order_entry.place_limit(
            "HBOT2", "BTCZAR", True, Decimal("0.01"), Decimal("1000000"), post_only=False)
    except OUTCOMES as error:
        assert is_one_line(str(error))
    else:
        assert isinstance(placement.exchange_order_id, str) and placement.exchange_order_id
