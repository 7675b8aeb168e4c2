from decimal import Decimal

import pytest

from hummingbot_valr.simulator.orders import CANCELLED, FAILED, PLACED
from hummingbot_valr.simulator.rules import DUPLICATE_ID, Rejected


def limit(engine, account, side, quantity, price, pair="BTCZAR", **others):
    return engine.place_limit(account, pair=pair, side=side, quantity=quantity, price=price, **others)


def market(engine, account, side, **amounts):
    return engine.place_market(account, pair="BTCZAR", side=side, **amounts)


def balance(engine, account, currency):
    held = engine.account(account).balances[currency]
    return held.available, held.reserved


# Acceptance

@pytest.mark.parametrize("fields, code", [
    ({"pair": "NOPEZAR"}, -21),
    ({"pair": "ENJUSDC"}, -32),
    ({"pair": "BNTUSDC"}, -12005),
    ({"pair": "BTCUSDTPERP"}, -12005),
    ({"price": "1000000.5"}, -11),
    ({"quantity": "0.000009"}, -12007),
    ({"quantity": "0.0000000001"}, -12007),
    ({"quantity": "0.00001", "price": "900000"}, -12007),
    ({"quantity": "20.1", "price": "1"}, -11),
    ({"quantity": "6", "price": "1000000"}, -11),
])
def test_refused_at_once(engine, fields, code):
    order = {"pair": "BTCZAR", "side": "BUY", "quantity": "0.01", "price": "1000000", **fields}
    with pytest.raises(Rejected) as refusal:
        engine.place_limit("a", **order)
    assert refusal.value.code == code and not engine.account("a").orders


def test_the_minimum_error_names_both_minima(engine):
    with pytest.raises(Rejected) as refusal:
        limit(engine, "a", "BUY", "0.5", "18", pair="USDTZAR")
    assert refusal.value.message == \
        "Minimum order size not met . Minimum amount: 1 USDT, minimum total: 10 ZAR"


@pytest.mark.parametrize("quote_amount", ["9.99", "17.9999"])
def test_a_market_order_by_quote_needs_both_minima(engine, quote_amount):
    engine.deposit("a", "USDT", "100")
    limit(engine, "a", "SELL", "100", "18", pair="USDTZAR")
    with pytest.raises(Rejected) as refusal:
        engine.place_market("b", pair="USDTZAR", side="BUY", quote_amount=quote_amount)
    assert refusal.value.code == -12007
    assert engine.place_market("b", pair="USDTZAR", side="BUY", quote_amount="18").executed == 1


def test_extra_decimals_are_cut(engine):
    assert limit(engine, "a", "BUY", "0.0123456789", "1000000").quantity == Decimal("0.01234567")


def test_post_only_needs_its_order_type(engine):
    engine.set_order_types("BTCZAR", ["LIMIT"])
    with pytest.raises(Rejected, match="Selected order type"):
        limit(engine, "a", "BUY", "0.01", "1000000", post_only=True)
    with pytest.raises(Rejected, match="Selected order type"):
        market(engine, "a", "BUY", base_amount="0.01")


def test_a_customer_id_is_unique_among_open_orders(engine):
    order = limit(engine, "a", "BUY", "0.01", "1000000", customer_order_id="x")
    with pytest.raises(Rejected) as refusal:
        limit(engine, "a", "BUY", "0.02", "1000000", customer_order_id="x")
    assert (refusal.value.code, refusal.value.message) == (-11502, DUPLICATE_ID)
    limit(engine, "b", "BUY", "0.02", "1000000", customer_order_id="x")
    engine.cancel("a", customer_order_id="x")
    again = limit(engine, "a", "BUY", "0.03", "1000000", customer_order_id="x")
    assert engine.account("a").find(None, "x") is again is not order


def test_a_duplicate_may_fail_as_an_order_instead(engine):
    engine.faults.duplicate_id = "failed"
    limit(engine, "a", "BUY", "0.01", "1000000", customer_order_id="x")
    for _ in range(2):
        order = limit(engine, "a", "BUY", "0.02", "1000000", customer_order_id="x")
        assert (order.status, order.failed_reason) == (FAILED, DUPLICATE_ID)


