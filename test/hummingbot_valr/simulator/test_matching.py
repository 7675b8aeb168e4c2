from decimal import Decimal

from hummingbot_valr.simulator.orders import (
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
)


def limit(engine, account, side, quantity, price, pair="BTCZAR", **others):
    return engine.place_limit(account, pair=pair, side=side, quantity=quantity, price=price, **others)


def market(engine, account, side, **amounts):
    return engine.place_market(account, pair="BTCZAR", side=side, **amounts)


def balance(engine, account, currency):
    held = engine.account(account).balances[currency]
    return held.available, held.reserved


def statuses(order):
    return [event.status for event in order.history]


def test_the_better_price_trades_first_then_the_earlier_order(engine):
    worse = limit(engine, "a", "SELL", "1", "1000001")
    early = limit(engine, "a", "SELL", "1", "1000000")
    late = limit(engine, "a", "SELL", "1", "1000000")
    limit(engine, "b", "BUY", "1.5", "1000002")
    assert [order.status for order in (early, late, worse)] == [FILLED, PARTIALLY_FILLED, PLACED]


def test_a_trade_happens_at_the_resting_price_and_the_difference_is_given_back(engine):
    limit(engine, "a", "SELL", "1", "1000000")
    order = limit(engine, "b", "BUY", "1", "1500000")
    assert order.status == FILLED
    assert balance(engine, "b", "ZAR") == (Decimal("9000000"), 0)


def test_a_resting_rest_reserves_its_own_price_only(engine):
    limit(engine, "a", "SELL", "0.4", "1000000")
    limit(engine, "b", "BUY", "1", "1500000")
    assert balance(engine, "b", "ZAR") == (Decimal("8700000"), Decimal("900000"))


def test_what_does_not_match_rests(engine):
    limit(engine, "a", "SELL", "0.4", "1000000")
    order = limit(engine, "b", "BUY", "1", "1000000")
    assert statuses(order) == [PARTIALLY_FILLED]
    assert engine.book("BTCZAR") == ([(Decimal(1000000), Decimal("0.6"))], [])
    assert balance(engine, "b", "ZAR") == (Decimal("9000000"), Decimal("600000"))


def test_a_resting_order_reserves_and_a_cancel_gives_back(engine):
    buy, sell = limit(engine, "a", "BUY", "0.5", "1000000"), limit(engine, "a", "SELL", "2", "1100000")
    assert balance(engine, "a", "ZAR") == (Decimal("9500000"), Decimal("500000"))
    assert balance(engine, "a", "BTC") == (Decimal(8), Decimal(2))
    engine.cancel("a", order_id=buy.order_id)
    engine.cancel("a", order_id=sell.order_id, pair="BTCZAR")
    assert balance(engine, "a", "ZAR") == (Decimal("10000000"), 0) and balance(engine, "a", "BTC") == (Decimal(10), 0)
    assert buy.status == CANCELLED and engine.book("BTCZAR") == ([], [])


def test_post_only_fails_when_it_would_match(engine):
    limit(engine, "a", "SELL", "1", "1000000")
    order = limit(engine, "b", "BUY", "1", "1000000", post_only=True)
    assert (order.status, order.failed_reason, order.kind) == (FAILED, POST_ONLY_CROSSED, "post-only limit")
    assert limit(engine, "b", "BUY", "1", "999999", post_only=True).status == PLACED


def test_fok_fills_completely_or_fails(engine):
    limit(engine, "a", "SELL", "1", "1000000")
    order = limit(engine, "b", "BUY", "1.1", "1000000", time_in_force="FOK")
    assert (order.status, order.failed_reason) == (FAILED, FOK_UNMATCHED)
    assert limit(engine, "b", "BUY", "1", "1000000", time_in_force="FOK").status == FILLED


def test_ioc_takes_what_is_there_and_fails_when_nothing_is(engine):
    limit(engine, "a", "SELL", "0.3", "1000000")
    order = limit(engine, "b", "BUY", "1", "1000000", time_in_force="IOC")
    assert statuses(order) == [PARTIALLY_FILLED, CANCELLED] and order.executed == Decimal("0.3")
    nothing = limit(engine, "b", "BUY", "1", "1000000", time_in_force="IOC")
    assert (nothing.status, nothing.failed_reason) == (FAILED, IOC_UNMATCHED)
    assert balance(engine, "b", "ZAR") == (Decimal("9700000"), 0)


def test_an_own_order_on_the_other_side_fails_the_incoming_one(engine):
    limit(engine, "b", "SELL", "1", "1000000")
    own = limit(engine, "a", "SELL", "1", "1000001")
    order = limit(engine, "a", "BUY", "2", "1000001")
    assert (order.status, order.failed_reason) == (FAILED, SELF_TRADE)
    assert own.status == PLACED
    assert limit(engine, "a", "BUY", "1", "1000001").status == FILLED


