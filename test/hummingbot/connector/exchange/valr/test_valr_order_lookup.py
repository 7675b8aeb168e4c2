import asyncio
import logging
import time
from decimal import Decimal
from test.hummingbot.connector.exchange.valr.helpers import until
from typing import Any, Dict, List, Optional

import pytest
import pytest_asyncio

from hummingbot.connector.exchange.valr import valr_order_lookup, valr_parsers as parsers
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError
from hummingbot.connector.exchange.valr.valr_order_lookup import ValrOrderLookup
from hummingbot.connector.exchange.valr.valr_order_tracker import ValrOrderTracker
from hummingbot.connector.exchange.valr.valr_parsers import Fill, OrderReport
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from hummingbot.core.data_type.trade_fee import DeductedFromReturnsTradeFee

CREATED = 1_700_000_000.0
STATUS = "/v1/orders/BTCZAR/customerorderid/c"
DETAIL = "/v1/orders/history/detail/customerorderid/c"
HISTORY = "/v1/account/tradehistory"
NOT_FOUND = '{"code":-1,"message":"Invalid Order. "}'


class Valr:
    """The connector as the look-ups see it, with the replies of a scripted VALR."""

    current_timestamp = CREATED
    clock_offset = 0.0
    connected = False

    def __init__(self):
        self.tracker = ValrOrderTracker(connector=self)
        self.lookup = ValrOrderLookup(self, self.tracker)
        self.replies: Dict[str, Any] = {}
        self.requests: List[tuple] = []
        self.reports: List[tuple] = []
        self.denied: List[InFlightOrder] = []
        self.placing = False
        self.asked_whether_placing = 0
        self.open_orders: Dict[str, OrderReport] = {}

    @property
    def user_stream_data_source(self) -> "Valr":
        return self

    async def symbol_of(self, order: InFlightOrder) -> str:
        return order.trading_pair.replace("-", "")

    async def _api_get(self, path_url: str, params: Optional[dict] = None, **_) -> Any:
        self.requests.append((path_url, dict(params or {})))
        await asyncio.sleep(0)
        reply = self.replies[path_url]
        reply = reply(params) if callable(reply) else reply
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def request_open_orders(self) -> Dict[str, OrderReport]:
        return self.open_orders

    def trigger_event(self, *_):
        pass

    def is_placing(self, _: InFlightOrder) -> bool:
        self.asked_whether_placing += 1
        return self.placing

    def process_report(self, order: InFlightOrder, report: OrderReport, is_answer: bool):
        self.reports.append((report.state, is_answer))
        self.tracker.process_report(order, report, is_answer)

    async def order_denied(self, order: InFlightOrder):
        self.denied.append(order)


@pytest_asyncio.fixture
async def valr(monkeypatch):
    monkeypatch.setattr(ValrOrderLookup, "PAUSES", (0.01,))
    monkeypatch.setattr(ValrOrderLookup, "DENIAL", 0.1)
    monkeypatch.setattr(ValrOrderLookup, "FILLS_GRACE", 0.0)
    monkeypatch.setattr(ValrOrderLookup, "FILLS_PAUSES", (0.01, 0.02))
    valr = Valr()
    yield valr
    valr.lookup.stop()


@pytest.fixture
def order(valr) -> InFlightOrder:
    order = InFlightOrder("c", "BTC-ZAR", OrderType.LIMIT, TradeType.BUY, Decimal(1), CREATED, Decimal(10))
    valr.tracker.start_tracking_order(order)
    return order


def row(status: str = "Placed", remaining: str = "1", **fields) -> Dict[str, Any]:
    return {"orderId": "x", "orderStatusType": status, "originalQuantity": "1", "remainingQuantity": remaining,
            "customerOrderId": "c", **fields}


def trade(number: int, quantity: str = "0.01") -> Dict[str, Any]:
    return {"id": f"t{number}", "orderId": "x", "customerOrderId": "c", "price": "10", "quantity": quantity,
            "tradedAt": f"2023-11-14T22:13:{number // 10:02}.{number % 10}00Z", "sequenceId": number}


def refusal(status: int = 400, body: str = NOT_FOUND) -> ValrAPIError:
    return ValrAPIError(status, "GET", STATUS, body)


