"""Order entry over the account socket."""
import json
import logging
from typing import Any, Callable, Dict, Optional, Set

from . import wire
from .account_hub import AccountHub
from .clock import SimulatedClock
from .commands import accept_limit, accept_market, given_id, order_ids
from .engine import Engine
from .faults import Faults, RequestFaults
from .rate_limits import RateLimits
from .rest_orders import OrderRoutes
from .rules import Rejected, invalid, unknown_order
from .signing import TRADE
from .socket import Socket

logger = logging.getLogger(__name__)

_RESPONSES = {"PLACE_LIMIT_ORDER": "PLACE_LIMIT_WS_RESPONSE", "PLACE_MARKET_ORDER": "PLACE_MARKET_WS_RESPONSE",
              "CANCEL_LIMIT_ORDER": "CANCEL_ORDER_WS_RESPONSE", "MODIFY_ORDER": "MODIFY_ORDER_WS_RESPONSE"}
_INVALID_TYPES = {"PLACE_LIMIT_ORDER": "INVALID_PLACE_LIMIT_REQUEST",
                  "PLACE_MARKET_ORDER": "INVALID_PLACE_MARKET_REQUEST",
                  "CANCEL_LIMIT_ORDER": "INVALID_CANCEL_ORDER_REQUEST", "MODIFY_ORDER": "INVALID_MODIFY_WS_REQUEST"}
_LIMITS = {"PLACE_LIMIT_ORDER": "socket_place", "PLACE_MARKET_ORDER": "socket_place", "BATCH_ORDERS": "socket_batch",
           "CANCEL_LIMIT_ORDER": "socket_cancel", "MODIFY_ORDER": "socket_modify"}
# Chosen freely, like everything about this refusal: see `Faults.read_only`.
_READ_ONLY = "The exchange is in read-only mode"


