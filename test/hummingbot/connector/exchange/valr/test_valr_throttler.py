import asyncio
from decimal import Decimal

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_web_utils as web_utils
from hummingbot.connector.exchange.valr.valr_throttler import ValrThrottler
from hummingbot.core.api_throttler.data_types import LinkedLimitWeightPair, RateLimit

pytestmark = pytest.mark.asyncio


def throttler(*limits: RateLimit, **kwargs) -> ValrThrottler:
    return ValrThrottler(list(limits), **kwargs)


async def send(throttler_: ValrThrottler, limit_id: str, count: int = 1):
    for _ in range(count):
        async with throttler_.execute_task(limit_id):
            pass


async def is_held_up(throttler_: ValrThrottler, limit_id: str) -> bool:
    """Whether one more request would have to wait; an admission that is free never yields to the loop."""
    task = asyncio.ensure_future(send(throttler_, limit_id))
    await asyncio.sleep(0)
    held_up = not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return held_up


async def test_requests_within_the_limit_do_not_wait():
    limited = throttler(RateLimit("a", 3, 60))
    await send(limited, "a", 2)

    assert not await is_held_up(limited, "a")


async def test_the_request_over_the_limit_waits():
    limited = throttler(RateLimit("a", 3, 60))
    await send(limited, "a", 3)

    assert await is_held_up(limited, "a")


async def test_a_waiting_request_is_sent_when_the_interval_has_passed():
    limited = throttler(RateLimit("a", 1, 0.05))
    loop = asyncio.get_running_loop()
    await send(limited, "a")
    sent_first = loop.time()

    await send(limited, "a")

    assert loop.time() - sent_first >= 0.049


async def test_linked_limits_count_with_their_weight():
    limited = throttler(
        RateLimit("pool", 5, 60), RateLimit("other", 5, 60),
        RateLimit("a", 100, 60, linked_limits=[LinkedLimitWeightPair("pool", 2)]))
    await send(limited, "a", 2)

    assert await is_held_up(limited, "a")
    assert not await is_held_up(limited, "pool")
    assert not await is_held_up(limited, "other")


async def test_a_request_heavier_than_its_limit_is_not_held_for_ever():
    limited = throttler(RateLimit("a", 1, 60, weight=5))

    assert not await is_held_up(limited, "a")


async def test_waiting_for_one_limit_holds_up_no_other():
    limited = throttler(RateLimit("a", 1, 60), RateLimit("b", 1, 60))
    await send(limited, "a")
    waiting = asyncio.ensure_future(send(limited, "a"))
    await asyncio.sleep(0)

    assert not await is_held_up(limited, "b")

    waiting.cancel()


async def test_a_request_given_up_while_waiting_takes_no_room():
    limited = throttler(RateLimit("a", 1, 0.05))
    await send(limited, "a")
    assert await is_held_up(limited, "a")

    await asyncio.wait_for(send(limited, "a"), timeout=5)


async def test_unknown_limits_are_free():
    assert not await is_held_up(throttler(), "unknown")


async def test_only_the_share_of_the_limit_is_used():
    limited = throttler(RateLimit("a", 4, 60), limits_share_percentage=Decimal("50"))
    await send(limited, "a", 2)

    assert await is_held_up(limited, "a")


async def test_waiting_is_logged_once(caplog):
    limited = throttler(RateLimit("a", 1, 60))
    await send(limited, "a")
    with caplog.at_level("INFO"):
        await is_held_up(limited, "a")
        await is_held_up(limited, "a")

    assert [record.getMessage() for record in caplog.records] == ["Requests of a wait for VALR's rate limits."]


@pytest.mark.parametrize("limit_id", [CONSTANTS.PAIRS_PATH, CONSTANTS.ORDER_TYPES_PATH, CONSTANTS.MARKET_SUMMARY_PATH])
async def test_all_public_routes_share_valrs_30_a_minute(limit_id):
    limited = web_utils.create_throttler()
    await send(limited, CONSTANTS.PAIRS_PATH, 10)
    await send(limited, CONSTANTS.ORDER_TYPES_PATH, 10)
    await send(limited, CONSTANTS.MARKET_SUMMARY_PATH, 10)

    assert await is_held_up(limited, limit_id)


async def test_orders_and_clock_do_not_wait_for_the_public_limit():
    limited = web_utils.create_throttler()
    await send(limited, CONSTANTS.PAIRS_PATH, 30)

    for limit_id in (CONSTANTS.PLACE_LIMIT_PATH, CONSTANTS.CANCEL_PATH, CONSTANTS.SERVER_TIME_PATH):
        assert not await is_held_up(limited, limit_id)
