"""Ids as VALR makes them: UUIDv7 for orders and trades, 64-bit numbers for sequences and batches."""
import random

from .clock import SimulatedClock


class Ids:
    """Seeded, strictly increasing ids."""

    def __init__(self, seed: int, clock: SimulatedClock):
        self._random = random.Random(f"ids-{seed}")
        self._clock = clock
        self._stamp = 0
        # The magnitudes VALR documents: beyond the integers a double can hold.
        self._sequence = 1368928567986638852
        self._batch = 1395349783381499904

    def uuid(self) -> str:
        """A UUIDv7: its first 48 bits are the milliseconds of its creation."""
        self._stamp = max(self._clock.now_ms() << 12, self._stamp + 1)
        value = (self._stamp >> 12 << 80 | 7 << 76 | (self._stamp & 0xFFF) << 64 | 0b10 << 62
                 | self._random.getrandbits(62))
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def sequence(self) -> int:
        """The next `sequenceId` of a trade."""
        self._sequence += 1
        return self._sequence

    def batch(self) -> int:
        """The next `batchId`."""
        self._batch += 1
        return self._batch
