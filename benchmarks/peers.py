"""
The in-tree connectors that are compared with: the installed classes, unchanged, their hosts pointed at the replay
server by setting the constants that hold them in this process.
"""
import time
from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, Sequence

from bidict import bidict

from hummingbot.connector.exchange.binance import binance_constants
from hummingbot.connector.exchange.binance.binance_exchange import BinanceExchange
from hummingbot.connector.exchange.bybit import bybit_constants
from hummingbot.connector.exchange.bybit.bybit_exchange import BybitExchange
from hummingbot.connector.exchange.kraken import kraken_constants
from hummingbot.connector.exchange.kraken.kraken_exchange import KrakenExchange
from hummingbot.connector.exchange.kucoin import kucoin_constants
from hummingbot.connector.exchange.kucoin.kucoin_exchange import KucoinExchange
from hummingbot.connector.exchange.okx import okx_constants
from hummingbot.connector.exchange.okx.okx_exchange import OkxExchange
from hummingbot.connector.exchange_py_base import ExchangePyBase

PAIR = "BTC-USDT"
KEY = SECRET = "a2V5a2V5a2V5a2V5"


@dataclass(frozen=True)
class Peer:
    symbol: str  # the exchange's name of PAIR
    create: Callable[..., ExchangePyBase]

    def connector(self, pairs: Sequence[str] = (PAIR,), trading_required: bool = False) -> ExchangePyBase:
        """:return: a connector that knows its symbols and the time, so that only what is measured is requested"""
        connector = self.create(trading_pairs=list(pairs), trading_required=trading_required)
        connector._set_trading_pair_symbol_map(bidict({self.symbol if pair == PAIR else pair: pair for pair in pairs}))
        connector._time_synchronizer.add_time_offset_ms_sample((time.time() - time.perf_counter()) * 1e3)
        return connector


PEERS: Dict[str, Peer] = {
    "binance": Peer("BTCUSDT", partial(BinanceExchange, KEY, SECRET)),
    "kraken": Peer("XBTUSDT", partial(KrakenExchange, KEY, SECRET)),
    "bybit": Peer("BTCUSDT", partial(BybitExchange, KEY, SECRET)),
    "kucoin": Peer("BTC-USDT", partial(KucoinExchange, KEY, "passphrase", SECRET)),
    "okx": Peer("BTC-USDT", partial(OkxExchange, KEY, SECRET, "passphrase")),
}


def point_peers_at(host: str):
    """
    :param host: host and port of the replay server
    """
    binance_constants.REST_URL = f"http://{host}/binance/api/"
    binance_constants.WSS_URL = f"ws://{host}/binance/ws"
    binance_constants.WSS_API_URL = f"ws://{host}/binance/ws-api"
    kraken_constants.BASE_URL = f"http://{host}/kraken"
    kraken_constants.WS_URL = f"ws://{host}/kraken/ws"
    bybit_constants.REST_URLS["bybit_main"] = f"http://{host}/bybit"
    bybit_constants.WSS_PUBLIC_URL["bybit_main"] = f"ws://{host}/bybit/ws"
    kucoin_constants.BASE_PATH_URL["main"] = f"http://{host}/kucoin"
    # OKX joins host and path with urljoin, which would drop a path prefix: the path alone tells its requests apart.
    okx_constants.get_okx_base_url = lambda sub_domain: f"http://{host}"
    okx_constants.get_okx_ws_uri_public = lambda sub_domain: f"ws://{host}/okx/ws"
