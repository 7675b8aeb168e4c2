import asyncio
import inspect
import json
import logging
import re
import time
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Callable, Dict, List, Optional, Tuple
from unittest.mock import AsyncMock, Mock, patch

import pytest
import pytest_asyncio
from aiohttp import ClientResponse
from aioresponses import aioresponses
from aioresponses.core import RequestCall
from bidict import bidict

import hummingbot.connector.exchange.valr.valr_constants as CONSTANTS
from hummingbot.connector.exchange.valr import valr_lost_orders
from hummingbot.connector.exchange.valr.valr_errors import ValrAPIError, ValrOrderRejected
from hummingbot.connector.exchange.valr.valr_exchange import ValrExchange
from hummingbot.connector.exchange.valr.valr_lost_orders import ValrLostOrders
from hummingbot.connector.exchange.valr.valr_parsers import OrderReport
from hummingbot.connector.test_support.exchange_connector_test import AbstractExchangeConnectorTests
from hummingbot.connector.trading_rule import TradingRule
from hummingbot.connector.utils import TradeFillOrderDetails
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from hummingbot.core.data_type.trade_fee import DeductedFromReturnsTradeFee, TokenAmount, TradeFeeBase
from hummingbot.core.event.event_logger import EventLogger
from hummingbot.core.event.events import MarketEvent
from hummingbot.core.web_assistant.connections.data_types import RESTMethod

CREATED_AT = "2021-12-29T12:13:20.000Z"
NOT_FOUND = {"code": -1, "message": "Invalid Order. "}
Callback = Optional[Callable]


def do_nothing(*args, **kwargs):
    pass


def url_of(path: str) -> str:
    return CONSTANTS.REST_URL + path


def pattern_of(path: str) -> re.Pattern:
    return re.compile(f"^{re.escape(url_of(path))}(\\?|$)")


