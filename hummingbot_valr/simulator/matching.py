"""Price-time matching, and its settlement in the ledger."""
from dataclasses import dataclass
from decimal import Decimal
from typing import Dict, Optional, Tuple

from .book import Book, BookSide
from .catalogue import Pair
from .clock import SimulatedClock
from .events import Batch, Filled, Processed, Recorded, StatusChanged
from .faults import Faults
from .ids import Ids
from .ledger import Account, Ledger
from .money import ZERO, fee_of, floor_to_places
from .orders import (
    CANCELLED,
    CUT_BY_SLIPPAGE,
    FAILED,
    FILLED,
    FOK_UNMATCHED,
    INSUFFICIENT_BALANCE,
    IOC_UNMATCHED,
    NOTHING_EXECUTED,
    OUTSIDE_BAND,
    PAIR_NOT_ACTIVE,
    PARTIALLY_FILLED,
    PLACED,
    POST_ONLY_CROSSED,
    SELF_TRADE,
    Execution,
    Fill,
    Order,
    OrderEvent,
    Trade,
    Transaction,
)
from .rules import DUPLICATE_ID


@dataclass(slots=True)
class _Prospect:
    """What an incoming order would do: base `quantity` it would trade for `cost` quote, and what it would run into."""
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    meets_own_order: bool = False
    leaves_band: bool = False


