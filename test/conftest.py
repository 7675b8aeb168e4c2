import pytest

from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory


@pytest.fixture(autouse=True)
async def fresh_http_session():
    """Hummingbot shares one HTTP session in the process, which would outlive the event loop of the test it began in."""
    yield
    await ConnectionsFactory().close()
