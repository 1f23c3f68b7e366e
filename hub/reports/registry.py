"""Every report by name: what it shows, over which days when none are said, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Literal, TypeAlias

from msgspec import Struct

from hub.reports import base, pay, projects
from hub.reports.days import Days, months_back, week_of
from hub.reports.reading import Reading
from hub.reports.report import Report

Usual: TypeAlias = Literal["month", "half", "year", "weeks", "ahead", "now"]
WORDS: Mapping[str, str] = {
    "month": "this month", "half": "the last six months", "year": "the last twelve months",
    "weeks": "the last twelve weeks", "ahead": "the coming days", "now": "today",
}  # fmt: skip
"""The days of a report when none are said."""


class Request(Struct, frozen=True):
    """What was asked for; `client` and `employee` are ids, `week` is a Monday."""

    reading: Reading
    days: Days
    client: str = ""
    employee: str = ""
    week: date | None = None


class Entry(Struct, frozen=True):
    """A report that can be had. `filters` are the options it takes besides the period."""

    name: str
    summary: str
    usual: Usual
    make: Callable[[Request], Report]
    filters: tuple[str, ...] = ()


def usual_days(usual: Usual, reading: Reading) -> Days:
    """Return the days of a report when nobody says others."""
    today = reading.today
    first, last = {
        "month": (today.replace(day=1), today),
        "half": (months_back(today, 5), today),
        "year": (months_back(today, 11), today),
        "weeks": (week_of(today) - timedelta(weeks=11), today),
        "ahead": (today, today + timedelta(days=reading.settings.renewal_days)),
        "now": (today, today),
    }[usual]
    return Days(first, last, reading.zone)


def _base(request: Request) -> base.Base:
    found = base.read_base(request.reading)
    return found.of_manager(request.employee) if request.employee else found


def _growth(request: Request) -> Report:
    return base.growth(_base(request), request.days, request.reading.settings.growth_plan)


def _moves(request: Request) -> Report:
    reasons = base.read_loss_reasons(request.reading, request.days)
    return base.moves(_base(request), request.days, request.reading.names, reasons)


def _renewals(request: Request) -> Report:
    return base.renewals(_base(request), request.days, request.reading.today, request.reading.names)


def _pay(request: Request) -> Report:
    reading = request.reading
    payees = pay.read_pay(reading, base.read_base(reading), request.days, request.employee)
    return pay.pay(payees, reading.formulas, request.days)


def _polls(request: Request) -> Report:
    reading = request.reading
    return pay.polls(pay.read_polls(reading, request.days), reading.names, request.days, reading.settings.polls_plan)


def _satisfied(request: Request) -> Report:
    return pay.satisfied(pay.read_satisfied(request.reading, request.days), request.reading.names, request.days)


def _bonus(request: Request) -> Report:
    reading = request.reading
    found = projects.bonuses(reading, request.days)
    return projects.bonus(found, reading.formulas["object_bonus"], reading.names, request.days)


def _projects(request: Request) -> Report:
    return projects.projects(projects.read_sites(request.reading, request.days), request.reading.names, request.days)


def _shipped(request: Request) -> Report:
    return projects.shipped(projects.read_goods(request.reading, request.days), request.days)


_WHO = ("employee",)
_ALL = (
    Entry("growth", "Growth of the base month by month, plan and fact.", "half", _growth, _WHO),
    Entry("moves", "Clients who came and who left, with their fees.", "month", _moves, _WHO),
    Entry("renewals", "Contracts that end, renewed or not.", "ahead", _renewals, _WHO),
    Entry("pay", "Pay of each employee by the firm's formula.", "month", _pay, _WHO),
    Entry("polls", "Surveys of each employee against the plan.", "month", _polls),
    Entry("satisfied", "Sales to clients who are content.", "month", _satisfied),
    Entry("bonus", "Bonuses for closed objects.", "month", _bonus),
    Entry("projects", "Objects in work: dates, sums, payments.", "month", _projects),
    Entry("shipped", "Goods shipped to objects against their offers.", "month", _shipped),
)
REPORTS: Mapping[str, Entry] = {entry.name: entry for entry in _ALL}
"""All reports, in the order of `hub report list`."""
