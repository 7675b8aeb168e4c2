"""The way of a REST request: limits, maintenance, signature, permission, cache, faults, and only then its route."""
import logging
import math
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple, TypeVar

from aiohttp import web

from . import wire
from .clock import SimulatedClock
from .commands import parse_object
from .faults import Faults, RequestFaults
from .ledger import Account
from .money import parse_iso
from .rate_limits import RateLimits
from .rules import Rejected, invalid
from .signing import TRADE, VIEW, ApiKey, Keyring

logger = logging.getLogger(__name__)

_Row = TypeVar("_Row")

MALFORMED_PAGE = ("<html><head><title>400 Bad Request</title></head><body><h1>400. That’s an error.</h1>"
                  "<p>Your client has issued a malformed or illegal request.</p></body></html>")
_EVENTS_FIRST = 0.005
_MOST_CACHED = 2000
_LONGEST_LOGGED_PATH = 300
ERROR_PAGE = "<html><head><title>Server Error</title></head><body><h1>Error: Server Error</h1></body></html>"


@dataclass
class Call:
    """A request that was let in. `params` are the variable parts of the path, `query` the decoded query."""
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    def payload(self) -> Dict[str, Any]:
        """The JSON object in the body; `Rejected` when there is none."""
        return parse_object(self.body)

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number of the query within 0..`most`; `Rejected` otherwise."""
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 12) or int(text) > most:
            raise invalid(f"{name} is a number from 0 to {most}")
        return int(text)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean of the query; whatever is neither "true" nor "false" counts as the default."""
        return {"true": True, "false": False}.get(self.query.get(name, "").lower(), default)

    def period(self) -> Tuple[float, float]:
        """Epoch seconds of startTime and endTime, infinite when missing; `Rejected` when one is not an ISO time."""
        return self._moment("startTime", -math.inf), self._moment("endTime", math.inf)

    def page(self, newest_first: Iterable[_Row], id_of: Callable[[_Row], str], most: int = 100) -> List[_Row]:
        """A page of rows by skip, limit (at most `most`) and beforeId; empty when no row has that id."""
        skip, limit = self.number("skip", 0, 10**9), self.number("limit", 100, most)
        before, rows = self.query.get("beforeId"), iter(newest_first)
        if before is not None:
            # `any` reads up to the row with this id, and itself no further.
            any(id_of(row) == before for row in rows)
        return list(islice(rows, skip, skip + limit))

    def _moment(self, name: str, default: float) -> float:
        text = self.query.get(name)
        moment = default if text is None else parse_iso(text)
        if moment is None:
            raise invalid(f"{name} is an ISO-8601 time")
        return moment


@dataclass
class SignedCall(Call):
    """A signed request: with `key`, acting for `account`."""
    account: Account
    key: ApiKey


@dataclass
class Reply:
    """`body`: None for an empty one, a string for HTML, anything else is sent as JSON."""
    status: int = 200
    body: Any = None
    headers: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """
    A path with its handler. `permission` None: public. `cache` is the seconds a reply is served again. `faults` names
    the group of `Faults` that acts on it.
    """
    verb: str
    path: str
    handler: Callable[[Any], Reply]
    permission: Optional[str] = VIEW
    cache: int = 0
    faults: str = "read"
    primary_only: bool = False


def order_route(verb: str, path: str, handler: Callable[[SignedCall], Reply], faults: str) -> Route:
    """A route that needs the permission to trade."""
    return Route(verb, path, handler, permission=TRADE, faults=faults)


