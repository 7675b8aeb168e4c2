import asyncio
from typing import List

from hummingbot.connector.exchange.valr.valr_errors import ValrOutcomeUnknown
from hummingbot.connector.exchange.valr.valr_order_entry import Placement, PlaceOrder, ValrOrderEntry


class ValrPlacementBatch:
    """
    Orders that are placed with as few requests as VALR allows. Each of them is prepared, checked and followed by itself
    like any other order; only the sending is done for all at once.
    """

    def __init__(self, order_entry: ValrOrderEntry):
        self._order_entry = order_entry
        self._orders: List[PlaceOrder] = []
        self._placements: List[asyncio.Future] = []

    async def place(self, order: PlaceOrder) -> Placement:
        """Waits for the batch to be sent, and then returns or raises like a single placement."""
        placement = asyncio.get_running_loop().create_future()
        self._orders.append(order)
        self._placements.append(placement)
        return await placement

    async def send(self):
        try:
            outcomes = await self._order_entry.place_batch(self._orders)
        except Exception as error:
            outcomes = [ValrOutcomeUnknown(str(error))] * len(self._orders)
        for placement, outcome in zip(self._placements, outcomes):
            if isinstance(outcome, Exception):
                placement.set_exception(outcome)
            else:
                placement.set_result(outcome)
