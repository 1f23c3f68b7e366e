"""Makes the shared lab of the core tests importable by name, and their stores quick to make."""

import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hub.store.database import Store

LAB = Path(__file__).parents[1] / "core" / "lab"
if str(LAB) not in sys.path:
    sys.path.insert(0, str(LAB))


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new SQLite store to copy: quicker than to migrate for each test."""
    path = tmp_path_factory.mktemp("made") / "hub.db"
    store = Store(f"sqlite:///{path}")
    store.create()
    store.close()
    return path


@pytest.fixture(scope="session")
def _template(postgres_server: str) -> str:
    """The name of a database with a new store, to copy."""
    name = f"template_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    store = Store(_other(postgres_server, name))
    store.create()
    store.close()
    return name


def _other(url: str, name: str) -> str:
    head, _, options = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A fresh store, on each kind of database in turn."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("made_store"), tmp_path / "hub.db")
        store = Store(f"sqlite:///{tmp_path / 'hub.db'}", synchronous="normal")
        yield store
        store.close()
        return
    server = request.getfixturevalue("postgres_server")
    name = f"core_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('_template')}")
        store = Store(_other(server, name))
        yield store
        store.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
