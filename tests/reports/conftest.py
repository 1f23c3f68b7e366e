"""One store of each kind for all tests of reports, emptied after each: making a database takes longer than a report."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store.database import Store
from hub.store.tables import STATE, action, reminder

HERE = Path(__file__).parent / "lab"
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def kept_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that lives as long as the session."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("reports") / "hub.db"
        shutil.copyfile(request.getfixturevalue("made_file"), path)
        path.chmod(0o600)
        opened = Store(f"sqlite:///{path}")
    else:
        import psycopg

        server, made = request.getfixturevalue("postgres_server"), request.getfixturevalue("made_database")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE reports_once TEMPLATE {made}")
        head, _, options = server.partition("?")
        opened = Store(f"{head.rpartition('/')[0]}/reports_once" + (f"?{options}" if options else ""))
    yield opened
    opened.close()


@pytest.fixture
def store(kept_store: Store) -> Iterator[Store]:
    """The empty store of the session, on each kind of database in turn."""
    yield kept_store
    with kept_store.write() as connection:
        for table in (*STATE.values(), reminder, action):
            connection.execute(table.delete())
