from copy import deepcopy
from itertools import zip_longest
from typing import Any, Dict, List, Tuple
from zlib import crc32

import pytest
from hypothesis import given, strategies as st

from hummingbot.connector.exchange.valr.valr_order_book import BookFault, FaultKind, ValrOrderBook
from hummingbot.core.data_type.order_book import OrderBook

# Bids and asks never meet, prices and quantities have the spellings that VALR was seen to use.
BID_PRICES = st.integers(1, 60).map(lambda step: f"{step / 4:g}")
ASK_PRICES = st.integers(61, 120).map(lambda step: f"{step / 4:g}")
QUANTITIES = st.sampled_from(["1", "0.05000000", "0.00000001", "12.5", "114953.00102078", "3", "0.7"])
CHANGES = st.sampled_from(["0", "0", "0.00"]) | QUANTITIES
Levels = Dict[str, str]


def checksum(bids: Levels, asks: Levels) -> int:
    """The definition of VALR's documentation, word by word."""
    best_bids = sorted(bids.items(), key=lambda level: -float(level[0]))[:25]
    best_asks = sorted(asks.items(), key=lambda level: float(level[0]))[:25]
    elements = []
    for bid, ask in zip_longest(best_bids, best_asks):
        elements += [f"{price}:{quantity}" for price, quantity in filter(None, (bid, ask))]
    return crc32(":".join(elements).encode())


class Exchange:
    """A naive book that tells what happens to it in frames."""

    def __init__(self, bids: Levels, asks: Levels, sequence: int = 500):
        self.bids = dict(bids)
        self.asks = dict(asks)
        self.sequence = sequence

    def snapshot(self) -> Dict[str, Any]:
        return self._frame(
            sorted(self.bids.items(), key=lambda level: -float(level[0])),
            sorted(self.asks.items(), key=lambda level: float(level[0])))

    def diff(self, bids: Levels, asks: Levels) -> Dict[str, Any]:
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for price, quantity in changes.items():
                side.pop(price, None)
                if float(quantity):
                    side[price] = quantity
        self.sequence += 1
        return self._frame(bids.items(), asks.items())

    def levels(self) -> Tuple[List[Tuple[float, float]], List[Tuple[float, float]]]:
        """:return: bids and asks, best first"""
        bids, asks = ([(float(price), float(quantity)) for price, quantity in side.items()]
                      for side in (self.bids, self.asks))
        return sorted(bids, reverse=True), sorted(asks)

    def _frame(self, bids, asks) -> Dict[str, Any]:
        return {
            "lc": 1760000000000, "a": [list(level) for level in asks], "b": [list(level) for level in bids],
            "sq": self.sequence, "cs": checksum(self.bids, self.asks)}


class Follower:
    """The verified book and what a strategy sees of it."""

    def __init__(self):
        self.book = ValrOrderBook()
        self.served = OrderBook()

    def snapshot(self, frame: Dict[str, Any]) -> Any:
        result = self.book.apply_snapshot(frame)
        if isinstance(result, tuple):
            self.served.apply_snapshot(*result)
        return result

    def diff(self, frame: Dict[str, Any]) -> Any:
        result = self.book.apply_diff(frame)
        if isinstance(result, tuple):
            self.served.apply_diffs(*result)
        return result

    def levels(self) -> Tuple[List[Tuple[float, float]], List[Tuple[float, float]]]:
        return ([(row.price, row.amount) for row in self.served.bid_entries()],
                [(row.price, row.amount) for row in self.served.ask_entries()])


books = st.tuples(
    st.dictionaries(BID_PRICES, QUANTITIES, max_size=40), st.dictionaries(ASK_PRICES, QUANTITIES, max_size=40))
diffs = st.tuples(st.dictionaries(BID_PRICES, CHANGES, max_size=4), st.dictionaries(ASK_PRICES, CHANGES, max_size=4))


def follow(book: Tuple[Levels, Levels]) -> Tuple[Exchange, Follower]:
    exchange, follower = Exchange(*book), Follower()
    assert isinstance(follower.snapshot(exchange.snapshot()), tuple)
    return exchange, follower


