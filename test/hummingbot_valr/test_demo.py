"""What the demo's summary accepts and what it does not; the demo itself runs in test/integration."""
import json
from decimal import Decimal
from pathlib import Path
from test.hummingbot_valr.test_books import AMOUNT, PRICE, write_database, write_log
from typing import Dict

import pytest

from hummingbot_valr import books, demo
from hummingbot_valr.simulator import ValrSimulator


class Run:
    """A run of the bot that is over: the exchange's ledger, and the files which Hummingbot has left."""

    def __init__(self, folder: Path, exchange: ValrSimulator):
        self.folder = folder
        self.exchange = exchange
        (folder / "data/bot").mkdir(parents=True)
        self.log, self.bot_log = folder / "bot.log", folder / "data/bot/bot.log"
        self.bot_log.touch()
        self.fills = books.ledger_fills(exchange)
        self.balances = books.ledger_balances(exchange, ["BTC", "ZAR"])
        self.open_orders = []

    def failed_checks(self) -> Dict[str, str]:
        write_log(self.log, self.fills)
        write_database(self.folder / f"data/{demo.BOT_NAME}.sqlite", self.fills)
        summary = {"open_orders": self.open_orders,
                   "balances": {asset: {"total": str(total), "available": str(available)}
                                for asset, (total, available) in self.balances.items()}}
        (self.folder / "data/valr_test_bot_summary.json").write_text(json.dumps(summary))
        return {check.name: check.detail for check in demo._checks(self.exchange, self.folder, self.log)
                if not check.passed}


def trade(exchange: ValrSimulator, as_maker: bool = True, as_taker: bool = True, cancel: bool = True) -> None:
    engine, own = exchange.engine, exchange.account_id
    if as_maker:
        engine.place_limit(own, pair="BTCZAR", side="BUY", quantity=AMOUNT, price=PRICE, post_only=True)
        engine.place_limit("market", pair="BTCZAR", side="SELL", quantity=AMOUNT, price=PRICE)
    if as_taker:
        engine.place_limit("market", pair="BTCZAR", side="BUY", quantity=AMOUNT, price=PRICE)
        engine.place_market(own, pair="BTCZAR", side="SELL", base_amount=AMOUNT)
    order = engine.place_limit(own, pair="BTCZAR", side="BUY", quantity=AMOUNT, price=PRICE)
    if cancel:
        engine.cancel(own, order_id=order.order_id)


@pytest.fixture
def exchange() -> ValrSimulator:
    return ValrSimulator(market=False)


def test_a_run_with_true_books_passes(exchange, tmp_path):
    trade(exchange)
    assert Run(tmp_path, exchange).failed_checks() == {}


@pytest.mark.parametrize("missing, check", [
    ({"as_maker": False}, "maker fills"), ({"as_taker": False}, "taker fills"),
])
def test_a_kind_of_fill_that_did_not_happen_fails(exchange, tmp_path, missing, check):
    trade(exchange, **missing)
    assert Run(tmp_path, exchange).failed_checks() == {check: "0"}


def test_a_bot_that_ended_without_its_summary_is_one_clear_error(exchange, tmp_path):
    with pytest.raises(demo.DemoError, match=f"ended without its summary. Its log is {tmp_path / 'bot.log'}"):
        demo._checks(exchange, tmp_path, tmp_path / "bot.log")


def test_an_order_left_at_the_exchange_fails(exchange, tmp_path):
    trade(exchange, cancel=False)
    assert Run(tmp_path, exchange).failed_checks() == {"cancelled orders": "0", "orders left": "1"}


def test_an_order_the_bot_believes_alive_fails(exchange, tmp_path):
    trade(exchange)
    run = Run(tmp_path, exchange)
    run.open_orders = ["HBOT1"]
    assert list(run.failed_checks()) == ["orders left"]


def test_a_missing_fill_fails_and_is_named(exchange, tmp_path):
    trade(exchange)
    run = Run(tmp_path, exchange)
    first = run.fills.pop()
    failed = run.failed_checks()
    assert f"only in the ledger: {first}" in failed["fills in Hummingbot's events equal the ledger's"]
    assert failed["fills in Hummingbot's database equal the ledger's, to its six decimals"] == "1 of 2"


def test_a_balance_off_by_the_last_digit_fails_and_is_named(exchange, tmp_path):
    trade(exchange)
    run = Run(tmp_path, exchange)
    total, available = run.balances["ZAR"]
    run.balances["ZAR"] = (total + Decimal("1e-12"), available)
    failed = run.failed_checks()
    assert list(failed) == ["balances equal the ledger's"]
    assert f"ZAR {total + Decimal('1e-12')}" in failed["balances equal the ledger's"]
    assert f"ledger {total}" in failed["balances equal the ledger's"]


@pytest.mark.parametrize("line", ["2026-11-23 04:04:31,019 - 1 - root - ERROR - Engine crashed.",
                                  "Traceback (most recent call last):"])
def test_an_error_in_a_log_fails_and_is_shown(exchange, tmp_path, line):
    trade(exchange)
    run = Run(tmp_path, exchange)
    run.bot_log.write_text(f"{line}\n")
    assert run.failed_checks() == {"error lines and tracebacks in the log": f"1\n{line}"}
