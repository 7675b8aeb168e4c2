import asyncio
import json
import logging
import time
from collections import Counter
from decimal import Decimal
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given, settings, strategies as st

from hummingbot.connector.exchange.valr.valr_order_tracker import ValrOrderTracker
from hummingbot.connector.exchange.valr.valr_parsers import FINAL_STATES, Fill, OrderReport
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, OrderUpdate
from hummingbot.core.data_type.trade_fee import DeductedFromReturnsTradeFee, TokenAmount

FEE = DeductedFromReturnsTradeFee(flat_fees=[TokenAmount("BTC", Decimal("0.001"))])
NOW = 1_700_000_000.0


class Listener:
    """What a tracker needs of its connector: the time, and somebody who hears its events."""

    current_timestamp = NOW

    def __init__(self):
        self.events: List[Any] = []

    def trigger_event(self, tag: Any, event: Any):
        self.events.append((tag.name.removeprefix("Buy").removeprefix("Sell").removeprefix("Order"), event))

    @property
    def kinds(self) -> List[str]:
        return [kind.removeprefix("Order") for kind, _ in self.events]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def tracker(listener) -> ValrOrderTracker:
    return ValrOrderTracker(connector=listener)


def tracked(tracker: ValrOrderTracker, state: OrderState = OrderState.OPEN, amount: str = "1", order_id: str = "c",
            exchange_order_id: Optional[str] = "x") -> InFlightOrder:
    order = InFlightOrder(
        client_order_id=order_id, exchange_order_id=exchange_order_id, trading_pair="BTC-ZAR",
        order_type=OrderType.LIMIT, trade_type=TradeType.BUY, amount=Decimal(amount), price=Decimal(10),
        creation_timestamp=NOW, initial_state=state)
    tracker.start_tracking_order(order)
    return order


def report(state: Optional[OrderState], executed: Optional[str] = "0", at: float = NOW, reason: str = "",
           exchange_order_id: str = "x") -> OrderReport:
    return OrderReport(exchange_order_id, "c", state.name if state else "?", state,
                       None if executed is None else Decimal(executed), reason, at)


def fill(trade_id: str = "t1", quantity: str = "0.5", at: float = NOW, is_history: bool = False) -> Fill:
    return Fill(trade_id, "x", "c", Decimal(10), Decimal(quantity), None, True, is_history, at)


