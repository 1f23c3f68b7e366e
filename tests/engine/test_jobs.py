"""The job table on both databases: claim, fence, back-off, reaping, dedup."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.engine import jobs
from hub.engine.jobs import Lease, LeaseLost
from hub.model.errors import AuthError, SettingsError, Unavailable
from hub.store.database import Store
from hub.store.problems import open_problems
from hub.store.tables import job


def add(store: Store, kind: str = "sync", **options: Any) -> int:
    with store.write() as connection:
        now = options.pop("now", None) or store.now(connection)
        added = jobs.enqueue(connection, kind, options.pop("payload", {}), now=now, **options)
    assert added is not None
    return added


def state(store: Store, job_id: int) -> Any:
    with store.read() as connection:
        return connection.execute(select(job).where(job.c.id == job_id)).one()


def do(store: Store, action: Any, *arguments: Any, **options: Any) -> Any:
    """Call a function of `jobs` in a transaction of its own, at the store's time."""
    with store.write() as connection:
        return action(connection, *arguments, store.now(connection), **options)


def expire(store: Store, job_id: int) -> None:
    with store.write() as connection:
        past = store.now(connection) - timedelta(seconds=1)
        connection.execute(update(job).where(job.c.id == job_id).values(lease_until=past))


def claim(store: Store, worker: str = "a") -> Lease:
    claimed = jobs.claim(store, worker)
    assert claimed is not None
    return claimed[1]


def test_claims_the_most_urgent_due_job_with_its_payload(store: Store) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    add(store, payload={"connection": "office"})
    add(store, "late", run_at=later, priority=9)
    urgent = add(store, "mail", payload={"command": "x", "число": 1}, priority=5)
    claimed = jobs.claim(store, "a")
    assert claimed is not None
    assert (claimed[0].id, claimed[0].kind, claimed[0].payload) == (urgent, "mail", {"command": "x", "число": 1})
    assert jobs.claim(store, "a", kinds=["late"]) is None
    second = jobs.claim(store, "a", kinds=["sync"])
    assert second is not None
    assert second[0].payload == {"connection": "office"}
    assert jobs.claim(store, "a") is None


def test_a_lock_key_runs_once_at_a_time(store: Store) -> None:
    add(store, lock_key="office")
    second = add(store, lock_key="office")
    other = add(store, lock_key="warehouse")
    lease = claim(store)
    assert claim(store).job_id == other
    assert jobs.claim(store, "b") is None
    do(store, jobs.finish, lease)
    assert claim(store).job_id == second


def test_many_workers_share_jobs_without_overlap_or_loss(store: Store) -> None:
    for number in range(24):
        add(store, lock_key=f"key{number % 3}")
    running: dict[str, int] = {}
    overlaps, done = [], []
    guard = threading.Lock()

    def work(name: str) -> None:
        while (claimed := jobs.claim(store, name)) or len(done) < 24:
            if claimed is None:
                continue
            found, lease = claimed
            with guard:
                running[found.lock_key] = running.get(found.lock_key, 0) + 1
                if running[found.lock_key] > 1:
                    overlaps.append(found.id)
            with guard:
                running[found.lock_key] -= 1
            do(store, jobs.finish, lease)
            done.append(found.id)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == sorted(set(done))
    assert (len(done), overlaps) == (24, [])


def test_dedup_keeps_one_job_even_after_it_ended(store: Store) -> None:
    add(store, dedup="sync/office@1")
    do(store, jobs.finish, claim(store))
    with store.write() as connection:
        assert jobs.enqueue(connection, "sync", {}, now=store.now(connection), dedup="sync/office@1") is None
        assert jobs.enqueue(connection, "sync", {}, now=store.now(connection), dedup="sync/office@2") is not None


def test_a_job_is_added_with_the_transaction_that_wanted_it_or_not_at_all(store: Store) -> None:
    with suppress(RuntimeError), store.write() as connection:
        assert jobs.enqueue(connection, "sync", {}, now=store.now(connection)) is not None
        raise RuntimeError
    assert jobs.claim(store, "a") is None


@pytest.mark.parametrize("act", [jobs.hold, jobs.finish, jobs.release])
def test_whoever_lost_the_lease_can_store_nothing(store: Store, act: Any) -> None:
    job_id = add(store)
    stale = claim(store, "frozen")
    expire(store, job_id)
    assert do(store, jobs.reap) == [job_id]
    with pytest.raises(LeaseLost):
        do(store, act, stale)
    fresh = claim(store, "other")
    assert fresh.attempt == stale.attempt + 1
    with pytest.raises(LeaseLost):
        do(store, act, stale)
    with pytest.raises(LeaseLost), store.write() as connection:
        jobs.fail(connection, stale, store.now(connection), ValueError("late"))
    do(store, act, fresh)  # the control: the right one may


