import logging
from typing import Any, Dict, List

import pytest

from hummingbot.connector.exchange.valr.valr_pairs import ValrPairs
from hummingbot.core.data_type.common import OrderType

ALL_TYPES = ["LIMIT", "LIMIT_POST_ONLY", "MARKET", "SIMPLE"]


def row(symbol: str, **changes: Any) -> Dict[str, Any]:
    return {"symbol": symbol, "baseCurrency": symbol[:3], "quoteCurrency": symbol[3:], "active": True,
            "currencyPairType": "SPOT", "minBaseAmount": "0.1", "maxBaseAmount": "100", "minQuoteAmount": "5",
            "tickSize": "0.5", "baseDecimalPlaces": "3", **changes}


@pytest.fixture
def pairs() -> ValrPairs:
    pairs = ValrPairs(logging.getLogger("test.pairs"))
    pairs.set_order_types([{"currencyPair": symbol, "orderTypes": ALL_TYPES} for symbol in ("BTCZAR", "ETHZAR")])
    return pairs


def refresh(pairs: ValrPairs, *rows: Any):
    """As the connector does it every half hour, from one reply."""
    pairs.rules(list(rows))
    pairs.symbols(list(rows))


def ruled(pairs: ValrPairs, *rows: Any) -> List[str]:
    return [rule.trading_pair for rule in pairs.rules(list(rows))]


@pytest.mark.parametrize("rows", [
    [], [row("BTCZAR", active=False)], [row("BTCUSDTPERP", currencyPairType="FUTURE")], [None], {}, None])
@pytest.mark.parametrize("read", [ValrPairs.rules, ValrPairs.symbols])
def test_a_list_without_a_pair_that_can_be_traded_is_an_error_and_not_the_end_of_all_pairs(pairs, read, rows):
    with pytest.raises(ValueError, match="can be traded|not a list"):
        read(pairs, rows)


@pytest.mark.parametrize("order_types", [
    [{"currencyPair": "BTCZAR", "orderTypes": []}, {"currencyPair": "ETHZAR", "orderTypes": ALL_TYPES}],
    [{"currencyPair": "ETHZAR", "orderTypes": ALL_TYPES}]])
def test_a_pair_without_order_types_keeps_its_rules_and_takes_no_order(pairs, order_types):
    pairs.set_order_types(order_types)
    rows = [row("BTCZAR"), row("ETHZAR")]

    assert ruled(pairs, *rows) == ["BTC-ZAR", "ETH-ZAR"]
    assert dict(pairs.symbols(rows)) == {"BTCZAR": "BTC-ZAR", "ETHZAR": "ETH-ZAR"}
    assert not any(pairs.allows("BTCZAR", order_type) for order_type in ValrPairs.ORDER_TYPES)
    assert pairs.allows("ETHZAR", OrderType.LIMIT)


def test_a_pair_for_simple_orders_only_cannot_be_traded(pairs):
    pairs.set_order_types([
        {"currencyPair": "BTCZAR", "orderTypes": ["SIMPLE"]}, {"currencyPair": "ETHZAR", "orderTypes": ["LIMIT"]}])

    assert ruled(pairs, row("BTCZAR"), row("ETHZAR")) == ["ETH-ZAR"]


@pytest.mark.parametrize("bad_row, reason", [
    (row("BTCZAR", tickSize="many"), "tickSize"), (row("BTCZAR", baseCurrency="B-C"), "letters and digits"),
    ({**row("BTCZAR"), "symbol": None}, "symbol"), ("no pair", "no attribute"), (None, "no attribute")])
def test_a_pair_that_cannot_be_read_is_told_once(pairs, caplog, bad_row, reason):
    for minimum in "123":  # which VALR changes now and then
        row_now = {**bad_row, "minQuoteAmount": minimum} if isinstance(bad_row, dict) else bad_row
        refresh(pairs, row_now, row("ETHZAR"))

    message, = caplog.messages
    assert "is left out" in message and reason in message


def test_a_pair_is_told_again_when_its_reason_changes_and_when_it_breaks_again(pairs, caplog):
    for tick in ("many", "0", "0", "0.5", "0"):
        refresh(pairs, row("BTCZAR", tickSize=tick), row("ETHZAR"))

    assert len(caplog.messages) == 3
    assert "many" in caplog.messages[0]
    assert all("not positive" in message for message in caplog.messages[1:])


def test_each_of_several_bad_pairs_is_told(pairs, caplog):
    for _ in range(2):
        refresh(pairs, row("BTCZAR", tickSize="0"), row("SOLZAR", tickSize="0"), row("ETHZAR"), [], None)

    assert len(caplog.messages) == 4
