"""Hummingbot's rate oracle on the prices of the embedded exchange."""
from decimal import Decimal
from test.integration.trading_account import until

import pytest

import hummingbot.connector.exchange.valr.valr_constants as VALR
from hummingbot.client.config.client_config_map import ClientConfigMap
from hummingbot.core.rate_oracle.rate_oracle import RateOracle
from hummingbot.core.rate_oracle.sources.valr_rate_source import ValrSimulatorRateSource
from hummingbot_valr.simulator import ValrSimulator


@pytest.fixture
async def exchange(monkeypatch):
    async with ValrSimulator() as exchange:
        exchange.market.stop()  # prices stay where they are
        monkeypatch.setenv(VALR.SIMULATOR_URL_VARIABLE, exchange.url)
        monkeypatch.setattr(RateOracle, "_shared_instance", None)
        ValrSimulatorRateSource.get_prices.cache_clear()
        yield exchange


def mid_price(exchange: ValrSimulator, symbol: str) -> Decimal:
    bids, asks = exchange.engine.book(symbol)
    return (bids[0][0] + asks[0][0]) / 2


async def test_the_configured_source_gives_the_exchanges_prices_and_values_in_any_currency(exchange):
    config = ClientConfigMap(rate_oracle_source={"name": VALR.SIMULATOR_DOMAIN})
    oracle = RateOracle.get_instance()
    oracle.start()
    try:
        await until(lambda: oracle.prices)
    finally:
        oracle.stop()

    in_rand, usdt_in_rand = mid_price(exchange, "BTCZAR"), mid_price(exchange, "USDTZAR")
    assert config.rate_oracle_source.name == oracle.source.name == VALR.SIMULATOR_DOMAIN
    assert oracle.get_pair_rate("BTC-ZAR") == in_rand
    assert oracle.get_pair_rate("BTC-USDT") == mid_price(exchange, "BTCUSDT")
    assert oracle.get_pair_rate("ZAR-USDT") == 1 / usdt_in_rand
    assert oracle.get_pair_rate("XAUT-USDT") == mid_price(exchange, "XAUTZAR") / usdt_in_rand  # quoted in rand only
    assert {"ZAR", "USDT", "USDC", "BTC"} <= {pair.split("-")[1] for pair in oracle.prices}
    assert not any("PERP" in pair for pair in oracle.prices)
    oracle.quote_token = "ZAR"
    assert await oracle.get_value(Decimal("2"), "BTC") == 2 * in_rand


async def test_prices_stay_in_use_while_the_exchange_is_away_and_follow_it_afterwards(exchange, monkeypatch):
    oracle = RateOracle(source=ValrSimulatorRateSource(), quote_token="USDT")
    oracle.start()
    try:
        await until(lambda: oracle.prices)
        known = oracle.prices
        exchange.faults.outage = True
        ValrSimulatorRateSource.get_prices.cache_clear()
        await until(lambda: oracle.source._failed)
        assert oracle.prices == known

        exchange.faults.outage = False
        exchange.clock.advance(60)
        exchange.engine.place_limit(
            "market", pair="BTCZAR", side="BUY", quantity=Decimal("0.001"), price=known["BTC-ZAR"] // 1)
        ValrSimulatorRateSource.get_prices.cache_clear()
        await until(lambda: oracle.prices["BTC-ZAR"] == mid_price(exchange, "BTCZAR") != known["BTC-ZAR"])
    finally:
        oracle.stop()
