"""The standard OData interface of 1C over HTTP: addresses, sessions, answers and what its errors mean."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from logging import Logger
from typing import TypeVar
from urllib.parse import quote, unquote

import msgspec
from msgspec import Raw, Struct, field

from hub.api import AuthError, Http, Rejected, Response, SettingsError, Unavailable

from .settings import OneCSettings
from .walk import Disordered

READ_TIMEOUT = timedelta(minutes=3)
METADATA_TIMEOUT = timedelta(minutes=5)
METADATA_BYTES = 96 * 1024 * 1024
TABLE_TIMEOUT = timedelta(minutes=10)
TABLE_BYTES = 64 * 1024 * 1024
HEADS = "Ref_Key,DataVersion,DeletionMark"
MAX_URL = 2000
JSON = "$format=application/json%3Bodata%3Dnometadata"
_READABLE = (400, 401, 404, 405, 406, 415, 500, 501)
UNKNOWN_NAME = frozenset({"0", "6", "10", "14", "21"})
"""Codes of a refusal that may mean a name which this publication does not know."""
_UNCLEAR = frozenset({"0", "1", "4", "6", "14", "21"})
"""Codes of a refusal that concerns the question and neither the set nor the rights."""
_SESSION_LOST = frozenset({400, 404, 500})
T = TypeVar("T")
_SAFE = ",'/*()$:"
_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_XML_CODE = re.compile(rb"<(?:\w+:)?code[^>]*>\s*(-?\d+)\s*<")
_XML_WORDS = re.compile(rb"<(?:\w+:)?message[^>]*>([^<]*)<")


class ODataError(Rejected):
    """1C understood the request and refused it; `code` is its own number as text, one set is concerned."""

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class Head(Struct):
    """What tells one object and its state: the rest of it is not looked at."""

    key: str = field(name="Ref_Key")
    version: str | None = field(name="DataVersion", default=None)


class Row(Struct):
    """One object: its key, its version and its bytes as received."""

    key: str
    version: str
    payload: bytes


class _Heads(Struct):
    value: list[Head]


class _Raws(Struct):
    value: list[Raw]


class _Name(Struct):
    name: str


class _Names(Struct):
    value: list[_Name]


class _Words(Struct, frozen=True):
    value: str = ""


class _Error(Struct, frozen=True):
    code: str = ""
    message: _Words = _Words()


class _Refusal(Struct):
    error: _Error = field(name="odata.error")


_heads = msgspec.json.Decoder(_Heads)
_raws = msgspec.json.Decoder(_Raws)
_names = msgspec.json.Decoder(_Names)
_refusal = msgspec.json.Decoder(_Refusal)


class ODataClient:
    """One publication. Requests run one after another, in one 1C session where the publication knows sessions."""

    def __init__(self, settings: OneCSettings, http: Http, log: Logger) -> None:
        self._settings = settings
        self._http = http
        self._log = log
        self._cookie = ""
        pair = f"{settings.user}:{settings.password.get_secret_value()}"
        self._authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        self._published: frozenset[str] | None = None
        self.server_time: datetime | None = None

    def published(self) -> frozenset[str]:
        """Return the names of the published sets; asked once."""
        if self._published is None:
            answer = self._get("", JSON)
            names = _decode(_names, answer.content, "the service document").value
            self.server_time = _date(answer.headers)
            self._published = frozenset(item.name for item in names)
        return self._published

    def metadata(self) -> bytes:
        """Return `$metadata`."""
        return self._get(
            "$metadata", "", accept="application/xml", timeout=METADATA_TIMEOUT, max_bytes=METADATA_BYTES
        ).content

    def heads(self, set_name: str, where: str, skip: int, top: int) -> list[Head]:
        """Return keys and versions of one page in the order of `Ref_Key`."""
        return read_heads(self._page(set_name, skip, top, HEADS, where), set_name)

    def heads_from(self, set_name: str, where: str, key: str, top: int) -> list[Head]:
        """Return keys and versions of one page that begins with that key. Raises Disordered."""
        return read_heads(self._page_from(set_name, key, top, HEADS, where), set_name)

    def rows(self, set_name: str, select: str, skip: int, top: int) -> list[Row]:
        """Return the objects of one page in the order of `Ref_Key`."""
        return split(self._page(set_name, skip, top, select), set_name)

    def rows_from(self, set_name: str, select: str, key: str, top: int) -> list[Row]:
        """Return the objects of one page that begins with that key. Raises Disordered."""
        return split(self._page_from(set_name, key, top, select), set_name)

    def has(self, set_name: str, key: str) -> bool:
        """Tell whether the object still exists."""
        query = self._query(HEADS, {"$filter": f"Ref_Key eq guid'{key}'"})
        return bool(read_heads(self._get(quote(set_name), query).content, set_name))

    def objects(self, set_name: str, keys: Sequence[str], select: str, *, by: str = "Ref_Key") -> Iterator[Row]:
        """Yield the objects with these keys, or whose reference `by` leads there, as far as they still exist."""
        size = self.group_size(set_name, select, by)
        for start in range(0, len(keys), size):
            wanted = " or ".join(f"{by} eq guid'{key}'" for key in keys[start : start + size])
            query = self._query(select, {"$filter": wanted})
            yield from split(self._get(quote(set_name), query).content, set_name)

    def group_size(self, set_name: str, select: str, by: str = "Ref_Key") -> int:
        """Return how many keys one address can name without growing too long for web servers."""
        empty = len(self._settings.url) + len(quote(set_name)) + len(self._query(select, {"$filter": ""})) + 1
        clause = len(quote(f" or {by} eq guid''", safe=_SAFE)) + 36
        return max(1, (MAX_URL - empty) // clause)

    def count(self, set_name: str, where: str = "") -> int | None:
        """Return how many objects the set has, or `None` when the publication does not count."""
        asked = [f"$filter={quote(where, safe=_SAFE)}"] if where else []
        asked += ["allowedOnly=true"] if self._settings.allowed_only else []
        try:
            text = self._get(f"{quote(set_name)}/$count", "&".join(asked), accept="text/plain, */*").content
        except ODataError as error:
            self._log.warning("%s cannot be counted (1C says code %s)", set_name, error.code)
            return None
        digits = text.removeprefix(b"\xef\xbb\xbf").strip()
        if not digits.isdigit() or len(digits) > 12:
            raise Unavailable(f"{set_name}/$count is not a number.")
        return int(digits)

    def table(
        self, set_name: str, function: str, period: datetime, where: str = "", *, select: str = ""
    ) -> list[bytes]:
        """Return the rows of a virtual table as received; it comes in one answer."""
        call = f"{set_name}/{function}(Period=datetime'{period:%Y-%m-%dT%H:%M:%S}')"
        options = {"$filter": where} if where else {}
        content = self._get(
            quote(call, safe="/()='"), self._query(select, options), timeout=TABLE_TIMEOUT, max_bytes=TABLE_BYTES
        ).content
        return [bytes(raw) for raw in _decode(_raws, content, set_name).value]

    def peek(self, set_name: str) -> None:
        """Ask a set for one row, to see whether it may be read."""
        self._get(quote(set_name), self._query("", {"$top": "1"}))

    def values(self, set_name: str, select: str, where: str = "") -> list[bytes]:
        """Return the rows of a small set whole."""
        options = {"$filter": where} if where else {}
        content = self._get(quote(set_name), self._query(select, options)).content
        return [bytes(raw) for raw in _decode(_raws, content, set_name).value]

    def exchange(self, verb: str, point: str, message: int) -> bytes:
        """Send `SelectChanges` or `NotifyChangesReceived` for a node and return the answer."""
        query = f"DataExchangePoint='{quote(point, safe=_SAFE)}'&MessageNo={message}"
        return self._send(
            "POST", verb, query, accept="application/atom+xml", timeout=TABLE_TIMEOUT, max_bytes=METADATA_BYTES
        ).content

    def one(self, place: str) -> bytes:
        """Return one object whole. Raises ODataError with code 9 when there is none."""
        return self._get(place, JSON).content

    def matching(self, set_name: str, select: str, where: str, top: int) -> list[Row]:
        """Return some objects that a condition fits."""
        query = self._query(select, {"$filter": where, "$top": str(top)})
        return split(self._get(quote(set_name), query).content, set_name)

    def send_once(self, method: str, place: str, body: bytes, version: str = "") -> Response:
        """Send one change, once and whatever becomes of it; return the answer whatever it says."""
        headers = {**self._headers("application/json"), "Content-Type": "application/json"}
        headers |= {"If-Match": version} if version else {}
        return self._http.request(
            method, f"{self._settings.url}{place}{'&' if '?' in place else '?'}{JSON}", headers=headers, content=body,
            timeout=READ_TIMEOUT, accept_status=range(400, 600),
        )  # fmt: skip

    def has_session(self) -> bool:
        """Tell whether requests go in a session that may have ended; forget it."""
        held, self._cookie = self._cookie, ""
        return bool(held)

    def _page(self, set_name: str, skip: int, top: int, select: str, where: str = "") -> bytes:
        options = {"$filter": where} if where else {}
        query = self._query(select, {**options, "$orderby": "Ref_Key", "$top": str(top), "$skip": str(skip)})
        return self._get(quote(set_name), query).content

    def _page_from(self, set_name: str, key: str, top: int, select: str, where: str = "") -> bytes:
        wanted = f"Ref_Key ge guid'{key}'" + (f" and {where}" if where else "")
        query = self._query(select, {"$filter": wanted, "$orderby": "Ref_Key", "$top": str(top)})
        try:
            return self._get(quote(set_name), query, may_be_refused=True).content
        except ODataError as error:
            if error.code in _UNCLEAR:
                raise Disordered(error.code) from error
            raise

    def _query(self, select: str, options: Mapping[str, str]) -> str:
        given = {**({"$select": select} if select else {}), **options}
        if self._settings.allowed_only:
            given["allowedOnly"] = "true"
        return "&".join([JSON, *(f"{name}={quote(value, safe=_SAFE)}" for name, value in given.items())])

    def _get(
        self,
        path: str,
        query: str,
        *,
        accept: str = "application/json",
        timeout: timedelta = READ_TIMEOUT,
        max_bytes: int = 32 * 1024 * 1024,
        may_be_refused: bool = False,
    ) -> Response:
        return self._send(
            "GET", path, query, accept=accept, timeout=timeout, max_bytes=max_bytes, may_be_refused=may_be_refused
        )

    def _send(
        self,
        method: str,
        path: str,
        query: str,
        *,
        accept: str,
        timeout: timedelta,
        max_bytes: int,
        may_be_refused: bool = False,
    ) -> Response:
        url = f"{self._settings.url}{path}" + (f"?{query}" if query else "")
        while True:
            cookie = self._cookie
            answer = self._http.request(
                method, url, headers=self._headers(accept), timeout=timeout, max_bytes=max_bytes,
                accept_status=_READABLE,
            )  # fmt: skip
            if cookie and answer.status in _SESSION_LOST and not (may_be_refused and _is_about_question(answer)):
                self._cookie = ""  # the session may have ended; a second answer of a new one is the true one
                continue
            if self._settings.session and (
                found := re.search(r"ibsession=([^;,\s]+)", answer.headers.get("set-cookie", ""))
            ):
                self._cookie = found[1]
            self.refuse(answer, path, as_json=accept == "application/json")
            return answer

    def _headers(self, accept: str) -> dict[str, str]:
        headers = {"Authorization": self._authorization, "Accept": accept}
        if self._settings.session:
            headers |= {"Cookie": f"ibsession={self._cookie}"} if self._cookie else {"IBSession": "start"}
        return headers

    def refuse(self, answer: Response, path: str, *, as_json: bool) -> None:
        """Raise what an answer means that is not the data asked for."""
        status, is_html = answer.status, _is_html(answer)
        if 200 <= status < 300 and not is_html and not (as_json and answer.content.lstrip()[:1] == b"<"):
            return
        if status < 300:
            what = "an HTML page" if is_html else "XML"
            raise Unavailable(
                f"The web server answered with {what} instead of 1C data.",
                hint="Open the address in a browser: a proxy or a sign-in page stands in front of 1C.",
            )
        if status < 400:
            raise SettingsError(
                "The address leads elsewhere (HTTP redirect).", field="url", hint="Write the final one."
            )
        error = None if is_html else error_of(answer.content)
        if status == 406:
            raise Unavailable("1C could not start one more session.", hint="Check licences and the session limit.")
        if error is not None:
            raise self._meaning(error, status, path)
        raise self._silent(status)

    def _meaning(self, error: _Error, status: int, path: str) -> ODataError:
        set_name = re.sub(r"[/(].*", "", unquote(path)) or "the service"
        words = error.message.value.strip()[:300]
        hint = ""
        if error.code == "20":
            hint = f"Give the user the right to read {set_name}; with row-level rights also set allowed_only: true."
        elif error.code == "8":
            hint = f"Add {set_name} to the composition of the standard OData interface."
        return ODataError(
            f"1C refused {set_name} (HTTP {status}, code {error.code}): {words}", code=error.code, hint=hint
        )

    def _silent(self, status: int) -> Exception:
        if status == 401:
            return AuthError(
                "1C refused the user or the password.",
                hint="The user needs 1C:Enterprise authentication and a password; in a cloud try the cloud account.",
            )
        if status == 404:
            return SettingsError(
                "Nothing is published at the address.",
                field="url",
                hint="Check the publication name and that OData is switched on in it.",
            )
        if status >= 500:
            return Unavailable(f"The web server of 1C failed (HTTP {status}).")
        return ODataError(f"The web server refused the request (HTTP {status}).", code="")


def split(content: bytes, set_name: str) -> list[Row]:
    """Cut a page into objects without decoding them."""
    heads = read_heads(content, set_name)
    raws = _decode(_raws, content, set_name).value
    return [Row(head.key, head.version or "", bytes(raw)) for head, raw in zip(heads, raws, strict=True)]


def read_heads(content: bytes, set_name: str) -> list[Head]:
    """Return keys and versions of a page. Raises Unavailable for anything but a whole page of objects with keys."""
    heads = _decode(_heads, content, set_name).value
    for head in heads:
        if not _KEY.fullmatch(head.key):
            head.key = head.key.strip().removeprefix("guid'").strip("{}'").lower()
            if not _KEY.fullmatch(head.key):
                raise Unavailable(f"{set_name}: an object has no usable Ref_Key; this is not the answer of 1C.")
    return heads


def _decode(decoder: msgspec.json.Decoder[T], content: bytes, what: str) -> T:
    try:
        return decoder.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unavailable(f"The answer for {what} breaks off or is damaged: {str(error)[:120]}.") from error


def error_of(content: bytes) -> _Error | None:
    """Return what 1C says about a request that it refused, `None` when this is not from 1C."""
    if content.lstrip()[:1] == b"{":
        try:
            return _refusal.decode(content.removeprefix(b"\xef\xbb\xbf")).error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
    if found := _XML_CODE.search(content):
        words = _XML_WORDS.search(content)
        return _Error(found[1].decode(), _Words(words[1].decode(errors="replace") if words else ""))
    return None


def _is_about_question(answer: Response) -> bool:
    """Tell whether 1C read the question and did not like it; its session is then alive."""
    error = None if answer.status != 400 else error_of(answer.content)
    return error is not None and error.code in _UNCLEAR


def _is_html(answer: Response) -> bool:
    return answer.media_type == "text/html" or answer.content[:200].lstrip().lower().startswith(
        (b"<!doctype html", b"<html")
    )


def _date(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
