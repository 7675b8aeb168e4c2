from typing import TYPE_CHECKING, Any, Callable, Dict

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr import valr_parsers as parsers
from hummingbot.connector.exchange.valr.valr_account_refresh import ValrAccountRefresh
from hummingbot.connector.exchange.valr.valr_fees import ValrFees, fee_of
from hummingbot.connector.exchange.valr.valr_order_lookup import ValrOrderLookup
from hummingbot.connector.exchange.valr.valr_order_tracker import ValrOrderTracker
from hummingbot.connector.exchange.valr.valr_parsers import Outcome

if TYPE_CHECKING:
    from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange


class ValrAccountEvents:
    """
    Takes over what VALR tells of the account, by the account socket or by polling. Events may come in any order, twice,
    or not at all, with fields missing and with fields and types nobody knows; they may come before the reply to the
    command that caused them. Those of orders that the bot did not place are ignored.
    """

    # Seconds in which an order that is missing among the open ones may still get the event that explains it.
    ABSENCE_GRACE = 1.0

    def __init__(self, connector: "ValrExchange", tracker: ValrOrderTracker, lookup: ValrOrderLookup,
                 fees: ValrFees, account: ValrAccountRefresh):
        self._connector = connector
        self._tracker = tracker
        self._lookup = lookup
        self._fees = fees
        self._account = account
        self._open_rows: Dict[str, Any] = {}  # client order id -> its row in the last list of open orders
        self._handlers: Dict[str, Callable[[Any], None]] = {
            CONSTANTS.PLACEMENT_REPLY: self._on_placement_reply,
            CONSTANTS.BALANCE_EVENT: self._on_balance,
            CONSTANTS.OPEN_ORDERS_EVENT: self._on_open_orders,
            CONSTANTS.ORDER_PROCESSED_EVENT: self._on_order_processed,
            CONSTANTS.ORDER_STATUS_EVENT: self._on_order_status,
            CONSTANTS.ACCOUNT_TRADE_EVENT: self._on_trade,
            CONSTANTS.FAILED_CANCEL_EVENT: self._on_cancel_failed,
            CONSTANTS.FAILED_ORDER_EVENT: self._on_order_failed,
        }

    def process(self, event: Dict[str, Any]):
        """
        :raises ValueError: when the event cannot be read
        """
        kind = event.get("type", "")
        if kind == CONSTANTS.AUTHENTICATED:
            self._account.close_gap()
        elif (handler := self._handlers.get(kind)) is not None:
            handler(event.get("data"))

    def _on_balance(self, data: Any):
        self._connector.process_balance(parsers.balance(data))

    def _on_order_status(self, data: Any):
        report = parsers.order_report(data)
        order = self._tracker.find(report.client_order_id, report.exchange_order_id)
        if order is not None:
            self._connector.order_entry.first_event(order.client_order_id)
            self._connector.process_report(order, report)

    def _on_open_orders(self, data: Any):
        """
        An order in this list is open. One that is missing may have ended, or be too new: VALR was seen to send a list
        without an order that it had accepted.
        """
        rows = {}
        for row in parsers.open_order_rows(data):
            exchange_order_id, client_order_id = parsers.order_ids(row)
            order = self._tracker.find(client_order_id, exchange_order_id)
            if order is None:
                continue
            rows[order.client_order_id] = row
            self._lookup.trust(order)
            # The whole list comes with every change of one of its orders.
            if row != self._open_rows.get(order.client_order_id) or order.is_pending_create:
                self._connector.process_report(order, parsers.open_order(row))
        self._open_rows = rows
        for client_order_id, order in self._tracker.active_orders.items():
            if client_order_id not in rows and not order.is_pending_create:
                self._lookup.doubt(order, self.ABSENCE_GRACE)

    def _on_placement_reply(self, data: Any):
        exchange_order_id, client_order_id = parsers.order_ids(data)
        order = self._tracker.find(client_order_id, None)
        if order is not None and exchange_order_id is not None:
            self._tracker.learn_exchange_order_id(order, exchange_order_id)

    def _on_order_processed(self, data: Any):
        self._process_placement(parsers.placement_outcome(data))

    def _on_order_failed(self, data: Any):
        self._process_placement(parsers.failure(data))

    def _process_placement(self, outcome: Outcome):
        order = self._tracker.find(outcome.client_order_id, outcome.exchange_order_id)
        if order is None or not self._tracker.is_active(order):
            return
        self._connector.order_entry.first_event(order.client_order_id)
        if outcome.exchange_order_id is not None:
            self._tracker.learn_exchange_order_id(order, outcome.exchange_order_id)
        if outcome.is_success:
            self._tracker.open_order(order)
        elif outcome.is_success is None or not order.is_pending_create or parsers.is_duplicate(outcome.reason):
            self._lookup.doubt(order)
        else:
            self._tracker.fail_order(order, outcome.reason, "OrderFailed")

    def _on_trade(self, data: Any):
        fill = parsers.fill(data)
        order = self._tracker.find(fill.client_order_id, fill.exchange_order_id)
        if order is None:
            return
        self._connector.order_entry.first_event(order.client_order_id)
        # A row of the trade history may have been told by the socket under another id: it is booked with the others.
        is_bookable = not fill.is_history and self._fees.is_certain(order.trading_pair, fill)
        self._tracker.process_fill(order, fill, fee_of(fill) if is_bookable else None)
        if not self._tracker.is_complete(order):
            self._lookup.collect_fills()

    def _on_cancel_failed(self, data: Any):
        failure = parsers.failure(data)
        order = self._tracker.find(failure.client_order_id, failure.exchange_order_id)
        if order is not None:
            orders = [order]
        elif failure.client_order_id is None and failure.exchange_order_id is None:
            orders = [each for each in self._tracker.active_orders.values() if each.is_pending_cancel_confirmation]
        else:
            orders = []
        for order in orders:
            self._lookup.doubt(order)
