"""Why VALR does not accept an API key, in words for the one who entered it. No text contains a key or a secret."""
from typing import Any, Optional

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError

NEEDED_PERMISSIONS = (CONSTANTS.VIEW_PERMISSION, CONSTANTS.TRADE_PERMISSION)


def missing_permissions(key: Any) -> Optional[str]:
    """
    :param key: VALR's reply about the current API key
    :return: what the key may not do although the connector needs it, None when nothing is missing
    """
    permissions = key.get("permissions") if isinstance(key, dict) else None
    missing = [repr(name) for name in NEEDED_PERMISSIONS if name not in (permissions or [])]
    if not missing:
        return None
    return (f"The VALR API key lacks the permission {' and '.join(missing)}. Create a key that has both "
            f"{' and '.join(map(repr, NEEDED_PERMISSIONS))}, and connect again.")


def explain_refusal(error: ValrAPIError, subaccount_id: Optional[str]) -> str:
    """
    :param error: VALR's reply to a signed request, after the clock was set by VALR's time
    :param subaccount_id: the sub-account that the request was meant for
    :return: what is wrong and what to do about it; the error itself when it says nothing about the key
    """
    if error.code == CONSTANTS.IP_NOT_WHITELISTED_CODE:
        return ("VALR does not accept this API key from the IP address of this machine. Add the address to the key's "
                "whitelist at VALR, or use a key without one.")
    if error.code == CONSTANTS.KEY_MISSING_CODE:
        return "VALR got no API key. Connect again and enter key and secret."
    account = f", or {subaccount_id} is not a sub-account that the key may use" if subaccount_id else ""
    if error.code == CONSTANTS.INVALID_SIGNATURE_CODE:
        return (f"VALR does not accept the signature, although the clock was set by VALR's time: the API secret does "
                f"not belong to the API key{account}. VALR says: {error.message}")
    if error.status in (401, 403):
        return (f"VALR does not accept the API key: it does not exist, was deleted, or lacks the permission "
                f"{CONSTANTS.VIEW_PERMISSION!r}{account}. VALR says: {error.message or f'HTTP {error.status}'}")
    return str(error)
