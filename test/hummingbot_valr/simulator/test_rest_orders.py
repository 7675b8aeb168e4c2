from test.hummingbot_valr.simulator.client import Client

import pytest


@pytest.fixture
def sell_wall(exchange):
    """One BTC offered at 1,000,000."""
    return exchange.engine.place_limit("market", pair="BTCZAR", side="SELL", quantity="1", price="1000000")


async def status(client, order_id):
    return (await client.get(f"/v1/orders/BTCZAR/orderid/{order_id}")).body


# Placing

async def test_v2_answers_when_the_engine_accepted(client):
    answer = await client.limit(customerOrderId="A1")
    assert answer.status == 201 and list(answer.body) == ["id"]
    row = await status(client, answer.body["id"])
    assert (row["orderStatusType"], row["orderType"], row["customerOrderId"]) == ("Placed", "limit", "A1")


async def test_v2_refuses_with_the_orders_id(client):
    answer = await client.limit(side="SELL", quantity="3")
    assert (answer.status, answer.body["code"], answer.body["message"]) == (400, -6, "Insufficient Balance")
    row = await status(client, answer.body["orderId"])
    assert (row["orderStatusType"], row["failedReason"]) == ("Failed", "Insufficient Balance")


async def test_v1_acknowledges_and_may_fail(client, sell_wall):
    answer = await client.limit(version=1, postOnly=True, price="1000000", customerOrderId="A1")
    assert answer.status == 202 and answer.body["customerOrderId"] == "A1"
    row = await status(client, answer.body["id"])
    assert row["failedReason"] == "Post only cancelled as it would have matched"
    assert "customerOrderId" not in (await client.limit(version=1)).body


async def test_v1_may_decide_later(client, exchange):
    exchange.faults.outcome_delay = (60, 60)
    order_id = (await client.limit(version=1)).body["id"]
    assert (await status(client, order_id)) == {"code": -1, "message": "Invalid Order. "}
    exchange.clock.advance(60)
    assert (await status(client, order_id))["orderStatusType"] == "Placed"


async def test_market_orders_on_both_versions(client, sell_wall):
    for version, expected in ((1, 202), (2, 201)):
        answer = await client.market(version=version, side="BUY", quoteAmount="5000")
        assert answer.status == expected
        row = await status(client, answer.body["id"])
        assert (row["orderStatusType"], row["originalPrice"], row["timeInForce"]) == ("Filled", "0", "IOC")


@pytest.mark.parametrize("change, code", [
    ({"pair": "NOPE"}, -21), ({"pair": "BNTUSDC"}, -12005), ({"side": "buy"}, -11), ({"quantity": "0.000001"}, -12007),
    ({"price": "1000000.5"}, -11), ({"allowMargin": True}, -19213), ({"customerOrderId": "a_b"}, -11),
])
@pytest.mark.parametrize("version", [1, 2])
async def test_refusals_are_the_same_on_both_versions(client, version, change, code):
    answer = await client.limit(version=version, **change)
    assert (answer.status, answer.body["code"]) == (400, code)


async def test_a_duplicate_customer_id(client, exchange):
    await client.limit(customerOrderId="A1")
    for version in (1, 2):
        answer = await client.limit(version=version, customerOrderId="A1")
        assert (answer.status, answer.body) == (
            400, {"code": -11502, "message": "Duplicate customer order id's are not allowed"})
    exchange.faults.duplicate_id = "failed"
    answer = await client.limit(customerOrderId="A1")
    assert answer.body["code"] == -11502 and "orderId" in answer.body
    acknowledged = await client.limit(version=1, customerOrderId="A1")
    assert (await status(client, acknowledged.body["id"]))["orderStatusType"] == "Failed"


async def test_two_accounts_of_one_owner_may_trade_with_each_other(client, exchange):
    exchange.engine.deposit(exchange.sub_account_id, "BTC", "1")
    await client.limit(quantity="0.1", price="1000000")
    async with Client(exchange, sub_account_id=exchange.sub_account_id) as sub:
        answer = await sub.limit(side="SELL", quantity="0.1", price="1000000")
        assert (await status(sub, answer.body["id"]))["orderStatusType"] == "Filled"
    own = await client.limit(side="SELL", quantity="0.1", price="2000000")
    answer = await client.limit(quantity="0.1", price="2000000")
    assert own.status == 201 and answer.body["code"] == -11500


async def test_stop_orders_and_modifications_are_refused_clearly(client):
    for verb, path in (("POST", "/v1/orders/stop/limit"), ("POST", "/v2/orders/stop/limit"),
                       ("PUT", "/v1/orders/modify"), ("PUT", "/v2/orders/modify")):
        answer = await client.request(verb, path, {})
        assert answer.status == 400 and "not played" in answer.body["validationErrors"]["errors"][0]


