import asyncio
import json
import time
from decimal import Decimal
from test.hummingbot.connector.exchange.valr.account_server import AccountServer, RestConnector
from test.hummingbot.connector.exchange.valr.helpers import until
from typing import Any, Callable, Dict, List

import pytest
import pytest_asyncio
from aiohttp import web

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_api_user_stream_data_source import ValrAPIUserStreamDataSource
from hummingbot.connector.exchange.valr.valr_errors import ValrCommandNotSent, ValrOrderRejected, ValrOutcomeUnknown
from hummingbot.connector.exchange.valr.valr_order_entry import (
    CancelOrder,
    LatencySamples,
    Placement,
    PlaceOrder,
    ValrOrderEntry,
)

PLACE = CONSTANTS.PLACE_LIMIT_COMMAND
MARKET = CONSTANTS.PLACE_MARKET_COMMAND
CANCEL = CONSTANTS.CANCEL_COMMAND


@pytest_asyncio.fixture
async def server(monkeypatch):
    monkeypatch.setattr(CONSTANTS, "SOCKET_REPLY_TIMEOUT", 0.1)
    monkeypatch.setattr(CONSTANTS, "REST_TIMEOUT", 0.2)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MIN_DELAY", 60.0)
    monkeypatch.setattr(ValrOrderEntry, "RATE_LIMIT_WINDOW", 0.01)
    server = AccountServer()
    await server.start()
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, server.url)
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def connector():
    connector = RestConnector()
    yield connector
    await connector.factory.close()


@pytest_asyncio.fixture
async def source(server, connector):
    source = ValrAPIUserStreamDataSource(
        connector.auth, connector, connector.factory, domain=CONSTANTS.SIMULATOR_DOMAIN)
    task = None

    async def log_in():
        nonlocal task
        task = asyncio.ensure_future(source.listen_for_user_stream(asyncio.Queue()))
        await until(lambda: source.connected)

    source.log_in = log_in
    yield source
    if task is not None:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
def entry(source, connector) -> ValrOrderEntry:
    return ValrOrderEntry(source, connector)


async def place_limit(entry: ValrOrderEntry) -> Placement:
    return await entry.place_limit(
        "HBOT1", "BTCZAR", True, Decimal("1E-8"), Decimal("1E+6"), post_only=True)


async def place_market(entry: ValrOrderEntry) -> Placement:
    return await entry.place_market("HBOT1", "BTCZAR", False, Decimal("1E-7"))


async def cancel(entry: ValrOrderEntry):
    return await entry.cancel("HBOT1", "BTCZAR")


LIMIT_BODY = {"side": "BUY", "quantity": "0.00000001", "price": "1000000", "pair": "BTCZAR", "postOnly": True,
              "timeInForce": "GTC", "customerOrderId": "HBOT1"}
MARKET_BODY = {"side": "SELL", "baseAmount": "0.0000001", "pair": "BTCZAR", "customerOrderId": "HBOT1"}
CANCEL_BODY = {"customerOrderId": "HBOT1", "pair": "BTCZAR"}


def answer(**reply: Any) -> Callable[[Dict[str, Any]], List[Any]]:
    return lambda frame: [{**reply, "clientMsgId": frame["clientMsgId"]}]


def error(status: int, body: Any = None, text: str = "") -> Callable[[web.Request], web.Response]:
    if body is not None:
        return lambda request: web.json_response(body, status=status)
    return lambda request: web.Response(status=status, text=text, content_type="text/html")


def drop(request: web.Request) -> web.Response:
    request.transport.abort()
    return web.Response()


async def stall(request: web.Request) -> web.Response:
    await asyncio.sleep(60)


# === Over the socket ===

@pytest.mark.asyncio
@pytest.mark.parametrize("send, command, reply, body", [
    (place_limit, PLACE, "PLACE_LIMIT_WS_RESPONSE", LIMIT_BODY),
    (place_market, MARKET, "PLACE_MARKET_WS_RESPONSE", MARKET_BODY),
])
async def test_orders_go_over_the_socket(server, source, entry, send, command, reply, body):
    server.commands[command] = answer(type=reply, data={"orderId": "v1", "customerOrderId": "HBOT1"})
    await source.log_in()

    assert await send(entry) == Placement("v1", is_final=False)
    assert [frame["payload"] for frame in server.sent(command)] == [body]
    assert server.requests == []


