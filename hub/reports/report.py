"""What a report is: typed columns, rows, totals, a chart and remarks; and how a cell reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.reminders.texts import NBSP, money

Cell: TypeAlias = str | int | Decimal | date | datetime | None
Kind: TypeAlias = Literal["text", "number", "money", "share", "day", "moment"]
TOTAL = "Итого"
DASH = "—"


class Column(Struct, frozen=True):
    """One column: a stable `key` for scripts, a Russian `title`, and what its cells are.

    Money is in roubles, a share is a fraction of one. `is_summed` lets the last row hold the sum.
    """

    key: str
    title: str
    kind: Kind = "text"
    is_summed: bool = False

    @property
    def is_figure(self) -> bool:
        """Tell whether cells stand to the right, as figures do."""
        return self.kind in ("number", "money", "share")


class Chart(Struct, frozen=True):
    """Which columns are drawn over which one: bars, and lines above them; at most so many rows.

    Lines of shares have an axis of their own on the right. Lying bars suit long names.
    """

    over: str
    bars: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    is_lying: bool = False
    most: int = 60


class Report(Struct, frozen=True, kw_only=True):
    """A finished report. `totals` has a cell for each column, or is empty."""

    name: str
    title: str
    period: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: tuple[Cell, ...] = ()
    chart: Chart | None = None
    notes: tuple[str, ...] = ()

    def column(self, key: str) -> tuple[Cell, ...]:
        """Return the cells of a column."""
        place = self.place(key)
        return tuple(row[place] for row in self.rows)

    def place(self, key: str) -> int:
        """Return where a column stands."""
        return [column.key for column in self.columns].index(key)

    def row(self, place: int = 0) -> dict[str, Cell]:
        """Return a row by the keys of its columns."""
        return dict(zip([column.key for column in self.columns], self.rows[place], strict=True))

    def total(self) -> dict[str, Cell]:
        """Return the totals by the keys of their columns; empty when there are none."""
        return dict(zip([column.key for column in self.columns], self.totals, strict=bool(self.totals)))


def summed(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], given: Mapping[str, Cell] | None = None
) -> tuple[Cell, ...]:
    """Return the row of totals: sums where columns are summed, what is given elsewhere; empty without rows."""
    rows = list(rows)
    if not rows:
        return ()
    cells: list[Cell] = []
    for place, column in enumerate(columns):
        if given and column.key in given:
            cells.append(given[column.key])
        elif column.is_summed:
            figures = [row[place] for row in rows]
            cells.append(sum((it for it in figures if isinstance(it, int | Decimal)), Decimal(0)))
        else:
            cells.append(None)
    if cells[0] is None:
        cells[0] = TOTAL
    return tuple(cells)


def share(part: int | Decimal, whole: int | Decimal) -> Decimal | None:
    """Return the fraction, or `None` of nothing."""
    return Decimal(part) / Decimal(whole) if whole else None


def shown(cell: Cell, kind: Kind, zone: ZoneInfo) -> str:
    """Return a cell as people read it: `20 000 ₽`, `33,3 %`, `22.11.2026`; a dash where nothing can be said."""
    if cell is None:
        return DASH if kind in ("number", "money", "share") else ""
    if isinstance(cell, datetime):
        return f"{cell.astimezone(zone):%d.%m.%Y %H:%M}"[: 10 if kind == "day" else None]
    if isinstance(cell, date):
        return f"{cell:%d.%m.%Y}"
    if isinstance(cell, str):
        return cell
    figure = Decimal(cell)
    if kind == "money":
        return money(figure.quantize(Decimal("0.01"), ROUND_HALF_UP))
    return percent(figure) if kind == "share" else _digits(figure)


def percent(part: Decimal) -> str:
    """Return a share as people read it: `33,3 %`."""
    return f"{_digits(part * 100)}{NBSP}%"


def _digits(figure: Decimal) -> str:
    rounded = figure.quantize(Decimal("0.1"), ROUND_HALF_UP)
    text = f"{abs(rounded):,.1f}".replace(",", NBSP).replace(".", ",").removesuffix(",0")
    return f"{'−' if rounded < 0 else ''}{text}"
