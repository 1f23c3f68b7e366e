"""What is cut out of raw records comes back to the byte, is kept once, and is never taken for whole when it is gone."""

from __future__ import annotations

import base64
import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.store.cutting import LEAST, MOST, cut, whole
from hub.store.packing import Packer

CONTENT = bytes(range(256)) * 64
HEAD = b"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"


def wrapped(content: bytes, width: int = 76, ending: bytes = b"\r\n") -> bytes:
    flat = base64.b64encode(content)
    return ending.join(flat[start : start + width] for start in range(0, len(flat), width))


def letter(*contents: bytes, width: int = 76, ending: bytes = b"\r\n", tail: bytes = b"") -> bytes:
    head = (
        b"From: a@client.example" + ending + b"Subject: x" + ending * 2 + b"--b" + ending + b"Content-Type: text/plain"
    )
    parts = [HEAD.replace(b"\r\n", ending) + wrapped(it, width, ending) + tail for it in contents]
    return ending.join([head, b"", "Добрый день".encode(), *(b"--b" + ending + it for it in parts), b"--b--", b""])


def back(payload: bytes) -> tuple[bytes, dict[str, bytes]]:
    pieces: dict[str, bytes] = {}
    rest, cuts = cut(payload, pieces)
    return whole(rest, cuts, pieces.__getitem__), pieces


@pytest.mark.parametrize("width", [60, 64, 72, 76])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("tail", [b"", b"\r\n", b"\n\n"])
@pytest.mark.parametrize("more", [0, 1, 2, 3, 57])
def test_files_are_cut_and_come_back(width: int, ending: bytes, tail: bytes, more: int) -> None:
    contents = [CONTENT + b"x" * more, CONTENT[::-1]]
    payload = letter(*contents, width=width, ending=ending, tail=tail)

    again, pieces = back(payload)

    assert again == payload
    assert pieces == {hashlib.sha256(it).hexdigest(): it for it in contents}


def test_the_same_file_twice_is_one_piece() -> None:
    payload = letter(CONTENT, CONTENT)
    assert back(payload) == (payload, {hashlib.sha256(CONTENT).hexdigest(): CONTENT})


def test_a_letter_that_is_one_file_without_an_end() -> None:
    payload = HEAD + wrapped(CONTENT) + b"\r\n"
    assert back(payload) == (payload, {hashlib.sha256(CONTENT).hexdigest(): CONTENT})


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda it: it.replace(b"\r\n", b"\n", 20),  # lines end in two ways
        lambda it: it[:400] + b"\r\n" + it[400:],  # a line is cut in two
        lambda it: it[:500] + b"*" + it[501:],  # no base64
        lambda it: it[:500] + it[502:],  # a line is too short
        lambda it: it[:-3] + b"x==",  # the end is not canonical
    ],
)
def test_what_would_not_come_back_stays(spoilt: object) -> None:
    assert callable(spoilt)
    payload = HEAD + spoilt(wrapped(CONTENT)) + b"\r\n--b--\r\n"
    assert back(payload) == (payload, {})


def test_small_files_stay() -> None:
    payload = letter(b"x" * (LEAST // 2))
    assert back(payload) == (payload, {})


def test_a_hostile_record_is_left_in_time() -> None:
    piece = b"\n\n" + b"A" * 60 + b"\r\n"
    payload = piece * 200_000
    assert back(payload) == (payload, {})

    many = letter(*[bytes([number]) * 4096 for number in range(MOST + 5)])
    again, pieces = back(many)
    assert again == many
    assert len(pieces) == MOST


LINES = st.sampled_from(
    [b"\n", b"\r\n", b"\n\n", b"--b", b"=", b"QUJD", b"A" * 60, b"A" * 76, b"\r\n\r\n", b" ", b"\r"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(LINES, st.binary(max_size=5)), max_size=60), st.integers(0, 2**32))
def test_any_bytes_come_back(pieces: list[bytes], seed: int) -> None:
    """F-21 for packing: whatever stands around a file and inside it, the record comes back to the byte."""
    chance = random.Random(seed)
    file = wrapped(chance.randbytes(2000), chance.choice([60, 76]), chance.choice([b"\n", b"\r\n"]))
    payload = b"".join(pieces[: len(pieces) // 2]) + b"\n\n" + file + b"".join(pieces[len(pieces) // 2 :])
    packer, kept = Packer(payload[:100]), {}

    packed = packer.pack(payload, kept)

    assert packer.unpack(packed, kept.__getitem__) == payload
    assert all(hashlib.sha256(content).hexdigest() == digest for digest, content in kept.items())


def test_a_record_without_its_file_is_damaged() -> None:
    packer = Packer(b"")
    packed = packer.pack(letter(CONTENT), {})
    with pytest.raises(ValueError, match="gone"):
        packer.unpack(packed, {}.__getitem__)
    with pytest.raises(ValueError, match="damaged"):
        packer.unpack(packed[:9] + b"\xff" + packed[10:], {}.__getitem__)
