"""Exact decimal arithmetic and VALR's spelling of numbers and times."""
import functools
import re
from datetime import datetime, timezone
from decimal import ROUND_DOWN, Context, Decimal, localcontext
from typing import Any, Callable, Optional

ZERO = Decimal(0)
EXACT = Context(prec=80, rounding=ROUND_DOWN)
_EIGHTEEN_PLACES = Decimal(1).scaleb(-18)
# Up to the nine decimals VALR writes itself; `fromisoformat` alone would take week dates and compact forms too.
_ISO = re.compile(r"(?P<moment>\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?)?)", re.ASCII)
_AMOUNT = re.compile(r"\d{1,24}(\.\d{1,24})?", re.ASCII)


def exact(method: Callable[..., Any]) -> Callable[..., Any]:
    """Runs a method with enough digits that no sum or product of money is ever rounded."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with localcontext(EXACT):
            return method(*args, **kwargs)

    return wrapper


def amount(text: str) -> Optional[Decimal]:
    """The decimal of a plain non-negative number as VALR takes it, None for anything else (signs, exponents, NaN)."""
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def plain(value: Decimal) -> str:
    """A number as VALR writes it: no exponent and no trailing zeros."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def floor_to_places(value: Decimal, places: int) -> Decimal:
    """`value` cut (not rounded) to `places` decimals."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN, context=EXACT)


def fee_of(value: Decimal, percent: Decimal) -> Decimal:
    """`percent` percent of `value`, cut to VALR's 18 decimals."""
    return EXACT.quantize(EXACT.multiply(value, percent).scaleb(-2, EXACT), _EIGHTEEN_PLACES)


@functools.lru_cache(maxsize=64)
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def iso(milliseconds: int) -> str:
    """Epoch milliseconds as `2026-01-05T10:00:00.120Z`."""
    return f"{_iso_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


def iso_seconds(seconds: int) -> str:
    """Epoch seconds as `2026-01-05T10:00:00Z`, the form of candle start times."""
    return _iso_second(seconds) + "Z"


def parse_iso(text: str) -> Optional[float]:
    """Epoch seconds of an ISO-8601 time (UTC assumed without a zone), None when it is not one."""
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match["moment"])
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()
