"""An invented office: clients and a ticket from two sources, and the command line inside the process."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bureau import Office, furnished

from hub.store.database import Store


@pytest.fixture
def made(tmp_path: Path, sqlite_url: str, made_file: Path) -> Iterator[Callable[..., Office]]:
    """Make an office with settings of its own, on SQLite."""
    opened = Store(sqlite_url)
    shutil.copyfile(made_file, str(opened.path))
    yield lambda **settings: Office(tmp_path, opened, settings)
    opened.close()


@pytest.fixture
def office(made: Callable[..., Office]) -> Office:
    """The furnished office on SQLite."""
    return furnished(made())


@pytest.fixture
def each_office(tmp_path: Path, store: Store) -> Office:
    """The furnished office on each kind of store in turn."""
    return furnished(Office(tmp_path, store, {}))
