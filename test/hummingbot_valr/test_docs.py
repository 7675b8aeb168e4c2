"""The user's documents: every command in them is run, every log line and every error text is one that exists."""
import ast
import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Set, Tuple

import pytest
import yaml

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot_valr.instance import CommandFailed, HummingbotInstance
from hummingbot_valr.simulator import ValrSimulator

PROJECT = Path(__file__).parents[2]
README, GUIDE, DOCKER = PROJECT / "README.md", PROJECT / "docs/guide.md", PROJECT / "docs/docker.md"
HBOT = "python -m hummingbot.cli.main"
IN_CONTAINER = "docker compose run --rm --no-deps bot-1 "
FIRST_WORDS = r"(?:hummingbot-valr|make|pip|python|export|docker|git) "


def commands(document: Path) -> List[str]:
    """The lines of the code blocks that are not in a language, and the code in the text that begins like a command."""
    text = document.read_text()
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:^|\n)\n((?:    [^\n]*\n)+)", prose)
    lines = [line.strip() for language, block in blocks if not language for line in block.splitlines()]
    lines += [line.strip() for block in indented for line in block.splitlines()]
    lines += [" ".join(code.split()) for code in re.findall(rf"`({FIRST_WORDS}[^`]+)`", prose)]
    return list(dict.fromkeys(line for line in lines if line))


# === How each command is run ===

@dataclass(frozen=True)
class Elsewhere:
    """Run by other tests, as `file::test`."""
    tests: Tuple[str, ...]


@dataclass(frozen=True)
class Make:
    """Make is asked what it would do: doing it inside the test suite would run the test suite."""
    target: str
    expected: str


@dataclass(frozen=True)
class Session:
    """Part of the session below."""


@dataclass(frozen=True)
class DockerStep:
    """One of the steps below, which are done without Docker."""


@dataclass(frozen=True)
class Long:
    """Takes hours: the module is only asked for its help, which has to name an option."""
    module: str
    option: str


@dataclass(frozen=True)
class Never:
    """The text warns against it."""
    warning: str


INSTALLER = "test/hummingbot_valr/test_installation.py"
CLI = "test/hummingbot_valr/test_cli.py"
WHEEL = Elsewhere((
    "test/hummingbot_valr/test_packaging.py::test_a_hummingbot_from_pip_takes_the_wheel_and_loses_it_cleanly",))
CHECKOUT = Elsewhere((f"{INSTALLER}::test_a_checkout_lists_the_connector_and_is_as_it_was_after_uninstall",
                      f"{CLI}::test_install_and_uninstall_tell_what_they_do"))
DEMO = "test/integration/test_demo.py::test_the_demo_trades_and_its_books_are_right"
SESSION = Session()
DOCKER_STEP = DockerStep()
IMAGE = Elsewhere(("test/integration/test_install_paths.py::test_the_image_gets_what_the_installer_puts",
                   "test/integration/test_install_paths.py::test_the_build_context_has_everything_the_image_copies"))
COMPOSE = Elsewhere(("test/integration/test_install_paths.py::test_each_container_is_a_bot_of_its_own",))