def test_customer_ids_may_be_unique_forever(engine):
    engine.faults.customer_ids_unique_forever = True
    limit(engine, "a", "BUY", "0.01", "1000000", customer_order_id="x")
    engine.cancel("a", customer_order_id="x")
    with pytest.raises(Rejected, match="Duplicate"):
        limit(engine, "a", "BUY", "0.01", "1000000", customer_order_id="x")


# Cancelling

def test_cancelling_what_is_not_open_is_refused(engine):
    order = limit(engine, "a", "BUY", "0.01", "1000000", customer_order_id="x")
    for wrong in ({"order_id": "nothing"}, {"customer_order_id": "nothing"},
                  {"order_id": order.order_id, "pair": "ETHZAR"}):
        with pytest.raises(Rejected) as refusal:
            engine.cancel("a", **wrong)
        assert (refusal.value.code, refusal.value.message) == (-1, "Invalid Order. ")
    with pytest.raises(Rejected):
        engine.cancel("b", order_id=order.order_id)
    engine.cancel("a", order_id=order.order_id)
    with pytest.raises(Rejected):
        engine.cancel("a", order_id=order.order_id)


def test_cancel_all_of_a_pair_leaves_the_others(engine):
    limit(engine, "a", "BUY", "0.01", "1000000")
    other = limit(engine, "a", "BUY", "1", "50000", pair="ETHZAR")
    assert len(engine.cancel_all("a", "BTCZAR")) == 1
    assert list(engine.account("a").open_orders.values()) == [other]


# Catalogue and reports

def test_a_new_pair_can_be_traded(engine):
    engine.add_pair("NEW", "ZAR", price="5", tick="0.1", base_decimals=2, min_base="1", min_quote="1")
    engine.deposit("a", "NEW", "100")
    assert limit(engine, "a", "SELL", "10", "5.1", pair="NEWZAR").status == PLACED


def test_a_halt_cancels_the_orders_of_the_pair(engine):
    order = limit(engine, "a", "BUY", "0.01", "1000000")
    engine.set_active("BTCZAR", False)
    assert order.status == CANCELLED
    with pytest.raises(Rejected, match="not active"):
        limit(engine, "a", "BUY", "0.01", "1000000")


def test_an_order_accepted_before_a_halt_fails_after_it(engine):
    order = engine.accept_limit("a", pair="BTCZAR", side="BUY", quantity="0.01", price="1000000")
    engine.set_active("BTCZAR", False)
    engine.submit(order)
    assert order.status == FAILED and "not active" in order.failed_reason
    assert engine.book("BTCZAR") == ([], []) and balance(engine, "a", "ZAR") == (Decimal("10000000"), 0)


def test_commands_taken_together_report_once(engine):
    batches = []
    engine.listeners.append(batches.append)
    with engine.together():
        limit(engine, "a", "BUY", "0.01", "1000000")
        limit(engine, "a", "BUY", "0.01", "999999")
    assert len(batches) == 1 and list(batches[0].books) == ["BTCZAR"]
    assert sorted(batches[0].balances) == [("a", "ZAR")]


def test_a_refused_command_reports_nothing(engine):
    batches = []
    engine.listeners.append(batches.append)
    with pytest.raises(Rejected):
        limit(engine, "a", "BUY", "0.01", "0.5")
    assert batches == []


def test_a_transfer_moves_money_and_leaves_a_record_on_both_sides(engine):
    engine.transfer("a", "b", "ZAR", Decimal("2.99"))
    assert balance(engine, "a", "ZAR")[0] == Decimal("9999997.01")
    assert balance(engine, "b", "ZAR")[0] == Decimal("10000002.99")
    assert engine.account("a").transactions[0].debit == engine.account("b").transactions[0].credit == Decimal("2.99")
    with pytest.raises(Rejected, match="Insufficient"):
        engine.transfer("a", "b", "ETH", Decimal("1"))
