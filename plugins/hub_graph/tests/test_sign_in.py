"""Signing in with a code: the token alone on stdout, what to do and what went wrong on stderr."""

from __future__ import annotations

import pytest

from hub.testing.peers.graph import CLIENT, REFRESH, TENANT, GraphPeer
from hub_graph.__main__ import main


@pytest.fixture
def peer():
    peer = GraphPeer()
    peer.start()
    yield peer
    peer.fault(None)
    peer.stop()


@pytest.fixture
def run(peer, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("hub_graph.__main__.time.sleep", waits.append)

    def done(client_id: str = CLIENT) -> tuple[int, list[float]]:
        return main([TENANT, client_id, "--login-url", peer.url]), waits

    return done


def test_the_token_of_a_user_is_waited_for(peer, run, capsys):
    peer.pending = 2
    assert run() == (0, [1, 1, 1])
    said = capsys.readouterr()
    assert said.out == f"{REFRESH}\n"
    assert "enter the code ABCD" in said.err


@pytest.mark.parametrize(
    ("trouble", "words"),
    [("declined", "authorization_declined"), ("garbage", "gave no answer"), ("down", "gave no answer")],
)
def test_without_a_token_the_reason_is_said(peer, run, capsys, trouble, words):
    if trouble == "declined":
        peer.declined = True
    else:
        peer.fault(trouble)
    assert run()[0] == 1
    said = capsys.readouterr()
    assert (said.out, words in said.err, "Traceback" in said.err) == ("", True, False)


def test_an_unknown_application_is_named(run, capsys):
    assert run("another")[0] == 1
    assert "unauthorized_client" in capsys.readouterr().err


def test_a_sign_in_without_protection_is_refused(capsys):
    assert main([TENANT, CLIENT, "--login-url", "http://login.example"]) == 1
    assert "https" in capsys.readouterr().err
