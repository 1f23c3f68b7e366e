"""The connector `graph`: reads folders of one mailbox as streams, and sends letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from hub.api import (
    Batch,
    Check,
    Command,
    Cursor,
    Event,
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
    mail_stub,
    read_mail,
    sent_message_id,
)

from .client import Mailbox, StateLost
from .settings import SENT, GraphSettings

MOST_BYTES = 8 * 1024 * 1024
MOST_LINK = 3000
"""Characters of a link that fit into a cursor; a longer one is kept as a blob."""
READ = "read"
"""Version of every letter: what was received never changes, so one that is stored need not be fetched again."""


class Graph:
    """One mailbox. A letter that was received stays received: deleting it in the mailbox changes nothing here."""

    def __init__(self, settings: GraphSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._mailbox = Mailbox(settings, tools)

    def check(self) -> Check:
        """Ask for the folders; no letter is opened or sent."""
        findings = []
        for name in self._settings.folders:
            if self._mailbox.find(name) is None:
                there = ", ".join(sorted(self._mailbox.folders()))[:500]
                findings.append((f"There is no folder {name!r}.", f"Set folders to some of: {there}."))
        return Check(account=self._settings.address, version="v1.0", findings=tuple(findings))

    def streams(self) -> Sequence[Stream]:
        """Return one stream per folder."""
        titles = {"Inbox": "Входящие", SENT: "Отправленные", "Archive": "Архив"}
        return [Stream(name, titles.get(name, name)) for name in self._settings.folders]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Read what came into a folder since the cursor; each batch's cursor is true once it is stored."""
        folder = self._mailbox.find(stream.name)
        if folder is None:
            raise SettingsError(f"there is no folder {stream.name!r} in the mailbox.", field="folders")
        since = self._since(cursor)
        link = self._link(cursor, folder)
        is_last = is_lost = False
        followed: set[int] = set()
        while not is_last:
            try:
                page = self._mailbox.changes(folder, link)
            except StateLost:
                if not link or is_lost:
                    raise Unavailable("Graph refuses pages of the folder again and again.") from None
                self._tools.log.warning("the state of %s is lost; the folder is read anew", stream.name)
                link, is_lost = "", True
                followed.clear()
                continue
            link, is_last = page.link, page.is_last
            if not is_last and hash(link) in followed:
                raise Unavailable("Graph leads in circles through the pages of the folder.")
            followed.add(hash(link))
            recent = [it for it, came in page.letters.items() if came is None or came >= since]
            yield from self._batches(stream.name, recent, self._cursor(page.link, folder, since))

    def _batches(self, stream: str, identifiers: Sequence[str], cursor: Cursor) -> Iterator[Batch]:
        """Yield letters of a page that are not stored; the cursor comes last, because the link stands behind all."""
        wanted = self._tools.stale(stream, dict.fromkeys(identifiers, READ))
        records: list[Record] = []
        room = MOST_BYTES
        for identifier in (it for it in identifiers if it in wanted):
            raw = self._raw(identifier)
            if raw is None:  # deleted since the page was made
                continue
            if records and len(raw) > room:
                yield Batch(tuple(records))
                records, room = [], MOST_BYTES
            records.append(Record(identifier, raw, version=READ))
            room -= len(raw)
        yield Batch(tuple(records), cursor=cursor)

    def _raw(self, identifier: str) -> bytes | None:
        try:
            return self._mailbox.content(identifier)
        except Unavailable:
            told = self._mailbox.headers(identifier)
            if told is None:
                return None
            headers, size = told
            if size <= self._settings.max_message_bytes:
                raise
            return mail_stub(headers, size)

    def _cursor(self, link: str, folder: str, since: datetime) -> dict[str, str]:
        kept = {"blob": self._tools.blobs.put(link.encode())} if len(link) > MOST_LINK else {"link": link}
        return {"folder": folder, "since": since.isoformat(), **kept}

    def _link(self, cursor: Cursor | None, folder: str) -> str:
        known = cursor or {}
        link = known.get("link")
        if isinstance(known.get("blob"), str):
            try:
                link = self._tools.blobs.get(known["blob"]).decode()
            except (KeyError, UnicodeDecodeError):
                return ""
        is_ours = isinstance(link, str) and link.startswith(f"{self._settings.url}/")
        return str(link) if is_ours and known.get("folder") == folder else ""

    def _since(self, cursor: Cursor | None) -> datetime:
        """Return the day before which nothing is read; it stays that of the first load."""
        try:
            since = datetime.fromisoformat(str((cursor or {}).get("since")))
        except ValueError:
            since = self._tools.clock.now() - self._settings.since
        return since if since.tzinfo else self._tools.clock.now() - self._settings.since

    def normalise(self, record: Record) -> Sequence[Event]:
        """Return the events of one letter; one deleted in the mailbox was received all the same."""
        if record.deleted:
            return []
        mail = read_mail(record.payload)
        return mail_events(record.reference("message"), mail, folder=record.stream, ours=self._settings.ours)

    def files(self, record: Record) -> Sequence[MailFile]:
        """Return the files that came with a letter."""
        return read_mail(record.payload).files

    def commands(self) -> Sequence[str]:
        """Return what the connection can do."""
        return ("mail.send",)

    def execute(self, command: Command) -> Receipt:
        """Send a letter; Graph files the copy itself and tells no id, so ours is the one it is known by."""
        if command.kind not in self.commands():
            raise Rejected(f"this connection does not know the command {command.kind}.")
        letter = compose_mail(
            command,
            mailbox=self._settings.address,
            sender_name=self._settings.sender_name,
            blobs=self._tools.blobs,
            now=self._tools.clock.now(),
        )
        self._mailbox.send(letter.raw)
        return Receipt(external_id=letter.message_id, detail={"accepted": list(letter.recipients)})

    def find(self, command: Command) -> Receipt | None:
        """Look for the letter by its Message-ID among sent mail. Not found does not prove that it was not sent."""
        identifier = sent_message_id(command, self._settings.address)
        found = self._mailbox.is_sent(identifier)
        return Receipt(external_id=identifier, detail={"found": SENT}) if found else None
