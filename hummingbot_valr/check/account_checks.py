"""What VALR tells the owner of a key over REST."""
from typing import Any, Dict, List

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS, valr_parsers as parsers
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError
from hummingbot.connector.exchange.valr.valr_key_check import NEEDED_PERMISSIONS, explain_refusal
from hummingbot_valr.check.mends import RECORD_AND_REPORT, SIGNATURE, described, mend_of
from hummingbot_valr.check.report import Row, fail, ok, skipped, warn
from hummingbot_valr.check.session import Session

_NEW_KEY = "Create a key with View and Trade at VALR, and nothing else."


async def check_key(session: Session) -> List[Row]:
    """The rows `key`, `signature` and `permissions`, which one request tells."""
    try:
        key = await session.get_signed(CONSTANTS.API_KEY_PATH)
    except ValrAPIError as error:
        if error.code == CONSTANTS.INVALID_SIGNATURE_CODE:
            return [skipped("key", "signature"),
                    fail("signature", explain_refusal(error, None), SIGNATURE),
                    skipped("permissions", "signature")]
        return _key_failed(explain_refusal(error, None), error, session)
    except Exception as error:
        return _key_failed(described(error), error, session)
    session.is_key_accepted = True
    return [_key_row(session, key), ok("signature", "VALR accepts it"), _permissions_row(key)]


def _key_failed(detail: str, error: Exception, session: Session) -> List[Row]:
    return [fail("key", detail, mend_of(error, session.domain)),
            skipped("signature", "key"), skipped("permissions", "key")]


def _key_row(session: Session, key: Dict[str, Any]) -> Row:
    is_sub_account = key.get("isSubAccount") is True or session.exchange.subaccount_id
    owner = "a sub-account" if is_sub_account else "the primary account"
    bound = "bound to an IP address" if key.get("allowedIpAddressCidr") else "not bound to an IP address"
    return ok("key", f"from {session.key_source}; it acts for {owner} and is {bound}")


def _permissions_row(key: Dict[str, Any]) -> Row:
    name = "permissions"
    permissions = key.get("permissions")
    if not isinstance(permissions, list):
        return fail(name, "VALR did not name the key's permissions", RECORD_AND_REPORT)
    missing = [permission for permission in NEEDED_PERMISSIONS if permission not in permissions]
    if missing:
        return fail(name, f"the key lacks {' and '.join(missing)}", _NEW_KEY)
    surplus = [permission for permission in permissions if permission not in NEEDED_PERMISSIONS]
    if surplus:
        return warn(name, f"the key may also {', '.join(surplus)}",
                    f"A bot needs none of that, and whoever steals its key can use it. {_NEW_KEY}")
    return ok(name, " and ".join(permissions))


async def check_order_book(session: Session) -> Row:
    """The signed order book of REST, which stands in when the socket sends none."""
    name = "order_book"
    try:
        pair = next(iter((await session.sample_pairs()).values()))
        book = await session.exchange.market_data._order_book_snapshot(pair)
    except (KeyError, TypeError, ValueError) as error:
        return fail(name, f"the order book has not the form it should have: {error!r}", RECORD_AND_REPORT)
    except Exception as error:
        return fail(name, described(error), mend_of(error, session.domain))
    if not book.bids or not book.asks:
        return warn(name, f"{pair} has {len(book.bids)} bids and {len(book.asks)} asks",
                    "Nothing is wrong with this machine, but nobody quotes both sides there now.")
    bid, ask = book.bids[0].price, book.asks[0].price
    if bid >= ask:
        return fail(name, f"{pair}: the best bid {bid:g} is not below the best ask {ask:g}", RECORD_AND_REPORT)
    return ok(name, f"{pair}: {len(book.bids)} bids, {len(book.asks)} asks, spread {(ask - bid) / ask:.3%}")


async def check_fees(session: Session) -> Row:
    name = "fees"
    try:
        rates = [parsers.fee_rates(row) for row in await session.get_signed(CONSTANTS.TRADE_FEES_PATH)]
        pairs = await session.sample_pairs()
    except (AttributeError, TypeError, ValueError) as error:
        return fail(name, f"the fees have not the form they should have: {described(error)}", RECORD_AND_REPORT)
    except Exception as error:
        return fail(name, described(error), mend_of(error, session.domain))
    known = [rate for rate in rates if rate is not None and rate.symbol in pairs]
    if not known:
        return warn(name, f"VALR names no fees of {', '.join(pairs.values())}",
                    "Hummingbot then reckons with the default fees; see the user guide on fees.")
    return ok(name, ", ".join(f"{pairs[rate.symbol]} maker {rate.maker:.2%} taker {rate.taker:.2%}" for rate in known))


async def check_balances(session: Session) -> Row:
    """Names currencies, not amounts: what the self-test says is made to be shown to others."""
    name = "balances"
    try:
        await session.exchange._update_balances()
    except ValueError as error:
        return fail(name, f"the balances have not the form they should have: {error}", RECORD_AND_REPORT)
    except Exception as error:
        # The connector's explanation of a refusal has VALR's reply as its cause.
        cause = error.__cause__ if isinstance(error.__cause__, ValrAPIError) else error
        return fail(name, described(error), mend_of(cause, session.domain))
    held = sorted(asset for asset, total in session.exchange.get_all_balances().items() if total > 0)
    if not held:
        return warn(name, "the account is empty", "Deposit what the bot shall trade with.")
    return ok(name, f"{len(held)} currencies: {', '.join(held)}")
