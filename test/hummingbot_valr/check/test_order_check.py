import asyncio
from contextlib import contextmanager
from decimal import Decimal
from test.hummingbot_valr.check.conftest import DOMAIN

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot.connector.trading_rule import TradingRule
from hummingbot_valr.check import order_check
from hummingbot_valr.check.order_check import declined
from hummingbot_valr.check.order_plan import OrderPlan, affordable, smallest_order
from hummingbot_valr.check.recorder import Recorder
from hummingbot_valr.check.report import Status
from hummingbot_valr.check.runner import run_order
from hummingbot_valr.simulator.signing import VIEW

ZAR_PLAN = OrderPlan("BTC-ZAR", "BTCZAR", Decimal("0.00002"), Decimal("900000"))


def orders(tester):
    return list(tester.exchange.engine.account(tester.exchange.account_id).orders.values())


def assert_nothing_left(tester):
    assert not tester.exchange.engine.account(tester.exchange.account_id).open_orders


@pytest.mark.parametrize("is_socket", [True, False])
async def test_the_smallest_order_far_from_the_market_is_placed_and_cancelled(tester, is_socket):
    tester.exchange.faults.account_login = None if is_socket else "close_1007"
    row = await tester.order()
    [order] = orders(tester)
    best_bid = tester.exchange.engine.book("BTCZAR")[0][0][0]
    assert (order.kind, order.side, order.status) == ("post-only limit", "buy", "Cancelled")
    assert abs(order.price - best_bid / 2) < 2000
    assert Decimal(10) <= order.price * order.quantity < Decimal("10.01")
    assert row.status is Status.OK
    assert ("over the account socket" if is_socket else "over REST") in row.detail
    assert row.detail.endswith("Cancelled; nothing is left")
    assert_nothing_left(tester)


async def test_nothing_is_placed_before_the_person_agreed(tester):
    rows, plan = await tester.plan()
    assert plan.trading_pair == "BTC-ZAR"
    assert "order" not in rows
    assert not orders(tester)
    assert declined().status is Status.FAIL


async def test_what_the_account_has_decides_on_the_pair(tester):
    balances = tester.exchange.engine.account(tester.exchange.account_id).balances
    balances["ZAR"].available = Decimal(9)
    assert (await tester.plan())[1].trading_pair == "BTC-USDT"
    balances["USDT"].available = Decimal(0)
    rows, plan = await tester.plan()
    assert plan is None
    assert rows["order"].status is Status.FAIL
    assert "the smallest order needs 10." in rows["order"].detail
    assert rows["order"].mend.startswith("Deposit 10.")


async def test_without_a_market_there_is_no_price(tester):
    tester.exchange.market.stop()
    for symbol in tester.exchange.engine.pairs:
        tester.exchange.engine.cancel_all("makers", symbol)
    assert "no price" in (await tester.plan())[0]["order"].detail


async def test_prices_that_cannot_be_read(tester):
    tester.exchange.faults.read.next("html_accepted", key=CONSTANTS.MARKET_SUMMARY_PATH)
    tester.exchange.faults.read.next("server_error", key=CONSTANTS.MARKET_SUMMARY_PATH)
    row = (await tester.plan())[0]["order"]
    assert row.status is Status.FAIL
    assert row.detail.startswith("nothing was placed: ") and "HTTP 500" in row.detail


@pytest.mark.parametrize("permissions, because", [([VIEW], "permissions"), ([], "key")])
async def test_a_key_that_may_not_trade(tester, permissions, because):
    tester.takes_key(permissions=permissions)
    rows, plan = await tester.plan()
    assert plan is None
    assert rows["order"].detail == f"not tested, because of {because}"


async def test_without_keys(tester):
    tester.credentials = None
    rows, plan = await tester.plan()
    assert plan is None
    assert (rows["order"].status, rows["order"].detail) == (Status.FAIL, "not tested: no keys")


async def placed(tester, plan=ZAR_PLAN):
    return await tester.placed(plan)


