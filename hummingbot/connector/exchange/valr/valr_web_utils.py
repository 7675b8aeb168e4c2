import asyncio
import ipaddress
import os
import time
from datetime import datetime
from decimal import Decimal
from typing import Any, Optional

import aiohttp
from yarl import URL

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr import valr_client_settings as client_settings
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError, one_line
from hummingbot.connector.exchange.valr.valr_throttler import ValrThrottler
from hummingbot.connector.time_synchronizer import TimeSynchronizer
from hummingbot.core.api_throttler.async_throttler_base import AsyncThrottlerBase
from hummingbot.core.web_assistant.connections.data_types import RESTMethod, RESTRequest, RESTResponse
from hummingbot.core.web_assistant.rest_assistant import RESTAssistant
from hummingbot.core.web_assistant.rest_post_processors import RESTPostProcessorBase
from hummingbot.core.web_assistant.rest_pre_processors import RESTPreProcessorBase
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

# What is raised when the network, or VALR's end of it, fails. Not all of aiohttp's errors are OSErrors.
NETWORK_ERRORS = (OSError, aiohttp.ClientError)


def public_rest_url(path_url: str, domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """
    :param path_url: path from the leading slash
    :param domain: `valr`, or `valr_simulator` for the embedded exchange
    :return: the whole URL of a public REST route
    """
    return _rest_host(domain) + path_url


def private_rest_url(path_url: str, domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """The whole URL of a signed REST route: VALR serves both kinds on one host."""
    return public_rest_url(path_url, domain)


def socket_url(path_url: str, domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """
    :param path_url: `/ws/trade` or `/ws/account`
    :param domain: `valr`, or `valr_simulator` for the embedded exchange
    :return: the whole URL of a socket
    """
    if domain == CONSTANTS.DEFAULT_DOMAIN:
        return CONSTANTS.WSS_URL + path_url
    return _rest_host(domain).replace("http", "ws", 1) + path_url


def _rest_host(domain: str) -> str:
    return CONSTANTS.REST_URL if domain == CONSTANTS.DEFAULT_DOMAIN else simulator_url()


def simulator_url() -> str:
    """
    :return: the base URL of the embedded exchange, from the environment or the default
    :raises ValueError: when the URL does not lead to this machine, because keys would be sent in the clear
    """
    text = os.environ.get(CONSTANTS.SIMULATOR_URL_VARIABLE, CONSTANTS.SIMULATOR_DEFAULT_URL)
    try:
        url = URL(text)
        is_safe = url.scheme == "http" and _is_loopback(url.host or "") and url.path in ("", "/") and not url.user
    except ValueError:
        is_safe = False
    if not is_safe:
        raise ValueError(
            f"{CONSTANTS.SIMULATOR_URL_VARIABLE}={text!r} is not a simulator on this machine. Set it to an address "
            f"like {CONSTANTS.SIMULATOR_DEFAULT_URL}, or unset it to use that one.")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class ValrClockPreProcessor(RESTPreProcessorBase):
    """
    Gives the signer VALR's time before the first request. Hummingbot's own one logs a traceback for every request while
    VALR does not answer. Here the request goes on, which will tell what is wrong, and the next one asks again.
    """

    def __init__(self, synchronizer: TimeSynchronizer, throttler: AsyncThrottlerBase, domain: str,
                 auth: Optional[ValrAuth] = None):
        self._synchronizer = synchronizer
        self._throttler = throttler
        self._domain = domain
        self._auth = auth
        self._lock = asyncio.Lock()

    async def pre_process(self, request: RESTRequest) -> RESTRequest:
        if not self._is_synchronized():
            async with self._lock:
                await self._synchronize()
        return request

    def _is_synchronized(self) -> bool:
        return bool(self._synchronizer._time_offset_ms)

    async def _synchronize(self):
        if self._is_synchronized():  # by the request that held the lock
            return
        sent_at = time.perf_counter()
        try:
            server_time = await get_current_server_time(self._throttler, self._domain)
        except Exception:
            return
        midpoint = (sent_at + time.perf_counter()) / 2
        self._synchronizer.add_time_offset_ms_sample(server_time - midpoint * 1e3)
        # A request that could not be sent may have been signed with this machine's time.
        if self._auth is not None:
            self._auth.refresh_clock()


class ValrHeadersPreProcessor(RESTPreProcessorBase):
    """
    Hummingbot labels GET requests as form data. VALR wants its JSON label on every request and was seen to answer 403
    without it.
    """

    async def pre_process(self, request: RESTRequest) -> RESTRequest:
        request.headers = {**(request.headers or {}), "Content-Type": "application/json"}
        return request


class ValrErrorPostProcessor(RESTPostProcessorBase):
    """
    The base class turns every error reply into one IOError whose text has to be searched, and drops HTML bodies. Here
    the reply keeps its status and VALR's code, which decide whether an order may still be alive, and the signer hears
    of a signature that was refused.
    """

    def __init__(self, auth: Optional[ValrAuth] = None):
        self._auth = auth

    async def post_process(self, response: RESTResponse) -> RESTResponse:
        # Read here, so that the body is covered by the request's time limit; aiohttp keeps it for the caller.
        body = await response.text()
        if response.status >= 400:
            error = ValrAPIError(
                status=response.status,
                method=response.method.value,
                path=URL(response.url).path,
                body=body,
                retry_after=_seconds((response.headers or {}).get("Retry-After")),
            )
            if self._auth is not None and error.code == CONSTANTS.INVALID_SIGNATURE_CODE:
                self._auth.restart_clock()
            raise error
        return response


def _seconds(header: Optional[str]) -> Optional[float]:
    return float(header) if header and header.isdecimal() else None


class ValrRESTAssistant(RESTAssistant):
    async def execute_request(self, *args, **kwargs) -> Any:
        """
        The base class lets aiohttp's errors about a reply travel on, which hold the headers of the request, key and
        signature among them.
        """
        try:
            return await super().execute_request(*args, **kwargs)
        except aiohttp.ClientResponseError as error:
            raise IOError(f"VALR's reply with HTTP {error.status} cannot be read: {one_line(error.message)}") from None

    async def call(self, request: RESTRequest, timeout: Optional[float] = None) -> RESTResponse:
        """
        The base class waits without a limit, and its callers read a TimeoutError as "no exchange order id yet", which
        counts towards declaring an order lost. A silent VALR becomes a ConnectionError instead.
        """
        limit = timeout or CONSTANTS.REST_TIMEOUT
        try:
            async with asyncio.timeout(limit):
                return await super().call(request)
        except TimeoutError as error:
            raise ConnectionError(
                f"VALR did not answer {request.method.value} {URL(request.url).path} within {limit:g} s.") from error


class ValrWebAssistantsFactory(WebAssistantsFactory):
    async def get_rest_assistant(self) -> RESTAssistant:
        """The base class's assistant, with a time limit on every request (see `ValrRESTAssistant`)."""
        return ValrRESTAssistant(
            connection=await self._connections_factory.get_rest_connection(),
            throttler=self._throttler,
            rest_pre_processors=self._rest_pre_processors,
            rest_post_processors=self._rest_post_processors,
            auth=self._auth,
        )


def build_api_factory(
        throttler: Optional[AsyncThrottlerBase] = None,
        time_synchronizer: Optional[TimeSynchronizer] = None,
        domain: str = CONSTANTS.DEFAULT_DOMAIN,
        auth: Optional[ValrAuth] = None,
) -> WebAssistantsFactory:
    """
    :param throttler: rate limits to keep; VALR's full ones when there is none
    :param time_synchronizer: clock that gets VALR's time before the first request is signed
    :param domain: `valr`, or `valr_simulator` for the embedded exchange
    :param auth: signer of the requests that need one
    """
    throttler = throttler or create_throttler()
    return ValrWebAssistantsFactory(
        throttler=throttler,
        auth=auth,
        rest_pre_processors=[
            ValrClockPreProcessor(time_synchronizer or TimeSynchronizer(), throttler, domain, auth),
            ValrHeadersPreProcessor(),
        ],
        rest_post_processors=[ValrErrorPostProcessor(auth)],
    )


def build_api_factory_without_time_synchronizer_pre_processor(throttler: AsyncThrottlerBase) -> WebAssistantsFactory:
    return ValrWebAssistantsFactory(
        throttler=throttler,
        rest_pre_processors=[ValrHeadersPreProcessor()],
        rest_post_processors=[ValrErrorPostProcessor()],
    )


def create_throttler(limits_share_percentage: Decimal = client_settings.ALL) -> ValrThrottler:
    """
    :param limits_share_percentage: part of VALR's limits this bot may use, 0 to 100; at 100 the share that the user has
        configured in the client counts
    """
    if limits_share_percentage == client_settings.ALL:
        limits_share_percentage = client_settings.rate_limits_share()
    return ValrThrottler(CONSTANTS.RATE_LIMITS, limits_share_percentage=limits_share_percentage)


async def get_current_server_time(
        throttler: Optional[AsyncThrottlerBase] = None,
        domain: str = CONSTANTS.DEFAULT_DOMAIN,
) -> float:
    """
    :return: VALR's time in unix milliseconds, from `time` with its nine decimals; `epochTime` has whole seconds (wire)
    """
    factory = build_api_factory_without_time_synchronizer_pre_processor(throttler or create_throttler())
    rest_assistant = await factory.get_rest_assistant()
    reply = await rest_assistant.execute_request(
        url=public_rest_url(CONSTANTS.SERVER_TIME_PATH, domain),
        method=RESTMethod.GET,
        throttler_limit_id=CONSTANTS.SERVER_TIME_PATH,
    )
    return datetime.fromisoformat(reply["time"]).timestamp() * 1e3
