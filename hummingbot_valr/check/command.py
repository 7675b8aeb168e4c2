"""`hummingbot-valr check` between the command line and the self-test."""
import asyncio
import logging
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Optional

import typer
from rich.console import Console

from hummingbot.connector.exchange.valr import valr_web_utils as web_utils
from hummingbot_valr.check.credentials import find_credentials
from hummingbot_valr.check.errors import CheckError
from hummingbot_valr.check.order_check import declined
from hummingbot_valr.check.order_plan import OrderPlan
from hummingbot_valr.check.recorder import Recorder
from hummingbot_valr.check.report import Row, as_json, has_failed, print_table
from hummingbot_valr.check.runner import run_checks, run_order

_CONFIRMATION = "place"


def run(exchange: str, seconds: float, is_json: bool, with_order: bool, record: Optional[Path]) -> bool:
    """
    Prints the rows.

    :return: False when one has failed
    :raises CheckError: when the self-test cannot begin
    """
    _check_address(exchange)
    credentials = find_credentials(exchange)
    with Recorder(record) as recorder, _silence():
        rows, plan = asyncio.run(run_checks(exchange, seconds, credentials, recorder, with_order))
        try:
            if plan is not None and credentials is not None:
                if _confirmed(plan, exchange):
                    asyncio.run(run_order(exchange, credentials, recorder, plan, rows.append))
                else:
                    rows.append(declined())
        finally:
            # Also after Ctrl-C: what became of the order must not be lost.
            _show(rows, is_json)
    return not has_failed(rows)


@contextmanager
def _silence() -> Iterator[None]:
    """What the connector logs meanwhile is in the rows, too."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _check_address(exchange: str) -> None:
    try:
        web_utils.public_rest_url("", exchange)
    except ValueError as error:
        raise CheckError(str(error)) from error


def _confirmed(plan: OrderPlan, exchange: str) -> bool:
    # Real money is never spent by a script: the answer has to come from a terminal.
    if exchange == "valr" and not sys.stdin.isatty():
        return False
    question = f"{exchange}: place {plan}, and cancel it at once? Type {_CONFIRMATION!r} to do it: "
    typer.echo(question, err=True, nl=False)
    return sys.stdin.readline().strip() == _CONFIRMATION


def _show(rows: List[Row], is_json: bool) -> None:
    if is_json:
        typer.echo(as_json(rows))
    else:
        print_table(rows, Console())
