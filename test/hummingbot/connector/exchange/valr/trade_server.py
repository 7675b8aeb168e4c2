"""A server that plays VALR's trade socket by a script, for what a unit test has to see frame by frame."""
import asyncio
import json
from itertools import zip_longest
from typing import Any, Callable, Dict, List, Optional, Sequence
from zlib import crc32

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS

Level = Sequence[str]
BIDS, ASKS = [["100", "1.5"], ["99", "2"]], [["101", "0.25"], ["102", "3"]]


def checksum(bids: Sequence[Level], asks: Sequence[Level]) -> int:
    """:return: VALR's checksum of a book with at most 25 levels a side, best level first"""
    pairs = zip_longest(bids, asks)
    return crc32(":".join(":".join(level) for pair in pairs for level in pair if level).encode())


def book_frame(symbol: str, sequence: int, bids: Sequence[Level] = BIDS, asks: Sequence[Level] = ASKS,
               kind: str = CONSTANTS.BOOK_SNAPSHOT_FRAME, cs: Optional[int] = None) -> Dict[str, Any]:
    """:return: a frame; without a checksum `cs` it gets that of its own levels"""
    return {"type": kind, "ps": symbol, "d": {
        "lc": 1760000000000, "a": list(asks), "b": list(bids), "sq": sequence,
        "cs": checksum(bids, asks) if cs is None else cs}}


def diff_frame(symbol: str, sequence: int, quantity: str = "5") -> Dict[str, Any]:
    """:return: a diff that follows a book of `BIDS` and `ASKS`: it sets the quantity of the best bid"""
    return book_frame(symbol, sequence, bids=[["100", quantity]], asks=[], kind=CONSTANTS.BOOK_DIFF_FRAME,
                      cs=checksum(bids=[["100", quantity], BIDS[1]], asks=ASKS))


def aggregated_frame(symbol: str, bid: str, ask: str) -> Dict[str, Any]:
    def level(side: str, price: str) -> Dict[str, Any]:
        return {"side": side, "quantity": "2", "price": price, "currencyPair": symbol, "orderCount": 1}
    return {"type": CONSTANTS.AGGREGATED_BOOK_EVENT, "currencyPairSymbol": symbol, "data": {
        "Asks": [level("sell", ask)], "Bids": [level("buy", bid)], "LastChange": "2026-01-01T00:00:00Z",
        "SequenceNumber": 77}}


def trade_frame(symbol: str, trade_id: Optional[str], price: str = "100", side: str = "buy") -> Dict[str, Any]:
    data = {"price": price, "quantity": "0.5", "currencyPair": symbol, "tradedAt": "2024-03-27T12:33:19.918Z",
            "takerSide": side}
    if trade_id is not None:
        data["id"] = trade_id
    return {"type": CONSTANTS.TRADE_EVENT, "currencyPairSymbol": symbol, "data": data}


class TradeServer:
    """
    Answers PING, and each new pair of a subscription with the frames of `first_frame[event](symbol)`. `received` holds
    the subscriptions of each socket as (event, symbols), `handshakes` the headers.
    """

    def __init__(self):
        self.first_frame: Dict[str, Callable[[str], List[Any]]] = {
            CONSTANTS.BOOK_EVENT: lambda symbol: [book_frame(symbol, 500)],
        }
        self.greeting: List[Any] = []
        self.handshake_status: Optional[int] = None
        self.is_mute = False
        self.handshakes: List[Dict[str, str]] = []
        self.sockets: List[web.WebSocketResponse] = []
        self.received: List[List[Any]] = []
        self.pongs: List[bytes] = []
        self.is_handshake_allowed = asyncio.Event()
        self.is_handshake_allowed.set()
        self._transports: Dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._server: Optional[TestServer] = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def open_sockets(self) -> List[web.WebSocketResponse]:
        return [socket for socket in self.sockets if not socket.closed]

    async def __aenter__(self) -> "TradeServer":
        application = web.Application()
        application.router.add_get(CONSTANTS.TRADE_SOCKET_PATH, self._on_socket)
        self._server = TestServer(application)
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object):
        for socket in self.open_sockets:
            await self.drop(socket)
        await self._server.close()

    async def send(self, *frames: Any, socket: int = -1):
        """Sends frames, or texts as they are, on a socket."""
        for frame in frames:
            await self.sockets[socket].send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def close(self, code: int = 1000, reason: str = "", socket: int = -1):
        await self.sockets[socket].close(code=code, message=reason.encode())

    async def drop(self, socket: Optional[web.WebSocketResponse] = None):
        """Ends the newest socket, or the one named, without a close frame."""
        self._transports[socket or self.sockets[-1]].abort()

    def subscriptions(self, socket: int = -1) -> List[Any]:
        """:return: (event, symbols) of every subscription of a socket, in their order"""
        return self.received[socket]

    async def _on_socket(self, request: web.Request) -> web.StreamResponse:
        self.handshakes.append(dict(request.headers))
        await self.is_handshake_allowed.wait()
        if self.handshake_status is not None:
            return web.Response(status=self.handshake_status)
        socket = web.WebSocketResponse(autoping=False, timeout=0.1)
        await socket.prepare(request)
        received: List[Any] = []
        self.sockets.append(socket)
        self._transports[socket] = request.transport
        self.received.append(received)
        for frame in self.greeting:
            await socket.send_json(frame)
        async for message in socket:
            if message.type is WSMsgType.PONG:
                self.pongs.append(bytes(message.data))
            if message.type is WSMsgType.TEXT and not self.is_mute:
                await self._on_frame(socket, received, json.loads(message.data))
        return socket

    async def _on_frame(self, socket: web.WebSocketResponse, received: List[Any], frame: Dict[str, Any]):
        if frame["type"] == CONSTANTS.PING:
            await socket.send_json({"type": CONSTANTS.PONG})
            return
        for subscription in frame["subscriptions"]:
            event, symbols = subscription["event"], subscription["pairs"]
            known = next((pairs for name, pairs in reversed(received) if name == event), [])
            received.append((event, symbols))
            for symbol in symbols:
                if symbol not in known:
                    for answer in self.first_frame.get(event, lambda _: [])(symbol):
                        await socket.send_json(answer)
