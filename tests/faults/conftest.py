"""Makes the shared lab of the core tests importable by name."""

import sys
from pathlib import Path

import pytest

from hub.store.database import Store

LAB = Path(__file__).parents[1] / "core" / "lab"
if str(LAB) not in sys.path:
    sys.path.insert(0, str(LAB))

from lab_fixtures import empty_stores, forks  # noqa: E402, F401 found on the path made above


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new SQLite store to copy: quicker than to migrate for each test."""
    path = tmp_path_factory.mktemp("made") / "hub.db"
    store = Store(f"sqlite:///{path}")
    store.create()
    store.close()
    return path
