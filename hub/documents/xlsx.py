"""Fill an Excel template: marks such as `{{ number }}` in cells, a row with `{{ goods[].title }}` once for each item.

A cell that holds one mark and has a number format gets a number, every other one a text; a text that begins like a
formula stays a text. Totals are marks too: formulas are left as they are and not computed here.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any

from hub.documents.limits import Value
from hub.model.errors import HubError
from hub.model.values import parse_decimal

LONGEST = 32_767
"""Signs that fit into one cell."""

_MARK = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_NAME = re.compile(r"\w+(?:\[\])?(?:\.\w+)*")
_LOOP = re.compile(r"\{\{\s*(\w+)\[\]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def fill_workbook(template: bytes, values: Mapping[str, Value]) -> bytes:
    """Return the filled workbook. Raises HubError that names the cell and what it asks for."""
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(template))
    except Exception as error:  # openpyxl lets out whatever its parsers raise
        raise HubError(f"it is no workbook that can be read ({type(error).__name__}).") from error
    for sheet in book.worksheets:
        for place in range(sheet.max_row, 0, -1):  # from below, so that inserted rows move only what is done
            _fill_row(sheet, place, values)
    return saved(book)


def saved(book: Any) -> bytes:
    """Return the workbook as a file; equal workbooks are equal bytes, whenever they are saved."""
    book.properties.created = book.properties.modified = datetime(2026, 1, 1)  # noqa: DTZ001  # the file knows no zones
    packed = io.BytesIO()
    book.save(packed)
    return _undated(packed.getvalue())


def _fill_row(sheet: Any, place: int, values: Mapping[str, Value]) -> None:
    cells = [cell for cell in sheet[place] if isinstance(cell.value, str) and "{{" in cell.value]
    loops = {name for cell in cells for name in _LOOP.findall(cell.value)}
    if not loops:
        for cell in cells:
            _write(cell, cell.value, values, None)
        return
    if len(loops) > 1:
        raise HubError(f"row {place} of {sheet.title!r} repeats for {', '.join(sorted(loops))}; one list is possible.")
    name = loops.pop()
    items = values.get(name)
    if not isinstance(items, Sequence) or isinstance(items, str):
        lists = sorted(key for key, it in values.items() if isinstance(it, Sequence) and not isinstance(it, str))
        raise HubError(f"row {place} of {sheet.title!r} repeats for `{name}`. Lists: {', '.join(lists)}.")
    marks = [(cell.column, cell.value) for cell in cells]
    _make_room(sheet, place, len(items))
    for offset, item in enumerate(items):
        for column, mark in marks:
            _write(sheet.cell(place + offset, column), mark, values, item)


def _make_room(sheet: Any, place: int, count: int) -> None:
    """Turn one row into `count` rows of its look; everything below moves, joined cells and heights with it."""
    shift, last = count - 1, sheet.max_row
    heights = {number: size.height for number, size in sheet.row_dimensions.items() if size.height}
    if shift and last > place:
        sheet.move_range(f"A{place + 1}:{_letter(sheet.max_column)}{last}", rows=shift)
        for joined in sheet.merged_cells.ranges:
            if joined.min_row > place:
                joined.shift(row_shift=shift)
        for number in sorted(heights, reverse=shift > 0):
            if number > place:
                sheet.row_dimensions[number].height = None
                sheet.row_dimensions[number + shift].height = heights[number]
    if count == 0:
        return
    for offset in range(1, count):
        for cell in sheet[place]:
            if cell.has_style:
                sheet.cell(place + offset, cell.column)._style = copy(cell._style)
        sheet.row_dimensions[place + offset].height = heights.get(place)


def _letter(column: int) -> str:
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(column))


def _write(cell: Any, mark: str, values: Mapping[str, Value], item: Value) -> None:
    where = f"cell {cell.coordinate} of {cell.parent.title!r}"

    def shown(found: re.Match[str]) -> str:
        value = _look_up(found[1], values, item, where)
        return "" if value is None else str(value)

    text = _MARK.sub(shown, mark)
    if len(text) > LONGEST:
        raise HubError(f"{where} would hold {len(text)} signs; Excel takes {LONGEST}.")
    is_number = cell.number_format not in ("General", "@") and _MARK.fullmatch(mark.strip())
    number = parse_decimal(text) if is_number else None
    if number is not None:
        cell.value = float(number)  # Excel knows no other numbers; sums are rounded to kopecks before
        if cell.number_format.endswith("#") and number == number.to_integral():
            cell.number_format = cell.number_format.partition(".")[0]  # else Excel shows «6,»
        return
    cell.value = text
    cell.data_type = "s"
    if text.startswith(_FORMULA):
        cell.quotePrefix = True


def _look_up(path: str, values: Mapping[str, Value], item: Value, where: str) -> Value:
    if not _NAME.fullmatch(path):
        raise HubError(f"{where} asks for `{path}`, which is no name of a field.")
    first, *rest = path.split(".")
    found: Value = item if first.endswith("[]") else values
    for name in rest if first.endswith("[]") else [first, *rest]:
        if not isinstance(found, Mapping) or name not in found:
            known = ", ".join(sorted(found)) if isinstance(found, Mapping) else "nothing"
            raise HubError(f"{where} asks for `{name}`, which is not known. Known there: {known}.")
        found = found[name]
    if isinstance(found, Mapping | list | tuple):
        raise HubError(f"{where} asks for `{path}`, which is not one value.")
    return found


def _undated(content: bytes) -> bytes:
    """Return the workbook without the moment of saving, which openpyxl writes into it."""
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "docProps/core.xml":
                part = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2026-01-01T00:00:00Z", part)
            new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), part, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
