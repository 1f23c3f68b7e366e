"""Reads the issues of one Redmine: what changed at each run, everything once a day.

The change filter misses deleted issues and edited comments. The full scan finds both: it compares all ids and marks
and fetches every issue again that is not closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from hub.api import Batch, Check, Cursor, Event, Record, Stream, Tools

from .client import RedmineClient, Row, read_time, write_time
from .normalise import is_over, normalise, priority_of, priority_word, state_of, state_word
from .settings import RedmineSettings

ISSUES = Stream("issues", "Issues", snapshot=True)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
CLOCK_TOLERANCE = timedelta(minutes=10)
SETTLED = timedelta(seconds=2)
NEVER = "2100-01-01T00:00:00Z"


class Redmine:
    """One Redmine, read with the key of one account."""

    def __init__(self, settings: RedmineSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._client = RedmineClient(settings, tools.http)

    def check(self) -> Check:
        """Sign in, and tell what of the installation does not fit the settings."""
        user, server_time = self._client.whoami()
        findings = [*self._unclear_statuses(), *self._unclear_priorities(), *self._missing_field()]
        if self._client.page("id", 0, since=NEVER, limit=1).total_count:
            findings.append(
                ("the server ignores the filter updated_on", "Look for what stands between, such as a proxy.")
            )
        if server_time and abs(server_time - self._tools.clock.now()) > CLOCK_TOLERANCE:
            findings.append(("the clocks of the server and of this machine differ", "Set both by a time server."))
        return Check(account=user.login or str(user.id), server_time=server_time, findings=tuple(findings))

    def streams(self) -> Sequence[Stream]:
        """Return the only stream."""
        return (ISSUES,)

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Yield changed issues, then at times the whole."""
        if stream.name != ISSUES.name:
            raise ValueError(f"Redmine has no stream {stream.name!r}")
        _, server_time = self._client.whoami()
        now = server_time or self._tools.clock.now()
        yield from _Reading(self._settings, self._tools, self._client, cursor or {}, now).batches()

    def normalise(self, record: Record) -> Iterable[Event]:
        """Return what the issue means."""
        return normalise(record, self._settings)

    def _unclear_statuses(self) -> Iterator[tuple[str, str]]:
        mapped, statuses = self._settings.statuses, self._client.statuses()
        for status in statuses:
            if status.id not in mapped and not status.is_closed and state_word(status.name) is None:
                state = state_of(status.id, status.name, status.is_closed, mapped)
                yield f"status {status.id} «{status.name}» is read as {state}", f"Name {status.id} in statuses."
        for status_id in mapped.keys() - {status.id for status in statuses}:
            yield f"the server has no status {status_id}", "Correct the setting statuses."

    def _unclear_priorities(self) -> Iterator[tuple[str, str]]:
        mapped, priorities = self._settings.priorities, self._client.priorities()
        for priority in priorities:
            if priority.id not in mapped and priority_word(priority.name) is None:
                meaning = priority_of(priority.id, priority.name, mapped)
                yield (
                    f"priority {priority.id} «{priority.name}» is read as {meaning}",
                    f"Name {priority.id} in priorities.",
                )
        for priority_id in mapped.keys() - {priority.id for priority in priorities}:
            yield f"the server has no priority {priority_id}", "Correct the setting priorities."

    def _missing_field(self) -> Iterator[tuple[str, str]]:
        wanted = self._settings.client_field
        for row in self._client.page("updated_on:desc", 0, limit=1).issues:
            fields = row.custom_fields or []
            if not any(wanted in (str(field.id), field.name) for field in fields):
                known = ", ".join(f"{field.id} «{field.name}»" for field in fields) or "none"
                yield (
                    f"issues have no custom field {wanted!r}; they have {known}",
                    "Set client_field to its name or id.",
                )


