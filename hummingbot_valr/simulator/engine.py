"""The matching engine: price-time priority over all pairs, settled in the ledger. Synchronous and free of I/O."""
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Callable, Dict, Iterator, List, Optional, Tuple, Union

from .book import Book, BookSide
from .catalogue import Currency, Pair, default_currencies, default_pairs, make_pair
from .clock import SimulatedClock
from .events import Batch, Filled, Processed, Recorded, StatusChanged
from .faults import Faults
from .ids import Ids
from .ledger import Account, Ledger
from .money import EXACT, ZERO, fee_of, floor_to_places
from .orders import (
    CANCELLED,
    CUT_BY_SLIPPAGE,
    FAILED,
    FILLED,
    FOK_UNMATCHED,
    INSUFFICIENT_BALANCE,
    IOC_UNMATCHED,
    OUTSIDE_BAND,
    PARTIALLY_FILLED,
    PLACED,
    POST_ONLY_CROSSED,
    SELF_TRADE,
    Fill,
    Order,
    OrderEvent,
    Trade,
    Transaction,
)
from .rules import DUPLICATE_ID, Rejected, check_pair, check_price, check_size, cut_quantity, invalid, unknown_order

Number = Union[Decimal, str, int]


@dataclass(slots=True)
class _Prospect:
    """What an incoming order would do: base `quantity` it would trade for `cost` quote, and what it would run into."""
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    meets_own_order: bool = False
    leaves_band: bool = False


