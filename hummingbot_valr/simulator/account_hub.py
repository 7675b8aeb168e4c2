"""The events of the account socket."""
from typing import Any, Dict, List, Set, Tuple

from . import wire
from .clock import SimulatedClock
from .engine import Engine
from .events import Batch, Filled, Processed, Recorded, StatusChanged
from .faults import Faults
from .ledger import Account
from .orders import PLACED, Order
from .socket import Socket

# Fields that VALR leaves out on some servers or for some orders; those of one tuple come and go together.
_OPTIONAL: Dict[str, Tuple[Tuple[str, ...], ...]] = {
    "ORDER_PROCESSED": (("customerOrderId",),),
    "ORDER_STATUS_UPDATE": (("customerOrderId",), ("timeInForce",), ("failedReason",),
                            ("executedPrice", "executedQuantity", "executedFee")),
    "NEW_ACCOUNT_TRADE": (("customerOrderId",), ("fee", "feeCurrency")),
    "BALANCE_UPDATE": (("lendReserved", "borrowCollateralReserved", "borrowedAmount"),),
    "FAILED_CANCEL_ORDER": (("orderId",), ("customerOrderId",)),
}


class AccountHub:
    """All account sockets; every socket of an account gets the account's events."""

    def __init__(self, engine: Engine, clock: SimulatedClock, faults: Faults):
        self.sockets: Set[Socket] = set()
        self._engine = engine
        self._clock = clock
        self._faults = faults
        engine.listeners.append(self._on_batch)

    def add(self, socket: Socket) -> None:
        """The burst after a login: balances of what is held, and all open orders."""
        account = self._engine.account(socket.account_id)
        self.sockets.add(socket)
        socket.send('{"type":"AUTHENTICATED"}')
        for currency, _ in wire.balances(account):
            socket.send(wire.dumps(self._balance(account, currency)))
        socket.send(self._open_orders(account))

    def remove(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        if socket.cancel_on_disconnect:
            self._clock.call_later(self._faults.cancel_on_disconnect_delay, self._engine.cancel_all, socket.account_id)

    def send(self, account_id: str, kind: str, data: Dict[str, Any]) -> None:
        """Sends one event to an account, e.g. FAILED_CANCEL_ORDER."""
        if any(socket.account_id == account_id for socket in self.sockets):
            self._deliver(account_id, [{"type": kind, "data": data}])

    def _on_batch(self, batch: Batch) -> None:
        for account_id in {socket.account_id for socket in self.sockets}:
            frames = self._frames(self._engine.account(account_id), batch)
            if frames:
                self._deliver(account_id, frames)

    def _frames(self, account: Account, batch: Batch) -> List[Any]:
        """One command in VALR's usual order: outcome, fills and states, open orders, balances, ledger records."""
        frames: List[Any] = []
        records: List[Any] = []
        for step in batch.steps:
            if isinstance(step, Recorded):
                if step.account_id == account.account_id:
                    records.append({"type": "NEW_ACCOUNT_HISTORY_RECORD",
                                    "data": wire.history_record(step.transaction, self._engine.currencies)})
                continue
            order = step.fill.order if isinstance(step, Filled) else step.order
            if order.account_id != account.account_id:
                continue
            if isinstance(step, Filled):
                frames.append({"type": "NEW_ACCOUNT_TRADE", "currencyPairSymbol": order.pair.symbol,
                               "data": wire.account_trade(step.fill, self._faults.events.reward)})
            elif isinstance(step, Processed):
                frames.append({"type": "ORDER_PROCESSED", "data": wire.order_processed(order)})
            elif isinstance(step, StatusChanged):
                if step.event.status != PLACED or self._faults.events.placed_status:
                    frames.append({"type": "ORDER_STATUS_UPDATE", "data": wire.order_detail(order, step.event)})
        if account.account_id in batch.open_orders:
            frames.append(self._open_orders(account))
            if self._faults.events.open_orders_lag:
                self._clock.call_later(self._faults.events.open_orders_lag, self._send_open_orders, account)
        frames += [self._balance(account, currency) for owner, currency in batch.balances
                   if owner == account.account_id]
        return frames + records

    # Delivery

    def _deliver(self, account_id: str, frames: List[Any]) -> None:
        events = self._faults.events
        if events.unknown_fields:
            frames = [*frames, {"type": "EVENT_OF_TOMORROW", "data": {"orderId": 1}}]
        if events.shuffle:
            self._faults.random.shuffle(frames)
        ready = [self._prepared(frame) for frame in frames if not self._faults.happens(events.lost)]
        delay = self._faults.between(events.delay)
        if not delay:
            self._write(account_id, ready)
        elif events.shuffle:
            for frame in ready:
                self._clock.call_later(self._faults.between(events.delay), self._write, account_id, [frame])
        else:
            self._clock.call_later(delay, self._write, account_id, ready)

    def _prepared(self, frame: Any) -> Tuple[str, str]:
        """(type, text) of a frame, with the faults of its content."""
        if isinstance(frame, str):
            return "OPEN_ORDERS_UPDATE", frame
        events, kind = self._faults.events, frame["type"]
        if events.missing_fields:
            for group in _OPTIONAL.get(kind, ()):
                if self._faults.happens(events.missing_fields):
                    for name in group:
                        frame["data"].pop(name, None)
            if self._faults.happens(events.missing_fields):
                frame.pop("currencyPairSymbol", None)
        if events.unknown_fields:
            frame["fieldOfTomorrow"] = {"list": [None, 1.5]}
            frame["data"]["fieldOfTomorrow"] = None
        return kind, wire.dumps(frame)

    def _write(self, account_id: str, frames: List[Tuple[str, str]]) -> None:
        events = self._faults.events
        for kind, text in frames:
            copies = 2 if self._faults.happens(events.duplicate) else 1
            for socket in self.sockets:
                if socket.account_id != account_id or kind in socket.muted:
                    continue
                if kind == "ORDER_STATUS_UPDATE" and events.status_needs_subscription and kind not in socket.subscribed:
                    continue
                for _ in range(copies):
                    socket.send(text)

    # Frames

    def _balance(self, account: Account, currency: str) -> Dict[str, Any]:
        return {"type": "BALANCE_UPDATE",
                "data": wire.balance_update(self._engine.currencies[currency], account.balances[currency])}

    def _send_open_orders(self, account: Account) -> None:
        self._write(account.account_id, [("OPEN_ORDERS_UPDATE", self._open_orders(account))])

    def _open_orders(self, account: Account) -> str:
        events = self._faults.events
        newest = self._clock.now_ms() - events.open_orders_lag * 1000
        rows = [_open_row(order) for order in account.open_orders.values()
                if not events.open_orders_lag or order.created_ms <= newest]
        data = f"[{','.join(rows)}]"
        if events.open_orders_nested:
            data = f'{{"accountId":"{account.account_id}","orders":{data}}}'
        return f'{{"type":"OPEN_ORDERS_UPDATE","data":{data}}}'


def _open_row(order: Order) -> str:
    # The whole list goes out on every change, so the text of an unchanged order is kept.
    if order.open_row is None:
        order.open_row = wire.dumps(wire.socket_open_order(order))
    return order.open_row
