"""The demo: a bot trades on an embedded VALR through Hummingbot's own engine, and its books are compared with VALR."""
import asyncio
import json
import re
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Dict, List, Tuple

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hummingbot_valr import books
from hummingbot_valr.instance import CommandFailed, HummingbotInstance
from hummingbot_valr.simulator import ValrSimulator

CONNECTOR = "valr_simulator"
BOT = "valr_test_bot.py"
BOT_NAME = "conf_valr_demo"
# A busy pair, where quotes this close are soon filled, and a quiet one, where most have to be cancelled.
BOT_SETTINGS = {
    "exchange": CONNECTOR,
    "trading_pairs": "BTC-ZAR,XRP-ZAR",
    "order_amount_quote": "500",
    "max_exposure_quote": "5000",
    "spread": "0.0001",
    "refresh_time": "4",
    "cycles": "4",
}
TIME_LIMIT = 90.0  # seconds from the first to the last step
STATUS_INTERVAL = 2.0  # seconds


class DemoError(Exception):
    """The demo could not be carried out; the message says why."""


@dataclass(frozen=True)
class Check:
    """One line of the summary."""
    name: str
    passed: bool
    detail: str


async def run_demo(keep: bool = False) -> bool:
    """
    :param keep: leave the exchange running after the summary, until the task is cancelled
    :return: True if every check of the summary passed
    :raises DemoError: a step failed, so that there is nothing to sum up
    :raises InstallationError: there is no Hummingbot to run the bot in
    """
    console = Console()
    started_at = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="hummingbot-valr-demo-"))
    async with ValrSimulator() as exchange:
        instance = HummingbotInstance(folder, {"VALR_SIMULATOR_URL": exchange.url})
        log = folder / "logs" / f"logs_{BOT_NAME}.log"
        console.print(f"An embedded VALR runs at {exchange.url}, a private Hummingbot in {folder}.", soft_wrap=True)
        try:
            async with asyncio.timeout(TIME_LIMIT):
                await _connect(instance, exchange, console)
                await _run_bot(instance, console)
        except TimeoutError:
            raise DemoError(f"The bot did not end within {TIME_LIMIT:.0f} s. Its log is {log}.") from None
        except CommandFailed as error:
            raise DemoError(f"Hummingbot refused a command. {error}\nIts logs are in {log.parent}.") from None
        checks = _checks(exchange, folder, log)
        console.print()
        console.print(_summary(checks, time.monotonic() - started_at))
        console.print(f"Log of the bot: {log}\nIts database: {folder / 'data' / f'{BOT_NAME}.sqlite'}", soft_wrap=True)
        if keep:
            console.print(f"The exchange stays at {exchange.url} until Ctrl-C. API key {exchange.api_key}, secret"
                          f" {exchange.api_secret}.", soft_wrap=True)
            await asyncio.Event().wait()
    return all(check.passed for check in checks)


async def _connect(instance: HummingbotInstance, exchange: ValrSimulator, console: Console) -> None:
    keys = {f"{CONNECTOR}_api_key": exchange.api_key, f"{CONNECTOR}_api_secret": exchange.api_secret,
            f"{CONNECTOR}_subaccount_id": ""}
    await instance.hbot("connect", CONNECTOR, "--keys-stdin", stdin=json.dumps(keys))
    connections = await instance.hbot("connect")
    if not re.search(rf"\| {CONNECTOR} *\| yes *\| yes ", connections):
        raise DemoError(f"Hummingbot could not use the keys of the embedded exchange:\n{connections}")
    console.print("Hummingbot's `connect` has stored its keys and confirmed them.")


async def _run_bot(instance: HummingbotInstance, console: Console) -> None:
    """Starts the bot, shows its status until it has ended, and ends its engine."""
    settings = [argument for name, value in BOT_SETTINGS.items() for argument in ("--set", f"{name}={value}")]
    try:
        await instance.hbot("deploy", BOT, "--name", BOT_NAME, *settings)
        console.print("Hummingbot's engine has started the bot.")
        with Live(console=console) as live:
            while not await _has_ended(instance, live):
                await asyncio.sleep(STATUS_INTERVAL)
    finally:
        with suppress(CommandFailed):  # there is nothing to stop
            await instance.hbot("stop", "--force")


