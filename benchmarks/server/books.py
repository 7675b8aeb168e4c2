import asyncio
import json
import time
from typing import Any, Dict, List, Sequence, Tuple

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
        self._symbol_sockets: Dict[str, Connection] = {}
        self._encoded: Dict[Tuple[str, str, int], List[bytes]] = {}
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
            if connection.path.startswith("/binance/"):  # ccxt waits for the reply
                connection.send(json.dumps({"result": None, "id": json.loads(text)["id"]}))
            return
        request = json.loads(text)
        if request["type"] == "PING":
            connection.send('{"type":"PONG"}')
        for subscription in request.get("subscriptions", ()):
            for pair in subscription["pairs"]:
                connection.send(f'{{"type":"SUBSCRIBED","message":"{subscription["event"]}:{pair}"}}')
                if subscription["event"] == "OB_L1_DIFF":
                    self._symbol_sockets[pair] = connection
                    connection.send(valr_snapshot(self.stream.snapshot, pair))

    def replay(self, exchange: str, mode: str, count: int, symbols: Sequence[str] = (), **options: Any) -> None:
        """
        Starts sending; the client sees the end by the last sequence number.

        :param mode: `flood` (as fast as the client reads), `paced` (`rate` frames/s) or `bursts` (of `size` frames, one
            every `interval` seconds)
        :param count: frames, of all pairs together
        :param symbols: VALR only: each update goes out for every one of these pairs before the next one does
        """
        self._times = []
        self._task = asyncio.ensure_future({
            "flood": self._flood, "paced": self._paced, "bursts": self._bursts}[mode](
                self._recipients(exchange, symbols, count), count, **options))

    def _recipients(self, exchange: str, symbols: Sequence[str], count: int) -> List[Tuple[Connection, List[bytes]]]:
        """:return: for each pair the connection it is subscribed on and its frames"""
        if symbols:
            each = count // len(symbols)
            return [(self._symbol_sockets[symbol], self._frames(exchange, symbol, each)) for symbol in symbols]
        return [(self._sockets[exchange], self._frames(exchange, PAIR, count))]

    def times(self) -> List[float]:
        """:return: `time.perf_counter()` just before each update of the last replay was written, in their order"""
        return self._times

    def final_book(self) -> Dict[str, Any]:
        bids, asks = self.stream.final_book
        return {"sequence": self.stream.last_sequence, "bids": bids, "asks": asks}

    def _frames(self, exchange: str, symbol: str, count: int) -> List[bytes]:
        key = exchange, symbol, count
        if key not in self._encoded:
            encode = DIFFS[exchange]
            arguments = (symbol,) if exchange == "valr" else ()
            self._encoded[key] = [text_frame(encode(update, *arguments)) for update in self.stream.updates[:count]]
        return self._encoded[key]

    async def _flood(self, recipients: List[Tuple[Connection, List[bytes]]], count: int):
        data: Dict[Connection, List[bytes]] = {connection: [] for connection, _ in recipients}
        for index in range(count):
            connection, frames = recipients[index % len(recipients)]
            data[connection].append(frames[index // len(recipients)])
        chunks = {connection: _chunks(b"".join(frames)) for connection, frames in data.items()}
        self._times.append(time.perf_counter())
        await asyncio.gather(*(self._write(connection, parts) for connection, parts in chunks.items()))

    async def _write(self, connection: Connection, chunks: List[bytes]):
        for chunk in chunks:
            connection.write(chunk)
            await connection.writable()
            if not connection.is_open:
                return

    async def _paced(self, recipients: List[Tuple[Connection, List[bytes]]], count: int, rate: float):
        start = time.perf_counter()
        for index in range(count):
            connection, frames = recipients[index % len(recipients)]
            await asyncio.sleep(start + index / rate - time.perf_counter())
            self._times.append(time.perf_counter())
            connection.write(frames[index // len(recipients)])

    async def _bursts(self, recipients: List[Tuple[Connection, List[bytes]]], count: int, size: int, interval: float):
        (connection, frames), = recipients
        for start in range(0, count, size):
            burst = frames[start:start + size]
            self._times += [time.perf_counter()] * len(burst)
            connection.write(b"".join(burst))
            await asyncio.sleep(interval)


def _chunks(data: bytes) -> List[bytes]:
    return [data[start:start + CHUNK] for start in range(0, len(data), CHUNK)]