def test_holding_prolongs_the_lease_so_that_nobody_reaps_it(store: Store) -> None:
    job_id = add(store)
    lease = claim(store)
    expire(store, job_id)
    do(store, jobs.hold, lease)
    assert do(store, jobs.reap) == []
    assert state(store, job_id).state == "running"


def test_a_given_back_job_costs_no_attempt_and_never_reuses_its_token(store: Store) -> None:
    job_id = add(store, max_attempts=2)
    first = claim(store)
    do(store, jobs.release, first)
    second = claim(store)
    assert second.attempt == 2
    with pytest.raises(LeaseLost):
        do(store, jobs.finish, first)
    assert do(store, jobs.fail, second, error=ValueError("x")) == "ready"
    do(store, jobs.retry, job_id)
    assert do(store, jobs.fail, claim(store), error=ValueError("x")) == "dead"


def test_back_off_doubles_up_to_five_minutes_and_varies() -> None:
    seconds = [[jobs.back_off(attempt).total_seconds() for _ in range(50)] for attempt in range(1, 40)]
    for attempt, waits in enumerate(seconds, start=1):
        middle = min(2.0**attempt, 300)
        assert all(middle * 0.8 <= wait <= middle * 1.2 for wait in waits)
        assert len(set(waits)) > 10


def test_a_failed_job_waits_and_not_less_than_the_other_side_asks(store: Store) -> None:
    slow, endless, quick = add(store), add(store), add(store)
    errors = {
        quick: ValueError("x"),
        slow: Unavailable("busy", retry_after=timedelta(minutes=10)),
        endless: Unavailable("busy", retry_after=timedelta(days=400)),
    }
    for job_id, (least, most) in {slow: (600, 600), endless: (3600, 3600), quick: (1.6, 2.4)}.items():
        lease = claim(store)
        assert lease.job_id == job_id
        with store.write() as connection:
            now = store.now(connection)
            assert jobs.fail(connection, lease, now, errors[job_id]) == "ready"
        assert least <= round((state(store, job_id).run_at - now).total_seconds(), 3) <= most


def test_spent_attempts_end_in_one_problem_that_success_closes(store: Store) -> None:
    job_id = add(store, payload={"connection": "office"}, max_attempts=6)
    seen = []
    for _ in range(6):
        lease = claim(store)
        seen.append(do(store, jobs.fail, lease, error=Unavailable("office cannot be reached.")))
        if seen[-1] == "ready":
            do(store, jobs.retry, job_id)
    assert seen == ["ready"] * 5 + ["dead"]
    with store.read() as connection:
        found = open_problems(connection)
    assert [(row.key, row.scope, row.count) for row in found] == [("connection/office", "office", 2)]
    assert "given up after 6 tries" in found[0].title
    assert do(store, jobs.retry, job_id)
    do(store, jobs.finish, claim(store))
    with store.read() as connection:
        assert open_problems(connection) == []


@pytest.mark.parametrize(
    "error", [AuthError("the password was refused."), SettingsError("url is missing.", field="url")]
)
def test_what_only_a_person_can_mend_is_not_tried_again(store: Store, error: Exception) -> None:
    job_id = add(store, payload={"connection": "office"})
    assert do(store, jobs.fail, claim(store), error=error) == "dead"
    assert jobs.claim(store, "a") is None
    assert state(store, job_id).attempt == 1
    with store.read() as connection:
        assert [row.key for row in open_problems(connection)] == ["connection/office"]


def test_a_worker_that_vanishes_each_time_makes_the_job_dead(store: Store) -> None:
    job_id = add(store, max_attempts=2)
    for fate in ("ready", "dead"):
        claim(store)
        expire(store, job_id)
        do(store, jobs.reap)
        assert state(store, job_id).state == fate
    assert state(store, job_id).finished_at is not None
    with store.read() as connection:
        assert len(open_problems(connection)) == 1


