import asyncio
import logging
from test.hummingbot.connector.exchange.valr.helpers import until
from typing import List

import pytest
import pytest_asyncio

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_account_refresh import ValrAccountRefresh
from hummingbot.connector.exchange.valr.valr_troubles import ValrTroubles

pytestmark = pytest.mark.asyncio


class Account:
    """What the refresh needs of a connector."""

    def __init__(self):
        self.balance_reads, self.order_reads = 0, 0
        self.failures: List[Exception] = []  # of the next reads of balances

    def logger(self) -> logging.Logger:
        return logging.getLogger("valr")

    async def _update_balances(self):
        self.balance_reads += 1
        if self.failures:
            raise self.failures.pop()

    async def _update_order_status(self):
        self.order_reads += 1

    async def _sleep(self, seconds: float):
        await asyncio.sleep(0)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def troubles(account) -> ValrTroubles:
    return ValrTroubles(account.logger())


@pytest_asyncio.fixture
async def refresh(account, troubles):
    refresh = ValrAccountRefresh(account, troubles)
    yield refresh
    refresh.stop()


async def test_one_failure_keeps_nothing_else_from_being_read_and_is_told(account, refresh, caplog):
    caplog.set_level(logging.INFO)
    account.failures = [OSError("no answer")] * 2

    assert not await refresh.refresh() and not await refresh.refresh() and await refresh.refresh()

    assert account.order_reads == 3
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "the account's balances and orders (no answer)" in caplog.text


async def test_missing_fills_are_a_failure(troubles, refresh):
    troubles.begin(refresh.FILLS, OSError("no answer"))

    assert not await refresh.refresh()


async def test_a_gap_stays_open_until_the_account_was_read(account, refresh):
    account.failures = [OSError("no answer")] * (len(CONSTANTS.RETRY_PAUSES) + 2)

    refresh.close_gap()
    assert refresh.is_closing_gap
    await until(lambda: not refresh.is_closing_gap)

    assert not account.failures and account.balance_reads == len(CONSTANTS.RETRY_PAUSES) + 3


async def test_many_gaps_at_once_are_two_reads(account, refresh):
    refresh.close_gap()
    await asyncio.sleep(0)
    for _ in range(100):
        refresh.close_gap()
    await until(lambda: not refresh.is_closing_gap)

    assert account.balance_reads == 2


async def test_balances_are_read_once_for_many_that_are_not_clear(account, refresh, caplog):
    caplog.set_level(logging.INFO)
    account.failures = [OSError("no answer")]
    for _ in range(100):
        refresh.read_balances_soon()
    await until(lambda: account.balance_reads == 1)

    refresh.read_balances_soon()
    await until(lambda: account.balance_reads == 2)

    assert not caplog.records and account.order_reads == 0


async def test_nothing_is_read_after_a_stop(account, refresh):
    refresh.close_gap()
    refresh.read_balances_soon()

    refresh.stop()
    for _ in range(5):
        await asyncio.sleep(0)

    assert not refresh.is_closing_gap and account.balance_reads == 0
