"""From raw records to events: call the plugin's pure function, guard it, and encode what it says.

Everything a plugin can do wrong here parks one record and touches nothing else.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import get_args, get_origin

import msgspec
from msgspec import Struct

from hub.model.connector import Reads, Record
from hub.model.entities import ENTITIES, Entity, Reference, field_types
from hub.model.errors import BadRecord
from hub.model.events import DELETED, Event
from hub.model.values import Money
from hub.redaction import redact
from hub.store.log import Entry
from hub.store.types import instant_text

log = logging.getLogger("hub.normalise")


def _amounts_of_rows(entity: type[Entity]) -> list[tuple[str, list[str]]]:
    """Return the fields that hold rows of their own, each with those fields of a row that are money."""
    rows = {it: get_args(hint)[0] for it, hint in field_types(entity).items() if get_origin(hint) is tuple}
    amounts = {
        it: [name for name, hint in field_types(row).items() if "Money" in str(hint)]
        for it, row in rows.items()
        if hasattr(row, "__struct_fields__")
    }
    return [(it, names) for it, names in amounts.items() if names]


_encoder = msgspec.json.Encoder()
_MAX_ID = 1000
_MAX_ID_BYTES = 2000
"""An index of PostgreSQL takes no more."""
_MAX_WORD = 600
"""An index of PostgreSQL takes no more than 2704 bytes."""
_MAX_DIGITS = 20
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_DECODERS = {kind: msgspec.json.Decoder(entity) for kind, entity in ENTITIES.items()}
_HINTS = {kind: {name: str(hint) for name, hint in field_types(entity).items()} for kind, entity in ENTITIES.items()}
_MOMENTS = {kind: [it for it, hint in hints.items() if "datetime.datetime" in hint] for kind, hints in _HINTS.items()}
_AMOUNTS = {kind: [it for it, hint in hints.items() if "Money" in hint] for kind, hints in _HINTS.items()}
_WORDS: dict[str, tuple[str, ...]] = {"client": ("type", "manager"), "call": ("number",)}
"""Fields that are compared or indexed: a word or a number and no free text."""
_COUNTS = {
    kind: [it for it, hint in hints.items() if hint in ("<class 'int'>", "int | None")]
    for kind, hints in _HINTS.items()
}
_ROWS = {kind: _amounts_of_rows(entity) for kind, entity in ENTITIES.items()}


class Fact(Struct, frozen=True):
    """One event as it will be stored, beside the entity it carries (`None` for a deletion)."""

    entry: Entry
    subject: Reference
    entity: Entity | None


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
        facts = tuple(fact_of(event, record.external_id) for event in connector.normalise(record))
    except BadRecord as error:
        return Mapped((), None, printable(str(error)))
    except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001 the plugin's code: only this record may suffer
        log.warning("%s: normalising %s failed: %s", record.connection, record.stream, type(error).__name__)
        return Mapped((), None, f"the plugin failed: {type(error).__name__}: {printable(str(error))}")
    digest = hashlib.blake2b(digest_size=16)
    for fact in facts:
        entry = fact.entry
        digest.update(f"{entry.id}\0{entry.type}\0{entry.subject}\0{entry.time}\0{entry.data}\1".encode())
    return Mapped(facts, digest.digest())


def is_id(text: object, *, longer: int = 0) -> bool:
    """Tell whether both stores can keep and index the text as an external id, or as one that is a little longer."""
    if not isinstance(text, str) or not 0 < len(text) <= _MAX_ID + longer:
        return False
    try:
        return text.isascii() or len(text.encode()) <= _MAX_ID_BYTES + longer
    except UnicodeEncodeError:
        return False


def printable(text: str) -> str:
    """Return what a plugin says in a form that can be stored and shown: short, no secrets, no control characters."""
    return redact(text[:500].encode(errors="replace").decode())


def fact_of(event: Event, record_id: str) -> Fact:
    """Return an event in the form that both stores take. Raises BadRecord that names what is wrong."""
    subject = event.subject
    kind, external_id = subject.kind, subject.external_id
    if ENTITIES.get(kind) is not type(event.data):
        raise BadRecord(f"an event about a {kind} carries {type(event.data).__name__}.")
    if not is_id(external_id) or "\n" in external_id:
        raise BadRecord(f"the external id of a {kind} is empty, longer than {_MAX_ID} characters or broken.")
    if (event.id and not is_id(event.id, longer=100)) or not is_id(event.type):
        raise BadRecord(f"the id or type of an event about a {kind} is empty, too long or broken.")
    time = time_text(event.time, event.type)
    data, entity = _checked(event, kind)
    if "\0" in external_id:
        subject = Reference(kind, _clean(external_id), subject.connection)
    name = f"{kind}/{subject.external_id}"
    entry = Entry(_clean(event.id) or name, _clean(event.type), name, time, data, record_id)
    return Fact(entry, subject, entity)


def time_text(moment: datetime | None, what: str) -> str | None:
    """Return an instant as it is stored. Raises BadRecord for one without a zone or outside of the calendar."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise BadRecord(f"the time of {what} has no zone.")
    try:
        return instant_text(moment)
    except OverflowError:
        raise BadRecord(f"the time of {what} lies outside of the calendar.") from None


