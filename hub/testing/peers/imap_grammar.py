"""What IMAP's grammar says of commands, for the stand-in: tokens, sets of numbers, search keys, folder names."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime

from msgspec import Struct

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Mail(Struct):
    """One letter in a folder."""

    uid: int
    raw: bytes
    arrived: datetime
    flags: set[str]
    modseq: int = 1


class GrammarError(Exception):
    """A command outside the grammar."""


class RefusedError(Exception):
    """A command that cannot be done."""


Token = str | bytes | list["Token"]
"""An atom or quoted string, a literal, or a list in brackets."""

_TOKEN = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"|([()])|((?:[^\s()"\[{]|\[[^\]]*\])+)')


def tokens_of(pieces: Sequence[bytes], literals: Sequence[bytes]) -> Iterator[Token]:
    """Yield the tokens of a command. Raises GrammarError."""
    open_lists: list[list[Token]] = [[]]
    for number, piece in enumerate(pieces):
        place = 0
        while place < len(piece):
            if piece[place : place + 1] == b" ":
                place += 1
                continue
            found = _TOKEN.match(piece, place)
            if not found or any(byte > 127 for byte in found[0]):
                raise GrammarError("not in the grammar")
            place = found.end()
            if found[2] == b"(":
                open_lists.append([])
            elif found[2] == b")":
                if len(open_lists) < 2:
                    raise GrammarError("unbalanced brackets")
                closed = open_lists.pop()
                open_lists[-1].append(closed)
            elif found[3]:
                open_lists[-1].append(found[3].decode("ascii"))
            else:
                open_lists[-1].append(re.sub(rb"\\(.)", rb"\1", found[1]).decode("ascii"))
        if number < len(literals):
            open_lists[-1].append(literals[number])
    if len(open_lists) != 1:
        raise GrammarError("unbalanced brackets")
    yield from open_lists[0]


def command_of(tokens: list[Token]) -> tuple[str, str, list[Token]]:
    """Return tag, name and arguments of a command; `UID FETCH` is one name."""
    if len(tokens) < 2 or not isinstance(tokens[0], str) or not isinstance(tokens[1], str):
        raise GrammarError("a command is a tag and a name")
    if tokens[1].upper() == "UID" and len(tokens) > 2:
        return tokens[0], f"UID {as_text(tokens[2]).upper()}", tokens[3:]
    return tokens[0], tokens[1].upper(), tokens[2:]


def exactly(number: int, arguments: list[Token]) -> list[Token]:
    """Return the arguments, if there are so many."""
    if len(arguments) != number:
        raise GrammarError(f"{number} arguments are needed")
    return arguments


def as_text(token: Token) -> str:
    """Return what a token says."""
    if isinstance(token, list):
        raise GrammarError("a list stands where text belongs")
    return token.decode("utf-8", "replace") if isinstance(token, bytes) else token


def number_set(text: str, newest: int) -> Callable[[int], bool]:
    """Return a test for a set such as `2,4:7,9:*`; `*` is the newest, and a range may run backwards."""
    if not re.fullmatch(r"(\d+|\*)(:(\d+|\*))?(,(\d+|\*)(:(\d+|\*))?)*", text):
        raise GrammarError(f"{text!r} is no set of numbers")
    ranges, singles = [], set()
    for part in text.split(","):
        ends = [newest if end == "*" else int(end) for end in part.split(":")]
        if len(ends) == 1:
            singles.add(ends[0])
        else:
            ranges.append((min(ends), max(ends)))
    return lambda number: number in singles or any(low <= number <= high for low, high in ranges)


def searched(mails: Sequence[Mail], keys: list[str]) -> list[Mail]:
    """Return the letters that fit all the keys."""
    found, waiting = list(mails), list(keys)
    newest = mails[-1].uid if mails else 0

    def value() -> str:
        if not waiting:
            raise GrammarError("a search key lacks its value")
        return waiting.pop(0)

    while waiting:
        key = waiting.pop(0).upper()
        if key == "ALL":
            continue
        if key == "UID":
            wanted = number_set(value(), newest)
            found = [mail for mail in found if wanted(mail.uid)]
        elif key == "SINCE":
            day = _day(value())
            found = [mail for mail in found if mail.arrived.date() >= day]
        elif key == "ANSWERED":
            found = [mail for mail in found if "\\Answered" in mail.flags]
        elif key == "MODSEQ":
            least = value()
            if not least.isdecimal():
                raise GrammarError(f"{least!r} is no count of changes")
            found = [mail for mail in found if mail.modseq >= int(least)]
        elif key == "HEADER":
            name, text = value(), value()
            found = [mail for mail in found if _has_header(mail.raw, name, text)]
        elif key[0].isdigit() or key[0] == "*":
            wanted = number_set(key, len(mails))
            found = [mail for mail in found if wanted(mails.index(mail) + 1)]
        else:
            raise GrammarError(f"unknown search key {key}")
    return found


def _day(text: str) -> date:
    found = re.fullmatch(r"(\d{1,2})-([A-Z][a-z]{2})-(\d{4})", text)
    if not found or found[2] not in MONTHS:
        raise GrammarError(f"{text!r} is no date")
    return date(int(found[3]), MONTHS.index(found[2]) + 1, int(found[1]))


def _has_header(raw: bytes, name: str, text: str) -> bool:
    head = re.sub(r"\r\n[ \t]+", " ", raw.partition(b"\r\n\r\n")[0].decode("latin-1"))
    lines = (line.partition(":") for line in head.split("\r\n"))
    return any(key.lower() == name.lower() and text.lower() in found.lower() for key, _, found in lines)


def to_utf7(name: str) -> str:
    """Write a folder name in modified UTF-7 (RFC 3501, 5.1.3)."""

    def shifted(found: re.Match[str]) -> str:
        packed = base64.b64encode(found[0].encode("utf-16-be")).decode("ascii")
        return f"&{packed.rstrip('=').replace('/', ',')}-"

    return re.sub(r"[^\x20-\x7e]+", shifted, name.replace("&", "&-"))


def folder_name(token: Token) -> str:
    """Return the folder that a token names in modified UTF-7."""

    def unshifted(found: re.Match[str]) -> str:
        packed = found[1].replace(",", "/")
        return base64.b64decode(packed + "=" * (-len(packed) % 4)).decode("utf-16-be") if packed else "&"

    try:
        return re.sub(r"&([A-Za-z0-9+,]*)-", unshifted, as_text(token))
    except ValueError as error:
        raise GrammarError("the folder name is not in modified UTF-7") from error
