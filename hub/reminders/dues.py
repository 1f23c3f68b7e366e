"""Reminders as an evaluation gives them, what people do with them, and in what order they come to people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from hub.reminders.rules import SEVERITIES

Status = Literal["open", "resolved", "cancelled", "expired"]
RESULTS = {"done": "сделано", "not_needed": "не понадобилось", "wrong_rule": "правило сработало зря"}


class Deed(Struct, frozen=True, kw_only=True):
    """What a person did with a reminder. It belongs to the one that was open for (rule, key) at that time.

    `done` needs a result; `snooze` and `due` (the person's own date) give `until`, `assign` gives `employee`.
    """

    rule: str
    key: str
    kind: Literal["ack", "snooze", "done", "assign", "due"]
    at: datetime
    by: str = ""
    until: datetime | None = None
    employee: str = ""
    result: Literal["", "done", "not_needed", "wrong_rule"] = ""
    reason: str = ""


class Step(Struct, frozen=True):
    """A notification that has come due: its name is unique within the reminder."""

    name: str
    time: datetime
    to: tuple[str, ...]


class Ended(Struct, frozen=True):
    """What closed a reminder; without a time it is the present state of an object that closes it.

    What is told of a fact is its text and when it happened.
    """

    status: Status
    at: datetime | None
    by: str
    text: str
    is_fact: bool = False


class Due(Struct, frozen=True, kw_only=True):
    """One reminder. `by` and `ended_at` say what closed it (a fact's id or a person); open ones have them empty."""

    rule: str
    key: str
    status: Status
    severity: str
    title: str
    why: str
    subject_kind: str
    subject: str
    client: str | None
    part: str
    trigger: str
    trigger_time: datetime
    count: int
    due: datetime
    due_is_own: bool = False
    call_at: datetime | None = None
    assignee: str = ""
    assigned_by: str = ""
    attempts: int = 0
    acked_at: datetime | None = None
    snoozed_until: datetime | None = None
    fee: Decimal = Decimal(0)
    steps: tuple[Step, ...] = ()
    closes_when: str = ""
    by: str = ""
    ended_at: datetime | None = None
    ended_text: str = ""

    @property
    def is_open(self) -> bool:
        """Tell whether somebody still has to act."""
        return self.status == "open"

    def wants(self, rule: str, key: str, trigger_time: datetime, step: str) -> bool:
        """Tell whether this is that reminder and a notification is still wanted: asked again just before it is sent."""
        is_same = (self.rule, self.key, self.trigger_time) == (rule, key, trigger_time)
        return self.is_open and is_same and any(each.name == step for each in self.steps)


class Evaluation(Struct, frozen=True):
    """All reminders of a moment: the open ones, at most one per (rule, key), and the closed ones before them.

    What is said of a part of the world holds until the moment in `wakes`, as long as no fact of that part changes.
    """

    now: datetime
    reminders: tuple[Due, ...]
    wakes: Mapping[str, datetime] = {}

    @property
    def open(self) -> tuple[Due, ...]:
        """Return the open reminders."""
        return tuple(due for due in self.reminders if due.is_open)

    def last(self, key: str) -> Due | None:
        """Return the newest reminder of the key, open or closed."""
        return max((due for due in self.reminders if due.key == key), key=lambda due: due.trigger_time, default=None)


class Stored:
    """What is stored of reminders that are over, and so need not be told again: nothing, unless a store says more."""

    def has(self, rule: str, key: str, part: str, start: datetime, ended: Ended) -> bool:
        """Tell whether the reminder that began at `start` is stored as ended just so, or need not be stored."""
        del rule, key, part, start, ended
        return False

    def is_past(self, rule: str, start: datetime) -> bool:
        """Tell whether `has` is true of every reminder of the rule that is over and began at `start` or before."""
        del rule, start
        return False


def notices(due: Due, sent: Collection[tuple[str, str]]) -> list[tuple[str, Step]]:
    """Return what to send now as (addressee, step): of the steps not yet sent to a person only the last one.

    `sent` holds (addressee, step name). So after days of downtime everybody hears of a reminder once.
    """
    wanted: dict[str, Step] = {}
    for step in due.steps:
        for person in step.to:
            if (person, step.name) in sent:
                wanted.pop(person, None)  # what came before is told with it
            else:
                wanted[person] = step
    return sorted(wanted.items())


def today_order(dues: Iterable[Due], now: datetime) -> list[Due]:
    """Return open reminders that are not put off, most urgent first: severity, time overdue, monthly fee."""

    def weight(due: Due) -> tuple[int, timedelta, Decimal, str]:
        return SEVERITIES.index(due.severity), min(due.due - now, timedelta()), -due.fee, due.key

    waiting = [due for due in dues if due.is_open and not (due.snoozed_until and due.snoozed_until > now)]
    return sorted(waiting, key=weight)
