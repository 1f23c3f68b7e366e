"""What exchangelib and requests do by default and must not do here; an upgrade that changes one of them shows."""

from __future__ import annotations

import logging
import tempfile
import time
import tracemalloc
from pathlib import Path

import pytest

from hub.api import Command, HubError, Unavailable
from hub.testing.peers.ews import PASSWORD, Answer
from hub.testing.peers.smtp import hang_up
from hub_exchange import client, wire

LETTER = Command(
    id="cmd-7", kind="mail.send", data={"to": ["anna@client.example"], "subject": "Тайный счёт", "text": "Тайна"}
)


@pytest.fixture
def everything_logged(caplog):
    caplog.set_level(logging.DEBUG)
    return caplog


def test_no_connection_and_no_credentials_are_kept(peer, read):
    """L9."""
    from exchangelib.protocol import CachingProtocol

    peer.add("Inbox", 1)
    read()
    assert CachingProtocol._protocol_cache == {}


def test_no_file_of_autodiscover_is_written(peer, read):
    """L9."""
    from exchangelib.autodiscover.cache import AUTODISCOVER_PERSISTENT_STORAGE as STORAGE

    folder = Path(tempfile.gettempdir())
    before = set(folder.glob(f"{STORAGE.name}*"))
    peer.add("Inbox", 1)
    read()
    assert set(folder.glob(f"{STORAGE.name}*")) == before


def test_nothing_of_a_letter_is_logged_even_when_it_fails(connect, server, everything_logged):
    """S-27."""
    server.status = Answer(418, "Тайна".encode())
    with pytest.raises(HubError):
        connect().execute(LETTER)
    server.status = None
    connect(auth="ntlm").execute(LETTER)
    text = everything_logged.text
    assert not any(word in text for word in ("Тайн", "anna@", PASSWORD, "Authorization"))


def test_an_answer_that_is_not_understood_is_not_repeated_in_the_error(connect, server):
    server.status = Answer(200, b"<a><b>anna@client.example</b></Envelope>")
    with pytest.raises(Unavailable) as caught:
        connect().check()
    chain, texts = caught.value, []
    while chain is not None:
        texts.append(str(chain))
        chain = None if chain.__suppress_context__ else chain.__cause__ or chain.__context__
    assert "anna@" not in "".join(texts)


def test_words_of_the_server_lose_their_addresses(connect, server):
    from hub_exchange.client import spoken

    assert spoken(ValueError("Mailbox anna@client.example\n is full")) == "Mailbox ***@client.example is full"


@pytest.mark.parametrize("name", ["https_proxy", "http_proxy", "ALL_PROXY"])
def test_no_proxy_is_taken_from_the_environment(peer, read, monkeypatch, name):
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    peer.add("Inbox", 1)
    assert len(read().ids) == 1


def test_no_password_is_taken_from_netrc(peer, connect, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login office@example.com password from-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    connect().check()
    assert peer.logins() == 0


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, b"", Retry_After="7"),
        Answer(503, b"", Retry_After="999999999999"),
        Answer(503, b"", Retry_After="-5"),
        Answer(503, b"", Retry_After="soon"),
        Answer(429, b"", Retry_After="Fri, 31 Dec 1999 23:59:59 GMT"),
        Answer(500, b"<html>Server Error in '/EWS' Application.</html>", Connection="close"),
        Answer(302, b"", Location="/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx"),
        Answer(200, b""),
        Answer(200, b"<html></html>"),
    ],
)
def test_nothing_is_tried_again_by_itself(connect, server, answer):
    asked = []
    server.status = answer
    known = server.__class__._soap
    server._soap = lambda path, body, login: asked.append(path) or known(server, path, body, login)
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        connect().check()
    assert len(asked) == 1
    assert time.monotonic() - began < 9  # the library would wait ten seconds and try again
    wish = caught.value.retry_after
    assert wish is None or 0 <= wish.total_seconds() <= 3600


def test_busy_is_told_with_its_wish_and_not_waited_for(connect, server):
    server.busy = 3
    with pytest.raises(Unavailable) as caught:
        connect().check()
    assert caught.value.retry_after.total_seconds() == 1.5
    assert server.busy == 2


@pytest.mark.parametrize("location", ["https://evil.example/EWS/Exchange.asmx", "/owa/"])
def test_a_redirect_is_not_followed(connect, server, location):
    from hub.api import SettingsError

    server.status = Answer(302, b"", Location=location)
    with pytest.raises(SettingsError, match="elsewhere"):
        connect().check()


@pytest.mark.parametrize("cut", ["short", "quiet"])
def test_half_an_answer_is_no_answer(peer, read, server, cut):
    """L8."""
    peer.add("Inbox", 3)
    server.cut = cut
    with pytest.raises(Unavailable):
        read()


