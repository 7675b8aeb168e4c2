import asyncio
import time
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Deque, Dict, List, Optional, Sequence, Tuple, Union

import aiohttp

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_api_user_stream_data_source import ValrAPIUserStreamDataSource
from hummingbot.connector.exchange.valr.valr_errors import (
    ValrAPIError,
    ValrCommandNotSent,
    ValrOrderRejected,
    ValrOutcomeUnknown,
    one_line,
)

if TYPE_CHECKING:
    from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange

SOCKET = "socket"
REST = "rest"

REPLIES = {
    CONSTANTS.PLACE_LIMIT_COMMAND: CONSTANTS.PLACE_LIMIT_REPLY,
    CONSTANTS.PLACE_MARKET_COMMAND: CONSTANTS.PLACE_MARKET_REPLY,
    CONSTANTS.CANCEL_COMMAND: CONSTANTS.CANCEL_REPLY,
}
REFUSALS = {
    CONSTANTS.INVALID_PLACE_LIMIT,
    CONSTANTS.INVALID_PLACE_MARKET,
    CONSTANTS.INVALID_CANCEL,
    CONSTANTS.ORDER_FAILED,
    CONSTANTS.ORDER_REJECTED,
    CONSTANTS.ERROR,
}


@dataclass(frozen=True)
class Placement:
    """
    VALR took an order.

    `is_final` is True when the matching engine accepted it (the 201 of REST v2, VALR documentation), and False when
    VALR only confirmed that the command arrived (socket, batch): then events and look-ups tell what became of it.
    """

    exchange_order_id: str
    is_final: bool


@dataclass(frozen=True)
class PlaceOrder:
    """An order to place in a batch. Amount in base, price in quote per base; a market order has no price."""

    client_order_id: str
    symbol: str
    is_buy: bool
    amount: Decimal
    price: Optional[Decimal] = None
    post_only: bool = False
    time_in_force: str = "GTC"


@dataclass(frozen=True)
class CancelOrder:
    """An order to cancel in a batch."""

    client_order_id: str
    symbol: str


# What became of one item of a batch: taken, or the error that the single command would have raised.
BatchOutcome = Union[Placement, ValrOrderRejected, ValrOutcomeUnknown, ValrCommandNotSent]


class LatencySamples:
    """The last measurements of one kind, in seconds."""

    def __init__(self):
        self.count = 0  # all measurements, also those no longer kept
        self._samples: Deque[float] = deque(maxlen=1000)

    def add(self, seconds: float):
        self.count += 1
        self._samples.append(seconds)

    @property
    def median(self) -> float:
        """Seconds; 0 when nothing was measured yet."""
        return median(self._samples) if self._samples else 0.0

    @property
    def max(self) -> float:
        """Seconds; 0 when nothing was measured yet."""
        return max(self._samples, default=0.0)


class PathLatency:
    """How fast VALR answers on one path: its reply to a command, and the first event of a placed order."""

    def __init__(self):
        self.acknowledgement = LatencySamples()
        self.first_event = LatencySamples()


