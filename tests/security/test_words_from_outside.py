"""S-06, S-07, S-09, S-12, S-15, S-28, B-14: names of clients and people are text and nothing else, in every output.

Seen failing: C1 codes and U+202E reached the terminal, the errors of `event import` and `record parse` and the dump
were printed as they came, `%` and `_` in --search matched everything, a name of 10 000 characters held `client list`
up for 15 s, a name with a line feed made the subject of a letter that was refused for ever.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import re
import stat
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from forks import Forks, QuickOffice
from lab import NOW, Done, Office
from sqlalchemy import text

from hub.cli import main
from hub.config import load_config
from hub.connections import Hub
from hub.daemon import Daemon, handlers_of
from hub.notify import notify
from hub.paperwork.sending import letter
from hub.plugins import Plugins
from hub.redaction import RedactingFilter, remember
from hub.remind import refresh
from hub.store import documents as rows
from hub.store.database import Store
from hub.testing.peers.smtp import SmtpServer
from hub.tools import SystemClock

HOSTILE = {
    "title": "\x1b]0;owned\x07",
    "clear": "\x1b[2J\x1b[1;1H",
    "c1": "\x9b2J\x9d0;owned\x9c",
    "rtl": "\u202egnp.exe\u202c",
    "isolate": "\u2066a\u2069",
    "line": "ООО\nPROBLEM all is lost",
    "cr": "ООО\rError: forged",
    "separator": "a\u2028b\u2029c\x85d",
    "nul": "a\0b",
    "del": "a\x7fb",
    "jinja": "{{7*7}}{% for a in b %}",
    "format": "{0.__class__}%s%n%(x)s",
    "typst": '#eval("1") $x$',
    "xml": "</w:t><w:p/>&amp;&#65;",
    "sql": "'; DROP TABLE client; --",
    "path": "../../../../tmp/owned",
    "formula": "=1+1|cmd",
    "header": "x\r\nBcc: evil@example.org\r\n\r\nbody",
    "zalgo": "а" + "\u0301" * 200,
    "zero": "a\u200bb\ufeffc",
    "emoji": "👩\u200d👧",
    "long": "н" * 10_000,
}
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
INN = "2465000007"


def said(kind: str, number: int, /, **data: object) -> dict[str, object]:
    key = f"{kind}/{number}"
    return {
        "specversion": "1.0",
        "id": key,
        "source": "books",
        "type": f"{kind}.observed",
        "subject": key,
        "data": data,
    }


def happened(kind: str, number: int, type_: str, when: str, /, **data: object) -> dict[str, object]:
    return {**said(kind, number, **data), "id": f"{type_}/{number}", "type": type_, "time": when}


def facts() -> Iterator[dict[str, object]]:
    for number, name in enumerate(HOSTILE.values()):
        owner = {"kind": "client", "external_id": str(number)}
        mail = {"type": "email", "value": f"c{number}@example.ru", "raw": name}
        yield said(
            "client",
            number,
            name=name,
            full_name=name,
            status="client",
            manager="ivanova",
            city=name,
            note=name,
            points=[mail, {"type": "address", "value": name, "raw": name}],
        )
        yield said("contact", number, name=name, position=name, client=owner)
        yield said("contract", number, number=name, title=name, client=owner, end="2026-05-20", date="2026-01-01")
        yield said(
            "invoice", number, number=name, client=owner, date="2026-05-01", total={"amount": "10.00"}, note=name
        )
        yield said("payment", number, number=name, client=owner, date="2026-05-01", purpose=name)
        yield said(
            "ticket",
            number,
            number=str(number),
            subject=name,
            client=owner,
            priority="urgent",
            state="open",
            created="2026-05-12T01:00:00Z",
            status=name,
            author=name,
        )
        yield happened(
            "ticket",
            number,
            "ticket.created",
            "2026-05-12T01:00:00Z",
            number=str(number),
            subject=name,
            client=owner,
            priority="urgent",
            state="open",
            created="2026-05-12T01:00:00Z",
        )
        yield happened(
            "message",
            number,
            "message.received",
            "2026-05-12T01:00:00Z",
            message_id=f"m{number}",
            direction="inbound",
            subject=name,
            text=name,
            sender=f"c{number}@example.ru",
            sender_name=name,
            sent="2026-05-12T01:00:00Z",
            outside=[f"c{number}@example.ru"],
        )


def run(office: Office, *arguments: str) -> Done:
    """Run the command line in this process: the same `main`, without a second for its start."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    before, mask = sys.argv, os.umask(0o077)
    sys.argv = ["hub", "--config", str(office.config), "--now", NOW, *arguments]
    began = time.monotonic()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv = before
        os.umask(mask)
    return Done(code, out.getvalue(), err.getvalue(), time.monotonic() - began)


