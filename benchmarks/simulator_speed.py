"""Part 6: what the embedded exchange manages on one core, so that it is never what a test measures."""
import asyncio
import json
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import Callable, Dict

import aiohttp
import psutil

from benchmarks.comparison import FigureVoid, Report, Table, Target, alternate
from benchmarks.exchange import ExchangeProcess, exchange_process
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.time_synchronizer import TimeSynchronizer
from hummingbot.core.web_assistant.connections.data_types import RESTMethod

COMMANDS, IN_FLIGHT = 4_000, 100
BOOK_COMMANDS, READERS = 4_000, 10
READ_TIMEOUT = 60.0  # seconds
ORDERS, FRAMES = "order commands over the account socket", "book frames out"


async def run(rounds: int, progress: Callable[[str], None]) -> Report:
    async with exchange_process(pair_count=20) as exchange:
        await exchange.do("lift_rate_limits")
        orders = await alternate({ORDERS: partial(_orders, exchange)}, rounds, progress)
        frames = await alternate({FRAMES: partial(_frames, exchange)}, rounds, progress)
    commands, sent = orders["rate"][ORDERS], frames["rate"][FRAMES]
    report = Report("simulator, per second of one core")
    report.tables = [
        Table(f"limit orders and their cancels, {IN_FLIGHT} in flight", "commands/s", {ORDERS: commands}, digits=0),
        Table(f"diffs to {READERS} sockets that follow 20 books", "frames/s", {FRAMES: sent}, digits=0),
    ]
    report.targets = [
        Target(f"{ORDERS}, per second", commands.median, 2_000, at_least=True),
        Target(f"{FRAMES}, per second", sent.median, 10_000, at_least=True),
    ]
    return report


async def _orders(exchange: ExchangeProcess) -> Dict[str, float]:
    """Places and cancels one order after the other, waiting for an acknowledgement only when many are open."""
    clock = TimeSynchronizer()
    clock.add_time_offset_ms_sample((time.time() - time.perf_counter()) * 1e3)
    headers = ValrAuth(exchange.key, exchange.secret, clock).signed_headers(RESTMethod.GET, "/ws/account")
    async with aiohttp.ClientSession() as session, \
            session.ws_connect(exchange.url + "/ws/account", headers=headers) as socket:
        started_at, run_id = _cpu_seconds(exchange), time.time_ns()
        sent = acknowledged = 0
        while acknowledged < COMMANDS:
            while sent < COMMANDS and sent - acknowledged < IN_FLIGHT:
                await socket.send_str(_command(f"{run_id}n{sent // 2}", is_cancel=sent % 2 == 1))
                sent += 1
            text = await socket.receive_str()
            acknowledged += "_WS_RESPONSE" in text[:40]
            if '"ERROR"' in text[:40] or "LIMIT_EXCEEDED" in text[:40]:
                raise FigureVoid(text)
        rate = COMMANDS / (_cpu_seconds(exchange) - started_at)
    if await exchange.do("count_cancelled", prefix=str(run_id)) != COMMANDS // 2:
        raise FigureVoid("not every order was placed and cancelled")
    return {"rate": rate}


def _command(order_id: str, is_cancel: bool) -> str:
    if is_cancel:
        payload = {"customerOrderId": order_id, "pair": "C000USDT"}
        return json.dumps({"type": "CANCEL_LIMIT_ORDER", "clientMsgId": "c" + order_id, "payload": payload})
    payload = {"side": "BUY", "quantity": "1", "price": "90", "pair": "C000USDT", "postOnly": True,
               "timeInForce": "GTC", "customerOrderId": order_id}
    return json.dumps({"type": "PLACE_LIMIT_ORDER", "clientMsgId": "p" + order_id, "payload": payload})


async def _frames(exchange: ExchangeProcess) -> Dict[str, float]:
    async with aiohttp.ClientSession() as session, AsyncExitStack() as sockets:
        readers = []
        for _ in range(READERS):
            socket = await sockets.enter_async_context(session.ws_connect(exchange.url + "/ws/trade"))
            await socket.send_json({"type": "SUBSCRIBE", "subscriptions": [
                {"event": "OB_L1_DIFF", "pairs": list(exchange.pairs)}]})
            await _read(socket, "OB_L1_SNAPSHOT", len(exchange.pairs))
            readers.append(asyncio.ensure_future(_read(socket, "OB_L1_DIFF", BOOK_COMMANDS)))
        started_at = _cpu_seconds(exchange)
        await exchange.do("move_books", commands=BOOK_COMMANDS)
        await asyncio.wait_for(asyncio.gather(*readers), READ_TIMEOUT)
        return {"rate": BOOK_COMMANDS * READERS / (_cpu_seconds(exchange) - started_at)}


async def _read(socket: aiohttp.ClientWebSocketResponse, kind: str, count: int):
    """Reads until so many frames of this type have come."""
    start = f'{{"type":"{kind}"'
    while count:
        count -= (await socket.receive_str()).startswith(start)


def _cpu_seconds(exchange: ExchangeProcess) -> float:
    times = psutil.Process(exchange.pid).cpu_times()
    return times.user + times.system
