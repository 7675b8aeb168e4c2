"""Keys, secrets and signatures are nowhere to be read, whatever goes wrong, with everything logged at DEBUG."""
import asyncio
import json
import logging
import traceback
from decimal import Decimal
from test.integration.trader import Trader
from typing import Any, Iterator, List, Set

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_api_user_stream_data_source import ValrAPIUserStreamDataSource
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.connector.exchange.valr.valr_order_lookup import ValrOrderLookup
from hummingbot.core.data_type.common import OrderType
from hummingbot_valr.check.credentials import Credentials
from hummingbot_valr.check.recorder import Recorder
from hummingbot_valr.check.runner import run_checks, run_order
from hummingbot_valr.simulator import ValrSimulator
from hummingbot_valr.simulator.faults import LOGIN_REFUSALS

WRONG_SECRET = "5ec2e7" * 10
# What is logged may be cut, so the beginning of a secret is searched for.
FRAGMENT = 12  # characters
REQUEST_FAULTS = ["lost_before", "lost_after", "html_refused", "html_accepted", "rate_limited", "unavailable",
                  "server_error", "stalled"]


class Eavesdropper:
    """Collects what could be read by somebody else. `secrets` has every signature that was made."""

    def __init__(self, exchange: ValrSimulator, caplog: pytest.LogCaptureFixture):
        self.secrets: Set[str] = {exchange.api_key, exchange.api_secret, WRONG_SECRET}
        self.texts: List[str] = []
        self._caplog = caplog

    async def see_error(self, awaitable: Any):
        """What must fail, and everything that can be printed of the error."""
        with pytest.raises(Exception) as raised:
            await awaitable
        self.texts += printable(raised.value)

    def verdict(self):
        records = [record for phase in ("setup", "call", "teardown") for record in self._caplog.get_records(phase)]
        assert any(record.name == "asyncio" and record.levelno == logging.DEBUG for record in records)
        assert len(self.secrets) > 3, "nothing was signed"
        for record in records:
            self.texts.append(f"{record.getMessage()} {record.__dict__!r}")
            if record.exc_info and record.exc_info[1] is not None:
                self.texts += printable(record.exc_info[1])
        fragments = {secret[:FRAGMENT] for secret in self.secrets}
        leaks = [text for text in self.texts if any(fragment in text for fragment in fragments)]
        assert not leaks


def printable(error: BaseException) -> Iterator[str]:
    """All that a logger, a debugger or a person may print of an error and of those behind it."""
    yield from traceback.format_exception(error)
    pending, seen = [error], set()
    while pending:
        each = pending.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield f"{each} {each!r} {each.args!r} {vars(each)!r}"
            context = None if each.__suppress_context__ else each.__context__
            pending += [each.__cause__, context, *getattr(each, "exceptions", ())]


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    for name, seconds in (("RECONNECT_MIN_DELAY", 0.05), ("RECONNECT_CLEAN_DELAY", 0.02), ("REST_TIMEOUT", 0.5),
                          ("SOCKET_REPLY_TIMEOUT", 0.3), ("LOGIN_TIMEOUT", 1.0)):
        monkeypatch.setattr(CONSTANTS, name, seconds)
    monkeypatch.setattr(ValrAPIUserStreamDataSource, "FALLBACK_DELAY", 0.1)
    monkeypatch.setattr(ValrOrderLookup, "DENIAL", 0.2)
    monkeypatch.setattr(ValrOrderLookup, "PAUSES", (0.1,))


@pytest.fixture
async def exchange(monkeypatch):
    async with ValrSimulator() as exchange:
        exchange.rate_limits.enabled = False
        monkeypatch.setenv(CONSTANTS.SIMULATOR_URL_VARIABLE, exchange.url)
        yield exchange


