"""Replies that do not tell what became of a command. An order is dead only when VALR says so; nothing is sent twice."""
import logging
import time
from decimal import Decimal
from test.integration.trader import Trader
from typing import List

import pytest

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_account_polling import ValrAccountPolling
from hummingbot.connector.exchange.valr.valr_api_user_stream_data_source import ValrAPIUserStreamDataSource
from hummingbot.connector.exchange.valr.valr_order_lookup import ValrOrderLookup
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot_valr.simulator import ValrSimulator

PAIR, SYMBOL = "BTC-ZAR", "BTCZAR"
PRICE = Decimal(1_800_000)
AMOUNT = Decimal("0.01")
POLLING_INTERVAL = ValrAccountPolling.INTERVAL
EXECUTED = [("socket", "lost_after"), ("socket", "stalled"), ("rest", "lost_after"), ("rest", "stalled"),
            ("rest", "html_accepted"), ("rest", "server_error_accepted")]
NOT_EXECUTED = ["lost_before", "html_refused", "rate_limited", "unavailable", "server_error"]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(CONSTANTS, "SOCKET_REPLY_TIMEOUT", 0.5)
    monkeypatch.setattr(CONSTANTS, "REST_TIMEOUT", 0.5)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MIN_DELAY", 0.5)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_CLEAN_DELAY", 0.1)
    monkeypatch.setattr(ValrAPIUserStreamDataSource, "FALLBACK_DELAY", 0.1)
    monkeypatch.setattr(ValrAccountPolling, "INTERVAL", 0.3)


@pytest.fixture
def short_denial(monkeypatch):
    """VALR has to deny an order for one second, instead of ten, until it counts as never placed."""
    monkeypatch.setattr(ValrOrderLookup, "DENIAL", 1.0)
    monkeypatch.setattr(ValrOrderLookup, "PAUSES", (0.2,))


@pytest.fixture
async def exchange():
    async with ValrSimulator(market=False) as simulator:
        yield simulator


@pytest.fixture(params=["socket", "rest"])
def path(request, exchange) -> str:
    """Orders go over the account socket, or over REST because VALR refuses the socket."""
    exchange.faults.account_login = None if request.param == "socket" else "http_403"
    return request.param


@pytest.fixture
async def trader(exchange, path, monkeypatch):
    async with Trader(exchange, monkeypatch) as trader:
        yield await trader.ready()


def placements(exchange: ValrSimulator, path: str):
    return exchange.faults.socket_place if path == "socket" else exchange.faults.place


def cancellations(exchange: ValrSimulator, path: str):
    return exchange.faults.socket_cancel if path == "socket" else exchange.faults.cancel


def at_exchange(exchange: ValrSimulator, order_id: str) -> List[str]:
    """The states of the exchange's orders with this client order id."""
    orders = exchange.engine.account(exchange.account_id).orders.values()
    return [order.status for order in orders if order.customer_order_id == order_id]


def sell_to(exchange: ValrSimulator, quantity: Decimal = AMOUNT, price: Decimal = PRICE):
    exchange.engine.place_limit("market", pair=SYMBOL, side="SELL", quantity=quantity, price=price)


def buy(trader: Trader, price: Decimal = PRICE) -> str:
    return trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, price)


async def resting(trader: Trader, price: Decimal = PRICE) -> str:
    order_id = buy(trader, price)
    await trader.until(lambda: trader.said(order_id) == ["created"])
    return order_id


