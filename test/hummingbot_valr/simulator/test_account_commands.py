from test.hummingbot_valr.simulator.client import Client

import pytest

from hummingbot_valr.simulator.signing import VIEW

LIMIT = {"side": "BUY", "quantity": "0.01", "price": "1000000", "pair": "BTCZAR", "customerOrderId": "A1"}


@pytest.fixture
async def socket(client):
    return await client.account_socket()


async def command(socket, kind, payload, reference="m1"):
    """The frames that answer a command and report its outcome."""
    await socket.send({"type": kind, "clientMsgId": reference, "payload": payload})
    return await socket.until_pong()


def kinds(frames):
    return [frame["type"] for frame in frames]


async def test_a_placement_is_acknowledged_then_decided(socket, exchange):
    frames = await command(socket, "PLACE_LIMIT_ORDER", LIMIT)
    order = exchange.engine.account("0").find(None, "A1")
    assert frames[0] == {"type": "PLACE_LIMIT_WS_RESPONSE", "clientMsgId": "m1",
                         "data": {"orderId": order.order_id, "customerOrderId": "A1"}}
    assert kinds(frames)[1] == "ORDER_PROCESSED"


async def test_events_may_come_before_the_acknowledgement(socket, exchange):
    exchange.faults.events.before_reply = True
    assert kinds(await command(socket, "PLACE_LIMIT_ORDER", LIMIT))[-1] == "PLACE_LIMIT_WS_RESPONSE"


async def test_the_outcome_may_come_later(socket, exchange):
    exchange.faults.outcome_delay = (20, 20)
    assert kinds(await command(socket, "PLACE_LIMIT_ORDER", LIMIT)) == ["PLACE_LIMIT_WS_RESPONSE"]
    exchange.clock.advance(20)
    assert kinds(await socket.until_pong())[0] == "ORDER_PROCESSED"


async def test_a_market_order(socket, exchange):
    exchange.engine.place_limit("market", pair="BTCZAR", side="SELL", quantity="1", price="1000000")
    frames = await command(socket, "PLACE_MARKET_ORDER", {"side": "BUY", "baseAmount": "0.1", "pair": "BTCZAR"})
    assert frames[0]["type"] == "PLACE_MARKET_WS_RESPONSE" and list(frames[0]["data"]) == ["orderId"]
    assert "NEW_ACCOUNT_TRADE" in kinds(frames)


async def test_an_accepted_order_may_fail(socket):
    frames = await command(socket, "PLACE_LIMIT_ORDER", {**LIMIT, "side": "SELL", "quantity": "3"})
    assert kinds(frames) == ["PLACE_LIMIT_WS_RESPONSE", "ORDER_PROCESSED", "ORDER_STATUS_UPDATE"]
    assert frames[2]["data"]["failedReason"] == "Insufficient Balance"


async def test_a_cancel_is_requested_then_done(socket):
    await command(socket, "PLACE_LIMIT_ORDER", LIMIT)
    frames = await command(socket, "CANCEL_LIMIT_ORDER", {"customerOrderId": "A1", "pair": "BTCZAR"}, "m2")
    assert frames[0] == {"type": "CANCEL_ORDER_WS_RESPONSE", "clientMsgId": "m2",
                         "data": {"requested": True, "customerOrderId": "A1"}}
    assert frames[1]["data"]["orderStatusType"] == "Cancelled"


async def test_cancelling_what_is_finished(socket, exchange):
    cancel = {"customerOrderId": "none", "pair": "BTCZAR"}
    frames = await command(socket, "CANCEL_LIMIT_ORDER", cancel)
    assert kinds(frames) == ["CANCEL_ORDER_WS_RESPONSE", "FAILED_CANCEL_ORDER"]
    assert frames[1]["data"]["customerOrderId"] == "none"
    exchange.faults.socket_cancel_finished = "error"
    frames = await command(socket, "CANCEL_LIMIT_ORDER", cancel)
    assert frames == [{"type": "CANCEL_ORDER_WS_RESPONSE", "error": {"message": "Invalid Order. "},
                       "clientMsgId": "m1"}]


async def test_the_cancel_command_of_other_documents_does_not_work(socket):
    assert kinds(await command(socket, "CANCEL_ORDER", {"customerOrderId": "A1", "pair": "BTCZAR"})) == ["ERROR"]


