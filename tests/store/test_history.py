"""The history of runs stays short: the daemon forgets what is old and not among the newest of its stream."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.config import load_config
from hub.connections import Hub
from hub.daemon import Daemon
from hub.plugins import Plugins
from hub.store import history
from hub.store.database import Store
from hub.store.tables import run
from hub.tools import SystemClock

ZERO = dict.fromkeys(("read", "new", "changed", "unchanged", "deleted", "bad"), 0)
NOW = datetime.now(UTC)
OLD = NOW - history.KEEP_RUNS_FOR - timedelta(days=1)
YOUNG = NOW - history.KEEP_RUNS_FOR + timedelta(days=1)


def add(store: Store, connection_name: str, stream: str, moments: list[datetime]) -> None:
    rows = [{"connection": connection_name, "stream": stream, "started_at": at, "error": "", **ZERO} for at in moments]
    with store.write() as connection:
        connection.execute(run.insert(), rows)


def counts(store: Store) -> dict[str, int]:
    query = select(run.c.connection + "/" + run.c.stream, func.count()).group_by(run.c.connection, run.c.stream)
    with store.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


@pytest.fixture
def daemon(store: Store, tmp_path: Path) -> Daemon:
    path = tmp_path / "hub.yaml"
    path.write_text("zone: Asia/Krasnoyarsk\n", encoding="utf-8")
    return Daemon(Hub(load_config(path), Plugins(), store, SystemClock()), {})


def test_daemon_keeps_the_newest_of_each_stream_and_all_of_the_last_months(
    store: Store, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_AT_ONCE", 7)
    most = history.KEEP_RUNS
    add(store, "office", "INBOX", [OLD + timedelta(minutes=it) for it in range(most + 25)])
    add(store, "office", "Sent", [OLD] * 30 + [YOUNG] * (most + 20))
    add(store, "rare", "INBOX", [OLD] * most)
    daemon.run_once()
    assert counts(store) == {"office/INBOX": most, "office/Sent": most + 20, "rare/INBOX": most}
    with store.read() as connection:
        mine = select(func.min(run.c.started_at)).where(run.c.connection == "office", run.c.stream == "INBOX")
        first = connection.execute(mine).scalar()
    assert first == OLD + timedelta(minutes=25), "the oldest went"


def test_nothing_is_written_when_nothing_is_old(store: Store, daemon: Daemon) -> None:
    add(store, "office", "INBOX", [YOUNG] * 30)
    with store.read() as connection:
        assert history.old_runs(connection, NOW) == []
    daemon.run_once()
    assert counts(store) == {"office/INBOX": 30}


def test_daemon_tidies_at_its_start_and_then_by_the_hour(store: Store, daemon: Daemon) -> None:
    daemon.tick()
    add(store, "office", "INBOX", [OLD] * (history.KEEP_RUNS + 1))
    daemon._ticked = float("-inf")
    daemon.tick()
    assert counts(store)["office/INBOX"] == history.KEEP_RUNS + 1
    daemon._ticked = float("-inf")
    daemon._tidied -= 3601
    daemon.tick()
    assert counts(store)["office/INBOX"] == history.KEEP_RUNS
