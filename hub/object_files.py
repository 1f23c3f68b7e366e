"""What clients send by mail lies in the folder of the object it is for (S004-13).

A letter is for the object whose name stands in its subject, else for the only open object of its client. A letter that
leaves a choice goes nowhere: a person says `hub project file KEY FILE`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from hub.config import Config
from hub.entries.sites import folder_of, keep_content
from hub.letter_files import without_logos
from hub.model.entities import Attachment
from hub.model.errors import Unavailable
from hub.paperwork.returns import Held
from hub.store import log, state
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta
from hub.store.parties import entity_id
from hub.store.tables import STATE, event

BEFORE = timedelta(days=14)
"""So long before its object was entered a letter may have come: the client writes, then the object is made."""
_LOOKED = "objects/letters"
_RECEIVED = "message.received"
_PAGE = 200
_MESSAGE, _PROJECT = STATE["message"], STATE["project"]
Get = Callable[[Held], bytes]


def keep_new(store: Store, config: Config, get: Get, *, now: datetime, patience: timedelta = timedelta(0)
             ) -> list[Path]:  # fmt: skip
    """Look once at each letter that came since the last look; keep the files of those that are for an open object.

    Letters younger than `patience` wait for the next time, because another process may still be storing an older one.
    Writes nothing when nothing came, and does nothing in a firm without objects.
    """
    kept: list[Path] = []
    while True:
        with store.read() as connection:
            begun = _entered(connection, _open_objects(connection))
            if not begun:
                return kept
            after = int(get_meta(connection, _LOOKED) or _first(connection, min(begun.values()) - BEFORE))
            page = log.read_log(connection, after=after, limit=_PAGE, type_=_RECEIVED)
        settled = [row for row in page if row.recorded_at <= now - patience]
        for row in settled:
            with store.read() as connection:
                letter = _letter(connection, entity_id(row.source, "message", row.subject.partition("/")[2]))
                site = _object_of(connection, letter) if letter else None
            if letter and site:
                kept += _keep(store, config, get, letter, row.record_id, site)
        if settled:
            with store.write() as connection:
                set_meta(connection, _LOOKED, str(settled[-1].seq))
        if len(settled) < _PAGE:
            return kept


def keep_for(store: Store, config: Config, get: Get, site: dict[str, Any], since: datetime | None = None
             ) -> list[Path]:  # fmt: skip
    """Keep the files of all letters that are for this object; return where they lie.

    `since` takes every letter of the client from then on, whatever else is open.
    """
    with store.read() as connection:
        entered = _entered(connection, [site]).get(site["id"])
        begun = since or (entered - BEFORE if entered else store.now(connection))
        letters = state.read(connection, "message", ~_MESSAGE.c.deleted, _MESSAGE.c.client_id == site["client_id"],
                             _MESSAGE.c.direction == "inbound", _MESSAGE.c.sent >= begun, order="sent")  # fmt: skip
        chosen = [it for it in letters if since or (_object_of(connection, it) or {}).get("id") == site["id"]]
        records = [_record(connection, it) for it in chosen]
    return [path for letter, record in zip(chosen, records, strict=True)
            for path in _keep(store, config, get, letter, record, site)]  # fmt: skip


def _open_objects(connection: Connection, client: str = "") -> list[dict[str, Any]]:
    whose = [_PROJECT.c.client_id == client] if client else []
    return state.read(connection, "project", ~_PROJECT.c.deleted, _PROJECT.c.state.in_(("prospect", "work")), *whose)


def _entered(connection: Connection, sites: Sequence[dict[str, Any]]) -> dict[str, datetime]:
    """Return when each object was entered."""
    found = {}
    for site in sites:
        query = select(func.min(event.c.recorded_at)).where(
            event.c.source == site["connection"], event.c.subject == f"project/{site['external_id']}"
        )
        if moment := connection.execute(query).scalar():
            found[str(site["id"])] = moment
    return found


def _first(connection: Connection, since: datetime) -> int:
    """Return the event before the first letter that was recorded since then."""
    query = select(func.min(event.c.seq)).where(event.c.type == _RECEIVED, event.c.recorded_at >= since)
    return (connection.execute(query).scalar() or 1) - 1


def _letter(connection: Connection, key: str) -> dict[str, Any] | None:
    """Return a letter of a client that brings files and was written by a person."""
    rows = state.read(connection, "message", _MESSAGE.c.id == key, ~_MESSAGE.c.deleted)
    fits = rows and rows[0]["client_id"] and rows[0]["attachments"] and rows[0]["direction"] == "inbound"
    return rows[0] if fits and not rows[0]["is_automatic"] and not rows[0]["is_bounce"] else None


def _object_of(connection: Connection, letter: dict[str, Any]) -> dict[str, Any] | None:
    """Return the object that a letter is for: named in its subject, else the only open one of its client."""
    sites = _open_objects(connection, str(letter["client_id"]))
    subject = str(letter["subject"] or "").casefold()
    named = [it for it in sites if it["name"] and str(it["name"]).casefold() in subject]
    if not named:
        begun = _entered(connection, sites)
        sent = letter["sent"]
        named = [it for it in sites if sent and it["id"] in begun and sent >= begun[it["id"]] - BEFORE]
    return named[0] if len(named) == 1 else None


def _record(connection: Connection, letter: dict[str, Any]) -> str:
    query = select(event.c.record_id).where(
        event.c.source == letter["connection"], event.c.subject == f"message/{letter['external_id']}",
        event.c.type == _RECEIVED,
    )  # fmt: skip
    return str(connection.execute(query.limit(1)).scalar() or "")


def _keep(store: Store, config: Config, get: Get, letter: dict[str, Any], record_id: str, site: dict[str, Any]
          ) -> list[Path]:  # fmt: skip
    files = msgspec.convert(letter["attachments"], tuple[Attachment, ...])
    with store.read() as connection:
        wanted = [it for it in without_logos(connection, files) if it.blob]
    kept = []
    for file in wanted:
        try:
            content = get(Held(file.blob, letter["connection"], letter["folder"], record_id))
        except KeyError:  # erased, or kept out of the store by its size
            continue
        try:
            kept.append(keep_content(folder_of(config, site), file.name, content))
        except OSError as error:
            raise Unavailable(
                f"the folder of the object {site['name']} cannot be written: {error.strerror}.",
                hint="Look at entering: objects, and whether the hub may write there.",
            ) from error
    return kept
