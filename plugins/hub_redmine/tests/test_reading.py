"""Reading from the stand-in: what the change filter, the pages and the silent anonymous view would lose."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.api import AuthError, Record, Unavailable
from hub.testing import ConnectionTools, HttpxClient
from hub.testing.conformance.harness import Harness
from hub.testing.peers.redmine import Database, RedminePeer
from hub_redmine import register_connectors
from hub_redmine.connector import ISSUES, Redmine

SPEC = register_connectors()[0]
SECOND = datetime(2026, 5, 12, 2, 30, tzinfo=UTC)


class Scanning(RedminePeer):
    """A connection that compares everything at each read."""

    def settings(self) -> Mapping[str, str]:
        return {**super().settings(), "full_scan": "0s"}


@contextmanager
def running(peer: RedminePeer) -> Iterator[Harness]:
    peer.start()
    harness = Harness(SPEC, peer)
    try:
        yield harness
    finally:
        harness.close()


@pytest.fixture
def peer() -> RedminePeer:
    return Scanning()


@pytest.fixture
def harness(peer: RedminePeer) -> Iterator[Harness]:
    with running(peer) as started:
        yield started


def fetched(peer: RedminePeer) -> list[str]:
    return [it.split("/")[-1].partition(".")[0] for it in peer.requests if it.startswith("GET /issues/")]


def records(harness: Harness) -> dict[str, dict[str, Any]]:
    with closing(harness.batches(ISSUES)) as batches:
        read: list[Record] = [record for batch in batches for record in batch.records]
    return {record.external_id: json.loads(record.payload)["issue"] for record in read}


def test_closed_issues_are_read(harness: Harness, peer: RedminePeer) -> None:
    opened, closed = peer.add("issues", 2)
    peer.update(closed, status_id=5)
    harness.sync(ISSUES)
    assert harness.ids(ISSUES) == {opened, closed}


def test_wrong_key_is_refused_although_the_list_answers(harness: Harness, peer: RedminePeer) -> None:
    peer.add("issues", 4)
    harness.sync(ISSUES)
    peer.fault("auth")
    assert peer.route("GET", "/issues.json", {}, "a wrong key", b"")[1] == 200
    with pytest.raises(AuthError):
        harness.sync(ISSUES)
    assert len(harness.ids(ISSUES)) == 4


def test_key_revoked_while_reading_takes_nothing_away(harness: Harness, peer: RedminePeer) -> None:
    """F-19."""
    ids = set(peer.add("issues", 130))
    harness.sync(ISSUES)
    with pytest.raises(AuthError):
        harness.sync(ISSUES, between=lambda: peer.fault("auth"))
    assert harness.ids(ISSUES) == ids


def test_unchanged_issues_are_not_fetched() -> None:
    peer = RedminePeer()
    peer.database.now = lambda: SECOND
    with running(peer) as harness:
        changed = peer.add("issues", 5)[2]
        harness.sync(ISSUES)
        assert len(fetched(peer)) == 5
        harness.sync(ISSUES)
        assert len(fetched(peer)) == 5
        peer.database.now = lambda: SECOND + timedelta(seconds=1)
        peer.update(changed, notes="ещё не работает")
        harness.sync(ISSUES)
        assert fetched(peer)[5:] == [changed]


def test_deletion_waits_for_the_full_scan() -> None:
    peer = RedminePeer()
    with running(peer) as harness:
        first, second = peer.add("issues", 2)
        harness.sync(ISSUES)
        peer.remove("issues", first)
        harness.sync(ISSUES)
        assert harness.ids(ISSUES) == {first, second}
        scanned = dict(harness.cursor(ISSUES) or {}, scanned="2026-01-01T00:00:00Z")
        harness.set_cursor(ISSUES, scanned)
        harness.sync(ISSUES)
        assert harness.ids(ISSUES) == {second}


def test_edited_comment_is_found_by_the_full_scan(harness: Harness, peer: RedminePeer) -> None:
    issue = peer.add("issues")[0]
    peer.update(issue, notes="не проводится")
    harness.sync(ISSUES)
    before = peer.issue(issue)
    peer.edit_comment(before["journals"][0]["id"], "не проводится акт")
    assert peer.issue(issue)["updated_on"] == before["updated_on"]
    assert records(harness)[issue]["journals"][0]["notes"] == "не проводится акт"


def test_edited_comment_of_a_closed_issue_is_not_fetched(harness: Harness, peer: RedminePeer) -> None:
    issue = peer.add("issues")[0]
    peer.update(issue, notes="сделано", status_id=5)
    harness.sync(ISSUES)
    assert issue not in records(harness)


@pytest.mark.parametrize("gone", [[1, 2, 3], [50], list(range(1, 101)), [100], [101]])
def test_issues_deleted_between_pages_hide_no_other(harness: Harness, peer: RedminePeer, gone: list[int]) -> None:
    """F-22."""
    ids = set(peer.add("issues", 230))
    doomed = {str(number) for number in gone}

    def delete() -> None:
        for issue in sorted(doomed):
            peer.remove("issues", issue)

    harness.sync(ISSUES)
    harness.set_cursor(ISSUES, None)  # the change list has three pages again
    run = harness.sync(ISSUES, between=delete)
    assert run.gone <= doomed
    harness.sync(ISSUES)
    assert harness.ids(ISSUES) == ids - doomed


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_issues_deleted_during_the_scan_hide_no_other(peer: RedminePeer, batch: int) -> None:
    peer.database.now = lambda: SECOND
    with running(peer) as harness:
        ids = peer.add("issues", 330)
        peer.database.now = lambda: SECOND + timedelta(hours=1)
        ids += peer.add("issues", 1)
        harness.sync(ISSUES)
        seen: set[str] = set()
        with closing(harness.batches(ISSUES)) as batches:
            for number, read in enumerate(batches, 1):
                seen |= {record.external_id for record in read.records} | set(read.present)
                assert number > 1 or seen == {ids[-1]}  # the list of changes
                if number == batch:
                    for issue in ids[:3]:
                        peer.remove("issues", issue)
        assert read.complete
        assert seen >= set(ids[3:])


def test_pages_are_asked_for_once(harness: Harness, peer: RedminePeer) -> None:
    peer.add("issues", 230)
    harness.sync(ISSUES)
    asked = [it for it in peer.requests if it.startswith("GET /issues.json")]
    assert len(asked) == 3 + 3


def test_issues_changed_between_pages_push_no_other_out(peer: RedminePeer) -> None:
    """F-22."""
    times = iter(SECOND + timedelta(seconds=number // 40) for number in range(10**6))
    peer.database.now = lambda: next(times)
    with running(peer) as harness:
        ids = peer.add("issues", 230)

        def touch() -> None:
            for issue in ids[:60]:
                peer.update(issue, notes="напоминаю")

        harness.sync(ISSUES, between=touch)
        assert harness.ids(ISSUES) == set(ids)
        notes = [json.loads(record.payload)["issue"]["journals"] for record in harness.records(ISSUES)]
        assert sum(map(bool, notes)) == 60


class Stubborn(Database):
    """A server that answers with the first page whatever is asked."""

    def listed(self, query: Mapping[str, str], user: int | None) -> dict[str, Any]:
        return super().listed({**query, "offset": "0"}, user)


class Forgetful(Database):
    """A server whose second page is empty."""

    def listed(self, query: Mapping[str, str], user: int | None) -> dict[str, Any]:
        answer = super().listed(query, user)
        return answer if query.get("offset", "0") == "0" else {**answer, "issues": []}


class Unsorted(Database):
    """A server that does not know `sort`."""

    def listed(self, query: Mapping[str, str], user: int | None) -> dict[str, Any]:
        return super().listed({**query, "sort": ""}, user)


class Growing(Database):
    """A server that announces one more with each page."""

    pages = 0

    def listed(self, query: Mapping[str, str], user: int | None) -> dict[str, Any]:
        answer = super().listed(query, user)
        self.pages += 1
        return {**answer, "total_count": answer["total_count"] + self.pages}


@pytest.mark.parametrize("database", [Stubborn, Forgetful, Unsorted, Growing])
def test_list_that_cannot_be_trusted_is_an_error(peer: RedminePeer, database: Callable[[], Database]) -> None:
    """F-21."""
    peer.database = database()
    with running(peer) as harness:
        peer.add("issues", 120)
        with pytest.raises(Unavailable):
            harness.sync(ISSUES)


class WaitingClock:
    """A clock on which something happens while somebody waits."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self.meanwhile = meanwhile

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, duration: timedelta) -> None:
        assert timedelta(0) < duration < timedelta(seconds=5)
        self.meanwhile()


