"""REST routes of the account: balances, fills, transactions, fees, keys, sub-accounts."""
from typing import Any, Callable, Dict, List

from . import wire
from .clock import SimulatedClock
from .commands import needed_amount, needed_text
from .engine import Engine
from .faults import Faults
from .gate import Reply, Route, SignedCall
from .ledger import PRIMARY, Account, Balance
from .money import floor_to_places, plain
from .orders import Fill
from .rules import Rejected, invalid

TRANSFER = "Internal Transfer"


class AccountRoutes:
    """The money and the past of the account a request acts for."""

    def __init__(self, engine: Engine, clock: SimulatedClock, faults: Faults):
        self._engine = engine
        self._opened_ms = clock.now_ms()
        self._faults = faults

    def routes(self) -> List[Route]:
        return [
            Route("GET", "/v1/account/balances", self.balances),
            Route("GET", "/v1/account/balances/all", self.all_balances, primary_only=True),
            Route("GET", "/v1/account/tradehistory", self.trade_history),
            Route("GET", "/v1/account/{pair}/tradehistory", self.trade_history_of_pair),
            Route("GET", "/v1/account/transactionhistory", self.transaction_history),
            Route("GET", "/v1/account/fees/trade", self.fees),
            Route("GET", "/v1/account/api-keys/current", self.key),
            Route("GET", "/v1/account/subaccounts", self.sub_accounts, primary_only=True),
            Route("POST", "/v1/account/subaccounts/transfer", self.transfer, permission=TRANSFER, primary_only=True),
        ]

    def balances(self, call: SignedCall) -> Reply:
        return Reply(body=self._balances(call.account, without_zero=call.flag("excludeZeroBalances")))

    def all_balances(self, call: SignedCall) -> Reply:
        accounts = [account for account in self._engine.ledger.accounts.values()
                    if account is call.account or account.is_sub_account]
        return Reply(body=[{"account": {"label": account.label, "id": account.account_id},
                            "balances": self._balances(account, without_zero=True)} for account in accounts])

    def trade_history(self, call: SignedCall) -> Reply:
        start, end = call.period()
        return self._fills(call, lambda fill: start <= fill.trade.at_ms / 1000 <= end)

    def trade_history_of_pair(self, call: SignedCall) -> Reply:
        symbol = call.params["pair"]
        if symbol not in self._engine.pairs:
            raise Rejected(-21, "Unsupported Currency Pair")
        return self._fills(call, lambda fill: fill.trade.pair.symbol == symbol)

    def transaction_history(self, call: SignedCall) -> Reply:
        start, end = call.period()
        kinds = [kind for kind in call.query.get("transactionTypes", "").split(",") if kind]
        currency = call.query.get("currency")
        records = (record for record in reversed(call.account.transactions)
                   if (not kinds or record.kind in kinds)
                   and (currency is None or currency in (record.debit_currency, record.credit_currency))
                   and start <= record.at_ms / 1000 <= end)
        page = call.page(records, lambda record: record.transaction_id, most=200)
        return Reply(body=[wire.transaction(record) for record in page])

    def fees(self, call: SignedCall) -> Reply:
        rows = []
        for pair in self._engine.pairs.values():
            if not pair.active:
                continue
            row: Dict[str, Any] = {"currencyPair": pair.symbol}
            if "LIMIT" in pair.order_types:
                maker, taker = self._engine.fees(call.account, pair)
                row |= {"makerPercentage": plain(maker), "takerPercentage": plain(taker)}
            if "SIMPLE" in pair.order_types:
                row["simplePercentage"] = "1.6"
            rows.append(row)
        return Reply(body=rows)

    def key(self, call: SignedCall) -> Reply:
        return Reply(body=call.key.row())

    def sub_accounts(self, call: SignedCall) -> Reply:
        return Reply(body=[{"label": account.label, "id": account.account_id}
                           for account in self._engine.ledger.accounts.values() if account.is_sub_account])

    def transfer(self, call: SignedCall) -> Reply:
        payload = call.payload()
        source, target = needed_text(payload, "fromId"), needed_text(payload, "toId")
        if not self._is_own(source) or not self._is_own(target):
            raise invalid("fromId and toId are accounts")
        currency = self._engine.currencies.get(needed_text(payload, "currencyCode"))
        if currency is None:
            raise invalid("currencyCode is not a currency")
        value = needed_amount(payload, "amount")
        if value != floor_to_places(value, currency.decimal_places):
            raise Rejected(None, "Too many decimals", status=403)
        self._engine.transfer(source, target, currency.short_name, value)
        return Reply(202)

    def _is_own(self, account_id: str) -> bool:
        account = self._engine.ledger.accounts.get(account_id)
        return account is not None and (account_id == PRIMARY or account.is_sub_account)

    def _balances(self, account: Account, without_zero: bool) -> List[Dict[str, Any]]:
        held = dict(wire.balances(account))
        never_held = Balance(updated_ms=self._opened_ms)
        rows = [(name, held.get(name, never_held)) for name in self._engine.currencies]
        return [wire.rest_balance(name, balance, self._faults.rest_balance_symbol) for name, balance in rows
                if not without_zero or balance.total]

    def _fills(self, call: SignedCall, is_wanted: Callable[[Fill], bool]) -> Reply:
        other_ids = self._faults.rest_trade_ids_differ
        fills = filter(is_wanted, reversed(call.account.fills))
        page = call.page(fills, lambda fill: wire.history_id(fill.trade, other_ids))
        return Reply(body=[wire.trade_history(fill, other_ids) for fill in page])