@pytest.mark.asyncio
class TestFind:
    async def test_status_route_is_enough(self, valr, order):
        valr.replies = {STATUS: row("Partially Filled", "0.4")}

        report = await valr.lookup.find(order)

        assert (report.state, report.executed) == (OrderState.PARTIALLY_FILLED, Decimal("0.6"))
        assert len(valr.requests) == 1

    @pytest.mark.parametrize("denial", [refusal(), refusal(404), refusal(404, '{"code":-7,"message":"Not found"}')])
    async def test_history_is_asked_when_the_status_route_denies(self, denial, valr, order):
        valr.replies = {STATUS: denial, DETAIL: [row("Cancelled"), row()]}

        assert (await valr.lookup.find(order)).state is OrderState.CANCELED

    async def test_history_is_asked_when_the_pair_is_gone(self, valr, order):
        gone = refusal(body='{"code":-21,"message":"Unsupported Currency Pair"}')
        valr.replies = {STATUS: gone, DETAIL: [row("Cancelled"), row()]}

        assert (await valr.lookup.find(order)).state is OrderState.CANCELED

    @pytest.mark.parametrize("detail", [[], refusal(), refusal(404)])
    async def test_order_is_unknown_only_when_both_routes_deny(self, detail, valr, order):
        valr.replies = {STATUS: refusal(), DETAIL: detail}

        assert await valr.lookup.find(order) is None

    @pytest.mark.parametrize("reply", [
        refusal(404, "<html>"), refusal(500), refusal(429), refusal(503, ""), refusal(400, "<html>"),
        refusal(401, '{"code":-11252,"message":"Request has an invalid signature"}'), ConnectionError()])
    async def test_anything_else_is_no_denial(self, reply, valr, order):
        valr.replies = {STATUS: reply, DETAIL: []}

        with pytest.raises(IOError):
            await valr.lookup.find(order)

    async def test_refused_duplicate_is_not_the_order(self, valr, order):
        valr.replies = {STATUS: row("Failed", failedReason="Duplicate customer order id's are not allowed")}
        assert await valr.lookup.find(order) is None

        valr.open_orders = {"c": OrderReport("first", "c", "Placed", OrderState.OPEN, Decimal(0), "", None)}
        assert (await valr.lookup.find(order)).exchange_order_id == "first"


