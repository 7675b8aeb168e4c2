import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError
from hummingbot.logger import HummingbotLogger

if TYPE_CHECKING:
    from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange


class ValrAccountPolling:
    """
    Asks for trades, open orders and balances over REST and turns the answers into frames like those of the account
    socket: the same types, with REST rows under `data`, whose field names differ (see `valr_parsers`).

    One object serves one period without a socket: its first round tells all that VALR shows, the later ones what is
    new. Three requests each round, which is 60 of the 1,200 a minute that VALR allows.
    """

    INTERVAL = 3.0  # seconds; a fill has to be known within 5
    # A key or an address that VALR does not accept will hardly be accepted 3 s later.
    REFUSED_INTERVAL = 60.0  # seconds
    # 100 trades a page: more than one round can bring, and a bound should the pages never meet.
    MAX_OLDER_PAGES = 10

    _logger: Optional[HummingbotLogger] = None

    def __init__(self, connector: "ValrExchange", emit: Callable[[Dict[str, Any]], None]):
        """
        :param connector: whose REST requests are used
        :param emit: takes each frame
        """
        self._connector = connector
        self._emit = emit
        self._known_trade_ids: Set[Any] = set()
        self._known_balances: Dict[Any, Dict[str, Any]] = {}
        self._is_failing = False

    @classmethod
    def logger(cls) -> HummingbotLogger:
        if cls._logger is None:
            cls._logger = logging.getLogger(HummingbotLogger.logger_name_for_class(cls))
        return cls._logger

    async def run(self):
        """Polls until it is cancelled. A failure that lasts is logged once when it starts and once when it ends."""
        while True:
            results = await asyncio.gather(
                self._poll_trades(), self._poll_open_orders(), self._poll_balances(), return_exceptions=True)
            failures = [result for result in results if isinstance(result, Exception)]
            self._report(failures)
            await asyncio.sleep(max(map(self._pause_after, failures), default=self.INTERVAL))

    async def _poll_trades(self):
        rows = await self._rows(CONSTANTS.TRADE_HISTORY_PATH, {"limit": CONSTANTS.HISTORY_MAX_ROWS})
        if self._known_trade_ids:
            rows += await self._older_trades(rows)
        new = [row for row in rows if row.get("id") not in self._known_trade_ids]
        self._known_trade_ids = {row.get("id") for row in rows}
        # VALR lists the newest first.
        for row in reversed(new):
            self._emit({"type": CONSTANTS.ACCOUNT_TRADE_EVENT, "data": row})

    async def _older_trades(self, page: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
        """:return: the trades before those of `page`, back to a page with a known one"""
        older: List[Dict[str, Any]] = []
        for _ in range(self.MAX_OLDER_PAGES):
            if len(page) < CONSTANTS.HISTORY_MAX_ROWS or any(row.get("id") in self._known_trade_ids for row in page):
                break
            params = {"limit": CONSTANTS.HISTORY_MAX_ROWS, "beforeId": page[-1].get("id")}
            page = await self._rows(CONSTANTS.TRADE_HISTORY_PATH, params)
            older += page
        return older

    async def _poll_open_orders(self):
        rows = await self._rows(CONSTANTS.OPEN_ORDERS_PATH)
        self._emit({"type": CONSTANTS.OPEN_ORDERS_EVENT, "data": rows})

    async def _poll_balances(self):
        # All balances, because an asset that was spent is missing in a list without the zeros.
        for row in await self._rows(CONSTANTS.BALANCES_PATH):
            currency = row.get("currency")
            if self._known_balances.get(currency) != row:
                self._known_balances[currency] = row
                self._emit({"type": CONSTANTS.BALANCE_EVENT, "data": row})

    async def _rows(self, path: str, params: Optional[Dict[str, Any]] = None) -> List[Dict[str, Any]]:
        reply = await self._connector._api_get(
            path_url=path, params=params, is_auth_required=True, limit_id=CONSTANTS.ACCOUNT_LIMIT)
        if not isinstance(reply, list) or not all(isinstance(row, dict) for row in reply):
            raise ValueError(f"VALR's reply to GET {path} is not a list of objects")
        return reply

    def _pause_after(self, failure: Exception) -> float:
        """:return: seconds until the next round"""
        if not isinstance(failure, ValrAPIError):
            return self.INTERVAL
        if failure.status == 429:
            # VALR counts by the minute of the clock.
            return failure.retry_after or 60 - time.time() % 60
        return self.REFUSED_INTERVAL if failure.status in (401, 403) else self.INTERVAL

    def _report(self, failures: List[Exception]):
        if failures and not self._is_failing:
            reason = str(failures[0]) or type(failures[0]).__name__
            self.logger().warning(f"Polling the account over REST fails ({reason}). It goes on.")
        elif self._is_failing and not failures:
            self.logger().info("Polling the account over REST works again.")
        self._is_failing = bool(failures)
