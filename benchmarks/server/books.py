import asyncio
import json
import time
from functools import lru_cache
from typing import Any, Dict, List

from benchmarks.book_stream import BookStream
from benchmarks.server.protocol import Connection, text_frame
from benchmarks.wire import DIFFS, rest_replies, valr_snapshot

CHUNK = 1 << 16  # bytes per write when flooding
PAIR = "BTCUSDT"


class BookReplay:
    """Sends the same book stream to whichever exchange's data source is connected, in that exchange's wire format."""

    def __init__(self, stream: BookStream):
        self.stream = stream
        self.replies = {
            **rest_replies(stream.snapshot),
            "/kucoin/api/v1/bullet-public": {"data": {
                "token": "t", "instanceServers": [{"endpoint": "", "pingInterval": 18_000}]}},
        }
        self._sockets: Dict[str, Connection] = {}
        self._task = None
        self._times: List[float] = []

    def listen_on(self, port: int):
        """KuCoin's clients ask over REST where the socket is."""
        server = self.replies["/kucoin/api/v1/bullet-public"]["data"]["instanceServers"][0]
        server["endpoint"] = f"ws://127.0.0.1:{port}/kucoin/ws"

    def on_open(self, connection: Connection):
        exchange = "valr" if connection.path == "/ws/trade" else connection.path.split("/")[1]
        self._sockets[exchange] = connection
        if "x-valr-api-key" in connection.headers:
            connection.send('{"type":"AUTHENTICATED"}')

    def on_text(self, connection: Connection, text: str):
        if connection.path != "/ws/trade":
            return
        request = json.loads(text)
        if request["type"] == "PING":
            connection.send('{"type":"PONG"}')
        for subscription in request.get("subscriptions", ()):
            for pair in subscription["pairs"]:
                connection.send(f'{{"type":"SUBSCRIBED","message":"{subscription["event"]}:{pair}"}}')
                if subscription["event"] == "OB_L1_DIFF":
                    connection.send(valr_snapshot(self.stream.snapshot, pair))

    def replay(self, exchange: str, mode: str, **options: Any) -> None:
        """
        Starts sending; the client sees the end by the last sequence number.

        :param mode: `flood` (as fast as the client reads), `paced` (`rate` frames/s, `count` frames) or `bursts`
            (`count` frames in bursts of `size`, one every `interval` seconds)
        """
        connection = self._sockets[exchange]
        self._times = []
        self._task = asyncio.ensure_future({
            "flood": self._flood, "paced": self._paced, "bursts": self._bursts}[mode](connection, exchange, **options))

    def times(self) -> List[float]:
        """:return: `time.perf_counter()` just before each update of the last replay was written, in their order"""
        return self._times

    def final_book(self) -> Dict[str, Any]:
        bids, asks = self.stream.final_book
        return {"sequence": self.stream.last_sequence, "bids": bids, "asks": asks}

    @lru_cache(maxsize=None)
    def _frames(self, exchange: str) -> List[bytes]:
        return [text_frame(DIFFS[exchange](update)) for update in self.stream.updates]

    @lru_cache(maxsize=None)
    def _chunks(self, exchange: str) -> List[bytes]:
        data = b"".join(self._frames(exchange))
        return [data[start:start + CHUNK] for start in range(0, len(data), CHUNK)]

    async def _flood(self, connection: Connection, exchange: str):
        chunks = self._chunks(exchange)
        self._times.append(time.perf_counter())
        for chunk in chunks:
            connection.write(chunk)
            await connection.writable()
            if not connection.is_open:
                return

    async def _paced(self, connection: Connection, exchange: str, rate: float, count: int):
        start = time.perf_counter()
        for index, frame in enumerate(self._frames(exchange)[:count]):
            await asyncio.sleep(start + index / rate - time.perf_counter())
            self._times.append(time.perf_counter())
            connection.write(frame)

    async def _bursts(self, connection: Connection, exchange: str, size: int, interval: float, count: int):
        frames = self._frames(exchange)[:count]
        for start in range(0, count, size):
            burst = frames[start:start + size]
            self._times += [time.perf_counter()] * len(burst)
            connection.write(b"".join(burst))
            await asyncio.sleep(interval)
