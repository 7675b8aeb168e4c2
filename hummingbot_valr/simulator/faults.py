"""
Everything that can go wrong, and every point where VALR's behaviour is not known: one object, all off by default.
Probabilities run from 0 to 1 and are drawn from a seeded generator. Times are seconds of the simulated clock, those
of the idle rules seconds that really passed.
"""
import random
from collections import Counter
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Dict, List, Optional, Set, Tuple

if TYPE_CHECKING:
    from .socket import Socket


@dataclass
class _Draw:
    """Probabilities as attributes of a dataclass, and one-shots scheduled with `next`."""

    _random: random.Random
    _scheduled: Counter[Tuple[str, str]] = field(default_factory=Counter)

    def next(self, name: str, times: int = 1, key: str = "") -> None:
        """
        Lets the fault `name` happen to the next `times` occasions (those of `key`, e.g. a pair, when given).

        :raises ValueError: when there is no such fault, or `times` is less than one
        """
        if name not in self._names():
            raise ValueError(f"There is no fault {name!r}; choose one of {', '.join(self._names())}.")
        if times < 1:
            raise ValueError(f"The fault {name!r} cannot happen {times} times; give 1 or more.")
        self._scheduled[name, key] += times

    def clear(self) -> None:
        """Puts every attribute back to its default, so that nothing goes wrong any more."""
        vars(self).update(vars(type(self)(self._random)))

    def draw(self, key: str = "") -> Optional[str]:
        """The name of the fault that happens now, None for none. Scheduled ones come before random ones."""
        for name, wanted in list(self._scheduled):
            if wanted in ("", key):
                self._scheduled[name, wanted] -= 1
                if not self._scheduled[name, wanted]:
                    del self._scheduled[name, wanted]
                return name
        for name in self._names():
            probability = getattr(self, name)
            if probability and self._random.random() < probability:
                return name
        return None

    @classmethod
    def _names(cls) -> List[str]:
        return [item.name for item in fields(cls) if item.type in (float, "float")]


@dataclass
class RequestFaults(_Draw):
    """What may happen to a request. On a socket only lost_*, rate_limited, stalled and late have a meaning."""
    lost_before: float = 0.0             # connection dropped (socket: no reply), the exchange never saw it
    lost_after: float = 0.0              # executed, then the reply is lost
    html_refused: float = 0.0            # the front end answers an HTML 400 and does not pass it on
    html_accepted: float = 0.0           # executed, and still an HTML 400
    rate_limited: float = 0.0            # 429 (socket: RATE_LIMIT_EXCEEDED), not executed
    unavailable: float = 0.0             # 503 with an empty body, not executed
    server_error: float = 0.0            # 500 with an HTML body, not executed
    server_error_accepted: float = 0.0   # executed, and still a 500 with an HTML body
    stalled: float = 0.0                 # executed at once, the reply comes `Faults.stall` seconds later
    late: float = 0.0                    # executed only `Faults.stall` seconds later, the reply is lost


@dataclass
class BookFaults(_Draw):
    """What may happen to the frames of OB_L1_DIFF. The first five are drawn for every frame."""
    gap: float = 0.0                     # a diff is not sent although its sequence number is used
    repeat: float = 0.0                  # a diff is sent twice
    swap: float = 0.0                    # a diff is sent after the next one
    corrupt_checksum: float = 0.0        # right content, wrong checksum
    wrong_content: float = 0.0           # wrong content under the checksum of the right book
    snapshot_delay: Tuple[float, float] = (0.0, 0.0)  # range of seconds a snapshot comes late; diffs flow meanwhile
    missing_snapshots: int = 0           # so many next snapshots are never sent
    repeated_snapshots: int = 0          # so many next snapshots are sent twice
    snapshot_on_resubscribe: bool = True  # whether a pair that is subscribed already gets a snapshot again
    refused_pairs: Set[str] = field(default_factory=set)  # SUBSCRIBE of these pairs is answered by ERROR


@dataclass
class EventFaults:
    """How the events of the account socket arrive."""
    delay: Tuple[float, float] = (0.0, 0.0)  # range of seconds the events of one command come late
    shuffle: bool = False                # the events of one command come in random order
    before_reply: bool = False           # events come before the acknowledgement or the REST reply
    duplicate: float = 0.0               # probability that a frame is sent twice
    lost: float = 0.0                    # probability that a frame is not sent at all
    missing_fields: float = 0.0          # probability that an optional field is left out
    unknown_fields: bool = False         # frames carry fields and types nobody knows
    placed_status: bool = False          # a resting order gets an ORDER_STATUS_UPDATE "Placed"
    open_orders_lag: float = 0.0         # seconds by which OPEN_ORDERS_UPDATE knows a new order late
    open_orders_nested: bool = False     # OPEN_ORDERS_UPDATE as {"accountId", "orders"} instead of a list
    reward: str = "absent"               # fee fields of a rewarded maker fill: "absent", "zero" or "reward"
    status_needs_subscription: bool = False  # ORDER_STATUS_UPDATE only after a SUBSCRIBE
    subscribe_error: bool = False        # SUBSCRIBE on the account socket is answered by ERROR


