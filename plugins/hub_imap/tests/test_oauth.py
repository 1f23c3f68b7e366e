"""Logging in with a token: asked for once while it is good, refused with the way out, never shown."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from hub.api import AuthError, Command, SettingsError, Unavailable
from hub.testing.peers.dovecot import DovecotPeer, available
from hub.testing.peers.imap import letter
from hub.testing.peers.smtp import USER
from hub.tools import HttpxClient, SystemClock
from hub_imap.connector import Imap
from hub_imap.settings import ImapSettings

TOKEN = "ya29.token-of-an-hour"
LETTER = Command(id="command-1", kind="mail.send", data={"to": ["a@client.example"], "subject": "x", "text": "x"})


class TokenServer(ThreadingHTTPServer):
    """Gives tokens to the application that has the secret, and tells mail servers whose a token is."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, str]] = []
        self.answer: tuple[int, bytes] | None = None
        self.seconds = 3600
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: TokenServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body, strict_parsing=True).items()}
        self.server.asked.append(form)
        granted = form.get("refresh_token") == "refresh" or form.get("grant_type") == "client_credentials"
        if self.server.answer is not None:
            self.say(*self.server.answer)
        elif granted and form.get("client_id") == "app" and form.get("client_secret") == "app-secret":
            self.say(200, json.dumps({"access_token": TOKEN, "expires_in": self.server.seconds}).encode())
        else:
            self.say(400, b'{"error": "invalid_grant", "error_description": "' + body.encode() + b'"}')

    def do_GET(self) -> None:
        known = parse_qs(urlsplit(self.path).query).get("token") == [TOKEN]
        self.say(200, json.dumps({"active": "yes" if known else "no", "user": USER}).encode())

    def say(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        return


@pytest.fixture
def tokens():
    server = TokenServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def join(peer, tools, tokens):
    """Make a connector that logs in with tokens; the servers take the right one."""
    peer.imap.token = peer.smtp.token = TOKEN
    peer.smtp.mechanisms = ("PLAIN", "XOAUTH2")
    tools.http = HttpxClient(SystemClock(), origins=[tokens.url])
    given = {**peer.settings(), "auth": "oauth2", "oauth_url": f"{tokens.url}/token", "client_id": "app"}
    given |= {"client_secret": "app-secret", "refresh_token": "refresh"}
    given.pop("password")

    def made(**changed: str | None) -> Imap:
        wanted = {name: value for name, value in {**given, **changed}.items() if value is not None}
        return Imap(ImapSettings.model_validate(wanted), tools)

    yield made
    tools.http.close()


def read(connector: Imap) -> int:
    return sum(len(batch.records) for batch in connector.read(connector.streams()[0], None))


def test_a_token_opens_both_servers_and_is_asked_for_once(peer, join, tokens):
    peer.imap.deliver(letter(1))
    connector = join()
    assert connector.check().account == USER
    assert read(connector) == 1
    connector.execute(LETTER)
    assert len(peer.smtp.arrived) == 1
    assert tokens.asked == [
        {"grant_type": "refresh_token", "client_id": "app", "client_secret": "app-secret", "refresh_token": "refresh"}
    ]
    assert peer.logins() == 0


def test_an_application_with_rights_of_its_own_needs_no_user(join, tokens):
    assert read(join(refresh_token=None, scope="https://outlook.office365.com/.default")) == 0
    [form] = tokens.asked
    assert (form["grant_type"], form["scope"]) == ("client_credentials", "https://outlook.office365.com/.default")


def test_an_old_token_is_replaced(join, tokens, monkeypatch, tools):
    connector = join()
    read(connector)
    read(connector)
    assert len(tokens.asked) == 1
    later = tools.clock.now() + timedelta(minutes=56)
    monkeypatch.setattr(tools.clock, "now", lambda: later, raising=False)
    read(connector)
    assert len(tokens.asked) == 2


def test_a_refusal_names_the_way_out_and_shows_no_secret(peer, join, tokens):
    with pytest.raises(AuthError, match=r"HTTP 400, invalid_grant") as caught:
        read(join(refresh_token="withdrawn-secret"))
    assert "secret" not in str(caught.value)
    assert "refresh_token" in caught.value.hint
    assert (len(tokens.asked), peer.logins()) == (1, 0)


def test_a_token_of_somebody_else_is_tried_once(peer, join):
    peer.imap.token = peer.smtp.token = "another"
    with pytest.raises(AuthError) as caught:
        read(join())
    assert (peer.imap.refused_logins, TOKEN in str(caught.value)) == (1, False)
    with pytest.raises(AuthError):
        join().execute(LETTER)
    assert peer.smtp.refused_logins == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((503, b""), Unavailable),
        ((200, b"<html>"), Unavailable),
        ((200, b'{"access_token": "a\\r\\nA1 LOGOUT"}'), Unavailable),
        ((200, b"[]"), Unavailable),
        ((401, b"[[[[["), AuthError),
    ],
)
def test_a_server_of_tokens_that_fails_is_told_apart_from_a_refusal(join, tokens, answer, error):
    tokens.answer = answer
    with pytest.raises(error):
        read(join())
    with pytest.raises(error) as caught:
        join().execute(LETTER)
    assert getattr(caught.value, "unsent", True)


def test_servers_that_take_no_tokens_say_so(peer, join):
    peer.smtp.mechanisms = ("PLAIN",)
    with pytest.raises(SettingsError, match="takes no tokens"):
        join().execute(LETTER)
    peer.imap.token = ""
    with pytest.raises(SettingsError, match="takes no tokens"):
        read(join())


WHY_NOT = available()


@pytest.mark.peer
@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")
def test_a_real_server_takes_the_token(tools, tokens):
    peer = DovecotPeer()
    peer.dovecot.introspection_url = f"{tokens.url}/introspect?token="
    peer.start()
    tools.http = HttpxClient(SystemClock(), origins=[tokens.url])
    try:
        given = {**peer.settings(), "auth": "oauth2", "oauth_url": f"{tokens.url}/token", "client_id": "app"}
        given |= {"client_secret": "app-secret", "refresh_token": "refresh"}
        peer.add("INBOX", 2)
        assert read(Imap(ImapSettings.model_validate(given), tools)) == 2
        tokens.answer = (200, b'{"access_token": "stolen"}')
        with pytest.raises(AuthError):
            read(Imap(ImapSettings.model_validate(given), tools))
    finally:
        tools.http.close()
        peer.stop()
