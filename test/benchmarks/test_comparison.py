import pytest

from benchmarks.comparison import Report, Series, Table, Target, alternate, best


def test_ratio_is_the_median_of_the_ratios_within_each_alternation():
    # The machine became half as fast after the first alternation; the sides did not change towards each other.
    assert Series([20.0, 10.0, 10.0]).ratio_to(Series([10.0, 5.0, 5.0])) == 2.0


async def test_sides_take_turns_in_changing_order_and_the_first_turn_does_not_count():
    calls = []

    def side(name):
        async def measure():
            calls.append(name)
            return {"figure": float(len(calls))}
        return measure

    names = ["a", "b", "c"]
    figures = await alternate({name: side(name) for name in names}, rounds=6, progress=lambda text: None)
    turns = [calls[start:start + 3] for start in range(0, 21, 3)]
    assert turns[0] == names and all(sorted(turn) == names for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 2
    assert list(figures["figure"]) == names
    assert figures["figure"]["b"].samples == [calls.index("b", start) + 1.0 for start in range(3, 21, 3)]


@pytest.mark.parametrize("value, at_least, is_met", [(3.0, True, True), (2.9, True, False), (3.1, False, False)])
def test_target(value, at_least, is_met):
    target = Target("speed", value, 3.0, at_least)
    assert target.is_met is is_met
    assert ("MISSED" in str(target)) is not is_met


def test_best_side():
    series = {"a": Series([1.0]), "b": Series([2.0]), "c": Series([9.0])}
    assert best(series, ["a", "b"], highest=True) == "b"
    assert best(series, ["a", "b"], highest=False) == "a"


def test_report_shows_and_records_median_spread_and_ratio():
    series = {"slow": Series([1.0, 1.0]), "fast": Series([4.0, 4.0])}
    report = Report("part", [Table("title", "updates/s", series, "slow")])
    assert "4.00" in str(report)
    assert report.as_json()["tables"][0]["sides"]["fast"] == {
        "median": 4.0, "spread": 0.0, "samples": [4.0, 4.0], "ratio": 4.0}
