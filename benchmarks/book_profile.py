"""Where the time of a verified book update goes: CPU of the process, stage by stage."""
import json
import time
from functools import partial
from typing import Any, Callable, Dict, List

import aiohttp

from benchmarks.book_check import wait_for_sequence
from benchmarks.book_stream import BookStream
from benchmarks.comparison import Report, Table, alternate
from benchmarks.feeds import VALR_DECODER, Feed, book_feeds
from benchmarks.floor import JSON_DECODERS
from benchmarks.peers import point_peers_at
from benchmarks.replay_client import ReplayClient, replay_server
from benchmarks.wire import valr_diff, valr_snapshot
from hummingbot.connector.exchange.valr.valr_order_book import ValrOrderBook
from hummingbot.core.data_type.order_book import OrderBook

UPDATES = 20_000
SOCKET, DECODE, VERIFY, APPLY = "aiohttp socket", f"JSON decode ({VALR_DECODER})", "verify", "OrderBook.apply_diffs"


async def run(rounds: int, progress: Callable[[str], None]) -> Report:
    stream = BookStream(UPDATES)
    texts = [valr_diff(update) for update in stream.updates]
    async with replay_server(UPDATES) as server:
        point_peers_at(server.host)
        feeds = book_feeds(server)
        sides = {
            SOCKET: partial(_socket, server),
            DECODE: partial(_decode, texts),
            VERIFY: partial(_verify, stream, texts),
            APPLY: partial(_apply, stream, texts),
            "VALR, all": partial(_feed, server, "valr", feeds["valr"]),
            "in-tree binance, all": partial(_feed, server, "binance", feeds["binance"]),
        }
        figures = await alternate(sides, rounds, progress)
    series = figures["cpu"]
    rest = series["VALR, all"].median - sum(series[stage].median for stage in (SOCKET, DECODE, VERIFY, APPLY))
    report = Report("profile of a book update", [Table("CPU of the process", "µs per update", series, "VALR, all", 2)])
    report.notes.append(f"The rest of VALR, {rest:.2f} µs, is dispatch, metrics and the event loop.")
    return report


async def _feed(server: ReplayClient, exchange: str, feed: Feed) -> Dict[str, float]:
    async with feed(OrderBook) as order_book:
        started_at = time.process_time()
        await server.call("replay", exchange=exchange, mode="flood", count=UPDATES)
        await wait_for_sequence(order_book, BookStream.FIRST_SEQUENCE + UPDATES)
        return _per_update(started_at)


async def _socket(server: ReplayClient) -> Dict[str, float]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://{server.host}/ws/trade") as socket:
        await socket.send_str(json.dumps({"type": "SUBSCRIBE", "subscriptions": [
            {"event": "OB_L1_DIFF", "pairs": ["BTCUSDT"]}]}))
        for _ in ("SUBSCRIBED", "OB_L1_SNAPSHOT"):
            await socket.receive()
        started_at = time.process_time()
        await server.call("replay", exchange="valr", mode="flood", count=UPDATES)
        for _ in range(UPDATES):
            await socket.receive()
        return _per_update(started_at)


async def _decode(texts: List[str]) -> Dict[str, float]:
    loads = JSON_DECODERS[VALR_DECODER]
    started_at = time.process_time()
    for text in texts:
        loads(text)
    return _per_update(started_at)


async def _verify(stream: BookStream, texts: List[str]) -> Dict[str, float]:
    book, frames = _verifier(stream), _frames(texts)
    started_at = time.process_time()
    for data in frames:
        book.apply_diff(data)
    return _per_update(started_at)


async def _apply(stream: BookStream, texts: List[str]) -> Dict[str, float]:
    verifier, order_book = _verifier(stream), OrderBook()
    order_book.apply_snapshot(*verifier.rows())
    diffs = [verifier.apply_diff(data) for data in _frames(texts)]
    started_at = time.process_time()
    for diff in diffs:
        order_book.apply_diffs(*diff)
    return _per_update(started_at)


def _verifier(stream: BookStream) -> ValrOrderBook:
    book = ValrOrderBook()
    book.apply_snapshot(json.loads(valr_snapshot(stream.snapshot))["d"])
    return book


def _frames(texts: List[str]) -> List[Dict[str, Any]]:
    return [json.loads(text)["d"] for text in texts]


def _per_update(started_at: float) -> Dict[str, float]:
    return {"cpu": (time.process_time() - started_at) / UPDATES * 1e6}
