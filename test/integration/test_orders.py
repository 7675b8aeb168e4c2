"""Orders of every type through the real connector: what a strategy hears, and what the exchange has in its books."""
import logging
from decimal import Decimal
from test.integration.trader import Trader

import pytest

from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.data_type.limit_order import LimitOrder
from hummingbot.core.data_type.market_order import MarketOrder
from hummingbot_valr.simulator import ValrSimulator

PAIR, SYMBOL = "BTC-ZAR", "BTCZAR"
PRICE = Decimal(1_800_000)
AMOUNT = Decimal("0.01")


@pytest.fixture
async def exchange():
    async with ValrSimulator(market=False) as simulator:
        for step in range(1, 4):
            for side, sign in (("BUY", -1), ("SELL", 1)):
                simulator.engine.place_limit(
                    "market", pair=SYMBOL, side=side, quantity="0.005", price=PRICE + sign * step * 100)
        yield simulator


@pytest.fixture
async def trader(exchange, monkeypatch):
    async with Trader(exchange, monkeypatch) as trader:
        yield await trader.ready()


def at_exchange(exchange: ValrSimulator, order_id: str):
    """The exchange's only order with this client order id."""
    order, = [each for each in exchange.engine.account(exchange.account_id).orders.values()
              if each.customer_order_id == order_id]
    return order


def warnings(caplog, order_id: str):
    return [record.getMessage() for record in caplog.records
            if record.levelno >= logging.WARNING and order_id in record.getMessage()]


async def agrees_with_ledger(trader: Trader):
    await trader.until(lambda: trader.fills() == trader.ledger_fills())
    await trader.until(lambda: trader.balances() == trader.ledger_balances())


async def test_connector_gets_ready_by_itself(exchange, monkeypatch):
    async with Trader(exchange, monkeypatch, ["BTC-ZAR", "ETH-ZAR"]) as trader:
        await trader.ready()

        assert set(trader.connector.status_dict.values()) == {True}
        assert trader.balances() == trader.ledger_balances()
        assert trader.connector.trading_rules[PAIR].min_price_increment == 1
        assert trader.connector.get_fee("BTC", "ZAR", OrderType.LIMIT_MAKER, None, AMOUNT).percent == Decimal("0.0018")
        assert trader.connector.get_fee("BTC", "ZAR", OrderType.MARKET, None, AMOUNT).percent == Decimal("0.0035")


async def test_maker_order_rests_fills_in_parts_and_completes(trader, exchange):
    order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
    await trader.until(lambda: trader.said(order_id) == ["created"])
    order = await trader.order(order_id)
    assert order.exchange_order_id == at_exchange(exchange, order_id).order_id

    exchange.engine.place_limit("market", pair=SYMBOL, side="SELL", quantity="0.004", price=PRICE)
    await trader.until(lambda: order.executed_amount_base == Decimal("0.004"))
    await trader.until(lambda: order.current_state is OrderState.PARTIALLY_FILLED)
    exchange.engine.place_limit("market", pair=SYMBOL, side="SELL", quantity="0.006", price=PRICE)

    await trader.until(lambda: trader.said(order_id) == ["created", "completed"])
    await agrees_with_ledger(trader)
    assert len(trader.fills()) == 2


async def test_market_order_takes_several_levels(trader):
    order_id = trader.connector.sell(PAIR, AMOUNT, OrderType.MARKET, PRICE)

    await trader.until(lambda: trader.said(order_id) == ["created", "completed"])
    await agrees_with_ledger(trader)
    assert {price for _, price, *_ in trader.fills()} == {PRICE - 100, PRICE - 200}


async def test_limit_order_takes_what_it_crosses_and_rests(trader):
    order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT, PRICE + 100)
    order = await trader.order(order_id)
    await trader.until(lambda: order.executed_amount_base == Decimal("0.005"))

    trader.connector.cancel(PAIR, order_id)

    await trader.until(lambda: trader.said(order_id) == ["created", "cancelled"])
    await agrees_with_ledger(trader)


async def test_reward_is_a_negative_fee_in_its_own_currency(exchange, monkeypatch):
    exchange.engine.set_fees(exchange.account_id, SYMBOL, "-0.01", "0.1")
    async with Trader(exchange, monkeypatch) as trader:
        await trader.ready()
        order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
        await trader.until(lambda: trader.said(order_id) == ["created"])

        exchange.engine.place_limit("market", pair=SYMBOL, side="SELL", quantity=AMOUNT, price=PRICE)

        await trader.until(lambda: trader.said(order_id) == ["created", "completed"])
        # 0.01 % of 18 000 rand, paid to the buyer in rand.
        assert [fees for *_, fees in trader.fills()] == [("ZAR", Decimal("-1.8"))]
        await agrees_with_ledger(trader)


