"""
VALR's account payloads as typed rows. Pure functions: no state, no I/O.

The same order is spelled differently by each REST route and each socket event; all spellings are accepted everywhere.
A row that cannot be read raises a ValueError that names the field; unknown fields are ignored. Amounts and prices are
Decimals, times are seconds.
"""
import re
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from reprlib import repr as shown
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_errors import one_line
from hummingbot.connector.trading_rule import TradingRule
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.data_type.trade_fee import TokenAmount

FINAL_STATES = {OrderState.FILLED, OrderState.CANCELED, OrderState.FAILED}

# Two samples of VALR's documentation write prices with a comma. As a separator of thousands it is harmless, anything
# else could be meant as a decimal point.
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
# Amounts end many orders of magnitude before Decimals do, whose arithmetic fails near their own end.
_MAX_MAGNITUDE = 40


class OrderReport(NamedTuple):
    """What VALR says of an order. At least one of the two ids is there."""

    exchange_order_id: Optional[str]
    client_order_id: Optional[str]
    status_text: str
    state: Optional[OrderState]  # None when VALR's text is not known
    executed: Optional[Decimal]  # base; None when VALR named too few quantities to tell
    reason: str  # VALR's reason for a failure, empty when there is none
    updated_at: Optional[float]  # seconds

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def is_refused_duplicate(self) -> bool:
        """True when this is not the order itself but a second one with its id, which VALR refused for that."""
        return self.state is OrderState.FAILED and is_duplicate(self.reason)


class Fill(NamedTuple):
    """One trade of an order."""

    trade_id: str
    exchange_order_id: str
    client_order_id: Optional[str]
    price: Decimal  # quote per base
    quantity: Decimal  # base
    fee: Optional[TokenAmount]  # negative for a reward, None for no fee
    is_fee_known: bool  # False when the row says nothing about the fee
    is_history: bool  # True for a row of the trade history over REST, False for an event of the socket
    timestamp: float  # seconds

    @property
    def key(self) -> Tuple[Decimal, Decimal, int]:
        """What a fill has in common on the socket and in REST, should its ids differ: price, quantity, milliseconds."""
        return self.price, self.quantity, milliseconds(self.timestamp)


class Balance(NamedTuple):
    asset: str
    total: Decimal
    available: Decimal
    updated_at: Optional[float]  # seconds


class Outcome(NamedTuple):
    """What became of a placement or a cancellation. VALR may name either id, both or none."""

    exchange_order_id: Optional[str]
    client_order_id: Optional[str]
    is_success: Optional[bool]  # None when VALR did not tell
    reason: str


class Pair(NamedTuple):
    symbol: str  # VALR's name of the pair
    base: str
    quote: str


class FeeRates(NamedTuple):
    """Fee rates of a pair as fractions: 0.001 is 0.1 %. Negative rates are rewards."""

    symbol: str
    maker: Decimal
    taker: Decimal


def order_report(row: Dict[str, Any]) -> OrderReport:
    """
    :param row: an order of any REST route or socket event
    :raises ValueError: when the row has no id, or a field cannot be read
    """
    exchange_order_id, client_order_id = order_ids(row)
    if exchange_order_id is None and client_order_id is None:
        raise ValueError("neither orderId nor customerOrderId is there")
    text = one_line(row.get("orderStatusType") or row.get("status") or "")
    state = _state(text)
    executed = _executed(row, state)
    if executed:
        if state is OrderState.FAILED:
            state = OrderState.CANCELED
        elif state is OrderState.OPEN:
            state = OrderState.PARTIALLY_FILLED
    return OrderReport(
        exchange_order_id=exchange_order_id,
        client_order_id=client_order_id,
        status_text=text,
        state=state,
        executed=executed,
        reason=_reason(row.get("failedReason")),
        updated_at=_optional_timestamp(row, "orderUpdatedAt", "updatedAt"),
    )


def open_order(row: Dict[str, Any]) -> OrderReport:
    """
    :param row: an entry of a list of open orders, which is open by being there
    :raises ValueError: as `order_report`
    """
    report = order_report(row)
    if report.status_text:
        return report
    return report._replace(state=OrderState.PARTIALLY_FILLED if report.executed else OrderState.OPEN)


def open_order_rows(data: Any) -> List[Dict[str, Any]]:
    """
    :param data: a list of open orders, or an object with one under `orders`, which one unofficial text shows
    :raises ValueError: when it is neither
    """
    rows = data.get("orders") if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise ValueError("the open orders are not a list")
    return rows