class TestStates:
    def test_order_opens_once(self, tracker, listener):
        order = tracked(tracker, OrderState.PENDING_CREATE, exchange_order_id=None)

        for _ in range(2):
            tracker.process_report(order, report(OrderState.OPEN))

        assert listener.kinds == ["Created"]
        assert listener.events[0][1].exchange_order_id == "x"

    @pytest.mark.parametrize("older", [OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.PENDING_CREATE])
    def test_older_event_undoes_nothing(self, older, tracker):
        order = tracked(tracker, OrderState.PARTIALLY_FILLED)

        tracker.process_report(order, report(older))

        assert order.current_state is OrderState.PARTIALLY_FILLED

    @pytest.mark.parametrize("later", list(OrderState)[:7])
    def test_final_state_stays(self, later, tracker, listener):
        order = tracked(tracker)
        tracker.process_report(order, report(OrderState.CANCELED))

        tracker.process_report(order, report(later, "1" if later is OrderState.FILLED else "0"), is_answer=True)
        tracker.open_order(order)
        tracker.request_cancel(order)

        assert order.is_cancelled
        assert listener.kinds == ["Cancelled"]

    @pytest.mark.asyncio
    async def test_queued_update_of_the_framework_does_not_bring_an_order_back(self, tracker, listener):
        order = tracked(tracker)
        update = tracker.process_order_update(OrderUpdate("BTC-ZAR", NOW, OrderState.PENDING_CANCEL, "c"))
        tracker.process_report(order, report(OrderState.CANCELED))

        await update

        assert order.is_cancelled and listener.kinds == ["Cancelled"]

    def test_event_does_not_end_a_cancellation_but_an_answer_does(self, tracker):
        order = tracked(tracker)
        tracker.request_cancel(order)

        tracker.process_report(order, report(OrderState.OPEN))
        assert order.is_pending_cancel_confirmation
        tracker.process_report(order, report(OrderState.OPEN), is_answer=True)

        assert order.current_state is OrderState.OPEN

    def test_unknown_placement_is_not_hidden_by_its_cancellation(self, tracker):
        order = tracked(tracker, OrderState.PENDING_CREATE, exchange_order_id=None)

        tracker.request_cancel(order)

        assert order.is_pending_create

    def test_order_cancelled_before_its_creation_was_told_is_announced_when_it_lives(self, tracker, listener):
        order = tracked(tracker, OrderState.PENDING_CREATE)
        tracker.request_cancel(order)
        assert order.is_pending_cancel_confirmation and listener.kinds == []

        tracker.open_order(order)
        tracker.open_order(order)

        assert listener.kinds == ["Created"]
        assert order.is_pending_cancel_confirmation

    def test_final_state_without_quantities_is_not_believed(self, tracker, listener):
        order = tracked(tracker)

        tracker.process_report(order, report(OrderState.CANCELED, executed=None))

        assert tracker.is_active(order) and listener.kinds == []

    def test_failure_is_one_event_and_one_warning_with_the_reason(self, tracker, listener, caplog):
        order = tracked(tracker, OrderState.PENDING_CREATE)

        for _ in range(2):
            tracker.process_report(order, report(OrderState.FAILED, reason="Insufficient Balance"))

        assert listener.kinds == ["Failure"]
        warning, = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
        assert warning == "The LIMIT BUY order c for 1 BTC-ZAR at 10 failed: Insufficient Balance."


class TestClosing:
    def test_final_state_waits_for_its_fills(self, tracker, listener):
        order = tracked(tracker)

        tracker.process_report(order, report(OrderState.FILLED, "1"))
        assert listener.kinds == [] and tracker.is_closing(order) and not tracker.is_complete(order)
        tracker.process_fill(order, fill("t1"), FEE)
        assert listener.kinds == ["Filled"]
        tracker.process_fill(order, fill("t2", at=NOW + 1), FEE)

        assert listener.kinds == ["Filled", "Filled", "Completed"]
        assert not tracker.is_active(order) and tracker.is_complete(order)

    def test_partly_filled_order_is_cancelled_after_its_fills(self, tracker, listener):
        order = tracked(tracker)

        tracker.process_report(order, report(OrderState.CANCELED, "0.5"))
        tracker.process_fill(order, fill(), FEE)

        assert listener.kinds == ["Filled", "Cancelled"]

    def test_fill_tells_that_the_order_lives(self, tracker, listener):
        order = tracked(tracker, OrderState.PENDING_CREATE, exchange_order_id=None)

        tracker.process_fill(order, fill(), FEE)

        assert listener.kinds == ["Created", "Filled"]
        assert order.exchange_order_id == "x"


