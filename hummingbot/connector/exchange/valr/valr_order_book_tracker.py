import math
import time
from typing import List, Optional

from hummingbot.connector.exchange.valr.valr_api_order_book_data_source import ValrAPIOrderBookDataSource
from hummingbot.core.data_type.order_book_tracker import OrderBookTracker, OrderBookTrackerMetrics
from hummingbot.core.utils.async_utils import safe_ensure_future, safe_gather


class ValrOrderBookTracker(OrderBookTracker):
    """
    Hummingbot's tracker for order books that their data source keeps up to date itself. The base class moves every
    frame through three queues, and replays diffs that are older than a snapshot over it, which leaves levels in the
    book that do not exist.
    """

    # VALR allows 30 requests a minute to all its public routes together.
    LAST_PRICE_INTERVAL = 60.0  # seconds
    # A book without a trade for so long gets its last price from REST; the base class has the same limit.
    QUIET_AGE = 180.0  # seconds

    def __init__(self, data_source: ValrAPIOrderBookDataSource, trading_pairs: List[str], domain: Optional[str] = None):
        super().__init__(data_source, trading_pairs, domain)

    @property
    def metrics(self) -> OrderBookTrackerMetrics:
        """The base class counts what passes its queues; here the data source counts what it applies."""
        self._metrics = self._data_source.metrics
        return self._metrics

    def start(self):
        """The base class also starts the tasks of its queues."""
        self.stop()
        self.metrics.tracker_start_time = time.perf_counter()
        self._init_order_books_task = safe_ensure_future(self._init_order_books())
        self._order_book_stream_listener_task = safe_ensure_future(self._data_source.listen_for_subscriptions())
        self._update_last_trade_prices_task = safe_ensure_future(self._update_last_trade_prices_loop())

    def stop(self):
        """The base class cancels the tasks; the books must also stop being verified at once."""
        super().stop()
        self._order_book_stream_listener_task = None
        self._data_source.stop()

    async def add_trading_pair(self, trading_pair: str) -> bool:
        """The base class waits for all other books first, and starts a queue for the new one."""
        if trading_pair in self._trading_pairs:
            self.logger().warning(f"Trading pair {trading_pair} is already being tracked")
            return False
        if not await self._data_source.subscribe_to_trading_pair(trading_pair):
            return False
        await self._init_order_book(trading_pair)
        if trading_pair not in self._trading_pairs:  # the list may be the one of the data source
            self._trading_pairs.append(trading_pair)
        self.logger().info(f"Successfully added trading pair {trading_pair} to order book tracker")
        return True

    async def remove_trading_pair(self, trading_pair: str) -> bool:
        """The base class cannot remove a pair whose first order book never came."""
        if not await self._data_source.unsubscribe_from_trading_pair(trading_pair):
            self.logger().warning(f"Trading pair {trading_pair} is not being tracked")
            return False
        self._order_books.pop(trading_pair, None)
        if trading_pair in self._trading_pairs:
            self._trading_pairs.remove(trading_pair)
        self.logger().info(f"Successfully removed trading pair {trading_pair} from order book tracker")
        return True

    async def _init_order_books(self):
        """The base class takes one pair after the other and sleeps a second after each."""
        await safe_gather(*(self._init_order_book(trading_pair) for trading_pair in self._trading_pairs))
        self._order_books_initialized.set()

    async def _init_order_book(self, trading_pair: str):
        try:
            self._order_books[trading_pair] = await self._initial_order_book_for_trading_pair(trading_pair)
        except ValueError:
            pass  # removed before its first book came

    async def _update_last_trade_prices_loop(self):
        """The base class asks every 5 seconds, too often for VALR, and stumbles over a pair removed meanwhile."""
        await self._order_books_initialized.wait()
        while True:
            try:
                await self._update_last_trade_prices()
            except Exception as error:
                self.logger().network(f"The last trade prices could not be updated ({error}).")
            await self._sleep(self.LAST_PRICE_INTERVAL)

    async def _update_last_trade_prices(self):
        quiet = [trading_pair for trading_pair, order_book in self._order_books.items()
                 if order_book.last_applied_trade < time.perf_counter() - self.QUIET_AGE]
        if not quiet:
            return
        prices = await self._data_source.get_last_traded_prices(quiet, self._domain)
        for trading_pair, price in prices.items():
            order_book = self._order_books.get(trading_pair)
            if order_book is not None and not math.isnan(price):
                order_book.last_trade_price = price
                order_book.last_trade_price_rest_updated = time.perf_counter()
