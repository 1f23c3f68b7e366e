"""Speak Graph: tokens, pages of changes, raw letters, sending. Errors leave here as those of the hub."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from hub.api import AuthError, Rejected, Response, SettingsError, Tokens, Tools, Unavailable

from .settings import WELL_KNOWN, GraphSettings

PAGE = 100
MOST_ANSWER = 8 * 1024 * 1024
FULL = ("ErrorQuotaExceeded", "ErrorSubmissionQuotaExceeded")
MOST_SENT = 3 * 1024 * 1024
"""Bytes of a letter that one request takes; Base64 makes them four megabytes, where Graph ends."""
SIZE = "Integer 0x0E08"
LASTING = 'IdType="ImmutableId"'
"""Without this preference the id of a letter changes when somebody moves it."""


class StateLost(Exception):
    """Graph no longer knows where we were: the folder is read anew."""


class Page(Struct, frozen=True):
    """Ids of letters that are there and when they came, and the link that goes on; `is_last` when nothing waits."""

    letters: dict[str, datetime | None]
    link: str
    is_last: bool


class Mailbox:
    """One mailbox at Graph."""

    def __init__(self, settings: GraphSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._tokens = Tokens(
            tools, f"{settings.login_url}/{settings.tenant}/oauth2/v2.0/token", _form(settings),
            "Write a new client_secret, or sign in again for a new refresh_token.",
        )  # fmt: skip
        self._root = f"{settings.url}/users/{quote(settings.address)}"

    def find(self, name: str) -> str | None:
        """Return the id of a folder, `None` when there is none of that name; a well-known one is its own id."""
        if name in WELL_KNOWN:
            answer = self._ask("GET", f"/mailFolders/{WELL_KNOWN[name]}?$select=id", accept=(404,))
            return WELL_KNOWN[name] if answer.status == 200 else None
        return self.folders().get(name)

    def folders(self) -> dict[str, str]:
        """Return the ids of the folders beside the inbox by their names."""
        rows = self._json(self._ask("GET", "/mailFolders?$top=200&$select=id,displayName")).get("value")
        found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return {str(row.get("displayName", "")): str(row.get("id", "")) for row in found}

    def changes(self, folder: str, link: str = "") -> Page:
        """Return the next page of a folder's changes; without a link the first. Raises StateLost.

        The first load asks for every letter and leaves old ones out by their date: with a filter Graph is said to end
        after some thousand, and it would not say so.
        """
        if not link:
            link = f"{self._root}/mailFolders/{quote(folder)}/messages/delta?$select=id,receivedDateTime"
        self._check_link(link)
        answer = self._ask("GET", link, prefer=f"odata.maxpagesize={PAGE}", accept=(404, 410))
        if answer.status == 410:
            raise StateLost
        if answer.status == 404:
            raise SettingsError("a folder that was read before is gone from the mailbox.", field="folders")
        told = self._json(answer)
        rows, onward = told.get("value"), told.get("@odata.nextLink") or told.get("@odata.deltaLink")
        if not isinstance(rows, list) or not isinstance(onward, str):
            raise Unavailable("Graph gave a page of changes without its rows or without the way on.")
        there = [row for row in rows if isinstance(row, dict) and "@removed" not in row]
        ids = {str(row["id"]): _moment(row.get("receivedDateTime")) for row in there if row.get("id")}
        return Page(ids, onward, "@odata.nextLink" not in told)

    def _check_link(self, link: str) -> None:
        if not link.startswith(f"{self._settings.url}/") or urlsplit(link).fragment or len(link) > 32_000:
            raise Unavailable("Graph gave a link that leads elsewhere.")

    def content(self, identifier: str) -> bytes | None:
        """Return a raw letter, `None` for one that is gone. Raises Unavailable."""
        path = f"/messages/{quote(identifier, safe='')}/$value"
        answer = self._ask("GET", path, accept=(404,), most=self._settings.max_message_bytes)
        return answer.content if answer.status == 200 else None

    def headers(self, identifier: str) -> tuple[bytes, int] | None:
        """Return headers and size of a letter, `None` for one that is gone."""
        query = f"$select=internetMessageHeaders&$expand=singleValueExtendedProperties($filter=id eq '{SIZE}')"
        path = f"/messages/{quote(identifier, safe='')}?{quote(query, safe='$=&()')}"
        answer = self._ask("GET", path, accept=(404,))
        if answer.status == 404:
            return None
        told = self._json(answer)
        rows, sizes = told.get("internetMessageHeaders"), told.get("singleValueExtendedProperties")
        size = (
            str(sizes[0].get("value", "")) if isinstance(sizes, list) and sizes and isinstance(sizes[0], dict) else ""
        )
        lines = [(str(row.get("name")), str(row.get("value"))) for row in rows or () if isinstance(row, dict)]
        raw = "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in lines)
        return raw.encode("utf-8", "replace") + b"\r\n", int(size) if size.isdecimal() and len(size) < 16 else 0

    def send(self, raw: bytes) -> None:
        """Send a letter. Raises Rejected with Graph's words; Unavailable says whether it may have left."""
        if len(raw) > MOST_SENT:
            raise Rejected(f"the letter has {len(raw)} bytes; Graph takes {MOST_SENT} in one piece.")
        token = self._unsent_token()
        answer = self._tools.http.request(
            "POST",
            f"{self._root}/sendMail",
            headers={"authorization": f"Bearer {token}", "content-type": "text/plain"},
            content=base64.b64encode(raw),
            max_bytes=MOST_ANSWER,
            accept_status=(400, 401, 403, 404, 413, 429, 503, 507),
        )
        if answer.status in (429, 503):
            wait = answer.headers.get("retry-after", "")
            later = timedelta(seconds=min(int(wait), 3600)) if wait.isdecimal() and len(wait) < 6 else None
            raise Unavailable(f"Graph takes no letters now: {_words(answer)}", retry_after=later, unsent=True)
        if any(code in _words(answer) for code in FULL):
            words = f"the mailbox is over its quota, so nothing was sent: {_words(answer)}"
            raise Rejected(words, hint="Free space in the mailbox, then: hub command retry.")
        if answer.status in (401, 403):
            raise _no_access(answer)
        if answer.status >= 400:
            raise Rejected(f"Graph refused the letter: {_words(answer)}")

    def is_sent(self, message_id: str) -> bool:
        """Tell whether a letter with that Message-ID lies among the sent ones."""
        query = urlencode({"$select": "id", "$filter": f"internetMessageId eq '<{message_id}>'"}, quote_via=quote)
        return bool(self._json(self._ask("GET", f"/mailFolders/sentitems/messages?{query}")).get("value"))

    def _unsent_token(self) -> str:
        try:
            return self._tokens.token()
        except Unavailable as error:
            error.unsent = True
            raise

    def _ask(
        self, method: str, place: str, *, prefer: str = "", accept: tuple[int, ...] = (), most: int = MOST_ANSWER
    ) -> Response:
        preferences = ", ".join(filter(None, (LASTING, prefer)))
        answer = self._tools.http.request(
            method,
            place if place.startswith("http") else f"{self._root}{place}",
            headers={"authorization": f"Bearer {self._tokens.token()}", "prefer": preferences},
            max_bytes=most,
            accept_status=(*accept, 401, 403),
        )
        if answer.status in (401, 403):
            raise _no_access(answer)
        return answer

    def _json(self, answer: Response) -> Mapping[str, Any]:
        try:
            told = json.loads(answer.content)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict) or answer.status != 200:
            raise Unavailable("Graph answered with something that is not JSON.")
        return told


def _form(settings: GraphSettings) -> dict[str, str]:
    form = {"client_id": settings.client_id}
    if settings.client_secret is not None:
        form["client_secret"] = settings.client_secret.get_secret_value()
    if settings.refresh_token is not None:
        return {**form, "grant_type": "refresh_token", "refresh_token": settings.refresh_token.get_secret_value()}
    parts = urlsplit(settings.url)
    return {**form, "grant_type": "client_credentials", "scope": f"{parts.scheme}://{parts.netloc}/.default"}


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _no_access(answer: Response) -> AuthError:
    return AuthError(
        f"Graph gives no access to the mailbox: {_words(answer)}",
        hint="The application needs Mail.Read and Mail.Send, granted by the administrator for this mailbox.",
    )


def _words(answer: Response) -> str:
    """Return Graph's code and words, shortly and with nobody's address in them."""
    try:
        told = json.loads(answer.content)["error"]
        text = f"{told['code']}: {told['message']}"
    except (ValueError, RecursionError, LookupError, TypeError):
        text = ""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return re.sub(r"[^\s<>@'\"]+@", "***@", line)[:200] or f"HTTP {answer.status}"
