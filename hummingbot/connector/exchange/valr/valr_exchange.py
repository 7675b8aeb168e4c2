import asyncio
import time
from decimal import Decimal
from itertools import chain, repeat
from typing import Any, Awaitable, Callable, Dict, List, Optional, Set, Tuple, Union

import aiohttp

from hummingbot.connector.constants import s_decimal_NaN
from hummingbot.connector.exchange.valr import (
    valr_constants as CONSTANTS,
    valr_parsers as parsers,
    valr_web_utils as web_utils,
)
from hummingbot.connector.exchange.valr.valr_account_events import ValrAccountEvents
from hummingbot.connector.exchange.valr.valr_account_refresh import ValrAccountRefresh
from hummingbot.connector.exchange.valr.valr_api_order_book_data_source import ValrAPIOrderBookDataSource
from hummingbot.connector.exchange.valr.valr_api_user_stream_data_source import ValrAPIUserStreamDataSource
from hummingbot.connector.exchange.valr.valr_auth import ValrAuth
from hummingbot.connector.exchange.valr.valr_balances import ValrBalances
from hummingbot.connector.exchange.valr.valr_errors import (
    ValrAPIError,
    ValrCommandNotSent,
    ValrOrderNotFound,
    ValrOrderRejected,
)
from hummingbot.connector.exchange.valr.valr_fees import ValrFees
from hummingbot.connector.exchange.valr.valr_key_check import explain_refusal, missing_permissions
from hummingbot.connector.exchange.valr.valr_lost_orders import ValrLostOrders
from hummingbot.connector.exchange.valr.valr_order_book_tracker import ValrOrderBookTracker
from hummingbot.connector.exchange.valr.valr_order_entry import CancelOrder, PlaceOrder, ValrOrderEntry
from hummingbot.connector.exchange.valr.valr_order_lookup import ValrOrderLookup
from hummingbot.connector.exchange.valr.valr_order_tracker import ValrOrderTracker
from hummingbot.connector.exchange.valr.valr_pairs import ValrPairs
from hummingbot.connector.exchange.valr.valr_parsers import Balance, OrderReport
from hummingbot.connector.exchange.valr.valr_placement_batch import ValrPlacementBatch
from hummingbot.connector.exchange.valr.valr_troubles import ValrTroubles
from hummingbot.connector.exchange.valr.valr_user_stream_tracker import ValrUserStreamTracker
from hummingbot.connector.exchange_py_base import ExchangePyBase
from hummingbot.connector.trading_rule import TradingRule
from hummingbot.connector.utils import TradeFillOrderDetails, combine_to_hb_trading_pair, get_new_client_order_id
from hummingbot.core.api_throttler.data_types import RateLimit
from hummingbot.core.data_type.cancellation_result import CancellationResult
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderUpdate, TradeUpdate
from hummingbot.core.data_type.limit_order import LimitOrder
from hummingbot.core.data_type.market_order import MarketOrder
from hummingbot.core.data_type.trade_fee import DeductedFromReturnsTradeFee, TradeFeeBase
from hummingbot.core.utils.async_utils import safe_ensure_future, safe_gather
from hummingbot.core.utils.estimate_fee import build_trade_fee
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory


