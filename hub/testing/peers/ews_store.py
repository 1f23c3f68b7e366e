"""The mailboxes behind the EWS stand-in: folders, items and what changed since a sync state was given out."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import compat32
from itertools import count
from typing import Any

from msgspec import Struct

_numbers = count(1)
SIZE_OVERHEAD = 700
"""A mailbox counts more for an item than its MIME form has bytes."""


def new_id(kind: str) -> str:
    """Return an id as long, opaque and case-sensitive as those of Exchange."""
    digest = hashlib.sha512(f"{kind}{next(_numbers)}".encode()).digest()
    return f"AAMk{base64.b64encode(digest).decode().rstrip('=')}="


class Folder(Struct):
    """One folder; `use` is its distinguished name, if it has one."""

    id: str
    name: str
    parent: str
    use: str = ""


class File(Struct):
    """One attachment as the server lists it; `repeat` makes a large content out of a small one."""

    id: str
    name: str
    content_type: str
    content: bytes
    repeat: int = 1


class Meeting(Struct):
    """What makes an item of a calendar."""

    title: str
    start: datetime
    end: datetime
    organiser: str
    invited: tuple[str, ...] = ()
    place: str = ""
    is_cancelled: bool = False
    sensitivity: str = "Normal"


class Item(Struct):
    """One item. `created`, `changed` and `flagged` are numbers of the changes in its mailbox."""

    id: str
    folder: str
    raw: bytes
    received: datetime
    tag: str = "Message"
    item_class: str = "IPM.Note"
    key: int = 1
    created: int = 0
    changed: int = 0
    flagged: int = 0
    is_read: bool = False
    size: int = 0
    fault: str = ""
    """Response code given instead of the MIME content, such as `ErrorMimeContentConversionFailed`."""
    files: list[File] = []
    meeting: Meeting | None = None
    search_key: str = ""
    """The mark that copies and moved items share."""
    verb: int = 0
    """What was last done with a letter: 102 replied, 103 replied to all, 104 forwarded."""
    properties: dict[str, str] = {}
    task: dict[str, str] = {}
    """What makes a task: `Subject`, `Body`, `DueDate`, `Status` and others by their names, as they were given."""
    is_internal: bool = False
    """The server kept no headers of it, as of mail inside the organisation."""
    is_lost: bool = False
    """With `fault`: not even its properties can be had."""

    @property
    def message_id(self) -> str:
        """Return the Internet Message-ID with its brackets."""
        return self.header("Message-ID")

    def header(self, name: str) -> str:
        """Return a header of the MIME content."""
        return str(BytesParser(policy=compat32).parsebytes(self.raw, headersonly=True).get(name, "")).strip()


class BadState(Exception):
    """A sync state that this folder never gave out, or no longer knows."""


class Mailbox:
    """One mailbox with the usual folders; `delegates` may open it beside its owner."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.delegates: set[str] = set()
        self.folders: dict[str, Folder] = {}
        self.items: dict[str, Item] = {}
        self.generation = 1
        """Goes up when the server forgets the states it gave out, as after a restored database."""
        self._gone: list[tuple[int, str, str, int]] = []
        self._last = 0
        root = self.make("Top of Information Store", "", "msgfolderroot")
        for name, use in (("Входящие", "inbox"), ("Отправленные", "sentitems"), ("Исходящие", "outbox"),
                          ("Черновики", "drafts"), ("Удаленные", "deleteditems"), ("Календарь", "calendar"),
                          ("Задачи", "tasks")):  # fmt: skip
            self.make(name, root.id, use)

    def make(self, name: str, parent: str, use: str = "") -> Folder:
        """Make a folder."""
        folder = Folder(new_id("folder"), name, parent, use)
        self.folders[folder.id] = folder
        return folder

    def used(self, use: str) -> Folder:
        """Return the folder of that distinguished name. Raises KeyError."""
        for folder in self.folders.values():
            if folder.use == use:
                return folder
        raise KeyError(use)

    def path(self, path: str) -> Folder:
        """Return the folder with that path below the top; `Inbox` and `Sent` are understood. Raises KeyError."""
        first, *rest = path.split("/")
        known = {"inbox": "inbox", "sent": "sentitems", "calendar": "calendar", "tasks": "tasks"}
        folder = self.used(known.get(first.lower(), "msgfolderroot"))
        for name in rest if first.lower() in known else (first, *rest):
            folder = next((it for it in self.folders.values() if it.parent == folder.id and it.name == name), folder)
            if folder.name != name:
                raise KeyError(path)
        return folder

    def put(self, folder: str, raw: bytes, **other: Any) -> Item:
        """Put an item into a folder."""
        number = self._next()
        item = Item(new_id("item"), folder, raw, other.pop("received", datetime.now(UTC)), created=number, **other)
        item.size = item.size or len(raw) + SIZE_OVERHEAD + sum(len(it.content) * it.repeat for it in item.files)
        item.search_key = item.search_key or base64.b64encode(hashlib.sha256(item.id.encode()).digest()[:16]).decode()
        self.items[item.id] = item
        return item

    def touch(self, item: Item) -> None:
        """Change an item, as a category or an edit does."""
        item.changed, item.key = self._next(), item.key + 1

    def act(self, item: Item, verb: int) -> None:
        """Note what somebody did with a letter, as mail programs do."""
        item.verb = verb
        self.touch(item)

    def read_flag(self, item: Item) -> None:
        """Mark an item as read or unread."""
        item.is_read, item.flagged = not item.is_read, self._next()

    def remove(self, item: Item) -> None:
        """Delete an item for good."""
        del self.items[item.id]
        self._gone.append((self._next(), item.folder, item.id, item.created))

    def move(self, item: Item, folder: str) -> Item:
        """Move an item: it is gone here, and another id is new there."""
        self.remove(item)
        moved = Item(**{name: getattr(item, name) for name in Item.__struct_fields__})
        moved.id, moved.folder, moved.created, moved.changed, moved.flagged = new_id("item"), folder, self._next(), 0, 0
        self.items[moved.id] = moved
        return moved

    def changes(self, folder: str, state: str, most: int) -> tuple[list[tuple[str, Item | str]], str, bool]:
        """Return the next changes of a folder, the new state, and whether these were the last. Raises BadState."""
        since = self._since(folder, state)
        found: list[tuple[int, str, Item | str]] = []
        for item in self.items.values():
            steps = (("Create", item.created), ("Update", item.changed), ("ReadFlagChange", item.flagged))
            step = next(((number, kind, item) for kind, number in steps if number > since), None)
            if item.folder == folder and step is not None:
                found.append(step)
        for number, place, item_id, created in self._gone:
            if place == folder and number > since >= created:
                found.append((number, "Delete", item_id))
        found.sort(key=lambda it: it[0])
        taken = found[:most]
        place_now = taken[-1][0] if taken else since
        return [(kind, it) for _, kind, it in taken], self._state(folder, place_now), len(found) <= most

    @property
    def last(self) -> int:
        """Return the number of the last change."""
        return self._last

    def events(self, folders: Collection[str], since: int) -> list[tuple[str, str, str]]:
        """Return what happened in these folders after that change: kind, item and folder."""
        found = []
        for item in self.items.values():
            kinds = (("CreatedEvent", item.created), ("ModifiedEvent", max(item.changed, item.flagged)))
            found += [(number, kind, item.id, item.folder) for kind, number in kinds if number > since]
        found += [
            (number, "DeletedEvent", item_id, place) for number, place, item_id, _ in self._gone if number > since
        ]
        return [(kind, item_id, place) for _, kind, item_id, place in sorted(found) if place in folders]

    def _state(self, folder: str, number: int) -> str:
        return base64.b64encode(json.dumps([folder, number, self.generation]).encode()).decode()

    def _since(self, folder: str, state: str) -> int:
        if not state:
            return 0
        try:
            place, number, generation = json.loads(base64.b64decode(state, validate=True))
        except (ValueError, TypeError) as error:
            raise BadState("not a state") from error
        if place != folder or generation != self.generation or not isinstance(number, int):
            raise BadState("a state of something else")
        return number

    def _next(self) -> int:
        self._last += 1
        return self._last
