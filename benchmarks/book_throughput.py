"""Part 1: how many book updates a second each feed applies when the server sends as fast as the feed reads."""
import time
from typing import Callable, Dict

from benchmarks.book_check import check_final_book, wait_for_sequence
from benchmarks.comparison import Report, Table, Target, alternate, best
from benchmarks.feeds import Feed, book_feeds, feed_json_name
from benchmarks.peers import PEERS
from benchmarks.replay_client import ReplayClient, replay_server
from hummingbot.core.data_type.order_book import OrderBook

UPDATES = 80_000


async def run(rounds: int, progress: Callable[[str], None]) -> Report:
    async with replay_server(UPDATES) as server:
        final_book = await server.call("final_book")
        sides = {name: (lambda name=name, feed=feed: _measure(server, name, feed, final_book))
                 for name, feed in book_feeds(server).items()}
        figures = await alternate(sides, rounds, progress)
    series = figures["updates"]
    peer = best(series, list(PEERS), highest=True)
    report = Report(f"book updates, every VALR frame verified, nothing verified by the others ({UPDATES:,} updates)")
    report.tables = [Table("book updates applied", "updates/s", series, peer, digits=0)]
    if "valr" in series:
        json_name = feed_json_name()
        limit = 3.5 if json_name == "orjson" else 3.0
        report.targets = [
            Target(f"VALR with {json_name} to {peer}, the fastest in-tree connector",
                   series["valr"].ratio_to(series[peer]), limit, at_least=True),
            Target(f"VALR to the floor with {json_name}",
                   series["valr"].ratio_to(series[f"floor {json_name}"]), 0.9, at_least=True),
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
