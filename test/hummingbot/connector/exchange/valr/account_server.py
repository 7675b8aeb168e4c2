"""A server that plays VALR's account by a script, for what the simulator cannot play and a unit test has to see."""
import asyncio
import time
from typing import Any, Awaitable, Callable, Dict, List, Optional

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_web_utils as web_utils
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.time_synchronizer import TimeSynchronizer
from hummingbot.core.web_assistant.connections.data_types import RESTMethod

KEY = "4961b74efac86b25cce8fbe4c9811c4c7a787b7a5996660afcc2e287ad864363"  # noqa: mock
SECRET = "a9c1b74efac86b25cce8fbe4c9811c4c7a787b7a5996660afcc2e287ad8643ff"  # noqa: mock


class AccountServer:
    """
    `login(socket)` is played when a socket opens, and `commands[type](frame)` returns the frames that answer a command.
    `rest[path]` is the reply to a REST request: a JSON value for HTTP 200, or a function,
    maybe a coroutine function, of the request.
    """

    def __init__(self):
        self.login: Callable[[web.WebSocketResponse], Awaitable[None]] = self.authenticate
        self.handshake_status: Optional[int] = None
        self.commands: Dict[str, Callable[[Dict[str, Any]], List[Any]]] = {
            CONSTANTS.PING: lambda frame: [{"type": CONSTANTS.PONG}],
        }
        self.rest: Dict[str, Any] = {
            CONSTANTS.BALANCES_PATH: [], CONSTANTS.OPEN_ORDERS_PATH: [], CONSTANTS.TRADE_HISTORY_PATH: [],
            CONSTANTS.SERVER_TIME_PATH: {"epochTime": 0, "time": "2026-01-01T00:00:00.000000000Z"},
        }
        self.handshakes: List[Dict[str, str]] = []
        self.received: List[Dict[str, Any]] = []
        self.requests: List[Dict[str, Any]] = []
        self.sockets: List[web.WebSocketResponse] = []
        self._server: Optional[TestServer] = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @staticmethod
    async def authenticate(socket: web.WebSocketResponse):
        await socket.send_json({"type": CONSTANTS.AUTHENTICATED})

    async def start(self):
        application = web.Application()
        application.router.add_get(CONSTANTS.ACCOUNT_SOCKET_PATH, self._on_socket)
        application.router.add_route("*", "/{path:.*}", self._on_request)
        self._server = TestServer(application)
        await self._server.start_server()

    async def stop(self):
        for socket in self.sockets:
            await self.drop(socket)
        await self._server.close()

    async def send(self, *frames: Any):
        """Sends frames, or texts as they are, on the newest socket."""
        for frame in frames:
            if isinstance(frame, str):
                await self.sockets[-1].send_str(frame)
            else:
                await self.sockets[-1].send_json(frame)

    async def drop(self, socket: Optional[web.WebSocketResponse] = None):
        """Ends the newest socket, or the one named, without a close frame."""
        transport = (socket or self.sockets[-1])._req.transport
        if transport is not None:
            transport.abort()

    def sent(self, kind: str) -> List[Dict[str, Any]]:
        """:return: the frames of a type that came from the client"""
        return [frame for frame in self.received if frame["type"] == kind]

    async def _on_socket(self, request: web.Request) -> web.StreamResponse:
        self.handshakes.append(dict(request.headers))
        if self.handshake_status is not None:
            return web.Response(status=self.handshake_status)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await self.login(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._on_frame(socket, message.json())
        return socket

    async def _on_frame(self, socket: web.WebSocketResponse, frame: Dict[str, Any]):
        self.received.append(frame)
        for answer in self.commands.get(frame["type"], lambda _: [])(frame):
            await socket.send_json(answer)

    async def _on_request(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        self.requests.append(
            {"method": request.method, "path": request.path, "query": dict(request.query), "body": text})
        reply = self.rest.get(request.path, None)
        if callable(reply):
            reply = reply(request)
        if asyncio.iscoroutine(reply):
            reply = await reply
        if isinstance(reply, web.StreamResponse):
            return reply
        return web.Response(status=404) if reply is None else web.json_response(reply)


class RestConnector:
    """What order entry and polling use of the exchange: its throttler and its signed REST requests, real ones."""

    def __init__(self):
        clock = TimeSynchronizer()
        clock.add_time_offset_ms_sample((time.time() - time.perf_counter()) * 1e3)
        self.throttler = web_utils.create_throttler()
        self.auth = ValrAuth(KEY, SECRET, clock)
        self.factory = web_utils.build_api_factory(
            throttler=self.throttler, time_synchronizer=clock, domain=CONSTANTS.SIMULATOR_DOMAIN, auth=self.auth)

    async def _api_get(self, **kwargs) -> Any:
        return await self._request(RESTMethod.GET, **kwargs)

    async def _api_post(self, **kwargs) -> Any:
        return await self._request(RESTMethod.POST, **kwargs)

    async def _api_delete(self, **kwargs) -> Any:
        return await self._request(RESTMethod.DELETE, **kwargs)

    async def _request(self, method: RESTMethod, path_url: str, limit_id: str, **kwargs) -> Any:
        assistant = await self.factory.get_rest_assistant()
        return await assistant.execute_request(
            url=web_utils.private_rest_url(path_url, CONSTANTS.SIMULATOR_DOMAIN), method=method,
            throttler_limit_id=limit_id, **kwargs)
