"""ccxt.pro's binance order book, where ccxt is installed. It is no part of Hummingbot and shown for comparison only."""
import asyncio
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Iterator, List

from hummingbot.core.data_type.order_book_row import OrderBookRow

try:
    import ccxt.pro as ccxt
except ImportError:
    ccxt = None

SYMBOL = "BTC/USDT"
MARKET = {
    "id": "BTCUSDT", "lowercaseId": "btcusdt", "symbol": SYMBOL, "base": "BTC", "quote": "USDT", "baseId": "BTC",
    "quoteId": "USDT", "type": "spot", "spot": True, "active": True, "contract": False, "option": False}


class CcxtBook:
    """What the checks ask of an order book, answered from ccxt's."""

    def __init__(self, book: Any):
        self._book = book

    @property
    def last_diff_uid(self) -> int:
        return self._book["nonce"]

    def bid_entries(self) -> Iterator[OrderBookRow]:
        return self._rows(self._book["bids"])

    def ask_entries(self) -> Iterator[OrderBookRow]:
        return self._rows(self._book["asks"])

    @staticmethod
    def _rows(levels: List[List[float]]) -> Iterator[OrderBookRow]:
        return (OrderBookRow(price, amount, 0) for price, amount in levels)


@asynccontextmanager
async def ccxt_feed(host: str, _: Any) -> AsyncIterator[CcxtBook]:
    exchange = ccxt.binance({"newUpdates": False})
    exchange.set_markets([exchange.safe_market_structure(MARKET)])
    exchange.urls["api"]["public"] = f"http://{host}/binance/api/v3"
    exchange.urls["api"]["ws"]["spot"] = f"ws://{host}/binance/stream"
    book = await exchange.watch_order_book(SYMBOL)
    task = asyncio.ensure_future(_watch(exchange))
    try:
        yield CcxtBook(book)
    finally:
        task.cancel()
        await exchange.close()


async def _watch(exchange: Any):
    while True:
        await exchange.watch_order_book(SYMBOL)
