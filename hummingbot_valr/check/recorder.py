"""The record of a self-test: every frame it saw, in lines of JSON that can be shown to anybody."""
import json
import re
from pathlib import Path
from typing import Any, Optional, TextIO

from hummingbot_valr.check.errors import CheckError

# What these fields say is the exchange's vocabulary. Everything else in an account's frame is replaced by the name of
# its form, so that a field nobody thought of cannot give anything away.
_VOCABULARY = {
    "type", "event", "currencyPair", "currencyPairSymbol", "pair", "side", "orderSide", "orderType",
    "orderStatusType", "status", "timeInForce", "symbol", "shortName", "longName", "currency", "feeCurrency",
    "makerRewardCurrency", "referenceCurrency", "decimalPlaces", "supportedWithdrawDecimalPlaces", "permissions",
    "requestType", "code", "httpStatus", "makerPercentage", "takerPercentage", "simplePercentage",
    "cancelOnDisconnect",
}
# Sentences, which may name an id or an amount
_SENTENCES = {"message", "failedReason", "failureReason", "errors", "reason"}

_FORMS = (
    ("<zero>", re.compile(r"-?0+(\.0+)?")),
    ("<integer>", re.compile(r"-?\d+")),
    ("<decimal>", re.compile(r"-?\d+\.\d+")),
    ("<id>", re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")),
    ("<time>", re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?")),
    ("", re.compile(r"")),
)
_WORD_WITH_DIGIT = re.compile(r"[^\s:,;\"'()\[\]{}]*\d[^\s:,;\"'()\[\]{}]*")


def scrubbed(value: Any, field: str = "") -> Any:
    """
    :param value: the JSON of a frame about an account
    :return: the same without keys, ids and amounts; fields, currencies, pairs and statuses stay readable
    """
    if isinstance(value, dict):
        return {name: scrubbed(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [scrubbed(item, field) for item in value]
    if field in _VOCABULARY or value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _WORD_WITH_DIGIT.sub("<number>", value) if field in _SENTENCES else _form_of(value)
    return "<number>"


def _form_of(text: str) -> str:
    return next((name for name, pattern in _FORMS if pattern.fullmatch(text)), "<text>")


class Recorder:
    """Writes frames to a file, or nowhere. Public frames are kept word for word, those of the account scrubbed."""

    def __init__(self, path: Optional[Path] = None):
        """
        :raises CheckError: when the file exists already or cannot be written
        """
        self._file: Optional[TextIO] = None
        if path is not None:
            try:
                self._file = path.open("x", encoding="utf-8")
            except FileExistsError:
                raise CheckError(f"{path} exists already. Give --record the name of a new file.")
            except OSError as error:
                raise CheckError(f"{path} cannot be written: {error.strerror}. Give --record another name.")

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_exc_info: Any) -> None:
        if self._file is not None:
            self._file.close()

    def public(self, channel: str, direction: str, name: str, payload: Any) -> None:
        """
        :param channel: `rest`, `trade` or `account`
        :param direction: `in` from VALR, `out` to VALR
        :param name: type of the frame, or verb and path of the REST request
        """
        self._write(channel, direction, name, payload)

    def account(self, channel: str, direction: str, name: str, payload: Any) -> None:
        """The same for a frame about the account."""
        self._write(channel, direction, name, scrubbed(payload))

    def _write(self, channel: str, direction: str, name: str, payload: Any) -> None:
        if self._file is not None:
            line = {"channel": channel, "direction": direction, "name": name, "payload": payload}
            self._file.write(json.dumps(line) + "\n")
