"""VALR's rate limits: counters that start anew with the wall-clock minute or second."""
import re
from typing import Dict, List, Optional, Tuple

from .clock import SimulatedClock

# Name: (requests, seconds of the window). Change an entry to play a lower limit.
LIMITS: Dict[str, Tuple[int, int]] = {
    "key": (2000, 60),
    "ip": (1200, 60),
    "public": (30, 60),
    "time": (20, 1),
    "status": (20, 1),
    "buckets": (20, 1),
    "place": (400, 1),
    "cancel": (450, 1),
    "batch": (400, 1),
    "modify": (400, 1),
    "transfer": (20, 1),
    "sockets": (60, 60),
    "socket_place": (400, 1),
    "socket_cancel": (450, 1),
    "socket_batch": (400, 1),
    "socket_modify": (400, 1),
}
_BUCKETS = re.compile(r"/v1/public/[^/]+/buckets")


class RateLimits:
    """Counts requests; switch off with `enabled = False`. Per-second routes do not count towards the minute."""

    def __init__(self, clock: SimulatedClock):
        self.enabled = True
        self.limits = dict(LIMITS)
        self.refused = 0
        self._clock = clock
        self._counts: Dict[Tuple[str, str], Tuple[int, int]] = {}

    def allow(self, verb: str, path: str, api_key: Optional[str]) -> bool:
        """Whether a REST request may pass; it is counted if so."""
        return self.take(*_scopes(verb, path, api_key))

    def take(self, *scopes: Tuple[str, str]) -> bool:
        """Counts one use in each (limit, owner); False, and nothing counted, when one of them is used up."""
        if not self.enabled:
            return True
        now = self._clock.now()
        counts: List[Tuple[Tuple[str, str], int, int]] = []
        for scope in scopes:
            allowed, seconds = self.limits[scope[0]]
            window = int(now // seconds)
            last_window, used = self._counts.get(scope, (window, 0))
            used = used if last_window == window else 0
            if used >= allowed:
                self.refused += 1
                return False
            counts.append((scope, window, used + 1))
        for scope, window, used in counts:
            self._counts[scope] = window, used
        return True


def _scopes(verb: str, path: str, api_key: Optional[str]) -> List[Tuple[str, str]]:
    owner = api_key or ""
    if path.startswith("/v1/public/"):
        if path == "/v1/public/time":
            return [("time", "")]
        if path == "/v1/public/status":
            return [("status", "")]
        if _BUCKETS.fullmatch(path):
            return [("buckets", "")]
        return [("public", ""), ("ip", "")]
    if verb == "POST" and path.startswith("/v1/orders"):
        return [("place", owner)]
    if verb == "DELETE" and path.startswith("/v1/orders"):
        return [("cancel", owner)]
    if verb == "POST" and path == "/v1/batch/orders":
        return [("batch", owner)]
    if verb == "PUT" and path == "/v2/orders/modify":
        return [("modify", owner)]
    if verb == "POST" and path == "/v1/account/subaccounts/transfer":
        return [("transfer", owner)]
    return [("ip", ""), ("key", owner)] if api_key else [("ip", "")]
