"""The day's list of one person as people read it: on the terminal and in the morning letter."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.remind import Reminding
from hub.reminders.dues import Due, today_order
from hub.reminders.explain import card
from hub.reminders.texts import NBSP

SEVERITY = {"urgent": "СРОЧНО ", "important": "ВАЖНО ", "normal": "", "info": ""}


def waiting(found: Reminding, zone: ZoneInfo, *, employee: str = "", everything: bool = False) -> list[Due]:
    """Return what is due until the end of today, or all that is open, the most urgent first."""
    now = found.now
    dues = today_order(found.of(employee) if employee else found.open, now)
    if everything:
        return dues
    tomorrow = found.calendars.get("office").midnight(now.astimezone(zone).date() + timedelta(days=1))
    return [due for due in dues if due.due < tomorrow]


def agenda(found: Reminding, dues: Sequence[Due], zone: ZoneInfo, *, width: int) -> list[str]:
    """Return the lines of a list: what, until when, why, and the facts for the talk."""
    now, world = found.now, found.world(dues)
    rules = {rule.id: rule for rule in found.rules}
    lines: list[str] = []
    for place, due in enumerate(dues, start=1):
        late = ", просрочено" if due.due < now else ""
        title = f"{SEVERITY[due.severity]}{due.title} (№ {found.number(due)})"
        lines += _wrapped(f"{place:>2}. ", title, width)
        lines += _wrapped("    ", f"{_when(due, zone, now)}{late}. {due.why}", width)
        for fact in card(world, rules[due.rule], due, now):
            lines += _wrapped("    · ", f"{fact.title}: {'; '.join(fact.lines)}", width)
    return lines


def _wrapped(head: str, text: str, width: int) -> list[str]:
    text = text.replace("№ ", f"№{NBSP}")  # a number stays with its sign
    lines = textwrap.wrap(text, max(width - len(head), 30), break_on_hyphens=False) or [""]
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]


def _when(due: Due, zone: ZoneInfo, now: datetime) -> str:
    moment = (due.call_at or due.due).astimezone(zone)
    if moment.date() == now.astimezone(zone).date():
        return f"Сегодня до {moment:%H:%M}"
    return f"Срок {moment:%d.%m, %H:%M}"
