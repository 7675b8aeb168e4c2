import asyncio
import logging
from datetime import datetime, timezone
from decimal import Decimal
from test.hummingbot.connector.exchange.valr.helpers import until
from types import SimpleNamespace
from typing import Callable, Dict, List, Optional

import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, strategies as st

import hummingbot.connector.exchange.valr.valr_constants as VALR
import hummingbot.connector.exchange.valr.valr_web_utils as web_utils
from hummingbot.core.network_iterator import NetworkStatus
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot.data_feed.candles_feed.data_types import HistoricalCandlesConfig
from hummingbot.data_feed.candles_feed.valr_spot_candles import (
    ValrSimulatorSpotCandles,
    ValrSpotCandles,
    constants as CONSTANTS,
)

NOW = 1_753_189_020  # 2025-07-22T12:57:00Z, the start of a minute
PAIR = "BTC-USDC"

# VALR documentation of December 2025
REST_ROW = {"currencyPairSymbol": "BTCUSDC", "bucketPeriodInSeconds": 60, "startTime": "2025-07-22T12:56:00Z",
            "open": "119350", "high": "119350", "low": "119350", "close": "119350", "volume": "0", "quoteVolume": "0"}
# Captured on the wire, April 2024
SOCKET_FRAME = {"type": "NEW_TRADE_BUCKET", "currencyPairSymbol": "BTCUSDC",
                "data": {"currencyPairSymbol": "BTCUSDC", "bucketPeriodInSeconds": 60,
                         "startTime": "2024-04-05T09:03:00Z", "open": "67310", "high": "67310", "low": "67310",
                         "close": "67310", "volume": "0", "quoteVolume": "0"}}


