"""A process that delivers what waits in the outbox through Exchange: `deliver.py URL SETTINGS`, killed by its test."""

from __future__ import annotations

import json
import sys

from hub import outbox
from hub.engine import jobs
from hub.engine.jobs import Job, Lease
from hub.engine.runner import Runner
from hub.store.database import Store
from hub_exchange.connector import Exchange
from hub_exchange.settings import ExchangeSettings
from hub_exchange.tests.conftest import ExchangeTools


def main() -> None:
    store = Store(sys.argv[1])
    connector = Exchange(ExchangeSettings.model_validate(json.loads(sys.argv[2])), ExchangeTools())

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
    store.close()


main()
