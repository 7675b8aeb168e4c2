from typing import Optional

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS


class Heartbeat:
    """
    Judges from its silence whether a connection is alive. VALR sends nothing on a quiet market, so a silence is
    compared with what the connection usually sends, and a PING asks about it before it is believed. Times are seconds
    of one clock that only goes forward.
    """

    # A connection is asked when it is silent for so many times its usual pause, a busy one not before this.
    UNUSUAL_PAUSES = 5.0
    SHORTEST_PATIENCE = 0.25
    # The first guess of how long an answer takes; it grows with every connection that turns out to be slower.
    ANSWER_TIME = 0.4
    LONGEST_ANSWER_TIME = 5.0
    RATE_INTERVAL = 1.0
    # A new connection counts as a busy one until it is known better.
    FIRST_RATE = 20.0  # frames a second

    def __init__(self, now: float):
        self.silent_since: Optional[float] = None  # a PING was not answered in time, and nothing came since
        self._asked_at: Optional[float] = None  # the first PING without an answer
        self._next_ping = now + CONSTANTS.PING_INTERVAL
        self._answer_time = self.ANSWER_TIME
        self.patience = self.SHORTEST_PATIENCE  # seconds of silence after which it is asked
        self._rate = self.FIRST_RATE
        self._counted_at = now
        self._counted_frames = 0

    def is_ping_due(self, now: float, last_frame_at: float, frames: int) -> bool:
        """
        To be asked often; the caller sends a PING when the answer is True.

        :param last_frame_at: when the newest frame came
        :param frames: how many came so far, the ones that answer a PING left out
        """
        self._measure(now, frames)
        if self._asked_at is not None:
            self._look_for_answer(now, last_frame_at, self._asked_at)
        is_unusual = self._asked_at is None and now - last_frame_at > self.patience
        if not is_unusual and now < self._next_ping:
            return False
        self._next_ping = now + CONSTANTS.PING_INTERVAL
        if self._asked_at is None:
            self._asked_at = now
        return True

    def next_check(self, last_frame_at: float) -> float:
        """
        :return: when `is_ping_due` has to be asked next at the latest
        """
        if self._asked_at is None:
            return min(self._next_ping, last_frame_at + self.patience)
        if self.silent_since is None:
            return self._asked_at + self._answer_time
        return self._next_ping

    def _look_for_answer(self, now: float, last_frame_at: float, asked_at: float) -> None:
        if last_frame_at > asked_at:
            if self.silent_since is not None:
                self._answer_time = min(2 * self._answer_time, self.LONGEST_ANSWER_TIME)
            self._asked_at = self.silent_since = None
        elif self.silent_since is None and now - asked_at >= self._answer_time:
            self.silent_since = last_frame_at

    def _measure(self, now: float, frames: int) -> None:
        elapsed = now - self._counted_at
        if elapsed < self.RATE_INTERVAL:
            return
        self._rate += 0.3 * (max(0, frames - self._counted_frames) / elapsed - self._rate)
        self._counted_at = now
        self._counted_frames = frames
        usual_pause = 1 / self._rate if self._rate else CONSTANTS.PING_INTERVAL
        self.patience = min(max(self.UNUSUAL_PAUSES * usual_pause, self.SHORTEST_PATIENCE), CONSTANTS.PING_INTERVAL)