@pytest.mark.asyncio
async def test_cancels_go_over_the_socket(server, source, entry):
    server.commands[CANCEL] = answer(type="CANCEL_ORDER_WS_RESPONSE", data={"requested": True})
    await source.log_in()

    await cancel(entry)

    assert [frame["payload"] for frame in server.sent(CANCEL)] == [CANCEL_BODY]
    assert server.requests == []


@pytest.mark.asyncio
@pytest.mark.parametrize("reply, reason, code", [
    ({"type": "PLACE_LIMIT_WS_RESPONSE", "error": {"message": "Insufficient Balance ", "code": -6}},
     "Insufficient Balance", -6),
    ({"type": "PLACE_LIMIT_WS_RESPONSE", "error": {"message": "Invalid", "validationErrors": {"errors": ["pair"]}}},
     "Invalid {'errors': ['pair']}", None),
    ({"type": "PLACE_LIMIT_WS_RESPONSE", "error": "text only"}, "text only", None),
    ({"type": "PLACE_LIMIT_WS_RESPONSE", "data": {"message": "in data"}}, "in data", None),
    ({"type": "PLACE_LIMIT_WS_RESPONSE", "data": {"orderId": "v1", "code": -6, "message": "Insufficient Balance"}},
     "Insufficient Balance", -6),
    ({"type": "INVALID_PLACE_LIMIT_REQUEST", "data": {"message": "no"}}, "no", None),
    ({"type": "INVALID_PLACE_LIMIT_REQUEST"}, "INVALID_PLACE_LIMIT_REQUEST without a reason", None),
    ({"type": "ORDER_FAILED", "data": {"orderId": "v1", "message": "no"}}, "no", None),
    ({"type": "ORDER_REJECTED", "message": "no"}, "no", None),
    ({"type": "ERROR", "message": "Invalid message", "code": -11}, "Invalid message", -11),
    ({"type": "ERROR", "code": -11}, "ERROR without a reason", -11),
    ({"type": "ERROR", "message": "Duplicate customer order id's are not allowed"},
     "Duplicate customer order id's are not allowed", CONSTANTS.DUPLICATE_ORDER_ID_CODE),
    ({"type": "SOMETHING_NEW", "code": -1, "message": "no"}, "no", -1),
    ({"type": "SOMETHING_NEW", "error": {"text": "odd"}}, "SOMETHING_NEW without a reason", None),
])
async def test_each_shape_of_a_refusal_is_a_rejection_with_its_reason(server, source, entry, reply, reason, code):
    server.commands[PLACE] = answer(**reply)
    await source.log_in()

    with pytest.raises(ValrOrderRejected) as rejection:
        await place_limit(entry)

    assert (rejection.value.reason, rejection.value.code) == (reason, code)
    assert server.requests == []


@pytest.mark.asyncio
@pytest.mark.parametrize("reply", [
    {"type": "PLACE_LIMIT_WS_RESPONSE"},
    {"type": "PLACE_LIMIT_WS_RESPONSE", "data": {"customerOrderId": "HBOT1"}},
    {"type": "PLACE_LIMIT_WS_RESPONSE", "data": {"orderId": 7}},
    {"type": "PLACE_LIMIT_WS_RESPONSE", "data": ["odd"]},
    {"type": "PLACE_MARKET_WS_RESPONSE", "data": {"orderId": "v1"}},
    {"type": "SOMETHING_NEW", "message": "perhaps good news"},
])
async def test_a_reply_that_tells_neither_is_unknown(server, source, entry, reply):
    server.commands[PLACE] = answer(**reply)
    await source.log_in()

    with pytest.raises(ValrOutcomeUnknown, match=f"{reply['type']} tells neither that {PLACE} was taken"):
        await place_limit(entry)

    assert server.requests == []


@pytest.mark.asyncio
@pytest.mark.parametrize("reply", [
    {"type": "CANCEL_ORDER_WS_RESPONSE", "data": {"requested": False, "orderId": "v1"}},
    {"type": "CANCEL_ORDER_WS_RESPONSE", "data": {"orderId": "v1"}},
])
async def test_a_cancel_that_was_not_requested_is_not_taken(server, source, entry, reply):
    server.commands[CANCEL] = answer(**reply)
    await source.log_in()

    with pytest.raises(ValrOutcomeUnknown):
        await cancel(entry)


