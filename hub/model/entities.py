"""The nouns of the hub as typed, immutable structs: what a source says about one thing.

Each struct is the data of a `<kind>.observed` event and the shape of the table of that kind. `keys()` gives the exact
keys by which the hub finds the client: a Client *claims* its keys, every other entity *mentions* them.
Field values are the source's own; an empty string or `None` means that the source does not say.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Any, ClassVar, TypeAlias, get_type_hints

from msgspec import Struct

from hub.model.entries import (
    Campaign,
    Checklist,
    Complaint,
    Decision,
    Diary,
    Handover,
    Meeting,
    Note,
    Occasion,
    Offer,
    Project,
    Promise,
    Purchase,
    Questionnaire,
    Referral,
    Shipment,
    Survey,
    Task,
    Term,
    Trait,
)
from hub.model.references import Reference as Reference
from hub.model.references import email_key
from hub.model.trade import Balance, BankAccount, Order, Organisation, Price, Product, Stock
from hub.model.trade import Line as Line
from hub.model.values import Money, TaxId


def tax_key(inn: str, kpp: str = "") -> str:
    """Return the key of a tax id, or an empty string when its check digits are wrong."""
    tax_id = TaxId.parse(inn, kpp)
    if tax_id is None:
        return ""
    return f"inn:{tax_id.inn}/{tax_id.kpp}" if tax_id.kpp else f"inn:{tax_id.inn}"


def contract_key(number: str, day: dt.date | None) -> str:
    """Return the key of a contract: its number without spaces and its day; both are needed."""
    cleaned = re.sub(r"[\s№]+", "", number).casefold()
    return f"contract:{cleaned}/{day.isoformat()}" if cleaned and day else ""


def _clean(*keys: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, keys)))


class ContactPoint(Struct, frozen=True, omit_defaults=True):
    """One way to reach somebody: `type` is phone, email, address or other; `value` is normalised, `raw` as written."""

    type: str
    value: str
    raw: str = ""
    label: str = ""

    def key(self) -> str:
        """Return the exact key of a phone or an e-mail address, else an empty string."""
        if self.type == "phone":
            return f"phone:{self.value}" if self.value else ""
        if self.type == "email":
            return f"email:{self.value}" if self.value else ""
        return ""


class Client(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An organisation or person we serve or may serve; `status` is client, prospect, closed or empty.

    `origin` says how the client found us (S004-12), `segment` to which group he belongs for mailings.
    """

    kind: ClassVar[str] = "client"

    name: str
    full_name: str = ""
    inn: str = ""
    kpp: str = ""
    type: str = ""
    status: str = ""
    manager: str = ""
    zone: str = ""
    city: str = ""
    note: str = ""
    is_folder: bool = False
    origin: str = ""
    segment: str = ""
    refuses_mailings: bool = False
    points: tuple[ContactPoint, ...] = ()

    def keys(self) -> tuple[str, ...]:
        named = tax_key(self.inn, self.kpp)
        return _clean(named, named.partition("/")[0], *[point.key() for point in self.points])


class Contact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person on the client's side, such as the chief accountant."""

    kind: ClassVar[str] = "contact"

    name: str
    client: Reference | None = None
    position: str = ""
    birthday: dt.date | None = None
    note: str = ""
    points: tuple[ContactPoint, ...] = ()

    def keys(self) -> tuple[str, ...]:
        return _clean(*(point.key() for point in self.points))


