"""What VALR serves as candles (VALR documentation of December 2025). Hosts, paths and limits are the connector's."""
from bidict import bidict

import hummingbot.connector.exchange.valr.valr_constants as VALR

# Hummingbot's name of the interval: VALR's `periodSeconds`. There are no others, and no 4-hour candles.
INTERVALS = bidict({
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1_800,
    "1h": 3_600,
    "6h": 21_600,
    "1d": 86_400,
})

# NEW_TRADE_BUCKET frames are of this interval only.
SOCKET_INTERVAL = "1m"

MAX_ROWS_PER_REQUEST = 300
# VALR refuses a range of more than 300 candles. Both ends of a range are asked for, so 299 intervals are 300 candles.
MAX_INTERVALS_PER_REQUEST = MAX_ROWS_PER_REQUEST - 1

# The last closed candle is asked for again, together with the running one: its last trades may have been missed.
RECHECKED_CANDLES = 2
# How often candles that do not come by socket are asked for: 12 of the 1 200 requests a minute VALR grants.
POLL_INTERVAL = 5.0  # seconds
# Delay after the turn of a minute until the closed candle is fetched.
CLOSE_DELAY = 2.0  # seconds
HEALTH_CHECK_INTERVAL = 10.0  # seconds

RATE_LIMITS = [
    limit for limit in VALR.RATE_LIMITS
    if limit.limit_id in (VALR.SERVER_TIME_PATH, VALR.CANDLES_LIMIT, VALR.SOCKET_CONNECT_LIMIT)
]
