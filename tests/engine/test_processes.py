"""Worker processes that are killed, frozen or told to stop, and several at once, on both databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.engine import jobs
from hub.engine.jobs import Job, Lease
from hub.engine.runner import Runner, slot
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta
from hub.store.tables import job

CHILD = Path(__file__).with_name("child.py")
ROOT = CHILD.parents[2]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(store: Store) -> Iterator[Start]:
    """Start worker processes; kill what is left of them."""
    children: list[subprocess.Popen[str]] = []

    def begin(mode: str, seconds: float, *more: str) -> subprocess.Popen[str]:
        url = store.url.render_as_string(hide_password=False)
        child = subprocess.Popen(
            [sys.executable, str(CHILD), mode, url, str(seconds), *more], cwd=ROOT, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.communicate()


def tell(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def hear(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until a condition holds and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def add(store: Store, kind: str, name: str = "", **options: Any) -> int:
    with store.write() as connection:
        added = jobs.enqueue(connection, kind, {"name": name}, now=store.now(connection), **options)
    assert added is not None
    return added


def reap(store: Store) -> list[int]:
    with store.write() as connection:
        return jobs.reap(connection, store.now(connection))


def effects(store: Store, name: str) -> int:
    with store.read() as connection:
        return int(get_meta(connection, f"effect/{name}") or 0)


def row(store: Store, job_id: int) -> Any:
    with store.read() as connection:
        return connection.execute(select(job).where(job.c.id == job_id)).one()


def do_it_here(store: Store) -> None:
    def handler(found: Job, lease: Lease) -> None:
        with store.write() as connection:
            jobs.hold(connection, lease, store.now(connection))
            name = f"effect/{found.payload['name']}"
            set_meta(connection, name, str(int(get_meta(connection, name) or 0) + 1))

    Runner(store, {"slow": handler}).drain()


def freeze_five_times(store: Store, child: subprocess.Popen[str]) -> list[str]:
    """Freeze the child beyond its lease in each of five jobs, do them here, and return what the child then did."""
    answers = []
    for number in range(5):
        job_id = add(store, "slow", f"job{number}")
        tell(child)
        assert hear(child) == "claimed"
        child.send_signal(signal.SIGSTOP)
        assert until(lambda: reap(store)) == [job_id]
        do_it_here(store)
        assert row(store, job_id).attempt == 2
        tell(child)
        child.send_signal(signal.SIGCONT)
        answers.append(hear(child))
    return answers


def test_a_frozen_worker_is_refused_when_it_wakes(store: Store, start: Start) -> None:
    """A-02, F-08."""
    assert freeze_five_times(store, start("frozen", 0.3)) == ["refused"] * 5
    assert [effects(store, f"job{number}") for number in range(5)] == [1] * 5


def test_without_the_fence_the_same_freeze_doubles(store: Store, start: Start) -> None:
    """The control of A-02: the test above can fail."""
    freeze_five_times(store, start("unfenced", 0.3))
    assert [effects(store, f"job{number}") for number in range(5)] == [2] * 5


def test_a_killed_worker_is_replaced(store: Store, start: Start) -> None:
    """F-01."""
    job_id = add(store, "slow", "once", lock_key="office")
    child = start("hang", 0.5)
    assert hear(child) == "began"
    child.kill()
    child.wait()
    assert until(lambda: reap(store)) == [job_id]
    do_it_here(store)
    assert (row(store, job_id).state, row(store, job_id).attempt, effects(store, "once")) == ("done", 2, 1)


def test_a_living_worker_keeps_its_lease_however_long_it_takes(store: Store, start: Start) -> None:
    job_id = add(store, "slow")
    child = start("hang", 3)  # seconds, so that a busy machine does not let it run out
    assert hear(child) == "began"
    first = row(store, job_id).lease_until
    until(lambda: row(store, job_id).lease_until > first + timedelta(seconds=1))
    assert reap(store) == []
    assert row(store, job_id).attempt == 1
    child.kill()


def test_a_worker_told_to_stop_gives_its_job_back_within_ten_seconds(store: Store, start: Start) -> None:
    """F-07."""
    job_id = add(store, "slow", "once")
    child = start("hang", 60)
    assert hear(child) == "began"
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    assert hear(child) == "stopped"
    assert child.wait(10) == 0
    assert time.monotonic() - began < 10
    assert (row(store, job_id).state, row(store, job_id).worker) == ("ready", "")
    do_it_here(store)
    assert effects(store, "once") == 1


def test_three_workers_serve_each_slot_once(store: Store, start: Start, tmp_path: Path) -> None:
    """F-09."""
    told = tmp_path / "done"
    children = [start("periodic", 0, str(told)) for _ in range(3)]
    for child in children:
        assert hear(child) == "ready"
    for child in children:
        tell(child)
    until(lambda: len(told.read_text().split()) >= 4, 60)
    for child in children:
        tell(child)
    for child in children:
        assert child.wait(30) == 0
    done = told.read_text().split()
    assert len(done) == len(set(done))
    with store.read() as connection:
        rows = jobs.listed(connection, kind="beat")
    assert sorted(done) == sorted(str(it.id) for it in rows if it.state == "done")
    assert len({it.dedup for it in rows}) == len(rows)
    assert len({slot(it.run_at, timedelta(seconds=1)) for it in rows}) == len(rows) >= 4
