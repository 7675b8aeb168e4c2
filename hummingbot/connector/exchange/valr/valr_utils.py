"""
What Hummingbot asks of a connector before it is used: keys, default fees, domains.

Hummingbot imports this module at every start. A ModuleNotFoundError here would make the connector vanish without a word
and any other exception would stop every Hummingbot command, so nothing optional is imported.
"""
import logging
from dataclasses import replace
from decimal import Decimal
from typing import Any, Dict

from pydantic import ConfigDict, Field, SecretStr

from hummingbot.client.config.config_data_types import BaseConnectorConfigMap
from hummingbot.core.data_type.trade_fee import TradeFeeSchema

CENTRALIZED = True
EXAMPLE_PAIR = "BTC-ZAR"

# VALR's lowest tier for pairs quoted in rand (VALR support article, 2026). The account's own rates replace them as soon
# as the connector is connected.
DEFAULT_FEES = TradeFeeSchema(
    maker_percent_fee_decimal=Decimal("0.0018"),
    taker_percent_fee_decimal=Decimal("0.0035"),
    buy_percent_fee_deducted_from_returns=True,
)


def is_exchange_information_valid(exchange_info: Dict[str, Any]) -> bool:
    """
    :param exchange_info: a row of VALR's list of pairs
    :return: True if the row is a spot pair that is open for trading
    """
    return exchange_info.get("active") is True and exchange_info.get("currencyPairType", "SPOT") == "SPOT"


def _key_field(prompt: str) -> Any:
    return Field(default=..., json_schema_extra={
        "prompt": prompt, "is_secure": True, "is_connect_key": True, "prompt_on_new": True})


def _subaccount_field(name: str) -> Any:
    return Field(default="", json_schema_extra={
        "prompt": f"Enter the id of the {name} sub-account to trade on (leave empty for the account of the key)",
        "is_secure": False, "is_connect_key": True, "prompt_on_new": True})


class ValrConfigMap(BaseConnectorConfigMap):
    connector: str = "valr"
    valr_api_key: SecretStr = _key_field("Enter your VALR API key")
    valr_api_secret: SecretStr = _key_field("Enter your VALR API secret")
    valr_subaccount_id: str = _subaccount_field("VALR")
    model_config = ConfigDict(title="valr")


KEYS = ValrConfigMap.model_construct()


class ValrSimulatorConfigMap(BaseConnectorConfigMap):
    connector: str = "valr_simulator"
    valr_simulator_api_key: SecretStr = _key_field("Enter the API key the VALR simulator printed at its start")
    valr_simulator_api_secret: SecretStr = _key_field("Enter the API secret the VALR simulator printed at its start")
    valr_simulator_subaccount_id: str = _subaccount_field("simulator's")
    model_config = ConfigDict(title="valr_simulator")


OTHER_DOMAINS = ["valr_simulator"]
OTHER_DOMAINS_PARAMETER = {"valr_simulator": "valr_simulator"}
OTHER_DOMAINS_EXAMPLE_PAIR = {"valr_simulator": EXAMPLE_PAIR}
# A copy, because Hummingbot writes the user's fee overrides for one connector into its schema.
OTHER_DOMAINS_DEFAULT_FEES = {"valr_simulator": replace(DEFAULT_FEES)}
OTHER_DOMAINS_KEYS = {"valr_simulator": ValrSimulatorConfigMap.model_construct()}

try:
    from hummingbot.connector.exchange.valr.valr_registration import register

    register()
except Exception as error:  # candles and rates are less than the connector itself
    logging.getLogger(__name__).warning(f"VALR's candles and rate source are not available: {error}")