class ValrExchangeTests(AbstractExchangeConnectorTests.ExchangeConnectorTests):
    """
    Hummingbot's suite for connectors. No account socket is logged in here, so order commands go over REST.

    Two of its tests refuse an order with an empty HTTP 400. From VALR's front end that says nothing about the order, so
    they run with the JSON error by which VALR itself refuses one.
    """

    def setUp(self) -> None:
        self.enterContext(patch("aioresponses.core.ClientResponse", MockedClientResponse))
        super().setUp()

    async def test_lost_order_removed_if_not_found_during_order_status_update(self):
        """VALR may execute a command late, so an order is watched for a while after it was lost."""
        with patch.object(ValrLostOrders, "DURATION", 0.0):
            await super().test_lost_order_removed_if_not_found_during_order_status_update()

    def create_exchange_instance(self) -> ValrExchange:
        return ValrExchange("the key", "the secret", trading_pairs=[self.trading_pair])

    def exchange_symbol_for_tokens(self, base_token: str, quote_token: str) -> str:
        return base_token + quote_token

    # === Requests ===

    @property
    def all_symbols_url(self) -> str:
        return url_of(CONSTANTS.PAIRS_PATH)

    @property
    def latest_prices_url(self) -> str:
        return url_of(CONSTANTS.MARKET_SUMMARY_PATH)

    @property
    def network_status_url(self) -> str:
        return url_of(CONSTANTS.STATUS_PATH)

    @property
    def trading_rules_url(self) -> str:
        return url_of(CONSTANTS.PAIRS_PATH)

    @property
    def order_creation_url(self) -> str:
        return url_of(CONSTANTS.PLACE_LIMIT_PATH)

    @property
    def balance_url(self) -> str:
        return url_of(CONSTANTS.BALANCES_PATH)

    # === Replies ===

    def pair(self, **changes) -> Dict[str, Any]:
        return {
            "symbol": self.exchange_trading_pair,
            "baseCurrency": self.base_asset,
            "quoteCurrency": self.quote_asset,
            "shortName": f"{self.base_asset}/{self.quote_asset}",
            "active": True,
            "minBaseAmount": "0.01",
            "maxBaseAmount": "5000",
            "minQuoteAmount": "10",
            "maxQuoteAmount": "100000000",
            "tickSize": "0.0001",
            "baseDecimalPlaces": "6",
            "marginTradingAllowed": False,
            "currencyPairType": "SPOT",
            **changes,
        }

    @property
    def all_symbols_request_mock_response(self) -> List[Dict[str, Any]]:
        return [self.pair(), self.pair(symbol="OLDHBOT", baseCurrency="OLD", active=False)]

    @property
    def all_symbols_including_invalid_pair_mock_response(self) -> Tuple[str, Any]:
        invalid = self.pair(symbol="INVALIDPAIRPERP", baseCurrency="INVALID", quoteCurrency="PAIR",
                            currencyPairType="FUTURE")
        return "INVALID-PAIR", [self.pair(), invalid]

    @property
    def latest_prices_request_mock_response(self) -> List[Dict[str, Any]]:
        return [
            {"currencyPair": "BTCZAR", "askPrice": "1800001", "bidPrice": "1800000", "lastTradedPrice": "1800000"},
            {"currencyPair": self.exchange_trading_pair, "askPrice": "10000", "bidPrice": "9998",
             "lastTradedPrice": str(self.expected_latest_price)},
        ]

    @property
    def network_status_request_successful_mock_response(self) -> Dict[str, Any]:
        return {"status": "online"}

    @property
    def trading_rules_request_mock_response(self) -> List[Dict[str, Any]]:
        return [self.pair()]

    @property
    def trading_rules_request_erroneous_mock_response(self) -> List[Dict[str, Any]]:
        return [self.pair(tickSize="many")]

    @property
    def order_creation_request_successful_mock_response(self) -> Dict[str, Any]:
        return {"id": self.expected_exchange_order_id}

    @property
    def balance_request_mock_response_for_base_and_quote(self) -> List[Dict[str, Any]]:
        return [
            {"currency": self.base_asset, "available": "10", "reserved": "5", "total": "15"},
            {"currency": self.quote_asset, "available": "2000", "reserved": "0", "total": "2000"},
        ]

    @property
    def balance_request_mock_response_only_base(self) -> List[Dict[str, Any]]:
        return self.balance_request_mock_response_for_base_and_quote[:1]

    @property
    def balance_event_websocket_update(self) -> Dict[str, Any]:
        return {"type": "BALANCE_UPDATE", "data": {
            "currency": {"symbol": self.base_asset, "shortName": self.base_asset},
            "available": "10", "reserved": "5", "total": "15", "updatedAt": CREATED_AT}}

    def _configure_balance_response(
            self, response: List[Dict[str, Any]], mock_api: aioresponses, callback: Callback = do_nothing) -> str:
        mock_api.get(url_of(CONSTANTS.API_KEY_PATH), payload={"permissions": ["View access", "Trade"]})
        return super()._configure_balance_response(response, mock_api, callback)

    # === Expectations ===

    @property
    def expected_latest_price(self) -> float:
        return 9999.9

    @property
    def expected_supported_order_types(self) -> List[OrderType]:
        return [OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET]

    @property
    def expected_trading_rule(self) -> TradingRule:
        return TradingRule(
            trading_pair=self.trading_pair,
            min_order_size=Decimal("0.01"),
            max_order_size=Decimal("5000"),
            min_price_increment=Decimal("0.0001"),
            min_base_amount_increment=Decimal("0.000001"),
            min_notional_size=Decimal("10"),
        )

    @property
    def expected_logged_error_for_erroneous_trading_rule(self) -> str:
        row = self.trading_rules_request_erroneous_mock_response[0]
        return ("A pair of VALR's is left out, because it cannot be read "
                f"(tickSize 'many' is not a decimal number): {row}")

    @property
    def expected_exchange_order_id(self) -> str:
        return "019a0000-0000-7000-8000-000000000001"

    @property
    def expected_partial_fill_price(self) -> Decimal:
        return Decimal("9999.5")

    @property
    def expected_partial_fill_amount(self) -> Decimal:
        return Decimal("0.5")

    @property
    def expected_fill_fee(self) -> TradeFeeBase:
        return DeductedFromReturnsTradeFee(flat_fees=[TokenAmount(token=self.base_asset, amount=Decimal("0.0018"))])

    @property
    def expected_fill_trade_id(self) -> str:
        return "019a0000-0000-7000-8000-0000000000aa"

    @property
    def is_order_fill_http_update_included_in_status_update(self) -> bool:
        return True

    @property
    def is_order_fill_http_update_executed_during_websocket_order_event_processing(self) -> bool:
        return False

    def _expected_initial_status_dict(self) -> Dict[str, bool]:
        return {**super()._expected_initial_status_dict(), "order_books_verified": False}

    # === What is sent ===

    def validate_auth_credentials_present(self, request_call: RequestCall):
        headers = request_call.kwargs["headers"]
        self.assertEqual("the key", headers["X-VALR-API-KEY"])
        self.assertEqual(128, len(headers["X-VALR-SIGNATURE"]))
        self.assertTrue(headers["X-VALR-TIMESTAMP"].isdecimal())
        self.assertEqual("application/json", headers["Content-Type"])

    def validate_order_creation_request(self, order: InFlightOrder, request_call: RequestCall):
        self.assertEqual({
            "side": order.trade_type.name,
            "quantity": "100.000000",
            "price": "10000.0000",
            "pair": self.exchange_trading_pair,
            "postOnly": False,
            "timeInForce": "GTC",
            "customerOrderId": order.client_order_id,
        }, json.loads(request_call.kwargs["data"]))

    def validate_order_cancelation_request(self, order: InFlightOrder, request_call: RequestCall):
        self.assertEqual({"customerOrderId": order.client_order_id, "pair": self.exchange_trading_pair},
                         json.loads(request_call.kwargs["data"]))

    def validate_order_status_request(self, order: InFlightOrder, request_call: RequestCall):
        self.assertIsNone(request_call.kwargs["data"])

    def validate_trades_request(self, order: InFlightOrder, request_call: RequestCall):
        self.assertIsNone(request_call.kwargs["data"])

    # === Cancellations ===

    def configure_successful_cancelation_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> str:
        url = url_of(CONSTANTS.CANCEL_PATH)
        mock_api.delete(url, payload={"id": order.client_order_id}, callback=callback)
        return url

    def configure_erroneous_cancelation_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> str:
        url = url_of(CONSTANTS.CANCEL_PATH)
        mock_api.delete(url, status=400, body="<html>", callback=callback)
        self.mock_status(mock_api, order, "Placed")
        return url

    def configure_order_not_found_error_cancelation_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> str:
        url = url_of(CONSTANTS.CANCEL_PATH)
        mock_api.delete(url, status=400, payload=NOT_FOUND)
        self.mock_unknown(mock_api, order, callback)
        return url

    def configure_one_successful_one_erroneous_cancel_all_response(
            self, successful_order: InFlightOrder, erroneous_order: InFlightOrder, mock_api: aioresponses) -> List[str]:
        url = url_of(CONSTANTS.BATCH_PATH)
        mock_api.post(url, payload={"batchId": 1, "outcomes": [
            {"accepted": True, "requestType": "CANCEL_ORDER"},
            {"accepted": False, "error": {"code": -11, "message": "Invalid Request"}},
        ]})
        self.mock_status(mock_api, successful_order, "Cancelled")
        self.mock_status(mock_api, erroneous_order, "Placed")
        return [url]

    # === States ===

    def order_row(self, order: InFlightOrder, status: str, remaining: Optional[Decimal] = None) -> Dict[str, Any]:
        return {
            "orderId": order.exchange_order_id,
            "orderStatusType": status,
            "currencyPair": self.exchange_trading_pair,
            "originalPrice": str(order.price),
            "remainingQuantity": str(order.amount if remaining is None else remaining),
            "originalQuantity": str(order.amount),
            "orderSide": order.trade_type.name.lower(),
            "orderType": "limit",
            "failedReason": "",
            "orderUpdatedAt": CREATED_AT,
            "orderCreatedAt": CREATED_AT,
            "customerOrderId": order.client_order_id,
            "timeInForce": "GTC",
        }

    def status_path(self, order: InFlightOrder) -> str:
        return CONSTANTS.ORDER_STATUS_BY_CLIENT_ID_PATH.format(
            symbol=self.exchange_trading_pair, client_order_id=order.client_order_id)

    def mock_open_orders(self, mock_api: aioresponses, *rows: Dict[str, Any]) -> str:
        url = url_of(CONSTANTS.OPEN_ORDERS_PATH)
        mock_api.get(url, payload=list(rows), repeat=True)
        return url

    def mock_status(self, mock_api: aioresponses, order: InFlightOrder, status: str,
                    remaining: Optional[Decimal] = None, callback: Callback = do_nothing) -> str:
        self.mock_open_orders(mock_api)
        url = url_of(self.status_path(order))
        mock_api.get(url, payload=self.order_row(order, status, remaining), callback=callback, repeat=True)
        return url

    def mock_unknown(self, mock_api: aioresponses, order: InFlightOrder, callback: Callable) -> str:
        self.mock_open_orders(mock_api)
        url = url_of(self.status_path(order))
        mock_api.get(url, status=400, payload=NOT_FOUND)
        detail = CONSTANTS.ORDER_DETAIL_BY_CLIENT_ID_PATH.format(client_order_id=order.client_order_id)
        mock_api.get(url_of(detail), payload=[], callback=callback)
        return url

    def configure_completely_filled_order_status_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> List[str]:
        return [self.mock_status(mock_api, order, "Filled", Decimal(0), callback)]

    def configure_canceled_order_status_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> List[str]:
        return [self.mock_status(mock_api, order, "Cancelled", callback=callback)]

    def configure_open_order_status_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> List[str]:
        row = self.order_row(order, "Placed")
        row.update(status=row.pop("orderStatusType"), side=row.pop("orderSide"), type=row.pop("orderType"))
        return [self.mock_open_orders(mock_api, row)]

    def configure_partially_filled_order_status_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> str:
        remaining = order.amount - self.expected_partial_fill_amount
        row = self.order_row(order, "Partially Filled", remaining)
        row.update(status=row.pop("orderStatusType"), side=row.pop("orderSide"), type=row.pop("orderType"))
        return self.mock_open_orders(mock_api, row)

    def configure_http_error_order_status_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> str:
        # The only HTTP error that counts towards losing an order.
        return self.mock_unknown(mock_api, order, callback)

    def configure_order_not_found_error_order_status_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> List[str]:
        return [self.mock_unknown(mock_api, order, callback)]

    # === Fills ===

    def trade_row(self, order: InFlightOrder, price: Decimal, quantity: Decimal) -> Dict[str, Any]:
        fee = self.expected_fill_fee.flat_fees[0]
        return {
            "price": str(price),
            "quantity": str(quantity),
            "currencyPair": self.exchange_trading_pair,
            "tradedAt": CREATED_AT,
            "side": order.trade_type.name.lower(),
            "sequenceId": 1368928567986638030,
            "id": self.expected_fill_trade_id,
            "orderId": order.exchange_order_id,
            "fee": str(fee.amount),
            "feeCurrency": fee.token,
        }

    def configure_partial_fill_trade_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> re.Pattern:
        pattern = pattern_of(CONSTANTS.TRADE_HISTORY_PATH)
        row = self.trade_row(order, self.expected_partial_fill_price, self.expected_partial_fill_amount)
        mock_api.get(pattern, payload=[row], callback=callback)
        return pattern

    def configure_full_fill_trade_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> re.Pattern:
        pattern = pattern_of(CONSTANTS.TRADE_HISTORY_PATH)
        mock_api.get(pattern, payload=[self.trade_row(order, order.price, order.amount)], callback=callback)
        return pattern

    def configure_erroneous_http_fill_trade_response(
            self, order: InFlightOrder, mock_api: aioresponses, callback: Callback = do_nothing) -> re.Pattern:
        pattern = pattern_of(CONSTANTS.TRADE_HISTORY_PATH)
        mock_api.get(pattern, status=500, callback=callback)
        return pattern

    # === Events ===

    def order_event_for_new_order_websocket_update(self, order: InFlightOrder) -> Dict[str, Any]:
        return {"type": "ORDER_PROCESSED", "data": {
            "orderId": order.exchange_order_id, "success": True, "failureReason": "",
            "customerOrderId": order.client_order_id}}

    def order_event_for_canceled_order_websocket_update(self, order: InFlightOrder) -> Dict[str, Any]:
        return {"type": "ORDER_STATUS_UPDATE", "data": self.order_row(order, "Cancelled")}

    def order_event_for_full_fill_websocket_update(self, order: InFlightOrder) -> Dict[str, Any]:
        return {"type": "ORDER_STATUS_UPDATE", "data": self.order_row(order, "Filled", Decimal(0))}

    def trade_event_for_full_fill_websocket_update(self, order: InFlightOrder) -> Dict[str, Any]:
        row = self.trade_row(order, order.price, order.amount)
        del row["sequenceId"]
        return {"type": "NEW_ACCOUNT_TRADE", "currencyPairSymbol": self.exchange_trading_pair,
                "data": {**row, "customerOrderId": order.client_order_id}}

    # === Two tests with VALR's own refusal ===

    async def test_create_order_fails_and_raises_failure_event(self):
        with refusals_from_valr_itself():
            await super().test_create_order_fails_and_raises_failure_event()

    async def test_create_order_fails_when_trading_rule_error_and_raises_failure_event(self):
        with refusals_from_valr_itself():
            await super().test_create_order_fails_when_trading_rule_error_and_raises_failure_event()


