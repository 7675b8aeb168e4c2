import asyncio
import re
import time
from itertools import count
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional

import aiohttp
import ujson

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr import valr_web_utils as web_utils
from hummingbot.connector.exchange.valr.valr_account_polling import ValrAccountPolling
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.exchange.valr.valr_errors import (
    ValrCommandNotSent,
    ValrLoginRefused,
    ValrOutcomeUnknown,
    one_line,
    reason_of,
    refused_handshake,
)
from hummingbot.core.data_type.user_stream_tracker_data_source import UserStreamTrackerDataSource
from hummingbot.core.web_assistant.connections.data_types import RESTMethod
from hummingbot.core.web_assistant.connections.ws_connection import WSConnection
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

if TYPE_CHECKING:
    from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange

EVENTS = {
    CONSTANTS.BALANCE_EVENT,
    CONSTANTS.OPEN_ORDERS_EVENT,
    CONSTANTS.ORDER_PROCESSED_EVENT,
    CONSTANTS.ORDER_STATUS_EVENT,
    CONSTANTS.ACCOUNT_TRADE_EVENT,
    CONSTANTS.FAILED_CANCEL_EVENT,
    CONSTANTS.FAILED_ORDER_EVENT,
}

PLACEMENTS = {CONSTANTS.PLACE_LIMIT_COMMAND, CONSTANTS.PLACE_MARKET_COMMAND}
# The commands that a frame without `clientMsgId` can be the direct reply to.
REPLIED_COMMANDS = {
    CONSTANTS.PLACE_LIMIT_REPLY: {CONSTANTS.PLACE_LIMIT_COMMAND},
    CONSTANTS.INVALID_PLACE_LIMIT: {CONSTANTS.PLACE_LIMIT_COMMAND},
    CONSTANTS.PLACE_MARKET_REPLY: {CONSTANTS.PLACE_MARKET_COMMAND},
    CONSTANTS.INVALID_PLACE_MARKET: {CONSTANTS.PLACE_MARKET_COMMAND},
    CONSTANTS.CANCEL_REPLY: {CONSTANTS.CANCEL_COMMAND},
    CONSTANTS.INVALID_CANCEL: {CONSTANTS.CANCEL_COMMAND},
    CONSTANTS.ORDER_FAILED: PLACEMENTS,
    CONSTANTS.ORDER_REJECTED: PLACEMENTS,
    CONSTANTS.ERROR: PLACEMENTS | {CONSTANTS.CANCEL_COMMAND},
}

SUBSCRIPTION = ujson.dumps({"type": CONSTANTS.SUBSCRIBE, "subscriptions": [{"event": CONSTANTS.ORDER_STATUS_EVENT}]})
CANCEL_ON_DISCONNECT = ujson.dumps(
    {"type": CONSTANTS.CANCEL_ON_DISCONNECT_COMMAND, "payload": {"cancelOnDisconnect": True}})
PING = ujson.dumps({"type": CONSTANTS.PING})


class ValrAccountConnection(WSConnection):
    """
    One connection to `/ws/account`.

    The base class wants a shared client session, reports a close without VALR's reason, and its assistant copies each
    message before sending it. This one brings its own session, which ends with it, names the reason, and reads and
    writes without detours.
    """

    CLOSE_TIMEOUT = 1.0  # seconds

    def __init__(self):
        super().__init__(aiohttp.ClientSession())

    async def open(self, url: str, headers: Dict[str, str]):
        # No protocol pings: VALR's own keep-alive is the application PING, and any frame counts as life.
        await self.connect(ws_url=url, ws_headers=headers, ping_timeout=None, max_msg_size=self._MAX_MSG_SIZE)

    async def disconnect(self):
        """Unlike the base class's, waits only shortly for VALR's part of the closing, and closes the client session."""
        try:
            async with asyncio.timeout(self.CLOSE_TIMEOUT):
                await super().disconnect()
        except TimeoutError:
            pass  # aiohttp has cut the connection
        finally:
            await self._client_session.close()

    async def send_text(self, text: str):
        await self._connection.send_str(text)

    async def next_frame(self) -> Any:
        """
        :return: the content of the next frame: decoded JSON, the text when it is not JSON, None for control frames
        :raises ConnectionError: when the connection has ended, with VALR's close code and reason
        """
        message = await self._connection.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            return _decoded(message.data)
        if message.type is aiohttp.WSMsgType.PING:
            await self._connection.pong(message.data)
        elif message.type is aiohttp.WSMsgType.ERROR:
            raise ConnectionError(f"the connection broke: {message.data}")
        elif message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
            reason = f": {one_line(message.extra)}" if message.extra else ""
            raise ConnectionError(f"closed with code {self._connection.close_code}{reason}")
        return None


