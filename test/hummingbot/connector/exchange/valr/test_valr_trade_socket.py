import asyncio
import json
import logging
from contextlib import asynccontextmanager
from test.hummingbot.connector.exchange.valr.helpers import until
from test.hummingbot.connector.exchange.valr.trade_server import (
    TradeServer,
    aggregated_frame,
    book_frame,
    diff_frame,
    trade_frame,
)
from typing import AsyncIterator, List

import aiohttp
import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_trade_socket
from hummingbot.connector.exchange.valr.valr_errors import ValrLoginRefused
from hummingbot.connector.exchange.valr.valr_tracked_book import TrackedBook
from hummingbot.connector.exchange.valr.valr_trade_socket import ValrTradeSocket, aggregated_rows
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_tracker import OrderBookTrackerMetrics
from hummingbot.core.event.event_forwarder import SourceInfoEventForwarder
from hummingbot.core.event.events import OrderBookEvent

BOOK, AGGREGATED, TRADES = CONSTANTS.BOOK_EVENT, CONSTANTS.AGGREGATED_BOOK_EVENT, CONSTANTS.TRADE_EVENT


def tracked_book(symbol: str) -> TrackedBook:
    book = TrackedBook(f"{symbol[:3]}-{symbol[3:]}", OrderBook(), OrderBookTrackerMetrics())
    book.symbol = symbol
    return book


def best(book: TrackedBook) -> List[tuple]:
    """:return: the best bid and ask that strategies see, as (price, amount)"""
    sides = (book.order_book.bid_entries(), book.order_book.ask_entries())
    return [(row.price, row.amount) for row in (next(side, None) for side in sides) if row]


def record_trades(book: TrackedBook) -> List:
    events: List = []
    forwarder = SourceInfoEventForwarder(lambda tag, source, event: events.append(event))
    book.order_book.add_listener(OrderBookEvent.TradeEvent, forwarder)
    book.listener = forwarder  # the order book refers to its listeners weakly
    return events


