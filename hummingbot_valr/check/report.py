"""What the self-test says: one row per thing tested."""
import json
from dataclasses import asdict, dataclass
from enum import Enum
from typing import List

from rich.console import Console
from rich.table import Table
from rich.text import Text


class Status(str, Enum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}


@dataclass(frozen=True)
class Row:
    """`detail` says what was found; `mend` what to do about it, empty when there is nothing to do."""
    name: str
    status: Status
    detail: str
    mend: str = ""


def ok(name: str, detail: str) -> Row:
    return Row(name, Status.OK, detail)


def warn(name: str, detail: str, mend: str) -> Row:
    return Row(name, Status.WARN, detail, mend)


def fail(name: str, detail: str, mend: str) -> Row:
    return Row(name, Status.FAIL, detail, mend)


def skipped(name: str, because: str) -> Row:
    """A row that could only repeat the trouble of another one."""
    return warn(name, f"not tested, because of {because}", f"Mend {because} first.")


def has_failed(rows: List[Row]) -> bool:
    return any(row.status is Status.FAIL for row in rows)


def as_json(rows: List[Row]) -> str:
    """A list of objects with `name`, `status`, `detail` and `mend`."""
    return json.dumps([{**asdict(row), "status": row.status.value} for row in rows], indent=2)


def print_table(rows: List[Row], console: Console) -> None:
    """Each mend is shown once, however many rows need it."""
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("found", overflow="fold")
    shown_mends = {""}
    for row in rows:
        # Text, not str: what an exchange or an operating system says is no markup of ours.
        found = Text(row.detail)
        if row.mend not in shown_mends:
            found.append(f"\n-> {row.mend}", style="italic")
            shown_mends.add(row.mend)
        table.add_row(row.name, Text(row.status.value, style=_STYLES[row.status]), found)
    console.print(table)
