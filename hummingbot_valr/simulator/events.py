"""What the engine reports after each command."""
from dataclasses import dataclass, field
from typing import Dict, List, Tuple, Union

from .book import Book
from .orders import Fill, Order, OrderEvent, Trade, Transaction


@dataclass(slots=True)
class Processed:
    """The engine decided on a placement."""
    order: Order


@dataclass(slots=True)
class StatusChanged:
    """An order got a new state, resting ("Placed") included."""
    order: Order
    event: OrderEvent


@dataclass(slots=True)
class Filled:
    """One account's half of a trade."""
    fill: Fill


@dataclass(slots=True)
class Recorded:
    """A ledger record of one account."""
    account_id: str
    transaction: Transaction


Step = Union[Processed, StatusChanged, Filled, Recorded]


@dataclass(slots=True)
class Batch:
    """Everything one command changed; `steps` are in the order in which they happened."""
    steps: List[Step] = field(default_factory=list)
    trades: List[Trade] = field(default_factory=list)
    books: Dict[str, Book] = field(default_factory=dict)
    open_orders: Dict[str, None] = field(default_factory=dict)
    balances: List[Tuple[str, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.steps or self.books or self.balances)
