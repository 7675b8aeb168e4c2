import asyncio
import socket
from test.hummingbot_valr.simulator.client import Client

import pytest

from hummingbot_valr.simulator import ValrSimulator


async def test_listens_on_loopback_only(exchange):
    host, port = exchange.url.removeprefix("http://").split(":")
    assert host == "127.0.0.1" and int(port) > 0


async def test_a_taken_port_is_an_error():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError):
            await ValrSimulator(port=other.getsockname()[1], market=False).start()


async def test_keys_follow_the_seed_and_differ_from_seed_to_seed():
    first, again, other = (ValrSimulator(seed=seed, market=False) for seed in (1, 1, 2))
    assert (first.api_key, first.api_secret) == (again.api_key, again.api_secret)
    assert first.api_key != other.api_key and len(first.api_key) == len(first.api_secret) == 64


async def test_two_exchanges_run_side_by_side():
    async with ValrSimulator(market=False) as first, ValrSimulator(market=False, seed=2) as second:
        async with Client(first) as client:
            await client.limit()
        assert first.url != second.url
        assert len(first.engine.account("0").orders) == 1 and not second.engine.account("0").orders


async def test_stops_at_once_with_everything_open():
    exchange = await ValrSimulator().start()
    async with Client(exchange) as client:
        sockets = [await client.account_socket(), await client.trade_socket("OB_L1_DIFF", "BTCZAR")]
        exchange.faults.place.next("stalled")
        stalled = asyncio.create_task(client.limit())
        while not exchange.engine.account("0").orders:
            await asyncio.sleep(0)
        await asyncio.wait_for(exchange.stop(), 5)
        for each in sockets:
            await each.closed()
        with pytest.raises(Exception):
            await stalled
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_a_stopped_exchange_cancels_nothing_later():
    exchange = await ValrSimulator(market=False).start()
    exchange.faults.cancel_on_disconnect_delay = 60.0
    async with Client(exchange) as client:
        await client.limit()
        socket = await client.account_socket()
        await socket.send({"type": "CANCEL_ON_DISCONNECT", "payload": {"cancelOnDisconnect": True}})
        await socket.until("CANCEL_ON_DISCONNECT_UPDATE")
        await exchange.stop()
    assert not exchange.faults.sockets("account")
    exchange.clock.advance(60)
    assert len(exchange.engine.account("0").open_orders) == 1


async def test_the_background_market_moves_by_itself():
    async with ValrSimulator(seed=4) as exchange, Client(exchange) as client:
        trades = await client.trade_socket("NEW_TRADE", "BTCZAR", "ETHZAR", "USDTZAR", "BTCUSDT", signed=False)
        await trades.until("NEW_TRADE")
        assert (await client.get("/v1/public/BTCZAR/buckets?periodSeconds=3600", signed=False)).body


async def test_a_new_pair_is_listed_and_quoted_at_once():
    async with ValrSimulator() as exchange, Client(exchange) as client:
        await client.get("/v1/public/pairs", signed=False)
        for number in range(50):
            exchange.engine.add_pair(f"C{number}", "ZAR", price="10")
        rows = (await client.get("/v1/public/pairs", signed=False)).body
        assert {"C0ZAR", "C49ZAR"} <= {row["symbol"] for row in rows}
        bids, asks = exchange.engine.book("C49ZAR")
        assert bids and asks


async def test_without_a_market_the_books_stay_empty(exchange):
    exchange.clock.advance(60)
    assert all(exchange.engine.book(symbol) == ([], []) for symbol in exchange.engine.pairs)
    exchange.engine.place_limit("market", pair="ETHZAR", side="SELL", quantity="1", price="63000")
