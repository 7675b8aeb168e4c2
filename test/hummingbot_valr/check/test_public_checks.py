import re
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot_valr.check.mends import mend_of
from hummingbot_valr.check.report import Status


async def test_all_is_well(tester):
    rows = await tester.rows()
    public = [rows[name] for name in ("reachability", "clock", "pairs", "market_summary")]
    assert [row.status for row in public] == [Status.OK] * 4
    assert not any(row.mend for row in public)


async def test_nobody_answers(tester):
    await tester.exchange.stop()
    row = (await tester.rows())["reachability"]
    assert row.status is Status.FAIL
    assert "Cannot connect" in row.detail
    assert "hummingbot-valr simulator" in row.mend


async def test_connections_are_cut(tester):
    tester.exchange.faults.outage = True
    assert (await tester.rows())["reachability"].status is Status.FAIL


async def test_a_status_that_nobody_knows(tester):
    tester.hears(CONSTANTS.STATUS_PATH, {"status": "lunch"})
    row = (await tester.rows())["reachability"]
    assert row.status is Status.FAIL
    assert "'lunch'" in row.detail
    assert "--record" in row.mend


def test_the_real_exchange_has_a_mend_of_its_own():
    assert "status.valr.com" in mend_of(ConnectionError(), CONSTANTS.DEFAULT_DOMAIN)


async def test_read_only_is_a_warning(tester):
    tester.exchange.faults.read_only = True
    row = (await tester.rows())["reachability"]
    assert row.status is Status.WARN
    assert "read-only" in row.detail
    assert "maintenance" in row.mend


@pytest.mark.parametrize("fault, mend", [("server_error", "internal problem"), ("rate_limited", "Wait a minute"),
                                         ("unavailable", "maintenance"), ("html_refused", "--record")])
async def test_http_errors_have_their_own_mends(tester, fault, mend):
    tester.exchange.faults.read.next(fault, key=CONSTANTS.STATUS_PATH)
    row = (await tester.rows())["reachability"]
    assert row.status is Status.FAIL
    assert mend in row.mend


@pytest.mark.parametrize("seconds, status", [(0, Status.OK), (5, Status.WARN), (60, Status.FAIL)])
async def test_the_clock_is_off(tester, seconds, status):
    tester.exchange.clock.advance(seconds)
    # The connector signs with VALR's time all the same.
    tester.exchange.faults.max_clock_skew = 2.0
    rows = await tester.rows()
    assert rows["clock"].status is status
    assert rows["signature"].status is Status.OK
    if seconds:
        off = re.fullmatch(r"this machine is (\d+\.\d{3}) s behind VALR", rows["clock"].detail)
        assert abs(float(off[1]) - seconds) < 1
        assert "NTP" in rows["clock"].mend


async def test_the_time_cannot_be_read(tester):
    tester.exchange.faults.read.next("server_error", times=20, key=CONSTANTS.SERVER_TIME_PATH)
    row = (await tester.rows())["clock"]
    assert row.status is Status.FAIL
    assert "time cannot be read" in row.detail


async def test_the_pairs_cannot_be_read(tester):
    tester.exchange.faults.read.next("server_error", times=5, key=CONSTANTS.PAIRS_PATH)
    rows = await tester.rows()
    assert rows["pairs"].status is Status.FAIL
    assert "HTTP 500" in rows["pairs"].detail
    assert rows["market_summary"].detail == "not tested, because of pairs"


async def test_no_pair_can_be_traded(tester):
    for symbol in tester.exchange.engine.pairs:
        tester.exchange.engine.set_active(symbol, False)
    row = (await tester.rows())["pairs"]
    assert row.status is Status.FAIL
    assert "can be traded" in row.detail


async def test_a_pair_whose_rules_cannot_be_read_is_named(tester):
    tester.exchange.engine.pairs["ETHZAR"].tick = Decimal(0)
    row = (await tester.rows())["pairs"]
    assert row.status is Status.WARN
    assert "ETH-ZAR" in row.detail


@pytest.mark.parametrize("change, status, detail", [
    ({"lastTradedPrice": "0"}, Status.FAIL, "no pair has a last price"),
    ({"lastTradedPrice": "much"}, Status.FAIL, "not the form"),
    ({"created": "2026-01-05T10:00:00Z"}, Status.WARN, "s old"),
])
async def test_a_market_summary_of_no_use(tester, monkeypatch, change, status, detail):
    summary = tester.exchange.candles.summary
    monkeypatch.setattr(tester.exchange.candles, "summary", lambda book: summary(book) | change)
    row = (await tester.rows())["market_summary"]
    assert row.status is status
    assert detail in row.detail


async def test_the_market_summary_cannot_be_read(tester):
    tester.exchange.faults.read.next("server_error", key=CONSTANTS.MARKET_SUMMARY_PATH)
    assert "HTTP 500" in (await tester.rows())["market_summary"].detail


async def test_the_age_of_the_summary_follows_the_exchanges_clock(tester):
    tester.exchange.clock.advance(3600)
    assert (await tester.rows())["market_summary"].status is Status.OK
