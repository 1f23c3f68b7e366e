"""Who only looks writes nothing: not even the number by which SQLite counts changes moves."""

from __future__ import annotations

from typing import Any

import pytest
from forks import Forks, QuickOffice
from lab import NOW, Office, item, said, stream

LATER = "2026-05-12T10:32:00+07:00"


def changes(office: Office) -> int:
    """Return SQLite's own count of transactions that wrote (its file format, section 1.3.5)."""
    return int.from_bytes((office.folder / "hub.db").read_bytes()[24:28], "big")


@pytest.fixture(scope="module")
def office(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = QuickOffice(forks, tmp_path_factory.mktemp("office"))
    time = "2026-05-12T01:00:00Z"

    def client(number: int) -> dict[str, Any]:
        points = [{"type": "phone", "value": f"+7391294000{number}"}]
        return item("client", f"c{number}", name=f"Ромашка {number}", status="client", manager="ivanova", points=points)

    def call(number: int) -> dict[str, Any]:
        data = {"number": f"+7391294000{number}", "started": time, "state": "missed"}
        return {
            "id": f"k{number}",
            "payload": {"events": [said("call", f"k{number}", "call.missed", time=time, **data)]},
        }

    numbers = range(3)
    office.connect(
        {
            "desk": office.script(
                "desk", stream("clients", [*map(client, numbers)]), stream("calls", [*map(call, numbers)])
            )
        }
    )
    office.ok("init")
    office.ok("sync")
    before = changes(office)
    assert "Ромашка" in office.ok("--now", NOW, "today").out
    office.ok("--now", LATER, "today")
    assert changes(office) > before, "the control: what is new is kept"
    return office


@pytest.mark.parametrize(
    "command",
    [
        ["--now", LATER, "today"],
        ["--now", LATER, "today", "--json"],
        ["--now", LATER, "reminder", "list"],
        ["--now", LATER, "reminder", "why", "1"],
        ["status"],
        ["client", "list"],
        ["match", "list"],
        ["doctor", "--offline", "--deep"],
        ["sync", "--dry-run"],
        ["event", "export"],
        ["db", "dump"],
    ],
    ids=" ".join,
)
def test_looking_again_writes_nothing(office: Office, command: list[str]) -> None:
    before = changes(office)
    office.ok(*command)
    assert changes(office) == before
