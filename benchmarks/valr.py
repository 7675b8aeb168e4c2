import os
import time
from typing import Dict, List

from bidict import bidict

from hummingbot.connector.exchange.valr import valr_constants
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange

KEY, SECRET = "k" * 64, "s" * 64


def valr_connector(url: str, trading_pairs: List[str], trading_required: bool = True,
                   key: str = KEY, secret: str = SECRET) -> ValrExchange:
    """
    :param url: base URL of the replay server or of the embedded exchange
    """
    os.environ[valr_constants.SIMULATOR_URL_VARIABLE] = url
    return ValrExchange(key, secret, trading_pairs=trading_pairs, trading_required=trading_required,
                        domain=valr_constants.SIMULATOR_DOMAIN)


def valr_market_data(url: str, pairs: Dict[str, str]) -> ValrExchange:
    """
    :param pairs: VALR's symbol -> trading pair
    :return: a connector that knows its symbols and the time, so that only market data is requested
    """
    connector = valr_connector(url, list(pairs.values()), trading_required=False)
    connector._set_trading_pair_symbol_map(bidict(pairs))
    connector._time_synchronizer.add_time_offset_ms_sample((time.time() - time.perf_counter()) * 1e3)
    return connector
