"""What several test modules use."""
import asyncio
import json
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

# Frames and replies captured from VALR, or published by it.
FRAMES: List[Dict[str, Any]] = [
    json.loads(line) for line in Path(__file__).with_name("valr_frames.jsonl").read_text(encoding="utf-8").splitlines()]


async def until(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """:return: what the condition returns, as soon as that is true"""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, "the condition did not come true"
        await asyncio.sleep(0.002)
    return result
