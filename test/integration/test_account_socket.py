import asyncio
import logging
import time
from decimal import Decimal
from test.integration.trading_account import PAIR, TradingAccount, trading_account, until

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_api_user_stream_data_source import ValrAPIUserStreamDataSource
from hummingbot.connector.exchange.valr.valr_errors import ValrOutcomeUnknown
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot_valr.simulator.faults import LOGIN_REFUSALS


@pytest.fixture
async def account(monkeypatch):
    async with trading_account(monkeypatch) as account:
        yield account


@pytest.fixture
def quick_retries(monkeypatch):
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MIN_DELAY", 0.05)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MAX_DELAY", 0.05)
    monkeypatch.setattr(ValrAPIUserStreamDataSource, "FALLBACK_DELAY", 0.1)


def rest_order(account: TradingAccount, client_order_id: str = "HBOT1"):
    account.exchange.engine.place_limit(
        account.exchange.account_id, pair=PAIR, side="BUY", quantity="0.01", price="1000000",
        customer_order_id=client_order_id)


def fill_some(account: TradingAccount):
    account.exchange.engine.place_limit("market", pair=PAIR, side="SELL", quantity="0.001", price="1000000")


def warnings(caplog):
    return [record.getMessage() for record in caplog.records
            if record.levelno >= logging.WARNING and "valr" in record.name]


async def test_login_brings_balances_and_open_orders_and_then_what_happens(account):
    account.exchange.engine.place_limit(
        account.exchange.account_id, pair=PAIR, side="BUY", quantity="0.001", price="900000", customer_order_id="old")
    await account.start()
    await until(lambda: account.of_type("OPEN_ORDERS_UPDATE"))

    assert account.frames[0] == {"type": "AUTHENTICATED"}
    assert [row["customerOrderId"] for row in account.of_type("OPEN_ORDERS_UPDATE")[0]["data"]] == ["old"]
    balances = {frame["data"]["currency"]["shortName"]: frame["data"]["total"]
                for frame in account.of_type("BALANCE_UPDATE")}
    assert balances["ZAR"] == "1000000" and balances["BTC"] == "2"

    rest_order(account)
    fill_some(account)
    trade, = await until(lambda: account.of_type("NEW_ACCOUNT_TRADE"))
    assert (trade["data"]["quantity"], trade["data"]["customerOrderId"]) == ("0.001", "HBOT1")
    await until(lambda: account.of_type("ORDER_STATUS_UPDATE"))


async def test_sub_account_has_its_own_stream(account, monkeypatch):
    exchange = account.exchange
    exchange.engine.deposit(exchange.sub_account_id, "USDT", "7")
    connector = ValrExchange(exchange.api_key, exchange.api_secret, domain=CONSTANTS.SIMULATOR_DOMAIN,
                             valr_subaccount_id=exchange.sub_account_id)
    other = TradingAccount(exchange, connector)
    await other.start()
    balance, = await until(lambda: other.of_type("BALANCE_UPDATE"))
    await connector._user_stream_tracker.stop()

    assert (balance["data"]["currency"]["shortName"], balance["data"]["total"]) == ("USDT", "7")


@pytest.mark.parametrize("way", LOGIN_REFUSALS)
async def test_rest_stands_in_for_a_socket_that_is_refused_in_any_way(account, caplog, quick_retries, way):
    account.exchange.faults.account_login = way
    account.start_stream()
    rest_order(account)
    fill_some(account)
    trade, = await until(lambda: account.of_type("NEW_ACCOUNT_TRADE"))

    assert trade["data"]["quantity"] == "0.001"
    assert account.stream.is_polling and not account.stream.connected and account.stream.last_recv_time > 0
    await until(lambda: account.of_type("BALANCE_UPDATE") and account.of_type("OPEN_ORDERS_UPDATE"))
    warning, = warnings(caplog)
    assert "account socket is not available" in warning

    account.exchange.faults.account_login = None
    await until(lambda: account.stream.connected)
    await until(lambda: account.of_type("AUTHENTICATED"))
    assert not account.stream.is_polling


async def test_fills_without_a_socket_come_within_5_seconds_each_once(account):
    """With the delays of production, which are what a trader waits."""
    account.exchange.faults.account_login = "http_403"
    account.start_stream()
    rest_order(account)
    for count in (1, 2):
        fill_some(account)
        filled_at = time.monotonic()
        await until(lambda: len(account.of_type("NEW_ACCOUNT_TRADE")) == count, seconds=10)
        assert time.monotonic() - filled_at < 5

    assert len({frame["data"]["id"] for frame in account.frames if frame["type"] == "NEW_ACCOUNT_TRADE"}) == 2