def test_a_market_order_by_base(engine):
    limit(engine, "a", "SELL", "0.1", "1000000")
    limit(engine, "a", "SELL", "0.1", "1000010")
    order = market(engine, "b", "BUY", base_amount="0.15")
    assert (order.status, order.kind, order.price, order.time_in_force) == (FILLED, "market", 0, "IOC")
    assert order.total_quote == Decimal("150000.5")


def test_a_market_order_by_quote_never_spends_more(engine):
    limit(engine, "a", "SELL", "1", "1000003")
    order = market(engine, "b", "BUY", quote_amount="1000")
    assert order.status == FILLED
    assert order.quantity == Decimal("0.00099999") and order.total_quote <= 1000
    limit(engine, "a", "BUY", "1", "999999")
    sold = market(engine, "b", "SELL", quote_amount="1000")
    assert sold.status == FILLED and sold.total_quote <= 1000


def test_a_market_order_without_a_book_fails(engine):
    order = market(engine, "b", "BUY", base_amount="0.1")
    assert (order.status, order.failed_reason) == (FAILED, IOC_UNMATCHED)


def test_the_slippage_band_stops_market_orders(engine):
    engine.faults.slippage_band = Decimal("0.05")
    limit(engine, "a", "SELL", "0.1", "1000000")
    market(engine, "b", "BUY", base_amount="0.01")
    limit(engine, "a", "SELL", "1", "1100000")
    order = market(engine, "b", "BUY", base_amount="0.5")
    assert order.status == CUT_BY_SLIPPAGE and order.executed == Decimal("0.09")
    nothing = market(engine, "b", "BUY", base_amount="0.5")
    assert (nothing.status, nothing.failed_reason) == (FAILED, OUTSIDE_BAND)


def test_insufficient_balance(engine):
    engine.add_account("poor", "poor")
    engine.deposit("poor", "ZAR", "9999.99")
    for order in (limit(engine, "poor", "BUY", "0.01", "1000000"), limit(engine, "a", "SELL", "10.1", "400000")):
        assert (order.status, order.failed_reason) == (FAILED, INSUFFICIENT_BALANCE)
    assert engine.book("BTCZAR") == ([], [])


def test_money_reserved_by_one_order_is_not_there_for_the_next(engine):
    for _ in range(2):
        assert limit(engine, "a", "BUY", "5", "1000000").status == PLACED
    assert limit(engine, "a", "BUY", "0.01", "1000000").failed_reason == INSUFFICIENT_BALANCE


# Fees

def test_a_positive_fee_is_taken_from_what_is_received(engine):
    engine.set_fees("a", "BTCZAR", "0.18", "0.35")
    engine.set_fees("b", "BTCZAR", "0.18", "0.35")
    limit(engine, "a", "BUY", "1", "1000000")
    limit(engine, "b", "SELL", "1", "1000000")
    maker, taker = engine.account("a").fills[0], engine.account("b").fills[0]
    assert (maker.fee, maker.fee_currency, maker.reward) == (Decimal("0.0018"), "BTC", 0)
    assert (taker.fee, taker.fee_currency, taker.reward) == (Decimal("3500"), "ZAR", 0)
    assert balance(engine, "a", "BTC")[0] == Decimal("10.9982")
    assert balance(engine, "b", "ZAR")[0] == Decimal("10996500")


def test_a_reward_is_paid_in_the_other_currency(engine):
    engine.set_fees("a", "BTCZAR", "-0.01", "0.1")
    limit(engine, "a", "BUY", "1", "1000000")
    limit(engine, "b", "SELL", "1", "1000000")
    fill = engine.account("a").fills[0]
    assert (fill.fee, fill.reward, fill.reward_currency) == (0, Decimal("100"), "ZAR")
    assert balance(engine, "a", "ZAR")[0] == Decimal("9000100") and balance(engine, "a", "BTC")[0] == Decimal(11)
    engine.cancel_all("a")
    limit(engine, "a", "SELL", "1", "1000000")
    limit(engine, "b", "BUY", "1", "1000000")
    fill = engine.account("a").fills[1]
    assert (fill.fee, fill.reward, fill.reward_currency) == (0, Decimal("0.0001"), "BTC")
    assert engine.account("a").transactions[-1].kind == "MAKER_REWARD"


def test_a_zero_rate_costs_nothing(engine):
    engine.set_fees("a", "BTCZAR", "0", "0.1")
    limit(engine, "a", "SELL", "1", "1000000")
    limit(engine, "b", "BUY", "1", "1000000")
    fill = engine.account("a").fills[0]
    assert fill.fee == fill.reward == 0 and balance(engine, "a", "ZAR")[0] == Decimal("11000000")
