import asyncio
import time
from collections import Counter
from decimal import Decimal
from typing import Any, Dict, Iterable, List, MutableMapping, Optional, Set, Tuple

from cachetools import TTLCache

from hummingbot.connector.client_order_tracker import ClientOrderTracker
from hummingbot.connector.exchange.valr.valr_parsers import Fill, OrderReport, milliseconds
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, OrderUpdate, TradeUpdate
from hummingbot.core.data_type.trade_fee import TradeFeeBase

FillKey = Tuple[Decimal, Decimal, int]


class FillAccount:
    """What VALR told of an order's fills beyond those that are booked."""

    __slots__ = ("executed", "executed_at", "waiting", "unmatched", "history_ids", "aliases", "closing")

    def __init__(self, order: InFlightOrder):
        self.executed: Optional[Decimal] = None  # base, as VALR reports it
        self.executed_at = float("-inf")  # seconds
        # Events that cannot be booked as they are: the fee is missing, or they may have been booked already.
        # Trade id -> monotonic seconds of their arrival.
        self.waiting: Dict[str, float] = {}
        # Fills booked from the trade history, whose event may still come under another trade id. A restored order
        # cannot tell where its fills came from.
        self.history_ids: Set[str] = set(order.order_fills)
        self.unmatched: Counter = Counter(_key_of(update) for update in order.order_fills.values())
        self.aliases: Set[str] = set()
        # The final state, held back until the fills are complete.
        self.closing: Optional[OrderReport] = None

    def book_history(self, fill: Fill):
        self.history_ids.add(fill.trade_id)
        self.unmatched[fill.key] += 1
        self.waiting.pop(fill.trade_id, None)

    def is_booked_under_another_id(self, fill: Fill) -> bool:
        """Tells it of an event, which then counts as seen."""
        if fill.trade_id in self.aliases:
            return True
        if not self.unmatched[fill.key]:
            return False
        self.unmatched[fill.key] -= 1
        self.aliases.add(fill.trade_id)
        return True

    def see_again(self, fill: Fill):
        """The event of a fill that was booked from the trade history under the same id."""
        if fill.trade_id in self.history_ids:
            self.history_ids.discard(fill.trade_id)
            self.unmatched[fill.key] -= 1


