"""A private Hummingbot leaves nothing behind."""
import asyncio

import psutil
import pytest

from hummingbot_valr.instance import HummingbotInstance


def commands_in(folder) -> list:
    return [process for process in psutil.process_iter(["cwd"])
            if process.info["cwd"] == str(folder) and process.status() != psutil.STATUS_ZOMBIE]


async def test_a_command_that_is_not_awaited_any_more_is_killed(tmp_path):
    instance = HummingbotInstance(tmp_path)
    running = asyncio.ensure_future(instance.hbot("connect", "--all"))
    while not any(process.cpu_times().user > 0.1 for process in commands_in(tmp_path)):  # it is well under way
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not commands_in(tmp_path)