class TestFills:
    def test_event_twice(self, tracker, listener):
        order = tracked(tracker)

        for _ in range(2):
            tracker.process_fill(order, fill(), FEE)

        assert listener.kinds == ["Filled"]

    @pytest.mark.parametrize("id_in_history", ["t1", "other"])
    @pytest.mark.parametrize("event_first", [True, False])
    def test_event_and_history_tell_of_one_fill(self, event_first, id_in_history, tracker, listener):
        order = tracked(tracker)
        steps = [lambda: tracker.process_fill(order, fill("t1"), FEE),
                 lambda: tracker.process_history(order, [(fill(id_in_history, is_history=True), FEE)])]

        for step in steps if event_first else reversed(steps):
            step()

        assert listener.kinds == ["Filled"]
        assert order.executed_amount_base == Decimal("0.5")

    @pytest.mark.parametrize("ids", [("t1", "t2"), ("o1", "o2")])
    def test_equal_fills_are_counted(self, ids, tracker):
        order = tracked(tracker)
        tracker.process_fill(order, fill("t2"), FEE)

        for _ in range(2):
            tracker.process_history(order, [(fill(trade_id, is_history=True), FEE) for trade_id in ids])
        for _ in range(2):
            tracker.process_fill(order, fill("t1"), FEE)
            tracker.process_fill(order, fill("t2"), FEE)

        assert len(order.order_fills) == 2
        assert order.executed_amount_base == 1

    def test_no_more_is_booked_than_was_executed(self, tracker):
        order = tracked(tracker)
        tracker.process_fill(order, fill("t1"), FEE)
        tracker.process_report(order, report(OrderState.PARTIALLY_FILLED, "0.5", at=NOW + 1))

        # The same fill, which neither its id nor its time shows.
        tracker.process_history(order, [(fill("other", at=NOW + 0.5, is_history=True), FEE)])

        assert order.executed_amount_base == Decimal("0.5")

    def test_event_that_the_last_report_does_not_leave_room_for_waits(self, tracker):
        order = tracked(tracker)
        tracker.process_report(order, report(OrderState.PARTIALLY_FILLED, "0.5", at=NOW + 1))
        tracker.process_history(order, [(fill("other", at=NOW + 0.5, is_history=True), FEE)])

        tracker.process_fill(order, fill("t1"), FEE)
        assert order.executed_amount_base == Decimal("0.5") and not tracker.is_complete(order)

        asked_at = time.monotonic()
        tracker.process_report(order, report(OrderState.PARTIALLY_FILLED, "0.5", at=NOW + 1), is_answer=True)
        tracker.process_history(order, [(fill("other", at=NOW + 0.5, is_history=True), FEE)], asked_at)
        assert tracker.is_complete(order) and len(order.order_fills) == 1

    def test_answer_older_than_an_event_does_not_explain_it(self, tracker):
        order = tracked(tracker)
        asked_at = time.monotonic()
        tracker.process_fill(order, fill("t1"), None)

        tracker.process_history(order, [], asked_at)

        assert not tracker.is_complete(order)

    def test_event_without_a_fee_waits_for_the_history(self, tracker, listener):
        order = tracked(tracker)

        tracker.process_fill(order, fill("t1"), None)
        assert listener.kinds == [] and not tracker.is_complete(order)
        tracker.process_history(order, [(fill("other", is_history=True), FEE)], time.monotonic())

        assert listener.kinds == ["Filled"] and tracker.is_complete(order)
        assert listener.events[0][1].trade_fee == FEE

    def test_more_than_the_amount_is_never_booked(self, tracker):
        order = tracked(tracker)

        for number in range(3):
            tracker.process_fill(order, fill(f"t{number}", at=NOW + number), FEE)

        assert order.executed_amount_base == 1

    def test_eighteen_decimals_are_kept(self, tracker, listener):
        order = tracked(tracker, amount="1000.000000000000000001")
        quantities = ["999.000000000000000001", "0.999999999999999999", "0.000000000000000001"]
        tracker.process_report(order, report(OrderState.FILLED, "1000.000000000000000001"))

        for number, quantity in enumerate(quantities):
            tracker.process_fill(order, fill(str(number), quantity, at=NOW + number), FEE)

        assert order.executed_amount_base == Decimal("1000.000000000000000001")
        assert listener.kinds.count("Filled") == 3 and listener.kinds.count("Completed") == 1

    @pytest.mark.parametrize("id_in_event", ["t1", "another"])
    @pytest.mark.parametrize("event_first", [True, False])
    def test_fills_of_a_restored_order_are_not_booked_again(self, event_first, id_in_event, tracker, listener):
        order = tracked(tracker)
        tracker.process_fill(order, fill("t1"), FEE)
        other = ValrOrderTracker(connector=listener)
        other.restore_tracking_states({"c": json.loads(json.dumps(order.to_json()))})
        restored = other.find("c", None)

        steps = [lambda: other.process_fill(restored, fill(id_in_event), FEE),
                 lambda: other.process_history(restored, [(fill("other", is_history=True), FEE)])]
        for step in steps if event_first else reversed(steps):
            step()

        assert listener.kinds == ["Filled"]

    @settings(deadline=None, max_examples=300)
    @given(st.data())
    def test_whatever_comes_in_whatever_order_each_fill_is_booked_once(self, data):
        ids_differ = data.draw(st.booleans())
        count = data.draw(st.integers(1, 6))
        times = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count).map(sorted))
        truth = [fill(f"t{number}", "1", at=NOW + moment) for number, moment in enumerate(times)]
        history = [each._replace(trade_id=f"h{each.trade_id}" if ids_differ else each.trade_id, is_history=True)
                   for each in truth]
        frames = data.draw(st.lists(st.sampled_from(truth), max_size=12))
        listener = Listener()
        tracker = ValrOrderTracker(connector=listener)
        order = tracked(tracker, amount=str(count + data.draw(st.integers(0, 1))))
        last = OrderState.FILLED if order.amount == count else OrderState.CANCELED

        def everything(reported_at: float = 0.0):
            tracker.process_history(order, [(row, FEE) for row in history], reported_at)

        def some_report(number: int):
            executed = str(number)
            tracker.process_report(order, report(OrderState.PARTIALLY_FILLED, executed, at=truth[number - 1].timestamp))

        steps = [(lambda each=each: tracker.process_fill(order, each, data.draw(st.sampled_from([FEE, None]))))
                 for each in frames]
        steps += [lambda number=number: some_report(number)
                  for number in data.draw(st.lists(st.integers(1, count), max_size=3))]
        steps += [lambda: tracker.process_report(order, report(last, str(count), at=NOW + 2))]
        steps += [everything] * data.draw(st.integers(0, 2))
        for step in data.draw(st.permutations(steps)):
            step()
            assert order.executed_amount_base <= count

        asked_at = time.monotonic()
        tracker.process_report(order, report(last, str(count), at=NOW + 2), is_answer=True)
        everything(asked_at)

        assert not tracker.is_active(order) and tracker.is_complete(order)
        assert Counter(update.fill_timestamp for update in order.order_fills.values()) \
            == Counter(each.timestamp for each in truth)
        assert listener.kinds.count("Filled") == count
        assert listener.kinds[-1] == ("Completed" if last is OrderState.FILLED else "Cancelled")


