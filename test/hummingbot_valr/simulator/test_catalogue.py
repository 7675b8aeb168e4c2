from decimal import Decimal

from hummingbot_valr.simulator.catalogue import default_currencies, default_pairs, make_pair


def test_the_catalogue_has_valrs_mixture():
    pairs = default_pairs().values()
    spot = [pair for pair in pairs if pair.kind == "SPOT"]
    assert len([pair for pair in spot if pair.has_order_book]) >= 20
    assert any(not pair.active for pair in spot)
    assert any(pair.active and pair.order_types == ["SIMPLE"] for pair in spot)
    assert any(pair.active and pair.order_types == [] for pair in spot)
    assert [pair.symbol for pair in pairs if pair.kind == "FUTURE"] == ["BTCUSDTPERP"]
    assert {"BTCZAR", "ETHZAR", "USDTZAR", "BTCUSDT"} <= set(default_pairs())


def test_every_currency_of_a_pair_is_listed():
    currencies = default_currencies()
    for pair in default_pairs().values():
        assert pair.base in currencies and pair.quote in currencies


def test_reference_prices_are_on_the_tick():
    assert all(pair.reference_price % pair.tick == 0 for pair in default_pairs().values())


def test_the_rand_is_called_r():
    assert default_currencies()["ZAR"].rest_row()["symbol"] == "R"
    assert default_currencies()["BTC"].socket_row()["symbol"] == "BTC"


def test_fees_depend_on_the_kind_of_quote():
    def fees(base, quote):
        pair = make_pair(base, quote, "1", "1", 1, "1", "1")
        return pair.maker_percent, pair.taker_percent

    assert fees("BTC", "ZAR") == (Decimal("0.18"), Decimal("0.35"))
    assert fees("BTC", "USDT") == (Decimal("0.08"), Decimal("0.1"))
    assert fees("USDC", "USDT") == (Decimal("0.05"), Decimal("0.1"))