@pytest.mark.asyncio
@pytest.mark.parametrize("send", [place_limit, place_market, cancel])
async def test_silence_is_unknown_and_nothing_is_sent_again(server, source, entry, send):
    await source.log_in()

    with pytest.raises(ValrOutcomeUnknown):
        await send(entry)

    assert len(server.received) == 2  # the subscription and the command
    assert server.requests == []


@pytest.mark.asyncio
async def test_a_lost_connection_is_unknown_and_nothing_is_sent_again(server, source, entry):
    await source.log_in()
    placing = asyncio.ensure_future(place_limit(entry))
    await until(lambda: server.sent(PLACE))
    await server.drop()

    with pytest.raises(ValrOutcomeUnknown):
        await placing
    assert len(server.sent(PLACE)) == 1
    assert server.requests == []


def test_the_next_window_begins_after_a_second():
    assert ValrOrderEntry.RATE_LIMIT_WINDOW == CONSTANTS.SECOND


@pytest.mark.asyncio
async def test_a_command_beyond_the_rate_limit_is_sent_once_more_in_the_next_window(
        server, source, entry, connector, monkeypatch):
    """RATE_LIMIT_EXCEEDED comes in place of the acknowledgement: VALR has not taken the command."""
    monkeypatch.setattr(ValrOrderEntry, "RATE_LIMIT_WINDOW", 0.1)
    received_at = []
    replies = iter([{"type": "RATE_LIMIT_EXCEEDED", "data": {"requestType": PLACE}},
                    {"type": "PLACE_LIMIT_WS_RESPONSE", "data": {"orderId": "v1"}}])

    def reply(frame):
        received_at.append(time.perf_counter())
        return answer(**next(replies))(frame)

    server.commands[PLACE] = reply
    await source.log_in()

    assert await place_limit(entry) == Placement("v1", is_final=False)
    assert len({frame["clientMsgId"] for frame in server.sent(PLACE)}) == 2
    assert received_at[1] - received_at[0] >= 0.1
    assert connector.throttler._windows[CONSTANTS.SOCKET_PLACE_LIMIT].used == 2


@pytest.mark.asyncio
async def test_a_command_beyond_the_rate_limit_twice_is_rejected(server, source, entry):
    server.commands[PLACE] = answer(type="RATE_LIMIT_EXCEEDED", data={"requestType": PLACE})
    await source.log_in()

    with pytest.raises(ValrOrderRejected, match="^VALR's rate limit"):
        await place_limit(entry)

    assert len(server.sent(PLACE)) == 2
    assert server.requests == []


@pytest.mark.asyncio
async def test_commands_keep_the_rate_limits_of_the_socket(server, source, entry, connector):
    server.commands[PLACE] = answer(type="PLACE_LIMIT_WS_RESPONSE", data={"orderId": "v1"})
    server.commands[CANCEL] = answer(type="CANCEL_ORDER_WS_RESPONSE", data={"requested": "true"})
    await source.log_in()
    await place_limit(entry)
    await cancel(entry)

    windows = connector.throttler._windows
    assert windows[CONSTANTS.SOCKET_PLACE_LIMIT].used == windows[CONSTANTS.SOCKET_CANCEL_LIMIT].used == 1
    assert CONSTANTS.PLACE_LIMIT_PATH not in windows


# === Over REST ===

@pytest.mark.asyncio
@pytest.mark.parametrize("send, path, body", [
    (place_limit, CONSTANTS.PLACE_LIMIT_PATH, LIMIT_BODY),
    (place_market, CONSTANTS.PLACE_MARKET_PATH, MARKET_BODY),
])
async def test_orders_go_over_rest_while_there_is_no_socket(server, entry, send, path, body):
    server.rest[path] = lambda request: web.json_response({"id": "v1"}, status=201)

    assert await send(entry) == Placement("v1", is_final=True)
    assert [(request["method"], request["path"]) for request in server.requests] == [("POST", path)]
    assert json.loads(server.requests[0]["body"]) == body


@pytest.mark.asyncio
@pytest.mark.parametrize("is_buy, side", [(True, "BUY"), (False, "SELL")])
async def test_orders_keep_their_side(server, entry, is_buy, side):
    server.rest[CONSTANTS.PLACE_LIMIT_PATH] = server.rest[CONSTANTS.PLACE_MARKET_PATH] = {"id": "v1"}

    await entry.place_limit("HBOT1", "BTCZAR", is_buy, Decimal("1"), Decimal("1"), post_only=False)
    await entry.place_market("HBOT2", "BTCZAR", is_buy, Decimal("1"))

    assert [json.loads(request["body"])["side"] for request in server.requests] == [side, side]