class Matcher:
    """Decides on orders. What happens is written into `batch`, which the engine renews for every command."""

    def __init__(self, ledger: Ledger, books: Dict[str, Book], ids: Ids, clock: SimulatedClock, faults: Faults):
        self.batch = Batch()
        self._ledger = ledger
        self._books = books
        self._ids = ids
        self._clock = clock
        self._faults = faults

    def submit(self, order: Order) -> None:
        """Fills, rests or fails an order that was accepted."""
        account = self._ledger.accounts[order.account_id]
        account.orders[order.order_id] = order
        if order.customer_order_id is not None:
            account.latest_by_customer_id[order.customer_order_id] = order
        order.updated_ms = self._clock.now_ms()
        self.batch.steps.append(Processed(order))
        reason = self._refusal(order, account)
        if reason:
            self._finish(order, FAILED, reason=reason)
        else:
            self._match(order)
            self._settle_rest(order, account)

    def _refusal(self, order: Order, account: Account) -> str:
        """Why the engine refuses the order, "" when it takes it; then the order's money is reserved."""
        if order.failed_reason:
            return order.failed_reason
        if not order.pair.active:
            return PAIR_NOT_ACTIVE
        side = self._books[order.pair.symbol].opposite(order.side)
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
        self._ledger.reserve(account, order.reserve_currency, needed)
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
        last = self._books[order.pair.symbol].last_price
        if self._faults.slippage_band is None or last is None or order.kind != "market":
            return None
        return last * (1 + self._faults.slippage_band) if order.is_buy else last * (1 - self._faults.slippage_band)

    # Matching

    def _match(self, order: Order) -> None:
        book = self._books[order.pair.symbol]
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
        trade = Trade(self._ids.uuid(), book.pair, maker.price, quantity, self._clock.now_ms(), taker.side,
                      self._ids.sequence())
        self.batch.trades.append(trade)
        book.last_price = trade.price
        self._fill(maker, trade, is_maker=True)
        self._fill(taker, trade, is_maker=False)
        side.reduce(maker, quantity)
        self._book_changed(book)

    def _fill(self, order: Order, trade: Trade, is_maker: bool) -> None:
        account = self._ledger.accounts[order.account_id]
        pair, quantity = order.pair, trade.quantity
        total = trade.price * quantity
        paid, received = (total, quantity) if order.is_buy else (quantity, total)
        received_currency = pair.base if order.is_buy else pair.quote
        percent = fees_of(account, pair)[0 if is_maker else 1]
        fee = fee_of(received, percent) if percent > 0 else ZERO
        # A reward is paid in the currency that is given away, a fee taken from the one that is received.
        reward = fee_of(paid, -percent) if percent < 0 else ZERO
        fill = Fill(trade, order, is_maker, fee, received_currency, reward, order.reserve_currency)

        order.reserved -= paid
        self._ledger.pay(account, order.reserve_currency, paid)
        self._ledger.receive(account, received_currency, received, fee)
        if reward:
            self._ledger.reward(account, order.reserve_currency, reward)
        order.remaining -= quantity
        order.total_quote += total
        order.total_fee += fee
        order.open_row = None
        self.batch.steps.append(Filled(fill))
        executed = Execution(trade.price, quantity, fee)
        if order.remaining:
            self._note(order, PARTIALLY_FILLED, executed)
            if is_maker:
                self.batch.open_orders[order.account_id] = None
            if order.is_buy and order.kind != "market":
                self._release(order, account, order.price * order.remaining)
        else:
            self._finish(order, FILLED, executed)
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
        book = self._books[order.pair.symbol]
        account.open_orders[order.order_id] = order
        self.batch.open_orders[order.account_id] = None
        book.side(order.side).add(order)
        self._book_changed(book)
        if order.status != PARTIALLY_FILLED:
            self._note(order, PLACED)

    def _is_cut_by_band(self, order: Order) -> bool:
        return self._worst_price(order) is not None and len(self._books[order.pair.symbol].opposite(order.side)) > 0

    def cancel(self, order: Order) -> None:
        book = self._books[order.pair.symbol]
        self._finish(order, CANCELLED)
        book.side(order.side).reduce(order, order.remaining)
        self._book_changed(book)

    # Bookkeeping

    def _note(self, order: Order, status: str, executed: Execution = NOTHING_EXECUTED, reason: str = "") -> None:
        order.status = status
        order.failed_reason = reason
        order.updated_ms = self._clock.now_ms()
        order.open_row = None
        event = OrderEvent(status, order.remaining, order.updated_ms, executed, reason)
        order.history.append(event)
        self.batch.steps.append(StatusChanged(order, event))

    def _finish(self, order: Order, status: str, executed: Execution = NOTHING_EXECUTED, reason: str = "") -> None:
        account = self._ledger.accounts[order.account_id]
        self._note(order, status, executed, reason)
        if account.open_orders.pop(order.order_id, None) is not None:
            self.batch.open_orders[order.account_id] = None
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
            self._ledger.release(account, order.reserve_currency, surplus)

    def _book_changed(self, book: Book) -> None:
        book.sequence += 1
        book.last_change_ms = self._clock.now_ms()
        self.batch.books[book.pair.symbol] = book

    def _record_fill(self, account: Account, fill: Fill, paid: Decimal, received: Decimal) -> None:
        order = fill.order
        kind = f"{'MARKET' if order.kind == 'market' else 'LIMIT'}_{order.side.upper()}"
        self.record(account, Transaction(
            self._ids.uuid(), kind, kind.replace("_", " ").title(), fill.trade.at_ms,
            debit_currency=order.reserve_currency, debit=paid,
            credit_currency=fill.fee_currency, credit=received - fill.fee,
            fee_currency=fill.fee_currency if fill.fee else None, fee=fill.fee, order=order, price=fill.trade.price))
        if fill.reward:
            self.record(account, Transaction(
                self._ids.uuid(), "MAKER_REWARD", "Maker Reward", fill.trade.at_ms,
                credit_currency=fill.reward_currency, credit=fill.reward, order=order, price=fill.trade.price))

    def record(self, account: Account, record: Transaction) -> None:
        account.transactions.append(record)
        self.batch.steps.append(Recorded(account.account_id, record))


def fees_of(account: Account, pair: Pair) -> Tuple[Decimal, Decimal]:
    """(maker, taker) percent of an account on a pair."""
    return account.fee_percent.get(pair.symbol) or (pair.maker_percent, pair.taker_percent)


def _crosses(order: Order, price: Decimal) -> bool:
    """Whether the incoming order trades against a resting order at `price`."""
    return order.kind == "market" or (order.price >= price if order.is_buy else order.price <= price)
