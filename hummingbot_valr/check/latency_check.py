"""Round trips of REST and sockets, side by side."""
import time
from statistics import median
from typing import List

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot_valr.check.mends import described, mend_of
from hummingbot_valr.check.report import Row, fail, ok, warn
from hummingbot_valr.check.session import Session

NAME = "latency"
_REQUESTS = 5
_SLOW = 1.0  # seconds; the best quote has often moved by then


async def check_latency(session: Session) -> Row:
    try:
        session.latencies["REST public"] = await _rest(session, CONSTANTS.STATUS_PATH, is_signed=False)
        if session.is_key_accepted:
            session.latencies["REST signed"] = await _rest(session, CONSTANTS.API_KEY_PATH, is_signed=True)
    except Exception as error:
        return fail(NAME, described(error), mend_of(error, session.domain))
    medians = {path: median(samples) for path, samples in session.latencies.items() if samples}
    detail = ", ".join(f"{path} {seconds * 1e3:.1f} ms" for path, seconds in sorted(medians.items()))
    slowest = max(medians.values())
    if slowest >= CONSTANTS.SOCKET_REPLY_TIMEOUT:
        return fail(NAME, f"{detail} (medians)", "Orders would time out and have to be looked up. Run the bot on a "
                                                 "machine or a network nearer to VALR.")
    if slowest >= _SLOW:
        return warn(NAME, f"{detail} (medians)", "Quotes will lag behind the market. Run the bot on a machine or a "
                                                 "network nearer to VALR.")
    return ok(NAME, f"{detail} (medians)")


async def _rest(session: Session, path: str, is_signed: bool) -> List[float]:
    """Seconds of each request, over a connection that is open already."""
    samples = []
    for _ in range(_REQUESTS):
        sent_at = time.perf_counter()
        await (session.get_signed(path) if is_signed else session.get(path))
        samples.append(time.perf_counter() - sent_at)
    return samples
