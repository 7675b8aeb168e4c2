"""The account socket: the login, and what it greets with."""
from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot_valr.check.mends import connection_mend, described
from hummingbot_valr.check.report import Row, fail, ok
from hummingbot_valr.check.session import Session

NAME = "account_socket"
_PINGS = 3
_REFUSED = ("REST accepts the key and the socket does not: try again in a minute, VALR limits new connections. Until "
            "it logs in, the connector polls the account and sends orders over REST, which is slower, but safe.")


async def check_account_socket(session: Session) -> Row:
    """Leaves the socket logged in for the rows that come later."""
    socket = session.account_socket
    session.start_account_socket()
    await socket.changed.wait()  # at the latest when the connector's own time limit for logins is over
    if socket.trouble is not None:
        await session.stop()
        return fail(NAME, described(socket.trouble), _REFUSED)
    try:
        session.latencies["account socket"] = [
            await socket.ping(CONSTANTS.SOCKET_REPLY_TIMEOUT) for _ in range(_PINGS)]
    except TimeoutError:
        return fail(NAME, "it logged in, and VALR answers no PING", connection_mend(session.domain))
    except ConnectionError as error:
        return fail(NAME, f"it logged in and was lost: {described(socket.trouble or error)}",
                    connection_mend(session.domain))
    greeting = ", ".join(f"{count} {kind}" for kind, count in socket.frames.items() if kind != CONSTANTS.PONG)
    return ok(NAME, f"logged in; {greeting or 'nothing'} came with it")