class Gate:
    """Answers requests of registered routes."""

    def __init__(self, clock: SimulatedClock, faults: Faults, keyring: Keyring, limits: RateLimits):
        self._clock = clock
        self._faults = faults
        self._keyring = keyring
        self._limits = limits
        self._cache: Dict[str, Tuple[float, Reply]] = {}

    def clear_cache(self) -> None:
        self._cache.clear()

    def register(self, app: web.Application, route: Route) -> None:
        async def handler(request: web.Request) -> web.StreamResponse:
            return await self._answer(route, request)

        app.router.add_route(route.verb, route.path, handler)

    async def _answer(self, route: Route, request: web.Request) -> web.StreamResponse:
        faults: RequestFaults = getattr(self._faults, route.faults)
        if self._faults.outage:
            return hang_up(request)
        if not self._limits.allow(request.method, request.path, request.headers.get("X-VALR-API-KEY")):
            return self._send(self._too_many())
        if self._faults.read_only and request.method not in ("GET", "OPTIONS"):
            return self._send(Reply(503))
        try:
            call = await self._admit(route, request)
        except Rejected as refusal:
            return self._send(_refused(refusal, request))
        fault = faults.draw(request.path)
        if fault == "lost_before":
            return hang_up(request)
        if fault == "late":
            self._clock.call_later(self._faults.stall, self._run, route, request, call)
            return hang_up(request)
        if fault in ("html_refused", "rate_limited", "unavailable", "server_error"):
            return self._send({"html_refused": Reply(400, MALFORMED_PAGE), "rate_limited": self._too_many(),
                               "unavailable": Reply(503), "server_error": Reply(500, ERROR_PAGE)}[fault])
        reply = self._run(route, request, call)
        if fault == "lost_after":
            return hang_up(request)
        if self._faults.events.before_reply and request.method != "GET":
            await self._clock.sleep(_EVENTS_FIRST)
        if fault == "stalled":
            await self._clock.sleep(self._faults.stall)
        if fault == "html_accepted":
            reply = Reply(400, MALFORMED_PAGE)
        if fault == "server_error_accepted":
            reply = Reply(500, ERROR_PAGE)
        return self._send(reply)

    async def _admit(self, route: Route, request: web.Request) -> Call:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise invalid("the body is too large") from None
        if request.method in ("POST", "PUT", "PATCH") and request.content_type != "application/json":
            raise Rejected(None, "Content-Type application/json is needed", status=403)
        if route.permission is None:
            return Call(request.match_info, request.query, body)
        key, account_id = self._keyring.authenticate(request.headers, request.method, request.raw_path, body)
        account = self._keyring.account(account_id)
        if route.permission not in key.permissions or (route.primary_only and account.is_sub_account):
            raise Rejected(None, "Unauthorized", status=401)
        return SignedCall(request.match_info, request.query, body, account, key)

    def _run(self, route: Route, request: web.Request, call: Call) -> Reply:
        if route.cache and self._faults.public_cache:
            return self._cached(route, request, call)
        return self._handle(route, request, call)

    def _cached(self, route: Route, request: web.Request, call: Call) -> Reply:
        now = self._clock.now()
        stored = self._cache.get(request.raw_path)
        if stored is None or now - stored[0] >= route.cache:
            reply = self._handle(route, request, call)
            audience = "" if isinstance(call, SignedCall) else ",public"
            reply.headers["Cache-Control"] = f"max-age={route.cache}{audience}"
            if len(self._cache) >= _MOST_CACHED:
                self._cache.clear()
            stored = self._cache[request.raw_path] = now, reply
        stored_at, reply = stored
        return Reply(reply.status, reply.body, {**reply.headers, "Age": str(int(now - stored_at))})

    def _handle(self, route: Route, request: web.Request, call: Call) -> Reply:
        try:
            return route.handler(call)
        except Rejected as refusal:
            return _refused(refusal, request)

    def _too_many(self) -> Reply:
        headers = {"x-valr-ratelimited": "true"}
        if self._faults.retry_after is not None:
            headers["Retry-After"] = str(self._faults.retry_after)
        return Reply(429, headers=headers)

    @staticmethod
    def _send(reply: Reply) -> web.Response:
        headers = {"x-valr-upstream-service-time": "1", **reply.headers}
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        if isinstance(reply.body, str):
            return web.Response(status=reply.status, headers=headers, text=reply.body, content_type="text/html")
        return web.Response(status=reply.status, headers=headers, body=wire.dumps(reply.body).encode(),
                            content_type="application/json")


def _refused(refusal: Rejected, request: web.Request) -> Reply:
    path = request.raw_path[:_LONGEST_LOGGED_PATH]
    logger.info("%s %s refused: %s %s", request.method, path, refusal.status, refusal.message)
    return Reply(refusal.status, refusal.body())


def hang_up(request: web.Request) -> web.Response:
    """Drops the connection; the response is for the framework and goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
