"""Which rules remind in vain: how often each raised a reminder, how it ended, how often people called it wrong."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct
from sqlalchemy import case, func, select

from hub.reports.days import Days
from hub.reports.reading import Reading
from hub.reports.report import Cell, Chart, Column, Report, share, summed
from hub.store.tables import action, reminder

NOISY = Decimal("0.2")
"""From this share of reminders that nobody needed on, a rule is worth a look."""


class RuleUse(Struct):
    """What became of the reminders of a rule that were raised in the period."""

    rule: str
    raised: int = 0
    open: int = 0
    resolved: int = 0
    unneeded: int = 0
    wrong: int = 0
    snoozed: int = 0


def read_uses(reading: Reading, days: Days) -> list[RuleUse]:
    """Read how often each rule raised a reminder in the period and what people did with those."""
    within = (reminder.c.triggered_at >= days.since, reminder.c.triggered_at < days.until)
    counted = select(
        reminder.c.rule,
        func.count(),
        func.sum(case((reminder.c.state == "open", 1), else_=0)),
        func.sum(case((reminder.c.state == "resolved", 1), else_=0)),
    ).where(*within)
    uses = {rule: RuleUse(rule, raised, int(open_), int(resolved))
            for rule, raised, open_, resolved in reading.rows(counted.group_by(reminder.c.rule))}  # fmt: skip
    deeds = select(action.c.rule, action.c.kind, action.c.data).where(
        action.c.kind.in_(("done", "snooze")), action.c.at >= days.since, action.c.at < days.until
    )
    for rule, kind, data in reading.rows(deeds):
        use = uses.setdefault(rule, RuleUse(rule))
        result = msgspec.json.decode(data).get("result")
        use.snoozed += kind == "snooze"
        use.unneeded += result == "not_needed"
        use.wrong += result == "wrong_rule"
    return list(uses.values())


RULES = (
    Column("rule", "Правило"),
    Column("raised", "Всего", "number", is_summed=True),
    Column("open", "Открыто", "number", is_summed=True),
    Column("resolved", "Решено", "number", is_summed=True),
    Column("snoozed", "Отложено", "number", is_summed=True),
    Column("unneeded", "Не нужно", "number", is_summed=True),
    Column("wrong", "Зря", "number", is_summed=True),
    Column("noise", "Доля лишних", "share"),
)


def noise(uses: Sequence[RuleUse], days: Days) -> Report:
    """Order rules by the share of reminders that were not needed or wrong: the noisy ones first."""
    rows: list[tuple[Cell, ...]] = []
    noisy = []
    for it in sorted(uses, key=lambda use: (-(_noise(use) or 0), -use.wrong, -use.raised, use.rule)):
        part = _noise(it)
        rows.append((it.rule, it.raised, it.open, it.resolved, it.snoozed, it.unneeded, it.wrong, part))
        if part is not None and part >= NOISY:
            noisy.append(it.rule)
    notes = (f"Стоит уточнить правила: {', '.join(noisy)}.",) if noisy else ()
    return Report(name="rules", title="Какие правила мешают", period=str(days), columns=RULES, rows=tuple(rows),
                  totals=summed(RULES, rows), notes=notes,
                  chart=Chart("rule", bars=("raised", "unneeded", "wrong"), is_lying=True, most=25))  # fmt: skip


def _noise(use: RuleUse) -> Decimal | None:
    return share(use.unneeded + use.wrong, max(use.raised, use.unneeded + use.wrong))
