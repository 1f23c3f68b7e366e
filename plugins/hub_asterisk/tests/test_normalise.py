"""What conversations mean: missed, connected, ended; who and how long; and what damaged records do."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import BadRecord, Call, Event, Record
from hub.testing.peers.asterisk import CSV_COLUMNS, AsteriskPeer
from hub_asterisk.legs import columns_of
from hub_asterisk.normalise import normalise
from hub_asterisk.settings import AsteriskSettings

SAMPLES = Path(__file__).parents[3].parent / "shared" / "data" / "telephony" / "asterisk"
beside = pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded samples are not beside the project")
WRITER = AsteriskPeer()
TRUNK = "SIP/trunk-00000001"


def settings(**given: Any) -> AsteriskSettings:
    defaults = {
        "source": "Master.csv",
        "zone": "Asia/Krasnoyarsk",
        "area_code": "391",
        "trunks": "SIP/trunk, from-trunk",
    }
    return AsteriskSettings.model_validate({**defaults, **given})


def row(**given: Any) -> dict[str, str]:
    defaults = {
        "src": "83912940853", "dst": "600", "dcontext": "default", "channel": TRUNK, "dstchannel": "SIP/101-00000002",
        "lastapp": "Dial", "start": "2026-05-12 10:00:00", "duration": "30", "billsec": "0", "disposition": "NO ANSWER",
        "amaflags": "DOCUMENTATION", "uniqueid": "1778554800.1", "linkedid": "1778554800.1", "sequence": "1",
    }  # fmt: skip
    return {**defaults, **{name: str(value) for name, value in given.items()}}


def talked(seconds: int, **given: Any) -> dict[str, str]:
    return row(**{"disposition": "ANSWERED", "duration": seconds + 10, "billsec": seconds, **given})


def event(*rows: dict[str, str], **given: Any) -> Event:
    payload = "".join(map(WRITER.line, rows)).encode().rstrip(b"\n")
    [from_file] = normalise(Record("1778554800.1", payload), settings(**given))
    table = [{**it, "calldate": it["start"]} for it in rows]
    [from_table] = normalise(Record("1778554800.1", json.dumps(table).encode()), settings(**given))
    assert from_file == from_table
    return from_file


def call(*rows: dict[str, str], **given: Any) -> Call:
    data = event(*rows, **given).data
    assert isinstance(data, Call)
    return data


def test_five_phones_and_nobody_answers_is_one_missed_call() -> None:
    found = event(*(row(dstchannel=f"SIP/10{phone}-0000000{phone}", sequence=phone) for phone in range(1, 6)))
    assert (found.type, found.key(), found.time) == (
        "call.missed",
        "call/1778554800.1",
        datetime(2026, 5, 12, 3, tzinfo=UTC),
    )
    assert found.data == Call(
        number="+73912940853",
        raw_number="83912940853",
        direction="inbound",
        extension="105",
        line="600",
        started=datetime(2026, 5, 12, 3, tzinfo=UTC),
        ended=datetime(2026, 5, 12, 3, 0, 30, tzinfo=UTC),
        wait_seconds=30,
        state="missed",
        legs=5,
    )


def test_one_of_many_phones_answers() -> None:
    data = call(row(), talked(50, dstchannel="PJSIP/102-00000003", sequence=2))
    assert (data.state, data.extension, data.talk_seconds, data.wait_seconds) == ("connected", "102", 50, 10)


ALONE = {"disposition": "ANSWERED", "billsec": 25, "dstchannel": ""}


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([row(dstchannel="", lastapp="NoOp")], "missed"),
        ([row(**ALONE, lastapp="BackGround")], "missed"),
        ([row(), row(**ALONE, lastapp="VoiceMail")], "missed"),
        ([row(**ALONE, lastapp="Queue")], "missed"),
        ([row(disposition="BUSY")], "missed"),
        ([row(disposition="CONGESTION")], "missed"),
        ([talked(0)], "missed"),
        ([talked(25, dstchannel="Local/101@q-00000001;1", lastapp="Queue")], "missed"),
        ([talked(25, dstchannel="Local/101@q-00000001;1", lastapp="Queue"),
          talked(24, channel="Local/101@q-00000001;2", dstchannel="", lastapp="VoiceMail")], "missed"),
        ([talked(25, dstchannel="Local/101@q-00000001;1", lastapp="Queue"),
          talked(24, channel="Local/101@q-00000001;2", dstchannel="SIP/101-00000002", src="600")], "connected"),
        ([talked(25)], "connected"),
        ([talked(25, dstchannel="SIP/trunk-00000007")], "connected"),
        ([row(channel="SIP/101-00000001", dstchannel=TRUNK, src="101", dst="89161234567")], "ended"),
        ([row(channel="SIP/101-00000001", **ALONE, src="101", dst="89161234567", lastapp="Dial")], "connected"),
        ([row(channel="SIP/101-00000001", **ALONE, src="101", dst="89161234567", lastapp="Playback")], "ended"),
        ([talked(25, channel="SIP/101-00000001", dstchannel=TRUNK, src="101", dst="89161234567")], "connected"),
        ([talked(25, channel="SIP/101-00000001", dstchannel="SIP/102-00000002", src="101", dst="102")], "ended"),
        ([row(channel="SIP/101-00000001", dstchannel="SIP/102-00000002", src="101", dst="102")], "ended"),
    ],
)  # fmt: skip
def test_kind_of_conversation(rows: list[dict[str, str]], kind: str) -> None:
    found = event(*rows)
    assert isinstance(found.data, Call)
    assert (found.type, found.data.state) == (f"call.{kind}", kind)


@pytest.mark.parametrize(
    ("src", "dst", "given", "direction"),
    [
        ("89161234567", "101", {}, "inbound"),
        ("89161234567", "83912000000", {"own_numbers": "83912000000"}, "inbound"),
        ("101", "89161234567", {}, "outbound"),
        ("83912000000", "89161234567", {"own_numbers": "8 (391) 200-00-00"}, "outbound"),
        ("101", "102", {}, "internal"),
        ("101", "83912000000", {"own_numbers": "83912000000"}, "internal"),
        ("10123", "89161234567", {"internal_length": 5}, "outbound"),
        ("10123", "101", {}, "inbound"),
        ("", "600", {}, "inbound"),
        ("anonymous", "600", {}, "inbound"),
        ("dial_office", "101", {}, "internal"),
    ],
)
def test_direction_without_outside_lines(src: str, dst: str, given: dict[str, str], direction: str) -> None:
    assert call(row(src=src, dst=dst, channel="SIP/x-00000001"), **{"trunks": "", **given}).direction == direction


def test_outside_lines_decide_before_lengths() -> None:
    assert call(row(src="101", dst="102", channel=TRUNK)).direction == "inbound"
    assert call(row(src="101", dst="102", channel="SIP/x-1", dcontext="from-trunk-sip-a")).direction == "inbound"
    assert call(row(src="89161234567", dst="89161234568", channel="SIP/x-1", dstchannel=TRUNK)).direction == "outbound"


@pytest.mark.parametrize(
    ("raw", "given", "number"),
    [
        ("89161234567", {}, "+79161234567"),
        ("9161234567", {}, "+79161234567"),
        ("+7 (916) 123-45-67", {}, "+79161234567"),
        ("sip:+79161234567@pbx.example.ru", {}, "+79161234567"),
        ("989161234567", {"prefixes": "9"}, "+79161234567"),
        ("9161234567", {"prefixes": "9"}, "+79161234567"),
        ("0079161234567", {"prefixes": "9, 00"}, "+79161234567"),
        ("92940853", {"prefixes": "9"}, "+73912940853"),
        ("2940853", {}, "+73912940853"),
        ("2940853", {"area_code": ""}, ""),
        ("123-45-67", {"area_code": ""}, ""),
        ("1002", {}, ""),
        ("810375291234567", {}, "+375291234567"),
        ("7800123635242", {}, ""),
        ("89161234567, 89161234568", {}, ""),
        ("+7", {}, ""),
        ("9" * 30, {}, ""),
        ("sip:101@pbx", {}, ""),
        ("anonymous", {}, ""),
        ("", {}, ""),
        ("83912000000", {"own_numbers": "+7 391 200-00-00"}, ""),
    ],
)
def test_number_of_the_caller(raw: str, given: dict[str, str], number: str) -> None:
    """B-10."""
    data = call(row(src=raw), **given)
    assert (data.number, data.raw_number) == (number, raw)
    assert data.keys() == ((f"phone:{number}",) if number else ())


def test_transfer_counts_talk_once() -> None:
    data = call(
        talked(50, start="2026-05-12 10:00:00", dstchannel="SIP/101-00000002"),
        talked(40, start="2026-05-12 10:00:40", src="101", channel="SIP/101-00000002", dstchannel="SIP/102-00000003"),
        talked(60, start="2026-05-12 10:01:30", dstchannel="SIP/102-00000003"),
    )
    assert (data.direction, data.number, data.legs) == ("inbound", "+73912940853", 3)
    assert data.talk_seconds == 80 + 60
    assert data.ended == datetime(2026, 5, 12, 3, 2, 40, tzinfo=UTC)


def test_outbound_call_names_the_employee_and_the_line() -> None:
    data = call(talked(45, channel="SIP/101-00000001", src="101", dst="989161234567", dstchannel=TRUNK), prefixes="9")
    assert (data.direction, data.extension, data.line, data.number) == ("outbound", "101", "SIP/trunk", "+79161234567")


def test_called_number_comes_from_the_table_where_it_is_logged() -> None:
    [found] = normalise(Record("1", json.dumps([{**row(dst="s"), "did": "83912000000"}]).encode()), settings())
    assert found.data.line == "83912000000"


@pytest.mark.parametrize(
    ("extra", "known"),
    [
        ([], {}),
        (["1778554800.1"], {"uniqueid": "1778554800.1"}),
        (["pbx-1778554800.1"], {"uniqueid": "pbx-1778554800.1"}),
        (["a note"], {}),
        (["1778554800.1", "note"], {"uniqueid": "1778554800.1"}),
        (["", "1778554800.1", "3"], {"linkedid": "1778554800.1", "sequence": "3"}),
        (["1778554800.2", "", "1778554800.1", "3"], {"uniqueid": "1778554800.2", "linkedid": "1778554800.1"}),
        (["1778554800.2", "note", "", "1778554800.1", "3"], {"uniqueid": "1778554800.2", "linkedid": "1778554800.1"}),
    ],
)
def test_columns_by_their_count(extra: list[str], known: dict[str, str]) -> None:
    named = columns_of([*map(str, range(16)), *extra])
    assert {name: named.get(name) for name in known} == known
    assert ("linkedid" in named) == (len(extra) >= 3)


def line(**given: Any) -> bytes:
    return WRITER.line(row(**given)).encode().rstrip(b"\n")


def test_whole_file_gives_one_event_for_each_conversation() -> None:
    payload = b"\n".join([line(), line(linkedid="1778554900.4"), line(sequence=2)])
    found = list(normalise(Record("Master.csv", payload), settings()))
    assert [(it.key(), it.data.legs) for it in found] == [("call/1778554800.1", 2), ("call/1778554900.4", 1)]


def test_quotes_and_commas_in_a_name() -> None:
    assert b'"""Ivanov, \xd0\x98."" <101>"' in line(clid='"Ivanov, И." <101>')
    [found] = normalise(Record("1", line(clid='"Ivanov, И." <101>')), settings())
    assert found.type == "call.missed"