class _Reading:
    """One read: where it stands and what it has fetched."""

    def __init__(
        self, settings: RedmineSettings, tools: Tools, client: RedmineClient, cursor: Cursor, now: datetime
    ) -> None:
        self._settings = settings
        self._tools = tools
        self._client = client
        self._now = now
        self._server_ahead = now - tools.clock.now()
        self._updated = self._known_time(cursor, "updated", self._now + CLOCK_TOLERANCE)
        self._scanned = self._known_time(cursor, "scanned", tools.clock.now() + CLOCK_TOLERANCE)
        self._fetched: dict[int, str] = {}
        self._told: set[int] = set()

    def _known_time(self, cursor: Cursor, name: str, latest: datetime) -> datetime:
        moment = read_time(cursor.get(name))
        if moment is None or moment > latest:
            if name in cursor:
                self._tools.log.warning("the cursor is unreadable or from the future; reading from the start")
            return BEGINNING
        return moment

    def batches(self) -> Iterator[Batch]:
        """Yield what changed since the cursor, and the whole when it is time."""
        since = max(self._updated - self._settings.overlap, BEGINNING)
        for page in self._client.changed(write_time(since)):
            rows = [row for row in page.issues if self._is_wanted(row)]
            batch = self._fetch(rows, self._stale(rows), page.total_count)
            changed = [moment for row in page.issues if (moment := read_time(row.updated_on))]
            self._updated = min(max([self._updated, *changed]), self._now)
            yield self._with_cursor(batch)
        started = self._tools.clock.now()
        if started - self._scanned >= self._settings.full_scan:
            yield from self._scan(started)

    def _scan(self, started: datetime) -> Iterator[Batch]:
        for page in self._client.all():
            rows = [row for row in page.issues if self._is_wanted(row)]
            again = {row.id for row in rows if self._is_open(row)} - self._fetched.keys()
            yield self._fetch(rows, self._stale(rows), page.total_count, again=again)
        self._client.whoami()  # a key that was revoked meanwhile would show the anonymous view: that is not the whole
        self._scanned = started
        yield self._with_cursor(Batch(complete=True))

    def _stale(self, rows: Sequence[Row]) -> set[int]:
        versions = {str(row.id): row.version for row in rows if self._fetched.get(row.id) != row.version}
        return {int(external_id) for external_id in self._tools.stale(ISSUES.name, versions)}

    def _fetch(self, rows: Sequence[Row], stale: set[int], expected: int, *, again: Iterable[int] = ()) -> Batch:
        records, present = [], []
        wanted = stale | set(again)
        self._settle([row for row in rows if row.id in wanted])
        for row in rows:
            if row.id not in wanted:
                if row.id not in self._told:
                    present.append(str(row.id))
                self._told.add(row.id)
                continue
            payload = self._client.issue(row.id)
            if payload is None:
                self._tools.log.info("issue %s went away while reading", row.id)
                continue
            self._fetched[row.id] = row.version
            self._told.add(row.id)
            records.append(Record(str(row.id), payload, version=row.version))
        return Batch(records, present=present, expected=expected)

    def _settle(self, rows: Sequence[Row]) -> None:
        """Wait until the second of the newest change is over: a comment that comes later in it has the same mark."""
        changed = [moment for row in rows if (moment := read_time(row.updated_on))]
        clock = self._tools.clock
        if changed and abs(clock.now() + self._server_ahead - max(changed)) < SETTLED:
            clock.sleep(SETTLED)

    def _with_cursor(self, batch: Batch) -> Batch:
        cursor = {"updated": write_time(self._updated), "scanned": write_time(self._scanned)}
        return Batch(batch.records, cursor, batch.present, batch.complete, batch.expected)

    def _is_wanted(self, row: Row) -> bool:
        projects = self._settings.projects
        return not projects or (row.project is not None and row.project.id in projects)

    def _is_open(self, row: Row) -> bool:
        return not is_over(state_of(row.status.id, row.status.name, row.status.is_closed, self._settings.statuses))
