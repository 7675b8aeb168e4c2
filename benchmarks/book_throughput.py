"""Part 1: how many book updates a second each feed applies when the server sends as fast as the feed reads."""
import time
from functools import partial
from typing import Callable, Dict

from benchmarks.book_check import check_final_book, wait_for_sequence
from benchmarks.comparison import Report, Table, Target, alternate, best
from benchmarks.feeds import VALR_DECODER, Feed, book_feeds
from benchmarks.peers import PEERS
from benchmarks.replay_client import ReplayClient, replay_server
from hummingbot.core.data_type.order_book import OrderBook

UPDATES = 80_000
LIMITS = {"ujson": 3.0, "orjson": 3.5}


async def run(rounds: int, progress: Callable[[str], None]) -> Report:
    async with replay_server(UPDATES) as server:
        final_book = await server.call("final_book")
        sides = {name: partial(_measure, server, name, feed, final_book) for name, feed in book_feeds(server).items()}
        figures = await alternate(sides, rounds, progress)
    series = figures["updates"]
    peer = best(series, PEERS, highest=True)
    report = Report(f"book updates, every VALR frame verified, nothing verified by the others ({UPDATES:,} updates)")
    report.tables = [Table("book updates applied", "updates/s", series, peer, digits=0)]
    report.targets = [
        Target(f"VALR with {VALR_DECODER} to {peer}, the fastest in-tree connector",
               series["valr"].ratio_to(series[peer]), LIMITS[VALR_DECODER], at_least=True),
        Target(f"VALR to the floor with {VALR_DECODER}",
               series["valr"].ratio_to(series[f"floor {VALR_DECODER}"]), 0.9, at_least=True),
    ]
    return report


async def _measure(server: ReplayClient, name: str, feed: Feed, final_book: Dict) -> Dict[str, float]:
    exchange = name if name in PEERS else "valr"
    async with feed(OrderBook) as order_book:
        await server.call("replay", exchange=exchange, mode="flood", count=UPDATES)
        await wait_for_sequence(order_book, final_book["sequence"])
        seconds = time.perf_counter() - (await server.call("times"))[0]
        check_final_book(order_book, final_book)
    return {"updates": UPDATES / seconds}
