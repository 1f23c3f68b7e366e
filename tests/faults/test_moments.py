"""F-26, F-38, A-18, A-19: things delivered again and again, backups while others write, a start after a kill."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from forks import Forks, QuickOffice
from inside import sizes
from kills import World, is_sound
from lab import LAB, Office, difference, item, opened, seed_of, stream

from hub.store.streams import damaged_records


def test_what_is_delivered_three_times_in_any_order_is_kept_once(
    forks: Forks, tmp_path: Path, store_url: str, request: pytest.FixtureRequest
) -> None:
    """F-26: each record of each stream; the state is that of one delivery in order."""
    seed = seed_of(request.config)
    world = World(tmp_path, seed, size=24)
    world.turn()
    calm, again = QuickOffice(forks, tmp_path / "calm"), QuickOffice(forks, tmp_path / "again", store_url)
    clients = [item("client", key, **data) for key, data in sorted(world.desk.items())]
    calls = [record for batch in world.log for record in batch]
    path = calm.folder / "desk.json"
    for office, times in ((calm, 1), (again, 3)):
        office.ok("init")
        given = []
        for records in (clients, calls):
            repeated = records * times
            random.Random(seed).shuffle(repeated)
            given.append([repeated[start : start + 17] for start in range(0, len(repeated), 17)])
        made = office.script("desk", stream("clients", *given[0]), stream("calls", *given[1]))
        if times > 1:
            shutil.copy(made["source"], path)
        office.connect({"desk": {**made, "source": str(path)}})
        office.ok("sync")
    assert calm.dump() == again.dump(), difference(calm.dump(), again.dump())


def test_backup_taken_while_others_write_is_a_moment_between_two_commits(
    forks: Forks, tmp_path: Path, made_store: Path
) -> None:
    """F-38, A-18: every copy is whole, and holds as many records, events and clients; the last one is restored."""
    office = QuickOffice(forks, tmp_path / "office")
    shutil.copy(made_store, office.folder / "hub.db")
    writer = subprocess.Popen(
        [sys.executable, str(LAB / "writer.py"), office.store_url, "first", "4"], env=office.environment(),
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert writer.stdin is not None
    writer.stdin.write("\n")
    writer.stdin.flush()
    held = []
    is_over = False
    while not is_over:
        is_over = writer.poll() is not None  # so that the last copy holds all
        copy = tmp_path / f"{len(held)}.db"
        office.ok("db", "backup", str(copy))
        assert is_sound(copy)
        with opened(f"sqlite:///{copy}") as store:
            found = sizes(store)
            with store.read() as connection:
                assert list(damaged_records(connection)) == []
        assert found["record"] == found["event"] == found["client"]
        assert found["record"] % 20 == 0
        held.append(found["record"])
    writer.communicate()
    assert held == sorted(held)
    assert held[-1] > 0
    other = QuickOffice(forks, tmp_path / "another machine")
    other.ok("db", "restore", str(tmp_path / f"{len(held) - 1}.db"))
    assert _clients(other) == held[-1]


def test_work_goes_on_soon_after_a_kill(tmp_path: Path, made_store: Path) -> None:
    """A-19: the daemon dies in the middle of a sync and is started again; a busy machine gets thrice as long."""
    office = Office(tmp_path / "office")
    shutil.copy(made_store, office.folder / "hub.db")
    batches = [[item("client", str(number), name=f"Ромашка {number}")] for number in range(5)]
    office.connect({"desk": office.script("desk", stream("clients", *batches))})
    died = office.start("run", HUB_TEST_STOP="stored:3")
    died.communicate(timeout=60)
    assert died.returncode == -9
    daemon = office.start("run")
    assert daemon.stderr is not None
    assert daemon.stderr.readline().startswith("Running")
    began = time.monotonic()
    while _clients(office) < 5:
        assert time.monotonic() - began < 30
        time.sleep(0.05)
    daemon.terminate()
    daemon.communicate(timeout=20)
    assert daemon.returncode == 0


def _clients(office: Office) -> int:
    with opened(office.store_url) as store:
        return sizes(store)["client"]
