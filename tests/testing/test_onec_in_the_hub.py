"""The connector `onec` in a real hub: the exchange plan, raw streams, own fields, and what the doctor shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hub.cli import cli
from hub.testing.peers.onec import ACCOUNTING, Infobase, OneCServer
from hub.testing.peers.onec.edm import catalog, text
from hub.testing.peers.onec.samples import counterparty

CLIENTS = "Catalog_Контрагенты"
INVOICES = "Document_СчетНаОплатуПокупателю"
PLAN = "ExchangePlan_Связка"


class Office:
    """One configuration with one connection, and the command line on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "secret").write_text("Пароль-1С", encoding="utf-8")
        (folder / "secret").chmod(0o600)
        self._is_new = True

    def connect(self, server: OneCServer, **settings: Any) -> None:
        """Write the configuration."""
        secret = self.folder / "secret"
        given = {"connector": "onec", "url": server.url, "user": server.user, "password": f"file:{secret}", **settings}
        made = {"zone": "Asia/Krasnoyarsk", "area_code": "391", "employees": [],
                "store": f"sqlite:///{self.folder / 'hub.db'}", "connections": {"books": given}}  # fmt: skip
        (self.folder / "hub.yaml").write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
        if self._is_new:
            self.call("init")
            self._is_new = False

    def call(self, *words: str) -> str:
        """Run one command; it must not fail."""
        done = CliRunner().invoke(cli, ["--config", str(self.folder / "hub.yaml"), *words])
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.stdout

    def json(self, *words: str) -> Any:
        """Run one command and read what it prints."""
        return json.loads(self.call(*words, "--json"))

    def sync(self) -> dict[str, dict[str, Any]]:
        """Read everything; return the counts by stream."""
        return {row["stream"]: row for row in self.json("sync")}


@pytest.fixture
def publish() -> Iterator[Callable[..., OneCServer]]:
    started: list[OneCServer] = []

    def start(models: Any, *args: Any) -> OneCServer:
        server = OneCServer(Infobase(models, *args))
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_exchange_plan_is_confirmed_after_the_commit(office: Office, publish: Callable[..., OneCServer]) -> None:
    server = publish(ACCOUNTING, (), {"Связка": [CLIENTS, INVOICES]})
    base: Infobase = server.base
    node = base.add(PLAN, Code="HUB")
    keys = [base.add(CLIENTS, **counterparty(number)) for number in range(5)]
    office.connect(server, exchange_plan=PLAN, exchange_node="HUB")
    assert office.sync()["counterparties"]["new"] == 5
    base.change(CLIENTS, keys[0], Description="Лютик ООО")
    base.remove(CLIENTS, keys[1])
    bill = base.add(INVOICES, Number="17", Контрагент_Key=keys[0], СуммаДокумента=690)
    counts = office.sync()
    assert (counts["counterparties"]["changed"], counts["counterparties"]["deleted"]) == (1, 1)
    assert counts["invoices"]["new"] == 1
    assert (INVOICES, bill) in base.plans[PLAN].nodes[node]
    counts = office.sync()
    assert base.plans[PLAN].nodes[node] == {}
    assert not any(row["new"] or row["changed"] or row["deleted"] for row in counts.values())
    assert {row["name"] for row in office.json("client", "list", "--all")} >= {"Лютик ООО"}
    assert [row["number"] for row in office.json("invoice", "list")] == ["17"]


def test_mapping_is_applied_to_what_is_stored(office: Office, publish: Callable[..., OneCServer]) -> None:
    server = publish([catalog("Контрагенты", text("ИНН", "КПП", "пр_Стадия"))])
    server.base.add(CLIENTS, Description="Ромашка", ИНН="2460000009", пр_Стадия="prospect")
    office.connect(server)
    office.sync()
    assert office.json("client", "list", "--all")[0]["status"] == "unknown"
    office.connect(server, fields={"counterparties.status": "пр_Стадия"})
    office.sync()
    office.call("record", "replay", "books", "--all")
    assert office.json("client", "list", "--all")[0]["status"] == "prospect"


def test_unknown_base_is_kept_and_then_mapped(office: Office, publish: Callable[..., OneCServer]) -> None:
    server = publish([catalog("Клиенты", text("ИННКлиента", "КППКлиента"))])
    key = server.base.add("Catalog_Клиенты", Description="Ромашка", ИННКлиента="2460000009", КППКлиента="246001001")
    office.connect(server)
    assert office.sync()["Catalog_Клиенты"]["new"] == 1
    assert office.json("client", "list", "--all") == []
    assert key in json.dumps(office.json("record", "list", "--connection", "books"))
    told = " ".join(f"{it['what']} {it['fix']}" for it in office.json("doctor"))
    assert "Catalog_Клиенты looks like counterparties" in told
    office.connect(
        server,
        sets={"counterparties": "Catalog_Клиенты"},
        fields={"counterparties.inn": "ИННКлиента", "counterparties.kpp": "КППКлиента"},
    )
    assert office.sync()["counterparties"]["new"] == 1
    assert [(row["name"], row["inn"]) for row in office.json("client", "list", "--all")] == [("Ромашка", "2460000009")]


def test_doctor_names_the_way_of_each_stream(office: Office, publish: Callable[..., OneCServer]) -> None:
    server = publish(ACCOUNTING)
    office.connect(server, skip="sales")
    (line,) = [it["what"] for it in office.json("doctor") if it["what"].startswith("connection books (")]
    assert "looks like Бухгалтерия предприятия 3.0" in line
    assert "counterparties, contacts, contracts, invoices, payments: versions of all objects in every run" in line
