"""Open the store: SQLite by default, PostgreSQL by address; safe settings, one writer at a time, clear errors."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from hub.model.errors import HubError, Unavailable
from hub.stop_points import stop_point

APPLICATION_ID = 0x48554253
"""Marks a SQLite file as a store of the hub."""
BUSY_MILLISECONDS = 30_000
WAL_RACE_FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every schema from the first to this version's, so that opening a store need not load Alembic; checked by a test."""


class StoreError(HubError):
    """The store cannot be opened or used; nothing was written."""


class Store:
    """An open store. `read()` and `write()` give connections; a write is one transaction, committed at the end."""

    def __init__(self, url: str, *, synchronous: str = "full") -> None:
        try:
            self.url: URL = make_url(url)
        except Exception as error:
            raise StoreError(
                "the address of the store cannot be understood.", hint="For example: sqlite:///hub.db"
            ) from error
        self.path: Path | None = None
        if self.url.get_backend_name() == "sqlite":
            self.path = Path(self.url.database or "hub.db")
            self.engine = _sqlite(self.url, synchronous)
        elif self.url.get_backend_name() == "postgresql":
            self.engine = _postgresql(self.url)
        else:
            raise StoreError(f"a store of kind {self.url.get_backend_name()!r} is not supported.",
                             hint="Use sqlite:/// or postgresql://")  # fmt: skip

    @property
    def is_sqlite(self) -> bool:
        """Tell whether the store is a file."""
        return self.path is not None

    def now(self, connection: Connection) -> datetime:
        """Return the store's clock: the server's on PostgreSQL, so that machines agree; this machine's on SQLite."""
        if self.is_sqlite:
            return datetime.now(UTC)
        moment: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return moment.astimezone(UTC)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one consistent state and writes nothing."""
        with _clear_errors(self), self.engine.connect() as connection:
            connection.info["immediate"] = False
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a writing transaction; commit at the end, roll back on any error."""
        with _clear_errors(self), self.engine.connect() as connection:
            connection.info["immediate"] = True
            try:
                with connection.begin():
                    yield connection
                    stop_point("commit")
            finally:
                connection.info["immediate"] = False
        stop_point("committed")

    def take_stock(self) -> None:
        """Have PostgreSQL count the log before it is asked many questions.

        Some time after a large load it does so by itself; until then it takes the log for small and reads all of it to
        answer each. SQLite needs no such figures.
        """
        if not self.is_sqlite:
            with self.write() as connection:
                connection.execute(text("ANALYZE event, event_data"))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def create(self) -> None:
        """Make a new store or bring an older one up to date; a newer or foreign one is refused."""
        if self.path is not None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self.upgrade()

    def upgrade(self) -> None:
        """Bring the schema to this version in one transaction. Raises StoreError for a newer or foreign store."""
        self._refuse_unknown(self.revision(), may_be_empty=True)
        with _clear_errors(self), self.engine.connect() as connection:
            connection.info["immediate"] = True
            with connection.begin():
                _migrate(connection)
                stop_point("migrate")
            connection.info["immediate"] = False
            if self.is_sqlite:
                connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")

    def open(self) -> Store:
        """Check that this is a store of this version. Raises StoreError that says what to run."""
        try:
            if self.path is not None:
                _check_file(self.path)
            self._refuse_unknown(self.revision(), may_be_empty=False)
        except BaseException:
            self.close()
            raise
        return self

    def revision(self) -> str | None:
        """Return the schema's revision, `None` for an empty database."""
        with _clear_errors(self), self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return found

    def _refuse_unknown(self, revision: str | None, *, may_be_empty: bool) -> None:
        if revision is None:
            if not may_be_empty:
                raise StoreError(f"{self.name} is no store of the hub.", hint="Run: hub init")
            return
        if revision not in REVISIONS:
            raise StoreError(f"{self.name} was made by a newer hub (schema {revision}).", hint="Update the hub first.")
        if revision != REVISIONS[-1] and not may_be_empty:
            raise StoreError(f"{self.name} has the older schema {revision}.", hint="Run: hub db upgrade")

    @property
    def name(self) -> str:
        """Return how to call the store in a message, without user and password."""
        return str(self.path) if self.path is not None else f"the database {self.url.database} on {self.url.host}"