@pytest.mark.parametrize("shape, kind, where", [
    ("response", "PLACE_LIMIT_WS_RESPONSE", "error"), ("invalid", "INVALID_PLACE_LIMIT_REQUEST", "data"),
    ("rejected", "ORDER_REJECTED", "data"), ("error", "ERROR", None),
])
async def test_the_shapes_of_an_error(socket, exchange, shape, kind, where):
    exchange.faults.socket_error_shape = shape
    frames = await command(socket, "PLACE_LIMIT_ORDER", {**LIMIT, "quantity": "0.000001"})
    assert len(frames) == 1 and frames[0]["type"] == kind and frames[0]["clientMsgId"] == "m1"
    content = frames[0][where] if where else frames[0]
    assert content["message"].startswith("Minimum order size not met") and "orderId" not in content


@pytest.mark.parametrize("payload", [None, [], "x", {}, {**LIMIT, "side": "buy"}, {**LIMIT, "price": 1}])
async def test_bad_payloads_are_refused(socket, payload):
    frames = await command(socket, "PLACE_LIMIT_ORDER", payload)
    assert kinds(frames) == ["PLACE_LIMIT_WS_RESPONSE"] and "validationErrors" in frames[0]["error"]


@pytest.mark.parametrize("frame", ["nonsense", "[]", '{"type":[]}', '{"type":"NOPE"}', '{"a":' * 5000,
                                   '{"type":"CANCEL_ON_DISCONNECT"}', '{"type":"CANCEL_ON_DISCONNECT","payload":7}'])
async def test_nonsense_is_answered_and_the_socket_stays_open(socket, frame):
    await socket.send(frame)
    assert kinds(await socket.until_pong()) == ["ERROR"]


async def test_a_reference_that_is_not_text_is_not_echoed(socket):
    frames = await command(socket, "PLACE_LIMIT_ORDER", LIMIT, reference={"deep": [[[]]]})
    assert "clientMsgId" not in frames[0]


async def test_no_reference_is_needed(socket):
    await socket.send({"type": "PLACE_LIMIT_ORDER", "payload": LIMIT})
    assert "clientMsgId" not in await socket.next()


async def test_too_many_commands(socket, exchange):
    exchange.rate_limits.limits["socket_place"] = (1, 1_000_000_000)
    await command(socket, "PLACE_LIMIT_ORDER", LIMIT)
    assert await command(socket, "PLACE_LIMIT_ORDER", {**LIMIT, "customerOrderId": "A2"}, "m2") == [
        {"type": "RATE_LIMIT_EXCEEDED", "data": {"requestType": "PLACE_LIMIT_ORDER"}, "clientMsgId": "m2"}]
    assert "A2" not in exchange.engine.account("0").latest_by_customer_id


@pytest.mark.parametrize("fault, is_executed, answer", [
    ("lost_before", False, None), ("lost_after", True, None), ("rate_limited", False, "RATE_LIMIT_EXCEEDED"),
])
async def test_lost_and_limited_commands(socket, exchange, fault, is_executed, answer):
    exchange.faults.socket_place.next(fault)
    frames = await command(socket, "PLACE_LIMIT_ORDER", LIMIT)
    assert [frame["type"] for frame in frames if frame.get("clientMsgId") == "m1"] == ([answer] if answer else [])
    assert ("A1" in exchange.engine.account("0").latest_by_customer_id) == is_executed


async def test_a_stalled_and_a_late_command(socket, exchange):
    exchange.faults.socket_place.next("stalled")
    assert kinds(await command(socket, "PLACE_LIMIT_ORDER", LIMIT))[0] == "ORDER_PROCESSED"
    exchange.clock.advance(exchange.faults.stall)
    assert kinds(await socket.until_pong()) == ["PLACE_LIMIT_WS_RESPONSE"]
    exchange.faults.socket_cancel.next("late")
    assert await command(socket, "CANCEL_LIMIT_ORDER", {"customerOrderId": "A1", "pair": "BTCZAR"}) == []
    exchange.clock.advance(exchange.faults.stall)
    assert kinds(await socket.until_pong())[0] == "ORDER_STATUS_UPDATE"


async def test_a_batch_is_executed_without_a_reply(socket, exchange):
    frames = await command(socket, "BATCH_ORDERS", {"requests": [{"type": "PLACE_LIMIT", "data": LIMIT}]})
    assert kinds(frames)[0] == "ORDER_PROCESSED" and "A1" in exchange.engine.account("0").latest_by_customer_id


@pytest.mark.parametrize("shape", ["response", "invalid", "rejected", "error"])
async def test_a_refused_batch_has_no_reply_either(socket, exchange, shape):
    exchange.faults.socket_error_shape = shape
    assert await command(socket, "BATCH_ORDERS", {"requests": []}) == []


