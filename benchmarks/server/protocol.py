import asyncio
import base64
import hashlib
import json
import time
from typing import Any, Callable, Dict, Optional
from urllib.parse import urlsplit

WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING = 0x1, 0x8, 0x9


def text_frame(text: str) -> bytes:
    """:return: the text as one unmasked, uncompressed WebSocket frame"""
    return _frame(TEXT, text.encode())


def _frame(opcode: int, body: bytes) -> bytes:
    size = len(body)
    if size < 126:
        return bytes((0x80 | opcode, size)) + body
    if size < 1 << 16:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + body
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + body


class Connection(asyncio.Protocol):
    """
    One client connection: HTTP/1.1 with keep-alive until it is upgraded, then WebSocket text frames. Only what the
    measured clients send is understood: no chunked bodies, no fragmented or compressed frames.

    :param on_request: (method, path with query, body, received at) -> reply body to be sent as JSON
    :param on_open: called with the connection when it has become a WebSocket
    :param on_text: (connection, text, received at); "received at" is `time.perf_counter()` when the bytes arrived
    """

    def __init__(self, on_request: Callable[[str, str, bytes, float], Any],
                 on_open: Callable[["Connection"], None],
                 on_text: Callable[["Connection", str, float], None]):
        self._on_request, self._on_open, self._on_text = on_request, on_open, on_text
        self._buffer = bytearray()
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_websocket = False
        self._transport: Optional[asyncio.Transport] = None
        self.path = ""
        self.headers: Dict[str, str] = {}

    def connection_made(self, transport: asyncio.Transport):
        self._transport = transport

    def connection_lost(self, error: Optional[Exception]):
        self._writable.set()

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    def pause_writing(self):
        self._writable.clear()

    def resume_writing(self):
        self._writable.set()

    def write(self, data: bytes):
        self._transport.write(data)

    def send(self, text: str):
        self._transport.write(text_frame(text))

    async def writable(self):
        """Waits until the client has read enough of what was written."""
        await self._writable.wait()

    def data_received(self, data: bytes):
        received_at = time.perf_counter()
        self._buffer += data
        while self._buffer:
            take = self._take_frame if self._is_websocket else self._take_request
            if not take(received_at):
                return

    def _take_request(self, received_at: float) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(self._buffer) < end + 4 + length:
            return False
        body = bytes(self._buffer[end + 4:end + 4 + length])
        del self._buffer[:end + 4 + length]
        method, target, _ = first.split(" ")
        self.path, self.headers = urlsplit(target).path, headers
        if "sec-websocket-key" in headers:
            self._upgrade(headers["sec-websocket-key"])
        else:
            self._reply(self._on_request(method, target, body, received_at))
        return True

    def _reply(self, payload: Any):
        body = json.dumps(payload).encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def _upgrade(self, key: str):
        digest = hashlib.sha1((key + WEBSOCKET_GUID).encode()).digest()
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")
        self._is_websocket = True
        self._on_open(self)

    def _take_frame(self, received_at: float) -> bool:
        buffer = self._buffer
        if len(buffer) < 6:
            return False
        opcode, size, start = buffer[0] & 0x0F, buffer[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(buffer[2:10], "big"), 10
        end = start + 4 + size  # a client's frames are masked with four bytes
        if len(buffer) < end:
            return False
        mask, body = bytes(buffer[start:start + 4]), bytes(buffer[start + 4:end])
        del buffer[:end]
        body = _unmask(body, mask)
        if opcode == TEXT:
            self._on_text(self, body.decode(), received_at)
        elif opcode == PING:
            self._transport.write(_frame(0xA, body))
        elif opcode == CLOSE:
            self._transport.write(_frame(CLOSE, body[:2]))
            self._transport.close()
        return True


def _unmask(body: bytes, mask: bytes) -> bytes:
    size = len(body)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(body, "big") ^ key).to_bytes(size, "big")
