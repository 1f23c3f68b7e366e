"""Prospects on the way to a contract: stages in their order, three free tickets, always a day of the next contact."""

from __future__ import annotations

from msgspec.structs import replace

from hub.entries.acts import Action, Desk, EntryError, Kind
from hub.entries.clients import say_status
from hub.entries.talks import CLIENT, EMPLOYEE, not_past
from hub.model.entries import Referral
from hub.projection import OPERATOR
from hub.store import parties

STAGES = ("contact", "need_wait", "free_ticket", "offer")
"""Stages of a prospect who is neither won nor lost, in their order."""
FREE_TICKETS = 3
"""So many urgent or important tickets are solved without charge (S000-17, S001-15)."""


def _begun(desk: Desk, before: Referral | None, entry: Referral) -> Referral:
    """Want the day of the next contact as long as the way is not at its end (S001-14)."""
    if entry.client is not None and entry.client == entry.referrer:
        raise EntryError("nobody recommends himself.", field="referrer")
    if entry.stage in STAGES:
        if entry.next_contact is None:
            raise EntryError("a prospect needs a day of the next contact.", field="next_contact",
                             hint="For example: --next-contact «через 2 недели»")  # fmt: skip
        if before is None or before.next_contact != entry.next_contact or before.stage != entry.stage:
            not_past(desk, entry.next_contact, "next_contact")
    return entry


def _moved(desk: Desk, before: Referral | None, entry: Referral) -> Referral:
    """Go forward; back only to waiting for a need."""
    _still_open(before)
    was = before.stage if before else STAGES[0]
    if STAGES.index(entry.stage) < STAGES.index(was) and entry.stage != "need_wait":
        raise EntryError(f"the stage {entry.stage} lies before {was}.", field="stage", hint="Back goes only need_wait.")
    return _begun(desk, before, entry)


def _free_ticket(desk: Desk, before: Referral | None, entry: Referral) -> Referral:
    """Count one more; the third leads to the offer."""
    _still_open(before)
    done = (before.free_tickets if before else 0) + 1
    if done > FREE_TICKETS:
        raise EntryError("three tickets were solved free of charge already.", hint="Now offer a contract.")
    stage = "offer" if done == FREE_TICKETS else "free_ticket"
    return _begun(desk, before, replace(entry, free_tickets=done, stage=stage))


def _ended(_desk: Desk, before: Referral | None, entry: Referral) -> Referral:
    _still_open(before)
    return replace(entry, next_contact=None)


def _won(desk: Desk, before: Referral | None, entry: Referral) -> Referral:
    """Who signed is no prospect any more, whatever was said of him when he was entered."""
    ended = _ended(desk, before, entry)
    if entry.client is not None:
        source, key = entry.client.connection or OPERATOR, entry.client.external_id
        for client in parties.bound(desk.connection, source, "client", [key]).values():
            say_status(desk, client, "client")
    return ended


def _still_open(before: Referral | None) -> None:
    if before and before.stage not in STAGES:
        raise EntryError(f"it is {before.stage} already.", hint="Begin again with: hub referral new")


REFERRAL = Kind(
    entity=Referral,
    title="Referrals: prospects on the way to a contract (S000-15…18, S001-12…15).",
    meanings={
        "client": f"{CLIENT} The prospect himself.",
        "referrer": "Who recommended us: id, ИНН or name of a client.",
        "stage": "Where he stands.",
        "need": "The urgent or important question that nobody solved for him.",
        "competitor": "Who serves him now.",
        "origin": "How he found us, when nobody recommended us.",
        "next_contact": "The day of the next contact.",
        "fee": "Monthly fee of the contract.",
        "reason": "Why it came to nothing.",
        "created": "When; else now.",
        "ended": "When; else now.",
        "employee": EMPLOYEE,
    },
    choices={"stage": STAGES},
    columns=("created", "stage", "free_tickets", "next_contact"),
    order="created",
    open_while="ended",
    actions=(
        Action(
            name="new",
            verb="created",
            help="Enter a prospect who is known as a client already; else: hub prospect new.",
            fields=("client", "referrer", "stage", "need", "competitor", "origin", "next_contact", "employee"),
            needs=("client", "next_contact"),
            stamp="created",
            check=_begun,
        ),
        Action(
            name="move",
            verb="moved",
            help="Enter what came of a contact: another stage, another day.",
            fields=("stage", "need", "competitor", "next_contact", "employee"),
            needs=("next_contact",),
            check=_moved,
        ),
        Action(
            name="ticket",
            verb="ticket_solved",
            help="Count a ticket that was solved free of charge; the third leads to the offer.",
            fields=("need", "next_contact"),
            check=_free_ticket,
        ),
        Action(
            name="win",
            verb="won",
            help="The contract is signed.",
            fields=("fee",),
            stamp="ended",
            fixed={"stage": "won"},
            check=_won,
        ),
        Action(
            name="lose",
            verb="lost",
            help="It came to nothing.",
            fields=("reason",),
            needs=("reason",),
            stamp="ended",
            fixed={"stage": "lost"},
            check=_ended,
        ),
    ),
)
