"""Store what a batch means, in the caller's transaction: events with versions, parties bound, current state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from hub import identity, projection, requisites
from hub.model.entities import ENTITIES, Reference
from hub.model.errors import BadRecord
from hub.model.events import Event
from hub.normalise import Fact, decode, fact_of, time_text
from hub.projection import Sources
from hub.store import log, parties
from hub.store.documents import EVENTS_SOURCE
from hub.store.log import Entry
from hub.store.types import instant_text


class Ingested(Struct, frozen=True):
    """The facts that were news, with the sequence numbers of their events."""

    facts: tuple[Fact, ...]
    numbers: tuple[int, ...]


def ingest(
    connection: Connection, source: str, facts: Sequence[Fact], sources: Sources, now: datetime, *, is_news: bool = True
) -> Ingested:
    """Append those facts that say something new and bring identity and state up to date with them.

    `is_news` says that they come from a source now; of what an older log tells nobody is asked whether it is true.
    """
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
            old_keys[party.kind, party.external_id] = set(identity.keys_of(said))
        elif last is not None:  # it was gone
            old_keys[party.kind, party.external_id] = parties.claims_of(
                connection, source, party.kind, party.external_id
            )
    bound = identity.bind(connection, source, found, old_keys, now)
    projection.project(connection, source, changed, bound, sources, fresh=not before)
    if is_news:
        requisites.watch(connection, source, changed, before, found, old_keys, bound, now)
    return Ingested(changed, tuple(numbers))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else instant_text(moment)


DECISIONS = frozenset({"client.merged", "client.split"})
"""What people decided about identity: kept in the log as it is."""


def _is_kept(source: str, type_: str) -> bool:
    """Tell whether an event is about no thing of a source: a decision, or the life of a document made here."""
    return (source == projection.OPERATOR and type_ in DECISIONS) or (
        source == EVENTS_SOURCE and type_.startswith("document.")
    )


class _Imported(Struct, rename={"spec": "specversion"}):
    id: str
    source: str
    type: str
    subject: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    time: datetime | None = None
    spec: str = "1.0"
    version: int = 1


MAX_LINE = 10 * 1024 * 1024
_SOURCE = re.compile(r"[\w.-]{1,200}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def import_events(connection: Connection, lines: Iterable[bytes], sources: Sources, now: datetime) -> int:
    """Add events from CloudEvents JSON lines; return how many were new.

    Raises BadRecord naming the line for anything that is no event, and for a known id with other content.
    """
    groups: dict[tuple[int, str], list[Fact]] = {}
    said: dict[tuple[str, str, int], Entry] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            source, version, fact = _imported(line, now)
            twin = said.setdefault((source, fact.entry.id, version), fact.entry)
            if twin != fact.entry:
                raise BadRecord(f"the event {source}/{fact.entry.id} stands twice with other content.")
        except (BadRecord, msgspec.MsgspecError) as error:
            raise BadRecord(f"line {number}: {str(error).rstrip('.')}.") from error
        except (UnicodeDecodeError, RecursionError) as error:
            raise BadRecord(f"line {number}: it is not UTF-8 or nested too deeply.") from error
        if twin is fact.entry:
            groups.setdefault((version, source), []).append(fact)
    return sum(  # version after version, as they were recorded
        _import_group(connection, source, version, groups[version, source], sources, now)
        for version, source in sorted(groups)
    )


def _imported(line: bytes, now: datetime) -> tuple[str, int, Fact]:
    if len(line) > MAX_LINE:
        raise BadRecord(f"longer than {MAX_LINE} bytes.")
    item = msgspec.json.decode(line, type=_Imported)
    kind, _, external_id = item.subject.partition("/")
    is_kept = _is_kept(item.source, item.type)
    if (kind not in ENTITIES and not is_kept) or not external_id:
        raise BadRecord(f"the subject {item.subject[:80]!r} is not kind/id with a known kind.")
    if not item.id or any(_CONTROL.search(text) for text in (item.id, item.type, item.subject)):
        raise BadRecord("id, type and subject must not be empty or hold control characters.")
    if not _SOURCE.fullmatch(item.source):
        raise BadRecord("the source is the name of a connection: letters, digits, - and _.")
    if not item.type.startswith(f"{kind}."):
        raise BadRecord(f"the type of an event about a {kind} begins with {kind}.")
    if not 1 <= item.version < 2**31:
        raise BadRecord("the version must be a number from 1.")
    time = time_text(item.time, item.type)
    if item.time is not None and item.time > now + timedelta(days=1) and not item.type.endswith(".observed"):
        raise BadRecord("the time lies in the future.")
    content = bytes(item.data)
    if is_kept:
        data = msgspec.json.encode(msgspec.json.decode(content, type=dict[str, str])).decode()
        entry = Entry(item.id, item.type, item.subject, time, data, "")
        return item.source, item.version, Fact(entry, Reference(kind, external_id), None)
    subject = Reference(kind, external_id)
    if content == b"null":
        entry = Entry(item.id, item.type, item.subject, time, "null", "")
        return item.source, item.version, Fact(entry, subject, None)
    entity = msgspec.json.decode(content, type=ENTITIES[kind])
    return item.source, item.version, fact_of(Event(item.type, subject, entity, item.time, item.id), "")


def _import_group(
    connection: Connection, source: str, version: int, facts: list[Fact], sources: Sources, now: datetime
) -> int:
    ids = [fact.entry.id for fact in facts]
    stored = log.of_version(connection, source, version, ids)
    newest = log.latest(connection, source, ids)
    fresh = []
    for fact in facts:
        entry = fact.entry
        if entry.id in stored:
            if stored[entry.id] != (entry.type, entry.subject, entry.data):
                raise BadRecord(f"the event {source}/{entry.id} is known with other content.")
        elif version != (newest[entry.id].version if entry.id in newest else 0) + 1:
            raise BadRecord(f"version {version} of the event {source}/{entry.id} comes without the one before.")
        else:
            fresh.append(fact)
    kept = [fact for fact in fresh if fact.entity is None and _is_kept(source, fact.entry.type)]
    log.append(connection, source, [(fact.entry, version) for fact in kept], instant_text(now))
    others = [fact for fact in fresh if fact not in kept]
    return len(ingest(connection, source, others, sources, now, is_news=False).facts) + len(kept)
