"""The bot starts, stops, dies, comes back, and connects with keys that do not work."""
import asyncio
import logging
import time
from decimal import Decimal
from test.integration.trader import Trader
from typing import Callable

import pytest

from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.connector.exchange.valr.valr_order_lookup import ValrOrderLookup
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot_valr.simulator import ValrSimulator

PAIR, SYMBOL = "BTC-ZAR", "BTCZAR"
PRICE = Decimal(1_800_000)
AMOUNT = Decimal("0.01")


@pytest.fixture(autouse=True)
def short_denial(monkeypatch):
    monkeypatch.setattr(ValrOrderLookup, "DENIAL", 1.0)
    monkeypatch.setattr(ValrOrderLookup, "PAUSES", (0.2,))


@pytest.fixture
async def exchange():
    async with ValrSimulator(market=False) as simulator:
        yield simulator


def sell_to(exchange: ValrSimulator, quantity: Decimal = AMOUNT, price: Decimal = PRICE):
    exchange.engine.place_limit("market", pair=SYMBOL, side="SELL", quantity=quantity, price=price)


class TestRestart:
    """A bot is killed at some moment; the next one gets its saved orders and ends with the right states and fills."""

    async def killed(self, exchange: ValrSimulator, monkeypatch, act: Callable) -> Trader:
        """:return: a trader that was killed after `act` was done with its resting order"""
        async with Trader(exchange, monkeypatch) as trader:
            await trader.ready()
            order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
            await trader.until(lambda: trader.said(order_id) == ["created"])
            await act(trader, order_id)
            trader.kill()
        return trader

    async def restarted(self, exchange: ValrSimulator, monkeypatch, first: Trader, expected: list):
        order_id, = first.events
        async with Trader(exchange, monkeypatch, predecessor=first) as second:
            await second.ready()
            await second.until(lambda: second.said(order_id) == expected)
            await second.until(lambda: second.fills() == second.ledger_fills())
            await second.until(lambda: second.balances() == second.ledger_balances())
            return second.connector.in_flight_orders.get(order_id)

    @pytest.mark.parametrize("ids_differ", [False, True])
    async def test_fills_before_and_after_are_booked_once(self, ids_differ, exchange, monkeypatch):
        exchange.faults.rest_trade_ids_differ = ids_differ

        async def fill_half(trader: Trader, _: str):
            sell_to(exchange, AMOUNT / 4)
            sell_to(exchange, AMOUNT / 4)
            await trader.until(lambda: sum(trader.fills().values()) == 2)

        first = await self.killed(exchange, monkeypatch, fill_half)
        sell_to(exchange, AMOUNT / 4)
        order = await self.restarted(exchange, monkeypatch, first, ["created"])

        assert order.executed_amount_base == AMOUNT * 3 / 4

    async def test_order_filled_meanwhile_completes(self, exchange, monkeypatch):
        async def nothing(*_):
            pass

        first = await self.killed(exchange, monkeypatch, nothing)
        sell_to(exchange)
        await self.restarted(exchange, monkeypatch, first, ["created", "completed"])

    async def test_order_cancelled_meanwhile_with_fills(self, exchange, monkeypatch):
        async def nothing(*_):
            pass

        first = await self.killed(exchange, monkeypatch, nothing)
        sell_to(exchange, AMOUNT / 2)
        exchange.engine.cancel_all(exchange.account_id)
        await self.restarted(exchange, monkeypatch, first, ["created", "cancelled"])

    async def test_cancellation_that_was_not_executed_is_no_cancellation(self, exchange, monkeypatch):
        async def cancel(trader: Trader, order_id: str):
            exchange.faults.socket_cancel.next("late")
            exchange.faults.stall = 600.0
            trader.connector.cancel(PAIR, order_id)
            order = await trader.order(order_id)
            trader.connector._order_tracker.request_cancel(order)

        first = await self.killed(exchange, monkeypatch, cancel)
        async with Trader(exchange, monkeypatch, predecessor=first) as second:
            order, = second.connector.in_flight_orders.values()
            assert order.is_pending_cancel_confirmation
            await second.until(lambda: order.current_state is OrderState.OPEN)

    @pytest.mark.parametrize("fault, expected", [("lost_after", ["created"]), ("lost_before", ["failed"])])
    async def test_placement_whose_outcome_was_unknown(self, fault, expected, exchange, monkeypatch):
        async with Trader(exchange, monkeypatch) as first:
            await first.ready()
            exchange.faults.events.lost = 1.0
            exchange.faults.socket_place.next(fault)
            order_id = first.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
            await first.until(lambda: not exchange.faults.socket_place._scheduled)
            first.kill()
        exchange.faults.events.lost = 0.0

        async with Trader(exchange, monkeypatch, predecessor=first) as second:
            assert second.connector.in_flight_orders[order_id].is_pending_create
            await second.until(lambda: second.said(order_id) == expected)

    async def test_lost_order_is_watched_further(self, exchange, monkeypatch):
        async with Trader(exchange, monkeypatch) as first:
            await first.ready()
            exchange.faults.stall = 3.0
            exchange.faults.events.lost = 1.0
            exchange.faults.socket_place.next("late")
            monkeypatch.setattr("hummingbot.connector.exchange.valr.valr_constants.SOCKET_REPLY_TIMEOUT", 0.3)
            order_id = first.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
            await first.until(lambda: first.said(order_id) == ["failed"])
            first.kill()
        orders = exchange.engine.account(exchange.account_id).orders
        await first.until(lambda: orders)
        exchange.faults.events.lost = 0.0

        async with Trader(exchange, monkeypatch, predecessor=first) as second:
            await second.until(lambda: [order.status for order in orders.values()] == ["Cancelled"])
            await second.until(lambda: not second.connector._order_tracker.lost_orders)


