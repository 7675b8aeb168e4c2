import time
from decimal import Decimal
from typing import Dict, Iterable

from hummingbot.connector.exchange.valr.valr_parsers import Balance


class ValrBalances:
    """Keeps Hummingbot's balances up to date. VALR's are absolute, so the newest of an asset is the true one."""

    def __init__(self, total: Dict[str, Decimal], available: Dict[str, Decimal]):
        """
        :param total: Hummingbot's own dictionary of all that the account holds, asset -> amount
        :param available: Hummingbot's own dictionary of what is free for orders, asset -> amount
        """
        self._total = total
        self._available = available
        self._updated_at: Dict[str, float] = {}  # asset -> seconds, by VALR's clock
        self._received_at: Dict[str, float] = {}  # asset -> seconds, monotonic

    def update(self, balance: Balance) -> bool:
        """
        Takes over a balance unless a newer one is known.

        :return: False when another balance of the same millisecond was there: nobody knows which of them is newer
        """
        asset, updated_at = balance.asset, balance.updated_at
        known_at = self._updated_at.get(asset)
        known = self._total.get(asset), self._available.get(asset)
        if updated_at is not None:
            if known_at is not None and updated_at < known_at:
                return True
            self._updated_at[asset] = updated_at
        self._received_at[asset] = time.monotonic()
        self._total[asset] = balance.total
        self._available[asset] = balance.available
        return updated_at is None or updated_at != known_at or known == (balance.total, balance.available)

    def replace(self, balances: Iterable[Balance], requested_at: float) -> None:
        """
        Takes over all balances that are not zero.

        :param requested_at: monotonic seconds; what an event told since then is kept
        """
        named = set()
        for balance in balances:
            named.add(balance.asset)
            self.update(balance)
        for asset in set(self._total) - named:
            if self._received_at.get(asset, requested_at) <= requested_at:
                del self._total[asset]
                self._available.pop(asset, None)
