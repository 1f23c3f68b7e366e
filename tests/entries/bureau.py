"""A desk of an invented office: clients and a ticket from two sources, and the command line inside the process."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner, Result

from hub.cli import cli
from hub.ingest import ingest
from hub.model.entities import Client, Contact, ContactPoint, Entity, Reference, Ticket
from hub.model.events import Event
from hub.normalise import fact_of
from hub.projection import Sources
from hub.store import log, state
from hub.store.database import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
"""Monday, 10:00 in Krasnoyarsk."""
SCHOOL = {"inn": "2465000007", "kpp": "246501001"}


class Office:
    """An office with a store, its command line and what its sources say."""

    def __init__(self, folder: Path, store: Store, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.store = store
        self.now = NOW
        made = {
            "zone": "Asia/Krasnoyarsk", "area_code": "391", "store": store.url.render_as_string(hide_password=False),
            "employees": [
                {"id": "petrov", "name": "Петров Пётр Петрович", "role": "head"},
                {"id": "ivanova", "name": "Иванова Мария Сергеевна", "head": "petrov", "aliases": ["Иванова М. С."]},
            ], "connections": {}, **settings,
        }  # fmt: skip
        (folder / "hub.yaml").write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")

    def says(self, source: str, external_id: str, entity: Entity) -> None:
        """Let a source say what it sees."""
        event = Event(f"{entity.kind}.observed", Reference(entity.kind, external_id), entity, self.now)
        self.happens(source, event)

    def happens(self, source: str, event: Event) -> None:
        """Let something happen at a source."""
        with self.store.write() as connection:
            ingest(connection, source, [fact_of(event, "")], Sources(["base", "desk"]), self.now)

    pasted: bytes | None = None
    """What stands in the clipboard, that is on stdin."""

    def call(self, *words: str) -> Result:
        given = ["--config", str(self.folder / "hub.yaml"), "--now", self.now.isoformat(), *words]
        return CliRunner().invoke(cli, given, input=self.pasted)

    def ok(self, *words: str) -> str:
        """Run a command that must succeed; return what it prints."""
        done = self.call(*words)
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.stdout

    def json(self, *words: str) -> Any:
        return msgspec.json.decode(self.ok(*words, "--json"))

    def refused(self, *words: str) -> str:
        """Run a command that must fail with a sentence; return it."""
        before = self.events()
        done = self.call(*words)
        assert done.exit_code in (1, 2), done.output + repr(done.exception)
        assert self.events() == before
        return f"{done.stderr}{done.exception or ''}"

    def rows(self, kind: str) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return state.read(connection, kind, ~state.table(kind).c.deleted)

    def events(self) -> list[tuple[str, int]]:
        with self.store.read() as connection:
            return [(row.type, row.version) for row in log.read_log(connection, after=0, source="operator")]


def furnished(office: Office) -> Office:
    """Let two sources know a school, a clinic, a ticket and a contact."""
    office.says("base", "1", Client(name="МБОУ «Школа № 5»", status="client", **SCHOOL))
    office.says("desk", "7", Client(name="Школа 5", **SCHOOL))
    office.says("base", "2", Client(name="КГБУЗ «Поликлиника»", inn="2466001236", points=(
        ContactPoint("phone", "+73912940853"),)))  # fmt: skip
    office.says("base", "k1", Contact(name="Сидорова Анна Ивановна", client=Reference("client", "1")))
    office.says("desk", "t1", Ticket(number="512", subject="Не сходится баланс", priority="urgent", state="open",
                                     client=Reference("client", "7")))  # fmt: skip
    return office
