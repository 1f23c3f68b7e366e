"""From costs to tables and verdicts: what the budget says, whether it is kept, and the page in docs/."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.measure import Cost

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures: begin, written by `make bench` -->", "<!-- figures: end -->"
MAIL_BEGIN, MAIL_END = "<!-- mail: begin, written by `make bench` -->", "<!-- mail: end -->"
REMINDERS_BEGIN, REMINDERS_END = "<!-- reminders: begin, written by `make bench` -->", "<!-- reminders: end -->"
DOCUMENTS_BEGIN, DOCUMENTS_END = "<!-- documents: begin, written by `make bench` -->", "<!-- documents: end -->"

TITLES = {
    "full": "full load",
    "repeat": "repeat, versions asked",
    "repeat-all": "repeat, everything read",
    "changed": "5 % changed, versions asked",
    "changed-all": "5 % changed, everything read",
    "handed": "5 % changed, only these handed over",
}
FLOOR_TIMES = 3.0
"""At most so many times the CPU of the floor, in each pass."""
PEER_TIMES = {"full": ("full", 4.0), "repeat": ("repeat-all", 10.0), "changed": ("changed-all", 1.5)}
"""By pass of the hub: the pass of dlt with the same outcome, and how many times the CPU of the hub it has to take."""
MEMORY_MB = 150.0
GROWTH = 1.1
"""Flat means: at most a tenth more with all records than with 20,000."""

Figures = Mapping[tuple[str, str, str], Cost]
"""Costs by database, contender and pass; the contender `hub, small` is the hub with 20,000 records."""


@dataclass(frozen=True)
class Verdict:
    """One line of the budget: what was found against what is allowed."""

    what: str
    found: str
    allowed: str
    is_kept: bool

    def __str__(self) -> str:
        return f"{'PASS' if self.is_kept else 'FAIL'}  {self.what}: {self.found} ({self.allowed})"


def verdicts(figures: Figures) -> Iterator[Verdict]:
    """Compare with the budget what was measured; what was not is left out."""
    for (database, contender, name), cost in figures.items():
        if contender != "hub":
            continue
        where = f"{database}, {TITLES[name]}"
        if floor := figures.get((database, "floor", name)):
            times = cost.cpu / floor.cpu
            yield Verdict(f"{where}, hub : floor", f"{times:.2f}", f"at most {FLOOR_TIMES:g}", times <= FLOOR_TIMES)
        theirs, least = PEER_TIMES.get(name, ("", 0.0))
        if peer := figures.get((database, "dlt", theirs)):
            times = peer.cpu / cost.cpu
            yield Verdict(f"{where}, dlt : hub", f"{times:.2f}", f"at least {least:g}", times >= least)
        peak = cost.peak_mb
        yield Verdict(f"{where}, peak memory", f"{peak:.0f} MB", f"at most {MEMORY_MB:.0f} MB", peak <= MEMORY_MB)
        if small := figures.get((database, "hub, small", name)):
            growth = peak / small.peak_mb
            found = f"{small.peak_mb:.0f} → {peak:.0f} MB"
            yield Verdict(f"{where}, memory from 20,000 to all records", found, "at most +10 %", growth <= GROWTH)


def tables(figures: Figures, records: int) -> str:
    """Return one table for each database, in CPU seconds per 100,000 records."""
    parts = []
    for database in dict.fromkeys(key[0] for key in figures):
        measured = {key[2] for key in figures if key[0] == database}
        rows = [_row(figures, database, name, records) for name in TITLES if name in measured]
        parts.append(f"**{_NAMES[database]}**\n\n{markdown(_HEAD, rows)}")
    return "\n\n".join(parts)


def write_page(figures: Figures, records: int, found: Sequence[Verdict], postgresql: str) -> None:
    """Put the figures between the markers of the page."""
    made = f"{machine(records, postgresql)}\n\n{tables(figures, records)}\n\n{budget(found)}"
    write_between(BEGIN, END, made)


def write_between(begin: str, end: str, made: str) -> None:
    """Put figures between two markers of the page."""
    before, has_begin, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    _, has_end, after = rest.partition(end)
    if not has_begin or not has_end:
        raise ValueError(f"{PAGE} has lost its markers {begin} and {end}")
    PAGE.write_text(f"{before}{begin}\n\n{made}\n\n{end}{after}", encoding="utf-8")


def budget(found: Sequence[Verdict]) -> str:
    """Return the verdicts as a table."""
    rows = [(it.what, it.found, it.allowed, "PASS" if it.is_kept else "FAIL") for it in found]
    return markdown(("budget", "found", "allowed", ""), rows)


def machine(records: int, postgresql: str) -> str:
    """Say on what the figures were taken."""
    versions = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    versions += [f"PostgreSQL {postgresql}"] if postgresql else []
    versions.append(f"dlt {version('dlt')}")
    return (
        f"{records:,} records, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), "
        f"{', '.join(versions)}. CPU seconds of client and database per 100,000 records."
    )


_HEAD = ("pass", "hub", "floor", "dlt", "hub : floor", "dlt : hub", "MB hub", "MB floor", "MB dlt", "wall hub, s")
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def _row(figures: Figures, database: str, name: str, records: int) -> tuple[str, ...]:
    hub, floor, dlt = (figures.get((database, it, name)) for it in ("hub", "floor", "dlt"))
    theirs, _ = PEER_TIMES.get(name, (name, 0.0))
    peer = figures.get((database, "dlt", theirs))

    def seconds(cost: Cost | None) -> str:
        return f"{cost.cpu * 100_000 / records:.2f}" if cost else "–"

    def memory(cost: Cost | None) -> str:
        return f"{cost.peak_mb:.0f}" if cost else "–"

    return (
        TITLES[name], seconds(hub), seconds(floor), seconds(dlt),
        f"{hub.cpu / floor.cpu:.2f}" if hub and floor else "–", f"{peer.cpu / hub.cpu:.1f}" if hub and peer else "–",
        memory(hub), memory(floor), memory(dlt), f"{hub.wall:.1f}" if hub else "–",
    )  # fmt: skip


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with columns of even width."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in lines)
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)