BAD = [
    b"", b"\n", b"\xef\xbb\xbf", b"\x00" * 50, b"<html></html>", b'"unclosed', b'"a"b,c', line().replace(b",", b";"),
    line(start="2026-02-30 10:00:00"), line(start="31.12.25 10:00"), line(start=""), line(start="0000-00-00 00:00:00"),
    line(start="٢٠٢٦-05-12 10:00:00"), line(start="0001-01-01 00:00:00"), line(start="1784160000"), line(duration="-5"),
    line(billsec="-1"), line(billsec=""), line(billsec="ten"), line(billsec="9" * 9), line(disposition=""),
    line(disposition="2026-05-12 10:00:00"), b",".join(line().split(b",")[1:]), line() + b",x",
    line()[:120], line() + b'\n"torn',
    b"[", b"[]", b"[1]", b'[{"a":1}]', b'[{"start":"2026-05-12 10:00:00"}]', b"[" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("payload", BAD)
def test_damaged_record_is_bad(payload: bytes) -> None:
    assert list(normalise(Record("1", line()), settings()))
    with pytest.raises(BadRecord):
        list(normalise(Record("1", payload), settings()))


def test_end_that_cannot_be_read_follows_from_the_duration() -> None:
    assert (
        call(row(end="2013-04-13:12:08")).ended == call(row(end="")).ended == call(row(end="2026-05-12 10:00:30")).ended
    )


@given(st.binary(max_size=400) | st.lists(st.text(max_size=20), max_size=25).map(lambda it: ",".join(it).encode()))
def test_any_bytes_are_a_call_or_a_bad_record(payload: bytes) -> None:
    try:
        said = list(normalise(Record("1", payload), settings()))
    except BadRecord:
        return
    assert said
    assert all(isinstance(found.data, Call) for found in said)


VALUES = st.text(max_size=12) | st.sampled_from(
    ["ANSWERED", "2026-05-12 10:00:00", "30", "SIP/101-0001", "Local/1@a-1;1"]
)


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(CSV_COLUMNS, VALUES)), min_size=1, max_size=4))
def test_any_columns_are_a_call_or_a_bad_record(changes: list[dict[str, str]]) -> None:
    rows = [row(**change) for change in changes]
    try:
        said = list(normalise(Record("1", json.dumps(rows).encode()), settings()))
    except BadRecord:
        return
    assert sum(found.data.legs for found in said) == len(rows)
    for found in said:
        assert isinstance(found.data, Call)
        assert found.data.talk_seconds >= 0
        assert found.data.wait_seconds >= 0
        assert found.data.started <= found.data.ended


