"""
Strategies that know nothing of VALR, run by Hummingbot's own engine on the embedded exchange until they have traded.
One Hummingbot and one exchange serve them in turn, as they would serve a user.
"""
import asyncio
import json
import shutil
from pathlib import Path
from typing import AsyncIterator, Callable, Dict, List

import pytest
import pytest_asyncio
import yaml

from hummingbot_valr import books
from hummingbot_valr.instance import HummingbotInstance
from hummingbot_valr.simulator import ValrSimulator

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRATEGIES = Path(__file__).parent / "strategies"
CONNECTOR = "valr_simulator"

PURE_MARKET_MAKING = {
    "exchange": CONNECTOR, "market": "BTC-ZAR", "bid_spread": "0.005", "ask_spread": "0.005", "order_amount": "0.001",
    "order_refresh_time": "5", "filled_order_delay": "1",
}
CONTROLLERS = {
    "quotes.yml": {
        "id": "quotes", "controller_name": "two_sided_quotes", "controller_type": "market_making",
        "connector_name": CONNECTOR, "trading_pair": "USDT-ZAR", "total_amount_quote": "4000", "leverage": 1,
        "buy_spreads": "0.00005", "sell_spreads": "0.00005", "buy_amounts_pct": "1", "sell_amounts_pct": "1",
        "executor_refresh_time": 5, "cooldown_time": 1, "time_limit": 5, "skip_rebalance": True,
    },
    "trend.yml": {
        "id": "trend", "controller_name": "candle_trend", "controller_type": "directional_trading",
        "connector_name": CONNECTOR, "trading_pair": "ETH-ZAR", "total_amount_quote": "2000", "leverage": 1,
        "interval": "5m", "max_executors_per_side": 1, "cooldown_time": 2, "time_limit": 2,
    },
    "arbitrage.yml": {
        "id": "arbitrage", "controller_name": "two_pair_arbitrage", "controller_type": "generic",
        "connector_name": CONNECTOR, "buying_pair": "BTC-USDT", "selling_pair": "BTC-ZAR", "order_amount": "0.01",
        "min_profitability": "-0.05",  # it shall trade, not wait for a profit
    },
}


class Bot:
    """One strategy in the engine, and what the exchange has seen of it since its start."""

    def __init__(self, instance: HummingbotInstance, exchange: ValrSimulator, name: str):
        self._instance = instance
        self._exchange = exchange
        self._name = name
        self._account = exchange.engine.account(exchange.account_id)
        self._earlier_fills = len(self._account.fills)

    @property
    def fills(self) -> List:
        return self._account.fills[self._earlier_fills:]

    def fills_of(self, symbol: str, side: str) -> List:
        return [fill for fill in self.fills if (fill.trade.pair.symbol, fill.order.side.upper()) == (symbol, side)]

    async def trade(self, *command: str, until: Callable[[], bool]) -> None:
        """Starts the strategy with a command of `hbot`, waits for what it shall do, and stops it."""
        await self._instance.hbot(*command)
        try:
            async with asyncio.timeout(60):
                while not until():
                    await asyncio.sleep(0.05)
        finally:
            await self._instance.hbot("stop")

    def check_books(self) -> None:
        log = self._instance.folder / f"logs/logs_{self._name}.log"
        own = {fill.trade.trade_id for fill in self.fills}
        assert books.logged_fills(log) == [
            fill for fill in books.ledger_fills(self._exchange) if fill.trade_id in own]
        assert not self._account.open_orders
        assert not books.troubles(log)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def new_bot(tmp_path_factory) -> AsyncIterator[Callable[[str], Bot]]:
    async with ValrSimulator() as exchange:
        instance = HummingbotInstance(tmp_path_factory.mktemp("hummingbot"), {"VALR_SIMULATOR_URL": exchange.url})
        shutil.copytree(STRATEGIES, instance.folder, dirs_exist_ok=True)
        for name, config in CONTROLLERS.items():
            (instance.folder / "conf/controllers" / name).write_text(yaml.safe_dump(config))
        keys = {f"{CONNECTOR}_api_key": exchange.api_key, f"{CONNECTOR}_api_secret": exchange.api_secret,
                f"{CONNECTOR}_subaccount_id": ""}
        await instance.hbot("connect", CONNECTOR, "--keys-stdin", stdin=json.dumps(keys))
        yield lambda name: Bot(instance, exchange, name)


def settings(values: Dict[str, str]) -> List[str]:
    return [part for name, value in values.items() for part in ("--set", f"{name}={value}")]


async def test_pure_market_making(new_bot):
    bot = new_bot("pmm")

    await bot.trade(
        "deploy", "pure_market_making", "--name", "pmm", *settings(PURE_MARKET_MAKING),
        until=lambda: bot.fills_of("BTCZAR", "BUY") and bot.fills_of("BTCZAR", "SELL"))

    bot.check_books()
    assert all(fill.is_maker for fill in bot.fills)


async def test_controllers_that_quote_follow_candles_and_use_two_pairs_at_once(new_bot):
    """A market maker, a directional trader and an arbitrage share the connector, its candles and its rates."""
    bot = new_bot("controllers")

    def all_have_traded() -> bool:
        return all([
            any(fill.is_maker for fill in bot.fills_of("USDTZAR", "BUY") + bot.fills_of("USDTZAR", "SELL")),
            bot.fills_of("ETHZAR", "BUY") and bot.fills_of("ETHZAR", "SELL"),
            bot.fills_of("BTCUSDT", "BUY") and bot.fills_of("BTCZAR", "SELL"),
        ])

    await bot.trade(
        "deploy", "v2_with_controllers.py", "--name", "controllers",
        *settings({"controllers_config": ",".join(CONTROLLERS)}), until=all_have_traded)

    bot.check_books()
    assert sum(fill.trade.quantity for fill in bot.fills_of("BTCUSDT", "BUY")) == sum(
        fill.trade.quantity for fill in bot.fills_of("BTCZAR", "SELL"))
