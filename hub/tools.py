"""What every connection gets from the hub: HTTP that cannot hang, leak or flood, blobs by content, a clock, a log.

The defaults of httpx that lose data or hang are closed here: a deadline for the whole call and not for each read,
a limit on the body after decoding, no redirects, no proxy from the environment, answers cut short are refused.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from hub.model.connector import Blobs, Clock, Http, Response
from hub.model.errors import AuthError, SettingsError, Unavailable
from hub.network import CheckedTransport

CONNECT_TIMEOUT = 10.0
RETRIES = 2
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS"})
BUSY = frozenset({429, 502, 503, 504})
MAX_RETRY_AFTER = timedelta(hours=1)
SHORT_WAIT = timedelta(seconds=5)

logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO line prints whole URLs with their keys
logging.getLogger("httpcore").setLevel(logging.WARNING)


class HttpxClient(Http):
    """HTTP for one connection. One session is reused; requests of one connection run one after another.

    With `origins`, only these places are reached: an address that stands in data leads nowhere else.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        origins: Collection[str] | None = None,
        min_interval: timedelta = timedelta(0),
        ca_file: str = "",
    ) -> None:
        context = ssl.create_default_context(cafile=ca_file or None)
        limits = httpx.Limits(max_connections=2, max_keepalive_connections=2, keepalive_expiry=120)
        self._client = httpx.Client(
            transport=CheckedTransport(context, limits),
            headers={"user-agent": "svyazka", "accept-encoding": "gzip, deflate"},
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(CONNECT_TIMEOUT),
        )
        self._clock = clock
        self._origins = None if origins is None else {origin_of(url) for url in origins}
        self._min_interval = min_interval
        self._last = 0.0
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the session."""
        self._client.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: timedelta = timedelta(seconds=60),
        max_bytes: int = 32 * 1024 * 1024,
        accept_status: Collection[int] = (),
    ) -> Response:
        """Send one request and read the answer whole; see `hub.model.connector.Http` for the errors."""
        self._allow(url)
        deadline = time.monotonic() + timeout.total_seconds()
        tries = RETRIES + 1 if method.upper() in IDEMPOTENT else 1
        while True:
            tries -= 1
            try:
                response = self._once(method, url, params, headers, content, deadline, max_bytes)
            except Unavailable:
                if not tries or time.monotonic() >= deadline:
                    raise
                continue
            if response.status < 400 or response.status in accept_status:
                return response
            wait = retry_after(response.headers.get("retry-after", ""), self._clock.now())
            if response.status in BUSY and tries and (wait or timedelta(0)) <= SHORT_WAIT:
                self._clock.sleep(wait or timedelta(milliseconds=200))
                continue
            raise _refusal(response, wait)

    def _once(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        content: bytes | None,
        deadline: float,
        max_bytes: int,
    ) -> Response:
        place = _place(url)
        with self._lock:
            pause = self._last + self._min_interval.total_seconds() - time.monotonic()
            if pause > 0:
                self._clock.sleep(timedelta(seconds=pause))
            self._last = time.monotonic()
        left = deadline - time.monotonic()
        if left <= 0:
            raise Unavailable(f"{place} did not answer in time.")
        limits = httpx.Timeout(left, connect=min(left, CONNECT_TIMEOUT))
        request = self._client.build_request(
            method, url, params=params or None, headers=dict(headers or {}), content=content, timeout=limits
        )
        try:
            answer = self._client.send(request, stream=True)
            try:
                body = _read(answer, deadline, max_bytes, place)
            finally:
                answer.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            reason, hint = _reason(error)
            raise Unavailable(f"{place} cannot be reached: {reason}.", hint=hint, unsent=True) from error
        except httpx.TimeoutException as error:
            raise Unavailable(f"{place} did not answer in time.") from error
        except httpx.HTTPError as error:
            raise Unavailable(f"{place}: the connection broke ({type(error).__name__}).") from error
        received = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status_code, received, body, url)

    def _allow(self, url: str) -> None:
        origin = origin_of(url)
        if self._origins is not None and origin not in self._origins:
            raise SettingsError(f"refused to go to {origin}: the connection belongs to another address.")


def origin_of(url: str) -> str:
    """Return `scheme://host:port` in one spelling. Raises SettingsError when it is not an http address."""
    try:
        parts = httpx.URL(url)  # read as the client will read it, so that both mean the same host
    except (httpx.InvalidURL, ValueError):
        parts = httpx.URL("")
    if parts.scheme not in ("http", "https") or not parts.host:
        raise SettingsError("the address must begin with http:// or https://.", field="url")
    port = {"http": 80, "https": 443}[parts.scheme] if parts.port is None else parts.port
    return f"{parts.scheme}://{f'[{parts.host}]' if ':' in parts.host else parts.host}:{port}"


def _read(answer: httpx.Response, deadline: float, max_bytes: int, place: str) -> bytes:
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    inflate = (
        zlib.decompressobj(31 if "gzip" in encoding else 15) if encoding in ("gzip", "x-gzip", "deflate") else None
    )
    if encoding not in ("", "identity") and inflate is None:
        raise Unavailable(f"{place} answered in the encoding {encoding!r}, which was not asked for.")
    pieces: list[bytes] = []
    size = 0
    has_begun = False
    for raw in answer.iter_raw():  # as it comes: waiting for full pieces would look at the deadline too seldom
        piece = raw
        has_begun |= bool(raw)
        if inflate is not None:
            try:
                piece = inflate.decompress(raw, max_bytes - size + 1)
            except zlib.error as error:
                raise Unavailable(f"{place} sent damaged compressed data.") from error
        size += len(piece)
        if size > max_bytes:
            raise Unavailable(f"{place} sent more than {max_bytes} bytes.")
        pieces.append(piece)
        if time.monotonic() > deadline:
            raise Unavailable(f"{place} did not finish its answer in time.")
    if inflate is not None and has_begun and not inflate.eof:
        raise Unavailable(f"{place} broke off in the middle of compressed data.")
    return b"".join(pieces)


def _refusal(response: Response, wait: timedelta | None) -> Exception:
    place = _place(response.url)
    if response.status in (401, 407):
        return AuthError(f"{place} refused the credentials (HTTP {response.status}).", hint="Check user and password.")
    if response.status == 403:
        return AuthError(f"{place} denied access (HTTP 403).", hint="Check the rights of the account.")
    return Unavailable(f"{place} answered HTTP {response.status}.", retry_after=wait)


def retry_after(text: str, now: datetime) -> timedelta | None:
    """Read the header `Retry-After` (seconds or a date), never negative and at most one hour; `None` if unreadable."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text), 10**6)), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), MAX_RETRY_AFTER)


