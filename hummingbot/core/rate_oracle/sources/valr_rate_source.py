from decimal import Decimal
from typing import TYPE_CHECKING, Any, Dict, List, Optional

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_errors import reason_of
from hummingbot.connector.exchange.valr.valr_web_utils import NETWORK_ERRORS
from hummingbot.core.rate_oracle.sources.rate_source_base import RateSourceBase
from hummingbot.core.utils import async_ttl_cache

if TYPE_CHECKING:
    from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange


class ValrRateSource(RateSourceBase):
    """Mid prices of all VALR spot pairs, those quoted in rand included, from one request every 30 seconds."""

    domain = CONSTANTS.DEFAULT_DOMAIN

    def __init__(self):
        super().__init__()
        self._exchange: Optional["ValrExchange"] = None  # built late, because its module imports this package
        self._failed = False

    @property
    def name(self) -> str:
        return self.domain

    @async_ttl_cache(ttl=30, maxsize=1)
    async def get_prices(self, quote_token: Optional[str] = None) -> Dict[str, Decimal]:
        """
        :param quote_token: not used: Hummingbot finds rates over several pairs, so it gets all of them
        :return: trading pair: (best bid + best ask) / 2 in quote currency, of the pairs that have both; nothing when
            VALR cannot be asked, so that the prices known before stay in use
        """
        try:
            prices = await self._mid_prices()
        except Exception as error:
            if not self._failed:
                self.logger().warning(f"VALR's prices cannot be read for now: {reason_of(error)}",
                                      exc_info=not isinstance(error, NETWORK_ERRORS))
            self._failed = True
            return {}
        if self._failed:
            self.logger().info("VALR's prices can be read again.")
        self._failed = False
        return prices

    async def _mid_prices(self) -> Dict[str, Decimal]:
        if self._exchange is None:
            self._exchange = self._build_exchange_without_keys()
        rows: List[Dict[str, Any]] = await self._exchange.get_all_pairs_prices()
        prices = {}
        for row in rows:
            try:
                pair = await self._exchange.trading_pair_associated_to_exchange_symbol(row["currencyPair"])
            except KeyError:
                continue  # a perpetual, or a pair that is not open for trading
            bid, ask = Decimal(row["bidPrice"]), Decimal(row["askPrice"])
            # VALR writes "0" for the side that has no orders.
            if 0 < bid <= ask:
                prices[pair] = (bid + ask) / 2
        return prices

    def _build_exchange_without_keys(self) -> "ValrExchange":
        from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange

        return ValrExchange(
            valr_api_key="",
            valr_api_secret="",
            trading_pairs=[],
            trading_required=False,
            domain=self.domain,
        )


class ValrSimulatorRateSource(ValrRateSource):
    """Prices of the embedded exchange."""

    domain = CONSTANTS.SIMULATOR_DOMAIN
