"""A process that writes to a store as fast as it can: `writer.py URL NAME SECONDS`; it says what it wrote.

Each step adds one to a counter that all writers share, and stores a batch of a growing stream of its own. With
`SABOTAGE=deferred` in the environment its transactions begin as readers.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from inside import Source, run
from lab import item
from sqlalchemy import Connection

from hub.model.errors import HubError
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta


@contextmanager
def deferred(self: Store) -> Iterator[Connection]:
    with self.engine.connect() as connection, connection.begin():
        yield connection


def main() -> None:
    url, name, seconds = sys.argv[1:4]
    if os.environ.get("SABOTAGE") == "deferred":
        Store.write = deferred  # type: ignore[method-assign, assignment]
    store, source = Store(url), Source()
    said = {"steps": 0, "failed": 0, "records": 0}
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        try:
            with store.write() as connection:
                count = int(get_meta(connection, "count") or 0)
                time.sleep(0.01)  # the moment in which another writer would get in between
                set_meta(connection, "count", str(count + 1))
            said["steps"] += 1
            numbers = range(said["records"], said["records"] + 20)
            run(store, source, [item("client", f"{name}{it}", name=f"Ромашка {it}") for it in numbers], connection=name)
            said["records"] += 20
        except HubError as error:
            said["failed"] += 1
            said["error"] = str(error)
    store.close()
    print(json.dumps(said), flush=True)


main()
