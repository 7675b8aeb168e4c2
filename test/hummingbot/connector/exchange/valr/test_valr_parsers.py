import re
import time
from decimal import Decimal
from test.hummingbot.connector.exchange.valr.helpers import FRAMES
from typing import Any, Callable, Dict, List

import pytest
from hypothesis import given, strategies as st

from hummingbot.connector.exchange.valr import valr_parsers as parsers, valr_utils
from hummingbot.connector.exchange.valr.valr_parsers import OrderReport
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.data_type.trade_fee import TokenAmount


def inbound(name: str) -> List[Any]:
    """What VALR sent under a name in the fixture: the data of events, the bodies of replies."""
    payloads = [frame["payload"] for frame in FRAMES if frame["name"] == name and frame["direction"] != "out"]
    assert payloads, f"the fixture has no {name}"
    return [payload.get("data") if "type" in payload else payload["body"] for payload in payloads]


def rows(name: str) -> List[Dict[str, Any]]:
    return [row for body in inbound(name) for row in (body if isinstance(body, list) else [body])]


def summary(report: OrderReport) -> tuple:
    return report.status_text, report.state and report.state.name, report.executed, report.reason


SLIPPAGE = "Order cancelled as it would have matched outside of slippage price band"
SELF_TRADE = "We did not execute this order since it would have matched with your own order on the Exchange"
STOP = "Stop order failed as it would have been triggered immediately"

# Every order that VALR sends in the fixture: its status, the state, what it executed, and why it failed.
ORDERS = {
    "ORDER_STATUS_UPDATE": [
        ("Cancelled", "CANCELED", "0", ""),
        ("Cancelled", "CANCELED", "0", ""),
        ("Filled", "FILLED", "0.00001", ""),
        ("Filled", "FILLED", "0.01", ""),
        ("Order Modified", "OPEN", "0", ""),
        ("Partially Filled", "PARTIALLY_FILLED", "0.0001", ""),
    ],
    "GET order status": [("Placed", "OPEN", "0", "")],
    "GET order status market order": [("Filled", "FILLED", "0.001", "")],
    "GET Order Status (orderId) 200": [
        ("Failed", "FAILED", "0", SELF_TRADE),
        ("Cancelled", "CANCELED", "0", ""),
        ("Partially Filled", "PARTIALLY_FILLED", "0.001", ""),
        ("Placed", "OPEN", "0", ""),
        ("Active", "OPEN", "0", ""),
        ("Placed", "OPEN", "0", ""),
    ],
    "GET Order Status (customerOrderId) 200": [
        ("Filled", "FILLED", "0.033333", ""),
        ("Placed", "OPEN", "0", ""),
        ("Partially Filled", "PARTIALLY_FILLED", "0.01", ""),
        ("Active", "OPEN", "0", ""),
    ],
    "GET Order History Detail (orderId) 200": [
        ("Failed", "FAILED", "0", SLIPPAGE),
        ("Active", "OPEN", "0", ""),
    ],
    "GET Order History Detail (customerOrderId) 200": [("Failed", "FAILED", "0", STOP)],
    "GET Order History 200": [("Failed", "FAILED", "0", STOP), ("Filled", "FILLED", "10", "")],
    "GET order history": [("Cancelled", "CANCELED", "0", "")],
}