@pytest.mark.asyncio
async def test_a_limit_order_keeps_its_time_in_force(server, entry):
    server.rest[CONSTANTS.PLACE_LIMIT_PATH] = {"id": "v1"}

    await entry.place_limit("HBOT1", "BTCZAR", True, Decimal("1"), Decimal("1"), post_only=False, time_in_force="IOC")

    assert json.loads(server.requests[0]["body"])["timeInForce"] == "IOC"


@pytest.mark.asyncio
async def test_commands_over_rest_are_signed_and_keep_their_rate_limits(server, entry, connector):
    signatures = []

    def take(request: web.Request) -> web.Response:
        signatures.append(request.headers.get("X-VALR-SIGNATURE"))
        return web.json_response({"id": "v1"})

    server.rest[CONSTANTS.PLACE_LIMIT_PATH] = server.rest[CONSTANTS.CANCEL_PATH] = take

    await place_limit(entry)
    await cancel(entry)

    assert len(signatures) == 2 and all(signatures)
    windows = connector.throttler._windows
    assert windows[CONSTANTS.PLACE_LIMIT_PATH].used == windows[CONSTANTS.CANCEL_PATH].used == 1


@pytest.mark.asyncio
async def test_cancels_go_over_rest_while_there_is_no_socket(server, entry):
    server.rest[CONSTANTS.CANCEL_PATH] = {"id": "HBOT1"}

    await cancel(entry)

    assert [(request["method"], request["path"]) for request in server.requests] == [("DELETE", CONSTANTS.CANCEL_PATH)]
    assert json.loads(server.requests[0]["body"]) == CANCEL_BODY


@pytest.mark.asyncio
async def test_a_socket_that_was_lost_just_now_leaves_the_command_to_rest(server, source, entry, connector):
    server.rest[CONSTANTS.PLACE_LIMIT_PATH] = {"id": "v1"}
    await source.log_in()
    limits = connector.throttler.execute_task

    def lose_the_socket(limit_id):
        source._is_logged_in = False
        return limits(limit_id)

    connector.throttler.execute_task = lose_the_socket

    assert await place_limit(entry) == Placement("v1", is_final=True)
    assert server.sent(PLACE) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("send, path", [
    (place_limit, CONSTANTS.PLACE_LIMIT_PATH), (cancel, CONSTANTS.CANCEL_PATH)])
@pytest.mark.parametrize("status, code, message", [
    (400, -6, "Insufficient Balance"), (400, -11502, "Duplicate customer order id's are not allowed"),
    (401, -11252, "Request has an invalid signature"), (403, -11268, "API key header missing: X-VALR-API-KEY"),
    (404, -1, "Invalid Order."),
])
async def test_errors_with_a_code_of_valr_are_rejections(server, entry, send, path, status, code, message):
    server.rest[path] = error(status, {"code": code, "message": message, "orderId": "v1"})

    with pytest.raises(ValrOrderRejected) as rejection:
        await send(entry)

    assert (rejection.value.reason, rejection.value.code) == (message, code)
    assert len(server.requests) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("reply, reason", [
    (error(400, text="<html>Your client has issued a malformed or illegal request</html>"), "HTTP 400"),
    (error(401, text=""), "HTTP 401"),
    (error(429, {"code": -1, "message": "slow down"}), "slow down"),
    (error(500, text="<html>"), "HTTP 500"),
    (error(503, {"code": -1, "message": "read-only"}), "read-only"),
    (lambda request: web.Response(text="no json"), "no order id"),
    (lambda request: web.Response(body=b"\xff", content_type="application/octet-stream"), "no readable reply"),
    ({"customerOrderId": "HBOT1"}, "no order id"),
    ({"id": 7}, "no order id"),
    (["odd"], "no order id"),
    (drop, "no readable reply .* Server disconnected"),
    (stall, "did not answer"),
])
async def test_everything_else_is_unknown_and_nothing_is_sent_again(server, entry, reply, reason):
    server.rest[CONSTANTS.PLACE_LIMIT_PATH] = reply

    with pytest.raises(ValrOutcomeUnknown, match=reason):
        await place_limit(entry)

    assert len(server.requests) == 1


