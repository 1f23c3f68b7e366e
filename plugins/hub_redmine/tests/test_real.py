"""The same against a real server, and what the stand-in must share with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from hub.api import AuthError
from hub.testing.conformance.harness import Harness
from hub.testing.peers.redmine import AGENT_KEY, RedminePeer, Verbs
from hub.testing.peers.redmine_server import RealRedminePeer
from hub_redmine import register_connectors
from hub_redmine.connector import ISSUES

SCRIPT = Path(__file__).parents[3].parent / "shared" / "peers" / "redmine.sh"


class Installed(RealRedminePeer):
    script = SCRIPT


NO_SCRIPT = pytest.mark.skipif(not SCRIPT.exists(), reason="the script that installs Redmine is not beside the project")
REAL = pytest.param(Installed, marks=[pytest.mark.peer, NO_SCRIPT])


@pytest.fixture(scope="module", params=[RedminePeer, REAL])
def peer(request: pytest.FixtureRequest) -> Iterator[Verbs]:
    made = request.param()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def harness(peer: Any) -> Iterator[Harness]:
    started = Harness(register_connectors()[0], peer)
    started.stop_peer = lambda: None  # the server serves the whole module
    yield started
    started.close()


def asked(peer: Verbs, path: str, key: str = AGENT_KEY) -> tuple[int, Any]:
    connection = HTTPConnection(urlsplit(peer.url).netloc, timeout=60)
    connection.request("GET", path, headers={"X-Redmine-API-Key": key})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if content.strip() else None


def test_story_of_a_ticket(harness: Harness, peer: Any) -> None:
    connector = harness.connector()
    assert connector.check().account == "agent"
    issue = peer.create(subject="Не проводится акт", description="Срочно!\nПозвоните", priority_id=4, is_private=True,
                        assigned_to_id=5, custom_fields=[{"id": 1, "value": "7707083893"}])  # fmt: skip
    peer.update(issue, notes="Сделано", status_id=5)
    peer.update(issue, notes="Не сделано", status_id=2)
    harness.sync(ISSUES)
    record = next(record for record in harness.records(ISSUES) if record.external_id == issue)
    events = list(connector.normalise(record))
    data = events[0].data
    assert (data.subject, data.description, data.priority) == ("Не проводится акт", "Срочно!\nПозвоните", "urgent")
    assert (data.state, data.closed, data.reopens) == ("open", None, 1)
    assert (data.client_inn, data.specialist) == ("7707083893", "Анна Менеджер")
    assert [event.type for event in events] == [
        "ticket.observed", "comment.observed", "comment.observed", "ticket.closed", "ticket.reopened"
    ]  # fmt: skip


def test_ties_pages_changes_and_deletions(harness: Harness, peer: Any) -> None:
    ids = peer.add("issues", 120)
    harness.sync(ISSUES)
    assert harness.ids(ISSUES) >= set(ids)
    peer.change("issues", ids[3])
    assert ids[3] in harness.sync(ISSUES).changed
    peer.remove("issues", ids[5])
    harness.set_cursor(ISSUES, None)
    assert harness.sync(ISSUES).gone == {ids[5]}


def test_refused_key_is_noticed(harness: Harness, peer: Any) -> None:
    peer.add("issues")
    peer.fault("auth")
    try:
        assert asked(peer, "/issues.json")[0] == 200
        assert asked(peer, "/users/current.json") == (401, None)
        with pytest.raises(AuthError):
            harness.sync(ISSUES)
    finally:
        peer.fault(None)


@pytest.mark.parametrize(
    ("condition", "status"),
    [(">=2026-11-22T01:00:00Z", 200), (">=2026-11-22", 200), ("><2026-11-22|2026-11-23", 200),
     (">=2026-11-22T01:00:00+03:00", 422), (">=nonsense", 422)],
)  # fmt: skip
def test_time_filters(peer: Any, condition: str, status: int) -> None:
    peer.add("issues")
    assert asked(peer, f"/issues.json?updated_on={quote(condition)}")[0] == status


def test_order_within_a_second_is_by_hidden_microseconds(peer: Any) -> None:
    first, second = peer.add("issues", 2)
    for _ in range(20):
        peer.update(second, subject="раньше")
        peer.update(first, subject="позже")
        rows = asked(peer, "/issues.json?status_id=*&limit=100&sort=updated_on:desc,id:desc")[1]["issues"][:2]
        assert [row["id"] for row in rows] == [int(first), int(second)]
        if rows[0]["updated_on"] == rows[1]["updated_on"]:
            return
    pytest.fail("no two changes fell into one second")


def test_lists(peer: Any) -> None:
    first, second = peer.add("issues", 2)
    peer.update(first, status_id=5)
    listed = asked(peer, "/issues.json")[1]
    assert listed["limit"] == 25
    assert first not in {str(row["id"]) for row in listed["issues"]}
    everything = asked(peer, "/issues.json?status_id=*&limit=500")[1]
    assert everything["limit"] == 100
    assert [row["id"] for row in everything["issues"]][:2] == [int(second), int(first)]
    rows = asked(peer, "/issues.json?status_id=*&limit=100&sort=updated_on,id")[1]["issues"]
    assert rows == sorted(rows, key=lambda row: row["updated_on"])


def test_oddities_of_writing(peer: Any) -> None:
    issue = peer.create(subject="Поступление", description="одна\nдве")
    peer.update(issue, status_id=999)
    assert peer.issue(issue)["status"]["id"] == 1
    assert peer.issue(issue)["description"] == "одна\r\nдве"
    peer.update(issue, notes="до")
    before = peer.issue(issue)
    peer.edit_comment(before["journals"][0]["id"], "после")
    after = peer.issue(issue)
    assert (after["journals"][0]["notes"], after["updated_on"]) == ("после", before["updated_on"])
    with pytest.raises(RuntimeError, match="422"):
        peer.update(issue, priority_id=99)
    with pytest.raises(RuntimeError, match="422"):
        peer.create(subject=" ")
    peer.remove("issues", issue)
    assert asked(peer, f"/issues/{issue}.json") == (404, None)
