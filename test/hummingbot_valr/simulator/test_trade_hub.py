from test.hummingbot_valr.simulator.client import Client

import pytest

BOOK = "OB_L1_DIFF"


@pytest.fixture
def engine(exchange):
    return exchange.engine


def buy(engine, price, pair="BTCZAR", quantity="0.1"):
    return engine.place_limit("market", pair=pair, side="BUY", quantity=quantity, price=price)


def kinds(frames):
    return [frame.get("message") or frame["type"] for frame in frames]


async def subscribed(client, *pairs):
    """A socket subscribed to the books of pairs, with the snapshots read."""
    socket = await client.trade_socket(BOOK, *pairs)
    await socket.until_pong()
    return socket


# Replies

async def test_a_signed_socket_is_told_so_and_an_unsigned_one_is_not(client):
    signed, unsigned = await client.socket("/ws/trade"), await client.socket("/ws/trade", signed=False)
    assert await signed.next() == {"type": "AUTHENTICATED"}
    await unsigned.send({"type": "PING"})
    assert await unsigned.next() == {"type": "PONG", "message": "NO_SUBSCRIPTIONS"}


async def test_ping_of_a_subscriber(client):
    socket = await subscribed(client, "BTCZAR")
    await socket.send({"type": "PING"})
    assert await socket.next() == {"type": "PONG"}


async def test_one_reply_per_pair_and_an_error_for_the_unknown(client):
    socket = await client.trade_socket(BOOK, "btczar", "NOPE", "ENJUSDC", signed=False)
    frames = await socket.until_pong()
    assert kinds(frames) == ["OB_L1_DIFF:BTCZAR", "OB_L1_SNAPSHOT", "Channel OB_L1_DIFF, pair NOPE combination invalid",
                             "Channel OB_L1_DIFF, pair ENJUSDC combination invalid"]
    assert [frame["type"] for frame in frames] == ["SUBSCRIBED", "OB_L1_SNAPSHOT", "ERROR", "ERROR"]


async def test_an_unknown_event(client):
    socket = await client.trade_socket("NOPE_EVENT", "BTCZAR", signed=False)
    assert await socket.next() == {"type": "ERROR", "message": "Channel NOPE_EVENT, pair BTCZAR combination invalid"}


async def test_a_second_subscribe_replaces_the_first(client, engine):
    socket = await subscribed(client, "BTCZAR", "ETHZAR")
    await socket.subscribe(BOOK, "ETHZAR", "XRPZAR")
    frames = await socket.until_pong()
    assert kinds(frames)[:2] == ["OB_L1_DIFF:BTCZAR", "OB_L1_DIFF:ETHZAR"]
    assert frames[0]["type"] == "UNSUBSCRIBED"
    buy(engine, 1000000)
    buy(engine, 45, "XRPZAR", "10")
    frames = await socket.until_pong()
    assert [(frame["type"], frame["ps"]) for frame in frames] == [(BOOK, "XRPZAR")]


async def test_a_refused_pair_still_replaces_the_list(client, engine):
    socket = await subscribed(client, "BTCZAR")
    await socket.subscribe(BOOK, "NOPE")
    assert kinds(await socket.until_pong())[0] == "OB_L1_DIFF:BTCZAR"
    buy(engine, 1000000)
    assert await socket.until_pong() == []


async def test_an_empty_list_unsubscribes(client):
    socket = await subscribed(client, "BTCZAR", "ETHZAR")
    await socket.subscribe(BOOK)
    assert [frame["type"] for frame in await socket.until_pong()] == ["UNSUBSCRIBED", "UNSUBSCRIBED"]


async def test_no_list_means_every_pair(client, engine):
    socket = await client.socket("/ws/trade", signed=False)
    await socket.send({"type": "SUBSCRIBE", "subscriptions": [{"event": "NEW_TRADE"}, {"event": BOOK}]})
    frames = await socket.until_pong()
    snapshots = {frame["ps"] for frame in frames if frame["type"] == "OB_L1_SNAPSHOT"}
    assert snapshots == {pair.symbol for pair in engine.pairs.values() if pair.active}