DEEP_BOOK = ({str(price): "1" for price in range(71, 101)}, {str(price): "1" for price in range(101, 131)})
SHORT_BOOK = ({"99": "1", "100": "1"}, {"101": "1", "102": "1"})


# The three books of this test were computed by hand from the documented rule.
@pytest.mark.parametrize("bids, asks, expected", [
    ([["100", "1.5"], ["99", "2"]], [["101", "0.25"]], 4064664171),
    ([["99", "2"]], [], 1789082065),
    ([], [], 0),
])
def test_accepts_a_snapshot_with_the_documented_checksum(bids, asks, expected):
    frame = {"lc": 1760000000000, "b": bids, "a": asks, "sq": 500, "cs": expected}

    assert isinstance(ValrOrderBook().apply_snapshot(frame), tuple)
    assert ValrOrderBook().apply_snapshot({**frame, "cs": expected ^ 1}).kind is FaultKind.CHECKSUM


def test_applies_a_diff_that_empties_a_side():
    book = ValrOrderBook()
    book.apply_snapshot({"a": [["101", "0.25"]], "b": [["100", "1.5"], ["99", "2"]], "sq": 500, "cs": 4064664171})

    bids, asks, update_id = book.apply_diff({"a": [["101", "0"]], "b": [["100", "0"]], "sq": 501, "cs": 1789082065})

    assert [tuple(row) for row in bids] == [(100.0, 0.0, 501)]
    assert [tuple(row) for row in asks] == [(101.0, 0.0, 501)]
    assert update_id == 501


@given(book=books, changes=st.lists(diffs, max_size=20))
def test_follows_the_exchange_level_for_level(book, changes):
    exchange, follower = follow(book)
    assert follower.levels() == exchange.levels()

    for bids, asks in changes:
        assert isinstance(follower.diff(exchange.diff(bids, asks)), tuple)
        assert follower.levels() == exchange.levels()

    rows = follower.book.rows()
    assert tuple([(row.price, row.amount) for row in side] for side in rows[:2]) == exchange.levels()


@given(book=books, before=st.lists(diffs, max_size=5), lost=st.lists(diffs, min_size=1, max_size=3), after=diffs)
def test_a_missing_frame_is_a_gap_and_changes_nothing(book, before, lost, after):
    exchange, follower = follow(book)
    for change in before:
        follower.diff(exchange.diff(*change))
    known = follower.levels()
    for change in lost:
        exchange.diff(*change)

    fault = follower.diff(exchange.diff(*after))

    assert isinstance(fault, BookFault) and fault.kind is FaultKind.GAP
    assert str(exchange.sequence) in fault.text
    assert follower.levels() == known
    assert not follower.book.is_synchronized


@given(book=books, first=diffs, second=diffs)
def test_swapped_frames_are_a_gap(book, first, second):
    exchange, follower = follow(book)
    frames = [exchange.diff(*first), exchange.diff(*second)]

    assert follower.diff(frames[1]).kind is FaultKind.GAP
    assert follower.diff(frames[0]) is None


@given(book=books, changes=st.lists(diffs, min_size=1, max_size=5))
def test_a_repeated_frame_changes_nothing(book, changes):
    exchange, follower = follow(book)
    for change in changes:
        frame = exchange.diff(*change)
        follower.diff(deepcopy(frame))
        assert follower.diff(frame) is None

    assert follower.book.is_synchronized
    assert follower.levels() == exchange.levels()


@given(book=books, change=diffs)
def test_the_last_sequence_number_with_other_content_is_a_gap(book, change):
    exchange, follower = follow(book)
    frame = exchange.diff(*change)
    follower.diff(frame)

    assert follower.diff({**frame, "cs": frame["cs"] ^ 1}).kind is FaultKind.GAP


@given(book=books, change=diffs, index=st.integers(0, 24), is_bid=st.booleans())
def test_wrong_content_is_noticed_and_not_served(book, change, index, is_bid):
    exchange, follower = follow(book)
    frame = exchange.diff(*change)
    known = follower.levels()
    side = exchange.bids if is_bid else exchange.asks
    best = sorted(side, key=lambda price: -float(price) if is_bid else float(price))[:25]
    levels = frame["b" if is_bid else "a"]
    price = best[index] if index < len(best) else ("0.125" if is_bid else "30.125")
    is_seen = index < len(best) or len(best) < 25
    levels[:] = [level for level in levels if level[0] != price] + [[price, "99.125"]]

    result = follower.diff(frame)

    if is_seen:
        assert isinstance(result, BookFault) and result.kind is FaultKind.CHECKSUM
        assert follower.levels() == known


