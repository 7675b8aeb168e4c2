import asyncio
from decimal import Decimal
from test.hummingbot.connector.exchange.valr.helpers import FRAMES
from typing import Any, List

import pytest
from bidict import bidict

from hummingbot.connector.exchange.valr.valr_account_events import ValrAccountEvents
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.connector.exchange.valr.valr_parsers import FeeRates
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from hummingbot.core.data_type.trade_fee import TokenAmount
from hummingbot.core.event.event_logger import EventLogger
from hummingbot.core.event.events import MarketEvent

NOW = 1_700_000_000.0


class Lookups:
    """What the events ask to be looked up."""

    def __init__(self):
        self.doubted: List[str] = []
        self.delays: List[float] = []
        self.trusted: List[str] = []
        self.collections = 0

    def doubt(self, order: InFlightOrder, delay: float = 0.0):
        self.doubted.append(order.client_order_id)
        self.delays.append(delay)

    def trust(self, order: InFlightOrder):
        self.trusted.append(order.client_order_id)

    def collect_fills(self):
        self.collections += 1


@pytest.fixture
def lookups() -> Lookups:
    return Lookups()


@pytest.fixture
def connector(lookups) -> ValrExchange:
    connector = ValrExchange("key", "secret", trading_pairs=["BTC-ZAR"])
    connector._set_current_timestamp(NOW)
    connector._set_trading_pair_symbol_map(bidict({"BTCZAR": "BTC-ZAR"}))
    connector._lookup = lookups
    connector._events = ValrAccountEvents(
        connector, connector._order_tracker, lookups, connector._fees, connector._account)
    return connector


@pytest.fixture
def heard(connector) -> EventLogger:
    logger = EventLogger()
    for event in (MarketEvent.BuyOrderCreated, MarketEvent.OrderFilled, MarketEvent.OrderCancelled,
                  MarketEvent.OrderFailure, MarketEvent.BuyOrderCompleted):
        connector.add_listener(event, logger)
    return logger


@pytest.fixture
def order(connector) -> InFlightOrder:
    connector.start_tracking_order("c", None, "BTC-ZAR", TradeType.BUY, Decimal(10), Decimal(1), OrderType.LIMIT_MAKER)
    return connector.in_flight_orders["c"]


def process(connector: ValrExchange, kind: str, data: Any):
    connector._events.process({"type": kind, "data": data})


def processed(**fields) -> dict:
    return {"orderId": "x", "customerOrderId": "c", **fields}


def listed(remaining: str = "1", **fields) -> dict:
    return processed(quantity=remaining, originalQuantity="1", status="Placed", **fields)


def trade(**fields) -> dict:
    return processed(**{"id": "t", "price": "10", "quantity": "0.4", "tradedAt": "2026-01-05T10:00:00.120Z",
                        "fee": "0.001", "feeCurrency": "BTC", **fields})


@pytest.mark.asyncio
@pytest.mark.parametrize("frame", [
    pytest.param(frame["payload"], id=f"{number}-{frame['name']}") for number, frame in enumerate(FRAMES)
    if frame["channel"] == "account" and frame["direction"] != "out" and "type" in frame["payload"]])
async def test_every_event_of_the_fixture_is_harmless(frame: dict, connector, order, heard, monkeypatch):
    monkeypatch.setattr(connector._account, "close_gap", lambda: None)

    connector._events.process(frame)

    assert not heard.event_log and order.is_pending_create


