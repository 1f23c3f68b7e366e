"""The connector `imap`: reads folders as streams, and sends letters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate, pairwise
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hub.api import (
    BadRecord,
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
    compose_mail,
    mail_events,
    mail_key,
    mail_stub,
    read_mail,
    sent_message_id,
)

from .access import Access
from .client import SENT, Mailbox, TooLarge, session
from .idle import Watch
from .send import deliver, submission
from .settings import ImapSettings

MOST_MESSAGES = 50
MOST_BYTES = 8 * 1024 * 1024
MOST_SIZES = 500
ANSWERED = "answered"
"""Version of a letter that somebody has answered, from whatever program; of every other it is empty."""
DAYS_OF_MARKS = timedelta(days=7)
MOST_MARKED = 300
"""Where the server does not count changes, so many letters of these days are known by their mark, the newest."""
REFUSED = b"too-large"
"""Begins the payload that stands for a letter of which not even the headers could be read: no header line does."""


class Place(Struct, frozen=True):
    """How far a folder is read: UIDVALIDITY and the last UID; up to `until`, only what came since `since` counts.

    UIDs rise, so everything up to the last one is known. The first load leaves old letters out by their date; the
    cursor says so until it is through, so that a load which was broken off goes on exactly as it began.

    `modseq` says up to which change the marks of these letters are known, `marked` which of them had one where the
    server does not count changes; `None` of both means that nobody has looked yet.
    """

    uidvalidity: int
    uid: int
    since: str = ""
    until: int = 0
    modseq: int | None = None
    marked: tuple[int, ...] | None = None

    @classmethod
    def read(cls, cursor: Cursor | None, uidvalidity: int, since: date) -> Place:
        """Return where a cursor stands; one of another UIDVALIDITY, or one that cannot be read, means the start."""
        known = cursor or {}
        uid, until, begun = known.get("uid"), known.get("until", 0), known.get("since", "")
        if (
            known.get("uidvalidity") == uidvalidity
            and isinstance(uid, int)
            and isinstance(until, int)
            and _is_day(begun)
        ):
            modseq, steps = known.get("modseq"), known.get("marked")
            return cls(
                uidvalidity, uid, begun, until, modseq if isinstance(modseq, int) else None,
                tuple(accumulate(steps)) if isinstance(steps, list) and all(type(it) is int for it in steps) else None,
            )  # fmt: skip
        return cls(uidvalidity, 0, since.isoformat(), 2**32)

    def cursor(self) -> dict[str, Any]:
        """Return the cursor that says so; marked UIDs stand as steps from one to the next, which are short."""
        told: dict[str, Any] = {"uidvalidity": self.uidvalidity, "uid": self.uid}
        if self.until > self.uid:
            told |= {"since": self.since, "until": self.until}
        if self.modseq is not None:
            told["modseq"] = self.modseq
        if self.marked is not None:
            told["marked"] = [uid - before for before, uid in pairwise((0, *self.marked))]
        return told


def _is_day(text: Any) -> bool:
    try:
        return text == "" or bool(date.fromisoformat(text))
    except (TypeError, ValueError):
        return False


class Imap:
    """One mailbox. A letter that was received stays received: deleting it in the mailbox changes nothing here."""

    def __init__(self, settings: ImapSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._access = Access(settings, tools)
        self._watch = Watch(settings, self._access.token, tools)

    def check(self) -> Check:
        """Log in to both servers and look for the folders; no letter is opened or sent."""
        settings, findings = self._settings, []
        with session(settings, self._access.token) as mailbox:
            version = mailbox.server()
            for name in settings.folders:
                if mailbox.find(name) is None:
                    there = ", ".join(folder for _, folder in mailbox.folders())[:500]
                    findings.append((f"There is no folder {name!r}.", f"Set folders to some of: {there}."))
        if settings.smtp_host:
            with submission(settings, self._access.token):
                pass
        else:
            findings.append(("This connection does not send.", "Set smtp_host to send letters with it."))
        return Check(account=settings.mailbox, version=version, findings=tuple(findings))

    def streams(self) -> Sequence[Stream]:
        """Return one stream per folder."""
        return [
            Stream(name, {"INBOX": "Входящие", SENT: "Отправленные"}.get(name, name)) for name in self._settings.folders
        ]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Read what is new in a folder, oldest first; each batch's cursor is true once it is stored."""
        with session(self._settings, self._access.token) as mailbox:
            folder = mailbox.find(stream.name)
            if folder is None and stream.name == SENT:
                return  # a mailbox from which nothing was ever sent
            if folder is None:
                raise SettingsError(f"there is no folder {stream.name!r} in the mailbox.", field="folders")
            uidvalidity, exists = mailbox.examine(folder)
            first_day = (self._tools.clock.now() - self._settings.since).date()
            place = Place.read(cursor, uidvalidity, first_day)
            marked, place = self._newly_answered(mailbox, exists, place)
            for number, (sizes, answered) in enumerate(chunks := list(_batches(mailbox, marked)), start=1):
                cursor = place.cursor() if number == len(chunks) else None  # until then some would be passed over
                yield Batch(self._records(mailbox, sizes, answered, uidvalidity), cursor=cursor, expected=len(marked))
            if mailbox.next_uid <= place.uid + 1:
                return  # nothing came since, whatever was read, moved or deleted
            uids, place = _listed(mailbox, exists, place)
            for sizes, answered in _batches(mailbox, uids):
                place = replace(place, uid=max(sizes))
                records = self._records(mailbox, sizes, answered, uidvalidity)
                yield Batch(records, cursor=place.cursor(), expected=len(uids))

    def _newly_answered(self, mailbox: Mailbox, exists: int, place: Place) -> tuple[list[int], Place]:
        """Return the letters read before that were marked as answered since, and the place with their marks known.

        A server that counts changes is asked for later ones only. Every other one is asked for the marked letters of
        the last days, and so is a server whose count began anew, or that was not asked before.
        """
        if not place.uid:
            return [], replace(place, modseq=mailbox.modseq or None)
        read_before = ("UID", f"1:{place.uid}", "ANSWERED")
        if place.modseq and mailbox.modseq >= place.modseq:
            if mailbox.modseq == place.modseq or not exists:
                return [], place
            found = mailbox.search(exists, *read_before, "MODSEQ", str(place.modseq + 1))
            return found, replace(place, modseq=mailbox.modseq)
        since = (self._tools.clock.now() - DAYS_OF_MARKS).date()
        found = mailbox.search(exists, *read_before, "SINCE", since)[-MOST_MARKED:] if exists else []
        if mailbox.modseq:
            return found, replace(place, modseq=mailbox.modseq, marked=None)
        known = frozenset(place.marked or ())
        return [uid for uid in found if uid not in known], replace(place, modseq=None, marked=tuple(found))

    def _records(
        self, mailbox: Mailbox, sizes: Mapping[int, int], answered: Collection[int], uidvalidity: int
    ) -> tuple[Record, ...]:
        found = {it.external_id: it for it in self._fetched(mailbox, sizes, answered, uidvalidity)}
        return tuple(found.values())

    def _fetched(
        self, mailbox: Mailbox, sizes: Mapping[int, int], answered: Collection[int], uidvalidity: int
    ) -> Iterator[Record]:
        most = self._settings.max_message_bytes
        contents = mailbox.contents({uid: size for uid, size in sizes.items() if size <= most})
        for uid, size in sizes.items():
            raw = contents.get(uid)
            if raw is None and (uid in contents or size > most):
                try:
                    headers = mailbox.headers(uid)
                except TooLarge as error:
                    yield Record(f"{REFUSED.decode()}/{uidvalidity}/{uid}", REFUSED + str(error).encode())
                    continue
                raw = None if headers is None else mail_stub(headers, size)
            if raw is not None:  # else it vanished since it was listed
                yield Record(mail_key(raw), raw, version=ANSWERED if uid in answered else "")

    def normalise(self, record: Record) -> Sequence[Event]:
        """Return the events of one letter; one deleted in the mailbox was received all the same."""
        if record.deleted:
            return []
        if record.payload.startswith(REFUSED):
            raise BadRecord(f"the letter was not read: {record.payload.removeprefix(REFUSED).decode(errors='replace')}")
        mail = replace(read_mail(record.payload), is_answered=record.version == ANSWERED)
        return mail_events(record.reference("message"), mail, folder=record.stream, ours=self._settings.ours)

    def files(self, record: Record) -> Sequence[MailFile]:
        """Return the files that came with a letter."""
        return [] if record.payload.startswith(REFUSED) else read_mail(record.payload).files

    def wait(self, timeout: timedelta) -> bool:
        """Wait for a new letter in the first folder, at most so long; tell whether one came."""
        return self._watch.wait(timeout)

    def close(self) -> None:
        """End the waiting."""
        self._watch.close()

    def commands(self) -> Sequence[str]:
        """Return what the connection can do: send, if it has a server for it."""
        return ("mail.send",) if self._settings.smtp_host else ()

    def execute(self, command: Command) -> Receipt:
        """Send a letter and put a copy into the folder of sent mail.

        `Unavailable` does not say that nothing was sent: where the connection was lost after the content, only `find`
        can tell. A copy that could not be filed does not undo the letter; the receipt says so. Recipients whom the
        server takes only later are the receipt's `rest`.
        """
        if command.kind not in self.commands():
            raise Rejected(f"this connection does not know the command {command.kind}.")
        letter = compose_mail(
            command,
            mailbox=self._settings.mailbox,
            sender_name=self._settings.sender_name,
            blobs=self._tools.blobs,
            now=self._tools.clock.now(),
        )
        refused = deliver(letter, self._settings, self._access.token)
        accepted = [it for it in letter.recipients if it not in refused.ever and it not in refused.now]
        detail: dict[str, Any] = {"accepted": accepted}
        detail |= {name: told for name, told in (("refused", refused.ever), ("later", refused.now)) if told}
        if not _files_itself(self._settings.smtp_host):
            detail["copy"] = self._file(letter.raw)
        rest = {**command.data, "only": [*refused.now]} if refused.now else None
        return Receipt(external_id=letter.message_id, detail=detail, rest=rest)

    def _file(self, raw: bytes) -> str:
        try:
            with session(self._settings, self._access.token) as mailbox:
                folder = mailbox.find(SENT)
                if folder is None:
                    return "not filed: the mailbox has no folder for sent mail"
                mailbox.append(folder, raw, self._tools.clock.now())
                return f"filed in {folder}"
        except HubError as error:
            return f"not filed: {error}"

    def find(self, command: Command) -> Receipt | None:
        """Look for the letter by its Message-ID among sent mail and, for letters to ourselves, in INBOX.

        Found proves that it was sent. Not found does not prove that it was not: after a connection lost in the middle
        there is no copy of ours, and some servers give letters another Message-ID.
        """
        identifier = sent_message_id(command, self._settings.mailbox)
        with session(self._settings, self._access.token) as mailbox:
            for folder in dict.fromkeys(name for name in (mailbox.find(SENT), mailbox.find("INBOX")) if name):
                _, exists = mailbox.examine(folder)
                if mailbox.search(exists, "HEADER", "Message-ID", f"<{identifier}>"):
                    return Receipt(external_id=identifier, detail={"found": folder})
        return None


