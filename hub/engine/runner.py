"""Carry out jobs: a dispatcher claims them, a thread does each, a beat keeps their leases while they may run.

A thread cannot be killed. One that runs past its hard limit is no longer beaten for: its lease ends, another worker
takes the job, and the fence makes its late commit fail. It is counted as leaked; with too many the process is sick.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from hub.engine import jobs
from hub.engine.jobs import LEASE, Job, Lease, LeaseLost
from hub.model.errors import HubError, Rejected, Unavailable
from hub.store.database import Store

Handler: TypeAlias = Callable[[Job, Lease], None]

log = logging.getLogger("hub.engine")

POLL_SECONDS = 0.5
GRACE_SECONDS = 7.0
"""How long running jobs may take to end when the process is told to stop."""
CLAIM_SECONDS = 2.0
"""How long the taking of a job may last that had begun by then."""
TROUBLE = (HubError, SQLAlchemyError)
HARD_LIMIT = timedelta(minutes=30)
"""So long a job is kept alive for it; after that only its own progress does."""


class Schedule(Struct, frozen=True, kw_only=True):
    """A job that comes again: once in each slot of `every`, never two at a time, none for slots that were missed."""

    name: str
    every: timedelta
    kind: str
    payload: Mapping[str, Any] = {}
    lock_key: str = ""


class Timetable:
    """Adds the jobs of schedules to the store. Any number of workers may do so: each slot gets one job in all."""

    def __init__(self, store: Store, schedules: Iterable[Schedule]) -> None:
        self.store = store
        self.schedules = tuple(schedules)
        self._served: dict[str, datetime] = {}

    def enqueue_due(self, now: datetime) -> int:
        """Add a job for each schedule whose present slot has none and whose last job has ended; return how many."""
        open_slots = [it for it in self.schedules if self._served.get(it.name) != slot(now, it.every)]
        if not open_slots:
            return 0
        with self.store.read() as connection:
            unfinished = jobs.unfinished(connection)
        free = [it for it in open_slots if (it.kind, it.lock_key) not in unfinished]
        if not free:
            return 0
        added = 0
        with self.store.write() as connection:
            for it in free:
                dedup = f"{it.name}@{slot(now, it.every):%Y-%m-%dT%H:%M:%S}"
                job_id = jobs.enqueue(connection, it.kind, it.payload, now=now, lock_key=it.lock_key, dedup=dedup)
                added += job_id is not None
        self._served.update({it.name: slot(now, it.every) for it in free})
        return added


def slot(now: datetime, every: timedelta) -> datetime:
    """Return when the present slot began; slots are counted from the epoch, so every machine agrees."""
    seconds = max(int(every.total_seconds()), 1)
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)


class _Running(Struct, eq=False):
    job: Job
    lease: Lease
    started: float
    is_lost: bool = False


class Runner:
    """Threads that do jobs of the kinds there are handlers for. `tick` is called between claims, for schedules."""

    def __init__(
        self,
        store: Store,
        handlers: Mapping[str, Handler],
        *,
        workers: int = 4,
        lease: timedelta = LEASE,
        hard_limit: timedelta = HARD_LIMIT,
        tick: Callable[[], None] | None = None,
        name: str = "",
    ) -> None:
        self.store = store
        self.handlers = handlers
        self.workers = workers
        self.lease = lease
        self.hard_limit = hard_limit
        self.tick = tick
        self.name = name or jobs.worker_name()
        self.done = self.failed = self.leaked = 0
        self._running: list[_Running] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def is_sick(self) -> bool:
        """Tell whether so many threads hang, or one of its own ended, that the process should be started anew."""
        return self.leaked * 2 >= self.workers or not all(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Begin to work in the background."""
        for work in (self._dispatch, self._beat):
            thread = threading.Thread(target=work, name=f"hub{work.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def drain(self, until: Callable[[], bool] = lambda: False) -> None:
        """Do what is due; return when nothing is due any more, or early when `until` says so."""
        beat = threading.Thread(target=self._beat, daemon=True)
        beat.start()
        self._threads.append(beat)
        while not until():
            if self._claim_one():
                continue
            if not self._busy() and not self._claim_one():
                break
            self._wait()

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Take nothing new, let running jobs end for so many seconds, then give the rest back; all within ten."""
        self._stopping.set()
        self._wake.set()
        begun = time.monotonic()
        for thread in self._threads:  # who claims a job at this moment is waited for, so that the job is seen
            thread.join(max(begun + CLAIM_SECONDS - time.monotonic(), 0))
        end = begun + grace
        while self._busy() and time.monotonic() < end:
            time.sleep(0.02)
        last = threading.Thread(target=self._release_all, daemon=True)  # the store may be locked: then leases run out
        last.start()
        last.join(2)

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            try:
                if self.tick:
                    self.tick()
                if self._claim_one():
                    continue
            except TROUBLE as error:
                log.warning("the store cannot be used now: %s", error)
            self._wait()

    def _wait(self) -> None:
        self._wake.wait(POLL_SECONDS)
        self._wake.clear()

    def _busy(self) -> int:
        with self._lock:
            return len(self._running)

    def _claim_one(self) -> bool:
        if self._busy() >= self.workers:
            return False
        claimed = jobs.claim(self.store, self.name, kinds=self.handlers, lease=self.lease)
        if claimed is None:
            return False
        entry = _Running(*claimed, time.monotonic())
        with self._lock:
            self._running.append(entry)
        threading.Thread(target=self._work, args=(entry,), name=f"hub-job-{entry.job.id}", daemon=True).start()
        return True

    def _work(self, entry: _Running) -> None:
        job, lease = entry.job, entry.lease
        try:
            self.handlers[job.kind](job, lease)
            self._conclude(lease)
        except LeaseLost:
            log.warning("job %s (%s) was taken over; what it still did was not stored", job.id, job.kind)
        except Exception as error:  # noqa: BLE001 a job may do anything; it stops only itself
            self._note_failure(job, lease, error)
        finally:
            with self._lock:
                if entry in self._running:
                    self._running.remove(entry)
                else:
                    self.leaked -= 1
            self._wake.set()

    def _conclude(self, lease: Lease) -> None:
        with self.store.write() as connection:
            if jobs.is_held(connection, lease):  # else the handler finished it with its last effect
                jobs.finish(connection, lease, self.store.now(connection))
        self.done += 1

    def _note_failure(self, job: Job, lease: Lease, error: Exception) -> None:
        reason = f"unexpected {type(error).__name__}"
        if isinstance(error, HubError):  # the words of the other side may name people; `hub status` shows them
            reason = "the other system refused" if isinstance(error, Rejected) else str(error)
        try:
            with self.store.write() as connection:
                now = self.store.now(connection)
                if self._stopping.is_set() and isinstance(error, Unavailable):  # it was woken from a wait to stop
                    jobs.release(connection, lease, now, reason)
                    return
                state = jobs.fail(connection, lease, now, error)
        except LeaseLost:
            log.warning("job %s (%s) had ended or was taken over when this happened: %s", job.id, job.kind, reason)
        except TROUBLE as trouble:
            log.warning("job %s (%s) failed: %s; that could not be stored: %s", job.id, job.kind, reason, trouble)
        else:
            self.failed += 1
            log.warning("job %s (%s) failed on attempt %s and is %s: %s", job.id, job.kind, job.attempt, state, reason)

    def _beat(self) -> None:
        while not self._stopping.wait(self.lease.total_seconds() / 3):
            with self._lock:
                entries = list(self._running)
            for entry in entries:
                try:
                    self._renew(entry)
                except LeaseLost:
                    if entry.is_lost:  # the first time it may just have ended
                        self._drop(entry)
                    entry.is_lost = True
                except TROUBLE as error:
                    log.warning("the lease of job %s could not be prolonged: %s", entry.job.id, error)

    def _renew(self, entry: _Running) -> None:
        if time.monotonic() - entry.started < self.hard_limit.total_seconds():
            with self.store.write() as connection:
                jobs.hold(connection, entry.lease, self.store.now(connection))
            return
        with self.store.read() as connection:
            if not jobs.is_held(connection, entry.lease):
                raise LeaseLost(f"job {entry.job.id} ran past its limit.")

    def _drop(self, entry: _Running) -> None:
        """Count a thread that goes on without its job, and free its place."""
        with self._lock:
            if entry not in self._running:
                return
            self._running.remove(entry)
            self.leaked += 1
        log.error("job %s (%s) still runs but has lost its lease; %s such", entry.job.id, entry.job.kind, self.leaked)
        self._wake.set()

    def _release_all(self) -> None:
        with self._lock:
            entries = list(self._running)
        for entry in entries:
            try:
                with self.store.write() as connection:
                    jobs.release(connection, entry.lease, self.store.now(connection), "the process was told to stop")
            except TROUBLE as error:
                log.warning("the lease of job %s runs out by itself: %s", entry.job.id, error)