@pytest.mark.parametrize("frame, message", [
    ("nonsense", "Invalid message - Invalid JSON"), ("[" * 10000, "Invalid message - Invalid JSON"),
    ("[]", "Invalid message - Invalid JSON"), ('{"type": 7}', "Invalid message"),
    ('{"type": "SUBSCRIBE"}', "Invalid message"), ('{"type": "SUBSCRIBE", "subscriptions": [7]}', "Invalid message"),
    ('{"type": "SUBSCRIBE", "subscriptions": [{"event": "NEW_TRADE", "pairs": [[[7]]]}]}', "Invalid message"),
    ('{"type": "SUBSCRIBE", "subscriptions": [{"event": "NEW_TRADE", "pairs": ["\\ud800"]}]}',
     "Channel NEW_TRADE, pair \ud800 combination invalid"),
])
async def test_nonsense_is_answered_and_the_socket_stays_open(client, frame, message):
    socket = await client.socket("/ws/trade", signed=False)
    await socket.send(frame)
    assert await socket.next() == {"type": "ERROR", "message": message}
    await socket.send({"type": "PING"})
    assert (await socket.next())["type"] == "PONG"


# Books

async def test_a_snapshot_then_diffs_with_rising_numbers(client, engine):
    buy(engine, 1000000)
    socket = await client.trade_socket(BOOK, "BTCZAR", signed=False)
    snapshot = await socket.until("OB_L1_SNAPSHOT")
    assert (snapshot["ps"], snapshot["d"]["b"], snapshot["d"]["a"]) == ("BTCZAR", [["1000000", "0.1"]], [])
    order = buy(engine, 1000001, quantity="0.20")
    engine.cancel("market", order_id=order.order_id)
    first, second = await socket.next(), await socket.next()
    assert first["d"]["b"] == [["1000001", "0.2"]] and second["d"]["b"] == [["1000001", "0"]]
    assert [first["d"]["sq"], second["d"]["sq"]] == [snapshot["d"]["sq"] + 1, snapshot["d"]["sq"] + 2]
    assert second["d"]["cs"] == snapshot["d"]["cs"] != first["d"]["cs"]


async def test_the_sequence_counts_on_while_nobody_listens(client, engine, exchange):
    first = (await (await client.trade_socket(BOOK, "BTCZAR")).until("OB_L1_SNAPSHOT"))["d"]["sq"]
    exchange.faults.drop_sockets("trade")
    buy(engine, 1000000)
    assert (await (await client.trade_socket(BOOK, "BTCZAR")).until("OB_L1_SNAPSHOT"))["d"]["sq"] == first + 1


async def test_a_quiet_book_sends_nothing(client, engine):
    socket = await subscribed(client, "BTCZAR")
    engine.deposit("market", "ZAR", "1")
    assert await socket.until_pong() == []


@pytest.mark.parametrize("is_sent", [True, False])
async def test_resubscribing_may_or_may_not_send_a_snapshot(client, exchange, is_sent):
    exchange.faults.books.snapshot_on_resubscribe = is_sent
    socket = await subscribed(client, "BTCZAR")
    await socket.subscribe(BOOK, "BTCZAR")
    assert kinds(await socket.until_pong()) == ["OB_L1_DIFF:BTCZAR"] + ["OB_L1_SNAPSHOT"] * is_sent
    await socket.subscribe(BOOK)
    await socket.subscribe(BOOK, "BTCZAR")
    assert kinds(await socket.until_pong())[-1] == "OB_L1_SNAPSHOT"


