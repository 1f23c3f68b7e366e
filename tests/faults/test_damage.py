# ruff: noqa: E501 tables of cases read better in one line each
"""A-06, A-07: what other systems send, cut and damaged, through every parser of the hub and its plugins.

Cut input is refused or says the same as the whole, never less in silence. Damaged input is understood or refused with
one of the five errors, within seconds and in little memory.
"""

from __future__ import annotations

import io
import json
import os
import random
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lab import seed_of
from lxml import etree
from msgspec import Struct
from openpyxl import Workbook

import hub_bank.exchange
import hub_onec.client
import hub_onec.exchange
import hub_onec_services.workbook
from hub.api import AuthError, BadRecord, Record, Rejected, SettingsError, Unavailable, read_mail
from hub.documents.limits import check_archive
from hub.ingest import _imported
from hub.mail.calendar import read_meeting
from hub.model.connector import Reads
from hub.model.errors import HubError
from hub.normalise import normalise
from hub.plugins import Plugins, build
from hub.reminders.rules import BUILTIN, read_rules
from hub.testing.peers.imap import letter
from hub.testing.peers.onec import ACCOUNTING
from hub.testing.peers.onec.edm import metadata
from hub.tools import ConnectionTools, FileBlobs, SystemClock
from hub.yaml_text import load
from hub_onec.metadata import parse_metadata
from hub_onec_services.rows import Values, json_rows, parse_xml, xml_rows
from hub_onec_services.table_settings import Table
from hub_onec_services.workbook import open_sheet

INPUTS = 500
MOST_SECONDS = 5
MOST_MEGABYTES = 200
FIVE = (SettingsError, AuthError, Unavailable, BadRecord, Rejected)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
KEY = "0d3c5a10-0000-11ee-8000-00000000000"


class Parser(Struct, frozen=True):
    """A parser with whole input for it; `pack` makes the input of what is damaged, `has_end` says that a cut shows."""

    read: Callable[[bytes], Any]
    whole: bytes
    pack: Callable[[bytes], bytes] = bytes
    has_end: bool = True
    errors: tuple[type[Exception], ...] = FIVE


def parked(connector: Any, stream: str, payload: bytes) -> list[Any]:
    """Normalise as the hub does; a parked record is a BadRecord here, and an accident of the plugin is none."""
    assert isinstance(connector, Reads)
    found = normalise(connector, Record("1", payload, stream=stream, connection="one"))
    if found.problem is not None:
        assert not found.problem.startswith("the plugin failed"), found.problem
        raise BadRecord(found.problem)
    return [fact.entry for fact in found.facts]


def connectors() -> dict[str, Any]:
    given: dict[str, dict[str, Any]] = {
        "onec": {"url": "http://127.0.0.1/b", "user": "u", "password": "p"},
        "redmine": {"url": "http://127.0.0.1/", "key": "k"},
        "asterisk": {"source": "Master.csv"},
        "imap": {"host": "127.0.0.1", "user": "office@example.ru", "password": "p"},
        "exchange": {
            "endpoint": "https://mail.example.ru/EWS/Exchange.asmx",
            "user": "u",
            "password": "p",
            "address": "office@example.ru",
        },
        "bank": {"folder": "."},
    }
    plugins = Plugins()
    tools = ConnectionTools(
        "one", http=None, blobs=FileBlobs(Path("nowhere")), clock=SystemClock(), stale=lambda _s, _v: set()  # type: ignore[arg-type]
    )  # fmt: skip
    made = {}
    for name, settings in given.items():
        spec = plugins.spec(name)
        firm = {"zone": "Asia/Krasnoyarsk", "area_code": "391"}
        known = {key: value for key, value in firm.items() if key in spec.settings.model_fields}
        made[name] = build(spec, spec.settings.model_validate({**known, **settings}), tools)
    return made


CONNECTORS = connectors()


