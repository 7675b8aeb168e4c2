"""Whatever a client sends: the embedded exchange answers, writes one line at the most, and goes on."""
import hashlib
import hmac
import logging
from contextlib import contextmanager
from test.hummingbot.connector.exchange.valr import junk
from test.hummingbot_valr.simulator.client import Client
from typing import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from yarl import URL

from hummingbot_valr.simulator.rest_account import TRANSFER
from hummingbot_valr.simulator.signing import TRADE, VIEW

LONGEST_LINE = 1_000
LONGEST_PATH = 7_000  # aiohttp reads lines of 8,190 bytes

fuzz = settings(max_examples=100, deadline=None, derandomize=True,
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

LIMIT = {"side": "BUY", "pair": "BTCZAR", "quantity": "0.001", "price": "1000000", "postOnly": False,
         "timeInForce": "GTC", "customerOrderId": "HBOT1"}
MARKET = {"side": "SELL", "pair": "BTCZAR", "baseAmount": "0.001", "customerOrderId": "HBOT2"}
CANCEL = {"pair": "BTCZAR", "customerOrderId": "HBOT1"}
BATCH = {"requests": [{"type": "PLACE_LIMIT", "data": LIMIT}, {"type": "CANCEL_ORDER", "data": CANCEL}]}
MOVE = {"fromId": "0", "toId": "1385226517613019136", "currencyCode": "ZAR", "amount": "1"}

BODIES = [
    ("POST", "/v1/orders/limit", LIMIT),
    ("POST", "/v2/orders/limit", LIMIT),
    ("POST", "/v1/orders/market", MARKET),
    ("POST", "/v2/orders/market", MARKET),
    ("DELETE", "/v1/orders/order", CANCEL),
    ("DELETE", "/v2/orders/order", CANCEL),
    ("POST", "/v1/batch/orders", BATCH),
    ("POST", "/v1/account/subaccounts/transfer", MOVE),
]
QUERIES = [
    "/v1/account/tradehistory", "/v1/account/BTCZAR/tradehistory", "/v1/account/transactionhistory",
    "/v1/account/balances", "/v1/orders/history", "/v1/public/BTCZAR/trades", "/v1/public/BTCZAR/buckets",
    "/v1/public/marketsummary", "/v1/public/ordertypes", "/simulator/state",
]
PARAMETERS = ["skip", "limit", "startTime", "endTime", "beforeId", "statuses", "currencyPair", "transactionTypes",
              "currency", "periodSeconds", "includeInactivePairs", "excludeZeroBalances", "pair", "account"]
PATHS = [
    "/v1/orders/{}/orderid/{}", "/v1/orders/{}/customerorderid/{}", "/v1/orders/history/detail/orderid/{}",
    "/v1/orders/history/summary/customerorderid/{}", "/v1/public/{}/orderbook", "/v1/marketdata/{}/orderbook",
    "/v1/public/pairs/{}", "/v1/{}", "/{}",
]
COMMANDS = st.sampled_from([
    {"type": "PING"},
    {"type": "SUBSCRIBE", "subscriptions": [{"event": "OB_L1_DIFF", "pairs": ["BTCZAR"]}]},
    {"type": "SUBSCRIBE", "subscriptions": [{"event": "NEW_TRADE"}, {"event": "ORDER_STATUS_UPDATE"}]},
    {"type": "UNSUBSCRIBE", "requests": [{"event": "BALANCE_UPDATE"}]},
    {"type": "CANCEL_ON_DISCONNECT", "payload": {"cancelOnDisconnect": False}},
    {"type": "PLACE_LIMIT_ORDER", "clientMsgId": "1", "payload": LIMIT},
    {"type": "PLACE_MARKET_ORDER", "clientMsgId": "2", "payload": MARKET},
    {"type": "CANCEL_LIMIT_ORDER", "clientMsgId": "3", "payload": CANCEL},
    {"type": "BATCH_ORDERS", "clientMsgId": "4", "payload": BATCH},
    {"type": "MODIFY_ORDER", "clientMsgId": "5", "payload": {}},
])
encodable = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
words = encodable | st.sampled_from([text for text in junk.ODD_TEXTS if text.isascii() and len(text) < 6_000])


@pytest.fixture
async def client(exchange):
    """A client that may do everything, whom no limit stops."""
    exchange.rate_limits.enabled = False
    key = exchange.keys.create(exchange.account_id, permissions=(VIEW, TRADE, TRANSFER))
    async with Client(exchange, key) as client:
        yield client


@pytest.fixture
def quiet(caplog, exchange, client):
    """A context in which at most so many lines are logged, short ones without tracebacks and secrets."""
    caplog.set_level(logging.DEBUG)

    @contextmanager
    def is_quiet(most: int) -> Iterator[None]:
        caplog.clear()
        yield
        records = [record for record in caplog.records if record.name.startswith(("hummingbot_valr", "aiohttp"))]
        messages = [record.getMessage() for record in records]
        assert not [record for record in records if record.exc_info], messages
        assert all(len(message.splitlines()) == 1 and len(message) <= LONGEST_LINE for message in messages), messages
        assert not [message for message in messages if exchange.api_secret in message or client.secret in message]
        assert len(records) <= most, messages

    return is_quiet


async def send(client: Client, verb: str, path: str, body: bytes = b"") -> int:
    """:return: the status of the reply, whose JSON is read"""
    headers = client.headers(verb, path)
    text = f"{headers['X-VALR-TIMESTAMP']}{verb}{path}".encode() + body
    headers["X-VALR-SIGNATURE"] = hmac.new(client.secret.encode(), text, hashlib.sha512).hexdigest()
    url = URL(client.exchange.url + path, encoded=True)
    async with client.session.request(verb, url, data=body, headers=headers) as response:
        if response.content_type == "application/json" and await response.read():
            await response.json()
        return response.status


def is_sound(exchange) -> bool:
    """No balance is below zero."""
    account = exchange.engine.account(exchange.account_id)
    return all(balance.reserved >= 0 and balance.available >= 0 for balance in account.balances.values())


@fuzz
@given(route=st.sampled_from(BODIES), data=st.data())
async def test_no_body_is_too_much(exchange, client, quiet, route, data):
    verb, path, body = route
    with quiet(most=1):
        assert await send(client, verb, path, data.draw(junk.texts(st.just(body)))) in (200, 201, 202, 400, 403)
    assert is_sound(exchange)


@fuzz
@given(path=st.sampled_from(QUERIES), parameters=st.dictionaries(st.sampled_from(PARAMETERS), words, max_size=4))
async def test_no_query_is_too_much(client, quiet, path, parameters):
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    with quiet(most=1):
        assert await send(client, "GET", (f"{path}?{query}" if query else path)[:LONGEST_PATH]) in (200, 400, 404)


@fuzz
@given(path=st.sampled_from(PATHS), parts=st.tuples(words, words))
async def test_no_path_is_too_much(client, quiet, path, parts):
    path = path.format(*(quote(part or "x", safe="") for part in parts))
    with quiet(most=1):
        assert await send(client, "GET", path[:LONGEST_PATH]) in (200, 400, 404, 405)


@pytest.mark.parametrize("path", ["/ws/trade", "/ws/account"])
@fuzz
@given(frames=st.lists(junk.texts(COMMANDS), max_size=4))
async def test_no_frame_is_too_much(exchange, client, quiet, path, frames):
    with quiet(most=len(frames)):
        socket = await client.socket(path)
        for frame in frames:
            await socket.send(frame.decode(errors="replace"))
        await socket.until_pong()
        await socket.ws.close()
    assert is_sound(exchange)


@pytest.mark.parametrize("path", ["/ws/trade", "/ws/account"])
@pytest.mark.parametrize("message", [b"\x81\x81\0\0\0\0\xff", b"\x82\x81\0\0\0\0\xff", b"\xff\xff", b"\x81\xfe\xff"],
                         ids=["no UTF-8", "binary", "no frame", "cut off"])
async def test_broken_websocket_messages_end_one_connection_only(client, quiet, path, message):
    with quiet(most=1):
        bystander, socket = await client.socket(path), await client.socket(path)
        transport = socket.ws._writer.transport  # aiohttp itself does not send such messages
        transport.write(message)
        transport.close()
        await bystander.until_pong()
