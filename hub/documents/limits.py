"""What may enter a document: archives that unpack to a sane size, and plain values without control characters."""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from hub.model.errors import HubError

Value: TypeAlias = "str | int | bool | Sequence[Value] | Mapping[str, Value] | None"

MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_RATIO = 100
MAX_FILES = 10_000
_FREE_BYTES = 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_SPACES = re.compile("[ \t-\r\x85\u2028\u2029]+")


def check_archive(content: bytes, name: str) -> None:
    """Raise HubError unless the zip archive is whole, plain and unpacks within the limits, headers lying or not."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_entries(archive.infolist(), len(content), name)
            _check_content(archive, name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OSError) as error:
        raise HubError(f"{name} is not a whole Word or zip file.", hint="Save it again as .docx.") from error


def _check_entries(entries: list[zipfile.ZipInfo], packed_bytes: int, name: str) -> None:
    if len(entries) > MAX_FILES:
        raise HubError(f"{name} holds {len(entries)} files; at most {MAX_FILES} are read.")
    if len({entry.filename for entry in entries}) < len(entries):
        raise HubError(f"{name} holds two files of one name.", hint="Save it again as .docx.")
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise HubError(f"{name} is encrypted.", hint="Save it without a password.")
    if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
        raise HubError(f"{name} is packed in a way Word does not use.", hint="Save it again as .docx.")
    if any(stat.S_ISLNK(entry.external_attr >> 16) for entry in entries):
        raise HubError(f"{name} holds a symbolic link.", hint="Save it again as .docx.")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES or unpacked > max(_FREE_BYTES, packed_bytes * MAX_RATIO):
        raise HubError(
            f"{name} would unpack from {packed_bytes} to {unpacked} bytes, which no honest document does.",
            hint=f"At most {MAX_UNPACKED_BYTES} bytes and {MAX_RATIO} times the packed size are unpacked.",
        )


def _check_content(archive: zipfile.ZipFile, name: str) -> None:
    """Unpack every file once and count, because the sizes in the headers are only claims; also checks each CRC."""
    for entry in archive.infolist():
        count = 0
        with archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                count += len(chunk)
        if count != entry.file_size:
            raise HubError(f"{name} lies about the size of {entry.filename!r}.")


def printable(text: str) -> str:
    """Return the text without control, direction and surrogate characters; tabs and line feeds stay."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\x00", "\ufffd"))


def one_line(text: str) -> str:
    """Return the text on one line, spaces collapsed (a non-breaking space stays one)."""
    return printable(_SPACES.sub(" ", text)).strip()


def plain(value: object) -> Value:
    """Copy nested mappings, lists, texts and whole numbers for a template; anything else is refused with TypeError.

    A template can then reach data only: no object, no method that does something.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"a template gets texts, whole numbers, lists and mappings, not {type(value).__name__}")
