"""Outlook's wrappings: winmail.dat and saved letters give their files and text, damaged ones harm nothing."""

from __future__ import annotations

import hashlib
import json
import struct
import time
import tracemalloc
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.api import BadRecord, read_mail
from hub.mail.tnef import read_tnef

from .outlook_files import attribute, properties, saved_letter, tnef

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mail" / "eml"
WITH_SAMPLES = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample letters are not on this machine")
PDF = b"%PDF-1.7 act" * 500


def with_winmail(content: bytes, text: str = "Акт во вложении.", kind: str = "ms-tnef") -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "belova@client.example"
    if text:
        mail.set_content(text)
    mail.add_attachment(content, maintype="application", subtype=kind, filename="winmail.dat")
    return mail.as_bytes()


def test_files_in_a_winmail_stand_beside_the_others():
    """B-12."""
    mail = read_mail(with_winmail(tnef(("Акт за ноябрь 2026.pdf", PDF), ("Счёт.pdf", b"%PDF-1.7"))))
    assert [(it.name, it.type, it.size_bytes) for it in mail.files] == [
        ("Акт за ноябрь 2026.pdf", "application/pdf", len(PDF)),
        ("Счёт.pdf", "application/pdf", 8),
    ]
    assert mail.files[0].content() == PDF
    assert mail.files[0].digest == hashlib.sha256(PDF).hexdigest()
    assert mail.text == "Акт во вложении."


def test_a_winmail_is_known_by_its_name_too():
    assert read_mail(with_winmail(tnef(("a.pdf", PDF)), kind="octet-stream")).files[0].name == "a.pdf"


def test_the_text_inside_counts_when_there_is_no_other():
    content = tnef(text="Добрый день!\r\nАкт подписан.")
    assert read_mail(with_winmail(content, text="")).text == "Добрый день!\nАкт подписан."
    assert read_mail(with_winmail(content)).text == "Акт во вложении."


def test_files_of_a_letter_inside_the_letter_are_found():
    mail = read_mail(with_winmail(tnef(("a.pdf", PDF), inner=tnef(("Вложенный.pdf", b"%PDF")))))
    assert [it.name for it in mail.files] == ["a.pdf", "Вложенный.pdf"]


def test_names_out_of_a_winmail_are_made_harmless():
    """B-15."""
    assert read_mail(with_winmail(tnef(("..\\..\\a\u202efdp.exe", PDF)))).files[0].name == "afdp.exe"


def test_what_only_says_that_it_is_a_winmail_stays_a_file():
    [file] = read_mail(with_winmail(b"\x89PNG\r\n\x1a\n")).files
    assert (file.name, file.type, file.size_bytes) == ("winmail.dat", "application/ms-tnef", 8)


@WITH_SAMPLES
def test_samples_hold_what_another_reader_finds_in_them():
    expected = json.loads((SAMPLES / "tnefparse" / "expected_attachments.json").read_text())
    for name, names in expected.items():
        assert [it.name for it in read_tnef((SAMPLES / "tnefparse" / name).read_bytes()).files] == names, name


def test_a_letter_saved_by_outlook_is_read_as_one():
    mail = read_mail(saved_letter(**{"Акт.pdf": PDF, "Скан подписи.pdf": b"%PDF"}))
    assert (mail.sender.address, mail.sender.name) == ("belova@client.example", "Анна Белова")
    assert [it.address for it in mail.to + mail.cc] == ["office@example.com", "ivanova@example.com"]
    assert (mail.subject, mail.message_id) == ("Акт за ноябрь", "saved-1@client.example")
    assert mail.sent.isoformat() == "2026-11-20T03:15:00+00:00"
    assert mail.own_text == "Добрый день!\n\nАкт во вложении."
    assert [(it.name, it.content()) for it in mail.files] == [("Акт.pdf", PDF), ("Скан подписи.pdf", b"%PDF")]


def test_a_saved_letter_that_is_attached_stays_a_file():
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "belova@client.example"
    mail.set_content("Пересылаю.")
    mail.add_attachment(saved_letter(), maintype="application", subtype="vnd.ms-outlook", filename="Акт.msg")
    found = read_mail(mail.as_bytes())
    assert [(it.name, it.type) for it in found.files] == [("Акт.msg", "application/vnd.ms-outlook")]
    assert read_mail(found.files[0].content()).subject == "Акт за ноябрь"


