"""Accepts sockets: upgrade, login, and the closing rules."""
import logging
from typing import Callable, Optional, Tuple, Union

from aiohttp import web

from .account_commands import AccountCommands
from .account_hub import AccountHub
from .clock import SimulatedClock, Timer
from .faults import Faults
from .gate import hang_up
from .rate_limits import RateLimits
from .rules import Rejected
from .signing import BAD_SIGNATURE, VIEW, ApiKey, Keyring
from .socket import ABORTED, Socket
from .trade_hub import TradeHub

logger = logging.getLogger(__name__)

_INVALID_LOGIN = 1007
_SWEEP_EVERY = 0.25


class SocketServer:
    """`/ws/trade` and `/ws/account`."""

    def __init__(self, clock: SimulatedClock, faults: Faults, keyring: Keyring, limits: RateLimits, trade: TradeHub,
                 account: AccountHub, commands: AccountCommands):
        self._clock = clock
        self._faults = faults
        self._keyring = keyring
        self._limits = limits
        self._trade = trade
        self._account = account
        self._commands = commands
        self._sweep: Optional[Timer] = None

    def register(self, app: web.Application) -> None:
        app.router.add_get("/ws/trade", self._serve_trade)
        app.router.add_get("/ws/account", self._serve_account)

    def start(self) -> None:
        """Begins to enforce the closing rules."""
        self._sweep = self._clock.call_later(_SWEEP_EVERY, self._close_overdue)

    def drop_all(self) -> None:
        for socket in [*self._trade.sockets, *self._account.sockets]:
            socket.close(ABORTED)

    async def _serve_trade(self, request: web.Request) -> web.StreamResponse:
        refusal = self._refuse_upgrade(request)
        if refusal is not None:
            return refusal
        if self._faults.trade_refusal is not None:
            return web.Response(status=self._faults.trade_refusal)
        login: Union[ApiKey, Rejected, None] = None
        account_id = ""
        if "X-VALR-API-KEY" in request.headers:
            login, account_id = self._login(request)
        return await self._serve(request, login, account_id, self._trade, self._trade.handle)

    async def _serve_account(self, request: web.Request) -> web.StreamResponse:
        refusal = self._refuse_upgrade(request)
        if refusal is not None:
            return refusal
        way = self._faults.account_login
        if way is not None and way.startswith("http_"):
            return web.Response(status=int(way[len("http_"):]))
        if "X-VALR-API-KEY" not in request.headers:
            return web.Response(status=403)
        login, account_id = self._login(request)
        if way is not None:
            return await self._refuse_login(request, way)
        if isinstance(login, ApiKey) and VIEW not in login.permissions:
            login = Rejected(None, "Unauthorized")
        return await self._serve(request, login, account_id, self._account, self._commands.handle)

    def _refuse_upgrade(self, request: web.Request) -> Optional[web.Response]:
        if self._faults.outage:
            return hang_up(request)
        if not self._limits.take(("sockets", "")):
            return web.Response(status=429, headers={"x-valr-ratelimited": "true"})
        return None

    def _login(self, request: web.Request) -> Tuple[Union[ApiKey, Rejected], str]:
        """(key, account id), or (refusal, "")."""
        try:
            return self._keyring.authenticate(request.headers, "GET", request.raw_path)
        except Rejected as refusal:
            return refusal, ""

    async def _serve(self, request: web.Request, login: Union[ApiKey, Rejected, None], account_id: str,
                     hub: Union[TradeHub, AccountHub], on_text: Callable[[Socket, str], None]) -> web.StreamResponse:
        ws = await self._upgrade(request)
        if isinstance(login, Rejected):
            # The upgrade succeeds and the refusal follows as a close frame: captured for bad signatures.
            logger.info("%s refused: %s", request.path, login.message)
            await ws.close(code=_INVALID_LOGIN, message=login.message.encode())
            return ws
        if request.transport is None:
            return ws
        socket = Socket(ws, request.transport, self._clock, account_id, login.key if login else "",
                        login.permissions if login else frozenset())
        hub.add(socket)
        try:
            await socket.serve(on_text)
        finally:
            hub.remove(socket)
        return ws

    async def _refuse_login(self, request: web.Request, way: str) -> web.StreamResponse:
        ws = await self._upgrade(request)
        if way == "unauthorized_frame":
            await ws.send_str('{"type":"UNAUTHORIZED"}')
        elif way == "error_frame":
            await ws.send_str('{"type":"ERROR","message":"Unauthorized"}')
        await ws.close(code=_INVALID_LOGIN if way == "close_1007" else 1000,
                       message=BAD_SIGNATURE.encode() if way == "close_1007" else b"")
        return ws

    @staticmethod
    async def _upgrade(request: web.Request) -> web.WebSocketResponse:
        # Pings are answered by hand: a half-open connection must not answer them.
        ws = web.WebSocketResponse(autoping=False, timeout=1.0)
        await ws.prepare(request)
        return ws

    def _close_overdue(self) -> None:
        # A half-open connection says nothing, not even that it closes.
        faults, now, lived = self._faults, self._clock.now(), self._clock.lived()
        for socket in [each for each in self._account.sockets if not each.silent]:
            if faults.account_idle_close is not None and lived - socket.last_heard >= faults.account_idle_close:
                socket.close(1000)
        for socket in [each for each in self._trade.sockets if not each.silent]:
            idle, age = lived - socket.last_heard, now - socket.opened
            if not socket.is_signed and faults.unsigned_close is not None and age >= faults.unsigned_close:
                socket.close(1000)
            elif not socket.subscriptions and faults.trade_idle_close is not None and idle >= faults.trade_idle_close:
                socket.close(ABORTED)
        self._sweep = self._clock.call_later(_SWEEP_EVERY, self._close_overdue)
