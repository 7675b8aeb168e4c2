"""
Every spelling VALR uses on the wire, in one place: hosts, paths, rate limits, event and command names, order statuses.

Source of the facts, where a line names none: VALR's API documentation of December 2025. "Wire" marks what was captured
from the live exchange.
"""
from hummingbot.core.api_throttler.data_types import LinkedLimitWeightPair, RateLimit
from hummingbot.core.data_type.in_flight_order import OrderState

EXCHANGE_NAME = "valr"
DEFAULT_DOMAIN = EXCHANGE_NAME
SIMULATOR_DOMAIN = "valr_simulator"

# customerOrderId: 0-9A-Za-z and, not on every page of the documentation, the dash; at most 50 characters.
MAX_ORDER_ID_LEN = 50
HBOT_ORDER_ID_PREFIX = "HBOT"

# === Hosts ===

REST_URL = "https://api.valr.com"
WSS_URL = "wss://api.valr.com"
SIMULATOR_URL_VARIABLE = "VALR_SIMULATOR_URL"
SIMULATOR_DEFAULT_URL = "http://127.0.0.1:8710"

# === Sockets ===

TRADE_SOCKET_PATH = "/ws/trade"
ACCOUNT_SOCKET_PATH = "/ws/account"

# Wire: an account socket without an application PING closes after about 30 s, an idle trade socket after 60 s.
PING_INTERVAL = 15.0  # seconds
# Any frame, PONG included, counts as life.
SOCKET_SILENCE_LIMIT = 45.0  # seconds
# A trade socket opened without a signature is closed by VALR after 15 minutes.
UNSIGNED_SOCKET_LIFETIME = 15 * 60.0  # seconds
# Wire: reconnecting every 2 s was answered with HTTP 429.
RECONNECT_MIN_DELAY = 5.0  # seconds, after an error; doubles up to the maximum
RECONNECT_MAX_DELAY = 60.0  # seconds
RECONNECT_CLEAN_DELAY = 1.0  # seconds, after a close of a socket that had worked
RETRY_PAUSES = (1.0, 2.0, 5.0)  # seconds between attempts of a regular request; the last one repeats

# A REST request without a reply by then has an unknown outcome.
REST_TIMEOUT = 10.0  # seconds
# A socket command without a direct reply by then has an unknown outcome.
SOCKET_REPLY_TIMEOUT = 5.0  # seconds
LOGIN_TIMEOUT = 10.0  # seconds

# === REST paths ===

SERVER_TIME_PATH = "/v1/public/time"
STATUS_PATH = "/v1/public/status"
PAIRS_PATH = "/v1/public/pairs/SPOT"
ORDER_TYPES_PATH = "/v1/public/ordertypes"
MARKET_SUMMARY_PATH = "/v1/public/marketsummary"
BUCKETS_PATH = "/v1/public/{symbol}/buckets"
ORDER_BOOK_PATH = "/v1/marketdata/{symbol}/orderbook"

BALANCES_PATH = "/v1/account/balances"
TRADE_HISTORY_PATH = "/v1/account/tradehistory"
TRADE_FEES_PATH = "/v1/account/fees/trade"
API_KEY_PATH = "/v1/account/api-keys/current"

PLACE_LIMIT_PATH = "/v2/orders/limit"
PLACE_MARKET_PATH = "/v2/orders/market"
CANCEL_PATH = "/v2/orders/order"
BATCH_PATH = "/v1/batch/orders"
BATCH_MAX_REQUESTS = 20
BATCH_PLACE_LIMIT = "PLACE_LIMIT"
BATCH_PLACE_MARKET = "PLACE_MARKET"
BATCH_CANCEL = "CANCEL_ORDER"

OPEN_ORDERS_PATH = "/v1/orders/open"
ORDER_STATUS_BY_CLIENT_ID_PATH = "/v1/orders/{symbol}/customerorderid/{client_order_id}"
ORDER_DETAIL_BY_CLIENT_ID_PATH = "/v1/orders/history/detail/customerorderid/{client_order_id}"

