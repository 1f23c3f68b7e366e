"""Reads the calls of one exchange: rows gathered by conversation, judged when nothing more is written.

A conversation is handed on whole. If rows of it come later, it is handed on again and replaces what was said before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from hub.api import Batch, Check, Cursor, Event, Record, SettingsError, Stream, Tools, Unavailable

from .legs import created_at
from .master import MasterFile, Row
from .normalise import normalise
from .settings import AsteriskSettings

CALLS = Stream("calls", "Calls")
PIECE = 1000
LOOK = 500
LOOK_BYTES = 256 * 1024
FEW_ROWS = 50
WRONG_CLOCK = timedelta(minutes=10)


class Source(Protocol):
    """A growing list of call records: a file or a table."""

    @property
    def has_earlier(self) -> bool:
        """Tell whether the reading began in the middle."""

    def rows(self) -> Iterator[Row]:
        """Yield rows from where conversations may go on."""

    def is_new(self, row: Row) -> bool:
        """Tell whether the row may not have been judged yet."""

    def rows_of(self, keys: Collection[str]) -> Iterable[Row]:
        """Return all rows of some conversations, wherever they are."""

    def payload(self, rows: Sequence[Row]) -> bytes:
        """Return the rows of a conversation as received, each once."""

    def cursor(self, oldest: Row | None, restless: Row | None) -> Cursor | None:
        """Return where to begin next time: from `oldest` on more may come, from `restless` on nothing is judged."""

    def close(self) -> None:
        """Give back what is open."""


class Asterisk:
    """One exchange, read from its call records."""

    def __init__(self, settings: AsteriskSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools

    def check(self) -> Check:
        """Look at the newest records, and tell what the exchange should be told to log."""
        place, rows = self._look()
        good = [row for row in rows if not row.problem]
        if rows and not good:
            raise SettingsError(f"{place} holds no call records: {rows[-1].problem}", field="source")
        findings = [*self._logging_findings(good), *self._clock_findings(good)]
        if len(rows) > len(good):
            findings.append(
                (f"{len(rows) - len(good)} of {len(rows)} records are damaged", "See: hub record list --parked")
            )
        return Check(account=place, findings=tuple(findings))

    def streams(self) -> Sequence[Stream]:
        """Return the only stream."""
        return (CALLS,)

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Yield the conversations that are over, oldest first."""
        if stream.name != CALLS.name:
            raise ValueError(f"Asterisk has no stream {stream.name!r}")
        with closing(self._source(cursor or {})) as source:
            yield from _Reading(self._settings, self._tools, source).batches()

    def normalise(self, record: Record) -> Iterable[Event]:
        """Return what the conversation means."""
        return normalise(record, self._settings)

    def _source(self, cursor: Cursor) -> Source:
        if self._settings.is_database:
            from .client import CallTable  # the database library only where a database is read

            return CallTable(self._settings, cursor)
        return MasterFile(Path(self._settings.source), ZoneInfo(self._settings.zone), cursor, self._tools.log)

    def _look(self) -> tuple[str, list[Row]]:
        if self._settings.is_database:
            from .client import CallTable

            with closing(CallTable(self._settings, {})) as table:
                return f"{self._settings.table} at {table.place}", list(table.newest(LOOK))[::-1]
        path = Path(self._settings.source)
        with closing(MasterFile(path, ZoneInfo(self._settings.zone), {}, self._tools.log)) as file:
            return path.name, list(file.tail(LOOK_BYTES))

    def _logging_findings(self, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
        if any(row.is_weak for row in rows[-1:]):
            fix = "Set newcdrcolumns=yes in cdr.conf, or add the columns linkedid and sequence to the table."
            yield "the records lack linkedid: calls of several rows are joined less well", fix
        if len(rows) >= FEW_ROWS and not any(row.is_unanswered for row in rows):
            fix = "Set unanswered=yes in cdr.conf and reload; without it missed calls are lost."
            yield "none of the newest calls ended before a phone rang: perhaps such calls are not logged", fix

    def _clock_findings(self, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
        made = [(row.start, created_at(row.key)) for row in rows[-FEW_ROWS:]]
        gaps = [start - created for start, created in made if start and created]
        if gaps and min(map(abs, gaps)) > WRONG_CLOCK:
            hours = min(gaps, key=abs).total_seconds() / 3600
            yield f"the times are {hours:+.1f} hours off", "Correct zone; it is UTC where cdr.conf has usegmtime=yes."
        elif any(row.end and row.end > self._tools.clock.now() + WRONG_CLOCK for row in rows[-1:]):
            yield "the newest record is from the future", "Correct zone, or the clocks of both machines."


class _Conversation:
    """The rows of one conversation so far."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.rows: list[Row] = []
        self.end = datetime.min.replace(tzinfo=UTC)

    def add(self, row: Row) -> None:
        """Add the next row."""
        self.rows.append(row)
        self.end = max(self.end, row.end or self.end)


class _Reading:
    """One read: conversations in the order in which the first of their rows was written."""

    def __init__(self, settings: AsteriskSettings, tools: Tools, source: Source) -> None:
        self._overlap = settings.overlap
        self._quiet = timedelta(seconds=settings.quiet_seconds)
        self._source = source
        self._log = tools.log
        self._now = tools.clock.now()
        self._newest = datetime.min.replace(tzinfo=UTC) + settings.overlap
        self._began: datetime | None = None
        self._pending: dict[str, _Conversation] = {}
        self._over: set[int] = set()
        self._bad: list[Row] = []
        self._good = 0
        self._weak = 0

    def batches(self) -> Iterator[Batch]:
        """Yield what is surely over as we go, and at the end all that is quiet."""
        for number, row in enumerate(self._source.rows(), 1):
            self._add(row)
            if number % PIECE == 0:
                over = [it for it in self._pending.values() if not self._is_alive(it)]
                for conversation in over:
                    del self._pending[conversation.key]
                    self._over.add(hash(conversation.key))
                oldest = _first(self._pending.values())
                yield Batch(self._records(over), self._source.cursor(oldest, oldest))
        alive = [it for it in self._pending.values() if self._is_alive(it)]
        restless = [it for it in alive if self._is_restless(it)]
        quiet = [it for it in self._pending.values() if it not in restless]
        yield Batch(self._records(quiet), self._source.cursor(_first(alive), _first(restless)))
        if self._weak:
            self._log.warning("%d records lack linkedid: calls of several rows are joined less well", self._weak)

    def _add(self, row: Row) -> None:
        if row.problem:
            self._bad.append(row)
            return
        self._good += 1
        self._weak += row.is_weak and self._source.is_new(row)
        self._pending.setdefault(row.key, _Conversation(row.key)).add(row)
        if row.end:
            self._newest = max(self._newest, min(row.end, self._now))
            self._began = self._began or row.end

    def _is_alive(self, conversation: _Conversation) -> bool:
        """Tell whether more rows may come: calls that are longer than the longest one do not exist."""
        return conversation.end >= self._newest - self._overlap

    def _is_restless(self, conversation: _Conversation) -> bool:
        """Tell whether it ended just now. An end far in the future only means a wrong clock."""
        return self._now - self._quiet < conversation.end <= self._now + self._quiet

    def _records(self, conversations: Sequence[_Conversation]) -> list[Record]:
        if self._bad and not self._good:
            raise Unavailable(f"there are only lines that are no call records; the first: {self._bad[0].problem}")
        fresh = [it for it in conversations if any(map(self._source.is_new, it.rows))]
        whole = self._whole({it.key for it in fresh if self._may_be_cut(it)})
        records = [Record(it.key, self._source.payload([*whole.get(it.key, ()), *it.rows])) for it in fresh]
        for row in filter(self._source.is_new, self._bad):
            self._log.warning("line %d is no call record and is parked: %s", row.place[2] + 1, row.problem)
            payload = self._source.payload([row])
            records.append(Record(f"line-{blake2b(payload, digest_size=8).hexdigest()}", payload))
        self._bad.clear()
        return records

    def _may_be_cut(self, conversation: _Conversation) -> bool:
        """Tell whether rows of it may lie before those we have: it seemed over, or it began before our first row."""
        if hash(conversation.key) in self._over:
            return True
        created = created_at(conversation.key)
        return self._source.has_earlier and bool(created and self._began and created < self._began)

    def _whole(self, keys: set[str]) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self._source.rows_of(keys) if keys else ():
            found.setdefault(row.key, []).append(row)
        return found


def _first(conversations: Iterable[_Conversation]) -> Row | None:
    return next((it.rows[0] for it in conversations), None)
