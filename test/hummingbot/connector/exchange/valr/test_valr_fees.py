from decimal import Decimal
from types import SimpleNamespace
from typing import Optional

import pytest

from hummingbot.client.config.fee_overrides_config_map import fee_overrides_config_map
from hummingbot.connector.exchange.valr.valr_fees import ValrFees, fee_of
from hummingbot.connector.exchange.valr.valr_parsers import FeeRates, Fill
from hummingbot.core.data_type.trade_fee import DeductedFromReturnsTradeFee, TokenAmount


@pytest.fixture
def fees() -> ValrFees:
    return ValrFees("valr", {"BTC-ZAR": FeeRates("BTCZAR", Decimal("-0.0001"), Decimal("0.001")),
                             "ETH-ZAR": FeeRates("ETHZAR", Decimal(0), Decimal("0.001"))})


def fill(fee: Optional[TokenAmount] = None, is_fee_known: bool = False) -> Fill:
    return Fill("t", "x", "c", Decimal(10), Decimal(1), fee, is_fee_known, is_history=False, timestamp=1.0)


class TestRates:
    def test_are_those_of_the_account(self, fees):
        assert fees.rate("BTC-ZAR", is_maker=True) == Decimal("-0.0001")
        assert fees.rate("BTC-ZAR", is_maker=False) == Decimal("0.001")

    def test_are_not_known_of_every_pair(self, fees):
        assert fees.rate("SOL-ZAR", is_maker=True) is None

    @pytest.mark.parametrize("maker, taker, expected", [
        (Decimal("0.05"), None, (None, Decimal("0.001"))), (None, Decimal("0.05"), (Decimal("-0.0001"), None))])
    def test_yield_to_what_the_user_has_set(self, maker, taker, expected, fees, monkeypatch):
        monkeypatch.setitem(fee_overrides_config_map, "valr_maker_percent_fee", SimpleNamespace(value=maker))
        monkeypatch.setitem(fee_overrides_config_map, "valr_taker_percent_fee", SimpleNamespace(value=taker))

        assert (fees.rate("BTC-ZAR", is_maker=True), fees.rate("BTC-ZAR", is_maker=False)) == expected


class TestChargedFees:
    CHARGED = TokenAmount("BTC", Decimal("0.001"))

    @pytest.mark.parametrize("trading_pair, event, expected", [
        ("SOL-ZAR", fill(CHARGED, True), True),
        ("BTC-ZAR", fill(None, True), False),
        ("ETH-ZAR", fill(None, True), True),
        ("ETH-ZAR", fill(None, False), False),
        ("SOL-ZAR", fill(None, True), False)])
    def test_no_fee_is_believed_only_where_there_is_a_rate_of_zero(self, trading_pair, event, expected, fees):
        assert fees.is_certain(trading_pair, event) is expected

    def test_are_taken_from_what_the_trade_brings_in(self):
        assert fee_of(fill(self.CHARGED, True)) == DeductedFromReturnsTradeFee(flat_fees=[self.CHARGED])
        assert fee_of(fill(None, True)) == DeductedFromReturnsTradeFee()