@beside
def test_talk_in_the_scenarios_of_the_specification() -> None:
    conversations: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    with (SAMPLES / "cdr_spec_scenarios.csv").open(encoding="utf-8", newline="") as file:
        for found in csv.DictReader(file):
            conversations[found.pop("scenario"), found["linkedid"]].append(found)
    talks: dict[str, int] = defaultdict(int)
    for (scenario, key), rows in conversations.items():
        [said] = normalise(Record(key, json.dumps(rows).encode()), settings(trunks="SIP/alice"))
        talks[scenario] += said.data.talk_seconds
        if said.data.talk_seconds and said.data.direction != "internal":
            assert said.type == "call.connected"
    assert len(talks) == 20
    assert {scenario for scenario, seconds in talks.items() if not seconds} == {
        'Unanswered "Inbound" Call', 'Unanswered "Outbound" Call', "Single Party", "Unanswered Dial"
    }  # fmt: skip


@beside
def test_recorded_lines() -> None:
    lines = (SAMPLES / "Master_sample.csv").read_bytes().splitlines()
    assert [len(next(csv.reader(io.StringIO(it.decode())))) for it in lines] == [18, 18, 18]
    found = [next(iter(normalise(Record(str(number), it), settings()))) for number, it in enumerate(lines)]
    assert [(it.type, it.data.direction, it.data.talk_seconds) for it in found] == [
        ("call.missed", "inbound", 0), ("call.ended", "internal", 0), ("call.ended", "internal", 0)
    ]  # fmt: skip


@pytest.mark.parametrize("given", [{"zone": "Siberia"}, {"source": " "}, {"prefixes": "9, x"}, {"quiet_seconds": "-1"}])
def test_settings_refuse_nonsense(given: dict[str, str]) -> None:
    assert settings()
    with pytest.raises(ValueError, match=next(iter(given))):
        settings(**given)


def test_password_in_the_address_is_refused_and_not_shown() -> None:
    assert settings(source="mysql+pymysql://hub@pbx/asteriskcdrdb", password="invented").is_database
    with pytest.raises(ValueError, match="password") as caught:
        settings(source="mysql+pymysql://hub:invented@pbx/asteriskcdrdb")
    assert "invented" not in str(caught.value)