@pytest.mark.parametrize("reward", ["absent", "zero", "reward"])
async def test_fee_that_the_event_does_not_tell_is_fetched(reward, exchange, monkeypatch):
    exchange.engine.set_fees(exchange.account_id, SYMBOL, "-0.01", "0.1")
    exchange.faults.events.reward = reward
    exchange.faults.rest_trade_ids_differ = True
    async with Trader(exchange, monkeypatch) as trader:
        await trader.ready()
        order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
        await trader.until(lambda: trader.said(order_id) == ["created"])

        exchange.engine.place_limit("market", pair=SYMBOL, side="SELL", quantity="0.004", price=PRICE)

        await trader.until(lambda: len(trader.fills()) == 1, timeout=2)
        assert trader.fills() == trader.ledger_fills()


class TestRefusals:
    """One warning with the reason and the order, one failure event, no traceback, and nothing is sent again."""

    async def refused(self, trader: Trader, order_id: str, reason: str, caplog):
        await trader.until(lambda: trader.is_over(order_id))
        assert trader.said(order_id) in (["failed"], ["created", "failed"])
        warning, = warnings(caplog, order_id)
        assert reason in warning
        assert not [record for record in caplog.records if record.exc_info]
        assert trader.events[order_id][-1].error_message.startswith(reason) or reason in warning

    @pytest.mark.parametrize("path", ["socket", "rest"])
    async def test_post_only_order_that_crosses(self, path, exchange, monkeypatch, caplog):
        exchange.faults.account_login = None if path == "socket" else "http_403"
        async with Trader(exchange, monkeypatch) as trader:
            await trader.ready()

            order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE + 500)

            await self.refused(trader, order_id, "Post only cancelled as it would have matched", caplog)
            assert at_exchange(exchange, order_id).status == "Failed"

    @pytest.mark.parametrize("path", ["socket", "rest"])
    async def test_insufficient_balance(self, path, exchange, monkeypatch, caplog):
        exchange.faults.account_login = None if path == "socket" else "http_403"
        async with Trader(exchange, monkeypatch) as trader:
            await trader.ready()

            order_id = trader.connector.sell(PAIR, Decimal("2.5"), OrderType.LIMIT, PRICE + 1000)

            await self.refused(trader, order_id, "Insufficient Balance", caplog)

    async def test_own_order_on_the_other_side(self, trader, exchange, caplog):
        resting = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
        await trader.until(lambda: trader.said(resting) == ["created"])

        order_id = trader.connector.sell(PAIR, AMOUNT, OrderType.LIMIT, PRICE)

        await self.refused(trader, order_id, "We did not execute this order since it would have matched", caplog)

    async def test_amount_below_the_minimum(self, trader, exchange, caplog):
        order_id = trader.connector.buy(PAIR, Decimal("0.00000001"), OrderType.LIMIT, PRICE)

        await self.refused(trader, order_id, "is lower than minimum order size", caplog)
        assert not exchange.engine.account(exchange.account_id).orders

    async def test_order_type_that_the_pair_does_not_allow_is_not_sent(self, exchange, monkeypatch, caplog):
        exchange.engine.set_order_types(SYMBOL, ["LIMIT"])
        async with Trader(exchange, monkeypatch) as trader:
            await trader.ready()

            order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)

            await self.refused(trader, order_id, "VALR does not allow LIMIT_MAKER orders on BTC-ZAR", caplog)
            assert not exchange.engine.account(exchange.account_id).orders

    async def test_pair_that_valr_does_not_list(self, trader, exchange, caplog):
        order_id = trader.connector.buy("NOPE-ZAR", AMOUNT, OrderType.LIMIT, PRICE)

        await self.refused(trader, order_id, "NOPE-ZAR cannot be traded", caplog)

    async def test_market_order_without_a_book(self, exchange, monkeypatch, caplog):
        async with Trader(exchange, monkeypatch, ["BTC-ZAR", "ETH-ZAR"]) as trader:
            await trader.ready()

            order_id = trader.connector.buy("ETH-ZAR", AMOUNT, OrderType.MARKET, Decimal("NaN"))

            await trader.until(lambda: trader.said(order_id) == ["failed"])
            assert not trader.connector.in_flight_orders


class TestSilence:
    async def test_resting_order_without_any_event_is_found(self, trader, exchange):
        exchange.faults.events.lost = 1.0

        order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)

        await trader.until(lambda: trader.said(order_id) == ["created"], timeout=3)

    async def test_cancellation_without_any_event_is_found(self, trader, exchange):
        order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
        await trader.until(lambda: trader.said(order_id) == ["created"])
        await trader.until(lambda: not trader.connector._lookup._timers)
        exchange.faults.events.lost = 1.0

        trader.connector.cancel(PAIR, order_id)

        await trader.until(lambda: trader.said(order_id) == ["created", "cancelled"], timeout=4)

    async def test_acknowledgement_is_not_an_outcome(self, trader, exchange):
        exchange.faults.outcome_delay = (0.6, 0.6)

        order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE + 500)
        order = await trader.order(order_id)
        await trader.until(lambda: order.exchange_order_id)

        assert order.is_pending_create
        await trader.until(lambda: trader.said(order_id) == ["failed"])


