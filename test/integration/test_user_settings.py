"""What a user sets in Hummingbot beside the keys: fee overrides and a sub-account."""
import asyncio
import json
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from decimal import Decimal
from test.integration.trading_account import until
from typing import AsyncIterator

import yaml

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot_valr.instance import HummingbotInstance
from hummingbot_valr.simulator import ValrSimulator

OVERRIDES = """\
template_version: 14
valr_simulator_maker_percent_fee: 0.05
valr_simulator_maker_fixed_fees: [["ZAR", 1]]
valr_taker_percent_fee: a lot
"""

ESTIMATE_FEES = """
import asyncio, json, os
from decimal import Decimal
from hummingbot.client.config.config_helpers import create_yml_files_legacy, read_system_configs_from_yml
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

def fee(connector, is_maker):
    fee = connector.get_fee("BTC", "ZAR", OrderType.LIMIT, TradeType.SELL, Decimal(1), Decimal(100), is_maker)
    return [str(fee.percent), [[token.token, str(token.amount)] for token in fee.flat_fees]]

async def main():
    await create_yml_files_legacy()
    await read_system_configs_from_yml()
    connector = ValrExchange(os.environ["KEY"], os.environ["SECRET"], domain="valr_simulator")
    await connector._update_trading_fees()
    production = ValrExchange("", "", trading_required=False)
    print(json.dumps([fee(connector, True), fee(connector, False), fee(production, True)]))
    await ConnectionsFactory().close()

asyncio.run(main())
"""


async def test_fee_overrides_count_more_than_valrs_rates_and_only_where_they_are_set(tmp_path):
    async with ValrSimulator(market=False) as exchange:
        instance = HummingbotInstance(tmp_path)
        (instance.folder / "conf/conf_fee_overrides.yml").write_text(OVERRIDES)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ESTIMATE_FEES, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"VALR_SIMULATOR_URL": exchange.url, "KEY": exchange.api_key, "SECRET": exchange.api_secret})
        output, errors = await process.communicate()

    assert process.returncode == 0, errors.decode()
    maker, taker, production_maker = json.loads(output.splitlines()[-1])
    assert Decimal(maker[0]) == Decimal("0.0005") and maker[1] == [["ZAR", "1"]]
    assert Decimal(taker[0]) == Decimal("0.0035") and taker[1] == []  # the account's rate
    assert Decimal(production_maker[0]) == Decimal("0.0018") and production_maker[1] == []
    complaint = "valr_taker_percent_fee in conf_fee_overrides.yml is ignored: 'a lot' is not a percentage."
    assert errors.decode().count(complaint) == 1 and "Traceback" not in errors.decode()
    saved = yaml.safe_load((instance.folder / "conf/conf_fee_overrides.yml").read_text())
    assert saved["valr_simulator_maker_percent_fee"] == 0.05


@asynccontextmanager
async def running_connector(exchange: ValrSimulator, **arguments) -> AsyncIterator[ValrExchange]:
    connector = ValrExchange(exchange.api_key, exchange.api_secret, domain=CONSTANTS.SIMULATOR_DOMAIN, **arguments)
    await connector.start_network()
    try:
        yield connector
    finally:
        await connector.stop_network()
        await ConnectionsFactory().close()


async def test_a_sub_account_is_traded_on_with_the_key_of_the_primary_account(monkeypatch):
    async with ValrSimulator() as exchange:
        monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, exchange.url)
        sub_account = exchange.engine.account(exchange.sub_account_id)
        exchange.engine.deposit(exchange.sub_account_id, "ZAR", Decimal("5000"))
        async with running_connector(
                exchange, trading_pairs=["BTC-ZAR"], valr_subaccount_id=exchange.sub_account_id) as connector:

            def is_ready() -> bool:
                connector.tick(time.time())
                return connector.ready

            await until(is_ready, seconds=20)
            assert connector.get_balance("ZAR") == 5000
            order_id = connector.buy("BTC-ZAR", Decimal("0.001"), OrderType.LIMIT_MAKER, Decimal("1500000"))
            await until(lambda: sub_account.open_orders)
            await until(lambda: connector.get_available_balance("ZAR") == 3500)

            connector.cancel("BTC-ZAR", order_id)
            await until(lambda: not connector.in_flight_orders)
            assert [order.status for order in sub_account.orders.values()] == ["Cancelled"]
            assert connector.get_available_balance("ZAR") == 5000
        assert not exchange.engine.account(exchange.account_id).orders


async def test_connect_takes_the_sub_account_and_shows_its_balances(tmp_path):
    async with ValrSimulator(market=False) as exchange:
        exchange.engine.deposit(exchange.sub_account_id, "ZAR", Decimal("4321"))
        instance = HummingbotInstance(tmp_path, {"VALR_SIMULATOR_URL": exchange.url})
        keys = {"valr_simulator_api_key": exchange.api_key, "valr_simulator_api_secret": exchange.api_secret,
                "valr_simulator_subaccount_id": exchange.sub_account_id}
        await instance.hbot("connect", "valr_simulator", "--keys-stdin", stdin=json.dumps(keys))

        balances = json.loads(await instance.hbot("balance", "valr_simulator", "--json"))

    assert "4321" in json.dumps(balances)
    assert "BTC" not in json.dumps(balances)


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
