"""Signed copies come back: by file, by letter, by the code on the scan; and the reminder that one is missing."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pypdfium2
import pytest
import segno
import typst
from PIL import Image

from hub.connections import Hub, sync_connection
from hub.documents import codes
from hub.documents.forms import FORMS
from hub.documents.render import layout_inputs
from hub.ingest import import_events
from hub.letter_files import letter_files
from hub.model.errors import HubError
from hub.paperwork.life import move
from hub.paperwork.returns import Held, attach, collect, recognise
from hub.paperwork.sheet import mark_of, values_of
from hub.plugins import Plugins
from hub.projection import Sources
from hub.remind import evaluate_now, rules_of
from hub.store import documents as rows
from hub.store import log
from hub.testing.peers.imap import MailPeer
from hub.testing.peers.smtp import PASSWORD, USER
from hub.tools import SystemClock

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def scan_of(text: str, form: str = "pdf") -> bytes:
    """Return a page with a code on it, as a scanner would give it."""
    page = Image.new("L", (1240, 1754), 255)
    code = io.BytesIO()
    segno.make(text, error="m").save(code, kind="png", scale=5, border=4)
    page.paste(Image.open(code).convert("L"), (900, 1500))
    packed = io.BytesIO()
    page.save(packed, {"pdf": "PDF", "png": "PNG"}[form])
    return packed.getvalue()


def letter(firm: Any, key: str, subject: str, name: str, content: bytes, sender: str = "school@example.ru") -> None:
    """Let a letter with one file come in."""
    digest = hashlib.sha256(content).hexdigest()
    firm.blobs[digest] = content
    firm.learn_event(
        "message.received", f"message/{key}",
        {"sender": sender, "outside": [sender], "subject": subject, "sent": NOW.isoformat(),
         "attachments": [{"name": name, "type": "application/pdf", "size_bytes": len(content), "blob": digest}]},
    )  # fmt: skip


@pytest.fixture
def office(firm: Any) -> Any:
    firm.blobs = {}

    def learn_event(type_: str, subject: str, data: dict[str, Any]) -> None:
        line = {
            "id": subject,
            "source": "mail",
            "type": type_,
            "subject": subject,
            "time": NOW.isoformat(),
            "data": data,
        }
        with firm.store.write() as connection:
            import_events(connection, [json.dumps(line).encode()], Sources(()), NOW)

    firm.learn_event = learn_event
    firm.get_file = lambda held: firm.blobs[held.digest]
    return firm


def act(firm: Any) -> int:
    key: int = firm.draft("act")
    firm.issue(key)
    return key


def test_the_mark_on_the_page_is_read_back(firm: Any) -> None:
    """The code that the form draws is the text by which the scan is recognised."""
    key = act(firm)
    source, inputs = layout_inputs(FORMS["act"].layout() or b"", values_of(firm.config, firm.get(key)))
    made = typst.compile(source, format="png", ppi=150, ignore_system_fonts=True, sys_inputs=inputs)
    picture = made[-1] if isinstance(made, list) else made
    assert codes.codes_in(picture, "png") == [mark_of(firm.get(key))]


def test_codes_are_read_off_the_files_as_they_were_issued(firm: Any) -> None:
    """The payment code and the mark on the PDF itself, and a scan in black and white as office machines pack it."""
    key, invoice = act(firm), firm.draft("invoice")
    firm.issue(invoice)
    mark, payment = mark_of(firm.get(key)), str(values_of(firm.config, firm.get(invoice))["qr"])
    assert payment.startswith("ST00012|Name=ООО «Пример»|")
    assert codes.codes_in(firm.files(key)["pdf"].read_bytes(), "pdf") == [mark]
    assert codes.codes_in(firm.files(invoice)["pdf"].read_bytes(), "pdf") == [payment]
    with pypdfium2.PdfDocument(firm.files(key)["pdf"].read_bytes()) as document:
        page = document[0].render(scale=200 / 72, grayscale=True).to_pil()
    packed = io.BytesIO()
    page.rotate(180).convert("1", dither=Image.Dither.NONE).save(packed, "PDF", resolution=200)
    assert b"CCITTFaxDecode" in packed.getvalue()
    assert codes.codes_in(packed.getvalue(), "pdf") == [mark]


def test_a_scan_is_kept_once_and_the_document_is_returned(office: Any) -> None:
    key = act(office)
    content = scan_of("x", "png")
    with pytest.raises(HubError, match="is no scan"):
        attach(office.store, office.config, key, "scan.exe", content, by="anna", now=NOW)
    with pytest.raises(HubError, match="nothing of it can have come back"):
        attach(office.store, office.config, office.draft("act"), "scan.png", content, by="anna", now=NOW)
    for _ in range(2):
        assert attach(office.store, office.config, key, "scan.png", content, by="anna", now=NOW).state == "returned"
    scans = [path for name, path in office.files(key).items() if name.startswith("scan-")]
    assert [path.read_bytes() for path in scans] == [content]


def test_letters_bring_scans_home(office: Any) -> None:
    """By the code whoever sent it; by the number from the client alone; nothing else, and nothing twice."""
    coded, numbered, other = act(office), act(office), act(office)
    letter(office, "1", "документы", "scan.pdf", scan_of(mark_of(office.get(coded))), sender="unknown@example.org")
    letter(office, "2", "Подписанный акт № 2", "акт.pdf", scan_of("something else"))
    letter(office, "3", "Подписанный акт № 3", "акт.pdf", scan_of("nothing"), sender="unknown@example.org")
    letter(office, "4", "Вопрос", "image.png", scan_of("HUB:3:000000000000", "png"))
    done = collect(office.store, office.config, office.get_file, by="hub", now=NOW)
    assert [(it.document, it.by_code) for it in done] == [(coded, True), (numbered, False)]
    assert [office.get(key).state for key in (coded, numbered, other)] == ["returned", "returned", "issued"]
    assert collect(office.store, office.config, office.get_file, by="hub", now=NOW) == []
    with office.store.read() as connection:
        assert recognise(connection, "HUB:3:000000000000") is None, "a code of another store"
        assert recognise(connection, "HUB:999:000000000000") is None


SIGNED = """{}
letters:
  - id: signed
    make: return
    kinds: act
    when: [{field: message.subject, contains: подписан}]"""


def test_a_rule_brings_home_what_neither_code_nor_number_names(office: Any) -> None:
    """«Подписанный акт во вложении»: the one act of this client that is out; a logo and two acts are for a person."""
    key, other = act(office), act(office)
    office.configure(SIGNED)

    def look() -> list[Any]:
        return collect(office.store, office.config, office.get_file, by="hub", now=NOW)

    letter(office, "1", "Подписанный акт во вложении", "scan.pdf", b"%PDF-1.7 a")
    assert look() == []
    with office.store.write() as connection:
        move(connection, office.config, other, "cancelled", by="anna", now=NOW)
    letter(office, "2", "Вопрос по акту", "scan.pdf", b"%PDF-1.7 b")
    letter(office, "3", "Подписанный акт во вложении", "logo.png", b"\x89PNG\r\n\x1a\n" + bytes(50))
    letter(office, "4", "Подписанный акт во вложении", "scan.pdf", b"%PDF-1.7 c", sender="unknown@example.org")
    assert look() == []
    letter(office, "5", "Подписанный акт во вложении", "scan.pdf", b"%PDF-1.7 d")
    letter(office, "6", "Ещё раз подписан", "scan.pdf", b"%PDF-1.7 e")
    (done,) = look()
    assert (done.document, done.by_code, done.rule, office.get(key).state) == (key, False, "signed", "returned")


def test_a_rule_names_the_kinds_that_may_come_back(office: Any) -> None:
    key = act(office)
    office.configure(SIGNED.replace("kinds: act", "kinds: contract"))
    letter(office, "1", "Подписанный акт во вложении", "scan.pdf", b"%PDF-1.7 c")
    assert collect(office.store, office.config, office.get_file, by="hub", now=NOW) == []
    assert office.get(key).state == "issued"


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 broken", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_what_is_no_picture_has_no_code(content: bytes) -> None:
    assert codes.codes_in(content, "pdf") == codes.codes_in(content, "png") == []


def test_a_document_that_stays_away_is_reminded_of(office: Any) -> None:
    """S000-14: sent, ten business days, a reminder; returned, none. An invoice need not come back."""
    key = act(office)
    invoice = office.draft("invoice")
    office.issue(invoice)
    plugins = Plugins(("-",))

    def reminders(days: int) -> list[str]:
        with office.store.read() as connection:
            _, found = evaluate_now(
                connection, office.config, rules_of(office.config, plugins), NOW + timedelta(days=days)
            )
        return [due.title for due in found.open if due.rule == "documents_not_returned"]

    assert reminders(20) == []
    for number in (key, invoice):
        with office.store.write() as connection:
            move(connection, office.config, number, "sent", by="anna", now=NOW)
    assert reminders(20) == ["Вернуть подписанный экземпляр: Акт выполненных работ: Школа № 5, № 1"]
    attach(office.store, office.config, key, "scan.png", scan_of("x", "png"), by="anna", now=NOW + timedelta(days=3))
    assert reminders(20) == []


def test_the_life_of_documents_survives_export_and_import(office: Any) -> None:
    """Another store takes the log as it is, and does not take its own documents for those."""
    key = act(office)
    with office.store.write() as connection:
        move(connection, office.config, key, "delivered", by="anna", now=NOW)
    with office.store.read() as connection:
        events = [it for it in log.read_log(connection) if it.source == "documents"]
        lines = [
            json.dumps({"id": it.id, "source": it.source, "type": it.type, "subject": it.subject, "version": it.version,
                        "time": it.time.isoformat(), "data": json.loads(it.data)}).encode()
            for it in events
        ]  # fmt: skip
    with office.store.write() as connection:
        assert import_events(connection, lines, Sources(()), NOW) == 0, "they are known"
    changed = [line.replace(b"document/1", b"document/2").replace(b"/1/2026", b"/2/2026") for line in lines]
    with office.store.write() as connection:
        assert import_events(connection, changed, Sources(()), NOW) == 2
    with office.store.read() as connection:
        assert rows.get(connection, key).state == "delivered"


def test_a_scan_is_taken_out_of_the_letter_it_came_with(
    office: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Over a real mailbox: the connector keeps letters whole, and no blob holds their files."""
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    key = act(office)
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Message-ID"] = "school@example.ru", USER, "<1@example.ru>"
    made["Date"], made["Subject"] = "Mon, 23 Nov 2026 10:00:00 +0700", "Документы"
    made.set_content("Во вложении.")
    made.add_attachment(scan_of(mark_of(office.get(key))), maintype="application", subtype="pdf", filename="scan.pdf")
    peer = MailPeer()
    peer.start()
    try:
        peer.imap.deliver(made.as_bytes())
        office.configure(
            "{}\nconnections:\n  office: {connector: imap, host: 127.0.0.1, tls: none, folders: INBOX, "
            f"port: '{peer.imap.port}', user: '{USER}', password: 'env:MAIL_PASSWORD'}}"
        )
        hub = Hub(office.config, Plugins(), office.store, SystemClock())
        assert [it.error for it in sync_connection(hub, "office")] == [None]
    finally:
        peer.stop()
    with letter_files(hub) as get:
        done = collect(office.store, office.config, get, by="hub", now=hub.clock.now())
        assert [(it.document, it.by_code) for it in done] == [(key, True)]
        with pytest.raises(KeyError):
            get(Held("0" * 64, "office", "INBOX", "no such letter"))
        assert caplog.messages == []
        with pytest.raises(KeyError):
            get(Held("0" * 64, "gone", "INBOX", "1"))
        assert "letters of gone cannot be looked into" in caplog.messages[0]


def test_files_that_came_before_any_document_was_out_are_not_opened(office: Any) -> None:
    letter(office, "1", "документы", "scan.pdf", scan_of("x"))
    office.blobs.clear()
    opened: list[str] = []

    def get(held: Held) -> bytes:
        opened.append(held.digest)
        raise KeyError(held.digest)

    assert collect(office.store, office.config, get, by="hub", now=NOW) == []
    assert opened == []
    act(office)
    letter(office, "2", "документы", "scan.pdf", scan_of("y"))
    assert collect(office.store, office.config, get, by="hub", now=NOW) == []
    assert len(opened) == 1
