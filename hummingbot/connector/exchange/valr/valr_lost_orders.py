import time
from typing import Dict, List

from hummingbot.connector.exchange.valr.valr_order_tracker import ValrOrderTracker
from hummingbot.core.data_type.in_flight_order import InFlightOrder


class _Watch:
    """Since when one order is watched, and when to look at it next."""

    FIRST_PAUSE = 5.0  # seconds
    LAST_PAUSE = 120.0  # seconds

    def __init__(self):
        self.began_at = time.monotonic()
        self._pause = self.FIRST_PAUSE
        self.next_look = self.next_cancel = float("-inf")

    def postpone_look(self):
        self.next_look = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, self.LAST_PAUSE)

    def postpone_cancel(self):
        self.next_cancel = time.monotonic() + self.FIRST_PAUSE


class ValrLostOrders:
    """
    The watch over orders that were reported as failed because VALR denied them: soon at first, then less and less
    often. VALR may have executed a command late; no strategy expects such an order any more.

    Before that, it spaces the denials that count: several refused commands of one second say no more than one.
    """

    DURATION = 900.0  # seconds of the watch
    DENIAL_PAUSE = 10.0  # seconds

    def __init__(self, tracker: ValrOrderTracker):
        self._tracker = tracker
        self._watches: Dict[str, _Watch] = {}
        self._denied_at: Dict[str, float] = {}  # client order id -> monotonic seconds of the last denial that counted

    def is_denial_due(self, order: InFlightOrder) -> bool:
        """
        :return: True when a denial of the order counts, which is noted
        """
        now, active = time.monotonic(), self._tracker.active_orders
        self._denied_at = {client_order_id: denied_at for client_order_id, denied_at in self._denied_at.items()
                           if client_order_id in active and now - denied_at < self.DENIAL_PAUSE}
        is_due = order.client_order_id not in self._denied_at
        if is_due:
            self._denied_at[order.client_order_id] = now
        return is_due

    def due(self) -> List[InFlightOrder]:
        """
        :return: the orders to look at now
        """
        orders = self._tracker.lost_orders
        self._watches = {client_order_id: self._watches.get(client_order_id) or _Watch() for client_order_id in orders}
        now = time.monotonic()
        return [order for client_order_id, order in orders.items() if self._watches[client_order_id].next_look <= now]

    def postpone(self, orders: List[InFlightOrder]):
        """The orders were looked at."""
        for order in orders:
            self._watch(order).postpone_look()

    def is_over(self, order: InFlightOrder) -> bool:
        """
        :return: True when the order was watched for long enough
        """
        return time.monotonic() - self._watch(order).began_at >= self.DURATION

    def may_cancel(self, order: InFlightOrder) -> bool:
        """
        :return: True once in a while, so that no cancellation follows another one before that could show
        """
        watch = self._watch(order)
        if time.monotonic() < watch.next_cancel:
            return False
        watch.postpone_cancel()
        return True

    def _watch(self, order: InFlightOrder) -> _Watch:
        return self._watches.setdefault(order.client_order_id, _Watch())
