import pytest

from benchmarks.book_check import check_final_book, wait_for_sequence
from benchmarks.comparison import FigureVoid
from benchmarks.feeds import book_feeds, replayed_exchange
from benchmarks.replay_client import replay_server
from hummingbot.core.data_type.order_book import OrderBook

UPDATES = 200


@pytest.mark.parametrize("name", ["valr", "floor json", "floor ujson"])
async def test_feed_ends_with_the_book_that_was_sent_and_another_book_voids_the_figure(name):
    async with replay_server(UPDATES, levels=40) as server:
        final_book = await server.call("final_book")
        async with book_feeds(server)[name](OrderBook) as order_book:
            with pytest.raises(FigureVoid):
                check_final_book(order_book, final_book)
            await server.call("replay", exchange=replayed_exchange(name), mode="flood", count=UPDATES)
            await wait_for_sequence(order_book, final_book["sequence"])
            check_final_book(order_book, final_book)
