# ruff: noqa: E501 tables of cases read better in one line each
"""F-20, S-03: certificates that are expired, of another host or signed by nobody we know, and TLS older than 1.2, are refused
by every connector; the message names the reason and the way out, which never is to look away.
"""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from forks import Forks, QuickOffice
from lab import Office

from hub.testing.peers.imap import MailPeer

BAD = {
    "expired": (lambda own: own.context(begins=-30, ends=-1), r"expired"),
    "not yet valid": (lambda own: own.context(begins=5), r"not yet valid"),
    "another host": (lambda own: own.context(host="other.example"), r"mismatch|not valid for"),
    "self-signed": (lambda own: own.context(signs_itself=True), r"self-signed"),
    "TLS 1.0": (lambda own: own.old_context(), r"TLS older than 1\.2"),
}
LOOKING_AWAY = re.compile(
    r"verif(y|ication)\W*(:|=)?\W*(false|off|no|none)|disable|turn(ed)? off|switch(ed)? off|insecure|ignore",
    re.IGNORECASE,
)


class TlsServer:
    """Answers every request over TLS as an empty OData service or Redmine would, and counts those that came through."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.requests = 0
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(20)
            with plain, suppress(OSError), self._context.wrap_socket(plain, server_side=True) as line:
                if line.recv(65536):
                    self.requests += 1
                    line.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the configuration trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def office(forks: Forks, tmp_path: Path, made_file: Path) -> Office:
    office = QuickOffice(forks, tmp_path / "office")
    shutil.copy(made_file, office.folder / "hub.db")
    return office


@pytest.fixture
def serve() -> Iterator[Callable[[ssl.SSLContext], TlsServer]]:
    """Start servers; they end with the test."""
    made: list[TlsServer] = []

    def start(context: ssl.SSLContext) -> TlsServer:
        made.append(TlsServer(context))
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.fixture
def mail() -> Iterator[MailPeer]:
    peer = MailPeer()
    peer.start()
    yield peer
    peer.stop()


def refused(office: Office, connections: dict[str, dict[str, Any]], reason: str) -> str:
    """Synchronise connections that must all be refused for this reason; return what was said."""
    office.connect(connections)
    done = office.hub("sync", "--json", SECRET="kept secret")
    assert done.code == 1, done.out + done.err
    assert "Traceback" not in done.err
    assert "kept secret" not in done.out + done.err
    for counts in done.json:
        assert re.search(reason, counts["error"]), counts
        assert not LOOKING_AWAY.search(counts["error"]), counts
    assert {it["connection"] for it in done.json} == set(connections)
    shown = office.ok("status", "--json").json["problems"]
    assert not any(LOOKING_AWAY.search(it["title"] + it["hint"]) for it in shown)
    return done.out


@pytest.mark.parametrize("what", BAD)
def test_http_server_is_refused(
    office: Office, own: Authority, serve: Callable[[ssl.SSLContext], TlsServer], what: str
) -> None:
    made, reason = BAD[what]
    server = serve(made(own))
    given = {"url": server.url, "ca_file": str(own.file)}
    said = refused(office, {
        "accounting": {**given, "connector": "onec", "user": "hub", "password": "env:SECRET"},
        "helpdesk": {**given, "connector": "redmine", "key": "env:SECRET"},
    }, reason)  # fmt: skip
    assert server.requests == 0, "nothing was said to it"
    assert "ca_file" in said or what == "TLS 1.0"


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("kind", ["imaps", "starttls"])
def test_mail_server_is_refused(office: Office, own: Authority, mail: MailPeer, what: str, kind: str) -> None:
    made, reason = BAD[what]
    mail.imap.tls, mail.imap.is_tls_first = made(own), kind == "imaps"
    given = {**mail.settings(), "password": "env:SECRET", "tls": kind, "ca_file": str(own.file)}
    refused(office, {"office": {**given, "connector": "imap"}}, reason)
    assert not {"LOGIN", "AUTHENTICATE"} & {*mail.imap.commands}


def test_good_certificate_is_accepted_and_an_unknown_authority_is_not(
    office: Office, own: Authority, serve: Callable[[ssl.SSLContext], TlsServer], mail: MailPeer, tmp_path: Path
) -> None:
    """The control: with a certificate of the authority given, the very same servers are talked to."""
    server = serve(own.context())
    mail.imap.tls = mail.smtp.tls = own.context()
    for trusted, expected in ((own.file, ""), (Authority(tmp_path, "Another").file, "unable to get local issuer")):
        connections = {
            "helpdesk": {"url": server.url, "connector": "redmine", "key": "env:SECRET", "ca_file": str(trusted)},
            "office": {
                **mail.settings(),
                "connector": "imap",
                "password": "env:SECRET",
                "tls": "imaps",
                "ca_file": str(trusted),
            },
        }
        if expected:
            refused(office, connections, expected)
            continue
        office.connect(connections)
        done = office.hub("sync", "--json", SECRET=mail.settings()["password"])
        found = {it["connection"]: it["error"] for it in done.json}
        assert found["office"] is None
        assert "refused the key" in found["helpdesk"]
        assert server.requests


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("kind", ["smtps", "starttls"])
def test_letter_is_not_given_to_such_a_server(
    office: Office, own: Authority, mail: MailPeer, what: str, kind: str
) -> None:
    made, reason = BAD[what]
    mail.smtp.tls, mail.smtp.is_tls_first = made(own), kind == "smtps"
    given = {
        **mail.settings(),
        "connector": "imap",
        "password": "env:SECRET",
        "smtp_tls": kind,
        "ca_file": str(own.file),
    }
    office.connect({"office": given})
    done = office.hub("doctor", "--json", SECRET=mail.settings()["password"])
    (found,) = [it for it in done.json if it["what"].startswith("connection office")]
    assert found["level"] == "error", found
    assert re.search(reason, found["what"]), found
    assert not LOOKING_AWAY.search(found["what"] + found["fix"])
    assert mail.smtp.arrived == []
