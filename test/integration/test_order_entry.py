import asyncio
import random
from decimal import Decimal
from test.integration.trading_account import PAIR, TradingAccount, trading_account, until
from typing import Any, List

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_errors import ValrCommandNotSent, ValrOrderRejected, ValrOutcomeUnknown
from hummingbot.connector.exchange.valr.valr_order_entry import CancelOrder, Placement, PlaceOrder, ValrOrderEntry

AMOUNT = Decimal("0.001")
PRICE = Decimal("1000000")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(CONSTANTS, "SOCKET_REPLY_TIMEOUT", 0.3)
    monkeypatch.setattr(CONSTANTS, "REST_TIMEOUT", 0.3)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_CLEAN_DELAY", 0.01)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MIN_DELAY", 0.01)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MAX_DELAY", 0.02)
    monkeypatch.setattr(ValrOrderEntry, "RATE_LIMIT_WINDOW", 0.01)


@pytest.fixture
async def account(monkeypatch):
    async with trading_account(monkeypatch) as account:
        # Something to trade with at a price far from the orders that shall rest.
        account.exchange.engine.place_limit("market", pair=PAIR, side="SELL", quantity="1", price="1100000")
        yield account


@pytest.fixture(params=["socket", "rest"])
async def path(request, account) -> str:
    """Runs a test once with and once without the account socket."""
    if request.param == "socket":
        await account.start()
    return request.param


async def place(account: TradingAccount, client_order_id: str = "HBOT1", **changes: Any) -> Placement:
    order = {"symbol": PAIR, "is_buy": True, "amount": AMOUNT, "price": PRICE, "post_only": True, **changes}
    return await account.entry.place_limit(client_order_id, **order)


async def outcome_of(command) -> Any:
    try:
        return await command
    except (ValrOrderRejected, ValrOutcomeUnknown, ValrCommandNotSent) as error:
        return error


async def test_limit_order_rests(account, path):
    placement = await place(account)
    order = await until(lambda: account.orders().get("HBOT1") and account.order("HBOT1"))

    assert placement == Placement(order.order_id, is_final=path == "rest")
    assert (order.is_open, order.kind, order.price, order.quantity) == (True, "post-only limit", PRICE, AMOUNT)
    assert account.entry.latency[path].acknowledgement.count == 1


async def test_market_order_fills(account, path):
    await account.entry.place_market("HBOT1", PAIR, True, AMOUNT)
    order = await until(lambda: account.orders().get("HBOT1") and account.order("HBOT1"))

    assert (order.status, order.executed, order.kind) == ("Filled", AMOUNT, "market")


async def test_immediate_or_cancel_order_without_a_match(account, path):
    outcome = await outcome_of(place(account, post_only=False, time_in_force="IOC"))
    order = await until(lambda: account.orders().get("HBOT1") and account.order("HBOT1"))

    assert order.status == "Failed"
    assert isinstance(outcome, Placement if path == "socket" else ValrOrderRejected)


async def test_cancel(account, path):
    await place(account)
    await account.entry.cancel("HBOT1", PAIR)

    await until(lambda: account.order("HBOT1").status == "Cancelled")


async def test_post_only_order_that_would_match(account, path):
    """Over the socket the outcome comes as an event: the acknowledgement only says that the command arrived."""
    outcome = await outcome_of(place(account, price=Decimal("1200000")))

    if path == "rest":
        assert outcome.reason == "Post only cancelled as it would have matched"
    else:
        assert not outcome.is_final
        failure = await until(lambda: [frame["data"] for frame in account.of_type("ORDER_STATUS_UPDATE")
                                       if frame["data"]["orderStatusType"] == "Failed"])
        assert failure[0]["customerOrderId"] == "HBOT1"


@pytest.mark.parametrize("shape", ["response", "invalid", "rejected", "error"])
async def test_a_refusal_is_a_rejection_with_valrs_reason_in_each_shape(account, path, shape):
    account.exchange.faults.socket_error_shape = shape
    with pytest.raises(ValrOrderRejected, match="Minimum order size not met"):
        await place(account, amount=Decimal("0.00000001"))

    assert account.orders() == {}


