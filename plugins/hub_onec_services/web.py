"""HTTP to a published base: who we are, one 1C session, and what an answer means that is not the data asked for."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import quote

from hub.api import AuthError, Http, Rejected, Response, SettingsError, Unavailable

from .settings import ServicesSettings

READ_TIMEOUT = timedelta(minutes=3)
MOST_BYTES = 64 * 1024 * 1024
MOST_WORDS = 300
_NO_SESSION = "hub=1"
"""Some cookie of ours, because without any the HTTP client would send that of the session that has ended."""
_READABLE = (400, 404, 405, 406, 415, 422, 500, 501)
_SESSION_LOST = frozenset({400, 404, 500})
_MODULE = re.compile(r"\{[^{}]{1,300}\(\d+(?:,\s*\d+)?\)\}")
_BUSY = re.compile(
    r"лиценз|license|количеств\w+ сеансов|начал\w+ сеанса .*запрещен|сеанс\w* (?:отсутствует|удален|заверш)|"
    r"блокиров|deadlock|таймаут|timeout|недоступн\w+ сервер|сервер\w* недоступ",
    re.IGNORECASE,
)
_WHO = re.compile(r"идентификац\w+ пользователя не выполнена|неправильн\w+ (?:имя|парол)|authenticat", re.IGNORECASE)
_RIGHTS = re.compile(r"недостаточно прав|нарушение прав|access violation", re.IGNORECASE)


class Web:
    """One published base. Requests run one after another, in one 1C session where the publication knows sessions."""

    def __init__(self, settings: ServicesSettings, http: Http) -> None:
        self._settings = settings
        self._http = http
        self._cookie = ""
        pair = f"{settings.user}:{settings.password.get_secret_value()}"
        self._authorization = "Basic " + base64.b64encode(pair.encode()).decode() if settings.user else ""
        self.server_time: datetime | None = None

    def address(self, path: str) -> str:
        """Return the address of a path below the base."""
        return f"{self._settings.url}/{quote(path, safe='/')}"

    def send(
        self,
        method: Literal["GET", "POST"],
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Response:
        """Send one request; any answer of 1C itself comes back, also a refusal.

        Raises SettingsError when nothing is published there, Unavailable for a page of a web server or proxy.
        """
        asked = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in (query or {}).items())
        url = self.address(path) + (f"?{asked}" if asked else "")
        while True:
            cookie = self._cookie
            answer = self._http.request(
                method, url, headers={**(headers or {}), **self._headers()}, content=content,
                timeout=READ_TIMEOUT, max_bytes=MOST_BYTES, accept_status=_READABLE,
            )  # fmt: skip
            if cookie and answer.status in _SESSION_LOST:
                self._cookie = ""  # the session may have ended; a second answer of a new one is the true one
                if method == "GET" or answer.status != 500:  # with 500 the call was carried out
                    continue
            break
        self._note(answer)
        self._refuse(answer, path)
        return answer

    def _headers(self) -> dict[str, str]:
        headers = {"Authorization": self._authorization} if self._authorization else {}
        if self._settings.session:
            headers["Cookie"] = f"ibsession={self._cookie}" if self._cookie else _NO_SESSION
            if not self._cookie:
                headers["IBSession"] = "start"
        return headers

    def _note(self, answer: Response) -> None:
        if self._settings.session and (
            found := re.search(r"ibsession=([^;,\s]+)", answer.headers.get("set-cookie", ""))
        ):
            self._cookie = found[1]
        try:
            self.server_time = parsedate_to_datetime(answer.headers.get("date", ""))
        except (TypeError, ValueError):
            self.server_time = None

    def _refuse(self, answer: Response, path: str) -> None:
        if 300 <= answer.status < 400:
            raise SettingsError(
                "The address leads elsewhere (HTTP redirect).", field="url", hint="Write the final one."
            )
        if answer.status == 406:
            raise Unavailable("1C could not start one more session.", hint="Check licences and the session limit.")
        if _is_html(answer) and answer.status != 404:
            words = html_words(answer.content)
            if _MODULE.search(words):
                raise meaning(words, path)
            raise Unavailable(
                f"The web server answered {path} with an HTML page (HTTP {answer.status}) instead of data.",
                hint="Open the address in a browser: a proxy or a sign-in page stands in front of 1C.",
            )
        if answer.status == 404:
            raise SettingsError(
                f"Nothing is published at {path}.",
                field="streams",
                hint="Check the path and that the service is switched on in the publication of the base.",
            )


def meaning(words: str, what: str) -> AuthError | Rejected | Unavailable:
    """Return what a refusal of 1C means, with its own words, which name module and line."""
    said = " ".join(words.split())[:MOST_WORDS]
    if _WHO.search(said):
        return AuthError(f"1C does not know the user or the password: {said}")
    if _RIGHTS.search(said):
        return Rejected(f"1C refused {what}: {said}", hint="Give the user the rights that the service needs.")
    if _BUSY.search(said):
        return Unavailable(f"1C cannot answer {what} now: {said}")
    return Rejected(f"1C failed in {what}: {said}", hint="The text names the module and line for its programmer.")


def html_words(content: bytes) -> str:
    """Return the text of a page without its tags."""
    text = re.sub(r"(?is)<(script|style).*?</\1>|<[^>]*>", " ", content[:20_000].decode("utf-8", "replace"))
    return " ".join(text.split())


def _is_html(answer: Response) -> bool:
    return answer.media_type == "text/html" or answer.content[:200].lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(
        (b"<!doctype html", b"<html")
    )
