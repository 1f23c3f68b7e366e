"""What a raw letter means, for letters as people and machines really write them."""

from __future__ import annotations

import base64
import hashlib
import time
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hub.api import BadRecord, Event, Message, Reference, mail_events, read_mail
from hub.mail.charset import codec, to_text, words
from hub.mail.events import is_ours
from hub.mail.files import display_name
from hub.mail.keys import message_id, message_ids, message_key
from hub.testing.peers.imap import letter

OURS = frozenset({"example.com"})
SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mail" / "eml"
FILES = sorted(it for it in SAMPLES.rglob("*") if it.suffix in (".eml", ".msg", ".box")) if SAMPLES.is_dir() else []


def event(raw: bytes, folder: str = "INBOX", ours: frozenset[str] = OURS) -> Event:
    [found] = mail_events(Reference("message", "id"), read_mail(raw), folder=folder, ours=ours)
    return found


def message(raw: bytes, ours: frozenset[str] = OURS) -> Message:
    found = event(raw, ours=ours).data
    assert isinstance(found, Message)
    return found


def headers(*lines: str | bytes, body: bytes = b"text") -> bytes:
    given = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return b"\r\n".join([*given, b"", body])


def written(**fields: str) -> Message:
    """Return what a letter with these headers means; the sender is a client unless given."""
    named = {"from": "Белова <belova@client.example>", "to": "office@example.com"} | fields
    return message(headers(*(f"{name.replace('_', '-')}: {value}" for name, value in named.items() if value)))


# who, when, what


def test_a_received_letter_is_told_whole():
    found = event(letter(7))
    assert found.type == "message.received"
    assert str(found.subject) == "/message/id"
    assert found.time == datetime(2026, 11, 20, 3, 15, tzinfo=UTC)
    assert found.data == Message(
        message_id="letter-7@client.example",
        sender="belova@client.example",
        sender_name="Анна Белова",
        recipients=("office@example.com",),
        outside=("belova@client.example",),
        subject="Вопрос № 7",
        text="Добрый день!\n\nПодскажите, пожалуйста, по счёту 7.",
        sent=datetime(2026, 11, 20, 3, 15, tzinfo=UTC),
        thread="letter-7@client.example",
        folder="INBOX",
    )


def test_what_we_send_is_outbound_and_the_clients_are_outside():
    raw = headers("From: ivanova@dep.example.com", "To: belova@client.example, petrov@example.com", "Cc: x@y.example")
    found = event(raw)
    assert (found.type, found.data.direction) == ("message.sent", "outbound")
    assert found.data.outside == ("belova@client.example", "x@y.example")


def test_a_form_on_our_own_site_is_a_letter_of_the_client():
    raw = headers("From: site@example.com", "To: office@example.com", "Reply-To: Белова <belova@client.example>")
    found = event(raw)
    assert (found.type, found.data.sender, found.data.sender_name) == (
        "message.received",
        "belova@client.example",
        "Белова",
    )
    assert event(raw.replace(b"office@example.com", b"petrov@other.example")).type == "message.sent"


def test_ours_is_a_domain_with_those_below_and_nothing_that_looks_alike():
    assert is_ours("a@example.com", OURS)
    assert is_ours("a@mail.example.com", OURS)
    assert not is_ours("a@notexample.com", OURS)
    assert not is_ours("a@example.com.evil.example", OURS)
    assert not is_ours("", OURS)
    assert is_ours("me@yandex.ru", {"me@yandex.ru"})
    assert not is_ours("you@yandex.ru", {"me@yandex.ru"})


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("Fri, 20 Nov 2026 10:15:00 +0700", "2026-11-20T03:15:00"),
        ("Fri, 20 Nov 2026 10:15:00 -0000", "2026-11-20T10:15:00"),
        ("Fri, 20 Nov 2026 10:15:00 MSK", "2026-11-20T10:15:00"),
        ("Thu, 01 Jan 1970 00:00:00 +0000", "2026-11-20T04:00:00"),
        ("Fri, 20 Nov 2099 10:15:00 +0700", "2026-11-20T04:00:00"),
        ("Fri, 99 Nov 2026 10:15:00 +0700", "2026-11-20T04:00:00"),
        ("Fri, 31 Dec 9999 23:59:00 -0100", "2026-11-20T04:00:00"),
        ("вчера", "2026-11-20T04:00:00"),
        ("", "2026-11-20T04:00:00"),
    ],
)
def test_a_date_that_cannot_be_gives_way_to_that_of_the_server(value, sent):
    """B-07, B-12."""
    found = written(date=value, received="from a by b; Fri, 20 Nov 2026 11:00:00 +0700")
    assert found.sent == datetime.fromisoformat(sent).replace(tzinfo=UTC)


