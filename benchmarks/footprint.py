"""`python -m benchmarks.footprint URL SYMBOL=PAIR ...` prints the bytes of a fresh process that follows these books."""
import asyncio
import gc
import sys

import psutil

from benchmarks.feeds import running_tracker
from benchmarks.valr import valr_market_data


async def footprint(url: str, *pairs: str) -> int:
    """:return: bytes of memory that belong to this process alone, when all books are there"""
    async with running_tracker(valr_market_data(url, dict(pair.split("=") for pair in pairs))):
        gc.collect()
        return psutil.Process().memory_full_info().uss


if __name__ == "__main__":
    print(asyncio.run(footprint(*sys.argv[1:])))
