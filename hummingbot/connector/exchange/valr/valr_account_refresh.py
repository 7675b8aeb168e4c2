import asyncio
from itertools import chain, repeat
from typing import TYPE_CHECKING, Optional

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_troubles import ValrTroubles

if TYPE_CHECKING:
    from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange


class ValrAccountRefresh:
    """Reads balances, states of orders and fills over REST: regularly, and when events may have been missed."""

    FILLS = "the orders' fills"  # the subject of a trouble
    # Seconds from two balances of one millisecond, which may have come in the wrong order, to a request that tells.
    BALANCES_PAUSE = 2.0
    _ACCOUNT = "the account's balances and orders"

    def __init__(self, connector: "ValrExchange", troubles: ValrTroubles):
        self._connector = connector
        self._troubles = troubles
        self._is_gap_open = False
        self._gap_task: Optional[asyncio.Task] = None
        self._balances_task: Optional[asyncio.Task] = None

    @property
    def is_closing_gap(self) -> bool:
        return self._gap_task is not None and not self._gap_task.done()

    def stop(self):
        for task in (self._gap_task, self._balances_task):
            if task is not None:
                task.cancel()
        self._gap_task = self._balances_task = None

    async def refresh(self) -> bool:
        """
        :return: True when balances, states and fills are as VALR has them
        """
        results = await asyncio.gather(
            self._connector._update_balances(), self._connector._update_order_status(), return_exceptions=True)
        failures = [result for result in results if isinstance(result, Exception)]
        if failures:
            self._troubles.begin(self._ACCOUNT, failures[0])
        else:
            self._troubles.end(self._ACCOUNT)
        return not failures and not self._troubles.has(self.FILLS)

    def close_gap(self):
        """Reads the account until it is known again, because VALR repeats no event that was missed."""
        self._is_gap_open = True
        if not self.is_closing_gap:
            self._gap_task = asyncio.create_task(self._close_gaps())

    async def _close_gaps(self):
        while self._is_gap_open:
            self._is_gap_open = False
            for pause in chain(CONSTANTS.RETRY_PAUSES, repeat(CONSTANTS.RETRY_PAUSES[-1])):
                is_closed = await self.refresh()
                await self._connector._sleep(pause)
                if is_closed:
                    break

    def read_balances_soon(self):
        if self._balances_task is None or self._balances_task.done():
            self._balances_task = asyncio.create_task(self._read_balances_soon())

    async def _read_balances_soon(self):
        await self._connector._sleep(self.BALANCES_PAUSE)
        try:
            await self._connector._update_balances()
        except Exception as error:
            self._connector.logger().debug(f"The balances could not be read: {error}")