def test_without_any_date_the_time_is_not_known():
    assert event(headers("From: a@b.example")).time is None


@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        ("undisclosed-recipients:;", ()),
        ("Отдел: a@x.example, B <b@x.example>;, c@x.example", ("a@x.example", "b@x.example", "c@x.example")),
        ("Buh@Пример.РФ, b@xn--e1afmkfd.xn--p1ai", ("buh@пример.рф", "b@пример.рф")),
        ("=?utf-8?b?0JXQu9C10L3QsA==?= <a@x.example>, a@x.example", ("a@x.example",)),
        ('"Иванов, Пётр" <p@x.example>', ("p@x.example",)),
        ("not an address", ()),
        ("(" * 5000, ()),
        ("<@@@" * 200, ()),
    ],
)
def test_recipients_are_addresses_and_nothing_else(to, recipients):
    """B-11, L38."""
    assert written(to=to).recipients == recipients


@pytest.mark.parametrize("shift", range(30))
def test_an_address_cut_by_the_limit_is_not_invented(shift):
    """B-11."""
    everybody = ["x" * (shift + 1) + "@first.example", *(f"p{number}@client.example.org" for number in range(3000))]
    found = written(to=", ".join(everybody)).recipients
    assert 500 < len(found) < 3000
    assert set(found) <= set(everybody)


def test_of_two_senders_the_first_counts_and_none_is_no_error():
    """B-11."""
    assert message(headers("From: a@x.example", "From: b@x.example")).sender == "a@x.example"
    assert message(headers("Subject: x")).sender == ""


def test_threads_keep_their_sane_ids():
    found = written(
        message_id="<a@x.example>",
        in_reply_to="Message of Friday <b@x.example>",
        references="<c@x.example> broken <> <d@\r\n x.example> <e@x.example><c@x.example>",
    )
    assert found.message_id == "a@x.example"
    assert found.in_reply_to == "b@x.example"
    assert found.references == ("c@x.example", "e@x.example")
    assert len(message_ids(" ".join(f"<{number}@x>" for number in range(500)))) == 50
    assert message_id("без скобок нет") == ""
    assert message_id("bare@x.example") == "bare@x.example"


# letters


RUSSIAN = "Добрый день, Мария Сергеевна! Прошу выставить счёт за ноябрь. СРОЧНО."


@pytest.mark.parametrize("actual", ["utf-8", "cp1251", "koi8-r", "cp866", "utf-16"])
@pytest.mark.parametrize(
    "declared", ["", "us-ascii", "x-unknown", "utf-8", "windows-1251", "koi8-r", "iso-8859-1", "zip"]
)
def test_russian_is_read_whatever_is_declared(actual, declared):
    """B-02."""
    body = base64.encodebytes(RUSSIAN.encode(actual))
    kind = "Content-Type: text/plain" + (f"; charset={declared}" if declared else "")
    assert message(headers(kind, "Content-Transfer-Encoding: base64", body=body)).text == RUSSIAN


