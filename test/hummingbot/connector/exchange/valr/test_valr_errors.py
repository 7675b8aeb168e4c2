import pytest
from hypothesis import given, strategies as st

from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError

# Wire: the page VALR's front end answers at times although the order was accepted.
FRONT_END_PAGE = "<html><head><title>400</title></head>Your client has issued a malformed or illegal request.</html>"


def error(status: int, body: str) -> ValrAPIError:
    return ValrAPIError(status, "POST", "/v2/orders/limit", body)


@pytest.mark.parametrize("status, body", [
    (400, '{"code":-6,"message":"Insufficient Balance","orderId":"99ded62e"}'),
    (401, '{"code":-11252,"message":"Request has an invalid signature"}'),
    (404, '{"code":-111,"message":"Market summary not found"}'),
])
def test_an_answer_with_valrs_code_is_a_rejection(status, body):
    assert error(status, body).is_rejection


@pytest.mark.parametrize("status, body", [
    (400, FRONT_END_PAGE),
    (400, ""),
    (400, '{"message":"no code"}'),
    (400, '{"code":"-6","message":"code is no number"}'),
    (400, '{"code":true,"message":"code is no number"}'),
    (400, "[1]"),
    (429, '{"code":-1,"message":"slow down"}'),
    (500, '{"code":-1,"message":"oops"}'),
    (503, ""),
])
def test_anything_else_leaves_the_outcome_open(status, body):
    assert not error(status, body).is_rejection


def test_text_names_request_status_code_and_reason():
    text = str(error(400, '{"code":-1,"message":"Invalid Order. "}'))

    assert text == "VALR answered POST /v2/orders/limit with HTTP 400: Invalid Order. (code -1)"


def test_text_names_what_was_wrong_with_the_fields():
    text = str(error(400, '{"code":-11,"message":"Invalid Request","validationErrors":{"errors":["price"]}}'))

    assert "price" in text


def test_front_end_page_is_not_repeated_in_the_text():
    assert "<html" not in str(error(400, FRONT_END_PAGE))


@pytest.mark.parametrize("status, words", [(429, "too many requests"), (503, "read-only mode")])
def test_text_explains_statuses_without_a_body(status, words):
    assert words in str(error(status, ""))


@given(st.text(), st.integers(400, 599))
def test_no_body_breaks_it(body, status):
    error(status, body)


def test_deeply_nested_body_does_not_break_it():
    assert not error(400, "[" * 100_000).is_rejection
