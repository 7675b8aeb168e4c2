import zlib
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from hummingbot_valr.simulator.book import Book
from hummingbot_valr.simulator.catalogue import default_pairs
from hummingbot_valr.simulator.orders import Order

PAIR = default_pairs()["BTCZAR"]


def make_order(number: int, side: str, price: str, quantity: str) -> Order:
    return Order(str(number), "a", PAIR, side, "limit", Decimal(quantity), Decimal(price), "GTC", None, 0, 0,
                 remaining=Decimal(quantity), status="Placed")


def make_book(bids, asks) -> Book:
    book = Book(PAIR, 1, 0)
    rows = [("buy", *row) for row in bids] + [("sell", *row) for row in asks]
    for number, (side, price, quantity) in enumerate(rows):
        book.side(side).add(make_order(number, side, price, quantity))
    return book


@pytest.mark.parametrize("bids, asks, checksum", [
    ([("100", "1.5"), ("99", "2")], [("101", "0.25")], 4064664171),
    ([("99", "2")], [], 1789082065),
    ([], [], 0),
])
def test_checksum_vectors(bids, asks, checksum):
    assert make_book(bids, asks).checksum() == checksum


def test_the_checksum_covers_the_best_twenty_five_levels():
    bids = [(str(1000 - index), "1") for index in range(40)]
    text = ":".join(f"{1000 - index}:1" for index in range(25))
    assert make_book(bids, []).checksum() == zlib.crc32(text.encode())


def test_levels_come_best_first():
    bids, asks = make_book([("99", "1"), ("100", "2")], [("102", "1"), ("101", "3")]).levels()
    assert bids == [(Decimal(100), Decimal(2)), (Decimal(99), Decimal(1))]
    assert asks == [(Decimal(101), Decimal(3)), (Decimal(102), Decimal(1))]


def test_changes_are_new_totals_and_zero_for_what_is_gone():
    book = make_book([], [])
    first, second = make_order(1, "buy", "100", "1.50"), make_order(2, "buy", "100", "0.5")
    book.bids.add(first)
    book.bids.add(second)
    assert [level.entry for level in book.bids.take_changes()] == ['["100","2"]']
    assert book.bids.take_changes() == []
    for order in (first, second):
        order.status = "Cancelled"
        book.bids.reduce(order, order.remaining)
    assert [level.entry for level in book.bids.take_changes()] == ['["100","0"]']


@given(st.lists(st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 30), st.integers(1, 9), st.booleans()),
                max_size=60))
def test_diffs_rebuild_the_book(steps):
    book = Book(PAIR, 1, 0)
    mirror = {"buy": {}, "sell": {}}
    resting = []
    for number, (side, price, quantity, cancel) in enumerate(steps):
        if cancel and resting:
            order = resting.pop()
            order.status = "Cancelled"
            book.side(order.side).reduce(order, order.remaining)
        else:
            order = make_order(number, side, str(price), str(quantity))
            book.side(side).add(order)
            resting.append(order)
        for name in ("buy", "sell"):
            for level in book.side(name).take_changes():
                mirror[name][level.price] = level.total
    bids, asks = book.levels()
    assert bids == [(price, mirror["buy"][price]) for price in sorted(mirror["buy"], reverse=True)
                    if mirror["buy"][price]]
    assert asks == [(price, mirror["sell"][price]) for price in sorted(mirror["sell"]) if mirror["sell"][price]]
