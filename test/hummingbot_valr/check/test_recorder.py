import json
import stat
from decimal import Decimal
from test.hummingbot_valr.check.conftest import DOMAIN

import pytest

from hummingbot.connector.exchange.valr.valr_order_book import BookFault, ValrOrderBook
from hummingbot_valr.check.errors import CheckError
from hummingbot_valr.check.recorder import Recorder, scrubbed
from hummingbot_valr.check.runner import run_checks, run_order


async def recorded(tester, path):
    with Recorder(path) as recorder:
        _, plan = await run_checks(DOMAIN, 0.5, tester.credentials, recorder, with_order=True)
        await run_order(DOMAIN, tester.credentials, recorder, plan)
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_a_record_of_everything_gives_nothing_away(tester, tmp_path):
    exchange = tester.exchange
    exchange.engine.deposit(exchange.account_id, "ZAR", "1.23456789")
    # On a pair that is not watched: whatever rests in a public order book is seen by everybody.
    mine = exchange.engine.place_limit(exchange.account_id, pair="LINKZAR", side="BUY", quantity="0.31415",
                                       price="271", customer_order_id="MyOwnOrder")
    await recorded(tester, tmp_path / "record")
    text = (tmp_path / "record").read_text()
    [other] = [order for order in exchange.engine.account(exchange.account_id).orders.values() if order is not mine]
    secrets = [exchange.api_key, exchange.api_secret, "Demo", "MyOwnOrder", mine.order_id, other.order_id,
               other.customer_order_id, "1000001.23456789", "0.31415", '"271"', f"{other.price:f}",
               f"{other.quantity:f}"]
    assert not [secret for secret in secrets if secret in text]


async def test_a_record_tells_who_said_what_in_which_words(tester, tmp_path):
    lines = await recorded(tester, tmp_path / "record")
    assert {line["channel"] for line in lines} == {"rest", "trade", "account"}
    names = {(line["direction"], line["name"]) for line in lines}
    assert {("in", "GET /v1/public/pairs/SPOT"), ("out", "SUBSCRIBE"), ("in", "OB_L1_SNAPSHOT"),
            ("in", "BALANCE_UPDATE"), ("out", "PLACE_LIMIT_ORDER"), ("in", "ORDER_STATUS_UPDATE"),
            ("in", "GET /v1/orders/BTCZAR/customerorderid/<id>")} <= names
    [placed] = [line["payload"] for line in lines if line["name"] == "PLACE_LIMIT_ORDER"]
    assert placed == {"side": "BUY", "quantity": "<decimal>", "price": "<integer>", "pair": "BTCZAR", "postOnly": True,
                      "timeInForce": "GTC", "customerOrderId": "<text>"}


async def test_recorded_books_can_be_verified_again(tester, tmp_path):
    lines = await recorded(tester, tmp_path / "record")
    book, frames = ValrOrderBook(), 0
    for frame in (line["payload"] for line in lines if line["name"].startswith("OB_L1")):
        if frame["ps"] != "BTCZAR":
            continue
        result = book.apply_snapshot(frame["d"]) if "SNAPSHOT" in frame["type"] else book.apply_diff(frame["d"])
        assert not isinstance(result, BookFault)
        frames += 1
    assert frames


async def test_a_refusal_is_recorded(tester, tmp_path):
    tester.takes_key(ip_whitelisted=False)
    with Recorder(tmp_path / "record") as recorder:
        await run_checks(DOMAIN, 0.1, tester.credentials, recorder)
    assert '"httpStatus": 401, "code": -11272' in (tmp_path / "record").read_text()


async def test_an_order_over_rest_is_recorded(tester, tmp_path):
    tester.exchange.faults.account_login = "http_403"
    lines = await recorded(tester, tmp_path / "record")
    assert {("out", "POST /v2/orders/limit"), ("in", "POST /v2/orders/limit")} <= {
        (line["direction"], line["name"]) for line in lines}


@pytest.mark.parametrize("value, form", [
    ("0", "<zero>"), ("0.00", "<zero>"), ("-0.0", "<zero>"), ("5", "<integer>"), ("-5.25", "<decimal>"),
    ("019a0000-0000-7000-8000-000000000001", "<id>"), ("2026-01-05T10:00:00.123456789Z", "<time>"),
    ("2026-01-05T10:00:00", "<time>"), ("", ""), ("hello", "<text>"), (7, "<number>"), (7.5, "<number>"),
    (True, True), (None, None), (["5", {"deep": "6"}], ["<integer>", {"deep": "<integer>"}]),
])
def test_what_is_not_known_to_be_harmless_becomes_its_form(value, form):
    assert scrubbed({"unheard": value}) == {"unheard": form}


def test_what_is_known_to_be_harmless_stays():
    frame = {"type": "ORDER_STATUS_UPDATE", "data": {"orderStatusType": "Failed", "currencyPair": "BTCZAR"}}
    assert scrubbed(frame) == frame
    assert scrubbed(Decimal(1)) == "<number>"


def test_sentences_lose_their_numbers():
    said = "Order 019a0000-0000-7000-8000-000000000001 of 0.5 BTC: key abc123def, not enough"
    assert scrubbed({"message": said}) == {"message": "Order <number> of <number> BTC: key <number>, not enough"}


def test_no_file_no_record():
    with Recorder() as recorder:
        recorder.public("rest", "in", "GET /", {})


def test_a_file_that_exists_is_never_overwritten(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(CheckError, match="exists already. Give --record the name of a new file"):
        Recorder(tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(CheckError, match="no/such/folder.* cannot be written: No such file or directory"):
        Recorder(tmp_path / "no/such/folder")


def test_a_record_is_closed_when_the_check_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), Recorder(tmp_path / "record") as recorder:
        recorder.public("rest", "in", "GET /", {"a": 1})
        raise ZeroDivisionError
    assert (tmp_path / "record").read_text() == (
        '{"channel": "rest", "direction": "in", "name": "GET /", "payload": {"a": 1}}\n')
    assert stat.S_ISREG((tmp_path / "record").stat().st_mode)
