import logging
from decimal import Decimal
from typing import Any, Dict, List

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.core.rate_oracle.sources.valr_rate_source import ValrRateSource, ValrSimulatorRateSource
from hummingbot.core.rate_oracle.utils import find_rate
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory


def pair_row(base: str, quote: str, kind: str = "SPOT", active: bool = True) -> Dict[str, Any]:
    """A row of VALR's catalogue with the fields of a documented one."""
    return {"symbol": base + quote + ("PERP" if kind == "FUTURE" else ""), "baseCurrency": base, "quoteCurrency": quote,
            "shortName": f"{base}/{quote}", "active": active, "minBaseAmount": "0.0002", "maxBaseAmount": "69.21",
            "minQuoteAmount": "10", "maxQuoteAmount": "5000000", "tickSize": "1", "baseDecimalPlaces": "8",
            "marginTradingAllowed": False, "currencyPairType": kind}


def summary_row(symbol: str, bid: str, ask: str) -> Dict[str, str]:
    return {"currencyPair": symbol, "askPrice": ask, "bidPrice": bid, "lastTradedPrice": "0.00002178",
            "previousClosePrice": "0.00002178", "baseVolume": "0", "quoteVolume": "0", "highPrice": "0.00002178",
            "lowPrice": "0", "created": "2025-06-17T12:34:05Z", "changeFromPrevious": "0", "markPrice": "0"}


PAIRS = [pair_row("BTC", "ZAR"), pair_row("USDT", "ZAR"), pair_row("BTC", "USDT"), pair_row("BAT", "USDC"),
         pair_row("ETH", "BTC"), pair_row("SHIB", "USDC"), pair_row("XRP", "ZAR"), pair_row("SOL", "ZAR", active=False),
         pair_row("BTC", "USDT", kind="FUTURE")]
SUMMARY = [
    # The first two rows and SHIBUSDC: VALR documentation, June 2025.
    {"currencyPair": "BTCUSDTPERP", "askPrice": "105656", "bidPrice": "105594", "lastTradedPrice": "105611",
     "previousClosePrice": "106678", "baseVolume": "1.0638", "quoteVolume": "113947.8777", "highPrice": "108840",
     "lowPrice": "105600", "created": "2025-06-17T12:34:32.069Z", "changeFromPrevious": "-1", "markPrice": "105628"},
    {"currencyPair": "BATUSDC", "askPrice": "0.12481", "bidPrice": "0.12457", "lastTradedPrice": "0.12471",
     "previousClosePrice": "0.1292", "baseVolume": "0", "quoteVolume": "0", "highPrice": "0.131", "lowPrice": "0.12432",
     "created": "2025-06-17T12:32:22.079Z", "changeFromPrevious": "-3.47", "markPrice": "0"},
    summary_row("SHIBUSDC", bid="0", ask="0"),
    summary_row("XRPZAR", bid="12.1", ask="0"),
    summary_row("SOLZAR", bid="2500", ask="2600"),
    summary_row("BTCZAR", bid="1800000", ask="1800002"),
    summary_row("USDTZAR", bid="18", ask="18.02"),
    summary_row("BTCUSDT", bid="100000", ask="100001"),
    summary_row("ETHBTC", bid="0.03", ask="0.031"),
]


class SummaryServer:
    """VALR's three routes the rate source uses."""

    def __init__(self):
        self.requests: List[str] = []
        self.is_down = self.is_away = False
        application = web.Application()
        application.router.add_get("/v1/public/pairs/SPOT", self._reply(PAIRS))
        application.router.add_get("/v1/public/ordertypes", self._reply(
            [{"currencyPair": row["symbol"], "orderTypes": ["LIMIT", "LIMIT_POST_ONLY", "MARKET"]} for row in PAIRS]))
        application.router.add_get("/v1/public/marketsummary", self._reply(SUMMARY))
        self.server = TestServer(application)

    def _reply(self, body: List[Dict]):
        async def handler(request: web.Request) -> web.Response:
            self.requests.append(request.path)
            if self.is_away:
                request.transport.abort()
            if self.is_down:
                return web.json_response({"code": -1, "message": "maintenance"}, status=503)
            return web.json_response(body)
        return handler


@pytest_asyncio.fixture
async def server(monkeypatch):
    server = SummaryServer()
    await server.server.start_server()
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, f"http://127.0.0.1:{server.server.port}")
    ValrSimulatorRateSource.get_prices.cache_clear()
    yield server
    await ConnectionsFactory().close()
    await server.server.close()


@pytest.mark.asyncio
async def test_mid_prices_of_the_pairs_that_have_both_sides(server):
    assert await ValrSimulatorRateSource().get_prices() == {
        "BTC-ZAR": Decimal("1800001"),
        "USDT-ZAR": Decimal("18.01"),
        "BTC-USDT": Decimal("100000.5"),
        "BAT-USDC": Decimal("0.12469"),
        "ETH-BTC": Decimal("0.0305"),
    }


@pytest.mark.asyncio
async def test_one_request_prices_all_pairs_for_half_a_minute(server):
    source = ValrSimulatorRateSource()

    for quote_token in (None, None, None):
        await source.get_prices(quote_token=quote_token)

    assert server.requests.count("/v1/public/marketsummary") == 1
    assert len(server.requests) == 3


@pytest.mark.asyncio
@pytest.mark.parametrize("pair, rate", [
    ("BTC-ZAR", Decimal("1800001")),
    ("ZAR-USDT", 1 / Decimal("18.01")),
    ("ETH-ZAR", Decimal("0.0305") * Decimal("1800001")),
    ("USDT-BTC", 1 / Decimal("100000.5")),
])
async def test_hummingbot_finds_rates_in_rand_and_across_pairs(server, pair, rate):
    assert find_rate(await ValrSimulatorRateSource().get_prices(quote_token="USDT"), pair) == rate


@pytest.mark.asyncio
@pytest.mark.parametrize("failure, reason", [("is_down", "HTTP 503"), ("is_away", "Server disconnected")])
async def test_a_failure_is_said_once_and_so_is_its_end(server, caplog, failure, reason):
    caplog.set_level(logging.INFO)
    source = ValrSimulatorRateSource()

    setattr(server, failure, True)
    for _ in range(3):
        assert await source.get_prices() == {}
        ValrSimulatorRateSource.get_prices.cache_clear()
    setattr(server, failure, False)
    for _ in range(2):
        assert "BTC-ZAR" in await source.get_prices()
        ValrSimulatorRateSource.get_prices.cache_clear()

    messages = [record.getMessage() for record in caplog.records if record.name.endswith("rate_source_base")]
    assert len(messages) == 2
    assert messages[0].startswith("VALR's prices cannot be read for now: ") and reason in messages[0]
    assert messages[1] == "VALR's prices can be read again."
    assert "Traceback" not in caplog.text


def test_names():
    assert ValrRateSource().name == "valr"
    assert ValrSimulatorRateSource().name == "valr_simulator"
