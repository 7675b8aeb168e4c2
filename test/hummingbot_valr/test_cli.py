"""The command as its users run it: a process with arguments, output and an exit code."""
import re
import signal
import socket
import subprocess
import sys
from test.hummingbot_valr.test_installation import bare_hummingbot

import aiohttp
import pytest

from hummingbot_valr.installation import PARTS

COMMAND = [sys.executable, "-m", "hummingbot_valr.cli"]


def run(*arguments) -> subprocess.CompletedProcess:
    result = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True)
    assert "Traceback" not in result.stderr
    return result


def test_install_and_uninstall_tell_what_they_do(tmp_path):
    root = bare_hummingbot(tmp_path / "hummingbot")

    installed, again = run("install", root), run("install", root)
    removed, nothing = run("uninstall", root), run("uninstall", root)

    assert installed.returncode == again.returncode == removed.returncode == nothing.returncode == 0
    assert all(f"  copied {part}\n" in installed.stdout for part in PARTS)
    assert all(f"  {part} is in place already\n" in again.stdout for part in PARTS)
    assert all(f"  removed {part}\n" in removed.stdout for part in PARTS)
    assert nothing.stdout == f"Hummingbot in {root}:\n  nothing to remove: `install` has put nothing here\n"


def test_link(tmp_path):
    root = bare_hummingbot(tmp_path / "hummingbot")
    assert run("install", root, "--link").returncode == 0
    assert all((root / part).is_symlink() for part in PARTS)


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_a_wrong_folder_is_one_clear_error(tmp_path, command):
    result = run(command, tmp_path / "missing")
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: {tmp_path / 'missing'} is not a Hummingbot:")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments, reason", [
    (["bogus"], "No such command 'bogus'"),
    (["install", "--bogus"], "No such option: --bogus"),
    (["simulator", "--port", "many"], "Invalid value for '--port': "),
    (["simulator", "--port", "70000"], "Invalid value for '--port': "),
    (["simulator", "--seed", "x"], "Invalid value for '--seed': "),
])
def test_a_wrong_argument_is_a_usage_error(arguments, reason):
    result = run(*arguments)
    assert result.returncode == 2
    assert reason in result.stderr


def test_help_names_every_command():
    output = run("--help").stdout
    for command in ("install", "uninstall", "simulator", "demo"):
        assert re.search(rf"^  {command} ", output, re.MULTILINE)


async def test_the_simulator_serves_at_what_it_prints_and_ends_on_ctrl_c():
    with subprocess.Popen([*COMMAND, "simulator", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        try:
            printed = [process.stdout.readline() for _ in range(6)]
            url = re.search(r"http://127\.0\.0\.1:\d+", printed[0]).group()
            assert f"VALR_SIMULATOR_URL={url}" in printed[4]
            async with aiohttp.ClientSession() as session, session.get(f"{url}/v1/public/time") as response:
                assert response.status == 200
        finally:
            process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert output == "The embedded VALR has ended.\n"
    assert errors == ""


def test_a_port_in_use_is_one_clear_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("simulator", "--port", port)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: Cannot listen on port {port}: ")
