"""What the documents about 1C claim: each row names a test that is there, and no cell is left without an answer."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "explanation"
PAGES = ("onec-clients.md", "onec-observed.md", "onec-promises.md")
_TEST = re.compile(r"`((?:plugins|tests)/[\w/]+\.py)::(test_\w+)`")


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def rows(page: str, first: str) -> list[list[str]]:
    """Return the cells of the table whose heading begins with that cell."""
    lines = (FOLDER / page).read_text(encoding="utf-8").splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    found = []
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_is_there(page: str) -> None:
    named = _TEST.findall((FOLDER / page).read_text(encoding="utf-8"))
    assert len(named) > 5
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []


def test_every_cell_of_the_comparison_says_what_and_how() -> None:
    compared = rows("onec-clients.md", "# | feature")
    cell = re.compile(r"(yes|part|no) [rsd](<sup>\d+</sup>)?")
    assert len(compared) > 25
    for row in compared:
        assert row[2] == "yes"
        assert len(row) == 3 + 15
        assert [it for it in row[3:] if not cell.fullmatch(it)] == []
        assert [it for it in row[3:] if it.startswith("part") and "<sup>" not in it] == [], "a part has a note"


def test_every_feature_of_ours_is_proved() -> None:
    features = [row[0] for row in rows("onec-clients.md", "# | feature")]
    proofs = rows("onec-clients.md", "# | test")
    assert [row[0] for row in proofs] == features
    assert [row for row in proofs if not _TEST.fullmatch(row[1])] == []


def test_every_note_is_there_and_used() -> None:
    text = (FOLDER / "onec-clients.md").read_text(encoding="utf-8")
    used = set(re.findall(r"<sup>(\d+)</sup>", text))
    assert used == set(re.findall(r"^(\d+)\. ", text, re.MULTILINE))


def test_every_observation_has_its_test() -> None:
    text = (FOLDER / "onec-observed.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| 1C", "| ---"))]
    assert len(lines) > 60
    assert [line for line in lines if not _TEST.search(line)] == []
