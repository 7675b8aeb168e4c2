"""What VALR tells everybody: status, time, pairs, prices."""
import time
from datetime import datetime

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_web_utils as web_utils
from hummingbot.connector.time_synchronizer import TimeSynchronizer
from hummingbot_valr.check.mends import READ_ONLY, RECORD_AND_REPORT, described, mend_of
from hummingbot_valr.check.report import Row, fail, ok, warn
from hummingbot_valr.check.session import Session

_CLOCK_SAMPLES = 3
# The connector signs with VALR's time. What Hummingbot itself stamps has the local time: candles, order ages, reports.
_CLOCK_WARN = 1.0  # seconds
_CLOCK_FAIL = 30.0
# VALR renews it every 5 s; summaries up to 47 s old were seen.
_SUMMARY_MAX_AGE = 120.0


async def check_reachability(session: Session) -> Row:
    name = "reachability"
    try:
        reply = await session.get(CONSTANTS.STATUS_PATH)
    except Exception as error:
        return fail(name, described(error), mend_of(error, session.domain))
    status = reply.get("status") if isinstance(reply, dict) else None
    if status == "online":
        return ok(name, f"{web_utils.public_rest_url('', session.domain)} is online")
    if status == "read-only":
        return warn(name, "VALR is read-only: orders are neither placed nor cancelled", READ_ONLY)
    return fail(name, f"VALR's status is {status!r}, which is not known", RECORD_AND_REPORT)


async def check_clock(session: Session) -> Row:
    name = "clock"
    clock = TimeSynchronizer()
    try:
        for _ in range(_CLOCK_SAMPLES):
            sent_at = time.perf_counter()
            server_time = await web_utils.get_current_server_time(session.exchange.throttler, session.domain)
            clock.add_time_offset_ms_sample(server_time - (sent_at + time.perf_counter()) / 2 * 1e3)
    except Exception as error:
        return fail(name, f"VALR's time cannot be read: {described(error)}", mend_of(error, session.domain))
    offset = time.time() - clock.time()
    detail = f"this machine is {abs(offset):.3f} s {'ahead of' if offset > 0 else 'behind'} VALR"
    mend = "Let this machine set its clock by NTP, for example with `timedatectl set-ntp true`."
    if abs(offset) > _CLOCK_FAIL:
        return fail(name, detail, mend)
    return warn(name, detail, mend) if abs(offset) > _CLOCK_WARN else ok(name, detail)


async def check_pairs(session: Session) -> Row:
    name = "pairs"
    exchange = session.exchange
    try:
        rows = await session.get(CONSTANTS.PAIRS_PATH)
        await exchange._update_trading_rules()
        mapped = await exchange.trading_pair_symbol_map()
    except Exception as error:
        return fail(name, f"VALR's pairs cannot be read: {described(error)}", mend_of(error, session.domain))
    without_rules = sorted(pair for pair in mapped.values() if pair not in exchange.trading_rules)
    if without_rules:
        return warn(name, f"{len(mapped)} pairs, of which {len(without_rules)} have rules that cannot be read: "
                          f"{', '.join(without_rules[:5])}", RECORD_AND_REPORT)
    return ok(name, f"{len(mapped)} spot pairs of {len(rows)} can be traded, e.g. {next(iter(mapped.values()))}")


async def check_market_summary(session: Session) -> Row:
    name = "market_summary"
    try:
        rows = await session.get(CONSTANTS.MARKET_SUMMARY_PATH)
        listed = await session.exchange.trading_pair_symbol_map()
        summaries = [row for row in rows if row["currencyPair"] in listed]
        prices = {row["currencyPair"]: float(row["lastTradedPrice"]) for row in summaries}
        newest = max((datetime.fromisoformat(row["created"]).timestamp() for row in summaries), default=0.0)
    except (KeyError, TypeError, ValueError) as error:
        return fail(name, f"the market summary has not the form it should have: {error!r}", RECORD_AND_REPORT)
    except Exception as error:
        return fail(name, described(error), mend_of(error, session.domain))
    priced = [symbol for symbol, price in prices.items() if price > 0]
    if not priced:
        return fail(name, "no pair has a last price", RECORD_AND_REPORT)
    age = session.exchange._time_synchronizer.time() - newest
    if age > _SUMMARY_MAX_AGE:
        return warn(name, f"the newest of {len(prices)} summaries is {age:.0f} s old",
                    "Last prices are not current; wait, and look at status.valr.com.")
    return ok(name, f"{len(priced)} of {len(listed)} pairs have a last price, the newest is {max(age, 0):.0f} s old")