async def test_orders_of_a_pair_that_is_halted_end(trader, exchange):
    order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
    await trader.until(lambda: trader.said(order_id) == ["created"])
    exchange.faults.events.lost = 1.0
    exchange.faults.public_cache = False

    exchange.engine.set_active(SYMBOL, False)
    await trader.connector._update_trading_rules()
    assert PAIR not in trader.connector.trading_rules
    trader.connector.cancel(PAIR, order_id)

    await trader.until(lambda: trader.said(order_id) == ["created", "cancelled"])


class TestBatches:
    async def test_orders_are_placed_with_one_request(self, trader, exchange, caplog):
        orders = [LimitOrder("", PAIR, is_buy, "BTC", "ZAR", price, AMOUNT)
                  for is_buy, price in ((True, PRICE - 500), (False, PRICE + 500), (False, PRICE + 600))]
        market_order = MarketOrder("", PAIR, True, "BTC", "ZAR", Decimal("0.001"), 0)
        too_small = LimitOrder("", PAIR, True, "BTC", "ZAR", PRICE, Decimal("0.000000001"))

        created = trader.connector.batch_order_create([*orders, market_order, too_small])

        ids = [order.client_order_id for order in created]
        await trader.until(lambda: trader.is_over(ids[3]) and trader.is_over(ids[4]))
        await trader.until(lambda: all(trader.said(order_id) for order_id in ids))
        assert [trader.said(order_id) for order_id in ids[:3]] == [["created"]] * 3
        assert trader.said(ids[3]) == ["created", "completed"]
        assert trader.said(ids[4]) == ["failed"]
        assert trader.connector.order_entry.latency["rest"].acknowledgement.count == 1
        await agrees_with_ledger(trader)

    async def test_own_orders_are_cancelled_with_one_request(self, trader, exchange):
        ids = [trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE - step) for step in range(20)]
        foreign = exchange.engine.place_limit(
            exchange.account_id, pair=SYMBOL, side="BUY", quantity=AMOUNT, price=PRICE - 50)
        await trader.until(lambda: all(trader.said(order_id) == ["created"] for order_id in ids))

        results = await trader.connector.cancel_all(10)

        assert sorted(results) == sorted((order_id, True) for order_id in ids)
        assert all(trader.said(order_id) == ["created", "cancelled"] for order_id in ids)
        assert foreign.is_open
        assert trader.connector.order_entry.latency["rest"].acknowledgement.count == 1

    async def test_batch_of_cancellations(self, trader, exchange):
        ids = [trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE - step) for step in range(3)]
        await trader.until(lambda: all(trader.said(order_id) == ["created"] for order_id in ids))

        trader.connector.batch_order_cancel(trader.connector.limit_orders[:2])

        await trader.until(lambda: sum(trader.is_over(order_id) for order_id in ids) == 2)
        assert len(trader.connector.in_flight_orders) == 1

    async def test_cancellation_that_nothing_confirms_is_no_success(self, trader, exchange):
        order_id = trader.connector.buy(PAIR, AMOUNT, OrderType.LIMIT_MAKER, PRICE)
        await trader.until(lambda: trader.said(order_id) == ["created"])
        exchange.faults.stall = 60.0
        exchange.faults.batch.next("late")

        results = await trader.connector.cancel_all(3)

        assert results == [(order_id, False)]
        assert (await trader.order(order_id)).is_open


async def test_prices_of_all_pairs_come_with_one_request(trader, exchange):
    exchange.faults.public_cache = False
    for symbol, price in ((SYMBOL, 1_799_900), ("ETHZAR", 100_000)):
        exchange.engine.place_limit("market", pair=symbol, side="BUY", quantity="0.001", price=price)
        exchange.engine.place_market(exchange.account_id, pair=symbol, side="SELL", base_amount="0.001")

    prices = await trader.connector.get_last_traded_prices(["BTC-ZAR", "ETH-ZAR", "SOL-ZAR"])

    assert prices == {"BTC-ZAR": 1_799_900.0, "ETH-ZAR": 100_000.0}


async def test_read_only_mode_is_connected_and_told_once(trader, exchange, caplog):
    caplog.set_level(logging.INFO)
    exchange.faults.read_only = True
    for _ in range(3):
        assert (await trader.connector.check_network()).name == "CONNECTED"
    exchange.faults.read_only = False
    await trader.connector.check_network()

    assert len([record for record in caplog.records if "read-only mode:" in record.getMessage()]) == 1
    assert len([record for record in caplog.records if "read-only mode is over" in record.getMessage()]) == 1