@pytest.fixture
async def eavesdropper(exchange, monkeypatch, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    eavesdropper = Eavesdropper(exchange, caplog)
    sign = ValrAuth._signature

    def sign_and_tell(auth: ValrAuth, *args: str) -> str:
        signature = sign(auth, *args)
        eavesdropper.secrets.add(signature)
        return signature

    monkeypatch.setattr(ValrAuth, "_signature", sign_and_tell)
    yield eavesdropper
    eavesdropper.texts += capfd.readouterr()
    eavesdropper.verdict()


@pytest.fixture
async def trader(exchange, eavesdropper, monkeypatch):
    async with Trader(exchange, monkeypatch) as trader:
        yield await trader.ready()
        parts = [part for part in vars(trader.connector).values() if not isinstance(part, str)]
        eavesdropper.texts += [*map(repr, (trader.connector, *parts)), json.dumps(trader.connector.tracking_states)]


@pytest.mark.parametrize("way", LOGIN_REFUSALS)
async def test_refused_logins_tell_no_secret(exchange, trader, way):
    exchange.faults.account_login = way
    exchange.faults.trade_refusal = int(way[5:]) if way.startswith("http") else None
    exchange.faults.drop_sockets("account")
    exchange.faults.drop_sockets("trade")
    await trader.until(lambda: trader.connector.user_stream_data_source.is_polling)
    await trader.until(lambda: exchange.faults.trade_refusal is None or not trader.connector.ready)
    exchange.faults.reset()
    await trader.ready()


@pytest.mark.parametrize("path", ["socket", "rest"])
async def test_orders_that_go_wrong_tell_no_secret(exchange, trader, path):
    faults = exchange.faults
    faults.account_login = "http_403" if path == "rest" else None
    faults.drop_sockets("account")
    await trader.until(lambda: trader.connector.user_stream_data_source.connected is (path == "socket"))
    for fault in REQUEST_FAULTS:
        faults.place.next(fault)
        faults.socket_place.next(fault)
        order_id = trader.connector.buy("BTC-ZAR", Decimal("0.001"), OrderType.LIMIT, Decimal("900000"))
        await trader.until(lambda: trader.said(order_id))
        faults.cancel.next(fault)
        faults.socket_cancel.next(fault)
        trader.connector.cancel("BTC-ZAR", order_id)
        for group in (faults.place, faults.socket_place):
            group.clear()
    await trader.connector.cancel_all(2)


async def test_failed_requests_tell_no_secret(exchange, trader, eavesdropper):
    for fault in REQUEST_FAULTS:
        exchange.faults.read.next(fault, 20)
        await eavesdropper.see_error(trader.connector._update_balances())
        exchange.faults.read.clear()
    exchange.faults.outage = True
    await eavesdropper.see_error(trader.connector._update_balances())
    await eavesdropper.see_error(trader.connector._make_network_check_request())


async def test_wrong_keys_tell_no_secret(exchange, eavesdropper):
    for key, secret in ((exchange.api_key, WRONG_SECRET), (WRONG_SECRET, exchange.api_secret)):
        connector = ValrExchange(key, secret, trading_pairs=["BTC-ZAR"], domain=CONSTANTS.SIMULATOR_DOMAIN)
        await eavesdropper.see_error(connector._update_balances())
        await eavesdropper.see_error(connector.user_stream_data_source._log_in())
        await connector.user_stream_data_source._disconnect()


async def test_recorded_frames_tell_no_secret(exchange, eavesdropper, tmp_path):
    for name, secret in (("accepted", exchange.api_secret), ("refused", WRONG_SECRET)):
        credentials = Credentials(exchange.api_key, secret, source="the test")
        with Recorder(tmp_path / name) as recorder:
            rows, plan = await run_checks(CONSTANTS.SIMULATOR_DOMAIN, 0.5, credentials, recorder, with_order=True)
            if plan is not None:
                rows.append(await run_order(CONSTANTS.SIMULATOR_DOMAIN, credentials, recorder, plan))
        eavesdropper.texts += [repr(credentials), repr(rows), (tmp_path / name).read_text()]
    assert "PLACE_LIMIT_ORDER" in (tmp_path / "accepted").read_text()