class MockedClientResponse(ClientResponse):
    """aioresponses 0.7.9 does not know an argument that aiohttp 3.14 wants and older ones do not have."""

    def __init__(self, *args, **kwargs):
        if "stream_writer" in inspect.signature(ClientResponse.__init__).parameters:
            kwargs["stream_writer"] = Mock(output_size=0)
        super().__init__(*args, **kwargs)


@contextmanager
def refusals_from_valr_itself():
    """Gives every mocked POST with HTTP 400 the body that VALR sends."""
    post = aioresponses.post

    def post_with_body(self, url, status=200, **kwargs):
        if status == 400:
            kwargs["payload"] = {"code": -6, "message": "Insufficient Balance"}
        post(self, url, status=status, **kwargs)

    with patch.object(aioresponses, "post", post_with_body):
        yield


class TestConstruction:
    def test_two_keys_are_enough(self):
        connector = ValrExchange("key", "secret")

        assert (connector.name, connector.domain, connector.is_trading_required) == ("valr", "valr", True)
        assert connector.authenticator is not None

    def test_simulator_is_a_domain_of_its_own(self):
        connector = ValrExchange("key", "secret", domain="valr_simulator")

        assert connector.name == connector.domain == "valr_simulator"

    @pytest.mark.parametrize("key, secret", [("", ""), (None, None), ("key", ""), ("", "secret")])
    def test_without_keys_there_is_market_data_only(self, key, secret):
        connector = ValrExchange(key, secret, trading_pairs=["BTC-ZAR"], trading_required=False)

        assert connector.authenticator is None

    def test_share_of_the_rate_limits(self):
        connector = ValrExchange("key", "secret", rate_limits_share_pct=Decimal(50))

        limits = {limit.limit_id: limit.limit for limit in connector.throttler._rate_limits}
        assert limits[CONSTANTS.PUBLIC_POOL] == 15

    def test_keys_are_in_no_text(self):
        connector = ValrExchange("the-key", "the-secret")

        texts = [repr(connector), str(connector), repr(connector._auth), repr(connector.user_stream_data_source)]
        assert not [text for text in texts if "the-key" in text or "the-secret" in text]

    @pytest.mark.asyncio
    @pytest.mark.parametrize("pair", ["BTC-ZAR", "1000PEPE-USDT", "A-B"])
    async def test_client_order_ids_are_what_valr_takes(self, pair, monkeypatch):
        connector = ValrExchange("key", "secret", trading_pairs=[pair])
        monkeypatch.setattr(connector, "_create_order", AsyncMock())

        ids = {place(pair, Decimal(1), OrderType.LIMIT, Decimal(1))
               for _ in range(100) for place in (connector.buy, connector.sell)}

        assert len(ids) == 200
        assert all(re.fullmatch("[0-9A-Za-z]{1,50}", order_id) for order_id in ids)

    @pytest.mark.parametrize("silence, in_touch", [(1, True), (61, False)])
    def test_an_account_that_fell_silent_is_not_ready(self, silence, in_touch):
        connector = ValrExchange("key", "secret")
        assert not connector.status_dict["user_stream_initialized"]

        connector.user_stream_data_source._last_recv_time = time.time() - silence

        assert connector.status_dict["user_stream_initialized"] is in_touch

    def test_what_hummingbot_records_is_not_kept_a_second_time(self):
        connector = ValrExchange("key", "secret")

        connector.add_trade_fills_from_market_recorder({TradeFillOrderDetails("valr", "trade", "BTC-ZAR")})
        connector.add_exchange_order_ids_from_market_recorder({"VALR's id": "client order id"})

        assert not connector._current_trade_fills and not connector._exchange_order_ids


