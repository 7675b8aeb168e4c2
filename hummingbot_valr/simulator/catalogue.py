"""What the exchange lists: currencies, pairs, their rules, order types and standard fees."""
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Dict, List, Tuple

from .money import plain

SPOT_ORDER_TYPES = ("LIMIT_POST_ONLY", "LIMIT", "MARKET", "SIMPLE")
_FIAT = {"ZAR", "ZMW"}
_STABLE = {"USDT", "USDC", "PYUSD"}


@dataclass(frozen=True)
class Currency:
    """A currency; `short_name` is the one used in pairs, `symbol` differs from it for the rand only."""
    short_name: str
    long_name: str
    decimal_places: int = 8

    @property
    def symbol(self) -> str:
        return "R" if self.short_name == "ZAR" else self.short_name

    @property
    def withdrawal_places(self) -> int:
        return min(self.decimal_places, 8)

    def rest_row(self) -> Dict[str, Any]:
        """The row of GET /v1/public/currencies."""
        row = {"symbol": self.symbol, "isActive": True, "shortName": self.short_name, "longName": self.long_name,
               "decimalPlaces": str(self.decimal_places), "withdrawalDecimalPlaces": str(self.withdrawal_places),
               "collateral": False, "collateralWeight": "0.0"}
        if self.short_name not in _FIAT:
            row["defaultNetworkType"] = self.long_name
            row["supportedNetworks"] = [{"networkType": self.long_name, "networkLongName": self.long_name,
                                         "minimumWithdrawAmount": "0.0002", "estimatedSendCost": "0.000012",
                                         "deposit": True, "withdraw": True}]
        return row

    def socket_row(self) -> Dict[str, Any]:
        """The currency object inside account-socket events."""
        return {"symbol": self.symbol, "decimalPlaces": self.decimal_places, "isActive": True,
                "shortName": self.short_name, "longName": self.long_name,
                "supportedWithdrawDecimalPlaces": self.withdrawal_places, "collateral": False,
                "collateralWeight": "0.0"}


@dataclass
class Pair:
    """
    A currency pair. Prices are quote per base; `tick` is the price step; quantities have `base_decimals` decimals;
    fees are percent of what is received; `reference_price` is where the background market starts.
    """
    symbol: str
    base: str
    quote: str
    tick: Decimal
    base_decimals: int
    min_base: Decimal
    max_base: Decimal
    min_quote: Decimal
    max_quote: Decimal
    reference_price: Decimal
    maker_percent: Decimal
    taker_percent: Decimal
    active: bool = True
    kind: str = "SPOT"
    order_types: List[str] = field(default_factory=lambda: list(SPOT_ORDER_TYPES))

    @property
    def has_order_book(self) -> bool:
        return self.active and "LIMIT" in self.order_types

    def row(self) -> Dict[str, Any]:
        """The row of GET /v1/public/pairs."""
        row = {"symbol": self.symbol, "baseCurrency": self.base, "quoteCurrency": self.quote,
               "shortName": f"{self.base}/{self.quote}" + ("PERP" if self.kind == "FUTURE" else ""),
               "active": self.active, "minBaseAmount": plain(self.min_base), "maxBaseAmount": plain(self.max_base),
               "minQuoteAmount": plain(self.min_quote), "maxQuoteAmount": plain(self.max_quote),
               "tickSize": plain(self.tick), "baseDecimalPlaces": str(self.base_decimals),
               "marginTradingAllowed": False, "currencyPairType": self.kind}
        if self.kind == "FUTURE":
            row |= {"initialMarginFraction": "0.025", "maintenanceMarginFraction": "0.0125",
                    "autoCloseMarginFraction": "0.0125"}
        return row


def standard_fees(base: str, quote: str) -> Tuple[Decimal, Decimal]:
    """Maker and taker percent of the first volume tier, which depends on the kind of quote."""
    if quote in _FIAT:
        return Decimal("0.18"), Decimal("0.35")
    if base in _STABLE and quote in _STABLE:
        return Decimal("0.05"), Decimal("0.1")
    return Decimal("0.08"), Decimal("0.1")


def make_pair(base: str, quote: str, price: str, tick: str, base_decimals: int, min_base: str, min_quote: str,
              max_base: str = "1000000000", max_quote: str = "1000000000", **others: Any) -> Pair:
    """A pair with the first tier's fees."""
    maker, taker = standard_fees(base, quote)
    others.setdefault("symbol", base + quote)
    return Pair(base=base, quote=quote, reference_price=Decimal(price), tick=Decimal(tick),
                base_decimals=base_decimals, min_base=Decimal(min_base), max_base=Decimal(max_base),
                min_quote=Decimal(min_quote), max_quote=Decimal(max_quote), maker_percent=maker, taker_percent=taker,
                **others)


