"""The command as its users run it: a process with arguments, environment, output and an exit code."""
import asyncio
import io
import json
import os
import signal
import sys
from decimal import Decimal
from pathlib import Path
from test.conftest import hbot

import pytest

from hummingbot_valr.check import command
from hummingbot_valr.check.order_plan import OrderPlan

PROJECT = Path(__file__).parents[3]

COMMAND = (sys.executable, "-m", "hummingbot_valr.cli", "check", "--exchange", "valr_simulator", "--seconds", "1")
ROWS = ["reachability", "clock", "pairs", "market_summary", "key", "signature", "permissions", "order_book",
        "trade_socket", "account_socket", "fees", "balances", "latency"]


async def run(*arguments, environment=None, stdin="", folder=None, command=COMMAND):
    """(exit code, output, errors); the embedded exchange goes on meanwhile."""
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, cwd=folder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"], "COLUMNS": "200", **(environment or {})})
    output, errors = (text.decode() for text in await process.communicate(stdin.encode()))
    assert "Traceback" not in errors
    return process.returncode, output, errors


@pytest.fixture
def environment(exchange):
    return {"VALR_SIMULATOR_URL": exchange.url, "VALR_API_KEY": exchange.api_key,
            "VALR_API_SECRET": exchange.api_secret}


async def test_a_person_sees_a_table_and_gets_a_record(environment, tmp_path):
    record = tmp_path / "record"
    code, output, errors = await run("--record", str(record), environment=environment)
    assert (code, errors) == (0, "")
    assert [line.split()[0] for line in output.splitlines()] == ["check", *ROWS]
    assert {line.split()[1] for line in output.splitlines()[1:]} == {"ok"}
    assert len(record.read_text().splitlines()) > 20


async def test_a_program_gets_json_and_nothing_else(environment):
    code, output, errors = await run("--json", environment=environment)
    rows = json.loads(output)
    assert (code, errors) == (0, "")
    assert [row["name"] for row in rows] == ROWS
    assert all(set(row) == {"name", "status", "detail", "mend"} for row in rows)


async def test_a_failure_is_an_exit_code(environment):
    code, output, errors = await run("--json", environment=environment | {"VALR_API_SECRET": "0" * 64})
    assert (code, errors) == (1, "")
    assert [row["name"] for row in json.loads(output) if row["status"] == "fail"] == ["signature"]


async def test_warnings_are_no_failure(environment):
    code, output, _ = await run("--json", environment={"VALR_SIMULATOR_URL": environment["VALR_SIMULATOR_URL"]})
    assert code == 0
    assert "warn" in {row["status"] for row in json.loads(output)}


@pytest.mark.parametrize("change, arguments, reason", [
    ({"VALR_API_SECRET": ""}, [], "VALR_API_KEY is set and VALR_API_SECRET is not. Set both, or unset both."),
    ({"VALR_SIMULATOR_URL": "http://192.0.2.1:8710"}, [], "is not a simulator on this machine."),
    ({}, ["--record", "."], "exists already. Give --record the name of a new file."),
])
async def test_bad_input_is_one_clear_error(environment, change, arguments, reason):
    code, output, errors = await run(*arguments, environment=environment | change)
    assert (code, output) == (1, "")
    assert errors.startswith("Error: ") and reason in errors and errors.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--exchange", "binance"], ["--seconds", "0"], ["--seconds", "long"], ["--yes"],
                                       ["--api-key", "x"]])
async def test_a_wrong_argument_is_a_usage_error(arguments):
    assert (await run(*arguments))[0] == 2


@pytest.mark.parametrize("answer, exit_code, status, placed", [("place\n", 0, "ok", 1), ("yes\n", 1, "fail", 0)])
async def test_an_order_is_placed_only_after_the_word(exchange, environment, answer, exit_code, status, placed):
    code, output, errors = await run("--trade", "--json", environment=environment, stdin=answer)
    assert code == exit_code
    assert "valr_simulator: place a post-only BUY" in errors
    assert json.loads(output)[-1]["status"] == status
    orders = exchange.engine.account(exchange.account_id).orders.values()
    assert [order.status for order in orders] == ["Cancelled"] * placed


