import time
from decimal import Decimal
from typing import Dict, Optional

import pytest

from hummingbot.connector.exchange.valr.valr_balances import ValrBalances
from hummingbot.connector.exchange.valr.valr_parsers import Balance


@pytest.fixture
def total() -> Dict[str, Decimal]:
    return {}


@pytest.fixture
def available() -> Dict[str, Decimal]:
    return {}


@pytest.fixture
def balances(total, available) -> ValrBalances:
    return ValrBalances(total, available)


def balance(asset: str, total: int, updated_at: Optional[float] = None) -> Balance:
    return Balance(asset, Decimal(total), Decimal(total) / 2, updated_at)


def test_balances_are_absolute(balances, total, available):
    balances.update(balance("BTC", 4))
    balances.update(balance("BTC", 2))

    assert (total, available) == ({"BTC": 2}, {"BTC": 1})


@pytest.mark.parametrize("later, expected", [(99.0, 4), (100.0, 2), (101.0, 2), (None, 2)])
def test_older_balance_is_ignored(later, expected, balances, total):
    balances.update(balance("BTC", 4, 100.0))
    balances.update(balance("BTC", 2, later))

    assert total == {"BTC": expected}


def test_two_balances_of_one_millisecond_may_have_come_in_the_wrong_order(balances, total):
    assert balances.update(balance("BTC", 4, 100.0))
    assert balances.update(balance("BTC", 4, 100.0))
    assert not balances.update(balance("BTC", 2, 100.0))
    assert balances.update(balance("BTC", 3, 99.0))
    assert balances.update(balance("BTC", 3))
    assert balances.update(balance("BTC", 5, 101.0))


def test_asset_that_is_missing_in_a_full_answer_is_gone(balances, total, available):
    balances.update(balance("BTC", 4))
    balances.update(balance("ETH", 4))

    balances.replace([balance("ETH", 6)], requested_at=time.monotonic())

    assert (total, available) == ({"ETH": 6}, {"ETH": 3})


def test_asset_that_came_after_the_request_stays(balances, total):
    requested_at = time.monotonic()
    balances.update(balance("BTC", 4))

    balances.replace([], requested_at)

    assert total == {"BTC": 4}


def test_answer_older_than_an_event_is_ignored(balances, total):
    balances.update(balance("BTC", 4, 100.0))

    balances.replace([balance("BTC", 2, 99.0)], requested_at=time.monotonic())

    assert total == {"BTC": 4}


def test_asset_that_is_gone_may_come_back(balances, total):
    balances.update(balance("BTC", 4, 100.0))
    balances.replace([], requested_at=time.monotonic())

    balances.update(balance("BTC", 1, 101.0))

    assert total == {"BTC": 1}
