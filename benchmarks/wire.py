"""
One logical book update in each exchange's own wire format, as the in-tree connectors and VALR's documentation read it,
and the REST snapshots the in-tree connectors start from. Every exchange carries the same sequence number as its update
id, so that the last one applied can be waited for.
"""
import json
from typing import Any, Callable, Dict, List

from benchmarks.book_stream import BookUpdate, Level

MILLISECONDS = 1_760_000_000_000
LAST_PRICE = "1800000"


def _text(payload: Any) -> str:
    return json.dumps(payload, separators=(",", ":"))


def _rows(levels: List[Level], *more: Any) -> List[List[Any]]:
    return [[price, quantity, *more] for price, quantity in levels]


def valr_snapshot(update: BookUpdate, symbol: str = "BTCUSDT") -> str:
    return _valr("OB_L1_SNAPSHOT", update, symbol)


def valr_diff(update: BookUpdate, symbol: str = "BTCUSDT") -> str:
    return _valr("OB_L1_DIFF", update, symbol)


def _valr(kind: str, update: BookUpdate, symbol: str) -> str:
    return _text({"type": kind, "ps": symbol, "d": {
        "lc": MILLISECONDS + update.sequence, "a": _rows(update.asks), "b": _rows(update.bids),
        "sq": update.sequence, "cs": update.checksum}})


def binance_diff(update: BookUpdate) -> str:
    return _text({
        "e": "depthUpdate", "E": MILLISECONDS + update.sequence, "s": "BTCUSDT", "U": update.sequence,
        "u": update.sequence, "b": _rows(update.bids), "a": _rows(update.asks)})


def kraken_diff(update: BookUpdate) -> str:
    # Kraken sends two objects when both sides change; the in-tree connector reads the first only, so one holds both.
    time = f"{update.sequence}.000000"
    sides = {name: _rows(levels, time) for name, levels in (("a", update.asks), ("b", update.bids)) if levels}
    return _text([336, {**sides, "c": str(update.checksum)}, "book-1000", "XBT/USDT"])


def bybit_diff(update: BookUpdate) -> str:
    return _text({
        "topic": "orderbook.200.BTCUSDT", "type": "delta", "ts": MILLISECONDS + update.sequence,
        "data": {"s": "BTCUSDT", "b": _rows(update.bids), "a": _rows(update.asks), "u": update.sequence,
                 "seq": update.sequence},
        "cts": MILLISECONDS + update.sequence})


def kucoin_diff(update: BookUpdate) -> str:
    sequence = str(update.sequence)
    return _text({
        "topic": "/market/level2:BTC-USDT", "type": "message", "subject": "trade.l2update",
        "data": {"changes": {"asks": _rows(update.asks, sequence), "bids": _rows(update.bids, sequence)},
                 "sequenceEnd": update.sequence, "sequenceStart": update.sequence, "symbol": "BTC-USDT",
                 "time": MILLISECONDS + update.sequence}})


def okx_diff(update: BookUpdate) -> str:
    # The in-tree connector takes whole seconds of the time stamp as update id.
    return _text({
        "arg": {"channel": "books", "instId": "BTC-USDT"}, "action": "update",
        "data": [{"asks": _rows(update.asks, "0", "1"), "bids": _rows(update.bids, "0", "1"),
                  "ts": str(update.sequence * 1000), "checksum": update.checksum,
                  "seqId": update.sequence, "prevSeqId": update.sequence - 1}]})


DIFFS: Dict[str, Callable[[BookUpdate], str]] = {
    "valr": valr_diff,
    "binance": binance_diff,
    "kraken": kraken_diff,
    "bybit": bybit_diff,
    "kucoin": kucoin_diff,
    "okx": okx_diff,
}


def rest_replies(update: BookUpdate) -> Dict[str, Any]:
    """
    :return: path on the replay server -> reply body of the in-tree connectors' requests for snapshots and last prices
    """
    bids, asks = _rows(update.bids), _rows(update.asks)
    time = float(update.sequence)
    return {
        "/binance/api/v3/depth": {"lastUpdateId": update.sequence, "bids": bids, "asks": asks},
        "/kraken/0/public/Depth": {"error": [], "result": {"XXBTZUSDT": {
            "bids": _rows(update.bids, time), "asks": _rows(update.asks, time)}}},
        "/bybit/v5/market/orderbook": {"retCode": 0, "result": {
            "s": "BTCUSDT", "b": bids, "a": asks, "ts": MILLISECONDS, "u": update.sequence}},
        "/kucoin/api/v1/market/orderbook/level2_100": {"code": "200000", "data": {
            "time": MILLISECONDS, "sequence": str(update.sequence), "bids": bids, "asks": asks}},
        "/api/v5/market/books": {"code": "0", "data": [{
            "asks": _rows(update.asks, "0", "1"), "bids": _rows(update.bids, "0", "1"),
            "ts": str(update.sequence * 1000)}]},
        "/binance/api/v3/ticker/24hr": {"lastPrice": LAST_PRICE},
        "/kraken/0/public/Ticker": {"error": [], "result": {"XXBTZUSDT": {"c": [LAST_PRICE, "1"]}}},
        "/bybit/v5/market/tickers": {"retCode": 0, "result": {"list": [{"lastPrice": LAST_PRICE}]}},
        "/kucoin/api/v1/market/orderbook/level1": {"code": "200000", "data": {"price": LAST_PRICE}},
        "/api/v5/market/ticker": {"code": "0", "data": [{"last": LAST_PRICE}]},
    }