HISTORY_MAX_ROWS = 100

# === Rate limits ===

MINUTE = 60
SECOND = 1

# Whether the 30 a minute are shared by all public paths or counted per path is not documented: assume shared.
PUBLIC_POOL = "valr_public"
# All REST requests of one IP address (1 200 a minute); the limit of the key (2 000) can then not be reached.
REST_POOL = "valr_rest"
SOCKET_CONNECT_LIMIT = "valr_socket_connect"
ACCOUNT_LIMIT = "valr_account"
ORDER_LOOKUP_LIMIT = "valr_order_lookup"
CANDLES_LIMIT = "valr_buckets"
SOCKET_PLACE_LIMIT = "valr_socket_place"
SOCKET_CANCEL_LIMIT = "valr_socket_cancel"


def _limit(limit_id: str, limit: int, interval: int, *pools: str) -> RateLimit:
    return RateLimit(limit_id, limit, interval, linked_limits=[LinkedLimitWeightPair(pool) for pool in pools])


RATE_LIMITS = [
    RateLimit(REST_POOL, 1_200, MINUTE),
    RateLimit(PUBLIC_POOL, 30, MINUTE),
    # 20 a second each, and exempt from the limits per minute
    RateLimit(SERVER_TIME_PATH, 20, SECOND),
    RateLimit(STATUS_PATH, 20, SECOND),
    RateLimit(CANDLES_LIMIT, 20, SECOND),
    _limit(PAIRS_PATH, 30, MINUTE, PUBLIC_POOL, REST_POOL),
    _limit(ORDER_TYPES_PATH, 30, MINUTE, PUBLIC_POOL, REST_POOL),
    _limit(MARKET_SUMMARY_PATH, 30, MINUTE, PUBLIC_POOL, REST_POOL),
    _limit(ORDER_BOOK_PATH, 1_200, MINUTE, REST_POOL),
    _limit(ACCOUNT_LIMIT, 1_200, MINUTE, REST_POOL),
    _limit(ORDER_LOOKUP_LIMIT, 1_200, MINUTE, REST_POOL),
    # The documentation gives the v1 routes 400 and 450 a second outside the limits per minute and does not name the
    # v2 routes: assume that they have both limits.
    _limit(PLACE_LIMIT_PATH, 400, SECOND, REST_POOL),
    _limit(PLACE_MARKET_PATH, 400, SECOND, REST_POOL),
    _limit(CANCEL_PATH, 450, SECOND, REST_POOL),
    RateLimit(BATCH_PATH, 400, SECOND),
    RateLimit(SOCKET_CONNECT_LIMIT, 60, MINUTE),
    RateLimit(SOCKET_PLACE_LIMIT, 400, SECOND),
    RateLimit(SOCKET_CANCEL_LIMIT, 450, SECOND),
]

# === Trade socket events ===

BOOK_EVENT = "OB_L1_DIFF"  # subscription name; the frames are BOOK_SNAPSHOT_FRAME, then BOOK_DIFF_FRAME
BOOK_SNAPSHOT_FRAME = "OB_L1_SNAPSHOT"
BOOK_DIFF_FRAME = "OB_L1_DIFF"
AGGREGATED_BOOK_EVENT = "AGGREGATED_ORDERBOOK_UPDATE"
TRADE_EVENT = "NEW_TRADE"
TRADE_BUCKET_EVENT = "NEW_TRADE_BUCKET"

# === Frames of both sockets ===

SUBSCRIBE = "SUBSCRIBE"
SUBSCRIBED = "SUBSCRIBED"
UNSUBSCRIBED = "UNSUBSCRIBED"
ERROR = "ERROR"
UNAUTHORIZED = "UNAUTHORIZED"
PING = "PING"
PONG = "PONG"
AUTHENTICATED = "AUTHENTICATED"

# === Account socket events ===

