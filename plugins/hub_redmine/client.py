"""The REST interface of Redmine: who we are, lists in pages that lose nothing, one issue as raw bytes.

Facts were observed on 5.0.4: a wrong key is answered with the anonymous view and status 200 everywhere except at
`/users/current.json`; `limit` is capped at 100 in silence; without `status_id=*` closed issues are left out; a time
with an offset such as `+03:00` is refused, only `Z` is taken; times have whole seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from itertools import pairwise
from typing import TypeVar

import msgspec
from msgspec import Struct

from hub.api import AuthError, Http, Response, Unavailable

from .settings import RedmineSettings

PAGE = 100
STEPS_BACK = 3
MAX_ISSUE_BYTES = 16 * 1024 * 1024

T = TypeVar("T")


class Status(Struct, frozen=True):
    """A status as an issue carries it; `is_closed` is there from Redmine 5 on."""

    id: int
    name: str = ""
    is_closed: bool | None = None


class Named(Struct, frozen=True):
    """Anything of which Redmine tells id and name."""

    id: int
    name: str = ""


class Row(Struct, frozen=True):
    """One issue in a list: only what decides whether it must be fetched."""

    id: int
    status: Status
    updated_on: str | None = None
    project: Named | None = None
    custom_fields: list[Named] | None = None
    digest: str = ""

    @property
    def version(self) -> str:
        """Return the change mark: the second of the last change and all that the list shows.

        A second change in the same second keeps `updated_on`; a renamed user or status keeps it too.
        """
        return f"{self.updated_on} {self.digest}"


class Page(Struct, frozen=True):
    """One page of a list, and how many issues the whole list has."""

    issues: list[Row]
    total_count: int


class User(Struct, frozen=True):
    """The account behind the key."""

    id: int
    login: str = ""
    admin: bool = False


class _Current(Struct):
    user: User


class _Statuses(Struct):
    issue_statuses: list[Status]


class _Priorities(Struct):
    issue_priorities: list[Named]


class _Single(Struct):
    issue: Row


class _Page(Struct):
    issues: list[msgspec.Raw]
    total_count: int


class RedmineClient:
    """The calls that the connector makes."""

    def __init__(self, settings: RedmineSettings, http: Http) -> None:
        self._url = settings.url
        self._headers = {"X-Redmine-API-Key": settings.key.get_secret_value(), "Accept": "application/json"}
        self._http = http

    def whoami(self) -> tuple[User, datetime | None]:
        """Return the account of the key and the server's time. Raises AuthError when the key is not known."""
        try:
            answer = self._http.request("GET", f"{self._url}/users/current.json", headers=self._headers)
        except AuthError as error:
            raise AuthError(
                f"Redmine at {self._url} refused the key.",
                hint="Take the key from «My account», and switch the REST API on (Administration, Settings, API).",
            ) from error
        return _decode(answer, _Current).user, _server_time(answer)

    def statuses(self) -> list[Status]:
        """Return the statuses of this installation."""
        return self._list("/issue_statuses.json", _Statuses, {}).issue_statuses

    def priorities(self) -> list[Named]:
        """Return the priorities of this installation."""
        return self._list("/enumerations/issue_priorities.json", _Priorities, {}).issue_priorities

    def page(self, sort: str, offset: int, *, since: str = "", limit: int = PAGE) -> Page:
        """Return a page of all issues, closed ones too, changed at `since` or later."""
        query = {"status_id": "*", "sort": sort, "limit": str(limit), "offset": str(offset)}
        if since:
            query["updated_on"] = f">={since}"
        answer = self._list("/issues.json", _Page, query)
        return Page([_row(raw, self._url) for raw in answer.issues], answer.total_count)

    def changed(self, since: str) -> Iterator[Page]:
        """Yield the issues changed at `since` or later, oldest change first."""
        return self._walk("updated_on,id", since)

    def all(self) -> Iterator[Page]:
        """Yield all issues by id."""
        return self._walk("id", "")

    def issue(self, issue_id: int) -> bytes | None:
        """Return one issue with its journals as received; `None` when it has gone or may no longer be seen."""
        answer = self._http.request(
            "GET",
            f"{self._url}/issues/{issue_id}.json",
            params={"include": "journals,attachments,allowed_statuses"},
            headers=self._headers,
            max_bytes=MAX_ISSUE_BYTES,
            accept_status=(403, 404),
        )
        if answer.status in (403, 404):
            return None
        found = _decode(answer, _Single).issue.id
        if found != issue_id:
            raise Unavailable(f"{self._url} answered with issue {found} when asked for {issue_id}.")
        return answer.content

    def _list(self, path: str, kind: type[T], query: Mapping[str, str]) -> T:
        answer = self._http.request("GET", self._url + path, params=query, headers=self._headers)
        return _decode(answer, kind)

    def _walk(self, sort: str, since: str) -> Iterator[Page]:
        """Yield pages so that rows which move while we read are seen again and never skipped.

        Within a second the order is the server's secret, so pages are joined by their rows: each begins with the last
        row of the one before. If it begins with an unknown row, rows before it were deleted or moved to the end; then
        we step back until the pages join. A page that only repeats is an error and not the end.
        """
        offset, steps_back = 0, 0
        seen: deque[_Mark] = deque(maxlen=20 * PAGE)
        while True:
            page = self.page(sort, offset, since=since)
            self._expect_sorted(page, sort)
            marks = [(row.id, row.updated_on) for row in page.issues]
            known = set(seen)
            if offset and (not marks or marks[0] not in known):
                steps_back += 1
                if steps_back > STEPS_BACK:
                    raise Unavailable(f"the pages of the list at {self._url} do not join.")
                offset = max(0, offset - (PAGE << steps_back) // 4)
                continue
            fresh = [row for row, mark in zip(page.issues, marks, strict=True) if mark not in known]
            if not fresh and not steps_back and marks and marks[0] != seen[-1]:
                raise Unavailable(f"{self._url} repeats a page of its list.")
            if fresh:
                steps_back = 0
                seen.extend((row.id, row.updated_on) for row in fresh)
                yield Page(fresh, page.total_count)
            if offset + len(marks) >= page.total_count:
                return
            if not marks:
                raise Unavailable(f"{self._url} announces {page.total_count} issues and sends none.")
            offset += max(1, len(marks) - 1)

    def _expect_sorted(self, page: Page, sort: str) -> None:
        if sort == "id":
            is_sorted = all(before.id < after.id for before, after in pairwise(page.issues))
        else:
            is_sorted = all((a.updated_on or "") <= (b.updated_on or "") for a, b in pairwise(page.issues))
        if not is_sorted:
            raise Unavailable(f"{self._url} does not sort its list by {sort}; to read on would lose issues.")


_Mark = tuple[int, str | None]
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_HINT = "Is the address that of Redmine, and does nothing stand between, such as a sign-in page?"


def _decode(answer: Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind, strict=False)
    except _UNREADABLE as error:
        what = answer.media_type or "no media type"
        raise Unavailable(f"{answer.url} did not answer as Redmine does ({what}).", hint=_HINT) from error


def _row(raw: msgspec.Raw, url: str) -> Row:
    try:
        row = msgspec.json.decode(raw, type=Row, strict=False)
    except _UNREADABLE as error:
        raise Unavailable(f"the list of issues at {url} has a row that is no issue.", hint=_HINT) from error
    return msgspec.structs.replace(row, digest=blake2b(bytes(raw), digest_size=6).hexdigest())


def _server_time(answer: Response) -> datetime | None:
    try:
        moment = parsedate_to_datetime(answer.headers.get("date", ""))
    except (TypeError, ValueError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_time(text: object) -> datetime | None:
    """Read a time of Redmine, which is always in UTC; `None` when it is not one."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def write_time(moment: datetime) -> str:
    """Write a time as the filters of Redmine take it: whole seconds in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