# Cancelling

@pytest.mark.parametrize("by", ["orderId", "customerOrderId"])
async def test_cancel_on_both_versions(client, by):
    for version in (1, 2):
        order_id = (await client.limit(customerOrderId=f"A{version}")).body["id"]
        given = {"orderId": order_id, "customerOrderId": f"A{version}"}[by]
        answer = await client.cancel(version, **{by: given})
        assert (answer.status, answer.body) == ((202, "") if version == 1 else (200, {"id": given}))
        assert (await status(client, order_id))["orderStatusType"] == "Cancelled"


async def test_cancelling_what_is_finished(client, exchange):
    order_id = (await client.limit()).body["id"]
    await client.cancel(orderId=order_id)
    answer = await client.cancel(orderId=order_id)
    assert (answer.status, answer.body) == (400, {"code": -1, "message": "Invalid Order. "})
    assert (await client.cancel(version=1, orderId=order_id)).status == 202
    exchange.faults.cancel_finished = "not_found"
    assert (await client.cancel(orderId=order_id)).status == 404
    exchange.faults.cancel_finished = "accepted"
    assert (await client.cancel(orderId=order_id)).status == 200


async def test_a_cancel_names_its_pair_and_one_id(client):
    order_id = (await client.limit(customerOrderId="A1")).body["id"]
    for body in ({"orderId": order_id, "pair": "ETHZAR"}, {"orderId": order_id, "customerOrderId": "A1"},
                 {"orderId": order_id, "pair": None}):
        assert (await client.cancel(**body)).status == 400


async def test_cancel_all_and_by_pair(client):
    first = (await client.limit()).body["id"]
    second = (await client.limit(pair="ETHZAR", quantity="1", price="50000")).body["id"]
    assert (await client.request("DELETE", "/v1/orders/BTCZAR")).body == [{"orderId": first}]
    assert (await client.request("DELETE", "/v1/orders")).body == [{"orderId": second}]
    assert (await client.request("DELETE", "/v1/orders")).body == []
    assert (await client.request("DELETE", "/v1/orders/NOPE")).body["code"] == -21


# Batches

async def test_a_batch_keeps_the_order_of_its_requests(client, sell_wall):
    open_id = (await client.limit(customerOrderId="open", price="900000")).body["id"]
    limit = {"pair": "BTCZAR", "side": "BUY", "quantity": "0.01", "price": "900000"}
    answer = await client.request("POST", "/v1/batch/orders", {"customerBatchId": "1", "requests": [
        {"type": "PLACE_LIMIT", "data": {**limit, "customerOrderId": "A1"}},
        {"type": "PLACE_LIMIT", "data": {**limit, "quantity": "0"}},
        {"type": "PLACE_MARKET", "data": {"pair": "BTCZAR", "side": "BUY", "quoteAmount": "1000"}},
        {"type": "CANCEL_ORDER", "data": {"customerOrderId": "open", "pair": "BTCZAR"}},
        {"type": "PLACE_STOP_LIMIT", "data": {}}, 7]})
    assert answer.status == 200 and answer.body["batchId"] > 2**53
    outcomes = answer.body["outcomes"]
    assert [outcome["accepted"] for outcome in outcomes] == [True, False, True, True, False, False]
    assert outcomes[0]["customerOrderId"] == "A1" and outcomes[0]["requestType"] == "PLACE_LIMIT"
    assert outcomes[1]["error"]["code"] == -11 and "customerOrderId" not in outcomes[2]
    assert outcomes[3]["orderId"] == open_id
    assert (await status(client, open_id))["orderStatusType"] == "Cancelled"
    assert (await status(client, outcomes[2]["orderId"]))["orderStatusType"] == "Filled"


async def test_a_batch_cancel_names_only_the_ids_that_are_known(client):
    answer = await client.request("POST", "/v1/batch/orders", {"requests": [
        {"type": "CANCEL_ORDER", "data": {"customerOrderId": "none", "pair": "BTCZAR"}}]})
    assert answer.body["outcomes"] == [{"accepted": True, "customerOrderId": "none", "requestType": "CANCEL_ORDER"}]


@pytest.mark.parametrize("requests", [[], None, {}, [{"type": "CANCEL_ORDER", "data": {}}] * 21])
async def test_a_batch_has_one_to_twenty_requests(client, requests):
    answer = await client.request("POST", "/v1/batch/orders", {"requests": requests})
    assert (answer.status, answer.body["code"]) == (400, -11)


# Reading