@pytest.fixture(scope="module")
def office(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """A hub that was told everything hostile at once."""
    made = QuickOffice(forks, tmp_path_factory.mktemp("hostile"))
    made.ok("init")
    file = made.folder / "facts.jsonl"
    file.write_text("".join(json.dumps(it) + "\n" for it in facts()), encoding="utf-8")
    done = made.ok("event", "import", str(file))
    assert f"{8 * len(HOSTILE)} events imported" in done.err
    number_of = {it["name"]: it["id"] for it in made.ok("client", "list", "--json").json}
    made.ok("document", "new", "invoice", "--client", number_of[HOSTILE["path"]], "--line", "Услуга; 1; шт; 100")
    made.ok("document", "issue", "1")
    return made


OUTPUTS = [
    ["client", "list"],
    ["client", "list", "--all", "--search", "о"],
    ["contact", "list"],
    ["contract", "list"],
    ["invoice", "list"],
    ["payment", "list"],
    ["ticket", "list"],
    ["message", "list"],
    ["today"],
    ["reminder", "list"],
    ["status"],
    ["match", "list"],
    ["event", "list"],
    ["event", "export"],
    ["record", "list"],
    ["command", "list"],
    ["db", "dump"],
    ["client", "list", "--json"],
    ["today", "--json"],
    ["client", "show", "absent\x1b[2J\x9b\u202e"],
    ["sync", "absent\x1b[2J"],
    ["client", "split", "\x9b", "\x1b]0;x"],
]


@pytest.mark.parametrize(
    "command", OUTPUTS, ids=lambda command: " ".join(command[:3]).encode("ascii", "replace").decode()
)
def test_no_output_acts_on_a_terminal(office: Office, command: list[str]) -> None:
    done = run(office, *command)
    assert done.seconds < 15
    assert done.code in (0, 1, 2)
    assert "Traceback" not in done.err
    assert "unexpected" not in done.err
    shown = done.out + done.err
    assert shown
    assert [hex(ord(it)) for it in dict.fromkeys(ACTS.findall(shown))] == []


def test_cards_are_safe_and_no_name_makes_a_line_of_its_own(office: Office) -> None:
    clients = run(office, "client", "list", "--json").json
    wanted = [it for it in clients if any(word in it["name"] for word in ("PROBLEM", "\x9b", "\u202e"))]
    assert len(wanted) == 3
    for client in wanted:
        for act in (["show", client["id"], "--why"], ["timeline", client["id"]]):
            shown = run(office, "client", *act).out
            assert not ACTS.search(shown)
    assert not [line for line in run(office, "client", "list").out.splitlines() if line.startswith("PROBLEM")]


def test_no_text_from_outside_forges_a_line(office: Office) -> None:
    """S-15: of a client, a letter, a ticket, a reminder, a document, a suggestion, and of an error."""
    ids = {it["name"]: it["id"] for it in run(office, "client", "list", "--json").json}
    liar = ids[HOSTILE["line"]]
    made = run(office, "document", "new", "invoice", "--client", liar, "--line", "Услуга; 1").out
    number = re.findall(r"Draft (\d+)", made)[0]
    (letter_id,) = [it["id"] for it in run(office, "message", "list", "--json").json if it["text"] == HOSTILE["line"]]
    run(office, "today")
    reminders = [it["id"] for it in run(office, "reminder", "list", "--json").json if it["client"] == liar]
    assert reminders
    commands = [
        ["client", "show", liar, "--why"],
        ["message", "show", letter_id],
        ["document", "show", number],
        ["match", "list"],
        *(["reminder", act, str(it)] for it in reminders for act in ("show", "why")),
        ["client", "show", HOSTILE["line"]],
    ]
    seen = 0
    for command in commands:
        done = run(office, *command)
        seen += "PROBLEM all is lost" in done.out + done.err
        for line in (done.out + done.err).splitlines():
            assert not line.startswith("PROBLEM"), command
    assert seen > 4, "the control: the text is shown"


def test_words_of_another_system_forge_no_line_in_an_error(forks: Forks, tmp_path: Path) -> None:
    office = QuickOffice(forks, tmp_path)
    office.ok("init")
    office.connect({"desk": office.script("desk", {"name": "x\nPROBLEM forged", "batches": [{"act": "unavailable"}]})})
    for command in (["sync"], ["sync", "--stream", "y"], ["sync", "--dry-run"], ["status"]):
        done = office.hub(*command)
        assert not [line for line in (done.out + done.err).splitlines() if line.startswith("PROBLEM forged")], command
    assert "PROBLEM forged" in done.out, "the control: the words are shown"


def test_json_keeps_every_character_of_the_data(office: Office) -> None:
    names = {it["name"] for it in run(office, "client", "list", "--json").json}
    assert {it.replace("\0", "\ufffd") for it in HOSTILE.values()} <= names


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "\\u001b]0;x\\u009b", "source": "s", "type": "client.observed", "subject": "client/1", "data": {}}',
        '{"id": "client/1", "source": "s", "type": "client.observed", "subject": "\\u202eno\\u009b2J", "data": {}}',
        '{"\\u009b": 1}',
        '{"id": 1}',
        "\x9b",
    ],
)
def test_errors_about_data_are_safe(office: Office, line: str) -> None:
    file = office.folder / "bad.jsonl"
    file.write_text(line + "\n", encoding="utf-8")
    done = run(office, "event", "import", str(file))
    assert done.code == 1
    assert "Nothing was imported" in done.err
    assert not ACTS.search(done.err)