async def _has_ended(instance: HummingbotInstance, live: Live) -> bool:
    status = json.loads(await instance.hbot("status", "--json"))
    if not status["running"]:
        raise DemoError(f"The engine ended by itself. Its logs are in {instance.folder / 'logs'}.")
    if status["format_status"]:
        live.update(Panel(Text(status["format_status"]), title="status of the bot"))
    # A bot which ends itself leaves the engine running, with its clock stopped last.
    snapshot = json.loads((instance.folder / "data/bot/status.json").read_text())
    return bool(snapshot["engine"]) and not snapshot["engine"]["clock_running"]


def _checks(exchange: ValrSimulator, folder: Path, log: Path) -> List[Check]:
    account = exchange.engine.account(exchange.account_id)
    makers = sum(fill.is_maker for fill in account.fills)
    cancelled = sum(order.status == "Cancelled" for order in account.orders.values())
    summary_file = folder / "data/valr_test_bot_summary.json"
    if not summary_file.exists():
        raise DemoError(f"The bot ended without its summary. Its log is {log}.")
    summary = json.loads(summary_file.read_text())
    ledger, logged = books.ledger_fills(exchange), books.logged_fills(log)
    stored = books.database_fills(folder / "data" / f"{BOT_NAME}.sqlite")
    own_balances = {asset: (Decimal(balance["total"]), Decimal(balance["available"]))
                    for asset, balance in summary["balances"].items()}
    balances = books.ledger_balances(exchange, list(own_balances))
    troubles = [line for file in (log, folder / "data/bot/bot.log") for line in books.troubles(file)]
    return [
        Check("maker fills", makers > 0, str(makers)),
        Check("taker fills", makers < len(account.fills), str(len(account.fills) - makers)),
        Check("cancelled orders", cancelled > 0, str(cancelled)),
        Check("fills in Hummingbot's events equal the ledger's", logged == ledger, _comparison(logged, ledger)),
        Check("fills in Hummingbot's database equal the ledger's, to its six decimals",
              stored == [fill.in_database() for fill in ledger], f"{len(stored)} of {len(ledger)}"),
        Check("balances equal the ledger's", own_balances == balances, _balance_comparison(own_balances, balances)),
        Check("orders left", not account.open_orders and not summary["open_orders"], str(len(account.open_orders))),
        Check("error lines and tracebacks in the log", not troubles, "\n".join([str(len(troubles)), *troubles[:3]])),
    ]


def _comparison(own: List[books.BookedFill], ledger: List[books.BookedFill]) -> str:
    surplus, missing = Counter(own) - Counter(ledger), Counter(ledger) - Counter(own)
    return "\n".join([f"{len(own) - surplus.total()} of {len(ledger)}",
                      *(f"only in Hummingbot: {fill}" for fill in surplus.elements()),
                      *(f"only in the ledger: {fill}" for fill in missing.elements())])


def _balance_comparison(own: Dict[str, Tuple[Decimal, Decimal]], ledger: Dict[str, Tuple[Decimal, Decimal]]) -> str:
    return "\n".join(f"{asset} {own[asset][0]}" + ("" if own[asset] == ledger[asset] else
                     f" (available {own[asset][1]}); ledger {ledger[asset][0]} ({ledger[asset][1]})") for asset in own)


def _summary(checks: List[Check], seconds: float) -> Table:
    table = Table(title=f"{'Passed' if all(check.passed for check in checks) else 'FAILED'} in {seconds:.0f} s")
    for column in ("check", "", "detail"):
        table.add_column(column)
    for check in checks:
        table.add_row(check.name, "ok" if check.passed else "FAIL", check.detail)
    return table