@pytest.mark.asyncio
async def test_an_error_without_words_is_told_by_its_name(entry, connector):
    async def fail(**_):
        raise ConnectionResetError

    connector._api_post = fail

    with pytest.raises(ValrOutcomeUnknown, match=f"{CONSTANTS.PLACE_LIMIT_PATH}: ConnectionResetError"):
        await place_limit(entry)


@pytest.mark.asyncio
@pytest.mark.parametrize("send", [place_limit, place_market, cancel])
async def test_without_a_connection_the_command_was_not_sent(server, entry, send):
    await server.stop()

    with pytest.raises(ValrCommandNotSent, match="no connection to VALR"):
        await send(entry)


# === Batches ===

def orders(count: int) -> List[PlaceOrder]:
    return [PlaceOrder(f"HBOT{number}", "BTCZAR", True, Decimal("0.1"), Decimal("5"), post_only=True)
            for number in range(count)]


async def accept(request: web.Request) -> web.Response:
    return web.json_response({"batchId": 1409528062846967808, "outcomes": [
        {"accepted": True, "orderId": f"v-{item['data']['customerOrderId']}", "requestType": item["type"]}
        for item in (await request.json())["requests"]]})


@pytest.mark.asyncio
async def test_a_batch_takes_as_few_requests_as_valr_allows(server, entry):
    server.rest[CONSTANTS.BATCH_PATH] = accept

    outcomes = await entry.place_batch(orders(41))

    assert outcomes == [Placement(f"v-HBOT{number}", is_final=False) for number in range(41)]
    sizes = [len(json.loads(request["body"])["requests"]) for request in server.requests]
    assert sorted(sizes) == [1, 20, 20]


@pytest.mark.asyncio
async def test_a_batch_goes_over_rest_although_there_is_a_socket(server, source, entry):
    """What VALR answers to a batch on the socket is not known."""
    server.rest[CONSTANTS.BATCH_PATH] = accept
    await source.log_in()

    await entry.cancel_batch([CancelOrder("HBOT1", "BTCZAR")])

    assert json.loads(server.requests[0]["body"]) == {"requests": [{"type": "CANCEL_ORDER", "data": CANCEL_BODY}]}


@pytest.mark.asyncio
async def test_each_item_of_a_batch_has_the_fields_of_a_single_order(server, entry):
    server.rest[CONSTANTS.BATCH_PATH] = accept

    await entry.place_batch([
        PlaceOrder("HBOT1", "BTCZAR", True, Decimal("1E-8"), Decimal("1E+6"), post_only=True),
        PlaceOrder("HBOT1", "BTCZAR", False, Decimal("1E-7"))])

    assert json.loads(server.requests[0]["body"]) == {"requests": [
        {"type": "PLACE_LIMIT", "data": LIMIT_BODY}, {"type": "PLACE_MARKET", "data": MARKET_BODY}]}


@pytest.mark.asyncio
async def test_an_order_of_a_batch_may_take_liquidity_unless_it_says_otherwise(server, entry):
    server.rest[CONSTANTS.BATCH_PATH] = accept

    await entry.place_batch([PlaceOrder("HBOT1", "BTCZAR", True, Decimal("1"), Decimal("1"))])

    item, = json.loads(server.requests[0]["body"])["requests"]
    assert item["data"]["postOnly"] is False


@pytest.mark.asyncio
async def test_each_item_of_a_batch_has_its_own_outcome_in_the_order_of_the_request(server, entry):
    server.rest[CONSTANTS.BATCH_PATH] = {"batchId": 1, "outcomes": [
        {"accepted": True, "orderId": "v1", "customerOrderId": "HBOT0"},
        {"accepted": False, "error": {"code": -12007, "message": "Minimum order size not met ."}},
        {"accepted": False, "code": -6, "message": "Insufficient Balance"},
        {"accepted": False}, "odd"]}

    taken, refused, short, *unknown = await entry.place_batch(orders(5))

    assert taken == Placement("v1", is_final=False)
    assert (type(refused), refused.reason, refused.code) == (ValrOrderRejected, "Minimum order size not met .", -12007)
    assert (type(short), short.reason, short.code) == (ValrOrderRejected, "Insufficient Balance", -6)
    assert [type(outcome) for outcome in unknown] == [ValrOutcomeUnknown] * 2
    assert all(str(outcome).startswith("VALR did not tell the outcome") for outcome in unknown)


