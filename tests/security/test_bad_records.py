"""B-05, B-07, B-14, B-16, B-17, B-19: bad values through the plugins: a parked record at most, and quickly.

Seen failing: a channel name of slashes held a reading up for 16 s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.api import Record
from hub.model.connector import Reads
from hub.normalise import normalise
from hub.plugins import Plugins, build
from hub.tools import ConnectionTools, FileBlobs, SystemClock

SECONDS = 5
BAD_DATES = [
    "0001-01-01T00:00:00",
    "3999-12-31T23:59:59",
    "9999-12-31T23:59:59",
    "2026-02-30",
    "31.12.25",
    "2026-01-01T24:00:00",
    "2026-12-31T23:59:60",
    "1767225600000",
    "۲۰۲۶-۰۱-۰۱",
    "2026-01-01T00:00:00+0700",
    "",
    " ",
    "x" * 10_000,
    "-1",
    "0",
]
BAD_JSON = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e400",
    b'"\\ud800"',
    b"[" * 2000,
    b"[" * 2000 + b"]" * 2000,
    b"{}",
    b"[]",
    b"null",
    b"true",
    b"12345678901234567890",
    b"1e999999999",
    b'"12,50"',
    b'{"a":1,}',
    b"\xff\xfe",
    b"\xef\xbb\xbf1",
    b'"' + b"x" * 1_000_000 + b'"',
    b"9" * 5000,
    b"-0",
    b'"0001-01-01T00:00:00"',
    b'"9999-12-31T23:59:59-14:00"',
    b'"0001-01-01T00:00:00+14:00"',
]
SETTINGS = {
    "onec": {"url": "http://127.0.0.1/b", "user": "u", "password": "p", "zone": "Asia/Krasnoyarsk", "area_code": "391"},
    "redmine": {"url": "http://127.0.0.1/", "key": "k"},
    "asterisk": {"source": "Master.csv", "zone": "Asia/Krasnoyarsk"},
    "imap": {"host": "127.0.0.1", "user": "office@example.ru", "password": "p"},
}
PLUGINS = Plugins()
CONNECTORS: dict[str, Any] = {
    name: build(
        PLUGINS.spec(name),
        PLUGINS.spec(name).settings.model_validate(given),
        ConnectionTools(
            "one", http=None, blobs=FileBlobs(Path("nowhere")), clock=SystemClock(), stale=lambda _s, _v: set()
        ),  # type: ignore[arg-type]
    )
    for name, given in SETTINGS.items()
}


def mapped(name: str, stream: str, payload: bytes) -> str | None:
    """Normalise as the hub does; return the problem. It must be quick and none of the plugin's own accidents."""
    connector = CONNECTORS[name]
    assert isinstance(connector, Reads)
    began = time.monotonic()
    found = normalise(connector, Record("1", payload, stream=stream, connection="one"))
    assert time.monotonic() - began < SECONDS
    assert not (found.problem or "").startswith("the plugin failed"), found.problem
    return found.problem


def with_each_value(whole: Any, value: bytes) -> Iterator[bytes]:
    """Yield the object with each of its values in turn replaced by raw JSON."""
    mark = '"@@@"'

    def places(thing: Any) -> Iterator[tuple[Any, Any]]:
        for key, inner in (
            thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
        ):
            yield thing, key
            yield from places(inner)

    for holder, key in list(places(whole)):
        kept, holder[key] = holder[key], "@@@"
        yield json.dumps(whole, ensure_ascii=False).encode().replace(mark.encode(), value)
        holder[key] = kept


KEY = "0d3c5a10-0000-11ee-8000-000000000001"
ONEC: dict[str, dict[str, Any]] = {
    "counterparties": {
        "Ref_Key": KEY,
        "Description": "ООО",
        "ИНН": "2465000007",
        "КПП": "246501001",
        "IsFolder": False,
        "КонтактнаяИнформация": [{"Тип": "Телефон", "Представление": "8 (391) 2-12-34-56", "Город": "К"}],
    },
    "contacts": {"Ref_Key": KEY, "Description": "Ивановa", "ДатаРождения": "1980-01-01T00:00:00", "Owner_Key": KEY},
    "contracts": {
        "Ref_Key": KEY,
        "Номер": "1",
        "Дата": "2026-01-01T00:00:00",
        "Owner_Key": KEY,
        "ДоговорЗакрыт": False,
    },
    "invoices": {
        "Ref_Key": KEY,
        "Number": "1",
        "Date": "2026-01-01T00:00:00",
        "Контрагент_Key": KEY,
        "СуммаДокумента": 10.5,
        "Posted": True,
    },
    "payments": {
        "Ref_Key": KEY,
        "Number": "1",
        "Date": "2026-01-01T00:00:00",
        "СуммаДокумента": 1,
        "РасшифровкаПлатежа": [{"Договор_Key": KEY}],
    },
}
ISSUE: dict[str, Any] = {
    "issue": {
        "id": 1,
        "subject": "s",
        "status": {"id": 1, "name": "Новая", "is_closed": False},
        "priority": {"id": 2, "name": "Нормальный"},
        "author": {"id": 1, "name": "a"},
        "created_on": "2026-01-01T00:00:00Z",
        "updated_on": "2026-01-01T00:00:00Z",
        "due_date": "2026-01-02",
        "custom_fields": [{"id": 1, "name": "Клиент ИНН", "value": "2465000007"}],
        "journals": [
            {
                "id": 1,
                "created_on": "2026-01-01T00:00:00Z",
                "notes": "n",
                "user": {"id": 1, "name": "a"},
                "details": [{"property": "attr", "name": "status_id", "old_value": "1", "new_value": "5"}],
            }
        ],
    }
}


