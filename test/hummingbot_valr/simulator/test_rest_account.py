import json
from test.hummingbot_valr.simulator.client import Client

import pytest

from hummingbot_valr.simulator.rest_account import TRANSFER
from hummingbot_valr.simulator.signing import VIEW


async def fill(exchange, price=1000000, quantity="0.1", maker_side="SELL"):
    """One trade of the demo account as a taker, against the account "market"."""
    exchange.engine.place_limit("market", pair="BTCZAR", side=maker_side, quantity=quantity, price=price)
    side = "BUY" if maker_side == "SELL" else "SELL"
    exchange.engine.place_market(exchange.account_id, pair="BTCZAR", side=side, base_amount=quantity)


async def test_balances(client, exchange):
    held = {row["currency"]: row for row in (await client.get("/v1/account/balances?excludeZeroBalances=true")).body}
    assert held["ZAR"]["available"] == held["ZAR"]["total"] == "1000000" and "BNT" not in held
    everything = (await client.get("/v1/account/balances")).body
    assert {row["currency"] for row in everything} == set(exchange.engine.currencies)
    exchange.faults.rest_balance_symbol = "R"
    assert "R" in {row["currency"] for row in (await client.get("/v1/account/balances")).body}


async def test_reserved_money_is_shown(client):
    await client.limit(quantity="0.1", price="1000000")
    rows = {row["currency"]: row for row in (await client.get("/v1/account/balances")).body}
    assert (rows["ZAR"]["available"], rows["ZAR"]["reserved"], rows["ZAR"]["total"]) == ("900000", "100000", "1000000")


async def test_a_sub_account_is_seen_with_the_header(exchange):
    exchange.engine.deposit(exchange.sub_account_id, "ETH", "1.5")
    async with Client(exchange, sub_account_id=exchange.sub_account_id) as client:
        rows = (await client.get("/v1/account/balances?excludeZeroBalances=true")).body
        assert [(row["currency"], row["total"]) for row in rows] == [("ETH", "1.5")]
        assert (await client.get("/v1/account/subaccounts")).status == 401
        assert (await client.get("/v1/account/balances/all")).status == 401


async def test_the_primary_account_sees_all(client, exchange):
    assert (await client.get("/v1/account/subaccounts")).body == [
        {"label": "Sub Acc 001", "id": exchange.sub_account_id}]
    rows = (await client.get("/v1/account/balances/all")).body
    assert [row["account"]["id"] for row in rows] == ["0", exchange.sub_account_id]


async def test_fees(client, exchange):
    exchange.engine.set_fees(exchange.account_id, "ETHZAR", "-0.01", "0.05")
    rows = {row["currencyPair"]: row for row in (await client.get("/v1/account/fees/trade")).body}
    assert rows["BTCZAR"] == {"currencyPair": "BTCZAR", "makerPercentage": "0.18", "takerPercentage": "0.35",
                              "simplePercentage": "1.6"}
    assert rows["ETHZAR"]["makerPercentage"] == "-0.01"
    assert rows["BNTUSDC"] == {"currencyPair": "BNTUSDC", "simplePercentage": "1.6"}


async def test_the_key_tells_about_itself(exchange, client):
    assert (await client.get("/v1/account/api-keys/current")).body["permissions"] == ["View access", "Trade"]
    key = exchange.keys.create(exchange.sub_account_id, label="reader", permissions=[VIEW])
    async with Client(exchange, key) as reader:
        body = (await reader.get("/v1/account/api-keys/current")).body
        assert (body["label"], body["permissions"], body["isSubAccount"]) == ("reader", ["View access"], True)


async def test_permissions_are_needed(exchange):
    async with Client(exchange, exchange.keys.create("0", permissions=[VIEW])) as reader:
        assert (await reader.limit()).status == 401
        assert (await reader.get("/v1/orders/open")).status == 200
    async with Client(exchange, exchange.keys.create("0", permissions=[])) as nobody:
        assert (await nobody.get("/v1/account/balances")).status == 401


async def test_a_key_bound_to_another_address(exchange):
    async with Client(exchange, exchange.keys.create("0", ip_whitelisted=False)) as client:
        answer = await client.get("/v1/account/api-keys/current")
        assert (answer.status, answer.body["code"]) == (401, -11272)


