import json
import random
import zlib
from itertools import zip_longest

import pytest

from hummingbot_valr.simulator.book_feed import BookFeed


class Mirror:
    """A reader of the feed, with its own idea of the checksum."""

    def __init__(self):
        self.bids, self.asks = {}, {}

    def read(self, frame: str) -> bool:
        """Applies a frame; whether its checksum fits."""
        frame = json.loads(frame)
        data = frame["d"]
        if frame["type"] == "OB_L1_SNAPSHOT":
            self.bids, self.asks = {}, {}
        for side, changes in ((self.bids, data["b"]), (self.asks, data["a"])):
            for price, quantity in changes:
                if quantity == "0":
                    side.pop(price, None)
                else:
                    side[price] = quantity
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))[:25]
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))[:25]
        elements = [":".join(level) for couple in zip_longest(bids, asks) for level in couple if level]
        return zlib.crc32(":".join(elements).encode()) == data["cs"]


@pytest.fixture
def feed(engine):
    return BookFeed(engine.books["BTCZAR"], 500)


def place(engine, side, price, quantity="0.01"):
    return engine.place_limit("a", pair="BTCZAR", side=side, quantity=quantity, price=str(price))


def test_snapshot_and_diffs_fit_the_sequence_and_the_checksum(engine, feed):
    generator = random.Random(1)
    mirror, orders = Mirror(), []
    assert mirror.read(feed.snapshot())
    for number in range(200):
        if orders and generator.random() < 0.45:
            engine.cancel("a", order_id=orders.pop(generator.randrange(len(orders))).order_id)
        else:
            side = generator.choice(["BUY", "SELL"])
            distance = generator.randint(1, 60)
            orders.append(place(engine, side, 1000000 + (distance if side == "SELL" else -distance)))
        frame = feed.diff(*feed.take_changes())
        assert json.loads(frame)["d"]["sq"] == 501 + number
        assert mirror.read(frame)
    fresh = Mirror()
    assert fresh.read(feed.snapshot())
    assert (fresh.bids, fresh.asks) == (mirror.bids, mirror.asks)


@pytest.mark.parametrize("seed", range(40))
def test_wrong_content_is_found_by_the_checksum_and_by_nothing_else(engine, feed, seed):
    for distance in range(1, 6):
        place(engine, "BUY", 1000000 - distance)
        place(engine, "SELL", 1000000 + distance)
    feed.take_changes()
    mirror = Mirror()
    assert mirror.read(feed.snapshot())
    place(engine, "BUY", 999990)
    frame = feed.falsified("OB_L1_DIFF", *feed.take_changes(), random.Random(seed))
    assert json.loads(frame)["d"]["sq"] == feed.sequence
    assert not mirror.read(frame)
    assert not Mirror().read(feed.falsified("OB_L1_SNAPSHOT", list(feed.book.asks), list(feed.book.bids),
                                            random.Random(seed)))


def test_a_wrong_checksum_comes_with_the_right_content(engine, feed):
    place(engine, "BUY", 999990)
    mirror = Mirror()
    assert not mirror.read(feed.with_wrong_checksum("OB_L1_DIFF", *feed.take_changes()))
    assert mirror.bids == {"999990": "0.01"}


def test_truncated_snapshots_have_no_sequence(engine, feed):
    for price in (999990, 999991):
        place(engine, "BUY", price)
    assert json.loads(feed.truncated(1)) == {"type": "OB_L1_D1_SNAPSHOT", "ps": "BTCZAR", "d": {
        "lc": feed.book.last_change_ms, "a": [], "b": [["999991", "0.01"]]}}
