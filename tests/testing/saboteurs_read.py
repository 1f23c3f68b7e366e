"""Saboteurs of reading."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from hub_notebook.connector import Notebook
from hub_notebook.settings import NotebookSettings
from sabotage import breaks

from hub.api import (
    AuthError,
    Batch,
    Cursor,
    Record,
    Stream,
    Tools,
    Unavailable,
)


class Reader(Notebook):
    """The honest connector with its tools within reach and its batches open to changes."""

    def __init__(self, settings: NotebookSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        self.url, self.tools = settings.url, tools

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        for batch in super().read(stream, cursor):
            yield self.spoil(batch)

    def spoil(self, batch: Batch) -> Batch:
        return batch

    def everything(self) -> list[Record]:
        """Return all tickets in one list, as of now."""
        pages = self._client.changes("")
        return [Record(it.id, b"" if it.deleted else raw, it.changed, it.deleted) for page in pages for it, raw in page]


def with_records(batch: Batch, records: Iterable[Record]) -> Batch:
    return msgspec.structs.replace(batch, records=list(records))


def with_cursor(batch: Batch, change: Callable[[Any], Any]) -> Batch:
    return msgspec.structs.replace(batch, cursor=change(batch.cursor)) if batch.cursor else batch


@breaks("read_streams_have_names", "stream names repeat")
class NamesStreamTwice(Notebook):
    def streams(self) -> Sequence[Stream]:
        return [*super().streams(), Stream("tickets", "Tickets again")]


@breaks("read_records_are_raw", "not the bytes received")
class DecodesPayload(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(
            batch, [msgspec.structs.replace(record, payload=json.loads(record.payload)) for record in batch.records]
        )


@breaks("read_records_are_raw", "an id twice")
class RepeatsInBatch(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(batch, [*batch.records, *batch.records])


@breaks("read_records_are_raw", "a payload, or deleted")
class ForgetsPayload(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(batch, [msgspec.structs.replace(record, payload=b"") for record in batch.records])


@breaks("read_empty_source_is_empty", "from an empty source")
class AddsHeading(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        yield Batch([Record("heading", b'{"id": "heading"}')])
        yield from super().read(stream, cursor)


@breaks("read_empty_source_is_empty", "unexpected Unavailable")
class TakesEmptyForBroken(Reader):
    def spoil(self, batch: Batch) -> Batch:
        if not batch.records and not batch.present:
            raise Unavailable("The server has nothing.")
        return batch


@breaks("read_first_read_is_whole", "after the first read 1 records are missing")
class DropsLast(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(batch, batch.records[:-1])


@breaks("read_nothing_changed_is_nothing_new", "nothing happened")
class StampsPayload(Reader):
    def spoil(self, batch: Batch) -> Batch:
        def stamped(record: Record) -> Record:
            note = b', "read_at": "%s"}' % self.tools.clock.now().isoformat().encode()
            return msgspec.structs.replace(record, payload=record.payload[:-1] + note, version="")

        return with_records(batch, [record if record.deleted else stamped(record) for record in batch.records])


@breaks("read_nothing_changed_is_nothing_new", "nothing happened")
class ForgetsPresent(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return msgspec.structs.replace(batch, present=())


@breaks("read_addition_appears", "were added")
class GoesOnOneSecondLater(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        if cursor:
            later = datetime.fromisoformat(cursor["changed"]) + timedelta(seconds=1)
            cursor = {"changed": later.isoformat()}
        return super().read(stream, cursor)


@breaks("read_change_appears", "was changed")
class ReadsOnlyNewIds(Reader):
    known: ClassVar[dict[str, set[str]]] = {}

    def spoil(self, batch: Batch) -> Batch:
        known = self.known.setdefault(self.url, set())
        fresh = [record for record in batch.records if record.external_id not in known]
        known |= {record.external_id for record in fresh}
        return with_records(batch, fresh)


@breaks("read_change_appears", "was changed")
class KeepsVersion(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(batch, [msgspec.structs.replace(record, version="1") for record in batch.records])


@breaks("read_prints_nothing", "reading printed")
class Prints(Reader):
    def spoil(self, batch: Batch) -> Batch:
        sys.stdout.write(f"{len(batch.records)} records\n")
        return batch


@breaks("read_refused_credentials_stop_reading", "presented 2 times")
class SignsInAgain(Notebook):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        try:
            yield from super().read(stream, cursor)
        except AuthError:
            yield from super().read(stream, cursor)


@breaks("read_cursor_is_small_json", "at most 4096")
class RemembersEverythingSeen(Reader):
    def spoil(self, batch: Batch) -> Batch:
        seen = [record.external_id for record in batch.records] * 5
        return with_cursor(batch, lambda cursor: {**cursor, "seen": seen})


@breaks("read_cursor_is_small_json", "comes back from the store as")
class KeepsDatetimeInCursor(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_cursor(batch, lambda cursor: {**cursor, "at": datetime.fromisoformat(cursor["changed"])})


@breaks("read_cursor_is_small_json", "is no JSON")
class KeepsObjectInCursor(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_cursor(batch, lambda cursor: {**cursor, "connector": self})


@breaks("read_unreadable_cursor_reads_anew", "raises KeyError")
class TrustsCursor(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        return super().read(stream, {"changed": cursor["changed"]} if cursor is not None else None)


@breaks("read_unreadable_cursor_reads_anew", "records are missing")
class TakesOddCursorForNow(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        if cursor is not None and "changed" not in cursor:
            cursor = {"changed": "2999-01-01T00:00:00+00:00"}
        return super().read(stream, cursor)


@breaks("read_resumes_after_any_batch", "records were lost")
class CursorRunsAhead(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_cursor(batch, lambda _: {"changed": "2999-01-01T00:00:00+00:00"})


@breaks("read_resumes_after_any_batch", "records were lost")
class SkipsEqualTimes(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        batches = super().read(stream, cursor)
        if not cursor or stream.name != "tickets":
            return batches
        bound = cursor["changed"]
        return (
            with_records(batch, [record for record in batch.records if record.version > bound]) for batch in batches
        )


@breaks("read_changes_while_reading_are_kept", "while reading")
class CursorIsTimeOfEnd(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        if stream.name != "tickets":
            yield from super().read(stream, cursor)
            return
        since = cursor["changed"] if cursor else ""
        found = [record for record in self.everything() if record.version >= since]
        yield Batch(found[:1])
        yield Batch(found[1:], cursor={"changed": self._client.account().time.isoformat()})


class Swallows(Notebook):
    """Takes one kind of trouble for the end of the data."""

    sign = ""

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        try:
            yield from super().read(stream, cursor)
        except Unavailable as error:
            if self.sign not in str(error):
                raise
            yield Batch(complete=True)


@breaks("read_survives_down", "raised nothing")
class SwallowsDown(Swallows):
    sign = "cannot be reached"


@breaks("read_survives_cut", "raised nothing")
class SwallowsCut(Swallows):
    sign = "broke"


@breaks("read_survives_garbage", "raised nothing")
class SwallowsGarbage(Swallows):
    sign = "not its JSON"


@breaks("read_survives_garbage", "not ValueError")
class LetsParserErrorOut(Notebook):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        try:
            yield from super().read(stream, cursor)
        except Unavailable as error:
            raise ValueError("no JSON") from error


@breaks("read_survives_down", "records are missing")
class MovesCursorBeforeTrouble(Notebook):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        try:
            yield from super().read(stream, cursor)
        except Unavailable:
            yield Batch(cursor={"changed": "2999-01-01T00:00:00+00:00"})
            raise


@breaks("read_removal_is_noticed", "gone are []")
class NeverComplete(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return msgspec.structs.replace(batch, complete=False)


@breaks("read_removal_is_noticed", "gone are []")
class SkipsDeleted(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(batch, [record for record in batch.records if not record.deleted])


@breaks("read_removal_is_noticed", "next read brought")
class BringsBackDeleted(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        for batch in super().read(stream, cursor):
            yield batch
            yield with_records(Batch(), [Record(it.external_id, b"{}") for it in batch.records if it.deleted][:1])


@breaks("read_reading_leaves_no_trace", "reading changed")
class LeavesTrace(Notebook):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        yield from super().read(stream, cursor)
        self._client.create("read", {"subject": "The hub was here"})


@breaks("read_closes_cleanly", "left behind")
class LeavesThread(Reader):
    def spoil(self, batch: Batch) -> Batch:
        threading.Thread(target=threading.Event().wait, args=(4,), daemon=True).start()
        return batch


@breaks("read_closes_cleanly", "left open")
class LeavesSocket(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        parts = urlsplit(self.url)
        line = socket.create_connection((parts.hostname, parts.port))
        yield from super().read(stream, cursor)
        line.close()
