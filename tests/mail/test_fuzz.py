"""Damaged and hostile letters: an event or a BadRecord, within two seconds and twenty times the letter's size."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hub.api import BadRecord, Message, Record
from hub.testing.peers.imap import letter
from hub_imap.connector import Imap
from hub_imap.settings import ImapSettings

from .outlook_files import saved_letter, tnef
from .replies import variants
from .test_calendar import invitation
from .test_outlook import with_winmail
from .test_quotes import PAGES, page

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mail" / "eml"
KINDS = (".eml", ".msg", ".box", ".tnef")
SEEDS = [
    letter(1),
    with_winmail(tnef(("Акт.pdf", b"%PDF" * 300), text="Добрый день!")),
    saved_letter(**{"Акт.pdf": b"%PDF" * 300}),
    b"From: a@b.example\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\n\n" + invitation().encode(),
    *(page(html, "Добрый день!") for html in PAGES.values()),
    *(
        f"From: a@b.example\nContent-Type: text/plain; charset=utf-8; format=flowed\n\n{text}".encode()
        for _, text, _ in variants()[::9]
    ),
    *(it.read_bytes()[:40_000] for it in sorted(SAMPLES.rglob("*")) if it.suffix in KINDS),
]
CONNECTOR = Imap(ImapSettings(host="127.0.0.1", user="office@example.com", password="p"), None)
MOST_SECONDS = 10
"""What is more than linear takes minutes; a machine with other work to do takes several times its usual second."""
MOST_TIMES = 20
ROOM = 1024 * 1024
"""What a letter of no size may take: tables and patterns that are made once."""


def read(raw: bytes) -> None:
    try:
        found = list(CONNECTOR.normalise(Record("id", raw, stream="INBOX")))
    except BadRecord:
        return
    for event in found:
        assert msgspec.json.decode(msgspec.json.encode(event.data), type=Message) == event.data


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_flipped_and_cut_bytes_harm_nothing(data):
    """B-12."""
    raw = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(0, 10))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        start = data.draw(st.integers(0, len(raw) - 1))
        del raw[start : start + data.draw(st.integers(1, len(raw)))]
    if data.draw(st.booleans()):
        raw[:0] = data.draw(st.sampled_from(SEEDS))[: data.draw(st.integers(0, 2000))]
    began = time.process_time()
    read(bytes(raw))
    assert time.process_time() - began < MOST_SECONDS


@example(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
@example(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 600)
@given(st.binary(max_size=2000))
def test_any_bytes_give_an_event_or_a_bad_record(raw):
    read(raw)


def typed(kind: str, body: bytes, size: int = 1_500_000) -> bytes:
    return f"From: a@b.example\nContent-Type: {kind}\n\n".encode() + (body * (size // len(body) + 1))[:size]


HOSTILE = {
    "html: short tags": typed("text/html; charset=utf-8", b"a<b>"),
    "html: lines": typed("text/html; charset=utf-8", b"<p>"),
    "html: quotes": typed("text/html; charset=utf-8", b"<blockquote>a"),
    "html: entities": typed("text/html; charset=utf-8", b"&#128512;"),
    "html: signatures": typed("text/html; charset=utf-8", b"<div class=gmail_signature>"),
    "html: open brackets": typed("text/html; charset=utf-8", b"<"),
    "plain: line ends": typed("text/plain; charset=utf-8", b"\n"),
    "plain: lines of one letter": typed("text/plain; charset=utf-8", b"a\n"),
    "plain: short lines": typed("text/plain; charset=utf-8", b"ab \n"),
    "plain: quotes": typed("text/plain; charset=utf-8", b"> a\n"),
    "plain: words": typed("text/plain; charset=utf-8", "Добрый день. ".encode()),
    "plain: smileys": typed("text/plain; charset=utf-8", "\U0001f600".encode()),
    "plain: a charset of two bytes": typed("text/plain; charset=utf-16", b"a\0"),
    "plain: wrapped": typed("text/plain; charset=utf-8; format=flowed", b"a \n"),
    "calendar": typed("text/calendar; charset=utf-8", b"BEGIN:VEVENT\nSUMMARY:x\n"),
    "calendar: one long line": typed("text/calendar", b"BEGIN:VEVENT\nSUMMARY;A=b" + b";A=b" * 30_000),
    "a header of words": b"From: a@b.example\nSubject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\nx",
    "many headers": b"From: a@b.example\n" + b"X: y\n" * 300_000 + b"\nx",
    "many recipients": b"From: a@b.example\n" + b"To: a@b.example\n" * 90_000 + b"\nx",
    "many ids": b"From: a@b.example\n" + b"References: <a@b.example>\n" * 50_000 + b"\nx",
    "base64": typed("application/pdf\nContent-Transfer-Encoding: base64", b"QUJD\n"),
    "base64 with a letter too many": typed("application/pdf\nContent-Transfer-Encoding: base64", b"QUJD\n", 144_000)
    + b"Q",
    "lines of one letter, not so many": typed("text/plain; charset=utf-8", b"a\n", 142_000),
    "quoted-printable": typed("application/pdf\nContent-Transfer-Encoding: quoted-printable", b"=41"),
    "uuencode": typed("application/pdf\nContent-Transfer-Encoding: x-uuencode", b"begin 644 a\n#86)C\n"),
    "winmail": with_winmail(tnef(*[(f"{number}.pdf", b"%PDF") for number in range(5000)])),
    "saved": saved_letter(**{"a.pdf": b"%PDF" * 300_000}),
    "boundaries": typed("multipart/mixed; boundary=b", b"--b\n\nx\n"),
    "a returned letter": b"From: mailer-daemon@b.example\nSubject: Undelivered\n\n" + b"a@b.example\n" * 100_000,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_letter_takes_little_time_and_memory(raw):
    """B-12, S-05."""
    read(raw[:1000])  # so that what is made once is there
    began = time.process_time()
    read(raw)
    assert time.process_time() - began < MOST_SECONDS
    tracemalloc.start()
    try:
        read(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_TIMES * len(raw) + ROOM, f"{peak / len(raw):.1f} times the letter"
