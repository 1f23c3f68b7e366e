"""A process that delivers what is due and dies where it is told: `child.py URL PORT`, a line of JSON for each round.

Each round is a fork, so that imports are paid once. The answer is the exit status; negative means killed by a signal.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from datetime import timedelta

from counting import Counting, Resending

import hub.store.migrations
from hub import outbox, stop_points
from hub.engine import jobs
from hub.engine.jobs import Job, Lease
from hub.engine.runner import Runner
from hub.store import commands
from hub.store.database import Store

assert hub.store.migrations


def deliver(url: str, port: int, variant: str) -> None:
    """Do what waits; leases and waits of the rounds before are over."""
    store = Store(url)
    connector = Resending(port) if variant == "resending connector" else Counting(port)

    def handler(job: Job, lease: Lease) -> None:
        command_id = job.payload["command"]
        if variant == "repeating outbox":
            with store.write() as connection:
                commands.change(connection, command_id, ("sending",), state="ready")
        outbox.deliver(store, command_id, connector, lease)

    with store.write() as connection:
        now = store.now(connection)
        jobs.reap(connection, now + timedelta(hours=1))
        for row in jobs.listed(connection, state="ready", limit=1000):
            jobs.retry(connection, row.id, now)
        outbox.settle(connection, now)
    runner = Runner(store, {outbox.KIND: handler}, workers=3)
    runner.drain()
    runner.stop()
    store.close()


def main() -> None:
    url, port = sys.argv[1], int(sys.argv[2])
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            status = 0
            try:
                os.environ["HUB_TEST_STOP"] = order["stop"]
                importlib.reload(stop_points)
                deliver(url, port, order["variant"])
            except BaseException:  # noqa: BLE001 whatever it was is the answer of this round
                traceback.print_exc()
                status = 1
            finally:
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


main()
