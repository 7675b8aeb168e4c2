"""The exchange's payloads have the fields, types and spellings of payloads captured from VALR."""
import re
from test.hummingbot.connector.exchange.valr.helpers import FRAMES

import pytest

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3,9})?Z")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
# There only for orders that have one, on some routes in no captured reply.
NOT_ALWAYS = {"customerOrderId"}


def captured(path):
    """The rows of every captured reply to a GET of `path` (a regular expression)."""
    rows = []
    for frame in FRAMES:
        payload = frame["payload"]
        if frame["channel"] != "rest" or not isinstance(payload, dict) or payload.get("status") != 200:
            continue
        request = payload.get("request") or {}
        if request.get("method") == "GET" and re.fullmatch(path, (request.get("path") or "").split("?")[0]):
            body = payload.get("body")
            rows += [row for row in (body if isinstance(body, list) else [body]) if isinstance(row, dict)]
    assert rows, f"nothing was captured for {path}"
    return rows


def frames(kind):
    """Captured frames of a type, without the forms of 2020 with nested currency pairs."""
    found = [frame["payload"] for frame in FRAMES if frame["channel"] != "rest" and isinstance(frame["payload"], dict)
             and frame["payload"].get("type") == kind and "2020" not in frame.get("note", "")]
    assert found, f"no frame {kind} was captured"
    return found


def kind_of(value):
    """What a value is, on the wire."""
    if isinstance(value, bool) or value is None:
        return "boolean or null"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "time" if TIME.fullmatch(value) else "numeric text" if NUMBER.fullmatch(value) else "text"
    return type(value).__name__


def check_like(row, samples, optional=()):
    """`row` has only fields of the samples, each of a kind seen there, and all fields that every sample has."""
    known = {}
    for sample in samples:
        for name, value in sample.items():
            known.setdefault(name, set()).add(kind_of(value))
    extra = set(row) - set(known) - NOT_ALWAYS
    assert not extra, f"VALR has no field {extra}"
    missing = set.intersection(*(set(sample) for sample in samples)) - set(row) - set(optional) - NOT_ALWAYS
    assert not missing, f"VALR has the fields {missing} too"
    for name, value in row.items():
        kinds = known.get(name, {kind_of(value)})
        # An id may look like a number, and a text may be empty.
        assert kind_of(value) in kinds or {kind_of(value), *kinds} <= {"text", "numeric text", "boolean or null"}, \
            f"{name} is {value!r}, VALR sends {kinds}"
        if isinstance(value, dict):
            check_like(value, [sample[name] for sample in samples if isinstance(sample.get(name), dict)], optional)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            inner = [item for sample in samples for item in sample.get(name, ()) if isinstance(item, dict)]
            for item in value:
                check_like(item, inner, optional)


@pytest.fixture
async def traded(exchange, client):
    """A market with levels on both sides and, in the demo account, an open, a filled and a failed order."""
    for distance in range(1, 5):
        exchange.engine.place_limit("market", pair="BTCZAR", side="SELL", quantity="0.1", price=1000000 + distance)
    await client.limit(quantity="0.3", price="1000000", customerOrderId="A1")
    await client.market(side="BUY", baseAmount="0.05")
    exchange.engine.place_market("market", pair="BTCZAR", side="SELL", base_amount="0.1")
    await client.limit(price="2000000", postOnly=True, customerOrderId="A2")
    return exchange


@pytest.mark.parametrize("path, like, optional", [
    ("/v1/public/time", "/v1/public/time", ()),
    ("/v1/public/status", "/v1/public/status", ()),
    ("/v1/public/pairs/SPOT", "/v1/public/pairs(/:type)?", ()),
    ("/v1/public/pairs/FUTURE", "/v1/public/pairs(/:type)?", ()),
    ("/v1/public/currencies", "/v1/public/currencies", ()),
    ("/v1/public/ordertypes", "/v1/public/ordertypes", ()),
    ("/v1/public/BTCZAR/orderbook", "/v1/(public|marketdata)/[^/]+/orderbook", ()),
    ("/v1/public/BTCZAR/orderbook/full", "/v1/(public|marketdata)/[^/]+/orderbook/full", ()),
    ("/v1/public/marketsummary", "/v1/public/(:currencyPair/)?marketsummary", ()),
    ("/v1/public/BTCZAR/trades", "/v1/public/[^/]+/trades", ()),
    ("/v1/public/BTCZAR/buckets", "/v1/public/:currencyPair/buckets", ()),
    ("/v1/marketdata/BTCZAR/tradehistory", "/v1/marketdata/[^/]+/tradehistory", ()),
    ("/v1/account/balances", "/v1/account/balances",
     ("totalInReference", "totalInReferenceWeighted", "referenceCurrency")),
    ("/v1/account/balances/all", "/v1/account/balances/all", ()),
    ("/v1/account/tradehistory", "/v1/account/([^/]+/)?tradehistory", ()),
    ("/v1/account/transactionhistory", "/v1/account/transactionhistory", ()),
    ("/v1/account/fees/trade", "/v1/account/fees/trade",
     ("makerPercentage", "takerPercentage", "simplePercentage")),
    ("/v1/account/subaccounts", "/v1/account/subaccounts", ()),
    ("/v1/orders/open", "/v1/orders/open", ()),
    ("/v1/orders/BTCZAR/customerorderid/A1", "/v1/orders/[^/]+/(customerorderid|orderid)/[^/]+", ()),
    ("/v1/orders/history", "/v1/orders/history", ()),
    ("/v1/orders/history/summary/customerorderid/A2", "/v1/orders/history/summary/.*", ()),
    ("/v1/orders/history/detail/customerorderid/A1", "/v1/orders/history/detail/.*", ()),
])
async def test_replies_look_like_captured_ones(traded, client, path, like, optional):
    body = (await client.get(path)).body
    rows = body if isinstance(body, list) else [body]
    assert rows
    for row in rows:
        check_like(row, captured(like), optional)


