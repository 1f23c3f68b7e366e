"""A report's chart as a picture, for where looking beats reading; drawn by a built-in layout, no more fonts needed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import typst

from hub.model.errors import HubError
from hub.reports.report import Cell, Column, Kind, Report, shown

DOTS_PER_INCH = 110
MOST_LABEL = 34
_LABELS = 12
"""Standing labels beside one another at most; of more every second, third … is written."""
_TICKS = 5


def png(report: Report, zone: ZoneInfo) -> bytes:
    """Return the picture. Raises HubError for a report that has nothing to draw."""
    if report.chart is None:
        raise HubError(f"the report {report.name} has no chart.", hint="Use the table, --json or --xlsx.")
    if not report.rows:
        raise HubError(f"the report {report.name} is empty: there is nothing to draw.", hint="Try another period.")
    layout = resources.files(__package__).joinpath("layouts").joinpath("chart.typ").read_bytes()
    inputs = {"chart": msgspec.json.encode(drawing(report, zone)).decode()}
    drawn: Any = typst.compile(layout, format="png", ppi=DOTS_PER_INCH, ignore_system_fonts=True, sys_inputs=inputs)
    return bytes(drawn[0] if isinstance(drawn, list) else drawn)


def drawing(report: Report, zone: ZoneInfo) -> dict[str, Any]:
    """Return what the layout draws: labels, series as parts of the height, ticks; all words are ready."""
    chart = report.chart
    assert chart is not None
    over = report.columns[report.place(chart.over)]
    rows = report.rows[: chart.most]
    labels = [_label(row[report.place(chart.over)], over, zone) for row in rows]
    columns = [(report.columns[report.place(key)], key in chart.lines) for key in (*chart.bars, *chart.lines)]
    main = columns[0][0].kind
    first = [row[report.place(it.key)] for it, _ in columns if it.kind == main for row in rows]
    low, high, ticks = _axis(first, main, from_zero=bool(chart.bars))
    others = [it for it, _ in columns if it.kind != main]
    low2, high2, ticks2 = (
        (Decimal(0), Decimal(1), _axis([Decimal(0), Decimal(1)], "share", from_zero=True)[2])
        if others
        else (low, high, [])
    )
    series: list[dict[str, Any]] = []
    for column, is_line in columns:
        bounds = (low, high) if column.kind == main else (low2, high2)
        cells = [row[report.place(column.key)] for row in rows]
        parts = [None if it is None else float(_part(_figure(it), *bounds)) for it in cells]
        words = [_short(it, column.kind, zone) for it in cells]
        series.append({"title": column.title, "is_line": is_line, "parts": parts, "words": words})
    if chart.is_lying:
        for each in series:
            each["parts"] = [it or 0.0 for it in each["parts"]]
    return {
        "title": report.title, "period": report.period, "is_lying": chart.is_lying, "labels": labels,
        "series": series, "zero": float(max(Decimal(0), _part(Decimal(0), low, high))),
        "every": max(1, -(-len(labels) // _LABELS)),
        "ticks": [{"part": float(_part(it, low, high)), "words": _short(it, main, zone)} for it in ticks],
        "ticks_right": [{"part": float(_part(it, low2, high2)), "words": _short(it, "share", zone)} for it in ticks2],
    }  # fmt: skip


def _figure(cell: Cell) -> Decimal:
    return Decimal(cell) if isinstance(cell, int | Decimal) else Decimal(0)


def _part(figure: Decimal, low: Decimal, high: Decimal) -> Decimal:
    return (figure - low) / (high - low)


def _label(cell: Cell, column: Column, zone: ZoneInfo) -> str:
    text = shown(cell, column.kind, zone)
    if column.kind == "day":
        text = text[:5]
    return text if len(text) <= MOST_LABEL else f"{text[: MOST_LABEL - 12].rstrip()}…{text[-11:].lstrip()}"


def _short(cell: Cell, kind: Kind, zone: ZoneInfo) -> str:
    """Return a figure in few signs: thousands and millions of roubles in words."""
    if kind == "money" and isinstance(cell, int | Decimal):
        for limit, word in ((1_000_000, "млн"), (1_000, "тыс.")):
            if abs(Decimal(cell)) >= limit:
                return f"{shown(Decimal(cell) / limit, 'number', zone)} {word} ₽"
    return shown(cell, kind, zone)


def _axis(cells: Sequence[Cell], kind: Kind, *, from_zero: bool) -> tuple[Decimal, Decimal, list[Decimal]]:
    """Return the ends of an axis and its round ticks; bars need zero, lines show a small change better without."""
    figures = [_figure(it) for it in cells if it is not None] + ([Decimal(0)] if from_zero else [])
    low, high = min(figures, default=Decimal(0)), max(figures, default=Decimal(0))
    if high == low:
        high = low + 1
    step = _round_step((high - low) / _TICKS, whole=kind == "number" and high - low >= _TICKS)
    first, last = (low / step).to_integral_value("ROUND_FLOOR"), (high / step).to_integral_value("ROUND_CEILING")
    ticks = [step * number for number in range(int(first), int(last) + 1)]
    return ticks[0], ticks[-1], ticks


def _round_step(rough: Decimal, *, whole: bool) -> Decimal:
    size = Decimal(10) ** rough.adjusted()
    steps = [size * part for part in (1, 2, 5, 10)]
    step = next(each for each in steps if each >= rough)
    return max(step, Decimal(1)) if whole else step