async def test_a_used_order_id_is_a_rejection_with_the_code_of_duplicates(account, path):
    await place(account)
    await until(lambda: account.orders())
    with pytest.raises(ValrOrderRejected) as rejection:
        await place(account)

    assert rejection.value.code == CONSTANTS.DUPLICATE_ORDER_ID_CODE
    assert account.order("HBOT1").is_open


@pytest.mark.parametrize("answer", ["error", "not_found"])
async def test_cancelling_an_unknown_order_over_rest_is_refused(account, answer):
    account.exchange.faults.cancel_finished = answer
    with pytest.raises(ValrOrderRejected):
        await account.entry.cancel("HBOT1", PAIR)


async def test_cancelling_an_unknown_order_over_the_socket(account):
    await account.start()
    await account.entry.cancel("HBOT1", PAIR)
    failure, = await until(lambda: account.of_type("FAILED_CANCEL_ORDER"))
    assert failure["data"]["customerOrderId"] == "HBOT1"

    account.exchange.faults.socket_cancel_finished = "error"
    with pytest.raises(ValrOrderRejected):
        await account.entry.cancel("HBOT1", PAIR)


@pytest.mark.parametrize("fault, exists", [
    ("lost_before", False), ("lost_after", True), ("html_refused", False), ("html_accepted", True),
    ("rate_limited", False), ("unavailable", False), ("server_error", False), ("server_error_accepted", True),
    ("stalled", True)])
async def test_rest_outcomes_that_cannot_be_told_are_unknown(account, monkeypatch, fault, exists):
    monkeypatch.setattr(CONSTANTS, "REST_TIMEOUT", 1.0)  # so that a busy machine has sent the request before
    account.exchange.faults.place.next(fault)
    with pytest.raises(ValrOutcomeUnknown):
        await place(account)

    await until(lambda: len(account.orders().get("HBOT1", [])) == exists)


@pytest.mark.parametrize("fault, exists", [("lost_before", False), ("lost_after", True), ("stalled", True)])
async def test_socket_outcomes_that_cannot_be_told_are_unknown(account, monkeypatch, fault, exists):
    monkeypatch.setattr(CONSTANTS, "SOCKET_REPLY_TIMEOUT", 1.0)
    await account.start()
    account.exchange.faults.socket_place.next(fault)
    with pytest.raises(ValrOutcomeUnknown):
        await place(account)

    await until(lambda: len(account.orders().get("HBOT1", [])) == exists)


async def test_read_only_mode_is_unknown_and_not_tried_again(account):
    account.exchange.faults.read_only = True
    with pytest.raises(ValrOutcomeUnknown, match="read-only mode"):
        await place(account)


async def test_a_command_beyond_the_rate_limit_of_the_socket_is_executed_once(account):
    await account.start()
    account.exchange.faults.socket_place.next("rate_limited")
    await place(account)

    await until(lambda: account.order("HBOT1").is_open)


async def test_a_refused_signature_is_tried_once_more_with_the_right_time(account):
    """What the connector's `_api_request` does: VALR refused the request before it read the order."""
    account.exchange.faults.max_clock_skew = 30.0
    account.exchange.clock.advance(3600)

    assert (await place(account)).is_final
    assert account.order("HBOT1").is_open


async def test_without_the_exchange_nothing_is_sent(account, path):
    await account.exchange.stop()
    await until(lambda: not account.stream.connected)

    assert isinstance(await outcome_of(place(account)), ValrCommandNotSent)
    assert [type(outcome) for outcome in await account.entry.cancel_batch([CancelOrder("HBOT1", PAIR)])] \
        == [ValrCommandNotSent]


def batch(count: int) -> List[PlaceOrder]:
    return [PlaceOrder(f"HBOT{number}", PAIR, True, AMOUNT, PRICE + number, post_only=True) for number in range(count)]


