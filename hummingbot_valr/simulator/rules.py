"""What VALR checks before an order reaches the engine, with VALR's codes and texts."""
from decimal import Decimal
from typing import Any, Dict, Optional

from .catalogue import Pair
from .money import floor_to_places, plain
from .orders import INSUFFICIENT_BALANCE, PAIR_NOT_ACTIVE, SELF_TRADE

INVALID_REQUEST = "Invalid Request, please check your request and try again"
DUPLICATE_ID = "Duplicate customer order id's are not allowed"
# Codes of the failures that VALR's v2 routes name; the code of the other texts was never captured and is -1 here.
FAILURE_CODES = {INSUFFICIENT_BALANCE: -6, SELF_TRADE: -11500, DUPLICATE_ID: -11502}


class Rejected(Exception):
    """A request VALR refuses with an HTTP `status` and, mostly, a `code` and a `message`."""

    def __init__(self, code: Optional[int], message: str, status: int = 400, **extra: Any):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.extra = extra

    def body(self) -> Dict[str, Any]:
        """The JSON body of the refusal."""
        body: Dict[str, Any] = dict(self.extra)
        if self.code is not None:
            body["code"] = self.code
        body["message"] = self.message
        return body


def invalid(detail: str) -> Rejected:
    """VALR's general validation error, with the reason in `validationErrors`."""
    return Rejected(-11, INVALID_REQUEST, validationErrors={"errors": [detail]})


def unknown_order() -> Rejected:
    """An order or customer id VALR does not know (the trailing space is VALR's)."""
    return Rejected(-1, "Invalid Order. ")


def check_pair(pair: Optional[Pair], order_type: str) -> Pair:
    """The pair when it may be traded with `order_type`, an error otherwise."""
    if pair is None:
        raise Rejected(-21, "Unsupported Currency Pair")
    if not pair.active:
        raise Rejected(-32, PAIR_NOT_ACTIVE)
    if pair.kind != "SPOT" or order_type not in pair.order_types:
        raise Rejected(-12005, "Selected order type is not allowed for the currency pair.")
    return pair


def check_price(pair: Pair, price: Decimal) -> None:
    """VALR's reply to a price off the tick was never captured; the general validation error stands in."""
    if price <= 0 or price % pair.tick:
        raise invalid(f"price must be a positive multiple of {plain(pair.tick)}")


def cut_quantity(pair: Pair, quantity: Decimal) -> Decimal:
    """Extra decimals are truncated, not rejected."""
    return floor_to_places(quantity, pair.base_decimals)


def check_size(pair: Pair, quantity: Optional[Decimal], total: Optional[Decimal]) -> None:
    """Bounds of the base `quantity` and the quote `total`; None where an empty book leaves one of them open."""
    if (quantity is not None and quantity < pair.min_base) or (total is not None and total < pair.min_quote):
        raise Rejected(-12007, f"Minimum order size not met . Minimum amount: {plain(pair.min_base)} {pair.base}, "
                               f"minimum total: {plain(pair.min_quote)} {pair.quote}")
    if (quantity is not None and quantity > pair.max_base) or (total is not None and total > pair.max_quote):
        raise invalid(f"maximum amount: {plain(pair.max_base)} {pair.base}, "
                      f"maximum total: {plain(pair.max_quote)} {pair.quote}")