@pytest.mark.parametrize("fault, numbers", [("gap", [2]), ("repeat", [1, 1, 2]), ("swap", [2, 1])])
async def test_faults_of_the_sequence(client, engine, exchange, fault, numbers):
    socket = await client.trade_socket(BOOK, "BTCZAR")
    start = (await socket.until("OB_L1_SNAPSHOT"))["d"]["sq"]
    exchange.faults.books.next(fault, key="BTCZAR")
    buy(engine, 1000000)
    buy(engine, 1000001)
    assert [frame["d"]["sq"] - start for frame in await socket.until_pong()] == numbers


async def test_a_corrupted_checksum_and_wrong_content(client, engine, exchange):
    socket = await subscribed(client, "BTCZAR")
    exchange.faults.books.next("corrupt_checksum")
    buy(engine, 1000000)
    assert (await socket.next())["d"]["cs"] == engine.books["BTCZAR"].checksum() ^ 1
    exchange.faults.books.next("wrong_content")
    buy(engine, 1000001)
    wrong = (await socket.next())["d"]
    assert wrong["cs"] == engine.books["BTCZAR"].checksum()
    assert (wrong["b"], wrong["a"]) != ([["1000001", "0.1"]], [])


async def test_snapshots_come_late_twice_or_never(client, engine, exchange):
    exchange.faults.books.missing_snapshots = 1
    socket = await client.trade_socket(BOOK, "BTCZAR")
    assert kinds(await socket.until_pong()) == ["AUTHENTICATED", "OB_L1_DIFF:BTCZAR"]
    exchange.faults.books.repeated_snapshots = 1
    await socket.subscribe(BOOK, "BTCZAR")
    assert kinds(await socket.until_pong()).count("OB_L1_SNAPSHOT") == 2
    exchange.faults.books.snapshot_delay = (10, 10)
    await socket.subscribe(BOOK, "BTCZAR")
    assert kinds(await socket.until_pong()) == ["OB_L1_DIFF:BTCZAR"]
    buy(engine, 1000000)
    assert kinds(await socket.until_pong()) == ["OB_L1_DIFF"]
    exchange.clock.advance(10)
    assert (await socket.next())["d"]["b"] == [["1000000", "0.1"]]


async def test_a_late_snapshot_of_a_pair_that_was_left_is_not_sent(client, exchange):
    exchange.faults.books.snapshot_delay = (10, 10)
    socket = await subscribed(client, "BTCZAR")
    await socket.subscribe(BOOK)
    await socket.until_pong()
    exchange.clock.advance(10)
    assert await socket.until_pong() == []


async def test_an_unasked_for_snapshot(client, exchange):
    socket = await subscribed(client, "BTCZAR")
    exchange.trade_hub.send_snapshot("BTCZAR")
    assert kinds(await socket.until_pong()) == ["OB_L1_SNAPSHOT"]


async def test_an_error_for_one_pair(client, exchange):
    exchange.faults.books.refused_pairs.add("ETHZAR")
    socket = await client.trade_socket(BOOK, "BTCZAR", "ETHZAR", signed=False)
    assert kinds(await socket.until_pong())[-1] == "Channel OB_L1_DIFF, pair ETHZAR combination invalid"


async def test_truncated_books_come_only_when_their_depth_changed(client, engine):
    buy(engine, 1000000)
    socket = await client.trade_socket("OB_L1_D1_SNAPSHOT", "BTCZAR", signed=False)
    assert (await socket.until("OB_L1_D1_SNAPSHOT"))["d"]["b"] == [["1000000", "0.1"]]
    buy(engine, 999999)
    buy(engine, 1000001)
    frames = await socket.until_pong()
    assert frames[-1]["d"]["b"] == [["1000001", "0.1"]]
    buy(engine, 999998)
    assert await socket.until_pong() == []


async def test_aggregated_books_come_at_once_and_then_throttled(client, engine, exchange):
    socket = await client.trade_socket("AGGREGATED_ORDERBOOK_UPDATE", "BTCZAR", signed=False)
    first = (await socket.until("AGGREGATED_ORDERBOOK_UPDATE"))["data"]
    assert first["Asks"] == first["Bids"] == []
    for price in range(1000000, 1000050):
        buy(engine, price)
    exchange.clock.advance(1)
    second = (await socket.until("AGGREGATED_ORDERBOOK_UPDATE"))["data"]
    assert len(second["Bids"]) == 40 and second["SequenceNumber"] == first["SequenceNumber"] + 50
    assert await socket.until_pong() == []


