"""An invented office: clients and a ticket from two sources, and the command line inside the process."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bureau import SCHOOL, Office

from hub.model.entities import Client, Contact, ContactPoint, Reference, Ticket
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


def furnished(office: Office) -> Office:
    """Let two sources know a school, a clinic, a ticket and a contact."""
    office.says("base", "1", Client(name="МБОУ «Школа № 5»", status="client", **SCHOOL))
    office.says("desk", "7", Client(name="Школа 5", **SCHOOL))
    office.says("base", "2", Client(name="КГБУЗ «Поликлиника»", inn="2466001236", points=(
        ContactPoint("phone", "+73912940853"),)))  # fmt: skip
    office.says("base", "k1", Contact(name="Сидорова Анна Ивановна", client=Reference("client", "1")))
    office.says("desk", "t1", Ticket(number="512", subject="Не сходится баланс", priority="urgent", state="open",
                                     client=Reference("client", "7")))  # fmt: skip
    return office