class TestPlacements:
    def test_success_opens_the_order(self, connector, order, heard, lookups):
        for _ in range(2):
            process(connector, "ORDER_PROCESSED", processed(success=True, failureReason=""))

        assert [type(event).__name__ for event in heard.event_log] == ["BuyOrderCreatedEvent"]
        assert order.exchange_order_id == "x" and not lookups.doubted

    @pytest.mark.parametrize("kind, data", [
        ("ORDER_PROCESSED", {"success": False, "failureReason": "Insufficient Balance"}),
        ("FAILED_ORDER", {"message": "Insufficient Balance"}),
        ("ORDER_STATUS_UPDATE", {"orderStatusType": "Failed", "failedReason": "Insufficient Balance",
                                 "originalQuantity": "1", "remainingQuantity": "1"}),
    ])
    def test_failure_fails_the_order_once(self, kind, data, connector, order, heard, lookups):
        for _ in range(2):
            process(connector, kind, processed(**data))

        failure, = heard.event_log
        assert (failure.order_id, failure.error_message) == ("c", "Insufficient Balance")
        assert not lookups.doubted

    @pytest.mark.parametrize("data", [
        {},
        {"success": None},
        {"success": False, "failureReason": "Duplicate customer order id's are not allowed"},
    ])
    def test_outcome_that_says_nothing_of_this_order_is_looked_up(self, data, connector, order, heard, lookups):
        process(connector, "ORDER_PROCESSED", processed(**data))

        assert lookups.doubted == ["c"] and order.is_pending_create and not heard.event_log

    def test_failure_of_an_order_that_lives_is_looked_up(self, connector, order, heard, lookups):
        process(connector, "ORDER_PROCESSED", processed(success=True))
        process(connector, "ORDER_PROCESSED", processed(success=False, failureReason="Insufficient Balance"))

        assert lookups.doubted == ["c"] and order.is_open

    def test_order_of_somebody_else_is_ignored(self, connector, order, heard, lookups):
        for kind, data in (("ORDER_PROCESSED", {"success": False}), ("FAILED_ORDER", {}), ("FAILED_CANCEL_ORDER", {}),
                           ("ORDER_STATUS_UPDATE", {"orderStatusType": "Cancelled"}), ("NEW_ACCOUNT_TRADE", trade())):
            process(connector, kind, {**data, "orderId": "y", "customerOrderId": "theirs"})
        process(connector, "OPEN_ORDERS_UPDATE", [{"orderId": "y", "quantity": "1", "originalQuantity": "1"}])

        assert not heard.event_log and not lookups.doubted and connector.in_flight_orders == {"c": order}

    def test_the_reply_to_a_placement_lets_events_be_recognised_that_name_no_other_id(self, connector, order, heard):
        row = trade()
        del row["customerOrderId"]

        process(connector, "PLACEMENT_REPLY", processed())
        process(connector, "NEW_ACCOUNT_TRADE", row)

        assert order.executed_amount_base == Decimal("0.4") and order.exchange_order_id == "x"

    @pytest.mark.parametrize("reply", [{"customerOrderId": "c"}, {"orderId": "y", "customerOrderId": "other"}])
    def test_a_reply_without_an_id_or_of_another_order_changes_nothing(self, reply, connector, order, heard):
        process(connector, "PLACEMENT_REPLY", reply)

        assert order.exchange_order_id is None and not heard.event_log


class TestStatuses:
    def test_final_state_without_quantities_is_looked_up(self, connector, order, heard, lookups):
        process(connector, "ORDER_STATUS_UPDATE", processed(orderStatusType="Cancelled"))

        assert lookups.doubted == ["c"] and not heard.event_log

    def test_unknown_status_is_told_once_and_looked_up(self, connector, order, heard, lookups, caplog):
        for _ in range(2):
            process(connector, "ORDER_STATUS_UPDATE", processed(orderStatusType="Teleported"))

        assert lookups.doubted == ["c", "c"] and order.is_pending_create
        assert caplog.text.count("'Teleported' is not known") == 1

    def test_missing_fills_are_collected(self, connector, order, heard, lookups):
        process(connector, "ORDER_STATUS_UPDATE", processed(
            orderStatusType="Filled", originalQuantity="1", remainingQuantity="0"))

        assert lookups.collections == 1 and order.is_open and not heard.event_log


class TestOpenOrders:
    def test_listed_order_is_open(self, connector, order, heard, lookups):
        process(connector, "OPEN_ORDERS_UPDATE", [listed()])

        assert order.current_state is OrderState.OPEN and lookups.trusted == ["c"]

    def test_listed_quantity_tells_what_was_executed(self, connector, order, lookups):
        process(connector, "OPEN_ORDERS_UPDATE", [listed()])
        process(connector, "OPEN_ORDERS_UPDATE", {"accountId": "0", "orders": [listed("0.6")]})

        assert order.current_state is OrderState.PARTIALLY_FILLED and lookups.collections == 1

    def test_missing_order_is_looked_up_a_while_later(self, connector, order, lookups):
        process(connector, "OPEN_ORDERS_UPDATE", [])
        assert not lookups.doubted, "an order that is being placed may be too new for the list"

        process(connector, "OPEN_ORDERS_UPDATE", [listed()])
        process(connector, "OPEN_ORDERS_UPDATE", [])

        assert lookups.doubted == ["c"] and lookups.delays[0] > 0
        assert order.current_state is OrderState.OPEN

    def test_row_that_did_not_change_is_not_read_again(self, connector, order, monkeypatch):
        process(connector, "OPEN_ORDERS_UPDATE", [listed()])
        monkeypatch.setattr(connector, "process_report", lambda *_: pytest.fail("read again"))

        process(connector, "OPEN_ORDERS_UPDATE", [listed()])

    def test_order_reported_as_failed_is_cancelled_when_it_is_listed(self, connector, order, heard, monkeypatch):
        cancelled = []
        monkeypatch.setattr(connector, "_cancel_surfaced", cancelled.append)
        connector._order_tracker.lose_order(order, "VALR does not know the order")

        process(connector, "OPEN_ORDERS_UPDATE", [listed()])

        assert cancelled == [order] and len(heard.event_log) == 1