class Connection:
    """A socket that runs against the server; `end` is what it ended with."""

    def __init__(self, session: aiohttp.ClientSession, books: List[TrackedBook]):
        self.socket = ValrTradeSocket(session, logging.getLogger("valr"))
        for book in books:
            self.socket.add(book)

    async def start(self, server: TradeServer):
        await self.socket.open(server.url.replace("http", "ws") + CONSTANTS.TRADE_SOCKET_PATH, {})
        self._task = asyncio.create_task(self.socket.run())

    async def end(self) -> Exception:
        done, _ = await asyncio.wait([self._task], timeout=5)
        assert done, "the connection did not end"
        return self._task.exception()

    async def stop(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.socket.close()


@asynccontextmanager
async def connected(server: TradeServer, books: List[TrackedBook]) -> AsyncIterator[Connection]:
    async with aiohttp.ClientSession() as session:
        connection = Connection(session, books)
        await connection.start(server)
        try:
            yield connection
        finally:
            await connection.stop()


@pytest.fixture
def books() -> List[TrackedBook]:
    return [tracked_book("BTCZAR"), tracked_book("ETHZAR")]


def warnings(caplog) -> List[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.asyncio
async def test_subscribes_books_and_trades_of_all_pairs_at_once(books):
    async with TradeServer() as server, connected(server, books):
        await until(lambda: all(book.is_verified for book in books))

        assert server.subscriptions() == [(BOOK, ["BTCZAR", "ETHZAR"]), (TRADES, ["BTCZAR", "ETHZAR"])]


@pytest.mark.asyncio
async def test_serves_verified_frames(books):
    async with TradeServer() as server, connected(server, books) as connection:
        await until(lambda: books[0].is_verified)
        assert best(books[0]) == [(100.0, 1.5), (101.0, 0.25)]

        await server.send(diff_frame("BTCZAR", 501, "7"))
        await until(lambda: best(books[0]) == [(100.0, 7.0), (101.0, 0.25)])

        connection.socket.count_diffs()
        assert books[0].metrics.diffs_processed == 1
        assert books[0].metrics.last_diff_timestamp > books[0].metrics.last_snapshot_timestamp
        assert best(books[1]) == [(100.0, 1.5), (101.0, 0.25)]


@pytest.mark.asyncio
@pytest.mark.parametrize("bad_frame, kind", [
    (diff_frame("BTCZAR", 502), "sequence gap"),
    ({**diff_frame("BTCZAR", 501), "d": {**diff_frame("BTCZAR", 501)["d"], "cs": 1}}, "checksum"),
    ({"type": CONSTANTS.BOOK_DIFF_FRAME, "ps": "BTCZAR", "d": {"sq": 501}}, "malformed"),
    ({"type": CONSTANTS.BOOK_DIFF_FRAME, "ps": "BTCZAR", "d": {"sq": 501, "a": None, "b": [7], "cs": 0}}, "malformed"),
    (book_frame("BTCZAR", 499), "outdated"),
    (book_frame("BTCZAR", 501, cs=1), "checksum"),
    (book_frame("BTCZAR", 501, asks=[["99.5", "1"]]), "crossed"),
])
async def test_a_bad_frame_is_not_served_and_the_pair_alone_is_subscribed_anew(books, caplog, bad_frame, kind):
    caplog.set_level(logging.INFO)
    async with TradeServer() as server, connected(server, books):
        await until(lambda: all(book.is_verified for book in books))
        server.subscriptions().clear()
        server.first_frame[BOOK] = lambda symbol: []

        await server.send(bad_frame, diff_frame("BTCZAR", 502), diff_frame("ETHZAR", 501, "8"))
        await until(lambda: server.subscriptions() == [(BOOK, ["ETHZAR"]), (BOOK, ["BTCZAR", "ETHZAR"])])
        await until(lambda: best(books[1])[0] == (100.0, 8.0))

        assert not books[0].is_verified and kind in books[0].reason
        assert best(books[0]) == [(100.0, 1.5), (101.0, 0.25)]
        assert books[1].is_verified
        assert [text for text in warnings(caplog) if "BTC-ZAR" in text and kind in text]
        assert len(warnings(caplog)) == 1

        await server.send(book_frame("BTCZAR", 600), diff_frame("BTCZAR", 601, "9"))
        await until(lambda: best(books[0])[0] == (100.0, 9.0))
        assert books[0].is_verified
        assert books[0].faults.resyncs == 1 and books[0].faults.longest_resync > 0
        assert "Order books verified: BTC-ZAR." in caplog.messages


@pytest.mark.asyncio
async def test_faults_that_come_together_are_mended_together(books):
    books.append(tracked_book("XRPZAR"))
    async with TradeServer() as server, connected(server, books):
        await until(lambda: all(book.is_verified for book in books))
        server.subscriptions().clear()

        await server.send("\n".join(["", ""]), diff_frame("BTCZAR", 505), diff_frame("ETHZAR", 505))
        await until(lambda: all(book.is_verified for book in books) and len(server.subscriptions()) >= 2)

        assert server.subscriptions()[-1] == (BOOK, ["BTCZAR", "ETHZAR", "XRPZAR"])
        assert (BOOK, []) not in server.subscriptions()


@pytest.mark.asyncio
async def test_a_snapshot_is_welcome_at_any_time(books):
    async with TradeServer() as server, connected(server, books):
        await until(lambda: all(book.is_verified for book in books))

        await server.send(book_frame("BTCZAR", 500), book_frame("BTCZAR", 520, bids=[["98", "1"]]))
        await until(lambda: best(books[0])[0] == (98.0, 1.0))

        assert books[0].is_verified
        assert sum(book.faults.resyncs for book in books) == 0


@pytest.mark.asyncio
async def test_a_missing_snapshot_ends_the_connection_once_and_then_falls_back(books, monkeypatch, caplog):
    monkeypatch.setattr(ValrTradeSocket, "SNAPSHOT_TIMEOUT", 0.05)
    async with TradeServer() as server:
        server.first_frame[BOOK] = lambda symbol: [] if symbol == "BTCZAR" else [book_frame(symbol, 500)]
        async with connected(server, books) as connection:
            error = await connection.end()
            assert isinstance(error, ConnectionError) and "BTC-ZAR" in str(error)
            connection.socket.release("ended")

        async with connected(server, books):
            await until(lambda: (AGGREGATED, ["BTCZAR"]) in server.subscriptions())
            await server.send(aggregated_frame("BTCZAR", "100", "103"))
            await until(lambda: books[0].feed == AGGREGATED)
            assert books[1].is_verified and not books[0].is_verified
            assert best(books[0]) == [(100.0, 2.0), (103.0, 2.0)]


@pytest.mark.asyncio
async def test_a_snapshot_that_comes_is_a_new_start(books, monkeypatch):
    monkeypatch.setattr(ValrTradeSocket, "SNAPSHOT_TIMEOUT", 0.3)
    async with TradeServer() as server:
        for _ in range(2):
            async with connected(server, books) as connection:
                await until(lambda: all(book.is_verified for book in books))
                server.first_frame[BOOK] = lambda symbol: []
                await server.send(diff_frame("BTCZAR", 999))
                assert "BTC-ZAR" in str(await connection.end())
                connection.socket.release("ended")
                server.first_frame[BOOK] = lambda symbol: [book_frame(symbol, 500)]


@pytest.mark.asyncio
async def test_snapshots_that_arrive_slowly_are_waited_for(books, monkeypatch):
    monkeypatch.setattr(ValrTradeSocket, "SNAPSHOT_TIMEOUT", 0.5)
    books += [tracked_book(f"C{number:02}ZAR") for number in range(8)]
    async with TradeServer() as server:
        server.first_frame[BOOK] = lambda symbol: []
        async with connected(server, books):
            await until(lambda: server.sockets and server.subscriptions())
            for book in books:
                await asyncio.sleep(0.1)  # the line is slow
                await server.send(book_frame(book.symbol, 500))
            await until(lambda: all(book.is_verified for book in books))


@pytest.mark.asyncio
async def test_an_outdated_snapshot_does_not_end_the_wait(books):
    async with TradeServer() as server, connected(server, books):
        await until(lambda: all(book.is_verified for book in books))
        server.first_frame[BOOK] = lambda symbol: []
        await server.send(diff_frame("BTCZAR", 505))
        await until(lambda: server.subscriptions()[-1] == (BOOK, ["BTCZAR", "ETHZAR"]))
        subscriptions = list(server.subscriptions())

        await server.send(diff_frame("BTCZAR", 506), book_frame("BTCZAR", 499), diff_frame("ETHZAR", 501, "7"))
        await until(lambda: best(books[1])[0] == (100.0, 7.0))
        assert not books[0].is_verified
        await server.send(book_frame("BTCZAR", 506))
        await until(lambda: books[0].is_verified)

        assert server.subscriptions() == subscriptions and books[0].consecutive_faults == 1


@pytest.mark.asyncio
async def test_three_failures_in_a_row_fall_back_and_the_verified_feed_is_tried_again(books, monkeypatch, caplog):
    monkeypatch.setattr(ValrTradeSocket, "FALLBACK_MIN_DELAY", 0.3)
    caplog.set_level(logging.INFO)
    async with TradeServer() as server:
        is_broken = True
        attempts = []

        def snapshot(symbol):
            if symbol == "BTCZAR":
                attempts.append(symbol)
                return [book_frame(symbol, 500 + len(attempts), cs=1 if is_broken else None)]
            return [book_frame(symbol, 500)]

        server.first_frame[BOOK] = snapshot
        async with connected(server, books):
            await until(lambda: (AGGREGATED, ["BTCZAR"]) in server.subscriptions())
            assert len(attempts) == 3
            assert server.subscriptions()[-2] == (BOOK, ["ETHZAR"])
            # A snapshot that was on its way would never be followed by a diff.
            await server.send(book_frame("BTCZAR", 600))
            await server.send(aggregated_frame("BTCZAR", "100", "103"), aggregated_frame("BTCZAR", "99", "104"))
            await until(lambda: best(books[0]) == [(99.0, 2.0), (104.0, 2.0)])
            assert not books[0].is_verified and books[1].is_verified
            fallback, = [text for text in warnings(caplog) if AGGREGATED in text]
            assert "BTC-ZAR" in fallback and "checksum" in fallback

            # The first new attempt fails like the others, the second is a success.
            await until(lambda: len(attempts) == 6)
            assert len([text for text in warnings(caplog) if AGGREGATED in text]) == 1
            is_broken = False
            await until(lambda: books[0].is_verified)
            await until(lambda: (AGGREGATED, []) in server.subscriptions())
            await server.send(aggregated_frame("BTCZAR", "1", "2"), diff_frame("BTCZAR", 501 + len(attempts), "3"))
            await until(lambda: best(books[0]) == [(100.0, 3.0), (101.0, 0.25)])
            assert f"The order book of BTC-ZAR comes from {BOOK} again." in caplog.messages


@pytest.mark.asyncio
async def test_failures_with_enough_good_frames_between_them_do_not_fall_back(books):
    async with TradeServer() as server, connected(server, books):
        for first in range(500, 1_000, 100):
            await until(lambda: books[0].is_verified and books[0].order_book.snapshot_uid == first)
            last = first + ValrTradeSocket.FAULT_WINDOW
            server.first_frame[BOOK] = lambda symbol, next_first=first + 100: [book_frame(symbol, next_first)]
            await server.send(*[diff_frame("BTCZAR", number) for number in range(first + 1, last + 1)])
            await server.send(diff_frame("BTCZAR", last + 2))

        await until(lambda: books[0].is_verified and books[0].faults.gaps == 5)
        assert AGGREGATED not in dict(server.subscriptions())


@pytest.mark.asyncio
async def test_failures_of_a_quiet_pair_count_over_all_its_connections(books):
    number = 500
    async with TradeServer() as server:
        server.first_frame[BOOK] = lambda symbol: [book_frame(symbol, number)]
        for _ in range(2 * ValrTradeSocket.FAULTS_BEFORE_FALLBACK):
            for _ in range(2):
                async with connected(server, books) as connection:
                    await until(lambda: books[0].is_verified)
                    half = ValrTradeSocket.FAULT_WINDOW // 2
                    await server.send(*[diff_frame("BTCZAR", number + 1 + index) for index in range(half)])
                    number += half
                    await until(lambda: books[0].order_book.last_diff_uid == number)
                    connection.socket.release("ended")
            async with connected(server, books) as connection:
                await until(lambda: books[0].is_verified)
                faults = books[0].faults.gaps
                await server.send(diff_frame("BTCZAR", number + 2))
                await until(lambda: books[0].is_verified and books[0].faults.gaps == faults + 1)
                connection.socket.release("ended")

        assert AGGREGATED not in dict(server.subscriptions())


@pytest.mark.asyncio
async def test_the_verified_feed_is_tried_again_less_and_less_often(books, monkeypatch):
    monkeypatch.setattr(ValrTradeSocket, "FALLBACK_MIN_DELAY", 0.05)
    monkeypatch.setattr(ValrTradeSocket, "FALLBACK_MAX_DELAY", 0.2)
    async with TradeServer() as server:
        server.first_frame[BOOK] = lambda symbol: [book_frame(symbol, 500, cs=1 if symbol == "BTCZAR" else None)]
        async with connected(server, books):
            for delay in (0.05, 0.1, 0.2, 0.2):
                await until(lambda: books[0].fallback_delay == delay)
                until_then = books[0].fallback_until
                await until(lambda: books[0].fallback_until != until_then)

            number = 500
            server.first_frame[BOOK] = lambda symbol: [book_frame(symbol, number)]
            await until(lambda: books[0].is_verified)
            await server.send(*[diff_frame("BTCZAR", number + 1 + index)
                                for index in range(ValrTradeSocket.FAULT_WINDOW)])
            number += ValrTradeSocket.FAULT_WINDOW
            await server.send(diff_frame("BTCZAR", number + 2))
            await until(lambda: books[0].faults.gaps == 1)

            assert books[0].fallback_delay == 0.0


@pytest.mark.asyncio
async def test_a_refused_pair_is_reported_once_and_the_others_run_on(books, caplog):
    async with TradeServer() as server:
        def refuse(event):
            def answer(symbol):
                if symbol == "BTCZAR":
                    return [{"type": "ERROR", "message": f"Channel {event}, pair {symbol} combination invalid"}]
                return [book_frame(symbol, 500)] if event == BOOK else []
            return answer

        server.first_frame = {event: refuse(event) for event in (BOOK, AGGREGATED, TRADES)}
        async with connected(server, books) as connection:
            await until(lambda: books[0].answered.is_set() and books[1].is_verified)

            await asyncio.wait_for(connection.socket.settled.wait(), 5)
            assert books[0].is_refused and not books[0].initialised.is_set()
            error, = warnings(caplog)
            assert "BTC-ZAR" in error and "Remove it" in error
            await server.send(diff_frame("ETHZAR", 501, "6"))
            await until(lambda: best(books[1])[0] == (100.0, 6.0))


@pytest.mark.asyncio
async def test_a_feed_that_valr_gave_up_is_replaced_by_the_aggregated_one(books, caplog):
    async with TradeServer() as server:
        server.first_frame = {
            BOOK: lambda symbol: [{"type": "ERROR", "message": f"Channel {BOOK}, pair {symbol} combination invalid"}],
            AGGREGATED: lambda symbol: [aggregated_frame(symbol, "100", "103")],
        }
        async with connected(server, books):
            await until(lambda: all(book.feed == AGGREGATED for book in books))

            assert not any(book.is_verified for book in books)
            assert all(book.initialised.is_set() for book in books)


@pytest.mark.asyncio
@pytest.mark.parametrize("text", [
    "{", "[]", "7", '"text"', "null", '{"type":7}', '{"no":"type"}', '{"type":"OB_L1_DIFF"}',
    '{"type":"OB_L1_DIFF","ps":"BTCZAR"}', '{"type":"OB_L1_DIFF","ps":["BTCZAR"],"d":{}}', '{"type":"OB_L1_SNAPSHOT"}',
    '{"type":"NEW_TRADE","currencyPairSymbol":"BTCZAR","data":{}}', '{"type":"NEW_TRADE","data":7}',
    '{"type":"NEW_TRADE","currencyPairSymbol":"BTCZAR","data":{"price":"x","quantity":"1","takerSide":"buy"}}',
    '{"type":"AGGREGATED_ORDERBOOK_UPDATE","currencyPairSymbol":"BTCZAR"}', '{"type":"ERROR"}',
    '{"type":"ERROR","message":"Invalid message"}',
    '{"type":"ERROR","message":"Channel A, pair B combination invalid"}',
    '{"type":"UNKNOWN","x":1}', '{"type":"OB_L1_DIFF","ps":"XRPZAR","d":{}}', '{"type":"SUBSCRIBED","message":"A:B"}',
    '{"type":"AUTHENTICATED"}', "",
])
async def test_frames_that_make_no_sense_harm_nothing(books, text):
    async with TradeServer() as server, connected(server, books):
        await until(lambda: all(book.is_verified for book in books))

        await server.send(text, diff_frame("BTCZAR", 501, "7"))

        await until(lambda: best(books[0])[0] == (100.0, 7.0))
        assert all(book.is_verified for book in books)


@pytest.mark.asyncio
@pytest.mark.parametrize("text, is_reported", [("{", True), ("", False), ('{"type":"UNKNOWN"}', False)])
async def test_only_what_cannot_be_read_is_reported(books, caplog, text, is_reported):
    async with TradeServer() as server, connected(server, books):
        await until(lambda: books[0].is_verified)
        await server.send(text, diff_frame("BTCZAR", 501, "7"))
        await until(lambda: best(books[0])[0] == (100.0, 7.0))

        assert bool(warnings(caplog)) == is_reported


@pytest.mark.asyncio
async def test_frames_that_cannot_be_read_are_told_once_for_each_type_and_connection(books, caplog):
    caplog.set_level(logging.DEBUG)
    trade = {**trade_frame("BTCZAR", "a"), "data": {"cost": "100"}}
    unreadable = [trade, "{", "[]", {"type": AGGREGATED}, {"no": "type"}]
    async with TradeServer() as server:
        for connections in (1, 2):
            async with connected(server, books) as connection:
                await until(lambda: books[0].is_verified)
                caplog.clear()
                await server.send(*20 * unreadable, diff_frame("BTCZAR", 501, "7"))
                await until(lambda: best(books[0])[0] == (100.0, 7.0))
                connection.socket.release("ended")

            told = warnings(caplog)
            assert len(told) == 3
            assert [text in line for text, line in zip(("NEW_TRADE", "{", AGGREGATED), told)] == [True] * 3
            assert len([text for text in caplog.messages if "cannot be read" in text]) == 20 * len(unreadable)


@pytest.mark.asyncio
async def test_passes_trades_on(books):
    events = record_trades(books[0])
    async with TradeServer() as server, connected(server, books):
        await until(lambda: books[0].is_verified)

        await server.send(trade_frame("BTCZAR", "a", "100", "buy"), trade_frame("BTCZAR", "b", "99", "sell"),
                          trade_frame("BTCZAR", "a", "100", "buy"), trade_frame("BTCZAR", None, "98"))
        await until(lambda: len(events) == 3)

        assert [(event.trade_id, event.price, event.amount, event.type.name) for event in events] == [
            ("a", 100.0, 0.5, "BUY"), ("b", 99.0, 0.5, "SELL"), (None, 98.0, 0.5, "BUY")]
        assert events[0].timestamp == pytest.approx(1711542799.918)
        assert events[0].trading_pair == "BTC-ZAR"
        assert books[0].order_book.last_trade_price == 98.0
        assert books[0].faults.repeated_trades == 1


@pytest.mark.asyncio
async def test_a_second_connection_changes_nothing_until_it_takes_over(books):
    events = record_trades(books[0])
    async with TradeServer() as server, connected(server, books) as first:
        await until(lambda: all(book.is_verified for book in books))
        server.first_frame[BOOK] = lambda symbol: [book_frame(symbol, 900, bids=[["98", "1"]])]
        async with connected(server, books) as second:
            await asyncio.wait_for(second.socket.settled.wait(), 5)
            assert best(books[0]) == [(100.0, 1.5), (101.0, 0.25)]

            await server.send(trade_frame("BTCZAR", "a"), trade_frame("BTCZAR", None), socket=1)
            await server.send(trade_frame("BTCZAR", "a"), trade_frame("BTCZAR", None), socket=0)
            await until(lambda: books[0].faults.repeated_trades == 2)
            assert [event.trade_id for event in events] in (["a", None], [None, "a"])

            assert first.socket.release("replaced", heir=second.socket) == []
            assert best(books[0]) == [(98.0, 1.0), (101.0, 0.25)]
            assert all(book.is_verified for book in books)
            await server.send(diff_frame("BTCZAR", 501), socket=0)
            await server.send(book_frame("BTCZAR", 901), socket=1)
            await until(lambda: books[0].order_book.snapshot_uid == 901)
            assert books[0].order_book.last_diff_uid == 0


@pytest.mark.asyncio
async def test_a_second_connection_that_fails_costs_nothing(books, caplog):
    async with TradeServer() as server, connected(server, books):
        await until(lambda: all(book.is_verified for book in books))
        server.first_frame[BOOK] = lambda symbol: [
            {"type": "ERROR", "message": f"Channel {BOOK}, pair {symbol} combination invalid"}]
        async with connected(server, books) as second:
            await asyncio.wait_for(second.socket.settled.wait(), 5)
            await server.send(aggregated_frame("BTCZAR", "1", "2"))
            await server.send(diff_frame("BTCZAR", 501, "7"), socket=0)
            await until(lambda: best(books[0]) == [(100.0, 7.0), (101.0, 0.25)])

        assert all(book.is_verified for book in books) and warnings(caplog) == []


@pytest.mark.asyncio
async def test_what_the_heir_has_not_verified_is_lost(books):
    async with TradeServer() as server, connected(server, books) as first:
        await until(lambda: all(book.is_verified for book in books))
        server.first_frame[BOOK] = lambda symbol: [book_frame(symbol, 900)] if symbol == "ETHZAR" else []
        async with connected(server, books) as second:
            await until(lambda: second.socket._subscriptions["ETHZAR"].book.is_synchronized)

            assert first.socket.release("gone", heir=second.socket) == ["BTC-ZAR"]
            assert not books[0].is_verified and books[1].is_verified
            await server.send(book_frame("BTCZAR", 901))
            await until(lambda: books[0].is_verified)


@pytest.mark.asyncio
async def test_pairs_come_and_go_without_disturbing_others(books):
    async with TradeServer() as server, connected(server, books) as connection:
        await until(lambda: all(book.is_verified for book in books))
        new = tracked_book("XRPZAR")

        connection.socket.add(new)
        await until(lambda: new.is_verified)
        connection.socket.remove(books[0])
        left = ["ETHZAR", "XRPZAR"]
        await until(lambda: server.subscriptions()[-2:] == [(BOOK, left), (TRADES, left)])
        await server.send(diff_frame("BTCZAR", 501), diff_frame("ETHZAR", 501, "6"))
        await until(lambda: best(books[1])[0] == (100.0, 6.0))

        assert best(books[0])[0] == (100.0, 1.5)
        assert books[1].faults.resyncs == 0


@pytest.mark.asyncio
async def test_a_silent_connection_is_doubted_then_to_be_replaced_then_dead(books, monkeypatch, caplog):
    monkeypatch.setattr(ValrTradeSocket, "REPLACEMENT_AGE", 0.9)
    monkeypatch.setattr(CONSTANTS, "SOCKET_SILENCE_LIMIT", 2.5)
    async with TradeServer() as server, connected(server, books) as connection:
        await until(lambda: all(book.is_verified for book in books))
        server.is_mute = True

        await until(lambda: not any(book.is_verified for book in books), 2)
        warning, = warnings(caplog)
        assert "BTC-ZAR, ETH-ZAR" in warning and "silent" in warning
        await until(lambda: connection.socket.to_be_replaced.is_set())
        assert "silent" in str(await connection.end())


@pytest.mark.asyncio
async def test_a_connection_that_answers_again_is_trusted_again(books, caplog):
    caplog.set_level(logging.INFO)
    async with TradeServer() as server, connected(server, books):
        await until(lambda: all(book.is_verified for book in books))
        server.is_mute = True
        await until(lambda: not any(book.is_verified for book in books), 2)

        await server.send(diff_frame("BTCZAR", 501, "7"), diff_frame("ETHZAR", 505))

        await until(lambda: books[0].is_verified)
        assert best(books[0])[0] == (100.0, 7.0)
        assert not books[1].is_verified
        await until(lambda: "Order books verified: BTC-ZAR." in caplog.messages)


@pytest.mark.asyncio
@pytest.mark.parametrize("code, reason, is_refusal", [
    (1000, "", False), (1006, "", False), (1012, "restart", False), (1007, "Request has an invalid signature", True)])
async def test_tells_how_the_connection_ended(books, code, reason, is_refusal):
    async with TradeServer() as server, connected(server, books) as connection:
        await until(lambda: books[0].is_verified)
        await (server.drop() if code == 1006 else server.close(code, reason))

        error = await connection.end()

        assert isinstance(error, ConnectionError)
        assert isinstance(error, ValrLoginRefused) == is_refusal
        assert str(code) in str(error) and reason in str(error)
        assert connection.socket.release("closed") == ["BTC-ZAR", "ETH-ZAR"]


@pytest.mark.asyncio
async def test_the_reason_of_the_end_is_heard_when_sending_fails_first(books, monkeypatch):
    async def fail(socket):
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    monkeypatch.setattr(ValrTradeSocket, "_supervise", fail)
    async with TradeServer() as server, connected(server, books) as connection:
        await until(lambda: server.sockets)
        await server.close(1007, "Request has an invalid signature")
        assert isinstance(await connection.end(), ValrLoginRefused)

    monkeypatch.setattr(ValrTradeSocket, "CLOSE_TIMEOUT", 0.1)
    async with TradeServer() as server, connected(server, books) as connection:
        assert "Cannot write" in str(await connection.end())


@pytest.mark.asyncio
async def test_an_unauthorized_frame_is_a_refused_login(books):
    async with TradeServer() as server:
        server.greeting = [{"type": "UNAUTHORIZED", "message": "no such key"}]
        async with connected(server, books) as connection:
            error = await connection.end()
    assert isinstance(error, ValrLoginRefused) and "no such key" in str(error)


@pytest.mark.asyncio
async def test_pings_of_the_protocol_are_answered(books):
    async with TradeServer() as server, connected(server, books):
        await until(lambda: books[0].is_verified)
        await server.sockets[-1].ping(b"alive?")

        await until(lambda: server.pongs == [b"alive?"])


@pytest.mark.asyncio
async def test_counts_the_diffs_between_two_snapshots(books):
    async with TradeServer() as server, connected(server, books) as connection:
        await until(lambda: books[0].is_verified)
        await server.send(*[diff_frame("BTCZAR", number) for number in (501, 502, 503)], book_frame("BTCZAR", 503),
                          diff_frame("BTCZAR", 504), diff_frame("BTCZAR", 999), book_frame("BTCZAR", 2_000),
                          diff_frame("BTCZAR", 2_001))
        await until(lambda: books[0].order_book.last_diff_uid == 2_001)

        connection.socket.count_diffs()
        assert books[0].metrics.diffs_processed == 5


def test_the_decoder_reads_frames_as_the_standard_library_does():
    for frame in (book_frame("BTCZAR", 2 ** 62), trade_frame("BTCZAR", "a"), aggregated_frame("BTCZAR", "1", "2")):
        assert valr_trade_socket.loads(json.dumps(frame)) == frame


def test_reads_aggregated_books_in_both_spellings():
    level = {"price": "100", "quantity": "1.5"}
    expected = ([(100.0, 1.5, 7)], [(100.0, 1.5, 7)], 7)

    for data in ({"Bids": [level], "Asks": [level], "SequenceNumber": 7},
                 {"bids": [level], "asks": [level], "SequenceNumber": 7}):
        assert aggregated_rows(data) == expected
    assert aggregated_rows({"Bids": [], "Asks": []}) == ([], [], 0)
