import asyncio
import time
from test.integration.book_traffic import (
    PAIRS,
    Traffic,
    Watch,
    exchange_levels,
    is_up_to_date,
    market_data,
    served_levels,
    symbol_of,
    until,
)
from typing import Dict, List

import pytest

from hummingbot.connector.exchange.valr import valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr.valr_trade_feed import ValrTradeSocketFactory
from hummingbot.core.event.event_forwarder import SourceInfoEventForwarder
from hummingbot.core.event.events import OrderBookEvent
from hummingbot_valr.simulator import ValrSimulator

PAIR = "BTC-ZAR"


def add_pairs(exchange: ValrSimulator, count: int) -> List[str]:
    """:return: trading pairs of so many new currencies"""
    for number in range(count):
        exchange.engine.add_pair(f"C{number}X", "ZAR")
    return [f"C{number}X-ZAR" for number in range(count)]


@pytest.mark.parametrize("count, seconds", [(1, 1.5), (50, 1.5), (200, 3.0)])
async def test_cold_start(monkeypatch, count, seconds):
    async with ValrSimulator(market=False) as exchange:
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)
        pairs = add_pairs(exchange, count)
        requests: List[str] = []
        allow = exchange.rate_limits.allow
        monkeypatch.setattr(exchange.rate_limits, "allow", lambda verb, path, key: requests.append(path) or allow(
            verb, path, key))
        started_at = time.perf_counter()
        async with market_data(exchange, pairs) as connector:
            await until(lambda: connector.ready)

            assert time.perf_counter() - started_at < seconds
            assert len(exchange.faults.sockets("trade")) == -(-count // 50)
            await until(lambda: CONSTANTS.MARKET_SUMMARY_PATH in requests)
            assert len(requests) == len(set(requests)) <= 4


@pytest.mark.parametrize("fault", ["gap", "swap", "corrupt_checksum", "wrong_content"])
@pytest.mark.parametrize("snapshot_on_resubscribe", [True, False])
async def test_a_pair_is_mended_within_a_second_and_the_others_run_on(monkeypatch, fault, snapshot_on_resubscribe):
    async with ValrSimulator(market=False) as exchange:
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)
        exchange.faults.books.snapshot_on_resubscribe = snapshot_on_resubscribe
        exchange.faults.books.snapshot_delay = (0.2, 0.2)
        traffic = Traffic(exchange, PAIRS[:3], seed=1)
        async with market_data(exchange, PAIRS[:3]) as connector:
            await until(lambda: connector.ready)
            traffic.change_each()
            await until(lambda: all(is_up_to_date(exchange, connector, pair) for pair in PAIRS[:3]))

            exchange.faults.books.next(fault, key=symbol_of(PAIR))
            broken_at = exchange.clock.now()
            for _ in range(3):
                traffic.change_each()
            await until(lambda: list(connector.market_data.counters().unverified) == [PAIR])
            await until(lambda: all(is_up_to_date(exchange, connector, pair) for pair in PAIRS[:3]))

            assert exchange.clock.now() - broken_at < 1.0
            assert 0 < connector.market_data.counters().longest_resync < 1.0
            assert connector.market_data.counters().resyncs == 1
            for pair in PAIRS[:3]:
                assert served_levels(connector.order_books[pair]) == exchange_levels(exchange, pair)


async def test_a_repeated_frame_is_no_fault(monkeypatch):
    async with ValrSimulator(market=False) as exchange:
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)
        traffic = Traffic(exchange, [PAIR], seed=1)
        async with market_data(exchange, [PAIR]) as connector:
            await until(lambda: connector.ready)
            exchange.faults.books.next("repeat", times=5)
            for _ in range(10):
                traffic.change_each()
            await until(lambda: is_up_to_date(exchange, connector, PAIR))

            assert connector.market_data.counters().resyncs == 0
            assert served_levels(connector.order_books[PAIR]) == exchange_levels(exchange, PAIR)


async def test_a_halted_pair_does_not_disturb_the_others(monkeypatch, caplog):
    async with ValrSimulator(market=False) as exchange:
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)
        exchange.faults.books.refused_pairs.add("ETHZAR")
        traffic = Traffic(exchange, PAIRS[:3], seed=1)
        async with market_data(exchange, PAIRS[:3]) as connector:
            await until(lambda: list(connector.market_data.counters().unverified) == ["ETH-ZAR"])
            traffic.change_each()
            await until(lambda: served_levels(connector.order_books[PAIR]) == exchange_levels(exchange, PAIR))

            errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
            assert len(errors) == 1 and "ETH-ZAR" in errors[0]
            assert not connector.status_dict["order_books_verified"] and not connector.ready


