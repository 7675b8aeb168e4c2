import pytest

from hummingbot_valr.simulator.faults import Faults
from hummingbot_valr.simulator.rules import Rejected
from hummingbot_valr.simulator.signing import Keyring, signature

SECRET = "4961b74efac86b25cce8fbe4c9811c4c7a787b7a5996660afcc2e287ad864363"


@pytest.mark.parametrize("timestamp, verb, path, body, expected", [
    ("1558014486185", "GET", "/v1/account/balances", b"",
     "9d52c181ed69460b49307b7891f04658e938b21181173844b5018b2fe783a6d4"
     "c62b8e67a03de4d099e7437ebfabe12c56233b73c6a0cc0f7ae87e05f6289928"),
    ("1558017528946", "POST", "/v1/orders/market",
     b'{"customerOrderId":"ORDER-000001","pair":"BTCUSDC","side":"BUY","quoteAmount":"80000"}',
     "09f536e3dfdad58443f16010a97a0a21ad27486b7b8d6d4103170d885410ed77"
     "f037f1fa628474190d4f5c08ca12c1acc850901f1c2e75c6d906ec3b32b008d0"),
])
def test_the_vectors_valr_published(timestamp, verb, path, body, expected):
    assert signature(SECRET, timestamp, verb, path, body) == expected


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
def keyring(engine, clock, faults):
    engine.add_account("903", "Sub", is_sub_account=True)
    return Keyring(1, clock, engine.ledger, faults)


def headers(key, clock, path="/v1/account/balances", sub="", timestamp=None, **changes):
    timestamp = timestamp or str(clock.now_ms())
    given = {"X-VALR-API-KEY": key.key, "X-VALR-TIMESTAMP": timestamp,
             "X-VALR-SIGNATURE": signature(key.secret, timestamp, "GET", path, b"", sub)}
    if sub:
        given["X-VALR-SUB-ACCOUNT-ID"] = sub
    return {**given, **changes}


def authenticate(keyring, given, path="/v1/account/balances"):
    return keyring.authenticate(given, "GET", path)[1]


def refusal(keyring, given, path="/v1/account/balances"):
    with pytest.raises(Rejected) as refused:
        authenticate(keyring, given, path)
    return refused.value.status, refused.value.code


def test_a_good_signature_acts_for_the_keys_account(keyring, clock):
    assert authenticate(keyring, headers(keyring.create("a"), clock)) == "a"


def test_keys_look_like_valrs_and_follow_the_seed(engine, clock, faults):
    made = [Keyring(5, clock, engine.ledger, faults).create("a") for _ in range(2)]
    assert len(made[0].key) == len(made[0].secret) == 64
    assert made[0] == made[1]


def test_a_key_never_shows_its_secret(keyring):
    key = keyring.create("a")
    assert key.secret not in repr(key) and key.key not in repr(key)


@pytest.mark.parametrize("path", ["/v1/account/balances?x=1", "/v1/account/balances/"])
def test_the_query_and_every_character_of_the_path_are_signed(keyring, clock, path):
    assert refusal(keyring, headers(keyring.create("a"), clock), path) == (401, -11252)


@pytest.mark.parametrize("change", [
    {"X-VALR-SIGNATURE": ""}, {"X-VALR-SIGNATURE": "é\udce9"}, {"X-VALR-TIMESTAMP": "1790000000001"},
    {"X-VALR-TIMESTAMP": ""}, {"X-VALR-SUB-ACCOUNT-ID": "903"},
])
def test_whatever_does_not_fit_the_signature_is_refused(keyring, clock, change):
    assert refusal(keyring, headers(keyring.create("a"), clock, **change)) == (401, -11252)


def test_a_timestamp_that_is_not_a_number_is_refused(keyring, clock):
    assert refusal(keyring, headers(keyring.create("a"), clock, timestamp="soon")) == (401, -11252)


def test_a_primary_key_acts_for_a_sub_account(keyring, clock):
    assert authenticate(keyring, headers(keyring.create("a"), clock, sub="903")) == "903"
    assert refusal(keyring, headers(keyring.create("a"), clock, sub="904")) == (401, None)


def test_a_sub_accounts_key_never_sends_the_header(keyring, clock):
    key = keyring.create("903")
    assert key.is_sub_account and authenticate(keyring, headers(key, clock)) == "903"
    assert refusal(keyring, headers(key, clock, sub="903")) == (401, None)


def test_a_missing_key(keyring, faults):
    assert refusal(keyring, {}) == (403, None)
    faults.missing_key_status = 400
    assert refusal(keyring, {}) == (400, -11268)


def test_an_unknown_key_and_a_foreign_address(keyring, clock):
    key = keyring.create("a")
    keyring.revoke(key)
    assert refusal(keyring, headers(key, clock)) == (401, None)
    assert refusal(keyring, headers(keyring.create("a", ip_whitelisted=False), clock)) == (401, -11272)


def test_a_skewed_clock_is_refused_only_when_asked_for(keyring, clock, faults):
    old = headers(keyring.create("a"), clock)
    clock.advance(31)
    assert authenticate(keyring, old) == "a"
    faults.max_clock_skew = 30
    assert refusal(keyring, old) == (401, -11252)


def test_a_repeated_signature_is_refused_only_when_asked_for(keyring, clock, faults):
    given = headers(keyring.create("a"), clock)
    assert authenticate(keyring, given) == authenticate(keyring, given) == "a"
    faults.refuse_repeated_signatures = True
    assert authenticate(keyring, given) == "a"
    assert refusal(keyring, given) == (401, -11252)
