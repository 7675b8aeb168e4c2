"""What a person can do about an error of the connector."""
from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_web_utils as web_utils
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError

RECORD_AND_REPORT = "Run the check again with --record FILE and file an issue with that file."
SIGNATURE = ("Set the API secret again, whole and without blanks. If you use a sub-account id, check that it is one of "
             "this account and that the key belongs to the primary account.")
IP_ADDRESS = "Add this machine's public IP address to the key at VALR, or use a key that is not bound to an address."
KEY = ("Set the API key again, whole and without blanks, or create a new one at VALR with View and Trade. If you use a "
       "sub-account id, check that, too.")
KEYS_ARE_MISSING = ("Set VALR_API_KEY and VALR_API_SECRET, or `connect` in Hummingbot first (and set HBOT_PASSWORD "
                    "where nobody can be asked), to test this, too.")
READ_ONLY = "VALR is in maintenance: wait until status.valr.com reports its end."
RATE_LIMIT = "Wait a minute. If it happens again, other programs on this IP address use up VALR's rate limits."


def described(error: Exception) -> str:
    """The error in words; some of the operating system's have none."""
    return str(error).rstrip(".") or type(error).__name__


def mend_of(error: Exception, domain: str) -> str:
    if isinstance(error, ValrAPIError):
        return _mend_of_reply(error)
    if isinstance(error, web_utils.NETWORK_ERRORS):
        return connection_mend(domain)
    return RECORD_AND_REPORT


def connection_mend(domain: str) -> str:
    if domain == CONSTANTS.SIMULATOR_DOMAIN:
        return (f"Start it with `hummingbot-valr simulator`, or set {CONSTANTS.SIMULATOR_URL_VARIABLE} to where it "
                f"runs; it is looked for at {web_utils.simulator_url()}.")
    return "Check this machine's internet connection, name resolution and firewall, and status.valr.com."


def _mend_of_reply(error: ValrAPIError) -> str:
    if error.code == CONSTANTS.INVALID_SIGNATURE_CODE:
        return SIGNATURE
    if error.code == CONSTANTS.IP_NOT_WHITELISTED_CODE:
        return IP_ADDRESS
    if error.status in (401, 403):
        return KEY
    if error.status == 429:
        return RATE_LIMIT
    if error.status == 503:
        return READ_ONLY
    if error.status >= 500:
        return "VALR has an internal problem: try again in a minute, and look at status.valr.com."
    return RECORD_AND_REPORT
