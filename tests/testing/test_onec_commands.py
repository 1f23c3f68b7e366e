"""A change of 1C from the command line: seen beforehand, approved by a second person, carried out once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub.cli import cli
from hub.testing.peers.onec import ACCOUNTING, Infobase, OneCServer
from hub.testing.peers.onec.samples import counterparty

CLIENTS = "Catalog_Контрагенты"


@pytest.fixture
def server() -> Iterator[OneCServer]:
    server = OneCServer(Infobase(ACCOUNTING))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def key(server: OneCServer) -> str:
    return str(server.base.add(CLIENTS, **counterparty(1)))


class Desk:
    def __init__(self, folder: Path, server: OneCServer) -> None:
        self.folder = folder
        (folder / "secret").write_text(server.password, encoding="utf-8")
        (folder / "secret").chmod(0o600)
        made = {"zone": "Asia/Krasnoyarsk", "area_code": "391", "employees": [],
                "store": f"sqlite:///{folder / 'hub.db'}",
                "outbox": {"second_person": ["counterparty.update"]},
                "connections": {"books": {"connector": "onec", "url": server.url, "user": server.user,
                                          "password": f"file:{folder / 'secret'}"}}}  # fmt: skip
        (folder / "hub.yaml").write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
        self.ok("init")

    def call(self, *words: str, data: Any = None) -> Result:
        given = None if data is None else json.dumps(data, ensure_ascii=False)
        return CliRunner().invoke(cli, ["--config", str(self.folder / "hub.yaml"), *words], input=given)

    def ok(self, *words: str, data: Any = None) -> str:
        done = self.call(*words, data=data)
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.stdout


@pytest.fixture
def desk(tmp_path: Path, server: OneCServer) -> Desk:
    return Desk(tmp_path, server)


def test_change_is_shown_before_it_leaves_and_needs_somebody_else(desk: Desk, server: OneCServer, key: str) -> None:
    wanted = {"key": key, "comment": "Сверено"}
    order = ("command", "new", "counterparty.update", "books", "--data", "-")
    shown = json.loads(desk.ok(*order, "--dry-run", "--json", data=wanted))
    before = dict(server.base.sets[CLIENTS].rows[key].values)
    assert before["Комментарий"] != "Сверено"
    assert shown["version"] == before["DataVersion"]
    assert any(it["field"] == "Комментарий" and "Сверено" in it["after"] for it in shown["differences"])
    assert json.loads(desk.ok("command", "list", "--json")) == []

    made = json.loads(desk.ok(*order, "--by", "ivanova", "--json", data={**wanted, "version": shown["version"]}))
    assert made["state"] == "waiting"
    assert "Сверено" in desk.ok("command", "preview", made["id"])
    own = desk.call("command", "approve", made["id"], "--by", "ivanova")
    assert own.exit_code != 0
    assert "second person" in own.output + str(own.exception)
    desk.ok("command", "approve", made["id"], "--by", "petrov")
    desk.ok("run", "--once")

    assert json.loads(desk.ok("command", "show", made["id"], "--json"))["state"] == "done"
    assert "Сверено" in server.base.sets[CLIENTS].rows[key].values["Комментарий"]


@pytest.mark.parametrize(
    ("words", "data", "says"),
    [
        (("counterparty.destroy", "books"), {}, "carries out no"),
        (("counterparty.create", "nobody"), {}, "nobody"),
        (("counterparty.create", "books"), [], "JSON object"),
    ],
)
def test_what_cannot_be_commanded_is_refused_with_words(
    desk: Desk, words: tuple[str, str], data: Any, says: str
) -> None:
    done = desk.call("command", "new", *words, "--data", "-", data=data)

    assert done.exit_code != 0
    assert says in done.output + str(done.exception)
    assert json.loads(desk.ok("command", "list", "--json")) == []