PAIRS = [
    {"symbol": symbol, "baseCurrency": base, "quoteCurrency": quote, "active": active, "currencyPairType": kind,
     "minBaseAmount": "0.1", "maxBaseAmount": "100", "minQuoteAmount": "5", "tickSize": "0.5", "baseDecimalPlaces": "3"}
    for symbol, base, quote, active, kind in [
        ("BTCZAR", "BTC", "ZAR", True, "SPOT"), ("ETHR", "ETH", "R", True, "SPOT"),
        ("OLDZAR", "OLD", "ZAR", False, "SPOT"),
        ("BTCUSDTPERP", "BTC", "USDTPERP", True, "FUTURE"), ("SIMPLEZAR", "SIMPLE", "ZAR", True, "SPOT"),
        ("BAD-ZAR", "BA-D", "ZAR", True, "SPOT"), ("NOBASE", None, "ZAR", True, "SPOT")]]


@pytest.mark.asyncio
class TestPairs:
    @pytest.fixture
    def connector(self) -> ValrExchange:
        connector = ValrExchange("key", "secret")
        connector._pairs.set_order_types([
            {"currencyPair": "BTCZAR", "orderTypes": ["LIMIT", "LIMIT_POST_ONLY"]},
            {"currencyPair": "ETHR", "orderTypes": ["LIMIT", "MARKET"]},
            {"currencyPair": "SIMPLEZAR", "orderTypes": ["SIMPLE"]}])
        return connector

    async def test_pairs_that_can_be_traded(self, connector, caplog):
        connector._initialize_trading_pair_symbols_from_exchange_info([*PAIRS, "no pair", None])

        assert dict(await connector.trading_pair_symbol_map()) == {"BTCZAR": "BTC-ZAR", "ETHR": "ETH-ZAR"}
        assert len(caplog.records) == 4 and not [record for record in caplog.records if record.exc_info]

    async def test_rules(self, connector):
        rules = {rule.trading_pair: rule for rule in await connector._format_trading_rules(PAIRS)}

        assert set(rules) == {"BTC-ZAR", "ETH-ZAR"}
        assert rules["ETH-ZAR"].supports_market_orders and not rules["BTC-ZAR"].supports_market_orders
        assert rules["BTC-ZAR"].min_base_amount_increment == Decimal("0.001")

    @pytest.mark.parametrize("rows", [None, {}, [{}], [{"currencyPair": "BTCZAR"}], [7], "no list"])
    async def test_order_types_that_cannot_be_read_change_nothing(self, rows, connector):
        with pytest.raises(ValueError, match="order types"):
            connector._pairs.set_order_types(rows)

        assert not connector._pairs.allows("BTCZAR", OrderType.MARKET)

    async def test_unknown_order_types_allow_all(self, connector):
        connector._pairs.set_order_types([])

        assert "SIMPLE-ZAR" in {rule.trading_pair for rule in await connector._format_trading_rules(PAIRS)}


