"""F-06, F-12: the file of the store is replaced in one step, and a lost one is never made anew silently."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from inside import rows
from kills import KILLED
from lab import Office, item, opened, stream

DYING = """\
import os, signal, sys
from hub.cli import main
left = int(os.environ["DIE_AT"])
def count(event, arguments):
    global left
    if event in ("os.rename", "os.remove", "os.link", "shutil.copyfile"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
main()
"""
"""Runs the hub and dies right before the n-th step that changes names of files."""
TELLING = """\
import sys
from hub.cli import main
sys.addaudithook(lambda event, it: event == "os.remove" and print("removes", it[0], file=sys.stderr))
main()
"""
"""Runs the hub and says what it removes."""


@pytest.fixture
def office(tmp_path: Path, made_store: Path) -> Office:
    office = Office(tmp_path / "office")
    shutil.copy(made_store, office.folder / "hub.db")
    return office


def clients(office: Office, *numbers: int) -> None:
    records = [item("client", f"c{number}", name=f"Ромашка {number}") for number in numbers]
    office.connect({"desk": office.script("desk", stream("clients", records))})
    office.ok("sync")


def names(path: Path) -> set[str]:
    with opened(f"sqlite:///{path}") as store:
        return {row.name for row in rows(store, "client")}


def test_killed_restore_leaves_the_old_store_or_the_new_one(office: Office, tmp_path: Path) -> None:
    program = tmp_path / "dying.py"
    program.write_text(DYING)
    store, copy, lived = office.folder / "hub.db", tmp_path / "copy.db", tmp_path / "lived.db"
    clients(office, 1)
    office.ok("db", "backup", str(copy))
    clients(office, 1, 2)
    office.ok("db", "backup", str(lived))
    old, new = {"Ромашка 1", "Ромашка 2"}, {"Ромашка 1"}
    found = []
    for step in range(1, 40):
        shutil.copy(lived, store)
        done = office.hub("db", "restore", str(copy), "--yes", program=str(program), DIE_AT=str(step))
        assert store.exists(), f"killed at step {step} it left no store"
        found.append(names(store))
        assert found[-1] in (old, new)
        office.ok("status")
        if done.code == 0:
            break
        assert done.code == KILLED
    assert found[0] == old
    assert found[-1] == new
    assert len(found) > 4, "the hook counts nothing"
    assert names(store.with_name("hub.db.before-restore")) == old


def test_restore_takes_no_journal_of_the_old_store_for_one_of_the_new(office: Office, tmp_path: Path) -> None:
    """A writer that was killed leaves a hot journal; rolled back into another file it would damage that one."""
    clients(office, *range(300))
    copy, store = tmp_path / "copy.db", office.folder / "hub.db"
    office.ok("db", "backup", str(copy))
    with closing(sqlite3.connect(store, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE client SET name = 'half'")
        taken = {suffix: store.with_name(store.name + suffix).read_bytes() for suffix in ("", "-journal")}
        writer.execute("ROLLBACK")
    for suffix, content in taken.items():
        store.with_name(store.name + suffix).write_bytes(content)
    office.ok("db", "restore", str(copy), "--yes")
    assert len(names(store)) == 300
    assert not {"half"} & names(store.with_name("hub.db.before-restore"))
    store.unlink()
    store.with_name("hub.db-journal").write_bytes(taken["-journal"])
    office.ok("db", "restore", str(copy))
    assert len(names(store)) == 300


def test_restore_waits_for_nobody_who_works_with_the_store(office: Office, tmp_path: Path) -> None:
    clients(office, 1)
    copy = tmp_path / "copy.db"
    office.ok("db", "backup", str(copy))
    with closing(sqlite3.connect(office.folder / "hub.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        before = (office.folder / "hub.db").stat().st_ino
        office.fails("db", "restore", str(copy), "--yes", code=1, says="is in use")
        assert (office.folder / "hub.db").stat().st_ino == before
        writer.execute("ROLLBACK")
    office.ok("db", "restore", str(copy), "--yes")


def test_damaged_store_is_restored_too(office: Office, tmp_path: Path) -> None:
    clients(office, 1)
    copy, store = tmp_path / "copy.db", office.folder / "hub.db"
    office.ok("db", "backup", str(copy))
    store.write_bytes(b"no database" * 1000)
    store.with_name("hub.db-journal").write_bytes(b"torn" * 300)
    office.ok("db", "restore", str(copy), "--yes")
    assert names(store) == {"Ромашка 1"}
    assert store.with_name("hub.db.before-restore").read_bytes() == b"no database" * 1000


def test_backup_of_a_newer_hub_is_refused_before_anything_moves(office: Office, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    office.ok("db", "backup", str(copy))
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '7777'")
        connection.commit()
    office.fails("db", "restore", str(copy), "--yes", code=1, says="newer hub (schema 7777)")
    office.ok("status")
    assert not (office.folder / "hub.db.before-restore").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_backup_follows_no_name_that_waits_for_it(office: Office, tmp_path: Path) -> None:
    """S-29: whoever foresees the name of the temporary file puts a link there, and the backup ends elsewhere."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"")
    (tmp_path / ".copy.db.tmp").symlink_to(victim)
    program = tmp_path / "trace.py"
    program.write_text(TELLING)
    done = office.ok("db", "backup", str(tmp_path / "copy.db"), program=str(program))
    assert ".copy.db.tmp\n" not in done.err
    assert (tmp_path / ".copy.db.tmp").is_symlink()
    assert victim.read_bytes() == b""
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert [it.name for it in tmp_path.iterdir() if it.name.startswith(".")] == [".copy.db.tmp"]


# A lost store


def test_emptied_store_is_not_made_anew(office: Office) -> None:
    store = office.folder / "hub.db"
    store.write_bytes(b"")
    office.fails("init", code=1, says="is there but empty")
    assert store.read_bytes() == b""
    office.ok("init", "--new")
    office.ok("status")


@pytest.mark.parametrize(
    "trace", ["blobs/ab/abcd", "documents/invoice-1.pdf", "hub.db-journal", "hub.db.before-restore"]
)
def test_vanished_store_is_not_made_anew(office: Office, trace: str) -> None:
    store = office.folder / "hub.db"
    store.unlink()
    found = office.folder / trace
    found.parent.mkdir(parents=True, exist_ok=True)
    found.write_bytes(b"x")
    office.fails("init", code=1, says="shows that there was a store")
    office.fails("init", code=1, says="hub db restore FILE")
    assert not store.exists()
    office.ok("init", "--new")
    office.ok("status")


def test_first_init_and_a_second_one_ask_nothing(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.ok("init")
    made = (tmp_path / "hub.db").stat().st_ino
    office.ok("init")
    office.ok("status")
    assert (tmp_path / "hub.db").stat().st_ino == made
    assert not [it.name for it in tmp_path.iterdir() if it.name.startswith(".")]
