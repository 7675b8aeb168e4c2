from decimal import Decimal
from types import SimpleNamespace

import pytest

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
import hummingbot.connector.exchange.valr.valr_web_utils as web_utils
from hummingbot.client.config.client_config_map import ClientConfigMap
from hummingbot.client.config.config_helpers import ClientConfigAdapter
from hummingbot.connector.exchange.valr.valr_client_settings import rate_limits_share


@pytest.fixture
def running_client(monkeypatch):
    from hummingbot.client.hummingbot_application import HummingbotApplication

    def run(share: str):
        config = ClientConfigAdapter(ClientConfigMap(rate_limits_share_pct=Decimal(share)))
        monkeypatch.setattr(HummingbotApplication, "_main_app", SimpleNamespace(client_config_map=config))

    return run


def limit_of(throttler, limit_id: str) -> int:
    return throttler.get_related_limits(limit_id)[0].limit


def test_without_a_client_all_limits_are_ours():
    assert rate_limits_share() == 100
    assert limit_of(web_utils.create_throttler(), CONSTANTS.REST_POOL) == 1200


def test_the_share_of_the_running_client_counts(running_client):
    running_client("25")

    assert rate_limits_share() == 25
    throttler = web_utils.create_throttler()
    assert limit_of(throttler, CONSTANTS.REST_POOL) == 300
    assert limit_of(throttler, CONSTANTS.PLACE_LIMIT_PATH) == 100


def test_a_share_that_is_asked_for_comes_first(running_client):
    running_client("25")

    assert limit_of(web_utils.create_throttler(Decimal("50")), CONSTANTS.REST_POOL) == 600
