"""A process that delivers through Exchange what waits in the outbox: `exchange_child.py FOLDER SETTINGS`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hub import outbox
from hub.engine import jobs
from hub.engine.jobs import Job, Lease
from hub.engine.runner import Runner
from hub.store.database import Store
from hub.tools import ConnectionTools, FileBlobs, HttpxClient, SystemClock
from hub_exchange.connector import Exchange
from hub_exchange.settings import ExchangeSettings


def main() -> None:
    folder = Path(sys.argv[1])
    store = Store(f"sqlite:///{folder / 'hub.db'}")
    clock = SystemClock()
    http = HttpxClient(clock)
    tools = ConnectionTools("office", http=http, blobs=FileBlobs(folder / "blobs"), clock=clock, stale=lambda *_: set())
    connector = Exchange(ExchangeSettings.model_validate(json.loads(sys.argv[2])), tools)

    def handler(job: Job, lease: Lease) -> None:
        outbox.deliver(store, job.payload["command"], connector, lease)

    with store.write() as connection:
        now = store.now(connection)
        jobs.reap_killed(connection, now)
        for row in jobs.listed(connection, state="ready", limit=10):
            jobs.retry(connection, row.id, now)
        outbox.settle(connection, now)
    runner = Runner(store, {outbox.KIND: handler})
    runner.drain()
    runner.stop()
    http.close()
    store.close()


main()
