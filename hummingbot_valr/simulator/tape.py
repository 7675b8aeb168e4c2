"""The public trades of every pair, as far back as the exchange shows them."""
from collections import defaultdict, deque
from typing import Deque, Dict, List

from .engine import Engine
from .events import Batch
from .orders import Trade

_LONGEST = 10_000


class Tape:
    """Keeps the last trades of each pair, oldest first."""

    def __init__(self, engine: Engine):
        self._trades: Dict[str, Deque[Trade]] = defaultdict(lambda: deque(maxlen=_LONGEST))
        engine.listeners.append(self._on_batch)

    def trades(self, symbol: str) -> List[Trade]:
        return list(self._trades[symbol])

    def _on_batch(self, batch: Batch) -> None:
        for trade in batch.trades:
            self._trades[trade.pair.symbol].append(trade)