@pytest.mark.asyncio
class TestFees:
    @pytest_asyncio.fixture
    async def connector(self, monkeypatch) -> ValrExchange:
        connector = ValrExchange("key", "secret")
        connector._set_trading_pair_symbol_map(bidict({"BTCZAR": "BTC-ZAR", "ETHZAR": "ETH-ZAR"}))
        monkeypatch.setattr(connector, "_api_get", AsyncMock(return_value=[
            {"currencyPair": "BTCZAR", "makerPercentage": "-0.01", "takerPercentage": "0.08", "simplePercentage": "1"},
            {"currencyPair": "ETHZAR", "simplePercentage": "1"},
            {"currencyPair": "SOLZAR", "makerPercentage": "0", "takerPercentage": "0.08"}]))
        await connector._update_trading_fees()
        return connector

    @pytest.mark.parametrize("order_type, is_maker, expected", [
        (OrderType.LIMIT_MAKER, None, "-0.0001"), (OrderType.LIMIT, None, "0.0008"), (OrderType.MARKET, None, "0.0008"),
        (OrderType.LIMIT, True, "-0.0001"), (OrderType.LIMIT_MAKER, False, "0.0008")])
    async def test_account_has_its_own_rates(self, order_type, is_maker, expected, connector):
        fee = connector.get_fee("BTC", "ZAR", order_type, TradeType.BUY, Decimal(1), Decimal(1), is_maker)

        assert fee == DeductedFromReturnsTradeFee(percent=Decimal(expected))

    @pytest.mark.parametrize("base", ["ETH", "SOL"])
    async def test_pair_without_known_rates_has_the_default_ones(self, base, connector):
        fee = connector.get_fee(base, "ZAR", OrderType.LIMIT_MAKER, TradeType.SELL, Decimal(1))

        assert fee == DeductedFromReturnsTradeFee(percent=Decimal("0.0018"))


