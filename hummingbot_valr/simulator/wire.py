"""Rows and frames in VALR's spelling. Field names differ from route to route; each function is one of them."""
import json
from decimal import Decimal
from typing import Any, Dict, List, Tuple

from .book import Book, Level
from .catalogue import Currency
from .ledger import Account, Balance
from .money import EXACT, ZERO, iso, plain
from .orders import Fill, Order, OrderEvent, Trade, Transaction

BOOK_DEPTH = 40
INVALID_JSON = '{"type":"ERROR","message":"Invalid message - Invalid JSON"}'
INVALID_MESSAGE = '{"type":"ERROR","message":"Invalid message"}'
_encoder = json.JSONEncoder(separators=(",", ":"))


def dumps(value: Any) -> str:
    """Compact JSON; integers of any size are bare numbers."""
    return _encoder.encode(value)


# Orders

def customer_id(order: Order) -> Dict[str, str]:
    """The field `customerOrderId`, which is absent, not null, when the order has none."""
    return {} if order.customer_order_id is None else {"customerOrderId": order.customer_order_id}


def open_order(order: Order) -> Dict[str, Any]:
    """A row of GET /v1/orders/open."""
    row = socket_open_order(order)
    return {"orderId": row.pop("orderId"), "side": row.pop("side"), "remainingQuantity": row.pop("quantity"), **row}


def socket_open_order(order: Order) -> Dict[str, Any]:
    """A row of OPEN_ORDERS_UPDATE, where `quantity` is what remains."""
    return {"orderId": order.order_id, "side": order.side, "quantity": plain(order.remaining),
            "price": plain(order.price), "currencyPair": order.pair.symbol, "createdAt": iso(order.created_ms),
            "originalQuantity": plain(order.quantity),
            "filledPercentage": str((order.executed * 100 / order.quantity).quantize(Decimal("0.01"))),
            **customer_id(order), "type": order.kind, "status": order.status,
            "updatedAt": iso(order.updated_ms), "timeInForce": order.time_in_force, "allowMargin": False}


def order_status(order: Order) -> Dict[str, Any]:
    """The body of the status routes."""
    return _order_state(order, order.status, order.remaining, order.updated_ms, order.failed_reason)


def order_detail(order: Order, event: OrderEvent) -> Dict[str, Any]:
    """A row of the detail routes, and the data of ORDER_STATUS_UPDATE: one state with what that event executed."""
    row = _order_state(order, event.status, event.remaining, event.at_ms, event.failed_reason)
    tif = row.pop("timeInForce")
    row |= {"executedPrice": plain(event.executed.price), "executedQuantity": plain(event.executed.quantity),
            "executedFee": plain(event.executed.fee), "timeInForce": tif}
    return row


def order_summary(order: Order) -> Dict[str, Any]:
    """A row of the history and summary routes: totals of a finished order."""
    executed = order.executed
    average = EXACT.divide(order.total_quote, executed).quantize(Decimal("1e-12")) if executed else ZERO
    return {"orderId": order.order_id, **customer_id(order), "orderStatusType": order.status,
            "currencyPair": order.pair.symbol, "averagePrice": plain(average), "originalPrice": plain(order.price),
            "remainingQuantity": plain(order.remaining), "originalQuantity": plain(order.quantity),
            "total": plain(order.total_quote), "totalExecutedQuantity": plain(executed),
            "totalFee": plain(order.total_fee), "feeCurrency": order.pair.base if order.is_buy else order.pair.quote,
            "orderSide": order.side, "orderType": order.kind, "failedReason": order.failed_reason,
            "orderUpdatedAt": iso(order.updated_ms), "orderCreatedAt": iso(order.created_ms),
            "timeInForce": order.time_in_force}


def _order_state(order: Order, status: str, remaining: Decimal, at_ms: int, reason: str) -> Dict[str, Any]:
    return {"orderId": order.order_id, "orderStatusType": status, "currencyPair": order.pair.symbol,
            "originalPrice": plain(order.price), "remainingQuantity": plain(remaining),
            "originalQuantity": plain(order.quantity), "orderSide": order.side, "orderType": order.kind,
            "failedReason": reason, "orderUpdatedAt": iso(at_ms), "orderCreatedAt": iso(order.created_ms),
            **customer_id(order), "timeInForce": order.time_in_force}


def order_processed(order: Order) -> Dict[str, Any]:
    """The data of ORDER_PROCESSED."""
    return {"orderId": order.order_id, "success": order.status != "Failed", "failureReason": order.failed_reason,
            **customer_id(order)}


# Fills and trades

def account_trade(fill: Fill, reward: str) -> Dict[str, Any]:
    """The data of NEW_ACCOUNT_TRADE; `reward` says how a rewarded fill shows its fee ("absent", "zero", "reward")."""
    order, trade = fill.order, fill.trade
    row = {"price": plain(trade.price), "quantity": plain(trade.quantity), "currencyPair": trade.pair.symbol,
           "tradedAt": iso(trade.at_ms), "side": order.side, "orderId": order.order_id, "id": trade.trade_id}
    if fill.reward and reward == "reward":
        row |= {"makerReward": plain(fill.reward), "makerRewardCurrency": fill.reward_currency}
    elif not fill.reward or reward == "zero":
        row |= {"fee": plain(fill.fee), "feeCurrency": fill.fee_currency}
    return row | customer_id(order)


