"""The store opens what is its own and refuses everything else with a sentence."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.store import bulk, database
from hub.store.database import Store, StoreError, wal_is_safe
from hub.store.problems import note
from hub.store.tables import claim, metadata, record


def test_migrated_schema_equals_the_tables(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


def test_known_revisions_are_those_of_the_migrations() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    assert [each.revision for each in script.walk_revisions()][::-1] == list(database.REVISIONS)


def test_open_again_finds_the_same_store(store: Store, store_url: str) -> None:
    store.close()
    Store(store_url).open().close()


def test_new_file_is_private(tmp_path: Path) -> None:
    """D8, S-29."""
    store = Store(f"sqlite:///{tmp_path / 'sub' / 'hub.db'}")
    store.create()
    store.close()
    assert stat.S_IMODE((tmp_path / "sub" / "hub.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "sub").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.unlink(), "is not there"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"hello" * 100), "no store of the hub"),
        (lambda path: path.write_bytes(path.read_bytes()[:9000]), "damaged|no store"),
    ],
)
def test_damaged_file_is_refused_and_never_replaced(tmp_path: Path, damage: object, says: str) -> None:
    """D5, F-12."""
    path = tmp_path / "hub.db"
    store = Store(f"sqlite:///{path}")
    store.create()
    store.close()
    assert callable(damage)
    damage(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(StoreError, match=says):
        Store(f"sqlite:///{path}").open()
    assert (path.read_bytes() if path.exists() else None) == before


def test_foreign_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("PRAGMA application_id = 77")
    other.close()
    with pytest.raises(StoreError, match="no store of the hub"):
        Store(f"sqlite:///{path}").open()


def test_newer_schema_is_refused_with_its_name(store: Store, store_url: str) -> None:
    """F-37."""
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(StoreError, match="newer hub \\(schema 9999\\)"):
        Store(store_url).open()
    with pytest.raises(StoreError, match="newer hub"):
        store.create()


def test_log_refuses_change_and_removal(store: Store) -> None:
    """S-33."""
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO event (seq, id, source, version, type, subject, recorded_at, record_id, correlation_id, "
                "causation_id)"
                " VALUES (1, 'a', 's', 1, 't.t', 'x/1', '2026-11-22T00:00:00.000000+00:00', '', '', '')"
            )
        )
        note(connection, who="ivanova", what="x.done", about="x/1", detail="", now=store.now(connection))
    for statement in (
        "UPDATE event SET id = 'b'",
        "DELETE FROM event",
        "UPDATE audit SET who = 'b'",
        "DELETE FROM audit",
    ):
        with pytest.raises(DBAPIError, match="insert-only"), store.write() as connection:
            connection.execute(text(statement))


@pytest.mark.parametrize("count", [3, 500])
def test_bulk_writers_give_the_same_on_both_databases(store: Store, count: int) -> None:
    columns = (
        "stream_id",
        "external_id",
        "hash",
        "mapped",
        "version",
        "deleted",
        "problem",
        "subjects",
        "recorded_at",
        "payload",
    )

    def row(number: int, version: str) -> tuple[object, ...]:
        return (1, f"ключ-{number}", b"\x00\xff", None, version, number % 2 == 0, None, "a\\b\tc\nd",
                "2026-11-22T10:00:00.000001+00:00", b"\x00\\N\n")  # fmt: skip

    with store.write() as connection:
        bulk.insert(connection, record, columns, [row(number, "1") for number in range(count)])
        bulk.upsert(
            connection,
            record,
            columns,
            ("stream_id", "external_id"),
            [row(number, "2") for number in range(0, count, 2)],
        )
    with store.read() as connection:
        found = connection.execute(record.select().order_by(record.c.version, record.c.external_id)).all()
        wanted = bulk.select_in(connection, record, ("external_id",), "external_id", ["ключ-1", "нет"], stream_id=1)
    assert len(found) == count
    assert {row.version for row in found if row.deleted} == {"2"}
    assert {row.version for row in found if not row.deleted} == {"1"}
    assert {(bytes(row.payload), row.subjects) for row in found} == {(b"\x00\\N\n", "a\\b\tc\nd")}
    assert found[0].recorded_at.isoformat() == "2026-11-22T10:00:00.000001+00:00"
    assert [tuple(row) for row in wanted] == [("ключ-1",)]


def test_error_rolls_the_transaction_back(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            connection.execute(text("INSERT INTO meta (name, value) VALUES ('a', 'b')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM meta")).scalar() == 0


def test_wal_race_is_avoided_on_affected_versions() -> None:
    """D11."""
    assert not wal_is_safe((3, 40, 1))
    assert not wal_is_safe((3, 50, 6))
    assert wal_is_safe((3, 50, 7))
    assert wal_is_safe((3, 44, 6))
    assert wal_is_safe((3, 52, 0))


def test_sqlite_connection_is_set_up_safely(tmp_path: Path) -> None:
    """D9, D10: FULL is 2; a text in the place of a number is refused."""
    store = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    store.create()
    with store.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("foreign_keys", "synchronous", "journal_mode")
        }
    with pytest.raises(DBAPIError, match="cannot store TEXT"), store.write() as connection:
        connection.execute(text("INSERT INTO problem VALUES (1, 'k', 's', 't', 'h', 'many', 'x', 'x', NULL)"))
    store.close()
    assert settings == {"foreign_keys": 1, "synchronous": 2, "journal_mode": "wal" if wal_is_safe() else "truncate"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file size limit of this kind")
def test_full_disk_gives_a_clear_error_and_keeps_what_was_committed(tmp_path: Path) -> None:
    """D1, D2, F-11."""
    import subprocess
    import sys

    script = f"""
import resource
from hub.store.database import Store, StoreError
from sqlalchemy import text
store = Store("sqlite:///{tmp_path / "hub.db"}")
store.create()
with store.write() as c:
    c.execute(text("INSERT INTO meta VALUES ('first', 'kept')"))
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = os.path.getsize("{tmp_path / "hub.db"}")
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20000, size + 20000))
try:
    with store.write() as c:
        for n in range(200):
            c.execute(text("INSERT INTO meta VALUES (:n, :v)"), {{"n": str(n), "v": "x" * 4000}})
except StoreError as error:
    print("refused:", error)
with store.read() as c:
    print("rows:", c.execute(text("SELECT count(*) FROM meta")).scalar())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert "refused:" in done.stdout, done.stderr
    assert "rows: 1" in done.stdout


@pytest.mark.parametrize("odd", ["", "a\tb", "a\nb", "a\\b", "\\N", "\\.", "a\rb", "«Ромашка»", " ", "'\"%s{}"])
def test_any_text_comes_back_as_it_went_in_however_many_rows_there_are(store: Store, odd: str) -> None:
    given = [(f"key {number}", "desk", "client", odd if number == 150 else f"c{number}") for number in range(300)]
    columns = ("key", "connection", "kind", "external_id")
    with store.write() as connection:
        bulk.insert(connection, claim, columns, given)
    with store.read() as connection:
        found = bulk.select_in(connection, claim, columns, "external_id", [row[3] for row in given], connection="desk")

    assert sorted(map(tuple, found)) == sorted(given)
