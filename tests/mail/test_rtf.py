"""RTF bodies: the vectors of [MS-OXRTFCP], Russian words in every spelling, HTML hidden in RTF, and damage."""

from __future__ import annotations

import base64
import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.mail import read_mail
from hub.mail.rtf import read_rtf, unpack
from hub.mail.tnef import read_tnef

HELLO = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af3206865 6c0900206277 05b06c647d0a800fa0".replace(
        " ", ""
    )
)
REPEATED = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")


def plain(rtf: bytes) -> bytes:
    """Return a body that is not packed ([MS-OXRTFCP] 2.2.1: COMPTYPE UNCOMPRESSED)."""
    return struct.pack("<IIII", len(rtf) + 12, len(rtf), 0x414C454D, 0) + rtf


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        (HELLO, b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"),
        (REPEATED, b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"),
        (plain(b"{\\rtf1 x}"), b"{\\rtf1 x}"),
    ],
)
def test_vectors_of_the_specification(packed: bytes, expected: bytes) -> None:
    assert unpack(packed) == expected


def test_a_wrong_checksum_is_damage_and_gives_nothing() -> None:
    assert unpack(HELLO[:20] + b"\xff" + HELLO[21:]) == b""


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (
            b"{\\rtf1\\ansi\\ansicpg1251\\pard \\'c4\\'ee\\'e1\\'f0\\'fb\\'e9 \\'e4\\'e5\\'ed\\'fc!\\par OK}",
            "Добрый день!\nOK",
        ),
        (
            (
                b"{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset204 Arial;}}"
                b"\\f0 Hello, \\f1 \\'ec\\'e8\\'f0\\f0 !}"
            ),
            "Hello, мир!",
        ),
        (b"{\\rtf1\\ansi\\uc1 \\u1055?\\u1088?\\u1080?\\u1074?\\u1077?\\u1090?}", "Привет"),
        (b"{\\rtf1\\ansi\\uc2 \\u1055\\'ca\\'ca\\u1072 ab.}", "Па."),
        (b"{\\rtf1\\ansi {\\*\\generator Riched20;}{\\info{\\author X}}a\\tab b\\line c\\~d}", "a\tb\nc\u00a0d"),
        (b"{\\rtf1 \\{a\\} \\\\ b\r\nc}", "{a} \\ bc"),
        (b"{\\rtf1\\uc0 \\u-10179 \\u-8704 }", "\U0001f600"),
    ],
)
def test_words_remain(rtf: bytes, text: str) -> None:
    assert read_rtf(plain(rtf)) == (text, "")


def test_html_that_outlook_hid_comes_out_as_it_was() -> None:
    rtf = (
        b"{\\rtf1\\ansi\\ansicpg1251\\fromhtml1 \\deff0{\\fonttbl{\\f0\\fswiss Arial;}}\r\n"
        b"{\\*\\htmltag18 <html>}{\\*\\htmltag50 <body>}\\htmlrtf {\\htmlrtf0 \r\n"
        b"{\\*\\htmltag64 <p>}\\htmlrtf \\par hidden\\htmlrtf0 "
        b"\\'d1\\'f7\\'b8\\'f2 {\\*\\htmltag84 &nbsp;}\\htmlrtf \\'a0\\htmlrtf0 \\'e3\\'ee\\'f2\\'ee\\'e2"
        b"{\\*\\htmltag72 </p>}{\\*\\htmltag58 </body>}{\\*\\htmltag27 </html>}}}"
    )

    assert read_rtf(plain(rtf)) == ("", "<html><body><p>Счёт &nbsp;готов</p></body></html>")


def test_winmail_with_nothing_but_rtf_has_a_text() -> None:
    packed = plain(b"{\\rtf1\\ansi\\ansicpg1251 \\'d1\\'f7\\'b8\\'f2 \\'e3\\'ee\\'f2\\'ee\\'e2}")
    prop = struct.pack("<IHHII", 1, 0x0102, 0x1009, 1, len(packed)) + packed + b"\0" * (-len(packed) % 4)
    tnef = b"\x78\x9f\x3e\x22\x01\x00" + struct.pack("<BHHI", 1, 0x9003, 6, len(prop)) + prop + b"\0\0"
    found = read_tnef(tnef)
    assert found is not None
    assert (found.text, found.html) == ("Счёт готов", "")

    mail = read_mail(
        b"From: a@client.example\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(tnef)
    )
    assert mail.text == "Счёт готов"


@given(st.binary(max_size=300), st.integers(0, 2**32 - 1))
def test_any_bytes_end_without_an_error(content: bytes, raw_size: int) -> None:
    crc = zlib.crc32(content, 0xFFFFFFFF) ^ 0xFFFFFFFF
    read_rtf(struct.pack("<IIII", len(content) + 12, raw_size, 0x75465A4C, crc) + content)
    read_rtf(plain(b"{\\rtf1 " + content))
    read_rtf(content)


@pytest.mark.parametrize("content", [b"\xff" + b"\x00\x1f" * 8, b"{\\rtf1" + b"{" * 16, b"\\'e4\\u1055?"])
def test_much_is_read_in_little_time(content: bytes) -> None:
    begun = time.process_time()
    packed = content * (1024 * 1024 // len(content))
    crc = zlib.crc32(packed, 0xFFFFFFFF) ^ 0xFFFFFFFF
    read_rtf(struct.pack("<IIII", len(packed) + 12, 2**31, 0x75465A4C, crc) + packed)
    read_rtf(plain(b"{\\rtf1 " + packed[: 512 * 1024]))

    assert time.process_time() - begun < 10
