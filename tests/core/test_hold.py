"""A replay and a sync of one connection never run at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_scripted import Scripted, ScriptedSettings
from inside import Source, problems, rows, run
from lab import item

from hub.config import load_config
from hub.connections import Hub, hold_connection
from hub.engine import jobs
from hub.model.errors import Unavailable
from hub.plugins import Plugins
from hub.projection import Sources
from hub.store.database import Store
from hub.store.problems import open_problem
from hub.sync import replay
from hub.tools import SystemClock


@pytest.fixture
def hub(store: Store, tmp_path: Path) -> Hub:
    path = tmp_path / "hub.yaml"
    path.write_text("zone: Asia/Krasnoyarsk\n", encoding="utf-8")
    return Hub(load_config(path), Plugins(), store, SystemClock())


def test_held_connection_is_refused_to_others_and_free_afterwards(hub: Hub) -> None:
    with hold_connection(hub, "office"):
        with pytest.raises(Unavailable, match="office is being synchronised"), hold_connection(hub, "office"):
            pytest.fail("the second one must not get in")
        with hold_connection(hub, "other"):
            pass
    with hold_connection(hub, "office"):
        pass


def test_it_is_free_again_after_a_failure(hub: Hub) -> None:
    with pytest.raises(ZeroDivisionError), hold_connection(hub, "office"):
        _ = 1 / 0
    assert [row.state for row in rows(hub.store, "job")] == ["cancelled"]
    with hold_connection(hub, "office"):
        pass


def test_a_replay_says_nothing_about_the_connection_itself(hub: Hub) -> None:
    """Nothing was asked of the other system, so its problem stays open and it is not taken for well."""
    with hub.store.write() as connection:
        now = hub.store.now(connection)
        open_problem(connection, "connection/office", scope="office", title="refused", hint="", now=now)
    with hold_connection(hub, "office") as hold, hub.store.write() as connection:
        hold(connection, now)
    with hub.store.read() as connection:
        assert jobs.last_end(connection, "sync", "sync/office") == ""
    assert [row.key for row in problems(hub.store)] == ["connection/office"]


def test_each_transaction_of_a_replay_is_fenced(hub: Hub) -> None:
    """F-08: the second page of records, and the end where there was no page, are refused as well."""
    source = Source()
    run(hub.store, source, [item("client", f"c{number:04}", name="Ромашка") for number in range(501)])
    run(hub.store, Source(name="nothing"), [])
    left = [1]

    def once(*_: object) -> None:
        if not left:
            raise jobs.LeaseLost("taken over.")
        left.pop()

    for stream_, understood in ((source.stream, 500), (Source(name="nothing").stream, 500)):
        with pytest.raises(jobs.LeaseLost):
            replay(hub.store, "desk", Respelling(), stream_, sources=Sources(("desk",)), clock=hub.clock.now,
                   parked_only=False, hold=once)  # fmt: skip
        assert sum(row.note == "anew" for row in rows(hub.store, "client")) == understood


class Respelling(Source):
    """Another version of the plugin."""

    def __init__(self) -> None:
        super().__init__()
        self._speech = Scripted(ScriptedSettings(source="", spelling="anew"), None)  # type: ignore[arg-type]
