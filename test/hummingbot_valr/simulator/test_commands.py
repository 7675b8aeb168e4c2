import json

import pytest
from hypothesis import given, settings, strategies as st

from hummingbot_valr.simulator.clock import SimulatedClock
from hummingbot_valr.simulator.commands import accept_limit, accept_market, order_ids, parse_object
from hummingbot_valr.simulator.engine import Engine
from hummingbot_valr.simulator.rules import Rejected

LIMIT = {"side": "BUY", "pair": "BTCZAR", "quantity": "0.01", "price": "1000000"}
anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


def code(function, *arguments):
    with pytest.raises(Rejected) as refusal:
        function(*arguments)
    assert refusal.value.status == 400
    return refusal.value.code


def test_a_limit_order_as_the_documentation_spells_it(engine):
    order = accept_limit(engine, "a", {**LIMIT, "quantity": "2.00050", "postOnly": False, "timeInForce": "GTC",
                                       "customerOrderId": "USDT-ZAR1", "allowMargin": "false", "reduceOnly": False,
                                       "postOnlyReprice": False, "unknown": [1]})
    assert (order.side, order.kind, order.time_in_force) == ("buy", "limit", "GTC")
    assert order.customer_order_id == "USDT-ZAR1"


@pytest.mark.parametrize("change", [
    {"side": "buy"}, {"side": None}, {"side": ["BUY"]}, {"quantity": 0.01}, {"quantity": "-1"}, {"quantity": "0"},
    {"quantity": "1e-2"}, {"price": "NaN"}, {"price": "1,000,000"}, {"price": "9" * 5000}, {"pair": 7},
    {"postOnly": "yes"}, {"postOnly": 1}, {"timeInForce": "gtc"}, {"timeInForce": {}}, {"reduceOnly": True},
    {"timeInForce": "IOC", "postOnly": True}, {"customerOrderId": "under_score"}, {"customerOrderId": "x" * 51},
    {"customerOrderId": 12}, {"conditionalOrderData": {}}, {"postOnlyReprice": True},
])
def test_bad_fields_are_validation_errors(engine, change):
    assert code(accept_limit, engine, "a", {**LIMIT, **change}) == -11


def test_margin_is_not_enabled(engine):
    assert code(accept_limit, engine, "a", {**LIMIT, "allowMargin": True}) == -19213


def test_an_empty_customer_id_is_none(engine):
    assert accept_limit(engine, "a", {**LIMIT, "customerOrderId": ""}).customer_order_id is None


def test_a_market_order_needs_exactly_one_amount(engine):
    order = {"side": "SELL", "pair": "BTCZAR"}
    assert code(accept_market, engine, "a", order) == -11
    assert code(accept_market, engine, "a", {**order, "baseAmount": "1", "quoteAmount": "1"}) == -11
    assert accept_market(engine, "a", {**order, "quoteAmount": "100"}).quote_budget == 100


def test_a_cancel_names_one_id_and_the_pair():
    assert order_ids({"orderId": "x", "pair": "BTCZAR"}) == {"order_id": "x", "customer_order_id": None,
                                                             "pair": "BTCZAR"}
    for payload in ({"pair": "BTCZAR"}, {"orderId": "x", "customerOrderId": "y", "pair": "BTCZAR"}, {"orderId": "x"},
                    {"orderId": 1, "pair": "BTCZAR"}):
        assert code(order_ids, payload) == -11


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null", b"\xff\xfe\xfd", b'{"a": NaN}', b"{'a': 1}",
                                  b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 100_000 + b"}"])
def test_what_is_not_a_json_object_is_invalid_json(body):
    assert code(parse_object, body) == -113


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_no_bytes_are_a_crash(body):
    try:
        assert isinstance(parse_object(body), dict)
    except Rejected:
        pass


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["side", "pair", "quantity", "price", "postOnly", "timeInForce", "allowMargin",
                                        "customerOrderId", "baseAmount", "quoteAmount", "orderId"]), anything))
def test_no_fields_are_a_crash(payload):
    engine = Engine(SimulatedClock())
    engine.add_account("a", "a")
    json.dumps(payload)
    for function in (accept_limit, accept_market):
        try:
            function(engine, "a", {**LIMIT, **payload})
        except Rejected:
            pass
    try:
        order_ids(payload)
    except Rejected:
        pass