class TestLostOrders:
    def test_order_is_failed_and_watched(self, tracker, listener):
        order = tracked(tracker, OrderState.PENDING_CREATE, exchange_order_id=None)

        tracker.lose_order(order, "VALR does not know the order")

        assert listener.kinds == ["Failure"]
        assert tracker.is_lost(order) and not tracker.is_active(order)
        assert tracker.find("c", None) is order and "c" not in tracker.cached_orders

    def test_fills_of_a_lost_order_are_booked_and_its_end_ends_the_watch(self, tracker, listener):
        order = tracked(tracker, OrderState.PENDING_CREATE, exchange_order_id=None)
        tracker.lose_order(order, "VALR does not know the order")

        tracker.process_report(order, report(OrderState.PARTIALLY_FILLED, "0.5"))
        tracker.process_report(order, report(OrderState.CANCELED, "0.5"))
        assert tracker.is_lost(order)
        assert tracker.find(None, "x") is order
        tracker.process_fill(order, fill(), FEE)

        assert listener.kinds == ["Failure", "Filled"]
        assert not tracker.is_lost(order) and tracker.find("c", "x") is None

    @pytest.mark.asyncio
    async def test_base_class_loses_an_order_to_the_same_place(self, tracker):
        order = tracked(tracker)

        for _ in range(tracker.lost_order_count_limit + 1):
            await tracker.process_order_not_found("c")

        assert tracker.is_lost(order) and tracker.find(None, "x") is order
        assert tracker.fetch_order("c") is None and tracker.fetch_lost_order(None, "x") is order

    def test_lost_order_survives_a_restart(self, tracker, listener):
        order = tracked(tracker, OrderState.PENDING_CREATE)
        tracker.lose_order(order, "VALR does not know the order")
        other = ValrOrderTracker(connector=listener)

        other.restore_tracking_states({"c": order.to_json()})

        assert other.is_lost(other.find(None, "x"))


