# ruff: noqa: E501 tables of cases read better in one line each
"""What every connection gets: HTTP that cannot hang, leak or flood; blobs; a clock. The peer is a raw socket."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model.errors import AuthError, SettingsError, Unavailable
from hub.redaction import RedactingFilter, redact, remember
from hub.tools import FileBlobs, HttpxClient, SystemClock, origin_of, retry_after

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOW

    def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration.total_seconds())


class Peer:
    """Answers each request with the next of its answers, the last one again and again."""

    def __init__(self, *answers: bytes | Callable[[socket.socket], None]) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/base"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with closing(line):
                line.settimeout(20)
                try:
                    while self._answer(line):
                        pass
                except OSError:
                    continue

    def _answer(self, line: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = line.recv(65536)
            if not piece:
                return False
            head += piece
        self.requests.append(head)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer(line)
            return False
        line.sendall(answer)
        return b"content-length" in answer.lower()

    def close(self) -> None:
        self._listener.close()


@contextmanager
def asked(
    *answers: bytes | Callable[[socket.socket], None], **options: object
) -> Iterator[tuple[Peer, HttpxClient, Clock]]:
    peer, clock = Peer(*answers), Clock()
    http = HttpxClient(clock, origins=[peer.url], **options)  # type: ignore[arg-type]
    try:
        yield peer, http, clock
    finally:
        http.close()
        peer.close()


def answer(body: bytes = b"ok", status: str = "200 OK", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


def test_answer_comes_whole() -> None:
    with asked(answer(b"data", "200 OK", "Content-Type: application/JSON; charset=utf-8")) as (peer, http, _):
        response = http.request("GET", peer.url, params={"a": "б"})

    assert (response.status, response.content, response.media_type) == (200, b"data", "application/json")
    assert peer.requests[0].startswith(b"GET /base?a=%D0%B1 HTTP/1.1")


def test_drip_ends_at_the_deadline() -> None:
    """L21, F-15: a byte now and then never lets a read time out; the whole call does."""

    def drip(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(400):
            time.sleep(0.05)  # the peer's own pace
            line.sendall(b"x")

    with asked(drip) as (peer, http, _):
        began = time.monotonic()
        with pytest.raises(Unavailable, match="in time"):
            http.request("GET", peer.url, timeout=timedelta(seconds=0.6))
    assert time.monotonic() - began < 15, "the peer drips for twenty seconds"


def test_silence_ends_at_the_deadline() -> None:
    """F-15."""
    with asked(lambda line: line.recv(1)) as (peer, http, _):  # until the other side hangs up, or for twenty seconds
        began = time.monotonic()
        with pytest.raises(Unavailable, match="did not answer in time"):
            http.request("GET", peer.url, timeout=timedelta(seconds=0.5))
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("encoding", ["gzip", "deflate", ""])
def test_body_is_bounded_after_decoding(encoding: str) -> None:
    """L20, B-22."""
    whole = b"0" * 3_000_000
    body = {"gzip": gzip.compress(whole), "deflate": zlib.compress(whole), "": whole}[encoding]
    headers = [f"Content-Encoding: {encoding}"] if encoding else []
    with asked(answer(body, "200 OK", *headers)) as (peer, http, _):
        with pytest.raises(Unavailable, match="more than 1000000 bytes"):
            http.request("POST", peer.url, max_bytes=1_000_000)
        assert http.request("POST", peer.url, max_bytes=3_000_000).content == whole


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "nonsense"])
def test_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with asked(answer(b"x", "200 OK", f"Content-Encoding: {encoding}")) as (peer, http, _), pytest.raises(Unavailable):
        http.request("POST", peer.url)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_cut_gzip_is_refused(share: float) -> None:
    """L23."""
    body = gzip.compress(bytes(range(256)) * 50)
    with (
        asked(answer(body[: int(len(body) * share)], "200 OK", "Content-Encoding: gzip")) as (peer, http, _),
        pytest.raises(Unavailable, match=r"broke off|damaged"),
    ):
        http.request("POST", peer.url)


def test_body_shorter_than_announced_is_refused() -> None:
    """L22."""
    with (
        asked(lambda line: line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")) as (peer, http, _),
        pytest.raises(Unavailable, match="broke"),
    ):
        http.request("POST", peer.url)


def test_redirect_is_not_followed() -> None:
    """L24, S-02: the key would go along."""
    other = Peer(answer())
    with asked(answer(b"", "302 Found", f"Location: {other.url}")) as (peer, http, _):
        response = http.request("GET", peer.url, headers={"X-Api-Key": "secret"})
    other.close()

    assert response.status == 302
    assert other.requests == []


@pytest.mark.parametrize("place", ["http://127.0.0.1:1/", "http://localhost/", "https://127.0.0.1/", "ftp://127.0.0.1/", "file:///etc/passwd",
                                   "http://169.254.169.254/", "http://[::ffff:127.0.0.1]/", "http://2130706433/", "//x", "", "http://", "http://a:b:c/"])  # fmt: skip
def test_other_origins_are_refused(place: str) -> None:
    """S-01."""
    with asked(answer()) as (peer, http, _), pytest.raises(SettingsError):
        http.request("GET", place)
    assert peer.requests == []


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://[::ffff:169.254.1.1]/",
    ],
)
def test_special_addresses_are_refused_even_when_configured(place: str) -> None:
    """S-01."""
    http = HttpxClient(Clock(), origins=[place])
    with closing(http), pytest.raises(SettingsError, match="no server address"):
        http.request("GET", place)


def test_name_with_user_in_it_is_not_another_origin() -> None:
    with asked(answer()) as (peer, http, _), pytest.raises(SettingsError):
        http.request("GET", peer.url.replace("127.0.0.1", "127.0.0.1@169.254.169.254"))


@pytest.mark.parametrize(
    ("status", "error"),
    [("401 x", AuthError), ("403 x", AuthError), ("407 x", AuthError), ("404 x", Unavailable), ("500 x", Unavailable)],
)
def test_refusals_are_errors_with_their_number(status: str, error: type[Exception]) -> None:
    with asked(answer(b"secret page", status)) as (peer, http, _):
        with pytest.raises(error, match=status[:3]) as caught:
            http.request("GET", f"{peer.url}?key=SECRET")
        assert http.request("GET", peer.url, accept_status={int(status[:3])}).content == b"secret page"
    assert "SECRET" not in str(caught.value)
    assert "secret page" not in str(caught.value)
    assert len(peer.requests) == 2, "refused once, not tried again"


def test_busy_server_is_asked_again_after_the_time_it_wished() -> None:
    """F-18."""
    with asked(answer(b"", "429 x", "Retry-After: 3"), answer(b"", "503 x"), answer(b"now")) as (peer, http, clock):
        assert http.request("GET", peer.url).content == b"now"
    assert clock.slept == [3.0, 0.2]


@pytest.mark.parametrize("status", ["429 x", "502 x", "503 x", "504 x"])
def test_long_wait_is_given_to_the_caller(status: str) -> None:
    """F-18."""
    with (
        asked(answer(b"", status, "Retry-After: 1000000000")) as (peer, http, clock),
        pytest.raises(Unavailable) as caught,
    ):
        http.request("GET", peer.url)
    assert (caught.value.retry_after, clock.slept, len(peer.requests)) == (timedelta(hours=1), [], 1)


def test_what_may_have_an_effect_is_sent_once() -> None:
    with asked(answer(b"", "503 x"), answer()) as (peer, http, _), pytest.raises(Unavailable):
        http.request("POST", peer.url, content=b"pay")
    assert len(peer.requests) == 1


@pytest.mark.parametrize(("text", "seconds"), [
    ("5", 5), (" 5 ", 5), ("0", 0), ("1000000000", 3600), ("9" * 400, 3600), ("Sun, 22 Nov 2026 03:00:30 GMT", 30), ("Sun, 22 Nov 2026 02:00:00 GMT", 0),
    ("Sun, 22 Nov 2099 02:00:00 GMT", 3600), ("Sun, 22 Nov 2026 03:00:30 -0000", 30), ("", None), ("-5", None), ("soon", None), ("٥", None), ("1.5", None),
    ("Sun, 22 Nov 99999 02:00:00 GMT", None),
])  # fmt: skip
def test_retry_after_in_every_spelling(text: str, seconds: int | None) -> None:
    """F-18."""
    assert retry_after(text, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@given(
    st.text(max_size=60) | st.from_regex(r"\w{3}, \d{1,3} \w{3} \d{1,6} \d\d:\d\d:\d\d [+-]?\w{1,8}", fullmatch=True)
)
def test_retry_after_never_fails(text: str) -> None:
    found = retry_after(text, NOW)
    assert found is None or timedelta(0) <= found <= timedelta(hours=1)


@given(st.text(max_size=80))
def test_origin_is_one_spelling_or_refused(text: str) -> None:
    try:
        found = origin_of(text)
    except SettingsError:
        return
    assert origin_of(found) == found


def test_address_nobody_listens_at_is_named() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x?key=SECRET"
    with closing(HttpxClient(Clock())) as http, pytest.raises(Unavailable, match="connection refused") as caught:
        http.request("GET", url)
    assert "SECRET" not in str(caught.value)


def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """L26."""
    other = Peer(answer(b"proxy"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, other.url)
    with asked(answer(b"direct")) as (peer, http, _):
        assert http.request("GET", peer.url).content == b"direct"
    other.close()
    assert other.requests == []


def test_urls_do_not_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """L25."""
    with caplog.at_level(logging.INFO), asked(answer()) as (peer, http, _):
        http.request("GET", f"{peer.url}?key=SECRET", headers={"Authorization": "Basic SECRET"})
    assert "SECRET" not in caplog.text


def test_secret_is_struck_out_in_every_form() -> None:
    """S-26."""
    remember("pässwörd+/=?1")
    import base64
    from urllib.parse import quote, quote_plus

    for form in (
        "pässwörd+/=?1",
        base64.b64encode("pässwörd+/=?1".encode()).decode(),
        quote("pässwörd+/=?1"),
        quote_plus("pässwörd+/=?1"),
        quote("pässwörd+/=?1", safe=""),
    ):
        assert form not in redact(f"before {form} after")
        assert redact(f"before {form} after").endswith("after")


def test_log_record_is_one_line_whatever_it_holds() -> None:
    """S-28."""
    remember("canary-4711")
    record = logging.LogRecord(
        "hub", logging.INFO, "x.py", 1, "name %s\n2026-01-01 ERROR forged %s", ("a\x1b[2J\r", "canary-4711"), None
    )
    assert RedactingFilter().filter(record)
    assert "\n" not in record.getMessage()
    assert "\x1b" not in record.getMessage()
    assert "canary" not in record.getMessage()


def test_wrong_arguments_of_a_log_call_do_not_stop_the_plugin() -> None:
    record = logging.LogRecord("hub", logging.INFO, "x.py", 1, "%d of %d", ("many",), None)
    RedactingFilter().filter(record)
    assert "%d of %d" in record.getMessage()


def test_blob_is_kept_once_under_its_content(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    digest = blobs.put("текст".encode())
    path = next(path for path in (tmp_path / "blobs").rglob("*") if path.is_file())
    before = path.stat().st_mtime_ns
    assert blobs.put("текст".encode()) == digest
    assert blobs.get(digest) == "текст".encode()
    assert (path.name, path.stat().st_mtime_ns, oct(path.stat().st_mode & 0o777)) == (digest, before, "0o600")


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 65, "/" * 64, "0" * 64, "\0" * 64])
def test_blob_of_a_wrong_name_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyError):
        FileBlobs(tmp_path).get(name)


def test_sleep_ends_when_the_hub_stops() -> None:
    clock = SystemClock()
    threading.Timer(0.1, clock.stop).start()
    began = time.monotonic()
    with pytest.raises(Unavailable, match="stopping"):
        clock.sleep(timedelta(seconds=30))
    assert time.monotonic() - began < 20


def test_errors_of_the_store_hold_no_values(tmp_path: Path) -> None:
    """L43, S-27."""
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    from hub.store.database import Store

    store = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    store.create()
    with pytest.raises(DBAPIError) as caught, store.write() as connection:  # noqa: PT012
        for _ in range(2):
            connection.execute(
                text("INSERT INTO meta VALUES (:name, :value)"), {"name": "Иванова Мария", "value": "2465000007"}
            )
    store.close()
    assert "Иванова" not in str(caught.value)
    assert "2465000007" not in str(caught.value)