class Contract(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agreement with a client; `fee` is per month; `type` tells subscription, supply and others apart."""

    kind: ClassVar[str] = "contract"

    number: str
    client: Reference | None = None
    title: str = ""
    date: dt.date | None = None
    start: dt.date | None = None
    end: dt.date | None = None
    fee: Money | None = None
    type: str = ""
    is_signed: bool | None = None
    is_closed: bool = False
    note: str = ""

    def keys(self) -> tuple[str, ...]:
        return _clean(contract_key(self.number, self.date))


class Invoice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request to pay; `paid` counts what the source itself matched, `due` is the last day to pay."""

    kind: ClassVar[str] = "invoice"

    number: str
    client: Reference | None = None
    contract: Reference | None = None
    date: dt.date | None = None
    due: dt.date | None = None
    total: Money | None = None
    paid: Money | None = None
    is_posted: bool = True
    note: str = ""
    lines: tuple[Line, ...] = ()

    def keys(self) -> tuple[str, ...]:
        return ()


class Act(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sale or an act of works done."""

    kind: ClassVar[str] = "act"

    number: str
    client: Reference | None = None
    contract: Reference | None = None
    invoice: Reference | None = None
    date: dt.date | None = None
    total: Money | None = None
    is_posted: bool = True
    note: str = ""
    lines: tuple[Line, ...] = ()

    def keys(self) -> tuple[str, ...]:
        return ()


class Payment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money that came in; `invoice` is what the source says was paid, `purpose` is the payer's text."""

    kind: ClassVar[str] = "payment"

    number: str
    client: Reference | None = None
    contract: Reference | None = None
    invoice: Reference | None = None
    date: dt.date | None = None
    total: Money | None = None
    purpose: str = ""
    payer_inn: str = ""
    payer_kpp: str = ""
    is_posted: bool = True

    def keys(self) -> tuple[str, ...]:
        return _clean(tax_key(self.payer_inn, self.payer_kpp))


class Ticket(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request in a ticket system.

    `state` is new, open, postponed, solved, closed or cancelled; `priority` is urgent, important, normal or low;
    `status` keeps the source's own word. `specialist` is the name of whoever works on it.
    """

    kind: ClassVar[str] = "ticket"

    number: str
    subject: str
    client: Reference | None = None
    client_inn: str = ""
    state: str = "open"
    status: str = ""
    priority: str = "normal"
    author: str = ""
    author_email: str = ""
    specialist: str = ""
    description: str = ""
    created: dt.datetime | None = None
    last_activity: dt.datetime | None = None
    closed: dt.datetime | None = None
    due: dt.date | None = None
    reopens: int = 0
    url: str = ""

    def keys(self) -> tuple[str, ...]:
        return _clean(tax_key(self.client_inn), email_key(self.author_email))


class Comment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A note on a ticket; `is_public` tells whether the client can see it."""

    kind: ClassVar[str] = "comment"

    ticket: Reference
    author: str = ""
    text: str = ""
    written: dt.datetime | None = None
    is_public: bool = True

    def keys(self) -> tuple[str, ...]:
        return ()


class Call(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One conversation attempt, however many phones rang.

    `number` is the outside party in E.164 or empty when hidden, `raw_number` as the exchange wrote it;
    `direction` is inbound, outbound or internal; `talk_seconds` counts talk with a person.
    """

    kind: ClassVar[str] = "call"

    number: str = ""
    raw_number: str = ""
    direction: str = "inbound"
    extension: str = ""
    line: str = ""
    started: dt.datetime | None = None
    ended: dt.datetime | None = None
    talk_seconds: int = 0
    wait_seconds: int = 0
    state: str = "connected"
    legs: int = 1

    def keys(self) -> tuple[str, ...]:
        return (f"phone:{self.number}",) if self.number and self.direction != "internal" else ()


class Attachment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that came with a message; `blob` is the SHA-256 of its content in hexadecimal.

    `is_inline` says that the text shows it, as it does a logo.
    """

    name: str
    type: str = ""
    size_bytes: int = 0
    blob: str = ""
    is_inline: bool = False


_FULL = re.compile(r"quota|\bfull\b|переполнен|недостаточно места", re.IGNORECASE)
_REFUSED = re.compile(
    r"\b(?:spf|dkim|dmarc|spam|block\w*|blacklist\w*|policy|denied|rejected)\b|спам|отклон", re.IGNORECASE
)


class Bounce(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody whom a returned letter did not reach: `status` is the code of RFC 3463, `reason` the server's words.

    `is_permanent` says that the address is dead; a full mailbox, a refusal or what nobody explains may pass.
    """

    address: str
    status: str = ""
    is_permanent: bool = False
    reason: str = ""

    @property
    def trouble(self) -> str:
        """Return what is to be done about: address, full, refused, later, or unknown where nobody explains it."""
        if self.is_permanent:
            return "address"
        if self.status.endswith(".2.2") or _FULL.search(self.reason):
            return "full"
        if self.status.startswith("5.") or _REFUSED.search(self.reason):
            return "refused"
        return "later" if self.status.startswith("4.") else "unknown"


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One e-mail; `direction` is inbound or outbound, `outside` are the addresses that are not our own.

    `thread` is the same for all letters of one conversation: the Message-ID of its first letter. `is_answered` says
    that the mailbox marks it as answered, from whatever program. `headers` are lines that rules may ask for.
    """

    kind: ClassVar[str] = "message"

    message_id: str = ""
    direction: str = "inbound"
    sender: str = ""
    sender_name: str = ""
    recipients: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    subject: str = ""
    text: str = ""
    sent: dt.datetime | None = None
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    thread: str = ""
    is_automatic: bool = False
    is_bounce: bool = False
    bounces: tuple[Bounce, ...] = ()
    folder: str = ""
    attachments: tuple[Attachment, ...] = ()
    is_answered: bool = False
    headers: tuple[str, ...] = ()

    def keys(self) -> tuple[str, ...]:
        return _clean(*(email_key(address) for address in self.outside))


class Employee(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of our own people; `role` is manager, head, director, administrator or what a firm adds."""

    kind: ClassVar[str] = "employee"

    name: str
    role: str = "manager"
    head: str = ""
    mail: str = ""
    phone: str = ""
    is_absent: bool = False

    def keys(self) -> tuple[str, ...]:
        return ()


_OF_SOURCES = (Client, Contact, Contract, Invoice, Act, Payment, Ticket, Comment, Call, Message, Employee)
_OF_TRADE = (Organisation, BankAccount, Product, Price, Stock, Order, Balance)
_OF_PEOPLE = (
    Survey,
    Complaint,
    Note,
    Promise,
    Decision,
    Referral,
    Checklist,
    Project,
    Offer,
    Handover,
    Purchase,
    Questionnaire,
    Meeting,
    Diary,
    Task,
    Occasion,
    Campaign,
    Trait,
    Term,
    Shipment,
)

Entity: TypeAlias = (
    Client
    | Contact
    | Contract
    | Invoice
    | Act
    | Payment
    | Ticket
    | Comment
    | Call
    | Message
    | Employee
    | Organisation
    | BankAccount
    | Product
    | Price
    | Stock
    | Order
    | Balance
    | Survey
    | Complaint
    | Note
    | Promise
    | Decision
    | Referral
    | Checklist
    | Project
    | Offer
    | Handover
    | Purchase
    | Questionnaire
    | Meeting
    | Diary
    | Task
    | Occasion
    | Campaign
    | Trait
    | Term
    | Shipment
)

ENTITIES: dict[str, type[Entity]] = {entity.kind: entity for entity in (*_OF_SOURCES, *_OF_TRADE, *_OF_PEOPLE)}
"""The class of each kind."""


@cache
def field_types(struct: type[Struct]) -> dict[str, Any]:
    """Return the types of the fields, resolved once: several modules ask for those of every kind at their start."""
    return get_type_hints(struct)
