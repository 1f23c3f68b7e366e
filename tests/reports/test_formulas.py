"""Formulas of pay are plain arithmetic over named figures; anything else is refused with its place."""

from __future__ import annotations

import operator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_firm import written

from hub.formulas import FIGURES, MOST_SIGNS, SHIPPED, Formula, FormulaError
from hub.model.errors import SettingsError


@pytest.mark.parametrize(("name", "figures", "result"), [
    ("probation_pay", {"polls": 1000, "deals_sum": 25_000}, 30_000),
    ("manager_pay", {"base_fee": 1_000_000, "won_fee": 30_000, "lost_fee": 20_000}, 50_000),
    ("key_manager_pay", {"won_fee": 100_000, "lost_fee": 20_000}, 150_000),
    ("key_manager_pay", {"won_fee": 15_000, "lost_fee": 20_000}, 70_000),
    ("nps", {"promoters": 2, "critics": 2, "n": 6}, 0),
    ("nps", {"promoters": 3, "critics": 1, "n": 4}, 50),
    ("funnel", {"contracts": 1, "prospects": 10}, Decimal("0.1")),
    ("object_bonus", {"object_profit": 100_000, "percent": Decimal("0.1")}, 10_000),
])  # fmt: skip
def test_shipped_formulas_give_the_required_results(name: str, figures: dict[str, Decimal], result: Decimal) -> None:
    """S000-19, S000-20, S000-22, S001-18, S001-19, S002-22, S002-43, S004-26."""
    assert Formula(SHIPPED[name]).result(figures) == result


def test_numbers_are_exact_and_signs_of_print_are_understood() -> None:
    assert Formula("base_fee × 0.03").result({"base_fee": 10}) == Decimal("0.30")
    assert Formula("−won_fee + 1_000 ÷ 3 * 3").result({"won_fee": 1}) == Decimal(1000) / 3 * 3 - 1


def test_a_share_of_nothing_has_no_result() -> None:
    assert Formula(SHIPPED["nps"]).result({"promoters": 0, "critics": 0, "n": 0}) is None
    assert Formula("1 / n").result({"n": 0}) is None


@pytest.mark.parametrize(("text", "place", "words"), [
    ("won_fee ** 2", 1, "only figures"), ("won_fee // 2", 1, "only figures"), ("won_fee.real", 1, "only figures"),
    ("__import__('os')", 1, "only figures"), ("abs(won_fee)", 1, "only figures"), ("max(won_fee)", 1, "two values"),
    ("max(won_fee, key=n)", 1, "two values"), ("max(*n, 1)", 5, "only figures"), ("1 + won", 5, "'won_fee'"),
    ("2 * 'x'", 5, "no number"), ("1e9", 1, "no number"), ("0x10", 1, "no number"), ("True", 1, "no number"),
    ("n if n else 1", 1, "only figures"), ("(n", 1, "no formula"), ("", 1, "no formula"), ("n; n", 2, "no formula"),
    ("плата * 2", 1, "English"), ("n := 1", 3, "no formula"), ("lambda: 1", 1, "only figures"), ("n < 1", 1, "only"),
    ("[1][0]", 1, "only figures"), ("1" * 301, 301, "at most 300"), ("-" * 60 + "n", 42, "deeper"),
])  # fmt: skip
def test_anything_else_is_refused_with_its_place(text: str, place: int, words: str) -> None:
    with pytest.raises(FormulaError, match=words) as caught:
        Formula(text)
    assert str(caught.value).startswith(f"character {place}: ")


@given(st.text(alphabet="()+-*/.,_n10 maxiwon_fe'[]{}:=", max_size=MOST_SIGNS + 20))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        formula = Formula(text)
    except FormulaError:
        return
    assert formula.names <= set(FIGURES)
    formula.result(dict.fromkeys(FIGURES, Decimal(3)))


_GIVEN = {"n": Decimal(7), "polls": Decimal(-3)}
_LEAVES = st.sampled_from([("n", _GIVEN["n"]), ("polls", _GIVEN["polls"]), ("2", Decimal(2)), ("0.5", Decimal("0.5"))])
_SIGNS = st.sampled_from([("+", operator.add), ("-", operator.sub), ("*", operator.mul)])
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.tuples(inner, _SIGNS, inner).map(
        lambda it: (f"({it[0][0]} {it[1][0]} {it[2][0]})", it[1][1](it[0][1], it[2][1]))
    ),
    max_leaves=12,
)


@given(_TREES)
def test_arithmetic_is_that_of_decimals(tree: tuple[str, Decimal]) -> None:
    text, expected = tree
    assert Formula(text).result(_GIVEN) == expected


def test_a_wrong_formula_of_the_firm_is_shown_with_file_and_line(tmp_path: Path) -> None:
    text = "zone: Asia/Krasnoyarsk\nformulas:\n  nps: promoters / n\n  bonus: 0.1 * profit\n"
    with pytest.raises(SettingsError, match=r"hub\.yaml:4: formula bonus: character 7: there is no figure 'profit'"):
        written(tmp_path, text)
    with pytest.raises(SettingsError, match=r"hub\.yaml:3: no formula is called 'manager_pya'.*manager_pay"):
        written(tmp_path, "reports:\n  pay:\n    ivanova: manager_pya\n")
    with pytest.raises(SettingsError, match=r"hub\.yaml:3: '2026-13' is no month"):
        written(tmp_path, 'reports:\n  attraction:\n    "2026-13": 5\n')


def test_the_firm_replaces_a_shipped_formula_and_names_its_own(tmp_path: Path) -> None:
    config = written(
        tmp_path, "formulas:\n  manager_pay: won_fee - lost_fee\n  calm: '50000'\nreports: {pay: {head: calm}}\n"
    )
    assert config.model.formulas["manager_pay"] == "won_fee - lost_fee"
    assert config.model.reports.pay == {"head": "calm"}
