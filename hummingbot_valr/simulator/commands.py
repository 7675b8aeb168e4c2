"""Order commands as clients spell them: REST bodies, socket payloads and batch items are the same objects."""
import json
import re
from decimal import Decimal
from typing import Any, Dict, Optional

from .engine import Engine
from .money import amount
from .orders import Order
from .rules import Rejected, invalid

_CUSTOMER_ORDER_ID = re.compile(r"[0-9a-zA-Z-]{1,50}", re.ASCII)


def parse_object(text: bytes) -> Dict[str, Any]:
    """The JSON object of a body; `Rejected` for anything else, whatever its bytes."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Rejected(-113, "Invalid JSON payload") from None
    if not isinstance(value, dict):
        raise Rejected(-113, "Invalid JSON payload")
    return value


def accept_limit(engine: Engine, account_id: str, payload: Dict[str, Any]) -> Order:
    """Checks the payload of a limit order; `Rejected` when VALR would refuse it at once."""
    _refuse_unplayed(payload)
    post_only, time_in_force = _flag(payload, "postOnly"), payload.get("timeInForce", "GTC")
    if time_in_force not in ("GTC", "FOK", "IOC") or (post_only and time_in_force != "GTC"):
        raise invalid("timeInForce is not valid")
    return engine.accept_limit(account_id, pair=needed_text(payload, "pair"), side=_side(payload),
                               quantity=needed_amount(payload, "quantity"), price=needed_amount(payload, "price"),
                               post_only=post_only, time_in_force=time_in_force,
                               customer_order_id=_customer_order_id(payload))


def accept_market(engine: Engine, account_id: str, payload: Dict[str, Any]) -> Order:
    """Checks the payload of a market order; `Rejected` when VALR would refuse it at once."""
    _refuse_unplayed(payload)
    amounts = {name: needed_amount(payload, field) for name, field in
               (("base_amount", "baseAmount"), ("quote_amount", "quoteAmount")) if payload.get(field) is not None}
    return engine.accept_market(account_id, pair=needed_text(payload, "pair"), side=_side(payload),
                                customer_order_id=_customer_order_id(payload), **amounts)


def order_ids(payload: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments of `Engine.cancel` from {"orderId" | "customerOrderId", "pair"}."""
    order_id, customer_order_id = payload.get("orderId"), payload.get("customerOrderId")
    if (order_id is None) == (customer_order_id is None):
        raise invalid("exactly one of orderId and customerOrderId is needed")
    if not isinstance(order_id if customer_order_id is None else customer_order_id, str):
        raise invalid("orderId and customerOrderId are strings")
    return {"order_id": order_id, "customer_order_id": customer_order_id, "pair": needed_text(payload, "pair")}


def given_id(ids: Dict[str, Any]) -> Dict[str, str]:
    """`orderId` or `customerOrderId`, whichever of them the client gave; `ids` are those of `order_ids`."""
    given = {"orderId": ids["order_id"], "customerOrderId": ids["customer_order_id"]}
    return {name: value for name, value in given.items() if value is not None}


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _refuse_unplayed(payload: Dict[str, Any]) -> None:
    if _flag(payload, "allowMargin"):
        raise Rejected(-19213, "Margin not enabled for account")
    for name in ("reduceOnly", "postOnlyReprice"):
        if _flag(payload, name):
            raise invalid(f"{name} is not played by the simulator")
    if payload.get("conditionalOrderData") is not None:
        raise invalid("conditionalOrderData is not played by the simulator")


def needed_text(payload: Dict[str, Any], name: str) -> str:
    """A string field that is there and not empty; `Rejected` otherwise."""
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"{name} is needed and is a string")
    return value


def _side(payload: Dict[str, Any]) -> str:
    side = payload.get("side")
    if side not in ("BUY", "SELL"):
        raise invalid("side is BUY or SELL")
    return str(side)


def needed_amount(payload: Dict[str, Any], name: str) -> Decimal:
    """A positive decimal written as a string; `Rejected` otherwise."""
    value = amount(needed_text(payload, name))
    if value is None or not value:
        raise invalid(f"{name} is a positive decimal string")
    return value


def _flag(payload: Dict[str, Any], name: str) -> bool:
    value = payload.get(name)
    if value is not None and not isinstance(value, bool) and value not in ("true", "false"):
        raise invalid(f"{name} is a boolean")
    return value in (True, "true")


def _customer_order_id(payload: Dict[str, Any]) -> Optional[str]:
    value = payload.get("customerOrderId")
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _CUSTOMER_ORDER_ID.fullmatch(value):
        raise invalid("customerOrderId has up to 50 characters of 0-9, a-z, A-Z and -")
    return value
