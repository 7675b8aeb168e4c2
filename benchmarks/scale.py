"""Part 5: what many pairs and deep books cost: CPU at 1,000 frames/s, CPU per frame, memory per pair."""
import asyncio
import json
import statistics
import sys
import time
from functools import lru_cache, partial
from typing import Any, Callable, Dict, List

import aiohttp

from benchmarks.book_check import check_final_book, wait_for_sequence
from benchmarks.book_stream import BookStream
from benchmarks.comparison import Report, Table, Target, alternate
from benchmarks.feeds import VALR_DECODER, running_tracker
from benchmarks.floor import JSON_DECODERS
from benchmarks.replay_client import ReplayClient, replay_server
from benchmarks.valr import valr_market_data

PAIRS = {f"C{number:03d}USDT": f"C{number:03d}-USDT" for number in range(200)}
FLOOD_FRAMES = 40_000
PACED_RATE, PACED_SECONDS = 1_000, 4
CASES = {  # name -> pairs, levels a side
    "1 pair, 50 levels": (1, 50),
    "1 pair, 100 levels": (1, 100),
    "1 pair, 1,000 levels": (1, 1_000),
    "200 pairs, 100 levels": (200, 100),
}
REFERENCE, MANY = "1 pair, 100 levels", "200 pairs, 100 levels"
FLAT = 1.25
CORE_SHARE, BARE_SHARE = "VALR", "a bare aiohttp socket, frames decoded"
MEMORY = "memory per pair"


async def run(rounds: int, progress: Callable[[str], None]) -> Report:
    async with replay_server(FLOOD_FRAMES, 50) as shallow, replay_server(FLOOD_FRAMES, 100) as usual, \
            replay_server(FLOOD_FRAMES, 1_000) as deep:
        servers = {50: shallow, 100: usual, 1_000: deep}
        sides = {name: partial(_flood, servers[levels], levels, count) for name, (count, levels) in CASES.items()}
        per_frame = (await alternate(sides, rounds, progress))["cpu"]
        paced = await alternate(
            {CORE_SHARE: partial(_paced, usual), BARE_SHARE: partial(_paced_bare, usual)}, rounds, progress)
        memory = await alternate({MEMORY: partial(_memory, usual)}, 1, progress)
    shares, kilobytes = paced["share"], memory["kB"][MEMORY]
    own_share = statistics.median(
        whole - bare for whole, bare in zip(shares[CORE_SHARE].samples, shares[BARE_SHARE].samples))
    report = Report("cost at scale")
    report.tables = [
        Table("CPU of the whole process per frame, frames as fast as they are read", "µs", per_frame, REFERENCE, 2),
        Table("CPU of the whole process at 200 pairs x 5 frames/s", "% of a core", shares, BARE_SHARE),
        Table("memory per pair with 100 levels a side, Hummingbot's order book included", "kB",
              {MEMORY: kilobytes}),
    ]
    report.targets = [
        Target("percent of a core at 200 pairs x 5 frames/s, beyond a bare socket's", own_share, 10.0, at_least=False),
        Target(f"{MEMORY}, kB", kilobytes.median, 60.0, at_least=False),
        Target("cost per frame, 200 pairs to 1", per_frame[MANY].ratio_to(per_frame[REFERENCE]), FLAT, at_least=False),
        Target("cost per frame, 1,000 levels to 50",
               per_frame["1 pair, 1,000 levels"].ratio_to(per_frame["1 pair, 50 levels"]), FLAT, at_least=False),
    ]
    return report


async def _flood(server: ReplayClient, levels: int, pair_count: int) -> Dict[str, float]:
    pairs = dict(list(PAIRS.items())[:pair_count])
    updates = FLOOD_FRAMES // pair_count
    async with running_tracker(valr_market_data(server.url, pairs)) as tracker:
        started_at = time.process_time()
        await server.call("replay", exchange="valr", mode="flood", symbols=list(pairs), count=FLOOD_FRAMES)
        for book in tracker.order_books.values():
            await wait_for_sequence(book, BookStream.FIRST_SEQUENCE + updates)
        seconds = time.process_time() - started_at
        for book in tracker.order_books.values():
            check_final_book(book, _final_book(updates, levels))
    return {"cpu": seconds / FLOOD_FRAMES * 1e6}


async def _paced(server: ReplayClient) -> Dict[str, float]:
    frames = PACED_RATE * PACED_SECONDS
    updates = frames // len(PAIRS)
    async with running_tracker(valr_market_data(server.url, PAIRS)) as tracker:
        cpu, started_at = time.process_time(), time.perf_counter()
        await server.call("replay", exchange="valr", mode="paced", symbols=list(PAIRS), rate=PACED_RATE, count=frames)
        await asyncio.sleep(PACED_SECONDS)
        share = (time.process_time() - cpu) / (time.perf_counter() - started_at)
        for book in tracker.order_books.values():
            await wait_for_sequence(book, BookStream.FIRST_SEQUENCE + updates)
            check_final_book(book, _final_book(updates, 100))
    return {"share": share * 100}


async def _paced_bare(server: ReplayClient) -> Dict[str, float]:
    """What the same frames cost before any connector's code: the event loop, aiohttp and the JSON decoder."""
    loads, frames = JSON_DECODERS[VALR_DECODER], PACED_RATE * PACED_SECONDS
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://{server.host}/ws/trade") as socket:
        await socket.send_str(json.dumps({"type": "SUBSCRIBE", "subscriptions": [
            {"event": "OB_L1_DIFF", "pairs": list(PAIRS)}]}))
        for _ in range(2 * len(PAIRS)):  # SUBSCRIBED and a snapshot of each
            await socket.receive()
        cpu, started_at = time.process_time(), time.perf_counter()
        await server.call("replay", exchange="valr", mode="paced", symbols=list(PAIRS), rate=PACED_RATE, count=frames)
        for _ in range(frames):
            loads((await socket.receive()).data)
        return {"share": (time.process_time() - cpu) / (time.perf_counter() - started_at) * 100}


@lru_cache
def _final_book(updates: int, levels: int) -> Dict[str, Any]:
    """:return: the book of the server's stream after so many updates"""
    return dict(zip(("bids", "asks"), BookStream(updates, levels).final_book))


async def _memory(server: ReplayClient) -> Dict[str, float]:
    one, all_pairs = await _process_memory(server, 1), await _process_memory(server, len(PAIRS))
    return {"kB": (all_pairs - one) / (len(PAIRS) - 1) / 1e3}


async def _process_memory(server: ReplayClient, pair_count: int) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.footprint", server.url, *_arguments(pair_count),
        stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return int(output)


def _arguments(pair_count: int) -> List[str]:
    return [f"{symbol}={pair}" for symbol, pair in list(PAIRS.items())[:pair_count]]
