"""Part 1: how many book updates a second each feed applies when the server sends as fast as the feed reads."""
import time
from functools import partial
from typing import Callable, Dict

from benchmarks.book_check import check_final_book, wait_for_sequence
from benchmarks.ccxt_feed import ccxt, ccxt_feed
from benchmarks.comparison import Report, Table, Target, alternate, best
from benchmarks.feeds import CCXT, VALR_DECODER, Feed, book_feeds, replayed_exchange
from benchmarks.peers import PEERS, point_peers_at
from benchmarks.replay_client import ReplayClient, replay_server
from hummingbot.core.data_type.order_book import OrderBook

UPDATES = 80_000
LIMITS = {"ujson": 3.0, "orjson": 3.5}


async def run(rounds: int, progress: Callable[[str], None]) -> Report:
    async with replay_server(UPDATES) as server:
        point_peers_at(server.host)
        final_book = await server.call("final_book")
        feeds = book_feeds(server)
        if ccxt is not None:
            feeds[CCXT] = partial(ccxt_feed, server.host)
        sides = {name: partial(_measure, server, replayed_exchange(name), feed, final_book)
                 for name, feed in feeds.items()}
        figures = await alternate(sides, rounds, progress)
    # The client is one thread that never waits: what it does per second of CPU is what it does per second on a core of
    # its own, and other load on the machine changes it little.
    series = figures["updates per CPU second"]
    peer = best(series, PEERS, highest=True)
    report = Report(f"book updates, every VALR frame verified, nothing verified by the others ({UPDATES:,} updates)")
    report.tables = [
        Table("book updates applied per second of CPU", "updates/s", series, peer, digits=0),
        Table("book updates applied per second by the clock", "updates/s", figures["updates"], peer, digits=0),
    ]
    report.targets = [
        Target(f"VALR with {VALR_DECODER} to {peer}, the fastest in-tree connector",
               series["valr"].ratio_to(series[peer]), LIMITS[VALR_DECODER], at_least=True),
        Target(f"VALR to the floor with {VALR_DECODER}",
               series["valr"].ratio_to(series[f"floor {VALR_DECODER}"]), 0.9, at_least=True),
    ]
    return report


async def _measure(server: ReplayClient, exchange: str, feed: Feed, final_book: Dict) -> Dict[str, float]:
    async with feed(OrderBook) as order_book:
        cpu = time.process_time()
        await server.call("replay", exchange=exchange, mode="flood", count=UPDATES)
        await wait_for_sequence(order_book, final_book["sequence"])
        finished_at, cpu = time.perf_counter(), time.process_time() - cpu
        check_final_book(order_book, final_book)
        seconds = finished_at - (await server.call("times"))[0]
    return {"updates": UPDATES / seconds, "updates per CPU second": UPDATES / cpu}