@pytest.mark.parametrize("text", ["Счёт", "СЧЁТ НА ОПЛАТУ", "Отчёт 1С", "да", "ОТВЕТ", "ООО «Ромашка»", "Re: договор"])
@pytest.mark.parametrize("actual", ["utf-8", "cp1251", "koi8-r", "cp866"])
def test_a_subject_in_raw_bytes_is_read(text, actual):
    raw = text.encode(actual, "ignore")
    assert message(headers(b"Subject: " + raw)).subject == raw.decode(actual)


def test_one_broken_byte_spoils_one_letter():
    """B-02."""
    raw = RUSSIAN.encode().replace("г".encode(), b"\xd0", 1)
    text = message(headers("Content-Type: text/plain; charset=utf-8", body=raw)).text
    assert sum(one != other for one, other in zip(text, RUSSIAN, strict=False)) <= 1


def test_other_languages_stay_what_they_are():
    raw = "Grüße aus München, schöne Tage".encode("latin-1")
    assert to_text(raw, "iso-8859-1") == "Grüße aus München, schöne Tage"
    assert to_text("日本語".encode("iso-2022-jp"), "iso-2022-jp") == "日本語"
    assert [codec(label) for label in ("punycode", "rot13", "", "a\0b", "idna", "unicode_escape")] == [""] * 6
    assert [codec(label) for label in ("WIN-1251", "cp-1251", "x-cp1251", "koi8r")] == ["cp1251"] * 3 + ["koi8-r"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?utf-8?B?0KHRh9GR0YI=?= =?utf-8?B?INC90LA=?=", "Счёт на"),
        ("=?utf-8?B?0KHRh9E=?= =?utf-8?B?kdGC?=", "Счёт"),  # cut in the middle of a letter
        ("=?windows-1251?Q?=D1=F7=E5=F2_?=\r\n =?windows-1251?Q?15?=", "Счет 15"),
        ("=?koi8-r*ru?B?8NLJ18XU?=", "Привет"),
        ("Re: =?utf-8?Q?=D0=94=D0=B0?= and more", "Re: Да and more"),
        ("=?x-unknown?B?0fXl8g==?=", "Схет"),
        ("=?utf-8?B?!!!?= tail", "tail"),
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("a\r\n\tb\x00c\x7f", "a bc"),
    ],
)
def test_encoded_words_as_senders_really_make_them(value, text):
    """B-11."""
    assert words(value) == text


def test_nothing_that_a_store_refuses_comes_out():
    raw = headers("Subject: a\x00b", "Content-Type: text/plain; charset=utf-7", body=b"x+2AA-y\x00z")
    found = message(raw)
    assert (found.subject, found.text) == ("ab", "xyz")


def test_html_becomes_the_words_a_person_reads():
    html = """<html><head><title>no</title><style>p {color: red}</style></head><body><script>no()</script>
      <p>Добрый&nbsp;день,<br>Анна!</p><!-- no -->
      <table><tr><td>Счёт</td><td>15</td></tr></table>&lt;конец&gt;</body>"""
    found = message(headers("Content-Type: text/html; charset=utf-8", body=html.encode()))
    assert found.text == "Добрый день,\nАнна!\n\nСчёт 15\n\n<конец>"


def test_the_plain_words_are_preferred_and_an_empty_part_is_not():
    mail = EmailMessage(policy=SMTP)
    mail.set_content("Простой текст")
    mail.add_alternative("<p>Свёрстанный текст</p>", subtype="html")
    assert message(mail.as_bytes()).text == "Простой текст"
    mail = EmailMessage(policy=SMTP)
    mail.set_content("  ")
    mail.add_alternative("<p>Свёрстанный текст</p>", subtype="html")
    assert message(mail.as_bytes()).text == "Свёрстанный текст"


def test_the_same_text_in_three_forms_is_said_once():
    """Apple Mail: the choice holds plain words, and beside them a group of HTML with its pictures."""
    html = b"Content-Type: text/html\r\n\r\n<p>Formatted words</p>\r\n"
    related = b"Content-Type: multipart/related; boundary=r\r\n\r\n--r\r\n" + html + b"--r--\r\n"
    mixed = b"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n" + related + b"--m\r\n" + html + b"--m--\r\n"
    plain = b"Content-Type: text/plain\r\n\r\nPlain words\r\n"
    body = b"--a\r\n" + plain + b"--a\r\n" + mixed + b"--a--\r\n"
    assert message(headers("Content-Type: multipart/alternative; boundary=a", body=body)).text == "Plain words"


