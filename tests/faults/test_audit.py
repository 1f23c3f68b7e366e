"""S-33: each thing that a person decides is one row of the audit log, and none of them is ever changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from forks import Forks, QuickOffice
from inside import rows
from lab import NOW, item, opened, said, stream

MAIL = {
    "connector": "imap", "host": "127.0.0.1", "user": "office@example.ru", "password": "env:MAIL_PASSWORD",
    "smtp_host": "127.0.0.1", "smtp_tls": "none", "tls": "none",
}  # fmt: skip
LETTER = {"to": ["a@client.example"], "subject": "Счёт", "text": "Добрый день!"}


class Person:
    """Somebody at the command line, whose deeds are counted."""

    def __init__(self, office: QuickOffice) -> None:
        self.office = office
        self.known = self.audit()

    def audit(self) -> list[tuple[Any, ...]]:
        with opened(self.office.store_url) as store:
            return [(row.id, row.at, row.who, row.what, row.object, row.detail) for row in rows(store, "audit")]

    def does(self, *command: str, what: str, **options: Any) -> str:
        """Run a command; it must add exactly one row about it, and change none."""
        out: str = self.office.ok("--now", NOW, *command, MAIL_PASSWORD="x", **options).out
        now = self.audit()
        assert now[: len(self.known)] == self.known
        assert [row[3] for row in now[len(self.known) :]] == ([what] if what else []), command
        assert all(row[2] for row in now)
        self.known = now
        return out


@pytest.fixture
def person(forks: Forks, tmp_path: Path, made_store: Path) -> Person:
    office = QuickOffice(forks, tmp_path / "office")
    shutil.copy(made_store, office.folder / "hub.db")
    time = "2026-05-12T01:00:00Z"

    def client(number: int) -> dict[str, Any]:
        points = [
            {"type": "phone", "value": f"+7391294000{number}"},
            {"type": "email", "value": f"c{number}@client.example"},
        ]
        name = "Ромашка" if number < 4 else f"Лютик {number}"
        return item("client", f"c{number}", name=name, status="client", manager="ivanova", points=points)

    def call(number: int) -> dict[str, Any]:
        data = {"number": f"+7391294000{number}", "started": time, "state": "missed"}
        return {
            "id": f"k{number}",
            "payload": {"events": [said("call", f"k{number}", "call.missed", time=time, **data)]},
        }

    script = office.script("desk", stream("clients", [*map(client, range(8))]), stream("calls", [*map(call, range(8))]))
    office.connect({"desk": script, "mail": MAIL}, extra="outbox: {approve: [mail.send]}\n")
    office.ok("sync", "desk")
    return Person(office)


def test_each_deed_is_one_row(person: Person) -> None:
    ids = {it["references"][0]["external_id"]: it["id"] for it in person.office.ok("client", "list", "--json").json}
    person.does("client", "merge", ids["c4"], ids["c5"], what="client.merge")
    person.does("client", "split", ids["c4"], "desk/c5", what="client.split")
    asked = [
        line.split()[0]
        for line in person.does("match", "list", what="").splitlines()
        if "Ромашка" in line and line[0] != " "
    ]
    assert len(asked) >= 2
    person.does("match", "accept", asked[0], what="match.accept")
    person.does("match", "reject", asked[-1], what="match.reject")
    person.does("today", what="")
    listed = json.loads(person.does("reminder", "list", "--json", what=""))
    key = str(next(it["id"] for it in listed if it["rule"] == "missed_call"))
    for act in (
        ["ack", key],
        ["snooze", key, "1h"],
        ["due", key, "2026-05-14T10:00"],
        ["assign", key, "petrov"],
        ["done", key],
    ):
        person.does("reminder", *act, what=f"reminder.{act[0]}")
    person.does("document", "new", "invoice", "--client", ids["c6"], "--line", "Услуга; 1; шт; 100", what="")
    person.does("document", "issue", "1", what="document.issue")
    person.does("document", "send", "1", what="document.sent")
    person.does("document", "mark", "1", "delivered", what="document.delivered")
    file = person.office.folder / "letter.json"
    file.write_text(json.dumps(LETTER), encoding="utf-8")
    for key in ("one", "two"):
        person.does("command", "new", "mail.send", "mail", "--data", str(file), "--key", key, what="command.new")
    person.does("command", "approve", "one", what="command.approve")
    person.does("command", "retry", "one", what="command.retry")
    person.does("command", "cancel", "two", what="command.cancel")
    line = {"id": "client/9", "source": "hand", "type": "client.observed", "subject": "client/9", "data": {"name": "А"}}
    (person.office.folder / "log.jsonl").write_text(json.dumps(line), encoding="utf-8")
    person.does("event", "import", "log.jsonl", what="event.import")
    person.does("event", "import", "log.jsonl", what="")


@pytest.mark.parametrize(
    "refused",
    [
        ("client", "merge", "absent", "too"), ("match", "accept", "absent"), ("reminder", "done", "999"),
        ("document", "issue", "999"), ("command", "approve", "absent"), ("event", "import", "absent.jsonl"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_refused_leaves_no_row(person: Person, refused: tuple[str, ...]) -> None:
    assert person.office.hub("--now", NOW, *refused).code
    assert person.audit() == person.known


def test_who_does_it_is_named(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [it["id"] for it in person.office.ok("client", "list", "--json").json]
    person.does("client", "merge", *ids[:2], what="client.merge", LOGNAME="belova")
    assert person.known[-1][2] == "belova"
