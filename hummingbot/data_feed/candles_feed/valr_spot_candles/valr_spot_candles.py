import asyncio
import logging
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set

import numpy as np

import hummingbot.connector.exchange.valr.valr_constants as VALR
import hummingbot.connector.exchange.valr.valr_web_utils as web_utils
from hummingbot.core.network_iterator import NetworkStatus
from hummingbot.core.utils.async_utils import safe_ensure_future
from hummingbot.core.web_assistant.connections.data_types import WSJSONRequest
from hummingbot.core.web_assistant.ws_assistant import WSAssistant
from hummingbot.data_feed.candles_feed.candles_base import CandlesBase
from hummingbot.data_feed.candles_feed.valr_spot_candles import constants as CONSTANTS
from hummingbot.logger import HummingbotLogger

if TYPE_CHECKING:
    from hummingbot.connector.connector_base import ConnectorBase


class ValrSpotCandles(CandlesBase):
    """
    Candles of a VALR spot pair: 1m 5m 15m 30m 1h 6h 1d.

    REST is the backbone. It brings the history, the candles of quiet intervals and whatever was missed, and the current
    candle of the larger intervals every few seconds. VALR's trade socket has one-minute candles only; they come on top
    for `1m`.
    """

    domain = VALR.DEFAULT_DOMAIN
    _logger: Optional[HummingbotLogger] = None

    @classmethod
    def logger(cls) -> HummingbotLogger:
        if cls._logger is None:
            cls._logger = logging.getLogger(__name__)
        return cls._logger

    def __init__(self, trading_pair: str, interval: str = "1m", max_records: int = 150):
        """
        :param trading_pair: Hummingbot's notation, BTC-ZAR
        :param interval: one of `constants.INTERVALS`
        :param max_records: number of candles to keep
        :raises ValueError: when VALR has no candles of that interval
        """
        if interval not in self.intervals:
            raise ValueError(f"VALR has no {interval} candles. Use one of: {', '.join(self.intervals)}.")
        super().__init__(trading_pair, interval, max_records)
        self._throttler = web_utils.create_throttler()
        self._api_factory = web_utils.build_api_factory_without_time_synchronizer_pre_processor(self._throttler)
        self.check_network_interval = CONSTANTS.HEALTH_CHECK_INTERVAL
        self._refresh_task: Optional[asyncio.Task] = None
        self._refresh_wanted = asyncio.Event()
        self._failed = False
        self._warnings: Set[str] = set()
        self._clock_offset = 0.0
        self._live_frame_time = float("-inf")
        self._connect_delay = 0.0

    def attach_connector(self, connector: "ConnectorBase"):
        """The base class, with the connector's throttler, builds requests without time limits and VALR's headers."""
        super().attach_connector(connector)
        throttler = getattr(connector, "throttler", None)
        if throttler is not None:
            self._throttler = throttler
            self._api_factory = web_utils.build_api_factory_without_time_synchronizer_pre_processor(throttler)

    @property
    def name(self):
        return f"{self.domain}_{self._trading_pair}"

    @property
    def rest_url(self):
        return web_utils.public_rest_url("", self.domain)

    @property
    def wss_url(self):
        return web_utils.socket_url(VALR.TRADE_SOCKET_PATH, self.domain)

    @property
    def health_check_url(self):
        return self.rest_url + VALR.SERVER_TIME_PATH

    @property
    def candles_endpoint(self):
        return VALR.BUCKETS_PATH

    @property
    def candles_url(self):
        return self.rest_url + VALR.BUCKETS_PATH.format(symbol=self._ex_trading_pair)

    @property
    def candles_max_result_per_rest_request(self):
        return CONSTANTS.MAX_INTERVALS_PER_REQUEST

    @property
    def rate_limits(self):
        return CONSTANTS.RATE_LIMITS

    @property
    def intervals(self):
        return CONSTANTS.INTERVALS

    @property
    def _rest_throttler_limit_id(self):
        return VALR.CANDLES_LIMIT

    def get_exchange_trading_pair(self, trading_pair):
        return trading_pair.replace("-", "")

    async def check_network(self) -> NetworkStatus:
        """Asks VALR for its time, which also tells how far this machine's clock is off."""
        rest_assistant = await self._api_factory.get_rest_assistant()
        try:
            reply = await rest_assistant.execute_request(
                url=self.health_check_url, throttler_limit_id=VALR.SERVER_TIME_PATH)
            self._clock_offset = _seconds(reply["time"]) - self._time()
        except (*web_utils.NETWORK_ERRORS, KeyError, ValueError) as error:
            self._report_failure(error)
            return NetworkStatus.NOT_CONNECTED
        return NetworkStatus.CONNECTED

    async def start_network(self):
        await super().start_network()
        self._refresh_task = safe_ensure_future(self._refresh_candles_loop())

    async def stop_network(self):
        await super().stop_network()
        if self._refresh_task is not None:
            self._refresh_task.cancel()
            self._refresh_task = None

    # === REST: history, closed candles, quiet intervals, whatever was missed ===

    async def _refresh_candles_loop(self):
        while True:
            self._refresh_wanted.clear()
            try:
                await self._refresh_candles()
                self._report_success()
            except Exception as error:
                self._report_failure(error)
            await self._wait_for_refresh()

    def _report_success(self):
        if self._failed:
            self._failed = False
            self.logger().info(f"The {self.interval} candles of {self.name} are up to date again.")

    def _report_failure(self, error: Exception):
        if not self._failed:
            self._failed = True
            expected = isinstance(error, web_utils.NETWORK_ERRORS)
            self.logger().warning(
                f"The {self.interval} candles of {self.name} cannot be updated for now: {error}", exc_info=not expected)

    def _warn_once(self, message: str):
        if message not in self._warnings:
            self._warnings.add(message)
            self.logger().warning(message)

    async def _wait_for_refresh(self):
        now = self._now()
        delay = CONSTANTS.POLL_INTERVAL
        # While the socket delivers the running minute, REST is only needed for the candle that has just closed.
        if now - self._live_frame_time < self.interval_in_seconds and not self._failed:
            delay = self.interval_in_seconds - now % self.interval_in_seconds + CONSTANTS.CLOSE_DELAY
        # A frame that cannot be used wakes it sooner, yet never more often than polling would.
        await self._sleep(CONSTANTS.POLL_INTERVAL)
        try:
            await asyncio.wait_for(self._refresh_wanted.wait(), delay - CONSTANTS.POLL_INTERVAL)
        except asyncio.TimeoutError:
            pass

    async def _refresh_candles(self):
        current = self._round_timestamp_to_interval_multiple(self._now())
        stored = int(self._candles[-1][0]) if self._candles else current
        missing = max(0, current - stored) // self.interval_in_seconds
        self._merge(await self.fetch_candles(end_time=current, limit=missing + CONSTANTS.RECHECKED_CANDLES))
        await self.fill_historical_candles()

    async def fill_historical_candles(self):
        """
        Fetches older candles until there are `max_records`. The base class does not end when the exchange has no older
        ones and asks again and again without a pause, and it loses the newest candle if that arrives meanwhile.
        """
        while self._candles and not self.ready:
            oldest = int(self._candles[0][0])
            candles = await self.fetch_candles(
                end_time=oldest - self.interval_in_seconds, limit=self._candles.maxlen - len(self._candles))
            if not self._merge(candles):
                self._warn_once(f"VALR has fewer {self.interval} candles of {self._trading_pair} than the "
                                f"{self._candles.maxlen} asked for. The feed is not ready until there are as many.")
                return

    def _merge(self, rows: np.ndarray) -> int:
        """
        Takes rows into the stored candles, at once, so that no task sees a half. A candle only grows: of two rows of
        one candle, the one with the larger volume is the newer, whichever way and in whichever order they came.

        :param rows: candles, in any order
        :return: by how many candles the stored ones have become more
        """
        count = len(self._candles)
        merged = {int(row[0]): row for row in self._candles}
        for row in rows:
            stored = merged.get(int(row[0]))
            if stored is None or row[_VOLUME] >= stored[_VOLUME]:
                merged[int(row[0])] = row
        self._candles.clear()
        self._candles.extend(self._newest_without_gap(merged))
        return len(self._candles) - count

    def _newest_without_gap(self, rows_by_time: Dict[int, np.ndarray]) -> List[np.ndarray]:
        newest_first: List[np.ndarray] = []
        for timestamp in sorted(rows_by_time, reverse=True):
            if newest_first and newest_first[-1][0] - timestamp != self.interval_in_seconds:
                break
            newest_first.append(rows_by_time[timestamp])
        return newest_first[::-1]

    def _get_rest_candles_params(self, start_time: Optional[int] = None, end_time: Optional[int] = None,
                                 limit: Optional[int] = None) -> Dict[str, Any]:
        """
        VALR counts in epoch seconds. The end lies within the last candle, so that it is included, and for the running
        one at this second, so that the request differs from earlier ones, whose replies may be cached for 50 seconds.
        """
        assert start_time is not None and end_time is not None  # fetch_candles gives both
        end_of_candle = int(end_time) + self.interval_in_seconds - 1
        return {
            "periodSeconds": self.intervals[self.interval],
            "startTime": int(start_time),
            "endTime": max(int(end_time), min(end_of_candle, int(self._now()))),
            "limit": CONSTANTS.MAX_ROWS_PER_REQUEST,
            "includeEmpty": "true",
        }

    def _parse_rest_candles(self, data: List[Dict[str, Any]], end_time: Optional[int] = None) -> List[List[float]]:
        """VALR sends the newest first."""
        return sorted(_candle(row) for row in data)

    # === Trade socket: the current minute ===

    async def listen_for_subscriptions(self):
        """The base class expects every interval on the socket. VALR has one minute there, the others are polled."""
        if self.interval == CONSTANTS.SOCKET_INTERVAL:
            await super().listen_for_subscriptions()

    async def _connected_websocket_assistant(self) -> WSAssistant:
        """
        The base class connects again at once, for ever, prints a traceback each time, and relies on pings of the
        WebSocket protocol. VALR was seen to answer 429 to a socket every two seconds, and has pings of its own.
        """
        if self._connect_delay:
            await self._sleep(self._connect_delay)
        self._connect_delay = min(max(2 * self._connect_delay, VALR.RECONNECT_MIN_DELAY), VALR.RECONNECT_MAX_DELAY)
        async with self._throttler.execute_task(VALR.SOCKET_CONNECT_LIMIT):
            socket = await self._api_factory.get_ws_assistant()
            try:
                await socket.connect(ws_url=self.wss_url, ping_timeout=None)
            except web_utils.NETWORK_ERRORS as error:
                raise ConnectionError(f"VALR's trade socket could not be opened: {error}") from error
        return socket

    async def _process_websocket_messages(self, websocket_assistant: WSAssistant):
        """The base class never gives up a socket on which nothing arrives. VALR answers each PING."""
        opened_at = time.time()
        while True:
            try:
                await asyncio.wait_for(
                    self._process_websocket_messages_task(websocket_assistant), timeout=VALR.PING_INTERVAL)
            except asyncio.TimeoutError:
                silence = time.time() - max(opened_at, websocket_assistant.last_recv_time)
                if silence > VALR.SOCKET_SILENCE_LIMIT:
                    raise ConnectionError(f"nothing arrived for {silence:.0f} s")
                await websocket_assistant.send(WSJSONRequest(payload={"type": VALR.PING}))

    def ws_subscription_payload(self):
        return {
            "type": VALR.SUBSCRIBE,
            "subscriptions": [{"event": VALR.TRADE_BUCKET_EVENT, "pairs": [self._ex_trading_pair]}],
        }

    def _parse_websocket_message(self, data: Any) -> Optional[Dict[str, float]]:
        """
        :param data: any frame of the trade socket
        :return: the candle in the frame, or None when there is none, or when candles between it and the stored ones
            are missing: then REST fetches them all
        """
        if not isinstance(data, dict):
            return None
        self._connect_delay = VALR.RECONNECT_CLEAN_DELAY
        if data.get("type") == VALR.ERROR:
            self._warn_once(f"VALR's trade socket answered the subscription to {self._trading_pair} candles: {data}")
        candle = data.get("data")
        if data.get("type") != VALR.TRADE_BUCKET_EVENT or not isinstance(candle, dict) or not self._is_ours(candle):
            return None
        try:
            row = dict(zip(self.columns, _candle(candle)))
        except (KeyError, TypeError, ValueError):
            self._warn_once(f"VALR's trade socket sent a candle in an unknown format: {data}")
            return None
        # Whether VALR sends the running minute or only the finished one is not documented.
        if row["timestamp"] + self.interval_in_seconds > self._now():
            self._live_frame_time = self._now()
        if self._candles and row["timestamp"] > self._candles[-1][0] + self.interval_in_seconds:
            self._refresh_wanted.set()
            return None
        return row

    def _is_ours(self, candle: Dict[str, Any]) -> bool:
        return (candle.get("currencyPairSymbol") == self._ex_trading_pair
                and candle.get("bucketPeriodInSeconds") == self.interval_in_seconds)

    async def _on_order_stream_interruption(self, websocket_assistant: Optional[WSAssistant] = None):
        """
        The base class throws the candles away, and VALR closes a socket without keys every 15 minutes. They stay
        right: REST fetches what the socket missed.
        """
        if websocket_assistant is not None:
            await websocket_assistant.disconnect()

    def _now(self) -> float:
        return self._time() + self._clock_offset


class ValrSimulatorSpotCandles(ValrSpotCandles):
    """Candles of the embedded exchange."""

    domain = VALR.SIMULATOR_DOMAIN


_VOLUME = CandlesBase.columns.index("volume")


def _seconds(iso_time: str) -> float:
    return datetime.fromisoformat(iso_time).timestamp()


def _candle(row: Dict[str, Any]) -> List[float]:
    """
    :param row: a candle as REST and the socket send it
    :return: its values in the order of `CandlesBase.columns`; VALR does not count trades nor takers
    """
    prices = [float(row[field]) for field in ("open", "high", "low", "close", "volume")]
    # The documentation's socket frame has no quote volume; every captured one has.
    return [_seconds(row["startTime"]), *prices, float(row.get("quoteVolume", 0)), 0.0, 0.0, 0.0]
