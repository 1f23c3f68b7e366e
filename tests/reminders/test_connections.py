"""A connection that is silent, as the store knows it: from syncs that fail to the reminder and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from hub.config import load_config
from hub.plugins import Plugins
from hub.remind import refresh
from hub.store.problems import finish_run, start_run
from hub.store.tables import reminder, stream

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
"""12:00 in Krasnoyarsk on a Monday."""
CONFIG = """
zone: Asia/Krasnoyarsk
enforce_from: 2026-11-01
organisation: {{name: ООО «Пример», inn: "2465000007"}}
employees: [{{id: admin, name: Иванов, role: administrator}}]
connections:
  calls: {{connector: asterisk, source: Master.csv, every: {every}}}
  off: {{connector: asterisk, source: Master.csv, enabled: false}}
"""


@pytest.fixture
def silent(tmp_path, store):
    """Return what plays a history of syncs: (stream, hours before noon, whether it was read), and then asks."""
    plugins = Plugins()
    counts = SimpleNamespace(read=0, new=0, changed=0, unchanged=0, deleted=0, bad=0, error="")

    def play(*history, every="10m", now=NOON):
        path = tmp_path / "hub.yaml"
        path.write_text(CONFIG.format(every=every), encoding="utf-8")
        for name, hours, is_read in history:
            connection_name, _, stream_name = name.partition("/")
            moment = NOON - timedelta(hours=hours)
            with store.write() as connection:
                finish_run(connection, start_run(connection, connection_name, stream_name, moment), counts, moment)
                row = {"connection": connection_name, "name": stream_name}
                same = [stream.c.connection == connection_name, stream.c.name == stream_name]
                if connection.execute(select(stream.c.id).where(*same)).first() is None:
                    connection.execute(stream.insert().values(**row))
                if is_read:
                    connection.execute(stream.update().where(*same).values(completed_at=moment))
        refresh(store, load_config(path), plugins, now)
        with store.read() as connection:
            return [(row.key, row.state, row.assignee, row.closed_by) for row in connection.execute(select(reminder))]

    return play


OPEN = [("silent:calls", "open", "admin", "")]


def test_syncs_that_fail_for_two_hours_are_told_and_a_good_one_ends_it(silent):
    assert silent(("calls/cdr", 3, True), ("calls/cdr", 0.1, False), now=NOON - timedelta(minutes=61)) == []
    assert silent(("calls/cdr", 0, False)) == OPEN
    assert silent(("calls/cdr", -0.1, True), now=NOON + timedelta(minutes=10)) == [
        ("silent:calls", "resolved", "admin", "Соединение снова читается")
    ]


def test_one_stream_that_fails_is_enough_and_one_that_is_no_more_tried_is_not(silent):
    assert silent(("calls/old", 60, True), ("calls/cdr", 1, True), ("calls/queue", 1, True)) == []
    assert silent(("calls/queue", 0.5, False), ("calls/cdr", -2, True), now=NOON + timedelta(hours=2)) == OPEN


def test_nobody_reads_at_all_and_never_was_read(silent):
    assert silent(("calls/cdr", 40, True)) == OPEN
    assert silent(("calls/cdr", -1, True), now=NOON + timedelta(hours=1))[0][1] == "resolved"


def test_a_connection_that_was_never_read_counts_from_its_first_try(silent):
    assert silent(("calls/cdr", 1.9, False), ("off/cdr", 60, True)) == []
    assert silent(("calls/cdr", 0, False), now=NOON + timedelta(minutes=10)) == OPEN


def test_three_intervals_may_pass(silent):
    assert silent(("calls/cdr", 35, True), every="12h") == []
    assert silent(every="11h") == OPEN
