from decimal import Decimal

import pytest

from hummingbot_valr.simulator.candles import Candle, Candles, mark_price

START = 1_790_000_000 // 3600 * 3600 + 3600


@pytest.fixture
def candles(engine, clock):
    clock.advance(START - clock.now())
    return Candles(engine, clock)


def trade(engine, price, quantity="0.1"):
    engine.place_limit("a", pair="BTCZAR", side="SELL", quantity=quantity, price=price)
    engine.place_limit("b", pair="BTCZAR", side="BUY", quantity=quantity, price=price)


def rows(candles, period=60, start=START, end=START + 299, include_empty=False):
    return [(row["startTime"][14:19], row["open"], row["high"], row["low"], row["close"], row["volume"],
             row["quoteVolume"])
            for row in candles.buckets("BTCZAR", period, start, end, include_empty)]


def test_buckets_hold_the_trades_newest_first(engine, clock, candles):
    for price in ("1000010", "1000030", "1000000", "1000020"):
        trade(engine, price)
    clock.advance(120)
    trade(engine, "1000040")
    assert rows(candles) == [
        ("02:00", "1000040", "1000040", "1000040", "1000040", "0.1", "100004"),
        ("00:00", "1000010", "1000030", "1000000", "1000020", "0.4", "400006"),
    ]


def test_empty_minutes_repeat_the_close_when_asked_for(engine, clock, candles):
    trade(engine, "1000010")
    clock.advance(120)
    trade(engine, "1000040")
    assert [row[0] for row in rows(candles, end=START + 150, include_empty=True)] == ["02:00", "01:00", "00:00"]
    assert rows(candles, end=START + 150, include_empty=True)[1][1:] == ("1000010",) * 4 + ("0", "0")


def test_no_empty_minute_lies_in_the_future(engine, clock, candles):
    trade(engine, "1000010")
    clock.advance(60)
    assert [row[0] for row in rows(candles, include_empty=True)] == ["01:00", "00:00"]
    assert rows(candles, start=START + 120, include_empty=True) == []


def test_a_bucket_that_begins_before_the_start_is_complete(engine, clock, candles):
    trade(engine, "1000010")
    clock.advance(120)
    trade(engine, "1000020")
    assert rows(candles, period=300, start=START + 60) == [
        ("00:00", "1000010", "1000020", "1000010", "1000020", "0.2", "200003")]


def test_longer_periods_are_made_of_minutes(engine, clock, candles):
    for price in ("1000010", "1000000", "1000050"):
        trade(engine, price)
        clock.advance(60)
    assert rows(candles, period=300) == [("00:00", "1000010", "1000050", "1000000", "1000050", "0.3", "300006")]


def test_a_finished_minute(engine, clock, candles):
    assert candles.finished_minute("BTCZAR") is None
    trade(engine, "1000010")
    clock.advance(61)
    assert candles.finished_minute("BTCZAR")["volume"] == "0.1"
    clock.advance(60)
    assert candles.finished_minute("BTCZAR")["volume"] == "0"


def test_the_summary_covers_a_day(engine, clock, candles):
    candles.add("BTCZAR", START - 2 * 86400, Candle(*[Decimal(900000)] * 4, Decimal(1), Decimal(900000)))
    trade(engine, "1000000")
    engine.place_limit("a", pair="BTCZAR", side="BUY", quantity="1", price="999990")
    summary = candles.summary(engine.books["BTCZAR"])
    assert summary["askPrice"] == "0" and summary["bidPrice"] == "999990"
    assert summary["lastTradedPrice"] == "1000000" and summary["previousClosePrice"] == "900000"
    assert summary["baseVolume"] == "0.1" and summary["changeFromPrevious"] == "11.11"


def test_the_mark_price_is_on_the_tick(engine):
    book = engine.books["BTCZAR"]
    assert mark_price(book) == 0
    engine.place_limit("a", pair="BTCZAR", side="BUY", quantity="1", price="999990")
    engine.place_limit("a", pair="BTCZAR", side="SELL", quantity="1", price="999995")
    assert mark_price(book) == Decimal(999992)