def test_a_file_attached_twice_is_one_and_another_under_its_name_stays():
    """B-15."""
    mail = EmailMessage(policy=SMTP)
    mail.set_content("x")
    for content in (b"logo", b"logo", b"other"):
        mail.add_attachment(content, maintype="image", subtype="png", filename="image001.png")
    mail.add_attachment(b"logo", maintype="image", subtype="png", filename="logo.png")
    found = message(mail.as_bytes()).attachments
    assert [it.name for it in found] == ["image001.png", "image001.png", "logo.png"]
    assert len({it.blob for it in found}) == 2


def test_texts_around_a_picture_are_one_text():
    """Apple Mail and others cut the text where a file stands in it."""
    mail = EmailMessage(policy=SMTP)
    mail.set_content("Вот скан:")
    mail.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="scan.png")
    mail.add_attachment("А вот акт: срочно подпишите.", disposition="inline")
    mail.add_attachment("<p>И ещё.</p>", subtype="html", disposition="inline")
    assert message(mail.as_bytes()).text == "Вот скан:\n\nА вот акт: срочно подпишите.\n\nИ ещё."


def test_of_a_long_text_the_beginning_is_kept():
    assert len(message(headers("Content-Type: text/plain; charset=utf-8", body="ы".encode() * 20_000)).text) == 8192


# attachments


def attached(disposition: bytes, content: bytes = b"content", kind: bytes = b"application/pdf") -> Message:
    return message(
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n'
        b"Content-Type: " + kind + b"\r\nContent-Disposition: " + disposition + b"\r\n"
        b"Content-Transfer-Encoding: base64 \r\n\r\n" + base64.encodebytes(content) + b"\r\n--b--\r\n"
    )


def test_an_attachment_is_told_by_name_size_and_content():
    found = attached(b'attachment; filename="act.pdf"')
    assert found.text == "hello"
    [only] = found.attachments
    assert (only.name, only.type, only.size_bytes) == ("act.pdf", "application/pdf", 7)
    assert only.blob == hashlib.sha256(b"content").hexdigest()


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="Счёт № 5.pdf"'.encode(), "Счёт № 5.pdf"),
        ('attachment; filename="Счет.pdf"'.encode("cp1251"), "Счет.pdf"),
        (b'attachment; filename="' + Header("Счёт.pdf", "utf-8").encode().encode() + b'"', "Счёт.pdf"),
        (b"attachment; filename*=utf-8''%D0%A1%D1%87%D1%91%D1%82.pdf", "Счёт.pdf"),
        (b"attachment; filename=a.pdf; filename*=windows-1251''%D1%F7%E5%F2.pdf", "Счет.pdf"),
        (b"attachment; filename*1*=%D1%82.pdf; filename*0*=utf-8''%D0%A1%D1%87%D1%91", "Счёт.pdf"),
        (b"attachment; filename*=utf-8''a; filename*0*=utf-8''b", "part-2.pdf"),
        (b'attachment; filename="..\\\\..\\\\x.pdf"', "x.pdf"),
        (b'attachment; filename="/etc/passwd"', "passwd"),
        (b'attachment; filename="C:\\\\x.pdf"', "x.pdf"),
        (b'attachment; filename="../.."', "attachment"),
        (b'attachment; filename="a\x00b.pdf"', "ab.pdf"),
        ('attachment; filename="a\u202efdp.exe"'.encode(), "afdp.exe"),
        (b"attachment", "part-2.pdf"),
    ],
)
def test_names_are_read_and_made_harmless(disposition, name):
    """L39, B-15, S-06."""
    assert attached(disposition).attachments[0].name == name


