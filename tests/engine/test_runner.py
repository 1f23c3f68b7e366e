"""The runner in one process: isolation of jobs, schedules without backlog, hanging threads, a store that goes away."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from hub.engine import jobs
from hub.engine.jobs import Job, Lease
from hub.engine.runner import Runner, Schedule, Timetable, slot
from hub.model.errors import Unavailable
from hub.store.database import Store
from hub.store.tables import job as job_table

NIGHTLY = Schedule(name="nightly", every=timedelta(hours=1), kind="work", lock_key="nightly")


def add(store: Store, count: int = 1, **options: Any) -> list[int]:
    with store.write() as connection:
        now = store.now(connection)
        added = [jobs.enqueue(connection, "work", {}, now=now, **options) for _ in range(count)]
    return [job_id for job_id in added if job_id is not None]


def states(store: Store) -> list[str]:
    with store.read() as connection:
        return sorted(row.state for row in jobs.listed(connection, limit=10_000))


def until(condition: Callable[[], Any], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def run(store: Store) -> Iterator[Callable[..., Runner]]:
    """Start runners; stop them at the end."""
    runners = []

    def begin(handler: Callable[[Job, Lease], None], **options: Any) -> Runner:
        runner = Runner(store, {"work": handler}, **options)
        runners.append(runner)
        runner.start()
        return runner

    yield begin
    for runner in runners:
        runner.stop(grace=0.2)


def test_a_job_that_breaks_stops_only_itself(store: Store) -> None:
    broken = add(store)[0]
    add(store, 5)
    done = []

    def handler(job: Job, _lease: Lease) -> None:
        if job.id == broken:
            raise ZeroDivisionError
        done.append(job.id)

    runner = Runner(store, {"work": handler})
    runner.drain()
    runner.stop()
    assert (len(done), runner.done, runner.failed) == (5, 5, 1)
    assert states(store) == ["done"] * 5 + ["ready"]


def test_kinds_without_a_handler_are_left_alone(store: Store) -> None:
    add(store)
    Runner(store, {"other": lambda _job, _lease: None}).drain()
    assert states(store) == ["ready"]


def test_a_handler_may_finish_its_job_with_its_last_effect(store: Store) -> None:
    add(store)

    def handler(_job: Job, lease: Lease) -> None:
        with store.write() as connection:
            jobs.finish(connection, lease, store.now(connection))

    runner = Runner(store, {"work": handler})
    runner.drain()
    assert (runner.done, runner.failed, states(store)) == (1, 0, ["done"])


def test_no_more_jobs_run_at_once_than_there_are_workers(store: Store) -> None:
    add(store, 8)
    running: set[int] = set()
    together = []
    all_work = threading.Event()

    def handler(job: Job, _lease: Lease) -> None:
        running.add(job.id)
        if len(running) == 3:
            all_work.set()
        all_work.wait(20)
        time.sleep(0.2)  # in which a fourth would come
        together.append(len(running))
        running.remove(job.id)

    Runner(store, {"work": handler}, workers=3).drain()
    assert (len(together), max(together)) == (8, 3)


def test_what_was_woken_to_stop_is_given_back_and_not_failed(store: Store, run: Callable[..., Runner]) -> None:
    add(store, max_attempts=1)
    began, is_known = threading.Event(), threading.Event()

    def handler(_job: Job, _lease: Lease) -> None:
        began.set()
        is_known.wait(20)  # it may begin before the name of the runner is known here
        runner._stopping.wait(20)  # as a clock that sleeps is woken when the hub stops
        raise Unavailable("the hub is stopping.")

    runner = run(handler)
    is_known.set()
    assert began.wait(20)
    runner.stop(grace=20)
    assert (states(store), runner.failed) == (["ready"], 0)


def test_a_thread_past_its_limit_loses_its_job_and_is_counted(store: Store, run: Callable[..., Runner]) -> None:
    """F-29, F-35."""
    job_id = add(store, max_attempts=9)[0]
    go_on = threading.Event()
    runner = run(lambda _job, _lease: go_on.wait(30), workers=2, lease=timedelta(seconds=0.3), hard_limit=timedelta(0))

    def reaped() -> bool:
        with store.write() as connection:
            return job_id in jobs.reap(connection, store.now(connection))

    until(reaped)
    until(lambda: runner.leaked >= 1)
    assert runner.is_sick
    go_on.set()
    until(lambda: runner.leaked == 0 and states(store) == ["done"])
    assert not runner.is_sick


def test_an_idle_store_is_not_locked_for_writing(
    store: Store, run: Callable[..., Runner], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not store.is_sqlite:
        pytest.skip("only SQLite has one writer")
    claim, answers = jobs.claim, []

    def counted(*given: Any, **named: Any) -> Any:
        answers.append(claim(*given, **named))
        return answers[-1]

    monkeypatch.setattr(jobs, "claim", counted)
    runner = run(lambda _job, _lease: None)
    assert store.path is not None
    other = sqlite3.connect(store.path, timeout=20, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # whoever wants to write now has to wait
    before = len(answers)
    until(lambda: len(answers) >= before + 4, seconds=20)
    other.execute("COMMIT")
    other.close()
    assert set(answers) == {None}
    assert not runner.is_sick


def test_a_store_held_by_another_program_is_waited_for(store: Store, run: Callable[..., Runner]) -> None:
    """F-10, in small."""
    if not store.is_sqlite:
        pytest.skip("only SQLite has one writer")
    assert store.path is not None
    other = sqlite3.connect(store.path, timeout=5, isolation_level=None)
    add(store, 3)
    other.execute("BEGIN IMMEDIATE")
    runner = run(lambda _job, _lease: None)
    time.sleep(1)
    assert states(store) == ["ready"] * 3
    other.execute("COMMIT")
    other.close()
    until(lambda: states(store) == ["done"] * 3)
    assert not runner.is_sick


def test_work_goes_on_after_every_session_was_killed(store: Store, run: Callable[..., Runner]) -> None:
    """F-13, D12."""
    if store.is_sqlite:
        pytest.skip("SQLite has no sessions")
    add(store, 30)
    counts: dict[int, int] = {}

    def handler(job: Job, lease: Lease) -> None:
        time.sleep(0.02)
        with store.write() as connection:
            jobs.finish(connection, lease, store.now(connection))
        counts[job.id] = counts.get(job.id, 0) + 1

    runner = run(handler, lease=timedelta(seconds=2))
    killer = Store(store.url.render_as_string(hide_password=False))
    for _ in range(3):
        time.sleep(0.1)
        with killer.write() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                     "AND pid <> pg_backend_pid()")
            )  # fmt: skip
    killer.close()

    def settled() -> bool:
        with store.write() as connection:
            now = store.now(connection)
            jobs.reap(connection, now)
            connection.execute(update(job_table).where(job_table.c.state == "ready").values(run_at=now))  # no back-off
        return states(store) == ["done"] * 30

    until(settled)
    assert set(counts.values()) == {1}
    assert not runner.is_sick


def test_missed_slots_are_not_caught_up(store: Store) -> None:
    """F-28."""
    table = Timetable(store, [NIGHTLY])
    start = datetime(2026, 5, 12, 2, 30, tzinfo=UTC)
    assert table.enqueue_due(start) == 1
    Runner(store, {"work": lambda _job, _lease: None}).drain()
    assert Timetable(store, [NIGHTLY]).enqueue_due(start + timedelta(minutes=10)) == 0  # another process, same slot
    assert table.enqueue_due(start + timedelta(days=3)) == 1
    assert table.enqueue_due(start + timedelta(days=3, minutes=5)) == 0


def test_a_schedule_never_has_two_jobs_at_a_time(store: Store) -> None:
    start = datetime(2026, 5, 12, 2, 30, tzinfo=UTC)
    table = Timetable(store, [NIGHTLY])
    assert table.enqueue_due(start) == 1
    claimed = jobs.claim(store, "a")
    assert claimed is not None
    late = start + timedelta(hours=5)
    assert table.enqueue_due(late) == 0
    with store.write() as connection:
        jobs.finish(connection, claimed[1], store.now(connection))
    assert table.enqueue_due(late) == 1


def test_each_slot_of_thirty_days_comes_once(store: Store) -> None:
    """F-28, A-11, through the day on which clocks change in Europe."""
    if not store.is_sqlite:
        pytest.skip("nothing here depends on the database")
    every = timedelta(hours=6)
    tables = [Timetable(store, [Schedule(name="x", every=every, kind="work")]) for _ in range(2)]
    moment = datetime(2026, 3, 15, tzinfo=UTC)
    added = 0
    for _ in range(30 * 24):
        for table in tables:
            added += table.enqueue_due(moment)
        if claimed := jobs.claim(store, "a", kinds=["work"]):
            with store.write() as connection:
                jobs.finish(connection, claimed[1], moment)
        moment += timedelta(hours=1)
    assert added == 30 * 4
    with store.read() as connection:
        rows = jobs.listed(connection, limit=1000)
    assert len({row.dedup for row in rows}) == 120


def test_a_clock_that_jumps_serves_no_slot_twice(store: Store) -> None:
    """F-28: back an hour, on a day, over 29 February and the end of a year, in one process and a new one."""
    noon = datetime(2026, 5, 12, 12, 0, tzinfo=UTC)
    jumps = [0, -1, 0, 24, 0, -1, 24, 25, 24]
    moments = [noon + timedelta(hours=it) for it in jumps]
    moments += [datetime(2028, 2, 29, 23, 30, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)]
    moments += [datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
    one, seen = Timetable(store, [NIGHTLY]), set()
    for moment in moments:
        for table in (one, Timetable(store, [NIGHTLY])):
            assert table.enqueue_due(moment) == (slot(moment, NIGHTLY.every) not in seen)
            seen.add(slot(moment, NIGHTLY.every))
            with store.write() as connection:  # whoever does it, does it at once
                connection.execute(update(job_table).values(state="done"))
    with store.read() as connection:
        assert len({row.dedup for row in jobs.listed(connection)}) == len(seen)


def test_a_clock_that_is_put_back_by_a_day_holds_no_job_up(store: Store) -> None:
    """F-28: a job that was put off until tomorrow by the wrong clock is due; a wait that somebody asked for stays."""
    add(store, 2)
    with store.write() as connection:
        now = store.now(connection)
        first, second = [row.id for row in jobs.listed(connection)]
        for job_id, wait in ((first, timedelta(days=1)), (second, jobs.LONGEST_WAIT)):
            connection.execute(update(job_table).where(job_table.c.id == job_id).values(run_at=now + wait))
    assert jobs.claim(store, "a") is None
    with store.write() as connection:
        jobs.reap(connection, store.now(connection))
    claimed = [jobs.claim(store, "a"), jobs.claim(store, "a")]
    assert [it and it[0].id for it in claimed] == [first, None]


def test_every_machine_counts_slots_alike() -> None:
    moment = datetime(2026, 5, 12, 9, 47, 13, tzinfo=UTC)
    assert slot(moment, timedelta(minutes=10)) == datetime(2026, 5, 12, 9, 40, tzinfo=UTC)
    assert slot(moment.astimezone(), timedelta(minutes=10)) == datetime(2026, 5, 12, 9, 40, tzinfo=UTC)
