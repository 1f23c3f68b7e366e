"""The files that come with a mail, those in Outlook's wrappings included, under names that harm nobody."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from hub.mail.charset import clean
from hub.mail.letter import MailFile
from hub.mail.mime import MEDIA, Part
from hub.mail.tnef import Hidden, Tnef, read_tnef

_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_WRAPPED = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "txt": "text/plain"}


def file_of(part: Part, name: str, number: int) -> MailFile:
    """Return the file that a part of a mail holds; `number` is its place, for one without a name."""
    media = part.media()
    if media.startswith("message/"):
        inner = next(iter(part.children()), None)
        subject = inner.header("subject") if inner is not None else ""
        return MailFile(name=display_name(f"{subject}.eml" if subject else name or _unnamed(media, number)), type=media)
    content = part.content()
    return MailFile(
        name=display_name(name or _unnamed(media, number)),
        type=media,
        size_bytes=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        content_id=part.header("content-id").strip("<> "),
        load=part.content,
    )


def wrapped(part: Part, name: str) -> Tnef | None:
    """Return what a winmail.dat holds, or `None` for every other part."""
    if part.media() not in _WRAPPED and name.lower() != "winmail.dat":
        return None
    return read_tnef(part.content())


def hidden_files(files: Iterable[Hidden]) -> list[MailFile]:
    """Return files out of one of Outlook's wrappings."""
    return [_hidden(file, number) for number, file in enumerate(files, start=1)]


def _hidden(file: Hidden, number: int) -> MailFile:
    ending = file.name.rpartition(".")[2].lower()
    media = file.type if MEDIA.fullmatch(file.type) else _TYPES.get(ending, "application/octet-stream")
    return MailFile(
        name=display_name(file.name or _unnamed(media, number)),
        type=media,
        size_bytes=len(file.content),
        digest=hashlib.sha256(file.content).hexdigest() if file.content else "",
        content_id=clean(file.content_id)[:200],
        load=file.content.tobytes,
    )


def once(files: Iterable[MailFile]) -> tuple[MailFile, ...]:
    """Return each file once: the same content under the same name counts as one, however often it is attached."""
    return tuple({(file.digest or id(file), file.name): file for file in files}.values())


def _unnamed(media: str, number: int) -> str:
    ending = {"message/rfc822": "eml", "text/calendar": "ics"}.get(media) or media.rpartition("/")[2]
    return f"part-{number}.{ending if ending.isalnum() and len(ending) < 6 else 'bin'}"


def display_name(name: str) -> str:
    """Return a file name to show: no folders, no control or direction signs, at most 255 bytes with its ending kept."""
    cleaned = _DIRECTIONS.sub("", " ".join(clean(name).split()))
    cleaned = re.split(r"[\\/]", cleaned)[-1].strip()
    if not cleaned.strip(". "):
        return "attachment"
    stem, dot, ending = cleaned.rpartition(".")
    if not dot or len(ending) > 10:
        stem, dot, ending = cleaned, "", ""
    room = 255 - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + ending
