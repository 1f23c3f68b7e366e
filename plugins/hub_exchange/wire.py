"""The HTTP below EWS: one connection that cannot hang, flood, go elsewhere or take half an answer for a whole one.

What the libraries do by default is closed here: an answer of any size in memory, a time-out for each read instead of
the whole call, a proxy and a password taken from the environment, a damaged document repaired in silence, a 401 that
says `Connection: close` taken for a busy server and tried again.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import requests_ntlm
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util import wait_for_read

from hub.api import AuthError, HubError, SettingsError, Unavailable

from .settings import ExchangeSettings

CONNECT_SECONDS = 15
ANSWER_SECONDS = 60
CALL_SECONDS = 300
PIECE = 64 * 1024
MOST_WAIT = timedelta(hours=1)
AGENT = "svyazka"
PASSWORD_HINT = "Correct user and password, then: hub sync. Nothing is tried by itself, so the account is not locked."  # noqa: S105


class Answer(requests.Response):
    """An answer that is read piece by piece, within a limit and a deadline."""

    most_bytes = 0
    deadline = 0.0

    def iter_content(self, chunk_size: int | None = PIECE, decode_unicode: bool = False) -> Iterator[Any]:  # noqa: ARG002
        """Yield the body in large pieces; the library would ask for single bytes."""
        content = getattr(self, "_content", False)
        if isinstance(content, bytes):
            return (content[start : start + PIECE] for start in range(0, len(content), PIECE))
        return self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        size = 0
        try:
            while piece := self.raw.read1(PIECE, decode_content=True):
                size += len(piece)
                if size > self.most_bytes:
                    raise TooMuch(f"the server sent more than {self.most_bytes} bytes.")
                if time.monotonic() > self.deadline:
                    raise Unavailable("the server did not finish its answer in time.")
                yield piece
        except (HTTPError, OSError, ValueError) as error:
            raise Unavailable(f"the answer broke off ({type(error).__name__}).") from error
        finally:
            if size > self.most_bytes or time.monotonic() > self.deadline:
                self.raw.close()
        self._content_consumed = True


class Adapter(HTTPAdapter):
    """Carries requests to one server; certificates are verified as everywhere in Python, not by a list of its own."""

    def __init__(self, host: str, context: ssl.SSLContext, most_bytes: int) -> None:
        self._host, self._context, self._most_bytes = host, context, most_bytes
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0, pool_block=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool with our own rules for certificates."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the context as it is: it verifies."""

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """Return the answer as one that has limits."""
        answer = super().build_response(req, resp)
        answer.__class__ = Answer
        assert isinstance(answer, Answer)
        answer.most_bytes, answer.deadline = self._most_bytes, time.monotonic() + CALL_SECONDS
        return answer

    def send(self, request: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Send a request; whatever fails on the way is one of the hub's errors."""
        kwargs.update(stream=True, timeout=(CONNECT_SECONDS, ANSWER_SECONDS), verify=True, proxies={})
        try:
            return super().send(request, **kwargs)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise network_error(self._host, error) from error


def next_piece(answer: requests.Response, seconds: float) -> bytes | None:
    """Return what comes next of an open answer: `None` when nothing comes in so many seconds, no bytes at its end.

    To ask whether something is there, and only then to read, leaves the connection whole when nothing is; a read that
    runs into its time-out would not.
    """
    raw = answer.raw
    connection, buffer = raw.connection, getattr(getattr(raw, "_fp", None), "fp", None)
    if connection is None or connection.sock is None or buffer is None:
        return b""
    try:
        if not _is_held(connection.sock, buffer) and not wait_for_read(connection.sock, max(seconds, 0)):
            return None
        piece: bytes = raw.read1(PIECE, decode_content=True)
        return piece
    except (HTTPError, OSError, ValueError) as error:
        raise Unavailable(f"the answer broke off ({type(error).__name__}).") from error


def _is_held(sock: Any, buffer: Any) -> bool:
    """Tell whether bytes have come that a wait on the socket would not see; the end of a chunk alone is nothing."""
    sock.settimeout(0)
    try:
        held: bytes = buffer.peek(1)
    except ssl.SSLWantReadError:
        held = b""
    finally:
        sock.settimeout(ANSWER_SECONDS)
    return bool(held.strip(b"\r\n")) or (isinstance(sock, ssl.SSLSocket) and sock.pending() > 0)


def network_error(host: str, error: BaseException) -> HubError:
    """Return what a failed connection means; with `unsent` where no byte of the request can have arrived."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SettingsError(
                f"the certificate of {host} is not accepted: {cause.verify_message}.",
                field="ca_file",
                hint="Give the authority's certificate as ca_file, or correct the host name.",
            )
        if isinstance(cause, ssl.SSLError):
            return Unavailable(
                f"{host} does not speak a TLS that is safe ({cause.reason or 'no reason'}).", unsent=True
            )
        if isinstance(cause, NewConnectionError | requests.ConnectTimeout):
            return Unavailable(f"{host} cannot be reached.", unsent=True)
        if isinstance(cause, TimeoutError | requests.ReadTimeout):
            return Unavailable(f"{host} did not answer in time.")
    return Unavailable(f"{host} broke the connection off ({type(error).__name__}).")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop(0)
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            inner = [it for it in one.args if isinstance(it, BaseException)]
            waiting += [
                getattr(one, "reason", None) if isinstance(getattr(one, "reason", None), BaseException) else None
            ]
            waiting += [*inner, one.__cause__, one.__context__]


def check_answer(answer: requests.Response, host: str) -> None:
    """Raise what an answer means that is not SOAP, and refuse one that was cut short."""
    status = answer.status_code
    if status == 401 and "authorization" not in {name.lower() for name in answer.request.headers}:
        offered = ", ".join(re.findall(r"(?:^|, )([A-Za-z]{2,20})", answer.headers.get("www-authenticate", "")))
        hint = f"It offers: {offered or 'nothing'}."
        raise SettingsError(f"{host} does not offer the login that `auth` asks for.", field="auth", hint=hint)
    if status == 401 or b"The referenced account is currently locked out" in _body(answer):
        raise AuthError(f"{host} refused the login.", hint=PASSWORD_HINT)
    if status == 403:
        raise AuthError(f"{host} denies the access to EWS (HTTP 403).", hint="Ask its administrator to allow EWS.")
    if status in (301, 302, 303, 307, 308) and "genericerrorpage" not in answer.headers.get("location", "").lower():
        raise SettingsError(f"{host} leads elsewhere (HTTP {status}).", field="endpoint", hint="Set its real address.")
    if status in (404, 405):
        raise SettingsError(f"there is no EWS at this address of {host} (HTTP {status}).", field="endpoint")
    if status in (413, 507):
        raise TooLarge(f"{host} takes nothing that large (HTTP {status}).")
    if status not in (200, 500) or not _body(answer).lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
        raise Unavailable(f"{host} answered HTTP {status}.", retry_after=wished(answer.headers.get("retry-after", "")))
    if not _body(answer).rstrip().endswith(b"Envelope>"):
        raise Unavailable(f"{host} answered something that is not EWS, or its answer broke off (HTTP {status}).")


class TooMuch(Unavailable):
    """An answer is larger than the limit."""


class TooLarge(Unavailable):
    """The server refused a request for its size; nothing of it took effect."""

    def __init__(self, message: str) -> None:
        super().__init__(message, unsent=True)


def _body(answer: requests.Response) -> bytes:
    content = answer.content
    return content if isinstance(content, bytes) else b""


def wished(text: str) -> timedelta | None:
    """Read the header `Retry-After`: seconds or a date, never negative and at most an hour."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text), 10**6)), MOST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment - datetime.now(UTC), timedelta(0)), MOST_WAIT)


class Bearer(AuthBase):
    """A token in each request, from a function that knows when it needs another."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token into the request."""
        request.headers["Authorization"] = f"Bearer {self._token()}"
        return request


def login(settings: ExchangeSettings, token: Callable[[], str]) -> AuthBase:
    """Return how a session presents its credentials; each of them once for a connection or a request."""
    password = settings.password.get_secret_value() if settings.password else ""
    if settings.auth == "oauth2":
        return Bearer(token)
    if settings.auth == "basic":
        basic: AuthBase = HTTPBasicAuth(settings.user.encode(), password.encode())
        return basic
    user = f"\\{settings.user}" if "@" in settings.user else settings.user
    ntlm: AuthBase = requests_ntlm.HttpNtlmAuth(user, password)
    return ntlm


def new_session(settings: ExchangeSettings, host: str, auth: AuthBase, most_bytes: int) -> requests.Session:
    """Return a session that heeds nothing of the environment: no proxy, no .netrc, no other list of authorities."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except OSError as error:
        raise SettingsError("the file with the authority's certificate cannot be read.", field="ca_file") from error
    session = requests.Session()
    session.trust_env = False
    session.auth = auth
    session.headers.update({"User-Agent": AGENT, "Content-Type": "text/xml; charset=utf-8"})
    session.mount("https://", Adapter(host, context, most_bytes))
    session.mount("http://", Adapter(host, context, most_bytes))
    return session