def _listed(mailbox: Mailbox, exists: int, place: Place) -> tuple[list[int], Place]:
    """Return the UIDs to read and the place with its end known."""
    uids = mailbox.search(exists, "UID", f"{place.uid + 1}:*") if exists else []
    uids = [uid for uid in uids if uid > place.uid]  # `n:*` gives the newest letter even where n is beyond it
    if not place.since or not uids:
        return uids, place
    place = replace(place, until=min(place.until, uids[-1]))
    recent = set(
        mailbox.search(exists, "UID", f"{place.uid + 1}:{place.until}", "SINCE", date.fromisoformat(place.since))
    )
    return [uid for uid in uids if uid > place.until or uid in recent], place


def _batches(mailbox: Mailbox, uids: Sequence[int]) -> Iterator[tuple[dict[int, int], frozenset[int]]]:
    """Yield UIDs with their sizes, and which of them were answered, in batches of limited count and bytes.

    A batch is at least one letter.
    """
    for start in range(0, len(uids), MOST_SIZES):
        asked = uids[start : start + MOST_SIZES]
        sizes, answered = mailbox.sizes(asked)
        batch: dict[int, int] = {}
        for uid in asked:
            if uid not in sizes:
                continue
            if batch and (len(batch) >= MOST_MESSAGES or sum(batch.values()) + sizes[uid] > MOST_BYTES):
                yield batch, answered
                batch = {}
            batch[uid] = sizes[uid]
        if batch:
            yield batch, answered


def _files_itself(smtp_host: str) -> bool:
    return smtp_host.lower().endswith(("gmail.com", "googlemail.com"))
