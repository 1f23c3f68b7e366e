"""Signed copies that come back: attached by a person, or recognised among the files of letters.

A scan is recognised by the small code that documents carry which are to be signed; else by the number in the subject or
the name of the file, when the letter is from the client and exactly one of its documents fits; else by a rule of the
configuration for such letters, when exactly one document of the client is out that may come back this way.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from hub.config import Config
from hub.documents import codes
from hub.documents.own import forms_of
from hub.letter_rules import LetterRule
from hub.letters import Letter, first_fit, letter_rules_and_mistake, with_clients, world_of
from hub.model.entities import Attachment, Message
from hub.model.errors import HubError
from hub.paperwork.life import NEXT, move, waiting_for_signature
from hub.paperwork.sheet import MARK, keep_file, mark_of
from hub.store import documents as rows
from hub.store import log, state
from hub.store.database import Store
from hub.store.documents import DocumentRow
from hub.store.meta import get_meta, set_meta
from hub.store.parties import entity_id
from hub.store.problems import note

ENDINGS = ("pdf", *codes.PICTURES)
_LOOKED = "documents/scans"
_PAGE = 200
_SKEW = timedelta(days=1)
"""Clocks of senders may be wrong by so much."""
_PICTURE_BYTES = 50 * 1024
"""A picture below this is a logo or a signature of a letter and no page, as far as a rule may say."""


class Returned(Struct, frozen=True):
    """A scan and the document it belongs to; `rule` is the rule about letters that said so, if one did."""

    document: int
    number: str
    name: str
    by_code: bool
    rule: str = ""


class Held(Struct, frozen=True):
    """Where the content of a file lies: under its digest among the blobs, or within the letter it came with."""

    digest: str
    connection: str
    folder: str
    record_id: str


def attach(
    store: Store, config: Config, key: int, name: str, content: bytes, *, by: str, now: datetime, detail: str = ""
) -> DocumentRow:
    """Keep a scan with a document and note that it came back; the same scan twice is kept once.

    Raises HubError for a file that is no scan, and for a document that is not out.
    """
    ending = name.rpartition(".")[2].lower()
    if ending not in ENDINGS or not content or len(content) > codes.MOST_BYTES:
        raise HubError(f"{name} is no scan.", hint=f"A scan is a file of at most 50 MB: {', '.join(ENDINGS)}.")
    digest = hashlib.sha256(content).hexdigest()
    with store.read() as connection:
        found = rows.get(connection, key)
        files = rows.files(connection, key)
    if found.state in ("draft", "approved", "numbered", "cancelled"):
        raise HubError(f"the document {key} is {found.state}; nothing of it can have come back.")
    if any(file.sha256 == digest for file in files):
        return found
    kept = keep_file(config, f"{found.kind}-{found.id}-scan-{digest[:12]}.{ending}", f"scan-{digest[:12]}", content)
    with store.write() as connection:
        rows.save_files(connection, key, [kept])
        note(connection, who=by, what="document.scan", about=f"document/{key}", detail=detail or kept.name, now=now)
        if "returned" in NEXT[rows.get(connection, key).state]:
            move(connection, config, key, "returned", by=by, now=now, detail=kept.name)
    with store.read() as connection:
        return rows.get(connection, key)


def recognise(connection: Connection, text: str) -> DocumentRow | None:
    """Return the document whose mark the text of a code is; a mark of another store or version is none."""
    found = MARK.fullmatch(text.strip())
    for row in rows.some(connection, [int(found[1])]) if found else ():
        if row.state not in ("draft", "approved") and mark_of(row) == text.strip():
            return row
    return None


def collect(
    store: Store, config: Config, get: Callable[[Held], bytes], *, by: str, now: datetime,
    patience: timedelta = timedelta(0),
) -> list[Returned]:  # fmt: skip
    """Look at the files of letters that came since the last look; attach the scans among them.

    `get` gives the bytes of a file and raises KeyError. Letters are looked at in the order of the log, each once; those
    younger than `patience` next time, because another process may still be storing one with a lower number. Files that
    came before any document was out are not opened. Writes nothing when nothing came.
    """
    done: list[Returned] = []
    while True:
        with store.read() as connection:
            after = int(get_meta(connection, _LOOKED) or 0)
            newest = log.newest(connection)
            page = log.read_log(connection, after=after, limit=_PAGE, type_="message.received")
            out = [row.issued_at or row.created_at for row in rows.listed(connection) if "returned" in NEXT[row.state]]
        settled = [event for event in page if event.recorded_at <= now - patience]
        for event in settled:
            if not out or (event.time or event.recorded_at) < min(out) - _SKEW:
                continue
            done += _of_letter(store, config, event, get, by, now)
        is_end = len(settled) == len(page) < _PAGE
        reached = settled[-1].seq if settled else after
        if is_end and newest and newest[1] <= now - patience:
            reached = max(reached, newest[0])
        if reached > after:
            with store.write() as connection:
                set_meta(connection, _LOOKED, str(reached))
        if len(settled) < _PAGE:
            return done


def _of_letter(
    store: Store, config: Config, event: Any, get: Callable[[Held], bytes], by: str, now: datetime
) -> Iterator[Returned]:
    message = msgspec.json.decode(event.data or "null", type=Message | None)
    if message is None:
        return
    key = entity_id(event.source, "message", event.subject.partition("/")[2])
    for file in message.attachments:
        held = Held(file.blob, event.source, message.folder, event.record_id)
        found = _look(store, config, key, message, file, partial(get, held))
        if found is None:
            continue
        row, content, by_code = found
        rule = None if by_code or row else _rule_for(store, config, event, message)
        if rule is not None and (file.name.lower().endswith(".pdf") or file.size_bytes >= _PICTURE_BYTES):
            row = _only_one(store, config, key, rule)
        if row is not None:
            attach(store, config, row.id, file.name, content, by=by, now=now, detail=f"letter {event.id}"[:200])
            yield Returned(row.id, row.number, file.name, by_code, rule.id if rule else "")


def _rule_for(store: Store, config: Config, event: Any, message: Message) -> LetterRule | None:
    """Return the rule by which the files of a letter are documents that come back, if that is the first that fits."""
    rules, _ = letter_rules_and_mistake(config)
    if not any(it.settings.make == "return" for it in rules):
        return None
    letter = Letter(event.source, event.subject.partition("/")[2], message, message.sent or event.recorded_at)
    with store.read() as connection:
        letters = with_clients(connection, [letter])
    found = first_fit(rules, letters[0], world_of(config))
    return found.settings if found and found.settings.make == "return" else None


def _only_one(store: Store, config: Config, key: str, rule: LetterRule) -> DocumentRow | None:
    """Return the one document of the client that is out and may come back by this rule; `None` for none or several."""
    kinds = [kind for kind, form in forms_of(config).items() if form.needs_signature and kind in (rule.kinds or [kind])]
    with store.read() as connection:
        client = state.clients_of(connection, "message", [key]).get(key)
        theirs = waiting_for_signature(rows.listed(connection, client), kinds) if client else []
    return theirs[0] if len(theirs) == 1 else None


def _look(
    store: Store, config: Config, key: str, message: Message, file: Attachment, get: Callable[[], bytes]
) -> tuple[DocumentRow | None, bytes, bool] | None:
    """Return the document a scan is of, its bytes, and whether its code says so; nothing for what is no scan."""
    ending = file.name.rpartition(".")[2].lower()
    if ending not in ENDINGS or not file.blob or file.size_bytes > codes.MOST_BYTES:
        return None
    if file.is_inline and file.size_bytes < _PICTURE_BYTES:  # the logo of a signature
        return None
    kinds = [kind for kind, form in forms_of(config).items() if form.needs_signature]
    with store.read() as connection:
        client = state.clients_of(connection, "message", [key]).get(key)
        theirs = waiting_for_signature(rows.listed(connection, client), kinds) if client else []
    named = [row for row in theirs if row.number and _names(f"{message.subject}\n{file.name}", row.number)]
    try:
        content = get()
    except KeyError:
        return None
    for text in codes.codes_in(content, ending):
        with store.read() as connection:
            row = recognise(connection, text)
        if row is not None and "returned" in NEXT[row.state]:
            return row, content, True
    return named[0] if len(named) == 1 else None, content, False


def _names(text: str, number: str) -> bool:
    return re.search(rf"(?:№|N|No\.?|#)\s*{re.escape(number)}(?![\w/-])", text, re.IGNORECASE) is not None