class Engine:
    """
    The exchange without its network. Commands raise `Rejected` for what VALR refuses at once; an order that was
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
        self.slippage_band: Optional[Decimal] = None
        self.listeners: List[Callable[[Batch], None]] = []
        self.catalogue_listeners: List[Callable[[Pair], None]] = []
        self._batch: Optional[Batch] = None
        for pair in default_pairs().values():
            self._list_pair(pair)

    # Accounts

    def add_account(self, account_id: str, label: str, **others) -> Account:
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
                self._record(account, record)

    def set_fees(self, account_id: str, symbol: str, maker_percent: Number, taker_percent: Number) -> None:
        """Fees of one account on one pair in percent; a negative maker fee is a reward."""
        self.account(account_id).fee_percent[symbol] = Decimal(maker_percent), Decimal(taker_percent)

    def fees(self, account: Account, pair: Pair) -> Tuple[Decimal, Decimal]:
        """(maker, taker) percent."""
        return account.fee_percent.get(pair.symbol) or (pair.maker_percent, pair.taker_percent)

    # Catalogue

    def add_pair(self, base: str, quote: str, price: str = "100", tick: str = "0.01", base_decimals: int = 6,
                 min_base: str = "0.0001", min_quote: str = "0.01", **others) -> Pair:
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
        with localcontext(EXACT):
            if base_amount is not None:
                quantity = cut_quantity(listed, Decimal(base_amount))
                best = self.books[pair].opposite(side.lower()).best()
                check_size(listed, quantity, best.price * quantity if best else None)
            else:
                budget = Decimal(quote_amount)
                check_size(listed, None, budget)
        order = self._accept(account_id, listed, side, "market", quantity, ZERO, "IOC", customer_order_id)
        order.quote_budget = budget
        return order

    def submit(self, order: Order) -> Order:
        """Lets the engine decide on an accepted order."""
        account = self.account(order.account_id)
        account.orders[order.order_id] = order
        if order.customer_order_id is not None:
            account.latest_by_customer_id[order.customer_order_id] = order
        with self.together() as batch:
            now = self.clock.now_ms()
            order.updated_ms = now
            batch.steps.append(Processed(order))
            reason = self._refusal(order, account)
            if reason:
                self._finish(order, FAILED, reason=reason)
            else:
                self._match(order)
                self._settle_rest(order, account)
        return order

    def cancel(self, account_id: str, *, order_id: Optional[str] = None, customer_order_id: Optional[str] = None,
               pair: Optional[str] = None) -> Order:
        """Cancels an open order; `Rejected` when it is unknown, of another pair, or finished."""
        order = self.account(account_id).find(order_id, customer_order_id)
        if order is None or not order.is_open or (pair is not None and order.pair.symbol != pair):
            raise unknown_order()
        with self.together():
            self._cancel(order)
        return order

    def cancel_all(self, account_id: str, pair: Optional[str] = None) -> List[Order]:
        """Cancels every open order of the account, or those of one pair."""
        orders = [order for order in self.account(account_id).open_orders.values()
                  if pair is None or order.pair.symbol == pair]
        with self.together():
            for order in orders:
                self._cancel(order)
        return orders

    @contextmanager
    def together(self) -> Iterator[Batch]:
        """Commands inside report as one: one book frame per pair, one balance per currency."""
        if self._batch is not None:
            yield self._batch
            return
        batch = self._batch = Batch()
        try:
            with localcontext(EXACT):
                yield batch
        finally:
            self._batch = None
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

    def _refusal(self, order: Order, account: Account) -> str:
        """Why the engine refuses the order, "" when it takes it; then the order's money is reserved."""
        if order.failed_reason:
            return order.failed_reason
        side = self.books[order.pair.symbol].opposite(order.side)
        prospect = self._prospect(order, side)
        if order.kind == "market":
            if order.quote_budget is not None:
                order.quantity = order.remaining = prospect.quantity
            if not prospect.quantity:
                return OUTSIDE_BAND if prospect.leaves_band else IOC_UNMATCHED
            needed = prospect.cost if order.is_buy else prospect.quantity
        else:
            needed = order.price * order.quantity if order.is_buy else order.quantity
        if account.balances[order.reserve_currency].available < needed:
            return INSUFFICIENT_BALANCE
        if order.kind == "post-only limit" and prospect.quantity:
            return POST_ONLY_CROSSED
        if prospect.meets_own_order:
            return SELF_TRADE
        if order.time_in_force == "FOK" and prospect.quantity < order.quantity:
            return FOK_UNMATCHED
        if order.time_in_force == "IOC" and not prospect.quantity:
            return IOC_UNMATCHED
        self.ledger.reserve(account, order.reserve_currency, needed)
        order.reserved = needed
        return ""

    def _prospect(self, order: Order, side: BookSide) -> _Prospect:
        prospect = _Prospect()
        wanted, budget = order.quantity, order.quote_budget
        worst = self._worst_price(order)
        for level in side:
            if not _crosses(order, level.price):
                break
            if worst is not None and (level.price > worst if order.is_buy else level.price < worst):
                prospect.leaves_band = True
                break
            for resting in level.orders.values():
                if budget is not None:
                    wanted = prospect.quantity + floor_to_places((budget - prospect.cost) / level.price,
                                                                 order.pair.base_decimals)
                quantity = min(resting.remaining, wanted - prospect.quantity)
                if quantity <= 0:
                    return prospect
                if resting.account_id == order.account_id:
                    prospect.meets_own_order = True
                prospect.quantity += quantity
                prospect.cost += quantity * level.price
        return prospect

    def _worst_price(self, order: Order) -> Optional[Decimal]:
        """The last price inside the slippage band of a market order, None without a band."""
        last = self.books[order.pair.symbol].last_price
        if self.slippage_band is None or last is None or order.kind != "market":
            return None
        return last * (1 + self.slippage_band) if order.is_buy else last * (1 - self.slippage_band)

    # Matching

    def _match(self, order: Order) -> None:
        book = self.books[order.pair.symbol]
        side = book.opposite(order.side)
        worst = self._worst_price(order)
        while order.remaining:
            level = side.best()
            if level is None or not _crosses(order, level.price):
                return
            if worst is not None and (level.price > worst if order.is_buy else level.price < worst):
                return
            maker = next(iter(level.orders.values()))
            self._trade(book, side, order, maker, min(order.remaining, maker.remaining))

    def _trade(self, book: Book, side: BookSide, taker: Order, maker: Order, quantity: Decimal) -> None:
        trade = Trade(self.ids.uuid(), book.pair, maker.price, quantity, self.clock.now_ms(), taker.side,
                      self.ids.sequence())
        self._batch.trades.append(trade)
        book.last_price = trade.price
        self._fill(maker, trade, is_maker=True)
        self._fill(taker, trade, is_maker=False)
        side.reduce(maker, quantity)
        self._book_changed(book)

    def _fill(self, order: Order, trade: Trade, is_maker: bool) -> None:
        account = self.account(order.account_id)
        pair, quantity = order.pair, trade.quantity
        total = trade.price * quantity
        paid, received = (total, quantity) if order.is_buy else (quantity, total)
        received_currency = pair.base if order.is_buy else pair.quote
        percent = self.fees(account, pair)[0 if is_maker else 1]
        fee = fee_of(received, percent) if percent > 0 else ZERO
        # A reward is paid in the currency that is given away, a fee taken from the one that is received.
        reward = fee_of(paid, -percent) if percent < 0 else ZERO
        fill = Fill(trade, order, is_maker, fee, received_currency, reward, order.reserve_currency)

        order.reserved -= paid
        self.ledger.pay(account, order.reserve_currency, paid)
        self.ledger.receive(account, received_currency, received, fee)
        if reward:
            self.ledger.reward(account, order.reserve_currency, reward)
        order.remaining -= quantity
        order.total_quote += total
        order.total_fee += fee
        order.open_row = None
        self._batch.steps.append(Filled(fill))
        executed = {"price": trade.price, "quantity": quantity, "fee": fee}
        if order.remaining:
            self._note(order, PARTIALLY_FILLED, **executed)
            if is_maker:
                self._batch.open_orders[order.account_id] = None
            if order.is_buy and order.kind != "market":
                self._release(order, account, order.price * order.remaining)
        else:
            self._finish(order, FILLED, **executed)
        if account.keeps_history:
            account.fills.append(fill)
            self._record_fill(account, fill, paid, received)

    def _settle_rest(self, order: Order, account: Account) -> None:
        """What becomes of the part of a new order that found no match."""
        if not order.remaining:
            return
        if order.time_in_force != "GTC":
            # Which status closes a market order cut by the band follows VALR's list; a cut IOC is expected to be
            # "Cancelled" after its "Partially Filled".
            self._finish(order, CUT_BY_SLIPPAGE if self._is_cut_by_band(order) else CANCELLED)
            return
        book = self.books[order.pair.symbol]
        account.open_orders[order.order_id] = order
        self._batch.open_orders[order.account_id] = None
        book.side(order.side).add(order)
        self._book_changed(book)
        if order.status != PARTIALLY_FILLED:
            self._note(order, PLACED)

    def _is_cut_by_band(self, order: Order) -> bool:
        return self._worst_price(order) is not None and len(self.books[order.pair.symbol].opposite(order.side)) > 0

    def _cancel(self, order: Order) -> None:
        book = self.books[order.pair.symbol]
        self._finish(order, CANCELLED)
        book.side(order.side).reduce(order, order.remaining)
        self._book_changed(book)

    # Bookkeeping

    def _note(self, order: Order, status: str, price: Decimal = ZERO, quantity: Decimal = ZERO, fee: Decimal = ZERO,
              reason: str = "") -> None:
        order.status = status
        order.failed_reason = reason
        order.updated_ms = self.clock.now_ms()
        order.open_row = None
        event = OrderEvent(status, order.remaining, order.updated_ms, price, quantity, fee, reason)
        order.history.append(event)
        self._batch.steps.append(StatusChanged(order, event))

    def _finish(self, order: Order, status: str, **details) -> None:
        account = self.account(order.account_id)
        self._note(order, status, **details)
        if account.open_orders.pop(order.order_id, None) is not None:
            self._batch.open_orders[order.account_id] = None
        if order.failed_reason != DUPLICATE_ID:
            account.customer_ids_in_use.discard(order.customer_order_id)
        self._release(order, account, ZERO)
        if not account.keeps_history:
            account.orders.pop(order.order_id, None)

    def _release(self, order: Order, account: Account, needed: Decimal) -> None:
        """Gives back what the order has reserved beyond `needed`."""
        surplus = order.reserved - needed
        if surplus:
            order.reserved = needed
            self.ledger.release(account, order.reserve_currency, surplus)

    def _book_changed(self, book: Book) -> None:
        book.sequence += 1
        book.last_change_ms = self.clock.now_ms()
        self._batch.books[book.pair.symbol] = book

    def _record_fill(self, account: Account, fill: Fill, paid: Decimal, received: Decimal) -> None:
        order = fill.order
        kind = f"{'MARKET' if order.kind == 'market' else 'LIMIT'}_{order.side.upper()}"
        self._record(account, Transaction(
            self.ids.uuid(), kind, kind.replace("_", " ").title(), fill.trade.at_ms,
            debit_currency=order.reserve_currency, debit=paid,
            credit_currency=fill.fee_currency, credit=received - fill.fee,
            fee_currency=fill.fee_currency if fill.fee else None, fee=fill.fee, order=order, price=fill.trade.price))
        if fill.reward:
            self._record(account, Transaction(
                self.ids.uuid(), "MAKER_REWARD", "Maker Reward", fill.trade.at_ms,
                credit_currency=fill.reward_currency, credit=fill.reward, order=order, price=fill.trade.price))

    def _record(self, account: Account, record: Transaction) -> None:
        account.transactions.append(record)
        self._batch.steps.append(Recorded(account.account_id, record))


def _crosses(order: Order, price: Decimal) -> bool:
    """Whether the incoming order trades against a resting order at `price`."""
    return order.kind == "market" or (order.price >= price if order.is_buy else order.price <= price)