class TestOrders:
    @pytest.mark.parametrize("name", ORDERS)
    def test_every_order_of_the_fixture(self, name: str):
        expected = [(text, state, Decimal(executed), reason) for text, state, executed, reason in ORDERS[name]]

        assert [summary(parsers.order_report(row)) for row in rows(name)] == expected

    @pytest.mark.parametrize("name", ["OPEN_ORDERS_UPDATE", "GET open orders", "GET All Open Orders 200"])
    def test_every_open_order_of_the_fixture(self, name: str):
        reports = [parsers.open_order(row) for body in inbound(name) for row in parsers.open_order_rows(body)]

        assert {report.state for report in reports} <= {OrderState.OPEN, OrderState.PARTIALLY_FILLED}
        assert all(report.exchange_order_id and report.executed is not None for report in reports)

    def test_remaining_quantity_of_the_socket_is_called_quantity(self):
        row = {"orderId": "1", "originalQuantity": "0.3", "quantity": "0.1", "status": "Partially Filled"}

        assert parsers.open_order(row).executed == Decimal("0.2")

    def test_fragment_of_an_open_order_is_open(self):
        fragment, = [frame["payload"] for frame in FRAMES if "OPEN_ORDERS_UPDATE (one entry" in frame["name"]]

        report = parsers.open_order(fragment)

        assert (report.client_order_id, report.state) == ("6d1380b5-9537-417f-a0a7-1683a18f1d82", OrderState.OPEN)

    def test_order_without_any_id_is_refused(self):
        fragment, = [frame["payload"] for frame in FRAMES if frame["name"] == "ORDER_STATUS_UPDATE (partial record)"]

        with pytest.raises(ValueError, match="^neither orderId nor customerOrderId"):
            parsers.order_report(fragment)

    def test_open_orders_may_be_wrapped(self):
        assert parsers.open_order_rows({"accountId": "1", "orders": [{"orderId": "a"}]}) == [{"orderId": "a"}]
        with pytest.raises(ValueError, match="^the open orders are not a list"):
            parsers.open_order_rows({"accountId": "1"})

    def test_open_order_without_a_status_may_be_partly_filled(self):
        row = {"orderId": "1", "originalQuantity": "2", "remainingQuantity": "1.5"}

        assert parsers.open_order(row).state is OrderState.PARTIALLY_FILLED

    def test_placed_with_fills_is_partly_filled(self):
        row = {"orderId": "1", "status": "Placed", "originalQuantity": "2", "remainingQuantity": "1.5"}

        assert parsers.order_report(row).state is OrderState.PARTIALLY_FILLED

    @pytest.mark.parametrize("row", [None, 7, "text", []])
    @pytest.mark.parametrize("parse", [
        parsers.order_report, parsers.open_order, parsers.fill, parsers.balance, parsers.placement_outcome,
        parsers.failure, parsers.fee_rates, parsers.pair])
    def test_what_is_no_row_at_all_is_told_as_that(self, parse: Callable, row):
        with pytest.raises(ValueError, match=f"^{re.escape(repr(row))} is not an object"):
            parse(row)

    @pytest.mark.parametrize("value", [7, ["1"], True])
    @pytest.mark.parametrize("field", ["orderId", "customerOrderId"])
    def test_id_that_is_no_text_is_refused(self, field: str, value):
        with pytest.raises(ValueError, match=f"^{field} {re.escape(repr(value))} is not a text"):
            parsers.order_report({"orderId": "1", field: value})

    @pytest.mark.parametrize("text", ["Partially Filled", "PartiallyFilled", "PARTIALLY_FILLED", " partially filled "])
    def test_status_is_recognised_in_each_spelling(self, text: str):
        assert parsers.order_report({"orderId": "1", "status": text}).state is OrderState.PARTIALLY_FILLED

    def test_unknown_status_is_no_state(self):
        report = parsers.order_report({"orderId": "1", "orderStatusType": "Teleported"})

        assert (report.state, report.is_final, report.status_text) == (None, False, "Teleported")

    def test_failed_with_fills_is_cancelled(self):
        row = {"orderId": "1", "orderStatusType": "Failed", "originalQuantity": "2", "remainingQuantity": "1.5"}

        report = parsers.order_report(row)

        assert (report.state, report.executed) == (OrderState.CANCELED, Decimal("0.5"))

    def test_missing_quantities_are_not_guessed(self):
        report = parsers.order_report({"orderId": "1", "orderStatusType": "Cancelled", "originalQuantity": "2"})

        assert (report.is_final, report.executed) == (True, None)

    def test_empty_quantity_is_a_missing_one(self):
        row = {"orderId": "1", "orderStatusType": "Cancelled", "originalQuantity": "2", "remainingQuantity": ""}

        assert parsers.order_report(row).executed is None

    @pytest.mark.parametrize("status, reason, is_refused", [
        ("Failed", "Duplicate customer order id's are not allowed", True),
        ("Failed", "Insufficient balance", False),
        ("Cancelled", "Duplicate customer order id's are not allowed", False),
        ("Placed", "", False),
    ])
    def test_second_order_with_an_id_is_told_from_the_first(self, status: str, reason: str, is_refused: bool):
        row = {"orderId": "1", "orderStatusType": status, "failedReason": reason}

        assert parsers.order_report(row).is_refused_duplicate is is_refused

    @pytest.mark.parametrize("reason", ["", None, "None"])
    def test_reason_that_is_none(self, reason):
        assert parsers.order_report({"orderId": "1", "failedReason": reason}).reason == ""

    def test_history_of_an_order_ends_with_its_final_state(self):
        history = [
            {"orderId": "1", "orderStatusType": "Partially Filled", "originalQuantity": "2", "remainingQuantity": "1"},
            {"orderId": "1", "orderStatusType": "Cancelled", "originalQuantity": "2", "remainingQuantity": "1"},
            {"orderId": "1", "orderStatusType": "Placed", "originalQuantity": "2", "remainingQuantity": "2"},
        ]

        assert parsers.latest_report(history).state is OrderState.CANCELED
        assert parsers.latest_report(history[::2]).state is OrderState.PARTIALLY_FILLED
        assert parsers.latest_report([]) is None

    @pytest.mark.parametrize("rows", [None, {}, {"orderId": "1"}, "text"])
    def test_history_that_is_no_list_is_refused(self, rows):
        with pytest.raises(ValueError, match="^the history of the order is not a list"):
            parsers.latest_report(rows)

    def test_times_with_any_number_of_decimals(self):
        times = ["2025-10-28T07:13:21Z", "2025-10-28T07:13:21.500Z", "2025-10-28T07:13:21.500000Z",
                 "2025-10-28T07:13:21.500000000Z", "2025-10-28T07:13:21.5"]

        seconds = [parsers.order_report({"orderId": "1", "updatedAt": text}).updated_at for text in times]

        assert seconds == [1761635601.0, 1761635601.5, 1761635601.5, 1761635601.5, 1761635601.5]

    def test_time_without_a_zone_is_utc_wherever_the_machine_is(self, monkeypatch):
        monkeypatch.setenv("TZ", "Africa/Johannesburg")
        time.tzset()
        try:
            report = parsers.order_report({"orderId": "1", "updatedAt": "2025-10-28T07:13:21"})
        finally:
            monkeypatch.undo()
            time.tzset()

        assert report.updated_at == 1761635601.0

    def test_time_of_another_zone_keeps_its_zone(self):
        report = parsers.order_report({"orderId": "1", "updatedAt": "2025-10-28T09:13:21+02:00"})

        assert report.updated_at == 1761635601.0

    def test_unreadable_time_names_the_field(self):
        with pytest.raises(ValueError, match="orderUpdatedAt 'yesterday'"):
            parsers.order_report({"orderId": "1", "orderUpdatedAt": "yesterday"})


