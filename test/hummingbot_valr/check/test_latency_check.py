import re

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot_valr.check import latency_check
from hummingbot_valr.check.report import Status


async def test_all_paths_are_side_by_side(tester):
    row = (await tester.rows())["latency"]
    assert row.status is Status.OK
    paths = ("REST public", "REST signed", "account socket", "trade socket")
    assert re.fullmatch(", ".join(rf"{path} \d+\.\d ms" for path in paths) + r" \(medians\)", row.detail)


@pytest.mark.parametrize("slow, status", [(0.1, Status.WARN), (60.0, Status.OK)])
async def test_slow_replies_are_a_warning(tester, monkeypatch, slow, status):
    monkeypatch.setattr(latency_check, "_SLOW", slow)
    stall(tester, CONSTANTS.API_KEY_PATH)
    row = (await tester.rows())["latency"]
    assert row.status is status
    assert "REST signed 2" in row.detail


async def test_replies_too_slow_for_orders_are_a_failure(tester, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "SOCKET_REPLY_TIMEOUT", 0.15)
    stall(tester, CONSTANTS.API_KEY_PATH)
    row = (await tester.rows())["latency"]
    assert row.status is Status.FAIL
    assert "nearer to VALR" in row.mend


async def test_a_reply_that_does_not_come(tester):
    # The first request tells whether VALR can be reached at all.
    tester.exchange.faults.read.next("stalled", key=CONSTANTS.STATUS_PATH)
    tester.exchange.faults.read.next("server_error", key=CONSTANTS.STATUS_PATH)
    tester.exchange.faults.stall = 0.0
    row = (await tester.rows())["latency"]
    assert row.status is Status.FAIL
    assert "HTTP 500" in row.detail


def stall(tester, path: str) -> None:
    tester.exchange.faults.stall = 0.2
    tester.exchange.faults.read.next("stalled", times=20, key=path)