class PendingRequest(NamedTuple):
    command: str
    client_order_id: Optional[str]
    reply: asyncio.Future


class ValrAPIUserStreamDataSource(UserStreamTrackerDataSource):
    """
    The account socket: what happens to orders and balances comes in, order commands go out (see `ValrOrderEntry`).

    The output queue gets VALR's frames as they are, for these types only: BALANCE_UPDATE, OPEN_ORDERS_UPDATE,
    ORDER_PROCESSED, ORDER_STATUS_UPDATE, NEW_ACCOUNT_TRADE, FAILED_CANCEL_ORDER, FAILED_ORDER, and AUTHENTICATED at
    every login. VALR repeats nothing that happened while the socket was away: AUTHENTICATED means to close the gap.
    A PLACEMENT_REPLY, which is this project's own type, has both ids of an order as VALR's reply to its placement.

    Whenever there has been no logged-in socket for `FALLBACK_DELAY`, the account is polled over REST until there is one
    again. The queue then gets frames of the same types whose data are REST rows: BALANCE_UPDATE for each row that
    changed, OPEN_ORDERS_UPDATE with all open orders, NEW_ACCOUNT_TRADE for each new trade. No REST row tells that an
    order has ended without a trade: its absence from OPEN_ORDERS_UPDATE is the occasion to look it up.
    """

    # Seconds without a login after which REST takes over. A fill has to be known within 5; a reconnection takes 1 to 2.
    FALLBACK_DELAY = 3.0
    # After a connection that lived this many seconds, the pauses before the next ones start small again.
    STABLE_LIFETIME = 15.0

    def __init__(
            self,
            auth: ValrAuth,
            connector: "ValrExchange",
            api_factory: WebAssistantsFactory,
            domain: str = CONSTANTS.DEFAULT_DOMAIN,
            cancel_on_disconnect: bool = False,
    ):
        """
        :param auth: signs the handshake
        :param connector: whose REST requests are used while there is no socket
        :param api_factory: whose throttler counts the connections
        :param domain: `valr`, or `valr_simulator` for the embedded exchange
        :param cancel_on_disconnect: asks VALR, after each login, to cancel ALL open orders of the account whenever this
            socket drops: of every pair, those placed by hand or by another bot, too, and also when the socket is back a
            second later. How soon VALR does it is not documented.
        """
        super().__init__()
        self._auth = auth
        self._connector = connector
        self._throttler = api_factory.throttler
        self._domain = domain
        self.cancel_on_disconnect = cancel_on_disconnect
        self._output: asyncio.Queue = asyncio.Queue()
        self._connection: Optional[ValrAccountConnection] = None
        self._is_logged_in = False
        self._is_suspect = False
        self._until_ping: Optional[asyncio.Timeout] = None
        self._last_frame_at = 0.0
        self._last_recv_time = 0.0
        self._is_polling = False
        self._pause = 0.0
        self._trouble = ""
        self._message_numbers = count(1)
        self._pending: Dict[str, PendingRequest] = {}

    @property
    def connected(self) -> bool:
        """True while a socket is logged in, so that `request` can be used."""
        return self._is_logged_in

    @property
    def is_polling(self) -> bool:
        """True while REST stands in for the socket."""
        return self._is_polling

    @property
    def last_recv_time(self) -> float:
        """
        Unix seconds of the last sign of the account, by socket (any frame from the login on) or by REST; 0 before the
        first one and after a stop.

        The base class asks its web assistant, which counts a refused login and forgets the time with every connection.
        """
        return self._last_recv_time

    async def listen_for_user_stream(self, output: asyncio.Queue):
        """
        Keeps the account's events coming into `output`, by socket or by REST, until it is cancelled.

        The base class reconnects at once and for ever, logs every attempt, and has no other source of events.

        :param output: gets the frames described at the class
        """
        self._output = output
        try:
            while True:
                polling = asyncio.ensure_future(self._poll_when_needed())
                try:
                    connection = await self._connect()
                finally:
                    polling.cancel()
                    await asyncio.wait([polling])
                await self._serve(connection)
        finally:
            self._pause = 0.0
            self._last_recv_time = 0.0
            await self._disconnect()

    async def request(self, command: str, payload: Dict[str, Any], timeout: float) -> Dict[str, Any]:
        """
        Sends a command and waits for the direct reply to it.

        :param command: e.g. PLACE_LIMIT_ORDER
        :param payload: the fields of the REST body, numbers as text
        :param timeout: seconds to wait for the reply
        :return: VALR's frame, which may be a refusal: one with our `clientMsgId`, or without any but with the same
            `customerOrderId` and of a type that answers this command
        :raises ValrCommandNotSent: when no socket is logged in
        :raises ValrOutcomeUnknown: when there is no reply in time, or the socket is lost before it
        """
        connection = self._connection
        if connection is None or not self._is_logged_in:
            raise ValrCommandNotSent("VALR's account socket is not logged in.")
        message_id = f"hb{next(self._message_numbers)}"
        text = ujson.dumps({"type": command, "clientMsgId": message_id, "payload": payload})
        reply = asyncio.get_running_loop().create_future()
        self._pending[message_id] = PendingRequest(command, payload.get("customerOrderId"), reply)
        sent_at = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                await connection.send_text(text)
                return await reply
        except TimeoutError as error:
            if self._last_frame_at < sent_at:
                self._suspect(connection)
            raise ValrOutcomeUnknown(f"VALR did not answer {command} within {timeout:g} s.") from error
        except ConnectionError as error:
            raise ValrOutcomeUnknown(f"The account socket was lost while {command} was sent: {error}") from error
        finally:
            del self._pending[message_id]

    async def _connect(self) -> ValrAccountConnection:
        """Tries until VALR accepts a login, with growing pauses."""
        while True:
            await self._sleep(self._pause)
            try:
                return await self._log_in()
            except Exception as error:
                self._note_trouble(error)
                self._pause = min(max(2 * self._pause, CONSTANTS.RECONNECT_MIN_DELAY), CONSTANTS.RECONNECT_MAX_DELAY)
                await self._disconnect()

    async def _disconnect(self):
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.disconnect()

    async def _log_in(self) -> ValrAccountConnection:
        """
        :return: the connection, which is logged in
        :raises ValrLoginRefused: in each way in which VALR was seen, or is said, to refuse a login
        :raises OSError, aiohttp.ClientError: when VALR cannot be reached
        :raises ValueError: when the simulator's URL is wrong
        """
        url = web_utils.socket_url(CONSTANTS.ACCOUNT_SOCKET_PATH, self._domain)
        connection = self._connection = ValrAccountConnection()
        try:
            async with self._throttler.execute_task(CONSTANTS.SOCKET_CONNECT_LIMIT):
                headers = self._auth.signed_headers(RESTMethod.GET, CONSTANTS.ACCOUNT_SOCKET_PATH)
                async with asyncio.timeout(CONSTANTS.LOGIN_TIMEOUT):
                    await connection.open(url, headers)
                    await self._confirmation(connection)
        except aiohttp.WSServerHandshakeError as error:
            raise refused_handshake(error.status, error.message) from None
        except TimeoutError:
            raise ValrLoginRefused(f"VALR did not confirm the login within {CONSTANTS.LOGIN_TIMEOUT:g} s") from None
        return connection

    @staticmethod
    async def _confirmation(connection: ValrAccountConnection):
        """
        Waits for AUTHENTICATED, the only sign of a login. A bad signature was seen to be answered by a close with code
        1007 and the reason, and in other clients by UNAUTHORIZED, ERROR or a plain text.
        """
        while True:
            try:
                frame = await connection.next_frame()
            except ConnectionError as error:
                raise ValrLoginRefused(f"VALR ended the connection before the login: {_without_keys(error)}") from None
            kind = frame.get("type") if isinstance(frame, dict) else None
            if kind == CONSTANTS.AUTHENTICATED:
                return
            is_refusal = kind in (CONSTANTS.ERROR, CONSTANTS.UNAUTHORIZED)
            if is_refusal or isinstance(frame, str) and "unauthori" in frame.lower():
                reason = frame.get("message") or frame.get("data") or kind if is_refusal else frame
                raise ValrLoginRefused(f"VALR refused the login: {_without_keys(reason)}")

    async def _serve(self, connection: ValrAccountConnection):
        """Uses a logged-in connection until it ends."""
        started_at = time.monotonic()
        self._is_logged_in, self._is_suspect, self._trouble = True, False, ""
        self._last_frame_at = started_at
        self._emit({"type": CONSTANTS.AUTHENTICATED})
        self.logger().info("Logged in to VALR's account socket.")
        try:
            # Whether ORDER_STATUS_UPDATE has to be subscribed is told differently; an ERROR in return does no harm.
            await connection.send_text(SUBSCRIPTION)
            if self.cancel_on_disconnect:
                await connection.send_text(CANCEL_ON_DISCONNECT)
            await self._read(connection)
        except Exception as error:
            self._note_trouble(error)
        finally:
            self._is_logged_in = False
            self._fail_pending_requests()
            await self._disconnect()
        was_stable = time.monotonic() - started_at >= self.STABLE_LIFETIME
        self._pause = min(max(0.0 if was_stable else 2 * self._pause, CONSTANTS.RECONNECT_CLEAN_DELAY),
                          CONSTANTS.RECONNECT_MAX_DELAY)

    async def _read(self, connection: ValrAccountConnection):
        """Takes each frame as it comes and sends the PINGs, until the connection ends or falls silent."""
        while True:
            try:
                async with asyncio.timeout(CONSTANTS.PING_INTERVAL) as self._until_ping:
                    while True:
                        frame = await connection.next_frame()
                        self._last_frame_at = time.monotonic()
                        self._last_recv_time = time.time()
                        self._take(frame)
            except TimeoutError:
                silence = time.monotonic() - self._last_frame_at
                if self._is_suspect or silence >= CONSTANTS.SOCKET_SILENCE_LIMIT:
                    raise ConnectionError(f"nothing came for {silence:.0f} s") from None
            finally:
                self._until_ping = None
            await connection.send_text(PING)

    def _suspect(self, connection: ValrAccountConnection):
        """
        Gives a connection up on which a command was sent and nothing at all came since. VALR answers within about
        10 ms, so this one only looks open, and each further command would wait for its time limit.
        """
        if connection is self._connection:
            self._is_suspect = True
            if self._until_ping is not None and not self._until_ping.expired():
                self._until_ping.reschedule(asyncio.get_running_loop().time())

    def _take(self, frame: Any):
        kind = frame.get("type") if isinstance(frame, dict) else None
        if not isinstance(kind, str):
            if frame:
                self.logger().debug("Ignored a frame of VALR's account socket that is no event.")
        elif kind in EVENTS:
            self._output.put_nowait(frame)
        elif (request := self._request_answered_by(frame)) is not None:
            if not request.reply.done():
                self._tell_order_id(request, frame)
                request.reply.set_result(frame)
        elif kind == CONSTANTS.CANCEL_ON_DISCONNECT_EVENT:
            self.logger().info(f"VALR's setting of cancel-on-disconnect: {one_line(frame.get('data'))}")
        elif kind != CONSTANTS.PONG:
            text = one_line(f"{kind} on VALR's account socket: {frame.get('message', '')}")
            self.logger().debug(f"Ignored {text}")

    def _tell_order_id(self, request: PendingRequest, frame: Dict[str, Any]):
        """Whoever waits for the reply goes on later than the next frames are taken, which may name VALR's id only."""
        data = frame.get("data")
        if request.command in PLACEMENTS and isinstance(data, dict):
            self._output.put_nowait(
                {"type": CONSTANTS.PLACEMENT_REPLY, "data": {**data, "customerOrderId": request.client_order_id}})

    def _request_answered_by(self, frame: Dict[str, Any]) -> Optional[PendingRequest]:
        message_id = frame.get("clientMsgId")
        if message_id is not None:
            return self._pending.get(str(message_id))
        commands = REPLIED_COMMANDS.get(frame["type"], ())
        data = frame.get("data")
        client_order_id = (data if isinstance(data, dict) else frame).get("customerOrderId")
        answered = [request for request in self._pending.values()
                    if request.command in commands and request.client_order_id == client_order_id]
        # A place and a cancel of one order can be under way at once: an ERROR may be meant for either.
        return answered[0] if client_order_id is not None and len(answered) == 1 else None

    def _fail_pending_requests(self):
        for request in self._pending.values():
            if not request.reply.done():
                request.reply.set_exception(
                    ValrOutcomeUnknown(f"The account socket was lost before VALR answered {request.command}."))

    async def _poll_when_needed(self):
        await self._sleep(self.FALLBACK_DELAY)
        self._is_polling = True
        self.logger().warning(
            f"VALR's account socket is not available ({self._trouble or 'no answer to the login yet'}). Balances, "
            f"orders and fills are polled over REST every {ValrAccountPolling.INTERVAL:g} s until it is.")
        try:
            await ValrAccountPolling(self._connector, self._emit).run()
        finally:
            self._is_polling = False
            self.logger().info("Polling VALR's account over REST has ended.")

    def _emit(self, frame: Dict[str, Any]):
        self._last_recv_time = time.time()
        self._output.put_nowait(frame)

    def _note_trouble(self, error: Exception):
        """Logs one line when the trouble is a new one; only what cannot come from outside gets a traceback."""
        trouble = reason_of(error)
        if not isinstance(error, (*web_utils.NETWORK_ERRORS, ValueError)):
            self.logger().exception("Unexpected error on VALR's account socket.")
        elif trouble != self._trouble:
            self.logger().info(f"VALR's account socket: {trouble}.")
        self._trouble = trouble


def _decoded(text: str) -> Any:
    try:
        return ujson.loads(text)
    except ValueError:
        return text


def _without_keys(reason: Any) -> str:
    return one_line(re.sub(r"[0-9A-Za-z]{32,}", "***", str(reason)))