def row_of(start: int, close: str = "100", volume: str = "1", period: int = 60, symbol: str = "BTCUSDC") -> Dict:
    return {"currencyPairSymbol": symbol, "bucketPeriodInSeconds": period,
            "startTime": datetime.fromtimestamp(start, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "open": "100", "high": "110", "low": "90", "close": close, "volume": volume, "quoteVolume": "100"}


def frame_of(start: int, **values) -> Dict:
    return {"type": "NEW_TRADE_BUCKET", "currencyPairSymbol": "BTCUSDC", "data": row_of(start, **values)}


class CandleServer:
    """VALR's three routes a candles feed uses, on a real port, with a clock of its own."""

    def __init__(self):
        self.now = float(NOW)
        self.first_candle = NOW - 10_000 * 86_400
        self.volumes: Dict[int, str] = {}  # of candles that are not quiet
        self.queries: List[Dict[str, str]] = []
        self.headers: List[Dict[str, str]] = []
        self.is_down = False
        self.before_reply: Callable[[], None] = lambda: None
        self.socket: Optional[web.WebSocketResponse] = None
        self.refuses_sockets = False
        self.answers_pings = True
        self.socket_attempts = 0
        self.received: List[Dict] = []
        application = web.Application()
        application.router.add_get("/v1/public/time", self._time)
        application.router.add_get("/v1/public/BTCUSDC/buckets", self._buckets)
        application.router.add_get("/ws/trade", self._trade_socket)
        self._server = TestServer(application)

    async def start(self) -> str:
        await self._server.start_server()
        return f"http://127.0.0.1:{self._server.port}"

    async def stop(self):
        await self._server.close()

    async def send(self, frame):
        await self.socket.send_json(frame)

    async def _time(self, _: web.Request) -> web.Response:
        time = datetime.fromtimestamp(self.now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        return web.json_response({"epochTime": int(self.now), "time": time})

    async def _buckets(self, request: web.Request) -> web.Response:
        self.queries.append(dict(request.query))
        self.headers.append(dict(request.headers))
        self.before_reply()
        if self.is_down:
            return web.json_response({"code": -1, "message": "down"}, status=503)
        period, start, end = (int(request.query[key]) for key in ("periodSeconds", "startTime", "endTime"))
        if (end - start) / period > 300:
            return web.json_response({"code": -11, "message": "range of more than 300 buckets"}, status=400)
        first = max(-(-start // period) * period, self.first_candle)
        starts = range(first, int(min(end, self.now)) + 1, period)
        volume = "0" if request.query.get("includeEmpty") == "true" else None
        rows = [row_of(at, volume=self.volumes.get(at, volume), period=period) for at in starts
                if self.volumes.get(at, volume) is not None]
        return web.json_response(rows[::-1][:int(request.query["limit"])])

    async def _trade_socket(self, request: web.Request) -> web.StreamResponse:
        self.socket_attempts += 1
        if self.refuses_sockets:
            return web.Response(status=429)
        self.socket = web.WebSocketResponse()
        await self.socket.prepare(request)
        async for message in self.socket:
            self.received.append(message.json())
            if message.json() == {"type": "PING"} and self.answers_pings:
                await self.socket.send_json({"type": "PONG"})
        return self.socket


@pytest_asyncio.fixture
async def server(monkeypatch):
    server = CandleServer()
    monkeypatch.setenv(VALR.SIMULATOR_URL_VARIABLE, await server.start())
    monkeypatch.setattr(CONSTANTS, "POLL_INTERVAL", 0.05)
    monkeypatch.setattr(VALR, "RECONNECT_CLEAN_DELAY", 0.05)
    monkeypatch.setattr(ValrSpotCandles, "_time", staticmethod(lambda: server.now))
    yield server
    await ConnectionsFactory().close()  # Hummingbot's HTTP session is one for the process and bound to a loop
    await server.stop()


@pytest_asyncio.fixture
async def start():
    feeds = []

    async def start(interval: str = "1m", max_records: int = 5) -> ValrSimulatorSpotCandles:
        feed = ValrSimulatorSpotCandles(PAIR, interval, max_records)
        feeds.append(feed)
        feed.start()
        await until(lambda: feed.ready)
        return feed

    yield start
    for feed in feeds:
        feed.stop()
        await feed.stop_network()


def times(feed) -> List[int]:
    return [int(row[0]) for row in feed._candles]


def feed_with(*rows: Dict) -> ValrSpotCandles:
    feed = ValrSpotCandles(PAIR, "1m", 10)
    feed._merge(np.array(feed._parse_rest_candles(list(rows))))
    return feed


@pytest.mark.asyncio
async def test_an_interval_valr_does_not_have_is_refused_with_those_it_has():
    with pytest.raises(ValueError, match="VALR has no 4h candles. Use one of: 1m, 5m, 15m, 30m, 1h, 6h, 1d."):
        ValrSpotCandles(PAIR, "4h")


@pytest.mark.asyncio
@pytest.mark.parametrize("interval, seconds", [
    ("1m", 60), ("5m", 300), ("15m", 900), ("30m", 1800), ("1h", 3600), ("6h", 21600), ("1d", 86400)])
async def test_each_interval_of_valr_is_asked_for_in_its_seconds(interval, seconds):
    feed = ValrSpotCandles(PAIR, interval)

    assert feed.interval_in_seconds == seconds
    assert feed._get_rest_candles_params(0, 600)["periodSeconds"] == seconds


@pytest.mark.asyncio
async def test_production_feed_uses_production_only(monkeypatch):
    monkeypatch.setenv(VALR.SIMULATOR_URL_VARIABLE, "http://127.0.0.1:1")
    feed = ValrSpotCandles("BTC-ZAR")

    assert feed.name == "valr_BTC-ZAR"
    assert feed.candles_url == "https://api.valr.com/v1/public/BTCZAR/buckets"
    assert feed.health_check_url == "https://api.valr.com/v1/public/time"
    assert feed.candles_endpoint == "/v1/public/{symbol}/buckets"
    assert feed.wss_url == "wss://api.valr.com/ws/trade"


@pytest.mark.asyncio
async def test_a_documented_row_becomes_a_candle():
    candle = ValrSpotCandles(PAIR)._parse_rest_candles([REST_ROW])

    assert candle == [[1_753_188_960, 119350, 119350, 119350, 119350, 0, 0, 0, 0, 0]]


@pytest.mark.asyncio
async def test_candles_are_asked_for_as_valr_wants_it(server):
    feed = ValrSimulatorSpotCandles(PAIR)

    candles = await feed.fetch_candles(end_time=NOW - 60, limit=1000)

    assert server.queries == [{"periodSeconds": "60", "startTime": str(NOW - 300 * 60), "endTime": str(NOW - 1),
                               "limit": "300", "includeEmpty": "true"}]
    assert server.headers[0]["Content-Type"] == "application/json"
    assert [int(row[0]) for row in candles] == list(range(NOW - 300 * 60, NOW, 60))


@pytest.mark.asyncio
async def test_each_request_for_the_running_candle_is_a_new_one(server):
    """VALR lets the reply to a request be cached for 50 seconds."""
    feed = ValrSimulatorSpotCandles(PAIR)

    for server.now in (NOW, NOW + 20, NOW + 25.5):
        candles = await feed.fetch_candles(end_time=NOW, limit=1)
        assert candles[-1][0] == NOW

    assert [int(query["endTime"]) for query in server.queries] == [NOW, NOW + 20, NOW + 25]


@pytest.mark.asyncio
async def test_history_is_complete_over_several_requests_and_quiet_minutes(server, start):
    server.volumes = {NOW - 400 * 60: "3", NOW: "2"}

    feed = await start(max_records=700)

    assert times(feed) == list(range(NOW - 699 * 60, NOW + 1, 60))
    volumes = feed.candles_df.set_index("timestamp")["volume"]
    assert volumes[NOW - 400 * 60] == 3 and volumes[NOW] == 2 and volumes.sum() == 5


@pytest.mark.asyncio
async def test_a_new_pair_has_what_there_is_and_is_not_ready(server, caplog):
    server.first_candle = NOW - 3 * 60
    feed = ValrSimulatorSpotCandles(PAIR, "1m", 100)

    await feed._refresh_candles()
    await feed._refresh_candles()

    assert times(feed) == list(range(NOW - 180, NOW + 1, 60))
    assert not feed.ready
    assert len(server.queries) == 5  # it does not ask without end
    assert [record.message for record in caplog.records if "fewer 1m candles of BTC-USDC" in record.message] == [
        "VALR has fewer 1m candles of BTC-USDC than the 100 asked for. The feed is not ready until there are as many."]


@pytest.mark.asyncio
async def test_historical_candles_cover_the_whole_range(server):
    feed = ValrSimulatorSpotCandles(PAIR, "5m")
    end = NOW // 300 * 300
    config = HistoricalCandlesConfig(connector_name="valr_simulator", trading_pair=PAIR, interval="5m",
                                     start_time=end - 1000 * 300, end_time=end)

    candles = await feed.get_historical_candles(config)

    assert list(candles["timestamp"]) == list(range(end - 1000 * 300, end + 1, 300))


@pytest.mark.asyncio
async def test_the_running_minute_follows_the_socket(server, start):
    feed = await start()
    await until(lambda: server.received)

    await server.send(frame_of(NOW, close="101", volume="1.5"))
    await until(lambda: feed.candles_df.iloc[-1]["close"] == 101)
    await server.send(frame_of(NOW, close="102", volume="2"))
    await until(lambda: feed.candles_df.iloc[-1]["volume"] == 2)
    await server.send(frame_of(NOW + 60, close="103", volume="0.1"))
    await until(lambda: times(feed)[-1] == NOW + 60)

    assert server.received[0] == {"type": "SUBSCRIBE",
                                  "subscriptions": [{"event": "NEW_TRADE_BUCKET", "pairs": ["BTCUSDC"]}]}
    assert times(feed) == list(range(NOW - 180, NOW + 61, 60))
    assert list(feed.candles_df["close"])[-2:] == [102, 103]


@pytest.mark.asyncio
async def test_the_captured_frame_is_understood():
    row = ValrSpotCandles(PAIR)._parse_websocket_message(SOCKET_FRAME)

    assert row["timestamp"] == 1_712_307_780
    assert row["close"] == 67310 and row["volume"] == 0 and row["quote_asset_volume"] == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("frame", [
    None, "text", [], {"type": "PONG"}, {"type": "SUBSCRIBED", "message": "ok"}, {"type": "NEW_TRADE_BUCKET"},
    frame_of(NOW, symbol="ETHUSDC"), frame_of(NOW, period=300), {"type": "NEW_TRADE", "data": row_of(NOW)},
])
async def test_other_frames_change_nothing(frame):
    assert ValrSpotCandles(PAIR)._parse_websocket_message(frame) is None


@pytest.mark.asyncio
async def test_a_frame_in_an_unknown_format_is_reported_once_and_left_to_rest(caplog):
    feed = ValrSpotCandles(PAIR)
    frame = frame_of(NOW)
    frame["data"]["close"] = "a lot"

    assert feed._parse_websocket_message(frame) is None
    assert feed._parse_websocket_message(frame) is None
    assert caplog.text.count("a candle in an unknown format") == 1


@pytest.mark.asyncio
async def test_a_refused_subscription_is_reported(caplog):
    ValrSpotCandles(PAIR)._parse_websocket_message({"type": "ERROR", "message": "unsupported pair"})

    assert "answered the subscription to BTC-USDC candles" in caplog.text and "unsupported pair" in caplog.text


@pytest.mark.asyncio
async def test_minutes_without_frames_are_filled_before_the_next_frame_is_used(server, start):
    feed = await start()
    await until(lambda: server.received)
    server.now = NOW + 240
    server.volumes = {NOW + 60: "7", NOW + 240: "0.5"}

    await server.send(frame_of(NOW + 240, close="104", volume="0.4"))
    await until(lambda: times(feed)[-1] == NOW + 240)

    assert times(feed) == list(range(NOW, NOW + 241, 60))
    assert list(feed.candles_df["volume"]) == [0, 7, 0, 0, 0.5]


@pytest.mark.asyncio
async def test_a_quiet_pair_gets_its_candles_without_any_frame(server, start):
    feed = await start()
    server.now = NOW + 130

    await until(lambda: times(feed)[-1] == NOW + 120)

    assert times(feed) == list(range(NOW - 120, NOW + 121, 60))


@pytest.mark.asyncio
async def test_frames_of_finished_minutes_only_leave_the_running_one_to_rest(server, start):
    feed = await start()
    await until(lambda: server.received)
    server.now = NOW + 70
    await server.send(frame_of(NOW, volume="4"))
    await until(lambda: feed.candles_df.iloc[-2]["volume"] == 4)

    server.volumes = {NOW: "4", NOW + 60: "1"}
    await until(lambda: feed.candles_df.iloc[-1]["volume"] == 1)
    server.volumes = {NOW: "4", NOW + 60: "2"}
    await until(lambda: feed.candles_df.iloc[-1]["volume"] == 2)


@pytest.mark.asyncio
async def test_while_the_socket_delivers_rest_waits_for_the_turn_of_the_minute(server, monkeypatch):
    feed = ValrSimulatorSpotCandles(PAIR)
    feed._parse_websocket_message(frame_of(NOW))
    server.now = NOW + 20
    waits = []

    async def wait_for(awaitable, timeout):
        awaitable.close()
        waits.append(timeout + CONSTANTS.POLL_INTERVAL)

    monkeypatch.setattr(asyncio, "wait_for", wait_for)
    await feed._wait_for_refresh()
    server.now = NOW + 80
    await feed._wait_for_refresh()

    assert waits == [pytest.approx(40 + CONSTANTS.CLOSE_DELAY), CONSTANTS.POLL_INTERVAL]


@pytest.mark.asyncio
async def test_candles_survive_a_reconnect_and_the_gap_is_filled(server, start):
    feed = await start(max_records=8)
    await until(lambda: server.received)
    await server.send(frame_of(NOW, volume="4"))
    await until(lambda: feed.candles_df.iloc[-1]["volume"] == 4)
    first_socket = server.socket
    lengths = set()
    server.before_reply = lambda: lengths.add(len(feed._candles))

    server.now = NOW + 310
    server.volumes = {NOW: "4", NOW + 60: "5", NOW + 240: "6"}
    await first_socket.close()
    await until(lambda: len(server.received) == 2 and times(feed)[-1] == NOW + 300)
    await server.send(frame_of(NOW + 300, volume="8"))
    await until(lambda: feed.candles_df.iloc[-1]["volume"] == 8)

    assert lengths == {8}  # it was complete all the time
    assert times(feed) == list(range(NOW - 120, NOW + 301, 60))
    assert list(feed.candles_df["volume"]) == [0, 0, 4, 5, 0, 0, 6, 8]


@pytest.mark.asyncio
async def test_after_an_outage_longer_than_a_request_the_feed_starts_anew(server, start):
    feed = await start()

    server.now = NOW + 1000 * 60
    await until(lambda: times(feed) == list(range(NOW + 996 * 60, NOW + 1000 * 60 + 1, 60)))


@pytest.mark.asyncio
async def test_larger_candles_are_polled_without_a_socket(server, start):
    feed = await start(interval="5m")
    current = NOW // 300 * 300
    server.volumes = {current: "9"}

    await until(lambda: feed.candles_df.iloc[-1]["volume"] == 9)
    server.now = current + 300
    await until(lambda: times(feed)[-1] == current + 300)

    assert times(feed) == list(range(current - 900, current + 301, 300))
    assert server.socket_attempts == 0


@pytest.mark.asyncio
async def test_a_machine_with_a_slow_clock_gets_the_current_candle(server, start, monkeypatch):
    monkeypatch.setattr(ValrSpotCandles, "_time", staticmethod(lambda: server.now - 600))

    feed = await start()

    assert times(feed)[-1] == NOW


@pytest.mark.asyncio
async def test_an_unreachable_valr_is_said_once_and_so_is_its_return(server, start, caplog):
    caplog.set_level(logging.INFO)
    feed = await start(interval="1h")
    server.is_down = True
    asked = len(server.queries)
    await until(lambda: len(server.queries) > asked + 3)
    server.is_down = False
    await until(lambda: "up to date again" in caplog.text)
    asked = len(server.queries)
    await until(lambda: len(server.queries) > asked + 2)

    assert caplog.text.count("up to date again") == 1
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "The 1h candles of valr_simulator_BTC-USDC cannot be updated for now" in warnings[0]
    assert "HTTP 503" in warnings[0]
    assert feed.ready


@pytest.mark.asyncio
async def test_network_is_down_while_valr_does_not_answer(server):
    feed = ValrSimulatorSpotCandles(PAIR)

    assert await feed.check_network() is NetworkStatus.CONNECTED
    await server.stop()
    assert await feed.check_network() is NetworkStatus.NOT_CONNECTED


@pytest.mark.asyncio
async def test_refused_sockets_are_tried_less_and_less_often(server, monkeypatch):
    server.refuses_sockets = True
    feed = ValrSimulatorSpotCandles(PAIR)
    delays = []

    async def sleep(delay):
        delays.append(delay)
        if len(delays) == 6:
            raise asyncio.CancelledError

    monkeypatch.setattr(feed, "_sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await feed.listen_for_subscriptions()

    assert delays == [5, 10, 20, 40, 60, 60]
    assert server.socket_attempts == 6


@pytest.mark.asyncio
@pytest.mark.parametrize("answers_pings", [True, False])
async def test_a_quiet_socket_is_kept_and_a_dead_one_is_replaced(server, start, monkeypatch, answers_pings):
    monkeypatch.setattr(VALR, "PING_INTERVAL", 0.05)
    monkeypatch.setattr(VALR, "SOCKET_SILENCE_LIMIT", 0.15)
    monkeypatch.setattr(VALR, "RECONNECT_MIN_DELAY", 0.05)
    server.answers_pings = answers_pings

    await start()
    await until(lambda: server.received.count({"type": "PING"}) >= 12)

    assert (server.socket_attempts == 1) is answers_pings


@pytest.mark.asyncio
async def test_a_connector_lends_its_limits_and_its_symbols(server):
    throttler = web_utils.create_throttler(Decimal("50"))

    async def exchange_symbol_associated_to_pair(trading_pair):
        return {"BTC-USDC": "BTCUSDC"}[trading_pair]

    feed = ValrSimulatorSpotCandles(PAIR)
    feed.attach_connector(SimpleNamespace(
        throttler=throttler, exchange_symbol_associated_to_pair=exchange_symbol_associated_to_pair))
    await feed.fetch_candles(end_time=NOW, limit=1)

    assert throttler._windows[VALR.CANDLES_LIMIT].used == 1
    assert server.headers[0]["Content-Type"] == "application/json"


@pytest.mark.asyncio
async def test_a_late_reply_does_not_undo_a_newer_candle():
    feed = feed_with(row_of(NOW, close="105", volume="3"))

    feed._merge(np.array(feed._parse_rest_candles([row_of(NOW, close="101", volume="2")])))

    assert feed.candles_df.iloc[-1]["close"] == 105


@pytest.mark.asyncio
async def test_rows_with_a_hole_leave_the_newest_without_one():
    feed = feed_with(row_of(NOW - 180), row_of(NOW - 60), row_of(NOW))

    assert times(feed) == [NOW - 60, NOW]


@given(st.data())
def test_candles_do_not_depend_on_the_order_in_which_their_states_arrive(data):
    """Every minute is seen in several states, cached replies included, and the last state of each one counts."""
    minutes = data.draw(st.integers(1, 6))
    states = [(NOW + 60 * minute, str(100 + volume), str(volume))
              for minute in range(minutes) for volume in range(data.draw(st.integers(1, 4)))]
    arrival = data.draw(st.permutations(states))
    final = {start: (float(close), float(volume)) for start, close, volume in states}

    async def received() -> ValrSpotCandles:
        feed = feed_with(*(row_of(start, close="100", volume="0") for start in final))
        for start, close, volume in arrival:
            feed._merge(np.array(feed._parse_rest_candles([row_of(start, close=close, volume=volume)])))
        return feed

    feed = asyncio.run(received())
    assert {int(row[0]): (row[4], row[5]) for row in feed._candles} == final
