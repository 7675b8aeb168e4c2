import asyncio
import json
import time
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional
from urllib.parse import parse_qsl

from benchmarks.server.protocol import Connection, text_frame
from benchmarks.wire import MILLISECONDS

BINANCE_SOCKET, VALR_SOCKET = "/binance/ws-api", "/ws/account"
FILL_DELAY = 0.002  # seconds
UPDATED_AT = "2026-01-05T10:00:00.120Z"

BINANCE_REPLIES: Dict[str, Any] = {
    "/binance/api/v3/ping": {},
    "/binance/api/v3/account": {"balances": [
        {"asset": asset, "free": "1000000", "locked": "0"} for asset in ("BTC", "USDT")]},
    "/binance/api/v3/myTrades": [],
    "/binance/api/v3/exchangeInfo": {"symbols": [{
        "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
        "permissionSets": [["SPOT"]],
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "1"},
            {"filterType": "LOT_SIZE", "minQty": "0.00000001", "stepSize": "0.00000001"},
            {"filterType": "NOTIONAL", "minNotional": "10"}]}]},
}

VALR_REPLIES: Dict[str, Any] = {
    "/v1/public/status": {"status": "online"},
    "/v1/public/pairs/SPOT": [{
        "symbol": "BTCUSDT", "baseCurrency": "BTC", "quoteCurrency": "USDT", "shortName": "BTC/USDT", "active": True,
        "minBaseAmount": "0.00000001", "maxBaseAmount": "1000", "minQuoteAmount": "10", "maxQuoteAmount": "100000000",
        "tickSize": "1", "baseDecimalPlaces": "8", "marginTradingAllowed": False, "currencyPairType": "SPOT"}],
    "/v1/public/ordertypes": [{"currencyPair": "BTCUSDT", "orderTypes": ["LIMIT_POST_ONLY", "MARKET", "LIMIT"]}],
    "/v1/public/marketsummary": [{
        "currencyPair": "BTCUSDT", "askPrice": "1800001", "bidPrice": "1799999", "lastTradedPrice": "1800000",
        "previousClosePrice": "1800000", "baseVolume": "1", "quoteVolume": "1800000", "highPrice": "1800000",
        "lowPrice": "1800000", "created": UPDATED_AT, "changeFromPrevious": "0", "markPrice": "1800000"}],
    "/v1/account/balances": [{
        "currency": currency, "available": "1000000", "reserved": "0", "total": "1000000", "updatedAt": UPDATED_AT,
        "lendReserved": "0", "borrowReserved": "0", "borrowedAmount": "0"} for currency in ("BTC", "USDT")],
    "/v1/account/fees/trade": [{
        "currencyPair": "BTCUSDT", "makerPercentage": "0.08", "takerPercentage": "0.1", "simplePercentage": "1.6"}],
    "/v1/account/api-keys/current": {
        "label": "benchmark", "permissions": ["View access", "Trade"], "addedAt": UPDATED_AT, "isSubAccount": False},
    "/v1/account/tradehistory": [],
    "/v1/orders/open": [],
}


