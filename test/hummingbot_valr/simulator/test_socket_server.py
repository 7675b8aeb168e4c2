import asyncio
from test.hummingbot_valr.simulator.client import Client

import aiohttp
import pytest

from hummingbot_valr.simulator import account_commands
from hummingbot_valr.simulator.commands import accept_limit


async def refusal(client, path="/ws/account", headers=None):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.socket(path, headers=headers)
    return refused.value.status


@pytest.mark.parametrize("path", ["/ws/account", "/ws/trade"])
async def test_a_bad_signature_opens_and_then_closes(client, path):
    socket = await client.socket(path, headers=client.headers("GET", path + "?x"))
    message = await socket.ws.receive()
    assert (message.type, message.data, message.extra) == (
        aiohttp.WSMsgType.CLOSE, 1007, "Request has an invalid signature")


async def test_the_account_socket_needs_a_key(client):
    assert await refusal(client, headers={}) == 403


async def test_a_key_without_permission_to_view(exchange):
    async with Client(exchange, exchange.keys.create("0", permissions=["Trade"])) as client:
        assert await (await client.socket("/ws/account")).closed() == 1007


@pytest.mark.parametrize("way, first, code", [
    ("close_1007", None, 1007), ("unauthorized_frame", {"type": "UNAUTHORIZED"}, 1000),
    ("error_frame", {"type": "ERROR", "message": "Unauthorized"}, 1000),
])
async def test_a_login_refused_after_the_upgrade(client, exchange, way, first, code):
    exchange.faults.account_login = way
    socket = await client.socket("/ws/account")
    if first:
        assert await socket.next() == first
    assert await socket.closed() == code


@pytest.mark.parametrize("way, status", [("http_401", 401), ("http_403", 403), ("http_429", 429)])
async def test_a_login_refused_at_the_upgrade(client, exchange, way, status):
    exchange.faults.account_login = way
    assert await refusal(client) == status
    exchange.faults.account_login = None
    await client.account_socket()


async def test_a_trade_socket_refused_at_the_upgrade(client, exchange):
    exchange.faults.trade_refusal = 503
    assert await refusal(client, "/ws/trade") == 503


async def test_too_many_sockets(client, exchange):
    exchange.rate_limits.limits["sockets"] = (2, 1_000_000_000)
    for _ in range(2):
        await client.socket("/ws/trade")
    assert await refusal(client) == 429


@pytest.mark.parametrize("code", [1000, 1006, 1012])
@pytest.mark.parametrize("kind", ["trade", "account"])
async def test_dropped_sockets(client, exchange, kind, code):
    socket = await client.socket(f"/ws/{kind}")
    await socket.until_pong()
    assert exchange.faults.drop_sockets(kind, code) == 1
    assert await socket.closed() == code


async def test_a_half_open_socket_says_and_hears_nothing(client, exchange):
    socket = await client.account_socket()
    assert exchange.faults.silence_sockets("account") == 1
    await socket.send({"type": "PING"})
    await socket.ws.ping()
    await socket.send({"type": "PLACE_LIMIT_ORDER", "payload": {
        "side": "BUY", "quantity": "0.01", "price": "1000000", "pair": "BTCZAR"}})
    await client.limit()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(socket.ws.receive(), 0.1)
    assert len(exchange.engine.account("0").orders) == 1
    fresh = await client.account_socket()
    await fresh.send({"type": "PING"})
    assert (await fresh.next())["type"] == "PONG"


async def test_a_socket_that_goes_half_open_ignores_what_it_had_received(client, exchange, monkeypatch):
    socket = await client.account_socket()

    def fall_silent_and_accept(*args):
        exchange.faults.silence_sockets("account")
        return accept_limit(*args)

    monkeypatch.setattr(account_commands, "accept_limit", fall_silent_and_accept)
    for number in range(2):
        await socket.send({"type": "PLACE_LIMIT_ORDER", "payload": {
            "side": "BUY", "quantity": "0.01", "price": "1000000", "pair": "BTCZAR", "customerOrderId": f"A{number}"}})
    await (await client.account_socket()).until_pong()
    assert [order.customer_order_id for order in exchange.engine.account("0").orders.values()] == ["A0"]


async def test_a_half_open_socket_does_not_answer_a_close(client, exchange):
    socket = await client.account_socket()
    exchange.faults.silence_sockets("account")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(socket.ws.close(), 0.1)


@pytest.mark.parametrize("kind, rule", [
    ("account", "account_idle_close"), ("trade", "trade_idle_close"), ("trade", "unsigned_close"),
])
async def test_a_half_open_socket_hears_of_no_closing_rule(client, exchange, kind, rule):
    silent = await client.socket(f"/ws/{kind}", signed=kind == "account")
    await silent.until_pong()
    exchange.faults.silence_sockets(kind)
    other = await client.socket(f"/ws/{kind}", signed=kind == "account")
    await other.until_pong()
    setattr(exchange.faults, rule, 0.0)
    await other.closed()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(silent.ws.receive(), 0.1)


async def test_a_protocol_ping_is_answered(client):
    socket = await client.account_socket()
    await socket.ws.ping(b"x")
    assert await socket.until_pong() == []


async def test_fills_happen_while_a_socket_is_away(client, exchange):
    await client.account_socket()
    await client.limit(quantity="0.1", customerOrderId="A1")
    exchange.faults.drop_sockets("account")
    exchange.engine.place_market("market", pair="BTCZAR", side="SELL", base_amount="0.1")
    socket = await client.socket("/ws/account")
    assert (await socket.until("OPEN_ORDERS_UPDATE"))["data"] == []
    assert "NEW_ACCOUNT_TRADE" not in [frame["type"] for frame in socket.received]


# Closing rules

async def test_unsigned_trade_sockets_live_fifteen_minutes(client, exchange):
    unsigned = await client.trade_socket("NEW_TRADE", "BTCZAR", signed=False)
    signed = await client.trade_socket("NEW_TRADE", "BTCZAR")
    await unsigned.until_pong(), await signed.until_pong()
    exchange.clock.advance(899)
    await unsigned.until_pong()
    exchange.clock.advance(2)
    assert await unsigned.closed() == 1000
    await signed.until_pong()


async def test_a_trade_socket_without_subscription_and_frames_is_dropped(client, exchange):
    socket = await client.socket("/ws/trade", signed=False)
    await socket.until_pong()
    exchange.clock.advance(600)
    await socket.until_pong()
    exchange.faults.trade_idle_close = 0.1
    assert await socket.closed() == 1006


async def test_a_silent_subscriber_stays(client, exchange):
    socket = await client.trade_socket("NEW_TRADE", "BTCZAR")
    await socket.until_pong()
    exchange.faults.trade_idle_close = 0.0
    exchange.clock.advance(1)
    await socket.until_pong()


async def test_an_account_socket_without_ping_is_closed(client, exchange):
    socket = await client.account_socket()
    exchange.clock.advance(3600)
    await socket.until_pong()
    exchange.faults.account_idle_close = 0.1
    assert await socket.closed() == 1000
    exchange.faults.account_idle_close = None
    await client.account_socket()
    exchange.clock.advance(1)
    assert len(exchange.account_hub.sockets) == 1
