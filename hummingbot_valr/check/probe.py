"""The connector under test, as a bot uses it, with ears."""
import asyncio
import re
import time
from collections import Counter
from typing import Any, Callable, Dict, List, Optional

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_api_user_stream_data_source import PING, ValrAPIUserStreamDataSource
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.connector.exchange.valr.valr_troubles import Row, ValrTroubles
from hummingbot.core.web_assistant.connections.data_types import RESTMethod
from hummingbot_valr.check.credentials import Credentials
from hummingbot_valr.check.recorder import Recorder

# Signed routes under /v1/marketdata are about the market, not about the account.
_PUBLIC_PATH = re.compile(r"/v1/(public|marketdata)/")
_ID_IN_PATH = re.compile(r"(?<=orderid/)[^/]+")


class ProbedAccountSocket(ValrAPIUserStreamDataSource):
    """The connector's account socket, which also tells what it met."""

    recorder: Recorder

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.frames: Counter[str] = Counter()
        self.trouble: Optional[Exception] = None
        self.changed = asyncio.Event()  # logged in, or in trouble
        self._pongs = asyncio.Event()

    async def ping(self, timeout: float) -> float:
        """
        :param timeout: seconds
        :return: seconds from a PING to its PONG
        :raises TimeoutError: when there is none
        :raises ConnectionError: when the socket is closed
        """
        if self._connection is None:
            raise ConnectionError("the account socket is closed")
        self._pongs.clear()
        sent_at = time.perf_counter()
        async with asyncio.timeout(timeout):
            await self._connection.send_text(PING)
            await self._pongs.wait()
        return time.perf_counter() - sent_at

    async def request(self, command: str, payload: Dict[str, Any], timeout: float) -> Dict[str, Any]:
        """The base class's request, which is recorded, too."""
        self.recorder.account("account", "out", command, payload)
        return await super().request(command, payload, timeout)

    def _emit(self, frame: Any) -> None:
        """The base class's; AUTHENTICATED, which goes this way, is noted, too."""
        super()._emit(frame)
        if frame["type"] == CONSTANTS.AUTHENTICATED:
            self.changed.set()

    def _take(self, frame: Any) -> None:
        """The base class's; every frame is counted and recorded, too."""
        kind = str(frame.get("type")) if isinstance(frame, dict) else "no JSON object"
        self.frames[kind] += 1
        self.recorder.account("account", "in", kind, frame)
        if kind == CONSTANTS.PONG:
            self._pongs.set()
        super()._take(frame)

    def _note_trouble(self, error: Exception) -> None:
        """The base class's; the error is kept, too."""
        super()._note_trouble(error)
        self.trouble = error
        self.changed.set()


class ProbedTroubles(ValrTroubles):
    """The base class leaves out rows that it cannot read, so that a bot goes on. Here they are what has to be told."""

    def readable(self, parse: Callable[[Any], Row], rows: Any) -> List[Row]:
        """:raises ValueError: when a row cannot be read"""
        return [parse(row) for row in rows]


class ProbedExchange(ValrExchange):
    """The connector, not started. What it hears over REST and on the account socket goes to a recorder."""

    def __init__(self, credentials: Optional[Credentials], domain: str, recorder: Recorder):
        self._recorder = recorder
        super().__init__(
            valr_api_key=credentials.api_key if credentials else "",
            valr_api_secret=credentials.api_secret if credentials else "",
            trading_pairs=[],
            domain=domain,
            valr_subaccount_id=credentials.subaccount_id if credentials else None,
        )
        self._troubles = ProbedTroubles(self.logger())

    @property
    def subaccount_id(self) -> Optional[str]:
        return self._subaccount_id

    def _create_user_stream_data_source(self) -> ProbedAccountSocket:
        """The base class's account socket with ears."""
        socket = ProbedAccountSocket(
            auth=self._auth, connector=self, api_factory=self._web_assistants_factory, domain=self._domain)
        socket.recorder = self._recorder
        return socket

    async def _api_request(self, path_url: str, *args: Any, **kwargs: Any) -> Any:
        """The base class's request, whose body and reply, or refusal, are recorded, too."""
        name = f"{kwargs.get('method', RESTMethod.GET).value} {_ID_IN_PATH.sub('<id>', path_url)}"
        record = self._recorder.public if _PUBLIC_PATH.match(path_url) else self._recorder.account
        if kwargs.get("data") is not None:
            record("rest", "out", name, kwargs["data"])
        try:
            reply = await super()._api_request(path_url, *args, **kwargs)
        except ValrAPIError as error:
            record("rest", "in", name, {"httpStatus": error.status, "code": error.code, "message": error.message})
            raise
        record("rest", "in", name, reply)
        return reply
