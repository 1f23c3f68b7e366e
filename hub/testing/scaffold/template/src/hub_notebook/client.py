"""The protocol of Notebook: JSON over HTTP with a key. Nothing else of the plugin knows about either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import Struct

from hub.api import Http, Rejected, Unavailable

from .settings import NotebookSettings

Answer = TypeVar("Answer")


class Account(Struct):
    """Who the key belongs to, and the server itself."""

    account: str
    version: str
    time: datetime


class Version(Struct):
    """A client as the index lists it."""

    id: str
    version: str


class Change(Struct):
    """The little of a ticket that reading needs; the rest stays raw."""

    id: str
    changed: str
    deleted: bool = False


class Index(Struct):
    """All clients by id and version."""

    clients: list[Version]


class Clients(Struct):
    """Some clients, raw."""

    clients: list[msgspec.Raw]


class Page(Struct):
    """Some tickets, raw, oldest change first."""

    tickets: list[msgspec.Raw]
    more: bool


class Created(Struct):
    """A ticket the server made for us."""

    id: str


class Refusal(Struct):
    """Why the server will not do it."""

    error: str


class Found(Struct):
    """The tickets made for one reference."""

    tickets: list[Created]


class NotebookClient:
    """One session with the server."""

    def __init__(self, settings: NotebookSettings, http: Http) -> None:
        self._url = settings.url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {settings.key.get_secret_value()}"}
        self._http = http

    def account(self) -> Account:
        """Return who we are."""
        return self._get("/account", {}, Account)

    def index(self) -> dict[str, str]:
        """Return the versions of all clients by id."""
        return {client.id: client.version for client in self._get("/clients/index", {}, Index).clients}

    def clients(self, ids: Sequence[str]) -> list[tuple[Version, bytes]]:
        """Return those clients that still exist, each with its raw bytes."""
        answer = self._get("/clients", {"ids": ",".join(ids)}, Clients)
        return [(self._decode(bytes(raw), Version), bytes(raw)) for raw in answer.clients]

    def changes(self, since: str) -> Iterator[list[tuple[Change, bytes]]]:
        """Yield the tickets changed at or after that moment, oldest first, a page at a time."""
        place = {"since": since}
        while True:
            page = self._get("/tickets", place, Page)
            tickets = [(self._decode(bytes(raw), Change), bytes(raw)) for raw in page.tickets]
            yield tickets
            if not page.more or not tickets:
                return
            last = tickets[-1][0]
            place = {"since": last.changed, "after": last.id}

    def create(self, reference: str, fields: Mapping[str, object]) -> str:
        """Create a ticket and return its id. Raises Rejected with the server's words."""
        content = msgspec.json.encode({"reference": reference, **fields})
        answer = self._http.request(
            "POST", f"{self._url}/tickets", headers=self._headers, content=content, accept_status={422}
        )
        if answer.status == 422:
            raise Rejected(f"Notebook refused the ticket: {self._decode(answer.content, Refusal).error}")
        return self._decode(answer.content, Created).id

    def find(self, reference: str) -> str | None:
        """Return the id of the ticket made for that reference, or `None`."""
        found = self._get("/tickets/find", {"reference": reference}, Found).tickets
        return found[0].id if found else None

    def _get(self, path: str, params: Mapping[str, str], kind: type[Answer]) -> Answer:
        answer = self._http.request("GET", self._url + path, params=params, headers=self._headers)
        return self._decode(answer.content, kind)

    def _decode(self, content: bytes, kind: type[Answer]) -> Answer:
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unavailable(
                "Notebook answered with something that is not its JSON.",
                hint="Look whether the url is that of the server.",
            ) from error
