"""A thousand orders while everything goes wrong: in the end bot and exchange agree, to the last digit."""
import asyncio
import logging
import random
from collections import Counter
from decimal import Decimal
from test.integration.trader import Trader
from typing import List

import pytest

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_order_lookup import ValrOrderLookup
from hummingbot.core.data_type.common import OrderType
from hummingbot_valr.simulator import ValrSimulator

ORDERS = 1000
PAIRS = {"BTC-ZAR": "BTCZAR", "ETH-ZAR": "ETHZAR", "USDT-ZAR": "USDTZAR"}
PRICES = {"BTCZAR": Decimal(1_000_000), "ETHZAR": Decimal(50_000), "USDTZAR": Decimal(18)}
STEPS = {"BTCZAR": Decimal(100), "ETHZAR": Decimal(10), "USDTZAR": Decimal("0.01")}
SIZES = {"BTCZAR": Decimal("0.001"), "ETHZAR": Decimal("0.02"), "USDTZAR": Decimal(50)}
FINAL_EVENT = {"Filled": "completed", "Cancelled": "cancelled", "Failed": "failed",
               "Partially Filled and Cancelled Due To Slippage": "cancelled"}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """All waits about half as long as in production, so that a run takes half the time."""
    monkeypatch.setattr(CONSTANTS, "REST_TIMEOUT", 4.0)
    monkeypatch.setattr(CONSTANTS, "SOCKET_REPLY_TIMEOUT", 2.0)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MIN_DELAY", 1.0)
    monkeypatch.setattr(ValrOrderLookup, "DENIAL", 6.0)


class Storm:
    """Seeded trading of the bot and of the market, and the faults that go with it."""

    def __init__(self, exchange: ValrSimulator, seed: int):
        self.exchange = exchange
        self.random = random.Random(f"storm-{seed}")
        self.ids: List[str] = []
        exchange.rate_limits.enabled = False
        account = exchange.account_id
        # A reward, no fee at all, and the standard fees.
        exchange.engine.set_fees(account, "BTCZAR", "-0.01", "0.1")
        exchange.engine.set_fees(account, "ETHZAR", "0", "0.25")
        for currency, value in (("ZAR", 10_000_000), ("BTC", 10), ("ETH", 200), ("USDT", 1_000_000)):
            exchange.engine.deposit(account, currency, value)

    def unleash(self, seed: int):
        faults = self.exchange.faults
        faults.stall = 3.0
        for group in (faults.place, faults.cancel, faults.batch):
            for name in ("lost_before", "lost_after", "html_refused", "html_accepted", "rate_limited", "unavailable",
                         "server_error", "server_error_accepted", "stalled", "late"):
                setattr(group, name, 0.02)
        for name in ("lost_before", "lost_after", "html_refused", "rate_limited", "unavailable", "server_error"):
            setattr(faults.read, name, 0.02)
        for group in (faults.socket_place, faults.socket_cancel):
            for name in ("lost_before", "lost_after", "stalled", "late", "rate_limited"):
                setattr(group, name, 0.01)
        events = faults.events
        events.delay = (0.0, 0.05)
        events.shuffle = True
        events.duplicate = 0.1
        events.lost = 0.02
        events.missing_fields = 0.15
        events.unknown_fields = True
        events.before_reply = seed % 2 == 0
        events.placed_status = seed % 3 == 0
        events.open_orders_lag = 0.05 * (seed % 2)
        events.open_orders_nested = seed % 3 == 1
        events.reward = ("absent", "zero", "reward")[seed % 3]
        faults.outcome_delay = (0.0, 0.05)
        faults.rest_trade_ids_differ = seed % 2 == 1
        faults.duplicate_id = ("refused", "failed")[seed % 2]
        faults.cancel_finished = ("error", "not_found", "accepted")[seed % 3]
        faults.socket_cancel_finished = ("requested", "error")[seed % 2]
        faults.socket_error_shape = ("response", "invalid", "rejected", "error")[seed % 4]
        faults.rest_balance_symbol = ("ZAR", "R")[seed % 2]

    def calm(self):
        faults = self.exchange.faults
        for group in (faults.place, faults.cancel, faults.batch, faults.read, faults.socket_place,
                      faults.socket_cancel):
            group.clear()
        faults.events.lost = 0.0
        faults.account_login = None

    async def trade(self, trader: Trader, orders: int):
        for number in range(orders):
            self.trade_of_others()
            self._place(trader)
            for _ in range(self.random.randrange(3)):
                self._cancel_some(trader)
            if number % 200 == 199:
                self._break_socket()
            await asyncio.sleep(self.random.uniform(0.0, 0.01))

    def trade_of_others(self):
        self._quote_for_others()
        if self.random.random() < 0.6:
            self._take_for_others()

    def _place(self, trader: Trader):
        pair, symbol = self.random.choice(list(PAIRS.items()))
        kind = self.random.choice((OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.LIMIT_MAKER,
                                   OrderType.MARKET))
        amount = SIZES[symbol] * self.random.randrange(1, 50) / 10
        side = self.random.choice((-1, 1))
        price = PRICES[symbol] - side * STEPS[symbol] * self.random.randrange(-3, 12)
        place = trader.connector.buy if side > 0 else trader.connector.sell
        self.ids.append(place(pair, amount, kind, price))

    def _cancel_some(self, trader: Trader):
        orders = list(trader.connector.in_flight_orders.values())
        if orders:
            order = self.random.choice(orders)
            trader.connector.cancel(order.trading_pair, order.client_order_id)

    def _quote_for_others(self):
        symbol = self.random.choice(list(PRICES))
        side = self.random.choice((-1, 1))
        price = PRICES[symbol] - side * STEPS[symbol] * self.random.randrange(1, 5)
        self.exchange.engine.place_limit(
            "market", pair=symbol, side="BUY" if side > 0 else "SELL", price=price,
            quantity=SIZES[symbol] * self.random.randrange(1, 30) / 10)

    def _take_for_others(self):
        symbol = self.random.choice(list(PRICES))
        side = self.random.choice((-1, 1))
        price = PRICES[symbol] + side * STEPS[symbol] * self.random.randrange(0, 6)
        self.exchange.engine.place_limit(
            "market", pair=symbol, side="BUY" if side > 0 else "SELL", price=price, time_in_force="IOC",
            quantity=SIZES[symbol] * self.random.randrange(1, 30) / 10)

    def _break_socket(self):
        faults = self.exchange.faults
        choice = self.random.randrange(3)
        if choice == 0:
            faults.drop_sockets("account", self.random.choice((1000, 1006, 1012)))
        elif choice == 1:
            faults.silence_sockets("account")
        else:
            faults.account_login = self.random.choice(("close_1007", "http_401", "http_429", "error_frame"))
            faults.drop_sockets("account")
            self.exchange.clock.call_later(0.5, setattr, faults, "account_login", None)


