import asyncio
import time
from typing import Any, Dict, List

from benchmarks.comparison import FigureVoid
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow

POLL_INTERVAL = 0.002  # seconds
STALL_LIMIT = 10.0  # seconds without progress


async def wait_for_sequence(order_book: OrderBook, sequence: int):
    """
    Waits until the update with this sequence number has been applied.

    :raises FigureVoid: when the book stands still before that
    """
    progress, deadline = order_book.last_diff_uid, time.perf_counter() + STALL_LIMIT
    while order_book.last_diff_uid < sequence:
        await asyncio.sleep(POLL_INTERVAL)
        if order_book.last_diff_uid != progress:
            progress, deadline = order_book.last_diff_uid, time.perf_counter() + STALL_LIMIT
        elif time.perf_counter() > deadline:
            raise FigureVoid(f"the book stopped at update {progress}, before {sequence}")


def check_final_book(order_book: OrderBook, expected: Dict[str, Any]):
    """
    :param expected: the server's `final_book`
    :raises FigureVoid: when a level is missing, left over, or has another quantity
    """
    for side, entries in (("bids", order_book.bid_entries()), ("asks", order_book.ask_entries())):
        found, wanted = _levels(list(entries)), [(float(price), float(quantity)) for price, quantity in expected[side]]
        if found != wanted:
            wrong = set(found) ^ set(wanted)
            raise FigureVoid(f"{len(wrong)} differences in the {side}, for example {sorted(wrong)[0]}")


def _levels(rows: List[OrderBookRow]):
    return [(row.price, row.amount) for row in rows]
