"""The self-test from its first row to its last."""
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import AsyncIterator, Awaitable, Callable, Dict, List, Optional, Tuple, Union

from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot_valr.check.account_checks import check_balances, check_fees, check_key, check_order_book
from hummingbot_valr.check.account_socket_check import check_account_socket
from hummingbot_valr.check.credentials import Credentials
from hummingbot_valr.check.latency_check import check_latency
from hummingbot_valr.check.mends import KEYS_ARE_MISSING, RECORD_AND_REPORT
from hummingbot_valr.check.order_check import NAME as ORDER, check_order_plan, place_and_cancel
from hummingbot_valr.check.order_plan import OrderPlan
from hummingbot_valr.check.probe import ProbedExchange
from hummingbot_valr.check.public_checks import check_clock, check_market_summary, check_pairs, check_reachability
from hummingbot_valr.check.recorder import Recorder
from hummingbot_valr.check.report import Row, Status, fail, skipped, warn
from hummingbot_valr.check.session import Session
from hummingbot_valr.check.trade_socket_check import check_trade_socket

Check = Callable[[Session], Awaitable[Union[Row, List[Row]]]]
_KEY = ("key", "signature")


@dataclass(frozen=True)
class _Step:
    """A check with the names of its rows, and the rows whose failure it could only repeat."""
    names: Tuple[str, ...]
    check: Check
    needs: Tuple[str, ...] = ()
    is_private: bool = False


_STEPS = (
    _Step(("reachability",), check_reachability),
    _Step(("clock",), check_clock, ("reachability",)),
    _Step(("pairs",), check_pairs, ("reachability",)),
    _Step(("market_summary",), check_market_summary, ("pairs",)),
    _Step((*_KEY, "permissions"), check_key, ("reachability",), is_private=True),
    _Step(("order_book",), check_order_book, ("pairs", *_KEY), is_private=True),
    _Step(("trade_socket",), check_trade_socket, ("pairs",)),
    _Step(("account_socket",), check_account_socket, _KEY, is_private=True),
    _Step(("fees",), check_fees, ("pairs", *_KEY), is_private=True),
    _Step(("balances",), check_balances, (*_KEY, "permissions"), is_private=True),
    _Step(("latency",), check_latency, ("reachability",)),
)
_ORDER_STEP = _Step((ORDER,), check_order_plan, ("pairs", *_KEY, "permissions", "balances"), is_private=True)


async def run_checks(domain: str, seconds: float, credentials: Optional[Credentials], recorder: Recorder,
                     with_order: bool = False) -> Tuple[List[Row], Optional[OrderPlan]]:
    """
    Reads only.

    :param domain: `valr` or `valr_simulator`
    :param seconds: how long the trade socket is watched
    :param credentials: keys; None tests the public part only
    :param recorder: gets all that is sent and received
    :param with_order: plan an order, too, for `run_order`
    :return: the rows, always the same ones in the same order, and the order to ask the person about, if any
    """
    rows: List[Row] = []
    causes: Dict[str, str] = {}
    async with _session(domain, seconds, credentials, recorder) as session:
        for step in (*_STEPS, _ORDER_STEP) if with_order else _STEPS:
            rows += await _rows_of(step, session, causes)
        return rows, session.plan


async def run_order(domain: str, credentials: Credentials, recorder: Recorder, plan: OrderPlan,
                    tell: Callable[[Row], object] = lambda row: None) -> Row:
    """
    Places the order and cancels it. Interrupted, it still brings the order to its end first.

    :param tell: gets the row as soon as it is known, also when interrupted
    """
    async with _session(domain, 0.0, credentials, recorder) as session:
        return await place_and_cancel(session, plan, tell)


async def _rows_of(step: _Step, session: Session, causes: Dict[str, str]) -> List[Row]:
    """
    :param causes: the row to blame for each row that failed or was not tested; rows of this step are added
    """
    cause = next((causes[need] for need in step.needs if need in causes), None)
    if cause is not None:
        causes.update(dict.fromkeys(step.names, cause))
        return [skipped(name, cause) for name in step.names]
    if step.is_private and not session.key_source:
        # The order was asked for by name, so that its absence is a failure.
        absent = fail if step is _ORDER_STEP else warn
        return [absent(name, "not tested: no keys", KEYS_ARE_MISSING) for name in step.names]
    try:
        outcome = await step.check(session)
    except Exception as error:
        detail = f"something came that was not expected: {type(error).__name__} {error}"
        outcome = [fail(name, detail, RECORD_AND_REPORT) for name in step.names]
    rows = outcome if isinstance(outcome, list) else [outcome]
    causes.update({row.name: row.name for row in rows if row.status is Status.FAIL})
    return rows


@asynccontextmanager
async def _session(domain: str, seconds: float, credentials: Optional[Credentials],
                   recorder: Recorder) -> AsyncIterator[Session]:
    session = Session(ProbedExchange(credentials, domain, recorder), recorder, seconds,
                      key_source=credentials.source if credentials else "")
    try:
        yield session
    finally:
        await session.stop()
        await ConnectionsFactory().close()
