import asyncio
import logging
from contextlib import asynccontextmanager
from test.hummingbot.connector.exchange.valr.helpers import until
from test.hummingbot.connector.exchange.valr.trade_server import TradeServer, book_frame, diff_frame
from typing import AsyncIterator, List, Optional

import aiohttp
import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_web_utils as web_utils
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.exchange.valr.valr_throttler import ValrThrottler
from hummingbot.connector.exchange.valr.valr_tracked_book import TrackedBook
from hummingbot.connector.exchange.valr.valr_trade_feed import ValrTradeFeed, ValrTradeSocketFactory
from hummingbot.connector.exchange.valr.valr_trade_socket import ValrTradeSocket
from hummingbot.connector.time_synchronizer import TimeSynchronizer
from hummingbot.core.api_throttler.data_types import RateLimit
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_tracker import OrderBookTrackerMetrics

pytestmark = pytest.mark.asyncio

DOMAIN = CONSTANTS.SIMULATOR_DOMAIN
LOGGER = logging.getLogger("valr")


@pytest.fixture
def book() -> TrackedBook:
    book = TrackedBook("BTC-ZAR", OrderBook(), OrderBookTrackerMetrics())
    book.symbol = "BTCZAR"
    return book


@pytest.fixture
def auth() -> ValrAuth:
    return ValrAuth("key", "secret", TimeSynchronizer())


@pytest.fixture(autouse=True)
def short_delays(monkeypatch):
    monkeypatch.setattr(CONSTANTS, "RECONNECT_CLEAN_DELAY", 0.02)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MIN_DELAY", 0.05)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MAX_DELAY", 0.2)