class TestOutcomes:
    def test_every_placement_outcome_of_the_fixture(self):
        outcomes = [parsers.placement_outcome(row) for row in inbound("ORDER_PROCESSED")]
        failure, = map(parsers.placement_outcome, inbound("ORDER_PROCESSED (failure shape)"))

        assert [(each.is_success, each.client_order_id, each.reason) for each in outcomes] \
            == [(True, None, ""), (True, "testWS", "")]
        assert (failure.is_success, failure.exchange_order_id, failure.reason) == (False, None, "<text>")

    def test_placement_without_an_outcome_is_neither(self):
        assert parsers.placement_outcome({"orderId": "1"}).is_success is None

    @pytest.mark.parametrize("success, is_success", [
        (True, True), ("true", True), (False, False), ("false", False), ("perhaps", None)])
    def test_success_may_be_a_text(self, success, is_success):
        assert parsers.placement_outcome({"orderId": "1", "success": success}).is_success is is_success

    @pytest.mark.parametrize("name, reason", [
        ("FAILED_ORDER", "Insufficient balance"),
        ("FAILED_CANCEL_ORDER", "Order not found or already filled"),
        ("FAILED_CANCEL_ORDER (optional fields)", "<text>"),
    ])
    def test_every_failure_of_the_fixture(self, name: str, reason: str):
        failure = parsers.failure(inbound(name)[0])

        assert (failure.is_success, failure.reason) == (False, reason)
        assert failure.exchange_order_id


