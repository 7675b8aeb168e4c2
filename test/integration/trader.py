"""A connector with a clock, as Hummingbot runs it, and a record of everything that it tells a strategy."""
import asyncio
import json
import time
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any, Callable, Dict, List, Optional, Sequence

from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.core.data_type.in_flight_order import InFlightOrder
from hummingbot.core.event.event_forwarder import EventForwarder
from hummingbot.core.event.events import MarketEvent
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot_valr.simulator import ValrSimulator

ORDER_EVENTS = {
    MarketEvent.BuyOrderCreated: "created",
    MarketEvent.SellOrderCreated: "created",
    MarketEvent.OrderFilled: "filled",
    MarketEvent.OrderCancelled: "cancelled",
    MarketEvent.OrderFailure: "failed",
    MarketEvent.BuyOrderCompleted: "completed",
    MarketEvent.SellOrderCompleted: "completed",
}
FINAL = {"cancelled", "failed", "completed"}


class Trader:
    """
        async with Trader(simulator, monkeypatch) as trader:
            order_id = trader.connector.buy(...)
            await trader.until(lambda: trader.said(order_id) == ["created"])
    """

    TICK = 0.1  # seconds

    def __init__(self, exchange: ValrSimulator, monkeypatch, pairs: Sequence[str] = ("BTC-ZAR",),
                 rate_limits_share_pct: Decimal = Decimal(100), predecessor: Optional["Trader"] = None):
        """
        :param predecessor: the trader of a bot that was killed, whose saved orders this one restores
        """
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)
        self.exchange = exchange
        self.connector = ValrExchange(
            exchange.api_key, exchange.api_secret, trading_pairs=list(pairs), domain="valr_simulator",
            rate_limits_share_pct=rate_limits_share_pct)
        self.events: Dict[str, List[Any]] = predecessor.events if predecessor else defaultdict(list)
        self._kinds: Dict[str, List[str]] = predecessor._kinds if predecessor else defaultdict(list)
        self._saved_orders = ""
        self._forwarders = [EventForwarder(self._recorder(kind)) for kind in ORDER_EVENTS.values()]
        for tag, forwarder in zip(ORDER_EVENTS, self._forwarders):
            self.connector.add_listener(tag, forwarder)
        if predecessor is not None:
            self.connector.restore_tracking_states(json.loads(predecessor._saved_orders))
        self._clock: Optional[asyncio.Task] = None

    async def __aenter__(self) -> "Trader":
        self._tick()
        await self.connector.start_network()
        self._clock = asyncio.create_task(self._run_clock())
        return self

    async def __aexit__(self, *_: object):
        self._clock.cancel()
        await self.connector.stop_network()
        # Hummingbot's HTTP session is one for the process, and bound to an event loop.
        await ConnectionsFactory().close()

    def kill(self):
        """The bot ends here: its orders are saved as they are, and what it still hears or sends is not its any more."""
        self._saved_orders = json.dumps(self.connector.tracking_states)
        for tag, forwarder in zip(ORDER_EVENTS, self._forwarders):
            self.connector.remove_listener(tag, forwarder)

    async def ready(self, timeout: float = 20.0) -> "Trader":
        await self.until(lambda: self.connector.ready, timeout)
        return self

    async def until(self, condition: Callable[[], bool], timeout: float = 10.0):
        """Waits for a condition; fails with the state of the connector's orders."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                states = {key: order.current_state.name for key, order in self.connector.in_flight_orders.items()}
                raise AssertionError(
                    f"Not so within {timeout:g} s. Status: {self.connector.status_dict}. In flight: {states}. "
                    f"Said: {dict(self._kinds)}")
            await asyncio.sleep(0.01)

    async def order(self, order_id: str) -> InFlightOrder:
        """The connector's order, as soon as it has it."""
        await self.until(lambda: self.connector._order_tracker.find(order_id, None) is not None)
        return self.connector._order_tracker.find(order_id, None)

    def said(self, order_id: str) -> List[str]:
        """The kinds of the events of an order, in the order in which they came, without the fills."""
        return [kind for kind in self._kinds[order_id] if kind != "filled"]

    def is_over(self, order_id: str) -> bool:
        return any(kind in FINAL for kind in self._kinds[order_id])

    def fills(self) -> Counter:
        """What the connector told of fills, comparable with `ledger_fills`."""
        return Counter(
            (event.order_id, event.price, event.amount,
             *((fee.token, fee.amount) for fee in event.trade_fee.flat_fees if fee.amount))
            for events in self.events.values() for event in events if hasattr(event, "exchange_trade_id"))

    def ledger_fills(self) -> Counter:
        """What the exchange booked for the account, to the last digit."""
        fills = self.exchange.engine.account(self.exchange.account_id).fills
        return Counter(
            (fill.order.customer_order_id, fill.trade.price, fill.trade.quantity,
             *([(fill.reward_currency, -fill.reward)] if fill.reward else
               [(fill.fee_currency, fill.fee)] if fill.fee else []))
            for fill in fills)

    def balances(self) -> Dict[str, Any]:
        """asset -> (total, available), without what is zero"""
        available = self.connector.available_balances
        return {asset: (total, available[asset])
                for asset, total in self.connector.get_all_balances().items() if total}

    def ledger_balances(self) -> Dict[str, Any]:
        balances = self.exchange.engine.account(self.exchange.account_id).balances
        return {asset: (balance.total, balance.available) for asset, balance in balances.items() if balance.total}

    def _recorder(self, kind: str) -> Callable[[Any], None]:
        def record(event: Any):
            order_id = getattr(event, "order_id", None) or event.client_order_id
            self._kinds[order_id].append(kind)
            self.events[order_id].append(event)
        return record

    def _tick(self):
        now = time.time()
        self.connector._set_current_timestamp(now)
        self.connector.tick(now)

    async def _run_clock(self):
        while True:
            self._tick()
            await asyncio.sleep(self.TICK)
