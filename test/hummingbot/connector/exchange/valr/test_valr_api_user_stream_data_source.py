import asyncio
import hashlib
import hmac
import logging
from test.hummingbot.connector.exchange.valr.account_server import KEY, SECRET, AccountServer, RestConnector
from test.hummingbot.connector.exchange.valr.helpers import until
from typing import Any, List

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import given, settings, strategies as st

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_account_polling import ValrAccountPolling
from hummingbot.connector.exchange.valr.valr_api_user_stream_data_source import ValrAPIUserStreamDataSource
from hummingbot.connector.exchange.valr.valr_errors import ValrCommandNotSent, ValrOutcomeUnknown
from hummingbot.core.data_type.user_stream_tracker import UserStreamTracker

pytestmark = pytest.mark.asyncio

PLACE = CONSTANTS.PLACE_LIMIT_COMMAND
CANCEL = CONSTANTS.CANCEL_COMMAND
PAYLOAD = {"customerOrderId": "HBOT1", "pair": "BTCZAR"}


@pytest_asyncio.fixture
async def server(monkeypatch):
    server = AccountServer()
    await server.start()
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, server.url)
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def connector():
    connector = RestConnector()
    yield connector
    await connector.factory.close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(CONSTANTS, "RECONNECT_CLEAN_DELAY", 0.01)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MIN_DELAY", 0.02)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MAX_DELAY", 0.05)
    monkeypatch.setattr(ValrAPIUserStreamDataSource, "FALLBACK_DELAY", 0.1)
    monkeypatch.setattr(ValrAccountPolling, "INTERVAL", 0.02)


@pytest_asyncio.fixture
async def source(connector):
    return ValrAPIUserStreamDataSource(
        connector.auth, connector, connector.factory, domain=CONSTANTS.SIMULATOR_DOMAIN)


@pytest_asyncio.fixture
async def tracker(server, source):
    """Hummingbot's own user stream tracker, started and stopped as an exchange does it."""
    tracker = UserStreamTracker(data_source=source)
    yield tracker
    await tracker.stop()


@pytest.fixture
def start(tracker, source):
    tasks: List[asyncio.Task] = []

    async def start_and_log_in(wait: bool = True):
        tasks.append(asyncio.ensure_future(tracker.start()))
        if wait:
            await until(lambda: source.connected)

    return start_and_log_in


def frames(tracker) -> List[Any]:
    """Takes what has arrived in the queue."""
    result = []
    while not tracker.user_stream.empty():
        result.append(tracker.user_stream.get_nowait())
    return result


def messages(caplog, level: int = logging.INFO) -> List[str]:
    return [record.getMessage() for record in caplog.records
            if record.levelno >= level and record.name.startswith("hummingbot.connector.exchange.valr")]


def connector_tasks() -> List[asyncio.Task]:
    files = {task: task.get_coro().cr_code.co_filename for task in asyncio.all_tasks()}
    return [task for task, file in files.items() if "/async_utils" in file or "/valr_" in file]


# === Login ===

async def test_handshake_is_signed(server, start):
    await start()

    headers = server.handshakes[0]
    text = f"{headers['X-VALR-TIMESTAMP']}GET/ws/account"
    assert headers["X-VALR-API-KEY"] == KEY
    assert headers["X-VALR-SIGNATURE"] == hmac.new(SECRET.encode(), text.encode(), hashlib.sha512).hexdigest()


async def test_login_and_every_new_login_are_told(server, start, tracker):
    await start()
    await server.drop()
    await until(lambda: len(server.handshakes) == 2)
    await until(lambda: tracker.user_stream.qsize() == 2)

    assert frames(tracker) == [{"type": CONSTANTS.AUTHENTICATED}] * 2


async def test_an_open_connection_is_no_login(server, start, source, tracker):
    async def say_nothing(socket):
        pass

    server.login = say_nothing
    await start(wait=False)
    await until(lambda: server.sockets)

    assert not source.connected
    assert source.last_recv_time == 0
    with pytest.raises(ValrCommandNotSent):
        await source.request(PLACE, PAYLOAD, timeout=1)


