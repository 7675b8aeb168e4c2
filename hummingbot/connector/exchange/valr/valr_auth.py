import hashlib
import hmac
import time
from typing import Dict, Optional

from yarl import URL

from hummingbot.connector.time_synchronizer import TimeSynchronizer
from hummingbot.core.web_assistant.auth import AuthBase
from hummingbot.core.web_assistant.connections.data_types import RESTMethod, RESTRequest, WSRequest


class ValrAuth(AuthBase):
    """
    Signs REST requests and socket handshakes: HMAC-SHA512 over timestamp, verb, path with query, body and, when one is
    used, the sub-account id (VALR documentation; its two published examples are in the unit tests).
    """

    # TimeSynchronizer.time() takes about 0.1 ms, longer than the signature itself, so its offset is kept this long.
    CLOCK_REFRESH_INTERVAL = 1.0  # seconds

    def __init__(self, api_key: str, api_secret: str, time_provider: TimeSynchronizer,
                 subaccount_id: Optional[str] = None):
        self._api_key = api_key
        self._secret = hmac.new(api_secret.encode(), digestmod=hashlib.sha512)
        self._time_provider = time_provider
        self._subaccount_id = subaccount_id or ""
        self._clock_offset = 0.0
        self._clock_expiry = float("-inf")
        self._last_timestamp = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}(api_key=***, api_secret=***)"

    async def rest_authenticate(self, request: RESTRequest) -> RESTRequest:
        """
        Adds the signed headers. The query becomes part of the URL, because VALR verifies the very bytes that are sent
        and aiohttp would encode the parameters only afterwards.
        """
        url = URL(request.url)
        if request.params:
            url = url.update_query(request.params)
        request.url = str(url)
        request.params = None
        request.headers = {**(request.headers or {}),
                           **self.signed_headers(request.method, url.raw_path_qs, request.data or "")}
        return request

    async def ws_authenticate(self, request: WSRequest) -> WSRequest:
        """VALR authenticates the handshake of a socket (see `signed_headers`), not the messages on it."""
        return request

    def signed_headers(self, method: RESTMethod, path: str, body: str = "") -> Dict[str, str]:
        """
        :param method: the HTTP verb; a socket handshake is a GET
        :param path: path with query, from the leading slash, exactly as sent
        :param body: the body exactly as sent, empty when there is none
        :return: the headers that authenticate this one request
        """
        timestamp = self._next_timestamp()
        headers = {
            "X-VALR-API-KEY": self._api_key,
            "X-VALR-SIGNATURE": self._signature(timestamp, method.value, path, body),
            "X-VALR-TIMESTAMP": timestamp,
        }
        # An empty header is never sent: what VALR makes of one is unknown.
        if self._subaccount_id:
            headers["X-VALR-SUB-ACCOUNT-ID"] = self._subaccount_id
        return headers

    def refresh_clock(self) -> None:
        """Makes the next signature take its time from the time synchronizer anew."""
        self._clock_expiry = float("-inf")

    def restart_clock(self) -> None:
        """
        Lets the next timestamp be older than the last one, which VALR has refused: signed while VALR's time was not
        known, it may be hours ahead, and would keep all later ones there.
        """
        self._last_timestamp = 0

    def _signature(self, timestamp: str, verb: str, path: str, body: str) -> str:
        signature = self._secret.copy()
        signature.update(f"{timestamp}{verb}{path}{body}{self._subaccount_id}".encode())
        return signature.hexdigest()

    def _next_timestamp(self) -> str:
        """
        Unix milliseconds, strictly increasing over all requests and sockets of this key until VALR refuses one. VALR
        tells its users never to use a signature twice, and two equal requests in one millisecond would.
        """
        now = time.perf_counter()
        if now >= self._clock_expiry:
            self._clock_offset = self._time_provider.time() - now
            self._clock_expiry = now + self.CLOCK_REFRESH_INTERVAL
        self._last_timestamp = max(self._last_timestamp + 1, int((now + self._clock_offset) * 1e3))
        return str(self._last_timestamp)
