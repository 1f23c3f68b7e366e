# ruff: noqa: E501 tables of cases read better in one line each
"""The core in one process: a connector that yields what a test gives it, runs, and short ways to look into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from hub_scripted import Scripted, ScriptedSettings
from lab import record
from sqlalchemy import func, select

from hub.model.connector import Batch, Check, Cursor, Event, Record, Stream
from hub.projection import Sources
from hub.store import tables
from hub.store.database import Store
from hub.store.dump import dump_lines
from hub.sync import Counts, Run

NOW = datetime(2026, 5, 12, 2, 30, tzinfo=UTC)


class Source:
    """A connector of one stream; `batches` is what the next read yields and may raise in the middle."""

    def __init__(self, *, snapshot: bool = False, name: str = "things") -> None:
        self.stream = Stream(name, snapshot=snapshot)
        self.batches: Callable[[Cursor | None], Iterable[Any]] = lambda _cursor: ()
        self.asked: list[Cursor | None] = []
        self._speech = Scripted(ScriptedSettings(source=""), None)  # type: ignore[arg-type]

    def check(self) -> Check:
        return Check()

    def streams(self) -> Sequence[Stream]:
        return [self.stream]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        self.asked.append(cursor)
        yield from self.batches(cursor)

    def normalise(self, record: Record) -> Iterable[Event]:
        return self._speech.normalise(record)

    def says(self, *batches: Sequence[dict[str, Any] | Record], cursor: Cursor | None = None) -> None:
        """Give these batches at the next reads."""
        made = [
            Batch([it if isinstance(it, Record) else record(it) for it in batch], cursor=cursor,
                  complete=self.stream.snapshot and number == len(batches))
            for number, batch in enumerate(batches, 1)
        ]  # fmt: skip
        self.batches = lambda _cursor: made


def run(store: Store, source: Source, *batches: Sequence[dict[str, Any] | Record], connection: str = "desk",
        order: Sequence[str] = ("accounting", "desk", "phones"), cursor: Cursor | None = None, fingerprint: str = "",
        now: datetime = NOW, vanish_limit: float = 0.2, hold: Any = None, progress: Any = None,
        **options: Any) -> Counts:  # fmt: skip
    """Run one sync of a source, of these batches if any are given."""
    if batches:
        source.says(*batches, cursor=cursor)
    return Run(store, connection, source, source.stream, sources=Sources(order), clock=lambda: now, fingerprint=fingerprint,
               vanish_limit=vanish_limit, hold=hold, progress=progress).execute(**options)  # fmt: skip


def dump(store: Store) -> list[str]:
    with store.read() as connection:
        return list(dump_lines(connection))


def rows(store: Store, name: str) -> list[Any]:
    table = tables.metadata.tables[name]
    with store.read() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key.columns)))


def sizes(store: Store, *, without: Sequence[str] = ("run", "job")) -> dict[str, int]:
    """Return how many rows each table has."""
    with store.read() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in tables.metadata.tables.items() if name not in without
        }  # fmt: skip


def events(store: Store, key: str) -> list[tuple[int, str]]:
    """Return (version, type) of the stored events of one id."""
    found = [(row.version, row.type) for row in rows(store, "event") if row.id == key]
    return sorted(found)


def one(store: Store, kind: str) -> Any:
    (row,) = rows(store, kind)
    return row


def problems(store: Store) -> list[Any]:
    return [row for row in rows(store, "problem") if row.closed_at is None]
