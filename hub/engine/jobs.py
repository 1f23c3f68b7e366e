"""The job table: what is to be done, who does it now, and the fence that refuses whoever lost the right to.

A job is claimed with a lease. The number of its attempt is the fencing token: every transaction with an effect begins
with `hold`, which fails once the lease was given to somebody else. So a worker that was killed or frozen can neither
lose nor double anything.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    and_,
    case,
    delete,
    exists,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from hub import processes
from hub.model.errors import AuthError, HubError, SettingsError, Unavailable
from hub.redaction import redact
from hub.store.bulk import mergeable
from hub.store.database import Store
from hub.store.problems import close_problem, open_problem
from hub.store.tables import job

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8
BACK_OFF = timedelta(seconds=300)
LONGEST_WAIT = timedelta(hours=1)
"""A longer `retry_after` than this is not believed."""
WORRY = 5
"""From so many failed tries on people are told, although the hub goes on trying."""
_COLLISIONS = 20
_VANISHED = "the process that did it stopped without a word"


class LeaseLost(HubError):
    """The job was given to another worker meanwhile; whatever was about to be stored must not be."""


class Job(Struct, frozen=True, kw_only=True):
    """A claimed job."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    attempt: int
    max_attempts: int
    lock_key: str = ""


class Lease(Struct, frozen=True):
    """The right to do a job until it runs out; `attempt` is the fencing token."""

    job_id: int
    attempt: int
    worker: str
    seconds: float


def worker_name() -> str:
    """Return the name of this process: machine, process id and a mark that no later process has."""
    return processes.THIS


def enqueue(
    connection: Connection,
    kind: str,
    payload: Mapping[str, Any],
    *,
    now: datetime,
    run_at: datetime | None = None,
    lock_key: str = "",
    dedup: str | None = None,
    priority: int = 0,
    max_attempts: int = MAX_ATTEMPTS,
) -> int | None:
    """Add a job in the caller's transaction; return its id, or `None` when there is one with this `dedup` already."""
    statement = mergeable(connection, job).values(
        kind=kind, payload=msgspec.json.encode(payload).decode(), state="ready", priority=priority,
        run_at=run_at or now, lock_key=lock_key, dedup=dedup, attempt=0, max_attempts=max_attempts, worker="", error="",
        created_at=now,
    )  # fmt: skip
    added = connection.execute(statement.on_conflict_do_nothing(index_elements=["dedup"]).returning(job.c.id)).scalar()
    return None if added is None else int(added)


def claim(
    store: Store, worker: str, *, kinds: Collection[str] | None = None, lease: timedelta = LEASE
) -> tuple[Job, Lease] | None:
    """Take the most urgent job that is due and whose lock key is free; `None` when there is none."""
    for _ in range(_COLLISIONS):
        with store.read() as connection:  # so that a store with nothing to do is not locked for writing
            if connection.execute(_due(kinds, store.now(connection))).first() is None:
                return None
        with suppress(IntegrityError), store.write() as connection:  # another worker took a job of the same key: again
            now = store.now(connection)
            row = connection.execute(
                update(job)
                .where(job.c.id == _due(kinds, now).scalar_subquery())
                .values(state="running", attempt=job.c.attempt + 1, worker=worker, lease_until=now + lease)
                .returning(job)
            ).one_or_none()
            return None if row is None else (_job(row), Lease(row.id, row.attempt, worker, lease.total_seconds()))
    return None


def _due(kinds: Collection[str] | None, now: datetime) -> Select[int]:
    candidate, busy = job.alias("candidate"), job.alias("busy")
    is_locked = exists().where(busy.c.state == "running", busy.c.lock_key == candidate.c.lock_key)
    query = select(candidate.c.id).where(
        candidate.c.state == "ready", candidate.c.run_at <= now, or_(candidate.c.lock_key == "", ~is_locked)
    )
    if kinds is not None:
        query = query.where(candidate.c.kind.in_(sorted(kinds)))
    order = candidate.c.priority.desc(), candidate.c.run_at, candidate.c.id
    return query.order_by(*order).limit(1).with_for_update(skip_locked=True, of=candidate)