class ValrOrderTracker(ClientOrderTracker):
    """
    Hummingbot's tracker, with VALR's rules for what may be believed:

    - States come in any order, twice, late. A final one stays final, and nothing older undoes a newer one.
    - Fills come from two sources, the account socket and the trade history, whose trade ids may or may not be the same.
      Each is booked once, and never more than VALR says was executed.
    - A final state is published when all fills are booked, not before.

    It costs the same however many orders ended lately: the base class builds a dictionary of all of them for each
    event.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._accounts: Dict[str, FillAccount] = {}
        self._closed_accounts: TTLCache = TTLCache(maxsize=self.MAX_CACHE_SIZE, ttl=self.CACHED_ORDER_TTL)
        # exchange order id -> client order id
        self._client_ids: Dict[str, str] = {}
        self._closed_client_ids: TTLCache = TTLCache(maxsize=self.MAX_CACHE_SIZE, ttl=self.CACHED_ORDER_TTL)
        # Orders that are being cancelled, and whose creation VALR had only acknowledged by then.
        self._unannounced: Set[str] = set()
        self._change = asyncio.Event()

    # === Finding orders ===

    def find(self, client_order_id: Optional[str], exchange_order_id: Optional[str]) -> Optional[InFlightOrder]:
        """
        :return: the order, be it active, lost or closed a short while ago; None for an order of somebody else
        """
        order = self._find_by_client_id(client_order_id or "")
        if order is None and exchange_order_id is not None:
            client_order_id = self._client_ids.get(exchange_order_id) or self._closed_client_ids.get(exchange_order_id)
            order = self._find_by_client_id(client_order_id or "")
        return order

    def _find_by_client_id(self, client_order_id: str) -> Optional[InFlightOrder]:
        return (self._in_flight_orders.get(client_order_id)
                or self._lost_orders.get(client_order_id)
                or self._cached_orders.get(client_order_id))

    def is_active(self, order: InFlightOrder) -> bool:
        return order.client_order_id in self._in_flight_orders

    def is_lost(self, order: InFlightOrder) -> bool:
        """True for an order that was reported as failed because VALR does not know it, and is still watched."""
        return order.client_order_id in self._lost_orders

    def fetch_order(
            self, client_order_id: Optional[str] = None, exchange_order_id: Optional[str] = None
    ) -> Optional[InFlightOrder]:
        """The base class builds the dictionary of all orders up to four times."""
        order = self.find(client_order_id, exchange_order_id)
        return None if order is None or self.is_lost(order) else order

    def fetch_lost_order(
            self, client_order_id: Optional[str] = None, exchange_order_id: Optional[str] = None
    ) -> Optional[InFlightOrder]:
        """As in the base class, without a search."""
        order = self.find(client_order_id, exchange_order_id)
        return order if order is not None and self.is_lost(order) else None

    def incomplete_orders(self) -> List[InFlightOrder]:
        """
        :return: the orders of which fills are known that are not booked
        """
        orders = (self.find(client_order_id, None) for client_order_id in (*self._accounts, *self._closed_accounts))
        return [order for order in orders if order is not None and not self.is_complete(order)]

    def is_complete(self, order: InFlightOrder) -> bool:
        """
        :return: True when every fill that VALR told of is booked
        """
        account = self._account(order)
        if account is None:
            return True
        return not account.waiting and (account.executed or 0) <= order.executed_amount_base

    def is_closing(self, order: InFlightOrder) -> bool:
        """
        :return: True when VALR named the order's final state, and it waits for fills
        """
        account = self._account(order)
        return self.is_active(order) and account is not None and account.closing is not None

    # === Tracking ===

    def start_tracking_order(self, order: InFlightOrder):
        super().start_tracking_order(order)
        self._remember(order)

    def stop_tracking_order(self, client_order_id: str):
        order = self._in_flight_orders.get(client_order_id)
        self._unannounced.discard(client_order_id)
        super().stop_tracking_order(client_order_id)
        if order is not None:
            self._forget(order)

    def restore_tracking_states(self, tracking_states: Dict[str, Any]):
        super().restore_tracking_states(tracking_states)
        for order in (*self._in_flight_orders.values(), *self._lost_orders.values()):
            self._remember(order)
            if order.order_fills:
                self._accounts[order.client_order_id] = FillAccount(order)

    async def process_order_not_found(self, client_order_id: str):
        order = self.find(client_order_id, None)
        await super().process_order_not_found(client_order_id)
        if order is not None and self.is_lost(order):
            self._remember(order)

    def lose_order(self, order: InFlightOrder, reason: str):
        """
        Reports an order as failed that VALR does not know, and goes on watching its id, because VALR may have been slow
        to execute it.
        """
        self.fail_order(order, reason, "OrderNotFound")
        self._cached_orders.pop(order.client_order_id, None)
        self._lost_orders[order.client_order_id] = order
        self._remember(order)

    def drop_lost_order(self, order: InFlightOrder):
        """Ends the watch over an order that was reported as failed."""
        if self._lost_orders.pop(order.client_order_id, None) is not None:
            self._forget(order)

    def fail_order(self, order: InFlightOrder, reason: str, error_type: str):
        """
        Publishes that an order has failed, with one line for people.

        :param reason: VALR's, or why the order was not sent
        """
        self.logger().warning(
            f"The {order.order_type.name} {order.trade_type.name} order {order.client_order_id} for {order.amount} "
            f"{order.trading_pair} at {order.price} failed: {reason.rstrip('.') or 'no reason is given'}.")
        self._apply(order, OrderState.FAILED, misc_updates={"error_message": reason, "error_type": error_type})

    # === States ===

    def process_report(self, order: InFlightOrder, report: OrderReport, is_answer: bool = False):
        """
        Takes over what VALR says of an order.

        :param is_answer: True when VALR was asked for this order's state; an event may be older than what is known, and
            says nothing about a cancellation that was requested since
        """
        # Only denials in a row count towards losing an order.
        self._order_not_found_records.pop(order.client_order_id, None)
        if report.exchange_order_id is not None:
            self.learn_exchange_order_id(order, report.exchange_order_id)
        if report.executed is not None:
            self._note_executed(order, report)
        if report.is_final:
            # Without quantities nobody knows whether fills are missing.
            if report.executed is not None:
                self._account_of(order).closing = report
                self._close_if_complete(order)
        elif report.state is not None and self.is_active(order):
            self._advance(order, report.state, is_answer)

    def open_order(self, order: InFlightOrder):
        """VALR's matching engine took the order: it lives, or has lived."""
        if not self.is_active(order):
            return
        if order.is_pending_create:
            self._apply(order, OrderState.OPEN)
        elif order.client_order_id in self._unannounced:
            self._unannounced.discard(order.client_order_id)
            self._trigger_order_creation(order, OrderState.PENDING_CREATE, OrderState.OPEN)

    def request_cancel(self, order: InFlightOrder):
        """VALR took the request for a cancellation. An order whose placement is unknown stays so."""
        if not self.is_active(order) or order.is_pending_create and order.exchange_order_id is None:
            return
        if order.is_pending_create:
            self._unannounced.add(order.client_order_id)
        self._apply(order, OrderState.PENDING_CANCEL)

    def note_change(self):
        self._change.set()

    async def wait_for_change(self):
        """Waits until something was learnt of any order."""
        self._change.clear()
        await self._change.wait()

    def learn_exchange_order_id(self, order: InFlightOrder, exchange_order_id: str):
        """From now on the order is found by VALR's id, too."""
        if order.exchange_order_id is not None:
            return
        order.update_exchange_order_id(exchange_order_id)
        if self.is_active(order) or self.is_lost(order):
            self._remember(order)
        else:
            self._closed_client_ids[exchange_order_id] = order.client_order_id

    async def _process_order_update(self, order_update: OrderUpdate):
        """
        The base class lets a late update bring a closed order back: it would be in no list, and its events would be
        published twice. Here a final state is final.
        """
        order = self.fetch_order(order_update.client_order_id, order_update.exchange_order_id)
        if order is not None and not self.is_active(order):
            return
        await super()._process_order_update(order_update)
        if order is not None and self.is_active(order):
            self._remember(order)

    def _advance(self, order: InFlightOrder, state: OrderState, is_answer: bool):
        current = order.current_state
        is_progress = (
            current is OrderState.PENDING_CREATE and state is not current
            or current is OrderState.OPEN and state is OrderState.PARTIALLY_FILLED
            or current is OrderState.PENDING_CANCEL and is_answer
        )
        if is_progress:
            self.open_order(order)
            self._apply(order, state)

    def _close_if_complete(self, order: InFlightOrder):
        account = self._account(order)
        if account is None or account.closing is None:
            return
        # The framework's own sign of a full fill is believed, too: it differs by less than its 5e-9 of base.
        if account.closing.executed > order.executed_amount_base and not order.completely_filled_event.is_set():
            return
        report = account.closing
        if self.is_lost(order):
            self.drop_lost_order(order)
        elif self.is_active(order):
            if report.state is OrderState.FAILED:
                self.fail_order(order, report.reason, "OrderFailed")
            else:
                self._apply(order, report.state, timestamp=report.updated_at)

    def _apply(self, order: InFlightOrder, state: OrderState, timestamp: Optional[float] = None, **fields):
        """
        The base class does this in a task of its own, in which a queued update can overtake a newer one. Nothing has to
        be waited for here.
        """
        previous_state = order.current_state
        update = OrderUpdate(
            client_order_id=order.client_order_id,
            exchange_order_id=order.exchange_order_id,
            trading_pair=order.trading_pair,
            update_timestamp=timestamp or self.current_timestamp,
            new_state=state,
            **fields,
        )
        self._change.set()
        if order.update_with_order_update(update):
            self._trigger_order_creation(order, previous_state, state)
            self._trigger_order_completion(order, update)

    # === Fills ===

    def process_fill(self, order: InFlightOrder, fill: Fill, fee: Optional[TradeFeeBase]):
        """
        Books a fill that an event tells of, or has it wait when it cannot be booked from the event alone.

        :param fee: what was charged for it; None when only the trade history can tell
        """
        account = self._account(order)
        if fill.trade_id in order.order_fills:
            if account is not None:
                account.see_again(fill)
            return
        if not self._is_new(order, account, fill) or fee is None:
            account = self._account_of(order)
            if fill.trade_id not in account.aliases:
                account.waiting[fill.trade_id] = time.monotonic()
            return
        self._book(order, fill, fee)

    def process_history(
            self, order: InFlightOrder, fills: Iterable[Tuple[Fill, TradeFeeBase]], reported_at: float = 0.0):
        """
        Books what is missing.

        :param fills: the fills of this order in VALR's trade history, with their fees, those before a certain time left
            out, but none after it
        :param reported_at: monotonic seconds, before which VALR cannot have answered the last question for this order
        """
        fills = list(fills)
        if not fills and self._account(order) is None:
            return
        account = self._account_of(order)
        # Fills of equal price, quantity and time differ by their id alone, which may be another one on the socket:
        # those that are booked are not told apart, but counted.
        booked = Counter(_key_of(update) for update in order.order_fills.values())
        missing = Counter(fill.key for fill, _ in fills)
        missing.subtract(booked)
        for fill, fee in sorted(fills, key=lambda item: item[0].timestamp):
            if fill.trade_id in order.order_fills or missing[fill.key] <= 0:
                account.waiting.pop(fill.trade_id, None)
            elif self._fits(order, account.executed, fill):
                missing[fill.key] -= 1
                account.book_history(fill)
                self._book(order, fill, fee)
        # Once the booked fills make up what VALR says was executed, the events before are among them.
        if account.executed is None or order.executed_amount_base >= account.executed:
            account.waiting = {
                trade_id: arrival for trade_id, arrival in account.waiting.items() if arrival >= reported_at}

    def _is_new(self, order: InFlightOrder, account: Optional[FillAccount], fill: Fill) -> bool:
        if account is None or not account.history_ids and not account.unmatched:
            return self._fits(order, None, fill)
        if account.is_booked_under_another_id(fill):
            return False
        # An event that VALR's last report includes must find room in what that report says was executed.
        is_reported = account.executed is not None and fill.timestamp <= account.executed_at
        return self._fits(order, account.executed if is_reported else None, fill)

    @staticmethod
    def _fits(order: InFlightOrder, executed: Optional[Decimal], fill: Fill) -> bool:
        limit = order.amount if executed is None else executed
        return order.executed_amount_base + fill.quantity <= limit

    def _book(self, order: InFlightOrder, fill: Fill, fee: TradeFeeBase):
        self.learn_exchange_order_id(order, fill.exchange_order_id)
        self.open_order(order)
        executed_before = order.executed_amount_base
        order.update_with_trade_update(TradeUpdate(
            trade_id=fill.trade_id,
            client_order_id=order.client_order_id,
            exchange_order_id=fill.exchange_order_id,
            trading_pair=order.trading_pair,
            fill_timestamp=fill.timestamp,
            fill_price=fill.price,
            fill_base_amount=fill.quantity,
            fill_quote_amount=fill.price * fill.quantity,
            fee=fee,
        ))
        self._trigger_order_fills(
            tracked_order=order,
            prev_executed_amount_base=executed_before,
            fill_amount=fill.quantity,
            fill_price=fill.price,
            fill_fee=fee,
            trade_id=fill.trade_id,
            exchange_order_id=fill.exchange_order_id,
        )
        self._close_if_complete(order)

    def _note_executed(self, order: InFlightOrder, report: OrderReport):
        account = self._account_of(order) if report.executed else self._account(order)
        if account is None:
            return
        executed = report.executed or Decimal(0)
        if account.executed is None or executed >= account.executed:
            account.executed = executed
            account.executed_at = max(account.executed_at, report.updated_at or account.executed_at)

    def _account(self, order: InFlightOrder) -> Optional[FillAccount]:
        return self._accounts_for(order).get(order.client_order_id)

    def _account_of(self, order: InFlightOrder) -> FillAccount:
        account = self._account(order)
        if account is None:
            account = self._accounts_for(order)[order.client_order_id] = FillAccount(order)
        return account

    def _accounts_for(self, order: InFlightOrder) -> MutableMapping[str, FillAccount]:
        return self._accounts if self.is_active(order) or self.is_lost(order) else self._closed_accounts

    def _remember(self, order: InFlightOrder):
        account = self._closed_accounts.pop(order.client_order_id, None)
        if account is not None:
            self._accounts[order.client_order_id] = account
        if order.exchange_order_id is not None:
            self._client_ids[order.exchange_order_id] = order.client_order_id

    def _forget(self, order: InFlightOrder):
        """Moves what is known of an order to where it lasts as long as the order does among the closed ones."""
        client_order_id = order.client_order_id
        if self._client_ids.pop(order.exchange_order_id, None) is not None:
            self._closed_client_ids[order.exchange_order_id] = client_order_id
        account = self._accounts.pop(client_order_id, None)
        if account is not None:
            self._closed_accounts[client_order_id] = account


def _key_of(update: TradeUpdate) -> FillKey:
    return update.fill_price, update.fill_base_amount, milliseconds(update.fill_timestamp)