@asynccontextmanager
async def running(server: TradeServer, monkeypatch, books: List[TrackedBook],
                  auth: Optional[ValrAuth] = None,
                  throttler: Optional[ValrThrottler] = None) -> AsyncIterator[ValrTradeFeed]:
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, server.url)
    async with aiohttp.ClientSession() as session:
        sockets = ValrTradeSocketFactory(
            session, throttler or web_utils.create_throttler(), auth, DOMAIN, LOGGER)
        feed = ValrTradeFeed(sockets, LOGGER)
        for book in books:
            feed.add(book)
        task = asyncio.create_task(feed.run())
        try:
            yield feed
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def warnings(caplog) -> List[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_reconnects_after_a_close_and_says_it_in_one_line(monkeypatch, caplog, book):
    async with TradeServer() as server, running(server, monkeypatch, [book]) as feed:
        await until(lambda: book.is_verified)
        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: [book_frame(symbol, 7, bids=[["98", "1"]])]

        await server.close(1012, "restart")
        await until(lambda: not book.is_verified)
        await until(lambda: book.is_verified)

        # The sequence of a new connection may start anywhere.
        assert book.order_book.snapshot_uid == 7 and book.order_book.get_price(False) == 98.0
        line, = warnings(caplog)
        assert "1012" in line and "restart" in line and "BTC-ZAR" in line
        assert not [record for record in caplog.records if record.exc_info]
        assert feed.reconnects == 1


async def test_signs_the_handshake_when_there_are_keys(monkeypatch, book, auth):
    async with TradeServer() as server, running(server, monkeypatch, [book], auth):
        await until(lambda: book.is_verified)
        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: [book_frame(symbol, 7)]
        await server.drop()
        await until(lambda: len(server.handshakes) == 2)

        signatures = [headers["X-VALR-SIGNATURE"] for headers in server.handshakes]
        assert len(set(signatures)) == 2
        timestamp = server.handshakes[0]["X-VALR-TIMESTAMP"]
        assert signatures[0] == auth._signature(timestamp, "GET", "/ws/trade", "")


async def test_goes_on_without_keys_that_valr_refuses(monkeypatch, caplog, book, auth):
    async with TradeServer() as server:
        server.handshake_status = 401
        async with running(server, monkeypatch, [book], auth):
            await until(lambda: len(server.handshakes) == 1)
            server.handshake_status = None
            await until(lambda: book.is_verified)

        assert "X-VALR-SIGNATURE" not in server.handshakes[-1]
        refusals = [text for text in warnings(caplog) if "refuses the API key" in text]
        assert len(refusals) == 1
        assert "secret" not in caplog.text


@pytest.mark.parametrize("close", [1007, None])
async def test_a_login_refused_after_the_handshake_is_refused_too(monkeypatch, caplog, book, auth, close):
    async with TradeServer() as server:
        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: []
        if close is None:
            server.greeting = [{"type": "UNAUTHORIZED"}]
        async with running(server, monkeypatch, [book], auth):
            await until(lambda: server.sockets)
            server.greeting = []
            server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: [book_frame(symbol, 1)]
            if close is not None:
                await server.close(close, "Request has an invalid signature")
            await until(lambda: len(server.handshakes) == 2 and book.is_verified)

        assert "X-VALR-SIGNATURE" not in server.handshakes[-1]
        assert len([text for text in warnings(caplog) if "refuses the API key" in text]) == 1


async def test_delays_grow_while_nothing_works(monkeypatch, caplog, book):
    async with TradeServer() as server:
        server.handshake_status = 429
        async with running(server, monkeypatch, [book]):
            await until(lambda: len(warnings(caplog)) == 4)

        delays = [text.rsplit("Next attempt in ", 1)[1] for text in warnings(caplog)]
        assert delays[:4] == ["0.05 s.", "0.1 s.", "0.2 s.", "0.2 s."]
        assert "429" in caplog.text
        assert not [record for record in caplog.records if record.exc_info]


async def test_opens_no_more_sockets_than_valr_allows(monkeypatch, book):
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MIN_DELAY", 0.0)
    throttler = ValrThrottler([RateLimit(CONSTANTS.SOCKET_CONNECT_LIMIT, limit=3, time_interval=60)])
    async with TradeServer() as server:
        server.handshake_status = 503
        async with running(server, monkeypatch, [book], throttler=throttler):
            await until(lambda: len(server.handshakes) == 3)
            with pytest.raises(AssertionError):
                await until(lambda: len(server.handshakes) > 3, seconds=0.5)


async def test_sockets_that_work_and_die_at_once_are_not_reopened_ever_faster(monkeypatch, caplog, book):
    async with TradeServer() as server, running(server, monkeypatch, [book]):
        opened = []
        for _ in range(4):
            await until(lambda: book.is_verified and server.open_sockets)
            opened.append(asyncio.get_running_loop().time())
            await server.close()
            await until(lambda: not book.is_verified)
        pauses = [later - earlier for earlier, later in zip(opened, opened[1:])]

    assert pauses[0] >= 0.02 and pauses[1] >= 0.04 and pauses[2] >= 0.08


async def test_a_socket_that_lived_long_is_followed_at_once(monkeypatch, book):
    monkeypatch.setattr(ValrTradeFeed, "STABLE_AGE", 0.0)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MAX_DELAY", 60.0)
    async with TradeServer() as server, running(server, monkeypatch, [book]) as feed:
        for reconnects in range(12):  # doubling would take a minute
            await until(lambda: book.is_verified and feed.reconnects == reconnects)
            await server.close()


async def test_an_unsigned_socket_is_replaced_in_time_without_a_gap(monkeypatch, caplog, book):
    monkeypatch.setattr(ValrTradeSocketFactory, "REPLACEMENT_MARGIN", CONSTANTS.UNSIGNED_SOCKET_LIFETIME - 0.2)
    losses = []
    lose = TrackedBook.lose
    monkeypatch.setattr(TrackedBook, "lose", lambda self, *args: losses.append(args) or lose(self, *args))
    async with TradeServer() as server, running(server, monkeypatch, [book]) as feed:
        await until(lambda: book.is_verified)
        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: []
        await until(lambda: len(server.sockets) == 2)

        # The old one serves until the new one is verified.
        await server.send(diff_frame("BTCZAR", 501, "7"), socket=0)
        await until(lambda: next(book.order_book.bid_entries()).amount == 7.0)
        await server.send(book_frame("BTCZAR", 501, bids=[["100", "8"], ["99", "2"]]), socket=1)
        await until(lambda: next(book.order_book.bid_entries()).amount == 8.0)
        await until(lambda: server.sockets[0].closed)

        assert book.is_verified and losses == [] and feed.reconnects == 0
        assert warnings(caplog) == []


async def test_a_signed_socket_is_not_replaced(monkeypatch, book, auth):
    monkeypatch.setattr(ValrTradeSocketFactory, "REPLACEMENT_MARGIN", CONSTANTS.UNSIGNED_SOCKET_LIFETIME - 0.05)
    async with TradeServer() as server, running(server, monkeypatch, [book], auth):
        await until(lambda: book.is_verified)
        with pytest.raises(AssertionError):
            await until(lambda: len(server.sockets) > 1, seconds=0.3)


async def test_the_old_socket_goes_on_when_the_new_one_fails(monkeypatch, book):
    monkeypatch.setattr(ValrTradeSocketFactory, "REPLACEMENT_MARGIN", CONSTANTS.UNSIGNED_SOCKET_LIFETIME - 0.2)
    async with TradeServer() as server, running(server, monkeypatch, [book]):
        await until(lambda: book.is_verified)
        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: []
        await until(lambda: len(server.sockets) == 2)
        await server.close(socket=1)
        await server.send(diff_frame("BTCZAR", 501, "7"), socket=0)
        await until(lambda: next(book.order_book.bid_entries()).amount == 7.0)
        assert book.is_verified

        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: [book_frame(symbol, 900)]
        await until(lambda: book.order_book.snapshot_uid == 900)
        assert book.is_verified


async def test_a_new_socket_takes_over_when_the_old_one_dies_first(monkeypatch, book):
    monkeypatch.setattr(ValrTradeSocketFactory, "REPLACEMENT_MARGIN", CONSTANTS.UNSIGNED_SOCKET_LIFETIME - 0.2)
    async with TradeServer() as server, running(server, monkeypatch, [book]) as feed:
        await until(lambda: book.is_verified)
        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: []
        await until(lambda: len(server.sockets) == 2)
        await server.drop(server.sockets[0])
        await until(lambda: not book.is_verified)
        await server.send(book_frame("BTCZAR", 900))
        await until(lambda: book.is_verified)
        assert len(server.sockets) == 2 and feed.reconnects == 0


async def test_a_socket_that_goes_silent_is_replaced(monkeypatch, book):
    monkeypatch.setattr(ValrTradeSocket, "REPLACEMENT_AGE", 0.5)
    async with TradeServer() as server, running(server, monkeypatch, [book]):
        await until(lambda: book.is_verified)
        server.is_mute = True
        await until(lambda: not book.is_verified)
        await until(lambda: len(server.sockets) == 2)
        server.first_frame[CONSTANTS.BOOK_EVENT] = lambda symbol: [book_frame(symbol, 900)]
        server.is_mute = False
        await server.send(book_frame("BTCZAR", 900))  # in case the subscription was not heard

        await until(lambda: book.is_verified and book.order_book.snapshot_uid == 900)


async def test_pairs_that_come_and_go_during_a_handshake_are_not_forgotten(monkeypatch, book):
    other = TrackedBook("ETH-ZAR", OrderBook(), OrderBookTrackerMetrics())
    other.symbol = "ETHZAR"
    async with TradeServer() as server:
        server.is_handshake_allowed.clear()
        async with running(server, monkeypatch, [book]) as feed:
            await until(lambda: server.handshakes)
            feed.add(other)
            feed.remove(book)
            server.is_handshake_allowed.set()

            await until(lambda: other.is_verified)
            assert server.subscriptions()[0] == (CONSTANTS.BOOK_EVENT, ["ETHZAR"])


async def test_leaves_no_task_and_no_socket_behind(monkeypatch, book):
    before = asyncio.all_tasks()
    async with TradeServer() as server:
        async with running(server, monkeypatch, [book]):
            await until(lambda: book.is_verified)
        await until(lambda: not server.open_sockets)
        await until(lambda: {task for task in asyncio.all_tasks() - before
                             if "valr" in repr(task.get_coro())} == set())


async def test_a_url_that_is_not_on_this_machine_is_one_line(monkeypatch, caplog, book):
    async with TradeServer() as server, running(server, monkeypatch, [book]):
        monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, "http://example.com")
        await server.close() if server.sockets else None
        await until(lambda: "example.com" in caplog.text)
        assert not [record for record in caplog.records if record.exc_info]