HOW = {
    # README
    "make demo": Make("demo", ".venv/bin/hummingbot-valr demo"),
    "make demo ARGS=--keep": Make("demo ARGS=--keep", ".venv/bin/hummingbot-valr demo --keep"),
    "make test": Make("test", "-m pytest"),
    "pip install .": WHEEL,
    "pip install --editable .": Make("-W constraints.txt venv", "--editable ."),
    "python -m benchmarks.soak": Long("benchmarks.soak", "--minutes"),
    "pip install '.[hummingbot]' --constraint constraints.txt": WHEEL,
    "pip install --no-deps --requirement constraints.txt": Make(
        "-W constraints.txt venv", "--no-deps --requirement constraints.txt"),
    "pip install --target": Never("deletes the checkout's `hummingbot` folder"),
    "pip uninstall hummingbot-valr": WHEEL,
    "hummingbot-valr install": WHEEL,
    "hummingbot-valr uninstall": WHEEL,
    "hummingbot-valr install PATH_TO_YOUR_HUMMINGBOT": CHECKOUT,
    "hummingbot-valr uninstall PATH_TO_YOUR_HUMMINGBOT": CHECKOUT,
    "docker build --file docker/Dockerfile --tag hummingbot-valr .": IMAGE,
    # Both
    "hummingbot-valr simulator": Elsewhere((
        f"{CLI}::test_the_simulator_serves_at_what_it_prints_and_ends_on_ctrl_c",)),
    HBOT: SESSION,
    f"{HBOT} deploy valr_test_bot.py": SESSION,
    f"{HBOT} connect valr": SESSION,
    "hummingbot-valr check": SESSION,
    # Guide
    "export VALR_SIMULATOR_URL=http://127.0.0.1:8710": SESSION,
    f"{HBOT} connect": SESSION,
    f"{HBOT} connect --all": SESSION,
    f"{HBOT} connect valr_simulator": SESSION,
    f"{HBOT} balance valr_simulator --units-only": SESSION,
    f"{HBOT} deploy valr_test_bot.py --name conf_first.yml --set trading_pairs=BTC-ZAR,ETH-ZAR": SESSION,
    f"{HBOT} status": SESSION,
    f"{HBOT} logs --lines 50": SESSION,
    f"{HBOT} stop": SESSION,
    "hummingbot-valr check --exchange valr_simulator": SESSION,
    "hummingbot-valr check --seconds 60": SESSION,
    "hummingbot-valr check --json": SESSION,
    "hummingbot-valr check --record record.jsonl": SESSION,
    "hummingbot-valr check --trade": SESSION,
    f"{HBOT} deploy valr_test_bot.py --name conf_live.yml --set exchange=valr --set cycles=2"
    " --set order_amount_quote=100 --set max_exposure_quote=300": SESSION,
    f"{HBOT} create pure_market_making --name conf_pmm.yml --set exchange=valr_simulator --set market=BTC-ZAR"
    " --set bid_spread=0.5 --set ask_spread=0.5 --set order_amount=0.001 --set order_refresh_time=30": SESSION,
    f"{HBOT} start conf_pmm.yml": SESSION,
    f"{HBOT} config rate_limits_share_pct 50": SESSION,
    f"{HBOT} config rate_oracle_source.name valr": SESSION,
    # Docker
    'echo "HBOT_PASSWORD=$(openssl rand -hex 16)" > .env': DOCKER_STEP,
    "mkdir -p bot-1/conf/{connectors,controllers,scripts,strategies} bot-1/data bot-1/logs": DOCKER_STEP,
    "cp conf_client.yml bot-1/conf/": DOCKER_STEP,
    "docker compose build": IMAGE,
    f"{IN_CONTAINER}{HBOT} connect valr": DOCKER_STEP,
    f"{IN_CONTAINER}{HBOT} create valr_test_bot.py --name conf_bot --set exchange=valr": DOCKER_STEP,
    "docker compose up --detach": COMPOSE,
    "docker compose stop bot-1": COMPOSE,
    "docker compose --profile api up": COMPOSE,
}


def test_every_command_in_the_documents_is_run_and_no_other_is_listed():
    assert set(commands(README) + commands(GUIDE) + commands(DOCKER)) == set(HOW)


@pytest.mark.parametrize("test", sorted({test for how in HOW.values() if isinstance(how, Elsewhere)
                                         for test in how.tests}))
