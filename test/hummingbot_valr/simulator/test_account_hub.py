from collections import Counter
from test.hummingbot_valr.simulator.client import Client

import pytest


def sell(exchange, quantity="1", price="1000000"):
    return exchange.engine.place_limit("market", pair="BTCZAR", side="SELL", quantity=quantity, price=price)


def hit(exchange, quantity="0.1"):
    """The account "market" sells into the bids."""
    return exchange.engine.place_market("market", pair="BTCZAR", side="SELL", base_amount=quantity)


def kinds(frames):
    return [frame["type"] for frame in frames]


def data_of(frames, kind):
    return [frame["data"] for frame in frames if frame["type"] == kind]


async def test_the_burst_after_a_login(client, exchange):
    await client.limit(customerOrderId="A1")
    socket = await client.socket("/ws/account")
    frames = [await socket.next() for _ in range(9)]
    assert frames[0] == {"type": "AUTHENTICATED"}
    assert kinds(frames[1:]) == ["BALANCE_UPDATE"] * 7 + ["OPEN_ORDERS_UPDATE"]
    rand = next(data for data in data_of(frames, "BALANCE_UPDATE") if data["currency"]["shortName"] == "ZAR")
    assert (rand["currency"]["symbol"], rand["available"], rand["reserved"]) == ("R", "990000", "10000")
    assert [(row["customerOrderId"], row["quantity"]) for row in frames[-1]["data"]] == [("A1", "0.01")]


async def test_an_order_that_rests_gets_no_status_update(client, exchange):
    socket = await client.account_socket()
    await client.limit(customerOrderId="A1")
    frames = await socket.until_pong()
    assert kinds(frames) == ["ORDER_PROCESSED", "OPEN_ORDERS_UPDATE", "BALANCE_UPDATE"]
    assert frames[0]["data"]["success"] is True and frames[0]["data"]["customerOrderId"] == "A1"
    exchange.faults.events.placed_status = True
    await client.limit(customerOrderId="A2")
    assert data_of(await socket.until_pong(), "ORDER_STATUS_UPDATE")[0]["orderStatusType"] == "Placed"


async def test_a_maker_fill_and_its_end(client, exchange):
    socket = await client.account_socket()
    await client.limit(quantity="0.3")
    await socket.until_pong()
    hit(exchange, "0.1")
    frames = await socket.until_pong()
    assert kinds(frames) == ["NEW_ACCOUNT_TRADE", "ORDER_STATUS_UPDATE", "OPEN_ORDERS_UPDATE", "BALANCE_UPDATE",
                             "BALANCE_UPDATE", "NEW_ACCOUNT_HISTORY_RECORD"]
    assert frames[0]["data"]["fee"] == "0.00018" and frames[0]["data"]["feeCurrency"] == "BTC"
    assert frames[1]["data"]["orderStatusType"] == "Partially Filled" and frames[1]["data"]["executedQuantity"] == "0.1"
    assert frames[2]["data"][0]["quantity"] == "0.2"
    hit(exchange, "0.2")
    frames = await socket.until_pong()
    assert data_of(frames, "ORDER_STATUS_UPDATE")[0]["orderStatusType"] == "Filled"
    assert data_of(frames, "OPEN_ORDERS_UPDATE") == [[]]


async def test_a_taker_fill_reports_every_match(client, exchange):
    sell(exchange, "0.1", "1000000"), sell(exchange, "0.1", "1000001")
    socket = await client.account_socket()
    await client.market(side="BUY", baseAmount="0.15")
    frames = await socket.until_pong()
    assert kinds(frames)[:5] == ["ORDER_PROCESSED", "NEW_ACCOUNT_TRADE", "ORDER_STATUS_UPDATE", "NEW_ACCOUNT_TRADE",
                                 "ORDER_STATUS_UPDATE"]
    assert [row["orderStatusType"] for row in data_of(frames, "ORDER_STATUS_UPDATE")] == ["Partially Filled", "Filled"]
    assert "OPEN_ORDERS_UPDATE" not in kinds(frames)


async def test_a_failed_order(client, exchange):
    sell(exchange)
    socket = await client.account_socket()
    await client.limit(version=1, postOnly=True)
    frames = await socket.until_pong()
    assert kinds(frames) == ["ORDER_PROCESSED", "ORDER_STATUS_UPDATE"]
    reason = "Post only cancelled as it would have matched"
    assert (frames[0]["data"]["success"], frames[0]["data"]["failureReason"]) == (False, reason)
    assert (frames[1]["data"]["orderStatusType"], frames[1]["data"]["failedReason"]) == ("Failed", reason)


