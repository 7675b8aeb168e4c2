import asyncio
import logging
import time
from datetime import datetime, timezone
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_web_utils as web_utils
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError
from hummingbot.connector.time_synchronizer import TimeSynchronizer
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot.core.web_assistant.connections.data_types import RESTMethod


@pytest_asyncio.fixture
async def serve(monkeypatch):
    """Serves one handler for every request and makes it the simulator the connector talks to."""
    servers = []

    async def start(handler) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(application)
        await server.start_server()
        servers.append(server)
        monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, f"http://127.0.0.1:{server.port}")
        return application

    yield start
    await ConnectionsFactory().close()  # Hummingbot's HTTP session is one for the process and bound to a loop
    for server in servers:
        await server.close()


async def request(method: RESTMethod = RESTMethod.GET, path: str = CONSTANTS.STATUS_PATH, **kwargs):
    factory = web_utils.build_api_factory_without_time_synchronizer_pre_processor(web_utils.create_throttler())
    async with factory:
        assistant = await factory.get_rest_assistant()
        return await assistant.execute_request(
            url=web_utils.public_rest_url(path, CONSTANTS.SIMULATOR_DOMAIN), method=method,
            throttler_limit_id=path, **kwargs)


def test_production_hosts_are_fixed_and_encrypted(monkeypatch):
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, "http://127.0.0.1:1")

    assert web_utils.public_rest_url("/v1/public/time") == "https://api.valr.com/v1/public/time"
    assert web_utils.private_rest_url("/v1/orders/open", "valr") == "https://api.valr.com/v1/orders/open"
    assert web_utils.socket_url("/ws/trade") == "wss://api.valr.com/ws/trade"


@pytest.mark.parametrize("url, socket", [
    ("http://127.0.0.1:8710", "ws://127.0.0.1:8710/ws/account"),
    ("http://localhost:9/", "ws://localhost:9/ws/account"),
    ("http://[::1]:9", "ws://[::1]:9/ws/account"),
])
def test_simulator_is_found_through_the_environment(monkeypatch, url, socket):
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, url)

    assert web_utils.socket_url("/ws/account", CONSTANTS.SIMULATOR_DOMAIN) == socket


def test_simulator_default_url(monkeypatch):
    monkeypatch.delenv(CONSTANTS.SIMULATOR_URL_VARIABLE, raising=False)

    assert web_utils.public_rest_url("/x", CONSTANTS.SIMULATOR_DOMAIN) == "http://127.0.0.1:8710/x"


@pytest.mark.parametrize("url", [
    "http://10.0.0.1:8710", "https://127.0.0.1:8710", "http://127.0.0.1.example.com", "http://user@127.0.0.1:1",
    "http://example.com", "http://127.0.0.1:99999", "127.0.0.1:8710", "", "http://127.0.0.1/path",
])
def test_simulator_elsewhere_is_refused_with_the_mend(monkeypatch, url):
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, url)

    with pytest.raises(ValueError, match="VALR_SIMULATOR_URL=.*unset it"):
        web_utils.public_rest_url("/x", CONSTANTS.SIMULATOR_DOMAIN)


@pytest.mark.asyncio
@pytest.mark.parametrize("method", [RESTMethod.GET, RESTMethod.POST, RESTMethod.DELETE])
async def test_every_request_is_labelled_as_json(serve, method):
    async def handler(received: web.Request) -> web.Response:
        return web.json_response({"label": received.headers["Content-Type"]})

    await serve(handler)

    assert await request(method) == {"label": "application/json"}


@pytest.mark.asyncio
async def test_error_reply_keeps_status_and_code(serve):
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"code": -21, "message": "Unsupported Currency Pair"}, status=400)

    await serve(handler)

    with pytest.raises(ValrAPIError) as caught:
        await request()
    assert (caught.value.status, caught.value.code) == (400, -21)
    assert caught.value.is_rejection


@pytest.mark.asyncio
@pytest.mark.parametrize("header, seconds", [("7", 7.0), ("soon", None), (None, None)])
async def test_retry_after_is_kept_when_it_is_a_number(serve, header, seconds):
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": header} if header else {})

    await serve(handler)

    with pytest.raises(ValrAPIError) as caught:
        await request()
    assert caught.value.retry_after == seconds


@pytest.mark.asyncio
async def test_silent_server_becomes_a_connection_error_naming_the_request(serve, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "REST_TIMEOUT", 0.05)
    released = asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    await serve(handler)

    with pytest.raises(ConnectionError, match="did not answer GET /v1/public/status within 0.05 s"):
        await request()
    released.set()