class OrderDesk:
    """
    Accepts every order of binance's REST route and VALR's account socket at once, notes when its bytes arrived, and
    fills it on demand. It keeps no books and checks no rules: only the client is measured.
    """

    def __init__(self):
        self._sockets: Dict[str, Connection] = {}
        self._received: Dict[str, float] = {}
        self._filled: Dict[str, float] = {}
        self._orders: Dict[str, Dict[str, str]] = {}

    def owns(self, path: str) -> bool:
        return path in (BINANCE_SOCKET, VALR_SOCKET)

    def times(self) -> Dict[str, List[Optional[float]]]:
        """
        :return: client order id -> `time.perf_counter()` when its bytes arrived and just before its fill was written;
            forgets them
        """
        times = {order_id: [received, self._filled.get(order_id)] for order_id, received in self._received.items()}
        self._received, self._filled, self._orders = {}, {}, {}
        return times

    def fill(self, client_order_id: str) -> None:
        """Sends the frames of the order's complete fill when the client has dealt with the reply to this command."""
        order = self._orders[client_order_id]
        path = order["socket"]
        frames = _binance_fill(order) if path == BINANCE_SOCKET else _valr_fill(order)
        encoded = [text_frame(json.dumps(frame)) for frame in frames]
        asyncio.get_running_loop().call_later(FILL_DELAY, self._send_fill, client_order_id, path, encoded)

    def _send_fill(self, client_order_id: str, path: str, frames: List[bytes]):
        self._filled[client_order_id] = time.perf_counter()
        for frame in frames:
            self._sockets[path].write(frame)

    # === REST ===

    def request(self, method: str, path: str, query: str, body: bytes, received_at: float) -> Any:
        if path == "/v1/public/time":
            now = datetime.now(timezone.utc)
            return {"epochTime": int(now.timestamp()), "time": now.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")}
        if path == "/binance/api/v3/time":
            return {"serverTime": int(time.time() * 1e3)}
        if path == "/binance/api/v3/order":
            fields = dict(parse_qsl(body.decode() or query))
            if method == "GET":
                order_id = self._orders[fields["origClientOrderId"]]["id"]
                return {"orderId": int(order_id), "status": "NEW", "updateTime": MILLISECONDS}
            order_id = self._accept(
                BINANCE_SOCKET, fields["newClientOrderId"], fields["quantity"], fields["price"], received_at)
            return {"symbol": "BTCUSDT", "orderId": int(order_id), "clientOrderId": fields["newClientOrderId"],
                    "transactTime": MILLISECONDS}
        if path.startswith("/v1/orders/BTCUSDT/customerorderid/"):
            return _valr_status(self._orders[path.rsplit("/", 1)[1]])
        return (BINANCE_REPLIES if path in BINANCE_REPLIES else VALR_REPLIES)[path]

    def _accept(self, socket: str, client_order_id: str, quantity: str, price: str, received_at: float) -> str:
        order_id = str(len(self._orders) + int(time.time() * 1e6))
        self._received[client_order_id] = received_at
        self._orders[client_order_id] = {
            "socket": socket, "id": order_id, "client_id": client_order_id, "quantity": quantity, "price": price}
        return order_id

    # === Sockets ===

    def on_open(self, connection: Connection):
        self._sockets[connection.path] = connection
        if connection.path == VALR_SOCKET:
            connection.send('{"type":"AUTHENTICATED"}')
            for row in VALR_REPLIES["/v1/account/balances"]:
                connection.send(json.dumps({"type": "BALANCE_UPDATE", "data": _valr_balance(row)}))
            connection.send('{"type":"OPEN_ORDERS_UPDATE","data":[]}')

    def on_text(self, connection: Connection, text: str, received_at: float):
        request = json.loads(text)
        if connection.path == BINANCE_SOCKET:
            connection.send(json.dumps({"id": request["id"], "status": 200, "result": {"subscriptionId": 0}}))
        elif request["type"] == "PING":
            connection.send('{"type":"PONG"}')
        elif request["type"] == "PLACE_LIMIT_ORDER":
            order = request["payload"]
            order_id = self._accept(
                VALR_SOCKET, order["customerOrderId"], order["quantity"], order["price"], received_at)
            ids = {"orderId": order_id, "customerOrderId": order["customerOrderId"]}
            connection.send(json.dumps(
                {"type": "PLACE_LIMIT_WS_RESPONSE", "data": ids, "clientMsgId": request.get("clientMsgId")}))
            connection.send(json.dumps(
                {"type": "ORDER_PROCESSED", "data": {**ids, "success": True, "failureReason": ""}}))


def _valr_balance(row: Dict[str, str]) -> Dict[str, Any]:
    return {
        "currency": {"symbol": row["currency"], "decimalPlaces": 8, "isActive": True, "shortName": row["currency"],
                     "longName": row["currency"], "supportedWithdrawDecimalPlaces": 8},
        "available": row["available"], "reserved": row["reserved"], "total": row["total"], "updatedAt": UPDATED_AT}


def _valr_status(order: Dict[str, str]) -> Dict[str, Any]:
    return {
        "orderId": order["id"], "orderStatusType": "Placed", "currencyPair": "BTCUSDT", "originalPrice": order["price"],
        "remainingQuantity": order["quantity"], "originalQuantity": order["quantity"], "orderSide": "buy",
        "orderType": "limit", "failedReason": "", "orderUpdatedAt": UPDATED_AT, "orderCreatedAt": UPDATED_AT,
        "timeInForce": "GTC", "customerOrderId": order["client_id"]}


def _valr_fill(order: Dict[str, str]) -> List[Dict[str, Any]]:
    ids = {"orderId": order["id"], "customerOrderId": order["client_id"]}
    trade = {
        "price": order["price"], "quantity": order["quantity"], "currencyPair": "BTCUSDT", "tradedAt": UPDATED_AT,
        "side": "buy", "id": "t" + order["id"], "fee": "0.0000001", "feeCurrency": "BTC", **ids}
    status = {
        **_valr_status(order), "orderStatusType": "Filled", "remainingQuantity": "0",
        "executedPrice": order["price"], "executedQuantity": order["quantity"], "executedFee": "0.0000001"}
    return [{"type": "NEW_ACCOUNT_TRADE", "currencyPairSymbol": "BTCUSDT", "data": trade},
            {"type": "ORDER_STATUS_UPDATE", "data": status}]


def _binance_fill(order: Dict[str, str]) -> List[Dict[str, Any]]:
    report = {
        "e": "executionReport", "E": MILLISECONDS, "s": "BTCUSDT", "c": order["client_id"], "S": "BUY", "o": "LIMIT",
        "f": "GTC", "q": order["quantity"], "p": order["price"], "P": "0", "F": "0", "g": -1, "C": "", "x": "TRADE",
        "X": "FILLED", "r": "NONE", "i": int(order["id"]), "l": order["quantity"], "z": order["quantity"],
        "L": order["price"], "n": "0.0000001", "N": "BTC", "T": MILLISECONDS, "t": int(order["id"]), "I": 1,
        "w": False, "m": False, "M": True, "O": MILLISECONDS, "Z": "0", "Y": "0", "Q": "0"}
    return [{"subscriptionId": 0, "event": report}]
