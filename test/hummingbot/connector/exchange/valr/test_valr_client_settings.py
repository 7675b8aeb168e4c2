import json
import subprocess
import sys
from decimal import Decimal
from types import SimpleNamespace

import pytest

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
import hummingbot.connector.exchange.valr.valr_web_utils as web_utils
from hummingbot.client.config.client_config_map import ClientConfigMap
from hummingbot.client.config.config_helpers import ClientConfigAdapter
from hummingbot.connector.exchange.valr.valr_client_settings import rate_limits_share
from hummingbot_valr.instance import HummingbotInstance


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


CREATE_CONNECTORS = """
import asyncio, json
from hummingbot.client.config.config_helpers import load_client_config_map_from_file
from hummingbot.client.hummingbot_application import HummingbotApplication

async def main():
    client = HummingbotApplication.main_application(load_client_config_map_from_file(), headless_mode=True)
    limits = {}
    for name in ("valr", "valr_simulator"):
        keys = {f"{name}_api_key": "key", f"{name}_api_secret": "secret", f"{name}_subaccount_id": ""}
        connector = await client.trading_core.create_connector(name, ["BTC-ZAR"], api_keys=keys)
        limits[name] = int(connector.throttler.get_related_limits("valr_rest")[0].limit)
    print(json.dumps(limits))

asyncio.run(main())
"""


def test_hummingbots_own_way_to_make_a_connector_honours_the_share(tmp_path):
    instance = HummingbotInstance(tmp_path)
    with (instance.folder / "conf/conf_client.yml").open("a") as conf:
        conf.write("rate_limits_share_pct: 25\n")

    result = subprocess.run([sys.executable, "-c", CREATE_CONNECTORS], capture_output=True, text=True, cwd=tmp_path)

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == {"valr": 300, "valr_simulator": 300}
