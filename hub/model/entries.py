"""What people enter themselves, as entities: surveys, complaints, notes, promises, offers, projects, checklists, ….

They come from the source `operator` (`hub survey new` and the like), and a connector of a CRM may give the same kinds.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from msgspec import Struct

from hub.model.references import Reference, email_key
from hub.model.values import Money


class _Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every entry has: it mentions no keys, its client is named by reference."""

    def keys(self) -> tuple[str, ...]:
        return ()


class Survey(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """What a client answered when asked whether he is content (S003-25, S002-20).

    `score` is readiness to recommend us, 0 to 10; `software`, `support` and `company` are the three aspects, 0 to 10.
    `verdict` is satisfied, neutral or dissatisfied; `reason` is what stands behind the score, in the client's words.
    One that came in a letter belongs to whose mailbox `author_email` is.
    """

    kind: ClassVar[str] = "survey"

    client: Reference | None = None
    contact: Reference | None = None
    answered: dt.datetime | None = None
    score: int | None = None
    software: int | None = None
    support: int | None = None
    company: int | None = None
    verdict: str = ""
    reason: str = ""
    text: str = ""
    employee: str = ""
    author_email: str = ""

    def keys(self) -> tuple[str, ...]:
        """Return the mailbox of who wrote it."""
        return tuple(filter(None, [email_key(self.author_email)]))


class Complaint(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A reclamation (S003-27): which department is at fault, what was done, and whether the client confirmed it.

    `state` is filed, acknowledged, corrected, confirmed or withdrawn; `action` is the corrective action.
    One that came in a letter belongs to whose mailbox `author_email` is.
    """

    kind: ClassVar[str] = "complaint"

    number: str = ""
    client: Reference | None = None
    survey: Reference | None = None
    ticket: Reference | None = None
    department: str = ""
    state: str = "filed"
    text: str = ""
    action: str = ""
    filed: dt.datetime | None = None
    acknowledged: dt.datetime | None = None
    corrected: dt.datetime | None = None
    confirmed: dt.datetime | None = None
    employee: str = ""
    author_email: str = ""

    def keys(self) -> tuple[str, ...]:
        """Return the mailbox of who wrote it."""
        return tuple(filter(None, [email_key(self.author_email)]))


class Note(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a call or a visit (S004-16…18): the answer, the result and the day of the next contact.

    `topic` is what it was about: call, renewal, debt, recommendation, origin, receipt, decision, loss or another word.
    `result` is one word such as reached, satisfied, agreed, refused, promised or later; `about` is the thing spoken of.
    """

    kind: ClassVar[str] = "note"

    client: Reference | None = None
    contact: Reference | None = None
    about: Reference | None = None
    topic: str = "call"
    result: str = ""
    text: str = ""
    written: dt.datetime | None = None
    next_contact: dt.date | None = None
    employee: str = ""


class Promise(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """The client's word that he waits for a specialist until then (S000-6)."""

    kind: ClassVar[str] = "promise"

    client: Reference | None = None
    ticket: Reference | None = None
    given: dt.datetime | None = None
    until: dt.datetime | None = None
    who: str = ""
    text: str = ""
    employee: str = ""


class Decision(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided about a ticket (S000-7, S000-8, S001-9).

    `decision` is keep or replace (the specialist), overtime (he stays longer), plan (a day of solution, `planned`) or
    consent (the client agrees that it is cancelled).
    """

    kind: ClassVar[str] = "decision"

    client: Reference | None = None
    ticket: Reference | None = None
    decision: str = ""
    specialist: str = ""
    reason: str = ""
    planned: dt.date | None = None
    decided: dt.datetime | None = None
    employee: str = ""


class Referral(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A prospect on the way to a contract (S000-15…18, S001-12…15); `client` is the prospect.

    `stage` is contact, need_wait, free_ticket, offer, won or lost; `referrer` is the client who recommended us, empty
    for a prospect of another origin. `free_tickets` counts those solved without charge, three at most.
    """

    kind: ClassVar[str] = "referral"

    client: Reference | None = None
    referrer: Reference | None = None
    stage: str = "contact"
    need: str = ""
    competitor: str = ""
    origin: str = ""
    free_tickets: int = 0
    next_contact: dt.date | None = None
    created: dt.datetime | None = None
    ended: dt.datetime | None = None
    fee: Money | None = None
    reason: str = ""
    employee: str = ""


class ChecklistItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a checklist: what, who did it and when; `ticks` names the events that do it by themselves."""

    number: int
    title: str
    by: str = ""
    done: dt.datetime | None = None
    ticks: tuple[str, ...] = ()


class Checklist(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A list of things to be done for a client, such as Приложение 1 (S003-24); `about` is the deal or the order."""

    kind: ClassVar[str] = "checklist"

    client: Reference | None = None
    about: Reference | None = None
    template: str = ""
    title: str = ""
    created: dt.datetime | None = None
    completed: dt.datetime | None = None
    items: tuple[ChecklistItem, ...] = ()
    employee: str = ""


class Project(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """An object that is equipped for a client (S004-14…29): site, dates, the three conditions of its closing.

    `state` is prospect, work, closed or refused; `type` decides the bonus. `next_call` is the day of the next control
    call. Closing wants `accepted` (the act of acceptance with a photo), the whole sum paid, and `is_cash` or
    `papers_collected`; what was paid are the payments under `contract`.
    """

    kind: ClassVar[str] = "project"

    client: Reference | None = None
    contract: Reference | None = None
    name: str = ""
    type: str = ""
    state: str = "prospect"
    address: str = ""
    start: dt.date | None = None
    end: dt.date | None = None
    next_call: dt.date | None = None
    accepted: dt.date | None = None
    has_photo: bool = False
    is_cash: bool = False
    papers_collected: bool = False
    closed: dt.date | None = None
    profit: Money | None = None
    employee: str = ""


class OfferLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of an offer; `cost` is what one unit costs us; `is_work` marks works, which a rule makes from goods.

    `deferral` is how many days after delivery the client may pay at this price.
    """

    title: str
    product: str = ""
    quantity: str = "1"
    unit: str = ""
    price: Money | None = None
    cost: Money | None = None
    vat_rate: int | None = None
    is_work: bool = False
    deferral: int = 0


class Offer(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A commercial offer (КП, S004-15…23); `state` is working, sent, contract or refused.

    `total` is what the client pays, `cost` what it costs us; `profit` is the difference as forecast.
    """

    kind: ClassVar[str] = "offer"

    number: str = ""
    client: Reference | None = None
    project: Reference | None = None
    state: str = "working"
    date: dt.date | None = None
    sent: dt.datetime | None = None
    received: dt.date | None = None
    next_call: dt.date | None = None
    answer: str = ""
    total: Money | None = None
    cost: Money | None = None
    profit: Money | None = None
    lines: tuple[OfferLine, ...] = ()
    employee: str = ""


class HandoverLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of goods that went to a site; `is_warranty` marks what replaces a broken thing without charge."""

    title: str
    product: str = ""
    quantity: str = "1"
    unit: str = ""
    price: Money | None = None
    is_warranty: bool = False


class Handover(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """Goods that went to the site of a project (S004-6, S004-23), to be compared with its offer."""

    kind: ClassVar[str] = "handover"

    number: str = ""
    client: Reference | None = None
    project: Reference | None = None
    offer: Reference | None = None
    date: dt.date | None = None
    lines: tuple[HandoverLine, ...] = ()
    employee: str = ""


class Purchase(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A request to purchasing for a project (S004-22): what is needed by which day; `state` is requested or ready."""

    kind: ClassVar[str] = "purchase"

    number: str = ""
    client: Reference | None = None
    project: Reference | None = None
    state: str = "requested"
    needed: dt.date | None = None
    ready: dt.date | None = None
    lines: tuple[HandoverLine, ...] = ()
    employee: str = ""


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question of a questionnaire and what was said."""

    question: str
    answer: str = ""


class Questionnaire(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """Answers to the firm's own questions (S002-29): `type` is refusal, return, complaint or another word."""

    kind: ClassVar[str] = "questionnaire"

    client: Reference | None = None
    type: str = ""
    answered: dt.datetime | None = None
    answers: tuple[Answer, ...] = ()
    employee: str = ""


class Meeting(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A meeting with a client (S002-39…42); `has_decider` tells whether who decides was there."""

    kind: ClassVar[str] = "meeting"

    client: Reference | None = None
    contact: Reference | None = None
    held: dt.datetime | None = None
    minutes: int = 0
    place: str = ""
    has_decider: bool | None = None
    result: str = ""
    text: str = ""
    employee: str = ""


class Diary(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """What an employee did in one stretch of the day (S004-8, S004-9); `place` is office, client or absent."""

    kind: ClassVar[str] = "diary"

    client: Reference | None = None
    project: Reference | None = None
    begun: dt.datetime | None = None
    ended: dt.datetime | None = None
    place: str = "office"
    activity: str = ""
    employee: str = ""


class Task(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """Something one employee asks another to do (S004-7, S003-14); `by` gave it, `employee` does it.

    `every` is a rule of RFC 5545, such as FREQ=WEEKLY;BYDAY=MO: when it is done, the next one is given.
    """

    kind: ClassVar[str] = "task"

    client: Reference | None = None
    about: Reference | None = None
    title: str = ""
    text: str = ""
    given: dt.datetime | None = None
    due: dt.datetime | None = None
    done: dt.datetime | None = None
    result: str = ""
    by: str = ""
    employee: str = ""
    every: str = ""


class Occasion(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A day worth a word (S002-16, S002-18, S000-12): of one client or contact, of everybody when no client is named.

    `type` is anniversary, holiday, reporting, event or another word; `is_yearly` lets it come again each year.
    """

    kind: ClassVar[str] = "occasion"

    client: Reference | None = None
    contact: Reference | None = None
    title: str = ""
    type: str = "anniversary"
    date: dt.date | None = None
    is_yearly: bool = True


class Campaign(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A mailing or an invitation to many clients (S000-13, S002-19, S002-37); `block` is news, useful or greeting."""

    kind: ClassVar[str] = "campaign"

    title: str = ""
    block: str = "useful"
    segment: str = ""
    text: str = ""
    published: dt.date | None = None
    date: dt.date | None = None
    sent: dt.datetime | None = None
    employee: str = ""


class Trait(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """Something to know about a client or a contact (S002-16, S002-36): `type` is hobby, preference, competitor, …"""

    kind: ClassVar[str] = "trait"

    client: Reference | None = None
    contact: Reference | None = None
    type: str = ""
    value: str = ""
    text: str = ""
    noticed: dt.date | None = None
    employee: str = ""


class Term(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A value of a dictionary (S002-12…14): how `text` of the field `dictionary` reads in another language."""

    kind: ClassVar[str] = "term"

    dictionary: str = ""
    text: str = ""
    language: str = "en"
    value: str = ""


class Shipment(_Entry, frozen=True, kw_only=True, omit_defaults=True):
    """A parcel on its way to a client (S003-18…23); `planned` is the day the carrier named last.

    `state` is ordered, picked_up, on_the_way, delivered, failed or cancelled; `status` keeps the carrier's own word.
    """

    kind: ClassVar[str] = "shipment"

    number: str = ""
    client: Reference | None = None
    carrier: str = ""
    city: str = ""
    state: str = "ordered"
    status: str = ""
    content: str = ""
    cost: Money | None = None
    ordered: dt.datetime | None = None
    picked_up: dt.datetime | None = None
    planned: dt.date | None = None
    delivered: dt.datetime | None = None
    employee: str = ""