class ValrExchange(ExchangePyBase):
    """
    VALR's spot market.

    What becomes of an order is believed only when VALR says so: by an event, by the 201 of a placement over REST, or by
    a look-up with the order's `customerOrderId`. Everything else (timeouts, HTML pages, 5xx, 429, lost connections,
    acknowledgements on the socket, replies to cancellations) leaves the order in flight until `ValrOrderLookup` knows.
    """

    web_utils = web_utils

    # Two requests, against events that were lost although the socket lives.
    LONG_POLL_INTERVAL = 30.0  # seconds
    # Seconds an order has to be old before VALR's denial of it counts towards losing it.
    MIN_AGE_TO_LOSE = 30.0

    def __init__(
            self,
            valr_api_key: str,
            valr_api_secret: str,
            balance_asset_limit: Optional[Dict[str, Dict[str, Decimal]]] = None,
            rate_limits_share_pct: Decimal = Decimal("100"),
            trading_pairs: Optional[List[str]] = None,
            trading_required: bool = True,
            domain: str = CONSTANTS.DEFAULT_DOMAIN,
            valr_subaccount_id: Optional[str] = None,
    ):
        """
        :param rate_limits_share_pct: part of VALR's rate limits that this bot may use, 0 to 100
        :param domain: `valr`, or `valr_simulator` for the embedded exchange
        :param valr_subaccount_id: the sub-account to trade on, if not the account of the key
        """
        self._api_key = valr_api_key
        self._api_secret = valr_api_secret
        self._subaccount_id = valr_subaccount_id
        self._trading_pairs = trading_pairs
        self._trading_required = trading_required
        self._domain = domain
        self._rate_limits_share_pct = rate_limits_share_pct
        self._pairs = ValrPairs(self.logger())
        self._is_key_checked = False
        self._is_read_only = False
        self._placing: Set[str] = set()
        self._own_cancellations: Set[asyncio.Task] = set()  # those that no strategy asked for
        self._troubles = ValrTroubles(self.logger())
        super().__init__(balance_asset_limit, rate_limits_share_pct)
        self._set_order_book_tracker(ValrOrderBookTracker(
            data_source=self._orderbook_ds, trading_pairs=self._trading_pairs or [], domain=self._domain))
        self._order_entry = ValrOrderEntry(self.user_stream_data_source, self)
        self._lookup = ValrOrderLookup(self, self._order_tracker)
        self._fees = ValrFees(self._domain, self._trading_fees)
        self._account = ValrAccountRefresh(self, self._troubles)
        self._events = ValrAccountEvents(self, self._order_tracker, self._lookup, self._fees, self._account)
        self._lost_orders = ValrLostOrders(self._order_tracker)
        self._balances = ValrBalances(self._account_balances, self._account_available_balances)

    # === What the framework asks of a connector ===

    @property
    def name(self) -> str:
        return self._domain

    @property
    def domain(self) -> str:
        return self._domain

    @property
    def authenticator(self) -> Optional[ValrAuth]:
        # Without keys there is market data only.
        if not self._api_key or not self._api_secret:
            return None
        return ValrAuth(self._api_key, self._api_secret, self._time_synchronizer, self._subaccount_id)

    @property
    def rate_limits_rules(self) -> List[RateLimit]:
        return CONSTANTS.RATE_LIMITS

    @property
    def client_order_id_max_length(self) -> int:
        return CONSTANTS.MAX_ORDER_ID_LEN

    @property
    def client_order_id_prefix(self) -> str:
        return CONSTANTS.HBOT_ORDER_ID_PREFIX

    @property
    def trading_rules_request_path(self) -> str:
        return CONSTANTS.PAIRS_PATH

    @property
    def trading_pairs_request_path(self) -> str:
        return CONSTANTS.PAIRS_PATH

    @property
    def check_network_request_path(self) -> str:
        return CONSTANTS.STATUS_PATH

    @property
    def trading_pairs(self) -> Optional[List[str]]:
        return self._trading_pairs

    @property
    def is_cancel_request_in_exchange_synchronous(self) -> bool:
        # A bot that believed VALR's replies to cancellations piled up orders without limit.
        return False

    @property
    def is_trading_required(self) -> bool:
        return self._trading_required

    @property
    def status_dict(self) -> Dict[str, bool]:
        """Adds that every order book is in sync with VALR, so that no strategy quotes from one that is not."""
        return {**super().status_dict, "order_books_verified": self.market_data.books_verified}

    def _is_user_stream_initialized(self) -> bool:
        """
        The base class is satisfied for good once anything has come. Here the account has to be in touch: by socket
        something comes every 15 s, by REST every few seconds, and after a minute of silence neither works.
        """
        silence = self._time() - self.user_stream_data_source.last_recv_time
        return not self.is_trading_required or silence < self.TICK_INTERVAL_LIMIT

    def supported_order_types(self) -> List[OrderType]:
        return list(ValrPairs.ORDER_TYPES)

    def add_trade_fills_from_market_recorder(self, current_trade_fills: Set[TradeFillOrderDetails]):
        """
        The base class keeps every fill for as long as the bot runs, for connectors that have no other way to tell which
        ones are booked. The order tracker of this one does.
        """

    def add_exchange_order_ids_from_market_recorder(self, current_exchange_order_ids: Dict[str, str]):
        """As add_trade_fills_from_market_recorder, for the ids of every order."""

    # === Parts, for those who want to look inside ===

    @property
    def order_entry(self) -> ValrOrderEntry:
        """Latencies of order commands."""
        return self._order_entry

    @property
    def market_data(self) -> ValrAPIOrderBookDataSource:
        """Counters of the order book feeds."""
        return self._orderbook_ds

    @property
    def user_stream_data_source(self) -> ValrAPIUserStreamDataSource:
        """Whether the account comes by socket or by polling."""
        return self._user_stream_tracker.data_source

    @property
    def clock_offset(self) -> float:
        """Seconds by which VALR's clock is ahead of this machine's."""
        return self._time_synchronizer.time() - self._time()

    def is_placing(self, order: InFlightOrder) -> bool:
        """True while the request that places the order is under way, or waits for the rate limits."""
        return order.client_order_id in self._placing

    async def symbol_of(self, order: InFlightOrder) -> str:
        """
        :return: VALR's name of the order's pair, also when VALR does not list the pair any more. Its orders remain, and
            VALR's symbols are the two currencies in a row.
        """
        symbols = await self.trading_pair_symbol_map()
        return symbols.inverse.get(order.trading_pair) or order.trading_pair.replace("-", "")

    # === Life ===

    async def start_network(self):
        await super().start_network()
        self._lookup.start()

    async def stop_network(self):
        self._lookup.stop()
        await super().stop_network()
        # Last, because an event that was still on its way may have started one.
        self._account.stop()
        for task in self._own_cancellations:
            task.cancel()

    def _create_web_assistants_factory(self) -> WebAssistantsFactory:
        """
        The base class makes a throttler of a fixed class. VALR's own costs the same for every request; this is the
        first hook that can put it in place.
        """
        self._throttler = web_utils.create_throttler(self._rate_limits_share_pct)
        return web_utils.build_api_factory(
            throttler=self._throttler,
            time_synchronizer=self._time_synchronizer,
            domain=self._domain,
            auth=self._auth,
        )

    def _create_order_book_data_source(self) -> ValrAPIOrderBookDataSource:
        return ValrAPIOrderBookDataSource(
            trading_pairs=self._trading_pairs or [],
            connector=self,
            api_factory=self._web_assistants_factory,
            domain=self._domain,
            auth=self._auth,
        )

    def _create_user_stream_data_source(self) -> ValrAPIUserStreamDataSource:
        return ValrAPIUserStreamDataSource(
            auth=self._auth,
            connector=self,
            api_factory=self._web_assistants_factory,
            domain=self._domain,
        )

    def _create_user_stream_tracker(self) -> ValrUserStreamTracker:
        return ValrUserStreamTracker(data_source=self._create_user_stream_data_source())

    def _create_order_tracker(self) -> ValrOrderTracker:
        return ValrOrderTracker(connector=self)

    async def _make_network_check_request(self):
        status = await self._api_get(path_url=self.check_network_request_path)
        is_read_only = isinstance(status, dict) and status.get("status") == "read-only"
        if is_read_only and not self._is_read_only:
            self.logger().warning("VALR is in read-only mode: orders cannot be placed or cancelled until it is over.")
        elif self._is_read_only and not is_read_only:
            self.logger().info("VALR's read-only mode is over.")
        self._is_read_only = is_read_only

    async def _update_time_synchronizer(self, pass_on_non_cancelled_error: bool = False):
        """
        The base class adds one sample to the old ones, which are wrong after the clock was set, and logs each failure
        with a traceback. Here a fresh sample replaces the old ones, and the signer takes it at once.
        """
        sent_at = time.perf_counter()
        try:
            server_time = await self.web_utils.get_current_server_time(self._throttler, self._domain)
        except Exception as error:
            self._troubles.begin("VALR's time", error)
            return
        midpoint = (sent_at + time.perf_counter()) / 2
        self._time_synchronizer.clear_time_offset_ms_samples()
        self._time_synchronizer.add_time_offset_ms_sample(server_time - midpoint * 1e3)
        if self._auth is not None:
            self._auth.refresh_clock()
        self._troubles.end("VALR's time")

    def _is_request_exception_related_to_time_synchronizer(self, request_exception: Exception) -> bool:
        # VALR has one code for a wrong signature, be it the secret, the path or the time.
        return (isinstance(request_exception, ValrAPIError)
                and request_exception.code == CONSTANTS.INVALID_SIGNATURE_CODE)

    def _is_order_not_found_during_status_update_error(self, status_update_exception: Exception) -> bool:
        return isinstance(status_update_exception, ValrOrderNotFound)

    def _is_order_not_found_during_cancelation_error(self, cancelation_exception: Exception) -> bool:
        # VALR's reply to a cancellation says nothing about the order, see _execute_order_cancel.
        return isinstance(cancelation_exception, ValrOrderNotFound)

    # === Pairs, rules, fees, prices ===

    async def _trading_rules_polling_loop(self):
        """The base class tries again after half a second, with a traceback each time; VALR allows 30 tries a minute."""
        await self._poll("VALR's pairs and trading rules", self._update_trading_rules, self.TRADING_RULES_INTERVAL)

    async def _trading_fees_polling_loop(self):
        """As _trading_rules_polling_loop."""
        await self._poll("the account's fees", self._update_trading_fees, self.TRADING_FEES_INTERVAL)

    async def _poll(self, subject: str, update: Callable[[], Awaitable[None]], interval: float):
        """
        :param interval: seconds from one success to the next update
        """
        while True:
            for pause in chain(CONSTANTS.RETRY_PAUSES, repeat(CONSTANTS.RETRY_PAUSES[-1])):
                try:
                    await update()
                    break
                except Exception as error:
                    self._troubles.begin(subject, error)
                    await self._sleep(pause)
            self._troubles.end(subject)
            await self._sleep(interval)

    async def _initialize_trading_pair_symbol_map(self):
        """The base class logs each failure with a traceback."""
        try:
            self._initialize_trading_pair_symbols_from_exchange_info(await self._make_trading_pairs_request())
        except Exception as error:
            self._troubles.begin("its pairs", error)
        else:
            self._troubles.end("its pairs")

    async def _make_trading_pairs_request(self) -> List[Dict[str, Any]]:
        return await self._request_pairs()

    async def _make_trading_rules_request(self) -> List[Dict[str, Any]]:
        return await self._request_pairs()

    async def _request_pairs(self) -> List[Dict[str, Any]]:
        """
        :return: VALR's spot pairs; the order types that each allows are kept
        """
        rows = await self._api_get(path_url=CONSTANTS.PAIRS_PATH)
        try:
            self._pairs.set_order_types(await self._api_get(
                path_url=CONSTANTS.ORDER_TYPES_PATH, params={"includeInactivePairs": "false"}))
        except Exception as error:
            self._troubles.begin("the order types of its pairs", error)
        else:
            self._troubles.end("the order types of its pairs")
        return rows

    def _initialize_trading_pair_symbols_from_exchange_info(self, exchange_info: List[Dict[str, Any]]):
        self._set_trading_pair_symbol_map(self._pairs.symbols(exchange_info))

    async def _format_trading_rules(self, exchange_info_dict: List[Dict[str, Any]]) -> List[TradingRule]:
        return self._pairs.rules(exchange_info_dict)

    async def _update_trading_fees(self):
        """Takes over the account's own rates, which are those of its tier."""
        rows = await self._api_get(
            path_url=CONSTANTS.TRADE_FEES_PATH, is_auth_required=True, limit_id=CONSTANTS.ACCOUNT_LIMIT)
        symbols = await self.trading_pair_symbol_map()
        for rates in self._troubles.readable(parsers.fee_rates, rows):
            if rates is not None and rates.symbol in symbols:
                self._trading_fees[symbols[rates.symbol]] = rates

    def _get_fee(
            self,
            base_currency: str,
            quote_currency: str,
            order_type: OrderType,
            order_side: TradeType,
            amount: Decimal,
            price: Decimal = s_decimal_NaN,
            is_maker: Optional[bool] = None,
    ) -> TradeFeeBase:
        is_maker = order_type is OrderType.LIMIT_MAKER if is_maker is None else is_maker
        rate = self._fees.rate(combine_to_hb_trading_pair(base_currency, quote_currency), is_maker)
        if rate is None:
            return build_trade_fee(
                self.name, is_maker, base_currency, quote_currency, order_type, order_side, amount, price)
        return DeductedFromReturnsTradeFee(percent=rate)

    async def get_all_pairs_prices(self) -> List[Dict[str, Any]]:
        """
        :return: VALR's market summary of all pairs: `currencyPair`, `bidPrice`, `askPrice`, `lastTradedPrice` and more,
            numbers as text
        """
        return await self._api_get(path_url=CONSTANTS.MARKET_SUMMARY_PATH)

    async def get_last_traded_prices(self, trading_pairs: List[str]) -> Dict[str, float]:
        """
        The base class makes a request for each pair, of which VALR allows 30 a minute. One request tells all prices.

        :return: the last price of each pair that was traded, in quote per base
        """
        symbols = await self.trading_pair_symbol_map()
        prices = {symbols.get(row.get("currencyPair")): float(row.get("lastTradedPrice") or 0)
                  for row in await self.get_all_pairs_prices()}
        return {pair: prices[pair] for pair in trading_pairs if prices.get(pair)}

    async def _get_last_traded_price(self, trading_pair: str) -> float:
        return (await self.get_last_traded_prices([trading_pair]))[trading_pair]

    # === Balances ===

    async def _update_balances(self):
        """
        :raises IOError: when VALR does not accept the keys, with the reason and what to do about it, or does not answer
        """
        if self._auth is None:
            raise IOError("There is no VALR API key. Connect again and enter key and secret.")
        requested_at = time.monotonic()
        try:
            rows = await self._api_get(
                path_url=CONSTANTS.BALANCES_PATH,
                params={"excludeZeroBalances": "true"},
                is_auth_required=True,
                limit_id=CONSTANTS.ACCOUNT_LIMIT,
            )
            balances = self._troubles.readable(parsers.balance, rows)
            if len(balances) == len(rows):
                self._balances.replace(balances, requested_at)
            else:
                # What is missing may be what could not be read.
                for balance in balances:
                    self._balances.update(balance)
            if not self._is_key_checked:
                await self._check_key()
        except ValrAPIError as error:
            raise IOError(explain_refusal(error, self._subaccount_id)) from error
        except aiohttp.ClientError as error:
            # Some of these errors hold the headers of the request, the key among them.
            raise IOError(f"VALR could not be reached: {error}") from None

    def process_balance(self, balance: Balance):
        """Takes over what an event tells of one asset."""
        if not self._balances.update(balance):
            self._account.read_balances_soon()

    async def _check_key(self):
        """
        :raises IOError: when the key may not read the account or not trade
        """
        try:
            key = await self._api_get(
                path_url=CONSTANTS.API_KEY_PATH, is_auth_required=True, limit_id=CONSTANTS.ACCOUNT_LIMIT)
        except ValrAPIError as error:
            # VALR answers 401 on some routes to whoever acts on a sub-account. Its balances were readable.
            if not self._subaccount_id or error.status not in (401, 403):
                raise
        else:
            missing = missing_permissions(key)
            if missing is not None:
                raise IOError(missing)
        self._is_key_checked = True

    # === Placing orders ===

    async def _create_order(
            self,
            trade_type: TradeType,
            order_id: str,
            trading_pair: str,
            amount: Decimal,
            order_type: OrderType,
            price: Optional[Decimal] = None,
            **kwargs,
    ):
        """
        The base class lets an error before the placement end the task, such as an unknown pair, an amount that is no
        Decimal, or a market order without a price in the order book: nobody would hear of the order again.
        """
        try:
            self._check_order(trading_pair, amount, order_type, price)
            await super()._create_order(trade_type, order_id, trading_pair, amount, order_type, price, **kwargs)
        except Exception as error:
            if self._order_tracker.find(order_id, None) is None:
                # Hummingbot cannot compare with an amount that is no number.
                known = amount if isinstance(amount, Decimal) and amount.is_finite() else Decimal(0)
                self.start_tracking_order(order_id, None, trading_pair, trade_type, price, known, order_type)
            self._update_order_after_failure(order_id, trading_pair, error)

    def _check_order(self, trading_pair: str, amount: Decimal, order_type: OrderType, price: Optional[Decimal]):
        """
        :raises ValueError: when VALR could not be asked to place such an order
        """
        if trading_pair not in self._trading_rules:
            raise ValueError(
                f"{trading_pair} cannot be traded: VALR does not list it, or its trading rules are not known yet")
        numbers = {"amount": amount} if order_type is OrderType.MARKET else {"amount": amount, "price": price}
        for name, number in numbers.items():
            if not isinstance(number, Decimal) or not number.is_finite():
                raise ValueError(f"the {name} {number!r} is not a finite Decimal")

    async def _place_order_and_process_update(
            self, order: InFlightOrder, batch: Optional[ValrPlacementBatch] = None, **kwargs) -> Optional[str]:
        """
        The base class publishes OPEN for whatever reply comes, also after an event has told the end of the order. Here
        the reply counts for what it says, see _place_order.
        """
        self._placing.add(order.client_order_id)
        try:
            exchange_order_id, _ = await self._place_order(
                order_id=order.client_order_id,
                trading_pair=order.trading_pair,
                amount=order.amount,
                trade_type=order.trade_type,
                order_type=order.order_type,
                price=order.price,
                batch=batch,
            )
        finally:
            self._placing.discard(order.client_order_id)
        if order.is_pending_create:
            self._lookup.look_later(order, self._lookup.QUIET_PLACEMENT)
        return exchange_order_id

    async def _place_order(
            self,
            order_id: str,
            trading_pair: str,
            amount: Decimal,
            trade_type: TradeType,
            order_type: OrderType,
            price: Decimal,
            batch: Optional[ValrPlacementBatch] = None,
            **kwargs,
    ) -> Tuple[str, float]:
        """
        :return: VALR's order id and the time. The order is OPEN when VALR's reply is an outcome, and keeps its state
            when it only confirms that the command arrived.
        :raises ValrOrderRejected, ValrOutcomeUnknown, ValrCommandNotSent: see `ValrOrderEntry`
        """
        symbol = await self.exchange_symbol_associated_to_pair(trading_pair)
        if not self._pairs.allows(symbol, order_type):
            raise ValrOrderRejected(f"VALR does not allow {order_type.name} orders on {trading_pair}")
        is_buy = trade_type is TradeType.BUY
        if batch is not None:
            placement = await batch.place(PlaceOrder(
                order_id, symbol, is_buy, amount, price=None if order_type is OrderType.MARKET else price))
        elif order_type is OrderType.MARKET:
            placement = await self._order_entry.place_market(order_id, symbol, is_buy, amount)
        else:
            placement = await self._order_entry.place_limit(
                order_id, symbol, is_buy, amount, price, post_only=order_type is OrderType.LIMIT_MAKER)
        order = self._order_tracker.find(order_id, None)
        if order is not None:
            self._order_tracker.learn_exchange_order_id(order, placement.exchange_order_id)
            if placement.is_final:
                self._order_tracker.open_order(order)
        return placement.exchange_order_id, self.current_timestamp

    def _on_order_failure(
            self,
            order_id: str,
            trading_pair: str,
            amount: Decimal,
            trade_type: TradeType,
            order_type: OrderType,
            price: Optional[Decimal],
            exception: Exception,
            **kwargs,
    ):
        """
        The base class takes every error for a failure of the order, and for one of the network. An order fails only
        when it was certainly not executed; otherwise it stays in flight and is looked up.
        """
        order = self._order_tracker.fetch_tracked_order(order_id)
        if order is None:
            return
        is_duplicate = isinstance(exception, ValrOrderRejected) and exception.code == CONSTANTS.DUPLICATE_ORDER_ID_CODE
        is_certain = isinstance(exception, (ValrOrderRejected, ValrCommandNotSent)) and not is_duplicate
        if not is_certain or not order.is_pending_create:
            self.logger().warning(f"It is not known what became of the order {order_id}, it is looked up: {exception}")
            self._lookup.doubt(order, self._lookup.FIRST_LOOK)
            return
        self.logger().network(
            f"Error submitting {trade_type.name.lower()} {order_type.name.upper()} order to {self.name_cap} for "
            f"{amount} {trading_pair} {price}.")
        self._update_order_after_failure(order_id, trading_pair, exception)

    def _update_order_after_failure(
            self, order_id: str, trading_pair: str, exception: Optional[Exception] = None):
        """The base class tells nobody why the order has failed."""
        order = self._order_tracker.fetch_tracked_order(order_id)
        if order is not None:
            self._order_tracker.fail_order(order, str(exception), type(exception).__name__)

    def batch_order_create(
            self, orders_to_create: List[Union[LimitOrder, MarketOrder]]) -> List[Union[LimitOrder, MarketOrder]]:
        """
        The base class sends one request for each order. VALR takes 20 with one.

        :return: the orders with their client order ids
        """
        orders = [order.copy_with_id(self._new_order_id(order)) for order in orders_to_create]
        safe_ensure_future(self._create_batch(orders))
        return orders

    def _new_order_id(self, order: Union[LimitOrder, MarketOrder]) -> str:
        return get_new_client_order_id(
            is_buy=order.is_buy,
            trading_pair=order.trading_pair,
            hbot_order_id_prefix=self.client_order_id_prefix,
            max_id_len=self.client_order_id_max_length,
        )

    async def _create_batch(self, orders: List[Union[LimitOrder, MarketOrder]]):
        # With the symbols known, nothing keeps an order from reaching the batch, or failing, at once.
        await self.trading_pair_symbol_map()
        batch = ValrPlacementBatch(self._order_entry)
        creations = [
            asyncio.ensure_future(self._create_order(
                trade_type=TradeType.BUY if order.is_buy else TradeType.SELL,
                order_id=order.client_order_id,
                trading_pair=order.trading_pair,
                amount=order.quantity,
                order_type=OrderType.MARKET if isinstance(order, MarketOrder) else OrderType.LIMIT,
                price=s_decimal_NaN if isinstance(order, MarketOrder) else order.price,
                batch=batch,
            ))
            for order in orders]
        await asyncio.sleep(0)
        await batch.send()
        await safe_gather(*creations)

    # === Cancelling orders ===

    async def _place_cancel(self, order_id: str, tracked_order: InFlightOrder) -> bool:
        """
        :return: True when VALR took the request, which is no proof of a cancellation
        """
        await self._order_entry.cancel(order_id, await self.symbol_of(tracked_order))
        return True

    async def _execute_order_cancel(self, order: InFlightOrder) -> Optional[str]:
        """
        The base class takes what VALR answers to a cancellation for a statement about the order. Here an order is
        looked up when its cancellation was refused or its outcome is unknown, and found open it stays open for the next
        attempt.
        """
        try:
            await self._place_cancel(order.client_order_id, order)
        except Exception as error:
            await self._look_after_failed_cancel(order, error)
            return None
        self._await_cancellation(order)
        return order.client_order_id

    async def _look_after_failed_cancel(self, order: InFlightOrder, error: Exception):
        self.logger().warning(f"Failed to cancel order {order.client_order_id}: {error}")
        try:
            report = await self._lookup.find(order)
        except Exception:
            self._lookup.doubt(order, self._lookup.FIRST_LOOK)
            return
        if report is None:
            await self.count_denial(order)
        else:
            self.process_report(order, report, is_answer=True)

    def _await_cancellation(self, order: InFlightOrder):
        self._order_tracker.request_cancel(order)
        self._lookup.look_later(order, self._lookup.QUIET_CANCEL)

    async def cancel_all(self, timeout_seconds: float) -> List[CancellationResult]:
        """
        The base class sends one request for each order, and takes the reply for a success. VALR takes 20 with one, and
        an order counts as cancelled when it has ended.
        """
        orders = [order for order in self.in_flight_orders.values() if order.is_open]
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._cancel_batch(orders)
                while not all(map(self._lookup.is_settled, orders)):
                    await self._order_tracker.wait_for_change()
        except TimeoutError:
            self.logger().warning("Not all cancellations were confirmed in time.")
        return [CancellationResult(order.client_order_id, not self._order_tracker.is_active(order)) for order in orders]

    def batch_order_cancel(self, orders_to_cancel: List[LimitOrder]):
        """The base class sends one request for each order. VALR takes 20 with one."""
        orders = map(self._order_tracker.fetch_tracked_order, (order.client_order_id for order in orders_to_cancel))
        safe_ensure_future(self._cancel_batch([order for order in orders if order is not None]))

    async def _cancel_batch(self, orders: List[InFlightOrder]):
        if not orders:
            return
        outcomes = await self._order_entry.cancel_batch(
            [CancelOrder(order.client_order_id, await self.symbol_of(order)) for order in orders])
        failures = []
        for order, outcome in zip(orders, outcomes):
            if isinstance(outcome, Exception):
                failures.append(self._look_after_failed_cancel(order, outcome))
            else:
                self._await_cancellation(order)
        await asyncio.gather(*failures)

    # === States of orders ===

    def process_report(self, order: InFlightOrder, report: OrderReport, is_answer: bool = False):
        """
        Takes over what VALR says of an order, and sees to it that what is still open gets looked up.

        :param is_answer: True when VALR was asked for this order
        """
        if report.is_refused_duplicate:
            self._lookup.doubt(order)
            return
        self._order_tracker.process_report(order, report, is_answer)
        if not self._order_tracker.is_complete(order):
            self._lookup.collect_fills()
        if report.state is None:
            self._troubles.warn_once(
                f"VALR's order status {report.status_text!r} is not known. Orders keep their state.")
        if not is_answer and (report.state is None or report.is_final and report.executed is None):
            self._lookup.doubt(order)
        elif not report.is_final and self._order_tracker.is_lost(order):
            self._cancel_surfaced(order)

    def _cancel_surfaced(self, order: InFlightOrder):
        """An order that was reported as failed, because VALR did not know it, is open: nobody expects it any more."""
        if self._lost_orders.may_cancel(order):
            self.logger().warning(
                f"The order {order.client_order_id}, reported as failed, is open at VALR after all. It is cancelled.")
            cancellation = safe_ensure_future(self._execute_order_cancel(order))
            self._own_cancellations.add(cancellation)
            cancellation.add_done_callback(self._own_cancellations.discard)

    async def order_denied(self, order: InFlightOrder):
        """VALR answered again and again, for long enough, that it does not know the order."""
        if order.is_pending_create:
            self._order_tracker.lose_order(order, "VALR does not know the order, so it was never placed")
        else:
            await self.count_denial(order)

    async def count_denial(self, order: InFlightOrder):
        """
        VALR does not know an order. That counts towards losing it when the order is old enough to be known, and the
        last denial that counted was not just now.
        """
        is_old_enough = self._order_tracker.is_active(order) and self._age(order) > self.MIN_AGE_TO_LOSE
        if is_old_enough and self._lost_orders.is_denial_due(order):
            await self._order_tracker.process_order_not_found(order.client_order_id)

    def _age(self, order: InFlightOrder) -> float:
        return self._time() - order.creation_timestamp

    async def _update_orders_with_error_handler(self, orders: List[InFlightOrder], error_handler: Callable):
        """
        The base class asks for each order by itself, and publishes FILLED before the fills are there. Here one request
        tells of all open orders, the others are asked for, and the tracker holds a final state back until the fills are
        complete. An answer that is of no use concerns one order, no answer concerns all.

        :param error_handler: called when VALR does not know an order
        :raises IOError, ValueError: when VALR did not answer, or, after all orders, when one answer was of no use
        """
        orders = [order for order in orders if not self.is_placing(order)]
        open_reports = await self.request_open_orders() if orders else {}
        useless: List[Exception] = []
        for order in orders:
            try:
                listed = open_reports.get(order.client_order_id)
                report = listed or await self._find(order)
                self.process_report(order, report, is_answer=listed is None)
            except ValrOrderNotFound as error:
                await error_handler(order, error)
            except (ValrAPIError, ValueError) as error:
                useless.append(error)
        if useless:
            raise useless[0]

    async def request_open_orders(self) -> Dict[str, OrderReport]:
        """:return: client order id -> report, of the bot's own orders"""
        rows = await self._api_get(
            path_url=CONSTANTS.OPEN_ORDERS_PATH, is_auth_required=True, limit_id=CONSTANTS.ACCOUNT_LIMIT)
        reports = {}
        for report in self._troubles.readable(parsers.open_order, parsers.open_order_rows(rows)):
            order = self._order_tracker.find(report.client_order_id, report.exchange_order_id)
            if order is not None:
                reports[order.client_order_id] = report
        return reports

    async def _find(self, order: InFlightOrder) -> OrderReport:
        """
        :raises ValrOrderNotFound: when VALR answered that it does not know the order
        """
        report = await self._lookup.find(order)
        if report is None:
            raise ValrOrderNotFound(f"VALR does not know the order {order.client_order_id}.")
        return report

    async def _update_orders(self):
        """
        As in the base class; orders whose placement or cancellation is still unclear are looked up until it is not.
        """
        await super()._update_orders()
        for order in list(self.in_flight_orders.values()):
            if not self._lookup.is_settled(order) and not self.is_placing(order):
                self._lookup.look_later(order, self._lookup.FIRST_LOOK)

    async def _update_order_status(self):
        """
        The base class fetches the fills before the states, which tell what is missing, and none when a state cannot be
        had.
        """
        orders = list(self._order_tracker.all_updatable_orders.values())
        try:
            await self._update_orders()
        finally:
            await self._update_orders_fills(orders)

    async def _update_orders_fills(self, orders: List[InFlightOrder]):
        """
        The base class makes a request for each order. VALR tells all fills of the account with one. As there, a failure
        goes no further.
        """
        try:
            if orders:
                await self._lookup.update_fills(orders)
        except Exception as error:
            self._troubles.begin(self._account.FILLS, error)
        else:
            self._troubles.end(self._account.FILLS)

    async def _handle_update_error_for_active_order(self, order: InFlightOrder, error: Exception):
        """
        The base class counts every error towards losing the order, so that a few seconds without a network fail orders
        that live. Only VALR's denial counts, see _update_orders_with_error_handler.
        """
        await self.count_denial(order)

    async def _handle_update_error_for_lost_order(self, order: InFlightOrder, error: Exception):
        """The base class ends the watch over a lost order with the first denial; VALR may execute a command late."""
        if self._lost_orders.is_over(order):
            self._order_tracker.drop_lost_order(order)

    async def _cancel_lost_orders(self):
        """
        The base class cancels each lost order every five seconds. Most of them never reached VALR: only those are
        cancelled that did, less and less often.
        """
        for order in self._lost_orders.due():
            if order.exchange_order_id is not None:
                await self._execute_order_cancel(order)

    async def _update_lost_orders_status(self):
        """The base class asks for each lost order every five seconds; here less and less often."""
        orders = self._lost_orders.due()
        self._lost_orders.postpone(orders)
        try:
            await self._update_orders_fills(orders)
            await self._update_orders_with_error_handler(orders, self._handle_update_error_for_lost_order)
        except Exception as error:
            self.logger().debug(f"The lost orders could not be looked up: {error}")

    async def _request_order_status(self, tracked_order: InFlightOrder) -> OrderUpdate:
        """
        :raises ValrOrderNotFound: when VALR answered that it does not know the order
        """
        report = await self._find(tracked_order)
        return OrderUpdate(
            trading_pair=tracked_order.trading_pair,
            update_timestamp=report.updated_at or self.current_timestamp,
            new_state=report.state or tracked_order.current_state,
            client_order_id=tracked_order.client_order_id,
            exchange_order_id=report.exchange_order_id,
        )

    async def _all_trade_updates_for_order(self, order: InFlightOrder) -> List[TradeUpdate]:
        """The fills of one order; those of all orders come with one request, see _update_orders_fills."""
        await self._lookup.update_fills([order])
        return list(order.order_fills.values())

    # === The account as a whole ===

    async def _status_polling_loop_fetch_updates(self):
        """The base class logs each failed request with a traceback."""
        await self._account.refresh()

    async def _user_stream_event_listener(self):
        """Takes over the events that wait in the queue, and from then on each event as soon as it is received."""
        queue = self._user_stream_tracker.user_stream
        queue.listener = self._process_event
        try:
            async for event in self._iter_user_event_queue():
                self._process_event(event)
        finally:
            queue.listener = None

    def _process_event(self, event: Dict[str, Any]):
        try:
            self._events.process(event)
        except ValueError as error:
            self._troubles.warn_once(f"An event of VALR's cannot be read, so the account is read over REST: {error}")
            self._account.close_gap()
        except Exception:
            self.logger().error("Unexpected error in user stream listener loop.", exc_info=True)