async def test_open_orders_show_all_pairs_whatever_the_filter(client, exchange):
    await client.limit(customerOrderId="A1", quantity="0.3")
    await client.limit(pair="ETHZAR", quantity="1", price="50000", postOnly=True)
    exchange.engine.place_market("market", pair="BTCZAR", side="SELL", base_amount="0.1")
    first, second = (await client.get("/v1/orders/open?currencyPair=ETHZAR")).body
    assert (first["remainingQuantity"], first["originalQuantity"], first["filledPercentage"], first["status"]) == (
        "0.2", "0.3", "33.33", "Partially Filled")
    assert second["type"] == "post-only limit" and "customerOrderId" not in second


async def test_status_by_both_ids_and_only_with_the_right_pair(client, exchange):
    order_id = (await client.limit(customerOrderId="A1")).body["id"]
    by_customer = (await client.get("/v1/orders/BTCZAR/customerorderid/A1")).body
    assert by_customer == await status(client, order_id)
    for path in (f"/v1/orders/ETHZAR/orderid/{order_id}", "/v1/orders/BTCZAR/orderid/none",
                 "/v1/orders/BTCZAR/customerorderid/none"):
        answer = await client.get(path)
        assert (answer.status, answer.body) == (400, {"code": -1, "message": "Invalid Order. "})


async def test_status_may_know_an_order_late_and_forget_it(client, exchange):
    exchange.faults.status_delay = 5.0
    exchange.faults.status_retention = 60.0
    order_id = (await client.limit(customerOrderId="A1")).body["id"]
    assert (await status(client, order_id))["code"] == -1
    assert (await client.get("/v1/orders/history/detail/customerorderid/A1")).body == []
    exchange.clock.advance(6)
    assert (await status(client, order_id))["orderStatusType"] == "Placed"
    await client.cancel(orderId=order_id)
    exchange.clock.advance(61)
    assert (await status(client, order_id))["code"] == -1
    assert len((await client.get(f"/v1/orders/history/detail/orderid/{order_id}")).body) == 2


async def test_detail_shows_every_state_newest_first(client, exchange):
    order_id = (await client.limit(customerOrderId="A1", quantity="0.3")).body["id"]
    for _ in range(3):
        exchange.engine.place_market("market", pair="BTCZAR", side="SELL", base_amount="0.1")
    rows = (await client.get(f"/v1/orders/history/detail/orderid/{order_id}")).body
    assert [row["orderStatusType"] for row in rows] == ["Filled", "Partially Filled", "Partially Filled", "Placed"]
    assert [row["executedQuantity"] for row in rows] == ["0.1", "0.1", "0.1", "0"]
    assert rows[0]["executedPrice"] == "1000000" and rows[0]["executedFee"] == "0.00018"
    assert rows == (await client.get("/v1/orders/history/detail/customerorderid/A1")).body
    assert (await client.get("/v1/orders/history/detail/customerorderid/none")).body == []


async def test_summary_of_finished_orders_only(client, exchange):
    order_id = (await client.limit(customerOrderId="A1", quantity="0.3")).body["id"]
    path = f"/v1/orders/history/summary/orderid/{order_id}"
    assert (await client.get(path)).status == 400
    exchange.engine.place_market("market", pair="BTCZAR", side="SELL", base_amount="0.3")
    row = (await client.get(path)).body
    assert (row["averagePrice"], row["total"], row["totalExecutedQuantity"], row["totalFee"], row["feeCurrency"]) == (
        "1000000", "300000", "0.3", "0.00054", "BTC")
    assert row == (await client.get("/v1/orders/history/summary/customerorderid/A1")).body


async def test_history_hides_unfilled_cancels_unless_asked(client, exchange, sell_wall):
    cancelled = (await client.limit(price="900000")).body["id"]
    await client.cancel(orderId=cancelled)
    exchange.clock.advance(1)
    failed = (await client.limit(side="SELL", quantity="3", price="1000000")).body["orderId"]
    exchange.clock.advance(1)
    filled = (await client.market(side="BUY", baseAmount="0.1")).body["id"]

    async def listed(query=""):
        return [row["orderId"] for row in (await client.get("/v1/orders/history" + query)).body]

    assert await listed() == [filled, failed]
    assert await listed("?showZeroVolumeCancels=true") == [filled, failed, cancelled]
    assert await listed("?excludeFailures=true") == [filled]
    assert await listed("?statuses=FAILED,CANCELLED&showZeroVolumeCancels=true") == [failed, cancelled]
    assert await listed("?currencyPair=ETHZAR") == []
    assert await listed("?skip=1&limit=1") == [failed]
    assert await listed("?startTime=2099-01-01T00:00:00Z") == []
