"""A-17, A-20: no row of the list of promises is without a test that names it, unless it says for what it waits."""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _module() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("promises_of_the_hub", ROOT / "scripts" / "promises.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROMISES = _module()


def test_each_row_is_proven_or_waits() -> None:
    assert PROMISES.gaps(PROMISES.listed(), PROMISES.proofs()) == []


def test_library_and_storage_facts_are_there_in_full() -> None:
    rows = PROMISES.listed()["rows"]
    counts = {group: len(texts) - 1 for group, texts in rows.items()}
    assert counts == {"L": 43, "D": 17, "F": 40, "B": 28, "S": 36, "P": 10, "A": 20}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda listed, named: named.pop("L1"), "L1 has no test"),
        (lambda listed, named: listed["rows"]["F"].update({"41": "new"}), "F-41 has no test"),
        (lambda listed, named: named.update({"F-31": ["test_x.py"]}), "F-31 is said to wait"),
        (lambda listed, named: named.update({"F-99": ["test_x.py"]}), "test_x.py names F-99, which is no row"),
        (lambda listed, named: listed["waits"].update({"x": ["B-77"]}), "B-77 waits, but is no row"),
        (lambda listed, named: named.pop("S-33"), "S-33 is said to be proven in part"),
    ],
)
def test_a_gap_is_told(change, says) -> None:
    listed, named = PROMISES.listed(), PROMISES.proofs()
    change(listed, named)
    assert any(found.startswith(says) for found in PROMISES.gaps(listed, named))


def test_names_are_found_in_docstrings_only(tmp_path: Path) -> None:
    file = tmp_path / "test_x.py"
    file.write_text('"""F-01, S000-3."""\n\ndef test_a():\n    """L7: and D12."""\n    assert "F-02"  # F-03\n')
    assert PROMISES.proofs([file]) == {"F-01": ["test_x.py"], "L7": ["test_x.py::test_a"], "D12": ["test_x.py::test_a"]}