class TestFills:
    @pytest.mark.parametrize("name", [
        "GET my trades", "GET my trades (maker reward)", "GET Trade History For A Currency Pair 200"])
    def test_every_fill_in_the_trade_history_of_the_fixture(self, name: str):
        fills = [parsers.fill(row) for row in rows(name)]

        assert all(fill.is_fee_known and fill.is_history and fill.price > 0 and fill.quantity > 0 for fill in fills)

    def test_fill_events_of_the_fixture(self):
        perpetual, market = map(parsers.fill, inbound("NEW_ACCOUNT_TRADE"))

        assert (perpetual.price, perpetual.fee, perpetual.client_order_id, perpetual.is_history) \
            == (Decimal("85.91"), TokenAmount("USDT", Decimal("0.0008591")), "uuid", False)
        # The documentation's sample has a thousands separator.
        assert (market.price, market.quantity, market.fee) \
            == (Decimal(114953), Decimal("0.0001"), TokenAmount("BTC", Decimal("0.0000001")))

    def test_reward_is_a_negative_fee_in_its_own_currency(self):
        fill, = map(parsers.fill, rows("GET my trades (maker reward)"))

        assert (fill.fee, fill.is_fee_known) == (TokenAmount("USDC", Decimal("-0.0001")), True)

    @pytest.mark.parametrize("fields, fee, is_known", [
        ({}, None, False),
        ({"fee": "0", "feeCurrency": "BTC"}, None, True),
        ({"fee": "0"}, None, True),
        ({"fee": "0.1"}, None, False),
        ({"fee": "0.1", "feeCurrency": "R"}, TokenAmount("ZAR", Decimal("0.1")), True),
        ({"makerReward": "0", "makerRewardCurrency": "BTC"}, None, True),
    ])
    def test_what_a_row_tells_of_the_fee(self, fields: dict, fee, is_known: bool):
        row = {"id": "t", "orderId": "o", "price": "1", "quantity": "2", "tradedAt": "2026-01-05T10:00:00Z", **fields}

        fill = parsers.fill(row)

        assert (fill.fee, fill.is_fee_known) == (fee, is_known)

    @pytest.mark.parametrize("field", ["id", "orderId", "price", "quantity", "tradedAt"])
    def test_missing_field_is_named(self, field: str):
        row = {"id": "t", "orderId": "o", "price": "1", "quantity": "2", "tradedAt": "2026-01-05T10:00:00Z"}
        del row[field]

        with pytest.raises(ValueError, match=field):
            parsers.fill(row)

    @pytest.mark.parametrize("price", ["0,00102078", "1,00", "NaN", "Infinity", "", "12a", None, 0.1, True, [], {}])
    def test_price_that_could_be_misread_is_refused(self, price):
        row = {"id": "t", "orderId": "o", "price": price, "quantity": "2", "tradedAt": "2026-01-05T10:00:00Z"}

        with pytest.raises(ValueError, match=f"^price {re.escape(repr(price))} is not a decimal number"):
            parsers.fill(row)

    @pytest.mark.parametrize("price", ["1e40", "1e-40", 5])
    def test_price_of_any_likely_size_is_taken(self, price):
        row = {"id": "t", "orderId": "o", "price": price, "quantity": "2", "tradedAt": "2026-01-05T10:00:00Z"}

        assert parsers.fill(row).price == Decimal(price)

    @pytest.mark.parametrize("price", ["1e41", "1e-41", "-1e41"])
    def test_price_too_large_or_small_to_reckon_with_is_refused(self, price):
        row = {"id": "t", "orderId": "o", "price": price, "quantity": "2", "tradedAt": "2026-01-05T10:00:00Z"}

        with pytest.raises(ValueError, match=f"price '{price}'"):
            parsers.fill(row)

    def test_unreadable_time_of_a_fill_names_the_field(self):
        row = {"id": "t", "orderId": "o", "price": "1", "quantity": "2", "tradedAt": "yesterday"}

        with pytest.raises(ValueError, match="^tradedAt 'yesterday' is not a time"):
            parsers.fill(row)

    def test_key_is_the_same_whatever_the_precision_of_the_time(self):
        row = {"id": "t", "orderId": "o", "price": "1.0", "quantity": "2", "tradedAt": "2026-01-05T10:00:00.119Z"}
        precise = {**row, "price": "1", "tradedAt": "2026-01-05T10:00:00.119876Z"}

        assert parsers.fill(row).key == parsers.fill(precise).key

    def test_key_of_a_fill_a_millisecond_later_is_another(self):
        row = {"id": "t", "orderId": "o", "price": "1.0", "quantity": "2", "tradedAt": "2026-01-05T10:00:00.119Z"}

        assert parsers.fill(row).key != parsers.fill({**row, "tradedAt": "2026-01-05T10:00:00.120Z"}).key


