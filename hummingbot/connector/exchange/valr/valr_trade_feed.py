import asyncio
import time
from logging import Logger
from typing import Dict, List, Optional

import aiohttp

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr import valr_web_utils as web_utils
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.exchange.valr.valr_errors import ValrLoginRefused, reason_of, refused_handshake
from hummingbot.connector.exchange.valr.valr_tracked_book import TrackedBook
from hummingbot.connector.exchange.valr.valr_trade_socket import ValrTradeSocket
from hummingbot.core.api_throttler.async_throttler_base import AsyncThrottlerBase
from hummingbot.core.web_assistant.connections.data_types import RESTMethod


class ValrTradeSocketFactory:
    """Opens trade sockets within VALR's limit: signed when there are keys that VALR accepts, else unsigned."""

    # An unsigned socket is replaced this long before VALR closes it.
    REPLACEMENT_MARGIN = 120.0  # seconds

    def __init__(self, session: aiohttp.ClientSession, throttler: AsyncThrottlerBase, auth: Optional[ValrAuth],
                 domain: str, logger: Logger):
        """
        :param auth: signer of the handshakes; None when there are no keys
        """
        self._session = session
        self._throttler = throttler
        self._auth = auth
        self._domain = domain
        self._logger = logger

    @property
    def lifetime(self) -> Optional[float]:
        """Seconds after which a socket has to be replaced; None when VALR does not limit them."""
        return None if self._auth is not None else CONSTANTS.UNSIGNED_SOCKET_LIFETIME - self.REPLACEMENT_MARGIN

    async def open(self) -> ValrTradeSocket:
        """
        :return: a connection that subscribes to nothing yet
        :raises ValrLoginRefused, OSError, TimeoutError, ValueError, aiohttp.ClientError: when that fails
        """
        socket = ValrTradeSocket(self._session, self._logger)
        url = web_utils.socket_url(CONSTANTS.TRADE_SOCKET_PATH, self._domain)
        async with self._throttler.execute_task(CONSTANTS.SOCKET_CONNECT_LIMIT):
            headers = {}
            if self._auth is not None:
                headers = self._auth.signed_headers(RESTMethod.GET, CONSTANTS.TRADE_SOCKET_PATH)
            try:
                async with asyncio.timeout(CONSTANTS.LOGIN_TIMEOUT):
                    await socket.open(url, headers)
            except aiohttp.WSServerHandshakeError as error:
                raise refused_handshake(error.status, error.message) from None
        return socket

    def note_failure(self, error: Exception):
        """
        Goes on without keys when VALR refuses them: market data does not need them, and whether a trade socket takes
        the header of a sub-account is not known.
        """
        if self._auth is not None and isinstance(error, ValrLoginRefused):
            self._auth = None
            self._logger.warning(f"VALR refuses the API key on the trade socket ({error}). Market data comes over "
                                 f"unsigned sockets instead, which VALR closes after 15 minutes.")


class ValrTradeFeed:
    """Keeps a connection for the pairs that share it, and replaces it in time without a gap in their books."""

    # A connection that lived as long is followed by the next one without a growing delay.
    STABLE_AGE = 10.0  # seconds

    def __init__(self, sockets: ValrTradeSocketFactory, logger: Logger):
        self.books: List[TrackedBook] = []
        self.reconnects = 0
        self._sockets = sockets
        self._logger = logger
        self._readers: Dict[ValrTradeSocket, asyncio.Task] = {}  # the first serves, the second is to take over

    def add(self, tracked: TrackedBook):
        self.books.append(tracked)
        for socket in self._readers:
            socket.add(tracked)

    def remove(self, tracked: TrackedBook):
        self.books.remove(tracked)
        for socket in self._readers:
            socket.remove(tracked)

    def count_diffs(self):
        for socket in self._readers:
            socket.count_diffs()

    def release(self, reason: str):
        """Takes the verification from all books at once and changes none of them any more."""
        for socket in self._readers:
            socket.release(reason)

    async def run(self):
        """Serves until it is cancelled; no connection is left then."""
        async with asyncio.TaskGroup() as tasks:
            delay = 0.0
            while True:
                await asyncio.sleep(delay)
                try:
                    socket = await self._sockets.open()
                except (*web_utils.NETWORK_ERRORS, ValueError) as error:
                    self._sockets.note_failure(error)
                    delay = _next_delay(delay, CONSTANTS.RECONNECT_MIN_DELAY)
                    self._logger.warning(
                        f"VALR's trade socket cannot be opened ({reason_of(error)}). Next attempt in {delay:g} s.")
                    continue
                for tracked in self.books:
                    socket.add(tracked)
                opened_at = time.perf_counter()
                self._readers[socket] = tasks.create_task(self._read(socket))
                await self._replace_predecessor(socket)
                if await self._outlives(socket):
                    delay = 0.0
                    continue
                self.reconnects += 1
                is_stable = time.perf_counter() - opened_at >= self.STABLE_AGE
                minimum = CONSTANTS.RECONNECT_CLEAN_DELAY if socket.has_worked else CONSTANTS.RECONNECT_MIN_DELAY
                delay = _next_delay(0.0 if is_stable else delay, minimum)

    async def _outlives(self, socket: ValrTradeSocket) -> bool:
        """
        :return: True when the socket has to be replaced, False when it has ended
        """
        try:
            async with asyncio.timeout(self._sockets.lifetime):
                await socket.to_be_replaced.wait()
        except TimeoutError:
            pass
        return not socket.has_ended

    async def _replace_predecessor(self, socket: ValrTradeSocket):
        """The socket takes over from the one before it when its own books are verified."""
        if self._serving() is socket:
            return
        await socket.settled.wait()
        predecessor = self._serving()
        if predecessor is None or predecessor is socket or socket.has_ended:
            return
        reader = self._readers.pop(predecessor)
        predecessor.release("replaced", heir=socket)
        reader.cancel()

    async def _read(self, socket: ValrTradeSocket):
        try:
            await socket.run()
        except ConnectionError as error:
            self._sockets.note_failure(error)
            self._on_closed(socket, f"closed: {error}")
        except Exception:
            self._logger.exception("Unexpected error on VALR's trade socket.")
            self._on_closed(socket, "closed by an unexpected error")
        finally:
            await socket.close()

    def _on_closed(self, socket: ValrTradeSocket, reason: str):
        del self._readers[socket]
        lost = socket.release(f"socket {reason}", heir=self._serving())
        consequence = f" Not verified until it is back: {', '.join(lost)}." if lost else ""
        self._logger.warning(f"VALR's trade socket was {reason}.{consequence}")

    def _serving(self) -> Optional[ValrTradeSocket]:
        return next(iter(self._readers), None)


def _next_delay(previous: float, minimum: float) -> float:
    return min(max(2 * previous, minimum), CONSTANTS.RECONNECT_MAX_DELAY)