def as_json(thing: Any) -> bytes:
    return json.dumps(thing, ensure_ascii=False).encode()


ROWS = [{"Ref_Key": f"{KEY}{number}", "DataVersion": "AAAA", "Description": "ООО"} for number in range(3)]
CLIENT = {
    "Ref_Key": f"{KEY}1", "Description": "ООО «Ромашка»", "ИНН": "2465000007", "КПП": "246501001", "IsFolder": False,
    "КонтактнаяИнформация": [{"Тип": "Телефон", "Представление": "8 (391) 2-12-34-56, доб. 5"}],
}  # fmt: skip
PAYMENT = {
    "Ref_Key": f"{KEY}1", "Number": "1", "Date": "2026-01-01T00:00:00", "СуммаДокумента": 10.25, "Posted": True,
    "Контрагент_Key": f"{KEY}2", "РасшифровкаПлатежа": [{"Договор_Key": f"{KEY}3"}],
}  # fmt: skip
ISSUE = {"issue": {
    "id": 7, "project": {"id": 1, "name": "Поддержка"}, "status": {"id": 1, "name": "Новая"}, "subject": "Не печатает",
    "priority": {"id": 4, "name": "Срочный"}, "created_on": "2026-05-11T03:00:00Z", "updated_on": "2026-05-11T03:00:00Z",
    "custom_fields": [{"id": 1, "name": "ИНН", "value": "2465000007"}], "due_date": "2026-01-02",
    "journals": [{"id": 1, "created_on": "2026-05-11T04:00:00Z", "notes": "Сделано", "user": {"id": 1, "name": "a"},
                  "details": [{"property": "attr", "name": "status_id", "old_value": "1", "new_value": "5"}]}],
}}  # fmt: skip
LINE = (
    b'"","2940853","100","from-trunk","""a"" <2940853>","SIP/trunk-1","SIP/100-1","Dial","SIP/100",'
    b'"2026-05-12 09:00:00","2026-05-12 09:00:05","2026-05-12 09:01:00",60,55,"ANSWERED","DOCUMENTATION","1778000000.1",""\n'
)  # fmt: skip
STATEMENT = "\r\n".join([
    "1CClientBankExchange", "ВерсияФормата=1.03", "Кодировка=Windows", "ДатаНачала=12.05.2026", "ДатаКонца=12.05.2026",
    "РасчСчет=40702810500000000011", "СекцияРасчСчет", "РасчСчет=40702810500000000011", "НачальныйОстаток=0.00",
    "ВсегоПоступило=10.25", "ВсегоСписано=0.00", "КонечныйОстаток=10.25", "КонецРасчСчет",
    "СекцияДокумент=Платежное поручение", "Номер=1", "Дата=12.05.2026", "Сумма=10.25", "ДатаПоступило=12.05.2026",
    "ПлательщикСчет=40703810200000000022", "ПлательщикИНН=2463000001", "Плательщик1=МБОУ СОШ № 5",
    "ПолучательСчет=40702810500000000011", "НазначениеПлатежа=Счёт 5", "КонецДокумента", "КонецФайла",
]).encode("cp1251")  # fmt: skip
FEED = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices" '
    'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
    + f"<entry><id>http://x/Catalog_X(guid'{KEY}1')</id><category term='StandardODATA.Catalog_X'/><content>"
    f"<m:properties><d:Ref_Key>{KEY}1</d:Ref_Key></m:properties></content></entry>" * 2 + "</feed>"
).encode()
SOAP = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><Acts><Act><Id>1</Id><Sum>10.5</Sum></Act>'
    b"<Act><Id>2</Id><Sum>11</Sum></Act></Acts></s:Body></s:Envelope>"
)
MEETING = (
    b'<t:CalendarItem xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:ItemId Id="1"/>'
    b"<t:Start>2026-12-01T03:00:00Z</t:Start><t:Organizer><t:Mailbox><t:EmailAddress>a@b.example</t:EmailAddress>"
    b"</t:Mailbox></t:Organizer></t:CalendarItem>"
)
INVITATION = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Asia/Krasnoyarsk:"
    "20261201T100000\r\nDTEND:20261201T050000Z\r\nSUMMARY:Встреча\r\nORGANIZER;CN=Анна:mailto:a@b.example\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
).encode()
IMPORTED = as_json({
    "id": "client/1", "source": "hand", "type": "client.observed", "subject": "client/1", "version": 1, "specversion": "1.0",
    "time": "2026-01-01T00:00:00Z", "data": {"name": "ООО", "inn": "2465000007", "points": [{"type": "phone", "value": "+7"}]},
})  # fmt: skip
RULES = (BUILTIN / "missed_call.yaml").read_bytes()