async def test_batches_place_and_cancel(account, path):
    placed = await account.entry.place_batch(batch(45))
    await until(lambda: len(account.exchange.engine.account(account.exchange.account_id).open_orders) == 45)
    assert [outcome.exchange_order_id for outcome in placed] \
        == [account.order(f"HBOT{number}").order_id for number in range(45)]

    cancelled = await account.entry.cancel_batch([CancelOrder(f"HBOT{number}", PAIR) for number in range(45)])
    assert all(isinstance(outcome, Placement) for outcome in cancelled)
    await until(lambda: not account.exchange.engine.account(account.exchange.account_id).open_orders)


async def test_a_bad_item_of_a_batch_is_rejected_alone(account):
    orders = batch(3)
    orders[1] = PlaceOrder("BAD", "NOPAIR", True, AMOUNT, PRICE)
    outcomes = await account.entry.place_batch(orders)

    assert [type(outcome) for outcome in outcomes] == [Placement, ValrOrderRejected, Placement]
    await until(lambda: set(account.orders()) == {"HBOT0", "HBOT2"})


@pytest.mark.parametrize("fault, exists", [
    ("lost_before", False), ("lost_after", True), ("html_refused", False), ("html_accepted", True),
    ("rate_limited", False), ("server_error_accepted", True)])
async def test_batch_outcomes_that_cannot_be_told_are_unknown_for_each_item(account, fault, exists):
    account.exchange.faults.batch.next(fault)
    outcomes = await account.entry.place_batch(batch(2))

    assert [type(outcome) for outcome in outcomes] == [ValrOutcomeUnknown] * 2
    if exists:
        await until(lambda: len(account.orders()) == 2)
    else:
        assert account.orders() == {}


@pytest.mark.parametrize("seed", range(5))
async def test_no_outcome_is_ever_wrong_and_nothing_is_placed_twice(monkeypatch, seed):
    """All faults at random, connections dropping: what is said of an order is true, and each id exists at most once."""
    async with trading_account(monkeypatch, seed) as account:
        faults, draw = account.exchange.faults, random.Random(seed)
        for requests in (faults.place, faults.cancel, faults.batch, faults.socket_place, faults.socket_cancel):
            for name in requests._names():
                setattr(requests, name, 0.04)
        faults.stall = 0.5
        faults.events.before_reply = bool(seed % 2)
        faults.socket_error_shape = ["response", "invalid", "rejected", "error", "response"][seed]
        await account.start()
        outcomes = {}

        async def trade(number: int):
            client_order_id = f"HBOT{number}"
            amount = AMOUNT if draw.random() < 0.9 else Decimal("0.00000001")
            outcomes[client_order_id] = await outcome_of(place(account, client_order_id, amount=amount))
            if draw.random() < 0.5:
                await outcome_of(account.entry.cancel(client_order_id, PAIR))

        for start in range(0, 200, 10):
            await asyncio.gather(*map(trade, range(start, start + 10)))
            # One round in four has no socket and goes over REST.
            faults.account_login = "http_403" if start % 40 == 30 else None
            if faults.account_login or draw.random() < 0.3:
                faults.drop_sockets("account")
            await until(lambda: account.stream.connected is (faults.account_login is None))
        # Until also what is executed late has been executed.
        account.exchange.clock.advance(faults.stall)

        orders = account.orders()
        assert all(len(same_id) == 1 for same_id in orders.values())
        for client_order_id, outcome in outcomes.items():
            order = orders.get(client_order_id, [None])[0]
            if isinstance(outcome, Placement):
                assert order.order_id == outcome.exchange_order_id
            elif isinstance(outcome, (ValrOrderRejected, ValrCommandNotSent)):
                assert order is None or order.status == "Failed"
        kinds = {type(outcome) for outcome in outcomes.values()}
        assert kinds >= {Placement, ValrOrderRejected, ValrOutcomeUnknown}
        assert all(account.entry.latency[path].acknowledgement.count for path in ("socket", "rest"))
