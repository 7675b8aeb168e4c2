import io
import json

from rich.console import Console

from hummingbot_valr.check.report import as_json, fail, has_failed, ok, print_table, skipped, warn

ROWS = [ok("one", "fine"), warn("two", "so so", "Do [this]."), fail("three", "[red]bad[/red]", "Do that."),
        skipped("four", "three"), fail("five", "bad, too", "Do that.")]


def printed(rows):
    console = Console(file=io.StringIO(), width=100)
    print_table(rows, console)
    return console.file.getvalue()


def test_the_table_has_what_was_found_and_the_mend_of_each_row():
    lines = [line.split(maxsplit=2) for line in printed(ROWS).splitlines()]
    assert ["one", "ok", "fine"] in [[word.strip() for word in line] for line in lines]
    assert "-> Do [this]." in printed(ROWS)
    assert "[red]bad[/red]" in printed(ROWS)


def test_a_mend_is_shown_once():
    assert printed(ROWS).count("-> Do that.") == 1


def test_the_json_is_a_list_of_rows():
    rows = json.loads(as_json(ROWS))
    assert rows[1] == {"name": "two", "status": "warn", "detail": "so so", "mend": "Do [this]."}
    assert [row["status"] for row in rows] == ["ok", "warn", "fail", "warn", "fail"]
    assert rows[4]["mend"] == "Do that."


def test_only_a_failure_is_a_failure():
    assert has_failed(ROWS)
    assert not has_failed(ROWS[:2])
