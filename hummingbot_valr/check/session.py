"""What the rows of one self-test share."""
import asyncio
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot_valr.check.order_plan import OrderPlan
from hummingbot_valr.check.probe import ProbedAccountSocket, ProbedExchange
from hummingbot_valr.check.recorder import Recorder

# Quoted in rand and in dollars, and seldom quiet.
_SAMPLE_PAIRS = ("BTC-ZAR", "ETH-ZAR", "USDT-ZAR", "BTC-USDT", "ETH-USDT")


@dataclass
class Session:
    """
    `seconds` is how long the trade socket is watched; `key_source` says where the keys are from and is empty without
    keys; `latencies` are the round trips of each path in seconds; `plan` is the order to ask the person about.
    """
    exchange: ProbedExchange
    recorder: Recorder
    seconds: float
    key_source: str = ""
    latencies: Dict[str, List[float]] = field(default_factory=dict)
    is_key_accepted: bool = False
    plan: Optional[OrderPlan] = None
    _listening: Optional[asyncio.Task] = None

    @property
    def domain(self) -> str:
        return self.exchange.domain

    @property
    def account_socket(self) -> ProbedAccountSocket:
        return self.exchange.user_stream_data_source

    async def get(self, path: str, limit_id: Optional[str] = None) -> Any:
        """The JSON of a public REST reply; raises what the connector raises."""
        return await self.exchange._api_get(path_url=path, limit_id=limit_id or path)

    async def get_signed(self, path: str, limit_id: str = CONSTANTS.ACCOUNT_LIMIT) -> Any:
        """The JSON of a signed REST reply; raises what the connector raises."""
        return await self.exchange._api_get(path_url=path, limit_id=limit_id, is_auth_required=True)

    async def sample_pairs(self) -> Dict[str, str]:
        """VALR's symbol -> trading pair of the pairs that are looked at: well-known ones, else the first of all."""
        listed = await self.exchange.trading_pair_symbol_map()
        known = {symbol: pair for symbol, pair in listed.items() if pair in _SAMPLE_PAIRS}
        return known or dict(list(listed.items())[:len(_SAMPLE_PAIRS)])

    def start_account_socket(self) -> None:
        """Lets the connector log in and listen until `stop`."""
        self._listening = asyncio.ensure_future(self.account_socket.listen_for_user_stream(asyncio.Queue()))

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
