"""Reminders and documents from one command to the next: what was said or issued stays."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from forks import Forks, QuickOffice
from inside import rows
from lab import NOW, Office, item, opened, said, stream

from hub.store import tables

PHONE = "+73912940853"
POINTS = [{"type": "phone", "value": PHONE}]


def _client(number: int) -> dict[str, Any]:
    phone = [{"type": "phone", "value": f"+7391294{number:04d}"}]
    return item(
        "client",
        f"c{number}",
        name=f"Ромашка {number}",
        status="client",
        manager="ivanova",
        inn="2465000007",
        points=phone,
    )


def _call(number: int, state: str, time: str) -> dict[str, Any]:
    data = {
        "number": f"+7391294{number:04d}",
        "started": time,
        "state": state,
        "talk_seconds": 60 if state == "connected" else 0,
    }
    key = f"k{number}{state}"
    return {"id": key, "payload": {"events": [said("call", key, f"call.{state}", time=time, **data)]}}


def _desk(office: Office, *, answered: range = range(0)) -> None:
    calls = [_call(number, "missed", "2026-05-12T01:00:00Z") for number in range(8)]
    calls += [_call(number, "connected", "2026-05-12T02:00:00Z") for number in answered]
    office.connect(
        {
            "desk": office.script(
                "desk", stream("clients", [_client(number) for number in range(8)]), stream("calls", calls)
            )
        }
    )
    office.ok("sync")


def _reminders(office: Office) -> list[str]:
    return [line for line in office.dump() if line.startswith("reminder ")]


def test_evaluation_that_is_repeated_writes_nothing(forks: Forks, tmp_path: Path) -> None:
    office = QuickOffice(forks, tmp_path)
    office.ok("init")
    _desk(office)
    first = office.ok("--now", NOW, "today").out
    before = _everything(office)
    assert "Ромашка" in first
    assert office.ok("--now", NOW, "today").out == first
    assert _everything(office) == before


def _everything(office: Office) -> dict[str, list[Any]]:
    with opened(office.store_url) as store:
        return {name: rows(store, name) for name in tables.metadata.tables}


def test_what_a_person_does_with_a_reminder_holds(forks: Forks, tmp_path: Path) -> None:
    office = QuickOffice(forks, tmp_path)
    office.ok("init")
    _desk(office)

    def listed() -> dict[int, dict[str, Any]]:
        return {it["id"]: it for it in office.ok("--now", NOW, "reminder", "list", "--all", "--json").json}

    done, later, given, *_ = sorted(key for key, it in listed().items() if it["rule"] == "missed_call")
    office.ok("--now", NOW, "reminder", "done", str(done), "--reason", "перезвонили")
    office.ok("--now", NOW, "reminder", "snooze", str(later), "2h")
    office.ok("--now", NOW, "reminder", "assign", str(given), "petrov")
    found = listed()
    assert (found[done]["state"], found[given]["assignee"]) == ("resolved", "petrov")
    assert found[later]["state"] == "open"
    office.fails("--now", NOW, "reminder", "done", str(done), code=1, says="already")
    office.fails("--now", NOW, "reminder", "assign", str(given), "nobody", code=2, says="no employee")
    assert listed() == found
    with opened(office.store_url) as store:
        assert [row.what for row in rows(store, "audit") if row.what.startswith("reminder.")] == [
            "reminder.done",
            "reminder.snooze",
            "reminder.assign",
        ]


def test_day_goes_on_after_a_merge_and_a_split(forks: Forks, tmp_path: Path) -> None:
    office = QuickOffice(forks, tmp_path)
    office.ok("init")
    _desk(office)
    ids = {it["name"]: it["id"] for it in office.ok("client", "list", "--json").json}
    office.ok("--now", NOW, "client", "merge", ids["Ромашка 1"], ids["Ромашка 2"])
    assert "Ромашка" in office.ok("--now", NOW, "today").out
    (kept,) = [it["id"] for it in office.ok("client", "list", "--json").json if len(it["references"]) == 2]
    office.ok("--now", NOW, "client", "split", kept, "desk/c2")
    assert "Ромашка" in office.ok("--now", NOW, "today").out
    file = tmp_path / "log.jsonl"
    file.write_text(office.ok("event", "export").out, encoding="utf-8")
    assert "0 events imported" in office.ok("event", "import", str(file)).err


# Documents


def _drafts(office: Office, count: int, now: str = NOW) -> list[str]:
    (client,) = [it["id"] for it in office.ok("client", "list", "--json").json if it["name"] == "Ромашка 1"]
    made = []
    for _ in range(count):
        out = office.ok(
            "--now",
            now,
            "document",
            "new",
            "invoice",
            "--client",
            client,
            "--line",
            "Абонентское обслуживание; 1; мес; 5000",
        ).out
        made.append(out.split()[1].rstrip("."))
    return made


def test_number_of_last_year_is_not_used_again(forks: Forks, tmp_path: Path) -> None:
    office = QuickOffice(forks, tmp_path)
    office.ok("init")
    _desk(office)
    first, second = _drafts(office, 2)
    office.ok("--now", "2026-12-30T10:00", "document", "issue", first)
    office.ok("--now", "2027-01-11T10:00", "document", "issue", second)

    assert {it["number"] for it in office.ok("document", "list", "--json").json} == {"1", "2"}


@pytest.mark.parametrize("pattern", ["СЧ-1", "{nr}", "{seq", "{seq.x}", "{0}"])
def test_wrong_number_pattern_is_refused(forks: Forks, tmp_path: Path, made_store: Path, pattern: str) -> None:
    office = QuickOffice(forks, tmp_path / "o")
    shutil.copy(made_store, office.folder / "hub.db")
    script = office.script("desk", stream("clients", [_client(1)]))
    office.connect({"desk": script}, extra=f"documents: {{number_pattern: '{pattern}'}}\n")
    office.fails("document", "list", code=1, says="hub.yaml:14: documents.number_pattern")