async def settle(storm: Storm, trader: Trader):
    """The faults end, the bot cancels what is left, and everything comes to rest."""
    storm.calm()
    account = storm.exchange.engine.account(storm.exchange.account_id)

    def is_over() -> bool:
        return not account.open_orders and all(map(trader.is_over, storm.ids))

    for _ in range(6):
        await trader.connector.cancel_all(5)
        if is_over():
            break
    await trader.until(is_over, 60)
    await trader.until(lambda: trader.fills() == trader.ledger_fills(), 20)
    await trader.until(lambda: trader.balances() == trader.ledger_balances(), 40)


def compare(storm: Storm, trader: Trader):
    orders = storm.exchange.engine.account(storm.exchange.account_id).orders.values()
    ids = Counter(order.customer_order_id for order in orders)
    assert set(ids) <= set(storm.ids), "an order that the bot does not know"
    assert set(ids.values()) == {1}, "an order placed twice"
    status = {order.customer_order_id: order.status for order in orders}
    wrong = {}
    for order_id in storm.ids:
        said = trader.said(order_id)
        final = FINAL_EVENT[status[order_id]] if order_id in status else "failed"
        expected = [final] if "created" not in said else ["created", final]
        if said != expected:
            wrong[order_id] = said, status.get(order_id)
    assert not wrong
    assert trader.fills() == trader.ledger_fills()
    assert trader.balances() == trader.ledger_balances()
    assert not trader.connector.in_flight_orders


def assert_calm_log(caplog):
    """Whatever goes wrong outside the connector, it tells it in one line and never as an error of its own."""
    # Hummingbot itself logs an error when it saves an order whose fee it cannot convert without a rate oracle.
    ours = [record for record in caplog.records if record.name.startswith("hummingbot.connector")]
    assert not [record for record in ours if record.levelno >= logging.ERROR or record.exc_info]


@pytest.mark.timeout(170)
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
async def test_bot_and_exchange_agree_after_a_thousand_orders_with_faults(seed, monkeypatch, caplog):
    caplog.set_level(logging.WARNING)
    async with ValrSimulator(seed=seed, market=False) as exchange:
        storm = Storm(exchange, seed)
        async with Trader(exchange, monkeypatch, list(PAIRS), rate_limits_share_pct=Decimal(1000)) as trader:
            await trader.ready()
            storm.unleash(seed)
            await storm.trade(trader, ORDERS)
            await settle(storm, trader)
            compare(storm, trader)
    assert_calm_log(caplog)


@pytest.mark.timeout(170)
async def test_bot_and_exchange_agree_when_the_bot_is_killed_in_the_middle(monkeypatch, caplog):
    caplog.set_level(logging.WARNING)
    async with ValrSimulator(seed=6, market=False) as exchange:
        storm = Storm(exchange, 6)
        async with Trader(exchange, monkeypatch, list(PAIRS), rate_limits_share_pct=Decimal(1000)) as first:
            await first.ready()
            storm.unleash(6)
            await storm.trade(first, ORDERS // 2)
            first.kill()
        for _ in range(50):
            storm.trade_of_others()
        second = Trader(
            exchange, monkeypatch, list(PAIRS), rate_limits_share_pct=Decimal(1000), predecessor=first)
        async with second:
            await second.ready()
            await storm.trade(second, ORDERS // 2)
            await settle(storm, second)
            compare(storm, second)
    assert_calm_log(caplog)
