"""The day's list of one person as people read it: on the terminal and in the morning letter."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.remind import Reminding
from hub.reminders.dues import Due, today_order
from hub.reminders.explain import card
from hub.reminders.texts import NBSP, plural

FEW = 3
"""For so many clients what is to be done on one occasion stands line by line."""
MANY = 10
"""For so many clients what one rule asks on one day stands line by line: with the facts for each talk."""
PRESSING = ("urgent", "important")
"""What is never put together because it is due on one day."""
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


def bundled(dues: Sequence[Due], zone: ZoneInfo) -> list[list[Due]]:
    """Return the list in its order; what is asked for many clients at once is one entry, so that it buries nothing.

    That is one occasion, and of what can wait also one rule that is due on one day, as on the first day of the hub.
    """
    entry: dict[tuple[str, str], list[Due]] = {(due.rule, due.key): [due] for due in dues}
    for group in _groups(dues, lambda due: (due.rule, due.severity, due.subject_kind, due.subject)):
        if _clients(group) > FEW:
            entry |= {(due.rule, due.key): group for due in group}
    alone = [due for due in dues if due.severity not in PRESSING and len(entry[due.rule, due.key]) == 1]
    for group in _groups(alone, lambda due: (due.rule, due.severity, due.assignee, due.due.astimezone(zone).date())):
        if _clients(group) > MANY:
            entry |= {(due.rule, due.key): group for due in group}
    return [entry[due.rule, due.key] for due in dues if due is entry[due.rule, due.key][0]]


def _groups(dues: Iterable[Due], of: Callable[[Due], Hashable]) -> Iterable[list[Due]]:
    found: dict[Hashable, list[Due]] = {}
    for due in dues:
        found.setdefault(of(due), []).append(due)
    return found.values()


def _clients(group: Sequence[Due]) -> int:
    return len({due.client for due in group})


def agenda(found: Reminding, groups: Sequence[Sequence[Due]], zone: ZoneInfo, *, width: int) -> list[str]:
    """Return the lines of a list: what, until when, why, and the facts for the talk; of many clients the first few."""
    now, world = found.now, found.world(due for group in groups for due in group[:FEW])
    rules = {rule.id: rule for rule in found.rules}
    lines: list[str] = []
    for place, group in enumerate(groups, start=1):
        due = group[0]
        names = [str(world.get("client", it.client or "").get("name") or "") for it in group[:FEW]]
        title, why, mark = due.title, due.why, f"№ {found.number(due)}"
        if len(group) > 1:
            due = min(group, key=lambda it: it.call_at or it.due)
            title, mark = title_of(group, names[0]), plural(_clients(group), "клиент/клиента/клиентов")
            if _clients(group) < len(group):
                mark = f"{plural(len(group), 'дело/дела/дел')}, {mark}"
            why = why if all(it.why == why for it in group) else ""
        lines += _wrapped(f"{place:>2}. ", f"{SEVERITY[due.severity]}{title} ({mark})", width)
        late = ", просрочено" if due.due < now else ""
        lines += _wrapped("    ", f"{_when(due, zone, now)}{late}. {why}".rstrip(" " if why else " ."), width)
        if len(group) > 1:
            rest = _clients(group) - len({it.client for it in group[:FEW]})
            listed = "; ".join(dict.fromkeys(filter(None, names)))
            lines += _wrapped("    · ", f"{listed} и{NBSP}ещё{NBSP}{rest}", width)
            lines += _wrapped("    · ", f"Каждый отдельно: hub today --rule {due.rule}", width)
            continue
        for fact in card(world, rules[due.rule], due, now):
            lines += _wrapped("    · ", f"{fact.title}: {'; '.join(fact.lines)}", width)
    return lines


def title_of(group: Sequence[Due], name: str) -> str:
    """Return what is to be done for many clients: the title of the first, `name`, without what is of him alone."""
    title = group[0].title.replace(name, "")
    if len({due.subject for due in group}) > 1:
        others = [due.title.split() for due in group]
        shared = itertools.takewhile(lambda words: len(set(words)) == 1, zip(title.split(), *others, strict=False))
        title = " ".join(words[0] for words in shared)
    return " ".join(title.split()).strip(" ,:;–—-№«(") or group[0].rule


def _wrapped(head: str, text: str, width: int) -> list[str]:
    text = text.replace("№ ", f"№{NBSP}")  # a number stays with its sign
    lines = textwrap.wrap(text, max(width - len(head), 30), break_on_hyphens=False) or [""]
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]


def _when(due: Due, zone: ZoneInfo, now: datetime) -> str:
    moment = (due.call_at or due.due).astimezone(zone)
    if moment.date() == now.astimezone(zone).date():
        return f"Сегодня до {moment:%H:%M}"
    return f"Срок {moment:%d.%m, %H:%M}"
