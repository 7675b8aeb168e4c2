"""
The connector's errors, told apart by the question that matters with money: may the command be sent again?
"""
import json
from typing import Any, Optional

MAX_REASON_LENGTH = 500  # characters

_REFUSED_HANDSHAKES = {
    401: "the key, its signature or this IP address is not accepted",
    403: "access is denied",
    429: "too many connections were opened",
    503: "VALR is not available",
}


class ValrAPIError(IOError):
    """
    VALR, or the front end before it, answered a REST request with an HTTP status of 400 or more.

    `code` and `message` are those of VALR's JSON error body, and `code` is None when the body is anything else: VALR's
    front end sometimes answers an HTML page, and was seen to do so although the order had been accepted.
    """

    def __init__(self, status: int, method: str, path: str, body: str = "", retry_after: Optional[float] = None):
        self.status = status
        self.retry_after = retry_after  # seconds, when the reply names it
        self.code, self.message = _error_of(body)
        super().__init__(f"VALR answered {method} {path} with HTTP {status}: {self._description()}")

    @property
    def is_rejection(self) -> bool:
        """
        True when VALR itself refused the request, so that it was certainly not executed. An HTML page, a 5xx or a 429
        say nothing of the kind.
        """
        return self.code is not None and 400 <= self.status < 500 and self.status != 429

    def _description(self) -> str:
        if self.code is not None:
            return f"{self.message} (code {self.code})"
        if self.status == 429:
            return "too many requests"
        if self.status == 503:
            return "VALR is in read-only mode or not available"
        return "not VALR's error format, the outcome is unknown"


class ValrOrderRejected(IOError):
    """VALR refused the order or the cancellation, and said why. Sending it again would be refused again."""

    def __init__(self, reason: str, code: Optional[int] = None):
        self.reason = reason
        self.code = code
        super().__init__(reason)


class ValrOutcomeUnknown(IOError):
    """The command left this machine, and no reply tells whether it was executed. Never send it again: look it up."""


class ValrCommandNotSent(ConnectionError):
    """The command never left this machine. It may be sent over another path."""


class ValrOrderNotFound(IOError):
    """VALR answered that it does not know the order, where it shows the live ones and where it shows the past ones."""


class ValrLoginRefused(ConnectionError):
    """VALR opened the account socket and did not accept the login, or did not open it. The text says why."""


def refused_handshake(status: int, message: str) -> ConnectionError:
    """
    :return: the error of a socket that VALR did not open. It is made anew, because aiohttp's own holds the headers of
        the request, key and signature among them
    """
    kind = ValrLoginRefused if status in (401, 403) else ConnectionError
    return kind(f"VALR refused the connection with HTTP {status}: {_REFUSED_HANDSHAKES.get(status, message)}")


def reason_of(error: BaseException) -> str:
    """:return: an error in words; some have none but their names"""
    return one_line(error) or type(error).__name__


def one_line(text: Any) -> str:
    """:return: VALR's words as they can be shown to people and written into a log: one line of bounded length"""
    return "".join(letter if letter.isprintable() else " " for letter in str(text)[:MAX_REASON_LENGTH]).strip()


def _error_of(body: str) -> tuple[Optional[int], str]:
    try:
        error = json.loads(body)
    except (ValueError, RecursionError):
        return None, ""
    if not isinstance(error, dict) or type(error.get("code")) is not int:
        return None, ""
    details = error.get("validationErrors")
    return error["code"], one_line(f"{error.get('message', '')} {details or ''}")
