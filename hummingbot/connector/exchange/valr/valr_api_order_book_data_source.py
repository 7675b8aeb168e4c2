import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Dict, List, Optional

import aiohttp

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.exchange.valr.valr_errors import reason_of
from hummingbot.connector.exchange.valr.valr_tracked_book import TrackedBook
from hummingbot.connector.exchange.valr.valr_trade_feed import ValrTradeFeed, ValrTradeSocketFactory
from hummingbot.connector.exchange.valr.valr_trade_socket import aggregated_rows
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_message import OrderBookMessage, OrderBookMessageType
from hummingbot.core.data_type.order_book_tracker import OrderBookTrackerMetrics
from hummingbot.core.data_type.order_book_tracker_data_source import OrderBookTrackerDataSource
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory
from hummingbot.logger import HummingbotLogger

if TYPE_CHECKING:
    from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange


@dataclass
class MarketDataCounters:
    """Market data since the connector was created, for a person to read."""
    frames: int = 0  # verified frames that changed a served book
    snapshots: int = 0
    trades: int = 0
    repeated_trades: int = 0
    gaps: int = 0
    checksum_failures: int = 0
    other_faults: int = 0
    resyncs: int = 0
    longest_resync: float = 0.0  # seconds
    reconnects: int = 0
    feeds: Dict[str, str] = field(default_factory=dict)  # trading pair -> event its book comes from
    unverified: Dict[str, str] = field(default_factory=dict)  # trading pair -> reason

    def add(self, book: TrackedBook):
        self.frames += book.metrics.diffs_processed
        self.snapshots += book.metrics.snapshots_processed
        self.trades += book.metrics.trades_processed
        self.repeated_trades += book.faults.repeated_trades
        self.gaps += book.faults.gaps
        self.checksum_failures += book.faults.checksum_failures
        self.other_faults += book.faults.other_faults
        self.resyncs += book.faults.resyncs
        self.longest_resync = max(self.longest_resync, book.faults.longest_resync)


