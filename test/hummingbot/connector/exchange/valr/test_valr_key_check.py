import json

import pytest

from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError
from hummingbot.connector.exchange.valr.valr_key_check import explain_refusal, missing_permissions


def refusal(status: int, code=None, message: str = "") -> ValrAPIError:
    body = json.dumps({"code": code, "message": message}) if code is not None else "<html>"
    return ValrAPIError(status, "GET", "/v1/account/balances", body)


@pytest.mark.parametrize("key", [
    {"permissions": ["View access", "Trade"]},
    {"permissions": ["Withdraw", "Trade", "View access", "Internal Transfer"]},
])
def test_key_that_may_do_all_that_is_needed(key):
    assert missing_permissions(key) is None


@pytest.mark.parametrize("key, missing", [
    ({"permissions": ["View access"]}, "lacks the permission 'Trade'."),
    ({"permissions": ["Trade"]}, "lacks the permission 'View access'."),
    ({"permissions": []}, "lacks the permission 'View access' and 'Trade'."),
    ({"permissions": None}, "lacks the permission 'View access' and 'Trade'."),
    ({}, "lacks the permission 'View access' and 'Trade'."),
    ([], "lacks the permission 'View access' and 'Trade'."),
])
def test_missing_permission_is_named_with_the_mend(key, missing: str):
    text = missing_permissions(key)

    assert missing in text and "connect again" in text


@pytest.mark.parametrize("error, explanation", [
    (refusal(401, -11272, "The originating IP Address has not been whitelisted."), "the IP address of this machine"),
    (refusal(401, -11252, "Request has an invalid signature"), "the API secret does not belong to the API key"),
    (refusal(403, -11252, "Request has an invalid signature"), "the API secret does not belong to the API key"),
    (refusal(400, -11268, "API key header missing: X-VALR-API-KEY"), "got no API key"),
    (refusal(401), "does not accept the API key"),
    (refusal(403), "does not accept the API key"),
    (refusal(500), "HTTP 500"),
    (refusal(400, -11, "Invalid Request"), "Invalid Request"),
])
def test_refusal_is_explained(error: ValrAPIError, explanation: str):
    assert explanation in explain_refusal(error, None)


@pytest.mark.parametrize("error", [refusal(401), refusal(401, -11252, "Request has an invalid signature")])
def test_sub_account_may_be_what_is_wrong(error: ValrAPIError):
    assert "42 is not a sub-account that the key may use" in explain_refusal(error, "42")
    assert "sub-account" not in explain_refusal(error, None)
    assert "sub-account" not in explain_refusal(error, "")
