"""Reading a growing file and a table: late rows, rotation, torn and endless lines, nothing judged too early."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from hub.api import Batch, Check, Record, SettingsError, Unavailable
from hub.testing import ConnectionTools
from hub.testing.peers.asterisk import TABLE_COLUMNS, AsteriskPeer, AsteriskTablePeer, Exchange
from hub_asterisk.connector import CALLS, PIECE, Asterisk
from hub_asterisk.settings import AsteriskSettings


class SetClock:
    """The time a test wants it to be."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment

    def sleep(self, duration: timedelta) -> None:
        self.moment += duration


class Hub:
    """What the hub keeps of one connection: records by id and the cursor."""

    def __init__(self, peer: Exchange, **given: str) -> None:
        self.settings = AsteriskSettings.model_validate({**peer.settings(), **given})
        self.clock = SetClock()
        self.records: dict[str, bytes] = {}
        self.cursor: Mapping[str, Any] | None = None

    def connector(self) -> Asterisk:
        stale = lambda _, versions: set(versions)  # noqa: E731
        return Asterisk(self.settings, ConnectionTools("phone", http=None, blobs=None, clock=self.clock, stale=stale))

    def check(self) -> Check:
        return self.connector().check()

    def read(self, *, stop_after: int = 10**9) -> list[str]:
        """Read, store, and return the ids that were handed on."""
        ids: list[str] = []
        with closing(self.connector().read(CALLS, self.cursor)) as batches:
            for number, batch in enumerate(batches, 1):
                ids += self.store(batch)
                if number == stop_after:
                    break
        return ids

    def store(self, batch: Batch) -> list[str]:
        self.records |= {record.external_id: record.payload for record in batch.records}
        self.cursor = msgspec.json.decode(msgspec.json.encode(batch.cursor)) if batch.cursor else self.cursor
        return [record.external_id for record in batch.records]

    def types(self) -> dict[str, str]:
        said = {key: list(self.connector().normalise(Record(key, payload))) for key, payload in self.records.items()}
        return {key: events[0].type for key, events in said.items()}


