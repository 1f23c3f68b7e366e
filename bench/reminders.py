"""Reminders of many clients: all evaluated, a thousand new events, and the list of one manager.

The store is filled directly, as if its events had come over half a year: calls, letters, tickets, contracts and
invoices, some of them still waiting for somebody. A pass is one process of the hub that finds the store as it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec

from bench.measure import Cost
from hub.ingest import ingest
from hub.model.entities import (
    Call,
    Client,
    Contact,
    ContactPoint,
    Contract,
    Entity,
    Invoice,
    Message,
    Reference,
    Ticket,
)
from hub.model.events import Event
from hub.model.values import Money
from hub.normalise import fact_of
from hub.projection import Sources
from hub.store import bulk, log, state
from hub.store.database import Store
from hub.store.log import Entry
from hub.store.meta import set_meta
from hub.store.parties import entity_id
from hub.store.tables import STATE
from hub.store.types import instant_text

CLIENTS = 100_000
EVENTS = 30
"""Of each client: three million of a hundred thousand clients."""
NEW = 1000
NOW = datetime(2026, 9, 16, 4, 0, tzinfo=UTC)
SOURCE = "base"
OF_MANAGER = 100
CHUNK = 1000
LIMITS = {"all": 10.0, "new": 0.5, "today": 0.3}
"""Seconds that are asked for, of 100 000 clients with three million events."""


@dataclass(frozen=True)
class Figure:
    """What one pass took; `seconds` is the evaluation, without the start of the interpreter."""

    database: str
    clients: int
    what: str
    seconds: float
    cost: Cost
    reminders: int


def fill(store: Store, clients: int, progress: Callable[[int], None] = lambda _done: None) -> int:
    """Fill an empty store; return how many events it holds."""
    pick, count = random.Random(1), 0
    for start in range(0, clients, CHUNK):
        said = [it for number in range(start, min(start + CHUNK, clients)) for it in _of_client(number, pick)]
        with store.write() as connection:
            count += len(said)
            _keep(connection, said)
        progress(start + CHUNK)
    with store.write() as connection:
        set_meta(connection, "installed", (NOW - timedelta(days=400)).isoformat())
    return count


def _of_client(number: int, pick: random.Random) -> Iterator[tuple[str, str, Entity, str, datetime]]:
    """Yield what happened with one client: kind, id, thing, event (empty: it only is so), time."""
    owner, phone = Reference("client", str(number)), f"+7391{number:07d}"
    points = (ContactPoint(type="phone", value=phone), ContactPoint(type="email", value=f"a{number}@x.ru"))
    who = Client(name=f"Школа № {number}", status="client", manager=f"m{number // OF_MANAGER}", points=points)
    yield "client", str(number), who, "", NOW
    yield "contact", str(number), Contact(name="Петрова Анна", client=owner, points=points), "", NOW
    fee, start = Money(Decimal(7000 + number % 900)), date(2026, 1, 1) + timedelta(days=number % 300)
    yield "contract", str(number), Contract(number=str(number), client=owner, fee=fee, start=start,
                                            end=start + timedelta(days=365)), "signed", _past(pick, 175)  # fmt: skip
    issued = _past(pick, 60).date()
    yield "invoice", str(number), Invoice(number=str(number), client=owner, total=fee, date=issued,
                                          paid=fee if number % 20 else None,
                                          due=issued + timedelta(days=10)), "issued", _past(pick, 60)  # fmt: skip
    for place in range(12):
        moment = _past(pick, 6 if place == 0 and number % 10 else 170)
        call = Call(number=phone, started=moment, talk_seconds=90, direction="outbound")
        yield "call", f"{number}-{place}", call, "connected", moment
    for place in range(2):
        moment = _past(pick, 170)
        yield "call", f"{number}-m{place}", Call(number=phone, started=moment), "missed", moment
        back = moment + timedelta(minutes=5) if number % 500 else moment - timedelta(minutes=5)
        yield "call", f"{number}-b{place}", Call(number=phone, started=back, talk_seconds=60), "connected", back
    for place in range(6):
        moment = _past(pick, 170)
        letter = Message(message_id=f"<{number}-{place}@x>", sent=moment, subject="Отчёт", outside=(f"a{number}@x.ru",))
        yield "message", f"{number}-{place}", letter, "received", moment
    for place in range(2):
        moment = _past(pick, 170)
        is_open = (number + place) % 50 == 0
        ticket = Ticket(number=f"{number}-{place}", subject="Печать", client=owner, specialist="Петров",
                        state="open" if is_open else "closed", priority="important" if number % 3 else "normal",
                        created=moment, last_activity=moment)  # fmt: skip
        for verb, later in (("created", 0), ("assigned", 10), ("status" if is_open else "closed", 60)):
            yield "ticket", f"{number}-{place}", ticket, verb, moment + timedelta(minutes=later)


def _past(pick: random.Random, days: int) -> datetime:
    return NOW - timedelta(minutes=pick.randrange(60, days * 1440))


def _keep(connection: object, said: list[tuple[str, str, Entity, str, datetime]]) -> None:
    """Write current state and events as the hub does, without looking for what is there already."""
    rows: dict[str, dict[str, tuple[object, ...]]] = {}
    entries = []
    for kind, key, entity, verb, moment in said:
        place = entity_id(SOURCE, kind, key)
        number = key.partition("-")[0]
        client = None if kind == "client" else entity_id(SOURCE, "client", number)
        rows.setdefault(kind, {})[place] = state.row(
            entity, key=place, connection=SOURCE, external_id=key, client=client
        )
        name, data = f"{kind}/{key}", msgspec.json.encode(entity).decode()
        type_ = f"{kind}.{verb or 'observed'}"
        entries.append((Entry(f"{name}/{verb}" if verb else name, type_, name, instant_text(moment), data, ""), 1))
    for kind, made in rows.items():
        bulk.insert(connection, STATE[kind], state.COLUMNS[kind], list(made.values()))
    log.append(connection, SOURCE, entries, instant_text(NOW))


def add(store: Store, count: int = NEW) -> None:
    """Let so many new events come, of as many clients, through the way of every source."""
    sources = Sources([SOURCE])
    with store.write() as connection:
        for number in range(count):
            key, moment = f"{number * 7}-n", NOW + timedelta(minutes=5)
            call = Call(number=f"+7391{number * 7:07d}", started=moment)
            event = Event("call.missed", Reference("call", key), call, moment)
            ingest(connection, SOURCE, [fact_of(event, "")], sources, NOW)