def _checked(event: Event, kind: str) -> tuple[str, Entity]:
    """Return an entity as JSON and as an object that both stores take. Raises BadRecord that names what is wrong."""
    entity: Entity = event.data
    try:
        data = _encoder.encode(entity).decode()
        if "\\u0000" in data:  # PostgreSQL refuses NUL; both stores get the same
            data = _NUL.sub("\\1\ufffd", data)
            entity = _DECODERS[kind].decode(data)
        else:
            _DECODERS[kind].decode(data)
        for name in _MOMENTS[kind]:
            moment: datetime | None = getattr(entity, name)
            if moment is not None and moment.tzinfo is None:
                raise BadRecord(f"{name} of {event.type} has no zone.")
            _ = moment and instant_text(moment)
    except UnicodeEncodeError:
        raise BadRecord(f"{event.type} holds a broken Unicode character.") from None
    except msgspec.ValidationError as error:
        raise BadRecord(f"{event.type} holds a value of a wrong type: {error}") from None
    except OverflowError:
        raise BadRecord(f"{event.type} holds a time outside of the calendar.") from None
    _refuse_long(entity, event.type)
    _refuse_figures(entity, event.type)
    return data, entity


def _refuse_figures(entity: Entity, type_: str) -> None:
    for name in _COUNTS[entity.kind]:
        if not -(2**63) <= (getattr(entity, name) or 0) < 2**63:
            raise BadRecord(f"{name} of {type_} is too large.")
    for name in _AMOUNTS[entity.kind]:
        _refuse_amount(getattr(entity, name), name, type_)
    for field, names in _ROWS[entity.kind]:
        for row in getattr(entity, field):
            for name in names:
                _refuse_amount(getattr(row, name), name, type_)


def _refuse_amount(value: object, name: str, type_: str) -> None:
    if isinstance(value, Money) and not _is_sane(value.amount):
        raise BadRecord(f"{name} of {type_} is no amount of money.")


def _refuse_long(entity: Entity, type_: str) -> None:
    for name in _WORDS.get(entity.kind, ()):
        if len(getattr(entity, name)) > _MAX_WORD:
            raise BadRecord(f"{name} of {type_} is longer than {_MAX_WORD} characters.")


def _is_sane(amount: Decimal) -> bool:
    """Tell whether an amount can be written out and calculated with: `1e999999999` would fill the memory."""
    return amount.is_finite() and abs(amount.adjusted()) <= _MAX_DIGITS and len(amount.as_tuple().digits) <= 40


def _clean(text: str) -> str:
    return text.replace("\0", "\ufffd")


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
