"""The test bot, noting once a minute what its process holds. The soak puts this script into a private Hummingbot."""
import asyncio
import ctypes
import gc
import json
import os
from pathlib import Path

import psutil

from hummingbot import data_path  # type: ignore[attr-defined]  # mypy sees this project's part of the package only
from scripts.valr_test_bot import ValrTestBot, ValrTestBotConfig

SAMPLES_FILE_NAME = "soak_samples.jsonl"


class SoakBotConfig(ValrTestBotConfig):
    script_file_name: str = os.path.basename(__file__)


class SoakBot(ValrTestBot):
    SAMPLE_INTERVAL = 60.0  # seconds

    def __init__(self, connectors, config: SoakBotConfig):
        super().__init__(connectors, config)
        self._next_sample = 0.0
        self._ready_ticks = self._ticks = 0

    def on_tick(self):
        super().on_tick()
        self._ticks += 1
        self._ready_ticks += self.connector.ready
        if self.current_timestamp >= self._next_sample:
            self._next_sample = self.current_timestamp + self.SAMPLE_INTERVAL
            self._note()

    def _note(self):
        # Neither garbage that waits for its collection is growth, nor what the allocator keeps for the next request.
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        sample = {
            "time": self.current_timestamp,
            "rss": psutil.Process().memory_info().rss,
            "tasks": len(asyncio.all_tasks()),
            "in_flight": len(self.connector.in_flight_orders),
            "counts": self._counts,
            "ready": self._ready_ticks / self._ticks,
        }
        with (Path(data_path()) / SAMPLES_FILE_NAME).open("a") as file:
            file.write(json.dumps(sample) + "\n")
