"""A seeded background market: makers quote several levels, takers trade, prices walk. Repeatable step by step."""
import random
from decimal import Decimal
from typing import Dict, List, Tuple

from .candles import Candle, Candles
from .catalogue import Pair
from .clock import SimulatedClock
from .engine import Engine
from .money import ZERO, floor_to_places
from .orders import FAILED
from .rules import Rejected

MAKERS, TAKERS, TESTER = "makers", "takers", "market"
BUSY_PAIRS = ("BTCZAR", "ETHZAR", "USDTZAR", "BTCUSDT")
_LEVELS = 12
_MINUTES_OF_HISTORY = 1440
_HOURS_OF_HISTORY = 24 * 60


class _Quotes:
    """The makers' quotes on one pair, around a middle price counted in ticks."""

    def __init__(self, pair: Pair):
        self.pair = pair
        self.home = int(pair.reference_price / pair.tick)
        self.middle = self.home
        # Levels about 0.015 % apart, at least one tick.
        self.gap = max(1, round(self.home * 0.00015))
        self.orders: Dict[Tuple[str, int], str] = {}

    def wanted(self) -> List[Tuple[str, int]]:
        """(side, ticks) of every quote, best first."""
        distances = [max(1, self.gap // 2) + level * self.gap for level in range(_LEVELS)]
        return [(side, self.middle + distance if side == "SELL" else self.middle - distance)
                for distance in distances for side in ("BUY", "SELL") if side == "SELL" or self.middle > distance]


class Market:
    """
    `step()` does one thing on one pair; the same seed and number of steps give the same market as long as nobody else
    trades. `rate` is the number of steps per second once started.
    """

    def __init__(self, engine: Engine, clock: SimulatedClock, seed: int, rate: float = 20.0):
        self.rate = rate
        self.steps = 0
        self._engine = engine
        self._clock = clock
        self._random = random.Random(f"market-{seed}")
        self._quotes: Dict[str, _Quotes] = {}
        self._running = False

    def open(self) -> None:
        """Quotes every pair that has an order book."""
        for pair in list(self._engine.pairs.values()):
            self.open_pair(pair)

    def open_pair(self, pair: Pair) -> None:
        if pair.has_order_book and pair.kind == "SPOT" and pair.symbol not in self._quotes:
            self._quotes[pair.symbol] = _Quotes(pair)
            self._requote(self._quotes[pair.symbol])

    def write_history(self, candles: Candles) -> None:
        """Candles of the past: minutes of the last day, and one an hour for two months before it."""
        now = int(self._clock.now()) // 60 * 60
        day = now // 3600 * 3600 - _MINUTES_OF_HISTORY * 60
        moments = [day - hour * 3600 for hour in range(_HOURS_OF_HISTORY, 0, -1)] + list(range(day, now, 60))
        for quotes in self._quotes.values():
            if quotes.pair.symbol in BUSY_PAIRS:
                self._write_history(candles, quotes.pair, moments)

    def start(self) -> None:
        """Steps `rate` times per second from now on."""
        self._running = True
        self._clock.call_later(1 / self.rate, self._tick)

    def stop(self) -> None:
        self._running = False

    def step(self) -> None:
        """Moves a price, trades as a taker, or refreshes quotes, on a pair chosen at random (busy pairs mostly)."""
        self.steps += 1
        busy = [symbol for symbol in BUSY_PAIRS if symbol in self._quotes]
        symbol = self._random.choice(busy if busy and self._random.random() < 0.8 else sorted(self._quotes))
        quotes = self._quotes[symbol]
        if not quotes.pair.has_order_book:
            return
        deed = self._random.random()
        if deed < 0.35:
            self._walk(quotes)
        elif deed < 0.75:
            self._take(quotes)
        else:
            self._requote(quotes, renew=self._random.randrange(_LEVELS))

    def _tick(self) -> None:
        if self._running:
            self.step()
            self._clock.call_later(1 / self.rate, self._tick)

    def _walk(self, quotes: _Quotes) -> None:
        # Steps are normal with a pull home, so that prices move and still stay near their reference.
        pull = (quotes.home - quotes.middle) * 0.002
        quotes.middle = max(2, quotes.middle + round(self._random.gauss(0, 1.5) * quotes.gap + pull))
        self._requote(quotes)

    def _take(self, quotes: _Quotes) -> None:
        side = self._random.choice(("BUY", "SELL"))
        quantity = self._size(quotes.pair) * Decimal(self._random.choice((5, 10, 20, 40, 100)))
        try:
            self._engine.place_market(TAKERS, pair=quotes.pair.symbol, side=side,
                                      base_amount=floor_to_places(quantity, quotes.pair.base_decimals))
        except Rejected:
            pass  # an empty side, or too small a trade after a large move

    def _requote(self, quotes: _Quotes, renew: int = -1) -> None:
        """Brings the quotes to where the middle price wants them; `renew` replaces the level of that number too."""
        wanted = quotes.wanted()
        keep = set(wanted) - set(wanted[2 * renew:2 * renew + 2] if renew >= 0 else ())
        account = self._engine.account(MAKERS)
        with self._engine.together():
            for key, order_id in list(quotes.orders.items()):
                if key not in keep or order_id not in account.open_orders:
                    del quotes.orders[key]
                    if order_id in account.open_orders:
                        self._engine.cancel(MAKERS, order_id=order_id)
            for key in wanted:
                if key not in quotes.orders:
                    self._quote(quotes, key)

    def _quote(self, quotes: _Quotes, key: Tuple[str, int]) -> None:
        side, ticks = key
        price = quotes.pair.tick * ticks
        quantity = self._size(quotes.pair) * Decimal(self._random.randint(20, 200))
        try:
            order = self._engine.place_limit(MAKERS, pair=quotes.pair.symbol, side=side, price=price,
                                             quantity=floor_to_places(quantity, quotes.pair.base_decimals))
        except Rejected:
            return
        if order.status != FAILED and order.is_open:
            quotes.orders[key] = order.order_id

    def _size(self, pair: Pair) -> Decimal:
        """A trade's base amount: a few times the pair's minimum, whatever its price."""
        least = max(pair.min_base, pair.min_quote / pair.reference_price)
        return least * Decimal(self._random.randint(15, 90)) / 10

    def _write_history(self, candles: Candles, pair: Pair, moments: List[int]) -> None:
        ticks = home = int(pair.reference_price / pair.tick)
        # From the present backwards, so that history ends where the market begins.
        for moment in reversed(moments):
            prices = [ticks]
            for _ in range(3):
                ticks = max(2, ticks + round(self._random.gauss(0, 0.0005) * home + (home - ticks) * 0.02))
                prices.append(ticks)
            volume = floor_to_places(self._size(pair) * self._random.randint(5, 50), pair.base_decimals)
            last, *_, first = prices
            candles.add(pair.symbol, moment, Candle(first * pair.tick, max(prices) * pair.tick, min(prices) * pair.tick,
                                                    last * pair.tick, volume, volume * last * pair.tick))


def endow(engine: Engine, currencies: List[str]) -> None:
    """Gives the accounts of the background market, and the one of tests, more than they can ever spend."""
    for account_id in (MAKERS, TAKERS, TESTER):
        for currency in currencies:
            if engine.account(account_id).balances[currency].total == ZERO:
                engine.deposit(account_id, currency, Decimal(10) ** 15)
