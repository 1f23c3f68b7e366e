"""The connector `bank`: reads the documents of statements, and writes payment orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.api import (
    BadRecord,
    Batch,
    Check,
    Command,
    Cursor,
    Event,
    Receipt,
    Record,
    Rejected,
    Stream,
    Tools,
    Unavailable,
)

from .documents import Movement, movements, odd_line, payment, remarks
from .exchange import Block, Statement, fields_of
from .folder import Folder, Found, digest_of
from .orders import KIND, Outgoing
from .settings import BankSettings

CHUNK = 200
MOST_FINDINGS = 20
MOST_PARKED = 15


class Head(Struct, frozen=True, omit_defaults=True):
    """The first line of a stored record: what of its file is needed to understand the section below it."""

    encoding: str
    account: str = ""
    is_incoming: bool = False
    problem: str = ""


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a folder is read: in this state of it, so many files whole and so many records of the next one.

    `parked` are files with sections that could not be understood, so that this is taken back when they are gone.
    """

    folder: str
    files: int
    rows: int = 0
    parked: tuple[str, ...] = ()


_heads = msgspec.json.Decoder(Head)


class BankFiles:
    """One folder of statements. A payment that was read stays read, also when its file is moved away."""

    def __init__(self, settings: BankSettings, tools: Tools) -> None:  # noqa: ARG002 - a folder needs none
        self._settings = settings
        self._outgoing = Outgoing(settings) if settings.outgoing else None

    def check(self) -> Check:
        """Read every statement and tell what is odd; look whether orders could be written."""
        folder = self._folder()
        files = folder.found()
        findings, versions = [], set()
        for file in files:
            statement = folder.read(file.name)
            if statement is not None:
                versions.add(statement.header.get("ВерсияФормата", "?"))
                findings += [(f"{file.name}: {it}.", _ASK_BANK) for it in _oddities(statement)]
        findings = [(f"{name}: {why}", _REFUSED) for name, why in folder.refused.items()] + findings
        if len(findings) > MOST_FINDINGS:
            findings[MOST_FINDINGS:] = [(f"{len(findings) - MOST_FINDINGS} more such places.", "Begin with these.")]
        if not files:
            findings.append((f"There is no statement in {folder.path}.", "Export one from the bank as «в 1С»."))
        if self._outgoing:
            self._outgoing.look()
        account = f"{folder.path.name}: {len(files)} statements"
        return Check(account=account, version=", ".join(sorted(versions)), findings=tuple(findings))

    def streams(self) -> Sequence[Stream]:
        """Return the one stream there is."""
        return [Stream("payments", "Выписки банка")]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Read all statements when any file is new or changed, the newest first; the store drops what it has.

        A file that is not whole is left alone, the others are read, and then it is reported.
        """
        folder = self._folder()
        files = folder.found()
        state = digest_of(files)
        known = _place(cursor)
        place = known if known is not None and known.folder == state else Place(state, 0)
        if place.files < len(files) or known is None or known.folder != state:
            yield from self._pass(folder, files, place, stream.name, before=known.parked if known else ())
        if folder.refused:
            name, why = next(iter(folder.refused.items()))
            others = f" ({len(folder.refused) - 1} more files as well)" if len(folder.refused) > 1 else ""
            raise Unavailable(f"{_shown(name)}{others} was not read: {why}", hint=_REFUSED)

    def _pass(
        self, folder: Folder, files: Sequence[Found], place: Place, stream: str, *, before: Sequence[str]
    ) -> Iterator[Batch]:
        here = {_shown(file.name) for file in files} | {_shown(name) for name in folder.refused}
        parked = [name for name in before if name in here]
        away = [Record(name, deleted=True, stream=stream) for name in before if name not in here]
        yield Batch(away, cursor=_cursor(Place(place.folder, place.files, place.rows, tuple(parked))))
        seen: set[str] = set()
        is_lost = False
        for number, file in enumerate(files):
            statement = folder.read(file.name)
            if statement is None:  # it was whole a moment ago: where to go on stays before it
                is_lost = True
                continue
            records = [it for it in _records(file.name, statement, stream) if it.external_id not in seen]
            seen.update(it.external_id for it in records)
            if number < place.files:
                continue
            name = _shown(file.name)
            parked = [it for it in parked if it != name] + [name] * any(
                it.external_id == name and it.payload for it in records
            )
            for start in range(place.rows if number == place.files else 0, len(records), CHUNK):
                page = records[start : start + CHUNK]
                end = Place(place.folder, number, start + len(page), tuple(parked[-MOST_PARKED:]))
                if end.rows == len(records):
                    end = replace(end, files=number + 1, rows=0)
                yield Batch(page, cursor=None if is_lost else _cursor(end))

    def normalise(self, record: Record) -> Iterable[Event]:
        """Return the payment that came in; what left our account is kept as it is and says nothing."""
        head, fields = _content(record.payload)
        if head.problem:
            raise BadRecord(f"{head.problem}.")
        if not head.is_incoming:
            return ()
        found = payment(fields, head.account)
        return (Event("payment.observed", record.reference("payment"), found),) if found else ()

    def commands(self) -> Sequence[str]:
        """Return what the connection can do: write payment orders, if it has a folder for them."""
        return (KIND,) if self._outgoing else ()

    def prepare(self, command: Command) -> Callable[[], Receipt]:
        """Check and compose a payment order; what is returned writes it."""
        if self._outgoing is None or command.kind != KIND:
            raise Rejected(f"this connection does not know the command {command.kind}.")
        return self._outgoing.prepare(command)

    def execute(self, command: Command) -> Receipt:
        """Write a payment order as a file of its own; the same command never makes a second one."""
        return self.prepare(command)()

    def find(self, command: Command) -> Receipt | None:
        """Look for the file of a command; a bank program that took it away leaves no trace here."""
        return self._outgoing.find(command) if self._outgoing else None

    def _folder(self) -> Folder:
        return Folder(Path(self._settings.folder), self._settings.pattern)


_ASK_BANK = "Compare with the bank; the documents are read all the same unless it says otherwise."
_REFUSED = "If the bank's program is not writing it just now, export it again or move it away."


def _records(name: str, statement: Statement, stream: str) -> Iterator[Record]:
    """Yield one record for each movement, and one for all sections of a file that cannot be understood.

    The latter bears the name of the file, so that a better version of the file takes it back.
    """
    counts: Counter[str] = Counter()
    own = statement.own
    problems, raws = [], []
    for block in statement.documents:
        try:
            found = _understood(block, statement.encoding, own)
        except BadRecord as error:
            problems.append(f"line {odd_line(block, statement.encoding)}: {error}")
            raws.append(block.raw)
            continue
        for movement in found:
            counts[movement.key] += 1
            head = Head(statement.encoding, movement.account, movement.is_incoming)
            yield Record(f"{movement.key}/{counts[movement.key]}", _payload(head, block.raw), stream=stream)
    if problems:
        head = Head(statement.encoding, problem=f"{_shown(name)}, " + "; ".join(problems))
        yield Record(_shown(name), _payload(head, b"\n\n".join(raws)), stream=stream)
    else:
        yield Record(_shown(name), deleted=True, stream=stream)


def _understood(block: Block, encoding: str, own: Collection[str]) -> Sequence[Movement]:
    if block.problem:
        raise BadRecord(block.problem)
    return movements(fields_of(block.raw, encoding), own)


def _oddities(statement: Statement) -> Iterator[str]:
    yield from remarks(statement)
    own = statement.own
    for block in statement.documents:
        try:
            _understood(block, statement.encoding, own)
        except BadRecord as error:
            yield f"line {odd_line(block, statement.encoding)}: {error}; this document is parked"


def _shown(name: str) -> str:
    return name.encode(errors="replace").decode()[:80]


def _payload(head: Head, raw: bytes) -> bytes:
    return msgspec.json.encode(head) + b"\n" + raw


def _content(payload: bytes) -> tuple[Head, Mapping[str, str]]:
    first, _, raw = payload.partition(b"\n")
    try:
        head = _heads.decode(first)
        return head, fields_of(raw, head.encoding)
    except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, RecursionError) as error:
        raise BadRecord("The record is damaged: its first line does not say where it comes from.") from error


def _place(cursor: Cursor | None) -> Place | None:
    """Return where a cursor stands, `None` for none and for one that cannot be read."""
    try:
        place = msgspec.convert(cursor, Place)
    except msgspec.ValidationError:
        return None
    return place if place.files >= 0 and place.rows >= 0 else None


def _cursor(place: Place) -> Mapping[str, Any]:
    made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(place))
    return made
