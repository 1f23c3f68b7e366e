"""Reminders of many clients: all evaluated, one rule changed, a thousand new events, and the list of one manager.

The store is filled directly, as if its events had come over half a year: calls, letters, tickets, contracts and
invoices, some of them still waiting for somebody. A pass is one process of the hub that finds the store as it is.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from bench.measure import Cost, run
from bench.places import Server, server
from bench.report import REMINDERS_BEGIN, REMINDERS_END, Verdict, budget, markdown, write_between
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
from hub.reminders.rules import BUILTIN
from hub.store import bulk, log, parties, state
from hub.store.database import Store
from hub.store.log import Entry
from hub.store.meta import set_meta
from hub.store.parties import entity_id
from hub.store.tables import STATE
from hub.store.types import instant_text

CLIENTS = 5_000
"""A twentieth of what is asked for; the time of `all` and `rule` grows with the number of clients."""
ASKED = 100_000
NEW = 1000
NOW = datetime(2026, 9, 16, 4, 0, tzinfo=UTC)
SOURCE = "base"
OF_MANAGER = 100
CHUNK = 1000
PASSES = {"start": "an empty store", "all": "everything for the first time", "again": "nothing new",
          "rule": "one rule changed", "new": "1,000 new events", "today": "the list of one manager"}  # fmt: skip
LIMITS = {"all": 10.0, "new": 0.5, "today": 0.3}
"""Seconds of CPU that are asked for, of 100,000 clients with three million events, beyond what an empty store takes."""
_CONFIG = """\
zone: Asia/Krasnoyarsk
store: {store}
employees:
  - {{id: h, name: Глава Отдела, role: head}}
"""


@dataclass(frozen=True)
class Figure:
    """What one pass over so many clients took on one kind of database."""

    database: str
    clients: int
    what: str
    cost: Cost


def measure(clients: int = CLIENTS) -> list[Figure]:
    """Fill a store on each kind of database and evaluate it; print each pass."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the server of PostgreSQL may run as another user
        with server(Path(folder) / "server") as postgresql:
            for name in ("sqlite", "postgresql"):
                place = Path(folder) / name
                place.mkdir()
                with _address(name, place, postgresql) as address:
                    for what, cost in _passes(place, address, clients, postgresql if name == "postgresql" else None):
                        found.append(Figure(name, clients, what, cost))
                        print(f"reminders  {name:10} {clients:6} {what:6} {cost.cpu:.2f} s CPU, {cost.wall:.2f} s, "
                              f"{cost.peak_mb:.0f} MB", flush=True)  # fmt: skip
    return found


@contextmanager
def _address(name: str, place: Path, postgresql: Server) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{place / 'hub.db'}"
        return
    with postgresql.database() as address:
        yield address


def _passes(folder: Path, address: str, clients: int, postgresql: Server | None) -> Iterator[tuple[str, Cost]]:
    people = (f"  - {{id: m{number}, name: Менеджер {number}, role: manager, head: h}}\n"
              for number in range(clients // OF_MANAGER + 1))  # fmt: skip
    (folder / "hub.yaml").write_text(_CONFIG.format(store=address) + "".join(people), encoding="utf-8")
    store = Store(address, synchronous="normal")
    store.create()
    count = ("reminder", "list", "--limit", "1")
    _run(folder, -2, *count, server=postgresql)
    yield "start", _least(folder, -1, *count, server=postgresql)
    fill(store, clients)
    yield "all", _run(folder, 0, *count, server=postgresql)
    yield "again", _least(folder, 1, *count, server=postgresql)
    (folder / "rules").mkdir()
    shipped = (BUILTIN / "weekly_call.yaml").read_text(encoding="utf-8")
    (folder / "rules" / "weekly_call.yaml").write_text(shipped.replace("older: 7d", "older: 8d"), encoding="utf-8")
    yield "rule", _run(folder, 2, *count, server=postgresql)
    add(store, min(NEW, clients // 2))
    yield "new", _run(folder, 10, *count, server=postgresql)
    yield "today", _least(folder, 11, "today", "--employee", "m1", server=postgresql)
    store.close()


def _least(folder: Path, minutes: int, *arguments: str, server: Server | None) -> Cost:
    """Return the least of three runs that all find the same; the rest is what else the machine did."""
    return min((_run(folder, minutes, *arguments, server=server) for _ in range(3)), key=lambda cost: cost.cpu)


def _run(folder: Path, minutes: int, *arguments: str, server: Server | None) -> Cost:
    now = (NOW + timedelta(minutes=minutes)).isoformat()
    start = "from hub.cli import main; main()"
    command = [sys.executable, "-c", start, "--config", str(folder / "hub.yaml"), "--now", now, *arguments]
    return run(command, folder=folder, environment=dict(os.environ), server=server.cpu if server else None)


def verdicts(figures: Sequence[Figure]) -> Iterator[Verdict]:
    """Compare with the budget; what grows with the number of clients is reckoned up to that asked for."""
    starts = {it.database: it.cost.cpu for it in figures if it.what == "start"}
    for it in figures:
        if it.what in LIMITS:
            seconds = (it.cost.cpu - starts[it.database]) * (ASKED / it.clients if it.what == "all" else 1)
            words = f"reminders, {it.database}, {PASSES[it.what]}"
            yield Verdict(words, f"{seconds:.1f} s", f"at most {LIMITS[it.what]} s", seconds <= LIMITS[it.what])


def write_section(figures: Sequence[Figure], found: Sequence[Verdict]) -> None:
    """Put the figures between their markers of the page."""
    head = ("database", "clients", "events", "pass", "CPU, s", "wall, s", "peak MB")
    rows = [(it.database, f"{it.clients:,}", f"{it.clients * 30:,}", PASSES[it.what], f"{it.cost.cpu:.2f}",
             f"{it.cost.wall:.2f}", f"{it.cost.peak_mb:.0f}") for it in figures]  # fmt: skip
    write_between(REMINDERS_BEGIN, REMINDERS_END, f"{markdown(head, rows)}\n\n{budget(found)}")


def fill(store: Store, clients: int) -> int:
    """Fill an empty store; return how many events it holds."""
    pick, count = random.Random(1), 0
    for start in range(0, clients, CHUNK):
        said = [it for number in range(start, min(start + CHUNK, clients)) for it in _of_client(number, pick)]
        with store.write() as connection:
            count += len(said)
            _keep(connection, said)
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


def _keep(connection: Connection, said: list[tuple[str, str, Entity, str, datetime]]) -> None:
    """Write current state and events as the hub does, without looking for what is there already."""
    rows: dict[str, dict[str, tuple[object, ...]]] = {}
    entries, references, claims = [], [], []
    for kind, key, entity, verb, moment in said:
        place = entity_id(SOURCE, kind, key)
        if isinstance(entity, (Client, Contact)):
            references.append((SOURCE, kind, key, place, "new"))
            claims += [(f"{it.type}:{it.value}", SOURCE, kind, key) for it in entity.points]
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
    parties.bind(connection, references)
    parties.save_claims(connection, claims, new=True)
    log.append(connection, SOURCE, entries, instant_text(NOW))


def add(store: Store, count: int = NEW) -> None:
    """Let so many new events come, of as many clients, through the way of every source."""
    sources = Sources([SOURCE])
    with store.write() as connection:
        for number in range(count):
            key, moment = f"{number * 2}-n", NOW + timedelta(minutes=5)
            call = Call(number=f"+7391{number * 2:07d}", started=moment)
            event = Event("call.missed", Reference("call", key), call, moment)
            ingest(connection, SOURCE, [fact_of(event, "")], sources, NOW)