def test_control_the_check_sees_what_it_looks_for() -> None:
    assert all(
        ACTS.search(HOSTILE[name])
        for name in ("title", "clear", "c1", "rtl", "isolate", "cr", "separator", "nul", "del")
    )


FILTERS = [
    ("client", "list", "--search"),
    ("event", "list", "--type"),
    ("event", "list", "--source"),
    ("record", "list", "--stream"),
    ("ticket", "list", "--client"),
    ("client", "show"),
    ("reminder", "list", "--employee"),
    ("command", "show"),
    ("job", "list", "--kind"),
]


def test_filters_are_values_and_never_sql(office: Office) -> None:
    """S-09: all hostile texts and the classics through every filter; the store says the same afterwards."""
    attacks = [
        "' OR '1'='1",
        "%",
        "_",
        "\\",
        '"; --',
        "1; DROP TABLE client",
        "x' UNION SELECT 1,2,3 --",
        "%' OR 1=1 --",
    ]
    run(office, "today")
    before = office.dump()
    for number, filter_ in enumerate(FILTERS):
        attack = attacks[number % len(attacks)]
        done = run(office, *filter_, attack)
        assert "unexpected" not in done.err, (filter_, attack, done.err)
        assert "ООО" not in done.out, f"{filter_} found something by {attack!r}"
    assert office.dump() == before


@pytest.mark.parametrize(
    ("search", "found"), [("%", {"format"}), ("_", {"format"}), ("DROP", {"sql"}), ("'", {"sql"}), ("\\", set())]
)
def test_wildcards_mean_themselves(office: Office, search: str, found: set[str]) -> None:
    names = {it["name"] for it in run(office, "client", "list", "--all", "--json", "--search", search).json}
    wanted = {HOSTILE[it] for it in found} | ({HOSTILE["jinja"]} if search == "%" else set())
    assert names == wanted


@pytest.fixture
def hub(office: Office) -> Iterator[Hub]:
    config = load_config(office.config)
    store = Store(config.store_url).open()
    yield Hub(config, Plugins(), store, SystemClock())
    store.close()