def test_comment_in_the_second_of_the_last_change_is_not_lost() -> None:
    """F-22."""
    peer = RedminePeer()
    moment = datetime.now(UTC)
    peer.database.now = lambda: moment
    with running(peer) as harness:
        issue = peer.add("issues")[0]
        peer.update(issue, subject="Срочно")
        clock = WaitingClock(lambda: peer.update(issue, notes="в ту же секунду"))
        http = HttpxClient(clock)
        tools = ConnectionTools("helpdesk", http=http, blobs=None, clock=clock, stale=lambda _, versions: set(versions))
        batches = list(Redmine(harness.settings(), tools).read(ISSUES, None))
        http.close()
    assert "в ту же секунду" in batches[0].records[0].payload.decode()


@pytest.mark.parametrize("field", ["updated", "scanned"])
def test_cursor_from_the_future_reads_anew(
    harness: Harness, peer: RedminePeer, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    """F-23."""
    ids = set(peer.add("issues", 3))
    harness.sync(ISSUES)
    harness.set_cursor(ISSUES, dict(harness.cursor(ISSUES) or {}, **{field: "2099-01-01T00:00:00Z"}))
    late = set(peer.add("issues", 1))
    with caplog.at_level(logging.WARNING):
        harness.sync(ISSUES)
    assert "from the future" in caplog.text
    assert harness.ids(ISSUES) == ids | late


def test_issues_dated_in_the_future_do_not_move_the_cursor_there(peer: RedminePeer) -> None:
    """F-22."""
    with running(peer) as harness:
        peer.add("issues")
        peer.database.now = lambda: datetime.now(UTC) + timedelta(days=400)
        peer.add("issues")
        harness.sync(ISSUES)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert datetime.fromisoformat((harness.cursor(ISSUES) or {})["updated"]) < tomorrow


def test_only_wanted_projects_are_read(harness: Harness, peer: RedminePeer) -> None:
    inside, outside = peer.add("issues", 2)
    peer.database.issues[int(outside)]["project"] = {"id": 2, "name": "Внутренний"}
    wanted = SPEC.settings.model_validate({**peer.settings(), "projects": "1, 3"})
    assert [settings_ids(harness, it) for it in (wanted, harness.settings())] == [{inside}, {inside, outside}]


def settings_ids(harness: Harness, settings: Any) -> set[str]:
    connector = harness.connector()
    reading = Redmine(settings, connector._tools).read(ISSUES, None)
    return {record.external_id for batch in reading for record in batch.records}


def test_check_is_content_with_a_fitting_installation(harness: Harness, peer: RedminePeer) -> None:
    peer.add("issues")
    found = harness.connector().check()
    assert found.account == "agent"
    assert found.findings == ()
    assert abs(found.server_time - datetime.now(UTC)) < timedelta(minutes=1)


def test_check_names_what_does_not_fit(harness: Harness, peer: RedminePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    peer.add("issues")
    monkeypatch.setitem(peer_tables()["STATUSES"], 7, ("На согласовании", False))
    monkeypatch.setitem(peer_tables()["PRIORITIES"], 9, "Плановый")
    given = {
        **peer.settings(),
        "statuses": {"99": "closed"},
        "priorities": {"98": "low"},
        "client_field": "ИНН клиента",
    }
    connector = Redmine(SPEC.settings.model_validate(given), harness.connector()._tools)
    found = " | ".join(what for what, _ in connector.check().findings)
    for expected in ("status 7 «На согласовании» is read as open", "priority 9 «Плановый» is read as normal",
                     "no status 99", "no priority 98", "no custom field 'ИНН клиента'"):  # fmt: skip
        assert expected in found


def peer_tables() -> dict[str, dict[int, Any]]:
    from hub.testing.peers import redmine

    return {"STATUSES": redmine.STATUSES, "PRIORITIES": redmine.PRIORITIES}
