from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.documents.vat import RATES, base_rate, check_rate, vat_inside, vat_shares, vat_text
from hub.model.errors import HubError
from hub.model.values import Money


def roubles(text: str) -> Money:
    return Money(Decimal(text))


@pytest.mark.parametrize(
    ("total", "rate", "expected"),
    [
        ("100.00", 22, "18.03"), ("100.00", 20, "16.67"), ("100.00", 10, "9.09"), ("100.00", 7, "6.54"),
        ("100.00", 5, "4.76"), ("100.00", 0, "0.00"), ("100.00", None, "0.00"), ("67800.00", 22, "12226.23"),
        ("0.03", 20, "0.01"),
    ],
)  # fmt: skip
def test_vat_inside_a_sum(total: str, rate: int | None, expected: str) -> None:
    assert vat_inside(roubles(total), rate) == roubles(expected)


def test_reference_sums_hold_the_right_vat(shared_text: Callable[[str], str]) -> None:
    cases = json.loads(shared_text("vat_inside.json"))
    assert len(cases) >= 10
    assert [str(vat_inside(roubles(case["sum"]), case["rate"]).amount) for case in cases] == [c["vat"] for c in cases]


@given(st.decimals(0, 10**12, places=2), st.sampled_from([rate for rate in RATES if rate]))
def test_vat_is_the_exact_share_rounded_half_up(total: Decimal, rate: int) -> None:
    exact = Fraction(total) * rate / (100 + rate)
    kopecks = (exact * 100 + Fraction(1, 2)).__floor__()
    assert vat_inside(Money(total), rate).amount == Decimal(kopecks).scaleb(-2)


def test_vat_is_rounded_per_line_and_then_added() -> None:
    shares = vat_shares([(roubles("0.10"), 22)] * 3)
    assert [(share.rate, share.total, share.vat) for share in shares] == [(22, roubles("0.30"), roubles("0.06"))]
    assert vat_inside(roubles("0.30"), 22) == roubles("0.05")


def test_shares_stand_from_the_highest_rate_to_none() -> None:
    lines = [(roubles("1"), None), (roubles("1"), 0), (roubles("1"), 22), (roubles("1"), 10)]
    assert [share.rate for share in vat_shares(lines)] == [22, 10, 0, None]


def test_the_base_rate_changes_with_the_year_2026() -> None:
    assert (base_rate(date(2025, 12, 31)), base_rate(date(2026, 1, 1))) == (20, 22)


@pytest.mark.parametrize("rate", RATES)
def test_every_rate_has_a_day_on_which_it_is_in_force(rate: int | None) -> None:
    check_rate(rate, date(2025, 6, 1) if rate == 20 else date(2026, 1, 1))


@pytest.mark.parametrize(
    ("rate", "day", "reason"),
    [
        (20, date(2026, 1, 1), "20 % is not in force on 01.01.2026"),
        (22, date(2025, 12, 31), "base rate of that day is 20 %"),
        (5, date(2024, 12, 31), "not in force"),
        (18, date(2026, 1, 1), "no VAT rate of 18 %"),
    ],
)
def test_a_rate_that_is_not_in_force_is_refused(rate: int, day: date, reason: str) -> None:
    with pytest.raises(HubError, match=reason):
        check_rate(rate, day)


def test_wording_on_the_document() -> None:
    assert vat_text(22) == "в том числе НДС 22\u00a0%"
    assert vat_text(0) == "в том числе НДС 0\u00a0%"
    assert vat_text(None) == "Без НДС"
    assert vat_text(None, "п. 1 ст. 145 НК РФ") == "Без НДС (п. 1 ст. 145 НК РФ)"