async def test_an_order_that_is_refused(tester):
    row = await placed(tester, OrderPlan("BTC-ZAR", "BTCZAR", Decimal("0.000001"), Decimal("900000")))
    assert row.status is Status.FAIL
    assert "Minimum order size not met" in row.detail
    assert "--record" in row.mend
    assert not orders(tester)


async def test_money_that_is_not_there(tester):
    tester.exchange.faults.account_login = "http_403"
    tester.exchange.engine.account(tester.exchange.account_id).balances["ZAR"].available = Decimal(0)
    row = await placed(tester)
    assert row.status is Status.FAIL
    assert "Insufficient Balance" in row.detail
    assert row.mend == "Free or deposit the amount."


async def test_nobody_answers(tester):
    await tester.exchange.stop()
    row = await placed(tester)
    assert row.status is Status.FAIL
    assert row.detail.startswith("nothing was placed: ")
    assert "hummingbot-valr simulator" in row.mend


@pytest.mark.parametrize("login", [None, "http_401"])
async def test_a_key_that_lost_its_permission(tester, login):
    tester.exchange.faults.account_login = login
    tester.takes_key(permissions=[VIEW])
    row = await placed_impatiently(tester)
    assert row.status is Status.FAIL
    assert ("Unauthorized" in row.detail and "permission Trade" in row.mend) or "HTTP 401" in row.detail
    assert not orders(tester)


async def test_an_order_that_fails_in_the_engine(tester):
    tester.exchange.engine.account(tester.exchange.account_id).balances["ZAR"].available = Decimal(0)
    row = await placed(tester)
    assert row.status is Status.FAIL
    assert "Insufficient Balance" in row.detail


async def test_an_order_that_would_match(tester):
    row = await placed(tester, OrderPlan("BTC-ZAR", "BTCZAR", Decimal("0.001"), Decimal("2000000")))
    assert row.status is Status.FAIL
    assert "would have matched" in row.detail
    assert_nothing_left(tester)


async def test_read_only(tester):
    tester.exchange.faults.account_login = "http_429"
    tester.exchange.faults.read_only = True
    row = await placed_impatiently(tester)
    assert row.status is Status.FAIL
    assert "read-only" in row.detail
    assert f"VALR has not known {ZAR_PLAN} for 0.3 s" in row.detail
    assert not orders(tester)


@contextmanager
def impatience():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order_check, "DENIAL_TIMEOUT", 0.3)
        patch.setattr(order_check, "RESOLVE_TIMEOUT", 3.0)
        patch.setattr(order_check, "_LOOK_PAUSE", 0.05)
        patch.setattr(order_check, "_CANCEL_PAUSE", 0.2)
        patch.setattr(CONSTANTS, "SOCKET_REPLY_TIMEOUT", 0.2)
        yield


async def placed_impatiently(tester):
    with impatience():
        return await placed(tester)


async def test_a_placement_without_a_reply_is_looked_up(tester):
    tester.exchange.faults.socket_place.next("lost_after")
    row = await placed_impatiently(tester)
    assert row.status is Status.FAIL
    assert "no clear outcome" in row.detail
    assert row.detail.endswith("its end: Cancelled")
    assert "Nothing is left open" in row.mend
    assert_nothing_left(tester)


async def test_an_order_that_valr_takes_after_it_was_denied_is_named(tester):
    tester.exchange.faults.socket_place.next("late")
    tester.exchange.faults.stall = 2.0
    row = await placed_impatiently(tester)
    assert row.status is Status.FAIL
    assert f"VALR has not known {ZAR_PLAN} for 0.3 s" in row.detail
    assert not orders(tester)
    while not orders(tester):
        await asyncio.sleep(0.01)
    [order] = orders(tester)
    assert row.mend == f"Look at the open orders at VALR once, and cancel {order.customer_order_id} if it is there."