def test_another_compound_file_is_no_letter():
    with pytest.raises(BadRecord):
        read_mail(saved_letter()[:512])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_ends_the_reading_and_nothing_else(data):
    raw = bytearray(data.draw(st.sampled_from([saved_letter(**{"a.pdf": PDF}), tnef(("a.pdf", PDF), text="x")])))
    for _ in range(data.draw(st.integers(1, 12))):
        place = data.draw(st.integers(0, min(len(raw), 3000) - 1))
        raw[place : place + 4] = struct.pack("<I", data.draw(st.sampled_from([0, 1, 2, 0xFF, 0xFFFFFFFF, 0x7FFFFFFF])))
    content = bytes(raw[: data.draw(st.integers(8, len(raw)))])
    read_mail(with_winmail(content))
    try:
        read_mail(content)
    except BadRecord:
        return


def deep(levels: int) -> bytes:
    content = tnef(("a.pdf", b"x"))
    for _ in range(levels):
        content = tnef(inner=content)
    return content


@pytest.mark.parametrize(
    "content",
    [
        deep(50),
        tnef() + attribute(0x00069003, struct.pack("<I", 0xFFFFFFFF) + struct.pack("<HHI", 3, 1, 1) * 100_000),
        tnef() + attribute(0x00069003, struct.pack("<IHHI", 1, 0x101E, 1, 0xFFFFFFFF) + b"\0" * 400_000),
        tnef() + attribute(0x00069003, struct.pack("<IHHI", 1, 0x1002, 1, 0xFFFFFFFF) + b"\0" * 4000),
        tnef() + attribute(0x00069002, b"") * 50_000,
        tnef() + attribute(0x00069003, properties({0x1000: "x" * 300_000}), 1) * 5,
    ],
    ids=["deep", "many properties", "many values", "values without end", "many files", "long texts"],
)
def test_a_hostile_winmail_takes_no_time(content):
    began = time.process_time()
    read_mail(with_winmail(content))
    assert time.process_time() - began < 2


@pytest.mark.parametrize("place", [44, 48, 60, 64, 68, 72, 76, 80])
def test_chains_in_circles_end(place):
    raw = bytearray(saved_letter(**{"a.pdf": PDF * 20}))
    for value in (0, 1, 2, 5, 0xFFFFFFF0):
        raw[place : place + 4] = struct.pack("<I", value)
        began = time.process_time()
        with suppress(BadRecord):
            read_mail(bytes(raw))
        assert time.process_time() - began < 1


def test_numbers_before_a_name_are_stepped_over():
    """A property of many numbers, one with a name of its own, and a time stand before what is looked for."""
    numbers = struct.pack("<HHIQQ", 0x1014, 0x6801, 2, 1, 2)
    named = struct.pack("<HH16sII", 3, 0x8001, b"\1" * 16, 1, 6) + "ab\0".encode("utf-16-le") + b"\0\0" + b"\0" * 4
    moment = struct.pack("<HHQ", 0x40, 0x3007, 1)
    name = properties({0x3707: "Акт.pdf"})[4:]
    content = tnef(("AKT.PDF", PDF)) + attribute(0x00069005, struct.pack("<I", 4) + numbers + named + moment + name)
    assert read_mail(with_winmail(content)).files[0].name == "Акт.pdf"


def test_files_that_share_their_bytes_are_not_read_without_end():
    """A directory of a thousand entries that all point at one chain would make much of little."""
    content = b"x" * 400_000
    raw = bytearray(saved_letter(**{f"{number}.bin": b"y" * 5000 for number in range(400)}, big=content))
    entry = "__substg1.0_37010102".encode("utf-16-le")
    places = [at for at in range(0, len(raw), 128) if raw[at : at + len(entry)] == entry]
    [big] = [at for at in places if struct.unpack_from("<I", raw, at + 120)[0] == len(content)]
    for at in places:
        raw[at + 116 : at + 124] = raw[big + 116 : big + 124]
    tracemalloc.start()
    try:
        found = read_mail(bytes(raw))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(it.size_bytes for it in found.files) <= 4 * len(raw)
    assert peak < 20 * len(raw)
