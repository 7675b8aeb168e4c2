import pytest

from hummingbot_valr.check.credentials import Credentials, find_credentials
from hummingbot_valr.check.errors import CheckError


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("VALR_API_KEY", "VALR_API_SECRET", "VALR_SUBACCOUNT_ID", "HBOT_PASSWORD", "CONFIG_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_has_the_keys(monkeypatch):
    monkeypatch.setenv("VALR_API_KEY", " k ")
    monkeypatch.setenv("VALR_API_SECRET", "s\n")
    assert find_credentials("valr") == Credentials("k", "s", None, "the environment")
    monkeypatch.setenv("VALR_SUBACCOUNT_ID", "7")
    assert find_credentials("valr").subaccount_id == "7"


@pytest.mark.parametrize("present, missing", [("VALR_API_KEY", "VALR_API_SECRET"), ("VALR_API_SECRET", "VALR_API_KEY")])
def test_half_of_the_keys_is_an_error(monkeypatch, present, missing):
    monkeypatch.setenv(present, "x")
    with pytest.raises(CheckError, match=f"{present} is set and {missing} is not"):
        find_credentials("valr")


def test_a_sub_account_without_keys_is_an_error(monkeypatch):
    monkeypatch.setenv("VALR_SUBACCOUNT_ID", "7")
    with pytest.raises(CheckError, match="VALR_SUBACCOUNT_ID is set and VALR_API_KEY and VALR_API_SECRET are not"):
        find_credentials("valr")


def test_without_keys_there_are_none():
    assert find_credentials("valr") is None


def test_keys_are_not_shown():
    assert "secret" not in repr(Credentials("secret-key", "secret-secret", "secret-account", "here"))
