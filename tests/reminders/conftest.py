"""Small worlds for the tests of reminders: a firm in Красноярск, times written as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hub.reminders.calendars import Calendars
from hub.reminders.evaluate import evaluate
from hub.reminders.rules import load_rules, read_rules
from hub.reminders.world import Fact, World
from hub.yaml_text import load

ZONE = ZoneInfo("Asia/Krasnoyarsk")
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NUMBER = "+73912940853"


@pytest.fixture(scope="session")
def rules():
    return load_rules()


@pytest.fixture
def at():
    def parse(text):
        return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)

    return parse


@pytest.fixture
def call(at):
    def make(fact_id, moment, kind="missed", **fields):
        client = fields.pop("client", None)
        fields = {"number": NUMBER, "direction": "inbound", "talk_seconds": 0 if kind == "missed" else 60} | fields
        return Fact(
            id=fact_id, type=f"call.{kind}", time=at(moment), kind="call", subject=fact_id, client=client, fields=fields
        )

    return make


@pytest.fixture
def world(at):
    def make(*facts, enforce_from="2026-11-01T00:00", **objects):
        objects.setdefault("client", {"c1": {"name": "КГКУ «Пример»", "manager": "m1", "status": "client",
            "phones": [NUMBER], "last_connected_call": at("2026-11-21T12:00")}})  # fmt: skip
        return World(objects, facts, calendars=Calendars("Asia/Krasnoyarsk"), enforce_from=at(enforce_from))

    return make


@pytest.fixture
def rule():
    """Make one rule from its YAML, on top of a short one."""

    def make(text, name="rule.yaml"):
        return read_rules(load(text, name))[0]

    return make


@pytest.fixture
def find(rules, at):
    """Return the newest reminder of a key at a local time, or nothing."""

    def newest(world, key, moment, deeds=(), rules=rules):
        return evaluate(world, rules, at(moment), deeds).last(key)

    return newest


@pytest.fixture
def shared():
    def path(name):
        found = SHARED / name
        if not found.exists():
            pytest.skip(f"the shared vectors {name} are not beside this checkout")
        return found

    return path