def latest_report(rows: List[Dict[str, Any]]) -> Optional[OrderReport]:
    """
    :param rows: the history of one order, newest first
    :return: its last state, None when VALR does not know the order
    :raises ValueError: as `order_report`, or when the rows are no list
    """
    if not isinstance(rows, list):
        raise ValueError("the history of the order is not a list")
    reports = [order_report(row) for row in rows]
    return next((report for report in reports if report.is_final), reports[0] if reports else None)


def fill(row: Dict[str, Any]) -> Fill:
    """
    :param row: a NEW_ACCOUNT_TRADE or a row of the trade history
    :raises ValueError: when a field is missing or cannot be read
    """
    fee, is_fee_known = _fee(_object(row))
    return Fill(
        trade_id=_text(row, "id"),
        exchange_order_id=_text(row, "orderId"),
        client_order_id=_optional_text(row, "customerOrderId"),
        price=_amount(row, "price"),
        quantity=_amount(row, "quantity"),
        fee=fee,
        is_fee_known=is_fee_known,
        # Only the rows of REST are numbered (VALR documentation, wire).
        is_history="sequenceId" in row,
        timestamp=_timestamp(_text(row, "tradedAt"), "tradedAt"),
    )


def balance(row: Dict[str, Any]) -> Balance:
    """
    :param row: a BALANCE_UPDATE or a row of the balances over REST
    :raises ValueError: when a field is missing or cannot be read
    """
    currency = _object(row).get("currency")
    if isinstance(currency, dict):
        currency = currency.get("shortName") or currency.get("symbol")
    available = _amount(row, "available")
    return Balance(
        asset=asset(currency),
        # Not available + reserved: an account with margin has more parts.
        total=_amount(row, "total") if "total" in row else available + _amount(row, "reserved"),
        available=available,
        updated_at=_optional_timestamp(row, "updatedAt"),
    )


def placement_outcome(row: Dict[str, Any]) -> Outcome:
    """
    :param row: an ORDER_PROCESSED
    :raises ValueError: when it cannot be read
    """
    ids = order_ids(row)
    success = row.get("success")
    is_success = True if success in (True, "true") else False if success in (False, "false") else None
    return Outcome(*ids, is_success, _reason(row.get("failureReason")))


def failure(row: Dict[str, Any]) -> Outcome:
    """
    :param row: a FAILED_ORDER or a FAILED_CANCEL_ORDER
    :raises ValueError: when it cannot be read
    """
    return Outcome(*order_ids(row), False, _reason(row.get("message")))


def order_ids(row: Dict[str, Any]) -> Tuple[Optional[str], Optional[str]]:
    """
    :param row: anything about one order
    :return: VALR's id and the client order id, each None when it is not there
    :raises ValueError: when the row, or an id, cannot be read
    """
    row = _object(row)
    return _optional_text(row, "orderId"), _optional_text(row, "customerOrderId")


def asset(currency: Any) -> str:
    """
    :return: Hummingbot's name of a currency; the rand is R in some of VALR's payloads and ZAR in others
    """
    if not isinstance(currency, str) or not currency:
        raise ValueError(f"the currency {shown(currency)} is not a text")
    return CONSTANTS.RAND_CODE if currency == CONSTANTS.RAND_SYMBOL else currency


def pair(row: Dict[str, Any]) -> Pair:
    """
    :param row: a pair
    :raises ValueError: when a field is missing or cannot be read
    """
    symbol, base, quote = _text(_object(row), "symbol"), asset(row.get("baseCurrency")), asset(row.get("quoteCurrency"))
    # A client order id contains letters of both names, and VALR takes only these characters in one.
    if not (base + quote).isalnum() or not (base + quote).isascii():
        raise ValueError("its currencies are not written in letters and digits")
    return Pair(symbol, base, quote)


def trading_rule(row: Dict[str, Any], trading_pair: str, is_market_allowed: bool) -> TradingRule:
    """
    :param row: a pair
    :param trading_pair: its name in Hummingbot
    :param is_market_allowed: whether VALR takes market orders on it
    :raises ValueError: when a field is missing or cannot be read
    """
    tick, decimals = _amount(_object(row), "tickSize"), _amount(row, "baseDecimalPlaces")
    if tick <= 0:
        raise ValueError(f"tickSize {shown(row['tickSize'])} is not positive")
    if not 0 <= decimals <= _MAX_MAGNITUDE:
        raise ValueError(f"baseDecimalPlaces {shown(row['baseDecimalPlaces'])} is not a number of decimals")
    return TradingRule(
        trading_pair=trading_pair,
        min_order_size=_amount(row, "minBaseAmount"),
        max_order_size=_amount(row, "maxBaseAmount"),
        min_price_increment=tick,
        min_base_amount_increment=Decimal(1).scaleb(-int(decimals)),
        min_notional_size=_amount(row, "minQuoteAmount"),
        supports_market_orders=is_market_allowed,
    )


