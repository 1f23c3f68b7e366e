"""winmail.dat (TNEF, [MS-OXTNEF]): the files and the text that Outlook hid in it.

Own, because the known reader (tnefparse) rests since 2021 and is LGPL; what letters need of the format is this page.
Damage ends the reading where it stands; what was read before it counts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from hub.mail.charset import codec, to_text
from hub.mail.rtf import read_rtf

SIGNATURE = b"\x78\x9f\x3e\x22"
_MOST_LEVELS = 5
_MOST_FILES = 500
_BODY, _MESSAGE_PROPERTIES, _CODEPAGE = 0x800C, 0x9003, 0x9007
_BEGIN, _TITLE, _DATA, _FILE_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005
_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
"""Bytes of a property by its type; strings, binaries and objects tell theirs."""
_STRING, _WIDE, _OBJECT, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
RTF = 0x1009
TEXT, HTML, CONTENT, LONG_NAME, SHORT_NAME, TITLE = 0x1000, 0x1013, 0x3701, 0x3707, 0x3704, 0x3001
MEDIA, CONTENT_ID = 0x370E, 0x3712


class Hidden(Struct):
    """A file inside."""

    name: str = ""
    type: str = ""
    content_id: str = ""
    content: memoryview = memoryview(b"")


class Tnef(Struct):
    """What a winmail.dat holds."""

    files: list[Hidden]
    text: str = ""
    html: str = ""


def read_tnef(content: bytes | memoryview, level: int = 0) -> Tnef | None:
    """Return what is inside, or `None` for what is no TNEF."""
    view = memoryview(content)
    if bytes(view[:4]) != SIGNATURE:
        return None
    found = Tnef([])
    charset = ""
    for attribute, value in _attributes(view):
        if attribute == _CODEPAGE and len(value) >= 4:
            charset = codec(f"cp{struct.unpack_from('<I', value)[0]}")
        elif attribute == _BODY:
            found.text = to_text(bytes(value), charset)
        elif attribute == _MESSAGE_PROPERTIES:
            _message(found, _properties(value, charset), charset)
        elif attribute == _BEGIN:
            if len(found.files) >= _MOST_FILES:
                break
            found.files.append(Hidden())
        elif found.files:
            _file(found, attribute, value, charset, level)
    found.files = [file for file in found.files if file.content]
    return found


def _message(found: Tnef, properties: dict[int, Any], charset: str) -> None:
    text, html = properties.get(TEXT), properties.get(HTML)
    found.text = text if isinstance(text, str) else found.text
    found.html = html if isinstance(html, str) else to_text(bytes(html), charset) if html else found.html
    packed = properties.get(RTF)
    if isinstance(packed, memoryview) and not found.text and not found.html:
        found.text, found.html = read_rtf(bytes(packed))


def _file(found: Tnef, attribute: int, value: memoryview, charset: str, level: int) -> None:
    file = found.files[-1]
    if attribute == _TITLE:
        file.name = file.name or to_text(bytes(value), charset)
    elif attribute == _DATA:
        file.content = value
    elif attribute == _FILE_PROPERTIES:
        properties = _properties(value, charset)
        names = (properties.get(it) for it in (LONG_NAME, TITLE, SHORT_NAME))
        file.name = next((it for it in names if isinstance(it, str) and it), file.name)
        file.type = str(properties.get(MEDIA, "")).lower()
        file.content_id = str(properties.get(CONTENT_ID, ""))
        inner = properties.get(CONTENT)
        if isinstance(inner, memoryview) and not file.content:
            letter = read_tnef(inner[16:], level + 1) if level < _MOST_LEVELS else None
            if letter is None:
                file.content = inner
            else:  # a letter inside the letter: its files stand beside
                found.files += letter.files[: max(0, _MOST_FILES - len(found.files))]


def _attributes(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    place = 6
    while place + 9 <= len(view):
        attribute, size = struct.unpack_from("<xHxxI", view, place)
        place += 9
        if place + size > len(view):
            return
        yield attribute, view[place : place + size]
        place += size + 2  # a sum to check follows, which some senders get wrong


def _properties(view: memoryview, charset: str) -> dict[int, Any]:
    """Return texts and binaries of a list of properties by their ids."""
    found: dict[int, Any] = {}
    try:
        (count,) = struct.unpack_from("<I", view)
        place = 4
        for _ in range(count):
            kind, identifier = struct.unpack_from("<HH", view, place)
            place += 4
            if identifier >= 0x8000:
                place = _after_name(view, place)
            is_many, kind = bool(kind & 0x1000), kind & ~0x1000
            values = 1
            if is_many or kind in (_STRING, _WIDE, _OBJECT, _BINARY):
                (values,) = struct.unpack_from("<I", view, place)
                place += 4
            if kind in _FIXED:
                place += _FIXED[kind] * values
                continue
            for _each in range(values):
                (size,) = struct.unpack_from("<I", view, place)
                value = view[place + 4 : place + 4 + size]
                place += 4 + size + -size % 4
                found.setdefault(identifier, _value(kind, value, charset))
                if place > len(view):
                    return found
            if place > len(view):
                return found
    except struct.error:
        pass
    return found


def _value(kind: int, value: memoryview, charset: str) -> Any:
    if kind == _WIDE:
        return to_text(bytes(value), "utf-16-le").rstrip("\0")
    if kind == _STRING:
        return to_text(bytes(value), charset)
    return value


def _after_name(view: memoryview, place: int) -> int:
    (kind,) = struct.unpack_from("<I", view, place + 16)
    if kind == 0:
        return place + 24
    (size,) = struct.unpack_from("<I", view, place + 20)
    return int(place + 24 + size + -size % 4)