async def test_a_cancel_and_a_failed_cancel(client):
    socket = await client.account_socket()
    order_id = (await client.limit(customerOrderId="A1")).body["id"]
    await socket.until_pong()
    await client.cancel(customerOrderId="A1")
    frames = await socket.until_pong()
    assert kinds(frames) == ["ORDER_STATUS_UPDATE", "OPEN_ORDERS_UPDATE", "BALANCE_UPDATE"]
    assert frames[0]["data"]["orderStatusType"] == "Cancelled"
    await client.cancel(version=1, orderId=order_id)
    failed = (await socket.next())
    assert failed == {"type": "FAILED_CANCEL_ORDER", "data": {
        "orderId": order_id, "message": "An error occurred while cancelling your order."}}


async def test_events_go_to_their_account_only(client, exchange):
    socket = await client.account_socket()
    async with Client(exchange, sub_account_id=exchange.sub_account_id) as sub:
        sub_socket = await sub.account_socket()
        await client.limit()
        assert kinds(await socket.until_pong()) and not await sub_socket.until_pong()
        exchange.engine.deposit(exchange.sub_account_id, "ETH", "1")
        assert kinds(await sub_socket.until_pong()) == ["BALANCE_UPDATE"] and not await socket.until_pong()


async def test_every_socket_of_an_account_gets_the_events(client):
    sockets = [await client.account_socket() for _ in range(2)]
    await client.limit()
    first, second = [await socket.until_pong() for socket in sockets]
    assert first == second != []


@pytest.mark.parametrize("shape, fields", [("absent", set()), ("zero", {"fee", "feeCurrency"}),
                                           ("reward", {"makerReward", "makerRewardCurrency"})])
async def test_the_shapes_of_a_reward(client, exchange, shape, fields):
    exchange.engine.set_fees("0", "BTCZAR", "-0.01", "0.1")
    exchange.faults.events.reward = shape
    socket = await client.account_socket()
    await client.limit(quantity="0.1")
    hit(exchange)
    frames = await socket.until_pong()
    row = data_of(frames, "NEW_ACCOUNT_TRADE")[0]
    assert set(row) & {"fee", "feeCurrency", "makerReward", "makerRewardCurrency"} == fields
    assert row.get("makerReward", "10") == "10" and row.get("fee", "0") == "0"
    records = [record["transactionType"]["type"] for record in data_of(frames, "NEW_ACCOUNT_HISTORY_RECORD")]
    assert records == ["LIMIT_BUY", "MAKER_REWARD"]


# Faults

async def test_late_events(client, exchange):
    socket = await client.account_socket()
    exchange.faults.events.delay = (30, 30)
    await client.limit()
    assert await socket.until_pong() == []
    exchange.clock.advance(30)
    assert len(await socket.until_pong()) == 3


async def test_shuffled_events_are_the_same_events(client, exchange):
    sell(exchange, "2")
    socket = await client.account_socket()

    async def buy():
        await client.market(side="BUY", baseAmount="0.05")
        return kinds(await socket.until_pong())

    usual = await buy()
    exchange.faults.events.shuffle = True
    orders = {tuple(await buy()) for _ in range(10)}
    assert len(orders) > 1 and all(Counter(order) == Counter(usual) for order in orders)


async def test_doubled_and_lost_events(client, exchange):
    socket = await client.account_socket()
    exchange.faults.events.duplicate = 1.0
    await client.limit()
    assert sorted(Counter(kinds(await socket.until_pong())).values()) == [2, 2, 2]
    exchange.faults.events.lost = 1.0
    await client.limit()
    assert await socket.until_pong() == []


async def test_missing_and_unknown_fields(client, exchange):
    socket = await client.account_socket()
    exchange.faults.events.missing_fields = 1.0
    exchange.faults.events.unknown_fields = True
    await client.limit(quantity="0.1", customerOrderId="A1")
    hit(exchange)
    frames = await socket.until_pong()
    assert "EVENT_OF_TOMORROW" in kinds(frames)
    trade = data_of(frames, "NEW_ACCOUNT_TRADE")[0]
    assert not {"fee", "feeCurrency", "customerOrderId"} & set(trade) and "fieldOfTomorrow" in trade
    assert "currencyPairSymbol" not in next(frame for frame in frames if frame["type"] == "NEW_ACCOUNT_TRADE")
    assert "executedFee" not in data_of(frames, "ORDER_STATUS_UPDATE")[0]


async def test_open_orders_may_lag(client, exchange):
    exchange.faults.events.open_orders_lag = 5.0
    socket = await client.account_socket()
    await client.limit()
    assert data_of(await socket.until_pong(), "OPEN_ORDERS_UPDATE") == [[]]
    exchange.clock.advance(6)
    assert len((await socket.until("OPEN_ORDERS_UPDATE"))["data"]) == 1


async def test_open_orders_may_be_nested(client, exchange):
    exchange.faults.events.open_orders_nested = True
    socket = await client.account_socket()
    await client.limit()
    data = data_of(await socket.until_pong(), "OPEN_ORDERS_UPDATE")[0]
    assert data["accountId"] == "0" and len(data["orders"]) == 1
