"""The floor: what a verified book costs in Python at the very least, with each JSON decoder there is."""
import asyncio
import json
import zlib
from bisect import bisect_left
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Callable, Dict, List

import aiohttp
import ujson

from benchmarks.book_stream import CHECKSUM_DEPTH
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow

Loads = Callable[[str], Any]

try:
    import orjson
except ImportError:
    JSON_DECODERS: Dict[str, Loads] = {"json": json.loads, "ujson": ujson.loads}
else:
    JSON_DECODERS = {"json": json.loads, "ujson": ujson.loads, "orjson": orjson.loads}


class _FloorSide:
    __slots__ = ("sign", "keys", "texts")

    def __init__(self, sign: float, levels: List[List[str]]):
        self.sign = sign
        self.keys = [sign * float(price) for price, _ in levels]  # best first
        self.texts = [":".join(level) for level in levels]

    def apply(self, levels: List[List[str]], sequence: int, new=tuple.__new__, row=OrderBookRow) -> List[OrderBookRow]:
        keys, texts, sign = self.keys, self.texts, self.sign
        rows = []
        for price, quantity in levels:
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


class FloorBook:
    """
    Sequence, checksum over the wire strings, rows, `OrderBook.apply_diffs`, and nothing else. Both sides need 25 levels
    at any time.
    """

    def __init__(self, data: Dict[str, Any], order_book: OrderBook):
        self._order_book = order_book
        self._sequence = data["sq"]
        self._bids, self._asks = _FloorSide(-1.0, data["b"]), _FloorSide(1.0, data["a"])
        self._texts = [""] * (2 * CHECKSUM_DEPTH)
        self._texts[::2] = self._bids.texts[:CHECKSUM_DEPTH]
        self._texts[1::2] = self._asks.texts[:CHECKSUM_DEPTH]
        self._check(data["cs"])
        rows = [[OrderBookRow(float(price), float(quantity), self._sequence) for price, quantity in data[side]]
                for side in "ba"]
        order_book.apply_snapshot(*rows, self._sequence)

    def apply(self, data: Dict[str, Any]):
        sequence = data["sq"]
        if sequence != self._sequence + 1:
            raise ValueError(f"sequence {sequence} after {self._sequence}")
        self._sequence = sequence
        bids, asks = data["b"], data["a"]
        if bids:
            bids = self._bids.apply(bids, sequence)
            self._texts[::2] = self._bids.texts[:CHECKSUM_DEPTH]
        if asks:
            asks = self._asks.apply(asks, sequence)
            self._texts[1::2] = self._asks.texts[:CHECKSUM_DEPTH]
        self._check(data["cs"])
        self._order_book.apply_diffs(bids, asks, sequence)

    def _check(self, checksum: int):
        if zlib.crc32(":".join(self._texts).encode()) != checksum:
            raise ValueError(f"checksum wrong at {self._sequence}")


@asynccontextmanager
async def floor_feed(host: str, loads: Loads, create_book: Callable[[], OrderBook]) -> AsyncIterator[OrderBook]:
    """aiohttp's socket, the decoder and `FloorBook` in one loop."""
    book = create_book()
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://{host}/ws/trade") as socket:
        await socket.send_str(json.dumps({"type": "SUBSCRIBE", "subscriptions": [
            {"event": "OB_L1_DIFF", "pairs": ["BTCUSDT"]}]}))
        await socket.receive()  # SUBSCRIBED
        snapshot = loads((await socket.receive()).data)
        task = asyncio.ensure_future(_follow(socket, FloorBook(snapshot["d"], book), loads))
        try:
            yield book
        finally:
            task.cancel()


async def _follow(socket: aiohttp.ClientWebSocketResponse, floor_book: FloorBook, loads: Loads):
    receive, apply = socket.receive, floor_book.apply
    while True:
        message = await receive()
        frame = loads(message.data)
        if frame["type"] == "OB_L1_DIFF":
            apply(frame["d"])
