import asyncio

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

ORDER = {"side": "BUY", "pair": "BTCZAR", "quantity": "0.01", "price": "1000000", "customerOrderId": "A1"}


def is_known(exchange):
    return exchange.engine.account("0").find(None, "A1") is not None


async def test_an_unsigned_request_and_a_bad_signature(client):
    assert (await client.get("/v1/account/balances", signed=False)).status == 403
    headers = client.headers("GET", "/v1/account/balances")
    answer = await client.get("/v1/account/balances?excludeZeroBalances=true", headers=headers)
    assert (answer.status, answer.body) == (401, {"code": -11252, "message": "Request has an invalid signature"})


async def test_the_exact_bytes_of_path_and_body_are_signed(client):
    path = "/v1/account/tradehistory?startTime=2025-01-01T00%3A00%3A00Z&limit=10"
    url = client.exchange.url + path
    async with client.session.get(aiohttp.client.URL(url, encoded=True), headers=client.headers("GET", path)) as reply:
        assert reply.status == 200
    body = '{ "side":"BUY",\n "pair":"BTCZAR","quantity":"0.0100","price":"1000000.0" }'
    assert (await client.request("POST", "/v2/orders/limit", body)).status == 201


async def test_a_post_needs_the_json_content_type(client):
    headers = client.headers("POST", "/v2/orders/limit", "{}")
    headers["Content-Type"] = "text/plain"
    assert (await client.request("POST", "/v2/orders/limit", "{}", headers=headers)).status == 403


async def test_too_many_requests(client, exchange):
    exchange.rate_limits.limits["public"] = (2, 60)
    answers = [await client.get("/v1/public/pairs", signed=False) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["x-valr-ratelimited"] == "true" and "Retry-After" not in answers[2].headers
    exchange.faults.retry_after = 7
    assert (await client.get("/v1/public/pairs", signed=False)).headers["Retry-After"] == "7"
    exchange.clock.advance(60)
    assert (await client.get("/v1/public/pairs", signed=False)).status == 200


async def test_read_only_lets_reads_pass(client, exchange):
    exchange.faults.read_only = True
    assert (await client.limit()).status == 503
    assert (await client.get("/v1/account/balances")).status == 200


async def test_an_outage_drops_everything(client, exchange):
    socket = await client.account_socket()
    exchange.faults.outage = True
    exchange.faults.drop_sockets("account")
    with pytest.raises(aiohttp.ClientError):
        await client.get("/v1/account/balances")
    with pytest.raises(aiohttp.ClientError):
        await client.account_socket()
    assert await socket.closed() == 1006
    exchange.faults.outage = False
    assert (await client.get("/v1/account/balances")).status == 200


@pytest.mark.parametrize("fault, status, is_accepted", [
    ("html_refused", 400, False), ("html_accepted", 400, True), ("rate_limited", 429, False),
    ("unavailable", 503, False), ("server_error", 500, False), ("server_error_accepted", 500, True),
])
async def test_replies_that_say_nothing_about_the_order(client, exchange, fault, status, is_accepted):
    exchange.faults.place.next(fault)
    answer = await client.request("POST", "/v2/orders/limit", ORDER)
    assert answer.status == status and not isinstance(answer.body, dict)
    assert ("html" in answer.headers.get("Content-Type", "")) == (status in (400, 500))
    assert is_known(exchange) == is_accepted
    assert (await client.limit(customerOrderId="A2")).status == 201


@pytest.mark.parametrize("fault, is_accepted", [("lost_before", False), ("lost_after", True)])
async def test_lost_replies(client, exchange, fault, is_accepted):
    exchange.faults.place.next(fault)
    with pytest.raises(aiohttp.ClientError):
        await client.request("POST", "/v2/orders/limit", ORDER)
    assert is_known(exchange) == is_accepted


async def test_a_late_request_is_executed_when_nobody_waits_any_more(client, exchange):
    exchange.faults.place.next("late")
    with pytest.raises(aiohttp.ClientError):
        await client.request("POST", "/v2/orders/limit", ORDER)
    assert not is_known(exchange)
    exchange.clock.advance(exchange.faults.stall)
    assert is_known(exchange)


async def test_a_stalled_reply(client, exchange):
    exchange.faults.place.next("stalled")
    request = asyncio.create_task(client.request("POST", "/v2/orders/limit", ORDER))
    while not is_known(exchange):
        await asyncio.sleep(0)
    assert not request.done()
    exchange.clock.advance(exchange.faults.stall)
    assert (await request).status == 201


async def test_each_group_has_its_own_faults(client, exchange):
    exchange.faults.cancel.next("html_refused")
    exchange.faults.read.next("unavailable")
    exchange.faults.batch.next("rate_limited")
    order_id = (await client.limit()).body["id"]
    assert (await client.cancel(orderId=order_id)).status == 400
    assert (await client.get("/v1/orders/open")).status == 503
    assert (await client.request("POST", "/v1/batch/orders", {})).status == 429
    assert (await client.cancel(orderId=order_id)).status == 200


async def test_events_may_come_before_the_reply(client, exchange):
    socket = await client.account_socket()
    exchange.faults.events.before_reply = True
    request = asyncio.create_task(client.limit())
    await socket.until("ORDER_PROCESSED")
    assert (await request).status == 201


async def test_a_huge_body_is_a_validation_error(client, exchange):
    answer = await client.request("POST", "/v2/orders/limit", '{"a":"' + "x" * 3_000_000 + '"}')
    assert (answer.status, answer.body["code"]) == (400, -11)
    assert (await client.limit()).status == 201


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "NaN", '{"a":' * 50_000, "[" * 50_000, "9" * 10_000,
                                  '{"quantity":' + "9" * 9000 + "}", '{"side":"\\ud800"}'])
@pytest.mark.parametrize("verb, path", [("POST", "/v1/orders/limit"), ("POST", "/v2/orders/market"),
                                        ("DELETE", "/v2/orders/order"), ("POST", "/v1/batch/orders")])
async def test_bad_bodies_get_a_valr_error(client, verb, path, body):
    answer = await client.request(verb, path, body)
    assert answer.status == 400 and answer.body["code"] in (-113, -11)


async def test_a_bad_body_is_one_line_in_the_log(client, caplog):
    with caplog.at_level("INFO"):
        await client.request("POST", "/v1/orders/limit", "{")
    lines = [record for record in caplog.records if record.name.startswith("hummingbot_valr")]
    assert [line.getMessage() for line in lines] == ["POST /v1/orders/limit refused: 400 Invalid JSON payload"]
    assert lines[0].exc_info is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300))
def test_no_body_is_a_server_error(body):
    from test.hummingbot_valr.simulator.client import Client

    from hummingbot_valr.simulator import ValrSimulator

    async def send():
        async with ValrSimulator(market=False) as exchange, Client(exchange) as client:
            for path in ("/v1/orders/limit", "/v2/orders/market", "/v1/batch/orders"):
                text = body.decode("latin-1")
                answer = await client.request("POST", path, text)
                assert answer.status in (400, 401)

    asyncio.run(send())
