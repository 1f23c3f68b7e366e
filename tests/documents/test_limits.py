from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.documents.limits import check_archive, one_line, plain, printable
from hub.model.errors import HubError


def archive(files: dict[str, bytes], **options: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", options.get("compression", zipfile.ZIP_DEFLATED)) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return packed.getvalue()


def with_declared_size(content: bytes, size: int) -> bytes:
    """Lie about the unpacked size in both headers of a one-file archive."""
    changed = bytearray(content)
    struct.pack_into("<I", changed, changed.index(b"PK\x03\x04") + 22, size)
    struct.pack_into("<I", changed, changed.index(b"PK\x01\x02") + 24, size)
    return bytes(changed)


def test_an_honest_archive_is_taken() -> None:
    check_archive(archive({"a.xml": b"<a/>" * 1000, "b/c.png": bytes(range(256))}), "x.docx")


def test_a_bomb_is_refused_by_its_ratio() -> None:
    """B-21, S-05."""
    with pytest.raises(HubError, match=r"^x\.docx would unpack from \d+ to 8388608 bytes"):
        check_archive(archive({"a": bytes(8 * 1024 * 1024)}), "x.docx")


def test_too_much_is_refused_at_any_ratio() -> None:
    """B-21."""
    with pytest.raises(HubError, match="would unpack"):
        check_archive(with_declared_size(archive({"a": b"a"}), 201 * 1024 * 1024), "x.docx")


@pytest.mark.parametrize("size", [10, 500_000])
def test_a_lie_about_the_size_is_found_by_counting(size: int) -> None:
    """L41, B-21, S-05."""
    content = archive({"a": bytes(range(256)) * 400})
    check_archive(content, "x.docx")
    with pytest.raises(HubError, match=r"not a whole|lies about the size"):
        check_archive(with_declared_size(content, size), "x.docx")


def test_too_many_files_are_refused() -> None:
    """B-21."""
    names = {f"{number}": b"" for number in range(10_001)}
    with pytest.raises(HubError, match="10001 files"):
        check_archive(archive(names), "x.docx")
    names.popitem()
    check_archive(archive(names), "x.docx")


def test_two_files_of_one_name_are_refused() -> None:
    """B-21."""
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w") as made:
        warnings.simplefilter("ignore")
        made.writestr("word/document.xml", "one")
        made.writestr("word/document.xml", "two")
    with pytest.raises(HubError, match="two files of one name"):
        check_archive(packed.getvalue(), "x.docx")


def test_a_symbolic_link_is_refused() -> None:
    """B-21."""
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr(link, "/etc/passwd")
    with pytest.raises(HubError, match="symbolic link"):
        check_archive(packed.getvalue(), "x.docx")


def test_an_encrypted_archive_is_refused() -> None:
    """B-21."""
    content = bytearray(archive({"a": b"a"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(HubError, match="encrypted"):
        check_archive(bytes(content), "x.docx")


def test_an_unusual_packing_is_refused() -> None:
    with pytest.raises(HubError, match="does not use"):
        check_archive(archive({"a": b"a"}, compression=zipfile.ZIP_LZMA), "x.docx")


def test_a_damaged_stream_is_refused() -> None:
    content = bytearray(archive({"a": bytes(range(256)) * 40}))
    content[31 : 31 + 20] = b"\xff" * 20  # behind the header of 30 bytes and the name
    with pytest.raises(HubError, match="not a whole Word or zip file"):
        check_archive(bytes(content), "x.docx")


@given(st.binary(max_size=300), st.integers(0, 400))
def test_damaged_archives_get_our_error_and_no_other(noise: bytes, place: int) -> None:
    """B-21."""
    content = archive({"a.xml": b"<a/>" * 50, "b.xml": b"<b/>"})
    damaged = content[:place] + noise + content[place + len(noise) :]
    with contextlib.suppress(HubError):
        check_archive(damaged, "x.docx")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('ООО <b> & "Рога" </w:t>', 'ООО <b> & "Рога" </w:t>'),
        ("{{7*7}} #eval(1)", "{{7*7}} #eval(1)"),
        ("\u202eкод\u202c", "код"),
        ("a\x00b\x07c", "a\ufffdbc"),
        ("половина \ud83d эмодзи 😀", "половина  эмодзи 😀"),
        ("й и и\u0306", "й и и\u0306"),
        ("строка\nвторая\tтретья", "строка\nвторая\tтретья"),
    ],
)
def test_a_text_loses_only_what_cannot_be_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_name_is_one_line() -> None:
    assert one_line(" ООО\r\n«Рога\tи\x0b копыта»\u2028 ") == "ООО «Рога и копыта»"
    assert one_line("1\u00a0000") == "1\u00a0000"


@given(st.text())
def test_a_cleaned_text_stays_the_same_when_cleaned_again(text: str) -> None:
    assert printable(printable(text)) == printable(text)
    assert "\n" not in one_line(text)


def test_templates_get_plain_values_only() -> None:
    assert plain({"a": ("x", 1, True, None)}) == {"a": ["x", 1, True, None]}
    for thing in (Decimal(1), object(), b"x", {"a": [1.5]}):
        with pytest.raises(TypeError, match="a template gets texts"):
            plain(thing)
