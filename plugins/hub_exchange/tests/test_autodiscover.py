"""Autodiscover: asked at one place, with one try of the password, and its answer is looked at before it is believed."""

from __future__ import annotations

import pytest

from hub.api import AuthError, SettingsError, Unavailable
from hub.testing.peers.ews import AUTODISCOVER, Answer


@pytest.fixture
def discover(server):
    """Return the settings of a connection that asks Autodiscover."""
    return {"endpoint": "", "autodiscover": server.url.replace("/EWS/Exchange.asmx", AUTODISCOVER)}


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_the_address_is_found_and_told(peer, connect, discover, auth):
    peer.add("Inbox", 1)
    answer = connect(auth=auth, **discover).check()
    assert answer.findings == (("Autodiscover is asked in every run.", f"Set endpoint: {peer.server.url}"),)


def test_letters_are_read_at_the_address_that_was_found(peer, read, discover, server):
    peer.add("Inbox", 1)
    assert len(read(**discover).ids) == 1
    assert server.operations.count("GetUserSettingsRequestMessage") == 1


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_a_wrong_password_is_presented_once(peer, connect, discover, auth):
    with pytest.raises(AuthError):
        connect(auth=auth, password="wrong", **discover).check()
    assert peer.logins() == 1


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("https://outlook.office365.com/EWS/Exchange.asmx", "Exchange Online"),
        ("http://mail.example.com/EWS/Exchange.asmx", "https"),
        ("file:///etc/passwd", "write an address"),
        ("", "knows no EWS"),
    ],
)
def test_an_answer_that_leads_nowhere_good_is_refused(connect, server, discover, found, words):
    server.endpoint = found
    with pytest.raises(SettingsError, match=words) as caught:
        connect(**discover).check()
    assert caught.value.field == "endpoint"


def test_no_redirect_is_followed(connect, server, discover):
    server.status = Answer(302, b"", Location="https://evil.example/autodiscover/autodiscover.svc")
    with pytest.raises(SettingsError, match="elsewhere"):
        connect(**discover).check()


def test_a_server_that_is_down_is_unavailable(peer, connect, discover):
    connector = connect(**discover)
    peer.fault("down")
    with pytest.raises(Unavailable):
        connector.check()
