import time

import pytest


async def get(client, path):
    return await client.get(path, signed=False)


async def test_time_and_status(client, exchange):
    answer = (await get(client, "/v1/public/time")).body
    assert abs(answer["epochTime"] - time.time()) < 3 and len(answer["time"]) == len("2026-09-23T03:19:57.710853735Z")
    assert (await get(client, "/v1/public/status")).body == {"status": "online"}
    exchange.faults.read_only = True
    assert (await get(client, "/v1/public/status")).body == {"status": "read-only"}
    assert (await get(client, "/v2/healthz")).status == 200


async def test_pairs_by_type(client):
    everything = (await get(client, "/v1/public/pairs")).body
    spot = (await get(client, "/v1/public/pairs/SPOT")).body
    future = (await get(client, "/v1/public/pairs/FUTURE")).body
    assert len(spot) + len(future) == len(everything)
    assert [row["symbol"] for row in future] == ["BTCUSDTPERP"]
    wrong = await get(client, "/v1/public/pairs/NOPE")
    assert (wrong.status, wrong.body["code"]) == (400, -11)


async def test_order_types(client):
    rows = {row["currencyPair"]: row["orderTypes"] for row in (await get(client, "/v1/public/ordertypes")).body}
    assert rows["BNTUSDC"] == ["SIMPLE"] and rows["LTCETH"] == [] and "ENJUSDC" in rows
    active = (await get(client, "/v1/public/ordertypes?includeInactivePairs=false")).body
    assert "ENJUSDC" not in [row["currencyPair"] for row in active]
    assert (await get(client, "/v1/public/BNTUSDC/ordertypes")).body == ["SIMPLE"]


async def test_the_rand_among_the_currencies(client):
    rows = (await get(client, "/v1/public/currencies")).body
    assert [row["symbol"] for row in rows if row["shortName"] == "ZAR"] == ["R"]


async def test_books_are_aggregated_or_order_by_order(client, exchange):
    for quantity in ("1", "2"):
        exchange.engine.place_limit("market", pair="BTCZAR", side="BUY", quantity=quantity, price="1000000")
    for distance in range(1, 50):
        exchange.engine.place_limit("market", pair="BTCZAR", side="SELL", quantity="0.1", price=1000000 + distance)
    book = (await get(client, "/v1/public/BTCZAR/orderbook")).body
    assert book["Bids"] == [{"side": "buy", "quantity": "3", "price": "1000000", "currencyPair": "BTCZAR",
                             "orderCount": 2}]
    assert [level["price"] for level in book["Asks"]] == [str(1000000 + distance) for distance in range(1, 41)]
    full = (await get(client, "/v1/public/BTCZAR/orderbook/full")).body
    assert [order["positionAtPrice"] for order in full["Bids"]] == [1, 2] and len(full["Asks"]) == 49


async def test_the_public_book_may_be_thirty_seconds_old_and_the_signed_one_a_second(client, exchange):
    async def bids(path, signed):
        return len((await client.get(path, signed=signed)).body["Bids"])

    paths = ("/v1/public/BTCZAR/orderbook", False), ("/v1/marketdata/BTCZAR/orderbook", True)
    assert [await bids(*path) for path in paths] == [0, 0]
    exchange.engine.place_limit("market", pair="BTCZAR", side="BUY", quantity="1", price="1000000")
    assert [await bids(*path) for path in paths] == [0, 0]
    exchange.clock.advance(2)
    assert [await bids(*path) for path in paths] == [0, 1]
    exchange.clock.advance(28)
    assert await bids(*paths[0]) == 1


async def test_errors_are_cached_too_and_the_cache_can_be_switched_off(client, exchange):
    path = "/v1/public/NEWZAR/orderbook"
    assert (await get(client, path)).body == {"code": -21, "message": "Unsupported Currency Pair"}
    answer = await get(client, path)
    assert answer.headers["Cache-Control"] == "max-age=30,public" and answer.headers["Age"] == "0"
    exchange.faults.public_cache = False
    exchange.engine.add_pair("NEW", "ZAR")
    assert (await get(client, path)).status == 200


async def test_inactive_pairs_have_an_empty_book_and_no_summary(client):
    assert (await get(client, "/v1/public/ENJUSDC/orderbook")).body["Bids"] == []
    answer = await get(client, "/v1/public/ENJUSDC/marketsummary")
    assert (answer.status, answer.body) == (404, {"code": -111, "message": "Market summary not found"})


async def test_summaries_of_all_pairs_and_of_one(client, exchange):
    exchange.engine.place_limit("market", pair="BTCZAR", side="BUY", quantity="1", price="999990")
    rows = (await get(client, "/v1/public/marketsummary")).body
    assert {row["currencyPair"] for row in rows} == {pair.symbol for pair in exchange.engine.pairs.values()
                                                     if pair.active}
    one = (await get(client, "/v1/public/BTCZAR/marketsummary")).body
    assert (one["bidPrice"], one["askPrice"]) == ("999990", "0")


async def test_trades_are_paged_newest_first(client, exchange):
    exchange.faults.public_cache = False
    for price in range(1000001, 1000006):
        exchange.engine.place_limit("market", pair="BTCZAR", side="SELL", quantity="0.1", price=price)
        exchange.engine.place_market(exchange.account_id, pair="BTCZAR", side="BUY", base_amount="0.1")
    rows = (await get(client, "/v1/public/BTCZAR/trades?limit=2")).body
    assert [row["price"] for row in rows] == ["1000005", "1000004"] and rows[0]["takerSide"] == "buy"
    older = (await get(client, f"/v1/public/BTCZAR/trades?beforeId={rows[1]['id']}&skip=1")).body
    assert [row["price"] for row in older] == ["1000002", "1000001"]
    same = (await client.get("/v1/marketdata/BTCZAR/tradehistory?limit=2")).body
    assert same == rows
    assert (await get(client, "/v1/public/BTCZAR/trades?startTime=2099-01-01T00:00:00Z")).body == []
    assert len((await get(client, "/v1/public/BTCZAR/trades?endTime=2099-01-01T00:00:00Z")).body) == 5


@pytest.mark.parametrize("query", ["periodSeconds=120", "periodSeconds=x", "limit=301", "startTime=1&endTime=100000",
                                   "startTime=200&endTime=100", "startTime=2025-01-01T00:00:00Z"])
async def test_bad_bucket_queries(client, query):
    answer = await get(client, f"/v1/public/BTCZAR/buckets?{query}")
    assert (answer.status, answer.body["code"]) == (400, -11)


async def test_buckets_with_and_without_empty_minutes(client, exchange):
    exchange.engine.place_limit("market", pair="BTCZAR", side="SELL", quantity="0.1", price=1000000)
    exchange.engine.place_market(exchange.account_id, pair="BTCZAR", side="BUY", base_amount="0.1")
    exchange.clock.advance(180)
    now = int(exchange.clock.now())
    path = f"/v1/public/BTCZAR/buckets?periodSeconds=60&startTime={now - 600}&endTime={now}"
    rows = (await get(client, path)).body
    assert [row["volume"] for row in rows] == ["0.1"]
    filled = (await get(client, path + "&includeEmpty=true")).body
    assert [row["volume"] for row in filled] == ["0", "0", "0", "0.1"]
    assert filled == sorted(filled, key=lambda row: row["startTime"], reverse=True)
    assert (await get(client, path + "&includeEmpty=true&skip=3&limit=5")).body == rows


async def test_an_unknown_path_is_not_found(client):
    assert (await get(client, "/v1/public/nothing/here")).status == 404
