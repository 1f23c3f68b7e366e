"""What the hub promises under faults, bad input and attack, and which tests prove it."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests" / "promises.toml"
ROW = re.compile(r"(?<![\w-])(?:[LD][1-9]\d?|[FBSPA]-\d\d)(?![\w-])")
Proofs = Mapping[str, Sequence[str]]
"""The tests that name a row, by row."""


def listed() -> dict[str, Any]:
    """Return the list of promises as it is kept by hand."""
    return tomllib.loads(LIST.read_text(encoding="utf-8"))


def row_name(group: str, number: str) -> str:
    """Return the name of a row: `L7`, `F-07`."""
    return f"{group}{number}" if group in "LD" else f"{group}-{number}"


def proofs(files: Iterable[Path] = ()) -> dict[str, list[str]]:
    """Return the tests and modules of tests whose docstring names a row, by row."""
    found: dict[str, list[str]] = {}
    for file in files or sorted([*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/test_*.py")]):
        for name, text in _docstrings(file):
            for row in dict.fromkeys(ROW.findall(text)):
                found.setdefault(row, []).append(name)
    return found


def _docstrings(file: Path) -> Iterator[tuple[str, str]]:
    module = ast.parse(file.read_text(encoding="utf-8"))
    place = file.relative_to(ROOT) if file.is_relative_to(ROOT) else Path(file.name)
    name = "/".join(part for part in place.parts if part not in ("plugins", "tests"))
    yield name, ast.get_docstring(module) or ""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield f"{name}::{node.name}", ast.get_docstring(node) or ""


def gaps(given: Mapping[str, Any], named: Proofs) -> list[str]:
    """Return what is wrong between the list and the tests: nothing when each row is proven or waits."""
    rows = {row_name(group, number) for group, texts in given["rows"].items() for number in texts if number != "title"}
    waits = {row for waiting in given["waits"].values() for row in waiting}
    found = [
        f"{name} names {row}, which is no row" for row, names in named.items() if row not in rows for name in names
    ]
    found += [f"{row} has no test and waits for nothing" for row in sorted(rows - waits - set(named))]
    found += [f"{row} is said to wait, but {named[row][0]} names it" for row in sorted(waits & set(named))]
    found += [
        f"{row} is said to be proven in part, but no test names it" for row in sorted(set(given["parts"]) - set(named))
    ]
    return found + [f"{row} waits, but is no row" for row in sorted(waits - rows)]


def tables() -> Iterator[tuple[str, list[tuple[str, str, str, str]]]]:
    """Yield each group with its rows: name, promise, tests, state. Raises SystemExit where a row has nothing."""
    given, named = listed(), proofs()
    if wrong := gaps(given, named):
        raise SystemExit(f"{LIST.relative_to(ROOT)} and the tests do not agree:\n" + "\n".join(wrong))
    waits = {row: reason for reason, rows in given["waits"].items() for row in rows}
    for group, texts in given["rows"].items():
        rows = []
        for number, words in texts.items():
            if number == "title":
                continue
            row = row_name(group, number)
            state = f"waits for {waits[row]}" if row in waits else "proven"
            if row in given["parts"]:
                state = f"in part: {given['parts'][row]}"
            rows.append((row, words, ", ".join(f"`{name}`" for name in named.get(row, ())), state))
        yield texts["title"], rows