async def test_order_status_is_subscribed_once_and_an_error_in_return_is_harmless(server, start, tracker):
    server.commands[CONSTANTS.SUBSCRIBE] = lambda frame: [
        {"type": "ERROR", "message": "Channel ORDER_STATUS_UPDATE invalid"},
        {"type": "BALANCE_UPDATE", "data": {}}]
    await start()
    await until(lambda: tracker.user_stream.qsize() == 2)

    assert server.sent(CONSTANTS.SUBSCRIBE) == [
        {"type": "SUBSCRIBE", "subscriptions": [{"event": "ORDER_STATUS_UPDATE"}]}]


async def close_with_reason(socket):
    await socket.close(code=1007, message=b"Request has an invalid signature")


async def close_without_reason(socket):
    await socket.close(code=1000)


async def send_unauthorized(socket):
    await socket.send_json({"type": "UNAUTHORIZED", "message": f"API key {KEY} is not known"})


async def send_error(socket):
    await socket.send_json({"type": "ERROR", "message": "Request has an invalid signature"})


async def send_text(socket):
    await socket.send_str("Unauthorized")


async def say_nothing(socket):
    pass


@pytest.mark.parametrize("login, reason", [
    (close_with_reason, "VALR ended the connection before the login: closed with code 1007: "
                        "Request has an invalid signature"),
    (close_without_reason, "VALR ended the connection before the login: closed with code 1000"),
    (send_unauthorized, "VALR refused the login: API key *** is not known"),
    (send_error, "VALR refused the login: Request has an invalid signature"),
    (send_text, "VALR refused the login: Unauthorized"),
    (say_nothing, "VALR did not confirm the login within 0.4 s"),
])
async def test_each_refusal_of_a_login_is_told_in_words(server, start, source, caplog, monkeypatch, login, reason):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(CONSTANTS, "LOGIN_TIMEOUT", 0.4)
    monkeypatch.setattr(ValrAPIUserStreamDataSource, "FALLBACK_DELAY", 1.0)
    server.login = login
    await start(wait=False)
    await until(lambda: source.is_polling)

    assert any(f"is not available ({reason})" in message for message in messages(caplog, logging.WARNING))
    assert not source.connected


@pytest.mark.parametrize("status, reason", [
    (401, "VALR refused the connection with HTTP 401: the key, its signature or this IP address is not accepted"),
    (403, "VALR refused the connection with HTTP 403: access is denied"),
    (429, "VALR refused the connection with HTTP 429: too many connections were opened"),
    (503, "VALR refused the connection with HTTP 503: VALR is not available"),
])
async def test_each_refusal_of_a_handshake_is_told_in_words(server, start, source, caplog, status, reason):
    caplog.set_level(logging.INFO)
    server.handshake_status = status
    await start(wait=False)
    await until(lambda: source.is_polling)

    assert any(f"is not available ({reason})" in message for message in messages(caplog, logging.WARNING))
    for record in caplog.records:
        assert KEY not in str(record.__dict__) and SECRET not in str(record.__dict__)


async def test_refusals_are_retried_with_growing_pauses(server, start, source, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MIN_DELAY", 5.0)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MAX_DELAY", 60.0)
    pauses = []

    async def note(seconds):
        if seconds != source.FALLBACK_DELAY:
            pauses.append(seconds)
        await asyncio.sleep(0)

    source._sleep = note
    server.login = send_error
    await start(wait=False)
    await until(lambda: len(pauses) >= 7)

    assert pauses[:7] == [0, 5, 10, 20, 40, 60, 60]


async def test_connections_that_end_soon_after_the_login_cause_no_storm(server, start, source, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "RECONNECT_CLEAN_DELAY", 1.0)
    monkeypatch.setattr(CONSTANTS, "RECONNECT_MAX_DELAY", 60.0)
    pauses = []

    async def note(seconds):
        if seconds != source.FALLBACK_DELAY:
            pauses.append(seconds)
        await asyncio.sleep(0)

    async def log_in_and_close(socket):
        await AccountServer.authenticate(socket)
        await socket.close()

    source._sleep = note
    server.login = log_in_and_close
    await start(wait=False)
    await until(lambda: len(pauses) >= 5)

    assert pauses[:5] == [0, 1, 2, 4, 8]


