"""`python -m benchmarks.server --updates N --levels N` serves until its standard input closes; prints its port."""
import argparse
import asyncio
import json
import sys
from typing import Any

from benchmarks.book_stream import BookStream
from benchmarks.server.books import BookReplay
from benchmarks.server.orders import OrderDesk
from benchmarks.server.protocol import Connection


class Site:
    """Routes requests and sockets to the book replay and the order desk; `/control/NAME` calls a method by name."""

    def __init__(self, books: BookReplay, orders: OrderDesk):
        self._books, self._orders = books, orders
        self._controls = {
            "replay": books.replay, "times": books.times, "final_book": books.final_book,
            "order_times": orders.times, "fill": orders.fill,
        }

    def connection(self) -> Connection:
        return Connection(self._request, self._open, self._text)

    def _request(self, method: str, target: str, body: bytes, received_at: float) -> Any:
        path, _, query = target.partition("?")
        if path.startswith("/control/"):
            return self._controls[path.rsplit("/", 1)[1]](**json.loads(body or b"{}"))
        if path in self._books.replies:
            return self._books.replies[path]
        return self._orders.request(method, path, query, body, received_at)

    def _open(self, connection: Connection):
        (self._orders if self._orders.owns(connection.path) else self._books).on_open(connection)

    def _text(self, connection: Connection, text: str, received_at: float):
        if self._orders.owns(connection.path):
            self._orders.on_text(connection, text, received_at)
        else:
            self._books.on_text(connection, text)


async def serve(updates: int, levels: int):
    books = BookReplay(BookStream(updates, levels))
    site = Site(books, OrderDesk())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(site.connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    books.listen_on(port)
    print(port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--updates", type=int, default=80_000)
    parser.add_argument("--levels", type=int, default=100)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.updates, arguments.levels))