def test_a_person_takes_a_free_connection_and_is_told_when_it_is_not(store: Store) -> None:
    lease = jobs.take(store, "sync", {"connection": "office"}, "sync/office", "a")
    with pytest.raises(Unavailable, match="office is being synchronised by another process"):
        jobs.take(store, "sync", {"connection": "office"}, "sync/office", "b")
    jobs.take(store, "sync", {"connection": "shop"}, "sync/shop", "b")
    expire(store, lease.job_id)
    fresh = jobs.take(store, "sync", {"connection": "office"}, "sync/office", "b")
    assert state(store, lease.job_id).state == "cancelled"
    assert do(store, jobs.fail, fresh, error=Unavailable("down")) == "cancelled"
    assert jobs.claim(store, "a") is None
    with store.read() as connection:
        assert open_problems(connection) == []


TELL_NAME = "from hub.engine.jobs import worker_name; print(worker_name(), flush=True); input()"


def test_jobs_of_a_killed_process_are_free_at_once(store: Store) -> None:
    """On PostgreSQL too: nobody waits for the lease of a process of this machine that is not there any more."""
    child = subprocess.Popen(
        [sys.executable, "-c", TELL_NAME], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    host, pid, mark = name.split(":")
    boot, container, born = mark.split("-")
    mine, dead = add(store), add(store)
    claim(store, jobs.worker_name())
    claim(store, name)
    elsewhere, contained, older = add(store), add(store), add(store)
    claim(store, f"another-machine:{pid}:{mark}")
    claim(store, f"{host}:999999:{boot}-1{container}-{born}")
    claim(store, f"{host}:{os.getpid()}")
    reused = add(store)
    claim(store, f"{host}:{pid}:{boot}-{container}-{int(born) - 1}")
    assert do(store, jobs.reap_killed) == [reused]
    child.kill()
    until_zombie(child.pid)
    assert do(store, jobs.reap_killed) == [dead], "even while nobody has taken note of its end"
    child.communicate()
    assert do(store, jobs.reap_killed) == []
    assert {state(store, it).state for it in (mine, elsewhere, contained, older)} == {"running"}


def until_zombie(pid: int) -> None:
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        os.sched_yield()


def test_jobs_from_before_a_restart_of_the_machine_are_free(store: Store) -> None:
    """Where several machines share a store, one with the same host name may live on: there the lease decides."""
    host, pid, mark = jobs.worker_name().split(":")
    before = add(store)
    claim(store, f"{host}:{pid}:00000000-{mark.partition('-')[2]}")
    assert do(store, jobs.reap_killed) == ([before] if store.is_sqlite else [])


def test_who_waits_is_told_who_works_and_since_when(store: Store) -> None:
    began = datetime.now(UTC)
    lease = jobs.take(store, "sync", {"connection": "office"}, "sync/office", jobs.worker_name())
    ended = datetime.now(UTC)
    with pytest.raises(Unavailable) as caught:
        jobs.take(store, "sync", {"connection": "office"}, "sync/office", "b")
    told = re.search(r"\(process (\d+) on (\S+), since (.+) UTC\)", str(caught.value))
    assert told is not None, str(caught.value)
    assert (int(told[1]), told[2]) == (os.getpid(), socket.gethostname())
    assert began.replace(microsecond=0) <= datetime.fromisoformat(told[3]).replace(tzinfo=UTC) <= ended
    assert f"{state(store, lease.job_id).lease_until:%H:%M:%S}" in caught.value.hint


def test_cancel_leaves_a_running_job_to_its_worker(store: Store) -> None:
    waiting = add(store)
    lease = claim(store)
    assert not do(store, jobs.cancel, waiting)
    do(store, jobs.release, lease)
    assert do(store, jobs.cancel, waiting)
    assert jobs.claim(store, "a") is None


def test_old_jobs_are_forgotten_and_live_ones_kept(store: Store) -> None:
    old, live = add(store, now=datetime(2026, 1, 1, tzinfo=UTC)), add(store)
    do(store, jobs.finish, claim(store))
    with store.write() as connection:
        connection.execute(update(job).where(job.c.id == old).values(finished_at=datetime(2026, 1, 1, tzinfo=UTC)))
        jobs.prune(connection, datetime(2026, 6, 1, tzinfo=UTC))
    with store.read() as connection:
        assert [row.id for row in jobs.listed(connection)] == [live]


def test_words_of_a_failure_hold_no_secret(store: Store) -> None:
    from hub.redaction import remember

    remember("correct horse battery")
    job_id = add(store)
    do(store, jobs.fail, claim(store), error=ValueError("login correct horse battery\x1b[2J failed"))
    assert state(store, job_id).error == "unexpected ValueError: login •••␛[2J failed"