@pytest.mark.asyncio
@pytest.mark.parametrize("reply, outcome, reason", [
    (error(400, {"code": -113, "message": "Invalid JSON payload"}), ValrOrderRejected, "Invalid JSON payload"),
    (error(400, text="<html>"), ValrOutcomeUnknown, "VALR answered"),
    (error(429), ValrOutcomeUnknown, "VALR answered"),
    (drop, ValrOutcomeUnknown, "There is no readable reply"),
    ({"outcomes": []}, ValrOutcomeUnknown, "VALR's reply to a batch"),
    ({"outcomes": [{"accepted": True, "orderId": "v1"}] * 3}, ValrOutcomeUnknown, "VALR's reply to a batch"),
    ({"outcomes": {}}, ValrOutcomeUnknown, "VALR's reply to a batch"),
    ([], ValrOutcomeUnknown, "VALR's reply to a batch"),
])
async def test_what_becomes_of_a_batch_becomes_of_each_item(server, entry, reply, outcome, reason):
    server.rest[CONSTANTS.BATCH_PATH] = reply

    items = await entry.place_batch(orders(2))

    assert [type(item) for item in items] == [outcome] * 2
    assert all(str(item).startswith(reason) for item in items)
    assert len(server.requests) == 1


@pytest.mark.asyncio
async def test_without_a_connection_no_item_of_a_batch_was_sent(server, entry):
    await server.stop()

    assert [type(item) for item in await entry.cancel_batch([CancelOrder("HBOT1", "BTCZAR")])] == [ValrCommandNotSent]


@pytest.mark.asyncio
async def test_an_empty_batch_sends_nothing(server, entry):
    assert await entry.place_batch([]) == []
    assert server.requests == []


# === Latency ===

@pytest.mark.asyncio
async def test_latency_is_measured_for_each_path(server, source, entry):
    server.rest[CONSTANTS.PLACE_LIMIT_PATH] = {"id": "v1"}
    await place_limit(entry)
    entry.first_event("HBOT1")
    server.commands[PLACE] = answer(type="PLACE_LIMIT_WS_RESPONSE", data={"orderId": "v1"})
    await source.log_in()
    for _ in range(2):
        await place_limit(entry)
        entry.first_event("HBOT1")
        entry.first_event("HBOT1")

    for path, count in (("rest", 1), ("socket", 2)):
        latency = entry.latency[path]
        assert latency.acknowledgement.count == latency.first_event.count == count
        assert 0 < latency.acknowledgement.median <= latency.acknowledgement.max < 1
        assert latency.acknowledgement.median <= latency.first_event.max < 1


@pytest.mark.asyncio
@pytest.mark.parametrize("send", [place_limit, place_market])
async def test_the_first_event_of_each_kind_of_order_is_measured(server, entry, send):
    server.rest[CONSTANTS.PLACE_LIMIT_PATH] = server.rest[CONSTANTS.PLACE_MARKET_PATH] = {"id": "v1"}
    await send(entry)

    entry.first_event("HBOT1")

    assert entry.latency["rest"].first_event.count == 1


@pytest.mark.asyncio
async def test_events_of_orders_of_somebody_else_are_not_measured(entry):
    entry.first_event("HBOT7")

    assert entry.latency["socket"].first_event.count == entry.latency["rest"].first_event.count == 0


@pytest.mark.asyncio
async def test_orders_without_any_event_do_not_pile_up(server, entry, monkeypatch):
    monkeypatch.setattr(ValrOrderEntry, "MAX_AWAITED_EVENTS", 3)
    server.rest[CONSTANTS.PLACE_LIMIT_PATH] = {"id": "v1"}
    for number in range(5):
        await entry.place_limit(f"HBOT{number}", "BTCZAR", True, Decimal("1"), Decimal("1"), post_only=False)

    assert list(entry._awaited_events) == ["HBOT2", "HBOT3", "HBOT4"]


def test_samples_know_their_median_and_maximum():
    samples = LatencySamples()
    assert (samples.count, samples.median, samples.max) == (0, 0, 0)
    for seconds in (3.0, 1.0, 2.0):
        samples.add(seconds)

    assert (samples.count, samples.median, samples.max) == (3, 2.0, 3.0)


def test_samples_older_than_the_last_thousand_are_forgotten():
    samples = LatencySamples()
    for seconds in [9.0] * 1000 + [1.0] * 1000:
        samples.add(seconds)

    assert (samples.count, samples.median, samples.max) == (2000, 1.0, 1.0)