async def test_stop_leaves_nothing_behind_and_start_works_again(exchange, monkeypatch):
    before = asyncio.all_tasks()
    trader = Trader(exchange, monkeypatch)
    for _ in range(2):
        async with trader:
            await trader.ready()
            exchange.faults.socket_place.next("lost_before")
            unknown = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
            order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE - 100)
            await trader.until(lambda: trader.said(order_id) == ["created"])
            trader.connector.cancel(PAIR, order_id)
            await trader.until(lambda: trader.is_over(order_id))
        own = [task for task in asyncio.all_tasks() - before
               if "simulator" not in repr(task) and "web_" not in repr(task)]
        await trader.until(lambda: all(task.done() for task in own))
        assert not trader.connector._lookup._timers and not trader.connector._lookup._tasks
        await trader.until(lambda: not exchange.faults.sockets("account") and not exchange.faults.sockets("trade"))
        assert unknown in trader.connector.in_flight_orders

    async with trader:
        await trader.ready()
        await trader.until(lambda: trader.said(unknown) == ["failed"])


class TestKeys:
    """`connect` shows what `_update_balances` raises."""

    async def refusal(self, key: str, secret: str, caplog, subaccount_id: str = "") -> str:
        caplog.set_level(logging.DEBUG)
        connector = ValrExchange(key, secret, trading_required=False, domain="valr_simulator",
                                 valr_subaccount_id=subaccount_id)
        try:
            with pytest.raises(IOError) as refusal:
                await connector._update_balances()
        finally:
            await ConnectionsFactory().close()
        text = str(refusal.value)
        for record in caplog.records:
            text_of_record = record.getMessage() + str(record.exc_info)
            assert not (key and key in text_of_record) and not (secret and secret in text_of_record)
        assert not (key and key in text) and not (secret and secret in text)
        return text

    @pytest.fixture(autouse=True)
    def simulator_url(self, exchange, monkeypatch):
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)

    async def test_unknown_key(self, exchange, caplog):
        assert "does not accept the API key" in await self.refusal("0" * 64, exchange.api_secret, caplog)

    async def test_no_key(self, exchange, caplog):
        assert "There is no VALR API key" in await self.refusal("", "", caplog)

    async def test_wrong_secret(self, exchange, caplog):
        refusal = await self.refusal(exchange.api_key, "1" * 64, caplog)

        assert "the API secret does not belong to the API key" in refusal

    async def test_address_that_is_not_on_the_whitelist(self, exchange, caplog):
        key = exchange.keys.create(exchange.account_id, ip_whitelisted=False)

        assert "from the IP address of this machine" in await self.refusal(key.key, key.secret, caplog)

    @pytest.mark.parametrize("permissions, missing", [
        (["View access"], "lacks the permission 'Trade'"),
        (["Trade"], "'View access'"),
    ])
    async def test_missing_permission(self, permissions, missing, exchange, caplog):
        key = exchange.keys.create(exchange.account_id, permissions=permissions)

        assert missing in await self.refusal(key.key, key.secret, caplog)

    async def test_sub_account_that_is_not_the_keys(self, exchange, caplog):
        refusal = await self.refusal(exchange.api_key, exchange.api_secret, caplog, subaccount_id="42")

        assert "42 is not a sub-account that the key may use" in refusal

    async def test_no_connection(self, exchange, caplog):
        exchange.faults.outage = True

        assert "VALR could not be reached" in await self.refusal(exchange.api_key, exchange.api_secret, caplog)

    async def test_clock_of_this_machine_does_not_matter(self, exchange, monkeypatch):
        exchange.clock.advance(3600)
        exchange.faults.max_clock_skew = 5.0
        async with Trader(exchange, monkeypatch) as trader:
            await trader.ready()
            exchange.clock.advance(3600)

            await trader.connector._update_balances()

            assert trader.balances() == trader.ledger_balances()

    async def test_fast_clock_of_this_machine_does_not_matter_once_valr_can_be_reached(self, exchange, monkeypatch):
        exchange.faults.max_clock_skew = 5.0
        exchange.faults.outage = True
        connector = ValrExchange(exchange.api_key, exchange.api_secret, trading_required=False, domain="valr_simulator")
        monkeypatch.setattr(connector._time_synchronizer, "_time", lambda: time.time() + 7200)
        try:
            with pytest.raises(IOError):
                await connector._update_balances()
            exchange.faults.outage = False

            await connector._update_balances()
        finally:
            await ConnectionsFactory().close()

        assert connector.get_balance("ZAR") == Decimal(1_000_000)

    async def test_keys_that_work(self, exchange):
        connector = ValrExchange(exchange.api_key, exchange.api_secret, trading_required=False, domain="valr_simulator")
        try:
            await connector._update_balances()
        finally:
            await ConnectionsFactory().close()

        assert connector.get_balance("ZAR") == Decimal(1_000_000)

    @pytest.mark.parametrize("symbol", ["R", "ZAR"])
    async def test_sub_account_and_either_name_of_the_rand(self, symbol, exchange):
        exchange.faults.rest_balance_symbol = symbol
        exchange.engine.deposit(exchange.sub_account_id, "ZAR", 5)
        connector = ValrExchange(exchange.api_key, exchange.api_secret, domain="valr_simulator",
                                 valr_subaccount_id=exchange.sub_account_id)
        try:
            await connector._update_balances()
        finally:
            await ConnectionsFactory().close()

        assert connector.get_all_balances() == {"ZAR": Decimal(5)}
