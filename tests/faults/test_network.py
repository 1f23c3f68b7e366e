# ruff: noqa: E501 tables of cases read better in one line each
"""F-14, F-15, F-16, F-17, F-18, A-05: a connection over a bad line to the stand-in of 1C; the rest goes on and nothing is lost."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from forks import Forks, QuickOffice
from lab import Office, difference, item, stream

from hub.testing.peers.onec import OneCPeer


class Proxy:
    """Passes bytes on between the hub and a peer; `harm` sees each piece of an answer and may shorten it, which ends the line."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = url.replace(f":{parts.port}", f":{self._listener.getsockname()[1]}")
        self.harm: Callable[[bytes, int], bytes | None] = lambda piece, _seen: piece
        self.seen = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            threading.Thread(target=self._up, args=(near, far), daemon=True).start()
            threading.Thread(target=self._down, args=(near, far), daemon=True).start()

    @staticmethod
    def _end(*lines: socket.socket) -> None:
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while piece := near.recv(65536):
                far.sendall(piece)
        self._end(near, far)

    def _down(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while piece := far.recv(4096):
                self.seen += len(piece)
                changed = self.harm(piece, self.seen)
                if changed is None:
                    break
                near.sendall(changed)
                if len(changed) < len(piece):
                    break
        self._end(near, far)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def peer() -> Iterator[OneCPeer]:
    onec = OneCPeer()
    onec.start()
    onec.add("counterparties", 150)
    onec.add("contracts", 10)
    yield onec
    onec.fault(None)
    onec.stop()


@pytest.fixture
def office(forks: Forks, tmp_path: Path, made_store: Path) -> Office:
    office = QuickOffice(forks, tmp_path / "office")
    shutil.copy(made_store, office.folder / "hub.db")
    return office


def _connect(office: Office, peer: OneCPeer, url: str = "") -> dict[str, str]:
    settings = {**peer.settings(), "password": "env:ONEC_PASSWORD", **({"url": url} if url else {})}
    healthy = office.script("healthy", stream("clients", [item("client", "1", name="Ромашка")]))
    office.connect({"accounting": {"connector": "onec", **settings}, "healthy": healthy})
    return {"ONEC_PASSWORD": peer.settings()["password"]}


def _state(office: Office) -> list[str]:
    return [line for line in office.dump() if not line.startswith("stream ")]


@pytest.mark.parametrize("fault", ["down", "cut", "garbage", "auth"])
def test_trouble_stops_one_connection_and_heals(office: Office, peer: OneCPeer, fault: Any) -> None:
    env = _connect(office, peer)
    peer.fault(fault)
    done = office.hub("sync", "--json", **env)
    found = {it["connection"]: it for it in done.json}
    assert (done.code, found["healthy"]["error"]) == (3, None)
    assert found["accounting"]["error"]
    assert "Traceback" not in done.err
    assert env["ONEC_PASSWORD"] not in done.out + done.err
    assert len(office.ok("status", "--json").json["problems"]) == 1
    assert not any(line.startswith("client ") and "| accounting |" in line for line in office.dump())
    peer.fault(None)
    office.ok("sync", **env)
    assert sum(line.startswith("record ") and "| accounting |" in line for line in office.dump()) == 160
    assert office.ok("status", "--json").json["problems"] == []


def _cut_at(offset: int) -> Callable[[bytes, int], bytes | None]:
    return lambda piece, seen: (
        piece
        if seen < offset
        else piece[: max(0, len(piece) - (seen - offset))]
        if seen - len(piece) < offset
        else None
    )


def test_answer_cut_anywhere_is_never_a_short_list(
    office: Office, peer: OneCPeer, tmp_path: Path, made_store: Path
) -> None:
    """F-16: after the line is mended the store equals one that was read over a good line; never is anything gone."""
    calm = Office(tmp_path / "calm")
    shutil.copy(made_store, calm.folder / "hub.db")
    proxy = Proxy(peer.settings()["url"])
    env = _connect(office, peer, proxy.url)
    _connect(calm, peer)
    calm.ok("sync", **env)
    office.ok("sync", **env)
    total = proxy.seen
    peer.change("counterparties", peer.add("counterparties", 1)[0])
    calm.ok("sync", **env)
    for share in (0.001, 0.2, 0.45, 0.7, 0.9):
        proxy.seen = 0
        proxy.harm = _cut_at(int(total * share))
        done = office.hub("sync", "--full", "--json", **env)
        assert done.code in (0, 3)
        assert all(it["deleted"] == 0 for it in done.json)
    proxy.harm = lambda piece, _seen: piece
    office.ok("sync", **env)
    proxy.close()
    assert _state(office) == _state(calm), difference(_state(calm), _state(office))


def test_slow_line_is_slow_and_equal(office: Office, peer: OneCPeer) -> None:
    """F-17: small pieces with pauses."""
    proxy = Proxy(peer.settings()["url"])

    def slow(piece: bytes, _seen: int) -> bytes:
        time.sleep(0.005)  # the pace of the line
        return piece

    proxy.harm = slow
    env = _connect(office, peer, proxy.url)
    done = office.ok("sync", "--json", **env)
    proxy.close()
    assert {it["stream"]: it["new"] for it in done.json if it["new"]} == {
        "counterparties": 150,
        "contracts": 10,
        "clients": 1,
    }


def test_secret_appears_nowhere(office: Office, peer: OneCPeer, tmp_path: Path) -> None:
    """S-26, S-30, A-16: not in outputs, logs, the store, a backup or any file but the one that holds it."""
    canary = "Canary-пароль+/=4711"
    peer.server.password = canary
    secret = tmp_path / "secret"
    secret.write_text(canary + "\n", encoding="utf-8")
    settings = {**peer.settings(), "password": f"file:{secret}"}
    office.connect({"accounting": {"connector": "onec", **settings}})
    spoken = []
    for wrong in (False, True):
        peer.server.password = "другой" if wrong else canary
        for command in (
            ["sync"],
            ["-v", "sync", "--full", "--json"],
            ["-v", "doctor"],
            ["status", "--json"],
            ["run", "--once"],
            ["record", "list"],
            ["db", "dump"],
            ["db", "backup", "copy.db"],
        ):
            done = office.hub(*command)
            spoken.append(done.out + done.err)
    import base64
    from urllib.parse import quote

    user = f"{settings['user']}:{canary}".encode()
    forms = [
        canary,
        quote(canary),
        quote(canary, safe=""),
        base64.b64encode(canary.encode()).decode(),
        base64.b64encode(user).decode(),
    ]
    content = [path.read_bytes() for path in office.folder.rglob("*") if path.is_file()]
    assert (office.folder / "copy.db").is_file()
    assert peer.server.refused_logins, "the control: the wrong password was really tried"
    for form in forms:
        assert not any(form in text for text in spoken), form
        assert not any(form.encode() in it for it in content), form


def test_secret_written_out_is_refused_and_not_repeated(office: Office, peer: OneCPeer) -> None:
    office.connect({"accounting": {"connector": "onec", **peer.settings(), "password": "hunter2-canary"}})
    done = office.fails("sync", code=1, says="a secret is written as a reference")
    assert "hunter2" not in done.out + done.err
    for missing in ("env:NO_SUCH_NAME", "file:/no/such/file"):
        office.connect({"accounting": {"connector": "onec", **peer.settings(), "password": missing}})
        office.fails("sync", code=1, says="hub.yaml")


def test_connection_pointed_at_another_base_is_refused(office: Office, peer: OneCPeer) -> None:
    """F-30."""
    env = _connect(office, peer)
    office.ok("sync", **env)
    before = _state(office)
    other = OneCPeer()
    other.start()
    other.add("counterparties", 3)
    try:
        _connect(office, other)
        done = office.hub("sync", **{**env, "ONEC_PASSWORD": other.settings()["password"]})
        assert (done.code, "another system" in done.out) == (3, True)
        assert _state(office) == before
    finally:
        other.stop()
