"""Objects: a site that is equipped for a client, from the first control call to its closing (S004-14…26).

Three conditions close an object: the act of acceptance with a photo, the whole sum of its offers paid, and the papers
for bookkeeping unless it is paid in cash. Payments are those under its contract, from 1C, the bank, or entered here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import or_

from hub.entries import enter, new_key, reference_to
from hub.entries.acts import Action, Desk, Done, EntryError, Kind, begin, go_on, own_key
from hub.entries.offers import year_later
from hub.entries.talks import CLIENT, EMPLOYEE, NOTE, not_past
from hub.entries.when import parse_day
from hub.model.entities import Contract, Payment, Reference, contract_key
from hub.model.entries import Project
from hub.model.values import Money
from hub.projection import OPERATOR
from hub.store import state
from hub.store.parties import entity_id
from hub.store.tables import STATE
from hub.yaml_text import nearest


def _created(desk: Desk, before: Project | None, entry: Project) -> Project:
    if entry.start and entry.end and entry.end < entry.start:
        raise EntryError("the works end before they start.", field="end")
    percents = desk.config.model.reports.object_percent
    if entry.type and percents and entry.type not in percents:
        raise EntryError(
            f"{entry.type!r} is no type of objects.", field="type", hint=nearest(entry.type, list(percents))
        )
    if before is None or before.next_call != entry.next_call:
        not_past(desk, entry.next_call, "next_call")
    return entry


def _open(before: Project | None) -> None:
    if before and before.state == "closed":
        raise EntryError(f"the object was closed on {before.closed:%d.%m.%Y}.")


def _called(desk: Desk, before: Project | None, entry: Project) -> Project:
    _open(before)
    return _created(desk, before, replace(entry, state="prospect") if entry.state == "refused" else entry)


def _signed(desk: Desk, before: Project | None, entry: Project) -> Project:
    _open(before)
    return _created(desk, before, entry)


def _accepted(desk: Desk, before: Project | None, entry: Project) -> Project:
    _in_work(before)
    day = entry.accepted or desk.today
    if day > desk.today:
        raise EntryError("that day is still to come.", field="accepted", hint="Enter what has happened.")
    return replace(entry, accepted=day)


def _papers(_desk: Desk, before: Project | None, entry: Project) -> Project:
    _in_work(before)
    return entry


def _in_work(before: Project | None) -> None:
    _open(before)
    if before and before.state != "work":
        raise EntryError("the object is not in work.", hint="First: hub project sign KEY --start DAY --end DAY")


def _refused(desk: Desk, before: Project | None, entry: Project) -> Project:
    _open(before)
    said = entry.next_call if before is None or before.next_call != entry.next_call else None
    not_past(desk, said, "next_call")
    return replace(entry, next_call=said or year_later(desk))


def _closed(desk: Desk, before: Project | None, entry: Project) -> Project:
    _in_work(before)
    day = entry.closed or desk.today
    if day > desk.today:
        raise EntryError("that day is still to come.", field="closed", hint="Enter what has happened.")
    if missing := open_points(desk, entry):
        raise EntryError(f"the object cannot be closed: {', '.join(missing)}.",
                         hint="See: hub project payments, hub project accept, hub project papers")  # fmt: skip
    return replace(entry, closed=day, profit=entry.profit or sums_of(desk, entry).profit)


class Sums(Struct, frozen=True):
    """What was agreed for an object and what came in, in roubles; the profit is that of its contract offers."""

    agreed: Decimal
    paid: Decimal
    profit: Money | None


def sums_of(desk: Desk, entry: Project, key: str = "") -> Sums:
    """Return the sums of an object that was entered here."""
    offer = STATE["offer"]
    own = entity_id(OPERATOR, "project", key or desk.key)
    offers = state.read(desk.connection, "offer", ~offer.c.deleted, offer.c.project == own,
                        offer.c.state == "contract")  # fmt: skip
    profits = [row["profit"] for row in offers if row["profit"] is not None]
    return Sums(_sum(row["total"] for row in offers), _sum(row["total"] for row in payments_of(desk, entry)),
                sum(profits[1:], profits[0]) if profits else None)  # fmt: skip


def _sum(amounts: Iterable[Money | None]) -> Decimal:
    return sum((it.amount for it in amounts if it is not None), Decimal("0.00"))


def payments_of(desk: Desk, entry: Project) -> list[dict[str, Any]]:
    """Return the payments under the contract of an object, the oldest first (S004-21)."""
    if entry.contract is None:
        return []
    table, contract = STATE["payment"], entry.contract
    under = entity_id(contract.connection or OPERATOR, "contract", contract.external_id)
    return state.read(desk.connection, "payment", ~table.c.deleted, table.c.is_posted, table.c.contract == under,
                      order="date")  # fmt: skip


def open_points(desk: Desk, entry: Project) -> list[str]:
    """Return which of the three conditions of closing an object does not meet (S004-25)."""
    sums = sums_of(desk, entry)
    points = [
        (
            "no act of acceptance" if not entry.accepted else "no photo of what works",
            entry.accepted and entry.has_photo,
        ),
        ("no offer became a contract", sums.agreed),
        (f"{sums.agreed - sums.paid:.2f} are not paid", sums.paid >= sums.agreed),
        ("the papers for bookkeeping are not collected", entry.is_cash or entry.papers_collected),
    ]
    return [words for words, fulfilled in points if not fulfilled]


PROJECT = Kind(
    entity=Project,
    title="Objects: control calls, works, payments, closing (S004-14…26).",
    meanings={
        "client": CLIENT,
        "name": "What the object is called, for example «Коттедж, ул. Лесная, 7».",
        "type": "Its type; the bonus depends on it (reports.object_percent).",
        "address": "Where it is.",
        "next_call": "The day of the next control call.",
        "contract": "The contract: its number or id.",
        "start": "The day on which works start.",
        "end": "The day of the handover.",
        "accepted": "The day of the act of acceptance; else today.",
        "has_photo": "Whether there is a photo of the installed and working equipment.",
        "is_cash": "Whether it is paid in cash, without papers for bookkeeping.",
        "papers_collected": "Whether the papers for bookkeeping are collected.",
        "profit": "The final profit; else that of the offers that became a contract.",
        "closed": "The day of closing; else today.",
        "employee": EMPLOYEE,
    },
    columns=("name", "type", "state", "next_call", "end"),
    order="name",
    open_while="closed",
    over=("refused",),
    past=("accepted", "closed"),
    actions=(
        Action(
            name="new",
            verb="created",
            help="Enter an object, with the day of the first control call (S004-14).",
            fields=("client", "name", "type", "address", "next_call", "employee"),
            needs=("client", "name", "next_call"),
            check=_created,
        ),
        Action(
            name="call",
            verb="called",
            help="Enter what came of a control call, and the day of the next one (S004-17).",
            fields=("next_call",),
            needs=("next_call",),
            check=_called,
        ),
        Action(
            name="sign",
            verb="started",
            help="The contract is signed: the object goes into work (S004-20).",
            fields=("contract", "start", "end", "is_cash", "next_call"),
            needs=("start", "end"),
            fixed={"state": "work"},
            check=_signed,
        ),
        Action(
            name="accept",
            verb="accepted",
            help="The client signed the act of acceptance (S004-25).",
            fields=("accepted", "has_photo"),
            check=_accepted,
        ),
        Action(
            name="papers",
            verb="papers_collected",
            help="The papers for bookkeeping are collected (S004-25).",
            fixed={"papers_collected": True},
            check=_papers,
        ),
        Action(
            name="refuse",
            verb="refused",
            help="The client refuses; he is called again in a year (S004-18).",
            fields=("next_call",),
            fixed={"state": "refused"},
            check=_refused,
        ),
        Action(
            name="close",
            verb="closed",
            help="Close an object that meets the three conditions; its profit counts for the bonus (S004-25, S004-26).",
            fields=("closed", "profit"),
            fixed={"state": "closed"},
            check=_closed,
        ),
    ),
)


def called(desk: Desk, entry: str, said: Mapping[str, Any], answer: Mapping[str, Any]) -> Done:
    """Keep the answer as a note about the object, and move its next control call or end the matter."""
    key = own_key(desk, PROJECT, entry)
    action = "refuse" if answer.get("result") == "refused" else "call"
    done = go_on(desk, PROJECT, action, entity_id(OPERATOR, PROJECT.name, key), said)
    assert isinstance(done.entity, Project)
    begin(desk, NOTE, {**answer, "client": done.entity.client, "next_contact":
                       done.entity.next_call, "about": Reference("project", key, OPERATOR)})  # fmt: skip
    return done


def contract_of(desk: Desk, client: str, number: str, day: str = "") -> Reference:
    """Return the contract of a client that has this number; a number that no source knows is entered as signed."""
    table = STATE["contract"]
    wanted = contract_key(number, desk.today)
    rows = state.read(desk.connection, "contract", ~table.c.deleted, table.c.client_id == client)
    rows = [row for row in rows if contract_key(str(row["number"] or ""), desk.today) == wanted != ""]
    if len(rows) > 1:
        raise EntryError(f"the client has {len(rows)} contracts № {number}.", field="contract",
                         hint="Give the id: hub contract list")  # fmt: skip
    if rows:
        return reference_to(desk.connection, "contract", str(rows[0]["id"]))
    read = parse_day(day, desk.now, desk.office, past=True) if day else desk.today
    if read is None:
        raise EntryError(f"{day!r} is no day.", field="contract")
    key = new_key()
    made = Contract(number=number, client=reference_to(desk.connection, "client", client), date=read, start=read,
                    type="installation", is_signed=True)  # fmt: skip
    enter(desk.connection, made, "signed", key=key, sources=desk.sources, at=desk.now, by=desk.by, now=desk.now)
    return Reference("contract", key, OPERATOR)


def _paid(desk: Desk, _before: Payment | None, entry: Payment) -> Payment:
    if entry.total is None or entry.total.amount <= 0:
        raise EntryError("a payment is above zero.", field="total")
    day = entry.date or desk.today
    if day > desk.today:
        raise EntryError("that day is still to come.", field="date", hint="Enter what has happened.")
    return replace(entry, date=day)


PAYMENT = Kind(
    entity=Payment,
    title="Payments that no other system tells of, such as cash for an object (S004-21).",
    meanings={
        "client": CLIENT,
        "contract": "The contract under which it was paid: number or id.",
        "date": "The day; else today.",
        "total": "How much came in.",
        "number": "Number of the cash order, if there is one.",
        "purpose": "What it is for.",
    },
    columns=("number", "date", "total", "purpose"),
    order="date",
    past=("date",),
    actions=(
        Action(
            name="new",
            verb="received",
            help="Enter a payment that no other system tells of, such as cash.",
            fields=("client", "contract", "date", "total", "number", "purpose"),
            needs=("contract", "total"),
            check=_paid,
        ),
    ),
)


def known_payments(desk: Desk, contract: Reference, total: Money, day: date, own: str) -> list[dict[str, Any]]:
    """Return other payments that may be the same money as `own`: of this contract or client, this sum, that day."""
    table = STATE["payment"]
    under = entity_id(contract.connection or OPERATOR, "contract", contract.external_id)
    owner = state.clients_of(desk.connection, "contract", [under]).get(under)
    whose = or_(table.c.contract == under, table.c.client_id == owner)
    rows = state.read(desk.connection, "payment", ~table.c.deleted, table.c.id != own, table.c.date == day, whose)
    return [row for row in rows if row["total"] == total]
