"""
A bot that exercises a connector the way a market maker does: maker orders on both sides of the mid price, cancelled and
replaced in cycles, one market round trip per pair, then a summary and the end. It trades on the embedded VALR unless
another exchange is configured, and runs on any spot connector.
"""
import asyncio
import json
import os
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, DefaultDict, Deque, Dict, Iterable, List, Union

from pydantic import Field, field_validator, model_validator
from tabulate import tabulate

from hummingbot import data_path  # type: ignore[attr-defined]  # mypy sees this project's part of the package only
from hummingbot.client.hummingbot_application import HummingbotApplication
from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.connector.utils import split_hb_trading_pair
from hummingbot.core.data_type.common import MarketDict, OrderType, TradeType
from hummingbot.core.event.events import (
    BuyOrderCompletedEvent,
    MarketOrderFailureEvent,
    OrderCancelledEvent,
    OrderFilledEvent,
    SellOrderCompletedEvent,
)
from hummingbot.strategy.strategy_v2_base import StrategyV2Base, StrategyV2ConfigBase

SUMMARY_FILE_NAME = "valr_test_bot_summary.json"


class ValrTestBotConfig(StrategyV2ConfigBase):
    script_file_name: str = os.path.basename(__file__)
    exchange: str = Field(default="valr_simulator", json_schema_extra={
        "prompt": "Exchange to trade on: ", "prompt_on_new": True})
    trading_pairs: List[str] = Field(default=["BTC-ZAR"], min_length=1, json_schema_extra={
        "prompt": "Trading pairs with the same quote currency, separated by commas: ", "prompt_on_new": True})
    order_amount_quote: Decimal = Field(default=Decimal("500"), gt=0, json_schema_extra={
        "prompt": "Size of each order, in the quote currency: ", "prompt_on_new": True})
    spread: Decimal = Field(default=Decimal("0.001"), ge=0, lt=1, json_schema_extra={
        "prompt": "Distance of each quote from the mid price, as a fraction of it: ", "prompt_on_new": True})
    refresh_time: int = Field(default=10, gt=0, json_schema_extra={
        "prompt": "Seconds until the quotes are cancelled and replaced: ", "prompt_on_new": True})
    cycles: int = Field(default=6, gt=0, json_schema_extra={
        "prompt": "How many times to quote before the bot ends: ", "prompt_on_new": True})
    max_exposure_quote: Decimal = Field(default=Decimal("2500"), gt=0, json_schema_extra={
        "prompt": "Most the bot may hold long or short, open orders included, in the quote currency: ",
        "prompt_on_new": True})

    @field_validator("trading_pairs", mode="before")
    @classmethod
    def parse_trading_pairs(cls, value: Union[str, List[str]]) -> List[str]:
        pairs = value.split(",") if isinstance(value, str) else value
        return list(dict.fromkeys(pair.strip().upper() for pair in pairs if pair.strip()))

    @field_validator("trading_pairs")
    @classmethod
    def check_one_quote_currency(cls, pairs: List[str]) -> List[str]:
        if any(pair.count("-") != 1 for pair in pairs):
            raise ValueError(f"write trading pairs as BASE-QUOTE, for example BTC-ZAR, not {', '.join(pairs)}")
        if len({split_hb_trading_pair(pair)[1] for pair in pairs}) > 1:
            raise ValueError(f"order size and exposure limit need one quote currency, not {', '.join(pairs)}")
        return pairs

    @model_validator(mode="after")
    def check_limit_leaves_room(self) -> "ValrTestBotConfig":
        if self.max_exposure_quote < self.order_amount_quote:
            raise ValueError(f"max_exposure_quote of {self.max_exposure_quote} is less than one order of"
                             f" {self.order_amount_quote} (order_amount_quote), so nothing could be placed")
        return self

    def update_markets(self, markets: MarketDict) -> MarketDict:
        for pair in self.trading_pairs:
            markets.add_or_update(self.exchange, pair)
        return markets


@dataclass
class OwnOrder:
    """An order of this bot that may still be alive. Amounts in base, price in quote per base."""
    trading_pair: str
    side: TradeType
    order_type: OrderType
    amount: Decimal
    price: Decimal
    placed_at: float
    filled: Decimal = Decimal(0)
    cancel_requested_at: float = 0.0


@dataclass
class PairProgress:
    """How far the bot has come on one pair. `position` is what it has bought less what it has sold, in base."""
    cycles_done: int = 0
    refresh_at: float = 0.0
    round_trip: Deque[TradeType] = field(default_factory=lambda: deque([TradeType.BUY, TradeType.SELL]))
    round_trip_amount: Decimal = Decimal(0)
    position: Decimal = Decimal(0)


