"""
The soak: the test bot trades 20 pairs on an embedded exchange on which everything goes wrong now and then, for as long
as wanted. Afterwards its books have to equal the ledger, and neither its memory nor its tasks may have grown.
"""
import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Dict, List

from benchmarks.soak.soak_bot import SAMPLES_FILE_NAME
from hummingbot_valr import books
from hummingbot_valr.instance import CommandFailed, HummingbotInstance
from hummingbot_valr.simulator import ValrSimulator
from scripts.valr_test_bot import SUMMARY_FILE_NAME

CONNECTOR = "valr_simulator"
BOT = Path(__file__).with_name("soak_bot.py")
PAIR_COUNT = 20
MEMORY_LIMIT = 5.0  # MB between the warm-up and the end
READY_LIMIT = 0.9  # of all ticks; the sockets are away for about 2 % of the time
SOCKET_DROP_INTERVAL = 120.0  # seconds
OUTAGE_INTERVAL = 900.0  # seconds
OUTAGE_LENGTH = 20.0  # seconds
# After the faults, the bot still has to see over REST what an event that was lost should have told.
CALM = 60.0  # seconds


def list_pairs(exchange: ValrSimulator) -> List[str]:
    """Fills the exchange up to 20 pairs in rand, and the account with what it needs to sell."""
    pairs = [pair for pair in exchange.engine.pairs.values() if pair.quote == "ZAR" and pair.has_order_book]
    for number in range(PAIR_COUNT - len(pairs)):
        pairs.append(exchange.engine.add_pair(f"SOAK{number}", "ZAR"))
    for pair in pairs:
        exchange.engine.deposit(exchange.account_id, pair.base, str(int(100_000 / pair.reference_price) + 1))
    return [f"{pair.base}-{pair.quote}" for pair in pairs]


def break_now_and_then(exchange: ValrSimulator):
    faults = exchange.faults
    for requests in (faults.place, faults.cancel, faults.read, faults.socket_place, faults.socket_cancel):
        requests.lost_after = requests.lost_before = requests.rate_limited = 0.002
    faults.place.html_accepted = faults.place.html_refused = 0.01
    faults.books.gap = faults.books.corrupt_checksum = faults.books.wrong_content = faults.books.swap = 0.0005
    faults.events.duplicate = faults.events.missing_fields = 0.01
    faults.events.lost = 0.001
    faults.events.shuffle = True


async def trouble(exchange: ValrSimulator):
    """Drops the sockets again and again, and now and then everything."""
    next_outage = time.monotonic() + OUTAGE_INTERVAL
    while True:
        await asyncio.sleep(SOCKET_DROP_INTERVAL)
        exchange.faults.drop_sockets("trade", 1006)
        await asyncio.sleep(SOCKET_DROP_INTERVAL)
        exchange.faults.drop_sockets("account", 1012)
        if time.monotonic() >= next_outage:
            next_outage += OUTAGE_INTERVAL
            exchange.faults.outage = True
            await asyncio.sleep(OUTAGE_LENGTH)
            exchange.faults.outage = False


async def soak(minutes: float, warm_up_minutes: float, folder: Path) -> Dict[str, Any]:
    async with ValrSimulator() as exchange:
        pairs = list_pairs(exchange)
        instance = HummingbotInstance(folder, {"VALR_SIMULATOR_URL": exchange.url})
        (folder / "scripts" / BOT.name).symlink_to(BOT)
        keys = {f"{CONNECTOR}_api_key": exchange.api_key, f"{CONNECTOR}_api_secret": exchange.api_secret,
                f"{CONNECTOR}_subaccount_id": ""}
        await instance.hbot("connect", CONNECTOR, "--keys-stdin", stdin=json.dumps(keys))
        settings = {"exchange": CONNECTOR, "trading_pairs": ",".join(pairs), "order_amount_quote": "500",
                    "max_exposure_quote": "100000", "spread": "0.0005", "refresh_time": "10", "cycles": "1000000"}
        arguments = [text for name, value in settings.items() for text in ("--set", f"{name}={value}")]
        try:
            await instance.hbot("deploy", BOT.name, "--name", "soak", *arguments)
            break_now_and_then(exchange)
            troubling = asyncio.create_task(trouble(exchange))
            await asyncio.sleep(minutes * 60)
            troubling.cancel()
            exchange.faults.reset()
            await asyncio.sleep(CALM)
        finally:
            with suppress(CommandFailed):  # there is nothing to stop
                await instance.hbot("stop")
        return _result(exchange, folder, warm_up_minutes)


def _result(exchange: ValrSimulator, folder: Path, warm_up_minutes: float) -> Dict[str, Any]:
    samples = [json.loads(line) for line in (folder / "data" / SAMPLES_FILE_NAME).read_text().splitlines()]
    warm = [sample for sample in samples if sample["time"] >= samples[0]["time"] + warm_up_minutes * 60]
    own, ledger = books.logged_fills(folder / "logs/logs_soak.log"), books.ledger_fills(exchange)
    account = exchange.engine.account(exchange.account_id)
    balances = {asset: (Decimal(balance["total"]), Decimal(balance["available"]))
                for asset, balance in json.loads((folder / "data" / SUMMARY_FILE_NAME).read_text())["balances"].items()}
    quarter = max(1, len(warm) // 4)

    def growth(name: str, measure: Callable[[List[float]], float]) -> float:
        """From the warm run's first quarter to its last."""
        values = [sample[name] for sample in warm]
        return measure(values[-quarter:]) - measure(values[:quarter])

    return {
        "minutes": round((samples[-1]["time"] - samples[0]["time"]) / 60, 1),
        "warm-up minutes": warm_up_minutes,
        "memory growth MB": round(growth("rss", statistics.mean) / 1e6, 2),
        # Tasks come and go with the orders; one that never ends lifts the least of them.
        "task growth": growth("tasks", min),
        "ready share of ticks": round(samples[-1]["ready"], 4),
        "orders": len(account.orders),
        "orders left": len(account.open_orders),
        "fills": len(ledger),
        "fills only in the bot": sum((Counter(own) - Counter(ledger)).values()),
        "fills only in the ledger": sum((Counter(ledger) - Counter(own)).values()),
        "balances that differ": [asset for asset, balance in books.ledger_balances(exchange, list(balances)).items()
                                 if balance != balances[asset]],
        "rss MB": [round(sample["rss"] / 1e6, 1) for sample in samples],
        "tasks": [sample["tasks"] for sample in samples],
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--warm-up", type=float, default=15, help="minutes before growth counts")
    parser.add_argument("--folder", type=Path, help="new folder for the bot's logs and data")
    arguments = parser.parse_args()
    if arguments.warm_up >= arguments.minutes:
        parser.error(f"--warm-up {arguments.warm_up:g} has to be shorter than --minutes {arguments.minutes:g}")
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="hummingbot-valr-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"The bot's logs and data are in {folder}.", flush=True)
    result = asyncio.run(soak(arguments.minutes, arguments.warm_up, folder))
    print(json.dumps(result, indent=1))
    passed = (result["memory growth MB"] <= MEMORY_LIMIT and result["task growth"] <= 0
              and result["ready share of ticks"] >= READY_LIMIT and result["fills"] and not result["orders left"]
              and not result["fills only in the bot"] and not result["fills only in the ledger"]
              and not result["balances that differ"])
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