def test_levels_beyond_the_checksum_are_applied():
    exchange, follower = follow(DEEP_BOOK)
    before = checksum(exchange.bids, exchange.asks)

    frame = exchange.diff({"71": "0", "70": "4", "12": "0"}, {"130": "0", "131": "5"})
    assert frame["cs"] == before
    assert isinstance(follower.diff(frame), tuple)
    # A deletion near the top brings a level from below into the checksum.
    assert isinstance(follower.diff(exchange.diff({"100": "0"}, {})), tuple)
    assert follower.levels() == exchange.levels()


def test_the_checksum_is_taken_over_the_spelling_of_the_wire():
    exchange, follower = follow(DEEP_BOOK)

    assert isinstance(follower.diff(exchange.diff({"100": "0.050"}, {"101": "1.10000000"})), tuple)
    frame = exchange.diff({"99": "2.50"}, {})
    frame["b"] = [["99", "2.5"]]
    assert follower.diff(frame).kind is FaultKind.CHECKSUM


def test_takes_no_diff_before_a_snapshot_nor_after_a_fault():
    exchange = Exchange(*DEEP_BOOK)
    follower = Follower()
    assert follower.diff(exchange.diff({"100": "3"}, {})) is None
    follower.snapshot(exchange.snapshot())
    exchange.diff({"100": "4"}, {})
    follower.diff(exchange.diff({"100": "5"}, {}))

    assert follower.diff(exchange.diff({"100": "6"}, {})) is None
    assert follower.levels() != exchange.levels()

    assert isinstance(follower.snapshot(exchange.snapshot()), tuple)
    assert isinstance(follower.diff(exchange.diff({"100": "7"}, {})), tuple)
    assert follower.levels() == exchange.levels()


@given(book=books, changes=st.lists(diffs, max_size=5))
def test_a_snapshot_at_any_time_replaces_the_book(book, changes):
    exchange, follower = follow(book)
    for change in changes:
        follower.diff(exchange.diff(*change))
        assert isinstance(follower.snapshot(exchange.snapshot()), tuple)
        assert follower.levels() == exchange.levels()


@given(book=books, lost=st.lists(diffs, min_size=2, max_size=5))
def test_a_snapshot_leaves_nothing_of_the_book_before(book, lost):
    exchange, follower = follow(book)
    for change in lost:
        frame = exchange.diff(*change)
    assert follower.diff(frame).kind is FaultKind.GAP

    assert isinstance(follower.snapshot(exchange.snapshot()), tuple)
    assert follower.levels() == exchange.levels()


def test_levels_of_a_snapshot_come_best_first_whatever_their_order_in_the_frame():
    frame = Exchange(*DEEP_BOOK).snapshot()
    frame["b"].reverse()
    frame["a"].reverse()

    bids, asks, _ = ValrOrderBook().apply_snapshot(frame)

    assert [row.price for row in bids] == list(range(100, 70, -1))
    assert [row.price for row in asks] == list(range(101, 131))


@pytest.mark.parametrize("sequence", [0, 2 ** 62 - 1])
def test_a_snapshot_may_have_any_sequence_number_that_hummingbot_can_keep(sequence):
    exchange, follower = Exchange(*SHORT_BOOK, sequence=sequence), Follower()

    assert isinstance(follower.snapshot(exchange.snapshot()), tuple)
    assert follower.levels() == exchange.levels()


@pytest.mark.parametrize("sequence", [-1, 2 ** 62, True, 1.0])
def test_a_snapshot_with_another_sequence_number_is_malformed(sequence):
    frame = {**Exchange(*SHORT_BOOK).snapshot(), "sq": sequence}

    assert ValrOrderBook().apply_snapshot(frame).kind is FaultKind.MALFORMED


