"""The trade socket: order books verified frame by frame, for a while."""
import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Dict, List, Optional

import aiohttp

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_web_utils as web_utils
from hummingbot.connector.exchange.valr.valr_api_user_stream_data_source import PING, ValrAccountConnection
from hummingbot.connector.exchange.valr.valr_order_book import BookFault, ValrOrderBook
from hummingbot.core.web_assistant.connections.data_types import RESTMethod
from hummingbot_valr.check.mends import RECORD_AND_REPORT, connection_mend, described
from hummingbot_valr.check.report import Row, fail, ok
from hummingbot_valr.check.session import Session

NAME = "trade_socket"
SNAPSHOT_TIMEOUT = 5.0  # seconds
_PING_PAUSE = 0.5  # seconds
_HEALS = ("The connector subscribes anew when that happens, and quotes nothing until the book is right again. If it "
          "happens often, run the check again with --record FILE and file an issue with that file.")


class _Watch:
    """What came over the socket so far."""

    def __init__(self, pairs: Dict[str, str], session: Session):
        self.pairs = pairs
        self.books = {symbol: ValrOrderBook() for symbol in pairs}
        self.frames = 0
        self.trades = 0
        self.round_trips: List[float] = []
        self._recorder = session.recorder
        self._pinged_at: Optional[float] = None

    @property
    def missing(self) -> List[str]:
        return [self.pairs[symbol] for symbol, book in self.books.items() if not book.is_synchronized]

    def take(self, frame: Any) -> Optional[str]:
        """What is wrong with the frame, None when nothing is."""
        if not frame:  # a control frame, or an empty one, which users of VALR have seen
            return None
        kind = frame.get("type") if isinstance(frame, dict) else None
        self._recorder.public("trade", "in", str(kind), frame)
        if kind in (CONSTANTS.BOOK_SNAPSHOT_FRAME, CONSTANTS.BOOK_DIFF_FRAME):
            return self._take_book(kind, frame)
        if kind in (CONSTANTS.ERROR, CONSTANTS.UNAUTHORIZED):
            return f"VALR answered: {frame.get('message', kind)}"
        if kind == CONSTANTS.TRADE_EVENT:
            self.trades += 1
        elif kind == CONSTANTS.PONG and self._pinged_at is not None:
            self.round_trips.append(time.perf_counter() - self._pinged_at)
            self._pinged_at = None
        return None

    async def ping(self, connection: ValrAccountConnection) -> None:
        """One PING after the other, each after the PONG of the one before, until it is cancelled."""
        while True:
            if self._pinged_at is None:
                self._pinged_at = time.perf_counter()
                await connection.send_text(PING)
            await asyncio.sleep(_PING_PAUSE)

    def _take_book(self, kind: str, frame: Dict[str, Any]) -> Optional[str]:
        book = self.books.get(frame.get("ps", ""))
        if book is None:
            return None
        is_snapshot = kind == CONSTANTS.BOOK_SNAPSHOT_FRAME
        data = frame.get("d") or {}
        result = book.apply_snapshot(data) if is_snapshot else book.apply_diff(data)
        if isinstance(result, BookFault):
            return f"{self.pairs[frame['ps']]}: {result.text}"
        self.frames += 1
        return None


async def check_trade_socket(session: Session) -> Row:
    try:
        watch = _Watch(await session.sample_pairs(), session)
        async with _connection(session) as connection:
            fault = await _watch(session, connection, watch)
    except aiohttp.WSServerHandshakeError as error:
        # The error itself holds the headers of the request, the key among them.
        return fail(NAME, f"VALR refused the connection with HTTP {error.status}", connection_mend(session.domain))
    except web_utils.NETWORK_ERRORS as error:
        return fail(NAME, described(error), connection_mend(session.domain))
    if fault is not None:
        return fail(NAME, *fault)
    session.latencies["trade socket"] = watch.round_trips
    signed = "signed" if session.is_key_accepted else "not signed"
    return ok(NAME, f"{watch.frames} frames of {', '.join(watch.pairs.values())} verified by sequence and checksum in "
                    f"{session.seconds:g} s, {watch.trades} trades, {signed}")


async def _watch(session: Session, connection: ValrAccountConnection, watch: _Watch) -> Optional[tuple[str, str]]:
    """What is wrong and its mend, None when all is well for as long as the person asked for."""
    symbols = list(watch.pairs)
    request = {"type": CONSTANTS.SUBSCRIBE, "subscriptions": [
        {"event": event, "pairs": symbols} for event in (CONSTANTS.BOOK_EVENT, CONSTANTS.TRADE_EVENT)]}
    session.recorder.public("trade", "out", CONSTANTS.SUBSCRIBE, request)
    await connection.send_text(json.dumps(request))
    pinging = asyncio.ensure_future(watch.ping(connection))
    try:
        try:
            async with asyncio.timeout(SNAPSHOT_TIMEOUT):
                while watch.missing:
                    if fault := watch.take(await connection.next_frame()):
                        return fault, _HEALS
        except TimeoutError:
            return (f"no order book of {', '.join(watch.missing)} within {SNAPSHOT_TIMEOUT:g} s", RECORD_AND_REPORT)
        try:
            async with asyncio.timeout(session.seconds):
                while True:
                    if fault := watch.take(await connection.next_frame()):
                        return fault, _HEALS
        except TimeoutError:
            pass
    finally:
        pinging.cancel()
        await asyncio.gather(pinging, return_exceptions=True)
    if not watch.round_trips:
        return "VALR answered no PING", connection_mend(session.domain)
    return None


@asynccontextmanager
async def _connection(session: Session) -> AsyncIterator[ValrAccountConnection]:
    """A trade socket, signed with a key that VALR accepts, as the connector's is."""
    path = CONSTANTS.TRADE_SOCKET_PATH
    auth = session.exchange._auth if session.is_key_accepted else None
    connection = ValrAccountConnection()
    try:
        async with session.exchange.throttler.execute_task(CONSTANTS.SOCKET_CONNECT_LIMIT):
            async with asyncio.timeout(CONSTANTS.LOGIN_TIMEOUT):
                await connection.open(web_utils.socket_url(path, session.domain),
                                      auth.signed_headers(RESTMethod.GET, path) if auth is not None else {})
        yield connection
    finally:
        await connection.disconnect()
