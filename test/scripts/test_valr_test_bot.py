"""The test bot on Hummingbot's paper exchange, where the test decides about prices, trades and time."""
import json
from decimal import Decimal

import pytest
from pydantic import ValidationError

import hummingbot
from hummingbot.client.config.client_config_map import ClientConfigMap
from hummingbot.client.config.config_helpers import ClientConfigAdapter
from hummingbot.client.hummingbot_application import HummingbotApplication
from hummingbot.connector.exchange.paper_trade.paper_trade_exchange import QuantizationParams
from hummingbot.connector.markets_recorder import MarketsRecorder
from hummingbot.connector.test_support.mock_paper_exchange import MockPaperExchange
from hummingbot.core.clock import Clock, ClockMode
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.event.events import MarketOrderFailureEvent, OrderBookTradeEvent
from hummingbot.model.sql_connection_manager import SQLConnectionManager, SQLConnectionType
from scripts.valr_test_bot import SUMMARY_FILE_NAME, ValrTestBot, ValrTestBotConfig

START = 1_700_000_000.0
EXCHANGE = "mock_paper_exchange"


class Desk:
    """A bot on a paper exchange under a clock which the test moves."""

    def __init__(self, tmp_path, **settings):
        defaults = {"exchange": EXCHANGE, "trading_pairs": "BTC-ZAR", "order_amount_quote": 1000, "spread": "0.01",
                    "refresh_time": 5, "cycles": 2, "max_exposure_quote": 5000}
        config = ValrTestBotConfig(**{**defaults, **settings})
        self.exchange = MockPaperExchange()
        for pair in config.trading_pairs:
            self.exchange.set_balanced_order_book(pair, 100.0, 50.0, 150.0, 1.0, 100.0)
            self.exchange.set_balance(pair.split("-")[0], 1000)
        self.exchange.set_balance("ZAR", 100_000)
        ValrTestBot.init_markets(config)
        client = ClientConfigAdapter(ClientConfigMap())
        database = SQLConnectionManager(client, SQLConnectionType.TRADE_FILLS, db_path=str(tmp_path / "trades.sqlite"))
        MarketsRecorder(database, [], "conf", "bot", client.market_data_collection)  # the base class asks for it
        self.bot = ValrTestBot({EXCHANGE: self.exchange}, config)
        self.clock = Clock(ClockMode.BACKTEST, 1.0, START, START + 10_000)
        self.clock.add_iterator(self.exchange)
        self.clock.add_iterator(self.bot)
        self.now = START
        hummingbot.set_data_path(str(tmp_path))

    def pass_time(self, seconds: int = 1) -> None:
        self.now += seconds
        self.clock.backtest_til(self.now)

    def pass_until(self, condition) -> None:
        for _ in range(120):
            if condition():
                return
            self.pass_time()
        raise AssertionError("the bot never got there")

    def orders(self):
        return {order.is_buy: order for order in self.exchange.limit_orders}

    def trade(self, price: float, taker: TradeType, amount: float = 1000.0, pair: str = "BTC-ZAR") -> None:
        """Somebody else's trade at a price; fills the bot's quote when it is at least as good."""
        book = self.exchange.order_books[pair]
        book.apply_trade(OrderBookTradeEvent(pair, self.now, taker, Decimal(price), Decimal(amount)))


@pytest.fixture
def stopped(monkeypatch):
    """Counts how often the bot asks Hummingbot to stop."""
    class Application:
        stops = 0
        _mqtt = None

        def stop(self):
            self.stops += 1

        def notify(self, message):
            self.message = message

    application = Application()
    monkeypatch.setattr(HummingbotApplication, "main_application", lambda *args, **kwargs: application)
    return application


@pytest.fixture
def desk(tmp_path, stopped):
    data_path = hummingbot.data_path()
    yield lambda **settings: Desk(tmp_path, **settings)
    hummingbot.set_data_path(data_path)


async def test_quotes_both_sides_of_the_mid_price_post_only(desk):
    desk = desk()
    desk.pass_time(2)
    bid, ask = desk.orders()[True], desk.orders()[False]
    assert (bid.price, ask.price) == (Decimal(99), Decimal(101))
    assert bid.quantity == ask.quantity == Decimal(10)
    assert {order.order_type for order in desk.bot._orders.values()} == {desk.exchange.get_maker_order_type()}


