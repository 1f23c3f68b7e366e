# ruff: noqa: E501 tables of cases read better in one line each
"""F-37, A-18: stores of every older schema are brought up to date whole or not at all, and everything in them is read afterwards.

`old/` holds what the hub of that time had written, one JSON line for each row, and the SHA-256 of its schema on SQLite.
Each comes from a sync with a change, an evaluation, a snoozed reminder, an issued invoice, a merge of two clients, entries of people
(where there were any yet) and an import.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from forks import Forks, QuickOffice
from kills import KILLED
from lab import NOW, item, said, stream
from sqlalchemy import Connection, MetaData, inspect, text

from hub.store import database, tables
from hub.store.database import APPLICATION_ID, REVISIONS, Store, StoreError

OLD = Path(__file__).with_name("old")
OLDER = REVISIONS[:-1]
Rows = list[tuple[str, dict[str, Any]]]


def kept(revision: str) -> tuple[str, Rows]:
    """Return the hash of the schema of that time, and its rows."""
    head, *lines = (OLD / f"{revision}.jsonl").read_text("utf-8").splitlines()
    rows = [
        (table, {key: bytes.fromhex(it["hex"]) if isinstance(it, dict) else it for key, it in row.items()})
        for table, row in map(json.loads, lines)
    ]
    return json.loads(head)["schema"], rows


def migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def make(url: str, revision: str) -> Rows:
    """Make the store as it was then; return its rows."""
    store = Store(url)
    _, rows = kept(revision)
    with store.write() as connection:
        migrate(connection, revision)
        known = MetaData()
        known.reflect(connection)
        for name, row in rows:
            columns = known.tables[name].c
            given = {key: _typed(columns[key].type, it) for key, it in row.items()}
            connection.execute(known.tables[name].insert().values(given))
            if "id" in row and isinstance(row["id"], int) and store.path is None:
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {row['id']})"))
    if store.path is not None:
        with store.engine.connect() as raw:
            raw.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    store.close()
    return rows


def _typed(type_: Any, value: Any) -> Any:
    """Return what SQLite keeps as PostgreSQL wants it."""
    wanted = type_.python_type
    if wanted is bool:
        return bool(value)
    if wanted in (date, datetime) and isinstance(value, str):
        return wanted.fromisoformat(value)
    return Decimal(str(value)) if wanted is Decimal else value


def told(store: Store, rows: Rows) -> list[str]:
    """Return which rows of that time are not there any more as they were, with nothing in columns of later."""
    lost: list[str] = []
    with store.read() as connection:
        for name in {name for name, _ in rows}:
            there = [
                {key: _plain(it) for key, it in row.items() if it is not None}
                for row in connection.execute(text(f'SELECT * FROM "{name}"')).mappings()
            ]
            filled = {column.name for column in tables.metadata.tables[name].c if column.server_default is not None}
            for row in (_row for _name, _row in rows if _name == name):
                mine = {key: _plain(it) for key, it in row.items()}
                if not any(it.items() >= mine.items() and it.keys() - mine.keys() <= filled for it in there):
                    lost.append(f"{name} {row}")
    return lost


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, memoryview):
        return bytes(value)
    return int(value) if isinstance(value, bool) else value


def counts(store: Store) -> Counter[str]:
    with store.engine.connect() as connection:
        there = set(inspect(connection).get_table_names()) - {"alembic_version"}
        return Counter(
            {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in there}
        )


@pytest.fixture
def old_url(empty_stores: Callable[[], Any]) -> Iterator[str]:
    with empty_stores() as url:
        yield url


def desk(office: QuickOffice) -> None:
    """Connect what the stores of then were read from; nothing but its names and shapes is needed."""
    points = [{"type": "phone", "value": "+73912940000"}, {"type": "email", "value": "buh0@firma.example"}]
    one = item(
        "client",
        "c0",
        name="МБУ «Ромашка»",
        inn="2465000007",
        kpp="246501001",
        status="client",
        manager="ivanova",
        points=points,
    )
    call = {
        "id": "k2",
        "payload": {
            "events": [
                said(
                    "call",
                    "k2",
                    "call.connected",
                    time="2026-05-12T02:00:00Z",
                    number="+73912940001",
                    started="2026-05-12T02:00:00Z",
                    state="connected",
                    talk_seconds=9,
                )
            ]
        },
    }
    office.connect({"desk": office.script("desk", stream("clients", [one]), stream("calls", [call], cursor=True))})


@pytest.mark.parametrize("revision", OLDER)
def test_no_revision_was_changed_after_stores_were_made_with_it(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "hub.db"
    make(f"sqlite:///{path}", revision)
    with closing(sqlite3.connect(path)) as made:
        found = sorted(row[0] for row in made.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
    assert hashlib.sha256("\n".join(found).encode()).hexdigest() == kept(revision)[0]


def test_each_older_revision_has_a_store() -> None:
    assert sorted(it.stem for it in OLD.iterdir()) == list(OLDER)


@pytest.mark.parametrize("revision", OLDER)
def test_store_of_an_older_version_is_upgraded_and_read(
    forks: Forks, tmp_path: Path, old_url: str, revision: str
) -> None:
    rows = make(old_url, revision)
    with closing(Store(old_url)) as store, pytest.raises(StoreError, match=f"has the older schema {revision}"):
        store.open()
    office = QuickOffice(forks, tmp_path / "office", old_url)
    desk(office)
    office.fails("status", code=1, says="hub db upgrade")
    office.ok("db", "upgrade")

    with closing(Store(old_url)) as store:
        with store.engine.connect() as connection:
            assert (
                compare_metadata(MigrationContext.configure(connection, opts={"compare_type": False}), tables.metadata)
                == []
            )
        assert +counts(store) == Counter(name for name, _ in rows)
        assert told(store, rows) == []

    before = office.dump()
    shown = {it["name"]: it["inn"] for it in office.ok("client", "list", "--json").json}
    assert shown.items() >= {"ООО «Лютик плюс»": "2465000014", "МБУ «Ромашка»": "2465000007"}.items()
    assert "МКУ «Василёк»" not in shown, "it was made one with another client"
    assert len(office.ok("record", "list", "--json").json) == sum(name == "record" for name, _ in rows)
    assert len(office.ok("event", "export").out.splitlines()) == sum(name == "event" for name, _ in rows)
    assert office.ok("record", "replay", "desk", "--all").code == 0
    assert office.dump() == before, "what was stored is understood today as it was then"
    assert office.ok("--now", NOW, "reminder", "list", "--json").json
    (bill,) = office.ok("document", "list", "--json").json
    assert bill["number"] == "1"
    office.ok("sync")
    assert len(office.dump()) > len(before), "work goes on: the call is new"


@pytest.mark.parametrize("revision", OLDER[::2])
def test_killed_upgrade_leaves_the_old_store_or_the_new_one(
    forks: Forks, tmp_path: Path, old_url: str, revision: str
) -> None:
    """F-06: at the named stop, and before statements from the first to the last."""
    rows = make(old_url, revision)
    with closing(Store(old_url)) as store:
        before = counts(store)
    office = QuickOffice(forks, tmp_path / "office", old_url)
    killed = 0
    for step in ({"HUB_TEST_STOP": "migrate:1"}, *({"DIE_AT_STATEMENT": str(number)} for number in (3, 30, 90, 400))):
        done = office.hub("db", "upgrade", **step)
        if done.code == 0:
            break
        assert done.code == KILLED, done.err
        killed += 1
        with closing(Store(old_url)) as store:
            assert (store.revision(), counts(store)) == (revision, before), step
    assert killed >= 2, "the hook counts nothing"
    office.ok("db", "upgrade")
    with closing(Store(old_url)) as store:
        assert told(store.open(), rows) == []


def test_backup_of_an_older_version_is_restored_and_upgraded(forks: Forks, tmp_path: Path) -> None:
    rows = make(f"sqlite:///{tmp_path / 'old.db'}", "0003")
    office = QuickOffice(forks, tmp_path / "office")
    said_ = office.ok("db", "restore", str(tmp_path / "old.db"))
    assert "hub db upgrade" in said_.out
    office.ok("db", "upgrade")
    office.ok("status")
    with closing(Store(office.store_url)) as store:
        assert told(store.open(), rows) == []
