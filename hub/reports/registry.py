"""Every report by name: what it shows, over which days when none are said, and how it is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Literal, TypeAlias

from msgspec import Struct

from hub.reports import base, calls, customers, funnel, money, noise, pay, people, projects, tickets, voice
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
    return projects.projects(projects.read_sites(request.reading, request.days), request.days)


def _shipped(request: Request) -> Report:
    return projects.shipped(projects.read_goods(request.reading, request.days), request.days)


def _nps(request: Request) -> Report:
    reading, days = request.reading, request.days
    if request.week:
        days = Days(request.week, request.week + timedelta(days=6), reading.zone)
    if request.week or request.client:
        return voice.said(voice.read_said(reading, days, request.client), reading.names, days, request.employee)
    return voice.nps(voice.read_answers(reading, days), reading.formulas["nps"], days, request.employee)


def _feedback(request: Request) -> Report:
    reading, days = request.reading, request.days
    complaints = Counter(it.employee for it in voice.read_complaints(reading, days))
    answers = voice.read_answers(reading, days)
    return voice.feedback(answers, complaints, reading.formulas["nps"], reading.names, days)


def _segments(request: Request) -> Report:
    reading = request.reading
    return voice.segments(voice.read_segments(reading, request.days), reading.names, request.days, request.employee)


def _complaints(request: Request) -> Report:
    return voice.complaints(voice.read_complaints(request.reading, request.days), request.days)


def _reasons(request: Request) -> Report:
    return voice.reasons(voice.read_reasons(request.reading, request.days), request.days)


def _calls(request: Request) -> Report:
    seconds = request.reading.settings.answer_seconds
    return calls.calls(calls.read_traffic(request.reading, request.days), request.days, seconds, request.employee)


def _missed(request: Request) -> Report:
    reading = request.reading
    within = timedelta(hours=reading.settings.callback_hours)
    found = calls.read_missed(reading, request.days)
    return calls.missed(found, reading.names, request.days, within, reading.now, request.employee)


def _origins(request: Request) -> Report:
    return calls.origins(calls.read_first_calls(request.reading, request.days), request.days)


def _tickets(request: Request) -> Report:
    return tickets.hung(tickets.read_hung(request.reading), request.days, request.employee)


def _risk(request: Request) -> Report:
    reading = request.reading
    found = tickets.read_pressing(reading)
    return tickets.risk(found, _base(request), reading.names, request.days, request.employee)


def _debts(request: Request) -> Report:
    return money.debts(money.read_owed(request.reading), request.reading.names, request.days, request.employee)


def _invoices(request: Request) -> Report:
    return money.invoices(money.read_months(request.reading, request.days, "invoice"), request.days)


def _payments(request: Request) -> Report:
    return money.payments(money.read_months(request.reading, request.days, "payment"), request.days)


def _sales(request: Request) -> Report:
    reading = request.reading
    return money.sales(
        money.read_sales(reading, request.days), reading.settings.sales_plan, reading.names, request.days
    )


def _pareto(request: Request) -> Report:
    return customers.pareto(customers.read_revenue(request.reading, request.days), request.reading.names, request.days)


def _customers(request: Request) -> Report:
    return customers.customers(customers.read_buying(request.reading, request.days), request.days)


def _attraction(request: Request) -> Report:
    reading, days = request.reading, request.days
    costs = {"attraction": reading.settings.attraction, "retention": reading.settings.retention}
    months = customers.read_buying(reading, days)
    return customers.attraction(months, customers.read_events(reading, days), costs, days)


def _campaigns(request: Request) -> Report:
    return customers.campaigns(customers.read_campaigns(request.reading, request.days), request.days)


def _funnel(request: Request) -> Report:
    reading = request.reading
    found = funnel.read_prospects(reading, request.days)
    norm = reading.settings.funnel_norm
    return funnel.funnel(found, reading.formulas["funnel"], norm, request.days, request.employee)


def _prospects(request: Request) -> Report:
    return funnel.prospects(funnel.read_open(request.reading), request.reading.names, request.days, request.employee)


def _activity(request: Request) -> Report:
    reading, days = request.reading, request.days
    deeds = people.read_deeds(reading, days)
    norm = reading.settings.meetings_norm
    return people.activity(deeds, reading.names, days, reading.office, norm, request.employee)


def _diary(request: Request) -> Report:
    reading, days = request.reading, request.days
    return people.diary(people.read_diary(reading, days), reading.names, days, reading.office, reading.now)


def _rules(request: Request) -> Report:
    return noise.noise(noise.read_uses(request.reading, request.days), request.days)


_WHO = ("employee",)
_ALL = (
    Entry("growth", "Growth of the base month by month, plan and fact.", "half", _growth, _WHO),
    Entry("moves", "Clients who came and who left, with their fees.", "month", _moves, _WHO),
    Entry("renewals", "Contracts that end, renewed or not.", "ahead", _renewals, _WHO),
    Entry("pay", "Pay of each employee by the firm's formula.", "month", _pay, _WHO),
    Entry("polls", "Surveys of each employee against the plan.", "month", _polls),
    Entry(
        "nps", "NPS week by week; with --week or --client every answer.", "weeks", _nps, ("client", "employee", "week")
    ),
    Entry("feedback", "What clients said of whom: NPS, aspects, complaints.", "month", _feedback),
    Entry("segments", "Promoters, passive clients and critics, and what to do.", "now", _segments, _WHO),
    Entry("satisfied", "Sales to clients who are content.", "month", _satisfied),
    Entry("complaints", "Complaints by department and how long they took.", "month", _complaints),
    Entry("reasons", "Why clients refused, returned or complained.", "year", _reasons),
    Entry("calls", "Calls, missed calls, time until somebody answered.", "month", _calls, _WHO),
    Entry("missed", "Missed calls that nobody returned in time.", "month", _missed, _WHO),
    Entry("origins", "How those who called for the first time found us.", "month", _origins),
    Entry("tickets", "Hung tickets with their planned days.", "now", _tickets, _WHO),
    Entry("risk", "Monthly fees at risk by urgent and important tickets.", "now", _risk, _WHO),
    Entry("debts", "What clients owe and for how long.", "now", _debts, _WHO),
    Entry("invoices", "Invoices issued, by month.", "year", _invoices),
    Entry("payments", "Payments made, by month.", "year", _payments),
    Entry("sales", "Sales of each manager against the plan.", "month", _sales),
    Entry("pareto", "Clients by revenue: eighty to twenty.", "year", _pareto),
    Entry("customers", "New and regular clients, repeated purchases.", "year", _customers),
    Entry("attraction", "What winning and keeping clients costs.", "year", _attraction),
    Entry("campaigns", "Mailings, promotions and invitations.", "year", _campaigns),
    Entry("funnel", "Prospects by stage against the norm of ten to one.", "half", _funnel, _WHO),
    Entry("prospects", "Prospects on the way and their next contact.", "now", _prospects, _WHO),
    Entry("activity", "Talks, meetings, surveys, recommendations of employees.", "month", _activity, _WHO),
    Entry("diary", "Hours of the diaries, and those not described.", "month", _diary),
    Entry("bonus", "Bonuses for closed objects.", "month", _bonus),
    Entry("projects", "Objects in work: dates, sums, payments.", "month", _projects),
    Entry("shipped", "Goods shipped to objects against their offers.", "month", _shipped),
    Entry("rules", "Which rules remind in vain.", "month", _rules),
)
REPORTS: Mapping[str, Entry] = {entry.name: entry for entry in _ALL}
"""All reports, in the order of `hub report list`."""