async def test_wrong_keys_are_told_in_words_and_never_shown(account, caplog, quick_retries):
    caplog.set_level(logging.DEBUG)
    exchange = account.exchange
    connector = ValrExchange(exchange.api_key, "0" * 64, domain=CONSTANTS.SIMULATOR_DOMAIN)
    stream = connector.user_stream_data_source
    task = asyncio.ensure_future(connector._user_stream_tracker.start())
    await until(lambda: stream.is_polling)
    await until(lambda: len(warnings(caplog)) >= 2)
    await connector._user_stream_tracker.stop()
    task.cancel()

    refused, polling = warnings(caplog)
    assert "closed with code 1007: Request has an invalid signature" in refused
    assert "Polling the account over REST fails (VALR answered GET" in polling
    assert stream.last_recv_time == 0
    for record in caplog.records:
        assert exchange.api_key not in str(record.__dict__)


async def test_a_clock_that_is_wrong_is_set_and_the_login_succeeds(account, quick_retries):
    account.exchange.faults.max_clock_skew = 30.0
    account.exchange.clock.advance(3600)
    await account.start()

    assert account.of_type("AUTHENTICATED")


async def test_a_connection_that_only_looks_open_is_replaced_when_a_command_gets_no_answer(account, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "SOCKET_REPLY_TIMEOUT", 0.2)
    await account.start()
    account.exchange.faults.silence_sockets("account")
    with pytest.raises(ValrOutcomeUnknown):
        await account.entry.cancel("HBOT1", PAIR)

    await until(lambda: len(account.of_type("AUTHENTICATED")) == 2)


@pytest.mark.parametrize("code", [1000, 1006, 1012])
async def test_a_dropped_connection_is_replaced(account, caplog, code):
    await account.start()
    account.exchange.faults.drop_sockets("account", code)
    await until(lambda: len(account.of_type("AUTHENTICATED")) == 2)

    assert warnings(caplog) == []


async def test_an_outage_of_the_exchange_is_survived(account, caplog, quick_retries):
    await account.start()
    account.exchange.faults.outage = True
    account.exchange.faults.drop_sockets("account")
    await until(lambda: any("Polling the account over REST fails" in message for message in warnings(caplog)))
    account.exchange.faults.outage = False
    await until(lambda: len(account.of_type("AUTHENTICATED")) == 2)

    assert len(warnings(caplog)) == 2
    assert not any(record.exc_info for record in caplog.records if "valr" in record.name)


async def test_pings_keep_the_connection_open(account, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "PING_INTERVAL", 0.2)
    await account.start()
    # VALR was seen to close account sockets from which it heard nothing for 30 s.
    account.exchange.faults.account_idle_close = 1.0
    pinged_at = account.stream.last_recv_time
    await until(lambda: account.stream.last_recv_time > pinged_at + 2.5)

    assert len(account.of_type("AUTHENTICATED")) == 1


@pytest.mark.parametrize("fault", ["status_needs_subscription", "subscribe_error"])
async def test_order_status_events_come_whether_or_not_they_need_a_subscription(account, fault):
    setattr(account.exchange.faults.events, fault, True)
    await account.start()
    await until(lambda: account.of_type("OPEN_ORDERS_UPDATE"))
    # The answer to this command shows that the subscription before it was handled.
    await account.entry.place_limit("HBOT1", PAIR, True, Decimal("0.01"), Decimal("1000000"), post_only=False)
    fill_some(account)

    await until(lambda: account.of_type("ORDER_STATUS_UPDATE"))


@pytest.mark.parametrize("wanted", [False, True])
async def test_orders_survive_a_drop_unless_cancel_on_disconnect_is_wanted(account, wanted):
    account.stream.cancel_on_disconnect = wanted
    await account.start()
    for logins in (1, 2):
        await until(lambda: len(account.of_type("AUTHENTICATED")) == logins)
        # The answer to this command shows that what was sent after the login is handled.
        await account.entry.cancel("unknown", PAIR)
        rest_order(account, f"HBOT{logins}")
        account.exchange.faults.drop_sockets("account")
        await until(lambda: len(account.of_type("AUTHENTICATED")) == logins + 1)

        assert account.order(f"HBOT{logins}").is_open is not wanted


async def test_stop_leaves_nothing_behind_and_starting_again_works(account):
    for logins in (1, 2):
        await account.start()
        await account.connector._user_stream_tracker.stop()

        await until(lambda: not account.exchange.faults.sockets("account"))
        assert not account.stream.connected and account.stream.last_recv_time == 0
        assert len(account.of_type("AUTHENTICATED")) == logins
