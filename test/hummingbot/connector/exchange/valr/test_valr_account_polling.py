import asyncio
import logging
from test.hummingbot.connector.exchange.valr.account_server import AccountServer, RestConnector
from test.hummingbot.connector.exchange.valr.helpers import until
from typing import Any, Dict, List

import pytest
import pytest_asyncio
from aiohttp import web

from hummingbot.connector.exchange.valr import valr_account_polling, valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_account_polling import ValrAccountPolling
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def server(monkeypatch):
    server = AccountServer()
    await server.start()
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, server.url)
    yield server
    await server.stop()


@pytest.fixture
def emitted() -> List[Dict[str, Any]]:
    return []


@pytest_asyncio.fixture
async def polling(server, emitted, monkeypatch):
    monkeypatch.setattr(ValrAccountPolling, "INTERVAL", 0.02)
    connector = RestConnector()
    task = None

    def start():
        nonlocal task
        task = asyncio.ensure_future(ValrAccountPolling(connector, emitted.append).run())

    yield start
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
    await connector.factory.close()


def of_type(emitted, kind: str) -> List[Any]:
    return [frame["data"] for frame in emitted if frame["type"] == kind]


def rounds(server) -> int:
    return len([request for request in server.requests if request["path"] == CONSTANTS.OPEN_ORDERS_PATH])


def trades(*numbers: int) -> List[Dict[str, Any]]:
    return [{"id": f"t{number}", "price": "1"} for number in numbers]


async def rounds_more(server, count: int = 2):
    wanted = rounds(server) + count
    await until(lambda: rounds(server) >= wanted)


async def test_each_round_tells_the_open_orders(server, emitted, polling):
    server.rest[CONSTANTS.OPEN_ORDERS_PATH] = [{"orderId": "1"}]
    polling()
    await until(lambda: len(of_type(emitted, "OPEN_ORDERS_UPDATE")) >= 2)

    assert of_type(emitted, "OPEN_ORDERS_UPDATE")[:2] == [[{"orderId": "1"}]] * 2


async def test_balances_are_told_when_they_change_down_to_zero(server, emitted, polling):
    bitcoin, rand = {"currency": "BTC", "total": "1"}, {"currency": "ZAR", "total": "2"}
    server.rest[CONSTANTS.BALANCES_PATH] = [bitcoin, rand]
    polling()
    await rounds_more(server)
    server.rest[CONSTANTS.BALANCES_PATH] = [{**bitcoin, "total": "0"}, rand]
    await rounds_more(server)

    assert of_type(emitted, "BALANCE_UPDATE") == [bitcoin, rand, {"currency": "BTC", "total": "0"}]
    # A list without zeros would not tell that the bitcoin is gone.
    assert all("excludeZeroBalances" not in request["query"] for request in server.requests)


async def test_trades_are_told_once_and_oldest_first(server, emitted, polling):
    server.rest[CONSTANTS.TRADE_HISTORY_PATH] = trades(2, 1)
    polling()
    await rounds_more(server)
    server.rest[CONSTANTS.TRADE_HISTORY_PATH] = trades(4, 3, 2, 1)
    await rounds_more(server)

    assert [row["id"] for row in of_type(emitted, "NEW_ACCOUNT_TRADE")] == ["t1", "t2", "t3", "t4"]


async def test_more_trades_than_a_page_holds_are_all_told(server, emitted, polling, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "HISTORY_MAX_ROWS", 3)
    history = trades(2, 1)

    def page(request: web.Request) -> web.Response:
        before = request.query.get("beforeId")
        rows = history[[row["id"] for row in history].index(before) + 1:] if before else history
        return web.json_response(rows[:int(request.query["limit"])])

    server.rest[CONSTANTS.TRADE_HISTORY_PATH] = page
    polling()
    await rounds_more(server)
    history = trades(*range(10, 0, -1))
    await rounds_more(server)

    assert [row["id"] for row in of_type(emitted, "NEW_ACCOUNT_TRADE")] == [f"t{number}" for number in range(1, 11)]


async def test_a_round_costs_three_requests(server, emitted, polling):
    polling()
    await rounds_more(server, 3)
    await until(lambda: len(server.requests) % 3 == 0)

    paths = {request["path"] for request in server.requests}
    assert paths == {CONSTANTS.BALANCES_PATH, CONSTANTS.OPEN_ORDERS_PATH, CONSTANTS.TRADE_HISTORY_PATH}
    assert len(server.requests) == 3 * rounds(server)


@pytest.mark.parametrize("failure, reason", [
    (lambda request: web.Response(status=500, text="<html>"), "HTTP 500"),
    ({"not": "a list"}, "is not a list of objects"),
    (["no row"], "is not a list of objects"),
    (lambda request: web.Response(text="no json"), "is not a list of objects"),
])
async def test_a_failure_of_one_route_leaves_the_others_and_is_logged_once(
        server, emitted, polling, caplog, failure, reason):
    caplog.set_level(logging.INFO)
    server.rest[CONSTANTS.TRADE_HISTORY_PATH] = failure
    server.rest[CONSTANTS.BALANCES_PATH] = [{"currency": "BTC"}]
    polling()
    await rounds_more(server, 4)

    assert of_type(emitted, "BALANCE_UPDATE") == [{"currency": "BTC"}]
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 1 and lines[0].exc_info is None
    assert lines[0].getMessage().startswith("Polling the account over REST fails (") and reason in lines[0].getMessage()

    server.rest[CONSTANTS.TRADE_HISTORY_PATH] = trades(1)
    await until(lambda: of_type(emitted, "NEW_ACCOUNT_TRADE"))
    await until(lambda: caplog.records[-1].getMessage() == "Polling the account over REST works again.")


@pytest.mark.parametrize("status, retry_after, pause", [
    (429, None, 18.0), (429, 7.0, 7.0), (401, None, 60.0), (403, None, 60.0), (500, None, 0.02)])
async def test_pause_after_a_failure(polling, monkeypatch, status, retry_after, pause):
    monkeypatch.setattr(valr_account_polling.time, "time", lambda: 60 * 1_000 + 42.0)
    failure = ValrAPIError(status, "GET", "/", retry_after=retry_after)

    assert ValrAccountPolling(None, None)._pause_after(failure) == pytest.approx(pause)


async def test_no_connection_means_the_usual_pause():
    assert ValrAccountPolling(None, None)._pause_after(ConnectionError("gone")) == ValrAccountPolling.INTERVAL