@example("x" * 300 + ".pdf")
@example("я" * 200 + ".docx")
@given(st.text(max_size=400))
def test_a_shown_name_is_never_a_path_and_never_long(name):
    """L39, B-15."""
    shown = display_name(name)
    assert shown.strip(". ")
    assert len(shown.encode()) <= 255
    assert not set(shown) & set("/\\\0\r\n\u202e")


def test_a_letter_inside_a_letter_stays_closed():
    inner = EmailMessage(policy=SMTP)
    inner["Subject"] = "Старый договор"
    inner.set_content("внутри")
    outer = EmailMessage(policy=SMTP)
    outer.set_content("снаружи")
    outer.add_attachment(inner)
    found = message(outer.as_bytes())
    assert found.text == "снаружи"
    assert [(it.name, it.type) for it in found.attachments] == [("Старый договор.eml", "message/rfc822")]


@pytest.mark.parametrize(
    ("kind", "count"),
    [(b"image/png", 1), (b"application/ms-tnef", 1), (b"application/pkcs7-mime", 1), (b"text/calendar", 1)],
)
def test_a_letter_of_one_part_that_is_no_text_is_an_attachment(kind, count):
    """B-12."""
    found = message(headers(b"Content-Type: " + kind, body=b"\x00\x01"))
    assert (len(found.attachments), found.text) == (count, "")


# machines


@pytest.mark.parametrize(
    "fields",
    [
        {"auto_submitted": "auto-replied"},
        {"auto_submitted": "auto-generated; owner-email=x"},
        {"precedence": "bulk"},
        {"x_auto_response_suppress": "DR, All"},
        {"x_loop": "yes"},
        {"list_id": "<news.x.example>"},
        {"list_id": "<evilexample.com>"},
        {"list_unsubscribe": "<mailto:x@y.example>"},
        {"feedback_id": "1:2:3"},
        {"return_path": "<>"},
        {"from": "no-reply@client.example"},
        {"from": "donotreply+1@client.example"},
        {"from": "MAILER-DAEMON@client.example"},
        {"subject": "=?utf-8?B?0JDQstGC0L7QvtGC0LLQtdGC?=: счёт"},
        {"subject": "Автоматический ответ: отпуск"},
        {"subject": "Automatic reply: vacation"},
        {"content_type": 'multipart/report; report-type=disposition-notification; boundary="b"'},
    ],
)
def test_letters_of_machines_are_marked(fields):
    """B-13."""
    assert written(**fields).is_automatic


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"auto_submitted": "no"},
        {"precedence": "normal"},
        {"return_path": "<belova@client.example>"},
        {"from": "robotova@client.example"},
        {"from": "noreplyev@client.example"},
        {"subject": "Re: автоответчик не работает"},
    ],
)
def test_letters_of_people_are_not(fields):
    assert not written(**fields).is_automatic


DSN = """From: mailer-daemon@mx.example.org
To: office@example.com
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; belova@client.example
Action: %s
Status: 5.1.1

Final-Recipient: rfc822; good@client.example
Action: delivered
Status: 2.0.0
--b
Content-Type: text/rfc822-headers

Message-ID: <command-1@example.com>
Subject: x
--b--
"""


def test_a_returned_letter_belongs_to_whom_it_did_not_reach():
    """B-13."""
    found = message((DSN % "failed").encode())
    assert (found.is_bounce, found.is_automatic) == (True, True)
    assert found.outside == ("belova@client.example",)
    assert found.in_reply_to == "command-1@example.com"


def test_a_report_of_our_own_server_comes_to_us():
    raw = (DSN % "failed").replace("mx.example.org", "example.com").encode()
    assert (event(raw).type, event(raw).data.direction) == ("message.bounced", "inbound")


def test_a_delay_is_no_return():
    found = message((DSN % "delayed").encode())
    assert (found.is_bounce, found.is_automatic) == (False, True)


# hostile letters


