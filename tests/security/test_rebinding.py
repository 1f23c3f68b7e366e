"""S-02: the address that was checked is the one connected to, whatever a name server says the next time.

The operating system's look-up is the only thing replaced here: no name server can be had on loopback. Seen failing with
a check before the request: the name was looked up twice, and the second answer led to 0.0.0.0.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.api import SettingsError, Unavailable
from hub.tools import HttpxClient, SystemClock

NAME = "rebound.example"
Make = Callable[[Callable[[str], Any]], Any]


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Let the name lead to these addresses, one answer after the other, the last one for ever; return who asked."""
    real = socket.getaddrinfo

    def set_up(*answers: list[str]) -> list[str]:
        asked: list[str] = []

        def look_up(host: str, port: Any, *arguments: Any, **options: Any) -> Any:
            if host != NAME:
                return real(host, port, *arguments, **options)
            asked.append(host)
            addresses = answers[min(len(asked), len(answers)) - 1]
            return [it for address in addresses for it in real(address, port, *arguments, **options)]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return set_up


def client(port: int, **options: Any) -> HttpxClient:
    return HttpxClient(SystemClock(), origins=[f"http://{NAME}:{port}", f"https://{NAME}:{port}"], **options)


def test_a_name_is_looked_up_once_for_a_connection(lure: Make, tell: Callable[..., list[str]]) -> None:
    server = lure(lambda _path: (200, {}, b"right"))
    asked = tell(["127.0.0.1"], ["0.0.0.0"])
    port = int(server.url.rpartition(":")[2])
    with closing(client(port)) as http:
        for _ in range(3):
            assert http.request("GET", f"http://{NAME}:{port}/x").content == b"right"
    assert asked == [NAME]
    assert server.asked[0][1]["host"] == f"{NAME}:{port}"


@pytest.mark.parametrize("second", [["0.0.0.0"], ["127.0.0.1", "169.254.169.254"], ["::ffff:169.254.169.254"]])
def test_each_new_connection_is_checked(lure: Make, tell: Callable[..., list[str]], second: list[str]) -> None:
    server = lure(lambda _path: (200, {"Connection": "close"}, b"right"))
    tell(["127.0.0.1"], second)
    port = int(server.url.rpartition(":")[2])
    with closing(client(port)) as http:
        assert http.request("GET", f"http://{NAME}:{port}/1").status == 200
        with pytest.raises(SettingsError, match=f"refused to go to {NAME}"):
            http.request("GET", f"http://{NAME}:{port}/2")
    assert [path for path, _ in server.asked] == ["/1"]


def test_an_address_that_does_not_answer_gives_way_to_the_next(lure: Make, tell: Callable[..., list[str]]) -> None:
    server = lure(lambda _path: (200, {}, b"right"))
    tell(["::1", "127.0.0.1"])
    port = int(server.url.rpartition(":")[2])
    with closing(client(port)) as http:
        assert http.request("GET", f"http://{NAME}:{port}/x").content == b"right"


def test_a_name_nobody_knows_was_certainly_not_asked_anything() -> None:
    with (
        closing(HttpxClient(SystemClock())) as http,
        pytest.raises(Unavailable, match="the name is not known") as caught,
    ):
        http.request("GET", "http://no-such-name.invalid/", timeout=timedelta(seconds=5))
    assert caught.value.unsent


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed, so there is no certificate to try")
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
         "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("is_right", [True, False])
def test_the_certificate_is_that_of_the_name(certificate: Path, tell: Callable[..., list[str]], is_right: bool) -> None:
    """Connected by address, the name is what is asked for and verified; one for another name is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    named: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    tell(["127.0.0.1"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            line, _ = listener.accept()
            with closing(line), suppress(OSError), context.wrap_socket(line, server_side=True) as shielded:
                shielded.recv(4096)
                shielded.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nright")

        thread = threading.Thread(target=answer)
        thread.start()
        host = NAME if is_right else "localhost"
        ca_file = str(certificate / "certificate.pem")
        with closing(HttpxClient(SystemClock(), origins=[f"https://{host}:{port}"], ca_file=ca_file)) as http:
            if is_right:
                assert http.request("GET", f"https://{host}:{port}/").content == b"right"
            else:
                with pytest.raises(Unavailable, match="certificate"):
                    http.request("POST", f"https://{host}:{port}/")
        thread.join(20)
    assert named == [host]