class ValrTestBot(StrategyV2Base):
    """
    Each pair goes through: quote, wait, cancel, after the first cycle buy and sell at market, quote again until the
    configured cycles are done. A new order is only placed when, with every open order of its side filled, the value of
    all positions stays within the limit.
    """

    CANCEL_RETRY_INTERVAL = 10.0  # seconds
    SETTLE_TIMEOUT = 10.0  # seconds; balances stay reserved when others have orders on the same account
    STOP_TIMEOUT = 20.0  # seconds that the orders may take to end when the bot is stopped
    # An order's last fill may come after its end. Those which ended longest ago are forgotten.
    REMEMBERED_ORDERS = 500

    def __init__(self, connectors: Dict[str, ConnectorBase], config: ValrTestBotConfig):
        super().__init__(connectors, config)
        self.config: ValrTestBotConfig = config
        self._progress = {pair: PairProgress() for pair in config.trading_pairs}
        self._orders: Dict[str, OwnOrder] = {}
        self._ended: Dict[str, OwnOrder] = {}
        self._counts: Counter[str] = Counter()
        self._fees: DefaultDict[str, Decimal] = defaultdict(Decimal)
        self._last_fills: Deque[OrderFilledEvent] = deque(maxlen=5)
        self._limit_reported = False
        self._settle_by = 0.0
        self._is_ending = False

    @property
    def connector(self) -> ConnectorBase:
        return self.connectors[self.config.exchange]

    # === Trading ===

    def on_tick(self) -> None:
        if self._is_ending or not self.connector.ready:
            return
        for pair, progress in self._progress.items():
            if self.current_timestamp >= progress.refresh_at:
                self._advance(pair, progress)
        if all(self._is_done(pair, progress) for pair, progress in self._progress.items()):
            self._end_when_settled()

    def _end_when_settled(self) -> None:
        """Gives the news of the last order time to arrive: until no balance is reserved, or the time is up."""
        self._settle_by = self._settle_by or self.current_timestamp + self.SETTLE_TIMEOUT
        is_settled = all(self.connector.get_balance(asset) == self.connector.get_available_balance(asset)
                         for asset in self.get_assets(self.config.exchange))
        if is_settled or self.current_timestamp >= self._settle_by:
            self._is_ending = True
            self.logger().info(f"All {self.config.cycles} cycles are done.")
            HummingbotApplication.main_application().stop()

    def _advance(self, pair: str, progress: PairProgress) -> None:
        open_orders = {order_id: order for order_id, order in self._orders.items() if order.trading_pair == pair}
        if open_orders:
            self._cancel(open_orders)
        elif progress.cycles_done and progress.round_trip:
            self._take(pair, progress)
        elif progress.cycles_done < self.config.cycles:
            self._quote(pair, progress)

    def _is_done(self, pair: str, progress: PairProgress) -> bool:
        return (progress.cycles_done == self.config.cycles and not progress.round_trip
                and not any(order.trading_pair == pair for order in self._orders.values()))

    def _quote(self, pair: str, progress: PairProgress) -> None:
        best_bid, best_ask = self.connector.get_price(pair, False), self.connector.get_price(pair, True)
        if best_bid.is_nan() or best_ask.is_nan():
            return
        mid = (best_bid + best_ask) / 2
        tick = self.connector.get_order_price_quantum(pair, mid)
        bid = mid * (1 - self.config.spread)
        ask = max(mid * (1 + self.config.spread), best_bid + tick)  # prices are rounded down
        amount = self.config.order_amount_quote / mid
        maker = self.connector.get_maker_order_type()
        self._place(pair, TradeType.BUY, maker, amount, bid)
        self._place(pair, TradeType.SELL, maker, amount, ask)
        progress.cycles_done += 1
        progress.refresh_at = self.current_timestamp + self.config.refresh_time

    def _take(self, pair: str, progress: PairProgress) -> None:
        """The next leg of the market round trip; the second one sells what the first one got after its fee."""
        side = progress.round_trip.popleft()
        price = self.connector.get_price(pair, side is TradeType.BUY)
        if price.is_nan():
            progress.round_trip.appendleft(side)
            return
        amount = self.config.order_amount_quote / price if side is TradeType.BUY else progress.round_trip_amount
        if amount > 0:
            self._place(pair, side, OrderType.MARKET, amount, price)

    def _place(self, pair: str, side: TradeType, order_type: OrderType, amount: Decimal, price: Decimal) -> None:
        amount = self.connector.quantize_order_amount(pair, amount)
        price = self.connector.quantize_order_price(pair, price)
        order = OwnOrder(pair, side, order_type, amount, price, self.current_timestamp)
        if amount <= 0:
            self.logger().warning(f"A {side.name} order on {pair} would be smaller than the exchange allows.")
        elif self._is_within_limit(order):
            place = self.buy if side is TradeType.BUY else self.sell
            self._orders[place(self.config.exchange, pair, amount, order_type, price)] = order
            self._counts["placed"] += 1

    def _is_within_limit(self, order: OwnOrder) -> bool:
        before, after = self._exposure(self._orders.values()), self._exposure([*self._orders.values(), order])
        # Without a price there is no exposure to compare. Above the limit, only what cannot add to it goes on.
        is_within = not after.is_nan() and (after <= self.config.max_exposure_quote or after <= before)
        if not is_within:
            self._counts["held back by the limit"] += 1
            if not self._limit_reported:
                reach = "cannot be told while a price is missing" if after.is_nan() else f"could be {after:.2f}"
                self.logger().warning(
                    f"A {order.side.name} order on {order.trading_pair} was not placed: the exposure with it {reach},"
                    f" and the limit is {self.config.max_exposure_quote}.")
        self._limit_reported = not is_within
        return is_within

    def _exposure(self, orders: Iterable[OwnOrder]) -> Decimal:
        """
        The largest value, in quote, that the positions can reach when the given orders are filled on one side; NaN when
        a price is unknown.
        """
        total = Decimal(0)
        for pair, progress in self._progress.items():
            change = {TradeType.BUY: Decimal(0), TradeType.SELL: Decimal(0)}
            for order in orders:
                if order.trading_pair == pair:
                    change[order.side] += order.amount - order.filled
            largest = max(abs(progress.position + change[TradeType.BUY]),
                          abs(progress.position - change[TradeType.SELL]))
            if largest:
                total += largest * self.connector.get_mid_price(pair)
        return total

    def _cancel(self, orders: Dict[str, OwnOrder]) -> None:
        for order_id, order in list(orders.items()):
            is_due = self.current_timestamp >= order.cancel_requested_at + self.CANCEL_RETRY_INTERVAL
            if is_due and order.order_type is not OrderType.MARKET:
                order.cancel_requested_at = self.current_timestamp
                self.cancel(self.config.exchange, order.trading_pair, order_id)

    # === Events ===

    def did_fill_order(self, event: OrderFilledEvent) -> None:
        order = self._orders.get(event.order_id) or self._ended.get(event.order_id)
        if order is None:
            return
        progress = self._progress[order.trading_pair]
        fees = _fees(event)
        base = split_hb_trading_pair(order.trading_pair)[0]
        received = event.amount - fees.get(base, Decimal(0)) if order.side is TradeType.BUY else -event.amount
        order.filled += event.amount
        progress.position += received
        if order.order_type is OrderType.MARKET:
            self._counts["taker fills"] += 1
            progress.round_trip_amount += received
        else:
            self._counts["maker fills"] += 1
        for token, amount in fees.items():
            self._fees[token] += amount
        self._last_fills.append(event)

    def did_cancel_order(self, event: OrderCancelledEvent) -> None:
        self._end_order(event.order_id, "cancelled")

    def did_complete_buy_order(self, event: BuyOrderCompletedEvent) -> None:
        self._end_order(event.order_id, "completed")

    def did_complete_sell_order(self, event: SellOrderCompletedEvent) -> None:
        self._end_order(event.order_id, "completed")

    def did_fail_order(self, event: MarketOrderFailureEvent) -> None:
        self._end_order(event.order_id, "failed")

    def _end_order(self, order_id: str, how: str) -> None:
        order = self._orders.pop(order_id, None)
        if order is not None:
            self._counts[how] += 1
            self._ended[order_id] = order
            if len(self._ended) > self.REMEMBERED_ORDERS:
                del self._ended[next(iter(self._ended))]

    # === The end ===

    async def on_stop(self) -> None:
        """
        The base stops executors and data feeds; this bot places orders without executors, so it first ends these and
        tells what it did.
        """
        self._is_ending = True
        deadline = time.monotonic() + self.STOP_TIMEOUT
        while self._orders and time.monotonic() < deadline:
            self._cancel(self._orders)
            await asyncio.sleep(0.1)
        if self._orders:
            self.logger().warning(
                f"Orders which did not end within {self.STOP_TIMEOUT:.0f} s: {', '.join(self._orders)}")
        if self.ready_to_trade:
            self._write_summary()
            self.notify_hb_app(f"Summary\n{self.format_status()}")
        await super().on_stop()

    def _write_summary(self) -> None:
        """For programs: the numbers of the summary, exact."""
        assets = self.get_assets(self.config.exchange)
        summary = {
            "exchange": self.config.exchange,
            "counts": self._counts,
            "open_orders": list(self._orders),
            "fees": {token: str(amount) for token, amount in self._fees.items()},
            "balances": {asset: {"total": str(self.connector.get_balance(asset)),
                                 "available": str(self.connector.get_available_balance(asset))} for asset in assets},
        }
        (Path(data_path()) / SUMMARY_FILE_NAME).write_text(json.dumps(summary, indent=2) + "\n")

    # === Status ===

    def format_status(self) -> str:
        if not self.ready_to_trade:
            return f"{self.config.exchange} is not ready yet."
        cycles = min(progress.cycles_done for progress in self._progress.values())
        sections = [
            f"{self.config.exchange}, account news by {_feed(self.connector)}, cycle {cycles} of {self.config.cycles}",
            _table(["pair", "best bid", "best ask", "position"], [self._book_row(pair) for pair in self._progress]),
            _table(["order", "pair", "type", "amount", "filled", "price", "age"],
                   [self._order_row(order) for order in self._orders.values()]),
            _table(["last fills", "pair", "type", "amount", "price", "fee"],
                   [_fill_row(fill) for fill in self._last_fills]),
            _table(["orders", "number"], [list(item) for item in self._counts.items()]),
            _table(["fees paid", "amount"], [[token, _plain(amount)] for token, amount in self._fees.items()]),
            _table(["balance", "total", "available"],
                   [self._balance_row(asset) for asset in self.get_assets(self.config.exchange)]),
            _table(["latency", "measured", "median", "longest"], _latency_rows(self.connector)),
            _table(["book feed", "value"], _book_feed_rows(self.connector)),
        ]
        return "\n\n".join(sections)

    def _book_row(self, pair: str) -> List[str]:
        prices = [self.connector.get_price(pair, is_buy) for is_buy in (False, True)]
        return [pair, *map(_plain, prices), _plain(self._progress[pair].position)]

    def _order_row(self, order: OwnOrder) -> List[str]:
        return [order.side.name, order.trading_pair, order.order_type.name, _plain(order.amount), _plain(order.filled),
                _plain(order.price), f"{self.current_timestamp - order.placed_at:.0f} s"]

    def _balance_row(self, asset: str) -> List[str]:
        return [asset, _plain(self.connector.get_balance(asset)), _plain(self.connector.get_available_balance(asset))]


