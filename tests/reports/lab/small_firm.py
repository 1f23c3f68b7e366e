"""A small firm whose figures can be reckoned by hand: entities are put into the tables of state as a sync would."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from hub.cli.report import table
from hub.config import Config, HubConfig, load_config
from hub.model.entities import Client, Contract, Entity, Reference
from hub.model.values import Money
from hub.reports.days import Days
from hub.reports.reading import Reading
from hub.reports.registry import REPORTS, Request, usual_days
from hub.reports.report import Report
from hub.store import state
from hub.store.database import Store
from hub.store.parties import entity_id
from hub.yaml_text import Document

ZONE = ZoneInfo("Asia/Krasnoyarsk")
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
"""Sunday, ten in the morning in Krasnoyarsk."""
PEOPLE: list[dict[str, Any]] = [
    {"id": "ivanova", "name": "Иванова Мария", "role": "manager", "head": "petrov", "aliases": ["101"]},
    {"id": "sidorov", "name": "Сидоров Олег", "role": "key_manager", "head": "petrov", "aliases": ["102"]},
    {"id": "novikova", "name": "Новикова Анна", "role": "probation", "head": "petrov"},
    {"id": "petrov", "name": "Петров Иван", "role": "head"},
]


def rub(amount: str | int) -> Money:
    return Money(Decimal(amount))


def days(first: str, last: str, zone: ZoneInfo = ZONE) -> Days:
    return Days(date.fromisoformat(first), date.fromisoformat(last), zone)


def local(text: str) -> datetime:
    """Return the instant of a local time of Krasnoyarsk."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def settings(**given: Any) -> Config:
    model = HubConfig.model_validate({"employees": PEOPLE, "zone": "Asia/Krasnoyarsk", **given})
    return Config(model, Document("hub.yaml", {}, {}), Path("hub.yaml"))


def written(folder: Path, text: str) -> Config:
    """Return the configuration that stands in this text."""
    file = folder / "hub.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def ref(kind: str, external_id: str) -> Reference:
    return Reference(kind, external_id)


class Firm:
    """A store with the firm in it."""

    def __init__(self, store: Store, **given: Any) -> None:
        self.store = store
        self.config = settings(**given)
        self._count = 0

    def put(self, *entities: Entity, client: str = "", key: str = "", source: str = "crm") -> str:
        """Put entities into the tables; all belong to the client. Return the id of the last."""
        found = ""
        with self.store.write() as connection:
            for entity in entities:
                self._count += 1
                external = key or f"n{self._count}"
                found = entity_id(source, entity.kind, external)
                owner = entity_id("crm", "client", client) if client else None
                row = state.row(entity, key=found, connection=source, external_id=external, client=owner)
                state.save(connection, entity.kind, [row], new=False)
        return found

    def client(self, key: str, *, manager: str = "ivanova", **fields: Any) -> str:
        fields.setdefault("name", f"Школа {key}")
        return self.put(Client(manager=manager, **fields), key=key)

    def subscription(self, client: str, fee: str | int, first: str, last: str = "", **fields: Any) -> str:
        """Put a contract with a monthly fee, open without a last day."""
        end = date.fromisoformat(last) if last else None
        contract = Contract(
            number=f"{client}/{first}", start=date.fromisoformat(first), end=end, fee=rub(fee), **fields
        )
        return self.put(contract, client=client)

    def report(self, name: str, period: Days | None = None, now: datetime = NOW, **filters: Any) -> Report:
        """Make a report as the command does."""
        with self.store.read() as connection:
            reading = Reading(connection, self.config, now)
            asked = period or usual_days(REPORTS[name].usual, reading)
            found = REPORTS[name].make(Request(reading, asked, **filters))
        assert max(map(len, table(found, reading.zone, 80)), default=0) <= 80
        return plain(found)


def plain(report: Report) -> Report:
    """Return the report with plain spaces where no-break ones stand between initials."""
    lines = tuple(tuple(it.replace("\u00a0", " ") if isinstance(it, str) else it for it in row) for row in report.rows)
    return replace(report, rows=lines, title=report.title.replace("\u00a0", " "))


def rows(report: Report, *keys: str) -> list[tuple[Any, ...]]:
    """Return some columns of a report."""
    return [tuple(row) for row in zip(*(report.column(key) for key in keys), strict=True)]


def pick(found: Mapping[str, Any], *keys: str) -> tuple[Any, ...]:
    return tuple(found[key] for key in keys)