async def test_a_refusal_that_lasts_is_not_logged_again_and_again(server, start, source, caplog):
    caplog.set_level(logging.INFO)
    server.login = send_error
    await start(wait=False)
    await until(lambda: len(server.handshakes) >= 4)

    refusals = [message for message in messages(caplog) if message.startswith("VALR's account socket: ")]
    assert refusals == ["VALR's account socket: VALR refused the login: Request has an invalid signature."]


async def test_connections_count_towards_the_rate_limit(server, start, connector):
    await start()

    assert connector.throttler._windows[CONSTANTS.SOCKET_CONNECT_LIMIT].used == 1


# === Events ===

async def test_events_pass_unchanged_and_everything_else_stays_out(server, start, source, tracker):
    await start()
    events = [{"type": kind, "data": {"id": number}, "new": "field"} for number, kind in enumerate([
        "BALANCE_UPDATE", "OPEN_ORDERS_UPDATE", "ORDER_PROCESSED", "ORDER_STATUS_UPDATE", "NEW_ACCOUNT_TRADE",
        "FAILED_CANCEL_ORDER", "FAILED_ORDER"])]
    await server.send("", "no json", "[]", "7", "null", '{"type": 5}', '{"no": "type"}', '{"type": ["a"]}',
                      {"type": "NEW_PENDING_RECEIVE"}, {"type": "ERROR", "message": "some error"},
                      {"type": "PLACE_LIMIT_WS_RESPONSE", "clientMsgId": ["a"], "data": 5}, *events)
    await until(lambda: tracker.user_stream.qsize() == 1 + len(events))

    assert frames(tracker)[1:] == events
    assert len(server.handshakes) == 1


@pytest.mark.parametrize("data", ["binary", "ping"])
async def test_other_websocket_messages_do_no_harm(server, start, tracker, data):
    await start()
    if data == "binary":
        await server.sockets[-1].send_bytes(b"\x00\xff")
    else:
        await server.sockets[-1].ping()
    await server.send({"type": "BALANCE_UPDATE", "data": {}})
    await until(lambda: tracker.user_stream.qsize() == 2)

    assert len(server.handshakes) == 1


@settings(deadline=None)
@given(st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text()
    | st.sampled_from(["PLACE_LIMIT_WS_RESPONSE", "ERROR", "hb1", "HBOT1"]),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["type", "data", "clientMsgId", "customerOrderId", "message"]) | st.text(), inner)))
async def test_no_frame_whatsoever_breaks_the_reader(frame):
    connector = RestConnector()
    source = ValrAPIUserStreamDataSource(connector.auth, connector, connector.factory)
    source._output = asyncio.Queue()

    source._take(frame)


async def test_last_recv_time_is_the_time_of_the_last_frame(server, start, source, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "PING_INTERVAL", 0.03)
    await start()
    first = source.last_recv_time
    assert first > 0

    # Only PONGs come, which are life, too.
    await until(lambda: source.last_recv_time > first)


# === Staying alive ===

async def test_pings_are_sent_also_while_frames_come(server, start, tracker, monkeypatch):
    monkeypatch.setattr(CONSTANTS, "PING_INTERVAL", 0.05)
    await start()
    while len(server.sent(CONSTANTS.PING)) < 3:
        await server.send({"type": "BALANCE_UPDATE", "data": {}})
        await asyncio.sleep(0.005)

    assert len(server.handshakes) == 1


