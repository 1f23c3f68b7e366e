"""A worker process for the tests: `child.py MODE URL SECONDS [FILE]`. It says on stdout what it does, line by line."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from hub.engine import jobs
from hub.engine.jobs import Job, Lease, LeaseLost
from hub.engine.runner import Runner, Schedule, Timetable
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta


def say(word: str) -> None:
    print(word, flush=True)


def effect(store: Store, job: Job, lease: Lease, *, fence: bool) -> None:
    """Count one effect of the job, in one transaction with its completion."""
    with store.write() as connection:
        now = store.now(connection)
        if fence:
            jobs.hold(connection, lease, now)
        name = f"effect/{job.payload['name']}"
        set_meta(connection, name, str(int(get_meta(connection, name) or 0) + 1))
        if fence:
            jobs.finish(connection, lease, now)


def frozen(store: Store, lease_seconds: float, *, fence: bool) -> None:
    """Claim a job, ask the parent to freeze us, then try to store the effect late."""
    for _ in sys.stdin:
        claimed = jobs.claim(store, jobs.worker_name(), lease=timedelta(seconds=lease_seconds))
        assert claimed is not None
        say("claimed")
        sys.stdin.readline()  # the parent stops us here, and lets us go on long after
        try:
            effect(store, *claimed, fence=fence)
            say("stored")
        except LeaseLost:
            say("refused")


def hang(store: Store, lease_seconds: float) -> None:
    """Begin a job and never end it; leave in order when told to."""

    def handler(_job: Job, _lease: Lease) -> None:
        say("began")
        threading.Event().wait()

    runner = Runner(store, {"slow": handler}, lease=timedelta(seconds=lease_seconds))
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    runner.start()
    while not told:
        time.sleep(0.05)
    runner.stop(grace=1)
    say("stopped")


def periodic(store: Store, path: Path) -> None:
    """Schedule and work until told to stop, beside others that do the same."""
    said = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def handler(job: Job, _lease: Lease) -> None:
        os.write(said, f"{job.id}\n".encode())

    table = Timetable(store, [Schedule(name="beat", every=timedelta(seconds=1), kind="beat", lock_key="beat")])

    def tick() -> None:
        with store.read() as connection:
            now = store.now(connection)
        table.enqueue_due(now)

    say("ready")
    sys.stdin.readline()
    runner = Runner(store, {"beat": handler}, tick=tick)
    runner.start()
    sys.stdin.readline()
    runner.stop()


def main() -> None:
    mode, url, seconds = sys.argv[1:4]
    store = Store(url)
    if mode == "periodic":
        periodic(store, Path(sys.argv[4]))
    elif mode == "hang":
        hang(store, float(seconds))
    else:
        frozen(store, float(seconds), fence=mode == "frozen")
    store.close()


main()
