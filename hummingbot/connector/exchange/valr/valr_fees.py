from decimal import Decimal
from typing import Dict, Optional

from hummingbot.client.config.fee_overrides_config_map import fee_overrides_config_map
from hummingbot.connector.exchange.valr.valr_parsers import FeeRates, Fill
from hummingbot.core.data_type.trade_fee import DeductedFromReturnsTradeFee, TradeFeeBase


class ValrFees:
    """What orders will cost, by the account's rates, and what fills did cost."""

    def __init__(self, exchange: str, rates: Dict[str, FeeRates]):
        """
        :param exchange: the connector's name
        :param rates: Hummingbot's own dictionary of the account's rates, trading pair -> rates
        """
        self._exchange = exchange
        self._rates = rates

    def rate(self, trading_pair: str, is_maker: bool) -> Optional[Decimal]:
        """
        :return: the account's rate as a fraction; None when it is not known, or when the user has set one in
            conf_fee_overrides.yml, which counts more for estimates
        """
        override = fee_overrides_config_map.get(f"{self._exchange}_{'maker' if is_maker else 'taker'}_percent_fee")
        rates = self._rates.get(trading_pair)
        if rates is None or override is not None and override.value is not None:
            return None
        return rates.maker if is_maker else rates.taker

    def is_certain(self, trading_pair: str, fill: Fill) -> bool:
        """
        :return: False when only the trade history can tell the fee: events of makers may lack it, or say zero in place
            of a reward
        """
        if fill.fee is not None:
            return True
        rates = self._rates.get(trading_pair)
        return fill.is_fee_known and rates is not None and min(rates.maker, rates.taker) == 0


def fee_of(fill: Fill) -> TradeFeeBase:
    """
    :return: what VALR charged, which it takes from what the trade brings in; rewards are negative
    """
    return DeductedFromReturnsTradeFee(flat_fees=[] if fill.fee is None else [fill.fee])