def _through(server, passes) -> None:
    """Send answers through `passes(connection, bytes)`, headers and all."""
    known = server.__class__._send

    class Line:
        def __init__(self, connection):
            self.connection = connection

        def sendall(self, content: bytes) -> None:
            passes(self.connection, content)

    server._send = lambda connection, answer: known(server, Line(connection), answer)


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_a_connection_reset_anywhere_is_unavailable_and_loses_nothing(peer, read, server, auth):
    """A-05, F-16."""
    ids = peer.add("Inbox", 3)
    lengths: list[int] = []

    def whole(connection, content: bytes) -> None:
        lengths.append(len(content))
        connection.sendall(content)

    _through(server, whole)
    read(auth=auth)
    total = sum(lengths)
    for part in range(25):
        left = total * part // 25

        def some(connection, content: bytes) -> None:
            nonlocal left
            connection.sendall(content[:left])
            left -= len(content)
            if left < 0:
                hang_up(connection)
                raise OSError("cut on purpose")

        _through(server, some)
        with pytest.raises(Unavailable):
            read(auth=auth)
    _through(server, whole)
    assert sorted(read(auth=auth).ids) == sorted(ids)
    assert peer.logins() == 0


def test_an_answer_in_single_bytes_is_slow_but_equal(peer, read, server):
    """F-17."""
    ids = peer.add("Inbox", 2)

    def sliced(connection, content: bytes) -> None:
        for start in range(len(content)):
            connection.sendall(content[start : start + 1])

    _through(server, sliced)
    assert sorted(read().ids) == sorted(ids)


def test_an_answer_that_drips_ends_at_the_deadline(connect, server, monkeypatch):
    """F-15."""
    monkeypatch.setattr(wire, "CALL_SECONDS", 0.5)

    def drip(connection, answer):
        connection.sendall(b"HTTP/1.1 200 -\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(2000):
            connection.sendall(b"<")
            time.sleep(0.02)

    server._send = drip
    began = time.monotonic()
    with pytest.raises(Unavailable, match="in time"):
        connect().check()
    assert time.monotonic() - began < 20


def test_an_answer_without_end_stops_at_the_limit(connect, server):
    def flood(connection, answer):
        connection.sendall(b"HTTP/1.1 200 -\r\n\r\n")
        while True:
            connection.sendall(b"<x/>" * 16384)

    server._send = flood
    tracemalloc.start()
    try:
        with pytest.raises(Unavailable, match="more than"):
            connect(max_message_bytes="1000000", max_attachment_bytes="1000000").check()
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>"""


@pytest.mark.parametrize("entity", [b"&d;&d;&d;&d;", b"&f;"])
def test_entities_are_not_resolved(connect, server, entity):
    """L7, B-04."""
    server.status = Answer(200, BOMB % entity)
    with pytest.raises(Unavailable) as caught:
        connect().check()
    assert "root:" not in str(caught.value)


def test_answers_are_read_in_large_pieces(peer, read, monkeypatch):
    """The library would ask for one byte at a time, which takes seconds for a few megabytes."""
    sizes = []
    known = wire.Answer.iter_content

    def watched(self, *args, **kwargs):
        for piece in known(self, *args, **kwargs):
            sizes.append(len(piece))
            yield piece

    monkeypatch.setattr(wire.Answer, "iter_content", watched)
    item = peer.deliver(raw=b"Message-ID: <a@b.example>\r\n\r\n" + bytes(range(250)) * 8000)
    (record,) = read().records
    assert record.payload.endswith(item.raw)
    assert max(sizes) > 10_000
    assert len(sizes) < 1000


def test_the_session_is_closed_when_the_reader_stops(peer, connect):
    peer.add("Inbox", 60)
    connector = connect()
    reading = connector.read(connector.streams()[0], None)
    next(reading)
    assert len(peer.server.connections) == 1
    reading.close()
    late = time.monotonic() + 5
    while peer.server.connections and time.monotonic() < late:
        time.sleep(0.01)
    assert not peer.server.connections


def test_two_mailboxes_with_one_login_do_not_share_a_session(peer, connect):
    peer.server.mailboxes["sales@example.com"].put(
        peer.server.mailboxes["sales@example.com"].path("Inbox").id, peer.deliver().raw
    )
    one, two = connect(), connect(address="sales@example.com")
    first, second = one.read(one.streams()[0], None), two.read(two.streams()[0], None)
    assert len(next(first).records) == len(next(second).records) == 1
    first.close()
    assert list(second) == []


def test_the_pool_that_waits_for_ever_is_not_used(connect):
    with connect()._session() as mailbox:
        line = mailbox._account.protocol
        assert line.get_session() is line.get_session()
        assert client._Line.get_session is not client.Protocol.get_session