@pytest.mark.asyncio
class TestLooks:
    async def test_order_is_looked_up_until_it_is_found(self, valr, order):
        replies = iter([refusal(500), refusal(), ConnectionError(), row()])
        valr.replies = {STATUS: lambda _: next(replies), DETAIL: []}

        valr.lookup.look_later(order, 0.0)

        await until(lambda: valr.reports)
        assert valr.reports == [(OrderState.OPEN, True)]
        assert order.current_state is OrderState.OPEN
        await until(lambda: not valr.lookup._tasks)

    async def test_end_that_no_event_told_is_reported_once(self, valr, order, caplog):
        valr.connected = True
        valr.replies = {STATUS: row("Cancelled")}
        other = InFlightOrder("d", "BTC-ZAR", OrderType.LIMIT, TradeType.BUY, Decimal(1), CREATED, Decimal(10))
        valr.tracker.start_tracking_order(other)
        valr.replies[f"{STATUS[:-1]}d"] = {**row("Cancelled"), "orderId": "y"}

        for each in (order, other):
            valr.lookup.look_later(each, 0.0)

        await until(lambda: not valr.tracker.active_orders)
        assert len([record for record in caplog.records if "did not tell" in record.getMessage()]) == 1

    async def test_events_make_the_look_unnecessary(self, valr, order):
        valr.lookup.look_later(order, 0.01)
        valr.tracker.open_order(order)

        await until(lambda: not valr.lookup._timers)
        assert not valr.requests and not valr.lookup._tasks

    async def test_order_is_denied_only_after_a_time_of_denials(self, valr, order):
        valr.replies = {STATUS: refusal(), DETAIL: []}

        valr.lookup.look_later(order, 0.0)

        await until(lambda: valr.denied)
        assert len(valr.requests) >= 2 * 5

    async def test_time_without_answers_is_no_denial(self, valr, order, caplog):
        caplog.set_level(logging.INFO)
        valr.replies = {STATUS: refusal(503, "")}
        valr.lookup.look_later(order, 0.0)

        await until(lambda: len(valr.requests) > 20)

        assert not valr.denied
        assert len([record for record in caplog.records if "cannot be looked up" in record.getMessage()]) == 1
        valr.replies = {STATUS: row()}
        await until(lambda: valr.reports)
        assert "can be looked up again" in caplog.text

    async def test_denial_starts_anew_when_the_order_was_seen(self, valr, order):
        valr.replies = {STATUS: refusal(), DETAIL: []}
        valr.lookup.look_later(order, 0.0)
        await until(lambda: len(valr.requests) >= 2 * 3)

        valr.replies = {STATUS: row("Requested")}
        await until(lambda: valr.reports)
        valr.replies = {STATUS: refusal(), DETAIL: []}
        seen_at = time.monotonic()
        await until(lambda: valr.denied)

        assert time.monotonic() - seen_at >= ValrOrderLookup.DENIAL

    async def test_order_whose_request_is_under_way_is_not_judged(self, valr, order):
        valr.placing = True
        valr.replies = {STATUS: refusal(), DETAIL: []}
        valr.lookup.look_later(order, 0.0)

        await until(lambda: valr.asked_whether_placing == 3)
        assert not valr.requests
        valr.placing = False
        await until(lambda: valr.denied)

    async def test_earlier_look_is_kept(self, valr, order):
        valr.replies = {STATUS: row()}
        valr.lookup.look_later(order, 0.01)
        valr.lookup.look_later(order, 60.0)
        await until(lambda: valr.reports)

        valr.lookup.look_later(order, 60.0)
        valr.lookup.doubt(order)
        await until(lambda: len(valr.reports) == 2)

    async def test_doubt_that_an_event_clears_costs_no_request(self, valr, order):
        valr.tracker.open_order(order)
        valr.lookup.doubt(order, 0.01)
        valr.lookup.trust(order)

        await until(lambda: not valr.lookup._timers)
        assert not valr.requests

    async def test_stop_ends_all_looks_and_start_allows_new_ones(self, valr, order):
        valr.replies = {STATUS: refusal(503, "")}
        valr.lookup.look_later(order, 0.0)
        await until(lambda: valr.lookup._tasks)
        task, = valr.lookup._tasks.values()

        valr.lookup.stop()
        valr.lookup.look_later(order, 0.0)
        valr.lookup.collect_fills()

        await until(task.done)
        assert not valr.lookup._timers and not valr.lookup._tasks and order.is_pending_create
        valr.lookup.start()
        valr.replies = {STATUS: row()}
        valr.lookup.look_later(order, 0.0)
        await until(lambda: valr.reports)


def fill_without_fee(order: InFlightOrder) -> Fill:
    return parsers.fill(trade(0, "0.4"))._replace(
        exchange_order_id=f"of {order.client_order_id}", client_order_id=order.client_order_id, is_history=False)


