"""The connector `exchange`: reads folders of letters, meetings and tasks, sends letters, and writes tasks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hub.api import (
    Batch,
    Check,
    Command,
    Cursor,
    Event,
    HubError,
    MailFile,
    Receipt,
    Record,
    Rejected,
    SettingsError,
    Stream,
    Tools,
    Unavailable,
    compose_mail,
    mail_events,
    sent_message_id,
)

from . import meetings, raw, tasks, todos
from .access import Access
from .client import FolderGone, Mailbox, StateLost, TaskFound, session
from .settings import ExchangeSettings
from .soap import Change, Folder, Refusal
from .watch import Watch
from .wire import TooMuch

MOST_ITEMS = 25
MOST_BYTES = 4 * 1024 * 1024
MOST_STATE = 3000
"""Characters of a sync state that fit into a cursor; a longer one is kept as a blob."""
LIGHT = ("message:InternetMessageId",)
_LIGHT = {"Calendar": meetings.LIGHT, "Tasks": todos.LIGHT}
"""What the list of changes tells of items that are no letters, by the folder they lie in."""
WHOLE = "1"
"""Version of the record of a letter: it never changes, so one that is stored need not be fetched again."""
ANSWERED = "1 answered"
"""Version of one that somebody has answered, from whatever program and mailbox."""
TYPES = raw.TYPES


class Place(Struct, frozen=True):
    """How far a folder is read: its id, the state of the sync, and the day before which the first load reads nothing.

    The first load ends with the first page that is the last. Until then old letters are left out by their date; after
    it everything that comes into the folder counts, and of old letters only a mere change is left out.
    """

    folder: str
    state: str = ""
    since: str = ""
    is_first: bool = True

    def cursor(self, tools: Tools) -> dict[str, Any]:
        """Return the cursor."""
        long = len(self.state) > MOST_STATE
        state = {"blob": tools.blobs.put(self.state.encode())} if long else {"state": self.state}
        return {"folder": self.folder, "since": self.since, "first": self.is_first, **state}

    @classmethod
    def read(cls, cursor: Cursor | None, tools: Tools) -> Place | None:
        """Return where a cursor stands; `None` for one that cannot be read."""
        known = cursor or {}
        folder, state, since, is_first = (known.get(name) for name in ("folder", "state", "since", "first"))
        if isinstance(known.get("blob"), str):
            try:
                state = tools.blobs.get(known["blob"]).decode()
            except (KeyError, UnicodeDecodeError):
                return None
        if not isinstance(folder, str) or not isinstance(state, str) or not isinstance(since, str):
            return None
        if not isinstance(is_first, bool) or not folder or raw.moment(since) is None:
            return None
        return cls(folder, state, since, is_first)


class Exchange:
    """One mailbox. A letter that was received stays received: deleting it in the mailbox changes nothing here."""

    def __init__(self, settings: ExchangeSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._access = Access(settings, tools)
        self._watch = Watch(settings, self._access)

    def _session(self) -> AbstractContextManager[Mailbox]:
        return session(self._settings, self._access.endpoint(), self._access.token)

    def check(self) -> Check:
        """Log in and look for the folders; no letter is opened or sent."""
        settings, findings = self._settings, []
        with self._session() as mailbox:
            for name in settings.folders:
                try:
                    mailbox.find(name)
                except FolderGone:
                    there = ", ".join(sorted(mailbox.names()))[:500]
                    findings.append((f"There is no folder {name!r}.", f"Set folders to some of: {there}."))
            version = mailbox.server()
        if not settings.endpoint:
            found = self._access.endpoint()
            findings.append(("Autodiscover is asked in every run.", f"Set endpoint: {found}"))
        return Check(account=settings.mailbox, version=version, findings=tuple(findings))

    def streams(self) -> Sequence[Stream]:
        """Return one stream per folder."""
        titles = {"Inbox": "Входящие", "Sent": "Отправленные", "Calendar": "Календарь", "Tasks": "Задачи"}
        return [
            Stream(name, titles.get(name, name), snapshot=not _holds_letters(name)) for name in self._settings.folders
        ]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Read what happened in a folder since the cursor; each batch's cursor is true once it is stored."""
        known = Place.read(cursor, self._tools)
        also = _LIGHT.get(_top(stream.name), LIGHT)
        with self._session() as mailbox:
            folder = self._folder(mailbox, stream.name, known)
            place = known if known is not None and known.folder == folder.id else self._start(folder)
            is_whole, is_last = not place.state, False
            passed: set[str] = set()
            while not is_last:
                try:
                    page = mailbox.changes(folder, place.state, also)
                except StateLost:
                    if not place.state:
                        raise Unavailable("Exchange refuses even the first sync of the folder.") from None
                    self._tools.log.warning("the state of %s is lost; the folder is read anew", stream.name)
                    place, is_whole, passed = self._start(folder), True, set()
                    continue
                except FolderGone:
                    raise self._gone(stream.name) from None
                is_last = page.is_last
                if page.state in passed and not is_last:
                    raise Unavailable("Exchange goes in circles: it gives the same changes of a folder again.")
                passed.add(page.state)
                after = Place(folder.id, page.state, place.since, place.is_first and not is_last)
                if not _holds_letters(stream.name):
                    yield self._items(mailbox, stream, page.changes, place, after, complete=is_last and is_whole)
                else:
                    yield from self._letters(mailbox, stream, folder, page.changes, place, after)
                place = after

    def _start(self, folder: Folder) -> Place:
        since = self._tools.clock.now() - self._settings.since
        return Place(folder.id, since=since.isoformat(timespec="seconds"))

    def _folder(self, mailbox: Mailbox, name: str, known: Place | None) -> Folder:
        """Return the folder of a stream; one that was renamed or moved since is still the same."""
        try:
            return mailbox.find(name)
        except FolderGone:
            if known is None:
                raise self._gone(name) from None
        try:
            folder = mailbox.by_id(known.folder)
        except FolderGone:
            raise self._gone(name) from None
        self._tools.log.warning("the folder of the stream %s has another name now; set folders anew", name)
        return folder

    def _gone(self, name: str) -> SettingsError:
        hint = "What was read of it is kept. Set folders to those that are there; `hub doctor` names them."
        return SettingsError(f"there is no folder {name!r} in the mailbox.", field="folders", hint=hint)

    def _letters(
        self, mailbox: Mailbox, stream: Stream, folder: Folder, changes: Sequence[Change], place: Place, after: Place
    ) -> Iterator[Batch]:
        wanted = {it.id: it for it in changes if _is_wanted(it, place)}  # an item that changed twice is read once
        named = {it.key: _version(it) for it in wanted.values() if it.key}
        stale = self._tools.stale(stream.name, named)
        others = {key: ANSWERED for key in stale if named[key] == WHOLE}
        if others:  # one that was forwarded after the answer was answered all the same
            stale -= set(others) - self._tools.stale(stream.name, others)
        stored = set(named) - stale
        expected = folder.total if place.is_first else len(wanted)
        missing = [it for it in wanted.values() if it.key not in stored]
        chunks = list(_chunks(missing, self._settings.max_message_bytes))
        for chunk in chunks[:-1]:
            yield Batch(_distinct(self._records(mailbox, chunk)), expected=expected)
        last = _distinct(self._records(mailbox, chunks[-1])) if chunks else ()
        yield Batch(last, cursor=after.cursor(self._tools), present=stored, expected=expected)

    def _items(
        self, mailbox: Mailbox, stream: Stream, changes: Sequence[Change], place: Place, after: Place, *, complete: bool
    ) -> Batch:
        """Return a page of meetings or tasks: here what is deleted is gone, and what is private never comes in."""
        names = todos.FIELDS if _top(stream.name) == "Tasks" else meetings.FIELDS
        latest = {it.id: it for it in changes if it.kind != "flag"}
        gone = [it.id for it in latest.values() if it.kind == "delete" or it.is_private]
        old = [it.id for it in latest.values() if it.id not in gone and place.is_first and _is_old(it, place)]
        wanted = [it for it in latest if it not in {*gone, *old}]
        records = [Record(it, deleted=True) for it in gone]
        for start in range(0, len(wanted), MOST_ITEMS):
            items = mailbox.details(wanted[start : start + MOST_ITEMS], names)
            # one that is gone meanwhile comes as deleted with the next page
            found = [it for it in items if not isinstance(it, Refusal) and not todos.is_by_hub(it)]
            records += [meetings.record_of(it) for it in found]
        return Batch(records, cursor=after.cursor(self._tools), present=old, complete=complete)

    def _records(self, mailbox: Mailbox, chunk: Sequence[Change]) -> Iterator[Record]:
        if len(chunk) == 1 and chunk[0].size > self._settings.max_message_bytes:
            contents: list[bytes | Refusal] = [Refusal("ErrorMessageSizeExceeded")]
        else:
            try:
                contents = mailbox.contents([it.id for it in chunk])
            except TooMuch:
                if len(chunk) > 1:
                    for change in chunk:
                        yield from self._records(mailbox, [change])
                    return
                contents = [Refusal("ErrorMessageSizeExceeded")]
        for change, content in zip(chunk, contents, strict=True):
            if isinstance(content, Refusal):
                yield from self._parts(mailbox, change, content)
            else:
                yield _letter(change, raw.whole(content, change.item_class))

    def _parts(self, mailbox: Mailbox, change: Change, refusal: Refusal) -> Iterator[Record]:
        """Yield the record of an item that is too large or cannot be had whole; nothing for one that is gone."""
        if refusal.is_gone:
            return  # deleted, or moved: then it is new in the other folder
        outline = mailbox.details([change.id], raw.OUTLINE)[0]
        if isinstance(outline, Refusal):
            if not outline.is_gone:
                name = change.key or hashlib.sha256(change.id.encode()).hexdigest()[:32]
                yield Record(name, raw.refused(outline.code))  # without a version: it is asked for again
            return
        attached = [self._attached(mailbox, it) for it in outline.iterfind(f"{TYPES}Attachments/*")]
        yield _letter(change, raw.parts(outline, attached, change.item_class, change.size))

    def _attached(self, mailbox: Mailbox, element: Any) -> raw.Attached:
        size = int(element.findtext(f"{TYPES}Size", "0") or 0)
        reference = element.find(f"{TYPES}AttachmentId")
        content = None
        is_file = str(element.tag) == f"{TYPES}FileAttachment" and reference is not None
        if is_file and size <= self._settings.max_attachment_bytes:
            content = mailbox.attachment(reference.get("Id"), self._settings.max_attachment_bytes)
        return raw.Attached(
            name=element.findtext(f"{TYPES}Name", ""),
            type=element.findtext(f"{TYPES}ContentType", "") if is_file else "message/rfc822",
            size_bytes=size if content is None else len(content),
            blob="" if content is None else self._tools.blobs.put(content),
        )

    def normalise(self, record: Record) -> Sequence[Event]:
        """Return the events of a letter, meeting or task; a letter deleted in the mailbox was received all the same."""
        if record.deleted:
            return []
        if _top(record.stream) == "Calendar":
            return meetings.events(record, self._settings.ours)
        if _top(record.stream) == "Tasks":
            return [*todos.events(record, self._settings.mailbox, self._settings.zone)]
        mail = replace(raw.read(record.payload), is_answered=record.version == ANSWERED)
        return mail_events(record.reference("message"), mail, folder=record.stream, ours=self._settings.ours)

    def files(self, record: Record) -> Sequence[MailFile]:
        """Return the files that came with a letter."""
        return raw.read(record.payload).files if _holds_letters(record.stream) else []

    def wait(self, timeout: timedelta) -> bool:
        """Wait until something happens in one of the folders, at most so long; tell whether it did."""
        return self._watch.wait(timeout)

    def close(self) -> None:
        """End the waiting."""
        self._watch.close()

    def commands(self) -> Sequence[str]:
        """Return what the connection can do: send letters, and write and close tasks."""
        return ("mail.send", tasks.WRITE, tasks.CLOSE)

    def execute(self, command: Command) -> Receipt:
        """Send a letter, or write or close a task.

        The server gives a letter no id, so its copy is looked for; that it is not there yet does not undo the letter.
        `Unavailable` does not say that nothing happened: where the answer was lost, only `find` can tell.
        """
        if command.kind == tasks.WRITE:
            task = tasks.task_of(command)
            with self._session() as mailbox:
                self._look(mailbox, command.id, task.mailbox)  # logs in before anything is written
                mailbox.write_task(task, command.id)
            return Receipt(external_id=command.id, detail={"task": task.subject})
        if command.kind == tasks.CLOSE:
            written, owner = tasks.closed_by(command)
            with self._session() as mailbox:
                found = self._look(mailbox, written, owner)
                if found is None:
                    return Receipt(external_id=written, detail={"task": "it is not there any more"})
                mailbox.complete(found)
            return Receipt(external_id=written, detail={"task": "done"})
        if command.kind != "mail.send":
            raise Rejected(f"this connection does not know the command {command.kind}.")
        return self._send(command)

    def _look(self, mailbox: Mailbox, command_id: str, owner: str) -> TaskFound | None:
        """Look for a task; trouble here promises that nothing was changed yet."""
        try:
            return mailbox.task(command_id, owner)
        except Unavailable as error:
            error.unsent = True
            raise

    def _send(self, command: Command) -> Receipt:
        settings = self._settings
        letter = compose_mail(
            command, mailbox=settings.mailbox, sender_name=settings.sender_name, blobs=self._tools.blobs,
            now=self._tools.clock.now(),
        )  # fmt: skip
        with self._session() as mailbox:
            try:
                mailbox.find("Sent")  # logs in before the letter goes, so that it goes once
            except FolderGone:
                raise Rejected("the mailbox has no folder for sent mail.") from None
            except Unavailable as error:
                error.unsent = True
                raise
            mailbox.send(letter.raw, command.id)
            try:
                found = mailbox.sent(letter.message_id, command.id)
            except HubError as error:
                return Receipt(external_id=letter.message_id, detail={"copy": f"not looked for: {error}"})
        copy = "in Sent" if found else "not in Sent yet"
        return Receipt(external_id=found or letter.message_id, detail={"copy": copy})

    def find(self, command: Command) -> Receipt | None:
        """Look for the letter among sent mail, by its Message-ID and by the mark the hub put on it; or for the task.

        Found proves that it was sent. Not found does not prove that it was not: some servers keep no mark and give
        letters another Message-ID, and somebody may have deleted the copy.
        """
        if command.kind in (tasks.WRITE, tasks.CLOSE):
            return self._find_task(command)
        identifier = sent_message_id(command, self._settings.mailbox)
        with self._session() as mailbox:
            found = mailbox.sent(identifier, command.id)
        return Receipt(external_id=found, detail={"copy": "in Sent"}) if found else None

    def _find_task(self, command: Command) -> Receipt | None:
        is_close = command.kind == tasks.CLOSE
        written, owner = tasks.closed_by(command) if is_close else (command.id, tasks.task_of(command).mailbox)
        with self._session() as mailbox:
            found = mailbox.task(written, owner)
        if is_close and (found is None or found.is_done):
            return Receipt(external_id=written, detail={"task": "done" if found else "it is not there any more"})
        return Receipt(external_id=written, detail={"task": "found"}) if found and not is_close else None


