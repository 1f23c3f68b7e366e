"""Settings of one published 1C infobase."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from hub.api import Duration, Listed, Secret, ServerUrl, Settings, ZoneName

from .candidates import PREFIXES, SOURCES, WRITTEN
from .mapping import target

ROOT = "/odata/standard.odata"


class OneCSettings(Settings):
    """Where the publication is, who reads, and which fields of this base hold what its standard ones do not."""

    url: ServerUrl
    """Address of the infobase on the web server, with or without `/odata/standard.odata/` at its end."""
    user: str
    """Name of an infobase user with a password and the right to read; Cyrillic is fine."""
    password: Secret
    """Password of that user."""
    zone: ZoneName
    """Time zone of the 1C server, whose dates carry none; the firm's zone when left out."""
    area_code: str = ""
    """City code that completes short phone numbers; the firm's one when left out."""
    page: Annotated[int, Field(ge=2, le=10_000)] = 1000
    """Rows per request; less when the base is slow or its objects are large."""
    session: bool = True
    """Keep one 1C session for a run instead of one per request; off when the publication dislikes it."""
    allowed_only: bool = False
    """Read only the rows the user may see; needed with row-level rights, and deletions are then not noticed."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Own fields of this base by what they hold: `manager`, `fee`, `paid`, or STREAM.FIELD such as `invoices.due`."""
    sets: dict[str, Listed[str]] = Field(default_factory=dict)
    """Own sets of this base by stream, read before the usual ones: `counterparties: Catalog_Клиенты`."""
    raw: Listed[str] | None = None
    """Sets that are kept as they are, one stream each; left out, all of a base in which no counterparty is known."""
    skip: Listed[str] = ()
    """Streams that are not read."""
    window: Duration = timedelta(days=60)
    """How far back large sets of documents are looked through between two whole scans."""
    full_scan: Duration = timedelta(hours=24)
    """How often the versions of all objects are compared where a cheaper way is used in between."""
    tables_every: Duration = timedelta(hours=6)
    """How often prices, stock and balances are read: a virtual table costs 1C many seconds."""
    exchange_plan: str = ""
    """Exchange plan that registers changes, as $metadata names it: `ExchangePlan_Связка`; needs `exchange_node`."""
    exchange_node: str = ""
    """Code or guid of the node of that plan which belongs to the hub alone."""

    marks: dict[str, str] = Field(default_factory=dict)
    """Text fields that keep the ids of commands, by stream: `invoices: ИдСвязки`; else the comment keeps them."""

    @field_validator("url")
    @classmethod
    def _publication(cls, base: str) -> str:
        return base + "/" if base.endswith(ROOT) else f"{base}{ROOT}/"

    @field_validator("user")
    @classmethod
    def _user(cls, value: str) -> str:
        if not value.strip() or ":" in value:
            raise ValueError("write the name of the infobase user; a colon cannot be part of it")
        return value

    @field_validator("fields")
    @classmethod
    def _fields(cls, value: dict[str, str]) -> dict[str, str]:
        for name, field in value.items():
            target(name)
            if not field.isidentifier():
                raise ValueError(f"{name}: write the name of one field as $metadata has it, for example Менеджер_Key")
        return value

    @field_validator("sets")
    @classmethod
    def _sets(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for stream, names in value.items():
            if stream not in SOURCES or SOURCES[stream].table:
                able = ", ".join(name for name, source in SOURCES.items() if not source.table)
                raise ValueError(f"{stream}: write one of the streams {able}")
            _expect_sets(names)
        return value

    @field_validator("marks")
    @classmethod
    def _marks(cls, value: dict[str, str]) -> dict[str, str]:
        for stream, name in value.items():
            if stream not in WRITTEN:
                raise ValueError(f"{stream}: write one of the streams {', '.join(WRITTEN)}")
            if not name.isidentifier():
                raise ValueError(f"{stream}: write the name of one text field as $metadata has it, such as ИдСвязки")
        return value

    @field_validator("raw")
    @classmethod
    def _raw(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        _expect_sets(value or ())
        return value

    @field_validator("skip")
    @classmethod
    def _skip(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in SOURCES and not name.startswith(PREFIXES):
                raise ValueError(f"{name}: write one of the streams {', '.join(SOURCES)}")
        return value

    @field_validator("exchange_plan")
    @classmethod
    def _plan(cls, value: str) -> str:
        if value and not (value.startswith("ExchangePlan_") and value.isidentifier()):
            raise ValueError("write the name of the exchange plan as $metadata has it, such as ExchangePlan_Связка")
        return value

    @model_validator(mode="after")
    def _node(self) -> Self:
        if bool(self.exchange_plan) != bool(self.exchange_node.strip()):
            raise ValueError("exchange_plan and exchange_node belong together: write both or none")
        return self


def _expect_sets(names: tuple[str, ...]) -> None:
    for name in names:
        if not (name.startswith(PREFIXES) and name.isidentifier()):
            raise ValueError(f"{name}: write the name of a set as $metadata has it, such as Catalog_Клиенты")