class ValrOrderEntry:
    """
    Sends order commands over the account socket while it is logged in, over REST v2 otherwise, and tells how they end.

    Every method either returns, which means that VALR took the command, or raises one of three errors:

    - `ValrOrderRejected`: VALR itself said no. The order does not live and never will.
    - `ValrOutcomeUnknown`: the command left this machine and nothing tells whether it was executed: no reply, a lost
      connection, an HTML page (captured for orders that were alive), a 5xx, a 429, a reply that cannot be read.
    - `ValrCommandNotSent`: there was no connection. Nothing was executed.

    Nothing is sent a second time while its outcome is unknown. Two cases are sent again, because VALR refused them
    before it looked at the order: a socket command answered by RATE_LIMIT_EXCEEDED, which VALR documents as the answer
    in place of the acknowledgement (once, after the window of one second), and, in Hummingbot's `_api_request`, a REST
    request with a refused signature (once, after the clock was synchronised; the connector's
    `_is_request_exception_related_to_time_synchronizer` decides which refusals these are).
    """

    RATE_LIMIT_WINDOW = 1.0  # seconds

    # Orders whose first event is awaited; those that never get one must not pile up.
    MAX_AWAITED_EVENTS = 1000

    def __init__(self, account_socket: ValrAPIUserStreamDataSource, connector: "ValrExchange"):
        self._account_socket = account_socket
        self._connector = connector
        self.latency: Dict[str, PathLatency] = {SOCKET: PathLatency(), REST: PathLatency()}
        self._awaited_events: Dict[str, Tuple[str, float]] = {}

    async def place_limit(
            self,
            client_order_id: str,
            symbol: str,
            is_buy: bool,
            amount: Decimal,
            price: Decimal,
            post_only: bool,
            time_in_force: str = "GTC",
    ) -> Placement:
        """
        :param client_order_id: `customerOrderId`, never used before
        :param symbol: VALR's name of the pair
        :param amount: in base, quantised
        :param price: in quote per base, quantised
        :param post_only: True makes VALR fail the order when it would match
        :param time_in_force: GTC, IOC or FOK
        :raises ValrOrderRejected, ValrOutcomeUnknown, ValrCommandNotSent: see the class. A code of -11502 (duplicate
            `customerOrderId`) means that an order with this id is open.
        """
        order = PlaceOrder(client_order_id, symbol, is_buy, amount, price, post_only, time_in_force)
        return await self._place(
            client_order_id, _limit_order(order), CONSTANTS.PLACE_LIMIT_COMMAND, CONSTANTS.PLACE_LIMIT_PATH)

    async def place_market(self, client_order_id: str, symbol: str, is_buy: bool, amount: Decimal) -> Placement:
        """
        :param amount: in base, quantised
        :raises ValrOrderRejected, ValrOutcomeUnknown, ValrCommandNotSent: see the class
        """
        order = PlaceOrder(client_order_id, symbol, is_buy, amount)
        return await self._place(
            client_order_id, _market_order(order), CONSTANTS.PLACE_MARKET_COMMAND, CONSTANTS.PLACE_MARKET_PATH)

    async def cancel(self, client_order_id: str, symbol: str):
        """
        Returns when VALR took the request, which is no proof of a cancellation.

        A REST cancel may reach VALR twice: aiohttp repeats a DELETE on a fresh connection when the server closed the
        kept one. That is harmless, because an order cannot be cancelled twice and an id is never used twice.

        :raises ValrOrderRejected, ValrOutcomeUnknown, ValrCommandNotSent: see the class; rejected means that this
            request was refused and says nothing about the order's state
        """
        payload = _cancellation(client_order_id, symbol)
        if self._account_socket.connected:
            try:
                await self._send_over_socket(CONSTANTS.CANCEL_COMMAND, payload, CONSTANTS.SOCKET_CANCEL_LIMIT)
                return
            except ValrCommandNotSent:
                pass
        await self._send_over_rest(self._connector._api_delete, CONSTANTS.CANCEL_PATH, payload)

    async def place_batch(self, orders: Sequence[PlaceOrder]) -> List[BatchOutcome]:
        """
        Places orders over REST, 20 with one request, which is what VALR allows. A batch on the socket is not used,
        because its reply is not documented.

        :return: one outcome for each order, in their order. Errors are returned, not raised; `Placement.is_final` is
            False, because VALR accepts a batch before the matching engine has seen it.
        """
        return await self._send_batch([
            {"type": CONSTANTS.BATCH_PLACE_MARKET, "data": _market_order(order)} if order.price is None
            else {"type": CONSTANTS.BATCH_PLACE_LIMIT, "data": _limit_order(order)}
            for order in orders])

    async def cancel_batch(self, orders: Sequence[CancelOrder]) -> List[BatchOutcome]:
        """
        Asks for cancellations over REST, 20 with one request.

        :return: one outcome for each order, in their order. Errors are returned, not raised. A `Placement` here means
            that VALR took the request, as with `cancel`; its order id is empty when VALR named none.
        """
        return await self._send_batch([
            {"type": CONSTANTS.BATCH_CANCEL, "data": _cancellation(order.client_order_id, order.symbol)}
            for order in orders])

    def first_event(self, client_order_id: str):
        """To be called at every event of an order; the first one after its placement is measured."""
        awaited = self._awaited_events.pop(client_order_id, None)
        if awaited is not None:
            path, sent_at = awaited
            self.latency[path].first_event.add(time.perf_counter() - sent_at)

    async def _place(self, client_order_id: str, payload: Dict[str, Any], command: str, path: str) -> Placement:
        if self._account_socket.connected:
            self._await_event(client_order_id, SOCKET)
            try:
                data = await self._send_over_socket(command, payload, CONSTANTS.SOCKET_PLACE_LIMIT)
                return Placement(exchange_order_id=data["orderId"], is_final=False)
            except ValrCommandNotSent:
                pass
        self._await_event(client_order_id, REST)
        reply = await self._send_over_rest(self._connector._api_post, path, payload)
        order_id = _as_text(_as_dict(reply).get("id"))
        if not order_id:
            raise ValrOutcomeUnknown(f"VALR's reply to POST {path} has no order id.")
        return Placement(exchange_order_id=order_id, is_final=True)

    async def _send_over_socket(self, command: str, payload: Dict[str, Any], limit_id: str) -> Dict[str, Any]:
        """:return: the data of VALR's acknowledgement"""
        requested_at = time.perf_counter()
        data = await self._try_over_socket(command, payload, limit_id)
        if data is None:
            await asyncio.sleep(self.RATE_LIMIT_WINDOW)
            data = await self._try_over_socket(command, payload, limit_id)
        if data is None:
            raise ValrOrderRejected("VALR's rate limit for commands on the account socket is exceeded")
        self.latency[SOCKET].acknowledgement.add(time.perf_counter() - requested_at)
        return data

    async def _try_over_socket(self, command: str, payload: Dict[str, Any], limit_id: str) -> Optional[Dict[str, Any]]:
        """:return: the data of VALR's acknowledgement, None when VALR's rate limit kept it from taking the command"""
        async with self._connector.throttler.execute_task(limit_id):
            reply = await self._account_socket.request(command, payload, CONSTANTS.SOCKET_REPLY_TIMEOUT)
        if reply["type"] == CONSTANTS.RATE_LIMIT_EXCEEDED:
            return None
        return _acknowledged_data(command, reply)

    async def _send_over_rest(self, method: Callable[..., Awaitable[Any]], path: str, payload: Dict[str, Any]) -> Any:
        requested_at = time.perf_counter()
        try:
            reply = await method(path_url=path, data=payload, is_auth_required=True, limit_id=path)
        except ValrAPIError as error:
            if error.is_rejection:
                raise ValrOrderRejected(error.message, error.code) from error
            raise ValrOutcomeUnknown(str(error)) from error
        except aiohttp.ClientConnectorError as error:
            raise ValrCommandNotSent(f"There is no connection to VALR: {error}") from error
        except Exception as error:
            raise ValrOutcomeUnknown(
                f"There is no readable reply from VALR to {path}: {str(error) or type(error).__name__}") from error
        self.latency[REST].acknowledgement.add(time.perf_counter() - requested_at)
        return reply

    async def _send_batch(self, items: List[Dict[str, Any]]) -> List[BatchOutcome]:
        size = CONSTANTS.BATCH_MAX_REQUESTS
        replies = await asyncio.gather(*(
            self._send_partial_batch(items[start:start + size]) for start in range(0, len(items), size)))
        return [outcome for outcomes in replies for outcome in outcomes]

    async def _send_partial_batch(self, items: List[Dict[str, Any]]) -> List[BatchOutcome]:
        try:
            reply = await self._send_over_rest(self._connector._api_post, CONSTANTS.BATCH_PATH, {"requests": items})
        except (ValrOrderRejected, ValrOutcomeUnknown, ValrCommandNotSent) as error:
            return [error] * len(items)
        outcomes = reply.get("outcomes") if isinstance(reply, dict) else None
        if not isinstance(outcomes, list) or len(outcomes) != len(items):
            return [ValrOutcomeUnknown("VALR's reply to a batch does not have one outcome for each item.")] * len(items)
        return [_batch_outcome(outcome) for outcome in outcomes]

    def _await_event(self, client_order_id: str, path: str):
        if len(self._awaited_events) >= self.MAX_AWAITED_EVENTS:
            del self._awaited_events[next(iter(self._awaited_events))]
        self._awaited_events[client_order_id] = (path, time.perf_counter())