@pytest.fixture(params=[AsteriskPeer, AsteriskTablePeer])
def peer(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    made: Exchange = request.param()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def file() -> Iterator[AsteriskPeer]:
    made = AsteriskPeer()
    made.start()
    yield made
    made.stop()


NUMBER = "83912940853"
TALK = {"talk": 50, "src": NUMBER, "dst": "102", "channel": "SIP/trunk-00000001", "dstchannel": "SIP/102-00000003"}


def test_kinds_of_calls(peer: Exchange) -> None:
    hub = Hub(peer)
    ids = [peer.answered(NUMBER), peer.unanswered(NUMBER), peer.called(NUMBER), peer.in_menu(NUMBER)]
    hub.read()
    expected = ["call.connected", "call.missed", "call.connected", "call.missed"]
    assert hub.types() == dict(zip(ids, expected, strict=True))


def test_call_is_judged_when_it_is_quiet(peer: Exchange) -> None:
    hub = Hub(peer)
    peer._began = hub.clock.now().replace(microsecond=0) - timedelta(seconds=50)
    call = peer.unanswered(NUMBER)  # it ended 20 seconds ago
    assert hub.read() == []
    hub.clock.sleep(timedelta(seconds=30))
    assert hub.read() == []
    hub.clock.sleep(timedelta(seconds=15))
    assert hub.read() == [call]
    assert hub.types() == {call: "call.missed"}


def test_wrong_clock_delays_nothing(peer: Exchange) -> None:
    """F-22."""
    hub = Hub(peer)
    peer._began = hub.clock.now().replace(microsecond=0) + timedelta(hours=3)
    assert hub.read() == []
    call = peer.unanswered(NUMBER)
    assert hub.read() == [call]


def test_late_row_judges_anew(peer: Exchange) -> None:
    hub = Hub(peer)
    peer.add("calls", 5)
    call = peer.unanswered(NUMBER)
    hub.read()
    assert hub.types()[call] == "call.missed"
    before = hub.records[call]
    start = peer._calls[call][1]
    peer.row(call, start, 90, **TALK)
    assert call in hub.read()
    assert hub.types()[call] == "call.connected"
    assert len(rows(hub.records[call])) == len(rows(before)) + 1


def rows(payload: bytes) -> list[Any]:
    return json.loads(payload) if payload.startswith(b"[") else payload.split(b"\n")


@pytest.mark.parametrize("hours", [1, 3, 9])
def test_row_that_comes_hours_later_finds_its_conversation(peer: Exchange, hours: int) -> None:
    """F-22."""
    peer._began -= timedelta(hours=20)
    hub = Hub(peer)
    call = peer.unanswered(NUMBER)
    peer.add("calls", 3)
    hub.read()
    peer._began += timedelta(hours=hours)
    peer.add("calls", 3)
    hub.read()
    peer.row(call, peer._calls[call][1] + timedelta(hours=hours), 60, **TALK)
    hub.read()
    assert len(rows(hub.records[call])) == 3
    assert hub.types()[call] == "call.connected"


def test_call_that_lasted_hours_is_behind_the_watermark_and_found(peer: Exchange) -> None:
    hub = Hub(peer)
    peer._began -= timedelta(hours=6)
    long, start = peer._next(NUMBER, 3 * 3600)
    peer._began += timedelta(hours=3, minutes=30)
    peer.add("calls", 3)
    hub.read()
    peer.row(long, start, int(3.8 * 3600), talk=13000, src=NUMBER, dst="600", channel="SIP/trunk-00000001",
             dstchannel="SIP/101-00000002")  # fmt: skip
    assert long in hub.read()


def test_unchanged_file_hands_nothing_on(file: AsteriskPeer) -> None:
    hub = Hub(file)
    assert len(hub.read()) == len(file.add("calls", 0))
    ids = file.add("calls", 5)
    assert hub.read() == ids
    assert hub.read() == []


def test_stopped_anywhere_and_resumed_is_the_same(peer: Exchange) -> None:
    lines: list[dict[str, str]] = []
    written, peer.write = peer.write, lambda row: lines.append(dict(row))  # type: ignore[method-assign]
    peer._began -= timedelta(days=3)
    long = []
    for number in range(PIECE):
        if number % 300 == 7:
            long.append(peer.unanswered(NUMBER))
        peer._began += timedelta(seconds=150)
        peer.answered(NUMBER)
        if number % 300 == 290:
            peer.row(long[-1], peer._began, 60, **TALK)
    write_all(peer, lines)
    peer.write = written  # type: ignore[method-assign]
    undisturbed = Hub(peer)
    undisturbed.read()
    assert len(undisturbed.records) == PIECE + len(long)
    assert [len(rows(undisturbed.records[call])) for call in long] == [3] * (len(long) - 1) + [2]
    for stop in (1, 2):
        hub = Hub(peer)
        assert len(hub.read(stop_after=stop)) < len(undisturbed.records)
        hub.read()
        assert hub.records == undisturbed.records


def write_all(peer: Exchange, lines: list[dict[str, str]]) -> None:
    if isinstance(peer, AsteriskPeer):
        peer.path.write_text("".join(map(peer.line, lines)), encoding="utf-8")
        return
    with closing(sqlite3.connect(peer.path)) as database, database:
        known = [{**line, "calldate": line["start"]} for line in lines]
        marks = ", ".join("?" * len(TABLE_COLUMNS))
        values = [[line.get(name) for name in TABLE_COLUMNS] for line in known]
        database.executemany(f"INSERT INTO cdr VALUES ({marks})", values)


def test_last_line_is_taken_when_it_is_whole(file: AsteriskPeer) -> None:
    hub = Hub(file)
    first = file.called(NUMBER)
    second = file.called(NUMBER)
    whole = file.path.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 40, whole.index(b"\n") + 2):
        file.path.write_bytes(whole[:cut])
        hub.read()
        assert set(hub.records) == {first}
    file.path.write_bytes(whole)
    assert hub.read() == [second]


@pytest.mark.parametrize("copy", [False, True])
def test_rotation_loses_nothing(file: AsteriskPeer, copy: bool) -> None:
    hub = Hub(file)
    ids = file.add("calls", 4)
    hub.read()
    ids += file.add("calls", 4)
    open_call = file.unanswered(NUMBER)
    file.rotate(copy=copy)
    ids += file.add("calls", 4)
    file.row(open_call, file._calls[open_call][1], 60, **TALK)
    hub.read()
    assert set(hub.records) == {*ids, open_call}
    assert len(rows(hub.records[open_call])) == 3
    assert hub.read() == []


def test_row_after_a_rotation_finds_its_conversation_before_it(file: AsteriskPeer) -> None:
    hub = Hub(file)
    file.add("calls", 4)
    call = file.unanswered(NUMBER)
    hub.read()
    file.rotate()
    file.add("calls", 4)
    hub.read()
    file.row(call, file._calls[call][1], 60, **TALK)
    assert hub.read() == [call]
    assert len(rows(hub.records[call])) == 3


def test_rotation_that_leaves_nothing_behind_is_told(file: AsteriskPeer, caplog: pytest.LogCaptureFixture) -> None:
    hub = Hub(file)
    file.add("calls", 4)
    hub.read()
    file.rotate().unlink()
    later = file.add("calls", 9)
    with caplog.at_level(logging.WARNING):
        assert hub.read() == later
    assert "was replaced" in caplog.text


