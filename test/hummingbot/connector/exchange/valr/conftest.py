"""What the connector's tests run with."""
import pytest_asyncio
from hypothesis import settings

from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

# How long an example takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest_asyncio.fixture(autouse=True)
async def fresh_http_session():
    """Hummingbot shares one HTTP session in the process, which would outlive the event loop of the test it began in."""
    yield
    await ConnectionsFactory().close()
