from typing import Any, Callable, List, Set, TypeVar

from hummingbot.connector.exchange.valr.valr_errors import reason_of
from hummingbot.logger import HummingbotLogger

Row = TypeVar("Row")


class ValrTroubles:
    """Tells people of what goes wrong again and again: a line when it begins and one when it ends, nothing between."""

    MAX_WARNINGS = 100  # texts that are told once

    def __init__(self, logger: HummingbotLogger):
        self._logger = logger
        self._subjects: Set[str] = set()
        self._warnings: Set[str] = set()

    def begin(self, subject: str, error: Exception):
        """A regular request failed."""
        if subject not in self._subjects:
            self._subjects.add(subject)
            self._logger.warning(
                f"VALR could not be asked for {subject} ({reason_of(error)}). What is known of it stays.")

    def end(self, subject: str):
        """A regular request succeeded."""
        if subject in self._subjects:
            self._subjects.remove(subject)
            self._logger.info(f"VALR answers again about {subject}.")

    def has(self, subject: str) -> bool:
        return subject in self._subjects

    def warn_once(self, text: str):
        if text not in self._warnings and len(self._warnings) < self.MAX_WARNINGS:
            self._warnings.add(text)
            self._logger.warning(text)

    def readable(self, parse: Callable[[Any], Row], rows: Any) -> List[Row]:
        """
        :return: the rows that can be read; one that cannot is told once, and keeps no other from being read
        :raises ValueError: when VALR did not send rows
        """
        if not isinstance(rows, list):
            raise ValueError("VALR's answer is not a list")
        readable = []
        for row in rows:
            try:
                readable.append(parse(row))
            except ValueError as error:
                self.warn_once(f"A row of VALR's cannot be read and is left out: {error}")
        return readable