LOGIN_REFUSALS = ("close_1007", "unauthorized_frame", "error_frame", "http_401", "http_403", "http_429")


class Faults:
    """The one place to break the exchange, and to choose among behaviours VALR may have."""

    def __init__(self, seed: int = 1):
        self.random = random.Random(f"faults-{seed}")
        self._sockets: Dict[str, Set["Socket"]] = {"trade": set(), "account": set()}
        self.reset()

    def reset(self) -> None:
        """Puts everything back to its default, so that nothing goes wrong any more."""
        self.place = RequestFaults(self.random)          # REST placements
        self.cancel = RequestFaults(self.random)         # REST cancels, single and all
        self.batch = RequestFaults(self.random)          # POST /v1/batch/orders
        self.read = RequestFaults(self.random)           # every other REST request, public ones included
        self.socket_place = RequestFaults(self.random)   # PLACE_*_ORDER and BATCH_ORDERS on the account socket
        self.socket_cancel = RequestFaults(self.random)  # CANCEL_LIMIT_ORDER on the account socket
        self.books = BookFaults(self.random)
        self.events = EventFaults()

        self.outage = False                      # every connection is dropped, none is accepted
        # Maintenance: status "read-only", 503 for all but GET. What VALR replies to a command on the account socket is
        # not known: here it is refused in the way of `socket_error_shape`.
        self.read_only = False
        self.stall = 30.0                        # seconds of a "stalled" or "late" request
        self.outcome_delay = (0.0, 0.0)          # range of seconds between a v1 or socket acceptance and its outcome
        self.public_cache = True                 # public GETs are as stale as VALR's
        self.retry_after: Optional[int] = None   # Retry-After of a 429 in seconds (VALR sends none)

        self.account_login: Optional[str] = None  # refuses the account socket, one of LOGIN_REFUSALS
        self.trade_refusal: Optional[int] = None  # HTTP status that refuses the upgrade to a trade socket
        self.max_clock_skew: Optional[float] = None  # seconds a timestamp may be off before the signature is refused
        self.refuse_repeated_signatures = False  # each signature may be used once
        self.missing_key_status = 403            # 403, or 400 with code -11268
        self.account_idle_close: Optional[float] = 30.0  # account socket without client frame: close 1000; None: never
        self.trade_idle_close: Optional[float] = 60.0    # trade socket without frame and subscription: dropped
        self.unsigned_close: Optional[float] = 900.0     # unsigned trade sockets are closed after so many seconds
        self.cancel_on_disconnect_delay = 0.0    # seconds between a drop and the cancellation it asked for

        self.slippage_band: Optional[Decimal] = None  # part of the last price a market order may be off, e.g. 0.1
        self.duplicate_id = "refused"            # duplicate customerOrderId: "refused" at once, or "failed" as an order
        self.customer_ids_unique_forever = False  # else among open orders only
        self.cancel_finished = "error"           # v2 cancel of a finished order: "error", "not_found", "accepted"
        self.socket_cancel_finished = "requested"  # "requested" (then FAILED_CANCEL_ORDER), or "error"
        self.socket_error_shape = "response"     # "response", "invalid", "rejected" or "error"
        self.status_delay = 0.0                  # seconds before status and detail know a new order
        self.status_retention: Optional[float] = None  # seconds the status route knows a finished order
        self.rest_trade_ids_differ = False       # trade ids in REST are not those of the socket
        self.rest_balance_symbol = "ZAR"         # the rand in REST balances: "ZAR" or "R"

    def between(self, bounds: Tuple[float, float]) -> float:
        """A random number of seconds within `bounds`."""
        return self.random.uniform(*bounds) if bounds[1] else bounds[0]

    def happens(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability

    def attach(self, sockets: Dict[str, Set["Socket"]]) -> None:
        """Gives the socket controls below something to act on."""
        self._sockets = sockets

    def sockets(self, kind: str) -> List["Socket"]:
        """Open sockets of a kind, "trade" or "account"."""
        return list(self._sockets[kind])

    def drop_sockets(self, kind: str, code: int = 1006) -> int:
        """Closes all sockets of a kind with `code`; 1006 aborts without a close frame. Returns how many there were."""
        sockets = self.sockets(kind)
        for socket in sockets:
            socket.close(code)
        return len(sockets)

    def silence_sockets(self, kind: str) -> int:
        """Open sockets of a kind go half-open: they stay up, say nothing and hear nothing. Returns how many."""
        sockets = self.sockets(kind)
        for socket in sockets:
            socket.fall_silent()
        return len(sockets)