def take(
    store: Store, kind: str, payload: Mapping[str, Any], lock_key: str, worker: str, lease: timedelta = LEASE
) -> Lease:
    """Make a job and take it at once, for a person who waits. Raises Unavailable when somebody else is at it.

    Such a job is nobody else's: if it fails or its process dies it is cancelled and not repeated.
    """
    with store.write() as connection:
        reap(connection, store.now(connection))
    try:
        with store.write() as connection:
            now = store.now(connection)
            done = connection.execute(
                job.insert().values(
                    kind=kind, payload=msgspec.json.encode(payload).decode(), state="running", priority=0, run_at=now,
                    lock_key=lock_key, attempt=1, max_attempts=0, worker=worker, lease_until=now + lease, error="",
                    created_at=now,
                )
            )  # fmt: skip
    except IntegrityError as error:
        raise _held_by_another(store, lock_key) from error
    key = done.inserted_primary_key
    assert key is not None
    return Lease(int(key[0]), 1, worker, lease.total_seconds())


def _held_by_another(store: Store, lock_key: str) -> Unavailable:
    """Return the error that says who is at it, since when, and how long at most if it was stopped."""
    name = lock_key.partition("/")[2] or lock_key
    with store.read() as connection:
        row = connection.execute(select(job).where(job.c.lock_key == lock_key, job.c.state == "running")).first()
    if row is None:
        return Unavailable(f"{name} was being synchronised by another process until now.", hint="Try again.")
    who = f"{processes.shown(row.worker)}, since {row.run_at:%Y-%m-%d %H:%M:%S} UTC"
    until = f" If it was stopped, {name} is free at {row.lease_until:%H:%M:%S} UTC." if row.lease_until else ""
    return Unavailable(
        f"{name} is being synchronised by another process ({who}).", hint=f"Wait for it, or see: hub job list.{until}"
    )


def hold(connection: Connection, lease: Lease, now: datetime) -> None:
    """Fence a transaction: prolong the lease, or raise LeaseLost. To be the first statement of every effect."""
    _fenced(connection, lease, update(job).values(lease_until=now + timedelta(seconds=lease.seconds)))


def is_held(connection: Connection, lease: Lease) -> bool:
    """Tell whether the lease is still in force."""
    return connection.execute(select(job.c.id).where(_fence(lease))).first() is not None


def finish(connection: Connection, lease: Lease, now: datetime) -> None:
    """Complete the job in the caller's transaction and close the problem it had. Raises LeaseLost."""
    row = _fenced(connection, lease, update(job).values(state="done", error="", lease_until=None, finished_at=now))
    close_problem(connection, _problem_key(row), now)


def release(
    connection: Connection, lease: Lease, now: datetime, error: str = "", *, run_at: datetime | None = None
) -> None:
    """Give the job back unharmed: this attempt does not count. A job taken by a person ends. Raises LeaseLost."""
    is_own = job.c.max_attempts == 0
    values = {
        "state": case((is_own, "cancelled"), else_="ready"), "finished_at": case((is_own, _at(now)), else_=None),
        "max_attempts": case((is_own, 0), else_=job.c.max_attempts + 1),  # the attempt itself only ever rises
        "run_at": run_at or now, "lease_until": None, "worker": "", "error": redact(error)[:500],
    }  # fmt: skip
    _fenced(connection, lease, update(job).values(values))


