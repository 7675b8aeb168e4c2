"""The test bot in Hummingbot's own engine, on the embedded exchange."""
import asyncio
import json
from pathlib import Path
from typing import Callable

import pytest

from hummingbot_valr import books
from hummingbot_valr.instance import CommandFailed, HummingbotInstance
from hummingbot_valr.simulator import ValrSimulator


async def connected(exchange: ValrSimulator, folder: Path) -> HummingbotInstance:
    instance = HummingbotInstance(folder, {"VALR_SIMULATOR_URL": exchange.url})
    keys = {"valr_simulator_api_key": exchange.api_key, "valr_simulator_api_secret": exchange.api_secret,
            "valr_simulator_subaccount_id": ""}
    await instance.hbot("connect", "valr_simulator", "--keys-stdin", stdin=json.dumps(keys))
    return instance


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_stopped_bot_leaves_no_order_and_true_books(tmp_path):
    async with ValrSimulator() as exchange:
        account = exchange.engine.account(exchange.account_id)
        instance = await connected(exchange, tmp_path)
        await instance.hbot("deploy", "valr_test_bot.py", "--name", "bot", "--set", "cycles=1000")
        try:
            await until(lambda: len(account.open_orders) == 2)
            status = json.loads(await instance.hbot("status", "--json"))["format_status"]
        finally:
            await instance.hbot("stop")

        log = tmp_path / "logs/logs_bot.log"
        assert "account news by socket" in status
        assert not account.open_orders
        assert {order.status for order in account.orders.values()} <= {"Cancelled", "Filled"}
        assert books.logged_fills(log) == books.ledger_fills(exchange)
        assert not books.troubles(log)


async def test_a_wrong_setting_stops_the_start_with_its_reason(tmp_path):
    async with ValrSimulator() as exchange:
        instance = await connected(exchange, tmp_path)
        with pytest.raises(CommandFailed, match="max_exposure_quote of 2500 is less than one order of 5000"):
            await instance.hbot("deploy", "valr_test_bot.py", "--name", "bot", "--set", "order_amount_quote=5000")
        assert not exchange.engine.account(exchange.account_id).orders