@pytest.mark.parametrize(
    "name", ["To", "From", "Subject", "References", "Message-ID", "Content-Type", "Date", "Received"]
)
@pytest.mark.parametrize(
    "sign", ['"', "(", "<", ":", ",", ";", "=?utf-8?B?0JA=?= ", "\\", "@", "a@b.example, ", "*0*=a;"]
)
def test_a_header_of_one_sign_takes_no_time(name, sign):
    """L37, L38, B-11."""
    raw = headers(f"{name}: {sign * 20_001}")
    began = time.process_time()
    message(raw)
    assert time.process_time() - began < 1


def nested(levels: int) -> bytes:
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(levels)
    )


@pytest.mark.parametrize(
    "raw",
    [
        nested(5000),
        b"Content-Type: message/rfc822\r\n\r\n" * 5000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + (b"--b\r\n\r\n" + b"x" * 300 + b"\r\n") * 1001,
        b"",
        b"   \r\n\r\n",
        b"\r\n\r\njust a body",
        b"<!DOCTYPE html><html></html>",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    ],
)
def test_what_is_no_readable_letter_is_parked_quickly(raw):
    """L36, B-12."""
    began = time.process_time()
    with pytest.raises(BadRecord):
        read_mail(raw)
    assert time.process_time() - began < 2


def test_parts_within_the_limits_are_read():
    assert event(nested(90)).type == "message.received"
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 900
    assert event(raw).data.text.split() == ["x"] * 900


@pytest.mark.parametrize(
    "raw",
    [
        headers("Content-Type: multipart/mixed", body=b"--b\r\n\r\nx"),
        headers("Content-Type: multipart/mixed; boundary*=a; boundary*0=b", body=b"--b\r\n\r\nx"),
        headers("Content-Type: text/html", body=b"just text, no tags"),
        headers("Content-Transfer-Encoding: base64", body=b"!!! garbage ==="),
        headers("Content-Transfer-Encoding: x-uuencode", body=b"begin 644 x\nM garbage"),
        headers("Content-Type: text/html", body=b"<div>" * 20_000 + b"x"),
        headers("Content-Type: text/html", body=b"<?xml version='1.0' encoding='utf-16'?><p>x</p>"),
        headers("Content-Type: text/plain; charset*0*=x''y; charset*=z"),
        headers("X: 1", body=b"y" * 3_000_000),
        headers(*(f"X-{number}: {'y' * 1000}" for number in range(2000)), "Subject: beyond the limit"),
    ],
)
def test_odd_letters_are_read_all_the_same(raw):
    """B-12."""
    began = time.process_time()
    assert event(raw).type == "message.received"
    assert time.process_time() - began < 2


def test_headers_beyond_the_limit_are_left_out():
    many = [f"X-{number}: {'y' * 1000}" for number in range(2000)]
    assert message(headers("Subject: first", *many)).subject == "first"
    assert message(headers(*many, "Subject: last")).subject == ""


SEEDS = [
    letter(1),
    (DSN % "failed").encode(),
    *(path.read_bytes()[:20_000] for path in FILES[::4]),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_damage_gives_an_event_or_a_bad_record(data):
    raw = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(0, 8))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        start = data.draw(st.integers(0, len(raw) - 1))
        del raw[start : start + data.draw(st.integers(1, len(raw)))]
    try:
        found = event(bytes(raw))
    except BadRecord:
        return
    assert msgspec.json.decode(msgspec.json.encode(found.data), type=Message) == found.data
    assert message_key(bytes(raw)) == message_key(bytes(raw).replace(b"\r\n", b"\n"))


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from(["Subject", "From", "Date", "Content-Type", "Content-Disposition", "Message-ID"]),
)
def test_any_bytes_in_a_header_give_an_event(value, name):
    """L38."""
    raw = name.encode() + b": " + value.replace(b"\n", b"").replace(b"\r", b"") + b"\r\nTo: office@example.com\r\n\r\nx"
    found = event(raw)
    assert msgspec.json.decode(msgspec.json.encode(found.data), type=Message) == found.data