class ValrAPIOrderBookDataSource(OrderBookTrackerDataSource):
    """
    Market data from VALR's trade socket: verified order books and public trades.

    The base class hands messages to the tracker through queues. Here every frame is verified and applied to the
    `OrderBook` where it is received, so nothing is queued and nothing older can be replayed over a snapshot.
    """

    # Up to 20 pairs on a socket are no concern, the upper bound is not known.
    PAIRS_PER_SOCKET = 50
    # After this long without a book from the socket, one is taken from REST.
    SOCKET_BOOK_TIMEOUT = 10.0  # seconds

    _logger: Optional[HummingbotLogger] = None

    def __init__(self,
                 trading_pairs: List[str],
                 connector: "ValrExchange",
                 api_factory: WebAssistantsFactory,
                 domain: str = CONSTANTS.DEFAULT_DOMAIN,
                 auth: Optional[ValrAuth] = None):
        """
        :param auth: signer of the handshakes; None when there are no keys
        """
        super().__init__(trading_pairs)
        self._connector = connector
        self._api_factory = api_factory
        self._domain = domain
        self._auth = auth
        self._books: Dict[str, TrackedBook] = {}
        self._sockets: Optional[ValrTradeSocketFactory] = None  # while listening
        self._tasks: Optional[asyncio.TaskGroup] = None  # while listening
        self._feeds: Dict[ValrTradeFeed, asyncio.Task] = {}
        self._metrics = OrderBookTrackerMetrics()
        self._past = MarketDataCounters()  # of removed pairs and ended connections

    @property
    def books_verified(self) -> bool:
        """True while every trading pair has an order book that is verified and alive."""
        return all(pair in self._books and self._books[pair].is_verified for pair in self._trading_pairs)

    def counters(self) -> MarketDataCounters:
        self._count_diffs()
        counters = replace(self._past, feeds={}, unverified={})
        counters.reconnects += sum(feed.reconnects for feed in self._feeds)
        for book in self._books.values():
            counters.add(book)
        for trading_pair in self._trading_pairs:
            tracked = self._books.get(trading_pair)
            counters.feeds[trading_pair] = tracked and tracked.feed or "none"
            if tracked is None or not tracked.is_verified:
                counters.unverified[trading_pair] = tracked.reason if tracked else "not started"
        return counters

    @property
    def metrics(self) -> OrderBookTrackerMetrics:
        """Hummingbot's own metrics. The pairs count for themselves, and the totals are taken when somebody asks."""
        totals = self.counters()
        self._metrics.total_diffs_processed = totals.frames
        self._metrics.total_snapshots_processed = totals.snapshots
        self._metrics.total_trades_processed = totals.trades
        return self._metrics

    def _count_diffs(self):
        for feed in self._feeds:
            feed.count_diffs()

    # === Life cycle ===

    async def listen_for_subscriptions(self):
        """
        The base class keeps one socket for all pairs, with a fixed delay and a traceback on trouble. Here each group of
        pairs has its own, and what is to be expected of sockets does not come up to here.
        """
        while True:
            try:
                await self._keep_feeds()
            except Exception:
                self.logger().exception("Unexpected error in VALR's market data. It is started anew in 5 seconds.")
                await self._sleep(5.0)

    async def _keep_feeds(self):
        self.stop()
        tasks = None
        try:
            async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
                await self._wait_for_symbols()
                books = [await self._resolve(trading_pair) for trading_pair in dict.fromkeys(self._trading_pairs)]
                sockets = ValrTradeSocketFactory(
                    session, self._api_factory.throttler, self._auth, self._domain, self.logger())
                self._tasks, self._sockets = tasks, sockets
                for book in filter(None, books):
                    self._assign(book, sockets, tasks)
                await asyncio.get_running_loop().create_future()
        finally:
            if self._tasks is tasks:
                self.stop()

    def stop(self):
        """
        Takes the verification from all books at once. The connections end with the task of `listen_for_subscriptions`,
        and change no book any more.
        """
        for feed in list(self._feeds):
            self._drop(feed)
        self._tasks = None
        self._sockets = None
        for book in self._books.values():
            book.initialised.clear()
            book.answered.clear()

    async def listen_for_order_book_diffs(self, ev_loop: asyncio.AbstractEventLoop, output: asyncio.Queue):
        """The base class reads a queue here. Diffs are applied where they are received."""

    async def listen_for_order_book_snapshots(self, ev_loop: asyncio.AbstractEventLoop, output: asyncio.Queue):
        """
        The base class reads a queue here and asks REST for snapshots once an hour. Snapshots come from the socket, and
        the REST book has sequence numbers of its own.
        """

    async def listen_for_trades(self, ev_loop: asyncio.AbstractEventLoop, output: asyncio.Queue):
        """The base class reads a queue here. Trades are applied where they are received."""

    # === Order books ===

    async def get_new_order_book(self, trading_pair: str) -> OrderBook:
        """
        The base class makes an order book from a REST snapshot. Here it is the order book that the socket keeps up to
        date, as soon as there is one.

        :raises ValueError: when the pair is removed before
        """
        tracked = self._book(trading_pair)
        if self._auth is not None:
            try:
                async with asyncio.timeout(self.SOCKET_BOOK_TIMEOUT):
                    await tracked.initialised.wait()
            except TimeoutError:
                await self._serve_rest_book(tracked)
        await tracked.initialised.wait()
        if self._books.get(trading_pair) is not tracked:
            raise ValueError(f"{trading_pair} is not tracked any more.")
        return tracked.order_book

    async def _serve_rest_book(self, tracked: TrackedBook):
        try:
            message = await self._order_book_snapshot(tracked.trading_pair)
        except Exception as error:
            self.logger().warning(
                f"No order book of {tracked.trading_pair} from the socket, nor from REST ({reason_of(error)}).")
            return
        if not tracked.initialised.is_set():
            tracked.serve((message.bids, message.asks, message.update_id), CONSTANTS.ORDER_BOOK_PATH)
            self.logger().warning(
                f"No order book of {tracked.trading_pair} from the socket yet. It is taken from REST, not verified.")

    async def _order_book_snapshot(self, trading_pair: str) -> OrderBookMessage:
        """VALR's signed order book, at most a second old. The public one may be 30 seconds old and is never used."""
        symbol = await self._connector.exchange_symbol_associated_to_pair(trading_pair)
        data = await self._connector._api_get(
            path_url=CONSTANTS.ORDER_BOOK_PATH.format(symbol=symbol),
            is_auth_required=True,
            limit_id=CONSTANTS.ORDER_BOOK_PATH,
        )
        bids, asks, update_id = aggregated_rows(data)
        content = {"trading_pair": trading_pair, "update_id": update_id, "bids": bids, "asks": asks}
        return OrderBookMessage(OrderBookMessageType.SNAPSHOT, content, time.time())

    async def get_last_traded_prices(self, trading_pairs: List[str], domain: Optional[str] = None) -> Dict[str, float]:
        """
        :return: the last price of each pair that was traded, in quote per base
        """
        return await self._connector.get_last_traded_prices(trading_pairs)

    # === Trading pairs ===

    async def subscribe_to_trading_pair(self, trading_pair: str) -> bool:
        """
        Adds a pair and waits for its order book.

        :return: False when VALR does not have the pair or sends no book of it; nothing is left of it then
        """
        tracked = await self._resolve(trading_pair)
        if tracked is None:
            self._forget(trading_pair)
            return False
        if self._sockets is None or self._tasks is None:
            self.logger().warning(f"Cannot subscribe to {trading_pair}: the market data is not started.")
            self._forget(trading_pair)
            return False
        self._assign(tracked, self._sockets, self._tasks)
        try:
            async with asyncio.timeout(self.SOCKET_BOOK_TIMEOUT):
                await tracked.answered.wait()
        except TimeoutError:
            self.logger().warning(f"VALR sent no order book of {trading_pair} within {self.SOCKET_BOOK_TIMEOUT:g} s.")
        if not tracked.initialised.is_set():
            self._forget(trading_pair)
            return False
        self.add_trading_pair(trading_pair)
        return True

    async def unsubscribe_from_trading_pair(self, trading_pair: str) -> bool:
        self.remove_trading_pair(trading_pair)
        return self._forget(trading_pair)

    def _forget(self, trading_pair: str) -> bool:
        tracked = self._books.pop(trading_pair, None)
        if tracked is None:
            return False
        feed = next((feed for feed in self._feeds if tracked in feed.books), None)
        if feed is not None:
            feed.remove(tracked)
            if not feed.books:
                self._drop(feed)
        tracked.source = None
        tracked.initialised.set()  # for those who wait; see get_new_order_book
        self._past.add(tracked)
        self._metrics.remove_pair_metrics(trading_pair)
        return True

    def _book(self, trading_pair: str) -> TrackedBook:
        if trading_pair not in self._books:
            self._books[trading_pair] = TrackedBook(
                trading_pair=trading_pair,
                order_book=self.order_book_create_function(),
                metrics=self._metrics,
            )
        return self._books[trading_pair]

    async def _wait_for_symbols(self):
        delay = CONSTANTS.RECONNECT_MIN_DELAY
        while not await self._connector.trading_pair_symbol_map():
            await self._sleep(delay)
            delay = min(2 * delay, CONSTANTS.RECONNECT_MAX_DELAY)

    async def _resolve(self, trading_pair: str) -> Optional[TrackedBook]:
        tracked = self._book(trading_pair)
        try:
            tracked.symbol = await self._connector.exchange_symbol_associated_to_pair(trading_pair)
        except KeyError:
            tracked.reason = "VALR has no active spot pair of this name"
            self.logger().error(f"VALR has no active spot pair {trading_pair}. Remove it from the trading pairs or "
                                f"correct it; the other pairs are not affected.")
            return None
        return tracked

    def _assign(self, tracked: TrackedBook, sockets: ValrTradeSocketFactory, tasks: asyncio.TaskGroup):
        feed = next((feed for feed in self._feeds if len(feed.books) < self.PAIRS_PER_SOCKET), None)
        if feed is None:
            feed = ValrTradeFeed(sockets, self.logger())
            self._feeds[feed] = tasks.create_task(feed.run())
        feed.add(tracked)

    def _drop(self, feed: ValrTradeFeed):
        feed.release("stopped")
        self._past.reconnects += feed.reconnects
        self._feeds.pop(feed).cancel()
