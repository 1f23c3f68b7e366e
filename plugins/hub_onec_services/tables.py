"""The connector `onec_tables`: lists of clients, prices and stock that somebody saves from 1C as .xlsx."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hub.api import BadRecord, Batch, Check, Cursor, Entity, Event, Record, SettingsError, Stream, Tools, Unavailable

from .mapping import Mapper, plain_id
from .table_settings import Table, TablesSettings
from .workbook import Line, Sheet, open_sheet

CHUNK = 500
MOST_BYTES = 128 * 1024 * 1024
MOST_NAMED = 10


class Kept(Struct, frozen=True, omit_defaults=True):
    """A stored row: its cells by heading; where it stands is kept only when something is wrong with it."""

    cells: dict[str, str]
    place: str = ""


_CORRECT = "Correct the cell, or the fields of the configuration."
_ERRORS = frozenset({"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})
_kept = msgspec.json.Decoder(Kept)


class Tables:
    """One folder with lists. A list is read whole when its file is another one; rows that are gone are noticed."""

    def __init__(self, settings: TablesSettings, tools: Tools) -> None:  # noqa: ARG002 - a folder needs none
        self._folder = Path(settings.folder)
        self._tables = settings.streams
        self._mappers = {
            name: Mapper(it.kind, it.fields, area_code=settings.area_code, refers_to=it.refers_to)
            for name, it in settings.streams.items()
            if it.kind
        }

    def check(self) -> Check:
        """Read every list and tell which rows were left out or cannot be understood."""
        findings, account = [], []
        for name, table in self._tables.items():
            path = self._newest(table)
            if path is None:
                findings.append((f"There is no {table.file} in {self._folder}.", "Save the list there."))
                continue
            with open_sheet(path.name, _content(path), table) as sheet:
                left_out: list[int] = []
                records = [
                    record for record in self._records(sheet, name, left_out) if _kept.decode(record.payload).place
                ]
                account.append(sheet.place)
            if left_out:
                rows = ", ".join(map(str, left_out[:MOST_NAMED]))
                findings.append((f"{sheet.place}: {len(left_out)} rows without {table.key} are left out ({rows} …).",
                                 "Groups and totals have none; else fill it in."))  # fmt: skip
            findings += [(self._complaint(record), _CORRECT) for record in records[:MOST_NAMED]]
            if not table.kind:
                findings.append((
                    f"The rows of {name} are stored as they are and mean nothing to the hub yet.",
                    f"Set kind and fields of the stream {name} if they are clients and the like.",
                ))  # fmt: skip
        return Check(account="; ".join(account) or str(self._folder), findings=tuple(findings))

    def streams(self) -> Sequence[Stream]:
        """Return the lists of the configuration."""
        return [Stream(name, name, snapshot=True) for name in self._tables]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Read a list whole when its file is not the one that was read last."""
        table = self._tables[stream.name]
        path = self._newest(table)
        if path is None:
            return  # nobody has saved it yet, or it was taken away: that says nothing about its rows
        content = _content(path)
        mark = _mark(content, table)
        if (cursor or {}).get("mark") == mark:
            return
        seen: set[str] = set()
        page: list[Record] = []
        with open_sheet(path.name, content, table) as sheet:
            for record in self._records(sheet, stream.name, []):
                if record.external_id in seen:
                    raise SettingsError(
                        f"{sheet.place}: two rows have the {table.key} {record.external_id[:60]!r}.", field="streams",
                        hint="Name more headings in key, so that each row has its own.",
                    )  # fmt: skip
                seen.add(record.external_id)
                page.append(record)
                if len(page) == CHUNK:
                    yield Batch(page)
                    page = []
        yield Batch(page, cursor={"mark": mark}, complete=True)

    def normalise(self, record: Record) -> Iterable[Event]:
        """Return what a row means by the configuration; a row of a list without a kind says nothing."""
        if record.stream not in self._tables:
            raise BadRecord(f"The configuration has no list {record.stream!r}.")
        try:
            row = _kept.decode(record.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadRecord("The stored row is damaged.") from error
        mapper = self._mappers.get(record.stream)
        if mapper is None:
            return ()
        try:
            entity = _entity(mapper, row.cells)
        except BadRecord as error:
            raise BadRecord(f"{row.place}: column {error}" if row.place else str(error)) from error
        return (Event(f"{entity.kind}.observed", record.reference(entity.kind), entity),)

    def _records(self, sheet: Sheet, stream: str, left_out: list[int]) -> Iterator[Record]:
        """Yield the rows that have a key; note the numbers of those that have none."""
        keys = self._tables[stream].keys
        mapper = self._mappers.get(stream)
        for line in sheet.lines():
            parts = [plain_id(line.cells.get(name, "")) for name in keys]
            if not all(parts) or _ERRORS.intersection(parts):
                left_out.append(line.number)
                continue
            kept = Kept(dict(line.cells))
            if mapper is not None and not _is_understood(mapper, line):
                kept = Kept(dict(line.cells), f"{sheet.place}, row {line.number}")
            yield Record("/".join(parts), msgspec.json.encode(kept), stream=stream)

    def _complaint(self, record: Record) -> str:
        try:
            self.normalise(record)
        except BadRecord as error:
            return str(error)
        return f"{record.external_id} is odd."

    def _newest(self, table: Table) -> Path | None:
        """Return the file of a list that was changed last. Raises Unavailable when there is no folder."""
        try:
            found = [it for it in self._folder.iterdir() if fnmatchcase(it.name.casefold(), table.file.casefold())]
            files = [(it.stat().st_mtime_ns, it.name, it) for it in found if it.is_file() and it.name[:2] != "~$"]
        except OSError as error:
            raise Unavailable(
                f"The folder {self._folder} cannot be read: {error.strerror}.",
                hint="Look whether it is there and whether the hub may read it.",
            ) from error
        return max(files)[2] if files else None


def _entity(mapper: Mapper, cells: Mapping[str, str]) -> Entity:
    for heading in mapper.names:
        if cells.get(heading) in _ERRORS:
            raise BadRecord(f"{heading} holds the error {cells[heading]}.")
    return mapper.entity(cells.get)


def _is_understood(mapper: Mapper, line: Line) -> bool:
    try:
        _entity(mapper, line.cells)
    except BadRecord:
        return False
    return True


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Unavailable(f"{path.name} is larger than {MOST_BYTES // 2**20} MiB.")
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be read: {error.strerror}.") from error


def _mark(content: bytes, table: Table) -> str:
    """Return what changes with the file and with what is wanted of it."""
    whole: Any = hashlib.blake2b(content, digest_size=16)
    whole.update(repr((table.sheet, table.header, table.keys, table.named)).encode())
    return str(whole.hexdigest())