def default_currencies() -> Dict[str, Currency]:
    """Currencies by short name."""
    rows = [("ZAR", "Rand", 2), ("BTC", "Bitcoin", 8), ("ETH", "Ethereum", 18), ("XRP", "Ripple", 6),
            ("SOL", "Solana", 9), ("USDT", "Tether", 6), ("USDC", "USD Coin", 6), ("PYUSD", "PayPal USD", 6),
            ("AVAX", "Avalanche", 18), ("BNB", "BNB", 18), ("LINK", "Chainlink", 18), ("DOGE", "Dogecoin", 8),
            ("SHIB", "Shiba Inu", 18), ("LTC", "Litecoin", 8), ("BNT", "Bancor", 18), ("ENJ", "Enjin Coin", 18),
            ("XAUT", "Tether Gold", 6), ("ZMW", "Zambian Kwacha", 2)]
    return {name: Currency(name, long_name, places) for name, long_name, places in rows}


def default_pairs() -> Dict[str, Pair]:
    """VALR's mixture: active spot pairs, one SIMPLE-only, one without order types, inactive ones, a future."""
    rows = [
        make_pair("BTC", "ZAR", "1800000", "1", 8, "0.00001", "10", "20", "5000000"),
        make_pair("ETH", "ZAR", "63000", "1", 8, "0.0002", "10", "69.21", "5000000"),
        make_pair("USDT", "ZAR", "18", "0.0001", 4, "1", "10", "500000", "5000000"),
        make_pair("BTC", "USDT", "100000", "1", 8, "0.000005", "0.5", "20", "1000000"),
        make_pair("XRP", "ZAR", "45", "0.01", 4, "0.2", "10", "100000", "5000000"),
        make_pair("SOL", "ZAR", "2880", "0.1", 6, "0.003", "10", "5000", "5000000"),
        make_pair("USDC", "ZAR", "18.01", "0.0001", 4, "0.5", "10", "500000", "5000000"),
        make_pair("BNB", "ZAR", "16200", "1", 4, "0.0008", "10", "500", "5000000"),
        make_pair("AVAX", "ZAR", "540", "0.1", 4, "0.02", "10", "10000", "5000000"),
        make_pair("LINK", "ZAR", "360", "0.01", 4, "0.02", "10", "10000", "5000000"),
        make_pair("DOGE", "ZAR", "3.6", "0.0001", 2, "2", "10", "3000000", "5000000"),
        make_pair("XAUT", "ZAR", "72000", "1", 6, "0.0001", "10", "50", "5000000"),
        make_pair("ETH", "USDT", "3500", "0.1", 8, "0.0001", "0.5", "300", "1000000"),
        make_pair("XRP", "USDT", "2.5", "0.0001", 4, "0.2", "0.5", "400000", "1000000"),
        make_pair("SOL", "USDT", "160", "0.01", 6, "0.003", "0.5", "6000", "1000000"),
        make_pair("BTC", "USDC", "99950", "1", 8, "0.000005", "0.5", "20", "1000000"),
        make_pair("ETH", "USDC", "3498", "0.1", 8, "0.0001", "0.5", "300", "1000000"),
        make_pair("BNB", "USDC", "900", "0.1", 4, "0.0008", "0.52", "80", "52000"),
        make_pair("SHIB", "USDC", "0.00001234", "0.00000001", 0, "44600", "0.59", "2750000000", "50000"),
        make_pair("PYUSD", "USDT", "0.9998", "0.00001", 2, "1", "1", "500000", "500000"),
        make_pair("USDC", "USDT", "1.0003", "0.0001", 2, "1", "1", "500000", "500000"),
        make_pair("ETH", "BTC", "0.035", "0.00001", 6, "0.0003", "0.00001", "300", "10"),
        make_pair("XRP", "BTC", "0.000025", "0.00000001", 2, "1", "0.00001", "400000", "10"),
        make_pair("BNT", "USDC", "0.7", "0.0001", 2, "1", "1", order_types=["SIMPLE"]),
        make_pair("LTC", "ETH", "0.03", "0.00001", 6, "0.01", "0.001", order_types=[]),
        make_pair("LTC", "BTC", "0.001", "0.000001", 8, "0.0043", "0.000016", "15.67", "0.0512", active=False,
                  order_types=[]),
        make_pair("ENJ", "USDC", "0.1", "0.01", 2, "3.5", "2", "3586.3", "5000", active=False),
        make_pair("BTC", "USDT", "100000", "1", 4, "0.0001", "1", "7", "250000", symbol="BTCUSDTPERP", kind="FUTURE",
                  order_types=[*SPOT_ORDER_TYPES[:3], "LIMIT_REDUCE_ONLY", "MARKET_REDUCE_ONLY"]),
    ]
    return {pair.symbol: pair for pair in rows}