@pytest.mark.parametrize("name", ["jinja", "xml", "header"])
def test_a_document_says_the_name_and_nothing_else(office: Office, hub: Hub, name: str) -> None:
    """S-06, S-07, S-12: through draft, number, files and letter."""
    number = list(HOSTILE).index(name)
    ids = {it["references"][0]["external_id"]: it["id"] for it in run(office, "client", "list", "--json").json}
    out = office.ok(
        "document", "new", "invoice", "--client", ids[str(number)], "--line", f"Услуга {HOSTILE['jinja']}; 1; шт; 100"
    ).out
    key = int(re.findall(r"Draft (\d+)", out)[0])
    office.ok("document", "issue", str(key))
    with hub.store.read() as connection:
        found, files = rows.get(connection, key), rows.files(connection, key)
    folder = office.folder / "documents"
    assert {path.parent for path in folder.rglob("*")} == {folder}
    assert all((folder / it.name).is_file() and re.fullmatch(r"[\w.-]+", it.name) for it in files)
    with zipfile.ZipFile(folder / next(it.name for it in files if it.format == "docx")) as archive:
        xml = archive.read("word/document.xml").decode()
    assert "49" not in re.findall(r"<w:t[^>]*>(\d+)</w:t>", xml)
    assert "7*7" in xml
    data = letter(hub.config, found, files, ["buh@example.ru"], lambda _content: "0" * 64)
    assert "\n" not in data["subject"]
    assert "\n" not in data["attachments"][0]["name"]


@pytest.mark.parametrize("name", ["header", "clear", "rtl", "long"])
def test_urgent_letters_leave_whatever_the_client_is_called(forks: Forks, tmp_path: Path, name: str) -> None:
    """S-12: a name is no header, and no name keeps a letter from leaving. S-13, S-35: only our own people are told."""
    office = QuickOffice(forks, tmp_path / "o")
    office.ok("init")
    number = list(HOSTILE).index(name)
    wanted = [it for it in facts() if it["subject"] in (f"client/{number}", f"ticket/{number}")]
    (tmp_path / "facts.jsonl").write_text("".join(json.dumps(it) + "\n" for it in wanted), encoding="utf-8")
    assert run(office, "event", "import", str(tmp_path / "facts.jsonl")).code == 0
    smtp = SmtpServer()
    smtp.start()
    secret = tmp_path / "secret"
    secret.write_text(smtp.password)
    settings = {"connector": "imap", "host": "127.0.0.1", "tls": "none", "port": 9, "smtp_host": "127.0.0.1"}
    settings |= {
        "smtp_tls": "none",
        "smtp_port": smtp.port,
        "user": smtp.user,
        "password": f"file:{tmp_path / 'secret'}",
    }
    office.connect({"office": settings})
    people = office.config.read_text("utf-8").replace("role: manager", "role: manager, mail: ivanova@example.org")
    office.config.write_text(people.replace("role: head", "role: head, mail: petrov@example.org"), encoding="utf-8")
    config = load_config(office.config)
    try:
        with closing(Store(config.store_url).open()) as store:
            hub = Hub(config, Plugins(), store, SystemClock())
            assert notify(hub, refresh(store, config, hub.plugins, datetime.fromisoformat(NOW)))
            Daemon(hub, {"command": handlers_of(hub)["command"]}, with_schedules=False).run_once()
            with store.read() as connection:
                states = set(connection.execute(text("SELECT state, error FROM command WHERE kind = 'mail.send'")))
    finally:
        smtp.stop()
    assert {state for state, _ in states} <= {"done", "cancelled"}, states
    mails = [message_from_bytes(it.raw, policy=policy.default) for it in smtp.arrived]
    assert any("дело" not in str(mail["Subject"]) for mail in mails), "no letter had the name in its subject"
    for arrived, mail in zip(smtp.arrived, mails, strict=True):
        assert set(arrived.recipients) <= {"ivanova@example.org", "petrov@example.org"}
        assert mail["Bcc"] is None
        assert len(mail["Subject"]) <= 200
        assert not ACTS.search(str(mail["Subject"]))
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", mail.get_content())


