"""Part 4: from the start of the clock to `ready`, against the embedded exchange, and the public requests it takes."""
import asyncio
import time
from functools import partial
from typing import Callable, Dict

from benchmarks.comparison import Report, Table, Target, alternate
from benchmarks.exchange import ExchangeProcess, exchange_process
from benchmarks.feeds import running_tracker
from benchmarks.peers import PEERS, point_peers_at
from benchmarks.replay_client import replay_server
from benchmarks.running import running
from benchmarks.valr import valr_connector

PAIR_COUNTS = (1, 50, 200)
LIMITS = {50: 1.5, 200: 3.0}  # seconds
IN_TREE_PAIRS = 5
SETTLE_TIME = 2.0  # seconds, for requests that follow the start


async def run(rounds: int, progress: Callable[[str], None]) -> Report:
    async with exchange_process(max(PAIR_COUNTS)) as exchange:
        sides = {f"{count} pairs": partial(_measure, exchange, count) for count in PAIR_COUNTS}
        figures = await alternate(sides, rounds, progress)
    ready, requests = figures["ready"], figures["requests"]
    report = Report("cold start to ready")
    report.tables = [
        Table("seconds to ready", "s", ready, "1 pairs", digits=3),
        Table("public REST requests", "requests", requests, "1 pairs", digits=0),
    ]
    for count, limit in LIMITS.items():
        report.targets.append(Target(f"{count} pairs, seconds", ready[f"{count} pairs"].median, limit, at_least=False))
        report.targets.append(Target(f"{count} pairs, public REST requests to those of one pair",
                                     requests[f"{count} pairs"].ratio_to(requests["1 pairs"]), 1.0, at_least=False))
    progress("in-tree binance")
    seconds = await _in_tree_seconds()
    report.notes.append(f"In-tree binance, order books of {IN_TREE_PAIRS} pairs: {seconds:.1f} s "
                        f"(its tracker sleeps a second per pair; measured once).")
    return report


async def _measure(exchange: ExchangeProcess, count: int) -> Dict[str, float]:
    await exchange.do("public_requests")
    pairs = list(exchange.pairs.values())[:count]
    async with running(valr_connector(exchange.url, pairs, key=exchange.key, secret=exchange.secret)) as seconds:
        await asyncio.sleep(SETTLE_TIME)
        return {"ready": seconds, "requests": await exchange.do("public_requests")}


async def _in_tree_seconds() -> float:
    async with replay_server(updates=0) as server:
        point_peers_at(server.host)
        pairs = [f"C{number}-USDT" for number in range(IN_TREE_PAIRS)]
        started_at = time.perf_counter()
        async with running_tracker(PEERS["binance"].connector(pairs=pairs)):
            return time.perf_counter() - started_at
