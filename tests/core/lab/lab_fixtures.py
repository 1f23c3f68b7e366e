"""Fixtures of the tests that kill: forks of the hub, and empty stores of each kind."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from forks import Forks


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """The process that runs commands in forks of itself."""
    made = Forks()
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_stores(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    """Give addresses of empty stores of one kind, each for the time of a `with`."""
    if request.param == "sqlite":
        return lambda: _file(tmp_path)
    server: str = request.getfixturevalue("postgres_server")
    return lambda: _database(server)


@contextmanager
def _file(folder: Path) -> Iterator[str]:
    path = folder / f"{secrets.token_hex(4)}.db"
    yield f"sqlite:///{path}"
    for it in folder.glob(f"*{path.name}*"):
        it.unlink()


@contextmanager
def _database(server: str) -> Iterator[str]:
    name = f"kills_{secrets.token_hex(6)}"
    head, _, options = server.partition("?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
