"""Files that come by mail, saved into folders: statements, price lists and whatever a program of ours reads from one.

Where it stands is kept in the store, and what it saves has a name that follows from its content. So it may be stopped
anywhere and done again: nothing is lost, and nothing lies there twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from hub.config import Config, SavedAttachments
from hub.files import write_file
from hub.mail import Carries, MailFile, is_ours
from hub.model.connector import Blobs, Record
from hub.model.entities import Message
from hub.model.errors import BadRecord, Unavailable
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta
from hub.store.problems import close_problem, open_problem
from hub.store.streams import payload_of
from hub.store.tables import event, event_data

log = logging.getLogger("hub.attachments")

CHUNK = 200
MOST_NAME = 200


class Place(Struct, frozen=True):
    """How far the mail of a connection was looked through, and for which wishes."""

    seq: int = 0
    wishes: str = ""


class Found(Struct, frozen=True):
    """A letter with a file that somebody wants: its event, its record, and what it is."""

    seq: int
    record_id: str
    message: Message


def save_attachments(store: Store, config: Config, name: str, connector: object, blobs: Blobs) -> int:
    """Save what came by mail since the last time into the folders that want it; return how many files were new.

    A folder that cannot be written stops it there, opens a problem, and the next run goes on. Other trouble is raised.
    """
    wishes = [it for it in config.model.attachments if it.connection == name]
    if not wishes or not isinstance(connector, Carries):
        return 0
    meta, problem = f"attachments/{name}", f"attachments/{name}"
    mark = repr([(it.sender, it.name, it.folder) for it in wishes])
    with store.read() as connection:
        place = _place(get_meta(connection, meta), mark)
    saved = 0
    try:
        while True:
            with store.read() as connection:
                last, letters = _letters(connection, name, place.seq, wishes)
                records = [_record(connection, name, letter) for letter in letters]
            if last == place.seq:
                break
            for letter, record in zip(letters, records, strict=True):
                if record is not None:
                    saved += _save(config, _files(connector, record), blobs, _wanted(letter.message, wishes))
            place = Place(last, mark)
            with store.write() as connection:
                set_meta(connection, meta, msgspec.json.encode(place).decode())
    except Unavailable as error:
        with store.write() as connection:
            title = f"files that came by mail ({name}) are not saved: {Exception.__str__(error)}"
            open_problem(connection, problem, scope=name, title=title, hint=error.hint, now=store.now(connection))
    else:
        if saved or place.seq:
            with store.write() as connection:
                close_problem(connection, problem, store.now(connection))
    if saved:
        log.info("%s: %d files that came by mail were saved", name, saved)
    return saved


def _place(text: str, mark: str) -> Place:
    """Return where to go on; another wish looks through all letters again."""
    try:
        place = msgspec.json.decode(text, type=Place)
    except msgspec.MsgspecError:
        return Place()
    return place if place.wishes == mark else Place()


def _letters(
    connection: Connection, name: str, after: int, wishes: Sequence[SavedAttachments]
) -> tuple[int, list[Found]]:
    """Return up to which event was looked, and the letters among them that bring something wanted."""
    query = (
        select(event.c.seq, event.c.record_id, event_data.c.data)
        .join(event_data, event_data.c.seq == event.c.seq)
        .where(event.c.source == name, event.c.type == "message.received", event.c.seq > after)
        .order_by(event.c.seq)
        .limit(CHUNK)
    )
    last, found = after, []
    for row in connection.execute(query):
        last = row.seq
        if '"attachments"' in row.data:
            letter = Found(row.seq, row.record_id, msgspec.json.decode(row.data, type=Message))
            if any(_wanted(letter.message, wishes)):
                found.append(letter)
    return last, found


def _wanted(message: Message, wishes: Sequence[SavedAttachments]) -> list[SavedAttachments]:
    """Return the wishes for files of a letter of this sender."""
    names = [it.name.casefold() for it in message.attachments]
    return [
        wish
        for wish in wishes
        if is_ours(message.sender, wish.senders) and any(fnmatchcase(it, wish.name.casefold()) for it in names)
    ]


def _record(connection: Connection, name: str, letter: Found) -> Record | None:
    payload = payload_of(connection, name, letter.message.folder, letter.record_id)
    if payload is None:
        return None
    return Record(letter.record_id, payload, stream=letter.message.folder, connection=name)


def _save(config: Config, files: Sequence[MailFile], blobs: Blobs, wishes: Sequence[SavedAttachments]) -> int:
    saved = 0
    for wish in wishes:
        folder = config.resolve(wish.folder)
        for file in files:
            if not fnmatchcase(file.name.casefold(), wish.name.casefold()) or not file.digest:
                continue
            path = folder / saved_name(file.name, file.digest)
            if not path.exists():
                _write(path, file.content() or _kept(blobs, file.digest))
                saved += 1
    return saved


def _kept(blobs: Blobs, digest: str) -> bytes:
    try:
        return blobs.get(digest)
    except KeyError:
        raise Unavailable(
            f"the content {digest[:12]} of one is gone.",
            hint="Run: hub doctor --deep, and restore the files from a backup.",
        ) from None


def _files(connector: Carries, record: Record) -> Sequence[MailFile]:
    try:
        return connector.files(record)
    except BadRecord as error:  # it was understood when it came
        log.warning("the files of the letter %s cannot be read: %s", record.external_id, error)
        return ()


def _write(path: Path, content: bytes) -> None:
    try:
        write_file(path, content)
    except OSError as error:
        raise Unavailable(
            f"{path.parent} cannot be written: {error.strerror}.",
            hint="Look whether the folder is there and whether the hub may write into it.",
        ) from error


def saved_name(name: str, digest: str) -> str:
    """Return the name of a saved file: as it came, with some digits of its content before the ending."""
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or len(ending) > 10:
        stem, dot, ending = name, "", ""
    short = stem.encode()[:MOST_NAME].decode("utf-8", "ignore").lstrip(".") or "file"
    return f"{short}-{digest[:12]}{dot}{ending}"


def check_attachments(config: Config, name: str, connector: object) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the wishes for files of this connection, each with its fix."""
    for wish in config.model.attachments:
        if wish.connection != name:
            continue
        if not isinstance(connector, Carries):
            yield f"{name} reads no mail, so no files come with it.", "Correct `connection:` under `attachments:`."
        elif not (folder := config.resolve(wish.folder)).is_dir():
            yield f"the folder {folder} for files that come by mail is not there.", "Make it, or correct `folder:`."