@pytest.mark.parametrize("shape, kind", [
    ("response", "PLACE_LIMIT_WS_RESPONSE"), ("invalid", "INVALID_PLACE_LIMIT_REQUEST"), ("rejected", "ORDER_REJECTED"),
    ("error", "ERROR"),
])
async def test_read_only_mode_refuses_a_placement_over_the_socket(socket, exchange, shape, kind):
    exchange.faults.read_only = True
    exchange.faults.socket_error_shape = shape
    assert kinds(await command(socket, "PLACE_LIMIT_ORDER", LIMIT)) == [kind]
    assert not exchange.engine.account("0").orders


async def test_read_only_mode_executes_no_other_command_over_the_socket_either(socket, client, exchange):
    await client.limit(customerOrderId="A1")
    await socket.until_pong()
    exchange.faults.read_only = True
    frames = await command(socket, "CANCEL_LIMIT_ORDER", {"customerOrderId": "A1", "pair": "BTCZAR"})
    assert kinds(frames) == ["CANCEL_ORDER_WS_RESPONSE"] and "error" in frames[0]
    batch = {"requests": [{"type": "PLACE_LIMIT", "data": {**LIMIT, "customerOrderId": "A2"}}]}
    assert await command(socket, "BATCH_ORDERS", batch) == []
    assert list(exchange.engine.account("0").latest_by_customer_id) == ["A1"]
    assert exchange.engine.account("0").find(None, "A1").is_open


async def test_a_modification_is_refused_clearly(socket):
    frames = await command(socket, "MODIFY_ORDER", {"orderId": "x", "pair": "BTCZAR"})
    assert "not played" in frames[0]["error"]["validationErrors"]["errors"][0]


async def test_trading_needs_its_permission(exchange):
    async with Client(exchange, exchange.keys.create("0", permissions=[VIEW])) as reader:
        frames = await command(await reader.account_socket(), "PLACE_LIMIT_ORDER", LIMIT)
        assert frames[0]["error"] == {"message": "Unauthorized"}


async def test_subscriptions(socket, client, exchange):
    await socket.send({"type": "UNSUBSCRIBE", "requests": [{"event": "BALANCE_UPDATE"}, {"event": "MARGIN_INFO"}]})
    exchange.faults.events.status_needs_subscription = True
    await client.limit(customerOrderId="A1")
    await client.cancel(customerOrderId="A1")
    assert kinds(await socket.until_pong()) == ["ORDER_PROCESSED", "OPEN_ORDERS_UPDATE", "OPEN_ORDERS_UPDATE"]
    await socket.send({"type": "SUBSCRIBE", "subscriptions": [{"event": "ORDER_STATUS_UPDATE"},
                                                              {"event": "BALANCE_UPDATE"}]})
    await client.limit(customerOrderId="A2")
    await client.cancel(customerOrderId="A2")
    assert {"ORDER_STATUS_UPDATE", "BALANCE_UPDATE"} <= set(kinds(await socket.until_pong()))


async def test_a_subscription_may_be_answered_by_an_error(socket, exchange):
    exchange.faults.events.subscribe_error = True
    await socket.send({"type": "SUBSCRIBE", "subscriptions": [{"event": "ORDER_STATUS_UPDATE"}]})
    assert kinds(await socket.until_pong()) == ["ERROR"]


async def test_cancel_on_disconnect(socket, client, exchange):
    await client.limit()
    await socket.send({"type": "CANCEL_ON_DISCONNECT", "payload": {"cancelOnDisconnect": True}})
    frame = await socket.until("CANCEL_ON_DISCONNECT_UPDATE")
    assert frame["data"] == {"cancelOnDisconnect": "true"}
    watcher = await client.account_socket()
    await socket.ws.close()
    await watcher.until("ORDER_STATUS_UPDATE", lambda frame: frame["data"]["orderStatusType"] == "Cancelled")
    assert not exchange.engine.account("0").open_orders


async def test_without_it_orders_survive_a_disconnect(socket, client, exchange):
    await client.limit()
    await socket.send({"type": "CANCEL_ON_DISCONNECT", "payload": {"cancelOnDisconnect": True}})
    await socket.send({"type": "CANCEL_ON_DISCONNECT", "payload": {"cancelOnDisconnect": False}})
    await socket.until_pong()
    exchange.faults.drop_sockets("account")
    await socket.closed()
    assert len((await client.get("/v1/orders/open")).body) == 1