class TestBalances:
    def test_every_balance_of_the_fixture(self):
        rand, bitcoin = map(parsers.balance, inbound("BALANCE_UPDATE"))

        assert (rand.asset, rand.total, rand.available) == ("ZAR", Decimal("1032.05"), Decimal("1022.05"))
        assert rand.updated_at == 1711381128.58
        assert (bitcoin.asset, bitcoin.total, bitcoin.updated_at) == ("BTC", Decimal("1.86542165"), None)
        assert all(parsers.balance(row).asset for row in rows("GET Balances 200"))

    def test_margin_makes_the_total_differ_from_its_parts(self):
        balance = parsers.balance(rows("GET Balances 200")[0])

        assert (balance.asset, balance.total, balance.available) \
            == ("USDT", Decimal("145612.43129945"), Decimal("44822.97549155"))

    def test_rand_of_a_rest_row(self):
        assert parsers.balance({"currency": "R", "available": "1", "reserved": "2"}).asset == "ZAR"

    def test_total_is_the_sum_when_it_is_not_named(self):
        assert parsers.balance({"currency": "BTC", "available": "1", "reserved": "2"}).total == 3

    @pytest.mark.parametrize("currency", [{"shortName": "BTC"}, {"symbol": "BTC"}, {"symbol": "?", "shortName": "BTC"}])
    def test_currency_may_be_an_object(self, currency: dict):
        assert parsers.balance({"currency": currency, "available": "1", "total": "2"}).asset == "BTC"

    @pytest.mark.parametrize("currency", [None, "", 7, ["BTC"]])
    def test_currency_that_is_none(self, currency):
        with pytest.raises(ValueError, match=f"the currency {re.escape(repr(currency))} is not a text"):
            parsers.balance({"currency": currency, "available": "1", "total": "2"})