def fail(
    connection: Connection, lease: Lease, now: datetime, error: Exception, retry_after: timedelta | None = None
) -> str:
    """Note that an attempt failed; return the job's new state. Raises LeaseLost.

    Refused credentials and wrong settings end the job at once; everything else is tried again after a back-off that
    doubles, and not before the other side wishes, until the attempts are spent.
    """
    row = connection.execute(select(job).where(_fence(lease))).one_or_none()
    if row is None:
        raise _lost(lease)
    if isinstance(error, Unavailable):
        retry_after = retry_after or error.retry_after
    wait = max(back_off(row.attempt), min(retry_after or timedelta(0), LONGEST_WAIT))
    is_final = isinstance(error, AuthError | SettingsError) or row.attempt >= row.max_attempts
    state = "cancelled" if row.max_attempts == 0 else "dead" if is_final else "ready"
    text = redact(_words(error))[:500]
    values = {"state": state, "error": text, "worker": "", "lease_until": None, "run_at": now + wait}
    _fenced(connection, lease, update(job).values(**values, finished_at=None if state == "ready" else now))
    if state == "dead" or (state == "ready" and row.attempt >= WORRY):
        _complain(connection, row, _words(error, with_hint=False), getattr(error, "hint", ""), now)
    return state


def back_off(attempt: int) -> timedelta:
    """Return how long to wait after so many attempts: doubling up to five minutes, give or take a fifth."""
    seconds = min(2.0 ** min(attempt, 30), BACK_OFF.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 spreads load, keeps no secret


def reap(connection: Connection, now: datetime) -> list[int]:
    """Give jobs whose lease ran out to others; those whose attempts are spent are dead. Return their ids.

    A job that is due later than any wait can be was put off by a clock that has been put back: it is due now.
    """
    far = and_(job.c.state == "ready", job.c.run_at > now + 2 * LONGEST_WAIT)
    connection.execute(update(job).where(far).values(run_at=now))
    return _reap(connection, now, and_(job.c.state == "running", job.c.lease_until < now))


def reap_killed(connection: Connection, now: datetime) -> list[int]:
    """Give jobs of processes of this machine that are gone to others, before their leases run out."""
    query = select(job.c.worker).where(job.c.state == "running").distinct()
    one_machine = connection.dialect.name == "sqlite"
    gone = [it for it in connection.execute(query).scalars() if processes.is_gone(it, one_machine=one_machine)]
    return _reap(connection, now, and_(job.c.state == "running", job.c.worker.in_(gone))) if gone else []


def _reap(connection: Connection, now: datetime, which: ColumnElement[bool]) -> list[int]:
    is_own, is_spent = job.c.max_attempts == 0, job.c.attempt >= job.c.max_attempts
    values = {
        "state": case((is_own, "cancelled"), (is_spent, "dead"), else_="ready"),
        "finished_at": case((is_spent, _at(now)), else_=None),
        "run_at": now, "lease_until": None, "worker": "", "error": _VANISHED,
    }  # fmt: skip
    rows = connection.execute(update(job).where(which).values(values).returning(job)).all()
    for row in rows:
        if row.state == "dead":
            _complain(connection, row, _VANISHED, "See the log of that process.", now)
    return [row.id for row in rows]


def _at(moment: datetime) -> ColumnElement[datetime]:
    return literal(moment, job.c.finished_at.type)


def retry(connection: Connection, job_id: int, now: datetime, *, tries: int = MAX_ATTEMPTS) -> bool:
    """Make a job that ended ready again, or one that waits due now; tell whether there was such a job."""
    limit = case((job.c.state == "ready", job.c.max_attempts), else_=job.c.attempt + tries)
    values = {"state": "ready", "run_at": now, "finished_at": None, "max_attempts": limit}
    return _change(connection, job_id, ("dead", "cancelled", "done", "ready"), values)


def cancel(connection: Connection, job_id: int, now: datetime) -> bool:
    """Drop a job that waits or is dead; tell whether it was dropped. A running one is left to its worker."""
    return _change(connection, job_id, ("ready", "dead"), {"state": "cancelled", "finished_at": now})


def prune(connection: Connection, before: datetime) -> None:
    """Forget jobs that ended before that instant."""
    ended = job.c.state.in_(("done", "cancelled", "dead")), job.c.run_at < before, job.c.finished_at < before
    connection.execute(delete(job).where(*ended))


def by_dedup(connection: Connection, dedup: str) -> Row[Any] | None:
    """Return the job with this key."""
    return connection.execute(select(job).where(job.c.dedup == dedup)).one_or_none()


def unfinished(connection: Connection) -> set[tuple[str, str]]:
    """Return kind and lock key of every job that waits or runs."""
    query = select(job.c.kind, job.c.lock_key).where(job.c.state.in_(("ready", "running"))).distinct()
    return {(row.kind, row.lock_key) for row in connection.execute(query)}


def is_waiting(connection: Connection, lock_key: str) -> bool:
    """Tell whether a job with that lock key waits, for its turn or for its next try."""
    query = select(job.c.id).where(job.c.lock_key == lock_key, job.c.state == "ready").limit(1)
    return connection.execute(query).first() is not None


def last_end(connection: Connection, kind: str, lock_key: str) -> str:
    """Return how the newest of those jobs ended which have ended, or an empty text."""
    ended = job.c.kind == kind, job.c.lock_key == lock_key, job.c.state.in_(("done", "dead", "cancelled"))
    state = connection.execute(select(job.c.state).where(*ended).order_by(job.c.id.desc()).limit(1)).scalar()
    return state or ""


def listed(connection: Connection, *, state: str = "", kind: str = "", limit: int = 100) -> list[Row[Any]]:
    """Return jobs: running first, then what waits and what is dead, then the newest that ended."""
    order = case((job.c.state == "running", 0), (job.c.state == "ready", 1), (job.c.state == "dead", 2), else_=3)
    query = select(job).order_by(order, job.c.run_at.desc(), job.c.id.desc()).limit(limit)
    if state:
        query = query.where(job.c.state == state)
    if kind:
        query = query.where(job.c.kind == kind)
    return list(connection.execute(query))


def _change(connection: Connection, job_id: int, states: tuple[str, ...], values: Mapping[str, Any]) -> bool:
    done = connection.execute(update(job).where(job.c.id == job_id, job.c.state.in_(states)).values(values))
    return done.rowcount == 1


def _fence(lease: Lease) -> ColumnElement[bool]:
    return and_(
        job.c.id == lease.job_id, job.c.attempt == lease.attempt, job.c.state == "running", job.c.worker == lease.worker
    )


def _fenced(connection: Connection, lease: Lease, statement: Update) -> Row[Any]:
    row = connection.execute(statement.where(_fence(lease)).returning(job)).one_or_none()
    if row is None:
        raise _lost(lease)
    return row


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"job {lease.job_id} was taken over by another worker after attempt {lease.attempt}.",
        hint="What it was about to store was not stored. Run it again if it is still wanted.",
    )


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id, kind=row.kind, payload=msgspec.json.decode(row.payload), attempt=row.attempt,
        max_attempts=row.max_attempts, lock_key=row.lock_key,
    )  # fmt: skip


def _problem_key(row: Row[Any]) -> str:
    """Return under which key the troubles of a job are one problem: its connection, its dedup name, or its kind."""
    name = msgspec.json.decode(row.payload).get("connection")
    if name:
        return f"connection/{name}"
    return row.dedup.partition("@")[0] if row.dedup else f"job/{row.kind}/{row.lock_key}"


def _complain(connection: Connection, row: Row[Any], words: str, hint: str, now: datetime) -> None:
    name = msgspec.json.decode(row.payload).get("connection") or row.lock_key or row.kind
    given_up = f" (given up after {row.attempt} tries)" if row.attempt >= row.max_attempts else ""
    open_problem(connection, _problem_key(row), scope=name, title=f"{name}: {words}{given_up}", hint=hint, now=now)


def _words(error: Exception, *, with_hint: bool = True) -> str:
    if isinstance(error, HubError):
        return str(error) if with_hint else Exception.__str__(error)
    return f"unexpected {type(error).__name__}: {error}"
