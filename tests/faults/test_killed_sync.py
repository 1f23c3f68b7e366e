"""F-01: whoever comes after a sync that was killed need not wait for its lease, on either store."""

from __future__ import annotations

import os
from pathlib import Path

from inside import rows
from kills import KILLED
from lab import Office, item, opened, stream


def test_next_sync_goes_on_at_once(tmp_path: Path, store_url: str) -> None:
    office = Office(tmp_path, store_url)
    clients = [item("client", f"c{number}", name=f"Ромашка {number}") for number in range(4)]
    office.connect({"desk": office.script("desk", stream("clients", clients[:2], clients[2:]))})
    office.ok("init")
    assert office.hub("sync", HUB_TEST_STOP="stored:1").code == KILLED
    (done,) = office.ok("sync", "--json").json
    assert (done["new"], done["error"]) == (4, None)


def test_living_sync_is_waited_for_and_named(tmp_path: Path, store_url: str) -> None:
    office = Office(tmp_path, store_url)
    script = office.script("desk", stream("clients", [item("client", "c1", name="Ромашка")]))
    office.connect({"desk": script})
    office.ok("init")
    source = Path(script["source"])
    ready = source.rename(tmp_path / "ready.json")
    os.mkfifo(source)  # the connector waits here until somebody writes
    child = office.start("sync")
    try:
        with opened(office.store_url) as store:
            while not [row for row in rows(store, "job") if row.state == "running"]:
                assert child.poll() is None
        office.fails("sync", code=1, says=f"being synchronised by another process (process {child.pid} on ")
    finally:
        child.kill()
        child.communicate()
    ready.replace(source)
    office.ok("sync")