def _place(url: str) -> str:
    """Return host and path without query, user and password: what may stand in a message."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path[:80]}"


def _reason(error: BaseException | None) -> tuple[str, str]:
    """Return why a server cannot be reached, and what to do about it where that is known."""
    text = str(error).lower()
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            hint = (
                "Give the authority's certificate as ca_file, correct the host name, or have the certificate renewed."
            )
            return f"its certificate is not accepted: {error.verify_message.rstrip('.')}", hint
        if isinstance(error, ssl.SSLError):
            if error.reason in ("TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"):
                return "it offers only TLS older than 1.2", "Its administrator must switch on TLS 1.2 or newer."
            if error.reason == "WRONG_VERSION_NUMBER":
                return "it does not speak TLS at this port", "Check whether the address begins with http or https."
            return f"TLS failed ({error.reason})", ""
        error = error.__cause__ or error.__context__
    if "name or service" in text or "getaddrinfo" in text or "nodename" in text:
        return "the name is not known", ""
    return ("connection refused" if "refused" in text else "no connection"), ""


class FileBlobs(Blobs):
    """Blobs as files named by their SHA-256, in a private folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Store the bytes once; return their SHA-256 in hexadecimal."""
        from hub.files import write_file

        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(path, content)
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of a blob. Raises KeyError when there is none."""
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError:
            raise KeyError(digest) from None

    def _path(self, digest: str) -> Path:
        if len(digest) != 64 or not all(sign in "0123456789abcdef" for sign in digest):
            raise KeyError(digest)
        return self._folder / digest[:2] / digest


class SystemClock(Clock):
    """The time of the machine; `stop` wakes every sleeper."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)

    def sleep(self, duration: timedelta) -> None:
        """Wait; raise Unavailable at once when the hub stops meanwhile."""
        if self._stopped.wait(max(duration.total_seconds(), 0)):
            raise Unavailable("the hub is stopping.", unsent=True)

    @property
    def is_stopped(self) -> bool:
        """Tell whether the hub was told to stop."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End every sleep, now and later."""
        self._stopped.set()


class ConnectionTools:
    """The tools of one connection (see `hub.model.connector.Tools`)."""

    def __init__(
        self,
        connection: str,
        *,
        http: Http,
        blobs: Blobs,
        clock: Clock,
        stale: Callable[[str, Mapping[str, str]], set[str]],
    ) -> None:
        self.connection = connection
        self.http = http
        self.blobs = blobs
        self.clock = clock
        self.log = logging.getLogger(f"hub.connection.{connection}")
        self._stale = stale

    def stale(self, stream: str, versions: Mapping[str, str]) -> set[str]:
        """Return those ids whose stored record is missing, gone or has another version than given here."""
        return self._stale(stream, versions)
