"""Contracts and payments that were entered by hand and that a source brings later: that of the source lives on.

A contract is the same by client, number and day, a payment by contract, sum and day; a contract of another day only
suggests. Whatever was entered about the one speaks of the other from then on. If the source deletes its own, what was
entered comes back, see decision 0016.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection, or_, select

from hub.entries import entered
from hub.entries.acts import hints_of
from hub.ingest import ingest
from hub.model.entities import ENTITIES, Reference, contract_key
from hub.model.events import DELETED, OBSERVED, Event
from hub.normalise import Fact, fact_of
from hub.operator import Suggestion
from hub.projection import OPERATOR, Sources
from hub.store import log, parties, state
from hub.store.database import Store
from hub.store.log import Entry
from hub.store.parties import entity_id
from hub.store.problems import note
from hub.store.tables import STATE
from hub.store.types import instant_text

Row: TypeAlias = Mapping[str, Any]
BY = "hub"


def take_over(store: Store, sources: Sources, now: datetime) -> None:
    """Let what a source has brought take the place of what was entered by hand, and what it deleted give it back.

    A second call finds nothing to do.
    """
    with store.read() as connection:
        if not _deserted(connection) and next(_same(connection, sources), None) is None:
            return
    with store.write() as connection:
        join_same(connection, sources, now)


def join_same(connection: Connection, sources: Sources, now: datetime) -> None:
    """Do so in the open transaction: after a sync, and when two clients have become one."""
    for deserted in _deserted(connection):
        _bring_back(connection, *deserted, sources, now=now)
    while pair := next(_same(connection, sources), None):  # payments stand under contracts that are one now
        join(connection, *pair, sources, by=BY, now=now)


def _same(connection: Connection, sources: Sources) -> Iterator[tuple[str, Row, Row]]:
    """Yield (kind, what was entered, the same as a source has it), contracts first."""
    for own, other in _contracts(connection, sources):
        if own["date"] == other["date"]:
            yield "contract", own, other
    verdicts = parties.verdicts(connection)
    taken = {name for pair, verdict in verdicts.items() if verdict == "same" for name in pair}
    for own, other in _beside(connection, "payment", "contract", sources):
        is_same = (own["date"], own["total"]) == (other["date"], other["total"]) and other["is_posted"]
        if is_same and _name("payment", other) not in taken and _pair("payment", own, other) not in verdicts:
            yield "payment", own, other


def _contracts(connection: Connection, sources: Sources) -> Iterator[tuple[Row, Row]]:
    """Yield each contract that was entered with those of its client that have its number in a source."""
    verdicts = parties.verdicts(connection)
    for own, other in _beside(connection, "contract", "client_id", sources):
        if _number(own) == _number(other) != "" and _pair("contract", own, other) not in verdicts:
            yield own, other


def _beside(connection: Connection, kind: str, field: str, sources: Sources) -> Iterator[tuple[Row, Row]]:
    """Yield what was entered with each thing of a source that has the same in a field, the most believed first."""
    table = STATE[kind]
    is_own = table.c.connection == OPERATOR
    mine = state.read(connection, kind, ~table.c.deleted, is_own, table.c[field].is_not(None))
    if not mine:
        return
    wanted = select(table.c[field]).where(~table.c.deleted, is_own)
    others: dict[str, list[Row]] = defaultdict(list)
    for row in state.read(connection, kind, ~table.c.deleted, ~is_own, table.c[field].in_(wanted)):
        others[row[field]].append(row)
    for own in mine:
        for other in sorted(others[own[field]], key=lambda row: sources.rank(row["connection"])):
            yield own, other


def _number(row: Row) -> str:
    return contract_key(str(row["number"] or ""), date.min)


def _name(kind: str, row: Row) -> str:
    return f"{row['connection']}/{kind}/{row['external_id']}"


def _pair(kind: str, own: Row, other: Row) -> tuple[str, str]:
    left, right = sorted((_name(kind, own), _name(kind, other)))
    return left, right


def part(connection: Connection, kind: str, own: Row, other: Row, *, by: str, now: datetime) -> None:
    """Keep that what was entered is another thing than that of the source."""
    parties.save_verdict(connection, _pair(kind, own, other), "different", reason="a person said so",
                         by=by, now=now)  # fmt: skip


def join(connection: Connection, kind: str, own: Row, other: Row, sources: Sources, *, by: str, now: datetime) -> None:
    """Take back what was entered, and let all that was entered about it speak of that of the source."""
    key = str(own["external_id"])
    name = f"{kind}/{key}"
    old, new = Reference(kind, key, OPERATOR), Reference(kind, other["external_id"], other["connection"])
    gone = Fact(Entry(name, f"{kind}.{DELETED}", name, instant_text(now), "null", ""), Reference(kind, key), None)
    facts = [gone, *_spoken_of(connection, own["id"], old, new, now)]
    ingest(connection, OPERATOR, facts, sources, now)
    parties.save_verdict(connection, _pair(kind, own, other), "same", reason=f"the same {kind}",
                         by=by, now=now)  # fmt: skip
    note(connection, who=by, what=f"{kind}.taken_over", about=name, detail=_name(kind, other), now=now)


def _deserted(connection: Connection) -> list[tuple[str, str, Row]]:
    """Return (kind, key, that of the source) of what was taken back for something that its source has no more.

    Payments come first: they are entered again before what was entered about their contract speaks of another.
    """
    pairs: dict[str, dict[str, str]] = {"payment": {}, "contract": {}}
    for sides, verdict in parties.verdicts(connection).items():
        (here, kind, key), (where, _, its_key) = sorted(
            (side.split("/", 2) for side in sides), key=lambda side: side[0] != OPERATOR
        )
        if verdict == "same" and here == OPERATOR != where and kind in pairs:
            pairs[kind][entity_id(where, kind, its_key)] = key
    found: list[tuple[str, str, Row]] = []
    for kind, key_of in pairs.items():
        table = STATE[kind]
        is_gone = table.c.deleted if kind == "contract" else or_(table.c.deleted, ~table.c.is_posted)
        rows = state.read(connection, kind, is_gone, table.c.id.in_(key_of)) if key_of else []
        found += [(kind, key_of[row["id"]], row) for row in rows]
    return found


def _bring_back(connection: Connection, kind: str, key: str, other: Row, sources: Sources, *, now: datetime) -> None:
    """Enter again what was taken back, and let all that was entered about that of the source speak of it."""
    name = f"{kind}/{key}"
    old, new = Reference(kind, other["external_id"], other["connection"]), Reference(kind, key, OPERATOR)
    last = log.latest(connection, OPERATOR, [name])[name]
    said = last.data
    if said == "null":
        said = log.of_version(connection, OPERATOR, last.version - 1, [name])[name][2]
    again = Event(f"{kind}.{OBSERVED}", Reference(kind, key), msgspec.json.decode(said, type=ENTITIES[kind]), now)
    facts = [fact_of(again, ""), *_spoken_of(connection, other["id"], old, new, now)]
    ingest(connection, OPERATOR, facts, sources, now)
    parties.drop_verdict(connection, (f"{OPERATOR}/{name}", _name(kind, other)))
    note(connection, who=BY, what=f"{kind}.came_back", about=name, detail=_name(kind, other), now=now)


def _spoken_of(connection: Connection, entity: str, old: Reference, new: Reference, now: datetime) -> Iterator[Fact]:
    """Yield all that was entered about a thing as it is when it speaks of another."""
    for about, type_ in ENTITIES.items():
        fields = [field for field, hint in hints_of(type_).items() if hint is Reference and field in STATE[about].c]
        for field in fields:
            table = STATE[about]
            rows = state.read(connection, about, ~table.c.deleted, table.c.connection == OPERATOR,
                              table.c[field] == entity)  # fmt: skip
            for row in rows:
                said = entered(connection, type_, str(row["external_id"]))
                changed = {it: new for it in fields if _means(getattr(said, it), old)}
                subject = Reference(about, str(row["external_id"]))
                event = Event(f"{about}.{OBSERVED}", subject, msgspec.structs.replace(said, **changed), now)
                yield fact_of(event, "")


def _means(said: Reference | None, old: Reference) -> bool:
    return said is not None and (said.kind, said.external_id, said.connection or OPERATOR) == (
        old.kind, old.external_id, old.connection,
    )  # fmt: skip


def suggestions(connection: Connection, sources: Sources) -> list[Suggestion]:
    """Return contracts that were entered and may be one of a source: same client and number, another day."""
    found = []
    for own, other in _contracts(connection, sources):
        pair = hashlib.blake2b(f"{own['id']}{other['id']}".encode(), digest_size=4).hexdigest()
        found.append(Suggestion(pair, own["id"], other["id"], _words(own), _words(other),
                                "same client and number", "contract"))  # fmt: skip
    return found


def _words(row: Row) -> str:
    day = f" of {row['date']:%d.%m.%Y}" if row["date"] else " without a day"
    where = "entered here" if row["connection"] == OPERATOR else f"from {row['connection']}"
    return f"contract № {str(row['number']).lstrip('№ ')}{day}, {where}"