@pytest.mark.asyncio
class TestRegularRequests:
    @pytest.fixture
    def connector(self, monkeypatch) -> ValrExchange:
        connector = ValrExchange("key", "secret")
        monkeypatch.setattr(CONSTANTS, "RETRY_PAUSES", (0.0,))
        return connector

    @pytest.mark.parametrize("loop, update", [
        ("_trading_rules_polling_loop", "_update_trading_rules"),
        ("_trading_fees_polling_loop", "_update_trading_fees")])
    async def test_failures_are_repeated_and_told_once(self, loop, update, connector, monkeypatch, caplog):
        caplog.set_level(logging.INFO)
        done = asyncio.Event()
        outcomes = iter([ConnectionError("no answer")] * 3 + [None])

        async def answer():
            outcome = next(outcomes)
            if outcome is not None:
                raise outcome
            done.set()

        monkeypatch.setattr(connector, update, answer)
        task = asyncio.ensure_future(getattr(connector, loop)())
        await asyncio.wait_for(done.wait(), 2)
        await asyncio.sleep(0)
        task.cancel()

        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
        assert "no answer" in caplog.text and not [record for record in caplog.records if record.exc_info]

    async def test_time_of_valr_replaces_the_old_one(self, connector, monkeypatch):
        connector._time_synchronizer.add_time_offset_ms_sample(1e9)
        monkeypatch.setattr(connector.web_utils, "get_current_server_time", AsyncMock(return_value=1_700_000_000_000.0))

        await connector._update_time_synchronizer()

        assert connector._time_synchronizer.time() == pytest.approx(1_700_000_000, abs=1)
        assert int(connector._auth.signed_headers(RESTMethod.GET, "/")["X-VALR-TIMESTAMP"]) < 1_700_000_010_000

    async def test_time_that_cannot_be_had_leaves_the_old_one(self, connector, monkeypatch, caplog):
        connector._time_synchronizer.add_time_offset_ms_sample(5e6)
        no_answer = AsyncMock(side_effect=ConnectionError("no answer"))
        monkeypatch.setattr(connector.web_utils, "get_current_server_time", no_answer)

        for _ in range(3):
            await connector._update_time_synchronizer()

        assert connector._time_synchronizer.time_offset_ms == 5e6
        assert len(caplog.records) == 1

    @pytest.mark.parametrize("body, is_clock", [
        ('{"code":-11252,"message":"Request has an invalid signature"}', True),
        ('{"code":-11272,"message":"The originating IP Address has not been whitelisted."}', False),
        ("<html>", False)])
    async def test_wrong_signature_may_be_the_clocks_fault(self, body, is_clock, connector):
        error = ValrAPIError(401, "GET", "/v1/account/balances", body)

        assert connector._is_request_exception_related_to_time_synchronizer(error) is is_clock
        assert not connector._is_request_exception_related_to_time_synchronizer(ConnectionError())


