"""Read connections: batch after batch, each stored with its cursor in one fenced transaction.

A batch goes four steps: hash the raw bytes and drop what is unchanged; normalise the rest (pure, no lock held); write
records, events, parties and state; move the cursor. A sync that is killed anywhere and started again ends as one that
ran through.
"""

from __future__ import annotations

import hashlib
import logging
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection

from hub.ingest import ingest
from hub.model.connector import Batch, Reads, Record, Stream
from hub.model.errors import HubError
from hub.normalise import Fact, Mapped, deletions, is_id, normalise, printable
from hub.projection import Sources
from hub.redaction import redact
from hub.stop_points import stop_point
from hub.store import cutting, streams
from hub.store.database import Store
from hub.store.packing import MAX_DICTIONARY, Packer
from hub.store.problems import close_problem, finish_run, open_problem, start_run
from hub.store.streams import Known, StreamRow
from hub.store.types import instant_text

logger = logging.getLogger("hub.sync")

VANISH_FLOOR = 5
"""So many may vanish at once whatever their share: a small firm may delete one of three."""
LARGE = 500
"""A page of so many records is worth waiting for the next one, if neither has more than twice as many."""
_NO_HASH = b""
ASK_AUTHOR = "This is a mistake in the plugin; its author should know."


class Counts(Struct):
    """What one run of one stream did."""

    connection: str
    stream: str
    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    bad: int = 0
    seconds: float = 0.0
    error: str | None = None


class Change(Struct, frozen=True):
    """One row of a dry run: what would be stored."""

    stream: str
    external_id: str
    verb: str
    facts: tuple[Fact, ...]
    problem: str | None


class Plan(Struct):
    """A batch after normalising, ready to be written."""

    rows_new: list[tuple[Any, ...]] = []
    rows_changed: list[tuple[Any, ...]] = []
    facts: list[Fact] = []
    problems: list[tuple[str, str]] = []
    vanished: str = ""
    is_cut: bool = False
    changes: list[Change] = []
    healed: int = 0
    pieces: dict[str, bytes] = {}
    blobs: list[tuple[str, bytes]] = []
    stored_pieces: list[str] = []

    def press(self, connection: Connection) -> None:
        """Keep those of the files cut out of the records that are not stored yet, and the names of the others."""
        self.blobs = [cutting.blob_row(it, self.pieces[it]) for it in cutting.unknown(connection, self.pieces)]
        self.stored_pieces = sorted(self.pieces.keys() - {row[0] for row in self.blobs})
        self.pieces = {}


class Seen:
    """The ids met in a run, 40 bits of hash each: a set of the ids themselves would not stay small.

    They lie in 256 heaps, one for each value of eight of the bits, which keep the other 32; so sorting makes objects of
    one heap at a time. Among a million ids one that was not met passes for met once in a million times, and only until
    the next run, which hashes otherwise.
    """

    def __init__(self) -> None:
        self._heaps = [array("I") for _ in range(256)]

    def add(self, ids: Iterable[str]) -> None:
        """Note these ids."""
        heaps = self._heaps
        for external_id in ids:
            number = hash(external_id)
            heaps[number & 0xFF].append(number >> 8 & 0xFFFF_FFFF)

    def sort(self) -> None:
        """Make ready for questions."""
        self._heaps = [array("I", sorted(heap)) for heap in self._heaps]

    def __contains__(self, external_id: str) -> bool:
        number = hash(external_id)
        heap, wanted = self._heaps[number & 0xFF], number >> 8 & 0xFFFF_FFFF
        place = bisect_left(heap, wanted)
        return place < len(heap) and heap[place] == wanted