def _limit_order(order: PlaceOrder) -> Dict[str, Any]:
    return {
        "side": "BUY" if order.is_buy else "SELL",
        "quantity": f"{order.amount:f}",
        "price": f"{order.price:f}",
        "pair": order.symbol,
        "postOnly": order.post_only,
        "timeInForce": order.time_in_force,
        "customerOrderId": order.client_order_id,
    }


def _market_order(order: PlaceOrder) -> Dict[str, Any]:
    return {
        "side": "BUY" if order.is_buy else "SELL",
        "baseAmount": f"{order.amount:f}",
        "pair": order.symbol,
        "customerOrderId": order.client_order_id,
    }


def _cancellation(client_order_id: str, symbol: str) -> Dict[str, Any]:
    return {"customerOrderId": client_order_id, "pair": symbol}


def _acknowledged_data(command: str, reply: Dict[str, Any]) -> Dict[str, Any]:
    """
    :return: the data of a reply by which VALR takes the command
    :raises ValrOrderRejected: when the reply tells, in any of the shapes that are known, that VALR refuses the command
    :raises ValrOutcomeUnknown: when the reply tells neither
    """
    kind, error, data = reply["type"], reply.get("error"), _as_dict(reply.get("data"))
    is_direct = kind == REPLIES[command]
    is_taken = (data.get("requested") in (True, "true") if command == CONSTANTS.CANCEL_COMMAND
                else _as_text(data.get("orderId")))
    if is_direct and is_taken and not error and "code" not in data:
        return data
    rejection = _rejection(error, data, reply)
    if not (error or kind in REFUSALS or rejection.code is not None or is_direct and rejection.reason):
        raise ValrOutcomeUnknown(f"VALR's {kind} tells neither that {command} was taken nor that it was refused.")
    raise rejection if rejection.reason else ValrOrderRejected(f"{kind} without a reason", rejection.code)


def _batch_outcome(outcome: Any) -> BatchOutcome:
    outcome = _as_dict(outcome)
    if outcome.get("accepted") is True:
        return Placement(exchange_order_id=_as_text(outcome.get("orderId")), is_final=False)
    rejection = _rejection(outcome.get("error"), outcome)
    return rejection if rejection.reason else ValrOutcomeUnknown("VALR did not tell the outcome of an item of a batch.")


def _rejection(*holders: Any) -> ValrOrderRejected:
    """
    :param holders: the parts of a reply in which VALR's reason may be, the most telling one first; a text is a reason
    :return: the reason, empty when there is none, and VALR's code
    """
    reason, code = "", None
    for holder in holders:
        holder = {"message": holder} if isinstance(holder, str) else _as_dict(holder)
        reason = reason or one_line(f"{holder.get('message') or ''} {holder.get('validationErrors') or ''}")
        code = code if code is not None or type(holder.get("code")) is not int else holder["code"]
    if code is None and "duplicate customer order id" in reason.lower():
        code = CONSTANTS.DUPLICATE_ORDER_ID_CODE
    return ValrOrderRejected(reason, code)


def _as_dict(value: Any) -> Dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""