async def test_a_quote_never_crosses_the_book_however_small_the_spreads(desk):
    desk = desk(spread="0")
    desk.exchange.set_quantization_param(QuantizationParams("BTC-ZAR", 10, 1, 10, 8))
    desk.exchange.set_balanced_order_book("BTC-ZAR", 100.05, 50.0, 150.0, 0.1, 100.0)
    desk.pass_time(2)
    assert (desk.orders()[True].price, desk.orders()[False].price) == (Decimal("100.0"), Decimal("100.1"))


async def test_cycles_round_trip_and_end(desk, stopped):
    desk = desk(cycles=3)
    desk.pass_until(lambda: stopped.stops)
    desk.pass_time(30)
    counts = desk.bot._counts
    assert counts["placed"] == 3 * 2 + 2
    assert counts["cancelled"] == 6
    assert counts["taker fills"] >= 2
    assert desk.bot._progress["BTC-ZAR"].position == 0
    assert not desk.exchange.limit_orders
    assert stopped.stops == 1


async def test_quotes_are_replaced_at_the_price_of_the_day(desk):
    desk = desk(refresh_time=5)
    desk.pass_time(2)
    first = desk.orders()[True]
    desk.exchange.set_balanced_order_book("BTC-ZAR", 110.0, 50.0, 150.0, 1.0, 100.0)
    desk.pass_time(3)
    assert desk.orders()[True].client_order_id == first.client_order_id
    desk.pass_until(lambda: desk.bot._progress["BTC-ZAR"].cycles_done == 2)
    assert desk.orders()[True].price == Decimal("108.9")


async def test_fills_are_counted_with_the_position_and_end_the_order(desk):
    desk = desk(cycles=1)
    desk.pass_time(2)
    desk.trade(98.0, TradeType.SELL)
    desk.pass_time()
    assert desk.bot._counts["maker fills"] == 1
    assert desk.bot._progress["BTC-ZAR"].position == Decimal(10)
    assert [order.is_buy for order in desk.exchange.limit_orders] == [False]


async def test_the_exposure_limit_holds_whatever_is_filled(desk):
    desk = desk(cycles=50, order_amount_quote=1000, max_exposure_quote=1500)
    for _ in range(30):
        desk.pass_time(2)
        desk.trade(50.0, TradeType.SELL)  # the market falls through every bid, and nothing takes the asks
        position = desk.bot._progress["BTC-ZAR"].position
        open_bids = sum(order.quantity for order in desk.exchange.limit_orders if order.is_buy)
        assert (position + open_bids) * 100 <= 1500
    assert desk.bot._counts["maker fills"] == 1
    assert desk.bot._counts["held back by the limit"] > 0


async def test_above_the_limit_only_what_brings_it_down_is_placed(desk):
    desk = desk(cycles=50, order_amount_quote=1000, max_exposure_quote=1500)
    desk.pass_time(2)
    desk.trade(50.0, TradeType.SELL)
    desk.pass_until(lambda: not desk.exchange.limit_orders)
    assert desk.bot._progress["BTC-ZAR"].position == Decimal(10)
    desk.exchange.set_balanced_order_book("BTC-ZAR", 200.0, 150.0, 250.0, 1.0, 100.0)  # which is worth 2000 now
    desk.pass_until(lambda: desk.bot._progress["BTC-ZAR"].cycles_done == 2)
    assert list(desk.orders()) == [False]


async def test_a_lost_cancel_is_repeated_and_not_at_every_tick(desk):
    desk = desk(refresh_time=5)
    desk.pass_time(2)
    cancels = []
    desk.bot.cancel = lambda exchange, pair, order_id: cancels.append(order_id)
    desk.pass_time(5 + 21)
    assert len(cancels) == 3 * 2 and len(set(cancels)) == 2


async def test_no_order_is_placed_while_a_price_is_missing(desk):
    desk = desk()
    desk.exchange.new_empty_order_book("BTC-ZAR")
    desk.pass_time(10)
    assert not desk.exchange.limit_orders and not desk.bot._counts