class Run:
    """One run over one stream of one connection."""

    def __init__(
        self,
        store: Store,
        connection: str,
        connector: Reads,
        stream: Stream,
        *,
        sources: Sources,
        clock: Callable[[], datetime],
        fingerprint: str = "",
        vanish_limit: float = 0.2,
        hold: Callable[[Connection, datetime], None] | None = None,
        finish: Callable[[Connection, datetime], None] | None = None,
        progress: Callable[[Counts, int | None], None] | None = None,
        on_events: Callable[[list[int]], None] | None = None,
    ) -> None:
        self.store = store
        self.name = connection
        self.connector = connector
        self.stream = stream
        self.sources = sources
        self.clock = clock
        self.fingerprint = fingerprint
        self.vanish_limit = vanish_limit
        self.hold = hold
        self.finish = finish
        self.progress = progress
        self.on_events = on_events
        self.counts = Counts(connection, stream.name)
        self.seen = Seen()
        self.packer = Packer(b"")
        self.has_new_dictionary = False

    def execute(self, *, full: bool = False, dry_run: bool = False, limit: int | None = None,
                report: Callable[[Change], None] | None = None) -> Counts:  # fmt: skip
        """Read the stream to its end. Raises what the connector raises; everything stored before stays true."""
        started = self.clock()
        row = self._open(dry_run=dry_run)
        run_id = None if dry_run else self._start(started)
        try:
            self._read(row, full=full, dry_run=dry_run, limit=limit, report=report)
        except HubError as error:
            self.counts.error = redact(str(error))
            raise
        except Exception as error:
            self.counts.error = redact(f"{type(error).__name__}: {error}")
            raise
        finally:
            self.counts.seconds = (self.clock() - started).total_seconds()
            if run_id is not None:
                with self.store.write() as connection:
                    finish_run(connection, run_id, self.counts, self.clock())
        return self.counts

    def _open(self, *, dry_run: bool) -> StreamRow:
        if dry_run:
            with self.store.read() as connection:
                row = streams.open_stream(connection, self.name, self.stream.name)
            return row or StreamRow(0, self.name, self.stream.name, None, self.fingerprint)
        with self.store.write() as connection:
            row = streams.ensure_stream(connection, self.name, self.stream.name, self.fingerprint)
        if row.fingerprint and self.fingerprint and row.fingerprint != self.fingerprint:
            raise HubError(
                f"the connection {self.name} now leads to another system than the one it was read from.",
                hint="Give the new system a new connection name, so that their data do not mix.",
            )
        return row

    def _start(self, started: datetime) -> int:
        with self.store.write() as connection:
            return start_run(connection, self.name, self.stream.name, started)

    def _read(self, row: StreamRow, *, full: bool, dry_run: bool, limit: int | None,
              report: Callable[[Change], None] | None) -> None:  # fmt: skip
        batches = self.connector.read(self.stream, None if full else row.cursor)
        self.packer = Packer(row.dictionary or b"")
        try:
            for batch, is_last in _with_last(_guarded(batches)):
                stop_point("read")
                if row.dictionary is None and not self.packer.dictionary and batch.records:
                    self.packer = Packer(_dictionary(batch.records))
                    self.has_new_dictionary = True
                plan, complete = self._plan(row, batch, limit)
                for change in plan.changes if report else ():
                    assert report is not None
                    report(change)
                if not dry_run:
                    self._store(row, batch, plan, complete=complete, is_last=is_last)
                if self.progress:
                    self.progress(self.counts, batch.expected)
                if limit is not None and self.counts.read >= limit:
                    return
        finally:
            close = getattr(batches, "close", None)
            if close:
                close()

    def _plan(self, row: StreamRow, batch: Batch, limit: int | None) -> tuple[Plan, bool]:
        records: dict[str, Record] = {}
        plan = Plan()
        named: set[str] = set()
        is_whole = True
        for record in batch.records:
            if limit is not None and self.counts.read + len(records) >= limit:
                plan.is_cut = True
                break
            name = getattr(record, "external_id", None)
            if problem := _unusable(record):
                plan.problems.append((printable(str(name))[:80], problem))
                is_whole &= isinstance(name, str)
            else:
                records[record.external_id] = record
            if isinstance(name, str):
                named.add(name)
        with self.store.read() as connection:
            known = streams.known_records(connection, row.id, records)
        now_text = instant_text(self.clock())
        for record in records.values():
            self._plan_record(row, record, known.get(record.external_id), plan, now_text)
        if plan.pieces:
            with self.store.read() as connection:
                plan.press(connection)
        if self.stream.snapshot:
            self.seen.add(named)
            self.seen.add(batch.present)
        self.counts.read += len(records) + len(batch.present)
        self.counts.unchanged += len(batch.present)
        self.counts.bad += len(plan.problems)
        complete = batch.complete and self.stream.snapshot and limit is None and is_whole
        if complete:
            self._plan_vanished(row, plan, now_text)
        return plan, complete

    def _plan_record(self, row: StreamRow, record: Record, known: Known | None, plan: Plan, now_text: str) -> None:
        if record.deleted:
            if known is not None and not known.deleted:
                self._plan_deletion(row, known, plan, now_text)
            return
        digest = hashlib.sha256(record.payload).digest()
        if known is not None and (known.hash, known.version, known.deleted) == (digest, record.version, False):
            self.counts.unchanged += 1
            return
        mapped = normalise(self.connector, _addressed(record, self.name, self.stream.name))
        subjects = mapped.subjects if mapped.problem is None else (known.subjects if known else "")
        fresh = Known(
            record.external_id,
            digest,
            mapped.hash or (known.mapped if known else None),
            record.version,
            False,
            mapped.problem,
            subjects,
        )
        stored = streams.record_row(row.id, fresh, self.packer.pack(record.payload, plan.pieces), now_text)
        (plan.rows_changed if known else plan.rows_new).append(stored)
        self._plan_facts(record.external_id, known, mapped, plan, now_text)

    def _plan_facts(self, external_id: str, known: Known | None, mapped: Mapped, plan: Plan, now_text: str) -> None:
        if mapped.problem is not None:
            plan.problems.append((external_id, mapped.problem))
            plan.changes.append(Change(self.stream.name, external_id, "bad", (), mapped.problem))
            return
        plan.healed += known is not None and known.problem is not None
        if known is None or known.deleted:
            self.counts.new += 1
            verb = "new"
        elif known.mapped == mapped.hash:
            self.counts.unchanged += 1
            return
        else:
            self.counts.changed += 1
            verb = "changed"
        facts = list(mapped.facts)
        if known is not None and known.subjects and not known.deleted:
            left = set(known.subjects.split("\n")) - {fact.entry.subject for fact in facts}
            facts += deletions(sorted(left), external_id, now_text)
        plan.facts += facts
        plan.changes.append(Change(self.stream.name, external_id, verb, tuple(facts), None))

    def _plan_deletion(self, row: StreamRow, known: Known, plan: Plan, now_text: str) -> None:
        gone = Known(known.external_id, _NO_HASH, None, "", True, None, known.subjects)
        plan.rows_changed.append(streams.record_row(row.id, gone, self.packer.pack(b"", {}), now_text))
        facts = deletions([subject for subject in known.subjects.split("\n") if subject], known.external_id, now_text)
        plan.facts += facts
        plan.changes.append(Change(self.stream.name, known.external_id, "deleted", facts, None))
        self.counts.deleted += 1

    def _plan_vanished(self, row: StreamRow, plan: Plan, now_text: str) -> None:
        self.seen.sort()
        vanished: list[str] = []
        total = 0
        with self.store.read() as connection:
            for external_id in streams.living_ids(connection, row.id):
                total += 1
                if external_id not in self.seen:
                    vanished.append(external_id)
            allowed = max(VANISH_FLOOR, int(total * self.vanish_limit))
            if len(vanished) > allowed:
                plan.vanished = f"{len(vanished)} of {total} objects would vanish at once"
                return
            known = streams.known_records(connection, row.id, vanished)
        for external_id in vanished:
            self._plan_deletion(row, known[external_id], plan, now_text)

    def _store(self, row: StreamRow, batch: Batch, plan: Plan, *, complete: bool, is_last: bool) -> None:
        numbers: tuple[int, ...] = ()
        with self.store.write() as connection:
            now = self.store.now(connection)
            if self.hold:
                self.hold(connection, now)
            if self.has_new_dictionary:
                streams.save_dictionary(connection, row.id, self.packer.dictionary)
            cutting.keep(connection, plan.stored_pieces, (it.payload for it in batch.records if not _unusable(it)))
            cutting.save_blobs(connection, plan.blobs)
            streams.save_records(connection, plan.rows_new, new=True)
            streams.save_records(connection, plan.rows_changed, new=False)
            if plan.facts:
                numbers = ingest(connection, self.name, plan.facts, self.sources, now).numbers
            self._note_problems(connection, row, plan, now, complete=complete)
            cursor = None if plan.is_cut else batch.cursor  # what the limit cut off was not stored
            streams.save_cursor(connection, row.id, cursor, now, completed=is_last and not plan.is_cut)
            if is_last and self.finish:
                self.finish(connection, now)
            stop_point("stored")
        if numbers and self.on_events:
            self.on_events(list(numbers))

    def _note_problems(
        self, connection: Connection, row: StreamRow, plan: Plan, now: datetime, *, complete: bool
    ) -> None:
        scope = f"{self.name}/{self.stream.name}"
        if plan.problems:
            external_id, message = plan.problems[0]
            open_problem(connection, f"record/{scope}", scope=self.name, now=now,
                         title=f"Records of {scope} are parked, such as {external_id}: {message}",
                         hint=f"See: hub record list --parked --connection {self.name}")  # fmt: skip
        elif plan.healed and not streams.has_parked(connection, row.id):
            close_problem(connection, f"record/{scope}", now)
        if plan.vanished:
            open_problem(connection, f"vanish/{scope}", scope=self.name, now=now,
                         title=f"{scope}: {plan.vanished}; nothing was marked gone.",
                         hint="Check the other system; raise `vanish_limit` for one run if it is right.")  # fmt: skip
        elif complete:
            close_problem(connection, f"vanish/{scope}", now)


