import pytest

from hummingbot_valr.simulator.candles import Candles
from hummingbot_valr.simulator.engine import Engine
from hummingbot_valr.simulator.market import BUSY_PAIRS, MAKERS, TAKERS, TESTER, Market, endow
from hummingbot_valr.simulator.tape import Tape


def make_market(clock, seed):
    engine = Engine(clock, seed)
    for account_id in (MAKERS, TAKERS, TESTER):
        engine.add_account(account_id, account_id, keeps_history=False)
    endow(engine, list(engine.currencies))
    market = Market(engine, clock, seed)
    market.open()
    return engine, market


def run(clock, seed, steps):
    engine, market = make_market(clock, seed)
    tape = Tape(engine)
    for _ in range(steps):
        market.step()
    trades = [(trade.price, trade.quantity, trade.taker_side) for symbol in BUSY_PAIRS for trade in tape.trades(symbol)]
    return {symbol: engine.book(symbol) for symbol in engine.pairs}, trades


def test_every_pair_with_a_book_is_quoted_on_both_sides(clock):
    engine, _ = make_market(clock, 1)
    for pair in engine.pairs.values():
        bids, asks = engine.book(pair.symbol)
        if pair.has_order_book and pair.kind == "SPOT":
            assert len(bids) >= 10 and len(asks) >= 10 and bids[0][0] < asks[0][0]
        else:
            assert (bids, asks) == ([], [])


def test_a_seed_makes_the_same_market(clock):
    books, trades = run(clock, 5, 300)
    assert (books, trades) == run(clock, 5, 300)
    assert trades != run(clock, 6, 300)[1]


def test_prices_walk_and_trades_happen_without_wearing_the_books_out(clock):
    before, _ = run(clock, 3, 0)
    after, trades = run(clock, 3, 3000)
    assert len(trades) > 500
    for symbol in BUSY_PAIRS:
        (bids, asks), (old_bids, _) = after[symbol], before[symbol]
        assert len(bids) >= 8 and len(asks) >= 8 and bids[0] != old_bids[0]
        assert abs(bids[0][0] / old_bids[0][0] - 1) < 0.02


def test_the_market_keeps_nothing_of_what_it_did(clock):
    engine, market = make_market(clock, 2)
    for _ in range(500):
        market.step()
    makers = engine.account(MAKERS)
    assert set(makers.orders) == set(makers.open_orders) and not makers.fills and not makers.transactions


def test_history_ends_where_the_market_begins(clock):
    engine, market = make_market(clock, 4)
    candles = Candles(engine, clock)
    market.write_history(candles)
    now = int(clock.now())
    newest, *_, oldest = candles.buckets("BTCZAR", 60, now - 3600, now, include_empty=False)
    assert newest["close"] == "1800000" and newest["startTime"] > oldest["startTime"]
    assert len(candles.buckets("BTCZAR", 3600, now - 300 * 3600, now, include_empty=False)) >= 300
    assert candles.buckets("DOGEZAR", 60, now - 3600, now, include_empty=True) == []


async def test_runs_by_the_clock(clock):
    _, market = make_market(clock, 1)
    market.start()
    for _ in range(10):
        clock.advance(1)
    assert market.steps == 10
    market.stop()
    clock.advance(1)
    assert market.steps == 10


@pytest.mark.parametrize("symbol", ["BTCZAR", "SHIBUSDC"])
def test_a_halted_pair_is_left_alone(clock, symbol):
    engine, market = make_market(clock, 1)
    engine.set_active(symbol, False)
    for _ in range(200):
        market.step()
    assert engine.book(symbol) == ([], [])
