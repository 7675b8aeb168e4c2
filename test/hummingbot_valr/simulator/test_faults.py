import pytest

from hummingbot_valr.simulator.faults import Faults


def test_nothing_goes_wrong_by_itself():
    faults = Faults()
    for group in (faults.place, faults.cancel, faults.batch, faults.read, faults.socket_place, faults.socket_cancel,
                  faults.books):
        assert all(group.draw() is None for _ in range(100))


def test_a_scheduled_fault_happens_as_often_as_asked_for():
    faults = Faults()
    faults.place.next("lost_after", times=2)
    assert [faults.place.draw() for _ in range(3)] == ["lost_after", "lost_after", None]


@pytest.mark.parametrize("times", [0, -1])
def test_a_fault_that_shall_never_happen_is_a_mistake(times):
    place = Faults().place
    with pytest.raises(ValueError, match="1 or more"):
        place.next("lost_after", times=times)
    assert place.draw() is None


def test_a_fault_for_one_pair_waits_for_that_pair():
    books = Faults().books
    books.next("gap", key="BTCZAR")
    assert [books.draw("ETHZAR"), books.draw("BTCZAR"), books.draw("BTCZAR")] == [None, "gap", None]


def test_random_faults_follow_the_seed():
    def draws(seed):
        faults = Faults(seed)
        faults.place.lost_before = 0.3
        faults.place.html_accepted = 0.2
        return [faults.place.draw() for _ in range(200)]

    assert draws(1) == draws(1) != draws(2)
    assert {"lost_before", "html_accepted", None} == set(draws(1))


def test_everything_can_be_mended_at_once():
    place = Faults().place
    place.lost_before = 1.0
    place.next("html_refused")
    place.clear()
    assert place.draw() is None


def test_books_can_be_mended_at_once():
    books = Faults().books
    books.next("gap", key="BTCZAR")
    books.missing_snapshots = books.repeated_snapshots = 1
    books.snapshot_delay = (1.0, 2.0)
    books.refused_pairs.add("BTCZAR")
    books.clear()
    assert books.draw("BTCZAR") is None and not books.refused_pairs
    assert (books.missing_snapshots, books.repeated_snapshots, books.snapshot_delay) == (0, 0, (0.0, 0.0))


def test_a_reset_restores_every_default():
    faults = Faults()
    faults.place.next("lost_before")
    faults.books.snapshot_delay = (1, 2)
    faults.events.shuffle = True
    faults.account_login = "http_401"
    faults.reset()
    assert faults.place.draw() is None and faults.account_login is None
    assert (faults.books.snapshot_delay, faults.events.shuffle) == ((0.0, 0.0), False)


def test_an_unknown_fault_is_named_with_the_choices():
    with pytest.raises(ValueError, match="'exploded'.*lost_before"):
        Faults().place.next("exploded")