@pytest.mark.parametrize("value", BAD_JSON, ids=lambda value: value[:14].decode("ascii", "replace"))
def test_any_value_in_any_place_of_json_parks_at_most_its_record(value: bytes) -> None:
    """B-05, L31, L32."""
    for stream, row in ONEC.items():
        for payload in with_each_value(row, value):
            mapped("onec", stream, payload)
    for payload in with_each_value(ISSUE, value):
        mapped("redmine", "issues", payload)


def test_control_the_whole_objects_are_understood() -> None:
    assert [mapped("onec", stream, json.dumps(row).encode()) for stream, row in ONEC.items()] == [None] * len(ONEC)
    assert mapped("redmine", "issues", json.dumps(ISSUE).encode()) is None


@pytest.mark.parametrize("text", BAD_DATES, ids=lambda text: text[:20])
def test_impossible_days_are_none_or_named(text: str) -> None:
    for stream, field in (
        ("contacts", "ДатаРождения"),
        ("contracts", "Дата"),
        ("invoices", "Date"),
        ("payments", "Date"),
    ):
        mapped("onec", stream, json.dumps({**ONEC[stream], field: text}).encode())
    for field in ("created_on", "updated_on", "due_date"):
        mapped("redmine", "issues", json.dumps({"issue": {**ISSUE["issue"], field: text}}).encode())


@pytest.mark.parametrize(
    "key", ["", "x", KEY.upper(), f"{{{KEY}}}", f"guid'{KEY}'", KEY[:-1], KEY + "0", "../../x", "0" * 36, "\0"]
)
def test_references_of_1c_are_keys_or_named(key: str) -> None:
    """B-16"""
    for stream, field in (("contracts", "Owner_Key"), ("invoices", "Контрагент_Key"), ("payments", "Договор_Key")):
        mapped("onec", stream, json.dumps({**ONEC[stream], field: key}).encode())


CDR = (
    '"","2123456","101","from-trunk","x","SIP/t-1","SIP/101-2","Dial","x","2026-01-01 10:00:00","",'
    '"2026-01-01 10:01:00",60,50,"ANSWERED","DOC","1.1",""'
)


@pytest.mark.parametrize(
    "line",
    [
        CDR.replace(",", ";"),
        CDR.replace('"2123456"', '"2""12,3"'),
        CDR.replace("60,50", "-60,-50"),
        CDR.replace("60,50", f"{'9' * 30},5"),
        CDR.replace("60,50", "1e9,nan"),
        CDR.replace("2026-01-01", "0001-01-01"),
        CDR.replace("2026-01-01", "9999-12-31"),
        CDR[:40],
        CDR.replace("SIP/101-2", "A/" + "/1@" * 20_000),
        CDR.replace("2123456", "9" * 100_000),
        CDR.replace("2123456", "sip:101@pbx"),
        CDR.replace("2123456", "1" + "*" * 60_000),
        '"' * 50_000,
        "," * 50_000,
        '"a\n',
        "\0" * 100,
        "x" * 50_000_000,
        CDR.replace("ANSWERED", "MAYBE"),
    ],
    ids=lambda line: f"{line[:12]}{len(line)}",
)
def test_call_records_of_any_shape(line: str) -> None:
    """B-19"""
    mapped("asterisk", "calls", line.encode())


def test_control_a_call_record_is_understood() -> None:
    assert mapped("asterisk", "calls", CDR.encode()) is None


@pytest.mark.parametrize(
    "letter",
    [
        b"",
        b"\0" * 1000,
        b"From: " + b"(" * 5000 + b"\n\nx",
        b"To: " + b'"' * 20_001 + b"\n\nx",
        b"From: a\n" * 5000 + b"\nx",
        b"Subject: " + b"=?utf-8?q?a?= " * 20_000 + b"\n\nx",
        b"To: " + b", ".join(b"u%d@x.ru" % it for it in range(200_000)) + b"\n\nx",
        b"From: x\nDate: Mon, 32 Foo 9999 25:61:61 +9999\n\nx",
        b"Message-ID: <@@@" + b"@" * 9000 + b">\n\nx",
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\na\n" * 100_000,
        b"Content-Type: text/plain; charset=rot13\n\nx",
        b'From: a@b.ru\nContent-Disposition: attachment; filename="..\\..\\CON\x00' + b"x" * 3000 + b'"\n\nx',
    ],
    ids=range(12),
)
def test_letters_of_any_shape(letter: bytes) -> None:
    """B-12, L37, L38."""
    mapped("imap", "INBOX", letter)
