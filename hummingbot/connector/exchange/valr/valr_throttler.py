import asyncio
import time
from collections import defaultdict, deque
from typing import Any, Deque, Dict, List, Tuple

from hummingbot.core.api_throttler.async_throttler import AsyncThrottler
from hummingbot.core.api_throttler.data_types import RateLimit


class _Window:
    """What was used of one rate limit within its interval: (seconds, weight), oldest first, and their sum."""

    __slots__ = ("used", "entries")

    def __init__(self) -> None:
        self.used = 0
        self.entries: Deque[Tuple[float, int]] = deque()

    def expire(self, before: float) -> None:
        while self.entries and self.entries[0][0] < before:
            self.used -= self.entries.popleft()[1]

    def add(self, now: float, weight: int) -> None:
        self.entries.append((now, weight))
        self.used += weight


class _Admission:
    """The context of one request: entering waits until every rate limit it counts towards has room for it."""

    __slots__ = ("_throttler", "_limits")

    def __init__(self, throttler: "ValrThrottler", limits: List[Tuple[RateLimit, int]]):
        self._throttler = throttler
        self._limits = limits

    async def __aenter__(self) -> None:
        await self._throttler.acquire(self._limits)

    async def __aexit__(self, *_: object) -> None:
        pass


class ValrThrottler(AsyncThrottler):
    """
    Hummingbot's throttler with the same rate limits, at a cost that does not grow. The base class keeps one list of all
    requests of the last minute and walks through it in decimal arithmetic for every request: 16 µs when it is empty,
    3.4 ms with 1,000 requests in it, which a market maker on VALR can have. Here each limit counts for itself.
    """

    WAIT_LOG_INTERVAL = 30.0  # seconds

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._windows: Dict[str, _Window] = defaultdict(_Window)
        self._last_wait_log = float("-inf")

    def execute_task(self, limit_id: str) -> _Admission:
        """
        :param limit_id: the rate limit the request counts towards, with those linked to it; unknown ids are not limited
        :return: an asynchronous context that is entered when the request may be sent
        """
        rate_limit, related = self.get_related_limits(limit_id)
        limits = [] if rate_limit is None else [(rate_limit, rate_limit.weight), *related]
        return _Admission(self, limits)

    async def acquire(self, limits: List[Tuple[RateLimit, int]]) -> None:
        """
        Waits until each of the limits has room for its weight, then takes the room in all of them at once. Requests
        that wait for one limit hold up no request of another.
        """
        while (wait := self._seconds_until_free(limits)) > 0:
            self._log_wait(limits[0][0])
            await asyncio.sleep(min(wait, self._retry_interval))
        now = time.monotonic()
        for limit, weight in limits:
            self._windows[limit.limit_id].add(now, weight)

    def _seconds_until_free(self, limits: List[Tuple[RateLimit, int]]) -> float:
        now = time.monotonic()
        wait = 0.0
        for limit, weight in limits:
            interval = limit.time_interval * (1 + self._safety_margin_pct)
            window = self._windows[limit.limit_id]
            window.expire(before=now - interval)
            if window.entries and window.used + weight > limit.limit:
                wait = max(wait, window.entries[0][0] + interval - now, 0.001)
        return wait

    def _log_wait(self, limit: RateLimit) -> None:
        now = time.monotonic()
        if now - self._last_wait_log > self.WAIT_LOG_INTERVAL:
            self._last_wait_log = now
            self.logger().info(f"Requests of {limit.limit_id} wait for VALR's rate limits.")
