import asyncio
import time

import pytest

from hummingbot_valr.simulator.clock import SimulatedClock


def test_follows_the_wall_and_jumps():
    clock = SimulatedClock()
    assert clock.now() == pytest.approx(time.time(), abs=1)
    clock.advance(3600)
    assert clock.now() == pytest.approx(time.time() + 3600, abs=1)


def test_refuses_to_go_back():
    with pytest.raises(ValueError, match="positive"):
        SimulatedClock().advance(-1)


async def test_a_jump_runs_what_became_due_in_its_order(clock):
    done = []
    clock.call_later(20, done.append, "second")
    clock.call_later(10, done.append, "first")
    clock.call_later(50, done.append, "not yet")
    clock.advance(30)
    assert done == ["first", "second"]


async def test_a_cancelled_timer_never_runs(clock):
    done = []
    clock.call_later(1, done.append, "cancelled").cancel()
    clock.advance(2)
    assert done == []


async def test_a_timer_that_sets_itself_again_runs_once_per_jump(clock):
    runs = []

    def tick():
        runs.append(clock.now())
        clock.call_later(1, tick)

    clock.call_later(1, tick)
    clock.advance(1000)
    assert len(runs) == 1


async def test_sleepers_wake_by_a_jump(clock):
    sleeper = asyncio.create_task(clock.sleep(900))
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(900)
    await asyncio.wait_for(sleeper, 1)


async def test_sleepers_wake_by_the_wall_too():
    await asyncio.wait_for(SimulatedClock().sleep(0.01), 1)