async def test_an_unsigned_socket_is_replaced_before_valr_closes_it(monkeypatch, caplog):
    """VALR's 15 minutes are 4 seconds here, on both sides."""
    monkeypatch.setattr(ValrTradeSocketFactory, "REPLACEMENT_MARGIN", 15 * 60 - 2.0)
    async with ValrSimulator(market=False) as exchange:
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)
        exchange.faults.unsigned_close = 4.0
        traffic = Traffic(exchange, PAIRS[:5], seed=1)
        async with market_data(exchange, PAIRS[:5], is_signed=False) as connector:
            await until(lambda: connector.ready)
            watch = Watch(exchange, connector)
            opened = set(exchange.faults.sockets("trade"))

            def on_step():
                watch.look()
                opened.update(exchange.faults.sockets("trade"))

            await traffic.run(frames=2_000, rate=250, on_step=on_step)

            assert len(opened) >= 4
            assert watch.unverified_looks == 0 and watch.longest_lie < 0.5
            counters = connector.market_data.counters()
            assert (counters.reconnects, counters.resyncs) == (0, 0)
            assert not [record for record in caplog.records if record.levelname == "WARNING"]
            await until(lambda: all(is_up_to_date(exchange, connector, pair) for pair in PAIRS[:5]))
            for pair in PAIRS[:5]:
                assert served_levels(connector.order_books[pair]) == exchange_levels(exchange, pair)


async def test_every_trade_reaches_strategies_once(monkeypatch):
    monkeypatch.setattr(ValrTradeSocketFactory, "REPLACEMENT_MARGIN", 15 * 60 - 0.5)
    async with ValrSimulator(market=False) as exchange:
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)
        engine = exchange.engine
        async with market_data(exchange, [PAIR], is_signed=False) as connector:
            await until(lambda: connector.ready)
            seen: Dict[str, float] = {}
            repeated: List[str] = []

            def on_trade(tag, order_book, event):
                if event.trade_id in seen:
                    repeated.append(event.trade_id)
                seen[event.trade_id] = event.price

            listener = SourceInfoEventForwarder(on_trade)
            connector.order_books[PAIR].add_listener(OrderBookEvent.TradeEvent, listener)
            made: List[str] = []
            engine.listeners.append(lambda batch: made.extend(trade.trade_id for trade in batch.trades))
            for number in range(200):  # over several replacements of the socket
                price = 1_800_000 + number % 7
                engine.place_limit("market", pair="BTCZAR", side="SELL", quantity="0.001", price=price)
                engine.place_limit("takers", pair="BTCZAR", side="BUY", quantity="0.001", price=price)
                await asyncio.sleep(0.01)
            await until(lambda: len(seen) == len(made))

            assert list(seen) == made and len(made) == 200 and not repeated
            assert connector.order_books[PAIR].last_trade_price == 1_800_000 + 199 % 7


async def test_pairs_come_and_go_while_the_others_run(monkeypatch):
    async with ValrSimulator(market=False) as exchange:
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)
        traffic = Traffic(exchange, PAIRS, seed=1)
        async with market_data(exchange, PAIRS[:10]) as connector:
            await until(lambda: connector.ready)
            watch = Watch(exchange, connector)
            running = asyncio.create_task(traffic.run(frames=3_000, rate=1_000, on_step=watch.look))
            for pair in PAIRS[10:]:
                assert await connector.add_trading_pair(pair)
            for pair in PAIRS[:5]:
                assert await connector.remove_trading_pair(pair)
            await running

            assert watch.unverified_looks == 0 and watch.longest_lie < 0.5
            assert set(connector.order_books) == set(PAIRS[5:])
            await until(lambda: all(is_up_to_date(exchange, connector, pair) for pair in PAIRS[5:]))
            for pair in PAIRS[5:]:
                assert served_levels(connector.order_books[pair]) == exchange_levels(exchange, pair)
            assert connector.market_data.counters().resyncs == 0


async def test_an_outage_is_survived(monkeypatch, caplog):
    async with ValrSimulator(market=False) as exchange:
        monkeypatch.setenv("VALR_SIMULATOR_URL", exchange.url)
        traffic = Traffic(exchange, PAIRS[:3], seed=1)
        async with market_data(exchange, PAIRS[:3]) as connector:
            await until(lambda: connector.ready)
            exchange.faults.outage = True
            exchange.faults.drop_sockets("trade")
            await until(lambda: "cannot be opened" in caplog.text)
            assert not connector.ready
            exchange.faults.outage = False
            traffic.change_each()
            await until(lambda: connector.market_data.books_verified, seconds=12)

            for pair in PAIRS[:3]:
                assert served_levels(connector.order_books[pair]) == exchange_levels(exchange, pair)
            assert not [record for record in caplog.records if record.exc_info]