class TestTrades:
    def test_fill_is_booked_with_its_fee(self, connector, order, heard, lookups):
        for _ in range(2):
            process(connector, "NEW_ACCOUNT_TRADE", trade())

        _, fill = heard.event_log
        assert (fill.price, fill.amount, fill.exchange_trade_id) == (Decimal(10), Decimal("0.4"), "t")
        assert fill.trade_fee.flat_fees == [TokenAmount("BTC", Decimal("0.001"))]
        assert not lookups.collections

    def test_reward_is_booked_as_a_negative_fee(self, connector, order, heard):
        row = trade(makerReward="0.1", makerRewardCurrency="R")
        del row["fee"], row["feeCurrency"]

        process(connector, "NEW_ACCOUNT_TRADE", row)

        assert heard.event_log[-1].trade_fee.flat_fees == [TokenAmount("ZAR", Decimal("-0.1"))]

    @pytest.mark.parametrize("rates, fields, is_booked", [
        (None, {"fee": "0.001", "feeCurrency": "BTC"}, True),
        (None, {}, False),
        (None, {"fee": "0", "feeCurrency": "BTC"}, False),
        (("0", "0.001"), {"fee": "0", "feeCurrency": "BTC"}, True),
        (("0", "0.001"), {}, False),
        (("-0.0001", "0.001"), {"fee": "0", "feeCurrency": "BTC"}, False),
        (("-0.0001", "0"), {"fee": "0", "feeCurrency": "BTC"}, False),
        (("0.0001", "0.001"), {"fee": "0", "feeCurrency": "BTC"}, False),
        (("0.0001", "0.001"), {"fee": "0.001"}, False),
    ])
    def test_fee_that_may_be_wrong_is_fetched(self, rates, fields, is_booked, connector, order, heard, lookups):
        if rates is not None:
            connector._trading_fees["BTC-ZAR"] = FeeRates("BTCZAR", *map(Decimal, rates))
        row = trade()
        del row["fee"], row["feeCurrency"]

        process(connector, "NEW_ACCOUNT_TRADE", {**row, **fields})

        assert (order.executed_amount_base > 0, lookups.collections) == (is_booked, 0 if is_booked else 1)

    def test_row_of_the_history_is_booked_with_the_others(self, connector, order, lookups):
        process(connector, "NEW_ACCOUNT_TRADE", trade(sequenceId=1))

        assert not order.order_fills and lookups.collections == 1

    def test_fill_is_matched_by_either_id(self, connector, order, heard):
        process(connector, "ORDER_PROCESSED", processed(success=True))

        process(connector, "NEW_ACCOUNT_TRADE", trade(customerOrderId=None))
        process(connector, "NEW_ACCOUNT_TRADE", trade(id="t2", orderId="unknown"))

        assert order.executed_amount_base == Decimal("0.8")


class TestFailedCancellations:
    @pytest.mark.parametrize("ids", [{"orderId": "x"}, {"customerOrderId": "c"}, {}])
    def test_order_is_looked_up(self, ids, connector, order, lookups):
        process(connector, "ORDER_PROCESSED", processed(success=True))
        connector._order_tracker.request_cancel(order)

        process(connector, "FAILED_CANCEL_ORDER", {**ids, "message": "An error occurred while cancelling your order."})

        assert lookups.doubted == ["c"] and order.is_pending_cancel_confirmation


def test_balance_is_taken_over(connector):
    process(connector, "BALANCE_UPDATE", {
        "currency": {"symbol": "R", "shortName": "ZAR"}, "available": "10", "reserved": "5", "total": "15"})

    assert connector.get_balance("ZAR") == 15 and connector.get_available_balance("ZAR") == 10


@pytest.mark.asyncio
class TestListener:
    async def listen(self, connector: ValrExchange, *events: Any):
        queue = connector._user_stream_tracker.user_stream
        for event in events:
            queue.put_nowait(event)
        listener = asyncio.ensure_future(connector._user_stream_event_listener())
        while not queue.empty():
            await asyncio.sleep(0)
        listener.cancel()

    async def test_login_closes_the_gap(self, connector, monkeypatch):
        gaps = []
        monkeypatch.setattr(connector._account, "close_gap", lambda: gaps.append(1))

        await self.listen(connector, {"type": "AUTHENTICATED"})

        assert gaps == [1]

    async def test_event_that_cannot_be_read_is_one_line_and_the_account_is_read(
            self, connector, order, heard, monkeypatch, caplog):
        gaps = []
        monkeypatch.setattr(connector._account, "close_gap", lambda: gaps.append(1))

        await self.listen(connector, {"type": "NEW_ACCOUNT_TRADE", "data": trade(price="0,5")},
                          {"type": "NEW_ACCOUNT_TRADE", "data": trade()})

        assert gaps == [1] and order.executed_amount_base == Decimal("0.4")
        warning, = [record for record in caplog.records if record.levelname == "WARNING"]
        assert "price '0,5' is not a decimal number" in warning.getMessage() and not warning.exc_info

    async def test_unknown_event_is_ignored(self, connector, order, caplog):
        await self.listen(connector, {"type": "EVENT_OF_TOMORROW", "data": {"orderId": 1}}, {"type": "MARGIN_INFO"}, {})

        assert not caplog.records
