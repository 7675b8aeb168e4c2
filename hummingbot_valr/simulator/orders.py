"""The records of trading: orders with their history, trades, fills, transactions."""
from dataclasses import dataclass, field
from decimal import Decimal
from typing import List, Optional

from .catalogue import Pair
from .money import ZERO

PLACED = "Placed"
PARTIALLY_FILLED = "Partially Filled"
FILLED = "Filled"
CANCELLED = "Cancelled"
FAILED = "Failed"
CUT_BY_SLIPPAGE = "Partially Filled and Cancelled Due To Slippage"
_OPEN = (PLACED, PARTIALLY_FILLED)

INSUFFICIENT_BALANCE = "Insufficient Balance"
POST_ONLY_CROSSED = "Post only cancelled as it would have matched"
IOC_UNMATCHED = "Immediate Or Cancel order did not match"
# VALR's wording for an unfilled FOK order was never captured; this one follows the IOC text.
FOK_UNMATCHED = "Fill Or Kill order did not match"
SELF_TRADE = "We did not execute this order since it would have matched with your own order on the Exchange"
# VALR's text for a simple order on an inactive pair. The reason of an order that was accepted before its pair was
# halted was never captured; this one is chosen freely.
PAIR_NOT_ACTIVE = "The given currency pair is not active"
OUTSIDE_BAND = "Order cancelled as it would have matched outside of slippage price band"


@dataclass(frozen=True, slots=True)
class Execution:
    """What one event of an order executed: quote per base, base, and the positive fee charged."""
    price: Decimal = ZERO
    quantity: Decimal = ZERO
    fee: Decimal = ZERO


NOTHING_EXECUTED = Execution()


@dataclass(slots=True)
class OrderEvent:
    """One state of an order."""
    status: str
    remaining: Decimal
    at_ms: int
    executed: Execution = NOTHING_EXECUTED
    failed_reason: str = ""


@dataclass(slots=True, eq=False)
class Order:
    """An order of one account. Amounts are in base, `price` is quote per base (zero for market orders)."""
    order_id: str
    account_id: str
    pair: Pair
    side: str
    kind: str
    quantity: Decimal
    price: Decimal
    time_in_force: str
    customer_order_id: Optional[str]
    created_ms: int
    updated_ms: int
    remaining: Decimal = ZERO
    quote_budget: Optional[Decimal] = None
    status: str = ""
    failed_reason: str = ""
    reserved: Decimal = ZERO
    total_quote: Decimal = ZERO
    total_fee: Decimal = ZERO
    history: List[OrderEvent] = field(default_factory=list)
    open_row: Optional[str] = None

    @property
    def is_buy(self) -> bool:
        return self.side == "buy"

    @property
    def is_open(self) -> bool:
        return self.status in _OPEN

    @property
    def executed(self) -> Decimal:
        return self.quantity - self.remaining

    @property
    def reserve_currency(self) -> str:
        return self.pair.quote if self.is_buy else self.pair.base


@dataclass(slots=True)
class Trade:
    """A match, as the public sees it."""
    trade_id: str
    pair: Pair
    price: Decimal
    quantity: Decimal
    at_ms: int
    taker_side: str
    sequence: int


@dataclass(slots=True)
class Fill:
    """One account's half of a trade. Exactly one of fee and reward is positive, or neither."""
    trade: Trade
    order: Order
    is_maker: bool
    fee: Decimal
    fee_currency: str
    reward: Decimal
    reward_currency: str


@dataclass(slots=True)
class Transaction:
    """A ledger record of one account; the credit is net of the fee."""
    transaction_id: str
    kind: str
    description: str
    at_ms: int
    debit_currency: Optional[str] = None
    debit: Decimal = ZERO
    credit_currency: Optional[str] = None
    credit: Decimal = ZERO
    fee_currency: Optional[str] = None
    fee: Decimal = ZERO
    order: Optional[Order] = None
    price: Optional[Decimal] = None
    reason: Optional[str] = None
