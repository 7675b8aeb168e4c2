"""The simulator's page, for a person who wants to watch: what is in the books, and what the own orders do."""
from dataclasses import is_dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterable, List

from aiohttp import web

from .book import BookSide
from .engine import Engine
from .faults import Faults
from .ledger import Account
from .money import ZERO, iso, plain
from .orders import Fill, Order
from .tape import Tape
from .wire import balances

STATE_PATH = "/simulator/state"
_PAGE = Path(__file__).with_name("page.html")
_DEPTH = 12
_ROWS = 12
# Fees have up to 18 decimals, more than a column can show.
_FEE_PLACES = Decimal("1e-10")


class Page:
    """
    Serves the page at `/` and what it shows at `/simulator/state?pair=BTCZAR&account=ID`, a path that VALR does not
    have. Both parameters may be empty; then the first pair and the first account are shown.
    """

    def __init__(self, engine: Engine, faults: Faults, tape: Tape):
        self._engine = engine
        self._faults = faults
        self._tape = tape

    def register(self, app: web.Application) -> None:
        app.router.add_get("/", self._serve_page)
        app.router.add_get(STATE_PATH, self._serve_state)

    def state(self, symbol: str, account: Account) -> Dict[str, Any]:
        """What the page shows; amounts are texts in VALR's spelling, times ISO-8601 UTC."""
        book = self._engine.books[symbol]
        return {
            "time": iso(self._engine.clock.now_ms()),
            "pairs": self._symbols(),
            "pair": symbol,
            "accounts": [{"id": own.account_id, "label": own.label} for own in self._accounts()],
            "account": account.account_id,
            "last_price": plain(book.last_price) if book.last_price else "",
            "bids": _depth(book.bids),
            "asks": _depth(book.asks),
            "trades": [{"time": iso(trade.at_ms), "price": plain(trade.price), "quantity": plain(trade.quantity),
                        "taker_side": trade.taker_side} for trade in self._tape.trades(symbol)[:-_ROWS - 1:-1]],
            "orders": [_order(order) for order in islice(reversed(account.orders.values()), _ROWS)],
            "fills": [_fill(fill) for fill in islice(reversed(account.fills), _ROWS)],
            "balances": [{"currency": currency, "total": plain(balance.total), "reserved": plain(balance.reserved)}
                         for currency, balance in balances(account)],
            "faults": faults_on(self._faults),
        }

    def _symbols(self) -> List[str]:
        return [symbol for symbol, pair in self._engine.pairs.items() if pair.has_order_book]

    def _accounts(self) -> List[Account]:
        return [account for account in self._engine.ledger.accounts.values() if account.keeps_history]

    async def _serve_page(self, _request: web.Request) -> web.StreamResponse:
        return web.FileResponse(_PAGE)

    async def _serve_state(self, request: web.Request) -> web.Response:
        symbol = request.query.get("pair") or self._symbols()[0]
        accounts = {account.account_id: account for account in self._accounts()}
        account_id = request.query.get("account") or next(iter(accounts))
        if symbol not in self._engine.books:
            return web.json_response({"error": f"there is no pair {symbol}"}, status=404)
        if account_id not in accounts:
            return web.json_response({"error": f"there is no account {account_id}"}, status=404)
        return web.json_response(self.state(symbol, accounts[account_id]))


def faults_on(faults: Faults) -> List[str]:
    """`name = value` of every setting that is not what a healthy exchange has, groups as `group.name`."""
    return list(_differences(faults, Faults(), ""))


def _differences(group: Any, healthy: Any, prefix: str) -> Iterable[str]:
    for name, value in vars(group).items():
        usual = getattr(healthy, name)
        if is_dataclass(value):
            yield from _differences(value, usual, f"{name}.")
        elif name == "_scheduled":
            yield from (f"{prefix}{fault} = next {times}" + (f" of {key}" if key else "")
                        for (fault, key), times in value.items())
        elif not name.startswith("_") and name != "random" and value != usual:
            yield f"{prefix}{name} = {value}"


def _depth(side: BookSide) -> List[Dict[str, str]]:
    levels, total = [], ZERO
    for level in side.top(_DEPTH):
        total += level.total
        levels.append({"price": level.price_text, "quantity": plain(level.total), "sum": plain(total)})
    return levels


def _order(order: Order) -> Dict[str, str]:
    return {"time": iso(order.created_ms), "pair": order.pair.symbol, "side": order.side,
            "price": plain(order.price) if order.price else "market", "quantity": plain(order.quantity),
            "filled": plain(order.executed), "status": order.status, "reason": order.failed_reason}


def _fill(fill: Fill) -> Dict[str, str]:
    cost, currency = (-fill.reward, fill.reward_currency) if fill.reward else (fill.fee, fill.fee_currency)
    return {"time": iso(fill.trade.at_ms), "pair": fill.order.pair.symbol, "side": fill.order.side,
            "price": plain(fill.trade.price), "quantity": plain(fill.trade.quantity),
            "role": "maker" if fill.is_maker else "taker", "fee": f"{plain(cost.quantize(_FEE_PLACES))} {currency}"}
