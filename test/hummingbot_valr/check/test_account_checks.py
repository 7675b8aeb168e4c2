import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot_valr.check.credentials import Credentials
from hummingbot_valr.check.report import Status
from hummingbot_valr.simulator.signing import TRADE, VIEW


async def test_all_is_well(tester):
    rows = await tester.rows()
    assert {rows[name].status for name in ("key", "signature", "permissions", "order_book", "fees", "balances")} == {
        Status.OK}
    assert "from the environment; it acts for the primary account" in rows["key"].detail
    assert "BTC-ZAR maker 0.18% taker 0.35%" in rows["fees"].detail
    assert rows["balances"].detail == "7 currencies: BTC, ETH, SOL, USDC, USDT, XRP, ZAR"


async def test_no_keys_leave_the_public_rows(tester):
    tester.credentials = None
    rows = await tester.rows()
    private = ("key", "signature", "permissions", "order_book", "account_socket", "fees", "balances")
    assert {rows[name].detail for name in private} == {"not tested: no keys"}
    assert {rows[name].status for name in private} == {Status.WARN}
    assert "VALR_API_KEY" in rows["key"].mend
    assert {row.status for name, row in rows.items() if name not in private} == {Status.OK}


def assert_skipped(rows, because, names):
    assert {rows[name].detail for name in names} == {f"not tested, because of {because}"}


async def test_a_wrong_key(tester):
    tester.credentials = Credentials("0" * 64, "0" * 64, source="the environment")
    rows = await tester.rows()
    assert rows["key"].status is Status.FAIL
    assert "does not accept the API key" in rows["key"].detail
    assert "Set the API key again" in rows["key"].mend
    assert_skipped(rows, "key", ["signature", "permissions", "order_book", "account_socket", "fees", "balances"])
    assert rows["trade_socket"].status is Status.OK


async def test_a_wrong_secret(tester):
    tester.credentials = Credentials(tester.exchange.api_key, "0" * 64, source="the environment")
    rows = await tester.rows()
    assert rows["signature"].status is Status.FAIL
    assert "does not accept the signature" in rows["signature"].detail
    assert "API secret" in rows["signature"].mend
    assert_skipped(rows, "signature", ["key", "permissions", "order_book", "account_socket", "fees", "balances"])


async def test_an_ip_address_that_is_refused(tester):
    tester.takes_key(ip_whitelisted=False)
    row = (await tester.rows())["key"]
    assert row.status is Status.FAIL
    assert "from the IP address of this machine" in row.detail
    assert "public IP address" in row.mend


async def test_a_key_without_view(tester):
    tester.takes_key(permissions=[TRADE])
    row = (await tester.rows())["key"]
    assert row.status is Status.FAIL
    assert "View" in row.mend


async def test_a_key_without_trade(tester):
    tester.takes_key(permissions=[VIEW])
    rows = await tester.rows()
    assert rows["permissions"].status is Status.FAIL
    assert rows["permissions"].detail == "the key lacks Trade"
    assert rows["key"].status is rows["fees"].status is Status.OK
    assert_skipped(rows, "permissions", ["balances"])


async def test_a_key_that_may_withdraw(tester):
    tester.takes_key(permissions=[VIEW, TRADE, "Withdraw"])
    row = (await tester.rows())["permissions"]
    assert row.status is Status.WARN
    assert row.detail == "the key may also Withdraw"


async def test_a_key_of_a_sub_account(tester):
    tester.takes_key(tester.exchange.sub_account_id)
    rows = await tester.rows()
    assert "acts for a sub-account" in rows["key"].detail
    assert rows["balances"].status is Status.WARN
    assert rows["balances"].detail == "the account is empty"


async def test_a_sub_account_of_the_primary_key(tester):
    key = tester.credentials
    tester.credentials = Credentials(key.api_key, key.api_secret, tester.exchange.sub_account_id, key.source)
    assert "acts for a sub-account" in (await tester.rows())["key"].detail


async def test_a_sub_account_that_is_not_ours(tester):
    key = tester.credentials
    tester.credentials = Credentials(key.api_key, key.api_secret, "12345", key.source)
    row = (await tester.rows())["key"]
    assert row.status is Status.FAIL
    assert "sub-account id" in row.mend


@pytest.mark.parametrize("name, path", [
    ("order_book", CONSTANTS.ORDER_BOOK_PATH.format(symbol="BTCZAR")),
    ("fees", CONSTANTS.TRADE_FEES_PATH),
    ("balances", CONSTANTS.BALANCES_PATH),
    ("key", CONSTANTS.API_KEY_PATH),
])
async def test_a_reply_that_does_not_come(tester, name, path):
    tester.exchange.faults.read.next("server_error", key=path)
    row = (await tester.rows())[name]
    assert row.status is Status.FAIL
    assert "HTTP 500" in row.detail
    assert "internal problem" in row.mend


async def test_a_connection_that_breaks(tester):
    tester.exchange.faults.read.next("lost_before", times=5, key=CONSTANTS.API_KEY_PATH)
    row = (await tester.rows())["key"]
    assert row.status is Status.FAIL
    assert "hummingbot-valr simulator" in row.mend


async def test_an_order_book_with_one_side(tester):
    tester.exchange.market.stop()
    tester.exchange.engine.cancel_all("makers", "BTCZAR")
    row = (await tester.rows())["order_book"]
    assert row.status is Status.WARN
    assert row.detail == "BTC-ZAR has 0 bids and 0 asks"


async def test_what_nobody_expects_fails_its_rows_and_no_others(tester):
    tester.hears(CONSTANTS.API_KEY_PATH, ["what?"])
    rows = await tester.rows()
    assert {rows[name].status for name in ("key", "signature", "permissions")} == {Status.FAIL}
    assert "not expected" in rows["key"].detail
    assert "--record" in rows["key"].mend
    assert rows["trade_socket"].status is Status.OK


@pytest.mark.parametrize("name, path, reply, detail", [
    ("order_book", "/v1/marketdata/BTCZAR/orderbook", {"Asks": [], "Bids": [{"price": "x"}]}, "not the form"),
    ("order_book", "/v1/marketdata/BTCZAR/orderbook",
     {"Bids": [{"price": "2", "quantity": "1"}], "Asks": [{"price": "1", "quantity": "1"}]}, "not below the best ask"),
    ("fees", CONSTANTS.TRADE_FEES_PATH, [{"currencyPair": "BTCZAR", "makerPercentage": "x", "takerPercentage": "1"}],
     "not the form"),
    ("fees", CONSTANTS.TRADE_FEES_PATH, [{"currencyPair": "BTCZAR", "simplePercentage": "1"}], "names no fees"),
    ("balances", CONSTANTS.BALANCES_PATH, [{"currency": "BTC", "available": "x"}], "not the form"),
    ("permissions", CONSTANTS.API_KEY_PATH, {"label": "Demo"}, "did not name"),
])
async def test_a_reply_that_cannot_be_read(tester, name, path, reply, detail):
    tester.hears(path, reply)
    row = (await tester.rows())[name]
    assert row.status in (Status.FAIL, Status.WARN)
    assert detail in row.detail
