from test.hummingbot_valr.simulator.client import Client

import pytest

from hummingbot_valr.simulator import ValrSimulator
from hummingbot_valr.simulator.clock import SimulatedClock
from hummingbot_valr.simulator.engine import Engine


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands still until it is advanced."""
    return SimulatedClock(source=lambda: 1_790_000_000.0)


@pytest.fixture
def engine(clock) -> Engine:
    """An engine with the accounts "a" and "b", each with plenty of ZAR and BTC."""
    engine = Engine(clock)
    for account_id in ("a", "b"):
        engine.add_account(account_id, account_id)
        engine.deposit(account_id, "ZAR", "10000000")
        engine.deposit(account_id, "BTC", "10")
    return engine


@pytest.fixture
async def exchange():
    """A running exchange with empty books."""
    async with ValrSimulator(market=False) as simulator:
        yield simulator


@pytest.fixture
async def client(exchange):
    """A client with the demo keys."""
    async with Client(exchange) as client:
        yield client
