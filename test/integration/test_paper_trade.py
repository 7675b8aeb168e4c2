"""Hummingbot's paper trade with VALR's order books."""
import asyncio
from decimal import Decimal
from typing import List

from hummingbot_valr import books
from hummingbot_valr.instance import HummingbotInstance
from hummingbot_valr.simulator import ValrSimulator

CONNECTOR = "valr_simulator_paper_trade"
SETTINGS = {
    "exchange": CONNECTOR, "market": "BTC-ZAR", "bid_spread": "0.005", "ask_spread": "0.005", "order_amount": "0.001",
    "order_refresh_time": "5", "filled_order_delay": "1",
}
PAPER_BALANCES = """\
  paper_trade_account_balance:
    BTC: 1
    ZAR: 1000000
"""


async def test_pure_market_making_trades_on_paper_without_keys(tmp_path):
    async with ValrSimulator() as exchange:
        instance = HummingbotInstance(tmp_path, {"VALR_SIMULATOR_URL": exchange.url})
        with (tmp_path / "conf/conf_client.yml").open("a") as conf:
            conf.write(PAPER_BALANCES)  # continues the section paper_trade
        log = tmp_path / "logs/logs_paper.log"

        def fills() -> List[books.BookedFill]:
            return books.logged_fills(log) if log.exists() else []

        settings = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
        await instance.hbot("deploy", "pure_market_making", "--name", "paper", *settings)
        try:
            async with asyncio.timeout(60):
                while len({fill.side for fill in fills()}) < 2:
                    await asyncio.sleep(0.2)
        finally:
            await instance.hbot("stop")

        assert {fill.fees for fill in fills()} == {(("", Decimal("0.0018")),)}
        assert not books.troubles(log)
        assert not exchange.engine.account(exchange.account_id).orders
