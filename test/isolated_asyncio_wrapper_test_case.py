"""The base class that Hummingbot's abstract connector suite imports. Hummingbot keeps it among its own tests."""
import asyncio
import unittest
from typing import Any, Awaitable


class IsolatedAsyncioWrapperTestCase(unittest.IsolatedAsyncioTestCase):
    def run_async_with_timeout(self, coroutine: Awaitable, timeout: float = 1.0) -> Any:
        """Runs a coroutine from a test that is not one itself; `timeout` in seconds."""
        return self._asyncioRunner.run(asyncio.wait_for(coroutine, timeout))