def trade_history(fill: Fill, other_ids: bool) -> Dict[str, Any]:
    """A row of the account's trade history; `other_ids`: the id is not the one the socket sent."""
    order, trade = fill.order, fill.trade
    row = {"price": plain(trade.price), "quantity": plain(trade.quantity), "currencyPair": trade.pair.symbol,
           "tradedAt": iso(trade.at_ms), "side": order.side, "sequenceId": trade.sequence,
           "id": history_id(trade, other_ids), "orderId": order.order_id, **customer_id(order)}
    if fill.reward:
        row |= {"makerReward": plain(fill.reward), "makerRewardCurrency": fill.reward_currency}
    elif fill.fee:
        row |= {"fee": plain(fill.fee), "feeCurrency": fill.fee_currency}
    return row


def history_id(trade: Trade, other_ids: bool) -> str:
    return trade.trade_id[:-12] + trade.trade_id[:-13:-1] if other_ids else trade.trade_id


def public_trade(trade: Trade) -> Dict[str, Any]:
    """A row of the public trades routes."""
    return {"price": plain(trade.price), "quantity": plain(trade.quantity), "currencyPair": trade.pair.symbol,
            "tradedAt": iso(trade.at_ms), "takerSide": trade.taker_side, "sequenceId": trade.sequence,
            "id": trade.trade_id, "quoteVolume": plain(EXACT.multiply(trade.price, trade.quantity))}


def new_trade(trade: Trade) -> Dict[str, Any]:
    """The data of NEW_TRADE."""
    row = public_trade(trade)
    del row["sequenceId"], row["quoteVolume"]
    return row


def transaction(record: Transaction) -> Dict[str, Any]:
    """A row of the transaction history; the currencies are short names."""
    row: Dict[str, Any] = {"transactionType": {"type": record.kind, "description": record.description}}
    for name in ("debit", "credit", "fee"):
        currency = getattr(record, f"{name}_currency")
        if currency is not None:
            row |= {f"{name}Currency": currency, f"{name}Value": plain(getattr(record, name))}
    row["eventAt"] = iso(record.at_ms)
    if record.order is not None:
        pair = record.order.pair
        row["additionalInfo"] = {"costPerCoin": float(record.price or 0), "currencyPairSymbol": pair.symbol,
                                 "costPerCoinSymbol": "R" if pair.quote == "ZAR" else pair.quote,
                                 "orderId": record.order.order_id}
    elif record.reason is not None:
        row["additionalInfo"] = {"reason": "SUB_ACCOUNT", "reasonDescription": "Transfer between subaccounts",
                                 "additional": record.reason}
    row["id"] = record.transaction_id
    return row


def history_record(record: Transaction, currencies: Dict[str, Currency]) -> Dict[str, Any]:
    """The data of NEW_ACCOUNT_HISTORY_RECORD: the same with currency objects."""
    row = transaction(record)
    for name in ("debitCurrency", "creditCurrency", "feeCurrency"):
        if name in row:
            row[name] = currencies[row[name]].socket_row()
    return row


# Balances

def rest_balance(currency: str, balance: Balance, rand: str) -> Dict[str, Any]:
    """A row of GET /v1/account/balances; `rand` is the code used for ZAR."""
    return {"currency": rand if currency == "ZAR" else currency, "available": plain(balance.available),
            "reserved": plain(balance.reserved), "total": plain(balance.total), "updatedAt": iso(balance.updated_ms),
            "lendReserved": "0", "borrowReserved": "0", "borrowedAmount": "0"}


def balance_update(currency: Currency, balance: Balance) -> Dict[str, Any]:
    """The data of BALANCE_UPDATE."""
    return {"currency": currency.socket_row(), "available": plain(balance.available),
            "reserved": plain(balance.reserved), "total": plain(balance.total), "updatedAt": iso(balance.updated_ms),
            "lendReserved": "0", "borrowCollateralReserved": "0", "borrowedAmount": "0"}


def balances(account: Account) -> List[Tuple[str, Balance]]:
    """(currency, balance) of what the account holds or held."""
    return [(currency, balance) for currency, balance in account.balances.items() if balance.updated_ms]


# Books

def aggregated_book(book: Book) -> Dict[str, Any]:
    """The best 40 levels a side, in REST's and AGGREGATED_ORDERBOOK_UPDATE's spelling."""
    return {"Asks": [_level(level, "sell", book) for level in book.asks.top(BOOK_DEPTH)],
            "Bids": [_level(level, "buy", book) for level in book.bids.top(BOOK_DEPTH)],
            "LastChange": iso(book.last_change_ms), "SequenceNumber": book.sequence}


def full_book(book: Book) -> Dict[str, Any]:
    """Every order of the book."""
    return {"Asks": [row for level in book.asks for row in _orders(level, "sell", book)],
            "Bids": [row for level in book.bids for row in _orders(level, "buy", book)],
            "LastChange": iso(book.last_change_ms), "SequenceNumber": book.sequence}


def _level(level: Level, side: str, book: Book) -> Dict[str, Any]:
    return {"side": side, "quantity": plain(level.total), "price": level.price_text,
            "currencyPair": book.pair.symbol, "orderCount": len(level.orders)}


def _orders(level: Level, side: str, book: Book) -> List[Dict[str, Any]]:
    return [{"side": side, "quantity": plain(order.remaining), "price": level.price_text,
             "currencyPair": book.pair.symbol, "id": order.order_id, "positionAtPrice": position}
            for position, order in enumerate(level.orders.values(), start=1)]