def test_the_tests_that_run_commands_exist(test):
    file, name = test.split("::")
    tree = ast.parse((PROJECT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


@pytest.mark.parametrize("how", [how for how in HOW.values() if isinstance(how, Make)], ids=lambda how: how.target)
def test_make_does_what_the_documents_say(how):
    would_do = subprocess.run(["make", "--dry-run", *how.target.split()], cwd=PROJECT, capture_output=True, text=True)
    assert how.expected in would_do.stdout


@pytest.mark.parametrize("how", [how for how in HOW.values() if isinstance(how, Long)], ids=lambda how: how.module)
def test_what_takes_hours_can_be_started(how):
    asked = subprocess.run([sys.executable, "-m", how.module, "--help"], cwd=PROJECT, capture_output=True, text=True)
    assert asked.returncode == 0 and how.option in asked.stdout


@pytest.mark.parametrize("command, how", [item for item in HOW.items() if isinstance(item[1], Never)])
def test_what_must_not_be_done_is_said_with_its_reason(command, how):
    [sentence] = [line for line in README.read_text().split("\n\n") if command in line]
    assert sentence.startswith("Never ") and how.warning in " ".join(sentence.split())


# === The session: a person who follows the guide ===

class Person:
    """
    Runs the commands of the documents as they are written, except that nothing ever goes to the real VALR: the embedded
    exchange stands in where a command would, and questions are answered.
    """

    def __init__(self, exchange: ValrSimulator, folder: Path):
        self.exchange = exchange
        self.typed: List[str] = []
        self._environment = {"VALR_SIMULATOR_URL": exchange.url, "HBOT_PASSWORD": "of the test"}
        self._instance = HummingbotInstance(folder, self._environment)

    async def types(self, command: str, stdin: str = "") -> str:
        """What the command prints; it has to succeed."""
        self.typed.append(command)
        if command.startswith(HBOT):
            arguments = shlex.split(command.removeprefix(HBOT).replace("exchange=valr ", "exchange=valr_simulator "))
            return await self._instance.hbot(*arguments, stdin=stdin)
        program, *arguments = shlex.split(command.replace("--seconds 60", "--seconds 1"))
        assert program == "hummingbot-valr"
        if "--exchange" not in arguments:
            arguments += ["--exchange", "valr_simulator"]
        if "--seconds" not in arguments:
            arguments += ["--seconds", "1"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hummingbot_valr.cli", *arguments, cwd=self._instance.folder,
            env={**os.environ, **self._environment, "COLUMNS": "200"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = await process.communicate(stdin.encode())
        assert process.returncode == 0, output.decode() + errors.decode()
        return output.decode()

    async def exports(self, command: str) -> None:
        """A variable of the shell; here the embedded exchange has a port of its own."""
        self.typed.append(command)
        assert command == f"export {CONSTANTS.SIMULATOR_URL_VARIABLE}={CONSTANTS.SIMULATOR_DEFAULT_URL}"

    async def answers(self, connector: str) -> str:
        keys = {"api_key": self.exchange.api_key, "api_secret": self.exchange.api_secret, "subaccount_id": ""}
        return await self.types(f"{HBOT} connect {connector}",
                                json.dumps({f"{connector}_{field}": value for field, value in keys.items()}))

    async def waits_for_quotes(self, *pairs: str) -> None:
        account = self.exchange.engine.account(self.exchange.account_id)
        async with asyncio.timeout(60):
            while {order.pair.symbol for order in account.open_orders.values()} != set(pairs):
                await asyncio.sleep(0.05)

    def assert_nothing_is_open(self) -> None:
        assert not self.exchange.engine.account(self.exchange.account_id).open_orders


@pytest.mark.timeout(600)
async def test_a_person_follows_the_documents(tmp_path):
    async with ValrSimulator() as exchange:
        # All this is typed faster than by a person, whose commands do not share the 30 public requests of one minute.
        exchange.rate_limits.enabled = False
        person = Person(exchange, tmp_path)
        with pytest.raises(CommandFailed, match="Usage: "):
            await person.types(HBOT)
        connectors = await person.types(f"{HBOT} connect --all")
        assert "| valr " in connectors and "| valr_simulator " in connectors

        await person.exports("export VALR_SIMULATOR_URL=http://127.0.0.1:8710")
        assert "no keys" in await person.types("hummingbot-valr check --exchange valr_simulator")
        await person.answers("valr_simulator")
        assert "| valr_simulator | yes        | yes " in await person.types(f"{HBOT} connect")
        assert "ZAR" in await person.types(f"{HBOT} balance valr_simulator --units-only")

        await person.types(
            f"{HBOT} deploy valr_test_bot.py --name conf_first.yml --set trading_pairs=BTC-ZAR,ETH-ZAR")
        await person.waits_for_quotes("BTCZAR", "ETHZAR")
        assert "account news by socket" in await person.types(f"{HBOT} status")
        assert "Logged in to VALR's account socket." in await person.types(f"{HBOT} logs --lines 50")
        await person.types(f"{HBOT} stop")
        person.assert_nothing_is_open()

        assert "Hummingbot's keystore" in await person.types("hummingbot-valr check")
        assert "verified by sequence and checksum" in await person.types("hummingbot-valr check --seconds 60")
        rows = json.loads(await person.types("hummingbot-valr check --json"))
        assert {row["status"] for row in rows} == {"ok"}
        await person.types("hummingbot-valr check --record record.jsonl")
        assert (tmp_path / "record.jsonl").read_text()
        assert "nothing is left" in await person.types("hummingbot-valr check --trade", stdin="place\n")

        await person.types(f"{HBOT} deploy valr_test_bot.py --name conf_live.yml --set exchange=valr --set cycles=2"
                           " --set order_amount_quote=100 --set max_exposure_quote=300")
        await person.waits_for_quotes("BTCZAR")
        await person.types(f"{HBOT} stop")
        await person.types(f"{HBOT} deploy valr_test_bot.py")
        await person.waits_for_quotes("BTCZAR")
        await person.types(f"{HBOT} stop")
        await person.types(f"{HBOT} create pure_market_making --name conf_pmm.yml --set exchange=valr_simulator"
                           " --set market=BTC-ZAR --set bid_spread=0.5 --set ask_spread=0.5 --set order_amount=0.001"
                           " --set order_refresh_time=30")
        await person.types(f"{HBOT} start conf_pmm.yml")
        await person.waits_for_quotes("BTCZAR")
        await person.types(f"{HBOT} stop")
        person.assert_nothing_is_open()

        assert "50" in await person.types(f"{HBOT} config rate_limits_share_pct 50")
        assert "valr" in await person.types(f"{HBOT} config rate_oracle_source.name valr")
        assert "valr" in await person.answers("valr")
    assert set(person.typed) == {command for command, how in HOW.items() if isinstance(how, Session)}


async def test_the_steps_for_docker_lead_to_a_bot_on_valr(tmp_path):
    folder = Path(shutil.copytree(PROJECT / "docker", tmp_path / "docker"))
    steps = [command for command in commands(DOCKER) if HOW[command] is DOCKER_STEP]
    for step in steps:
        if not step.startswith(IN_CONTAINER):
            subprocess.run(["bash", "-c", step], cwd=folder, check=True)
    name, password = (folder / ".env").read_text().strip().split("=")
    (tmp_path / "container").mkdir()
    container = HummingbotInstance(tmp_path / "container", {name: password})
    shutil.rmtree(container.folder / "conf")
    (container.folder / "conf").symlink_to(folder / "bot-1/conf")
    answers = json.dumps({f"valr_{field}": "x" for field in ("api_key", "api_secret", "subaccount_id")})

    for step in steps:
        if step.startswith(IN_CONTAINER):
            await container.hbot(*shlex.split(step.removeprefix(IN_CONTAINER + HBOT)), stdin=answers)

    assert (folder / "bot-1/conf/connectors/valr.yml").exists()
    started = re.search(r"BOT_CONFIG:-([\w.]+)", (folder / "compose.yml").read_text()).group(1)
    assert yaml.safe_load((folder / "bot-1/conf/scripts" / started).read_text())["exchange"] == "valr"


async def test_the_program_in_the_guide_starts_an_exchange_that_leaves_frames_out():
    [program] = re.findall(r"```python\n(import .*?)```", GUIDE.read_text(), re.DOTALL)
    exchange = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-c", program, cwd=PROJECT, stdout=subprocess.PIPE)
    try:
        url, key, secret = (await exchange.stdout.readline()).decode().split()
        check = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hummingbot_valr.cli", "check", "--exchange", "valr_simulator", "--json", cwd=PROJECT,
            stdout=subprocess.PIPE,
            env={**os.environ, "VALR_SIMULATOR_URL": url, "VALR_API_KEY": key, "VALR_API_SECRET": secret})
        rows, _ = await check.communicate()
    finally:
        exchange.kill()
        await exchange.wait()
    assert [row["name"] for row in json.loads(rows) if row["status"] == "fail"] == ["trade_socket"]


# === Texts that the guide quotes ===

SOURCES = ("hummingbot", "hummingbot_valr", "scripts")
LOG_METHODS = {"info", "warning", "error", "exception", "network"}
WARN_ONCE = {"_warn_once", "warn_once"}


def template(node: ast.expr) -> Optional[str]:
    """A text of the source, with `…` for what is put into it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join("…" if isinstance(part, ast.FormattedValue) else str(part.value) for part in node.values)
    return None


def texts(folders: Tuple[str, ...], choose: Callable[[ast.AST], Iterator[ast.expr]]) -> Set[str]:
    trees = [ast.parse(file.read_text()) for folder in folders for file in sorted((PROJECT / folder).rglob("*.py"))]
    found = [template(text) for tree in trees for node in ast.walk(tree) for text in choose(node)]
    return {text for text in found if text}


def logged(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        is_logger = "logger" in ast.unparse(node.func.value).lower()
        if node.func.attr in WARN_ONCE or is_logger and node.func.attr in LOG_METHODS:
            yield node.args[0]


def anything(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, (ast.Constant, ast.JoinedStr)):
        yield node


def quoted(section: str) -> List[str]:
    """The texts in the first column of the table of a section of the guide."""
    rows = GUIDE.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0].splitlines()
    return [text for row in rows if row.startswith("| `") for text in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def test_the_guide_tells_the_meaning_of_each_log_line():
    explained, written = quoted("What the log lines mean"), texts(("hummingbot",), logged)
    unexplained = [line for line in written if not any(text in line for text in explained)]
    assert not unexplained, "Say in docs/guide.md what this log line means."
    outdated = [text for text in explained if not any(text in line for line in written)]
    assert not outdated, "docs/guide.md explains a log line that does not exist."


def test_the_guide_helps_with_errors_that_exist():
    written = texts(SOURCES, anything)
    assert not [text for text in quoted("Troubleshooting") if not any(text in line for line in written)]


def test_the_guide_names_every_row_of_the_check():
    from hummingbot_valr.check.runner import _STEPS

    assert quoted("Check") == [name for step in _STEPS for name in step.names]


@pytest.mark.parametrize("document", [README, *sorted((PROJECT / "docs").glob("*.md"))], ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\((?!http)([^)]+)\)", document.read_text()):
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        headings: Dict[str, str] = {
            re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-"): heading
            for heading in re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)} if anchor else {}
        assert not anchor or anchor in headings, target
