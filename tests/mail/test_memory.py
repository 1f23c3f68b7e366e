"""A large letter is not copied more often than needed, and what is made in pieces is what was made in one."""

from __future__ import annotations

import base64
import hashlib
import re
import tracemalloc
from email.errors import InvalidBase64LengthDefect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import mail_key, read_mail
from hub.mail import keys
from hub.mail.mime import Part, parse

HEAD = b"From: a@client.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"


def large(megabytes: int) -> bytes:
    encoded = base64.encodebytes(bytes(range(256)) * (megabytes * 3000)).replace(b"\n", b"\r\n")
    return (
        HEAD + b"Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
        b"--bb\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + encoded
        + b"\r\n--bb--\r\n"
    )


@pytest.mark.parametrize(("act", "most"), [(mail_key, 0.1), (read_mail, 3.5)])
def test_a_large_letter_takes_a_small_multiple_of_its_size(act, most):
    raw = large(8)
    tracemalloc.start()
    try:
        act(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most * len(raw), f"{peak / len(raw):.1f} times the letter"


def test_its_file_is_whole():
    [file] = read_mail(large(1)).files
    assert file.digest == hashlib.sha256(bytes(range(256)) * 3000).hexdigest()


SIGNS = [b"\r\n", b"\r", b"\n", b" ", b"\t", b"a", b"\r\r\n", b"\x0b", "ы".encode()]


@given(st.lists(st.sampled_from(SIGNS), max_size=60).map(b"".join), st.integers(1, 7))
def test_key_is_the_same_in_pieces_of_any_size(body: bytes, size: int):
    raw = b"Subject: x\r\n\r\n" + body
    end = re.search(rb"\r?\n\r?\n", raw)
    whole = b"\n\nx\n" + raw[end.end() :].replace(b"\r\n", b"\n").strip()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "_PIECE", size)
        assert mail_key(raw) == hashlib.sha256(whole).hexdigest()[:32]


@given(
    st.one_of(
        st.binary(max_size=80).map(base64.encodebytes),
        st.binary(max_size=80).map(lambda it: base64.b64encode(it).rstrip(b"=")),
        st.text("QUJD=-_ \r\n!é", max_size=40).map(str.encode),
    )
)
def test_base64_means_what_the_standard_library_says(encoded: bytes):
    """Only where that gives up, at one letter too many, the whole ones before it are decoded."""
    part = parse(HEAD + b"Content-Transfer-Encoding: Base64\r\n\r\n" + encoded)
    standard = super(Part, part).get_payload(decode=True)
    if any(isinstance(it, InvalidBase64LengthDefect) for it in part.defects):
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", encoded)
        assert len(letters) % 4 == 1
        standard = base64.b64decode(letters[:-1])
    assert part.content() == standard
