"""Protected connections: certificates are verified, and nothing is said in the clear where protection was asked for."""

from __future__ import annotations

import ssl

import pytest

from hub.api import Command, SettingsError

LETTER = Command(id="command-1", kind="mail.send", data={"to": ["a@client.example"], "subject": "x", "text": "x"})


@pytest.fixture
def protect(peer, hub_certificate):
    def done(*, is_tls_first: bool) -> str:
        for server in (peer.imap, peer.smtp):
            server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.tls.load_cert_chain(hub_certificate / "certificate.pem", hub_certificate / "key.pem")
            server.is_tls_first = is_tls_first
        return str(hub_certificate / "certificate.pem")

    return done


@pytest.mark.parametrize(("tls", "smtp_tls"), [("imaps", "smtps"), ("starttls", "starttls")])
def test_mail_goes_over_protected_connections(peer, protect, read, connect, tls, smtp_tls):
    given = {"ca_file": protect(is_tls_first=tls == "imaps"), "tls": tls, "smtp_tls": smtp_tls}
    expected = peer.add("INBOX", 2)
    assert [it.external_id for it in read(**given)[0]] == expected
    connect(**given).execute(LETTER)
    assert peer.effects(LETTER) == 1


@pytest.mark.parametrize(("tls", "smtp_tls"), [("imaps", "smtps"), ("starttls", "starttls")])
def test_a_certificate_nobody_signed_is_refused(peer, protect, read, connect, tls, smtp_tls):
    protect(is_tls_first=tls == "imaps")
    with pytest.raises(SettingsError, match="certificate") as caught:
        read(tls=tls)
    assert caught.value.field == "ca_file"
    with pytest.raises(SettingsError, match="certificate"):
        connect(smtp_tls=smtp_tls).execute(LETTER)
    assert peer.smtp.arrived == []


def test_a_certificate_of_another_host_is_refused(protect, read):
    ca_file = protect(is_tls_first=True)
    with pytest.raises(SettingsError, match="certificate"):
        read(tls="imaps", ca_file=ca_file, host="localhost")


def test_without_the_protection_asked_for_no_password_is_said(peer, read, connect):
    with pytest.raises(SettingsError) as caught:
        read(tls="starttls")
    assert caught.value.field == "tls"
    with pytest.raises(SettingsError) as caught:
        connect(smtp_tls="starttls").execute(LETTER)
    assert caught.value.field == "smtp_tls"
    assert "LOGIN" not in peer.imap.commands


def test_a_missing_authority_file_is_named(read):
    with pytest.raises(SettingsError, match="not there"):
        read(tls="imaps", ca_file="no/such/file.pem")
