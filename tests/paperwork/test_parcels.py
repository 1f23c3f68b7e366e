"""Papers leave by a courier through the outbox, whichever plugin orders it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from hub import outbox
from hub.api import API, Check, Command, ConnectorSpec, Receipt, Settings
from hub.cli import cli
from hub.config import load_config
from hub.connections import Hub, courier_connection, open_connection
from hub.engine.runner import Runner
from hub.model.errors import HubError, SettingsError
from hub.paperwork.sending import parcel, ship
from hub.plugins import Plugins
from hub.store import commands
from hub.tools import SystemClock

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CONNECTIONS = '\nconnections:\n  courier: {connector: courier}\n  "off": {connector: courier, enabled: false}\n'


class Courier:
    """A courier's connector: it orders what it is told and keeps the orders."""

    orders: ClassVar[list[Command]] = []

    def __init__(self, _settings: Settings, _tools: Any) -> None:
        """Need nothing."""

    def check(self) -> Check:
        """Say nothing."""
        return Check()

    def commands(self) -> Sequence[str]:
        """Return the one command."""
        return ("shipment.order",)

    def execute(self, command: Command) -> Receipt:
        """Order it."""
        self.orders.append(command)
        return Receipt(external_id=f"Д-{len(self.orders)}")

    def find(self, _command: Command) -> Receipt | None:
        """Know nothing."""
        return None


@pytest.fixture
def desk(firm: Any) -> Hub:
    """A firm with a courier."""
    Courier.orders.clear()
    path = firm.folder / "hub.yaml"
    path.write_text(path.read_text() + CONNECTIONS)
    plugins = Plugins(("-",))
    plugins.connectors["courier"] = ConnectorSpec("courier", "Courier", API, Settings, f"{__name__}:Courier")
    firm.config = load_config(path)
    return Hub(firm.config, plugins, firm.store, SystemClock())


def order(firm: Any, name: str, *keys: int, **said: str) -> str:
    with firm.store.write() as connection:
        found = [firm.get(key) for key in keys]
        data = parcel(firm.config, found, firm.client(), **said)
        return ship(connection, firm.config, found, data, name, by="anna", now=NOW)


def run(firm: Any, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(firm.folder / "hub.yaml"), *arguments])


def test_papers_go_in_one_parcel_and_once(firm: Any, desk: Hub) -> None:
    """S003-18, S003-23: what lies in it, how often, where to, and that signed copies are wanted back."""
    keys = [firm.draft("act"), firm.draft("invoice")]
    for key in keys:
        firm.issue(key)
    with pytest.raises(HubError, match="has no address"):
        order(firm, "courier", *keys)
    said = {"address": "ул. Школьная, 7", "city": "Красноярск", "note": "до 18:00"}
    name = courier_connection(desk)
    first = order(firm, name, *keys, **said)
    assert order(firm, name, *keys, **said) == first
    assert [firm.get(key).state for key in keys] == ["sent", "sent"]
    with open_connection(desk, name) as opened:
        runner = Runner(firm.store, {
            outbox.KIND: lambda job, lease: outbox.deliver(firm.store, job.payload["command"], opened.connector, lease)
        })  # fmt: skip
        runner.drain()
        runner.stop()
    (ordered,) = Courier.orders
    assert ordered.data["to"] == {
        "name": "МБОУ «Средняя школа № 5»", "inn": "2466001236", "city": "Красноярск", "address": "ул. Школьная, 7",
        "contact": "", "phone": "",
    }  # fmt: skip
    assert [(it["title"], it["number"], it["copies"]) for it in ordered.data["papers"]] == [
        ("Акт выполненных работ", "1", 2), ("Счёт на оплату", "1", 2),
    ]  # fmt: skip
    assert (ordered.data["return_papers"], ordered.data["note"]) == (True, "до 18:00")
    with firm.store.read() as connection:
        done = commands.get(connection, first)
    assert done is not None
    assert (done.state, done.receipt) == ("done", Receipt(external_id="Д-1"))


def test_what_cannot_leave_does_not(firm: Any, desk: Hub) -> None:
    draft, inside = firm.draft("act"), firm.draft("title_page", contract="№ 7", manager="Иванова")
    firm.issue(inside)
    for key, words in ((draft, "is draft"), (inside, "is for our own people")):
        with pytest.raises(HubError, match=words):
            order(firm, "courier", key, address="ул. Школьная, 7")
        assert firm.get(key).state in ("draft", "issued")
    for chosen in ("office", "off"):
        with pytest.raises(SettingsError, match="none can"):
            courier_connection(desk, chosen)


def test_without_a_courier_it_is_said_what_to_do(firm: Any) -> None:
    firm.issue(firm.draft("act"))
    done = run(firm, "document", "ship", "1")
    assert isinstance(done.exception, SettingsError)
    assert "none can" in str(done.exception)
    assert "hub shipment new" in done.exception.hint
    assert firm.get(1).state == "issued"
