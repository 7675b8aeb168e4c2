"""A VALR client of the tests' own, signing by itself."""
import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional

import aiohttp

PATIENCE = 5.0


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any


class Client:
    """Signed requests and sockets. `key` defaults to the demo key of the exchange."""

    def __init__(self, exchange, key=None, sub_account_id: str = ""):
        self.exchange = exchange
        self.api_key = key.key if key else exchange.api_key
        self.secret = key.secret if key else exchange.api_secret
        self.sub_account_id = sub_account_id
        self.session: Optional[aiohttp.ClientSession] = None

    async def __aenter__(self) -> "Client":
        self.session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_) -> None:
        await self.session.close()

    def headers(self, verb: str, path: str, body: str = "", timestamp: Optional[str] = None) -> Dict[str, str]:
        timestamp = timestamp or str(int(time.time() * 1000))
        text = timestamp + verb + path + body + self.sub_account_id
        headers = {"X-VALR-API-KEY": self.api_key, "X-VALR-TIMESTAMP": timestamp, "Content-Type": "application/json",
                   "X-VALR-SIGNATURE": hmac.new(self.secret.encode(), text.encode(), hashlib.sha512).hexdigest()}
        if self.sub_account_id:
            headers["X-VALR-SUB-ACCOUNT-ID"] = self.sub_account_id
        return headers

    async def request(self, verb: str, path: str, body: Any = None, signed: bool = True,
                      headers: Optional[Dict[str, str]] = None) -> Answer:
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        if headers is None:
            headers = self.headers(verb, path, text) if signed else {}
        async with self.session.request(verb, self.exchange.url + path, data=text.encode() or None, headers=headers,
                                        timeout=aiohttp.ClientTimeout(total=PATIENCE)) as response:
            raw = await response.text()
            is_json = response.content_type == "application/json" and raw
            return Answer(response.status, json.loads(raw) if is_json else raw, response.headers)

    async def get(self, path: str, **others) -> Answer:
        return await self.request("GET", path, **others)

    async def limit(self, version: int = 2, **changes) -> Answer:
        order = {"side": "BUY", "pair": "BTCZAR", "quantity": "0.01", "price": "1000000", **changes}
        return await self.request("POST", f"/v{version}/orders/limit", order)

    async def market(self, version: int = 2, **fields) -> Answer:
        return await self.request("POST", f"/v{version}/orders/market", {"pair": "BTCZAR", **fields})

    async def cancel(self, version: int = 2, **ids) -> Answer:
        return await self.request("DELETE", f"/v{version}/orders/order", {"pair": "BTCZAR", **ids})

    async def socket(self, path: str, signed: bool = True, headers: Optional[Dict[str, str]] = None) -> "TestSocket":
        headers = headers if headers is not None else self.headers("GET", path) if signed else {}
        ws = await self.session.ws_connect(self.exchange.url.replace("http", "ws") + path, headers=headers)
        return TestSocket(ws)

    async def account_socket(self) -> "TestSocket":
        """A logged-in account socket whose first burst has been read."""
        socket = await self.socket("/ws/account")
        await socket.until("OPEN_ORDERS_UPDATE")
        return socket

    async def trade_socket(self, event: str, *pairs: str, signed: bool = True) -> "TestSocket":
        """A trade socket with one subscription, whose replies are still to be read."""
        socket = await self.socket("/ws/trade", signed)
        await socket.subscribe(event, *pairs)
        return socket


class TestSocket:
    __test__ = False

    def __init__(self, ws: aiohttp.ClientWebSocketResponse):
        self.ws = ws
        self.received: List[dict] = []

    async def send(self, frame: Any) -> None:
        await self.ws.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def subscribe(self, event: str, *pairs: str) -> None:
        await self.send({"type": "SUBSCRIBE", "subscriptions": [{"event": event, "pairs": list(pairs)}]})

    async def next(self) -> dict:
        """The next frame; fails when the socket closes instead."""
        message = await asyncio.wait_for(self.ws.receive(), PATIENCE)
        assert message.type == aiohttp.WSMsgType.TEXT, f"{message.type!r} instead of a frame"
        frame = json.loads(message.data)
        self.received.append(frame)
        return frame

    async def until(self, kind: str, condition: Callable[[dict], bool] = lambda frame: True) -> dict:
        """Reads to the first frame of a type that meets `condition`."""
        while True:
            frame = await self.next()
            if frame["type"] == kind and condition(frame):
                return frame

    async def until_pong(self) -> List[dict]:
        """Everything that arrives before the answer to a PING."""
        await self.send({"type": "PING"})
        frames: List[dict] = []
        while True:
            frame = await self.next()
            if frame["type"] == "PONG":
                return frames
            frames.append(frame)

    async def closed(self) -> int:
        """Reads until the socket closes and returns the code, 1006 when there was no close frame."""
        while True:
            message = await asyncio.wait_for(self.ws.receive(), PATIENCE)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED,
                                aiohttp.WSMsgType.ERROR):
                return self.ws.close_code or 1006
