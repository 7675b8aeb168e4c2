"""
Book feeds that can be compared: each yields a Hummingbot `OrderBook` that holds the snapshot of the replay server and
follows whatever the server then sends.
"""
import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import AsyncContextManager, AsyncIterator, Callable, Dict

from benchmarks.floor import JSON_DECODERS, floor_feed
from benchmarks.peers import PAIR, PEERS
from benchmarks.replay_client import ReplayClient
from benchmarks.valr import valr_market_data
from hummingbot.connector.exchange_py_base import ExchangePyBase
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_tracker import OrderBookTracker
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

READY_TIMEOUT = 60.0  # seconds

CreateBook = Callable[[], OrderBook]
Feed = Callable[[CreateBook], AsyncContextManager[OrderBook]]

CCXT = "ccxt.pro binance"
# The decoder VALR's connector takes: orjson when it is there, else ujson, which Hummingbot installs.
VALR_DECODER = "orjson" if "orjson" in JSON_DECODERS else "ujson"


def replayed_exchange(feed_name: str) -> str:
    """:return: the exchange whose wire format the feed of this name reads"""
    if feed_name in PEERS:
        return feed_name
    return "binance" if feed_name == CCXT else "valr"


def book_feeds(server: ReplayClient) -> Dict[str, Feed]:
    """
    :return: name -> feed: every in-tree connector (see `point_peers_at`), VALR's, and the floor with each JSON decoder
        there is
    """
    feeds: Dict[str, Feed] = {name: partial(_tracker_feed, peer.connector) for name, peer in PEERS.items()}
    feeds["valr"] = partial(_tracker_feed, partial(valr_market_data, server.url, {"BTCUSDT": PAIR}))
    for name, loads in JSON_DECODERS.items():
        feeds[f"floor {name}"] = partial(floor_feed, server.host, loads)
    return feeds


@asynccontextmanager
async def _tracker_feed(create_connector: Callable[[], ExchangePyBase],
                        create_book: CreateBook) -> AsyncIterator[OrderBook]:
    async with running_tracker(create_connector(), create_book) as tracker:
        yield tracker.order_books[PAIR]


@asynccontextmanager
async def running_tracker(connector: ExchangePyBase,
                          create_book: CreateBook = OrderBook) -> AsyncIterator[OrderBookTracker]:
    """
    Runs a connector's own order book tracker and data source, the rest of the connector at rest, from when all books
    are there.
    """
    tracker = connector.order_book_tracker
    tracker.data_source.order_book_create_function = create_book
    tracker.start()
    try:
        await asyncio.wait_for(tracker.wait_ready(), READY_TIMEOUT)
        yield tracker
    finally:
        tracker.stop()
        await asyncio.sleep(0.01)  # lets the cancelled tasks close their sockets
        await ConnectionsFactory().close()
