# ruff: noqa: E501 tables of cases read better in one line each
"""D6: `hub doctor --deep` names what is damaged or gone, which the database itself does not notice.

Seen failing: before, only the payloads of records were looked at; a row that was deleted was never missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forks import Forks, QuickOffice
from kills import World, is_sound
from lab import NOW, opened
from sqlalchemy import text

from hub.store.parties import entity_id


@pytest.fixture
def office(forks: Forks, empty_stores: Callable[[], Any], tmp_path: Path) -> Iterator[QuickOffice]:
    """An office with a history: changes, deletions, a merge, a split, an issued document and a letter with a file."""
    with empty_stores() as url:
        office = QuickOffice(forks, tmp_path / "office", url)
        office.ok("init")
        world = World(tmp_path, 5, size=24)
        for _ in range(3):
            world.turn()
            world.connect(office)
            office.ok("sync")
        ids = [entity_id("desk", "client", key) for key in sorted(world.desk)]
        for pair in (ids[:2], ids[2:4]):
            office.ok("--now", NOW, "client", "merge", *pair)
        kept = min(ids[:2])
        office.ok("--now", NOW, "client", "split", kept, f"desk/{sorted(world.desk)[1]}")
        office.ok("--now", NOW, "today")
        office.ok(
            "--now", NOW, "document", "new", "invoice", "--client", ids[5], "--line", "Сопровождение; 1; мес; 5000"
        )
        office.ok("--now", NOW, "document", "issue", "1")
        (office.folder / "blobs" / "00").mkdir(parents=True)
        yield office


def found(office: QuickOffice) -> list[str]:
    done = office.hub("doctor", "--deep", "--offline", "--json")
    assert "Traceback" not in done.err
    assert done.out, done.err
    said = [it["what"] for it in done.json if it["level"] == "error"]
    assert done.code == (1 if said else 0)
    return said


def harm(office: QuickOffice, *statements: str) -> int:
    """Change rows behind the back of the hub; its triggers, which forbid that, look away. Return the rows of the last."""
    with opened(office.store_url) as store, store.write() as connection:
        if store.is_sqlite:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return [connection.execute(text(statement)).rowcount for statement in statements][-1]


HARM: list[tuple[str, str]] = [
    ("UPDATE record SET payload = (SELECT payload FROM record WHERE external_id = 'd1') WHERE external_id = 'd2'",
     "the record desk/clients/d2 is not what was stored"),
    ("UPDATE record SET payload = '\\x00' WHERE external_id = 'd3'", "the record desk/clients/d3 is not what was stored"),
    ("DELETE FROM record WHERE external_id = 'd4'", "the record desk/d4, from which an event was made, is missing"),
    ("DELETE FROM event_data WHERE seq = (SELECT seq FROM event WHERE id = 'client/d5' AND version = 1)",
     "the event desk/client/d5 has lost its content"),
    ("DELETE FROM event WHERE id = 'client/d6' AND version = 1", "belongs to no event"),
    ("DELETE FROM client WHERE id = (SELECT entity FROM reference WHERE kind = 'client' AND external_id = 'd7')", "which desk/d7 tells of"),
]  # fmt: skip


def test_what_the_database_does_not_notice_is_named(office: QuickOffice) -> None:
    """Each harm is seen among all others, and the store before had nothing to complain of."""
    assert found(office) == []
    for statement, says in HARM:
        is_file = office.store_url.startswith("sqlite")
        assert harm(office, statement.replace("'\\x00'", "x'00'") if is_file else statement) == 1, statement
        assert any(says in it for it in found(office)), f"{says}: {found(office)}"
        if is_file:
            assert is_sound(Path(office.store_url.removeprefix("sqlite:///")))


def test_missing_version_is_named(office: QuickOffice) -> None:
    with opened(office.store_url) as store, store.read() as connection:
        row = connection.execute(text("SELECT id FROM event WHERE version = 2 AND type LIKE '%.observed'")).first()
    assert row is not None
    seq = f"(SELECT seq FROM event WHERE id = '{row.id}' AND version = 1)"
    assert harm(office, f"DELETE FROM event_data WHERE seq = {seq}", f"DELETE FROM event WHERE seq = {seq}") == 1
    assert found(office) == [f"of the event desk/{row.id} a version is missing"]


def test_bytes_changed_in_the_file_are_named(forks: Forks, tmp_path: Path, made_store: Path) -> None:
    """D6: four bytes inside a payload; both checks of SQLite say that all is well."""
    office = QuickOffice(forks, tmp_path / "office")
    path = office.folder / "hub.db"
    path.write_bytes(made_store.read_bytes())
    world = World(tmp_path, 5, size=24)
    world.turn()
    world.connect(office)
    office.ok("sync")
    with opened(office.store_url) as store, store.read() as connection:
        payload = bytes(connection.execute(text("SELECT payload FROM record WHERE external_id = 'd9'")).scalar_one())
    content = path.read_bytes()
    assert content.count(payload) == 1
    place = content.index(payload) + len(payload) // 2
    path.write_bytes(content[:place] + bytes(it ^ 0xFF for it in content[place : place + 4]) + content[place + 4 :])
    assert is_sound(path)
    assert found(office) == ["the record desk/clients/d9 is not what was stored"]


def test_changed_and_lost_files_are_named(office: QuickOffice) -> None:
    first, second = sorted(it for it in (office.folder / "documents").iterdir() if it.name[0] != ".")
    first.write_bytes(first.read_bytes() + b" ")
    second.unlink()
    digest = "00" + "1" * 62
    (office.folder / "blobs" / "00" / digest).write_bytes(b"another content")
    said = found(office)
    assert len(said) == 3
    assert all(any(name in it for it in said) for name in (first.name, second.name, digest))
