import asyncio
from typing import Any, Dict, List

import pytest

from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.connector.exchange.valr.valr_user_stream_tracker import ValrEventQueue


@pytest.fixture
def queue() -> ValrEventQueue:
    return ValrEventQueue()


@pytest.fixture
def heard(queue) -> List[Dict[str, Any]]:
    heard: List[Dict[str, Any]] = []
    queue.listener = heard.append
    return heard


def test_event_waits_while_nobody_listens(queue):
    queue.put_nowait({"type": "A"})

    assert queue.get_nowait() == {"type": "A"}


def test_event_is_heard_at_once(queue, heard):
    queue.put_nowait({"type": "A"})

    assert heard == [{"type": "A"}] and queue.empty()


def test_no_event_overtakes_one_that_waits(queue):
    queue.put_nowait({"type": "A"})
    heard: List[Dict[str, Any]] = []
    queue.listener = heard.append

    queue.put_nowait({"type": "B"})

    assert not heard and [queue.get_nowait()["type"] for _ in range(2)] == ["A", "B"]


@pytest.mark.asyncio
async def test_exchange_hears_what_waited_and_then_each_event_at_once(monkeypatch):
    connector = ValrExchange("key", "secret")
    queue = connector._user_stream_tracker.user_stream
    heard: List[Dict[str, Any]] = []
    monkeypatch.setattr(connector._events, "process", heard.append)
    queue.put_nowait({"type": "A"})
    listening = asyncio.ensure_future(connector._user_stream_event_listener())
    async with asyncio.timeout(1):
        while not heard:
            await asyncio.sleep(0)

    queue.put_nowait({"type": "B"})
    assert [event["type"] for event in heard] == ["A", "B"]

    listening.cancel()
    await asyncio.wait([listening])
    queue.put_nowait({"type": "C"})
    assert queue.qsize() == 1
