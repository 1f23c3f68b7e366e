"""What happened or was seen, in CloudEvents words.

Two families: occurrences (`call.missed`) and observations (`client.observed`: what this source says now).
A plugin yields `Event`; the core adds source, version, sequence and time of recording.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from hub.model.entities import Entity, Reference

OBSERVED = "observed"
DELETED = "deleted"


class Event(Struct, frozen=True):
    """One fact, as a plugin says it.

    `type` is `noun.past_verb`; `subject` is what it is about; `time` is when it happened, for an observation when
    the source changed it, `None` if unknown. `data` is the entity of the subject's kind. `id` is unique within the
    connection; left empty it is the subject, so that a later fact about the same subject supersedes the earlier one.
    """

    type: str
    subject: Reference
    data: Entity
    time: datetime | None = None
    id: str = ""

    def key(self) -> str:
        """Return the id under which the fact is stored."""
        return self.id or f"{self.subject.kind}/{self.subject.external_id}"


class Envelope(Struct, frozen=True):
    """A stored event. `version` counts the contents of one `id`; the highest is the one that holds."""

    seq: int
    id: str
    source: str
    version: int
    type: str
    subject: str
    time: datetime | None
    recorded_at: datetime
    data: object
    record_id: str = ""
    correlation_id: str = ""
    causation_id: str = ""
