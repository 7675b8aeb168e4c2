"""Part 2: from the server's send to the book that has the update, one frame at a time and in bursts."""
import statistics
import time
from functools import partial
from typing import Any, Callable, Dict, List

from benchmarks.awake import awake_cores
from benchmarks.book_check import wait_for_sequence
from benchmarks.book_stream import BookStream
from benchmarks.comparison import FigureVoid, Report, Series, Table, Target, alternate, best
from benchmarks.feeds import VALR_DECODER, Feed, book_feeds, replayed_exchange
from benchmarks.peers import PEERS, point_peers_at
from benchmarks.replay_client import ReplayClient, replay_server
from hummingbot.core.data_type.order_book import OrderBook

PACED: Dict[str, Any] = {"mode": "paced", "rate": 500, "count": 1_000}
BURSTS: Dict[str, Any] = {"mode": "bursts", "size": 50, "interval": 0.02, "count": 5_000}
P50, P99, BURST_P50 = "paced, 500 frames/s, p50", "paced, 500 frames/s, p99", "bursts of 50, p50"


class TimedOrderBook(OrderBook):
    """Hummingbot's order book, noting when each update had been applied."""

    def __init__(self):
        super().__init__()
        self.applied_at: Dict[int, float] = {}

    def apply_diffs(self, bids, asks, update_id):
        super().apply_diffs(bids, asks, update_id)
        self.applied_at[int(update_id)] = time.perf_counter()


async def run(rounds: int, progress: Callable[[str], None]) -> Report:
    with awake_cores():
        async with replay_server(max(PACED["count"], BURSTS["count"])) as server:
            point_peers_at(server.host)
            sides = {name: partial(_measure, server, replayed_exchange(name), feed)
                     for name, feed in book_feeds(server).items()}
            figures = await alternate(sides, rounds, progress)
    report = Report("latency, server send to applied")
    for title in (P50, P99, BURST_P50):
        peer = best(figures[title], PEERS, highest=False)
        report.tables.append(Table(title, "µs", figures[title], peer))
        report.targets += _targets(title, peer, figures[title])
    return report


def _targets(title: str, peer: str, series: Dict[str, Series]) -> List[Target]:
    limit = {P50: 0.8, P99: 1.0, BURST_P50: 0.5}[title]
    floor = f"floor {VALR_DECODER}"
    return [
        Target(f"{title}: VALR to {peer}, the fastest in-tree connector", series["valr"].ratio_to(series[peer]), limit,
               at_least=False),
        Target(f"{title}: VALR to the {floor}", series["valr"].ratio_to(series[floor]), 1.15, at_least=False),
    ]


async def _measure(server: ReplayClient, exchange: str, feed: Feed) -> Dict[str, float]:
    paced = await _latencies(server, exchange, feed, PACED)
    bursts = await _latencies(server, exchange, feed, BURSTS)
    return {P50: statistics.median(paced), P99: statistics.quantiles(paced, n=100)[98],
            BURST_P50: statistics.median(bursts)}


async def _latencies(server: ReplayClient, exchange: str, feed: Feed, options: Dict[str, Any]) -> List[float]:
    """:return: µs of every update, in their order"""
    first = BookStream.FIRST_SEQUENCE + 1
    async with feed(TimedOrderBook) as order_book:
        await server.call("replay", exchange=exchange, **options)
        await wait_for_sequence(order_book, first + options["count"] - 1)
        sent = await server.call("times")
        applied = order_book.applied_at
    if len(applied) != len(sent):
        raise FigureVoid(f"{len(sent)} updates sent, {len(applied)} applied")
    return [(applied[first + index] - sent_at) * 1e6 for index, sent_at in enumerate(sent)]
