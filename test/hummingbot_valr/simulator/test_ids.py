import re

from hummingbot_valr.simulator.ids import Ids


def test_a_uuid_begins_with_the_milliseconds_of_its_creation(clock):
    text = Ids(1, clock).uuid()
    assert int(text.replace("-", "")[:12], 16) == clock.now_ms()
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)


def test_ids_of_one_millisecond_still_rise(clock):
    ids = Ids(1, clock)
    made = [ids.uuid() for _ in range(5000)]
    assert made == sorted(set(made))


def test_the_same_seed_makes_the_same_ids(clock):
    assert Ids(7, clock).uuid() == Ids(7, clock).uuid() != Ids(8, clock).uuid()


def test_numbers_exceed_what_a_double_can_hold(clock):
    ids = Ids(1, clock)
    assert ids.sequence() > 2**53 and ids.batch() > 2**53
    assert ids.sequence() + 1 == ids.sequence()
