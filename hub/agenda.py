"""The day's list of one person as people read it: on the terminal and in the morning letter."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.remind import Reminding
from hub.reminders.dues import Due, today_order
from hub.reminders.explain import card
from hub.reminders.texts import NBSP, plural

FEW = 3
"""For so many clients what is to be done on one occasion stands line by line."""
SEVERITY = {"urgent": "СРОЧНО ", "important": "ВАЖНО ", "normal": "", "info": ""}


def waiting(
    found: Reminding, zone: ZoneInfo, *, employee: str = "", rule: str = "", everything: bool = False
) -> list[Due]:
    """Return what is due until the end of today, or all that is open, the most urgent first."""
    now = found.now
    dues = today_order(found.of(employee) if employee else found.open, now)
    if rule:
        dues = [due for due in dues if due.rule == rule]
    if everything:
        return dues
    tomorrow = found.calendars.get("office").midnight(now.astimezone(zone).date() + timedelta(days=1))
    return [due for due in dues if due.due < tomorrow]


def bundled(dues: Sequence[Due]) -> list[list[Due]]:
    """Return the list in its order, with what is to be done for many clients on one occasion together."""
    groups: dict[tuple[str, str, str, str], list[Due]] = {}
    for due in dues:
        groups.setdefault((due.rule, due.severity, due.subject_kind, due.subject), []).append(due)
    found: list[list[Due]] = []
    for due in dues:
        group = groups[due.rule, due.severity, due.subject_kind, due.subject]
        if len({it.client for it in group}) <= FEW:
            found.append([due])
        elif due is group[0]:
            found.append(group)
    return found


def agenda(found: Reminding, groups: Sequence[Sequence[Due]], zone: ZoneInfo, *, width: int) -> list[str]:
    """Return the lines of a list: what, until when, why, and the facts for the talk; of many clients the first few."""
    now, world = found.now, found.world(due for group in groups for due in group[:FEW])
    rules = {rule.id: rule for rule in found.rules}
    lines: list[str] = []
    for place, group in enumerate(groups, start=1):
        due = group[0]
        name, mark = str(world.get("client", due.client or "").get("name") or ""), f"№ {found.number(due)}"
        title = due.title
        if len(group) > 1:
            title = " ".join(title.replace(name, "").split()).strip(" ,:;–—-") or due.rule
            mark = plural(len(group), "клиент/клиента/клиентов")
        lines += _wrapped(f"{place:>2}. ", f"{SEVERITY[due.severity]}{title} ({mark})", width)
        late = ", просрочено" if due.due < now else ""
        lines += _wrapped("    ", f"{_when(due, zone, now)}{late}. {due.why}", width)
        if len(group) > 1:
            names = (str(world.get("client", it.client or "").get("name") or "") for it in group[:FEW])
            lines += _wrapped("    · ", f"{'; '.join(filter(None, names))} и{NBSP}ещё{NBSP}{len(group) - FEW}", width)
            lines += _wrapped("    · ", f"Каждый отдельно: hub today --rule {due.rule}", width)
            continue
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
