"""Runs a connection to Notebook: what is read in which order, and how far it got."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from hub.api import Batch, Check, Command, Cursor, Event, Receipt, Record, Rejected, Stream, Tools

from .client import NotebookClient
from .normalise import NORMALISERS
from .settings import NotebookSettings

CHUNK = 100
CREATE = "ticket.create"


class Notebook:
    """One connection."""

    def __init__(self, settings: NotebookSettings, tools: Tools) -> None:
        self._client = NotebookClient(settings, tools.http)
        self._stale = tools.stale

    def check(self) -> Check:
        """Ask the server who we are."""
        account = self._client.account()
        return Check(account.account, account.version, account.time)

    def streams(self) -> Sequence[Stream]:
        """Return what can be read."""
        return [Stream("clients", "Clients", snapshot=True), Stream("tickets", "Tickets")]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        """Read one stream from the cursor on."""
        return self._clients(stream) if stream.name == "clients" else self._tickets(cursor)

    def normalise(self, record: Record) -> Iterable[Event]:
        """Translate one record."""
        return NORMALISERS[record.stream](record)

    def commands(self) -> Sequence[str]:
        """Return what can be done."""
        return [CREATE]

    def execute(self, command: Command) -> Receipt:
        """Create a ticket."""
        if command.kind != CREATE:
            raise Rejected(f"Notebook cannot do {command.kind}.")
        fields = {name: command.data.get(name, "") for name in ("subject", "text")}
        return Receipt(external_id=self._client.create(command.id, fields))

    def find(self, command: Command) -> Receipt | None:
        """Look whether a command has already had its effect."""
        found = self._client.find(command.id)
        return Receipt(external_id=found) if found else None

    def _clients(self, stream: Stream) -> Iterator[Batch]:
        versions = self._client.index()
        stale = sorted(self._stale(stream.name, versions))
        for start in range(0, len(stale), CHUNK):
            found = self._client.clients(stale[start : start + CHUNK])
            yield Batch([Record(client.id, raw, client.version) for client, raw in found], expected=len(stale))
        yield Batch(present=versions.keys() - set(stale), complete=True)

    def _tickets(self, cursor: Cursor | None) -> Iterator[Batch]:
        for page in self._client.changes(_since(cursor)):
            records = [
                Record(ticket.id, deleted=True) if ticket.deleted else Record(ticket.id, raw, ticket.changed)
                for ticket, raw in page
            ]
            yield Batch(records, cursor={"changed": page[-1][0].changed} if page else None)


def _since(cursor: Cursor | None) -> str:
    """Return the inclusive lower bound; a cursor that cannot be read means from the start."""
    try:
        return datetime.fromisoformat((cursor or {})["changed"]).isoformat()
    except (KeyError, TypeError, ValueError):
        return ""
