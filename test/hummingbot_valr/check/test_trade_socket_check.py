import asyncio

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot_valr.check import trade_socket_check
from hummingbot_valr.check.report import Status

LONG = 60.0  # seconds; a fault ends the row at once


async def test_all_is_well(tester):
    row = (await tester.rows(seconds=0.5))["trade_socket"]
    assert row.status is Status.OK
    assert "BTC-ZAR, ETH-ZAR, USDT-ZAR, BTC-USDT" in row.detail
    assert row.detail.endswith("signed") and not row.detail.endswith("not signed")


async def test_without_keys_it_is_not_signed(tester):
    tester.credentials = None
    assert (await tester.rows())["trade_socket"].detail.endswith("not signed")


@pytest.mark.parametrize("fault, detail", [("gap", "sequence gap"), ("corrupt_checksum", "checksum"),
                                           ("wrong_content", "checksum")])
async def test_a_book_that_is_not_right(tester, fault, detail):
    setattr(tester.exchange.faults.books, fault, 0.5)
    row = (await tester.rows(LONG))["trade_socket"]
    assert row.status is Status.FAIL
    assert detail in row.detail
    assert "subscribes anew" in row.mend


async def test_a_snapshot_that_does_not_come(tester, monkeypatch):
    monkeypatch.setattr(trade_socket_check, "SNAPSHOT_TIMEOUT", 0.3)
    tester.exchange.faults.books.missing_snapshots = 1
    row = (await tester.rows())["trade_socket"]
    assert row.status is Status.FAIL
    assert row.detail == "no order book of BTC-ZAR within 0.3 s"


async def test_a_pair_that_is_refused(tester):
    tester.exchange.faults.books.refused_pairs.add("ETHZAR")
    row = (await tester.rows(LONG))["trade_socket"]
    assert row.status is Status.FAIL
    assert "pair ETHZAR combination invalid" in row.detail


async def test_a_connection_that_is_refused(tester):
    tester.exchange.faults.trade_refusal = 503
    row = (await tester.rows(LONG))["trade_socket"]
    assert row.status is Status.FAIL
    assert row.detail == "VALR refused the connection with HTTP 503"


async def watched(tester) -> asyncio.Task:
    """The running self-test, at the moment in which the trade socket is watched."""
    running = asyncio.ensure_future(tester.rows(LONG))
    while not any(CONSTANTS.BOOK_EVENT in socket.subscriptions for socket in tester.exchange.faults.sockets("trade")):
        await asyncio.sleep(0.01)
    return running


@pytest.mark.parametrize("code", [1000, 1006, 1012])
async def test_a_connection_that_is_lost(tester, code):
    running = await watched(tester)
    tester.exchange.faults.drop_sockets("trade", code)
    row = (await running)["trade_socket"]
    assert row.status is Status.FAIL
    assert str(code) in row.detail
    assert "latency" in await running


async def test_pings_that_are_not_answered(tester, monkeypatch):
    monkeypatch.setattr("hummingbot_valr.simulator.trade_hub.TradeHub.handle", without_pongs(tester))
    row = (await tester.rows(0.3))["trade_socket"]
    assert row.status is Status.FAIL
    assert row.detail == "VALR answered no PING"


def without_pongs(tester):
    handle = type(tester.exchange.trade_hub).handle
    return lambda hub, socket, text: None if "PING" in text else handle(hub, socket, text)