def _unusable(record: Record) -> str:
    if not isinstance(record, Record):
        return "the connector gave something that is no record"
    if not is_id(record.external_id) or "\0" in record.external_id:
        return "the external id is empty, too long, holds NUL or is no text"
    if not isinstance(record.payload, bytes):
        return "the payload is not bytes"
    if not isinstance(record.version, str) or "\0" in record.version or (record.version and not is_id(record.version)):
        return "the version is too long, holds NUL or is no text"
    return ""


def _addressed(record: Record, connection: str, stream: str) -> Record:
    return Record(record.external_id, record.payload, record.version, False, stream, connection)


def _guarded(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Yield what the plugin yields; whatever it does wrong becomes an error that stops this stream only."""
    try:
        for batch in batches:
            if not isinstance(batch, Batch):
                raise HubError(f"the plugin gave a {type(batch).__name__} instead of a batch.", hint=ASK_AUTHOR)
            yield batch
    except HubError:
        raise
    except MemoryError as error:
        raise HubError(
            "there was not memory enough to read this stream.", hint="Give it more, or smaller pages."
        ) from error
    except (Exception, SystemExit) as error:
        logger.warning("a plugin failed while reading: %s", type(error).__name__)
        raise HubError(f"the plugin failed: {type(error).__name__}: {str(error)[:200]}", hint=ASK_AUTHOR) from error


def _dictionary(records: Sequence[Record]) -> bytes:
    """Return the payload that stands for the shape of a stream: its first one."""
    for record in records:
        if isinstance(record, Record) and isinstance(record.payload, bytes) and record.payload:
            return record.payload[:MAX_DICTIONARY]
    return b""


def _with_last(batches: Iterator[Batch]) -> Iterator[tuple[Batch, bool]]:
    """Yield each batch and whether it is the last one, one batch ahead; a failure behind a batch does not lose it.

    Large pages come in pairs: stored in one transaction they touch the pages of an index once instead of twice.
    """
    batch = next(batches, None)
    while batch is not None:
        try:
            following = next(batches, None)
            if following is not None and _is_pair(batch, following):
                batch = structs.replace(following, records=[*batch.records, *following.records])
                following = next(batches, None)
        except HubError:
            yield batch, False
            raise
        yield batch, following is None
        batch = following


def _is_pair(one: Batch, other: Batch) -> bool:
    sizes = len(one.records), len(other.records)
    return (
        min(sizes) >= LARGE
        and max(sizes) <= 2 * LARGE
        and other.cursor is not None
        and not (one.present or one.complete)
    )


def stale(store: Store, connection: str) -> Callable[[str, Mapping[str, str]], set[str]]:
    """Return the function behind `Tools.stale` for one connection."""

    def ask(stream: str, versions: Mapping[str, str]) -> set[str]:
        with store.read() as reading:
            row = streams.open_stream(reading, connection, stream)
            known = streams.known_versions(reading, row.id, versions) if row else {}
        return {
            external_id for external_id, version in versions.items()
            if external_id not in known or known[external_id] != (version, False) or not version
        }  # fmt: skip

    return ask


def replay(
    store: Store,
    name: str,
    connector: Reads,
    stream: Stream,
    *,
    sources: Sources,
    clock: Callable[[], datetime],
    parked_only: bool = True,
    hold: Callable[[Connection, datetime], None] | None = None,
) -> Counts:
    """Normalise stored raw records again, for example after a plugin was mended; nothing comes in twice.

    `hold` fences each transaction against a sync of the same connection. Raises what it raises.
    """
    run = Run(store, name, connector, stream, sources=sources, clock=clock, hold=hold)
    with store.read() as connection:
        row = streams.open_stream(connection, name, stream.name)
    if row is None:
        return run.counts
    packer = run.packer = Packer(row.dictionary or b"")
    after = ""
    while True:
        with store.read() as connection:
            page = streams.read_records(connection, row.id, parked_only=parked_only, after=after, limit=500)
        if not page:
            break
        after = page[-1].external_id
        plan = Plan()
        now_text = instant_text(clock())
        for found in page:
            if found.deleted:
                continue
            known = Known(
                found.external_id,
                bytes(found.hash),
                found.mapped and bytes(found.mapped),
                found.version,
                False,
                found.problem,
                found.subjects,
            )
            with store.read() as connection:
                payload = streams.unpacked(connection, packer, found.payload)
            record = Record(found.external_id, payload, found.version, False, stream.name, name)
            mapped = normalise(connector, record)
            if mapped.problem == known.problem and mapped.hash == known.mapped:
                continue
            subjects = mapped.subjects if mapped.problem is None else known.subjects
            fresh = Known(
                known.external_id,
                known.hash,
                mapped.hash or known.mapped,
                known.version,
                False,
                mapped.problem,
                subjects,
            )
            packed = bytes(found.payload)  # as it lies there: its files are stored
            plan.rows_changed.append(streams.record_row(row.id, fresh, packed, now_text))
            run._plan_facts(known.external_id, known, mapped, plan, now_text)
        run.counts.read += len(page)
        run.counts.bad += len(plan.problems)
        run._store(row, Batch(), plan, complete=False, is_last=False)
    if not run.counts.bad:
        with store.write() as connection:
            now = store.now(connection)
            if hold:
                hold(connection, now)
            close_problem(connection, f"record/{name}/{stream.name}", now)
    return run.counts