class TestPlacements:
    @pytest.mark.parametrize("path, fault", EXECUTED, indirect=["path"])
    async def test_order_lives_although_the_reply_is_lost(self, fault, trader, exchange, path):
        exchange.faults.stall = 60.0
        exchange.faults.events.lost = 1.0
        placements(exchange, path).next(fault)

        order_id = buy(trader)

        await trader.until(lambda: trader.said(order_id) == ["created"], timeout=14)
        assert at_exchange(exchange, order_id) == ["Placed"]
        exchange.faults.events.lost = 0.0
        sell_to(exchange)
        await trader.until(lambda: trader.said(order_id) == ["created", "completed"])
        assert trader.fills() == trader.ledger_fills()

    @pytest.mark.parametrize("path", ["rest"], indirect=True)
    async def test_order_fails_only_after_ten_seconds_of_denial(self, trader, exchange, path, caplog):
        started_at = time.monotonic()
        ids = []
        for fault in NOT_EXECUTED:
            placements(exchange, path).next(fault)
            ids.append(buy(trader))
            await trader.until(lambda: not placements(exchange, path)._scheduled)
        await trader.until(lambda: all(trader.said(order_id) == ["failed"] for order_id in ids), timeout=30)

        assert time.monotonic() - started_at > 10
        assert [at_exchange(exchange, order_id) for order_id in ids] == [[]] * len(ids)
        for order_id in ids:
            failures = [record for record in caplog.records
                        if order_id in record.getMessage() and "failed:" in record.getMessage()]
            assert len(failures) == 1
        assert not [record for record in caplog.records if record.exc_info]

    @pytest.mark.parametrize("path", ["socket"], indirect=True)
    async def test_command_that_never_reached_valr_fails(self, trader, exchange, path, short_denial):
        exchange.faults.socket_place.next("lost_before")

        order_id = buy(trader)

        await trader.until(lambda: trader.said(order_id) == ["failed"])
        assert at_exchange(exchange, order_id) == []

    async def test_outage_of_any_length_loses_nothing(self, trader, exchange, path, short_denial, monkeypatch):
        looks = []
        find = ValrOrderLookup.find
        monkeypatch.setattr(ValrOrderLookup, "find", lambda *args: looks.append(args) or find(*args))
        exchange.faults.stall = 60.0
        placements(exchange, path).next("stalled")
        order_id = buy(trader)
        await trader.until(lambda: at_exchange(exchange, order_id) == ["Placed"])
        exchange.faults.events.lost = 1.0
        exchange.faults.outage = True
        exchange.faults.drop_sockets("account")
        sell_to(exchange, AMOUNT / 2)

        del looks[:]
        # Many more than an order would survive that VALR denies.
        await trader.until(lambda: len(looks) > 15)
        assert trader.said(order_id) in ([], ["created"])
        exchange.faults.outage = False
        exchange.faults.events.lost = 0.0

        order = await trader.order(order_id)
        await trader.until(lambda: order.executed_amount_base == AMOUNT / 2, timeout=20)
        assert trader.said(order_id) == ["created"]
        assert trader.fills() == trader.ledger_fills()

    @pytest.mark.parametrize("path", ["rest"], indirect=True)
    async def test_order_executed_after_it_was_reported_as_failed_is_cancelled(
            self, trader, exchange, path, short_denial):
        exchange.faults.stall = 2.5
        exchange.faults.place.next("late")

        order_id = buy(trader)
        await trader.until(lambda: trader.said(order_id) == ["failed"])
        assert at_exchange(exchange, order_id) == []
        await trader.until(lambda: at_exchange(exchange, order_id) == ["Placed"])
        sell_to(exchange, AMOUNT / 4)

        # At once, not when the order is looked at the next time.
        await trader.until(lambda: at_exchange(exchange, order_id) == ["Cancelled"], timeout=1.5)
        await trader.until(lambda: trader.fills() == trader.ledger_fills())
        assert trader.said(order_id) == ["failed"]
        await trader.until(lambda: not trader.connector._order_tracker.lost_orders)
        await trader.until(lambda: trader.balances() == trader.ledger_balances())

    @pytest.mark.parametrize("answer", ["refused", "failed"])
    async def test_duplicate_id_means_that_the_first_order_lives(self, answer, trader, exchange, path, monkeypatch):
        exchange.faults.duplicate_id = answer
        first = exchange.engine.place_limit(
            exchange.account_id, pair=SYMBOL, side="BUY", quantity=AMOUNT, price=PRICE, customer_order_id="HBOTtwice")
        monkeypatch.setattr("hummingbot.connector.exchange_py_base.get_new_client_order_id", lambda **_: "HBOTtwice")

        order_id = buy(trader)

        order = await trader.order(order_id)
        await trader.until(lambda: trader.said(order_id) == ["created"])
        assert (order.current_state, order.exchange_order_id) == (OrderState.OPEN, first.order_id)

    async def test_events_before_the_reply_are_not_undone_by_it(self, trader, exchange, path):
        exchange.faults.events.before_reply = True
        exchange.engine.place_limit("market", pair=SYMBOL, side="SELL", quantity=AMOUNT, price=PRICE)

        order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT, PRICE)

        await trader.until(lambda: trader.said(order_id) == ["created", "completed"])
        await trader.until(lambda: not trader.connector.in_flight_orders)
        assert trader.fills() == trader.ledger_fills()

    async def test_order_slow_to_be_readable_is_not_failed(self, trader, exchange, path):
        exchange.faults.status_delay = 6.0
        exchange.faults.events.lost = 1.0
        exchange.faults.stall = 60.0
        placements(exchange, path).next("lost_after")

        order_id = buy(trader)

        await trader.until(lambda: trader.said(order_id) == ["created"], timeout=20)
        assert at_exchange(exchange, order_id) == ["Placed"]


