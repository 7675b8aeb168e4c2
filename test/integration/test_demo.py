"""`hummingbot-valr demo` as its user runs it."""
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

DEMO = [sys.executable, "-m", "hummingbot_valr.cli", "demo"]


def engines_of(folder: str) -> list:
    """Hummingbot's engine processes of the private Hummingbot in a folder."""
    return [process for process in psutil.process_iter(["cmdline", "cwd"])
            if "hummingbot.cli.engine" in (process.info["cmdline"] or []) and process.info["cwd"] == folder]


@pytest.mark.timeout(180)
def test_the_demo_trades_and_its_books_are_right(tmp_path):
    result = subprocess.run(DEMO, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    assert float(re.search(r"Passed in (\d+) s", result.stdout).group(1)) < 90
    assert not re.search("FAIL", result.stdout)
    assert "connect` has stored its keys and confirmed them" in result.stdout
    log = Path(re.search(r"Log of the bot: (.*)", result.stdout).group(1))
    assert "Summary\nvalr_simulator, account news by socket, cycle 4 of 4" in log.read_text()
    assert not engines_of(str(log.parent.parent))


@pytest.mark.timeout(120)
def test_ctrl_c_ends_the_bot_too(tmp_path):
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "TMPDIR": str(tmp_path)}) as demo:
        folder = re.search(r"a private Hummingbot in (.*)\.", demo.stdout.readline()).group(1)
        while "has started the bot" not in demo.stdout.readline():
            pass
        assert engines_of(folder)
        demo.send_signal(signal.SIGINT)
        _, errors = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert errors == "Error: The demo was interrupted.\n"
    assert not engines_of(folder)
