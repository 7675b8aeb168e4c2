"""Hummingbot's books are written here as Hummingbot 20260922 writes them, the ledger comes from a real exchange."""
import json
import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from hummingbot_valr import books
from hummingbot_valr.simulator import ValrSimulator

PRICE, AMOUNT = Decimal("1797498"), Decimal("0.00027813")


@pytest.fixture
def exchange() -> ValrSimulator:
    """An exchange whose demo account has bought as a maker and sold as a taker."""
    simulator = ValrSimulator(market=False)
    engine, own = simulator.engine, simulator.account_id
    engine.place_limit(own, pair="BTCZAR", side="BUY", quantity=AMOUNT, price=PRICE, post_only=True)
    engine.place_limit("market", pair="BTCZAR", side="SELL", quantity=AMOUNT, price=PRICE)
    engine.place_limit("market", pair="BTCZAR", side="BUY", quantity=AMOUNT, price=PRICE)
    engine.place_market(own, pair="BTCZAR", side="SELL", base_amount=AMOUNT)
    return simulator


def fee_record(fill: books.BookedFill) -> dict:
    return {"percent": "0", "percent_token": None,
            "flat_fees": [{"token": token, "amount": str(amount)} for token, amount in fill.fees]}


def write_log(path: Path, fills) -> Path:
    events = [{"event_name": "BuyOrderCreatedEvent", "order_id": "1"}]
    events += [
        {"event_name": "OrderFilledEvent", "exchange_trade_id": fill.trade_id, "trade_type": f"TradeType.{fill.side}",
         "price": str(fill.price), "amount": str(fill.amount), "trade_fee": fee_record(fill)} for fill in fills]
    reporter = "2026-11-23 04:02:11,084 - 26207 - hummingbot.core.event.event_reporter - EVENT_LOG - "
    path.write_text("".join(f"{reporter}{json.dumps(event)}\n" for event in events))
    return path


def write_database(path: Path, fills) -> Path:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE TradeFill (exchange_trade_id, trade_type, price, amount, trade_fee)")
        rows = [(fill.trade_id, fill.side, int(fill.price * 10 ** 6), int(fill.amount * 10 ** 6),
                 json.dumps(fee_record(fill))) for fill in fills]
        connection.executemany("INSERT INTO TradeFill VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()
    return path


def test_books_which_agree_are_equal_to_the_last_digit(exchange, tmp_path):
    ledger = books.ledger_fills(exchange)
    assert sorted((fill.side, fill.price, fill.amount) for fill in ledger) == [
        ("BUY", PRICE, AMOUNT), ("SELL", PRICE, AMOUNT)]
    assert books.logged_fills(write_log(tmp_path / "log", ledger)) == ledger
    assert books.database_fills(write_database(tmp_path / "db", ledger)) == [fill.in_database() for fill in ledger]


@pytest.mark.parametrize("change", [
    {"trade_id": "another"}, {"side": "SELL"}, {"price": PRICE + 1}, {"amount": AMOUNT + Decimal("0.00000001")},
    {"fees": ()}, {"fees": (("ZAR", Decimal("0.5")),)},
])
def test_any_difference_shows(exchange, tmp_path, change):
    first, second = sorted(books.ledger_fills(exchange), key=lambda fill: fill.side)
    changed = [replace(first, **change), second]
    assert books.logged_fills(write_log(tmp_path / "log", changed)) != books.ledger_fills(exchange)


def test_a_missing_and_a_doubled_fill_show(exchange, tmp_path):
    ledger = books.ledger_fills(exchange)
    for fills in (ledger[1:], [*ledger, ledger[0]]):
        assert books.logged_fills(write_log(tmp_path / "log", fills)) != ledger
        assert books.database_fills(write_database(tmp_path / f"db{len(fills)}", fills)) != [
            fill.in_database() for fill in ledger]


def test_an_estimated_fee_is_not_taken_for_a_booked_one(exchange, tmp_path):
    first = books.ledger_fills(exchange)[0]
    log = write_log(tmp_path / "log", [first])
    log.write_text(log.read_text().replace('"percent": "0"', '"percent": "0.0018"'))
    assert books.logged_fills(log) != [first]


@pytest.mark.parametrize("line", [
    "2026-11-23 04:04:31,019 - 1 - hummingbot.core - ERROR - Unexpected error.",
    "2026-11-23 04:04:31,019 - 1 - hummingbot.core - CRITICAL - Worse.",
    "Traceback (most recent call last):",
])
def test_troubles_in_a_log_are_found(tmp_path, line):
    log = tmp_path / "log"
    log.write_text(f"2026-11-23 04:04:31,018 - 1 - hummingbot.core - INFO - No ERROR here.\n{line}\n")
    assert books.troubles(log) == [line]
