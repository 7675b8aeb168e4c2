"""Part 3: from `buy()` to the bytes at the exchange and to the created event; from the fill's frame to its event."""
import asyncio
import json
import statistics
import time
from decimal import Decimal
from functools import partial
from typing import Awaitable, Callable, Dict, List

import aiohttp

from benchmarks.awake import awake_cores
from benchmarks.comparison import FigureVoid, Report, Series, Table, Target, alternate
from benchmarks.fill_floor import book_without_checks
from benchmarks.peers import PAIR, PEERS, point_peers_at
from benchmarks.replay_client import ReplayClient, replay_server
from benchmarks.running import running
from benchmarks.valr import valr_connector
from hummingbot.connector.exchange.binance import binance_constants
from hummingbot.connector.exchange.valr import valr_constants
from hummingbot.connector.exchange_py_base import ExchangePyBase
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.event.event_forwarder import EventForwarder
from hummingbot.core.event.events import MarketEvent

ORDERS, WARM_UP_ORDERS = 40, 5  # together fewer than binance's 100 orders per 10 s
PAUSE = 0.005  # seconds between orders
AMOUNT, PRICE = Decimal("0.001"), Decimal("1800000")
EVENT_TIMEOUT = 10.0  # seconds

FLOOR, FILL_FLOOR = "a text on an open socket", "a fill without any check"
REQUESTS_IN_WINDOW, COMPLETED_ORDERS = 1_000, 300
TO_BYTES, TO_CREATED, TO_FILLED = "buy() to bytes at the exchange", "buy() to created event", "fill frame to fill event"
LIMITS = {TO_BYTES: 0.4, TO_CREATED: 0.5, TO_FILLED: 0.6}


async def run(rounds: int, progress: Callable[[str], None]) -> Report:
    with awake_cores():
        async with replay_server(updates=0) as server:
            point_peers_at(server.host)
            connectors = {
                "binance": partial(PEERS["binance"].connector, trading_required=True),
                "valr": partial(valr_connector, server.url, [PAIR]),
            }
            sides = {f"{name}{load}": partial(_measure, server, create, prepare)
                     for name, create in connectors.items() for load, prepare in LOADS.items()}
            sides[FLOOR] = partial(_send_on_open_socket, server)
            sides[FILL_FLOOR] = partial(_fill_without_checks, server, connectors["valr"])
            figures = await alternate(sides, rounds, progress)
    report = Report("order path")
    for title, limit in LIMITS.items():
        report.tables.append(Table(title, "µs", figures[title], "binance"))
        report.targets += _targets(title, limit, figures[title])
    return report


def _targets(title: str, limit: float, series: Dict[str, Series]) -> List[Target]:
    targets = [Target(f"{title}: VALR to in-tree binance", series["valr"].ratio_to(series["binance"]), limit, False)]
    for load in LOADS:
        if load:
            targets.append(Target(f"{title}: VALR{load} to VALR without",
                                  series[f"valr{load}"].ratio_to(series["valr"]), 1.2, False))
    return targets


async def _measure(server: ReplayClient, create_connector: Callable[[], ExchangePyBase],
                   prepare: Callable[[ExchangePyBase], Awaitable[None]]) -> Dict[str, float]:
    connector = create_connector()
    async with running(connector):
        await prepare(connector)
        timed = TimedOrders(connector, server)
        for _ in range(WARM_UP_ORDERS + ORDERS):
            await timed.buy_and_fill()
            await asyncio.sleep(PAUSE)
        return await timed.medians()


async def _send_on_open_socket(server: ReplayClient) -> Dict[str, float]:
    """What no order command can be faster than: aiohttp's socket and the way to the server."""
    sent_at = {}
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://{server.host}/ws/account") as socket:
        for number in range(WARM_UP_ORDERS + ORDERS):
            text = json.dumps({"type": "PLACE_LIMIT_ORDER", "clientMsgId": "1", "payload": {
                "side": "BUY", "quantity": str(AMOUNT), "price": str(PRICE), "pair": "BTCUSDT", "postOnly": False,
                "timeInForce": "GTC", "customerOrderId": f"floor{number}"}})
            sent_at[f"floor{number}"] = time.perf_counter()
            await socket.send_str(text)
            await asyncio.sleep(PAUSE)
        received = await server.call("order_times")
    seconds = [received[order_id][0] - sent for order_id, sent in list(sent_at.items())[WARM_UP_ORDERS:]]
    return {TO_BYTES: statistics.median(seconds) * 1e6}