def _migrate(connection: Connection) -> None:
    from alembic import command  # 0.3 s to import: only who changes a schema pays for it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def wal_is_safe(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Tell whether this SQLite has the fix of the WAL-reset race (3.51.3, 3.50.7 and 3.44.6; since 3.7.0 broken)."""
    return version >= (3, 51, 3) or any(version[:2] == fixed[:2] and version >= fixed for fixed in WAL_RACE_FIXED)


def _sqlite(url: URL, synchronous: str) -> Engine:
    engine = create_engine(
        url, hide_parameters=True, poolclass=QueuePool, pool_size=8, max_overflow=8,
        connect_args={"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False},
    )  # fmt: skip
    journal = "WAL" if wal_is_safe() else "TRUNCATE"

    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # transactions are begun below, not by the driver
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        cursor.execute("PRAGMA page_size = 8192")
        cursor.execute(f"PRAGMA journal_mode = {journal}")
        cursor.execute(f"PRAGMA synchronous = {'FULL' if synchronous == 'full' else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -12000")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("immediate") else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_size=8,
            max_overflow=8,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "application_name": "svyazka"},
        )
    except ModuleNotFoundError as error:
        raise StoreError("PostgreSQL needs psycopg.", hint="Run: pip install 'svyazka[postgres]'") from error

    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        """Have rows looked up by their keys: by default a jump is thought as dear as on a disk that turns."""
        raw.autocommit = True  # a setting of the session, of which a transaction rolled back would take it away
        raw.execute("SET random_page_cost = 1.1")
        raw.autocommit = False

    return engine


def _check_file(path: Path) -> None:
    if not path.exists():
        raise StoreError(f"{path} is not there.", hint="Run: hub init, or bring the file back from a backup.")
    if path.stat().st_size == 0:
        raise StoreError(f"{path} is empty.", hint="Restore a backup; remove the file only if no store was ever there.")
    try:
        with path.open("rb") as stream:
            header = stream.read(72)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.", hint="Check owner and rights.") from error
    if header[:16] != b"SQLite format 3\x00" or int.from_bytes(header[68:72], "big") not in (APPLICATION_ID, 0):
        raise StoreError(f"{path} is no store of the hub.", hint="Check `store:` in the configuration.")
    if not os.access(path.parent, os.W_OK):
        raise StoreError(f"the folder {path.parent} is read-only.", hint="SQLite needs to write beside the file.")


@contextmanager
def _clear_errors(store: Store) -> Iterator[None]:
    """Turn what drivers say into one sentence with a fix."""
    try:
        yield
    except Exception as error:
        is_bare = type(error).__module__.partition(".")[0] == "psycopg"  # from COPY, which SQLAlchemy does not see
        if not is_bare and not isinstance(error, DBAPIError):
            raise
        said = str(getattr(error, "orig", error)).lower()
        if "full" in said or "no space left" in said or "file too large" in said:
            raise StoreError(
                "the disk is full; nothing of this step was stored.", hint="Make room; the hub goes on by itself."
            ) from error
        if "locked" in said or "busy" in said:
            raise Unavailable("another program holds the store for too long.", hint="Try again.") from error
        if "malformed" in said or "not a database" in said:
            raise StoreError(f"{store.name} is damaged.", hint="Restore a backup: hub db restore FILE") from error
        if "readonly" in said or "read-only" in said or "unable to open" in said or "disk i/o" in said:
            raise StoreError(
                f"{store.name} cannot be opened or written.", hint="Check folder, rights and disk."
            ) from error
        code = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
        is_silent = isinstance(error, OperationalError) or type(error).__name__ == "OperationalError"
        if not store.is_sqlite and is_silent and code[:2] in ("", "08", "53", "55", "57"):
            raise Unavailable(
                f"{store.name} does not answer.", hint="Check the address and that PostgreSQL runs."
            ) from error
        if is_bare:  # its words hold what was to be stored
            raise StoreError(f"{store.name} refused to store rows ({type(error).__name__}).") from None
        raise