def _fees(event: OrderFilledEvent) -> Dict[str, Decimal]:
    """What a fill cost, by token; rewards are negative. Fees known as a percentage only are given in quote."""
    fees: DefaultDict[str, Decimal] = defaultdict(Decimal)
    for token, amount in event.trade_fee.flat_fees:
        fees[token] += amount
    if event.trade_fee.percent:
        fees[split_hb_trading_pair(event.trading_pair)[1]] += event.trade_fee.percent * event.amount * event.price
    return dict(fees)


def _fill_row(fill: OrderFilledEvent) -> List[str]:
    fees = ", ".join(f"{_plain(amount)} {token}" for token, amount in _fees(fill).items())
    return [fill.trade_type.name, fill.trading_pair, fill.order_type.name, _plain(fill.amount), _plain(fill.price),
            fees]


# Only the VALR connector measures these; on another one they are not available.

def _feed(connector: ConnectorBase) -> str:
    source = getattr(connector, "user_stream_data_source", None)
    is_polling = getattr(source, "is_polling", None)
    return "n/a" if is_polling is None else "REST polling" if is_polling else "socket"


def _latency_rows(connector: ConnectorBase) -> List[List[Any]]:
    paths = getattr(getattr(connector, "order_entry", None), "latency", {})
    kinds = [(f"{name}: to the {what}", samples) for name, path in paths.items()
             for what, samples in (("reply", path.acknowledgement), ("first event", path.first_event))]
    return [[name, samples.count, f"{samples.median * 1e3:.1f} ms", f"{samples.max * 1e3:.1f} ms"]
            for name, samples in kinds if samples.count] or [["n/a", "", "", ""]]


def _book_feed_rows(connector: ConnectorBase) -> List[List[str]]:
    market_data = getattr(connector, "market_data", None)
    counters = vars(market_data.counters()) if market_data is not None else {}
    return [[name.replace("_", " "), _listing(value)] for name, value in counters.items()] or [["n/a", ""]]


def _listing(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items()) or "none"
    return str(value)


def _table(headers: List[str], rows: List[List[Any]]) -> str:
    return tabulate(rows or [["none"] + [""] * (len(headers) - 1)], headers, disable_numparse=True)


def _plain(amount: Decimal) -> str:
    """Without an exponent and without trailing zeros."""
    return f"{amount.normalize():f}" if amount.is_finite() else "n/a"
