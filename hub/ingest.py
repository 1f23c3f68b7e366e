"""Store what a batch means: events with their versions, parties bound, current state shown; all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection

from hub import identity, projection
from hub.normalise import Fact, decode
from hub.projection import Sources
from hub.store import log
from hub.store.types import instant_text


class Ingested(Struct, frozen=True):
    """The facts that were news, with the sequence numbers of their events."""

    facts: tuple[Fact, ...]
    numbers: tuple[int, ...]


def ingest(connection: Connection, source: str, facts: Sequence[Fact], sources: Sources, now: datetime) -> Ingested:
    """Append those facts that say something new and bring identity and state up to date with them."""
    newest = {fact.entry.id: fact for fact in facts}  # within one batch the last word counts
    if not newest:
        return Ingested((), ())
    before = log.latest(connection, source, newest)
    news: list[tuple[Fact, int]] = []
    for key, fact in newest.items():
        last = before.get(key)
        if last is None:
            if fact.entity is not None:
                news.append((fact, 1))
        elif (last.type, last.data, _text(last.time)) != (fact.entry.type, fact.entry.data, fact.entry.time):
            if fact.entity is None and last.data == "null":
                continue
            news.append((fact, last.version + 1))
    numbers = log.append(connection, source, [(fact.entry, version) for fact, version in news], instant_text(now))
    changed = tuple(fact for fact, _ in news)
    known = {fact.entry.subject for fact in changed if fact.entry.id in before}
    found = projection.parties_of(changed, known)
    old_keys: dict[tuple[str, str], set[str]] = {}
    for party in found:
        last = before.get(f"{party.kind}/{party.external_id}")
        said = decode(party.kind, last.data) if last else None
        if said is not None:
            old_keys[party.kind, party.external_id] = set(said.keys())
    bound = identity.bind(connection, source, found, old_keys, now)
    projection.project(connection, source, changed, bound, sources, fresh=not before)
    return Ingested(changed, tuple(numbers))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else instant_text(moment)