class TestCancellations:
    @pytest.mark.parametrize("path, fault", EXECUTED, indirect=["path"])
    async def test_reply_is_lost_and_the_order_is_cancelled(self, fault, trader, exchange, path):
        order_id = await resting(trader)
        exchange.faults.stall = 60.0
        exchange.faults.events.lost = 1.0
        cancellations(exchange, path).next(fault)

        trader.connector.cancel(PAIR, order_id)

        await trader.until(lambda: trader.said(order_id) == ["created", "cancelled"], timeout=14)

    async def test_order_stays_open_when_its_cancellation_was_not_executed(self, trader, exchange, path, caplog):
        order_id = await resting(trader)
        order = await trader.order(order_id)
        cancellations(exchange, path).next("lost_before" if path == "socket" else "unavailable")

        trader.connector.cancel(PAIR, order_id)

        await trader.until(lambda: any("Failed to cancel" in each.getMessage() for each in caplog.records), timeout=8)
        await trader.until(lambda: order.current_state is OrderState.OPEN)
        assert at_exchange(exchange, order_id) == ["Placed"]
        trader.connector.cancel(PAIR, order_id)
        await trader.until(lambda: trader.said(order_id) == ["created", "cancelled"])

    @pytest.mark.parametrize("answer", ["error", "not_found", "accepted"])
    async def test_cancellation_of_a_filled_order_adopts_the_fill(self, answer, trader, exchange, path):
        exchange.faults.cancel_finished = answer
        exchange.faults.socket_cancel_finished = "error" if answer == "error" else "requested"
        order_id = await resting(trader)
        exchange.faults.events.lost = 1.0
        sell_to(exchange)

        trader.connector.cancel(PAIR, order_id)

        await trader.until(lambda: trader.said(order_id) == ["created", "completed"])
        assert trader.fills() == trader.ledger_fills()

    @pytest.mark.parametrize("missing", [False, True])
    async def test_refused_cancellation_brings_the_order_back(self, missing, trader, exchange, path, monkeypatch):
        order_id = await resting(trader)
        order = await trader.order(order_id)
        exchange.faults.stall = 60.0
        cancellations(exchange, path).next("late")
        trader.connector.cancel(PAIR, order_id)
        if path == "socket":
            # The acknowledgement of a command that VALR then does not execute.
            trader.connector._order_tracker.request_cancel(order)

        ids = {} if missing else {"orderId": order.exchange_order_id}
        trader.connector._events.process(
            {"type": "FAILED_CANCEL_ORDER", "data": {**ids, "message": "An error occurred."}})

        await trader.until(lambda: order.current_state is OrderState.OPEN, timeout=8)
        assert trader.said(order_id) == ["created"]

    async def test_accepted_cancellation_is_no_cancelled_order(self, trader, exchange, path, caplog):
        order_id = await resting(trader)
        order = await trader.order(order_id)
        exchange.faults.outcome_delay = (30.0, 30.0)
        exchange.faults.events.lost = 1.0
        exchange.faults.cancel_finished = "accepted"
        if path == "rest":
            exchange.faults.cancel.next("late")
        exchange.faults.stall = 30.0

        trader.connector.cancel(PAIR, order_id)
        await trader.until(lambda: order.is_pending_cancel_confirmation or "Failed to cancel" in caplog.text)

        assert order.is_open and trader.said(order_id) == ["created"]

    async def test_order_being_placed_can_be_cancelled(self, trader, exchange, path):
        exchange.faults.stall = 2.0
        exchange.faults.events.lost = 1.0
        placements(exchange, path).next("late")
        order_id = buy(trader)
        await trader.until(lambda: not placements(exchange, path)._scheduled)

        trader.connector.cancel(PAIR, order_id)

        await trader.until(lambda: at_exchange(exchange, order_id) == ["Placed"], timeout=5)
        await trader.until(lambda: trader.said(order_id) == ["created"], timeout=14)
        trader.connector.cancel(PAIR, order_id)
        await trader.until(lambda: trader.said(order_id) == ["created", "cancelled"])


