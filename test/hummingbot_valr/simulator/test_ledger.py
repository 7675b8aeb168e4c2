"""Nothing is made or lost, whatever is traded."""
from decimal import Decimal

from hypothesis import given, settings, strategies as st

from hummingbot_valr.simulator.clock import SimulatedClock
from hummingbot_valr.simulator.engine import Engine
from hummingbot_valr.simulator.rules import Rejected

ACCOUNTS = ("a", "b", "c")
RATES = st.sampled_from(["0.18", "0.35", "0.0333", "0", "-0.01", "-0.025"])

limits = st.fixed_dictionaries({
    "kind": st.just("limit"), "account": st.sampled_from(ACCOUNTS), "side": st.sampled_from(["BUY", "SELL"]),
    "price": st.integers(995, 1005), "quantity": st.integers(1, 5_000_000),
    "post_only": st.sampled_from([False, False, False, True]),
    "time_in_force": st.sampled_from(["GTC", "GTC", "IOC", "FOK"])})
markets = st.fixed_dictionaries({
    "kind": st.just("market"), "account": st.sampled_from(ACCOUNTS), "side": st.sampled_from(["BUY", "SELL"]),
    "amount": st.sampled_from(["base_amount", "quote_amount"]), "quantity": st.integers(1, 5_000_000)})
cancels = st.fixed_dictionaries({
    "kind": st.just("cancel"), "account": st.sampled_from(ACCOUNTS), "position": st.integers(0, 20)})


def run(engine: Engine, command: dict) -> None:
    account = command["account"]
    if command["kind"] == "cancel":
        orders = list(engine.account(account).open_orders)
        if orders:
            engine.cancel(account, order_id=orders[command["position"] % len(orders)])
    elif command["kind"] == "limit":
        price = Decimal(command["price"]).scaleb(-2)
        engine.place_limit(account, pair="AAAZAR", side=command["side"], price=price,
                           quantity=Decimal(command["quantity"]).scaleb(-6), post_only=command["post_only"],
                           time_in_force=command["time_in_force"])
    else:
        engine.place_market(account, pair="AAAZAR", side=command["side"],
                            **{command["amount"]: Decimal(command["quantity"]).scaleb(-6)})


def check(engine: Engine) -> None:
    accounts = engine.ledger.accounts.values()
    for currency, deposited in engine.ledger.deposited.items():
        total = sum((account.balances[currency].total for account in accounts), Decimal(0))
        assert total + engine.ledger.fees[currency] == deposited
    for account in accounts:
        for currency, balance in account.balances.items():
            assert balance.available >= 0 and balance.reserved >= 0
            needed = sum((order.price * order.remaining if order.is_buy else order.remaining
                          for order in account.open_orders.values() if order.reserve_currency == currency), Decimal(0))
            assert balance.reserved == needed
        for order in account.orders.values():
            filled = [fill for fill in account.fills if fill.order is order]
            assert sum((fill.trade.quantity for fill in filled), Decimal(0)) == order.executed
            assert sum((fill.fee for fill in filled), Decimal(0)) == order.total_fee
            assert order.is_open == (order.order_id in account.open_orders)
    bids, asks = engine.book("AAAZAR")
    assert not (bids and asks) or bids[0][0] < asks[0][0]


def test_a_total_is_exact_however_many_digits_it_has(engine):
    engine.deposit("a", "ETH", "12345678901234567890.123456789012345678")
    limit = engine.place_limit("a", pair="ETHZAR", side="SELL", quantity="1", price="63000")
    assert limit.is_open
    assert engine.account("a").balances["ETH"].total == Decimal("12345678901234567890.123456789012345678")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(limits, limits, markets, cancels), min_size=20, max_size=50), RATES, RATES)
def test_money_is_conserved_and_never_negative(commands, maker, taker):
    engine = Engine(SimulatedClock())
    engine.add_pair("AAA", "ZAR", price="10", tick="0.01", base_decimals=6, min_base="0.000001", min_quote="0.000001")
    for account in ACCOUNTS:
        engine.add_account(account, account)
        engine.set_fees(account, "AAAZAR", maker, taker)
        engine.deposit(account, "AAA", "40")
        engine.deposit(account, "ZAR", "400")
    for command in commands:
        try:
            run(engine, command)
        except Rejected:
            pass
        check(engine)
