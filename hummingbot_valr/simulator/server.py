"""The embedded exchange: everything put together behind one port on the loopback interface."""
import logging
from typing import Optional

from aiohttp import web

from .account_commands import AccountCommands
from .account_hub import AccountHub
from .candles import Candles
from .catalogue import Pair
from .clock import SimulatedClock
from .engine import Engine
from .faults import Faults
from .gate import Gate
from .ledger import PRIMARY
from .market import MAKERS, TAKERS, TESTER, Market, endow
from .page import Page
from .rate_limits import RateLimits
from .rest_account import AccountRoutes
from .rest_orders import OrderRoutes
from .rest_public import PublicRoutes
from .signing import Keyring
from .socket_server import SocketServer
from .tape import Tape
from .trade_hub import TradeHub

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
SUB_ACCOUNT = "1385226517613019136"
_LARGEST_BODY = 1024 * 1024
_DEMO_MONEY = {"ZAR": "1000000", "USDT": "50000", "USDC": "50000", "BTC": "2", "ETH": "20", "XRP": "10000",
               "SOL": "200"}


class ValrSimulator:
    """
    An embedded VALR.

        async with ValrSimulator(seed=1) as exchange:
            ...  # exchange.url, exchange.api_key, exchange.api_secret

    `port` 0 takes a free port. `market=False` leaves all books empty and still. Everything random follows `seed`. The
    demo account (id `account_id`) holds some of the usual currencies; `sub_account_id` starts empty; the account
    "market" has all the money in the world and is for tests to trade against others with. Listens on loopback only.
    """

    account_id = PRIMARY
    sub_account_id = SUB_ACCOUNT

    def __init__(self, port: int = 0, seed: int = 1, market: bool = True, clock: Optional[SimulatedClock] = None):
        self.clock = clock or SimulatedClock()
        self.faults = Faults(seed)
        self.engine = Engine(self.clock, seed, self.faults)
        self.rate_limits = RateLimits(self.clock)
        self.candles = Candles(self.engine, self.clock)
        self.tape = Tape(self.engine)
        self.market = Market(self.engine, self.clock, seed)
        self.keys = Keyring(seed, self.clock, self.engine.ledger, self.faults)
        self.trade_hub = TradeHub(self.engine, self.clock, self.faults, self.candles, seed)
        self.account_hub = AccountHub(self.engine, self.clock, self.faults)
        self.faults.attach({"trade": self.trade_hub.sockets, "account": self.account_hub.sockets})
        self._has_market = market
        self._port = port
        self._runner: Optional[web.AppRunner] = None
        self._open_accounts()
        demo = self.keys.create(PRIMARY, label="Demo")
        self.api_key, self.api_secret = demo.key, demo.secret
        orders = OrderRoutes(self.engine, self.clock, self.faults, self.account_hub)
        commands = AccountCommands(self.engine, self.clock, self.faults, self.account_hub, self.rate_limits, orders)
        self._sockets = SocketServer(self.clock, self.faults, self.keys, self.rate_limits, self.trade_hub,
                                     self.account_hub, commands)
        self._gate = Gate(self.clock, self.faults, self.keys, self.rate_limits)
        self._routes = [*PublicRoutes(self.engine, self.clock, self.faults, self.candles, self.tape).routes(),
                        *AccountRoutes(self.engine, self.clock, self.faults).routes(), *orders.routes()]
        self.engine.catalogue_listeners.append(self._on_catalogue)
        if market:
            self.market.open()
            self.market.write_history(self.candles)

    @property
    def url(self) -> str:
        """The base URL of REST, and with `ws` for `http` of the sockets."""
        return f"http://{HOST}:{self._port}"

    async def start(self) -> "ValrSimulator":
        """Listens; `OSError` when the port is taken."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        for route in self._routes:
            self._gate.register(app, route)
        self._sockets.register(app)
        Page(self.engine, self.faults, self.tape).register(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, HOST, self._port)
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        self._sockets.start()
        if self._has_market:
            self.market.start()
        return self

    async def stop(self) -> None:
        """Drops every connection and forgets every timer."""
        self.market.stop()
        self._sockets.drop_all()
        self.clock.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        # Sockets have left their hub only now, which begins the delay of their cancel-on-disconnect.
        self.clock.stop()

    async def __aenter__(self) -> "ValrSimulator":
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _open_accounts(self) -> None:
        self.engine.add_account(PRIMARY, "Primary")
        self.engine.add_account(SUB_ACCOUNT, "Sub Acc 001", is_sub_account=True)
        self.engine.add_account(TESTER, "Market")
        for account_id in (MAKERS, TAKERS):
            self.engine.add_account(account_id, account_id.title(), keeps_history=False)
        endow(self.engine, list(self.engine.currencies))
        for currency, value in _DEMO_MONEY.items():
            self.engine.deposit(PRIMARY, currency, value)

    def _on_catalogue(self, pair: Pair) -> None:
        endow(self.engine, [pair.base, pair.quote])
        self._gate.clear_cache()
        if self._has_market:
            self.market.open_pair(pair)
