import logging

import pytest

from hummingbot.connector.exchange.valr.valr_troubles import ValrTroubles


@pytest.fixture
def troubles(caplog) -> ValrTroubles:
    caplog.set_level(logging.INFO)
    return ValrTroubles(logging.getLogger(__name__))


def test_a_trouble_is_told_when_it_begins_and_when_it_ends(troubles, caplog):
    troubles.end("the time")
    for _ in range(3):
        troubles.begin("the time", TimeoutError())
        assert troubles.has("the time") and not troubles.has("the fees")
    for _ in range(2):
        troubles.end("the time")

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "the time (TimeoutError)" in caplog.text


def test_a_warning_is_told_once_and_not_more_than_people_can_read(troubles, caplog):
    for number in range(10 * ValrTroubles.MAX_WARNINGS):
        for _ in range(2):
            troubles.warn_once(f"warning {number}")

    assert len(caplog.records) == ValrTroubles.MAX_WARNINGS


def test_rows_that_cannot_be_read_are_left_out(troubles, caplog):
    for _ in range(2):
        assert troubles.readable(int, ["1", "x", "3"]) == [1, 3]

    assert len(caplog.records) == 1 and "'x'" in caplog.text


def test_what_is_no_list_is_no_answer(troubles):
    with pytest.raises(ValueError):
        troubles.readable(int, {"1": "2"})
