from typing import List

import pytest

from hummingbot.connector.exchange.valr.valr_heartbeat import Heartbeat


class Connection:
    """A connection that answers a PING after `answer_time` seconds while it lives, and its frames at a steady rate."""

    STEP = 0.01  # seconds

    def __init__(self, rate: float, answer_time: float = 0.1):
        self.now = 1_000.0
        self.heartbeat = Heartbeat(self.now)
        self.pings: List[float] = []
        self.is_alive = True
        self.rate = rate
        self.answer_time = answer_time
        self._frames = 0.0
        self._last_frame_at = self.now
        self._answers: List[float] = []

    def pass_time(self, seconds: float):
        for _ in range(round(seconds / self.STEP)):
            self.now += self.STEP
            before = int(self._frames)
            self._frames += self.rate * self.STEP
            answers = [moment for moment in self._answers if moment <= self.now]
            if self.is_alive and (int(self._frames) > before or answers):
                self._last_frame_at = self.now
            self._answers = [moment for moment in self._answers if moment > self.now]
            if self.heartbeat.is_ping_due(self.now, self._last_frame_at, int(self._frames)):
                self.pings.append(self.now)
                self._answers.append(self.now + self.answer_time)

    def seconds_until_silent(self) -> float:
        died_at = self.now
        self.is_alive = False
        while self.heartbeat.silent_since is None:
            self.pass_time(0.01)
            assert self.now < died_at + 60
        return self.now - died_at


@pytest.mark.parametrize("rate", [0.0, 0.05, 1.0, 20.0, 1_000.0])
def test_a_living_connection_is_never_silent_and_is_asked_every_15_seconds(rate):
    connection = Connection(rate)
    connection.pass_time(60.0)
    connection.pings.clear()

    for _ in range(30):
        connection.pass_time(10.0)
        assert connection.heartbeat.silent_since is None
    gaps = [later - earlier for earlier, later in zip(connection.pings, connection.pings[1:])]
    assert max(gaps) == pytest.approx(15.0, abs=0.05)
    assert len(connection.pings) < 25


@pytest.mark.parametrize("rate, limit", [(1_000.0, 0.8), (20.0, 0.8), (2.0, 3.1), (0.05, 15.5)])
def test_the_busier_a_connection_the_sooner_its_silence_is_noticed(rate, limit):
    connection = Connection(rate)
    connection.pass_time(100.0)

    assert connection.seconds_until_silent() < limit


def test_a_new_connection_counts_as_a_busy_one():
    assert Connection(rate=0.0).seconds_until_silent() < 0.8


def test_a_new_connection_is_not_taken_for_a_quiet_one_too_soon():
    connection = Connection(rate=0.0)
    connection.pass_time(2.0)

    assert connection.seconds_until_silent() < 1.5


def test_an_answer_ends_the_silence():
    connection = Connection(rate=100.0)
    connection.pass_time(10.0)
    connection.seconds_until_silent()
    connection.pass_time(20.0)
    assert connection.heartbeat.silent_since is not None

    connection.is_alive = True
    connection.pass_time(0.05)

    assert connection.heartbeat.silent_since is None


def test_a_silent_connection_is_still_asked():
    connection = Connection(rate=100.0)
    connection.pass_time(10.0)
    connection.seconds_until_silent()
    connection.pings.clear()

    connection.pass_time(31.0)

    assert len(connection.pings) == 2


def test_a_connection_that_answers_slowly_is_learnt():
    connection = Connection(rate=0.0, answer_time=1.0)
    silences = 0
    for _ in range(20_000):
        was_silent = connection.heartbeat.silent_since is not None
        connection.pass_time(0.01)
        silences += connection.heartbeat.silent_since is not None and not was_silent

    assert silences == 2  # 0.4 s and 0.8 s are too short for it


def test_tells_when_to_ask_again():
    heartbeat = Heartbeat(now=100.0)
    assert heartbeat.next_check(last_frame_at=100.0) == pytest.approx(100.25)

    assert heartbeat.is_ping_due(100.26, last_frame_at=100.0, frames=0)
    assert heartbeat.next_check(last_frame_at=100.0) == pytest.approx(100.66)

    assert not heartbeat.is_ping_due(100.67, last_frame_at=100.0, frames=0)
    assert heartbeat.silent_since == 100.0
    assert heartbeat.next_check(last_frame_at=100.0) == pytest.approx(115.26)