@pytest.mark.asyncio
class TestAnswersOfNoUse:
    """One of many rows or orders that VALR says nothing useful about keeps no other from being read."""

    @pytest.fixture
    def connector(self) -> ValrExchange:
        connector = ValrExchange("key", "secret")
        connector._set_current_timestamp(1000.0)
        connector._set_trading_pair_symbol_map(bidict({"BTCZAR": "BTC-ZAR"}))
        for order_id in ("a", "b"):
            connector.start_tracking_order(
                order_id, f"of {order_id}", "BTC-ZAR", TradeType.BUY, Decimal(1), Decimal(1), OrderType.LIMIT)
        return connector

    async def test_the_other_orders_and_the_fills_are_asked_for(self, connector, monkeypatch):
        cancelled = OrderReport("of b", "b", "Cancelled", OrderState.CANCELED, Decimal(0), "", None)
        find = AsyncMock(side_effect=[ValrAPIError(500, "GET", "/v1/orders"), cancelled])
        update_fills = AsyncMock()
        monkeypatch.setattr(connector._lookup, "find", find)
        monkeypatch.setattr(connector._lookup, "update_fills", update_fills)
        monkeypatch.setattr(connector, "_api_get", AsyncMock(return_value=[]))

        with pytest.raises(ValrAPIError):
            await connector._update_order_status()

        assert list(connector.in_flight_orders) == ["a"] and update_fills.called

    async def test_the_other_open_orders_are_known(self, connector, monkeypatch, caplog):
        rows = [{"orderId": 17, "status": "Placed"}, {"orderId": "of b", "customerOrderId": "b", "status": "Placed"}]
        monkeypatch.setattr(connector, "_api_get", AsyncMock(return_value=rows))

        for _ in range(3):
            assert list(await connector.request_open_orders()) == ["b"]

        assert len(caplog.records) == 1 and "17" in caplog.text

    async def test_the_other_balances_are_known_and_none_is_taken_for_zero(self, connector, monkeypatch):
        connector._account_balances["ETH"] = Decimal(5)
        connector._is_key_checked = True
        rows = [{"currency": None, "available": "1", "total": "1"}, {"currency": "BTC", "available": "2", "total": "3"}]
        monkeypatch.setattr(connector, "_api_get", AsyncMock(return_value=rows))

        await connector._update_balances()

        assert connector.get_all_balances() == {"ETH": Decimal(5), "BTC": Decimal(3)}

    async def test_an_account_without_its_fills_is_not_up_to_date(self, connector, monkeypatch, caplog):
        monkeypatch.setattr(connector, "_update_balances", AsyncMock())
        monkeypatch.setattr(connector, "_update_orders", AsyncMock())
        outcomes = [ConnectionError("no answer")] * 3 + [None]
        monkeypatch.setattr(connector._lookup, "update_fills", AsyncMock(side_effect=outcomes))

        assert [await connector._account.refresh() for _ in outcomes] == [False, False, False, True]

        assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == ["WARNING"]


@pytest.mark.asyncio
class TestOrdersThatCannotBeSent:
    @pytest.mark.parametrize("amount, order_type, price, told", [
        (0.5, OrderType.LIMIT, Decimal(10), "amount 0.5"),
        (Decimal("NaN"), OrderType.LIMIT, Decimal(10), "amount Decimal('NaN')"),
        (Decimal("0.5"), OrderType.LIMIT, 10.0, "price 10.0"),
        (Decimal("0.5"), OrderType.LIMIT_MAKER, None, "price None"),
        (0.5, OrderType.MARKET, Decimal("NaN"), "amount 0.5"),
    ])
    async def test_they_fail_with_the_reason(self, amount, order_type, price, told, monkeypatch, caplog):
        connector = ValrExchange("key", "secret")
        connector._set_current_timestamp(1000.0)
        connector._trading_rules["BTC-ZAR"] = TradingRule("BTC-ZAR", min_order_size=Decimal("0.1"))
        failures = EventLogger()
        connector.add_listener(MarketEvent.OrderFailure, failures)
        place = AsyncMock()
        monkeypatch.setattr(connector, "_place_order", place)

        await connector._create_order(TradeType.BUY, "c", "BTC-ZAR", amount, order_type, price)

        assert [event.order_id for event in failures.event_log] == ["c"]
        assert told in caplog.text and not place.called and not connector.in_flight_orders


