"""REST routes of orders: placing, cancelling, batches, and the several ways to read them."""
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import wire
from .account_hub import AccountHub
from .clock import SimulatedClock
from .commands import accept_limit, accept_market, given_id, order_ids
from .engine import Engine
from .faults import Faults
from .gate import Reply, Route, SignedCall, order_route
from .orders import CANCELLED, FAILED, Order
from .rules import FAILURE_CODES, INVALID_REQUEST, Rejected, invalid, unknown_order

CANCEL_FAILED = "An error occurred while cancelling your order."
_LARGEST_BATCH = 20


class OrderRoutes:
    """The orders of the account a request acts for."""

    def __init__(self, engine: Engine, clock: SimulatedClock, faults: Faults, hub: AccountHub):
        self._engine = engine
        self._clock = clock
        self._faults = faults
        self._hub = hub

    def routes(self) -> List[Route]:
        def place(path: str, handler: Callable[[SignedCall], Reply]) -> Route:
            return order_route("POST", path, handler, "place")

        def cancel(path: str, handler: Callable[[SignedCall], Reply]) -> Route:
            return order_route("DELETE", path, handler, "cancel")

        def read(path: str, handler: Callable[[SignedCall], Reply]) -> Route:
            return Route("GET", path, handler)

        return [
            place("/v1/orders/limit", lambda call: self.place_v1(call, accept_limit)),
            place("/v1/orders/market", lambda call: self.place_v1(call, accept_market)),
            place("/v2/orders/limit", lambda call: self.place_v2(call, accept_limit)),
            place("/v2/orders/market", lambda call: self.place_v2(call, accept_market)),
            place("/v1/orders/stop/limit", self.not_played),
            place("/v2/orders/stop/limit", self.not_played),
            order_route("PUT", "/v1/orders/modify", self.not_played, "place"),
            order_route("PUT", "/v2/orders/modify", self.not_played, "place"),
            order_route("POST", "/v1/batch/orders", self.batch, "batch"),
            cancel("/v1/orders/order", self.cancel_v1),
            cancel("/v2/orders/order", self.cancel_v2),
            cancel("/v1/orders", self.cancel_all),
            cancel("/v1/orders/{pair}", self.cancel_all),
            read("/v1/orders/open", self.open_orders),
            read("/v1/orders/history", self.history),
            read("/v1/orders/history/summary/orderid/{order_id}", self.summary),
            read("/v1/orders/history/summary/customerorderid/{customer_order_id}", self.summary),
            read("/v1/orders/history/detail/orderid/{order_id}", self.detail),
            read("/v1/orders/history/detail/customerorderid/{customer_order_id}", self.detail),
            read("/v1/orders/{pair}/orderid/{order_id}", self.status),
            read("/v1/orders/{pair}/customerorderid/{customer_order_id}", self.status),
        ]

    # Placing

    def place_v1(self, call: SignedCall, accept: Callable[..., Order]) -> Reply:
        order = accept(self._engine, call.account.account_id, call.payload())
        self.decide_later(order)
        return Reply(202, {"id": order.order_id, **wire.customer_id(order)})

    def place_v2(self, call: SignedCall, accept: Callable[..., Order]) -> Reply:
        order = self._engine.submit(accept(self._engine, call.account.account_id, call.payload()))
        if order.status == FAILED:
            raise Rejected(FAILURE_CODES.get(order.failed_reason, -1), order.failed_reason, orderId=order.order_id)
        return Reply(201, {"id": order.order_id})

    def decide_later(self, order: Order) -> None:
        """The outcome of a placement that was acknowledged before the engine saw it."""
        delay = self._faults.between(self._faults.outcome_delay)
        if delay:
            self._clock.call_later(delay, self._engine.submit, order)
        else:
            self._engine.submit(order)

    def not_played(self, call: SignedCall) -> Reply:
        raise invalid("stop orders and modifications are not played by the simulator")

    def batch(self, call: SignedCall) -> Reply:
        return Reply(200, {"outcomes": self.run_batch(call.account.account_id, call.payload()),
                           "batchId": self._engine.ids.batch()})

    def run_batch(self, account_id: str, payload: Dict[str, Any]) -> List[Dict[str, Any]]:
        """The outcomes of up to 20 requests, in their order."""
        requests = payload.get("requests")
        if not isinstance(requests, list) or not 1 <= len(requests) <= _LARGEST_BATCH:
            raise invalid(f"requests is a list of 1 to {_LARGEST_BATCH} orders")
        return [self._batch_item(account_id, request) for request in requests]

    def _batch_item(self, account_id: str, request: Any) -> Dict[str, Any]:
        try:
            kind, data = _batch_request(request)
            if kind == "CANCEL_ORDER":
                outcome = self._batch_cancel(account_id, data)
            else:
                order = {"PLACE_LIMIT": accept_limit, "PLACE_MARKET": accept_market}[kind](
                    self._engine, account_id, data)
                self.decide_later(order)
                outcome = {"accepted": True, "orderId": order.order_id, **wire.customer_id(order)}
            return {**outcome, "requestType": kind}
        except Rejected as refusal:
            return {"accepted": False, "error": {"code": refusal.code, "message": refusal.message}}

    def _batch_cancel(self, account_id: str, data: Dict[str, Any]) -> Dict[str, Any]:
        ids = order_ids(data)
        order = self._engine.account(account_id).find(ids["order_id"], ids["customer_order_id"])
        self.request_cancel(account_id, ids)
        known = {} if order is None else {"orderId": order.order_id}
        return {"accepted": True, **known, **given_id(ids)}

    # Cancelling

    def cancel_v1(self, call: SignedCall) -> Reply:
        self.request_cancel(call.account.account_id, order_ids(call.payload()))
        return Reply(202)

    def request_cancel(self, account_id: str, ids: Dict[str, Any]) -> None:
        """A cancel that was acknowledged before the engine saw it; its failure comes as an event."""
        delay = self._faults.between(self._faults.outcome_delay)
        if delay:
            self._clock.call_later(delay, self._cancel_now, account_id, ids)
        else:
            self._cancel_now(account_id, ids)

    def _cancel_now(self, account_id: str, ids: Dict[str, Any]) -> None:
        try:
            self._engine.cancel(account_id, **ids)
        except Rejected:
            self._hub.send(account_id, "FAILED_CANCEL_ORDER", {**given_id(ids), "message": CANCEL_FAILED})

    def cancel_v2(self, call: SignedCall) -> Reply:
        ids = order_ids(call.payload())
        given = ids["order_id"] or ids["customer_order_id"]
        try:
            self._engine.cancel(call.account.account_id, **ids)
        except Rejected as refusal:
            if self._faults.cancel_finished == "not_found":
                refusal.status = 404
            if self._faults.cancel_finished != "accepted":
                raise
        return Reply(200, {"id": given})

    def cancel_all(self, call: SignedCall) -> Reply:
        symbol = call.params.get("pair")
        if symbol is not None and symbol not in self._engine.pairs:
            raise Rejected(-21, "Unsupported Currency Pair")
        orders = self._engine.cancel_all(call.account.account_id, symbol)
        return Reply(200, [{"orderId": order.order_id} for order in orders])

    # Reading

    def open_orders(self, call: SignedCall) -> Reply:
        return Reply(body=[wire.open_order(order) for order in call.account.open_orders.values()])

    def status(self, call: SignedCall) -> Reply:
        order = self._find(call)
        if order is None or order.pair.symbol != call.params["pair"]:
            raise unknown_order()
        retention = self._faults.status_retention
        if retention is not None and not order.is_open and self._clock.now() - order.updated_ms / 1000 > retention:
            raise unknown_order()
        return Reply(body=wire.order_status(order))

    def detail(self, call: SignedCall) -> Reply:
        order = self._find(call)
        rows = [] if order is None else [wire.order_detail(order, event) for event in reversed(order.history)]
        return Reply(body=rows)

    def summary(self, call: SignedCall) -> Reply:
        order = self._find(call)
        if order is None or order.is_open:
            raise unknown_order()
        return Reply(body=wire.order_summary(order))

    def history(self, call: SignedCall) -> Reply:
        start, end = call.period()
        statuses = [status for status in call.query.get("statuses", "").upper().split(",") if status]
        pairs = [pair for pair in call.query.get("currencyPair", "").split(",") if pair]
        skip, limit = call.number("skip", 0, 10**9), call.number("limit", 100, 100)
        without_failures = call.flag("excludeFailures")
        with_zero_volume = call.flag("showZeroVolumeCancels")
        chosen: List[Order] = []
        finished = [order for order in call.account.orders.values() if not order.is_open]
        for order in sorted(finished, key=lambda each: (each.updated_ms, each.order_id), reverse=True):
            if not start <= order.updated_ms / 1000 <= end:
                continue
            if (statuses and _status_name(order) not in statuses) or (pairs and order.pair.symbol not in pairs):
                continue
            if (without_failures and order.status == FAILED) or (
                    not with_zero_volume and order.status == CANCELLED and not order.executed):
                continue
            chosen.append(order)
        return Reply(body=[wire.order_summary(order) for order in chosen[skip:skip + limit]])

    def _find(self, call: SignedCall) -> Optional[Order]:
        """The order named in the path, None while VALR does not know it (yet)."""
        order = call.account.find(call.params.get("order_id"), call.params.get("customer_order_id"))
        if order is not None and self._clock.now() - order.created_ms / 1000 < self._faults.status_delay:
            return None
        return order


def _batch_request(request: Any) -> Tuple[str, Dict[str, Any]]:
    kind = request.get("type") if isinstance(request, dict) else None
    data = request.get("data") if isinstance(request, dict) else None
    if kind not in ("PLACE_LIMIT", "PLACE_MARKET", "CANCEL_ORDER") or not isinstance(data, dict):
        raise Rejected(-11, INVALID_REQUEST)
    return kind, data


def _status_name(order: Order) -> str:
    """The name of a status in the `statuses` parameter."""
    if order.status.startswith("Partially Filled and"):
        return "PARTIALLY_FILLED_DUE_TO_SLIPPAGE"
    return order.status.upper().replace(" ", "_")
