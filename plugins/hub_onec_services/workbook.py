"""Rows of an .xlsx file, streamed: headings found, cells as text, every complaint with its sheet, row and column."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any

from msgspec import Struct
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from hub.api import SettingsError, Unavailable

from .table_settings import Table

SEARCHED = 30
MOST_ROWS = 1_048_576
"""A sheet has no more; a number beyond would have openpyxl make up that many empty rows."""
MOST_UNPACKED = 1024 * 1024 * 1024
MOST_TEXTS = 64 * 1024 * 1024
"""Cells are streamed, but the table of texts that they share is kept whole in memory."""
_DAMAGED = (
    zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError, EOFError, IndexError, TypeError,
    AttributeError, SyntaxError, NotImplementedError, RuntimeError,
)  # fmt: skip


class Line(Struct, frozen=True):
    """One row below the headings: its number in the sheet and its cells as text by heading; empty ones are left out."""

    number: int
    cells: Mapping[str, str]


class Sheet:
    """One list of one file."""

    def __init__(
        self, name: str, title: str, headings: Sequence[str], rows: Iterator[tuple[int, Sequence[Any]]]
    ) -> None:
        self.place = f"{name}, sheet {title}"
        self.headings = headings
        self._rows = rows

    def lines(self) -> Iterator[Line]:
        """Yield the rows below the headings; wholly empty ones are left out. Raises Unavailable for a damaged file."""
        with _whole(self.place):
            for number, row in self._rows:
                if number > MOST_ROWS:
                    raise ValueError("a row below the last one of a sheet")
                cells = {heading: _text(cell) for heading, cell in zip(self.headings, row, strict=False) if heading}
                kept = {heading: text for heading, text in cells.items() if text}
                if kept:
                    yield Line(number, kept)


@contextmanager
def open_sheet(name: str, content: bytes, table: Table) -> Iterator[Sheet]:
    """Open the sheet of a list, its rows still to be read. Raises SettingsError for a missing sheet or column."""
    with _whole(name):
        _expect_plain(name, content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles, which nobody looks at
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    try:
        sheets = {sheet.title: sheet for sheet in book.worksheets}
        if not sheets:
            raise Unavailable(f"{name} is no whole .xlsx file (it has no sheets).")
        if table.sheet and table.sheet not in sheets:
            there = ", ".join(sheets)
            raise SettingsError(f"{name} has no sheet {table.sheet}; it has {there}.", field="streams")
        sheet = sheets[table.sheet] if table.sheet else book.worksheets[0]
        sheet.reset_dimensions()  # some programs, 1C among them, write a size that is not true
        rows = enumerate(sheet.iter_rows(), 1)
        with _whole(name):
            headings = _headings(f"{name}, sheet {sheet.title}", rows, table)
        yield Sheet(name, sheet.title, headings, rows)
    finally:
        book.close()


def _headings(place: str, rows: Iterator[tuple[int, Sequence[Any]]], table: Table) -> list[str]:
    """Return the headings; `rows` then stands below them. Raises SettingsError that names what is missing and where."""
    best: tuple[int, int, list[str]] = (-1, 0, [])
    for number, row in rows:
        if table.header and number < table.header:
            continue
        texts = [" ".join(_text(cell).split()) for cell in row]
        missing = [name for name in table.named if name not in texts]
        if not missing:
            twice = [name for name in table.named if texts.count(name) > 1]
            if twice:
                raise SettingsError(f"{place}, row {number}: the column {twice[0]} is there twice.", field="streams")
            return [text if table.keeps_all or text in table.named else "" for text in texts]
        best = max(best, (len(table.named) - len(missing), number, texts), key=lambda it: it[0])
        if number >= (table.header or SEARCHED):
            break
    found, number, texts = best
    missing = [name for name in table.named if name not in texts]
    where = f"row {number}" if table.header or found > 0 else f"the first {SEARCHED} rows"
    there = ", ".join(text for text in texts if text)[:300] if found > 0 or table.header else "other things"
    raise SettingsError(f"{place}: {where} has no column {', '.join(missing)}; it has {there}.", field="streams")


@contextmanager
def _whole(place: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise Unavailable(
            f"{place} is no whole .xlsx file ({type(error).__name__}).",
            hint="If it is not being written just now, save it again as .xlsx, without a password.",
        ) from error


def _expect_plain(name: str, content: bytes) -> None:
    """Refuse what no table is: an archive that unpacks to gigabytes, and XML with a document type."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(it.file_size for it in archive.infolist()) > MOST_UNPACKED:
            raise Unavailable(f"{name} unpacks to more than {MOST_UNPACKED // 2**20} MiB, which is refused.")
        for part in archive.infolist():
            if part.filename.lower().endswith("sharedstrings.xml") and part.file_size > MOST_TEXTS:
                raise Unavailable(f"{name} has more than {MOST_TEXTS // 2**20} MiB of texts, which is refused.")
            if part.filename.lower().endswith((".xml", ".rels")):
                with archive.open(part) as file:
                    if b"<!DOCTYPE" in file.read(2048).replace(b"\0", b""):
                        raise Unavailable(f"{name} brings a document type of its own, which is refused.")


def _text(cell: Any) -> str:
    """Return a cell as text that stays the same from one export to the next."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()
