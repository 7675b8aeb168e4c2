from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from hummingbot_valr.simulator.money import amount, fee_of, floor_to_places, iso, iso_seconds, parse_iso, plain

decimals = st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=18)


@pytest.mark.parametrize("text, expected", [
    ("84.60", "84.6"), ("1E+3", "1000"), ("0.00000001", "0.00000001"), ("0.000", "0"), ("-0", "0"), ("100", "100"),
])
def test_numbers_are_written_without_exponent_and_trailing_zeros(text, expected):
    assert plain(Decimal(text)) == expected


@given(decimals)
def test_writing_a_number_keeps_its_value(value):
    assert Decimal(plain(value)) == value


@pytest.mark.parametrize("text", ["", "-1", "+1", "1e5", "NaN", "Infinity", ".5", "1.", "1,5", " 1", "1 ", "0x1", "١",
                                  "9" * 40])
def test_only_plain_numbers_are_amounts(text):
    assert amount(text) is None


def test_amounts_keep_every_digit():
    assert amount("2.00050") == Decimal("2.00050")


@given(decimals, st.integers(0, 12))
def test_cutting_never_rounds_up(value, places):
    cut = floor_to_places(value, places)
    assert cut <= value < cut + Decimal(1).scaleb(-places)


def test_fees_have_eighteen_places_and_are_cut():
    assert fee_of(Decimal("0.033333") * Decimal("0.03"), Decimal("0.08")) == Decimal("0.000000799992")
    assert fee_of(Decimal("0.000000000000000999"), Decimal("0.1")) == 0


def test_times_in_valrs_spelling():
    assert iso(1790133597710) == "2026-09-23T03:19:57.710Z"
    assert iso_seconds(1790133597) == "2026-09-23T03:19:57Z"


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_survives_the_way_out_and_in(milliseconds):
    assert round(parse_iso(iso(milliseconds)) * 1000) == milliseconds


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-01T00:00:00Z", "1790133597", "2025-W01-1"])
def test_what_is_not_a_time_is_none(text):
    assert parse_iso(text) is None