def fee_rates(row: Dict[str, Any]) -> Optional[FeeRates]:
    """
    :param row: a row of the account's trade fees, which are in percent
    :return: None for a pair without an order book, which has only fees for simple orders
    :raises ValueError: when a field cannot be read
    """
    if "makerPercentage" not in _object(row) or "takerPercentage" not in row:
        return None
    return FeeRates(
        symbol=_text(row, "currencyPair"),
        maker=_amount(row, "makerPercentage") / 100,
        taker=_amount(row, "takerPercentage") / 100,
    )


def is_duplicate(reason: str) -> bool:
    """:return: True when VALR refused an order because another one with its `customerOrderId` lives"""
    return "duplicate customer order id" in reason.lower()


def milliseconds(timestamp: float) -> int:
    """:return: whole milliseconds of a time in seconds, not rounded up; VALR writes times with 3, 6 or 9 decimals"""
    return round(timestamp * 1e6) // 1000


@lru_cache(maxsize=256)
def _state(text: str) -> Optional[OrderState]:
    return CONSTANTS.ORDER_STATE.get("".join(text.split()).replace("_", "").casefold())


def _executed(row: Dict[str, Any], state: Optional[OrderState]) -> Optional[Decimal]:
    original = _optional_amount(row, "originalQuantity")
    if state is OrderState.FILLED:
        # One sample of VALR's documentation has a filled order whose whole quantity remains.
        return original
    # What remains is `quantity` in OPEN_ORDERS_UPDATE.
    remaining = _optional_amount(row, "remainingQuantity", "quantity")
    if original is None or remaining is None or remaining > original:
        return None
    return original - remaining


def _fee(row: Dict[str, Any]) -> Tuple[Optional[TokenAmount], bool]:
    reward, reward_currency = _optional_amount(row, "makerReward"), row.get("makerRewardCurrency")
    if reward and reward_currency:
        return TokenAmount(asset(reward_currency), -reward), True
    fee, fee_currency = _optional_amount(row, "fee"), row.get("feeCurrency")
    if fee and fee_currency:
        return TokenAmount(asset(fee_currency), fee), True
    return None, fee == 0 or reward == 0


def _reason(text: Any) -> str:
    return "" if text in (None, "None") else one_line(text)


def _object(row: Any) -> Dict[str, Any]:
    if not isinstance(row, dict):
        raise ValueError(f"{shown(row)} is not an object")
    return row


def _text(row: Dict[str, Any], field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field} {shown(value)} is not a text")
    return value


def _optional_text(row: Dict[str, Any], field: str) -> Optional[str]:
    return _text(row, field) if row.get(field) else None


def _optional_amount(row: Dict[str, Any], *fields: str) -> Optional[Decimal]:
    """:return: the first of the fields that is there, None when none is"""
    for field in fields:
        if row.get(field) not in (None, ""):
            return _amount(row, field)
    return None


def _amount(row: Dict[str, Any], field: str) -> Decimal:
    value = row.get(field)
    amount = _decimal(value)
    if amount is None:
        raise ValueError(f"{field} {shown(value)} is not a decimal number")
    return amount


def _decimal(value: Any) -> Optional[Decimal]:
    # VALR sends amounts as texts. A JSON number with a fraction has lost its last digits in the decoder.
    if type(value) is not int and not isinstance(value, str):
        return None
    if isinstance(value, str) and "," in value and _THOUSANDS.fullmatch(value):
        value = value.replace(",", "")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount.adjusted()) <= _MAX_MAGNITUDE else None


def _optional_timestamp(row: Dict[str, Any], *fields: str) -> Optional[float]:
    """:return: the first of the fields that is there, None when none is"""
    for field in fields:
        if row.get(field):
            return _timestamp(row[field], field)
    return None


def _timestamp(text: Any, field: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError(f"{field} {shown(text)} is not a time") from None
    # A few of VALR's times have no zone; they are UTC like the others.
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