async def test_a_cancellation_that_is_lost_is_repeated(tester):
    tester.exchange.faults.socket_cancel.next("lost_before", times=2)
    row = await placed_impatiently(tester)
    assert row.status is Status.OK
    assert_nothing_left(tester)


async def test_an_order_of_unknown_end_is_named(tester):
    # The connector turns to REST when the socket falls silent.
    tester.exchange.faults.socket_cancel.lost_before = tester.exchange.faults.cancel.lost_before = 1.0
    row = await placed_impatiently(tester)
    [order] = orders(tester)
    assert row.status is Status.FAIL
    assert "VALR did not tell within 3 s" in row.detail
    assert f"cancel {order.customer_order_id} if it is there" in row.mend


async def test_an_order_that_is_filled(tester, monkeypatch):
    submit = tester.exchange.engine.submit

    def submit_and_fill(order):
        submit(order)
        if order.account_id == tester.exchange.account_id:
            tester.exchange.engine.cancel_all("makers", "BTCZAR")
            tester.exchange.engine.place_market("market", pair="BTCZAR", side="SELL", base_amount=order.quantity)
        return order

    monkeypatch.setattr(tester.exchange.engine, "submit", submit_and_fill)
    tester.exchange.market.stop()
    row = await placed(tester)
    assert row.status is Status.FAIL
    assert "was filled" in row.detail
    assert "trade history" in row.mend


async def interrupted(tester, times):
    """The rows that are told all the same."""
    rows = []
    with impatience():
        running = asyncio.ensure_future(run_order(DOMAIN, tester.credentials, Recorder(), ZAR_PLAN, rows.append))
        while not orders(tester):
            await asyncio.sleep(0.001)
        for _ in range(times):
            running.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await running
    return rows


async def test_ctrl_c_leaves_nothing_and_tells_so(tester):
    tester.exchange.faults.socket_cancel.next("lost_before")
    [row] = await interrupted(tester, times=1)
    assert [order.status for order in orders(tester)] == ["Cancelled"]
    assert row.status is Status.OK
    assert row.detail.endswith("nothing is left")


async def test_ctrl_c_again_does_not_wait_and_names_the_order(tester):
    tester.exchange.faults.socket_cancel.lost_before = tester.exchange.faults.cancel.lost_before = 1.0
    [row] = await interrupted(tester, times=2)
    [order] = orders(tester)
    assert row.status is Status.FAIL
    assert "interrupted before VALR told what became of" in row.detail
    assert f"cancel {order.customer_order_id} if it is there" in row.mend


def rule(**others):
    return TradingRule("BTC-ZAR", **{"min_order_size": Decimal("0.001"), "min_price_increment": Decimal(5),
                                     "min_base_amount_increment": Decimal("0.0001"), "min_notional_size": Decimal(10),
                                     **others})


@pytest.mark.parametrize("bid, rule, amount, price", [
    ("1001", rule(), "0.02", "500"),
    ("1001", rule(min_notional_size=Decimal("10.01")), "0.0201", "500"),
    ("1000000", rule(), "0.001", "500000"),
])
def test_the_smallest_order_keeps_both_minima_and_both_steps(bid, rule, amount, price):
    plan = smallest_order("BTCZAR", rule, Decimal(bid))
    assert (plan.amount, plan.price) == (Decimal(amount), Decimal(price))


@pytest.mark.parametrize("bid", ["0", "9"])
def test_half_a_bid_below_one_tick_is_no_price(bid):
    assert smallest_order("BTCZAR", rule(), Decimal(bid)) is None


def test_a_plan_in_words():
    assert str(ZAR_PLAN) == "a post-only BUY of 0.00002 BTC at 900000 ZAR (18 ZAR)"
    assert affordable([ZAR_PLAN], {"ZAR": Decimal(18)}) == (ZAR_PLAN, "18 ZAR")
    assert affordable([ZAR_PLAN, ZAR_PLAN], {"ZAR": Decimal(17)}) == (None, "18 ZAR")