class AccountCommands:
    """Answers the frames of account sockets. A direct reply is an acceptance; the outcome comes as events."""

    def __init__(self, engine: Engine, clock: SimulatedClock, faults: Faults, hub: AccountHub, limits: RateLimits,
                 orders: OrderRoutes):
        self._engine = engine
        self._clock = clock
        self._faults = faults
        self._hub = hub
        self._limits = limits
        self._orders = orders

    def handle(self, socket: Socket, text: str) -> None:
        """Answers one frame of a client."""
        try:
            message = json.loads(text)
            kind = message["type"]
        except (ValueError, RecursionError, TypeError, KeyError):
            socket.send(wire.INVALID_JSON)
            return
        if kind == "PING":
            socket.send('{"type":"PONG"}')
        elif kind == "SUBSCRIBE":
            self._subscribe(socket, message)
        elif kind == "UNSUBSCRIBE":
            socket.muted |= _event_names(message.get("requests")) & {"BALANCE_UPDATE", "OPEN_ORDERS_UPDATE",
                                                                     "MARGIN_INFO"}
        elif kind == "CANCEL_ON_DISCONNECT":
            self._cancel_on_disconnect(socket, message)
        elif isinstance(kind, str) and kind in _LIMITS:
            self._command(socket, kind, message)
        else:
            socket.send(wire.INVALID_MESSAGE)

    def _subscribe(self, socket: Socket, message: Dict[str, Any]) -> None:
        events = _event_names(message.get("subscriptions"))
        if self._faults.events.subscribe_error:
            for event in sorted(events):
                self._send(socket, "ERROR", {"message": f"Channel {event} invalid"}, None)
            return
        socket.subscribed |= events
        socket.muted -= events

    def _cancel_on_disconnect(self, socket: Socket, message: Dict[str, Any]) -> None:
        payload = message.get("payload")
        wanted = payload.get("cancelOnDisconnect") if isinstance(payload, dict) else None
        if not isinstance(wanted, bool):
            socket.send(wire.INVALID_MESSAGE)
            return
        socket.cancel_on_disconnect = wanted
        # The value comes back as a string, as VALR's documentation shows it.
        self._send(socket, "CANCEL_ON_DISCONNECT_UPDATE", {"data": {"cancelOnDisconnect": str(wanted).lower()}}, None)

    def _command(self, socket: Socket, kind: str, message: Dict[str, Any]) -> None:
        reference = message.get("clientMsgId")
        payload = message.get("payload")
        faults: RequestFaults = self._faults.socket_cancel if kind == "CANCEL_LIMIT_ORDER" \
            else self._faults.socket_place
        fault = faults.draw()
        if fault == "rate_limited" or not self._limits.take((_LIMITS[kind], socket.key)):
            self._send(socket, "RATE_LIMIT_EXCEEDED", {"data": {"requestType": kind}}, reference)
        elif fault == "lost_before":
            return
        elif fault == "late":
            self._clock.call_later(self._faults.stall, self._execute, socket, kind, payload, _no_reply)
        else:
            self._execute(socket, kind, payload, self._reply_function(socket, kind, reference, fault))

    def _reply_function(self, socket: Socket, kind: str, reference: Any, fault: Optional[str]) -> Callable[..., None]:
        def reply(data: Optional[Dict[str, Any]] = None, refusal: Optional[Rejected] = None) -> None:
            if refusal is not None:
                logger.info("%s refused: %s", kind, refusal.message)
                self._refuse(socket, kind, reference, refusal)
            else:
                self._send(socket, _RESPONSES[kind], {"data": data}, reference)

        def later(data: Optional[Dict[str, Any]] = None, refusal: Optional[Rejected] = None) -> None:
            self._clock.call_later(self._faults.stall, reply, data, refusal)

        if fault == "lost_after":
            return _no_reply
        if fault == "stalled":
            return later
        return reply

    def _execute(self, socket: Socket, kind: str, payload: Any, reply: Callable[..., None]) -> None:
        try:
            if self._faults.read_only:
                raise Rejected(None, _READ_ONLY)
            if TRADE not in socket.permissions:
                raise Rejected(None, "Unauthorized")
            if not isinstance(payload, dict):
                raise invalid("payload is an object")
            if kind == "CANCEL_LIMIT_ORDER":
                self._cancel(socket.account_id, payload, reply)
            elif kind == "BATCH_ORDERS":
                self._orders.run_batch(socket.account_id, payload)
            elif kind == "MODIFY_ORDER":
                raise invalid("modifications are not played by the simulator")
            else:
                self._place(socket.account_id, kind, payload, reply)
        except Rejected as refusal:
            reply(refusal=refusal)

    def _place(self, account_id: str, kind: str, payload: Dict[str, Any], reply: Callable[..., None]) -> None:
        accept = accept_limit if kind == "PLACE_LIMIT_ORDER" else accept_market
        order = accept(self._engine, account_id, payload)
        data = {"orderId": order.order_id, **wire.customer_id(order)}
        self._in_order(lambda: reply(data), lambda: self._orders.decide_later(order))

    def _cancel(self, account_id: str, payload: Dict[str, Any], reply: Callable[..., None]) -> None:
        ids = order_ids(payload)
        order = self._engine.account(account_id).find(ids["order_id"], ids["customer_order_id"])
        if self._faults.socket_cancel_finished == "error" and (order is None or not order.is_open):
            raise unknown_order()
        data = {"requested": True, **given_id(ids)}
        self._in_order(lambda: reply(data), lambda: self._orders.request_cancel(account_id, ids))

    def _in_order(self, acknowledge: Callable[[], None], decide: Callable[[], None]) -> None:
        steps = [acknowledge, decide]
        if self._faults.events.before_reply:
            steps.reverse()
        for step in steps:
            step()

    def _refuse(self, socket: Socket, kind: str, reference: Any, refusal: Rejected) -> None:
        if kind == "BATCH_ORDERS":
            # What VALR replies to this command is not known, so nothing is replied, whatever becomes of it.
            return
        error: Dict[str, Any] = {"message": refusal.message}
        if "validationErrors" in refusal.extra:
            error["validationErrors"] = refusal.extra["validationErrors"]
        shape = self._faults.socket_error_shape
        if shape == "invalid":
            self._send(socket, _INVALID_TYPES[kind], {"data": error}, reference)
        elif shape == "rejected":
            self._send(socket, "ORDER_REJECTED", {"data": error}, reference)
        elif shape == "error":
            self._send(socket, "ERROR", {"message": refusal.message}, reference)
        else:
            self._send(socket, _RESPONSES[kind], {"error": error}, reference)

    @staticmethod
    def _send(socket: Socket, kind: str, content: Dict[str, Any], reference: Any) -> None:
        frame = {"type": kind, **content}
        if isinstance(reference, str):
            frame["clientMsgId"] = reference
        socket.send(wire.dumps(frame))


def _no_reply(*_: Any, **__: Any) -> None:
    """The reply to a command whose acknowledgement is lost."""


def _event_names(subscriptions: Any) -> Set[str]:
    if not isinstance(subscriptions, list):
        return set()
    return {item["event"] for item in subscriptions if isinstance(item, dict) and isinstance(item.get("event"), str)}
