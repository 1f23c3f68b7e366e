"""Reading and sending over Graph: its traps, each told by the stand-in as the real one does it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from hub.api import AuthError, Batch, Command, Rejected, SettingsError, Unavailable
from hub.testing.peers.graph import REFRESH, GraphPeer, Refusal
from hub.testing.peers.imap import letter
from hub.tools import HttpxClient, SystemClock
from hub_graph import client
from hub_graph.connector import Graph
from hub_graph.settings import GraphSettings


class Tools:
    """Tools of a connection; it remembers which letters were stored, as the hub does."""

    connection = "office"
    log = logging.getLogger("test")

    def __init__(self, url: str) -> None:
        self.http = HttpxClient(SystemClock(), origins=[url])
        self.clock, self.blobs = SystemClock(), self
        self.contents: dict[str, bytes] = {}
        self.stored: set[str] = set()

    def put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.contents[digest] = content
        return digest

    def get(self, digest: str) -> bytes:
        return self.contents[digest]

    def stale(self, stream: str, versions: Mapping[str, str]) -> set[str]:
        return {it for it in versions if f"{stream}/{it}" not in self.stored}


@pytest.fixture
def peer():
    peer = GraphPeer()
    peer.start()
    yield peer
    peer.fault(None)
    peer.stop()


@pytest.fixture
def tools(peer):
    tools = Tools(peer.url)
    yield tools
    tools.http.close()


@pytest.fixture
def connect(peer, tools):
    def made(**changed: str | None) -> Graph:
        given = {name: value for name, value in {**peer.settings(), **changed}.items() if value is not None}
        return Graph(GraphSettings.model_validate(given), tools)

    return made


@pytest.fixture
def read(connect, tools):
    def done(cursor: dict | None = None, stream: str = "Inbox", **changed: str) -> tuple[list[str], dict]:
        connector = connect(**changed)
        found = next(it for it in connector.streams() if it.name == stream)
        ids: list[str] = []
        for batch in connector.read(found, cursor):
            ids += [it.external_id for it in batch.records]
            tools.stored |= {f"{stream}/{it.external_id}" for it in batch.records}
            cursor = batch.cursor or cursor
        return ids, cursor

    return done


def fetched(peer: GraphPeer) -> int:
    return sum(it.endswith("/$value") for it in peer.asked)


def test_pages_are_read_to_the_end_and_each_is_a_place_to_go_on(peer, connect, tools, monkeypatch):
    monkeypatch.setattr(client, "PAGE", 3)
    ids = peer.add("Inbox", 8)
    connector = connect()
    batches: list[Batch] = list(connector.read(connector.streams()[0], None))
    assert [it.external_id for batch in batches for it in batch.records] == ids
    assert len(batches) == 3
    again = list(connector.read(connector.streams()[0], batches[0].cursor))
    assert [it.external_id for batch in again for it in batch.records] == ids[3:]
    [nothing] = connector.read(connector.streams()[0], batches[-1].cursor)
    assert nothing.records == ()


def test_what_was_only_marked_is_not_fetched_again(peer, read):
    ids = peer.add("Inbox", 3)
    _, cursor = read()
    peer.touch(ids[1])
    peer.touch(ids[2], is_removed=True)
    before = fetched(peer)
    assert read(cursor)[0] == []
    assert fetched(peer) == before


def test_a_forgotten_place_means_the_start_and_doubles_nothing(peer, read):
    """F-23."""
    peer.add("Inbox", 3)
    _, cursor = read()
    peer.generation += 1
    [new] = peer.add("Inbox")
    before = fetched(peer)
    assert read(cursor)[0] == [new]
    assert fetched(peer) == before + 1


@pytest.mark.parametrize("way", ["to itself", "in a circle", "forgotten"])
def test_pages_without_end_are_an_error(peer, connect, monkeypatch, way):
    """F-21."""
    monkeypatch.setattr(client, "PAGE", 2)
    peer.add("Inbox", 6)
    known, links = peer._delta, []

    def circling(folder, query, prefer, *, lasting):
        told = known(folder, query, prefer, lasting=lasting)
        links.append(told.get("@odata.nextLink") or links[0])
        if way == "forgotten" and len(links) % 2 == 0:
            raise Refusal(410, "SyncStateNotFound", "Gone.")
        return {"value": told["value"], "@odata.nextLink": links[0] if way == "to itself" else links[-1]}

    monkeypatch.setattr(peer, "_delta", circling)
    connector = connect()
    with pytest.raises(Unavailable, match=r"circles|again and again"):
        list(connector.read(connector.streams()[0], None))
    assert len(links) <= 6


def test_a_moved_letter_keeps_its_id(peer, read):
    [identifier] = peer.add("Inbox")
    assert read(folders="Inbox, Archive")[0] == [identifier]
    peer.touch(identifier, folder="archive")
    assert read(stream="Archive", folders="Inbox, Archive")[0] == [identifier]


@pytest.mark.parametrize(
    "cursor",
    [{}, {"link": 5}, {"link": "https://evil.example/v1.0/x"}, {"blob": "gone"}, {"folder": "inbox", "link": "x"}],
)
def test_a_cursor_that_cannot_be_read_means_the_start(peer, read, cursor):
    assert read(cursor)[0] == [] != peer.add("Inbox", 2)
    assert len(read({**cursor, "since": "never"})[0]) == 2


def test_a_long_link_is_kept_beside_the_cursor(peer, read, tools, monkeypatch):
    monkeypatch.setattr("hub_graph.connector.MOST_LINK", 10)
    peer.add("Inbox", 2)
    _, cursor = read()
    assert len(str(cursor)) < 300
    assert tools.contents
    assert read(cursor)[0] == []
    assert len(read(cursor, folders="Inbox")[0]) == 0


def test_old_letters_are_left_out(peer, read):
    peer.deliver(letter(1), received=datetime.now(UTC) - timedelta(days=200))
    new = peer.deliver(letter(2), received=datetime.now(UTC) - timedelta(days=10))
    assert read()[0] == [new]
    assert fetched(peer) == 1


def test_of_a_letter_too_large_the_headers_are_kept(peer, connect):
    large = peer.deliver(letter(1) + b"x" * 100_000)
    small = peer.deliver(letter(2))
    connector = connect(max_message_bytes="65536")
    [batch] = connector.read(connector.streams()[0], None)
    assert [it.external_id for it in batch.records] == [large, small]
    [event] = connector.normalise(batch.records[0])
    assert (event.data.subject, event.data.attachments[0].name) == ("Вопрос № 1", "message.eml")
    assert event.data.attachments[0].size_bytes > 100_000


def test_a_letter_that_vanishes_meanwhile_is_left_out(peer, connect, monkeypatch):
    ids = peer.add("Inbox", 3)
    whole = client.Mailbox.content

    def content(self, identifier):
        if identifier == ids[1]:
            peer.touch(ids[1], is_removed=True)
        return whole(self, identifier)

    monkeypatch.setattr(client.Mailbox, "content", content)
    connector = connect()
    [batch] = connector.read(connector.streams()[0], None)
    assert [it.external_id for it in batch.records] == [ids[0], ids[2]]


def test_busy_graph_is_waited_for_as_it_asks(peer, read):
    peer.busy = 9
    with pytest.raises(Unavailable) as caught:
        read()
    assert caught.value.retry_after == timedelta(seconds=7)


def test_a_token_is_asked_for_once_and_a_user_may_stand_for_the_application(peer, read, connect):
    read()
    connector = connect(client_secret=None, refresh_token=REFRESH)
    connector.check()
    list(connector.read(connector.streams()[0], None))
    assert peer.tokens == 2


def test_a_refused_application_is_tried_once_and_shows_no_secret(peer, read):
    with pytest.raises(AuthError, match="invalid_client") as caught:
        read(client_secret="wrong-one")
    assert (peer.logins(), "wrong-one" in str(caught.value)) == (1, False)


def test_the_doctor_names_folders_that_are_not_there(connect):
    [(what, fix)] = connect(folders="Inbox, Клиенты").check().findings
    assert ("Клиенты" in what, "Архив" in fix) == (True, True)
    connector = connect(folders="Клиенты")
    with pytest.raises(SettingsError, match="no folder"):
        list(connector.read(connector.streams()[0], None))


def test_a_folder_is_found_by_its_name(peer, read):
    peer.folders["AAMk1"] = "Клиенты и партнёры"
    identifier = peer.deliver(letter(1), "AAMk1")
    assert read(stream="Клиенты и партнёры", folders="Клиенты и партнёры")[0] == [identifier]


# sending


def command(**data: object) -> Command:
    return Command(
        id="command-1", kind="mail.send", data={"to": ["a@client.example"], "subject": "x", "text": "x", **data}
    )


def test_a_letter_is_sent_once_and_found_by_its_id(peer, connect):
    connector = connect()
    assert connector.find(command()) is None
    receipt = connector.execute(command())
    assert receipt.external_id == "command-1@example.com"
    assert peer.effects(command()) == 1
    assert connector.find(command()).external_id == receipt.external_id


def test_busy_graph_took_nothing(peer, connect):
    peer.busy = 1
    with pytest.raises(Unavailable) as caught:
        connect().execute(command())
    assert (caught.value.unsent, caught.value.retry_after) == (True, timedelta(seconds=7))
    assert peer.effects(command()) == 0


def test_a_refusal_keeps_the_words_and_names_nobody(peer, connect):
    peer.fault("refuse")
    with pytest.raises(Rejected, match="ErrorInvalidRecipients") as caught:
        connect().execute(command())
    assert "belova" not in str(caught.value)


def test_a_lost_answer_promises_nothing(peer, connect):
    peer.fault("lost_answer")
    with pytest.raises(Unavailable) as caught:
        connect().execute(command())
    assert not caught.value.unsent
    peer.fault(None)
    assert connect().find(command()) is not None


def test_a_letter_too_large_is_rejected_before_anything_is_asked(peer, connect):
    with pytest.raises(Rejected, match="in one piece"):
        connect().execute(command(text="слово " * 600_000))
    assert peer.asked == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"address": "office"}, "such as office@example.ru"),
        ({"tenant": "a/b"}, "without spaces and slashes"),
        ({"client_secret": None}, "client_secret, or the refresh_token"),
        ({"url": "http://graph.example/v1.0"}, "must begin with https"),
        ({"folders": ","}, "at least one folder"),
        ({"own": "не домен"}, "neither a domain"),
    ],
)
def test_wrong_settings_say_what_is_wrong(connect, changed, words):
    with pytest.raises(ValidationError, match=words):
        connect(**changed)
