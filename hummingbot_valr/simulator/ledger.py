"""Accounts and their money. Every change goes through here, so that nothing is made or lost."""
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Dict, List, Optional, Set, Tuple

from .clock import SimulatedClock
from .money import EXACT, ZERO, exact
from .orders import Fill, Order, Transaction

PRIMARY = "0"  # the id of the account that owns the sub-accounts


@dataclass(slots=True)
class Balance:
    """Amounts of one currency."""
    available: Decimal = ZERO
    reserved: Decimal = ZERO
    updated_ms: int = 0

    @property
    def total(self) -> Decimal:
        return EXACT.add(self.available, self.reserved)


@dataclass(eq=False)
class Account:
    """A trading account: the primary one, a sub-account, or one of the background market."""
    account_id: str
    label: str
    is_sub_account: bool = False
    keeps_history: bool = True
    balances: Dict[str, Balance] = field(default_factory=lambda: defaultdict(Balance))
    orders: Dict[str, Order] = field(default_factory=dict)
    open_orders: Dict[str, Order] = field(default_factory=dict)
    latest_by_customer_id: Dict[str, Order] = field(default_factory=dict)
    customer_ids_in_use: Set[str] = field(default_factory=set)
    customer_ids_seen: Set[str] = field(default_factory=set)
    fills: List[Fill] = field(default_factory=list)
    transactions: List[Transaction] = field(default_factory=list)
    fee_percent: Dict[str, Tuple[Decimal, Decimal]] = field(default_factory=dict)

    def find(self, order_id: Optional[str], customer_order_id: Optional[str]) -> Optional[Order]:
        """The order with the exchange's id, or the most recent one with the customer's id."""
        if order_id is not None:
            return self.orders.get(order_id)
        return self.latest_by_customer_id.get(customer_order_id or "")


class Ledger:
    """
    All accounts. For every currency the sum of balances plus `fees` (what the exchange earned, less the rewards it
    paid) always equals `deposited`.
    """

    def __init__(self, clock: SimulatedClock):
        self._clock = clock
        self.accounts: Dict[str, Account] = {}
        self.fees: Dict[str, Decimal] = defaultdict(Decimal)
        self.deposited: Dict[str, Decimal] = defaultdict(Decimal)
        self._touched: Dict[Tuple[str, str], None] = {}

    def take_touched(self) -> List[Tuple[str, str]]:
        """(account id, currency) of the balances changed since the last call."""
        touched = list(self._touched)
        self._touched.clear()
        return touched

    @exact
    def deposit(self, account: Account, currency: str, value: Decimal) -> None:
        self.deposited[currency] += value
        self._balance(account, currency).available += value

    @exact
    def transfer(self, source: Account, target: Account, currency: str, value: Decimal) -> None:
        self._balance(source, currency).available -= value
        self._balance(target, currency).available += value

    def reserve(self, account: Account, currency: str, value: Decimal) -> bool:
        """Sets `value` aside; False (and no change) when there is not enough available."""
        balance = account.balances[currency]
        if balance.available < value:
            return False
        balance = self._balance(account, currency)
        balance.available -= value
        balance.reserved += value
        return True

    def release(self, account: Account, currency: str, value: Decimal) -> None:
        balance = self._balance(account, currency)
        balance.available += value
        balance.reserved -= value

    def pay(self, account: Account, currency: str, value: Decimal) -> None:
        """Spends reserved money."""
        self._balance(account, currency).reserved -= value

    def receive(self, account: Account, currency: str, value: Decimal, fee: Decimal) -> None:
        """Credits `value` less `fee`, which the exchange keeps."""
        self._balance(account, currency).available += value - fee
        self.fees[currency] += fee

    def reward(self, account: Account, currency: str, value: Decimal) -> None:
        """Credits a maker reward, paid by the exchange."""
        self._balance(account, currency).available += value
        self.fees[currency] -= value

    def _balance(self, account: Account, currency: str) -> Balance:
        balance = account.balances[currency]
        balance.updated_ms = self._clock.now_ms()
        self._touched[account.account_id, currency] = None
        return balance
