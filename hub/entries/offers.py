"""Offers: goods, the works that follow, forecast profit, and the way from «Рабочее» to «Договор» (S004-15…23).

The hub keeps the sums: what the client pays, what it costs us, and the difference. An offer whose rows are elsewhere
may name its total alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec.structs import replace
from sqlalchemy import select

from hub.entries import enter, entered
from hub.entries.acts import Action, Desk, Done, EntryError, Kind, own_key
from hub.entries.goods import offer_line, total_of, works_for
from hub.entries.talks import CLIENT, EMPLOYEE, not_past
from hub.entries.when import add_months
from hub.model.entries import Offer, OfferLine
from hub.model.values import Money
from hub.projection import OPERATOR
from hub.store.documents import next_number
from hub.store.parties import entity_id
from hub.store.tables import STATE

OBJECT = "The object: id or name."
OVER = ("contract", "refused")


def year_later(desk: Desk, day: date | None = None) -> date:
    """Return the working day in a year on which who refused is called again (S004-18)."""
    return desk.office.day_from(add_months(day or desk.today, 12))


def _made(desk: Desk, before: Offer | None, entry: Offer) -> Offer:
    """Make the works of new rows, and the sums of all."""
    if before is None or before.lines != entry.lines:
        own = tuple(line for line in entry.lines if not _is_made(line))
        entry = replace(entry, lines=(*own, *works_for(desk, own)))
    if before is None:
        not_past(desk, entry.next_call, "next_call")
        entry = replace(entry, date=entry.date or desk.today, number=entry.number or _next_number(desk))
    return priced(entry)


def _is_made(line: OfferLine) -> bool:
    """Tell whether a rule made the row: such a work names its goods."""
    return line.is_work and bool(line.product)


def priced(entry: Offer) -> Offer:
    """Return the offer with the sums of its rows; one without rows keeps the total that was said."""
    if not entry.lines:
        profit = entry.total - entry.cost if entry.total and entry.cost else None
        return replace(entry, profit=profit)
    total, cost = total_of(entry.lines), total_of(entry.lines, cost=True)
    return replace(entry, total=total, cost=cost, profit=total - cost)


def _next_number(desk: Desk) -> str:
    """Return the number after all that were given, said or taken; two people at once get two."""
    offer = STATE["offer"]
    numbers = desk.connection.execute(select(offer.c.number).where(offer.c.connection == OPERATOR)).scalars()
    used = [int(text) for text in numbers if text and text.isdecimal() and len(text) < 10]
    return str(next_number(desk.connection, OPERATOR, OFFER.name, 0, above=max(used, default=0)))


def _added(desk: Desk, before: Offer | None, entry: Offer) -> Offer:
    _in_work(before)
    new = tuple(line for line in entry.lines if not _is_made(line))
    return priced(replace(entry, lines=(*(before.lines if before else ()), *new, *works_for(desk, new))))


def _in_work(before: Offer | None) -> None:
    if before and before.state == "refused":
        raise EntryError("the offer was refused.", hint="Make a new one: hub offer new")


def _open(before: Offer | None) -> None:
    if before and before.state in OVER:
        raise EntryError(f"the offer is {before.state} already.")


def _sent(_desk: Desk, before: Offer | None, entry: Offer) -> Offer:
    _open(before)
    if not entry.total:
        raise EntryError("an offer without a sum is not sent.", hint="Add rows: hub offer add KEY --line «Камера; 6»")
    return entry


def _received(desk: Desk, before: Offer | None, entry: Offer) -> Offer:
    """The client has it; now there is a day of his decision (S004-16)."""
    _open(before)
    not_past(desk, entry.next_call, "next_call")
    return replace(entry, received=entry.received or desk.today)


def _answered(desk: Desk, before: Offer | None, entry: Offer) -> Offer:
    _open(before)
    not_past(desk, entry.next_call, "next_call")
    return entry


def _accepted(_desk: Desk, before: Offer | None, entry: Offer) -> Offer:
    """«Рабочее» becomes «Договор» (S004-20)."""
    _open(before)
    if not entry.total:
        raise EntryError("an offer without a sum makes no contract.", hint="Add rows: hub offer add KEY --line …")
    return replace(entry, next_call=None)


def _refused(desk: Desk, before: Offer | None, entry: Offer) -> Offer:
    """Even after a refusal there is a day of the next call: in a year, unless another is said (S004-18)."""
    _open(before)
    said = entry.next_call if before is None or before.next_call != entry.next_call else None
    not_past(desk, said, "next_call")
    return replace(entry, next_call=said or year_later(desk))


OFFER = Kind(
    entity=Offer,
    title="Offers (КП): goods, works, forecast profit, from working to contract (S004-15…23).",
    meanings={
        "client": f"{CLIENT} Else that of the object.",
        "project": OBJECT,
        "number": "Number; else the next one.",
        "lines": "A row: «title; quantity; unit; price; cost», once for each; what is left out comes from the "
        "catalogue. «работа: title; 1; компл; 9000» is a work of its own.",
        "total": "What the client pays, when there are no rows.",
        "cost": "What it costs us, when there are no rows.",
        "date": "The day it bears; else today.",
        "next_call": "The day of the next control call.",
        "answer": "What the client said.",
        "received": "The day on which the client had it; else today.",
        "sent": "When; else now.",
        "employee": EMPLOYEE,
    },
    columns=("number", "date", "state", "next_call", "total", "profit"),
    order="date",
    past=("date", "received"),
    rows={"lines": offer_line},
    actions=(
        Action(
            name="new",
            verb="made",
            help="Make an offer; its works and its forecast profit follow from its goods.",
            fields=("client", "project", "lines", "number", "date", "total", "cost", "next_call", "employee"),
            check=_made,
        ),
        Action(
            name="add",
            verb="added",
            help="Add rows, also of what was shipped beyond the offer (S004-23).",
            fields=("lines",),
            needs=("lines",),
            check=_added,
        ),
        Action(
            name="send",
            verb="sent",
            help="It went to the client.",
            fields=("next_call",),
            stamp="sent",
            fixed={"state": "sent"},
            check=_sent,
        ),
        Action(
            name="receive",
            verb="received",
            help="The client has it, and says when he will decide (S004-16).",
            fields=("received", "answer", "next_call"),
            needs=("next_call",),
            check=_received,
        ),
        Action(
            name="answer",
            verb="answered",
            help="Enter what the client said, and the day of the next call (S004-17).",
            fields=("answer", "next_call"),
            needs=("answer", "next_call"),
            check=_answered,
        ),
        Action(
            name="accept",
            verb="accepted",
            help="The client agrees: working becomes contract (S004-19, S004-20).",
            fields=("answer",),
            fixed={"state": "contract"},
            check=_accepted,
        ),
        Action(
            name="refuse",
            verb="refused",
            help="The client refuses; he is called again in a year (S004-18).",
            fields=("answer", "next_call"),
            needs=("answer",),
            fixed={"state": "refused"},
            check=_refused,
        ),
    ),
)


def drop(desk: Desk, entry: str, places: Sequence[int]) -> Done:
    """Take rows out of an offer, by their places from 1; the works that a rule made of goods go with them."""
    key = own_key(desk, OFFER, entry)
    before = entered(desk.connection, Offer, key)
    _in_work(before)
    for place in places:
        if not 1 <= place <= len(before.lines):
            raise EntryError(f"the offer has {len(before.lines)} rows and no row {place}.")
    gone = {place - 1 for place in places}
    left = [line for place, line in enumerate(before.lines) if place not in gone]
    titles = {before.lines[place].title for place in gone if not before.lines[place].is_work}
    titles -= {line.title for line in left if not line.is_work}
    kept = tuple(line for line in left if not (_is_made(line) and line.product in titles))
    zero: Money | None = None
    after = priced(replace(before, lines=kept, total=zero, cost=zero))
    enter(desk.connection, after, "dropped", key=key, sources=desk.sources, at=desk.now, by=desk.by, now=desk.now)
    return Done(entity_id(OPERATOR, OFFER.name, key), after, ())


def deferral_of(desk: Desk, entry: str) -> int:
    """Return how many days after delivery the client pays what an offer names: its rows have one term."""
    lines = entered(desk.connection, Offer, own_key(desk, OFFER, entry)).lines
    return max((line.deferral for line in lines), default=0)


def rows_for(desk: Desk, rows: Sequence[str], deferral: int) -> tuple[OfferLine, ...]:
    """Return rows as people write them, priced for this term of payment. Raises EntryError."""
    return tuple(offer_line(desk, row.strip(), deferral) for row in rows)


def goods_of(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of an offer that are goods."""
    return [row for row in rows if not row.get("is_work")]
