from typing import Any, Dict, Iterable, List, Set, Tuple

from bidict import bidict

from hummingbot.connector.exchange.valr import valr_parsers as parsers, valr_utils
from hummingbot.connector.exchange.valr.valr_errors import one_line
from hummingbot.connector.trading_rule import TradingRule
from hummingbot.connector.utils import combine_to_hb_trading_pair
from hummingbot.core.data_type.common import OrderType
from hummingbot.logger import HummingbotLogger


class ValrPairs:
    """Which of VALR's spot pairs can be traded, by which rules and with which types of orders."""

    ORDER_TYPES = {
        OrderType.LIMIT: "LIMIT",
        OrderType.LIMIT_MAKER: "LIMIT_POST_ONLY",
        OrderType.MARKET: "MARKET",
    }

    def __init__(self, logger: HummingbotLogger):
        """
        :param logger: gets one line for each pair that cannot be read, and another when its reason changes
        """
        self._logger = logger
        # Symbol -> VALR's names of order types. While it is empty all are allowed, and VALR refuses what it does not.
        self._order_types: Dict[str, Set[str]] = {}
        self._bad_rows: Dict[str, str] = {}  # symbol, or row without one -> reason that was logged

    def set_order_types(self, rows: Any):
        """
        :param rows: VALR's list of the order types that each pair allows
        :raises ValueError: when it cannot be read
        """
        if not isinstance(rows, list):
            raise ValueError("the order types are not a list")
        try:
            self._order_types = {row["currencyPair"]: set(row["orderTypes"]) for row in rows}
        except (KeyError, TypeError) as error:
            raise ValueError(f"the order types cannot be read: {error!r}") from None

    def allows(self, symbol: str, order_type: OrderType) -> bool:
        return not self._order_types or self.ORDER_TYPES[order_type] in self._order_types.get(symbol, ())

    def symbols(self, rows: Iterable[Dict[str, Any]]) -> bidict:
        """
        :param rows: VALR's list of pairs
        :return: VALR's symbol <-> trading pair
        :raises ValueError: when none can be traded
        """
        symbols: bidict = bidict()
        for symbol, trading_pair, _ in self._tradable(rows):
            symbols.forceput(symbol, trading_pair)
        return symbols

    def rules(self, rows: Iterable[Dict[str, Any]]) -> List[TradingRule]:
        """
        :param rows: VALR's list of pairs
        :return: the rules of the pairs that can be traded
        :raises ValueError: when none can be traded
        """
        rules = []
        for symbol, trading_pair, row in self._tradable(rows):
            try:
                rules.append(parsers.trading_rule(row, trading_pair, self.allows(symbol, OrderType.MARKET)))
            except ValueError as error:
                self._report_bad_row(row, error)
            else:
                self._bad_rows.pop(symbol, None)
        return rules

    def _tradable(self, rows: Iterable[Dict[str, Any]]) -> List[Tuple[str, str, Dict[str, Any]]]:
        """
        :return: symbol, trading pair and row of each pair that is active and takes limit orders. A row that cannot be
            read is left out.
        :raises ValueError: when there is no such pair, which is no reason to forget the known ones
        """
        if not isinstance(rows, list):
            raise ValueError("the pairs are not a list")
        tradable = []
        for row in rows:
            try:
                if not valr_utils.is_exchange_information_valid(row):
                    continue
                pair = parsers.pair(row)
            except (AttributeError, ValueError) as error:
                self._report_bad_row(row, error)
                continue
            if self._is_listed(pair.symbol):
                tradable.append((pair.symbol, combine_to_hb_trading_pair(base=pair.base, quote=pair.quote), row))
        if not tradable:
            raise ValueError(f"none of VALR's {len(rows)} pairs can be traded")
        return tradable

    def _is_listed(self, symbol: str) -> bool:
        """
        :return: False when VALR names order types of the pair, and limit orders are not among them. While it names none
            the pair keeps its rules, which running strategies rely on, and `allows` refuses its orders.
        """
        return not self._order_types.get(symbol) or self.allows(symbol, OrderType.LIMIT)

    def _report_bad_row(self, row: Any, error: Exception):
        name, reason = one_line(row.get("symbol", row) if isinstance(row, dict) else row), str(error)
        # The rows are read for the rules and for the symbols, again and again.
        if self._bad_rows.get(name) == reason:
            return
        self._bad_rows[name] = reason
        self._logger.error(f"A pair of VALR's is left out, because it cannot be read ({reason}): {one_line(row)}")
