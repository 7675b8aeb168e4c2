import asyncio
import json
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st
from yarl import URL

from hummingbot.connector.exchange.valr import valr_auth
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.time_synchronizer import TimeSynchronizer
from hummingbot.core.web_assistant.connections.data_types import RESTMethod, RESTRequest, WSJSONRequest

# The secret and the two signatures are published in VALR's documentation.
PUBLISHED_SECRET = "4961b74efac86b25cce8fbe4c9811c4c7a787b7a5996660afcc2e287ad864363"  # noqa: mock
GET_SIGNATURE = ("9d52c181ed69460b49307b7891f04658e938b21181173844b5018b2fe783a6d4"  # noqa: mock
                 "c62b8e67a03de4d099e7437ebfabe12c56233b73c6a0cc0f7ae87e05f6289928")  # noqa: mock
POST_SIGNATURE = ("09f536e3dfdad58443f16010a97a0a21ad27486b7b8d6d4103170d885410ed77"  # noqa: mock
                  "f037f1fa628474190d4f5c08ca12c1acc850901f1c2e75c6d906ec3b32b008d0")  # noqa: mock
POST_BODY = '{"customerOrderId":"ORDER-000001","pair":"BTCUSDC","side":"BUY","quoteAmount":"80000"}'


class FixedClock(TimeSynchronizer):
    """A synchronizer that knows the exchange's time: seconds since the epoch."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds = seconds

    def time(self) -> float:
        return self.seconds


def timestamp_of(auth: ValrAuth) -> int:
    return int(auth.signed_headers(RESTMethod.GET, "/")["X-VALR-TIMESTAMP"])


def auth_at(milliseconds: int, **kwargs) -> ValrAuth:
    # Half a millisecond in the middle, so that the microseconds until the signature do not reach the next one.
    return ValrAuth("key", PUBLISHED_SECRET, FixedClock((milliseconds + 0.5) / 1e3), **kwargs)


def signed(auth: ValrAuth, **request) -> RESTRequest:
    return asyncio.run(auth.rest_authenticate(RESTRequest(is_auth_required=True, **request)))


def test_published_get_example():
    request = signed(auth_at(1558014486185), method=RESTMethod.GET, url="https://api.valr.com/v1/account/balances")

    assert request.headers["X-VALR-TIMESTAMP"] == "1558014486185"
    assert request.headers["X-VALR-SIGNATURE"] == GET_SIGNATURE
    assert request.headers["X-VALR-API-KEY"] == "key"


def test_published_post_example():
    request = signed(auth_at(1558017528946), method=RESTMethod.POST, url="https://api.valr.com/v1/orders/market",
                     data=POST_BODY)

    assert request.headers["X-VALR-SIGNATURE"] == POST_SIGNATURE


def test_query_is_signed_as_it_is_sent():
    params = {"startTime": "2026-01-01T00:00:00.000Z", "limit": 100, "odd": "a b+c/ü"}
    request = signed(auth_at(1558014486185), method=RESTMethod.GET, params=params,
                     url="https://api.valr.com/v1/account/tradehistory")
    # What aiohttp will put on the wire
    sent = URL(request.url).raw_path_qs

    assert request.params is None
    assert dict(URL(request.url).query) == {key: str(value) for key, value in params.items()}
    expected = auth_at(1558014486185).signed_headers(RESTMethod.GET, sent)
    assert request.headers["X-VALR-SIGNATURE"] == expected["X-VALR-SIGNATURE"]
    unsigned_query = auth_at(1558014486185).signed_headers(RESTMethod.GET, "/v1/account/tradehistory")
    assert request.headers["X-VALR-SIGNATURE"] != unsigned_query["X-VALR-SIGNATURE"]


def test_body_of_a_delete_is_signed():
    body = json.dumps({"customerOrderId": "HBOT1", "pair": "BTCZAR"})
    with_body = signed(auth_at(1), method=RESTMethod.DELETE, url="https://api.valr.com/v2/orders/order", data=body)
    without = signed(auth_at(1), method=RESTMethod.DELETE, url="https://api.valr.com/v2/orders/order")

    assert with_body.data == body
    assert with_body.headers["X-VALR-SIGNATURE"] != without.headers["X-VALR-SIGNATURE"]


def test_subaccount_is_sent_and_signed_only_when_there_is_one():
    plain = auth_at(1).signed_headers(RESTMethod.GET, "/ws/account")
    empty = auth_at(1, subaccount_id="").signed_headers(RESTMethod.GET, "/ws/account")
    sub = auth_at(1, subaccount_id="1385226517613019136").signed_headers(RESTMethod.GET, "/ws/account")

    assert plain == empty
    assert "X-VALR-SUB-ACCOUNT-ID" not in plain
    assert sub["X-VALR-SUB-ACCOUNT-ID"] == "1385226517613019136"
    assert sub["X-VALR-SIGNATURE"] != plain["X-VALR-SIGNATURE"]


def test_headers_already_there_are_kept():
    request = signed(auth_at(1), method=RESTMethod.GET, url="https://api.valr.com/v1/orders/open",
                     headers={"Content-Type": "application/json"})

    assert request.headers["Content-Type"] == "application/json"


@given(st.lists(st.floats(min_value=1.7e9, max_value=1.9e9), min_size=2, max_size=30))
def test_timestamps_strictly_increase_whatever_the_clock_does(times):
    clock = FixedClock(times[0])
    auth = ValrAuth("key", PUBLISHED_SECRET, clock)
    stamps = []
    for clock.seconds in times:
        auth.refresh_clock()
        stamps.append(timestamp_of(auth))

    assert all(later > earlier for earlier, later in zip(stamps, stamps[1:]))


def test_refreshed_clock_counts_for_the_next_signature():
    clock = FixedClock(1_700_000_000.0)
    auth = ValrAuth("key", PUBLISHED_SECRET, clock)
    timestamp_of(auth)
    clock.seconds = 1_700_000_500.0

    auth.refresh_clock()

    assert timestamp_of(auth) >= 1_700_000_500_000


def test_a_refused_timestamp_does_not_keep_the_next_one_ahead():
    clock = FixedClock(1_700_007_200.0)
    auth = ValrAuth("key", PUBLISHED_SECRET, clock)
    timestamp_of(auth)
    clock.seconds = 1_700_000_000.0

    auth.restart_clock()
    auth.refresh_clock()

    assert 1_700_000_000_000 <= timestamp_of(auth) < 1_700_000_010_000


def test_signatures_of_one_millisecond_are_one_millisecond_apart(monkeypatch):
    monkeypatch.setattr(valr_auth, "time", SimpleNamespace(perf_counter=lambda: 100.0))
    auth = auth_at(1_700_000_000_000)
    stamps = [timestamp_of(auth) for _ in range(3)]

    assert stamps == [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002]


def test_the_exchanges_clock_is_read_once_a_second(monkeypatch):
    machine = SimpleNamespace(now=100.0, perf_counter=lambda: machine.now)
    monkeypatch.setattr(valr_auth, "time", machine)
    clock = FixedClock(1_700_000_000.0)
    auth = ValrAuth("key", PUBLISHED_SECRET, clock)
    stamps = []
    # The exchange's clock is set forward; the signer goes on by this machine's until it reads it again.
    for machine.now, clock.seconds in ((100.0, 1_700_000_000.0), (100.9, 1_700_000_500.0), (101.0, 1_700_000_500.0)):
        stamps.append(timestamp_of(auth))

    assert stamps == [1_700_000_000_000, 1_700_000_000_900, 1_700_000_500_000]


def test_messages_on_a_socket_are_left_alone():
    request = WSJSONRequest(payload={"type": "PING"}, is_auth_required=True)

    assert asyncio.run(auth_at(1).ws_authenticate(request)) is request


@pytest.mark.parametrize("text", [repr, str])
def test_secret_is_not_shown(text):
    auth = ValrAuth("visible-key", PUBLISHED_SECRET, FixedClock(1.0))

    assert text(auth) == "ValrAuth(api_key=***, api_secret=***)"
    assert PUBLISHED_SECRET not in text(auth)
    assert "visible-key" not in text(auth)
    assert PUBLISHED_SECRET not in text(vars(auth))
