from typing import Any, AsyncIterator, Dict, Optional, Tuple

import pytest
from aiohttp import web

from hummingbot_valr.check.credentials import Credentials
from hummingbot_valr.check.order_plan import OrderPlan
from hummingbot_valr.check.recorder import Recorder
from hummingbot_valr.check.report import Row
from hummingbot_valr.check.runner import run_checks, run_order
from hummingbot_valr.simulator import ValrSimulator
from hummingbot_valr.simulator.gate import Call, Gate, Reply, Route

DOMAIN = "valr_simulator"


class Tester:
    """A person who runs the self-test against an embedded exchange."""

    def __init__(self, exchange: ValrSimulator, monkeypatch: pytest.MonkeyPatch):
        self.exchange = exchange
        self._monkeypatch = monkeypatch
        self.credentials: Optional[Credentials] = Credentials(
            exchange.api_key, exchange.api_secret, source="the environment")

    def takes_key(self, account_id: Optional[str] = None, **details: Any) -> None:
        """Another key, see `Keyring.create`."""
        key = self.exchange.keys.create(account_id or self.exchange.account_id, **details)
        self.credentials = Credentials(key.key, key.secret, source="the environment")

    def hears(self, path: str, reply: Any) -> None:
        """The exchange answers requests of this path with `reply`."""
        handle = Gate._handle

        def answer(gate: Gate, route: Route, request: web.Request, call: Call) -> Reply:
            return Reply(body=reply) if request.path == path else handle(gate, route, request, call)

        self._monkeypatch.setattr(Gate, "_handle", answer)

    async def rows(self, seconds: float = 0.1) -> Dict[str, Row]:
        return (await self.plan(seconds, with_order=False))[0]

    async def plan(self, seconds: float = 0.1, with_order: bool = True) -> Tuple[Dict[str, Row], Optional[OrderPlan]]:
        rows, plan = await run_checks(DOMAIN, seconds, self.credentials, Recorder(), with_order)
        return {row.name: row for row in rows}, plan

    async def order(self) -> Row:
        return await self.placed((await self.plan())[1])

    async def placed(self, plan: OrderPlan) -> Row:
        return await run_order(DOMAIN, self.credentials, Recorder(), plan)


@pytest.fixture
async def exchange(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ValrSimulator]:
    # The market as the simulator starts it, without the day of history that takes longest.
    async with ValrSimulator(market=False) as embedded:
        monkeypatch.setenv("VALR_SIMULATOR_URL", embedded.url)
        embedded.market.open()
        for _ in range(40):
            embedded.market.step()
        embedded.market.start()
        yield embedded


@pytest.fixture
def tester(exchange: ValrSimulator, monkeypatch: pytest.MonkeyPatch) -> Tester:
    return Tester(exchange, monkeypatch)
