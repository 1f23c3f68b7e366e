"""The tools of the other tests are tested first: the canonical dump, and the points where a process may die."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from inside import Source, dump, run
from lab import item
from sqlalchemy import Date, Table

import hub
from hub.stop_points import POINTS
from hub.store import tables
from hub.store.database import Store
from hub.store.types import Amount, Content, Day, Flag, Instant

RUNNING = {"meta", "event_data", "job", "run", "problem", "notification", "audit", "touched", "wake"}
"""Tables that tell how the hub got on, not what it knows; `event_data` is shown with its event."""


def test_different_stores_have_different_dumps(store: Store) -> None:
    run(store, Source(), [item("client", "1", name="А")])
    first = dump(store)
    run(store, Source(), [item("client", "1", name="Б")])
    second = dump(store)

    assert first
    assert first != second


def _value(column: Any, number: int) -> Any:
    from datetime import UTC, date, datetime, timedelta
    from decimal import Decimal

    kind = type(column.type)
    if kind is Instant:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
    if kind is Day or isinstance(column.type, Date):
        return date(2026, 1, 1 + number)
    if kind is Amount:
        return Decimal(number)
    if kind is Flag:
        return bool(number % 2)
    if column.type is Content or kind is type(Content):
        return bytes([number])
    return number if column.type.python_type is int else str(number)


def _fill(store: Store, table: Table, number: int) -> None:
    with store.write() as connection:
        connection.execute(table.insert().values({column.name: _value(column, number) for column in table.columns}))


@pytest.mark.parametrize("name", sorted(set(tables.metadata.tables) - RUNNING))
def test_every_table_contributes(tmp_path: Path, made_store: Path, name: str) -> None:
    """Two stores that differ in one row of any table have different dumps."""
    import shutil

    found = []
    for number in (1, 2):
        shutil.copy(made_store, tmp_path / f"{number}.db")
        store = Store(f"sqlite:///{tmp_path / f'{number}.db'}", synchronous="normal")
        empty = dump(store)
        if name == "record":
            _fill(store, tables.stream, 1)
            with store.write() as connection:
                connection.execute(tables.stream.update().values(id=number))
        _fill(store, tables.metadata.tables[name], number)
        found.append(dump(store))
        store.close()
        assert found[-1] != empty
    assert found[0] != found[1]


def test_points_are_those_of_the_code() -> None:
    """A-03."""
    code = [path.read_text(encoding="utf-8") for path in Path(hub.__file__).parent.rglob("*.py")]
    named = [name for text in code for name in re.findall(r'stop_point\("(\w+)"\)', text)]

    assert set(named) == POINTS
    assert all(
        text.count("stop_point(") == len(re.findall(r'stop_point\("\w+"\)', text))
        for text in code
        if "def stop_point" not in text
    )


def test_every_commit_has_a_point() -> None:
    """A-03: a transaction is begun at three places, all of them in one module, each with a point before its commit."""
    code = {path: path.read_text(encoding="utf-8") for path in Path(hub.__file__).parent.rglob("*.py")}
    begun = {path.name: text.count("connection.begin()") for path, text in code.items() if "connection.begin()" in text}

    assert begun == {"database.py": 2}
    assert not any(re.search(r"\.commit\(\)", text) for text in code.values())


@pytest.mark.parametrize(("value", "code"), [("", 0), ("commit:3", 0), ("commit:2", -9), ("commit", 0), ("other:1", 0)])
def test_point_kills_at_the_nth_pass(value: str, code: int) -> None:
    program = "from hub.stop_points import stop_point as s; s('commit'); s('read'); s('commit')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"HUB_TEST_STOP": value, "PYTHONPATH": str(Path(hub.__file__).parents[1])},
        check=False,
    )
    assert done.returncode == (code if value != "commit" else -9)
