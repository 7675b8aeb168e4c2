import pytest

from hummingbot_valr.simulator.rate_limits import RateLimits


@pytest.fixture
def limits(clock):
    return RateLimits(clock)


def allowed(limits, verb, path, key, most=3000):
    return next((count for count in range(most) if not limits.allow(verb, path, key)), most)


@pytest.mark.parametrize("verb, path, key, expected", [
    ("GET", "/v1/public/pairs", None, 30),
    ("GET", "/v1/public/time", None, 20),
    ("GET", "/v1/public/status", None, 20),
    ("GET", "/v1/public/BTCZAR/buckets", None, 20),
    ("POST", "/v1/orders/limit", "k", 400),
    ("DELETE", "/v1/orders/order", "k", 450),
    ("POST", "/v1/batch/orders", "k", 400),
    ("POST", "/v2/orders/limit", "k", 1200),
    ("GET", "/v1/account/balances", "k", 1200),
])
def test_the_limits_of_the_routes(limits, verb, path, key, expected):
    assert allowed(limits, verb, path, key) == expected
    assert limits.refused == 1


def test_public_routes_share_one_budget(limits):
    assert allowed(limits, "GET", "/v1/public/pairs", None) == 30
    assert not limits.allow("GET", "/v1/public/BTCZAR/trades", None)
    assert limits.allow("GET", "/v1/public/time", None)


def test_per_second_routes_do_not_count_towards_the_minute(limits, clock):
    for _ in range(10):
        allowed(limits, "POST", "/v1/orders/limit", "k")
        clock.advance(1)
    assert allowed(limits, "GET", "/v1/account/balances", "k") == 1200


def test_windows_begin_with_the_wall_clocks_minute(limits, clock):
    clock.advance(59 - clock.now() % 60)
    assert allowed(limits, "GET", "/v1/public/pairs", None) == 30
    clock.advance(1)
    assert limits.allow("GET", "/v1/public/pairs", None)


def test_an_address_with_two_keys_still_has_one_budget(limits):
    assert allowed(limits, "GET", "/v1/account/balances", "k") == 1200
    assert not limits.allow("GET", "/v1/account/balances", "another")


def test_can_be_switched_off_and_lowered(limits):
    limits.limits["public"] = (2, 60)
    assert allowed(limits, "GET", "/v1/public/pairs", None) == 2
    limits.enabled = False
    assert limits.allow("GET", "/v1/public/pairs", None)