# Other events

def trade(engine, price=1000000):
    engine.place_limit("0", pair="BTCZAR", side="SELL", quantity="0.1", price=price)
    engine.place_market("market", pair="BTCZAR", side="BUY", base_amount="0.1")


async def test_trades(client, engine):
    socket = await client.trade_socket("NEW_TRADE", "BTCZAR", signed=False)
    await socket.until_pong()
    trade(engine)
    frame = await socket.next()
    assert (frame["type"], frame["currencyPairSymbol"]) == ("NEW_TRADE", "BTCZAR")
    assert (frame["data"]["price"], frame["data"]["quantity"], frame["data"]["takerSide"]) == ("1000000", "0.1", "buy")


async def test_minutes_are_sent_when_they_end_even_empty_ones(client, engine, exchange):
    socket = await client.trade_socket("NEW_TRADE_BUCKET", "BTCZAR", signed=False)
    await socket.until_pong()
    trade(engine)
    exchange.clock.advance(60)
    assert (await socket.next())["data"]["volume"] == "0.1"
    exchange.clock.advance(60)
    assert (await socket.next())["data"]["volume"] == "0"


async def test_the_summary_comes_at_once_and_on_change(client, engine, exchange):
    socket = await client.trade_socket("MARKET_SUMMARY_UPDATE", "BTCZAR", signed=False)
    assert (await socket.until("MARKET_SUMMARY_UPDATE"))["data"]["bidPrice"] == "0"
    buy(engine, 1000000)
    exchange.clock.advance(1)
    data = (await socket.until("MARKET_SUMMARY_UPDATE"))["data"]
    assert (data["currencyPairSymbol"], data["bidPrice"]) == ("BTCZAR", "1000000")


async def test_mark_prices_come_every_three_seconds(client, engine, exchange):
    buy(engine, 1000000)
    trade(engine, 1000010)
    socket = await client.trade_socket("MARK_PRICE_UPDATE", "BTCZAR", signed=False)
    assert (await socket.until("MARK_PRICE_UPDATE"))["data"] == {"price": "1000010"}
    exchange.clock.advance(3)
    assert (await socket.next())["data"] == {"price": "1000010"}


async def test_changed_order_types(client, engine):
    socket = await client.socket("/ws/trade", signed=False)
    await socket.send({"type": "SUBSCRIBE", "subscriptions": [{"event": "ALLOWED_ORDER_TYPES_UPDATED"}]})
    await socket.until_pong()
    engine.set_order_types("BTCZAR", ["SIMPLE"])
    assert await socket.next() == {"type": "ALLOWED_ORDER_TYPES_UPDATED", "currencyPairSymbol": "BTCZAR",
                                   "data": ["SIMPLE"]}


async def test_several_events_in_one_frame(client):
    socket = await client.socket("/ws/trade", signed=False)
    await socket.send({"type": "SUBSCRIBE", "subscriptions": [
        {"event": BOOK, "pairs": ["BTCZAR"]}, {"event": "NEW_TRADE", "pairs": ["BTCZAR", "ETHZAR"]}]})
    assert kinds(await socket.until_pong()) == ["OB_L1_DIFF:BTCZAR", "OB_L1_SNAPSHOT", "NEW_TRADE:BTCZAR",
                                                "NEW_TRADE:ETHZAR"]


async def test_a_sub_accounts_key_signs_a_trade_socket_too(exchange):
    async with Client(exchange, exchange.keys.create(exchange.sub_account_id)) as client:
        assert await (await client.socket("/ws/trade")).next() == {"type": "AUTHENTICATED"}
