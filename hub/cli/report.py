"""`hub report`: tables of figures over a period, as text, JSON, a workbook or a picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from hub.cli.app import App, columns, pass_app, print_json, print_table, progress, say, width_of
from hub.cli.client import one
from hub.files import write_file
from hub.model.errors import HubError
from hub.reports.days import Days, end_of_month, week_of
from hub.reports.reading import Reading
from hub.reports.registry import REPORTS, WORDS, Entry, Request, usual_days
from hub.reports.report import Column, Report, shown

_OPTIONS = {
    "client": click.Option(["--client"], default="", help="Only this client (id, ИНН or name)."),
    "employee": click.Option(["--employee"], default="", help="Only this employee (id)."),
    "week": click.Option(["--week"], default="", help="Only the week of this day, 2026-11-16 or 2026-W47."),
}
_TELLING = ("client", "project")
"""Names that differ in their ends: «Средняя школа № 5»; they are cut in the middle."""
_WHOLE = ("number", "rule", "month")
"""A phone or the number of a ticket is of no use in part."""
_LEAST = 8
"""A column of text gives way down to so many signs."""


@click.group()
def report() -> None:
    """Reports over a period: a table, or --json, --xlsx FILE, --png FILE."""


@report.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_(as_json: bool) -> None:
    """List all reports."""
    if as_json:
        print_json([
            {"report": it.name, "summary": it.summary, "days": WORDS[it.usual], "options": it.filters}
            for it in REPORTS.values()
        ])  # fmt: skip
        return
    print_table(("report", "shows"), [(it.name, it.summary) for it in REPORTS.values()], grow=1)


def _command(entry: Entry) -> click.Command:
    @pass_app
    def run(app: App, **given: Any) -> None:
        _run(app, entry, given)

    options: list[click.Parameter] = []
    if entry.usual != "now":
        options = [
            click.Option(["--from", "first"], default="", help="First day, 2026-11-01, or month, 2026-11."),
            click.Option(["--to", "last"], default="", help="Last day or month; both are inside."),
        ]
    options += [_OPTIONS[name] for name in entry.filters]
    options += [
        click.Option(["--json", "as_json"], is_flag=True, help="One JSON document on stdout."),
        click.Option(["--xlsx"], type=click.Path(path_type=Path), help="Write a workbook with a chart."),
        click.Option(["--png"], type=click.Path(path_type=Path), help="Write the chart as a picture."),
    ]
    return click.Command(
        entry.name, callback=run, params=options, help=f"{entry.summary} Without days: {WORDS[entry.usual]}."
    )


for _entry in REPORTS.values():
    report.add_command(_command(_entry))


def _run(app: App, entry: Entry, given: dict[str, Any]) -> None:
    with app.store.read() as connection:
        reading = Reading(connection, app.config, app.now())
        client = one(connection, given["client"])["id"] if given.get("client") else ""
        found = entry.make(Request(reading, _days(entry, reading, given), client, _employee(reading, given),
                                   _week(given.get("week"))))  # fmt: skip
    for name, render in _files().items():
        if given[name]:
            _write(given[name], render(found, app))
    if given["as_json"]:
        print_json(as_json_document(found))
    elif not (given["xlsx"] or given["png"]):
        print_report(found, app)


def _files() -> dict[str, Callable[[Report, App], bytes]]:
    def book(found: Report, app: App) -> bytes:
        from hub.reports.workbook import xlsx

        return xlsx(found, app.zone, app.now())

    def picture(found: Report, app: App) -> bytes:
        from hub.reports.picture import png

        return png(found, app.zone)

    return {"xlsx": book, "png": picture}


def _write(path: Path, content: bytes) -> None:
    try:
        write_file(path, content)
    except OSError as error:
        raise HubError(f"{path} cannot be written: {error.strerror}.", hint="Is the folder there?") from error
    progress(f"{path}: {len(content)} bytes")


def _days(entry: Entry, reading: Reading, given: dict[str, Any]) -> Days:
    usual = usual_days(entry.usual, reading)
    first = _day(given.get("first"), "--from", is_last=False) or usual.first
    last = _day(given.get("last"), "--to", is_last=True) or max(usual.last, first)
    if given.get("last") and not given.get("first") and last < first:
        first = last.replace(day=1)
    if last < first:
        raise click.BadParameter(f"{last} is before {first}.", param_hint="--to")
    if last - first > timedelta(days=366 * 20):
        raise click.BadParameter("a report covers twenty years at most.", param_hint="--from")
    return Days(first, last, reading.zone)


def _day(text: str | None, option: str, *, is_last: bool) -> date | None:
    if not text:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text, re.ASCII):
            month = date.fromisoformat(f"{text}-01")
            return end_of_month(month) if is_last else month
        day = date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no day such as 2026-11-01 and no month such as 2026-11.", param_hint=option
        ) from None
    if not 1990 <= day.year <= 2200:
        raise click.BadParameter(f"the year of {text} is beyond 1990 to 2200.", param_hint=option)
    return day


def _week(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return week_of(date.fromisoformat(text))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no day such as 2026-11-16.", param_hint="--week") from None


def _employee(reading: Reading, given: dict[str, Any]) -> str:
    name = given.get("employee") or ""
    if name and reading.employee(name) not in reading.names:
        raise click.BadParameter(f"no employee is called {name!r}.", param_hint="--employee")
    return reading.employee(name)


def as_json_document(found: Report) -> dict[str, Any]:
    """Return a report for scripts: raw values under the keys of the columns."""
    keys = [column.key for column in found.columns]
    return {
        "report": found.name,
        "title": found.title,
        "period": found.period,
        "columns": [{"key": it.key, "title": it.title, "kind": it.kind} for it in found.columns],
        "rows": [dict(zip(keys, row, strict=True)) for row in found.rows],
        "totals": found.total() or None,
        "notes": found.notes,
    }


def print_report(found: Report, app: App) -> None:
    """Print a report as a table that fits the terminal; headings take several lines where that saves width."""
    say(f"{found.title}, {found.period}")
    say()
    if not found.rows:
        say("На этот день данных нет." if found.period.startswith("на ") else "За этот период данных нет.")
    for line in table(found, app.zone, columns()):
        click.echo(line)
    if found.notes:
        say()
    for note in found.notes:
        say(note)


def table(found: Report, zone: ZoneInfo, width: int) -> list[str]:
    """Return the lines of the table: figures stand to the right, the widest texts give way."""
    if not found.rows:
        return []
    rows = [
        [_clean(shown(cell, column.kind, zone)) for cell, column in zip(row, found.columns, strict=True)]
        for row in found.rows
    ]
    if found.totals:
        pairs = zip(found.totals, found.columns, strict=True)
        rows.append(["" if cell is None else _clean(shown(cell, column.kind, zone)) for cell, column in pairs])
    widths = [
        max([*(width_of(row[place]) for row in rows), *(map(len, column.title.split()))])
        for place, column in enumerate(found.columns)
    ]
    gap = 2
    while sum(widths) + gap * (len(widths) - 1) > width:
        texts = [place for place, it in enumerate(found.columns)
                 if it.kind == "text" and it.key not in _WHOLE and widths[place] > _LEAST]  # fmt: skip
        if not texts:
            break
        widest = max(texts, key=lambda place: widths[place])
        widths[widest] -= 1
    heads = [_folded(column.title, widths[place]) for place, column in enumerate(found.columns)]
    height = max(map(len, heads))
    padded = [[""] * (height - len(head)) + head for head in heads]
    lines = [_line([head[level] for head in padded], found.columns, widths) for level in range(height)]
    lines.append("  ".join("─" * it for it in widths))
    lines += [_line(row, found.columns, widths) for row in rows[: len(found.rows)]]
    if found.totals:
        lines.append("  ".join("─" * it for it in widths))
        lines.append(_line(rows[-1], found.columns, widths))
    return lines


def _clean(text: str) -> str:
    from hub.redaction import one_line

    return one_line(text)


def _folded(title: str, width: int) -> list[str]:
    lines: list[str] = []
    for word in title.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _line(cells: list[str], heads: tuple[Column, ...], widths: list[int]) -> str:
    parts = []
    for cell, column, width in zip(cells, heads, widths, strict=True):
        text = cell if width_of(cell) <= width else _cut(cell, width, keeps_end=column.key in _TELLING)
        space = " " * (width - width_of(text))
        parts.append(space + text if column.is_figure else text + space)
    return "  ".join(parts).rstrip()


def _cut(text: str, width: int, *, keeps_end: bool) -> str:
    tail = text[-(width // 3) :] if keeps_end else ""
    return f"{text[: width - 1 - len(tail)].rstrip()}…{tail}"