@pytest.mark.asyncio
class TestFills:
    async def test_missing_fills_are_booked(self, valr, order):
        valr.replies = {HISTORY: [trade(1, "0.6"), trade(0, "0.4")], STATUS: row("Filled", "0")}
        valr.tracker.process_report(order, await valr.lookup.find(order))

        valr.lookup.collect_fills()

        await until(lambda: order.is_filled)
        assert order.executed_amount_base == 1

    async def test_a_fill_without_a_fee_is_fetched_although_its_order_has_ended(self, valr, order):
        valr.replies = {HISTORY: [trade(1, "0.6"), trade(0, "0.4")], STATUS: row("Cancelled", "0.4")}
        valr.tracker.process_history(order, [(parsers.fill(trade(1, "0.6")), DeductedFromReturnsTradeFee())])
        valr.tracker.process_report(order, await valr.lookup.find(order))
        assert order.is_cancelled

        valr.replies[STATUS] = row("Cancelled", "0")
        valr.tracker.process_fill(order, parsers.fill(trade(0, "0.4"))._replace(is_history=False), None)
        valr.lookup.collect_fills()

        await until(lambda: order.executed_amount_base == 1)

    async def test_an_order_that_valr_says_nothing_useful_about_does_not_keep_others_from_their_fills(
            self, valr, order):
        other = InFlightOrder("d", "OLD-ZAR", OrderType.LIMIT, TradeType.BUY, Decimal(1), CREATED, Decimal(10))
        valr.tracker.start_tracking_order(other)
        for each in (other, order):
            valr.tracker.process_fill(each, fill_without_fee(each), None)
        valr.replies = {"/v1/orders/OLDZAR/customerorderid/d": refusal(500), STATUS: row("Partially Filled", "0.6"),
                        HISTORY: [trade(0, "0.4")]}

        valr.lookup.collect_fills()

        await until(lambda: order.executed_amount_base == Decimal("0.4"))

    async def test_history_that_lags_is_asked_again(self, valr, order, caplog, monkeypatch):
        monkeypatch.setattr(ValrOrderLookup, "FILLS_PATIENCE", 0.02)
        replies = iter([[], ConnectionError("no answer"), [], [], [], [], [trade(0, "1")]])
        valr.replies = {HISTORY: lambda _: next(replies), STATUS: row("Filled", "0")}
        valr.tracker.process_report(order, await valr.lookup.find(order))

        valr.lookup.collect_fills()

        await until(lambda: order.is_filled)
        assert len([record for record in caplog.records if "does not show all fills" in record.getMessage()]) == 1

    async def test_pages_are_turned_until_nothing_is_missing(self, valr, order):
        history = [trade(number) for number in range(250, -1, -1)]

        def page(params: dict) -> list:
            ids = [each["id"] for each in history]
            start = ids.index(params["beforeId"]) + 1 if "beforeId" in params else 0
            return history[start:start + 100]

        valr.replies = {HISTORY: page, STATUS: row("Partially Filled", "0")}
        order.amount = Decimal("10")
        await valr.lookup.update_fills([order])
        assert len(valr.requests) == 1 and len(order.order_fills) == 100

        valr.tracker.process_report(order, OrderReport("x", "c", "", OrderState.OPEN, Decimal("2.51"), "", None))
        await valr.lookup.update_fills([order])

        assert [params.get("beforeId") for _, params in valr.requests[1:]] == [None, "t151", "t51"]
        assert len(order.order_fills) == 251

    async def test_page_that_repeats_ends_the_turning(self, valr, order):
        page = [trade(number) for number in range(100)]
        valr.replies = {HISTORY: lambda _: page}
        valr.tracker.process_report(order, OrderReport("x", "c", "", OrderState.OPEN, Decimal("2"), "", None))
        order.amount = Decimal("2")

        await valr.lookup.update_fills([order])

        assert len(valr.requests) == 2

    @pytest.mark.parametrize("offset, start", [(0.0, "2023-11-14T22:12:20"), (-3600.0, "2023-11-14T21:12:20"),
                                               (3600.0, "2023-11-14T22:12:20"), (-1e10, "1970-01-01T00:00:00")])
    async def test_history_starts_before_the_order_on_valrs_clock(self, offset, start, valr, order):
        valr.clock_offset = offset
        valr.replies = {HISTORY: []}

        await valr.lookup.update_fills([order])

        assert valr.requests[0][1]["startTime"] == f"{start}.000000Z"

    async def test_trades_of_others_are_left_alone(self, valr, order):
        valr.replies = {HISTORY: [{**trade(0), "customerOrderId": "other", "orderId": "other"}]}

        await valr.lookup.update_fills([order])

        assert not order.order_fills

    async def test_bad_trade_of_another_order_does_not_matter(self, valr, order):
        valr.replies = {HISTORY: [{"orderId": "other"}, trade(0, "1")]}

        await valr.lookup.update_fills([order])

        assert len(order.order_fills) == 1


def test_first_looks_are_when_orders_behind_html_pages_were_found():
    looks = [ValrOrderLookup.FIRST_LOOK]
    for pause in ValrOrderLookup.PAUSES:
        looks.append(looks[-1] + pause)

    assert looks[:5] == pytest.approx([0.4, 1.1, 3.0, 6.0, 10.5])
    assert valr_order_lookup.ValrOrderLookup.DENIAL >= 10
