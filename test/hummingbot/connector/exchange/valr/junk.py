"""What VALR was never seen to send, and what its captured payloads look like when something goes wrong on the way."""
import json
from test.hummingbot.connector.exchange.valr.helpers import FRAMES
from typing import Any, Dict, List, Tuple

from hypothesis import strategies as st

ODD_TEXTS = [
    "", " ", "0", "-1", "1e999999999", "1E-999999999", "9" * 5000, "0." + "0" * 5000 + "1", "NaN", "-Infinity", "1,5",
    "true", "null", "\x00", "two\nlines", "\u2028", "\ud800", "R", "ZAR", "x" * 3000, "2026-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-45T99:99:99Z",
]
_ODD_NUMBERS = [0, -1, 2 ** 31, 2 ** 63, -2 ** 63 - 1, 10 ** 400, 1e308, 5e-324, float("nan"), float("inf")]

scalars = (st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(ODD_TEXTS)
           | st.sampled_from(_ODD_NUMBERS))


def _nested(depth: int, is_list: bool) -> Any:
    value: Any = "the innermost"
    for _ in range(depth):
        value = [value] if is_list else {"data": value}
    return value


# Any JSON value.
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
) | st.builds(_nested, st.sampled_from([10, 100, 300]), st.booleans())


def captured(channel: str) -> List[Any]:
    """:return: the JSON that came from VALR: the frames of `trade` or `account`, or the bodies of `rest`"""
    payloads = [frame["payload"] for frame in FRAMES if frame["channel"] == channel and frame["direction"] == "in"]
    return [payload["body"] if channel == "rest" and "body" in payload else payload
            for payload in payloads if isinstance(payload, dict)]


def captured_rows() -> List[Dict[str, Any]]:
    """:return: what these payloads tell of one order, fill, balance or pair each"""
    payloads = [*captured("rest"), *(frame.get("data", frame) for frame in captured("account"))]
    rows = [row for payload in payloads for row in (payload if isinstance(payload, list) else [payload])]
    return [row for row in rows if isinstance(row, dict)]


def captured_pairs() -> List[Dict[str, Any]]:
    """:return: the pairs among these rows"""
    return [row for row in captured_rows() if "tickSize" in row]


def _places(value: Any, path: Tuple = ()) -> List[Tuple]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, inner in items for place in _places(inner, (*path, key))]


@st.composite
def spoilt(draw, originals: st.SearchStrategy) -> Any:
    """One of the originals, of which up to three parts, or the whole, are replaced by anything or left out."""
    value = json.loads(json.dumps(draw(originals)))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(_places(value)))
        if not place:
            return draw(values)
        holder = value
        for key in place[:-1]:
            holder = holder[key]
        if draw(st.booleans()):
            holder[place[-1]] = draw(values)
        else:
            del holder[place[-1]]
    return value


@st.composite
def texts(draw, originals: st.SearchStrategy) -> bytes:
    """The text of a spoilt payload, or one that is cut off, garbled, too deep or no JSON at all, and maybe no UTF-8."""
    kind = draw(st.sampled_from(["spoilt", "cut", "garbled", "deep", "any"]))
    if kind == "deep":
        opening, closing = draw(st.sampled_from([(b"[", b"]"), (b'{"data":', b"}"), (b"[", b""), (b"[[{", b"")]))
        depth = draw(st.sampled_from([50, 900, 1100, 9999]))
        original = draw(originals)
        kind = json.dumps(original.get("type") if isinstance(original, dict) else None).encode()
        return b'{"type":%b,"data":%b0%b}' % (kind, opening * depth, closing * depth)
    if kind == "any":
        return draw(st.binary(max_size=200))
    text = json.dumps(draw(spoilt(originals))).encode()
    if kind == "spoilt":
        return text
    position = draw(st.integers(0, len(text)))
    return text[:position] + (b"" if kind == "cut" else draw(st.binary(min_size=1, max_size=8)) + text[position:])