async def test_no_order_is_placed_while_the_price_of_a_position_is_missing(desk, caplog):
    desk = desk(trading_pairs="BTC-ZAR,ETH-ZAR")
    desk.pass_time(2)
    desk.trade(98.0, TradeType.SELL)
    desk.exchange.new_empty_order_book("BTC-ZAR")
    desk.pass_until(lambda: not desk.exchange.limit_orders)
    desk.pass_time(10)
    assert not desk.exchange.limit_orders
    assert "the exposure with it cannot be told while a price is missing" in caplog.text and "NaN" not in caplog.text


async def test_stopping_leaves_no_order_and_tells_what_was_done(desk, stopped, tmp_path):
    desk = desk()
    desk.pass_time(2)
    assert len(desk.exchange.limit_orders) == 2

    await desk.bot.on_stop()

    assert not desk.exchange.limit_orders
    desk.pass_time(20)
    assert not desk.exchange.limit_orders, "the bot must not quote again once it is stopping"
    summary = json.loads((tmp_path / SUMMARY_FILE_NAME).read_text())
    assert summary["counts"] == {"placed": 2, "cancelled": 2}
    assert summary["open_orders"] == []
    assert summary["balances"]["ZAR"] == {"total": "100000", "available": "100000"}
    assert "Summary" in stopped.message and "cancelled" in stopped.message


async def test_several_pairs_share_one_limit(desk):
    desk = desk(trading_pairs="BTC-ZAR,ETH-ZAR", max_exposure_quote=1500)
    desk.pass_time(2)
    assert [order.trading_pair for order in desk.exchange.limit_orders] == ["BTC-ZAR", "BTC-ZAR"]


async def test_status_names_what_another_connector_does_not_measure(desk):
    desk = desk()
    assert desk.bot.format_status() == f"{EXCHANGE} is not ready yet."
    desk.pass_time(2)
    status = desk.bot.format_status()
    assert "account news by n/a, cycle 1 of 2" in status
    for line in ("BTC-ZAR", "99.5", "LIMIT", "n/a"):
        assert line in status


@pytest.mark.parametrize("settings, reason", [
    ({"trading_pairs": "BTCZAR"}, "write trading pairs as BASE-QUOTE"),
    ({"trading_pairs": "BTC-ZAR,BTC-USDT"}, "need one quote currency"),
    ({"trading_pairs": ""}, "at least 1 item"),
    ({"order_amount_quote": "0"}, "greater than 0"),
    ({"order_amount_quote": "NaN"}, "finite number"),
    ({"order_amount_quote": "many"}, "valid decimal"),
    ({"spread": "-0.1"}, "greater than or equal to 0"),
    ({"spread": "1"}, "less than 1"),
    ({"cycles": 0}, "greater than 0"),
    ({"refresh_time": 0}, "greater than 0"),
    ({"max_exposure_quote": "499"}, "is less than one order"),
])
def test_a_wrong_setting_is_refused_with_its_reason(settings, reason):
    with pytest.raises(ValidationError, match=reason):
        ValrTestBotConfig(**settings)


def test_nothing_trades_for_real_unless_asked():
    assert ValrTestBotConfig().exchange == "valr_simulator"


def test_pairs_are_cleaned_up():
    assert ValrTestBotConfig(trading_pairs=" btc-zar, ETH-ZAR,BTC-ZAR ").trading_pairs == ["BTC-ZAR", "ETH-ZAR"]


async def test_a_failed_market_order_ends_the_round_trip_and_not_the_bot(desk, stopped, caplog):
    desk = desk()
    desk.pass_until(lambda: desk.bot._counts["placed"] == 3)
    (order_id, order), = desk.bot._orders.items()
    assert order.order_type is OrderType.MARKET
    desk.bot.did_fail_order(MarketOrderFailureEvent(desk.now, order_id, OrderType.MARKET))
    desk.pass_until(lambda: stopped.stops)
    assert desk.bot._counts["failed"] == 1 and desk.bot._counts["placed"] == 2 * 2 + 1
    assert "smaller than the exchange allows" not in caplog.text


async def test_an_order_below_the_exchanges_smallest_is_reported_and_not_placed(desk, caplog):
    desk = desk(order_amount_quote="0.000001")
    desk.exchange.set_quantization_param(QuantizationParams("BTC-ZAR", 10, 1, 10, 4))
    desk.pass_time(2)
    assert not desk.exchange.limit_orders
    assert "A BUY order on BTC-ZAR would be smaller than the exchange allows." in caplog.text
