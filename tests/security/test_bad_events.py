"""B-05, B-07, B-08, B-09, B-10, B-14, B-26 in `hub event import`: the line is named and nothing is imported.

Seen failing: the amount `1e99999999` took 100 MB in each list; a time at the edge of the calendar, an integer of 30
digits, deep JSON and broken UTF-8 ended in an error that nobody foresaw.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lab import Office

from hub.ingest import import_events
from hub.model.errors import BadRecord
from hub.projection import Sources
from hub.store.database import Store

SECONDS = 5
TODAY = datetime(2026, 5, 12, 2, 30, tzinfo=UTC)


def event(**changes: Any) -> dict[str, Any]:
    return {
        "id": "client/1",
        "source": "s",
        "type": "client.observed",
        "subject": "client/1",
        "data": {"name": "x"},
        **changes,
    }


def call(**data: Any) -> dict[str, Any]:
    head = {"id": "call/1", "type": "call.missed", "subject": "call/1", "time": "2026-01-01T00:00:00Z"}
    return event(**head, data={"number": "1", "direction": "inbound", **data})


def bill(**total: Any) -> dict[str, Any]:
    return event(id="invoice/1", type="invoice.observed", subject="invoice/1", data={"number": "1", "total": total})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path_factory.mktemp('import') / 'hub.db'}")
    made.create()
    yield made
    made.close()


def imported(store: Store, *lines: bytes) -> int:
    with store.write() as connection:
        return import_events(connection, lines, Sources(()), TODAY)


BAD_EVENTS: list[Any] = [
    event(time="0001-01-01T00:00:00+14:00"),
    event(time="9999-12-31T23:59:59-14:00"),
    event(time="2026-01-01T00:00:00"),
    event(time="2099-01-01T00:00:00Z", type="client.seen"),
    event(id=""),
    event(id="a\0b"),
    event(id="a\x1b]0;x"),
    event(id="x" * 3_000_000),
    event(subject="client/"),
    event(subject="nothing/1"),
    event(subject="client/" + "я" * 5000),
    event(subject="client/a\nclient/b"),
    event(source=""),
    event(source="a/b"),
    event(source="a\nb"),
    event(source="\u202e"),
    event(type="x\ny"),
    event(type="invoice.observed"),
    event(type=""),
    event(data=[]),
    event(data={}),
    event(data={"name": 1}),
    event(version=0),
    event(version=10**30),
    event(version=7),
    call(talk_seconds=10**30),
    call(started="2026-01-01T00:00:00"),
    call(started="0001-01-01T00:00:00+14:00"),
    call(started=1),
    bill(amount="NaN"),
    bill(amount="Infinity"),
    bill(amount="-sNaN"),
    bill(amount="1e99999999"),
    bill(amount="1e-99999999"),
    bill(amount="9" * 100),
    bill(amount="1,5"),
    bill(amount=None),
    b'{"id":"client/1","source":"s","type":"client.observed","subject":"client/1","data":' + b"[" * 100_000,
    b'{"id":"client/1","source":"s","type":"client.observed","subject":"client/1","data":{"name":"x","z":'
    + b"[" * 50_000
    + b"]" * 50_000
    + b"}}",
    b'{"id":"client/1","source":"s","type":"client.observed","subject":"client/1","data":{"name":"\\ud800"}}',
    b'{"id":"client/1","source":"s\xff"}',
    b"\xff",
    b"[",
    b"null",
    b"1",
    b'"' + b"x" * 11_000_000 + b'"',
]


@pytest.mark.parametrize("line", BAD_EVENTS, ids=range(len(BAD_EVENTS)))
def test_bad_events_import_nothing_and_name_the_line(store: Store, line: Any) -> None:
    """A-08, B-26."""
    began = time.monotonic()
    good = json.dumps(event(id="client/good", subject="client/good")).encode()
    with pytest.raises(BadRecord, match=r"line 2|known|version") as caught:
        imported(store, good, line if isinstance(line, bytes) else json.dumps(line).encode())
    assert time.monotonic() - began < SECONDS
    assert len(str(caught.value)) < 600
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM event").scalar() == 0


def test_control_good_events_are_imported(tmp_path: Path) -> None:
    fresh = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    fresh.create()
    lines = [event(), call(talk_seconds=5, started="2026-01-01T00:00:00+07:00"), bill(amount="12345678901234567.89")]
    assert imported(fresh, *(json.dumps(it).encode() for it in lines)) == 3
    fresh.close()


def test_a_line_of_a_hundred_megabytes_is_refused_without_reading_it(tmp_path: Path) -> None:
    office = Office(tmp_path / "o")
    office.ok("init")
    file = tmp_path / "long.jsonl"
    file.write_bytes(b'{"id":"' + b"x" * 100_000_000 + b'"}\n')
    done = office.fails("event", "import", str(file), code=1, says="line 1: longer than")
    assert done.seconds < 15
