"""Prospects on the way to a contract: the funnel against its norm of ten to one, and who is to be called next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct
from sqlalchemy import func, select

from hub.formulas import Formula
from hub.reports.days import Days
from hub.reports.reading import Reading
from hub.reports.report import Cell, Chart, Column, Report, percent, share
from hub.store.tables import STATE

STAGES = {
    "contact": "контакт", "need_wait": "ждём потребности", "free_ticket": "бесплатные обращения",
    "offer": "предложение", "won": "договор",
}  # fmt: skip
"""The way of a prospect in its order; a lost one has left it."""
LOST = "lost"


class Prospect(Struct, frozen=True):
    """A prospect who was found in the period, and how far he is."""

    stage: str
    employee: str
    is_recommended: bool = False
    free_tickets: int = 0


def read_prospects(reading: Reading, days: Days) -> list[Prospect]:
    """Read the prospects who were found in the period, whatever became of them since."""
    referral = STATE["referral"]
    query = select(
        referral.c.stage, referral.c.employee, referral.c.referrer.is_not(None), referral.c.free_tickets
    ).where(~referral.c.deleted, referral.c.created >= days.since, referral.c.created < days.until)
    return [Prospect(stage, reading.employee(who), bool(sent), free or 0)
            for stage, who, sent, free in reading.rows(query)]  # fmt: skip


FUNNEL = (
    Column("stage", "Стадия"),
    Column("now", "Сейчас на ней", "number"),
    Column("reached", "Дошли", "number"),
    Column("share", "От всех", "share"),
    Column("step", "От прошлой", "share"),
    Column("recommended", "По совету", "number"),
)


def funnel(found: Sequence[Prospect], formula: Formula, norm: Decimal, days: Days, employee: str = "") -> Report:
    """Show how many prospects reached each stage and compare the share of contracts with its norm (S002-43, S000-17).

    Who was lost counts among all, and at the first stage only: nobody knows how far he had come.
    """
    mine = [it for it in found if employee in ("", it.employee)]
    order = list(STAGES)
    rows: list[tuple[Cell, ...]] = []
    before = len(mine)
    for place, (stage, title) in enumerate(STAGES.items()):
        on = [it for it in mine if it.stage == stage]
        beyond = [it for it in mine if it.stage in order[place:]]
        reached = len(mine) if place == 0 else len(beyond)
        recommended = sum(1 for it in (mine if place == 0 else beyond) if it.is_recommended)
        rows.append((title, len(on), reached, share(reached, len(mine)), share(reached, before), recommended))
        before = reached
    contracts = sum(1 for it in mine if it.stage == "won")
    conversion = formula.result({"contracts": contracts, "prospects": len(mine)})
    notes = []
    if conversion is not None:
        word = "норма выполнена" if conversion >= norm else "ниже нормы"
        notes.append(f"Договоров {contracts} из {len(mine)}: {percent(conversion)}, норма {percent(norm)}, {word}.")
        lost = sum(1 for it in mine if it.stage == LOST)
        if lost:
            notes.append(f"Отказались: {lost}.")
        notes.append(f"Решено бесплатно обращений: {sum(it.free_tickets for it in mine)}.")
    return Report(name="funnel", title="Воронка продаж", period=str(days), columns=FUNNEL,
                  rows=tuple(rows) if mine else (), notes=tuple(notes),
                  chart=Chart("stage", bars=("reached",), is_lying=True))  # fmt: skip


class Open(Struct, frozen=True):
    """A prospect who is still on the way."""

    client: str
    stage: str
    need: str
    competitor: str
    free_tickets: int
    next_contact: date | None
    employee: str


def read_open(reading: Reading) -> list[Open]:
    """Read the prospects who are neither won nor lost."""
    referral, client = STATE["referral"], STATE["client"]
    query = (
        select(client.c.name, referral.c.stage, referral.c.need, referral.c.competitor,
               func.coalesce(referral.c.free_tickets, 0), referral.c.next_contact, referral.c.employee)
        .join_from(referral, client, referral.c.client_id == client.c.id, isouter=True)
        .where(~referral.c.deleted, referral.c.stage.not_in(("won", LOST)))
    )  # fmt: skip
    return [Open(name or "", stage, need or "", competitor or "", free, day, reading.employee(who))
            for name, stage, need, competitor, free, day, who in reading.rows(query)]  # fmt: skip


PROSPECTS = (
    Column("next", "Контакт", "day"),
    Column("client", "Кандидат"),
    Column("stage", "Стадия"),
    Column("free", "Бесплатных из 3", "number"),
    Column("need", "Что не решено"),
    Column("competitor", "Конкурент"),
    Column("employee", "Сотрудник"),
)


def prospects(found: Sequence[Open], names: Mapping[str, str], days: Days, employee: str = "") -> Report:
    """List the prospects by the day of their next contact; one without such a day is a slip (S001-14, S000-17)."""
    mine = [it for it in found if employee in ("", it.employee)]
    ordered = sorted(mine, key=lambda it: (it.next_contact or date.min, it.client))
    rows: list[tuple[Cell, ...]] = [
        (it.next_contact, it.client, STAGES.get(it.stage, it.stage), it.free_tickets, it.need, it.competitor,
         names.get(it.employee, it.employee))
        for it in ordered
    ]  # fmt: skip
    notes = []
    if missing := sum(1 for it in mine if it.next_contact is None):
        notes.append(f"Без даты следующего контакта: {missing}.")
    if late := sum(1 for it in mine if it.next_contact and it.next_contact < days.last):
        notes.append(f"Дата контакта прошла: {late}.")
    return Report(name="prospects", title="Кандидаты в клиенты", period=str(days), columns=PROSPECTS, rows=tuple(rows),
                  notes=tuple(notes))  # fmt: skip
