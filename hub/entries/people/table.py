"""Rows of a list of people: text with any separator, .xlsx, tables of .docx; all within limits (S002-6).

The clipboard is text: cells copied from Excel, Word or a page come with tabs between them.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

from hub.model.errors import HubError

Row = tuple[int, tuple[str, ...]]
"""Number of a row in its source, from 1, and its cells as text."""
MOST_BYTES = 20 * 1024 * 1024
MOST_ROWS, MOST_COLUMNS, MOST_CELL = 20_000, 60, 1000
_DAMAGED = (
    zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, IndexError, TypeError, AttributeError, SyntaxError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
"""What openpyxl raises about a damaged file."""
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def read_table(content: bytes, name: str) -> list[Row]:
    """Return the rows that are not empty. Raises HubError that says what the file is and what to do."""
    if len(content) > MOST_BYTES:
        raise HubError(f"{name} is larger than {MOST_BYTES // 1024 // 1024} MB.", hint="Give a shorter list.")
    if content.startswith(b"PK\x03\x04"):
        rows = _packed(content, name)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise HubError(f"{name} is an old Excel or Word file.", hint="Save it as .xlsx, .docx or text.")
    elif content.startswith(b"%PDF"):
        raise HubError(f"{name} is a PDF.", hint="Copy its table and give it by hub client import -")
    else:
        rows = _text_rows(_decoded(content, name))
    found = list(_kept(rows, name))
    if not found:
        raise HubError(f"{name} holds no rows.")
    return found


def _kept(rows: Iterable[Sequence[str]], name: str) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        cells = tuple(" ".join(cell.split())[:MOST_CELL] for cell in row)
        if not any(cells):
            continue
        if len(cells) > MOST_COLUMNS and any(cells[MOST_COLUMNS:]):
            raise HubError(f"{name}, row {number} has {len(cells)} columns; at most {MOST_COLUMNS} are read.")
        if number > MOST_ROWS:
            raise HubError(f"{name} has more than {MOST_ROWS} rows.", hint="Give it in parts.")
        yield number, cells[:MOST_COLUMNS]


def _decoded(content: bytes, name: str) -> str:
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if is_wide else ("utf-8-sig", "cp1251"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise HubError(f"{name} is no text, .xlsx or .docx.", hint="Save the list as .xlsx, .docx or text.")


def _text_rows(text: str) -> Iterator[Sequence[str]]:
    """Part the lines at the sign that stands in most of them; without one a line is one cell."""
    lines = [line for line in text.splitlines() if line.strip()][:50]
    counts = {sign: sum(sign in line for line in lines) for sign in "\t;|"}
    sign = max(counts, key=lambda it: counts[it])
    if counts[sign] * 2 <= len(lines):
        commas = [line.count(",") for line in lines]
        sign = "," if commas and min(commas) > 1 and len(set(commas)) == 1 else ""
    if not sign:
        yield from ([re.sub(r"^\s*\d{1,4}\s*[.)]\s*", "", line)] for line in text.splitlines())
        return
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=sign)
    except csv.Error as error:
        raise HubError(f"the text cannot be parted into columns: {error}.") from error


def _packed(content: bytes, name: str) -> Iterator[Sequence[str]]:
    from hub.documents.limits import check_archive

    check_archive(content, name)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        for part in (it for it in names if it.endswith((".xml", ".rels"))):
            _expect_plain(archive.read(part), name)
        if "word/document.xml" in names:
            return iter(_word_rows(archive.read("word/document.xml"), name))
    if "xl/workbook.xml" in names:
        return iter(_sheet_rows(content, name))
    raise HubError(f"{name} is neither .xlsx nor .docx.", hint="Save the list as .xlsx, .docx or text.")


def _expect_plain(part: bytes, name: str) -> None:
    """Refuse a document type, with which a small file can unfold to a large one or ask for others."""
    marks = [mark.encode(encoding) for mark in ("<!DOCTYPE", "<!ENTITY") for encoding in _ENCODINGS]
    if any(mark in part for mark in marks):
        raise HubError(f"{name} declares a document type, which no list needs.", hint="Save it again.")


def _sheet_rows(content: bytes, name: str) -> list[list[str]]:
    """Return the rows of the first sheet that has any."""
    import warnings

    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles, which nobody looks at
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # some programs write a size that is not true
            cells = sheet.iter_rows(max_row=MOST_ROWS + 1, max_col=MOST_COLUMNS, values_only=True)
            rows = [[_cell(value) for value in row] for row in cells]
            if any(any(row) for row in rows):
                return rows
    except _DAMAGED as error:
        raise HubError(f"{name} is no whole .xlsx file ({type(error).__name__}).", hint="Save it again.") from error
    return []


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%d.%m.%Y}" if value.time() == time(0) else f"{value:%d.%m.%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _word_rows(content: bytes, name: str) -> list[list[str]]:
    """Return the rows of the largest table, else the paragraphs as rows of one cell."""
    from lxml import etree

    try:
        root = etree.fromstring(
            content, parser=etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        )
    except etree.XMLSyntaxError as error:
        raise HubError(f"{name} is no whole .docx file.", hint="Save it again.") from error
    tables = [[[_words(cell) for cell in row.iterchildren(f"{_W}tc")] for row in table.iterchildren(f"{_W}tr")]
              for table in root.iter(f"{_W}tbl")]  # fmt: skip
    if tables:
        return max(tables, key=len)
    return [list(row) for row in _text_rows("\n".join(_words(it) for it in root.iter(f"{_W}p")))]


def _words(element: Any) -> str:
    """Return the text of a cell, its paragraphs and line breaks as spaces."""
    signs = {f"{_W}tab": "\t", f"{_W}br": " ", f"{_W}p": " "}
    return "".join(signs.get(it.tag) or it.text or "" for it in element.iter(f"{_W}t", *signs)).strip()
