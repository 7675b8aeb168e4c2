"""The exchange without its network: accounts, catalogue and commands. Synchronous and free of I/O."""
from contextlib import contextmanager
from decimal import Decimal, localcontext
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

from .book import Book
from .catalogue import Currency, Pair, default_currencies, default_pairs, make_pair
from .clock import SimulatedClock
from .events import Batch
from .faults import Faults
from .ids import Ids
from .ledger import Account, Ledger
from .matching import Matcher, fees_of
from .money import EXACT, ZERO
from .orders import INSUFFICIENT_BALANCE, Order, Transaction
from .rules import DUPLICATE_ID, Rejected, check_pair, check_price, check_size, cut_quantity, invalid, unknown_order

Number = Union[Decimal, str, int]


class Engine:
    """
    Commands raise `Rejected` for what VALR refuses at once; an order that was
    accepted and then failed has the status "Failed" and a reason. Listeners get one `Batch` per command.
    """

    def __init__(self, clock: SimulatedClock, seed: int = 1, faults: Optional[Faults] = None):
        self.clock = clock
        self.faults = faults or Faults(seed)
        self.ids = Ids(seed, clock)
        self.ledger = Ledger(clock)
        self.currencies: Dict[str, Currency] = default_currencies()
        self.pairs: Dict[str, Pair] = {}
        self.books: Dict[str, Book] = {}
        self.listeners: List[Callable[[Batch], None]] = []
        self.catalogue_listeners: List[Callable[[Pair], None]] = []
        self._matcher = Matcher(self.ledger, self.books, self.ids, clock, self.faults)
        self._is_in_command = False
        for pair in default_pairs().values():
            self._list_pair(pair)

    # Accounts

    def add_account(self, account_id: str, label: str, **others: Any) -> Account:
        account = Account(account_id, label, **others)
        self.ledger.accounts[account_id] = account
        return account

    def account(self, account_id: str) -> Account:
        """The account with its `balances`, `orders`, `open_orders` and `fills`; KeyError when there is none."""
        return self.ledger.accounts[account_id]

    def deposit(self, account_id: str, currency: str, value: Number) -> None:
        """Credits `value` of `currency` from outside the exchange."""
        with self.together():
            self.ledger.deposit(self.account(account_id), currency, Decimal(value))

    def transfer(self, from_id: str, to_id: str, currency: str, value: Decimal) -> None:
        """Moves money between two accounts; `Rejected` when it is not there."""
        source, target = self.ledger.accounts.get(from_id), self.ledger.accounts.get(to_id)
        if source is None or target is None:
            raise invalid("unknown account")
        if currency not in self.currencies or value <= 0:
            raise invalid("unknown currency or amount")
        if source.balances[currency].available < value:
            raise Rejected(-6, INSUFFICIENT_BALANCE)
        with self.together():
            self.ledger.transfer(source, target, currency, value)
            for account, is_debit in ((source, True), (target, False)):
                record = Transaction(self.ids.uuid(), "INTERNAL_TRANSFER", "Transfer", self.clock.now_ms(),
                                     reason=f"Transfer from {source.label} to {target.label}")
                if is_debit:
                    record.debit_currency, record.debit = currency, value
                else:
                    record.credit_currency, record.credit = currency, value
                self._matcher.record(account, record)

    def set_fees(self, account_id: str, symbol: str, maker_percent: Number, taker_percent: Number) -> None:
        """Fees of one account on one pair in percent; a negative maker fee is a reward."""
        self.account(account_id).fee_percent[symbol] = Decimal(maker_percent), Decimal(taker_percent)

    def fees(self, account: Account, pair: Pair) -> Tuple[Decimal, Decimal]:
        """(maker, taker) percent."""
        return fees_of(account, pair)

    # Catalogue

    def add_pair(self, base: str, quote: str, price: str = "100", tick: str = "0.01", base_decimals: int = 6,
                 min_base: str = "0.0001", min_quote: str = "0.01", **others: Any) -> Pair:
        """Lists a pair (and its currencies, when new). `others` are further fields of `catalogue.Pair`."""
        for name in (base, quote):
            self.currencies.setdefault(name, Currency(name, name))
        pair = make_pair(base, quote, price, tick, base_decimals, min_base, min_quote, **others)
        self._list_pair(pair)
        self._tell_catalogue(pair)
        return pair

    def set_active(self, symbol: str, active: bool) -> None:
        """Opens or halts a pair; a halt cancels its orders."""
        pair = self.pairs[symbol]
        if not active:
            for account in self.ledger.accounts.values():
                self.cancel_all(account.account_id, symbol)
        pair.active = active
        self._tell_catalogue(pair)

    def set_order_types(self, symbol: str, order_types: List[str]) -> None:
        """Changes what a pair allows, e.g. ["SIMPLE"]."""
        self.pairs[symbol].order_types = list(order_types)
        self._tell_catalogue(self.pairs[symbol])

    def _list_pair(self, pair: Pair) -> None:
        self.pairs[pair.symbol] = pair
        self.books[pair.symbol] = Book(pair, 9_725_552_044, self.clock.now_ms())

    def _tell_catalogue(self, pair: Pair) -> None:
        for listener in self.catalogue_listeners:
            listener(pair)

    def book(self, symbol: str) -> Tuple[List[Tuple[Decimal, Decimal]], List[Tuple[Decimal, Decimal]]]:
        """(bids, asks) of a pair, each a list of (price, quantity), best first."""
        return self.books[symbol].levels()

    # Commands

    def place_limit(self, account_id: str, *, pair: str, side: str, quantity: Number, price: Number,
                    post_only: bool = False, time_in_force: str = "GTC",
                    customer_order_id: Optional[str] = None) -> Order:
        """Places a limit order and lets the engine decide on it at once."""
        return self.submit(self.accept_limit(account_id, pair=pair, side=side, quantity=quantity, price=price,
                                             post_only=post_only, time_in_force=time_in_force,
                                             customer_order_id=customer_order_id))

    def place_market(self, account_id: str, *, pair: str, side: str, base_amount: Optional[Number] = None,
                     quote_amount: Optional[Number] = None, customer_order_id: Optional[str] = None) -> Order:
        """Places a market order over `base_amount` or `quote_amount` and lets the engine decide on it at once."""
        return self.submit(self.accept_market(account_id, pair=pair, side=side, base_amount=base_amount,
                                              quote_amount=quote_amount, customer_order_id=customer_order_id))

    def accept_limit(self, account_id: str, *, pair: str, side: str, quantity: Number, price: Number,
                     post_only: bool = False, time_in_force: str = "GTC",
                     customer_order_id: Optional[str] = None) -> Order:
        """Checks a limit order and gives it an id; it does nothing before `submit`."""
        listed = check_pair(self.pairs.get(pair), "LIMIT_POST_ONLY" if post_only else "LIMIT")
        with localcontext(EXACT):
            price = Decimal(price)
            check_price(listed, price)
            quantity = cut_quantity(listed, Decimal(quantity))
            check_size(listed, quantity, price * quantity)
        return self._accept(account_id, listed, side, "post-only limit" if post_only else "limit", quantity, price,
                            time_in_force, customer_order_id)

    def accept_market(self, account_id: str, *, pair: str, side: str, base_amount: Optional[Number] = None,
                      quote_amount: Optional[Number] = None, customer_order_id: Optional[str] = None) -> Order:
        """Checks a market order and gives it an id; it does nothing before `submit`."""
        listed = check_pair(self.pairs.get(pair), "MARKET")
        if (base_amount is None) == (quote_amount is None):
            raise invalid("exactly one of baseAmount and quoteAmount is needed")
        quantity, budget = ZERO, None
        best = self.books[pair].opposite(side.lower()).best()
        with localcontext(EXACT):
            if base_amount is not None:
                quantity = cut_quantity(listed, Decimal(base_amount))
                check_size(listed, quantity, best.price * quantity if best else None)
            elif quote_amount is not None:
                budget = Decimal(quote_amount)
                check_size(listed, cut_quantity(listed, budget / best.price) if best else None, budget)
        order = self._accept(account_id, listed, side, "market", quantity, ZERO, "IOC", customer_order_id)
        order.quote_budget = budget
        return order

    def submit(self, order: Order) -> Order:
        """Lets the engine decide on an accepted order."""
        with self.together():
            self._matcher.submit(order)
        return order

    def cancel(self, account_id: str, *, order_id: Optional[str] = None, customer_order_id: Optional[str] = None,
               pair: Optional[str] = None) -> Order:
        """Cancels an open order; `Rejected` when it is unknown, of another pair, or finished."""
        order = self.account(account_id).find(order_id, customer_order_id)
        if order is None or not order.is_open or (pair is not None and order.pair.symbol != pair):
            raise unknown_order()
        with self.together():
            self._matcher.cancel(order)
        return order

    def cancel_all(self, account_id: str, pair: Optional[str] = None) -> List[Order]:
        """Cancels every open order of the account, or those of one pair."""
        orders = [order for order in self.account(account_id).open_orders.values()
                  if pair is None or order.pair.symbol == pair]
        with self.together():
            for order in orders:
                self._matcher.cancel(order)
        return orders

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commands inside report as one: one book frame per pair, one balance per currency."""
        if self._is_in_command:
            yield
            return
        batch = self._matcher.batch = Batch()
        self._is_in_command = True
        try:
            with localcontext(EXACT):
                yield
        finally:
            self._is_in_command = False
            batch.balances = self.ledger.take_touched()
            if batch:
                for listener in self.listeners:
                    listener(batch)

    # Rules of acceptance

    def _accept(self, account_id: str, pair: Pair, side: str, kind: str, quantity: Decimal, price: Decimal,
                time_in_force: str, customer_order_id: Optional[str]) -> Order:
        account = self.account(account_id)
        now = self.clock.now_ms()
        order = Order(self.ids.uuid(), account_id, pair, side.lower(), kind, quantity, price, time_in_force,
                      customer_order_id, now, now, remaining=quantity)
        if customer_order_id is not None:
            taken = account.customer_ids_seen if self.faults.customer_ids_unique_forever \
                else account.customer_ids_in_use
            if customer_order_id in taken:
                if self.faults.duplicate_id == "refused":
                    raise Rejected(-11502, DUPLICATE_ID)
                order.failed_reason = DUPLICATE_ID
            else:
                account.customer_ids_in_use.add(customer_order_id)
                account.customer_ids_seen.add(customer_order_id)
        return order