@pytest.mark.asyncio
class TestKeyCheck:
    @pytest.mark.parametrize("status, subaccount_id, is_enough", [
        (401, "17", True), (403, "17", True), (500, "17", False), (401, None, False)])
    async def test_a_subaccount_may_not_be_told_of_its_key(self, status, subaccount_id, is_enough, monkeypatch):
        connector = ValrExchange("key", "secret", valr_subaccount_id=subaccount_id)
        replies = {CONSTANTS.BALANCES_PATH: [], CONSTANTS.API_KEY_PATH: ValrAPIError(status, "GET", "/v1/account")}
        monkeypatch.setattr(connector, "_api_get", AsyncMock(side_effect=lambda path_url, **_: self.reply(
            replies[path_url])))

        if is_enough:
            await connector._update_balances()
        else:
            with pytest.raises(IOError):
                await connector._update_balances()

    @staticmethod
    def reply(outcome: Any) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.asyncio
class TestDenials:
    """VALR says that it does not know an order that was there."""

    @pytest.fixture
    def connector(self, monkeypatch) -> ValrExchange:
        connector = ValrExchange("key", "secret")
        connector._set_current_timestamp(1000.0)
        monkeypatch.setattr(connector._lookup, "find", AsyncMock(return_value=None))
        monkeypatch.setattr(connector, "_api_get", AsyncMock(return_value=[]))
        return connector

    @pytest.fixture
    def order(self, connector) -> InFlightOrder:
        connector.start_tracking_order("c", "x", "BTC-ZAR", TradeType.BUY, Decimal(1), Decimal(1), OrderType.LIMIT)
        return connector.in_flight_orders["c"]

    @pytest.fixture
    def clock(self, monkeypatch) -> Clock:
        clock = Clock()
        monkeypatch.setattr(valr_lost_orders, "time", clock)
        return clock

    @pytest.mark.parametrize("age, counted", [(29.0, 0), (31.0, 1)])
    async def test_order_has_to_be_old_enough_to_be_known(self, age, counted, connector, order, monkeypatch):
        monkeypatch.setattr(connector, "_time", lambda: 1000.0 + age)

        await connector._update_orders()

        assert connector._order_tracker._order_not_found_records["c"] == counted

    async def test_order_that_is_being_placed_is_not_asked_for(self, connector, order):
        connector._placing.add("c")

        await connector._update_orders()

        assert not connector._lookup.find.called

    async def test_order_is_lost_after_several_denials_and_then_watched(self, connector, order, monkeypatch, clock):
        monkeypatch.setattr(connector, "_time", lambda: 1031.0)
        for _ in range(4):
            await connector._update_orders()
            clock.now += 10.0
        assert connector._order_tracker.is_lost(order)

        await connector.count_denial(order)
        await connector._update_lost_orders_status()
        assert connector._order_tracker.is_lost(order)

        clock.now += ValrLostOrders.DURATION
        await connector._update_lost_orders_status()
        assert not connector._order_tracker.is_lost(order)

    async def test_an_old_order_is_watched_as_long_as_a_new_one(self, connector, order, monkeypatch, clock):
        monkeypatch.setattr(connector, "_time", lambda: 1000.0 + 30 * 86_400)
        connector._order_tracker.lose_order(order, "denied")

        for _ in range(10):
            await connector._update_lost_orders_status()
            clock.now += 60.0

        assert connector._order_tracker.is_lost(order)

    async def test_refused_cancels_of_one_moment_are_one_denial(self, connector, order, monkeypatch):
        monkeypatch.setattr(connector, "_time", lambda: 1000.0 + 3_600)
        monkeypatch.setattr(connector, "_place_cancel", AsyncMock(side_effect=ValrOrderRejected("Invalid Order.", -1)))

        for _ in range(10):
            await connector._execute_order_cancel(order)

        assert connector._order_tracker.is_active(order)

    async def test_an_order_that_valr_shows_again_has_not_been_denied(self, connector, order, monkeypatch, clock):
        monkeypatch.setattr(connector, "_time", lambda: 1000.0 + 3_600)
        shown = OrderReport("x", "c", "Placed", OrderState.OPEN, Decimal(0), "", None)

        for answer in 10 * [None, shown]:
            connector._lookup.find.return_value = answer
            await connector._update_orders()
            clock.now += 60.0

        assert connector._order_tracker.is_active(order)

    async def test_no_answer_is_no_denial(self, connector, order, monkeypatch):
        connector._lookup.find.side_effect = ConnectionError("no answer")

        with pytest.raises(ConnectionError):
            await connector._update_orders()

        assert not connector._order_tracker._order_not_found_records["c"]
