"""The text format 1CClientBankExchange: its lines, blocks and encodings. Pure: bytes in, blocks with line numbers out.

Described by its vendor for version 1.03 (v8.1c.ru, standard 100/101); banks add keys of their own, repeat blocks and
declare encodings that are not true, so structure is found by the words that must be there, in whatever encoding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from msgspec import Struct

from hub.api import BadRecord

FIRST_LINE = b"1CClientBankExchange"
END_OF_FILE = "КонецФайла"
DOCUMENT, END_OF_DOCUMENT = "СекцияДокумент", "КонецДокумента"
ACCOUNT, END_OF_ACCOUNT = "СекцияРасчСчет", "КонецРасчСчет"
ENCODINGS = ("utf-8", "cp1251", "cp866")
_BOM = b"\xef\xbb\xbf"
_WORDS = (END_OF_FILE, DOCUMENT, ACCOUNT, "ВерсияФормата", "Кодировка", "Отправитель", "РасчСчет", "ДатаНачала")
_AMOUNT = re.compile(r"-?\d{1,15}(?:[.,]\d{1,2})?", re.ASCII)
_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)


class Block(Struct, frozen=True):
    """One section: its kind of document, the number of its first line, its bytes, and why it is not whole, if so."""

    title: str
    line: int
    raw: bytes
    problem: str = ""


class Statement(Struct, frozen=True):
    """One file: the keys of its header, its accounts and documents, and what is odd without being a reason to stop."""

    encoding: str
    header: Mapping[str, str]
    accounts: tuple[Block, ...]
    documents: tuple[Block, ...]
    remarks: tuple[str, ...]

    @property
    def own(self) -> frozenset[str]:
        """Return the numbers of the accounts which the statement is about."""
        named = {self.header.get("РасчСчет", "")}
        for block in self.accounts:
            named.add(fields_of(block.raw, self.encoding).get("РасчСчет", ""))
        return frozenset(named - {""})


class Line(Struct, frozen=True):
    """One `key=value` and how many lines below the first line of its section it stands."""

    key: str
    value: str
    offset: int


def encoding_of(content: bytes) -> str:
    """Return the encoding in which most of the words that every file has begin a line; what the file says is not asked.

    Raises BadRecord when the words are in none of them.
    """
    counts = {}
    for encoding in ENCODINGS:
        words = b"|".join(re.escape(word.encode(encoding)) for word in _WORDS)
        counts[encoding] = len(re.findall(rb"^(?:%s)" % words, content, re.MULTILINE))
    found = max(ENCODINGS, key=lambda it: counts[it])
    if not counts[found]:
        raise BadRecord("line 2: the keys are in no known encoding (Windows-1251, DOS 866, UTF-8).")
    return found


def parse(content: bytes) -> Statement:
    """Cut a file into its sections. Raises BadRecord, naming the line, when it is no such file or not a whole one."""
    content = content.removeprefix(_BOM)
    rows = [row.rstrip() for row in content.split(b"\n")]
    if rows[0] != FIRST_LINE:
        raise BadRecord(f"line 1: the first line must be {FIRST_LINE.decode()}; this is no bank exchange file.")
    encoding = encoding_of(content)
    reading = _Reading(encoding)
    for number, row in enumerate(rows[1:], 2):
        reading.take(number, row)
        if reading.is_ended:
            break
    return reading.result(len(rows))


class _Reading:
    """The state while the lines go by."""

    def __init__(self, encoding: str) -> None:
        self.is_ended = False
        self._encoding = encoding
        self._header: dict[str, str] = {}
        self._blocks: dict[str, list[Block]] = {ACCOUNT: [], DOCUMENT: []}
        self._remarks: list[str] = []
        self._open = ""
        self._title = ""
        self._line = 0
        self._rows: list[bytes] = []

    def take(self, number: int, row: bytes) -> None:
        key, _, value = (part.strip() for part in row.decode(self._encoding, "replace").partition("="))
        if key in (DOCUMENT, ACCOUNT):
            self._close(f"{key} of line {number} begins before this section ends")
            self._open, self._title, self._line, self._rows = key, value, number, []
        elif key in (END_OF_DOCUMENT, END_OF_ACCOUNT):
            expected = END_OF_DOCUMENT if self._open == DOCUMENT else END_OF_ACCOUNT
            if not self._open:
                self._remarks.append(f"line {number}: {key} ends nothing")
            else:
                self._close("" if key == expected else f"{key} of line {number} ends another kind of section")
        elif key == END_OF_FILE:
            self._close(f"the file ends in line {number} before this section does")
            self.is_ended = True
        elif self._open:
            self._rows.append(row)
        elif key:
            self._header.setdefault(key, value)

    def _close(self, problem: str) -> None:
        if self._open:
            self._blocks[self._open].append(Block(self._title, self._line, b"\n".join(self._rows), problem))
            if problem and self._open == ACCOUNT:
                self._remarks.append(f"line {self._line}: {ACCOUNT}: {problem}")
        self._open = ""

    def result(self, lines: int) -> Statement:
        if not self.is_ended:
            where = f" inside the section that begins in line {self._line}" if self._open else ""
            raise BadRecord(f"line {lines}: the file breaks off{where}; {END_OF_FILE} is missing.")
        return Statement(
            self._encoding,
            self._header,
            tuple(self._blocks[ACCOUNT]),
            tuple(self._blocks[DOCUMENT]),
            tuple(self._remarks),
        )


def lines_of(raw: bytes, encoding: str) -> Iterator[Line]:
    """Yield the lines of a section; one without `=` goes on with the value above it, as a broken purpose text does."""
    pending: Line | None = None
    for offset, row in enumerate(raw.split(b"\n"), 1):
        key, sign, value = row.decode(encoding, "replace").partition("=")
        if sign and key.strip().isidentifier():
            if pending:
                yield pending
            pending = Line(key.strip(), value.strip(), offset)
        elif pending and row.strip():
            pending = Line(pending.key, f"{pending.value} {(key + sign + value).strip()}".strip(), pending.offset)
    if pending:
        yield pending


def fields_of(raw: bytes, encoding: str) -> dict[str, str]:
    """Return the keys of a section; where one repeats, its first value that says something counts."""
    found: dict[str, str] = {}
    for line in lines_of(raw, encoding):
        if not found.get(line.key):
            found[line.key] = line.value
    return found


def amount(text: str) -> Decimal | None:
    """Read an amount: digits, a point or a comma, at most two digits behind it; `None` for anything else."""
    return Decimal(text.replace(",", ".")) if _AMOUNT.fullmatch(text) else None


def day(text: str) -> date | None:
    """Read a day `дд.мм.гггг`, `None` for anything else."""
    found = _DAY.fullmatch(text)
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None