async def test_fills_by_both_routes(client, exchange):
    for price in (1000001, 1000002, 1000003):
        await fill(exchange, price)
    rows = (await client.get("/v1/account/tradehistory?limit=2")).body
    assert [row["price"] for row in rows] == ["1000003", "1000002"]
    assert (rows[0]["side"], rows[0]["fee"], rows[0]["feeCurrency"]) == ("buy", "0.00035", "BTC")
    assert rows[0]["sequenceId"] > 2**53
    older = (await client.get(f"/v1/account/tradehistory?beforeId={rows[1]['id']}")).body
    assert [row["price"] for row in older] == ["1000001"]
    assert len((await client.get("/v1/account/BTCZAR/tradehistory")).body) == 3
    assert (await client.get("/v1/account/ETHZAR/tradehistory")).body == []
    assert (await client.get("/v1/account/NOPE/tradehistory")).body["code"] == -21
    # A pair in the query of the first route is ignored, as it is on VALR.
    assert len((await client.get("/v1/account/tradehistory?currencyPair=ETHZAR")).body) == 3


async def test_fills_by_time(client, exchange):
    await fill(exchange)
    traded_at = (await client.get("/v1/account/tradehistory")).body[0]["tradedAt"]
    assert len((await client.get(f"/v1/account/tradehistory?startTime={traded_at}&endTime={traded_at}")).body) == 1
    assert (await client.get("/v1/account/tradehistory?startTime=2099-01-01T00:00:00Z")).body == []
    assert (await client.get("/v1/account/tradehistory?startTime=now")).body["code"] == -11
    assert (await client.get("/v1/account/tradehistory?limit=101")).body["code"] == -11


async def test_a_rewarded_fill_has_a_reward_instead_of_a_fee(client, exchange):
    exchange.engine.set_fees(exchange.account_id, "BTCZAR", "-0.01", "0.1")
    await client.limit(side="SELL", quantity="1", price="1000000")
    exchange.engine.place_market("market", pair="BTCZAR", side="BUY", base_amount="1")
    row = (await client.get("/v1/account/tradehistory")).body[0]
    assert (row["makerReward"], row["makerRewardCurrency"]) == ("0.0001", "BTC") and "fee" not in row


async def test_a_free_fill_has_no_fee_here_and_a_zero_on_the_socket(client, exchange):
    exchange.engine.set_fees(exchange.account_id, "BTCZAR", "0", "0")
    socket = await client.account_socket()
    await fill(exchange)
    row = (await client.get("/v1/account/tradehistory")).body[0]
    assert not {"fee", "feeCurrency", "makerReward"} & set(row)
    assert (await socket.until("NEW_ACCOUNT_TRADE"))["data"]["fee"] == "0"


async def test_trade_ids_may_differ_from_the_sockets(client, exchange):
    await fill(exchange)
    same = (await client.get("/v1/account/tradehistory")).body[0]["id"]
    assert same == exchange.engine.account("0").fills[0].trade.trade_id
    exchange.faults.rest_trade_ids_differ = True
    assert (await client.get("/v1/account/tradehistory")).body[0]["id"] != same


async def test_transactions_are_net_of_the_fee(client, exchange):
    await fill(exchange, price=1000000, quantity="0.1", maker_side="BUY")
    row = (await client.get("/v1/account/transactionhistory?transactionTypes=MARKET_SELL")).body[0]
    assert (row["debitCurrency"], row["debitValue"]) == ("BTC", "0.1")
    assert (row["creditCurrency"], row["creditValue"]) == ("ZAR", "99650")
    assert (row["feeCurrency"], row["feeValue"]) == ("ZAR", "350")
    assert row["additionalInfo"]["costPerCoinSymbol"] == "R" and row["additionalInfo"]["costPerCoin"] == 1000000
    assert row["id"] != (await client.get("/v1/account/tradehistory")).body[0]["id"]
    assert (await client.get("/v1/account/transactionhistory?currency=ETH")).body == []
    assert (await client.get(f"/v1/account/transactionhistory?beforeId={row['id']}")).body == []


@pytest.mark.parametrize("amount, status", [("2.99", 202), ("2.999", 403), ("99999999", 400), ("x", 400)])
async def test_transfers(exchange, amount, status):
    key = exchange.keys.create("0", permissions=[VIEW, TRANSFER])
    async with Client(exchange, key) as client:
        answer = await client.request("POST", "/v1/account/subaccounts/transfer", {
            "fromId": "0", "toId": exchange.sub_account_id, "currencyCode": "ZAR", "amount": amount})
        assert answer.status == status
    moved = exchange.engine.account(exchange.sub_account_id).balances["ZAR"].total
    assert moved == (0 if status != 202 else json.loads(amount, parse_float=type(moved)))
