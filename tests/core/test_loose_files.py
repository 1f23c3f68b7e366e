"""Files go with the last letter that brought them, and never with one that still names them or is about to."""

from __future__ import annotations

import base64
import hashlib
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from inside import NOW
from sqlalchemy import select, update

from hub.config import load_config
from hub.connections import Hub
from hub.daemon import Daemon
from hub.model.connector import Batch, Cursor, Record, Stream
from hub.model.events import Event
from hub.plugins import Plugins
from hub.projection import Sources
from hub.store import cutting, loose
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta
from hub.store.packing import CUT
from hub.store.streams import damaged_records
from hub.store.tables import blob, record
from hub.store.types import instant_text
from hub.sync import Change, Run
from hub.tools import SystemClock

PRICES, SCAN = random.Random(1).randbytes(6_000), random.Random(2).randbytes(5_000)


def letter(name: str, *contents: bytes) -> bytes:
    parts = [f"Subject: {name}\n\n--b".encode()]
    for it in contents:
        flat = base64.b64encode(it)
        lines = b"\n".join(flat[start : start + 76] for start in range(0, len(flat), 76))
        parts.append(b"\nContent-Transfer-Encoding: base64\n\n" + lines + b"\n--b")
    return b"".join(parts)


class Letters:
    """A source of raw letters; without a content a letter is gone at the source."""

    def __init__(self, letters: dict[str, bytes | None]) -> None:
        self.letters = letters

    def streams(self) -> list[Stream]:
        return [Stream("letters", "Letters")]

    def read(self, _stream: Stream, _cursor: Cursor | None) -> Iterator[Batch]:
        yield Batch([Record(key, raw or b"", deleted=raw is None) for key, raw in self.letters.items()])

    def normalise(self, _record: Record) -> Iterable[Event]:
        return []


def comes(store: Store, report: Callable[[Change], None] | None = None, /, **letters: bytes | None) -> None:
    source = Letters(letters)
    run = Run(store, "office", source, source.streams()[0], sources=Sources([]), clock=lambda: NOW)
    run.execute(report=report)


def kept(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(select(blob.c.digest)).scalars())


def names(*contents: bytes) -> set[str]:
    return {hashlib.sha256(it).hexdigest() for it in contents}


def damage(store: Store) -> list[str]:
    with store.read() as connection:
        return list(damaged_records(connection))


@pytest.fixture
def daemon(store: Store, tmp_path: Path) -> Daemon:
    (tmp_path / "hub.yaml").write_text("zone: Asia/Krasnoyarsk\n", encoding="utf-8")
    return Daemon(Hub(load_config(tmp_path / "hub.yaml"), Plugins(), store, SystemClock()), {})


def test_a_file_goes_with_the_last_letter_that_brought_it(store: Store, daemon: Daemon) -> None:
    """The daemon looks once a day; of a letter with many files the last is kept as well as the first."""
    many = [random.Random(number).randbytes(2_000 + number) for number in range(10, 30)]
    comes(store, many=letter("many", *many), one=letter("one", PRICES, SCAN), other=letter("other", PRICES))
    comes(store, one=None)
    daemon.tidy()
    assert kept(store) == names(PRICES, *many)
    comes(store, other=letter("other"))
    daemon.tidy()
    assert kept(store) == names(PRICES, *many), "it was looked twice on one day"
    with store.write() as connection:
        assert get_meta(connection, "blobs/collected")
        yesterday = store.now(connection) - timedelta(days=1, minutes=1)
        set_meta(connection, "blobs/collected", instant_text(yesterday))
    daemon.tidy()
    assert kept(store) == names(*many)
    assert damage(store) == []


def test_a_file_that_is_forgotten_while_a_letter_comes_that_brings_it_again(store: Store) -> None:
    """The worst moment: a sync finds the file stored and leaves it out, it is forgotten, then the sync stores."""
    comes(store, one=letter("one", PRICES, SCAN))
    comes(store, one=None)
    forgotten: list[int] = []
    comes(store, lambda _change: forgotten.append(loose.collect(store)), other=letter("other", PRICES))
    assert forgotten == [2]
    assert damage(store) == []
    assert kept(store) == names(PRICES)


def test_what_a_sync_has_in_hand_is_left_and_what_is_being_forgotten_is_stored_again(store: Store) -> None:
    """Two transactions at once, in either order; SQLite has one writer at a time, PostgreSQL locks the piece."""
    raw = letter("one", PRICES)
    comes(store, one=raw)
    comes(store, one=None)
    (digest,) = kept(store)

    def keep() -> None:
        with store.write() as connection:
            cutting.keep(connection, [digest], [raw])

    if not store.is_sqlite:
        with store.write() as connection:
            cutting.keep(connection, [digest], [raw])
            assert loose.collect(store) == 0
    late = threading.Thread(target=keep)
    with store.write() as connection:
        assert loose.forget(connection, [digest]) == 1
        late.start()
        late.join(0.2)  # it waits for this transaction; one that did not would find the piece and keep nothing
    late.join()
    assert kept(store) == {digest}


def test_nothing_is_forgotten_beside_a_damaged_record(
    store: Store, daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    comes(store, one=letter("one", PRICES), other=letter("other", SCAN))
    comes(store, one=None)
    with store.write() as connection:
        spoilt = CUT + (3).to_bytes(4, "big") + b"\xff\xff\xff"
        connection.execute(update(record).where(record.c.external_id == "other").values(payload=spoilt))
    daemon.tidy()
    assert kept(store) == names(PRICES, SCAN)
    assert "hub doctor --deep" in caplog.text