def test_file_written_anew_beyond_the_old_offset_is_read_from_the_start(file: AsteriskPeer) -> None:
    hub = Hub(file)
    file.add("calls", 2)
    hub.read()
    file.path.write_bytes(b"")
    later = file.add("calls", 8)
    assert hub.read() == later


def test_endless_line_is_left_out(file: AsteriskPeer, caplog: pytest.LogCaptureFixture) -> None:
    """B-19."""
    hub = Hub(file)
    first = file.called(NUMBER)
    with file.path.open("ab") as records:
        records.write(b'"' + b"x" * 50_000_000)
    assert hub.read() == [first]
    with file.path.open("ab") as records:
        records.write(b'"\n')
    second = file.called(NUMBER)
    with caplog.at_level(logging.WARNING):
        assert hub.read() == [second]
    assert "line 2 of Master.csv has more than 65536 bytes" in caplog.text


def test_damaged_line_is_parked_with_its_number(file: AsteriskPeer, caplog: pytest.LogCaptureFixture) -> None:
    hub = Hub(file)
    first = file.called(NUMBER)
    with file.path.open("ab") as records:
        records.write(b'"torn,\x00"\n')
    second = file.called(NUMBER)
    with caplog.at_level(logging.WARNING):
        hub.read()
    [parked] = set(hub.records) - {first, second}
    assert hub.records[parked] == b'"torn,\x00"'
    assert "line 2 is no call record" in caplog.text
    assert hub.read() == []


def test_file_of_something_else_is_an_error(file: AsteriskPeer) -> None:
    """B-19."""
    hub = Hub(file)
    file.add("calls", 3)
    text = file.path.read_text(encoding="utf-8")
    file.path.write_text(text.replace(",", ";"), encoding="utf-8")
    with pytest.raises(Unavailable, match="cannot be split at its commas"):
        hub.read()
    with pytest.raises(SettingsError, match="cannot be split at its commas"):
        hub.check()


@pytest.mark.parametrize(("columns", "is_weak"), [(16, True), (17, True), (18, True), (21, False)])
def test_fewer_columns_are_read_and_told(
    file: AsteriskPeer, columns: int, is_weak: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """B-19."""
    file.columns = columns
    hub = Hub(file)
    file.add("calls", 4)
    with caplog.at_level(logging.WARNING):
        assert len(hub.read()) == 4
    assert ("lack linkedid" in caplog.text) == is_weak
    assert any("newcdrcolumns" in fix for _, fix in hub.check().findings) == is_weak


class OlderTable(AsteriskTablePeer):
    """A table made by Asterisk's own schema of columns, without the newer ones; the time is called `start`."""

    table_columns = (
        "start", "answer", "end", "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata",
        "duration", "billsec", "disposition", "amaflags", "accountcode", "uniqueid",
    )  # fmt: skip


class OtherTable(AsteriskTablePeer):
    """Something that is no table of call records."""

    table_columns = ("calldate", "src", "dst", "uniqueid")


def test_table_of_other_columns() -> None:
    peer = OlderTable()
    peer.start()
    try:
        hub = Hub(peer)
        ids = peer.add("calls", 4)
        assert hub.read() == ids
        assert hub.types()[ids[0]] == "call.connected"
        assert any("linkedid" in what for what, _ in hub.check().findings)
    finally:
        peer.stop()


def test_table_that_is_none_is_named() -> None:
    peer = OtherTable()
    peer.start()
    try:
        with pytest.raises(SettingsError, match="lacks the columns billsec, channel"):
            Hub(peer).read()
        with pytest.raises(Unavailable, match="has no table calls"):
            Hub(peer, table="calls").read()
        with pytest.raises(SettingsError, match="driver"):
            Hub(peer, source="nosuchbase://hub@127.0.0.1/cdr").read()
    finally:
        peer.stop()


def test_absent_database_is_not_made(file: AsteriskPeer) -> None:
    absent = file.path.with_name("absent.db")
    with pytest.raises(Unavailable, match="does not exist"):
        Hub(file, source=f"sqlite:///{absent}").read()
    assert not absent.exists()


def test_check_is_content_with_a_good_exchange(peer: Exchange) -> None:
    peer.add("calls", 60)
    found = Hub(peer).check()
    assert found.findings == ()
    assert found.account


def test_check_misses_unanswered_calls(peer: Exchange) -> None:
    for _ in range(60):
        peer.answered(NUMBER)
    assert ["unanswered=yes" in fix for _, fix in Hub(peer).check().findings] == [True]


def test_check_notices_the_wrong_zone(peer: Exchange) -> None:
    peer.add("calls", 4)
    [(what, fix)] = Hub(peer, zone="Europe/Moscow").check().findings
    assert what == "the times are +4.0 hours off"
    assert "zone" in fix