def workbook() -> dict[str, bytes]:
    """Return the parts of a workbook."""
    book, packed = Workbook(), io.BytesIO()
    for row in (["Код", "Имя"], ["1", "Школа"], ["2", "Сад"], ["3", "Театр"]):
        book.active.append(row)
    book.save(packed)
    with zipfile.ZipFile(packed) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


PARTS = workbook()


def packed(name: str, content: bytes) -> bytes:
    """Return the workbook with one part replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for each, known in PARTS.items():
            archive.writestr(each, content if each == name else known)
    return made.getvalue()


def rows_of(content: bytes) -> list[Any]:
    table = Table.model_validate({"file": "*.xlsx", "key": "Код", "columns": "Имя"})
    with open_sheet("list.xlsx", content, table) as sheet:
        return [line.cells for line in sheet.lines()]


def with_files() -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["Message-ID"], mail["From"], mail["To"] = "<1@client.example>", "Анна <a@client.example>", "office@example.ru"
    mail["Subject"], mail["References"] = "Акт и счёт", "<0@client.example>"
    mail.set_content("Добрый день!\n\n> Пришлите акт.\n")
    mail.add_alternative("<p>Добрый <b>день</b>!</p><blockquote>Пришлите акт.</blockquote>", subtype="html")
    mail.add_attachment(b"%PDF" * 50, maintype="application", subtype="pdf", filename="Акт № 5.pdf")
    return mail.as_bytes()


def invited(content: bytes) -> Any:
    if found := read_meeting(content.decode(errors="replace")):
        return found
    raise BadRecord("no meeting")


def imported(line: bytes) -> Any:
    try:
        return _imported(line, NOW)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:  # who asks names the line
        raise BadRecord("no event") from error


SHEET = "xl/worksheets/sheet1.xml"
PARSERS: dict[str, Parser] = {
    "page of 1C": Parser(lambda it: hub_onec.client.split(it, "X"), as_json({"value": ROWS})),
    "versions of 1C": Parser(lambda it: hub_onec.client.read_heads(it, "X"), as_json({"value": ROWS})),
    "metadata of 1C": Parser(
        lambda it: parse_metadata(it, {"Catalog_Контрагенты"}), metadata({it.name: it for it in ACCOUNTING[:4]})
    ),
    "changes of 1C": Parser(hub_onec.exchange.read_changes, FEED),
    "client of 1C": Parser(partial(parked, CONNECTORS["onec"], "counterparties"), as_json(CLIENT)),
    "payment of 1C": Parser(partial(parked, CONNECTORS["onec"], "payments"), as_json(PAYMENT)),
    "rows of a service": Parser(lambda it: json_rows(it, ["a", "b"], "X"), as_json({"a": {"b": ROWS}})),
    "answer of SOAP": Parser(lambda it: xml_rows(parse_xml(it, "X"), ["Body", "Acts", "Act"], "X"), SOAP),
    "row of a service": Parser(lambda it: Values(it).get("a.b"), as_json({"a": {"b": "12,50", "c": [1, 2]}})),
    "workbook": Parser(rows_of, packed("", b"")),
    "sheet of a workbook": Parser(rows_of, PARTS[SHEET], partial(packed, SHEET)),
    "issue of Redmine": Parser(partial(parked, CONNECTORS["redmine"], "issues"), as_json(ISSUE)),
    # Who reads the file takes whole lines only; the end of a line alone does not show that it is missing.
    "call of Asterisk": Parser(partial(parked, CONNECTORS["asterisk"], "calls"), LINE.rstrip(), has_end=False),
    "statement of a bank": Parser(hub_bank.exchange.parse, STATEMENT),
    "letter": Parser(partial(parked, CONNECTORS["imap"], "INBOX"), letter(1), has_end=False),
    "letter with files": Parser(read_mail, with_files(), has_end=False),
    "letter of Exchange": Parser(partial(parked, CONNECTORS["exchange"], "Inbox"), letter(3), has_end=False),
    "meeting of Exchange": Parser(partial(parked, CONNECTORS["exchange"], "Calendar"), MEETING),
    "invitation": Parser(invited, INVITATION, has_end=False),
    "line of an exported log": Parser(imported, IMPORTED),
    "rules": Parser(lambda it: read_rules(load(it, "rules.yaml")), RULES, has_end=False),
    "archive": Parser(lambda it: check_archive(it, "x.docx"), packed("", b""), errors=(HubError,)),
}

HOSTILE = [
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\xd0", b"\r\n", b"=", b'"', b"'", b"<", b">", b"&", b"[", b"]", b"{", b"}", b",",
    b";", b":", b"\\", b"%", b"<!DOCTYPE a>", b"<![CDATA[", b"<!--", b"&a;", b"&#8;", b"&#xD800;", b"\\ud800", b"NaN", b"1e400",
    b"-1", b"0", b"9" * 40, b"9" * 5000, b"null", b"true", b"{}", b"[]", b"[" * 3000, b'{"a":' * 2000, b"<a>" * 3000, b'"' * 20_001,
    b"(" * 5000, b"=?utf-8?q?a?= " * 2000, b"\r\n\r\n", b"--b\r\n", "۲۰۲۶".encode(), "Ё".encode("cp866"), b"0001-01-01T00:00:00",
    b"9999-12-31T23:59:59-14:00", b"2026-02-30", b"!!python/object:x", b"&x *x", b"\t", b"%s%n", b"{{7*7}}",
]  # fmt: skip


def damaged(pick: random.Random, whole: bytes) -> bytes:
    """Return the input with up to five kinds of damage."""
    content = bytearray(whole)
    for _ in range(pick.randint(1, 5)):
        start = pick.randint(0, len(content))
        end = min(len(content), start + pick.choice((0, 1, 1, 4, 30, len(content))))
        kind = pick.randrange(6)
        if kind == 0:
            content[start:end] = pick.choice(HOSTILE)
        elif kind == 1:
            content[start:end] = pick.randbytes(end - start)
        elif kind == 2:
            content[start:start] = content[start:end]
        elif kind == 3:
            del content[start:end]
        elif content:
            content[min(start, len(content) - 1)] ^= 1 << pick.randrange(8)
    return bytes(content[:200_000])


def offences(parser: Parser, inputs: Iterator[bytes], *, most_seconds: float = MOST_SECONDS) -> list[str]:
    """Return what a parser did with inputs that none may do."""
    found, refused = [], 0
    peak_megabytes()  # what other tests had at most is forgotten: the next answer is what this process has now
    before = peak_megabytes()
    for content in inputs:
        given = parser.pack(content)
        began = time.process_time()
        try:
            parser.read(given)
        except parser.errors:
            refused += 1
        except Exception as error:  # noqa: BLE001 whatever it was is the finding
            found.append(f"{type(error).__name__}: {str(error)[:100]} for {given[:300]!r}")
        if time.process_time() - began > most_seconds:
            found.append(f"{time.process_time() - began:.1f} s for {given[:300]!r}")
    if (more := peak_megabytes() - before) > MOST_MEGABYTES:
        found.append(f"{more:.0f} MB")
    return found if refused else [*found, "nothing was refused"]


def peak_megabytes() -> float:
    """Return how much memory this process has had at most since it was asked last, where the system tells."""
    try:
        status = Path("/proc/self/status").read_text()
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.fixture(autouse=True)
def short_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row number of a million takes seconds, as the tests of that connector show; here it would take all the time."""
    monkeypatch.setattr(hub_onec_services.workbook, "MOST_ROWS", 10_000)


