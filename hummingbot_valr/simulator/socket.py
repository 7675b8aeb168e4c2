"""One WebSocket connection: frames go out in order, and faults act on it."""
import asyncio
import logging
from collections import deque
from typing import Callable, Deque, Dict, FrozenSet, Set, Tuple, Union

from aiohttp import WSMsgType, web

from .clock import SimulatedClock

logger = logging.getLogger(__name__)

ABORTED = 1006
_MOST_UNSENT_FRAMES = 200_000


class Socket:
    """
    An accepted connection; `account_id` and `key` are empty on an unsigned one. `subscriptions` (trade socket) maps
    events to pairs; `muted` and `subscribed` (account socket) are the events the client left or asked for. `opened` is
    a time of the simulated clock, `last_heard` one of `SimulatedClock.lived`.
    """

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport, clock: SimulatedClock,
                 account_id: str, key: str, permissions: FrozenSet[str]):
        self.account_id = account_id
        self.key = key
        self.permissions = permissions
        self.opened = clock.now()
        self.last_heard = clock.lived()
        self.silent = False
        self.subscriptions: Dict[str, Dict[str, None]] = {}
        self.muted: Set[str] = set()
        self.subscribed: Set[str] = set()
        self.cancel_on_disconnect = False
        self._ws = ws
        self._transport = transport
        self._clock = clock
        self._unsent: Deque[Union[str, Tuple[int, str]]] = deque()
        self._wake = asyncio.Event()

    @property
    def is_signed(self) -> bool:
        return self.account_id != ""

    def send(self, text: str) -> None:
        """Queues a frame; a client that does not read is dropped."""
        if self.silent:
            return
        self._unsent.append(text)
        self._wake.set()
        if len(self._unsent) > _MOST_UNSENT_FRAMES:
            logger.info("A client stopped reading its socket and was dropped.")
            self.close(ABORTED)

    def fall_silent(self) -> None:
        """Goes half-open: not even a close is heard, or answered, any more."""
        self.silent = True
        self._transport.pause_reading()

    def close(self, code: int, reason: str = "") -> None:
        """Closes with `code` after what is queued; 1006 drops the connection at once, without a close frame."""
        if code == ABORTED:
            self._unsent.clear()
            self._transport.abort()
        else:
            self._unsent.append((code, reason))
            self._wake.set()

    async def serve(self, on_text: Callable[["Socket", str], None]) -> None:
        """Reads until the connection ends."""
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._ws:
                if self.silent:  # and this one was received before
                    continue
                self.last_heard = self._clock.lived()
                if message.type == WSMsgType.TEXT:
                    on_text(self, message.data)
                elif message.type == WSMsgType.PING:
                    await self._ws.pong(message.data)
        except ConnectionError:
            pass
        finally:
            writer.cancel()

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._unsent:
                    frame = self._unsent.popleft()
                    if isinstance(frame, str):
                        await self._ws.send_str(frame)
                    else:
                        await self._ws.close(code=frame[0], message=frame[1].encode())
        except ConnectionError:
            self._transport.abort()