class TestFinding:
    def test_an_order_that_ended_before_its_id_was_known_is_forgotten_in_time(self, tracker, monkeypatch):
        order = tracked(tracker, OrderState.PENDING_CREATE, exchange_order_id=None)
        tracker.fail_order(order, "refused", "OrderRejected")

        tracker.learn_exchange_order_id(order, "x")

        assert tracker.find(None, "x") is order and not tracker._client_ids

    def test_by_either_id_while_active_and_a_while_after(self, tracker):
        order = tracked(tracker)
        assert tracker.find("c", None) is tracker.find(None, "x") is tracker.find("unknown", "x") is order

        tracker.process_report(order, report(OrderState.CANCELED))

        assert tracker.find("c", None) is tracker.find(None, "x") is tracker.fetch_order(None, "x") is order
        assert tracker.find("unknown", "unknown") is None and tracker.find(None, None) is None

    def test_by_an_id_that_becomes_known_later(self, tracker):
        order = tracked(tracker, OrderState.PENDING_CREATE, exchange_order_id=None)
        assert tracker.find(None, "x") is None

        tracker.process_report(order, report(OrderState.OPEN))

        assert tracker.find(None, "x") is order

    def test_nothing_is_kept_of_orders_that_ended_long_ago(self, tracker, monkeypatch):
        for number in range(2 * tracker.MAX_CACHE_SIZE):
            order = tracked(tracker, order_id=f"c{number}", exchange_order_id=f"x{number}")
            tracker.process_fill(order, fill()._replace(client_order_id=f"c{number}"), FEE)
            tracker.process_report(order, report(OrderState.CANCELED, "0.5", exchange_order_id=f"x{number}"))

        assert not tracker.active_orders and not tracker._accounts and not tracker._client_ids
        assert len(tracker._closed_accounts) <= tracker.MAX_CACHE_SIZE
        assert len(tracker._closed_client_ids) <= tracker.MAX_CACHE_SIZE

    def test_events_cost_the_same_however_many_orders_ended_lately(self, tracker, monkeypatch):
        for number in range(300):
            ended = tracked(tracker, order_id=f"c{number}", exchange_order_id=f"x{number}")
            tracker.process_report(ended, report(OrderState.CANCELED, exchange_order_id=f"x{number}"))
        order = tracked(tracker)
        for name in ("all_orders", "all_fillable_orders", "cached_orders", "lost_orders"):
            monkeypatch.setattr(ValrOrderTracker, name, property(lambda _: pytest.fail("merged all orders")))

        tracker.process_fill(order, fill(), FEE)
        tracker.process_fill(order, fill()._replace(trade_id="t2"), FEE)
        tracker.process_report(order, report(OrderState.FILLED, "1"))

        assert order.is_filled


@pytest.mark.asyncio
async def test_waiting_for_a_change(tracker):
    order = tracked(tracker)
    waiting = asyncio.ensure_future(tracker.wait_for_change())
    await asyncio.sleep(0)
    assert not waiting.done()

    tracker.process_report(order, report(OrderState.CANCELED))

    await asyncio.wait_for(waiting, 1)


def test_final_states_are_those_of_the_framework():
    order = InFlightOrder("c", "BTC-ZAR", OrderType.LIMIT, TradeType.BUY, Decimal(1), NOW, Decimal(1))
    finals: Dict[OrderState, bool] = {}
    for state in list(OrderState)[:7]:
        order.current_state = state
        finals[state] = not order.is_open

    assert {state for state, is_final in finals.items() if is_final} == FINAL_STATES