@pytest.mark.asyncio
async def test_reply_that_stops_halfway_becomes_a_connection_error(serve, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "REST_TIMEOUT", 0.05)
    released = asyncio.Event()

    async def handler(received: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(received)
        await response.write(b"{")
        await released.wait()
        return response

    await serve(handler)

    with pytest.raises(ConnectionError, match="did not answer"):
        await request()
    released.set()


@pytest.mark.asyncio
async def test_reply_of_another_kind_becomes_an_error_without_the_headers_of_the_request(serve):
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b"\x00", content_type="application/octet-stream")

    await serve(handler)

    with pytest.raises(IOError, match="HTTP 200 cannot be read: Attempt to decode JSON") as caught:
        await request(headers={"X-VALR-API-KEY": "the key"})
    assert "the key" not in f"{caught.value!r} {vars(caught.value)} {caught.value.__cause__!r}"


@pytest.mark.asyncio
async def test_server_time_comes_in_milliseconds(serve):
    async def handler(_: web.Request) -> web.Response:
        # Wire
        return web.json_response({"epochTime": 1790133597, "time": "2026-09-23T03:19:57.710853735Z"})

    await serve(handler)

    milliseconds = await web_utils.get_current_server_time(domain=CONSTANTS.SIMULATOR_DOMAIN)

    expected = datetime(2026, 9, 23, 3, 19, 57, 710853, tzinfo=timezone.utc)
    assert milliseconds == pytest.approx(expected.timestamp() * 1e3)


@pytest.mark.asyncio
async def test_first_signed_request_waits_for_the_exchanges_clock(serve):
    paths = []

    async def handler(received: web.Request) -> web.Response:
        paths.append(received.path)
        return web.json_response({"time": "2026-09-23T03:19:57.7Z"})

    await serve(handler)
    async with web_utils.build_api_factory(domain=CONSTANTS.SIMULATOR_DOMAIN) as factory:
        assistant = await factory.get_rest_assistant()
        for _ in range(2):
            await assistant.execute_request(
                url=web_utils.public_rest_url(CONSTANTS.STATUS_PATH, CONSTANTS.SIMULATOR_DOMAIN),
                throttler_limit_id=CONSTANTS.STATUS_PATH)

    assert paths == [CONSTANTS.SERVER_TIME_PATH, CONSTANTS.STATUS_PATH, CONSTANTS.STATUS_PATH]


class Account:
    """Signed requests as the connector makes them."""

    def __init__(self):
        clock = TimeSynchronizer()
        self.factory = web_utils.build_api_factory(
            time_synchronizer=clock, domain=CONSTANTS.SIMULATOR_DOMAIN, auth=ValrAuth("key", "secret", clock))

    async def request(self) -> Any:
        assistant = await self.factory.get_rest_assistant()
        return await assistant.execute_request(
            url=web_utils.private_rest_url(CONSTANTS.OPEN_ORDERS_PATH, CONSTANTS.SIMULATOR_DOMAIN),
            throttler_limit_id=CONSTANTS.ACCOUNT_LIMIT, is_auth_required=True)


AN_HOUR_AHEAD = 3600.0  # seconds


async def answer_an_hour_ahead(received: web.Request) -> web.Response:
    """VALR's time, or how far the signature's time is ahead of this machine's."""
    if received.path == CONSTANTS.SERVER_TIME_PATH:
        now = datetime.fromtimestamp(time.time() + AN_HOUR_AHEAD, timezone.utc)
        return web.json_response({"time": now.isoformat()})
    return web.json_response(float(received.headers["X-VALR-TIMESTAMP"]) / 1e3 - time.time())


@pytest.mark.asyncio
async def test_offline_start_leaves_no_traceback_and_is_signed_with_valrs_time_afterwards(serve, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG, "hummingbot")
    account = Account()
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, f"http://127.0.0.1:{unused_port()}")
    for _ in range(3):
        with pytest.raises(OSError, match="Cannot connect"):
            await account.request()
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.WARNING]

    await serve(answer_an_hour_ahead)

    assert await account.request() == pytest.approx(AN_HOUR_AHEAD, abs=5)


@pytest.mark.asyncio
@pytest.mark.parametrize("reply", [
    lambda: web.Response(status=503), lambda: web.json_response({}), lambda: web.json_response({"time": "noon"}),
    lambda: web.json_response([]), lambda: web.Response(text="<html>")])
async def test_a_time_that_cannot_be_read_leaves_the_request_alone(serve, caplog, reply):
    async def handler(received: web.Request) -> web.Response:
        return reply() if received.path == CONSTANTS.SERVER_TIME_PATH else await answer_an_hour_ahead(received)

    caplog.set_level(logging.DEBUG, "hummingbot")
    await serve(handler)

    assert await Account().request() == pytest.approx(0, abs=5)
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.WARNING]


@pytest.mark.asyncio
async def test_requests_that_start_together_ask_for_the_time_once(serve):
    paths = []

    async def handler(received: web.Request) -> web.Response:
        paths.append(received.path)
        return await answer_an_hour_ahead(received)

    await serve(handler)
    account = Account()

    assert await asyncio.gather(*(account.request() for _ in range(3))) == pytest.approx([AN_HOUR_AHEAD] * 3, abs=5)
    assert paths.count(CONSTANTS.SERVER_TIME_PATH) == 1
