"""
Hummingbot's books of a run, and those of the embedded exchange, in one form that can be compared: sorted, so that a
fill booked twice shows.
"""
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from hummingbot_valr.simulator import ValrSimulator

# Hummingbot's database keeps prices and amounts to six decimals and cuts off the rest; its event log keeps them whole.
DATABASE_STEP = Decimal("0.000001")

Fees = Tuple[Tuple[str, Decimal], ...]


@dataclass(frozen=True, order=True)
class BookedFill:
    """
    One fill, as either side has it in its books.

    :param side: BUY or SELL
    :param price: in quote per base
    :param amount: in base
    :param fees: what was paid, as (token, amount); a reward is a negative amount
    """
    trade_id: str
    side: str
    price: Decimal
    amount: Decimal
    fees: Fees

    def in_database(self) -> "BookedFill":
        """What remains of it in Hummingbot's database."""
        return replace(self, price=self.price.quantize(DATABASE_STEP, ROUND_DOWN),
                       amount=self.amount.quantize(DATABASE_STEP, ROUND_DOWN))


def ledger_fills(exchange: ValrSimulator) -> List[BookedFill]:
    """The fills of the demo account in the ledger of the exchange."""
    return sorted(
        BookedFill(fill.trade.trade_id, fill.order.side.upper(), fill.trade.price, fill.trade.quantity,
                   _fees([(fill.fee_currency, fill.fee), (fill.reward_currency, -fill.reward)]))
        for fill in exchange.engine.account(exchange.account_id).fills)


def logged_fills(log: Path) -> List[BookedFill]:
    """The fills in the events that Hummingbot has written to its log, whole."""
    return sorted(
        BookedFill(event["exchange_trade_id"], event["trade_type"].removeprefix("TradeType."), Decimal(event["price"]),
                   Decimal(event["amount"]), _recorded_fees(event["trade_fee"]))
        for event in _events(log) if event["event_name"] == "OrderFilledEvent")


def database_fills(database: Path) -> List[BookedFill]:
    """The fills in Hummingbot's database, to six decimals."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT exchange_trade_id, trade_type, price, amount, trade_fee FROM TradeFill")
        return sorted(
            BookedFill(trade_id, side, price * DATABASE_STEP, amount * DATABASE_STEP, _recorded_fees(json.loads(fee)))
            for trade_id, side, price, amount, fee in rows)


def ledger_balances(exchange: ValrSimulator, assets: List[str]) -> Dict[str, Tuple[Decimal, Decimal]]:
    """(total, available) of the demo account in the ledger of the exchange."""
    balances = exchange.engine.account(exchange.account_id).balances
    return {asset: (balances[asset].total, balances[asset].available) for asset in assets}


def troubles(log: Path) -> List[str]:
    """The lines of a log which report an error or begin a traceback."""
    marks = (" - ERROR - ", " - CRITICAL - ", "Traceback (most recent call last)")
    return [line for line in log.read_text().splitlines() if any(mark in line for mark in marks)]


def _events(log: Path) -> Iterator[Dict[str, Any]]:
    for line in log.read_text().splitlines():
        _, mark, message = line.partition(" - EVENT_LOG - ")
        if mark:
            yield json.loads(message)


def _recorded_fees(fee: Dict[str, Any]) -> Fees:
    # An estimate, which is not what the exchange has booked, shows as what it is: a fee without a token.
    estimate = [("", Decimal(fee["percent"]))]
    return _fees([(flat["token"], Decimal(flat["amount"])) for flat in fee["flat_fees"]] + estimate)


def _fees(fees: Iterable[Tuple[str, Decimal]]) -> Fees:
    return tuple(sorted((token, amount) for token, amount in fees if amount))
