"""The life of a document: which state may follow which, who moved it, and what the rest of the hub hears of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from hub.config import Config
from hub.documents.own import form_of
from hub.model.errors import HubError
from hub.model.parts import part_of
from hub.store import documents as rows
from hub.store import log, parties, parts
from hub.store.documents import EVENTS_SOURCE, DocumentRow
from hub.store.log import Entry
from hub.store.problems import note
from hub.store.types import instant_text

_OUT = ("sent", "delivered", "signed_ours", "signed_theirs", "returned", "archived", "cancelled")
NEXT: Mapping[str, tuple[str, ...]] = {
    "draft": ("approved", "cancelled"),
    "approved": ("draft", "cancelled"),
    "numbered": ("cancelled",),
    "issued": _OUT,
    "sent": ("delivered", "signed_ours", "signed_theirs", "returned", "archived", "cancelled"),
    "delivered": ("signed_ours", "signed_theirs", "returned", "archived", "cancelled"),
    "signed_ours": ("sent", "delivered", "signed_theirs", "returned", "archived", "cancelled"),
    "signed_theirs": ("signed_ours", "returned", "archived", "cancelled"),
    "returned": ("signed_ours", "archived", "cancelled"),
    "archived": (),
    "cancelled": (),
}
"""Where a person may move a document from each state; issuing alone makes it numbered and issued."""
EVENT_OF = {"returned": "signed_back"}
"""The word of the event where it is not that of the state."""


def move(
    connection: Connection, config: Config, key: int, state: str, *, by: str, now: datetime, detail: str = ""
) -> int | None:
    """Move a document to a state in the caller's transaction; return the sequence number of the event, if there is one.

    Raises HubError that names the states which may follow.
    """
    found = rows.get(connection, key)
    if state not in NEXT[found.state]:
        may = ", ".join(NEXT[found.state]) or "nothing"
        raise HubError(f"the document {key} is {found.state} and cannot become {state}.", hint=f"It may become: {may}.")
    rows.set_state(connection, key, state, (found.state,))
    note(connection, who=by, what=f"document.{state}", about=f"document/{key}", detail=detail, now=now)
    if found.state in ("draft", "approved") and state != "cancelled":
        return None
    return tell(connection, config, [found], state, by=by, now=now)[0]


def tell(
    connection: Connection, config: Config, found: Sequence[DocumentRow], state: str, *, by: str, now: datetime
) -> list[int]:
    """Add the event of a new state to the log, for each of the documents; return the sequence numbers."""
    type_ = f"document.{EVENT_OF.get(state, state)}"
    moment = instant_text(now)
    entries = []
    for each in found:
        said = {
            "kind": each.kind, "number": each.number, "version": str(each.version), "client": each.client or "",
            "needs_signature": "yes" if form_of(config, each.kind).needs_signature else "no", "by": by,
        }  # fmt: skip
        content = msgspec.json.encode(said).decode()
        entries.append(Entry(f"{type_}/{each.id}/{moment}", type_, f"document/{each.id}", moment, content, ""))
    before = log.latest(connection, EVENTS_SOURCE, [entry.id for entry in entries])
    versions = [before[entry.id].version + 1 if entry.id in before else 1 for entry in entries]
    owners = (parties.follow(connection, each.client) if each.client else None for each in found)
    about = zip(found, owners, strict=True)
    parts.touch_parts(connection, [part_of("document", str(each.id), owner) for each, owner in about])
    return log.append(connection, EVENTS_SOURCE, list(zip(entries, versions, strict=True)), moment)


def waiting_for_signature(found: Iterable[DocumentRow], kinds: Collection[str]) -> list[DocumentRow]:
    """Return the documents that went out to be signed and have not come back."""
    return [each for each in found if each.kind in kinds and "returned" in NEXT[each.state]]
