"""API keys, and the check of VALR's signature."""
import hashlib
import hmac
import random
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterable, Mapping, Optional, Set, Tuple

from .clock import SimulatedClock
from .faults import Faults
from .ledger import Account, Ledger
from .money import iso
from .rules import Rejected

VIEW, TRADE = "View access", "Trade"
BAD_SIGNATURE = "Request has an invalid signature"


@dataclass(frozen=True)
class ApiKey:
    """A key of one account. A primary account's key may act for its sub-accounts, a sub-account's key may not."""
    key: str
    secret: str
    account_id: str
    label: str
    permissions: FrozenSet[str]
    is_sub_account: bool
    ip_whitelisted: bool
    added_ms: int

    def __repr__(self) -> str:
        return f"ApiKey({self.label})"

    def row(self) -> Dict[str, Any]:
        """The body of GET /v1/account/api-keys/current."""
        row = {"label": self.label, "permissions": sorted(self.permissions, reverse=True),
               "addedAt": iso(self.added_ms), "isSubAccount": self.is_sub_account}
        if not self.ip_whitelisted:
            row["allowedIpAddressCidr"] = "203.0.113.7/32"
        return row


def signature(secret: str, timestamp: str, verb: str, path: str, body: bytes = b"", sub_account_id: str = "") -> str:
    """Lower-case hex HMAC-SHA512 of timestamp, verb, path with query, body and sub-account id."""
    message = _bytes(timestamp + verb.upper() + path) + body + _bytes(sub_account_id)
    return hmac.new(_bytes(secret), message, hashlib.sha512).hexdigest()


def _bytes(text: str) -> bytes:
    # Headers and paths that are not UTF-8 reach us with surrogates; they sign to something, and fail as any other.
    return text.encode(errors="surrogateescape")


class Keyring:
    """All keys, and who a signed request acts for."""

    def __init__(self, seed: int, clock: SimulatedClock, ledger: Ledger, faults: Faults):
        self._random = random.Random(f"keys-{seed}")
        self._clock = clock
        self._ledger = ledger
        self._faults = faults
        self._keys: Dict[str, ApiKey] = {}
        self._used: Set[Tuple[str, str]] = set()

    def create(self, account_id: str, label: str = "key", permissions: Iterable[str] = (VIEW, TRADE),
               ip_whitelisted: bool = True) -> ApiKey:
        """A new key with 64-character key and secret. `ip_whitelisted=False`: bound to an address that is not ours."""
        public, secret = (f"{self._random.getrandbits(256):064x}" for _ in range(2))
        key = ApiKey(public, secret, account_id, label, frozenset(permissions),
                     self._ledger.accounts[account_id].is_sub_account, ip_whitelisted, self._clock.now_ms())
        self._keys[key.key] = key
        return key

    def revoke(self, key: ApiKey) -> None:
        self._keys.pop(key.key, None)

    def account(self, account_id: str) -> Account:
        return self._ledger.accounts[account_id]

    def authenticate(self, headers: Mapping[str, str], verb: str, path: str, body: bytes = b"") -> Tuple[ApiKey, str]:
        """(key, id of the account acted for) of a signed request; `Rejected` when VALR would not let it in."""
        api_key = headers.get("X-VALR-API-KEY")
        if not api_key:
            code = None if self._faults.missing_key_status == 403 else -11268
            raise Rejected(code, "API key header missing: X-VALR-API-KEY", status=self._faults.missing_key_status)
        key = self._keys.get(api_key)
        if key is None:
            raise Rejected(None, "API key or secret is invalid", status=401)
        sub_account_id = headers.get("X-VALR-SUB-ACCOUNT-ID")
        timestamp, given = headers.get("X-VALR-TIMESTAMP", ""), headers.get("X-VALR-SIGNATURE", "")
        wanted = signature(key.secret, timestamp, verb, path, body, sub_account_id or "")
        if not hmac.compare_digest(_bytes(wanted), _bytes(given)) or not self._is_fresh(timestamp, given):
            raise Rejected(-11252, BAD_SIGNATURE, status=401)
        if not key.ip_whitelisted:
            raise Rejected(-11272, "The originating IP Address has not been whitelisted.", status=401)
        return key, self._account_of(key, sub_account_id)

    def _is_fresh(self, timestamp: str, given: str) -> bool:
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 20):
            return False
        skew = self._faults.max_clock_skew
        if skew is not None and abs(self._clock.now() - int(timestamp) / 1000) > skew:
            return False
        if self._faults.refuse_repeated_signatures:
            if (timestamp, given) in self._used:
                return False
            self._used.add((timestamp, given))
        return True

    def _account_of(self, key: ApiKey, sub_account_id: Optional[str]) -> str:
        if sub_account_id is None:
            return key.account_id
        account = self._ledger.accounts.get(sub_account_id)
        if key.is_sub_account or account is None or not account.is_sub_account:
            raise Rejected(None, "Unauthorized", status=401)
        return sub_account_id