async def test_the_key_looks_like_a_captured_one(client):
    body = (await client.get("/v1/account/api-keys/current")).body
    # Documented, and not in the captured reply: isSubAccount.
    assert body.pop("isSubAccount") is False
    check_like(body, captured("/v1/account/api-keys/current"), ("allowedIpAddressCidr", "allowedWithdrawAddressList"))


async def test_books_come_in_pascal_case_with_the_order_of_captured_fields(traded, client):
    body = (await client.get("/v1/public/BTCZAR/orderbook")).body
    sample = next(row for row in captured("/v1/public/[^/]+/orderbook") if row["Asks"])
    assert list(body) == list(sample) and list(body["Asks"][0]) == list(sample["Asks"][0])


@pytest.mark.parametrize("event", ["NEW_TRADE", "AGGREGATED_ORDERBOOK_UPDATE", "MARKET_SUMMARY_UPDATE",
                                   "MARK_PRICE_UPDATE", "NEW_TRADE_BUCKET"])
async def test_public_frames_look_like_captured_ones(traded, client, event):
    socket = await client.trade_socket(event, "BTCZAR", signed=False)
    await socket.until("SUBSCRIBED")
    await client.market(side="BUY", baseAmount="0.01")
    if event == "NEW_TRADE_BUCKET":
        traded.clock.advance(60)
    frame = await socket.until(event)
    # Of the summary's pair the wire has one spelling and the documentation another; the wire's is the one to have.
    samples = [sample for sample in frames(event) if "currencyPair" not in sample["data"] or event == "NEW_TRADE"]
    check_like(frame, samples)


async def test_book_frames_look_like_captured_ones(traded, client):
    socket = await client.trade_socket("OB_L1_DIFF", "BTCZAR", signed=False)
    snapshot = await socket.until("OB_L1_SNAPSHOT")
    await client.market(side="BUY", baseAmount="0.01")
    for frame in (snapshot, await socket.until("OB_L1_DIFF")):
        sample = frames(frame["type"])[0]
        assert list(frame) == list(sample) and list(frame["d"]) == list(sample["d"])
        check_like(frame, frames(frame["type"]))


async def test_account_frames_look_like_captured_ones(traded, client):
    socket = await client.account_socket()
    await client.market(side="BUY", baseAmount="0.05")
    traded.engine.place_market("market", pair="BTCZAR", side="SELL", base_amount="0.1")
    await client.limit(price="2000000", postOnly=True, customerOrderId="A3")
    await client.cancel(version=1, orderId="none")
    await socket.send({"type": "CANCEL_ON_DISCONNECT", "payload": {"cancelOnDisconnect": True}})
    await socket.send({"type": "PLACE_LIMIT_ORDER", "clientMsgId": "m1", "payload": {
        "side": "BUY", "quantity": "0.01", "price": "900000", "pair": "BTCZAR", "customerOrderId": "A4"}})
    await socket.send({"type": "CANCEL_LIMIT_ORDER", "clientMsgId": "m2", "payload": {
        "customerOrderId": "A4", "pair": "BTCZAR"}})
    received = await socket.until_pong()
    kinds = {frame["type"] for frame in received}
    assert kinds >= {"BALANCE_UPDATE", "OPEN_ORDERS_UPDATE", "ORDER_PROCESSED", "ORDER_STATUS_UPDATE",
                     "NEW_ACCOUNT_TRADE", "NEW_ACCOUNT_HISTORY_RECORD", "FAILED_CANCEL_ORDER",
                     "PLACE_LIMIT_WS_RESPONSE", "CANCEL_ORDER_WS_RESPONSE", "CANCEL_ON_DISCONNECT_UPDATE"}
    for frame in received:
        samples = frames(frame["type"])
        if frame["type"] in ("PLACE_LIMIT_WS_RESPONSE", "CANCEL_ORDER_WS_RESPONSE"):
            samples = [sample for sample in samples if "data" in sample]
        optional = ("totalInReference", "totalInReferenceWeighted", "referenceCurrency")
        check_like(frame, samples, optional)


@pytest.mark.parametrize("verb, path, body", [
    ("POST", "/v1/orders/limit", {"side": "BUY", "pair": "USDTZAR", "quantity": "0.1", "price": "18"}),
    ("POST", "/v1/orders/limit", "{"),
    ("GET", "/v1/orders/BTCZAR/orderid/none", None),
    ("GET", "/v1/public/NOPEUSDTPERP/orderbook", None),
    ("GET", "/v1/public/ENJUSDC/marketsummary", None),
    ("GET", "/v1/public/pairs/NOPE", None),
])
async def test_errors_are_word_for_word_those_captured(client, verb, path, body):
    answer = await client.request(verb, path, body)
    messages = {(row["payload"]["status"], row["payload"]["body"]["code"], row["payload"]["body"]["message"])
                for row in FRAMES if row["channel"] == "rest" and isinstance(row["payload"].get("body"), dict)
                and "code" in row["payload"]["body"] and "message" in row["payload"]["body"]}
    assert (answer.status, answer.body["code"], answer.body["message"]) in messages