class TestFills:
    @pytest.fixture(params=[False, True])
    def ids_differ(self, request, exchange) -> bool:
        exchange.faults.rest_trade_ids_differ = request.param
        return request.param

    @pytest.mark.parametrize("path", ["socket"], indirect=True)
    async def test_fills_missed_while_the_socket_was_away_are_booked_once(self, trader, exchange, path, ids_differ):
        ids = [await resting(trader, PRICE - step) for step in range(3)]
        sell_to(exchange, AMOUNT / 2)
        order = await trader.order(ids[0])
        await trader.until(lambda: order.executed_amount_base)
        exchange.faults.drop_sockets("account")
        sell_to(exchange, AMOUNT / 4)
        sell_to(exchange, AMOUNT / 4)
        sell_to(exchange, AMOUNT / 4, PRICE - 1)
        exchange.engine.cancel_all(exchange.account_id)

        await trader.until(lambda: all(map(trader.is_over, ids)), timeout=15)

        assert [trader.said(order_id)[-1] for order_id in ids] == ["completed", "cancelled", "cancelled"]
        assert trader.fills() == trader.ledger_fills()
        assert sum(trader.fills().values()) == 4

    @pytest.mark.parametrize("path", ["socket"], indirect=True)
    async def test_equal_fills_in_one_millisecond_are_told_apart(self, trader, exchange, path, ids_differ):
        order_id = await resting(trader)
        with exchange.engine.together():
            for _ in range(4):
                sell_to(exchange, AMOUNT / 4)

        await trader.until(lambda: trader.said(order_id) == ["created", "completed"])
        assert sum(trader.fills().values()) == 4
        assert trader.fills() == trader.ledger_fills()

    @pytest.mark.parametrize("path", ["socket"], indirect=True)
    async def test_events_late_twice_and_shuffled_book_nothing_twice(self, trader, exchange, path, ids_differ):
        events = exchange.faults.events
        events.delay, events.shuffle, events.duplicate, events.missing_fields = (0.0, 0.4), True, 0.5, 0.3
        order_id = buy(trader)
        await trader.until(lambda: "created" in trader.said(order_id))
        for _ in range(10):
            sell_to(exchange, AMOUNT / 10)

        await trader.until(lambda: trader.said(order_id) == ["created", "completed"])
        exchange.clock.advance(1)  # the last events that may still come
        events.delay = (0.0, 0.0)
        exchange.engine.deposit(exchange.account_id, "XRP", "1")
        await trader.until(lambda: trader.balances() == trader.ledger_balances())

        assert trader.fills() == trader.ledger_fills()

    @pytest.mark.parametrize("path", ["rest"], indirect=True)
    async def test_fill_is_known_within_five_seconds_without_a_socket(
            self, trader, exchange, path, ids_differ, monkeypatch):
        monkeypatch.setattr(ValrAccountPolling, "INTERVAL", POLLING_INTERVAL)
        order_id = await resting(trader)
        started_at = time.monotonic()

        sell_to(exchange, AMOUNT / 2)
        order = await trader.order(order_id)
        await trader.until(lambda: order.executed_amount_base)

        assert time.monotonic() - started_at < 5
        sell_to(exchange, AMOUNT / 2)
        await trader.until(lambda: trader.said(order_id) == ["created", "completed"])
        assert trader.fills() == trader.ledger_fills()

    async def test_final_state_waits_for_its_fills(self, trader, exchange, path, ids_differ, caplog):
        order_id = await resting(trader)
        exchange.faults.events.lost = 1.0
        sell_to(exchange, AMOUNT / 2)
        exchange.faults.events.lost = 0.0
        exchange.faults.read.unavailable = 1.0
        exchange.engine.cancel_all(exchange.account_id)

        failures = ("Orders cannot be looked up", "Polling the account over REST fails")
        await trader.until(lambda: any(failure in caplog.text for failure in failures))
        assert trader.said(order_id) == ["created"]
        exchange.faults.read.unavailable = 0.0

        await trader.until(lambda: trader.said(order_id) == ["created", "cancelled"])
        kinds = [type(event).__name__ for event in trader.events[order_id]]
        assert kinds.index("OrderFilledEvent") < kinds.index("OrderCancelledEvent")
        assert trader.fills() == trader.ledger_fills()


async def test_events_that_cannot_be_read_do_not_cause_a_storm_of_requests(exchange, monkeypatch):
    async with Trader(exchange, monkeypatch) as trader:
        await trader.ready()
        await trader.until(lambda: not trader.connector._account.is_closing_gap)
        refreshes = []
        refresh = trader.connector._account.refresh
        monkeypatch.setattr(trader.connector._account, "refresh", lambda: refreshes.append(1) or refresh())

        for _ in range(1000):
            trader.connector._user_stream_tracker.user_stream.put_nowait({"type": "BALANCE_UPDATE", "data": {}})
        await trader.until(lambda: trader.connector._user_stream_tracker.user_stream.empty())
        await trader.until(lambda: not trader.connector._account.is_closing_gap)

        assert 1 <= len(refreshes) <= 2


async def test_failures_of_reading_are_one_line_each(exchange, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    async with Trader(exchange, monkeypatch) as trader:
        await trader.ready()
        await resting(trader)
        caplog.clear()
        exchange.faults.outage = True
        exchange.faults.drop_sockets("account")
        for _ in range(4):
            await trader.connector._account.refresh()
            await trader.connector._update_time_synchronizer()
        exchange.faults.outage = False
        await trader.connector._account.refresh()

        ours = [record for record in caplog.records
                if "ValrExchange" in record.name and "balances" in record.getMessage()]
        assert [record.levelname for record in ours] == ["WARNING", "INFO"]
        assert not [record for record in caplog.records if record.exc_info]
