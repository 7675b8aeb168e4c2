import sys
from decimal import Decimal

ALL = Decimal("100")


def rate_limits_share() -> Decimal:
    """
    The part of all rate limits that the user gives to this bot, `rate_limits_share_pct` of the client's configuration.
    Hummingbot hands it to the constructors of sub-domains (`valr_simulator`) only.

    :return: percent, 0 to 100; 100 when no Hummingbot client runs in this process, as in a program that uses the
        connector as a library and gives the share to its constructor
    """
    client = sys.modules.get("hummingbot.client.hummingbot_application")
    # `main_application()` would create a client where there is none.
    application = getattr(getattr(client, "HummingbotApplication", None), "_main_app", None)
    configuration = getattr(application, "client_config_map", None)
    return getattr(configuration, "rate_limits_share_pct", ALL)