async def test_a_silent_connection_is_replaced(server, start, source, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(CONSTANTS, "PING_INTERVAL", 0.05)
    monkeypatch.setattr(CONSTANTS, "SOCKET_SILENCE_LIMIT", 0.15)
    server.commands[CONSTANTS.PING] = lambda frame: []
    await start()
    await until(lambda: len(server.handshakes) == 2)

    assert 1 <= len(server.sent(CONSTANTS.PING)) <= 4
    assert any("nothing came for" in message for message in messages(caplog))


async def test_a_routine_end_of_a_connection_is_one_line_without_traceback(server, start, source, caplog):
    caplog.set_level(logging.INFO)
    await start()
    await server.sockets[-1].close(code=1012, message=b"Service Restart")
    await until(lambda: len(server.handshakes) == 2)
    await until(lambda: source.connected)

    assert messages(caplog) == [
        "Logged in to VALR's account socket.",
        "VALR's account socket: closed with code 1012: Service Restart.",
        "Logged in to VALR's account socket."]
    assert not any(record.exc_info for record in caplog.records)


# === Commands ===

async def test_reply_is_matched_by_the_message_id_in_any_order(server, start, source):
    await start()
    requests = [asyncio.ensure_future(source.request(PLACE, {**PAYLOAD, "n": str(n)}, timeout=5)) for n in range(3)]
    sent = await until(lambda: len(server.sent(PLACE)) == 3 and server.sent(PLACE))
    for frame in reversed(sent):
        await server.send({"type": "PLACE_LIMIT_WS_RESPONSE", "clientMsgId": frame["clientMsgId"],
                           "data": {"orderId": frame["payload"]["n"]}})

    assert [(await request)["data"]["orderId"] for request in requests] == ["0", "1", "2"]
    assert len({frame["clientMsgId"] for frame in sent}) == 3


async def test_both_ids_of_an_order_are_told_before_what_follows_the_reply(server, source, tracker, start):
    server.commands[PLACE] = lambda frame: [
        {"type": "PLACE_LIMIT_WS_RESPONSE", "clientMsgId": frame["clientMsgId"], "data": {"orderId": "v1"}},
        {"type": "NEW_ACCOUNT_TRADE", "data": {"orderId": "v1"}}]
    await start()

    await source.request(PLACE, PAYLOAD, timeout=5)
    told = []
    await until(lambda: told.extend(frames(tracker)) or told[-1:] == [
        {"type": "NEW_ACCOUNT_TRADE", "data": {"orderId": "v1"}}])

    assert told[-2] == {"type": "PLACEMENT_REPLY", "data": {"orderId": "v1", "customerOrderId": "HBOT1"}}


@pytest.mark.parametrize("reply", [
    {"type": "PLACE_LIMIT_WS_RESPONSE", "data": {"orderId": "1", "customerOrderId": "HBOT1"}},
    {"type": "INVALID_PLACE_LIMIT_REQUEST", "data": {"customerOrderId": "HBOT1", "message": "no"}},
    {"type": "ORDER_FAILED", "data": {"customerOrderId": "HBOT1", "message": "no"}},
    {"type": "ORDER_REJECTED", "customerOrderId": "HBOT1", "message": "no"},
    {"type": "ERROR", "customerOrderId": "HBOT1", "message": "no"},
])
async def test_reply_without_message_id_is_matched_by_the_order_id(server, start, source, reply):
    server.commands[PLACE] = lambda frame: [reply]
    await start()

    assert await source.request(PLACE, PAYLOAD, timeout=5) == reply


@pytest.mark.parametrize("reply", [
    {"type": "PLACE_LIMIT_WS_RESPONSE", "error": {"message": "no id at all"}},
    {"type": "PLACE_LIMIT_WS_RESPONSE", "data": {"orderId": "1", "customerOrderId": "HBOT2"}},
    {"type": "PLACE_LIMIT_WS_RESPONSE", "data": {"orderId": "1", "customerOrderId": "HBOT1"}, "clientMsgId": "other"},
    {"type": "CANCEL_ORDER_WS_RESPONSE", "data": {"requested": True, "customerOrderId": "HBOT1"}},
    {"type": "MODIFY_ORDER_OUTCOME", "data": {"success": False, "customerOrderId": "HBOT1"}},
    {"type": "RATE_LIMIT_EXCEEDED", "data": {"requestType": "PLACE_LIMIT_ORDER"}},
    {"type": "ORDER_PROCESSED", "data": {"success": False, "customerOrderId": "HBOT1"}},
])
async def test_a_frame_that_may_mean_another_command_is_no_reply(server, start, source, reply):
    server.commands[PLACE] = lambda frame: [reply]
    await start()

    with pytest.raises(ValrOutcomeUnknown, match="did not answer PLACE_LIMIT_ORDER within 0.05 s"):
        await source.request(PLACE, PAYLOAD, timeout=0.05)


async def test_an_error_for_one_of_two_commands_on_an_order_answers_neither(server, start, source):
    await start()
    requests = [asyncio.ensure_future(source.request(command, PAYLOAD, timeout=0.1)) for command in (PLACE, CANCEL)]
    await until(lambda: server.sent(CANCEL))
    await server.send({"type": "ERROR", "message": "no", "data": {"customerOrderId": "HBOT1"}})

    for request in requests:
        with pytest.raises(ValrOutcomeUnknown):
            await request


async def test_late_and_repeated_replies_do_no_harm(server, start, source, tracker):
    server.commands[PLACE] = lambda frame: [
        {"type": "PLACE_LIMIT_WS_RESPONSE", "clientMsgId": frame["clientMsgId"], "data": {"orderId": n}} for n in "12"]
    await start()
    assert (await source.request(PLACE, PAYLOAD, timeout=5))["data"]["orderId"] == "1"

    server.commands[PLACE] = lambda frame: [{"type": "BALANCE_UPDATE", "data": {}}]
    with pytest.raises(ValrOutcomeUnknown):
        await source.request(PLACE, PAYLOAD, timeout=0.05)
    await server.send({"type": "PLACE_LIMIT_WS_RESPONSE", "clientMsgId": server.sent(PLACE)[-1]["clientMsgId"],
                       "error": {"message": "too late"}}, {"type": "BALANCE_UPDATE", "data": {}})
    await until(lambda: tracker.user_stream.qsize() == 3)

    assert source.connected
    assert source._pending == {}


async def test_pending_commands_are_unknown_when_the_connection_is_lost(server, start, source):
    await start()
    request = asyncio.ensure_future(source.request(PLACE, PAYLOAD, timeout=5))
    await until(lambda: server.sent(PLACE))
    await server.drop()

    with pytest.raises(ValrOutcomeUnknown, match="lost before VALR answered PLACE_LIMIT_ORDER"):
        await request


async def test_pending_commands_are_unknown_when_the_connector_stops(server, start, source, tracker):
    await start()
    request = asyncio.ensure_future(source.request(PLACE, PAYLOAD, timeout=5))
    await until(lambda: server.sent(PLACE))
    await tracker.stop()

    with pytest.raises(ValrOutcomeUnknown):
        await request


async def test_a_connection_that_answers_nothing_after_a_command_is_replaced(server, start, source):
    """A half-open connection: VALR would answer within about 10 ms, and the next commands must not wait in vain."""
    await start()
    with pytest.raises(ValrOutcomeUnknown):
        await source.request(PLACE, PAYLOAD, timeout=0.05)

    await until(lambda: len(server.handshakes) == 2)
    await until(lambda: source.connected)


async def test_a_connection_on_which_other_frames_come_is_kept(server, start, source):
    server.commands[PLACE] = lambda frame: [{"type": "BALANCE_UPDATE", "data": {}}]
    await start()
    with pytest.raises(ValrOutcomeUnknown):
        await source.request(PLACE, PAYLOAD, timeout=0.05)
    server.commands[CANCEL] = lambda frame: [
        {"type": "CANCEL_ORDER_WS_RESPONSE", "clientMsgId": frame["clientMsgId"], "data": {"requested": True}}]
    await source.request(CANCEL, PAYLOAD, timeout=5)

    assert len(server.handshakes) == 1


# === Cancel on disconnect ===

async def test_cancel_on_disconnect_is_off_by_default(server, start, source):
    await start()
    server.commands[PLACE] = lambda frame: [{"type": PLACE, "clientMsgId": frame["clientMsgId"]}]
    await source.request(PLACE, PAYLOAD, timeout=5)

    assert server.sent(CONSTANTS.CANCEL_ON_DISCONNECT_COMMAND) == []


async def test_cancel_on_disconnect_is_set_again_after_each_login(server, start, source, caplog):
    caplog.set_level(logging.INFO)
    source.cancel_on_disconnect = True
    server.commands[CONSTANTS.CANCEL_ON_DISCONNECT_COMMAND] = lambda frame: [
        {"type": "CANCEL_ON_DISCONNECT_UPDATE", "data": {"cancelOnDisconnect": "true"}}]
    await start()
    await until(lambda: server.sent(CONSTANTS.CANCEL_ON_DISCONNECT_COMMAND))
    await server.drop()
    await until(lambda: len(server.sent(CONSTANTS.CANCEL_ON_DISCONNECT_COMMAND)) == 2)

    assert server.sent(CONSTANTS.CANCEL_ON_DISCONNECT_COMMAND)[1] == {
        "type": "CANCEL_ON_DISCONNECT", "payload": {"cancelOnDisconnect": True}}
    await until(lambda: any("cancel-on-disconnect" in message for message in messages(caplog)))


# === REST in place of the socket ===

async def test_rest_takes_over_when_the_socket_is_refused_and_hands_back(server, start, source, tracker, caplog):
    caplog.set_level(logging.INFO)
    server.rest[CONSTANTS.BALANCES_PATH] = [{"currency": "ZAR", "available": "5", "total": "5"}]
    server.login = send_error
    await start(wait=False)
    await until(lambda: source.is_polling)
    await until(lambda: tracker.user_stream.qsize() >= 2)

    assert source.last_recv_time > 0
    polled = frames(tracker)
    assert {"type": "BALANCE_UPDATE", "data": {"currency": "ZAR", "available": "5", "total": "5"}} in polled
    assert {"type": "OPEN_ORDERS_UPDATE", "data": []} in polled
    assert not any(frame["type"] == CONSTANTS.AUTHENTICATED for frame in polled)

    server.login = server.authenticate
    await until(lambda: source.connected)
    assert not source.is_polling
    await until(lambda: {"type": CONSTANTS.AUTHENTICATED} in frames(tracker))
    assert len(messages(caplog, logging.WARNING)) == 1
    assert "Polling VALR's account over REST has ended." in messages(caplog)


async def test_a_short_reconnection_starts_no_polling(server, start, source, caplog, monkeypatch):
    monkeypatch.setattr(ValrAPIUserStreamDataSource, "FALLBACK_DELAY", 1.0)
    await start()
    await server.drop()
    await until(lambda: len(server.handshakes) == 2)
    await until(lambda: source.connected)

    assert server.requests == []
    assert messages(caplog, logging.WARNING) == []


async def test_a_handshake_that_hangs_does_not_keep_rest_from_taking_over(server, start, source):
    server.login = say_nothing
    await start(wait=False)

    await until(lambda: source.is_polling and source.last_recv_time > 0, seconds=2)


async def test_nothing_is_known_of_the_account_while_neither_way_works(server, start, source, monkeypatch):
    await server.stop()
    await start(wait=False)
    await until(lambda: source.is_polling)

    assert source.last_recv_time == 0
    await server.start()
    monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, server.url)
    await until(lambda: source.connected)


# === Stopping ===

@pytest.mark.parametrize("login", [AccountServer.authenticate, send_error, say_nothing])
async def test_stop_leaves_no_task_and_no_connection_and_starting_again_works(server, start, source, tracker, login):
    server.login = login
    for _ in range(2):
        await start(wait=False)
        await until(lambda: source.last_recv_time > 0)
        assert connector_tasks()
        await tracker.stop()

        assert not connector_tasks()
        assert not source.connected and not source.is_polling
        assert source.last_recv_time == 0
        await until(lambda: all(socket.closed for socket in server.sockets))


async def test_stop_does_not_wait_for_a_server_that_is_gone(server, start, source, tracker):
    await start()
    for socket in server.sockets:
        socket._req.transport.pause_reading()
    async with asyncio.timeout(3):
        await tracker.stop()


async def test_no_session_is_left_open(server, start, tracker, monkeypatch):
    sessions = []
    create = aiohttp.ClientSession.__init__

    def note(session, *args, **kwargs):
        sessions.append(session)
        create(session, *args, **kwargs)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", note)
    await start()
    await server.drop()
    await until(lambda: len(server.handshakes) == 2)
    await tracker.stop()

    assert len(sessions) == 2 and all(session.closed for session in sessions)
