"""F-28: clocks that jump, days that come once in four years, another zone, hours that come twice or never."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from hub.reminders.calendars import Calendars
from hub.reminders.evaluate import evaluate
from hub.reminders.world import World


@pytest.mark.parametrize(
    "jumps",
    [(0, -60, 0), (0, 1440, 0, 1440), (0, 30, -30, 30)],
    ids=["back an hour", "on a day and back", "to and fro"],
)
def test_a_clock_that_jumps_changes_nothing_in_the_end(world, call, rules, at, jumps):
    """what is open is a function of the moment, whatever the clock said before."""
    facts = world(call("e1", "2026-11-20T10:00"), call("e2", "2026-11-20T10:20"))
    seen = {}
    for minutes in jumps:
        moment = at("2026-11-20T10:30") + timedelta(minutes=minutes)
        found = evaluate(facts, rules, moment)
        assert seen.setdefault(moment, found) == found


def test_a_contract_of_a_leap_year_and_one_of_the_last_day_are_reminded_of_in_time(world, find, at):
    """29 February and 31 December, months counted back."""
    for end, opens in (("2028-02-29", "2027-12-31"), ("2026-12-31", "2026-11-01"), ("2027-03-31", "2027-01-30")):
        contract = {"client": "c1", "end": at(f"{end}T12:00").date()}
        there = world(contract={"k1": contract})
        due = find(there, "renewal:k1", f"{opens}T09:00")
        assert due is not None, end
        assert find(there, "renewal:k1", f"{opens}T09:00").trigger_time == at(f"{opens}T00:00")


def test_the_zone_of_the_firm_may_change(call, rules, at):
    """the same facts, counted in the new zone; nothing is opened twice for a day that the change repeats."""
    facts = [call(f"e{number}", f"2026-11-20T1{number}:00") for number in range(3)]
    client = {"c1": {"name": "Пример", "manager": "m1", "status": "client", "phones": ["+73912940853"]}}
    for zone in ("Asia/Krasnoyarsk", "Europe/Moscow", "Asia/Kamchatka"):
        there = World({"client": client}, facts, calendars=Calendars(zone), enforce_from=at("2026-11-01T00:00"))
        found = evaluate(there, rules, at("2026-11-20T15:00"))
        assert [due.key for due in found.open if due.rule == "missed_call"] == ["missed_call:c1"], zone
        assert len({(due.rule, due.key) for due in found.open}) == len(found.open)


@pytest.mark.parametrize(
    "moment",
    ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-03-29T03:00+02:00"],
    ids=["first", "again", "gap"],
)
def test_the_hour_that_comes_twice_or_never_is_an_hour(call, rules, at, moment):
    """the change of clocks in a zone that has one."""
    when = datetime.fromisoformat(moment)
    client = {"c1": {"name": "Пример", "manager": "m1", "status": "client", "phones": ["+73912940853"]}}
    missed = msgspec.structs.replace(call("e1", "2026-01-01T00:00"), time=when)
    there = World(
        {"client": client}, [missed], calendars=Calendars("Europe/Berlin"), enforce_from=when - timedelta(days=1)
    )
    (due,) = [due for due in evaluate(there, rules, when + timedelta(days=3)).open if due.rule == "missed_call"]
    assert due.trigger_time == when
    assert when < due.due < when + timedelta(days=3)
