from zlib import crc32

from benchmarks.book_stream import BookStream


def _applied(levels, changes):
    book = {**dict(levels), **dict(changes)}
    return {price: quantity for price, quantity in book.items() if quantity != "0"}


def test_updates_lead_from_the_snapshot_to_the_final_book():
    stream = BookStream(length=2_000, levels=40)
    bids, asks = dict(stream.snapshot.bids), dict(stream.snapshot.asks)
    for update in stream.updates:
        bids, asks = _applied(bids, update.bids), _applied(asks, update.asks)
        assert max(map(int, bids)) < min(map(int, asks))
    assert (sorted(bids, key=int, reverse=True), sorted(asks, key=int)) == tuple(
        [price for price, _ in side] for side in stream.final_book)
    assert (bids, asks) == tuple(dict(side) for side in stream.final_book)


def test_checksum_is_valrs_over_the_best_25_levels():
    stream = BookStream(length=1, levels=30)
    parts = []
    for bid, ask in zip(stream.snapshot.bids[:25], stream.snapshot.asks[:25]):
        parts += [":".join(bid), ":".join(ask)]
    assert stream.snapshot.checksum == crc32(":".join(parts).encode())


def test_the_same_seed_gives_the_same_stream():
    assert BookStream(100, seed=3).updates == BookStream(100, seed=3).updates
    assert BookStream(100, seed=3).updates != BookStream(100, seed=4).updates
