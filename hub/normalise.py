"""From raw records to events: call the plugin's pure function, guard it, and encode what it says.

Everything a plugin can do wrong here parks one record and touches nothing else.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from hub.model.connector import Reads, Record
from hub.model.entities import ENTITIES, Entity, Reference
from hub.model.errors import BadRecord
from hub.model.events import DELETED, OBSERVED, Event
from hub.store.log import Entry
from hub.store.types import instant_text

log = logging.getLogger("hub.normalise")

_encoder = msgspec.json.Encoder()
_MAX_ID = 1000
_UNCLEAN = str.maketrans({"\0": "\ufffd"})


class Fact(Struct, frozen=True):
    """One event as it will be stored, beside the entity it carries (`None` for a deletion)."""

    entry: Entry
    subject: Reference
    entity: Entity | None

    @property
    def is_observation(self) -> bool:
        """Tell whether the event says what is, rather than what happened."""
        return self.entry.type.endswith(OBSERVED)


class Mapped(Struct, frozen=True):
    """What one record means: its facts and their hash, or the problem that parks it."""

    facts: tuple[Fact, ...]
    hash: bytes | None
    problem: str | None = None

    @property
    def subjects(self) -> str:
        """Return the subjects, one a line, as the record row keeps them."""
        return "\n".join(dict.fromkeys(fact.entry.subject for fact in self.facts))


def normalise(connector: Reads, record: Record) -> Mapped:
    """Return what a record means; a record that cannot be understood gives a problem and no facts."""
    try:
        facts = tuple(_fact(event, record) for event in connector.normalise(record))
    except BadRecord as error:
        return Mapped((), None, str(error))
    except Exception as error:  # noqa: BLE001 the plugin's code: only this record may suffer
        log.warning("%s: normalising %s failed: %s", record.connection, record.stream, type(error).__name__)
        return Mapped((), None, f"the plugin failed: {type(error).__name__}: {str(error)[:200]}")
    digest = hashlib.blake2b(digest_size=16)
    for fact in facts:
        entry = fact.entry
        digest.update(f"{entry.id}\0{entry.type}\0{entry.subject}\0{entry.time}\0{entry.data}\1".encode())
    return Mapped(facts, digest.digest())


def _fact(event: Event, record: Record) -> Fact:
    subject = event.subject
    if ENTITIES.get(subject.kind) is not type(event.data):
        raise BadRecord(f"an event about a {subject.kind} carries {type(event.data).__name__}.")
    if not 0 < len(subject.external_id) <= _MAX_ID:
        raise BadRecord(f"the external id of a {subject.kind} is empty or longer than {_MAX_ID} characters.")
    if event.time is not None and event.time.tzinfo is None:
        raise BadRecord(f"the time of {event.type} has no zone.")
    try:
        data = _encoder.encode(event.data).decode()
    except UnicodeEncodeError:
        raise BadRecord(f"{event.type} holds a broken Unicode character.") from None
    if "\\u0000" in data:  # PostgreSQL refuses NUL; both stores get the same
        data = data.replace("\\u0000", "\ufffd")
        event = msgspec.structs.replace(event, data=msgspec.json.decode(data, type=type(event.data)))
    entry = Entry(
        event.key().translate(_UNCLEAN), event.type, f"{subject.kind}/{subject.external_id}".translate(_UNCLEAN),
        None if event.time is None else instant_text(event.time), data, record.external_id,
    )  # fmt: skip
    return Fact(entry, subject, event.data)


def deletions(subjects: Sequence[str], record_id: str, now_text: str) -> tuple[Fact, ...]:
    """Return the facts that these subjects (`kind/id`) are gone at their source."""
    facts = []
    for subject in subjects:
        kind, _, external_id = subject.partition("/")
        entry = Entry(subject, f"{kind}.{DELETED}", subject, now_text, "null", record_id)
        facts.append(Fact(entry, Reference(kind, external_id), None))
    return tuple(facts)


def decode(kind: str, data: str) -> Entity | None:
    """Return the entity of a stored event, `None` for a deletion."""
    return None if data == "null" else msgspec.json.decode(data, type=ENTITIES[kind])
