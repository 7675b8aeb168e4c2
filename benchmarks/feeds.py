"""
Book feeds that can be compared: each yields a Hummingbot `OrderBook` that holds the snapshot of the replay server and
follows whatever the server then sends.
"""
import asyncio
import json
import zlib
from bisect import bisect_left
from contextlib import asynccontextmanager
from typing import Any, AsyncContextManager, AsyncIterator, Callable, Dict, List

import aiohttp
import ujson

from benchmarks.peers import PAIR, PEERS, point_peers_at
from benchmarks.replay_client import ReplayClient
from benchmarks.valr import valr_market_data
from hummingbot.connector.exchange_py_base import ExchangePyBase
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow
from hummingbot.core.data_type.order_book_tracker import OrderBookTracker
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

READY_TIMEOUT = 60.0  # seconds

CreateBook = Callable[[], OrderBook]
Feed = Callable[[CreateBook], AsyncContextManager[OrderBook]]


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


@asynccontextmanager
async def tracker_feed(connector: ExchangePyBase, create_book: CreateBook) -> AsyncIterator[OrderBook]:
    async with running_tracker(connector, create_book) as tracker:
        yield tracker.order_books[PAIR]


try:
    import orjson
except ImportError:
    orjson = None


def book_feeds(server: ReplayClient) -> Dict[str, Feed]:
    """
    :return: name -> feed: every in-tree connector, VALR's, and the floor with each JSON decoder there is
    """
    point_peers_at(server.host)
    feeds: Dict[str, Feed] = {
        name: (lambda create_book, peer=peer: tracker_feed(peer.connector(), create_book))
        for name, peer in PEERS.items()}
    feeds["valr"] = lambda create_book: tracker_feed(valr_market_data(server.url, {"BTCUSDT": PAIR}), create_book)
    for name, loads in json_decoders().items():
        feeds[f"floor {name}"] = floor_feed(server, loads)
    return feeds


def json_decoders() -> Dict[str, Callable[[str], Any]]:
    """:return: name -> decoder, of those that are installed"""
    decoders = {"json": json.loads, "ujson": ujson.loads}
    return {**decoders, "orjson": orjson.loads} if orjson else decoders


def feed_json_name() -> str:
    """:return: the decoder VALR's connector uses: orjson when it is there, else ujson, which Hummingbot installs"""
    return "orjson" if orjson else "ujson"


class FloorBook:
    """The least that a verified book costs in Python: sequence, checksum over the wire strings, rows, nothing else."""

    def __init__(self, data: Dict[str, Any], order_book: OrderBook):
        self._order_book = order_book
        self._sequence = data["sq"]
        self._ask_keys, self._ask_texts = [float(row[0]) for row in data["a"]], [":".join(row) for row in data["a"]]
        self._bid_keys, self._bid_texts = [-float(row[0]) for row in data["b"]], [":".join(row) for row in data["b"]]
        self._texts: List[str] = [""] * 50
        self._texts[::2], self._texts[1::2] = self._bid_texts[:25], self._ask_texts[:25]
        self._check(data)
        order_book.apply_snapshot(
            [OrderBookRow(float(price), float(quantity), self._sequence) for price, quantity in data["b"]],
            [OrderBookRow(float(price), float(quantity), self._sequence) for price, quantity in data["a"]],
            self._sequence)

    def apply(self, data: Dict[str, Any]):
        sequence = data["sq"]
        if sequence != self._sequence + 1:
            raise ValueError(f"sequence {sequence} after {self._sequence}")
        self._sequence = sequence
        bids, asks = data["b"], data["a"]
        if bids:
            bids = self._rows(self._bid_keys, self._bid_texts, -1.0, bids, sequence)
            self._texts[::2] = self._bid_texts[:25]
        if asks:
            asks = self._rows(self._ask_keys, self._ask_texts, 1.0, asks, sequence)
            self._texts[1::2] = self._ask_texts[:25]
        self._check(data)
        self._order_book.apply_diffs(bids, asks, sequence)

    def _check(self, data: Dict[str, Any]):
        if zlib.crc32(":".join(self._texts).encode()) != data["cs"]:
            raise ValueError(f"checksum wrong at {self._sequence}")

    @staticmethod
    def _rows(keys, texts, sign, changes, sequence, new=tuple.__new__, row=OrderBookRow) -> List[OrderBookRow]:
        rows = []
        for price, quantity in changes:
            value = float(price)
            key = value * sign
            index = bisect_left(keys, key)
            if index < len(keys) and keys[index] == key:
                if quantity == "0":
                    del keys[index], texts[index]
                else:
                    texts[index] = f"{price}:{quantity}"
            elif quantity != "0":
                keys.insert(index, key)
                texts.insert(index, f"{price}:{quantity}")
            rows.append(new(row, (value, float(quantity), sequence)))
        return rows


def floor_feed(server: ReplayClient, loads: Callable[[str], Any]) -> Feed:
    """
    :param loads: the JSON decoder
    :return: aiohttp's socket, the decoder and `FloorBook` in one loop
    """
    @asynccontextmanager
    async def feed(create_book: CreateBook) -> AsyncIterator[OrderBook]:
        book = create_book()
        async with aiohttp.ClientSession() as session:
            socket = await session.ws_connect(f"ws://{server.host}/ws/trade")
            await socket.send_str(json.dumps({"type": "SUBSCRIBE", "subscriptions": [
                {"event": "OB_L1_DIFF", "pairs": ["BTCUSDT"]}]}))
            await socket.receive()  # SUBSCRIBED
            snapshot = loads((await socket.receive()).data)
            task = asyncio.ensure_future(_follow(socket, FloorBook(snapshot["d"], book), loads))
            try:
                yield book
            finally:
                task.cancel()
    return feed


async def _follow(socket: aiohttp.ClientWebSocketResponse, floor_book: FloorBook, loads: Callable[[str], Any]):
    receive, apply = socket.receive, floor_book.apply
    while True:
        message = await receive()
        frame = loads(message.data)
        if frame["type"] == "OB_L1_DIFF":
            apply(frame["d"])
