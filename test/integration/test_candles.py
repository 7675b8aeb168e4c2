"""The candles feed against the trades of the embedded exchange."""
from collections import defaultdict
from decimal import Decimal
from test.integration.trading_account import until
from typing import AsyncIterator, Dict, List, Tuple

import pytest

import hummingbot.connector.exchange.valr.valr_constants as VALR
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.data_feed.candles_feed.candles_factory import CandlesFactory
from hummingbot.data_feed.candles_feed.data_types import CandlesConfig
from hummingbot.data_feed.candles_feed.valr_spot_candles import constants as CONSTANTS
from hummingbot.data_feed.market_data_provider import MarketDataProvider
from hummingbot_valr.simulator import ValrSimulator

MARKET = "market"
Row = Tuple[Decimal, Decimal, Decimal, Decimal, Decimal]  # open, high, low, close, volume


class Market:
    """Trades on BTCZAR, and the candles they make, counted independently of the exchange's own."""

    def __init__(self, exchange: ValrSimulator):
        self._exchange = exchange
        self._trades: List[Tuple[int, Decimal, Decimal]] = []

    def trade(self, price: str, quantity: str) -> None:
        engine = self._exchange.engine
        amounts = {"pair": "BTCZAR", "quantity": Decimal(quantity), "price": Decimal(price)}
        engine.place_limit(MARKET, side="SELL", **amounts)
        engine.place_limit(self._exchange.account_id, side="BUY", **amounts)
        self._trades.append((int(self._exchange.clock.now()), Decimal(price), Decimal(quantity)))

    def candles(self, interval: int, until_time: int) -> Dict[int, Row]:
        trades = defaultdict(list)
        for time, price, quantity in self._trades:
            trades[time // interval * interval].append((price, quantity))
        rows, close = {}, None
        for start in range(min(trades), until_time + 1, interval):
            prices = [price for price, _ in trades[start]] or [close]
            close = prices[-1]
            rows[start] = (prices[0], max(prices), min(prices), close,
                           sum((quantity for _, quantity in trades[start]), Decimal(0)))
        return rows


def rows_of(feed) -> Dict[int, Row]:
    return {int(row["timestamp"]): tuple(Decimal(str(row[name])) for name in ("open", "high", "low", "close", "volume"))
            for row in feed.candles_df.to_dict("records")}


@pytest.fixture
async def exchange(monkeypatch) -> AsyncIterator[ValrSimulator]:
    monkeypatch.setattr(CONSTANTS, "POLL_INTERVAL", 0.05)
    monkeypatch.setattr(CONSTANTS, "HEALTH_CHECK_INTERVAL", 0.05)  # tells the feed of jumps of the exchange's clock
    monkeypatch.setattr(VALR, "RECONNECT_CLEAN_DELAY", 0.05)
    async with ValrSimulator(market=False) as exchange:
        monkeypatch.setenv(VALR.SIMULATOR_URL_VARIABLE, exchange.url)
        exchange.clock.advance(60 - exchange.clock.now() % 60 + 1)  # no test sees the turn of a real minute
        yield exchange


@pytest.fixture
async def start_feed():
    feeds = []

    async def start(interval: str, max_records: int):
        feed = CandlesFactory.get_candle(CandlesConfig(
            connector=VALR.SIMULATOR_DOMAIN, trading_pair="BTC-ZAR", interval=interval, max_records=max_records))
        feeds.append(feed)
        feed.start()
        await until(lambda: feed.ready)
        return feed

    yield start
    for feed in feeds:
        feed.stop()


@pytest.mark.parametrize("interval, seconds", [("1m", 60), ("5m", 300), ("1h", 3600)])
async def test_candles_are_those_of_the_trades_through_quiet_times_and_lost_sockets(
        exchange, start_feed, interval, seconds):
    market = Market(exchange)

    def advance(intervals: float) -> None:
        exchange.clock.advance(intervals * seconds)

    def agrees() -> bool:
        now = int(exchange.clock.now())
        expected = market.candles(seconds, now)
        return rows_of(feed) == dict(list(expected.items())[-8:])

    market.trade("1800000", "0.01")
    advance(7)
    market.trade("1801000", "0.02")
    feed = await start_feed(interval, max_records=8)
    await until(agrees)

    market.trade("1799000", "0.005")  # within the running candle
    market.trade("1800500", "0.005")
    await until(agrees)

    advance(1)
    market.trade("1802000", "0.01")
    await until(agrees)

    advance(3)  # two candles without a trade
    market.trade("1803000", "0.01")
    await until(agrees)

    exchange.faults.drop_sockets("trade")
    advance(1)
    market.trade("1795000", "0.01")  # seen by nobody
    advance(2)
    market.trade("1796000", "0.01")
    await until(agrees)
    assert len(feed.candles_df) == 8


async def test_a_moving_market_of_days_is_complete(start_feed, monkeypatch):
    async with ValrSimulator() as exchange:
        monkeypatch.setenv(VALR.SIMULATOR_URL_VARIABLE, exchange.url)
        feed = await start_feed("1m", max_records=1000)

        times = list(feed.candles_df["timestamp"])
        assert times == list(range(int(times[0]), int(times[-1]) + 1, 60))
        assert feed.candles_df["volume"].gt(0).sum() > 900


async def test_the_market_data_provider_shares_the_connectors_limits_with_the_feed(exchange):
    market = Market(exchange)
    market.trade("1800000", "0.01")
    exchange.clock.advance(600)
    connector = ValrExchange(
        exchange.api_key, exchange.api_secret, trading_pairs=["BTC-ZAR"], domain=VALR.SIMULATOR_DOMAIN)
    provider = MarketDataProvider({VALR.SIMULATOR_DOMAIN: connector})
    feed = provider.get_candles_feed(CandlesConfig(
        connector=VALR.SIMULATOR_DOMAIN, trading_pair="BTC-ZAR", interval="1m", max_records=5))

    await until(lambda: feed.ready)

    assert feed._api_factory.throttler is connector.throttler
    assert len(provider.get_candles_df(VALR.SIMULATOR_DOMAIN, "BTC-ZAR", "1m", 5)) == 5
    provider.stop()


async def test_a_pair_valr_does_not_have_is_reported_in_its_words(exchange, caplog):
    feed = CandlesFactory.get_candle(CandlesConfig(
        connector=VALR.SIMULATOR_DOMAIN, trading_pair="BTC-XXX", interval="1h", max_records=5))
    feed.start()
    try:
        await until(lambda: "cannot be updated for now" in caplog.text)
    finally:
        feed.stop()

    assert caplog.text.count("cannot be updated for now") == 1
    assert "code -21" in caplog.text
