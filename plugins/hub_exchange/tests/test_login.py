"""Logging in: every way of it, each refused password presented once, rights on mailboxes of others, tokens."""

from __future__ import annotations

import json
import socketserver
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

import pytest

from hub.api import AuthError, SettingsError, Unavailable
from hub.testing.peers.ews import SHARED, TOKEN, Answer


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_a_good_password_lets_us_in(peer, read, auth):
    peer.add("Inbox", 30)
    assert len(read(auth=auth).ids) == 30
    assert peer.logins() == 0


def test_ntlm_shakes_hands_once_for_a_connection(peer, read, server):
    steps = []
    known = server.__class__._send

    def count(connection, answer):
        steps.append(answer.status)
        known(server, connection, answer)

    server._send = count
    peer.add("Inbox", 60)
    read(auth="ntlm")
    assert steps[:3] == [401, 401, 200]
    assert steps.count(401) == 2


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_a_wrong_password_is_presented_once(peer, connect, auth, closes):
    peer.server.closes_refusals = closes
    with pytest.raises(AuthError, match="refused the login") as caught:
        connect(auth=auth, password="wrong").check()
    assert peer.logins() == 1
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_a_password_that_expires_in_the_middle_is_tried_once(peer, connect, server, auth):
    """F-19."""
    ids = peer.add("Inbox", 60)
    server.good_requests = 4
    connector = connect(auth=auth)
    got = []

    def read_all() -> None:
        for batch in connector.read(connector.streams()[0], None):
            got.extend(record.external_id for record in batch.records)

    with pytest.raises(AuthError):
        read_all()
    assert 0 < len(got) < 60
    assert peer.logins() == 1
    server.good_requests = None
    server.password = "new one"
    again = connect(auth=auth, password="new one")
    assert {it.external_id for batch in again.read(again.streams()[0], None) for it in batch.records} == set(ids)


def test_a_login_that_the_server_does_not_offer_is_named(peer, connect, server):
    server.schemes = ('Basic realm="exchange"', "Digest")
    with pytest.raises(SettingsError, match="offers: Basic, Digest") as caught:
        connect(auth="ntlm").check()
    assert (caught.value.field, peer.logins()) == ("auth", 0)


def test_a_locked_account_is_no_busy_server(connect, server):
    server.status = Answer(500, b"<html>The referenced account is currently locked out</html>")
    with pytest.raises(AuthError):
        connect().check()


@pytest.mark.parametrize("code", ["ErrorPasswordExpired", "ErrorPasswordChangeRequired", "ErrorAccountDisabled"])
def test_what_exchange_says_of_the_account_stops_at_once(connect, server, code):
    server.codes["GetFolder"] = code
    with pytest.raises(AuthError, match=code):
        connect().check()
    assert len(server.operations) == 1


def test_access_forbidden_is_no_reason_to_try_again(connect, server):
    server.status = Answer(403, b"<html>Forbidden</html>")
    with pytest.raises(AuthError, match="403"):
        connect().check()


def test_a_password_may_have_letters_beyond_latin(peer, read, server):
    server.password = "пароль№1"
    peer.add("Inbox", 1)
    for auth in ("basic", "ntlm"):
        assert len(read(auth=auth, password="пароль№1").ids) == 1


# mailboxes of others


def _letter_in(peer, address):
    peer.server.mailboxes[address].put(peer.server.mailboxes[address].path("Inbox").id, peer.deliver().raw)


def test_a_shared_mailbox_is_read_with_the_rights_of_the_user(peer, read, server):
    _letter_in(peer, SHARED)
    assert len(read(address=SHARED).ids) == 1
    assert all(b"ExchangeImpersonation" not in _text(it) for it in server.requests)


def test_a_service_account_acts_in_the_name_of_the_mailbox(peer, read, server):
    server.mailboxes[SHARED].delegates.clear()
    server.impersonators.add(peer.settings()["user"])
    _letter_in(peer, SHARED)
    assert len(read(address=SHARED, access="impersonation").ids) == 1
    assert all(b"<t:PrimarySmtpAddress>sales@example.com<" in _text(it) for it in server.requests)


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"address": SHARED}, "address", "does not open the mailbox"),
        ({"address": SHARED, "access": "impersonation"}, "access", "ApplicationImpersonation"),
        ({"address": "nobody@example.com"}, "address", "no such mailbox"),
    ],
)
def test_missing_rights_are_told_with_the_setting(connect, server, settings, field, words):
    server.mailboxes[SHARED].delegates.clear()
    with pytest.raises(SettingsError, match=words) as caught:
        connect(**settings).check()
    assert caught.value.field == field


def _text(element) -> bytes:
    from lxml import etree

    return etree.tostring(element)


# tokens


@pytest.fixture
def grants():
    """Run a server of tokens; what it was asked stands in `asked`, what it says next in `says`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            grants.asked.append(parse_qs(self.rfile.read(int(self.headers["content-length"])).decode()))
            status, body = grants.says
            self.send_response(status)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    class Grants(socketserver.ThreadingTCPServer):
        daemon_threads = True

    grants = Grants(("127.0.0.1", 0), Handler)
    grants.asked, grants.says = [], (200, {"access_token": TOKEN, "expires_in": 3600})
    thread = threading.Thread(target=grants.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield grants
    grants.shutdown()
    grants.server_close()
    thread.join()


@pytest.fixture
def oauth(grants, server):
    server.schemes = ("Bearer",)
    server.impersonators.add(server.user)
    return {
        "auth": "oauth2",
        "oauth_url": f"http://127.0.0.1:{grants.server_address[1]}/token",
        "client_id": "hub",
        "client_secret": "application secret",
        "address": server.user,
        "access": "impersonation",
        "password": "",
        "user": "",
    }


def test_a_token_lets_us_in_and_is_asked_for_once(peer, connect, grants, oauth):
    peer.add("Inbox", 30)
    connector = connect(**oauth, scope="ews")
    for _ in range(2):
        list(connector.read(connector.streams()[0], None))
    assert len(grants.asked) == 1
    assert grants.asked[0]["grant_type"] == ["client_credentials"]
    assert grants.asked[0]["scope"] == ["ews"]


def test_a_token_is_renewed_before_it_ends(peer, connect, grants, oauth, tools):
    """F-19."""
    connector = connect(**oauth)
    connector.check()
    tools.clock.moment += timedelta(hours=1)
    connector.check()
    assert len(grants.asked) == 2


def test_a_token_without_any_life_is_no_endless_loop(connect, grants, oauth):
    grants.says = (200, {"access_token": TOKEN, "expires_in": 0})
    connect(**oauth).check()
    assert len(grants.asked) == 1


def test_a_revoked_token_is_presented_once(peer, connect, grants, oauth):
    grants.says = (200, {"access_token": "revoked", "expires_in": 3600})
    with pytest.raises(AuthError):
        connect(**oauth).check()
    assert peer.logins() == 1


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_application_is_tried_once(connect, grants, oauth, status):
    grants.says = (status, {"error": "invalid_client", "error_description": "application secret is wrong"})
    with pytest.raises(AuthError, match="invalid_client") as caught:
        connect(**oauth).check()
    assert len(grants.asked) == 1
    assert "application secret" not in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>", {}, [], {"access_token": "a\r\nHost: evil"}, {"access_token": 5}])
def test_a_server_of_tokens_that_gives_none_is_unavailable(connect, grants, oauth, body):
    grants.says = (200, body)
    with pytest.raises(Unavailable, match="without one"):
        connect(**oauth).check()