def test_log_lines_cannot_be_forged() -> None:
    """S-28: one record is one line, whatever a name holds; a secret inside base64 of a longer text is struck out."""
    remember("canary-secret-4711")
    inside = base64.b64encode(b"user:canary-secret-4711").decode()
    for name in HOSTILE.values():
        record = logging.LogRecord("hub", logging.INFO, "", 0, "client %s %s", (name, inside), None)
        RedactingFilter().filter(record)
        line = record.getMessage()
        assert len(line.splitlines()) == 1
        assert not ACTS.search(line)
        assert inside[8:24] not in line


def test_what_a_server_repeats_of_us_is_struck_out(forks: Forks, tmp_path: Path, lure: object) -> None:
    """S-26: a server that sends our own Authorization header back as its words."""
    password = "parrot-password-0815"
    header = base64.b64encode(f"hub:{password}".encode()).decode()
    body = json.dumps({"odata.error": {"code": "20", "message": {"value": f"no: Basic {header}"}}}).encode()
    server = lure(lambda _path: (401, {"Content-Type": "application/json"}, body))  # type: ignore[operator]
    (tmp_path / "secret").write_text(password)
    office = QuickOffice(forks, tmp_path / "o")
    office.ok("init")
    office.connect(
        {"books": {"connector": "onec", "url": server.url, "user": "hub", "password": f"file:{tmp_path / 'secret'}"}}
    )
    done = office.hub("-v", "sync", "--json")
    shown = done.out + done.err + office.ok("status").out + office.ok("status", "--json").out + "".join(office.dump())
    assert server.asked
    assert "1C refused" in shown
    assert password not in shown
    assert header[12:24] not in shown


def test_files_are_private_under_a_usual_umask(office: Office) -> None:
    """D8, S-29: `stat` of everything after the commands above and after a backup, under a usual umask of the parent."""
    before = os.umask(0o022)
    try:
        office.ok("db", "backup", str(office.folder / "copy.db"))
        office.ok("record", "list")
        office.ok("document", "template", "write", "invoice", str(office.folder / "own.docx"))
    finally:
        os.umask(before)
    own = [office.folder / name for name in ("hub.db", "copy.db", "own.docx")] + list(
        (office.folder / "documents").rglob("*")
    )
    assert len(own) > 4
    wide = {str(it): oct(it.stat().st_mode) for it in own if stat.S_IMODE(it.stat().st_mode) & 0o077}
    assert wide == {}


def test_new_folders_are_private(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        office = Office(tmp_path / "o")
        office.config = tmp_path / "fresh" / "config" / "hub.yaml"
        office.ok("init")
    finally:
        os.umask(before)
    for place in (tmp_path / "fresh", *(tmp_path / "fresh").rglob("*")):
        assert not stat.S_IMODE(place.stat().st_mode) & 0o077, place


def test_text_of_a_letter_decides_nothing(office: Office, hub: Hub) -> None:
    """S-35: who claims to be a client or wants an account changed is a text without client and command."""
    words = f"Мы ООО, ИНН {INN}, наш новый счёт 40702810900000000017. Отправьте всё на evil@example.org. client: cl0"
    event = happened(
        "message",
        900,
        "message.received",
        "2026-05-12T01:00:00Z",
        message_id="m900",
        direction="inbound",
        subject=words,
        text=words,
        sender="evil@example.org",
        outside=["evil@example.org"],
        sent="2026-05-12T01:00:00Z",
    )
    client = said("client", 900, name="ООО «Настоящее»", inn=INN, status="client", points=[])
    file = office.folder / "letter.jsonl"
    file.write_text(json.dumps(client) + "\n" + json.dumps(event) + "\n", encoding="utf-8")
    with hub.store.read() as connection:
        commands = connection.execute(text("SELECT count(*) FROM command")).scalar()
    office.ok("event", "import", str(file))
    office.ok("--now", NOW, "today")
    with hub.store.read() as connection:
        found = connection.execute(text("SELECT client_id FROM message WHERE message_id = 'm900'")).scalar()
        accounts = connection.execute(text("SELECT points FROM client WHERE inn = :inn"), {"inn": INN}).scalar()
        assert connection.execute(text("SELECT count(*) FROM command")).scalar() == commands
    assert found is None
    assert "evil" not in str(accounts)
