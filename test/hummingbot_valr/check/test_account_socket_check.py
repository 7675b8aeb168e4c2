import asyncio

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot_valr.check.report import Status
from hummingbot_valr.simulator.faults import LOGIN_REFUSALS


async def test_all_is_well(tester):
    row = (await tester.rows())["account_socket"]
    assert row.status is Status.OK
    assert row.detail == "logged in; 7 BALANCE_UPDATE, 1 OPEN_ORDERS_UPDATE came with it"
    assert not tester.exchange.faults.sockets("account")


@pytest.mark.parametrize("way", LOGIN_REFUSALS)
async def test_a_login_that_is_refused(tester, way):
    tester.exchange.faults.account_login = way
    rows = await tester.rows()
    assert rows["account_socket"].status is Status.FAIL
    assert "refused" in rows["account_socket"].detail or "before the login" in rows["account_socket"].detail
    assert "polls the account" in rows["account_socket"].mend
    assert rows["balances"].status is Status.OK


async def test_a_login_that_is_not_answered(tester, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "LOGIN_TIMEOUT", 0.3)
    monkeypatch.setattr(type(tester.exchange.account_hub), "add", lambda hub, socket: hub.sockets.add(socket))
    row = (await tester.rows())["account_socket"]
    assert row.status is Status.FAIL
    assert "did not confirm the login" in row.detail


async def test_pings_that_are_not_answered(tester, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "SOCKET_REPLY_TIMEOUT", 0.3)
    greet = tester.exchange.account_hub.add

    def greet_and_fall_silent(socket):
        greet(socket)
        socket.silent = True

    monkeypatch.setattr(tester.exchange.account_hub, "add", greet_and_fall_silent)
    row = (await tester.rows())["account_socket"]
    assert row.status is Status.FAIL
    assert row.detail == "it logged in, and VALR answers no PING"


async def test_a_connection_that_is_lost_after_the_login(tester, monkeypatch):
    greet = tester.exchange.account_hub.add

    def greet_and_leave(socket):
        greet(socket)
        asyncio.get_running_loop().call_soon(socket.close, 1012)

    monkeypatch.setattr(tester.exchange.account_hub, "add", greet_and_leave)
    row = (await tester.rows())["account_socket"]
    assert row.status is Status.FAIL
    assert "1012" in row.detail
