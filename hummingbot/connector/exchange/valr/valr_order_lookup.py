import asyncio
import logging
import time
from datetime import datetime, timezone
from itertools import chain, repeat
from math import inf
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr import valr_parsers as parsers
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError
from hummingbot.connector.exchange.valr.valr_fees import fee_of
from hummingbot.connector.exchange.valr.valr_order_tracker import ValrOrderTracker
from hummingbot.connector.exchange.valr.valr_parsers import Fill, OrderReport
from hummingbot.core.data_type.in_flight_order import InFlightOrder
from hummingbot.core.utils.async_utils import safe_ensure_future
from hummingbot.logger import HummingbotLogger

if TYPE_CHECKING:
    from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange


class ValrOrderLookup:
    """
    Finds out over REST what events and replies left open: whether an order lives whose placement or cancellation had no
    clear outcome, and which fills are missing.
    """

    # Seconds from the end of a placement with an unknown outcome to the first look. Orders that VALR's front end had
    # answered with an HTML page were found 0.4 s and 1.1 s later (wire).
    FIRST_LOOK = 0.4
    # Seconds between the looks; the last one repeats for as long as VALR cannot be reached.
    PAUSES = (0.7, 1.9, 3.0, 4.5, 5.0)
    # Seconds over which VALR has to deny an order before it counts as never placed. How long VALR takes to show a new
    # order is not documented.
    DENIAL = 10.0
    # Seconds without an event after which an acknowledged order is looked up: one that simply rests may get none
    # (wire).
    QUIET_PLACEMENT = 1.0
    QUIET_CANCEL = 2.0

    # Fills are mostly told by an event milliseconds after the state that includes them.
    FILLS_GRACE = 0.2  # seconds
    FILLS_PAUSES = (0.3, 0.5, 1.0, 2.0, 5.0)  # seconds between requests for missing fills; the last one repeats
    FILLS_PATIENCE = 5.0  # seconds after which fills that are still missing are reported
    # Seconds by which VALR's clock and the one of an order's creation may differ beyond what is known.
    CLOCK_MARGIN = 60.0

    _FILLS = "fills"  # beside client order ids in `_failing`

    _logger: Optional[HummingbotLogger] = None

    def __init__(self, connector: "ValrExchange", tracker: ValrOrderTracker):
        self._connector = connector
        self._tracker = tracker
        self._timers: Dict[str, asyncio.TimerHandle] = {}
        self._tasks: Dict[str, asyncio.Task] = {}
        self._fills_task: Optional[asyncio.Task] = None
        self._fills_wanted = asyncio.Event()
        # Orders whose state is doubtful although it looks settled.
        self._doubtful: Set[str] = set()
        self._incomplete_since: Dict[str, float] = {}  # client order id -> monotonic seconds, infinite when reported
        self._is_stopped = False
        self._failing: Set[str] = set()  # what VALR gives no usable answer about
        self._is_silence_told = False

    @classmethod
    def logger(cls) -> HummingbotLogger:
        if cls._logger is None:
            cls._logger = logging.getLogger(HummingbotLogger.logger_name_for_class(cls))
        return cls._logger

    def start(self):
        self._is_stopped = False

    def stop(self):
        """Ends all looks. Nothing is forgotten: unresolved orders keep their state and are looked up after a start."""
        self._is_stopped = True
        self._doubtful.clear()
        self._failing.clear()
        for handle in (*self._timers.values(), *self._tasks.values(), self._fills_task):
            if handle is not None:
                handle.cancel()
        self._timers.clear()
        self._tasks.clear()
        self._fills_task = None

    # === Orders ===

    async def find(self, order: InFlightOrder) -> Optional[OrderReport]:
        """
        :return: what VALR says of the order, None when it answered on both routes that it does not know it
        :raises IOError, ValueError: when VALR did not answer, or not in a way that can be read
        """
        symbol = await self._connector.symbol_of(order)
        path = CONSTANTS.ORDER_STATUS_BY_CLIENT_ID_PATH.format(symbol=symbol, client_order_id=order.client_order_id)
        row = await self._get_if_known(path)
        if row is not None:
            report = parsers.order_report(row)
            # VALR shows the last order with an id; the one with the same id that lives is among the open ones.
            return report if not report.is_refused_duplicate else await self._find_open(order)
        # How long the first route knows a finished order is not documented.
        path = CONSTANTS.ORDER_DETAIL_BY_CLIENT_ID_PATH.format(client_order_id=order.client_order_id)
        return parsers.latest_report(await self._get_if_known(path) or [])

    async def _find_open(self, order: InFlightOrder) -> Optional[OrderReport]:
        return (await self._connector.request_open_orders()).get(order.client_order_id)

    def doubt(self, order: InFlightOrder, delay: float = 0.0):
        """
        Looks the order up, because something contradicts the state it has.

        :param delay: seconds in which events may still explain it
        """
        self._doubtful.add(order.client_order_id)
        self.look_later(order, delay)

    def trust(self, order: InFlightOrder):
        """An event confirmed the state of the order."""
        self._doubtful.discard(order.client_order_id)

    def look_later(self, order: InFlightOrder, delay: float):
        """
        Looks the order up until its state is settled.

        :param delay: seconds to the first look, which is left out when events settle the state before
        """
        if self._is_stopped or order.client_order_id in self._tasks:
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(order.client_order_id)
        if timer is not None:
            if timer.when() <= loop.time() + delay:
                return
            timer.cancel()
        self._timers[order.client_order_id] = loop.call_later(delay, self._look, order)

    def is_settled(self, order: InFlightOrder) -> bool:
        """
        :return: False while nobody knows whether the order, or its cancellation, was executed
        """
        if not self._tracker.is_active(order) or self._tracker.is_closing(order):
            return True
        is_pending = order.is_pending_create or order.is_pending_cancel_confirmation
        return not is_pending and order.client_order_id not in self._doubtful

    def _look(self, order: InFlightOrder):
        del self._timers[order.client_order_id]
        if self.is_settled(order):
            self._doubtful.discard(order.client_order_id)
            return
        self._tasks[order.client_order_id] = safe_ensure_future(self._look_until_settled(order))

    async def _look_until_settled(self, order: InFlightOrder):
        try:
            await self._look_repeatedly(order)
        finally:
            # After a stop the order may have another task already.
            if self._tasks.get(order.client_order_id) is asyncio.current_task():
                del self._tasks[order.client_order_id]
                self._doubtful.discard(order.client_order_id)
                self._note_success(order.client_order_id)
                self._tracker.note_change()

    async def _look_repeatedly(self, order: InFlightOrder):
        denied_since: Optional[float] = None
        for pause in chain(self.PAUSES, repeat(self.PAUSES[-1])):
            if not self._connector.is_placing(order):
                try:
                    report = await self.find(order)
                except Exception as error:
                    self._note_failure(order.client_order_id, error)
                else:
                    self._note_success(order.client_order_id)
                    if report is not None:
                        denied_since = None
                        self._doubtful.discard(order.client_order_id)
                        self._note_silence(order, report)
                        self._connector.process_report(order, report, is_answer=True)
                    else:
                        denied_since = denied_since or time.monotonic()
                        if time.monotonic() - denied_since >= self.DENIAL:
                            await self._connector.order_denied(order)
                            return
            if self.is_settled(order):
                return
            await asyncio.sleep(pause)

    async def _get_if_known(self, path: str) -> Any:
        """
        :return: VALR's reply, None when it says that it does not know the order, or no longer its pair
        """
        try:
            return await self._connector._api_get(
                path_url=path, is_auth_required=True, limit_id=CONSTANTS.ORDER_LOOKUP_LIMIT)
        except ValrAPIError as error:
            # VALR's documentation shows 400 with code -1, another text of VALR speaks of 404.
            if error.is_rejection and (error.code in CONSTANTS.ORDER_DENIAL_CODES or error.status == 404):
                return None
            raise

    # === Fills ===

    def collect_fills(self):
        """Fetches, a moment later, the fills that are still missing then."""
        self._fills_wanted.set()
        if self._fills_task is None and not self._is_stopped:
            self._fills_task = safe_ensure_future(self._collect_fills())

    async def update_fills(self, orders: List[InFlightOrder], reported_at: float = 0.0):
        """
        Books the fills of these orders that are missing, with one request for all of them as long as one page of VALR's
        trade history holds what is missing.

        :param reported_at: see `ValrOrderTracker.process_history`
        :raises IOError, ValueError: when VALR did not answer, or not in a way that can be read
        """
        fills: Dict[str, List[Fill]] = {order.client_order_id: [] for order in orders}
        since = self._server_time_before(min(order.creation_timestamp for order in orders))
        params = {
            "limit": CONSTANTS.HISTORY_MAX_ROWS,
            "startTime": datetime.fromtimestamp(since, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        while True:
            page = await self._connector._api_get(
                path_url=CONSTANTS.TRADE_HISTORY_PATH, params=params, is_auth_required=True,
                limit_id=CONSTANTS.ACCOUNT_LIMIT)
            for row in page:
                exchange_order_id, client_order_id = parsers.order_ids(row)
                order = self._tracker.find(client_order_id, exchange_order_id)
                if order is not None and order.client_order_id in fills:
                    fills[order.client_order_id].append(parsers.fill(row))
            for order in orders:
                charged = [(fill, fee_of(fill)) for fill in fills[order.client_order_id]]
                self._tracker.process_history(order, charged, reported_at)
            is_last_page = len(page) < CONSTANTS.HISTORY_MAX_ROWS or page[-1].get("id") == params.get("beforeId")
            if is_last_page or all(self._tracker.is_complete(order) for order in orders):
                return
            params["beforeId"] = page[-1].get("id")

    async def _collect_fills(self):
        while True:
            await self._fills_wanted.wait()
            await asyncio.sleep(self.FILLS_GRACE)
            for pause in chain(self.FILLS_PAUSES, repeat(self.FILLS_PAUSES[-1])):
                self._fills_wanted.clear()
                orders = self._tracker.incomplete_orders()
                if not orders:
                    break
                await self._collect_fills_of(orders)
                self._report_missing_fills()
                if not self._tracker.incomplete_orders():
                    break
                await self._wait_for_demand(pause)
            self._note_success(self._FILLS)

    def _report_missing_fills(self):
        now = time.monotonic()
        self._incomplete_since = {order.client_order_id: self._incomplete_since.get(order.client_order_id, now)
                                  for order in self._tracker.incomplete_orders()}
        late = [client_order_id for client_order_id, since in self._incomplete_since.items()
                if now - since >= self.FILLS_PATIENCE]
        if late:
            self._incomplete_since.update(dict.fromkeys(late, inf))
            self.logger().warning(
                f"VALR's trade history does not show all fills of {', '.join(sorted(late))} yet. It is asked again.")

    async def _collect_fills_of(self, orders: List[InFlightOrder]):
        try:
            # No more is booked than VALR reports as executed, so the report has to be as new as the fills.
            asked_at = time.monotonic()
            fresh = [order for order in orders if self._tracker.is_closing(order) or await self._refresh(order)]
            if fresh:
                await self.update_fills(fresh, asked_at)
        except Exception as error:
            self._note_failure(self._FILLS, error)
        else:
            if len(fresh) == len(orders):
                self._note_success(self._FILLS)

    async def _wait_for_demand(self, pause: float):
        try:
            async with asyncio.timeout(pause):
                await self._fills_wanted.wait()
        except TimeoutError:
            return
        await asyncio.sleep(self.FILLS_GRACE)

    async def _refresh(self, order: InFlightOrder) -> bool:
        """
        :return: False when VALR's answer about this order is of no use
        :raises IOError: when VALR did not answer
        """
        try:
            report = await self.find(order)
        except (ValrAPIError, ValueError) as error:
            self._note_failure(self._FILLS, error)
            return False
        if report is not None:
            self._connector.process_report(order, report, is_answer=False)
        return True

    def _server_time_before(self, timestamp: float) -> float:
        """
        :param timestamp: seconds on this machine's clock
        :return: seconds on VALR's clock, certainly not later
        """
        return max(0.0, timestamp + min(0.0, self._connector.clock_offset) - self.CLOCK_MARGIN)

    def _note_silence(self, order: InFlightOrder, report: OrderReport):
        """Some say that VALR sends states of orders only to those who subscribe; it would show here."""
        if report.is_final and self._connector.user_stream_data_source.connected and not self._is_silence_told:
            self._is_silence_told = True
            self.logger().warning(
                f"VALR's account socket did not tell that the order {order.client_order_id} has ended. It was looked "
                f"up; should that happen to all orders, their ends are known some seconds late.")

    def _note_failure(self, subject: str, error: Exception):
        if not self._failing:
            reason = str(error) or type(error).__name__
            self.logger().warning(f"Orders cannot be looked up ({reason}). They stay as they are, and the looks go on.")
        self._failing.add(subject)

    def _note_success(self, subject: str):
        """VALR answered, or nothing has to be asked any more."""
        if subject in self._failing:
            self._failing.remove(subject)
            if not self._failing:
                self.logger().info("Orders can be looked up again.")
