"""One real order, placed and cancelled the way the connector does it, and looked up until its end is certain."""
import asyncio
import time
from contextlib import suppress
from decimal import Decimal
from typing import Callable, List, Optional, Union

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_errors import ValrCommandNotSent, ValrOrderRejected, ValrOutcomeUnknown
from hummingbot.connector.exchange.valr.valr_parsers import OrderReport
from hummingbot.connector.utils import get_new_client_order_id
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from hummingbot_valr.check.mends import RECORD_AND_REPORT, described, mend_of
from hummingbot_valr.check.order_plan import OrderPlan, affordable, smallest_order
from hummingbot_valr.check.report import Row, fail, ok
from hummingbot_valr.check.session import Session

NAME = "order"
RESOLVE_TIMEOUT = 60.0  # seconds
# How long VALR takes to show a new order is not documented; the connector waits as long.
DENIAL_TIMEOUT = 10.0
_LOOK_PAUSE = 0.5
_CANCEL_PAUSE = 5.0


async def check_order_plan(session: Session) -> List[Row]:
    """Leaves the order in the session; a row only when there is none."""
    try:
        plans = await _plans(session)
    except Exception as error:
        return [fail(NAME, f"nothing was placed: {described(error)}", mend_of(error, session.domain))]
    session.plan, needed = affordable(plans, session.exchange.available_balances)
    if session.plan is not None:
        return []
    if not plans:
        return [fail(NAME, "nothing was placed: there is no price to be far from", "Try again when there is a market.")]
    return [fail(NAME, f"nothing was placed: the smallest order needs {needed}", f"Deposit {needed}.")]


def declined() -> Row:
    return fail(NAME, "nothing was placed: not confirmed", "Run the check again in a terminal, and confirm.")


async def _plans(session: Session) -> List[OrderPlan]:
    """One order for each of the sample pairs that has a price."""
    bids = {row["currencyPair"]: Decimal(row["bidPrice"]) for row in await session.exchange.get_all_pairs_prices()}
    rules = session.exchange.trading_rules
    plans = [smallest_order(symbol, rules[pair], bids.get(symbol, Decimal(0)))
             for symbol, pair in (await session.sample_pairs()).items() if pair in rules]
    return [plan for plan in plans if plan is not None]


async def place_and_cancel(session: Session, plan: OrderPlan, tell: Callable[[Row], object]) -> Row:
    """:param tell: gets the row as soon as it is known, also by a cancellation, which returns none"""
    session.start_account_socket()
    await session.account_socket.changed.wait()
    order = InFlightOrder(
        client_order_id=get_new_client_order_id(
            True, plan.trading_pair, CONSTANTS.HBOT_ORDER_ID_PREFIX, CONSTANTS.MAX_ORDER_ID_LEN),
        trading_pair=plan.trading_pair, order_type=OrderType.LIMIT_MAKER, trade_type=TradeType.BUY,
        amount=plan.amount, price=plan.price, creation_timestamp=time.time())

    async def run() -> Row:
        row = await _OrderCheck(session, plan, order).run()
        tell(row)
        return row

    # Ctrl-C must not leave an order behind: what has begun is brought to its end.
    ending = asyncio.ensure_future(run())
    try:
        return await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ending
        raise


class _OrderCheck:
    """The life of the one order."""

    def __init__(self, session: Session, plan: OrderPlan, order: InFlightOrder):
        self._session = session
        self._plan = plan
        self._order = order

    async def run(self) -> Row:
        try:
            return await self._run()
        except asyncio.CancelledError:
            # Whoever presses Ctrl-C twice does not wait for the end, and has to know what to look for.
            return self._unresolved(f"the check was interrupted before VALR told what became of {self._plan}", "")

    async def _run(self) -> Row:
        entry = self._session.exchange.order_entry
        path = "the account socket" if self._session.account_socket.connected else "REST"
        trouble = ""
        started_at = time.perf_counter()
        try:
            await entry.place_limit(
                client_order_id=self._order.client_order_id, symbol=self._plan.symbol, is_buy=True,
                amount=self._plan.amount, price=self._plan.price, post_only=True)
        except ValrOrderRejected as error:
            return fail(NAME, f"VALR refused {self._plan}: {error.reason}", _mend_of_refusal(error))
        except ValrCommandNotSent as error:
            return fail(NAME, f"nothing was placed: {described(error)}", mend_of(error, self._session.domain))
        except ValrOutcomeUnknown as error:
            trouble = described(error)
        acknowledged_in = time.perf_counter() - started_at
        end = await self._end()
        if isinstance(end, str):
            return self._unresolved(end, trouble)
        return self._row(end, path, acknowledged_in, trouble)

    async def _end(self) -> Union[OrderReport, str]:
        """
        Cancels the order until VALR reports an end of it.

        :return: VALR's report; without one what is known instead, in words. Nobody knows how late VALR may still take
            an order, so not even its denial is an end.
        """
        started_at, next_cancel = time.monotonic(), 0.0
        denied_since: Optional[float] = None
        while (now := time.monotonic()) < started_at + RESOLVE_TIMEOUT:
            # A refused or lost cancellation says nothing of the order: the look-up decides.
            if now >= next_cancel:
                next_cancel = now + _CANCEL_PAUSE
                with suppress(ValrOrderRejected, ValrOutcomeUnknown, ValrCommandNotSent):
                    await self._session.exchange.order_entry.cancel(self._order.client_order_id, self._plan.symbol)
            with suppress(OSError, ValueError):
                report = await self._session.exchange._lookup.find(self._order)
                if report is None:
                    denied_since = denied_since or time.monotonic()
                    if time.monotonic() - denied_since >= DENIAL_TIMEOUT:
                        return f"VALR has not known {self._plan} for {DENIAL_TIMEOUT:g} s"
                elif report.is_final:
                    return report
                else:
                    denied_since = None
            await asyncio.sleep(_LOOK_PAUSE)
        return f"VALR did not tell within {RESOLVE_TIMEOUT:g} s what became of {self._plan}"

    def _row(self, end: OrderReport, path: str, acknowledged_in: float, trouble: str) -> Row:
        said = f"{end.status_text}{f' ({end.reason})' if end.reason else ''}"
        if end.executed:
            return fail(NAME, f"{end.executed:f} of {self._plan} was filled, so far from the market: {said}",
                        "Look at the account's trade history at VALR.")
        if trouble:
            return fail(NAME, f"the placement over {path} had no clear outcome ({trouble}); looked up, its end: {said}",
                        "Nothing is left open. Run the check again; a bot resolves such orders by itself.")
        if end.state is not OrderState.CANCELED:
            return fail(NAME, f"{self._plan} was not cancelled but ended as: {said}",
                        f"Nothing is left open. {RECORD_AND_REPORT}")
        return ok(NAME, f"{self._plan} was acknowledged over {path} in {acknowledged_in * 1e3:.0f} ms, cancelled, and "
                        f"looked up: {said}; nothing is left")

    def _unresolved(self, known: str, trouble: str) -> Row:
        return fail(NAME, f"{known}{f' ({trouble})' if trouble else ''}",
                    f"Look at the open orders at VALR once, and cancel {self._order.client_order_id} if it is there.")


def _mend_of_refusal(error: ValrOrderRejected) -> str:
    if error.code == CONSTANTS.INSUFFICIENT_BALANCE_CODE:
        return "Free or deposit the amount."
    if "unauthorized" in error.reason.lower():
        return "Check that the key has the permission Trade."
    return f"Nothing is left open. {RECORD_AND_REPORT}"