class TestPairs:
    def test_every_pair_of_the_fixture(self):
        names = ["GET pairs (two rows)", "GET Currency Pairs 200", "GET Currency Pairs By Type 200"]
        pairs = [row for name in names for row in rows(name) if valr_utils.is_exchange_information_valid(row)]

        assert pairs
        for row in pairs:
            assert parsers.pair(row) == tuple(row[field] for field in ("symbol", "baseCurrency", "quoteCurrency"))
            rule = parsers.trading_rule(row, "A-B", is_market_allowed=True)
            assert rule.min_price_increment == Decimal(row["tickSize"])
            assert rule.min_base_amount_increment == Decimal(1) / 10 ** int(row["baseDecimalPlaces"])
            assert rule.min_order_size == Decimal(row["minBaseAmount"])
            assert rule.max_order_size == Decimal(row["maxBaseAmount"])
            assert rule.min_notional_size == Decimal(row["minQuoteAmount"])

    @pytest.mark.parametrize("field, value", [
        ("tickSize", "0"), ("tickSize", "-1"), ("minBaseAmount", None), ("baseDecimalPlaces", "few"),
        ("baseDecimalPlaces", "-1"), ("baseDecimalPlaces", "41")])
    def test_bad_pair_is_refused(self, field: str, value):
        row = {**rows("GET pairs (two rows)")[0], field: value}

        with pytest.raises(ValueError, match=f"^{field} {value!r} is not"):
            parsers.trading_rule(row, "ENJ-USDC", is_market_allowed=True)

    @pytest.mark.parametrize("decimals, increment", [("0", "1"), ("8", "0.00000001"), ("40", "1e-40")])
    def test_decimals_of_a_pair_are_the_step_of_its_amounts(self, decimals: str, increment: str):
        row = {**rows("GET pairs (two rows)")[0], "baseDecimalPlaces": decimals}

        rule = parsers.trading_rule(row, "ENJ-USDC", is_market_allowed=True)

        assert rule.min_base_amount_increment == Decimal(increment)

    def test_pair_in_rand_has_its_code(self):
        row = {"symbol": "BTCZAR", "baseCurrency": "BTC", "quoteCurrency": "R"}

        assert parsers.pair(row) == ("BTCZAR", "BTC", "ZAR")

    @pytest.mark.parametrize("is_allowed", [True, False])
    def test_rule_tells_whether_market_orders_are_taken(self, is_allowed: bool):
        rule = parsers.trading_rule(rows("GET pairs (two rows)")[0], "ENJ-USDC", is_market_allowed=is_allowed)

        assert rule.supports_market_orders is is_allowed

    @pytest.mark.parametrize("base, quote", [("B-TC", "ZAR"), ("BTC", "Z AR"), ("BTÇ", "ZAR"), ("BTC", "ZÄR")])
    def test_pair_whose_names_fit_in_no_order_id_is_refused(self, base: str, quote: str):
        with pytest.raises(ValueError, match="^its currencies are not written in letters and digits"):
            parsers.pair({"symbol": "BTCZAR", "baseCurrency": base, "quoteCurrency": quote})

    @pytest.mark.parametrize("field, name", [
        ("symbol", "symbol"), ("baseCurrency", "currency"), ("quoteCurrency", "currency")])
    def test_pair_without_a_name_is_refused(self, field: str, name: str):
        row = {"symbol": "BTCZAR", "baseCurrency": "BTC", "quoteCurrency": "ZAR"}
        del row[field]

        with pytest.raises(ValueError, match=f"{name} None is not a text"):
            parsers.pair(row)

    def test_every_fee_of_the_fixture_is_a_fraction(self):
        rates = [parsers.fee_rates(row) for row in rows("GET Trade Fees 200")]

        assert rates[0] == ("ETHBTC", Decimal("0.0008"), Decimal("0.001"))
        assert all(each.taker == Decimal("0.001") for each in rates)

    def test_pair_without_an_order_book_has_no_fees(self):
        assert parsers.fee_rates({"currencyPair": "BTCZAR", "simplePercentage": "1.6"}) is None
        assert parsers.fee_rates({"currencyPair": "BTCZAR", "makerPercentage": "0.01"}) is None
        assert parsers.fee_rates({"currencyPair": "BTCZAR", "takerPercentage": "0.08"}) is None

    def test_reward_rate_is_negative(self):
        row = {"currencyPair": "BTCZAR", "makerPercentage": "-0.01", "takerPercentage": "0.08"}

        assert parsers.fee_rates(row).maker == Decimal("-0.0001")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6)
FIELDS = ["orderId", "customerOrderId", "id", "price", "quantity", "tradedAt", "fee", "feeCurrency", "makerReward",
          "orderStatusType", "status", "originalQuantity", "remainingQuantity", "orderUpdatedAt", "failedReason",
          "currency", "available", "total", "updatedAt", "success", "message"]


@given(row=st.dictionaries(st.sampled_from(FIELDS), ANYTHING),
       parse=st.sampled_from([parsers.order_report, parsers.open_order, parsers.fill, parsers.balance,
                              parsers.placement_outcome, parsers.failure, parsers.fee_rates]))
def test_no_row_of_any_content_does_more_than_raise_a_value_error(row: dict, parse: Callable):
    try:
        parse(row)
    except ValueError:
        pass


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=0, max_value=10 ** 9))
def test_amounts_keep_every_digit(amount: Decimal):
    row = {"currency": "BTC", "available": f"{amount:f}", "total": f"{amount:f}"}

    assert f"{parsers.balance(row).total:f}" == f"{amount:f}"
