"""Protected connections: the certificate is verified, with the authority of the firm if it is given."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest

from hub.api import SettingsError


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed, so there is no certificate to try")
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [
            program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=stand-in", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", folder / "key.pem", "-out", folder / "certificate.pem",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def ca_file(server, certificate):
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    return str(certificate / "certificate.pem")


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
