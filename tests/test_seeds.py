"""The table of demands: no row is missing, nothing is called proven by hand, and what proves a row is there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def seeds():
    spec = importlib.util.spec_from_file_location("seeds_table", ROOT / "scripts" / "seeds.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_each_of_the_150_rows_stands_there_once_and_in_order(seeds):
    wanted = [f"{document}-{number}" for document, count in seeds.COUNTS.items() for number in range(1, count + 1)]
    assert len(wanted) == 150
    assert list(seeds.ROWS) == wanted


def test_every_row_named_by_a_rule_or_in_the_tables_exists(seeds):
    named = {*seeds.answering_rules(), *seeds.WAITS, *seeds.PARTS}
    assert {row for row in named if not seeds.is_row(row)} == set()


def test_at_least_120_rows_are_proven_and_no_row_without_a_rule_or_a_test(seeds):
    states = seeds.states()
    proven = {row for row, (_, _, state) in states.items() if state == "proven"}
    assert len(proven) >= 122
    assert {row for row in proven if not any(states[row][:2])} == set()


def test_every_test_that_is_named_exists(seeds):
    names = {name for _, tests, _ in seeds.states().values() for name in tests}
    assert len(names) > 100
    sources = {file.stem: file.read_text(encoding="utf-8") for pattern in seeds.TESTS for file in ROOT.glob(pattern)}
    for name in names:
        module, _, test = name.partition("::")
        assert f"def {test}(" in sources[module]


def test_a_row_that_nothing_proves_waits_and_says_for_what(seeds, monkeypatch):
    monkeypatch.setattr(seeds, "proving_tests", dict)
    states = seeds.states()
    assert states["S003-6"][2].startswith("waits for ")
    assert states["S000-24"][2] == "not software"
    assert states["S000-10"][2] == "proven", "its rule has a scenario"


def test_rows_are_found_in_names_words_and_ranges(seeds):
    text = "def test_call_s004_12(): '''See S000-5 and S004-16…18, not S004-99; S003-11, 24; S000-7, 30 times.'''"
    assert [*seeds.rows_in(text)] == [
        "S004-12", "S000-5", "S004-16", "S004-17", "S004-18", "S003-11", "S003-24", "S000-7"
    ]  # fmt: skip
    assert [*seeds.rows_in("S003-11 … S003-13: title page")] == ["S003-11", "S003-12", "S003-13"]
