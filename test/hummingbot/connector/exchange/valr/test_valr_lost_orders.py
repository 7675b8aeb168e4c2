from decimal import Decimal

import pytest

from hummingbot.connector.exchange.valr import valr_lost_orders
from hummingbot.connector.exchange.valr.valr_lost_orders import ValrLostOrders
from hummingbot.connector.exchange.valr.valr_order_tracker import ValrOrderTracker
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder


class Connector:
    current_timestamp = 0.0

    def trigger_event(self, *_):
        pass


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(valr_lost_orders, "time", clock)
    return clock


@pytest.fixture
def tracker(clock) -> ValrOrderTracker:
    return ValrOrderTracker(connector=Connector())


@pytest.fixture
def order(tracker) -> InFlightOrder:
    order = InFlightOrder("c", "BTC-ZAR", OrderType.LIMIT, TradeType.BUY, Decimal(1), 0.0, Decimal(1))
    tracker.start_tracking_order(order)
    tracker.lose_order(order, "VALR does not know the order")
    return order


def test_lost_order_is_looked_at_at_once_and_then_less_and_less_often(tracker, order, clock):
    lost_orders = ValrLostOrders(tracker)
    looks = []
    for _ in range(1000):
        if lost_orders.due():
            looks.append(clock.now - 1000)
            lost_orders.postpone([order])
        clock.now += 1

    assert looks[:6] == [0, 5, 15, 35, 75, 155]
    assert looks[-1] - looks[-2] == 120


def test_order_that_is_not_lost_any_more_is_forgotten(tracker, order):
    lost_orders = ValrLostOrders(tracker)
    assert lost_orders.due() == [order]

    tracker.drop_lost_order(order)

    assert lost_orders.due() == []


def test_no_cancellation_follows_another_one_at_once(tracker, order, clock):
    lost_orders = ValrLostOrders(tracker)

    assert lost_orders.may_cancel(order)
    assert not lost_orders.may_cancel(order)
    clock.now += 5
    assert lost_orders.may_cancel(order)
