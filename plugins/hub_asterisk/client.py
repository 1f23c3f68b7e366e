"""The table of call records in a database, whatever its columns are called: `calldate` or `start`, with or without ids.

A row is written at the end of a call and bears the time of its start, so each read reaches back by the longest call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from hub.api import AuthError, BadRecord, Cursor, SettingsError, Unavailable

from .legs import leg_of
from .master import Row, row_of
from .normalise import rows_of
from .settings import AsteriskSettings

NEEDED = frozenset({"src", "dst", "channel", "dstchannel", "lastapp", "duration", "billsec", "disposition"})
_REFUSED = ("password authentication failed", "access denied", "login failed", "no password supplied")
_PIECE = 500


class CallTable:
    """One reading of the table."""

    def __init__(self, settings: AsteriskSettings, cursor: Cursor) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.zone)
        self._since = self._bound(cursor)
        self._last: datetime | None = None
        self._open = ExitStack()
        self._engine = self._made_engine()
        try:
            self._connection = self._open.enter_context(self._engine.connect())
            found = sa.inspect(self._connection).get_columns(settings.table)
        except NoSuchTableError as error:
            self.close()
            raise Unavailable(
                f"{self.place} has no table {settings.table}.", hint="Set table, or repair the exchange."
            ) from error
        except SQLAlchemyError as error:
            self.close()
            raise self._trouble(error) from error
        self.columns = {str(column["name"]): column["type"] for column in found}
        self._start = self._start_column()

    @property
    def place(self) -> str:
        """Return the address without a password."""
        return sa.make_url(self._settings.source).render_as_string(hide_password=True)

    def close(self) -> None:
        """Give the connection back."""
        self._open.close()

    def rows(self) -> Iterator[Row]:
        """Yield the rows that began after the lower bound, by start."""
        condition = sa.true() if self._since is None else self._start >= self._written(self._since)
        for row in self._select(condition, self._connection):
            if row.start is not None:
                self._last = max(self._last or row.start, row.start)
            yield row

    def is_new(self, row: Row) -> bool:
        """Tell that any row may be new: a table does not say when a row came."""
        return bool(row.raw)

    def payload(self, rows: Sequence[Row]) -> bytes:
        """Return the rows as a JSON array of objects with text values."""
        return b"[" + b",".join(dict.fromkeys(row.raw for row in rows)) + b"]"

    @property
    def has_earlier(self) -> bool:
        """Tell whether the reading began in the middle."""
        return self._since is not None

    def rows_of(self, keys: Collection[str]) -> Iterator[Row]:
        """Yield all rows of these conversations."""
        name = next((name for name in self.columns if name.lower() == "linkedid"), "")
        wanted = sorted(keys) if name else []
        for place in range(0, len(wanted), _PIECE):
            with self._engine.connect() as connection:  # another one, because the rows still come over ours
                yield from self._select(sa.column(name).in_(wanted[place : place + _PIECE]), connection)

    def cursor(self, oldest: Row | None, restless: Row | None) -> Cursor | None:
        """Return the start of the newest row, or of the oldest one that is not judged; the overlap covers the rest."""
        del oldest
        starts = [start for start in (self._last, restless.start if restless else None) if start]
        return {"start": min(starts).isoformat()} if starts else None

    def newest(self, count: int) -> Iterator[Row]:
        """Yield the newest rows, for a look at the format."""
        yield from self._select(sa.true(), self._connection, newest=count)

    def _select(
        self, condition: sa.ColumnElement[bool], connection: sa.Connection, *, newest: int = 0
    ) -> Iterator[Row]:
        names: list[sa.ColumnClause[Any]] = [sa.column(name) for name in self.columns]
        query = sa.select(*names).select_from(sa.table(self._settings.table)).where(condition)
        if newest:
            query = query.order_by(self._start.desc()).limit(newest)
        else:
            ordered = [name for name in self.columns if name.lower() in ("sequence", "uniqueid")]
            query = query.order_by(self._start, *map(sa.column, sorted(ordered)))
        try:
            answer = connection.execution_options(yield_per=1000).execute(query)
            for number, values in enumerate(answer.mappings()):
                yield self._row(number, {name: _text(value) for name, value in values.items()})
        except SQLAlchemyError as error:
            raise self._trouble(error) from error

    def _row(self, number: int, values: dict[str, str | None]) -> Row:
        raw = msgspec.json.encode(values)
        place = (0, number, number)
        try:
            row = rows_of(b"[" + raw + b"]")[0]
            leg = leg_of(row, self._zone)
            return row_of(place, raw, row, leg)
        except BadRecord as error:
            return Row(place, raw, problem=str(error))

    def _made_engine(self) -> sa.Engine:
        settings = self._settings
        try:
            url = sa.make_url(settings.source)
        except SQLAlchemyError as error:
            raise SettingsError("the address of the database cannot be read.", field="source") from error
        if settings.password is not None:
            url = url.set(password=settings.password.get_secret_value())
        if url.get_backend_name() != "sqlite":
            return _create(url, connect_args={"connect_timeout": 10})
        path = Path(url.database or "")
        if not path.is_file():
            raise Unavailable(f"{path} does not exist.", hint="Is the folder of the exchange mounted?")
        read_only = f"file:{quote(str(path.resolve()))}?mode=ro"
        return _create(url.set(database=read_only).update_query_dict({"uri": "true"}))

    def _start_column(self) -> sa.ColumnElement[Any]:
        lower = {name.lower(): name for name in self.columns}
        missing = sorted(NEEDED - lower.keys())
        if missing or not lower.keys() & {"start", "calldate"}:
            missing += [] if lower.keys() & {"start", "calldate"} else ["start or calldate"]
            self.close()
            raise SettingsError(
                f"the table {self._settings.table} lacks the columns {', '.join(missing)}.",
                field="table",
                hint="Is it the table of call detail records?",
            )
        return sa.column(lower.get("start") or lower["calldate"])

    def _written(self, moment: datetime) -> object:
        """Write a time as the column holds it."""
        kind = self.columns[self._start.name]
        is_text = self._connection.dialect.name == "sqlite" or isinstance(kind, sa.String)
        if getattr(kind, "timezone", False) and not is_text:
            return moment
        local = moment.astimezone(self._zone).replace(tzinfo=None, microsecond=0)
        return local.isoformat(sep=" ") if is_text else local

    def _bound(self, cursor: Cursor) -> datetime | None:
        text = cursor.get("start")
        try:
            moment = datetime.fromisoformat(text) if isinstance(text, str) else None
            return moment.astimezone(UTC) - self._settings.overlap if moment and moment.tzinfo else None
        except (ValueError, OverflowError):
            return None

    def _trouble(self, error: SQLAlchemyError) -> Exception:
        words = str(error.orig).lower() if isinstance(error, DBAPIError) else ""
        if any(refused in words for refused in _REFUSED):
            return AuthError(f"{self.place} refused user and password.", hint="Check user in source, and password.")
        return Unavailable(f"{self.place} cannot be read ({type(getattr(error, 'orig', None) or error).__name__}).")


def _create(url: sa.URL, **given: Any) -> sa.Engine:
    try:
        return sa.create_engine(url, poolclass=NullPool, hide_parameters=True, **given)
    except (ImportError, SQLAlchemyError) as error:
        raise SettingsError(
            f"the driver for {url.drivername} is not installed.", field="source", hint="Install it with pip."
        ) from error


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
