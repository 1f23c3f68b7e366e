# ruff: noqa: E501 tables of cases read better in one line each
"""F-09, F-10, A-14: several processes on one SQLite file; each waits for its turn, and people see no error."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from forks import Forks, QuickOffice
from inside import rows, sizes
from kills import is_sound
from lab import LAB, NOW, Office, item, opened, stream

from hub.store.database import Store
from hub.store.meta import get_meta
from hub.store.streams import damaged_records

SECONDS = 4


def clients(*numbers: int) -> list[dict[str, Any]]:
    return [item("client", f"c{number}", name=f"Ромашка {number}", inn="2465000007") for number in numbers]


@pytest.fixture
def office(forks: Forks, tmp_path: Path, made_store: Path) -> QuickOffice:
    office = QuickOffice(forks, tmp_path / "office")
    shutil.copy(made_store, office.folder / "hub.db")
    return office


def test_two_daemons_and_a_person_get_on(office: QuickOffice) -> None:
    """F-09: each slot is served once, nothing is lost, and nobody is shown an error."""
    growing = stream("clients", *[clients(number) for number in range(30)], cursor=True)
    desk = {**office.script("desk", growing), "every": "1s"}
    shop = {**office.script("shop", stream("clients", clients(100), snapshot=True)), "every": "1s"}
    office.connect({"desk": desk, "shop": shop, "hand": {**office.script("hand", growing), "enabled": False}})
    daemons = [office.start("-v", "run") for _ in range(2)]
    end = time.monotonic() + 90
    commands = (
        ["sync", "hand"],
        ["today"],
        ["client", "list"],
        ["status", "--json"],
        ["command", "list"],
        ["reminder", "list"],
    )
    while True:
        for command in commands:
            done = office.hub(*command)
            assert (done.code, done.err) == (0, ""), command
        with opened(office.store_url) as store:
            served = Counter(row.dedup for row in rows(store, "job") if row.kind == "sync" and row.state == "done")
        if len([it for it in served if it and it.startswith("sync/")]) >= 6 or time.monotonic() > end:
            break
    for daemon in daemons:
        daemon.send_signal(signal.SIGTERM)
    said = [daemon.communicate(timeout=60)[1] for daemon in daemons]
    assert [daemon.returncode for daemon in daemons] == [0, 0], said
    assert not any(word in text for text in said for word in ("Traceback", "ERROR", "WARNING")), said
    with opened(office.store_url) as store:
        jobs = rows(store, "job")
        runs = Counter(row.connection for row in rows(store, "run") if row.connection == "shop")
        kept = sizes(store)
    slots = [row.dedup for row in jobs if row.dedup]
    assert len(slots) == len(set(slots))
    assert runs["shop"] == sum(row.state == "done" for row in jobs if (row.dedup or "").startswith("sync/shop@"))
    assert {row.state for row in jobs} <= {"done", "ready"}
    assert max(row.attempt for row in jobs) == 1
    assert (kept["record"], kept["event"]) == (61, 61)
    assert is_sound(office.folder / "hub.db")


WRITING: list[tuple[str, ...]] = [
    ("sync",), ("--now", NOW, "today"), ("event", "import", "log.jsonl"), ("document", "new", "invoice", "--client", "2465000007", "--line", "x; 1"),
    ("record", "replay", "desk"), ("db", "upgrade"),
]  # fmt: skip


@pytest.fixture
def held(office: QuickOffice) -> QuickOffice:
    """An office with one client, where every command of WRITING has something to write."""
    office.connect({"desk": office.script("desk", stream("clients", clients(1)))})
    office.ok("sync")
    line = {
        "id": "client/9",
        "source": "hand",
        "type": "client.observed",
        "subject": "client/9",
        "data": {"name": "А", "inn": "7707083893"},
    }
    (office.folder / "log.jsonl").write_text(json.dumps(line), encoding="utf-8")
    return office


@pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE"])
def test_store_held_for_too_long_is_told_and_later_all_goes_well(held: QuickOffice, kind: str) -> None:
    """F-10, with a patience of half a second instead of half a minute."""
    with closing(sqlite3.connect(held.folder / "hub.db", isolation_level=None)) as other:
        other.execute(f"BEGIN {kind}")
        told = 0
        for command in WRITING:
            done = held.hub(*command, PATIENCE="0.5")
            assert done.code in (0, 1), done.err
            assert "Traceback" not in done.err
            if done.code:
                told += 1
                assert "another program holds the store for too long. Try again." in done.err + done.out, command
                assert done.seconds > 0.4
        assert told >= len(WRITING) - 2, "those that had nothing to write need no turn"
        done = held.hub("run", "--once", PATIENCE="0.5")
        assert (done.code, "Traceback" in done.err) == (1, False)
        assert "another program holds the store" in done.err
        other.execute("ROLLBACK")
    for command in WRITING:
        held.ok(*command, PATIENCE="0.5")
    assert held.ok("status", "--json").json["problems"] == []


def test_store_held_for_a_moment_is_waited_for(held: QuickOffice) -> None:
    """F-10: the patience of every day is longer than any transaction."""
    for command in WRITING[:4]:
        other = sqlite3.connect(held.folder / "hub.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        freed: list[float] = []

        def release(other: sqlite3.Connection = other, freed: list[float] = freed) -> None:
            freed.append(time.monotonic())
            other.execute("ROLLBACK")

        free = threading.Timer(0.8, release)
        free.start()
        done = held.ok(*command)
        ended = time.monotonic()
        free.join()
        other.close()
        assert ended > freed[0], "it did not wait"
        assert done.err == "" or command[0] == "event"


def write_storm(folder: Path, seconds: float, sabotage: str = "") -> list[str]:
    """Let two processes write; return every broken promise."""
    store = Store(f"sqlite:///{folder / 'hub.db'}")
    url = store.url.render_as_string()
    env = {**Office(folder / "office").environment(), "SABOTAGE": sabotage}
    writers = [
        subprocess.Popen([sys.executable, str(LAB / "writer.py"), url, name, str(seconds)], env=env, text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for name in ("first", "second")
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    ended = [writer.communicate(timeout=seconds + 120) for writer in writers]
    found = [f"a writer died: {err[-500:]}" for _, err in ended if err]
    said = [json.loads(out) for out, _ in ended if out]
    found += [f"{it['failed']} steps failed: {it['error']}" for it in said if it["failed"]]
    with store.read() as connection:
        counted, damaged = int(get_meta(connection, "count") or 0), list(damaged_records(connection))
    kept = sizes(store)
    store.close()
    steps, records = sum(it["steps"] for it in said), sum(it["records"] for it in said)
    print(f"{steps} steps, {records} records")
    if counted != steps:
        found.append(f"{steps} steps, but {counted} were counted")
    if not kept["record"] == kept["event"] == kept["client"] == records:
        found.append(f"{records} records, but kept are {kept}")
    if damaged:
        found.append(f"damaged: {damaged[:3]}")
    if not is_sound(folder / "hub.db"):
        found.append("the file is damaged")
    return found


def test_write_storm_of_two_processes_loses_nothing(tmp_path: Path, made_store: Path) -> None:
    """A-14."""
    shutil.copy(made_store, tmp_path / "hub.db")
    assert write_storm(tmp_path, float(os.environ.get("HUB_TEST_SECONDS", SECONDS))) == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_long_write_storm_of_two_processes_loses_nothing(tmp_path: Path, made_store: Path) -> None:
    """A-14: ten minutes; `HUB_TEST_SECONDS` gives another time."""
    shutil.copy(made_store, tmp_path / "hub.db")
    assert write_storm(tmp_path, float(os.environ.get("HUB_TEST_SECONDS", "600"))) == []


def test_writers_that_begin_as_readers_are_noticed(tmp_path: Path, made_store: Path) -> None:
    """The control of A-14, and D4: the wait for a turn does not help who has read already.

    Two seconds hold some dozens of steps, each with a hundredth of a second for the other to get in between; a machine
    that lets only one of the two run is given five tries.
    """

    def is_noticed(number: int) -> bool:
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(made_store, folder / "hub.db")
        return write_storm(folder, 2, "deferred") != []

    assert any(map(is_noticed, range(5)))
