"""The files that come with a mail, under names that harm nobody."""

from __future__ import annotations

import hashlib
import re

from hub.mail.charset import clean
from hub.mail.letter import MailFile
from hub.mail.mime import Part

_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


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
