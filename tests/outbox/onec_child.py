"""A process that delivers through 1C what waits in the outbox: `onec_child.py FOLDER`, a line of JSON for each round.

Each round is a fork, so that imports are paid once: its number is printed, then its exit status; negative means killed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import lxml.etree

import hub.store.migrations
from hub import outbox, stop_points
from hub.engine import jobs
from hub.engine.jobs import Job, Lease
from hub.engine.runner import Runner
from hub.store.database import Store
from hub.tools import ConnectionTools, FileBlobs, HttpxClient, SystemClock
from hub_onec.connector import OneC
from hub_onec.settings import OneCSettings

assert hub.store.migrations
assert lxml.etree


def deliver(folder: Path, settings: dict[str, Any]) -> None:
    """Do what waits; leases and waits of the rounds before are over."""
    store = Store(f"sqlite:///{folder / 'hub.db'}")
    clock = SystemClock()
    http = HttpxClient(clock)
    tools = ConnectionTools("base", http=http, blobs=FileBlobs(folder / "blobs"), clock=clock, stale=lambda *_: set())
    connector = OneC(OneCSettings.model_validate({"zone": "Asia/Krasnoyarsk", **settings}), tools)

    def handler(job: Job, lease: Lease) -> None:
        outbox.deliver(store, job.payload["command"], connector, lease)

    with store.write() as connection:
        now = store.now(connection)
        jobs.reap(connection, now + timedelta(hours=1))
        for row in jobs.listed(connection, state="ready", limit=10):
            jobs.retry(connection, row.id, now)
        outbox.settle(connection, now)
    runner = Runner(store, {outbox.KIND: handler})
    runner.drain()
    runner.stop()
    http.close()
    store.close()


def main() -> None:
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            status = 0
            try:
                os.environ["HUB_TEST_STOP"] = order["stop"]
                importlib.reload(stop_points)
                outbox.stop_point = stop_points.stop_point
                deliver(folder, order["settings"])
            except BaseException:  # noqa: BLE001 whatever it was is the answer of this round
                traceback.print_exc()
                status = 1
            finally:
                os._exit(status)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


main()
