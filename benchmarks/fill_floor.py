"""The floor of a fill: what lies between its frame and its event at the very least."""
from datetime import datetime
from decimal import Decimal
from typing import Any, Dict

from hummingbot.connector.client_order_tracker import ClientOrderTracker
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.core.data_type.in_flight_order import TradeUpdate
from hummingbot.core.data_type.trade_fee import DeductedFromReturnsTradeFee, TokenAmount


async def book_without_checks(connector: ValrExchange):
    """
    Leaves of the way of a fill what no connector can do without: the socket, the decoder, the numbers, and Hummingbot's
    own booking, log line and event. Nothing is validated, searched, compared with the order or recognised when it comes
    again.
    """
    tracker, queue = connector._order_tracker, connector._user_stream_tracker.user_stream
    process = queue.listener

    def take(event: Dict[str, Any]):
        if event["type"] == "NEW_ACCOUNT_TRADE":
            _book(tracker, event["data"])
        else:
            process(event)

    queue.listener = take


def _book(tracker: ClientOrderTracker, trade: Dict[str, str]):
    order = tracker._in_flight_orders[trade["customerOrderId"]]
    price, quantity = Decimal(trade["price"]), Decimal(trade["quantity"])
    fee = DeductedFromReturnsTradeFee(flat_fees=[TokenAmount(trade["feeCurrency"], Decimal(trade["fee"]))])
    executed = order.executed_amount_base
    order.update_with_trade_update(TradeUpdate(
        trade_id=trade["id"], client_order_id=order.client_order_id, exchange_order_id=trade["orderId"],
        trading_pair=order.trading_pair, fill_timestamp=datetime.fromisoformat(trade["tradedAt"]).timestamp(),
        fill_price=price, fill_base_amount=quantity, fill_quote_amount=price * quantity, fee=fee))
    tracker._trigger_order_fills(
        tracked_order=order, prev_executed_amount_base=executed, fill_amount=quantity, fill_price=price, fill_fee=fee,
        trade_id=trade["id"], exchange_order_id=trade["orderId"])