async def test_the_keys_of_connect_are_used(exchange, source_checkout):
    keys = {"valr_simulator_api_key": exchange.api_key, "valr_simulator_api_secret": exchange.api_secret,
            "valr_simulator_subaccount_id": ""}
    install = (sys.executable, "-m", "hummingbot_valr.cli", "install", str(source_checkout))
    assert (await run(command=install))[0] == 0
    await asyncio.to_thread(hbot, source_checkout, "connect", "valr_simulator", "--keys-stdin", stdin=json.dumps(keys))
    environment = {"VALR_SIMULATOR_URL": exchange.url, "PYTHONPATH": f"{source_checkout}:{PROJECT}"}

    right = environment | {"HBOT_PASSWORD": "of the test"}
    _, output, _ = await run("--json", folder=source_checkout, environment=right)
    wrong = environment | {"HBOT_PASSWORD": "another"}
    code, nothing, errors = await run("--json", folder=source_checkout, environment=wrong)

    key = next(row for row in json.loads(output) if row["name"] == "key")
    assert key["status"] == "ok" and "from Hummingbot's keystore" in key["detail"]
    assert (code, nothing) == (4, "") and "invalid password" in errors


async def test_ctrl_c_is_one_line(exchange, environment):
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--seconds", "60", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **environment})
    while not any(socket.subscriptions for socket in exchange.faults.sockets("trade")):
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = await process.communicate()
    assert (process.returncode, output, errors) == (1, b"", b"Error: The check was interrupted.\n")


async def test_ctrl_c_before_the_word_shows_the_rows(environment):
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--trade", "--json", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"], **environment})
    await process.stderr.readuntil(b"to do it: ")
    process.send_signal(signal.SIGINT)
    output, errors = await process.communicate()
    assert [row["name"] for row in json.loads(output)] == ROWS
    assert (process.returncode, errors) == (1, b"Error: The check was interrupted.\n")


async def test_ctrl_c_during_the_order_shows_what_became_of_it(exchange, environment):
    exchange.faults.socket_cancel.next("lost_before")
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--trade", "--json", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"], **environment})
    process.stdin.write(b"place\n")
    while not (orders := exchange.engine.account(exchange.account_id).orders):
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = await process.communicate()
    rows = json.loads(output)
    assert [row["name"] for row in rows] == [*ROWS, "order"]
    assert (rows[-1]["status"], [order.status for order in orders.values()]) == ("ok", ["Cancelled"])
    assert process.returncode == 1 and errors.endswith(b"Error: The check was interrupted.\n")


@pytest.mark.parametrize("broken, reason", [
    ("hummingbot", "cannot import Hummingbot (No module named 'hummingbot')."),
    ("hummingbot.connector.exchange.valr", "The connector is not installed in this Hummingbot."),
])
async def test_what_cannot_be_imported_is_one_clear_error(tmp_path, broken, reason):
    (tmp_path / "hummingbot").mkdir()
    (tmp_path / "hummingbot/__init__.py").write_text(
        f"raise ModuleNotFoundError(\"No module named '{broken}'\", name='{broken}')\n")
    code, output, errors = await run(folder=tmp_path, environment={"PYTHONPATH": f"{tmp_path}:{PROJECT}"})
    assert (code, output) == (1, "")
    assert errors.startswith("Error: ") and reason in errors and errors.count("\n") == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stdin, agreed", [(io.StringIO("place\n"), False), (Terminal("place\n"), True),
                                           (Terminal("yes\n"), False), (Terminal(""), False)])
def test_real_money_needs_the_word_from_a_terminal(monkeypatch, capsys, stdin, agreed):
    monkeypatch.setattr(sys, "stdin", stdin)
    plan = OrderPlan("BTC-ZAR", "BTCZAR", Decimal("0.00002"), Decimal("900000"))
    assert command._confirmed(plan, "valr") is agreed
    asked = capsys.readouterr()
    assert asked.out == ""
    assert ("valr: place a post-only BUY of 0.00002 BTC at 900000 ZAR" in asked.err) is stdin.isatty()
