import pytest
from pydantic import SecretStr

from hummingbot.client.config.config_helpers import ClientConfigAdapter, api_keys_from_connector_config_map
from hummingbot.client.settings import AllConnectorSettings
from hummingbot.connector.exchange.valr import valr_utils
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange


@pytest.mark.parametrize("row, valid", [
    ({"active": True, "currencyPairType": "SPOT"}, True),
    ({"active": True}, True),
    ({"active": False, "currencyPairType": "SPOT"}, False),
    ({"active": True, "currencyPairType": "FUTURE"}, False),
    ({"currencyPairType": "SPOT"}, False),
])
def test_only_active_spot_pairs_are_traded(row, valid):
    assert valr_utils.is_exchange_information_valid(row) is valid


@pytest.mark.asyncio
@pytest.mark.parametrize("name, key_map", [
    ("valr", valr_utils.ValrConfigMap), ("valr_simulator", valr_utils.ValrSimulatorConfigMap)])
async def test_hummingbot_builds_the_connector_from_the_keys_connect_asked_for(name, key_map):
    keys = key_map.model_construct(**{
        f"{name}_api_key": SecretStr("key"), f"{name}_api_secret": SecretStr("secret"), f"{name}_subaccount_id": "12"})
    setting = AllConnectorSettings.get_connector_settings()[name]

    parameters = setting.conn_init_parameters(api_keys=api_keys_from_connector_config_map(ClientConfigAdapter(keys)))
    connector = ValrExchange(**parameters)

    assert connector.name == name
    assert connector.domain == name


@pytest.mark.parametrize("name", ["valr", "valr_simulator"])
def test_both_domains_are_offered_with_secret_keys(name):
    settings = AllConnectorSettings.get_connector_settings()[name]
    fields = settings.config_keys.__class__.model_fields

    assert settings.centralised
    assert fields[f"{name}_api_key"].annotation is SecretStr
    assert fields[f"{name}_api_secret"].annotation is SecretStr
    assert fields[f"{name}_subaccount_id"].default == ""