BALANCE_EVENT = "BALANCE_UPDATE"
OPEN_ORDERS_EVENT = "OPEN_ORDERS_UPDATE"
ORDER_PROCESSED_EVENT = "ORDER_PROCESSED"
ORDER_STATUS_EVENT = "ORDER_STATUS_UPDATE"
ACCOUNT_TRADE_EVENT = "NEW_ACCOUNT_TRADE"
FAILED_CANCEL_EVENT = "FAILED_CANCEL_ORDER"
FAILED_ORDER_EVENT = "FAILED_ORDER"

# === Account socket commands and their direct replies ===

PLACE_LIMIT_COMMAND = "PLACE_LIMIT_ORDER"
PLACE_MARKET_COMMAND = "PLACE_MARKET_ORDER"
# Wire: CANCEL_ORDER, which one unofficial text names, does not work.
CANCEL_COMMAND = "CANCEL_LIMIT_ORDER"
PLACE_LIMIT_REPLY = "PLACE_LIMIT_WS_RESPONSE"
PLACE_MARKET_REPLY = "PLACE_MARKET_WS_RESPONSE"
CANCEL_REPLY = "CANCEL_ORDER_WS_RESPONSE"
# This project's own: a reply to a placement of either kind, with both ids, among the events of the account.
PLACEMENT_REPLY = "PLACEMENT_REPLY"
# How VALR refuses a command is told differently by every source, and captured by none: an `error` inside the reply
# (a bot in production), these types (an unofficial rendering of the documentation, two other bots), or ERROR.
INVALID_PLACE_LIMIT = "INVALID_PLACE_LIMIT_REQUEST"
INVALID_PLACE_MARKET = "INVALID_PLACE_MARKET_REQUEST"
INVALID_CANCEL = "INVALID_CANCEL_ORDER_REQUEST"
ORDER_FAILED = "ORDER_FAILED"
ORDER_REJECTED = "ORDER_REJECTED"
CANCEL_ON_DISCONNECT_COMMAND = "CANCEL_ON_DISCONNECT"
CANCEL_ON_DISCONNECT_EVENT = "CANCEL_ON_DISCONNECT_UPDATE"
RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"

# === Error codes ===

ORDER_NOT_FOUND_CODE = -1
UNKNOWN_PAIR_CODE = -21
# In the reply to the status route: the history has to be asked.
ORDER_DENIAL_CODES = {ORDER_NOT_FOUND_CODE, UNKNOWN_PAIR_CODE}
INSUFFICIENT_BALANCE_CODE = -6
INVALID_SIGNATURE_CODE = -11252
KEY_MISSING_CODE = -11268
IP_NOT_WHITELISTED_CODE = -11272
DUPLICATE_ORDER_ID_CODE = -11502

# Names of key permissions in /v1/account/api-keys/current
VIEW_PERMISSION = "View access"
TRADE_PERMISSION = "Trade"

# === Order statuses ===

# The rand is ZAR in pairs and R in currency objects.
RAND_SYMBOL = "R"
RAND_CODE = "ZAR"

# Keys are normalised (case-folded, no spaces or underscores) because both "Partially Filled" and "PartiallyFilled"
# were captured. CANCELED with fills and FAILED with fills are told apart by the quantities, not by the text.
ORDER_STATE = {
    "requested": OrderState.PENDING_CREATE,
    "placed": OrderState.OPEN,
    "active": OrderState.OPEN,
    "ordermodified": OrderState.OPEN,
    "orderpricehasbeenmodifiedduetoslippagelimits": OrderState.OPEN,
    "repricedduetoslippage": OrderState.OPEN,
    "instantorderbalancereserved": OrderState.OPEN,
    "partiallyfilled": OrderState.PARTIALLY_FILLED,
    "filled": OrderState.FILLED,
    "instantordercompleted": OrderState.FILLED,
    "cancelled": OrderState.CANCELED,
    "expired": OrderState.CANCELED,
    "partiallyfilledandcancelledduetoslippage": OrderState.CANCELED,
    "partiallyfilledduetoslippage": OrderState.CANCELED,
    "failed": OrderState.FAILED,
    "instantorderbalancereservefailed": OrderState.FAILED,
}
