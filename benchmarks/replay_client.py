import asyncio
import json
import sys
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator

import aiohttp


class ReplayClient:
    """The control side of a running replay server."""

    def __init__(self, port: int, session: aiohttp.ClientSession):
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"
        self._session = session

    async def call(self, control: str, **arguments: Any) -> Any:
        """Calls one of the server's control methods (see `benchmarks.server`) and returns what it returns."""
        async with self._session.post(f"{self.url}/control/{control}", data=json.dumps(arguments)) as reply:
            return await reply.json()


@asynccontextmanager
async def replay_server(updates: int, levels: int = 100) -> AsyncIterator[ReplayClient]:
    """
    Runs a replay server in a process of its own.

    :param updates: length of the book stream
    :param levels: levels a side of its snapshot
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.server", "--updates", str(updates), "--levels", str(levels),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    try:
        port = int(await process.stdout.readline())
        async with aiohttp.ClientSession() as session:
            yield ReplayClient(port, session)
    finally:
        process.stdin.close()
        await process.wait()
