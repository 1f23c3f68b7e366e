"""A report as an Excel workbook: typed cells, totals as formulas with their values, a chart of Excel's own.

Text from outside is always stored as text, also when it begins like a formula.
"""

from __future__ import annotations

import io
import re
import textwrap
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from hub.reports.report import Cell, Column, Report, shown

MOST_TEXT = 32_767
"""Signs that Excel takes in one cell."""
_HEAD = 3
"""The row of the headings, counted from zero: title, period and an empty row stand above."""
_FORMATS = {"money": '#,##0.00\\ "₽"', "share": "0.0%", "day": "dd.mm.yyyy", "moment": "dd.mm.yyyy hh:mm"}
_FRACTION = "#,##0.0#"
"""Figures that are not whole, such as purchases for a client; whole ones need no form."""
_KOPECKS = 3
"""Signs that a sum has more in a workbook than in a table: `,00`."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_CHART_ROWS = 20


def xlsx(report: Report, zone: ZoneInfo, made: datetime) -> bytes:
    """Return the workbook; the same report made at the same instant gives the same bytes."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    book.set_properties({"title": report.title, "created": made.astimezone(UTC).replace(tzinfo=None)})
    sheet = book.add_worksheet("Отчёт")
    sheet.write_string(0, 0, report.title, book.add_format({"bold": True, "font_size": 14}))
    sheet.write_string(1, 0, report.period)
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "vcenter", "bottom": 1, "bg_color": "#E8EDF3"})
    lines = 1
    for place, column in enumerate(report.columns):
        width = _width(report, place, zone)
        sheet.write_string(_HEAD, place, column.title, head)
        sheet.set_column(place, place, width)
        lines = max(lines, len(textwrap.wrap(column.title, width - 1)))
    sheet.set_row(_HEAD, 16 * lines)  # LibreOffice does not make room for wrapped headings by itself
    plain, bold = _formats(book, is_bold=False), _formats(book, is_bold=True)
    for number, row in enumerate(report.rows, start=_HEAD + 1):
        for place, column in enumerate(report.columns):
            _write(sheet, number, place, row[place], _style(plain, column.kind, row[place]), zone)
    last = _HEAD + len(report.rows)
    if report.totals:
        _write_totals(sheet, report, last, bold, zone)
    below = last + (3 if report.totals else 2)
    for place, text in enumerate(report.notes):
        sheet.write_string(below + place, 0, _text(text))
    sheet.freeze_panes(_HEAD + 1, 0)
    sheet.autofilter(_HEAD, 0, max(last, _HEAD), len(report.columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_HEAD)
    if report.chart and report.rows:
        _draw(book, sheet, report, below + len(report.notes) + 1)
    book.close()
    return target.getvalue()


def _formats(book: Any, *, is_bold: bool) -> dict[str, Any]:
    extra = {"bold": True, "top": 1} if is_bold else {}
    kinds = ("text", "number", *_FORMATS)
    found = {kind: book.add_format({**extra, **({"num_format": _FORMATS[kind]} if kind in _FORMATS else {})})
             for kind in kinds}  # fmt: skip
    return {**found, "fraction": book.add_format({**extra, "num_format": _FRACTION})}


def _style(styles: dict[str, Any], kind: str, cell: Cell) -> Any:
    is_fraction = kind == "number" and isinstance(cell, Decimal) and cell != cell.to_integral_value()
    return styles["fraction" if is_fraction else kind]


def _write(sheet: Any, row: int, place: int, cell: Cell, style: Any, zone: ZoneInfo) -> None:
    if cell is None:
        sheet.write_blank(row, place, None, style)
    elif isinstance(cell, datetime):
        sheet.write_datetime(row, place, cell.astimezone(zone).replace(tzinfo=None), style)
    elif isinstance(cell, date):
        sheet.write_datetime(row, place, datetime(cell.year, cell.month, cell.day), style)  # noqa: DTZ001 a day in a cell
    elif isinstance(cell, str):
        sheet.write_string(row, place, _text(cell), style)
    else:
        sheet.write_number(row, place, float(cell), style)


def _write_totals(sheet: Any, report: Report, last: int, styles: dict[str, Any], zone: ZoneInfo) -> None:
    """Write the last row: a sum is a formula beside the value it has now, anything else the value alone."""
    for place, (column, cell) in enumerate(zip(report.columns, report.totals, strict=True)):
        style = _style(styles, column.kind, cell)
        figures = [row[place] for row in report.rows]
        value = sum((it for it in figures if isinstance(it, int | Decimal)), Decimal(0))
        if column.is_summed and isinstance(cell, int | Decimal) and cell == value:
            name = xl_col_to_name(place)
            formula = f"=SUM({name}{_HEAD + 2}:{name}{last + 1})"
            sheet.write_formula(last + 1, place, formula, style, float(cell))
        else:
            _write(sheet, last + 1, place, cell, styles["text"] if isinstance(cell, str) else style, zone)


def _text(text: str) -> str:
    shown = _CONTROL.sub(" ", text)
    return shown if len(shown) <= MOST_TEXT else f"{shown[: MOST_TEXT - 1]}…"


def _width(report: Report, place: int, zone: ZoneInfo) -> int:
    column = report.columns[place]
    cells = [row[place] for row in (*report.rows[:500], *([report.totals] if report.totals else []))]
    longest = max((len(shown(it, column.kind, zone)) for it in cells), default=0)
    longest += _KOPECKS if column.kind == "money" else 0
    return min(60, max(longest + 2, max(map(len, column.title.split()), default=8) + 3, 8))


def _draw(book: Any, sheet: Any, report: Report, row: int) -> None:
    chart = report.chart
    assert chart is not None
    last = _HEAD + min(len(report.rows), chart.most)
    main = report.columns[report.place((*chart.bars, *chart.lines)[0])]
    drawn: Any = None
    for keys, kind in ((chart.bars, "bar" if chart.is_lying else "column"), (chart.lines, "line")):
        if not keys:
            continue
        part = book.add_chart({"type": kind})
        for key in keys:
            part.add_series(_series(report, key, report.place(chart.over), last, main))
        if drawn is None:
            drawn = part
        else:
            drawn.combine(part)
    drawn.set_title({"name": report.title, "name_font": {"size": 12}})
    drawn.set_legend({"position": "bottom"})
    drawn.set_size({"width": 760, "height": 140 + _CHART_ROWS * 14})
    if chart.is_lying:
        drawn.set_y_axis({"reverse": True})
    sheet.insert_chart(row, 0, drawn)


def _series(report: Report, key: str, over: int, last: int, main: Column) -> dict[str, Any]:
    place = report.place(key)
    column = report.columns[place]
    return {
        "name": column.title,
        "categories": ["Отчёт", _HEAD + 1, over, last, over],
        "values": ["Отчёт", _HEAD + 1, place, last, place],
        "y2_axis": column.kind != main.kind,
    }
