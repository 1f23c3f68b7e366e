"""Protected connections: the certificate is verified, with the authority of the firm if it is given."""

from __future__ import annotations

import ssl

import pytest

from hub.api import SettingsError


@pytest.fixture
def ca_file(server, hub_certificate):
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(hub_certificate / "certificate.pem", hub_certificate / "key.pem")
    return str(hub_certificate / "certificate.pem")


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_a_certificate_of_the_own_authority_is_accepted(peer, read, ca_file, auth):
    peer.add("Inbox", 1)
    assert len(read(auth=auth, ca_file=ca_file).ids) == 1


def test_an_unknown_certificate_is_refused_before_the_password_goes(connect, server, ca_file):
    with pytest.raises(SettingsError, match="certificate") as caught:
        connect().check()
    assert caught.value.field == "ca_file"
    assert server.operations == []


def test_a_certificate_for_another_name_is_refused(connect, server, ca_file):
    with pytest.raises(SettingsError, match="certificate"):
        connect(endpoint=server.url.replace("127.0.0.1", "localhost"), ca_file=ca_file).check()


def test_a_missing_file_is_named(connect):
    with pytest.raises(SettingsError, match="authority") as caught:
        connect(ca_file="/nonexistent/ca.pem").check()
    assert caught.value.field == "ca_file"
