# ruff: noqa: E501 tables of cases read better in one line each
"""A-05, F-18: a busy server, an error page, an empty answer before 1C and Redmine: waited for as asked, and never taken for data."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from forks import Forks, QuickOffice
from gate import Answer, Gate
from lab import difference, item, opened, stream
from sqlalchemy import text

from hub.testing.peers.onec import OneCPeer
from hub.testing.peers.redmine import RedminePeer

PAGE = "<!DOCTYPE html><html><head><title>502</title></head><body><h1>Технические работы</h1></body></html>".encode()
HTML, JSON = {"Content-Type": "text/html; charset=utf-8"}, {"Content-Type": "application/json; charset=utf-8"}
NO_DATA: dict[str, Answer] = {
    "an HTML page": (200, HTML, PAGE),
    "an HTML page called JSON": (200, JSON, PAGE),
    "nothing": (200, JSON, b""),
    "nothing of no type": (200, {}, b""),
    "a space": (200, JSON, b" "),
    "null": (200, JSON, b"null"),
    "another object": (200, JSON, b'{"status": "ok"}'),
    "half an object": (200, JSON, b'{"value": [{"Ref_Key"'),
    "bad gateway": (502, HTML, PAGE),
    "service unavailable": (503, HTML, b""),
    "gateway timeout": (504, HTML, PAGE),
}


class Place:
    """A peer behind its gate, an office that reads it and one that reads it in peace."""

    def __init__(self, kind: str, forks: Forks, folder: Path, made_store: Path) -> None:
        self.peer: Any = OneCPeer() if kind == "onec" else RedminePeer()
        self.peer.start()
        for name, count in (("counterparties", 70), ("contracts", 5)) if kind == "onec" else (("issues", 30),):
            self.peer.add(name, count)
        self.gate = Gate(self.peer.settings()["url"])
        self.env = {"KEY": self.peer.settings()["password" if kind == "onec" else "key"]}
        self.office, self.calm = (QuickOffice(forks, folder / name) for name in ("office", "calm"))
        for office in (self.office, self.calm):
            shutil.copy(made_store, office.folder / "hub.db")
            given = {**self.peer.settings(), "url": self.gate.url, "connector": kind}
            given["password" if kind == "onec" else "key"] = "env:KEY"
            healthy = office.script("healthy", stream("clients", [item("client", "1", name="Ромашка")]))
            office.connect({"other": given, "healthy": healthy})

    def state(self, office: QuickOffice) -> list[str]:
        return [line for line in office.dump() if not line.startswith("stream ")]

    def close(self) -> None:
        self.gate.close()
        self.peer.stop()


@pytest.fixture(params=["onec", "redmine"])
def place(request: pytest.FixtureRequest, forks: Forks, tmp_path: Path, made_store: Path) -> Iterator[Place]:
    made = Place(request.param, forks, tmp_path, made_store)
    yield made
    made.close()


def test_answer_that_is_no_data_is_an_error_and_heals(place: Place) -> None:
    """At the first request, in the middle, at the last one: each answer at one of them, in turn."""
    place.calm.ok("sync", **place.env)
    whole, total = place.state(place.calm), place.gate.requests
    for turn, (words, answer) in enumerate(NO_DATA.items()):
        since = (1, total // 2, total)[turn % 3]
        place.gate.open()
        place.gate.answer = lambda number, since=since, answer=answer: answer if number >= since else None
        done = place.office.hub("sync", "--full", "--json", **place.env)
        found = {it["connection"]: it for it in done.json if it["error"] or it["connection"] == "healthy"}
        assert done.code == 3, f"{words} since request {since} of {total}: {done.out}"
        assert found["healthy"]["error"] is None
        assert "credentials" not in found["other"]["error"]
        assert not any(it["deleted"] for it in done.json)
        assert "Traceback" not in done.err
        assert "Технические" not in done.out + done.err
    (problem,) = place.office.ok("status", "--json").json["problems"]
    assert problem["count"] == len(NO_DATA)
    place.gate.open()
    place.office.ok("sync", **place.env)
    assert place.state(place.office) == whole, difference(whole, place.state(place.office))
    assert place.office.ok("status", "--json").json["problems"] == []


def _date(**later: int) -> Callable[[], str]:
    return lambda: format_datetime(datetime.now(UTC) + timedelta(**later), usegmt=True)


WISHES: list[tuple[str, Callable[[], str | None], float, float]] = [
    ("seconds", lambda: "600", 590, 601), ("a date", _date(minutes=10), 580, 601), ("a far date", _date(days=400), 3590, 3601),
    ("too many", lambda: "1000000000", 3590, 3601), ("less than nothing", lambda: "-600", 0, 3), ("the past", _date(minutes=-10), 0, 3),
    ("words", lambda: "soon", 0, 3), ("an empty text", lambda: "", 0, 3), ("none", lambda: None, 0, 3), ("a float", lambda: "1e3", 0, 3),
]  # fmt: skip


def test_daemon_comes_back_when_the_server_wished_and_at_most_in_an_hour(place: Place) -> None:
    for turn, (words, wish, least, most) in enumerate(WISHES):
        place.gate.answer = lambda _number, turn=turn, wish=wish: _busy(429 if turn % 4 else 503, wish())
        began = datetime.now(UTC)
        done = place.office.hub("run", "--once", **place.env)
        assert (done.code, "Traceback" in done.err) == (3, False), done.err
        found = place.office.ok("job", "list", "--json").json
        (job,) = [it for it in found if it["payload"].get("connection") == "other"]
        wait = (datetime.fromisoformat(job["run_at"]) - began).total_seconds()
        assert job["state"] == "ready"
        assert least <= wait <= most + done.seconds, f"{words}: {job}"
        with opened(place.office.store_url) as store, store.write() as connection:
            connection.execute(text("DELETE FROM job"))


def _busy(status: int, wish: str | None) -> Answer:
    return status, {} if wish is None else {"Retry-After": wish}, b""
