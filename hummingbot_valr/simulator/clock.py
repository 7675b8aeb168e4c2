"""The exchange's clock: wall time plus an offset that tests move forward."""
import asyncio
import heapq
import itertools
import time
from typing import Any, Callable, List, Optional, Tuple


class Timer:
    """A callback waiting for its moment on the simulated clock."""

    __slots__ = ("callback", "args")

    def __init__(self, callback: Callable[..., Any], args: Tuple[Any, ...]):
        self.callback: Optional[Callable[..., Any]] = callback
        self.args = args

    def cancel(self) -> None:
        self.callback = None


class SimulatedClock:
    """
    Time of the exchange in seconds since the epoch. `advance` jumps forward; whatever waits on this clock (15-minute
    closes, delayed snapshots, rate-limit windows, caches) follows the jump.
    """

    def __init__(self, source: Callable[[], float] = time.time):
        self._source = source
        self._offset = 0.0
        self._order = itertools.count()
        self._waiting: List[Tuple[float, int, Timer]] = []
        self._alarm: Optional[asyncio.TimerHandle] = None

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._source() + self._offset

    def lived(self) -> float:
        """Seconds without the jumps: silence is measured with it, since a client cannot speak during a jump."""
        return self._source()

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return int(self.now() * 1000)

    def advance(self, seconds: float) -> None:
        """Jumps `seconds` forward and runs what became due, in the order it was due."""
        if seconds < 0:
            raise ValueError(f"The clock of the exchange cannot go back ({seconds} s); give a positive number.")
        self._offset += seconds
        self._run_due()

    def call_later(self, seconds: float, callback: Callable[..., Any], *args: Any) -> Timer:
        """Runs `callback(*args)` after `seconds` of this clock. Needs a running event loop."""
        timer = Timer(callback, args)
        heapq.heappush(self._waiting, (self.now() + seconds, next(self._order), timer))
        self._set_alarm()
        return timer

    async def sleep(self, seconds: float) -> None:
        """Waits `seconds` of this clock."""
        done = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: None if done.done() else done.set_result(None))
        try:
            await done
        finally:
            timer.cancel()

    def stop(self) -> None:
        """Forgets everything that waits."""
        self._waiting.clear()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _run_due(self) -> None:
        now = self.now()
        while self._waiting and self._waiting[0][0] <= now:
            timer = heapq.heappop(self._waiting)[2]
            if timer.callback is not None:
                timer.callback(*timer.args)
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._waiting and self._waiting[0][2].callback is None:
            heapq.heappop(self._waiting)
        if self._waiting:
            delay = max(0.0, self._waiting[0][0] - self.now())
            self._alarm = asyncio.get_event_loop().call_later(delay, self._run_due)