def test_a_snapshot_from_the_past_is_refused():
    exchange, follower = follow(DEEP_BOOK)
    old = exchange.snapshot()
    follower.diff(exchange.diff({"100": "2"}, {}))

    assert follower.snapshot(old).kind is FaultKind.STALE
    assert not follower.book.is_synchronized
    # Frames that came while the book waits count as well.
    late = exchange.snapshot()
    follower.diff(exchange.diff({"100": "3"}, {}))
    assert follower.snapshot(late).kind is FaultKind.STALE
    assert isinstance(follower.snapshot(exchange.snapshot()), tuple)
    assert follower.levels() == exchange.levels()


@pytest.mark.parametrize("book", [DEEP_BOOK, SHORT_BOOK])
def test_a_crossed_book_is_not_served(book):
    exchange, follower = follow(book)
    known = follower.levels()

    fault = follower.diff(exchange.diff({"101": "1"}, {}))

    assert fault.kind is FaultKind.CROSSED
    assert follower.levels() == known
    assert follower.snapshot(exchange.snapshot()).kind is FaultKind.CROSSED


@pytest.mark.parametrize("change, damage, text", [
    ({}, {"sq": 502}, "sequence gap: frame 502 after 500"),
    ({}, {"cs": 7}, f"checksum: 7 in frame 501, {checksum(*DEEP_BOOK)} of the book"),
    ({"101": "2"}, {}, "crossed book: bid 101:2 meets ask 101:1"),
    ({}, {"b": [["0", "1"]]}, "malformed frame: ValueError(\"level ['0', '1']\")"),
])
def test_a_fault_tells_what_was_wrong_with_the_frame(change, damage, text):
    exchange, follower = follow(DEEP_BOOK)

    assert follower.diff({**exchange.diff(change, {}), **damage}).text == text


@pytest.mark.parametrize("frame, text", [
    ({"sq": 499}, "outdated snapshot: snapshot 499 after frame 500"),
    ({"sq": "501"}, "malformed frame: snapshot 501"),
    ({}, "malformed frame: KeyError('sq')"),
])
def test_a_fault_tells_what_was_wrong_with_the_snapshot(frame, text):
    _, follower = follow(SHORT_BOOK)

    assert follower.snapshot(frame).text == text


@pytest.mark.parametrize("damage", [{"sq": None}, {"cs": None}, {"a": 7}, {"b": [["nan", "1"]]}])
def test_while_the_book_waits_for_its_snapshot_no_frame_is_a_fault(damage):
    exchange = Exchange(*SHORT_BOOK)
    follower = Follower()

    assert follower.diff({**exchange.diff({}, {}), **damage}) is None
    assert follower.diff({}) is None
    assert isinstance(follower.snapshot(exchange.snapshot()), tuple)


@pytest.mark.parametrize("damage", [
    {"sq": None}, {"sq": "501"}, {"cs": None}, {"b": 7}, {"b": [7]}, {"b": [["100"]]}, {"b": [["100", "1", "2"]]},
    {"b": [["100", "nan"]]}, {"b": [["nan", "1"]]}, {"b": [["-1", "1"]]}, {"b": [["100", "-1"]]}, {"b": [["0", "1"]]},
    {"b": [["114,953", "1"]]}, {"a": [[101, 1]]}, {"a": [["101", None]]}, {"a": {"101": "1"}},
])
def test_a_malformed_frame_is_a_fault(damage):
    exchange, follower = follow(DEEP_BOOK)
    known = follower.levels()

    for apply in (follower.diff, follower.snapshot):
        result = apply({**exchange.diff({}, {}), **damage})
        assert isinstance(result, BookFault)
    assert follower.levels() == known
    assert isinstance(follower.snapshot(exchange.snapshot()), tuple)


@pytest.mark.parametrize("field", ["sq", "cs", "a", "b"])
def test_a_frame_without_a_field_is_malformed(field):
    exchange, follower = follow(DEEP_BOOK)
    for apply in (follower.diff, follower.snapshot):
        frame = exchange.diff({"100": "2"}, {})
        del frame[field]
        assert apply(frame).kind is FaultKind.MALFORMED
        follower.snapshot(exchange.snapshot())


def test_unknown_fields_are_ignored():
    exchange, follower = follow(DEEP_BOOK)

    assert isinstance(follower.diff({**exchange.diff({"100": "2"}, {}), "new": [1]}), tuple)
