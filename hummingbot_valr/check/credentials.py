"""Where the self-test finds the API key: the environment, or what Hummingbot's `connect` has stored."""
import os
import sys
from dataclasses import dataclass, field
from typing import Optional

from hummingbot_valr.check.errors import CheckError

KEY_VARIABLE = "VALR_API_KEY"
SECRET_VARIABLE = "VALR_API_SECRET"
SUBACCOUNT_VARIABLE = "VALR_SUBACCOUNT_ID"
_PASSWORD_VARIABLES = ("HBOT_PASSWORD", "CONFIG_PASSWORD")


@dataclass(frozen=True)
class Credentials:
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    subaccount_id: Optional[str] = field(default=None, repr=False)
    source: str = ""


def find_credentials(exchange: str) -> Optional[Credentials]:
    """
    :param exchange: `valr` or `valr_simulator`
    :return: the keys, None when there are none
    :raises CheckError: when only a part of them is there
    """
    return _from_environment() or _from_hummingbot(exchange)


def _from_environment() -> Optional[Credentials]:
    key, secret = os.environ.get(KEY_VARIABLE, "").strip(), os.environ.get(SECRET_VARIABLE, "").strip()
    subaccount_id = os.environ.get(SUBACCOUNT_VARIABLE, "").strip()
    if not key and not secret:
        if subaccount_id:
            raise CheckError(f"{SUBACCOUNT_VARIABLE} is set and {KEY_VARIABLE} and {SECRET_VARIABLE} are not. Set all "
                             "three, or unset it.")
        return None
    if not key or not secret:
        present, missing = (KEY_VARIABLE, SECRET_VARIABLE) if key else (SECRET_VARIABLE, KEY_VARIABLE)
        raise CheckError(f"{present} is set and {missing} is not. Set both, or unset both.")
    return Credentials(key, secret, subaccount_id or None, "the environment")


def _from_hummingbot(exchange: str) -> Optional[Credentials]:
    from hummingbot.client.config.security import Security

    if not Security.connector_config_file_exists(exchange) or not _can_ask_password():
        return None
    from hummingbot.cli.password import login

    login()
    keys = Security.api_keys(exchange)
    return Credentials(keys[f"{exchange}_api_key"], keys[f"{exchange}_api_secret"],
                       keys.get(f"{exchange}_subaccount_id") or None, "Hummingbot's keystore")


def _can_ask_password() -> bool:
    return sys.stdin.isatty() or any(os.environ.get(name) for name in _PASSWORD_VARIABLES)