@pytest.mark.parametrize("name", PARSERS)
def test_damaged_input_is_understood_or_refused(name: str, request: pytest.FixtureRequest) -> None:
    """A-07."""
    expect_no_offence(name, INPUTS, seed_of(request.config))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", PARSERS)
def test_much_damaged_input_is_understood_or_refused(name: str, request: pytest.FixtureRequest) -> None:
    """A-07: `HUB_TEST_INPUTS` gives another number of inputs than 50 000 for each parser."""
    expect_no_offence(name, int(os.environ.get("HUB_TEST_INPUTS", "50000")), seed_of(request.config))


def expect_no_offence(name: str, count: int, seed: int) -> None:
    pick, parser = random.Random(seed), PARSERS[name]
    parser.read(parser.pack(parser.whole))
    assert offences(parser, (damaged(pick, parser.whole) for _ in range(count))) == []


@pytest.mark.parametrize("name", [name for name, parser in PARSERS.items() if parser.has_end])
def test_cut_input_is_refused_or_says_the_same(name: str) -> None:
    """A-06, B-03: at twenty places and at each of the last bytes."""
    parser = PARSERS[name]
    assert shorter(parser) == []


def shorter(parser: Parser) -> list[int]:
    """Return where a cut makes the parser say less in silence."""
    whole, found = parser.read(parser.pack(parser.whole)), []
    size = len(parser.whole)
    for end in {*(size * part // 20 for part in range(20)), *range(size - 20, size)}:
        try:
            said = parser.read(parser.pack(parser.whole[:end]))
        except parser.errors:
            continue
        if said != whole:
            found.append(end)
    return found


def forgiving(content: bytes) -> list[Any]:
    """Read XML as a parser does that repairs what it is given."""
    root = etree.fromstring(content, parser=etree.XMLParser(recover=True)) if content.strip() else None
    if root is None:
        raise Unavailable("nothing")
    return [element.text for element in root.iter()]


def test_control_a_parser_that_repairs_what_was_cut_is_noticed() -> None:
    """The control of A-06."""
    assert shorter(Parser(forgiving, SOAP))


def careless(content: bytes) -> str:
    if b"\xff" in content:
        raise KeyError("of the parser itself")
    return content.decode()


def slow(content: bytes) -> None:
    began = time.process_time()
    while len(content) > len(LINE) and time.process_time() - began < 0.03:
        pass
    raise BadRecord("slow")


def hungry(content: bytes) -> None:
    bytearray(300 << 20)[::4096] = bytes(300 << 8)
    raise BadRecord("hungry")


@pytest.mark.parametrize(
    ("read", "says"), [(careless, "KeyError"), (slow, "s for"), (hungry, "MB"), (len, "nothing was refused")]
)
def test_control_careless_parsers_are_noticed(read: Callable[[bytes], Any], says: str) -> None:
    """The control of A-07: one that raises an error of its own, a slow, a hungry one, and one that refuses nothing."""
    pick = random.Random(1)
    count = 3 if read is hungry else 100
    parser = Parser(read, LINE, errors=(*FIVE, UnicodeDecodeError))
    inputs = (damaged(pick, LINE) for _ in range(count))
    if says == "MB" and not peak_megabytes():
        pytest.skip("the system does not tell how much memory was used")
    assert any(says in it for it in offences(parser, inputs, most_seconds=0.01))