def _letter(change: Change, payload: bytes) -> Record:
    if change.key:
        return Record(change.key, payload, _version(change))
    return Record(raw.key_of(payload), payload, ANSWERED if change.is_answered else "")


def _version(change: Change) -> str:
    return ANSWERED if change.is_answered else WHOLE


def _top(stream: str) -> str:
    return stream.partition("/")[0]


def _holds_letters(stream: str) -> bool:
    return _top(stream) not in _LIGHT


def _is_wanted(change: Change, place: Place) -> bool:
    """Tell whether a letter is to be read: new ones always, save old ones in the first load; a read flag is nothing."""
    if change.kind not in ("create", "update"):
        return False
    return not _is_old(change, place) or (change.kind == "create" and not place.is_first)


def _is_old(change: Change, place: Place) -> bool:
    moment, since = raw.moment(change.moment), raw.moment(place.since)
    return moment is not None and since is not None and moment < since


def _chunks(changes: Sequence[Change], most_whole: int) -> Iterator[list[Change]]:
    """Yield items in groups of limited count and bytes; a large one stands alone."""
    chunk: list[Change] = []
    size = 0
    for change in changes:
        is_full = len(chunk) >= MOST_ITEMS or size + change.size > MOST_BYTES
        if chunk and (is_full or change.size > most_whole):
            yield chunk
            chunk, size = [], 0
        chunk.append(change)
        size += change.size
        if change.size > most_whole:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _distinct(records: Iterator[Record]) -> tuple[Record, ...]:
    return tuple({record.external_id: record for record in records}.values())