async def _fill_without_checks(
        server: ReplayClient, create_connector: Callable[[], ExchangePyBase]) -> Dict[str, float]:
    """What no fill event can come sooner than."""
    stages = await _measure(server, create_connector, book_without_checks)
    return {TO_FILLED: stages[TO_FILLED]}


class TimedOrders:
    """Places one order after the other, has each filled, and notes when its events came."""

    EVENTS = (MarketEvent.BuyOrderCreated, MarketEvent.OrderFilled, MarketEvent.BuyOrderCompleted)

    def __init__(self, connector: ExchangePyBase, server: ReplayClient):
        self._connector, self._server = connector, server
        self._bought_at: Dict[str, float] = {}
        self._event_at: Dict[MarketEvent, Dict[str, float]] = {event: {} for event in self.EVENTS}
        # Every order finds the stock throttler's window as it was before the first: they would slow each other down.
        self._window = list(connector.throttler._task_logs)
        self._filled_base = Decimal(0)
        self._arrived = asyncio.Event()
        # Kept here, because Hummingbot holds its listeners by weak references.
        self._listeners = {event: EventForwarder(self._handler(event)) for event in self.EVENTS}
        for event, listener in self._listeners.items():
            connector.add_listener(event, listener)

    async def buy_and_fill(self):
        self._connector.throttler._task_logs[:] = self._window
        bought_at = time.perf_counter()
        order_id = self._connector.buy(PAIR, AMOUNT, OrderType.LIMIT, PRICE)
        self._bought_at[order_id] = bought_at
        await self._until(MarketEvent.BuyOrderCreated, order_id)
        await self._server.call("fill", client_order_id=order_id)
        await self._until(MarketEvent.OrderFilled, order_id)
        await self._until(MarketEvent.BuyOrderCompleted, order_id)

    async def medians(self) -> Dict[str, float]:
        """
        :return: µs of each stage
        :raises FigureVoid: when the bot's fills are not the exchange's
        """
        exchange = await self._server.call("order_times")
        if set(exchange) != set(self._bought_at) or self._filled_base != AMOUNT * len(exchange):
            raise FigureVoid(f"{self._filled_base} filled for the bot, {len(exchange)} orders at the exchange")
        created, filled = self._event_at[MarketEvent.BuyOrderCreated], self._event_at[MarketEvent.OrderFilled]
        orders = list(self._bought_at.items())[WARM_UP_ORDERS:]
        stages = {
            TO_BYTES: [exchange[order_id][0] - bought_at for order_id, bought_at in orders],
            TO_CREATED: [created[order_id] - bought_at for order_id, bought_at in orders],
            TO_FILLED: [filled[order_id] - exchange[order_id][1] for order_id, _ in orders],
        }
        return {title: statistics.median(seconds) * 1e6 for title, seconds in stages.items()}

    def _handler(self, event: MarketEvent) -> Callable:
        def handle(payload):
            self._event_at[event][payload.order_id] = time.perf_counter()
            if event is MarketEvent.OrderFilled:
                self._filled_base += payload.amount
            self._arrived.set()
        return handle

    async def _until(self, event: MarketEvent, order_id: str):
        try:
            async with asyncio.timeout(EVENT_TIMEOUT):
                while order_id not in self._event_at[event]:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise FigureVoid(f"no {event.name} for {order_id} of {self._connector.name}") from None


async def _nothing(connector: ExchangePyBase):
    pass


async def _fill_throttler_window(connector: ExchangePyBase):
    limit_id = (binance_constants.SERVER_TIME_PATH_URL if connector.name == "binance"
                else valr_constants.ORDER_LOOKUP_LIMIT)
    for _ in range(REQUESTS_IN_WINDOW):
        async with connector.throttler.execute_task(limit_id):
            pass


async def _complete_orders(connector: ExchangePyBase):
    for number in range(COMPLETED_ORDERS):
        connector.start_tracking_order(
            order_id=f"done{number}", exchange_order_id=f"exchange{number}", trading_pair=PAIR,
            trade_type=TradeType.BUY, price=PRICE, amount=AMOUNT, order_type=OrderType.LIMIT)
        connector.stop_tracking_order(f"done{number}")


LOADS: Dict[str, Callable[[ExchangePyBase], Awaitable[None]]] = {
    "": _nothing,
    f", {REQUESTS_IN_WINDOW:,} requests in the window": _fill_throttler_window,
    f", {COMPLETED_ORDERS} orders just completed": _complete_orders,
}
