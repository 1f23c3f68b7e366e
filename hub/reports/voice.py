"""What clients say: the NPS by week, answers one by one, segments, complaints by department, reasons of refusals.

Promoters answer 9 or 10, the passive 7 or 8, critics 0 to 6 (S002-21). An answer belongs to the employee who took it,
else to the client's manager.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec
from msgspec import Struct
from sqlalchemy import and_, case, func, select

from hub.formulas import Formula
from hub.model.entries import Answer
from hub.reports.days import Days, week_of
from hub.reports.reading import Reading, day_of
from hub.reports.report import Cell, Chart, Column, Report, share, summed
from hub.store.tables import STATE

PROMOTER, PASSIVE = 9, 7
GROUPS = {"promoter": "промоутер", "passive": "нейтральный", "critic": "критик"}


def group_of(score: int) -> str:
    """Return promoter, passive or critic (S002-21)."""
    return "promoter" if score >= PROMOTER else "passive" if score >= PASSIVE else "critic"


class Answers(Struct, frozen=True):
    """How many answers of each group an employee got on a day; `aspects` are sums and counts of the three aspects."""

    day: date
    employee: str
    n: int
    promoters: int
    critics: int
    aspects: tuple[tuple[int, int], ...] = ()


class Tally(Struct):
    """Answers that are counted together."""

    n: int = 0
    promoters: int = 0
    critics: int = 0

    def add(self, it: Answers) -> None:
        """Count some more."""
        self.n += it.n
        self.promoters += it.promoters
        self.critics += it.critics

    def index(self, formula: Formula) -> Decimal | None:
        """Return the net index."""
        return formula.result({"promoters": self.promoters, "critics": self.critics, "n": self.n})


_WHO = func.coalesce(func.nullif(STATE["survey"].c.employee, ""), STATE["client"].c.manager, "").label("who")
ASPECTS = ("software", "support", "company")


def read_answers(reading: Reading, days: Days, client: str = "") -> list[Answers]:
    """Read the answers by local day and employee, counted in the database."""
    survey, owner = STATE["survey"], STATE["client"]
    score = survey.c.score
    aspects = [part for name in ASPECTS for part in (func.sum(survey.c[name]), func.count(survey.c[name]))]
    query = (
        select(reading.local_day(survey.c.answered, days), _WHO, func.count(score),
               func.sum(case((score >= PROMOTER, 1), else_=0)), func.sum(case((score < PASSIVE, 1), else_=0)), *aspects)
        .join_from(survey, owner, survey.c.client_id == owner.c.id, isouter=True)
        .where(~survey.c.deleted, survey.c.answered >= days.since, survey.c.answered < days.until)
        .group_by("local_day", "who")
    )  # fmt: skip
    if client:
        query = query.where(survey.c.client_id == client)
    found = []
    for day, who, n, promoters, critics, *sums in reading.rows(query):
        pairs = tuple((int(sums[place] or 0), int(sums[place + 1])) for place in range(0, len(sums), 2))
        found.append(Answers(day_of(day), reading.employee(who), n, int(promoters), int(critics), pairs))
    return found


NPS = (
    Column("week", "Неделя с", "day"),
    Column("n", "Ответы", "number", is_summed=True),
    Column("promoters", "Промоутеры", "number", is_summed=True),
    Column("passives", "Нейтральные", "number", is_summed=True),
    Column("critics", "Критики", "number", is_summed=True),
    Column("promoters_share", "Доля пром.", "share"),
    Column("critics_share", "Доля крит.", "share"),
    Column("nps", "NPS", "number"),
)


def nps(answers: Sequence[Answers], formula: Formula, days: Days, employee: str = "") -> Report:
    """Reckon the net index week by week; a week without answers has none (S002-20, S002-22)."""
    weeks: dict[date, Tally] = {}
    monday = week_of(days.first)
    while monday <= days.last:
        weeks[monday] = Tally()
        monday += timedelta(weeks=1)
    whole = Tally()
    for it in answers:
        if employee in ("", it.employee):
            weeks[week_of(it.day)].add(it)
            whole.add(it)
    rows = [(monday, *_counted(tally, formula)) for monday, tally in weeks.items()] if whole.n else []
    keys = [column.key for column in NPS[1:]]
    given: dict[str, Cell] = dict(zip(keys, _counted(whole, formula), strict=True))
    return Report(name="nps", title="Индекс лояльности NPS", period=str(days), columns=NPS, rows=tuple(rows),
                  totals=summed(NPS, rows, given), chart=Chart("week", bars=("nps",)),
                  notes=(f"Формула: nps = {formula.text}",))  # fmt: skip


def _counted(tally: Tally, formula: Formula) -> tuple[Cell, ...]:
    passives = tally.n - tally.promoters - tally.critics
    return (tally.n, tally.promoters, passives, tally.critics, share(tally.promoters, tally.n),
            share(tally.critics, tally.n), tally.index(formula))  # fmt: skip


class Said(Struct, frozen=True):
    """One answer with its reason."""

    at: datetime
    client: str
    employee: str
    score: int | None
    reason: str


def read_said(reading: Reading, days: Days, client: str = "") -> list[Said]:
    """Read the answers one by one, the newest first."""
    survey, owner = STATE["survey"], STATE["client"]
    query = (
        select(survey.c.answered, owner.c.name, _WHO, survey.c.score, survey.c.reason, survey.c.text)
        .join_from(survey, owner, survey.c.client_id == owner.c.id, isouter=True)
        .where(~survey.c.deleted, survey.c.answered >= days.since, survey.c.answered < days.until)
        .order_by(survey.c.answered.desc(), survey.c.id)
    )
    if client:
        query = query.where(survey.c.client_id == client)
    return [
        Said(at, name or "", reading.employee(who), score, reason or text or "")
        for at, name, who, score, reason, text in reading.rows(query)
    ]


SAID = (
    Column("at", "Когда", "moment"),
    Column("client", "Клиент"),
    Column("score", "Оценка", "number"),
    Column("group", "Группа"),
    Column("reason", "Причина"),
    Column("employee", "Сотрудник"),
)


def said(answers: Sequence[Said], names: Mapping[str, str], days: Days, employee: str = "") -> Report:
    """List answers with their reasons: what stands behind an index (S002-20, S002-23, S002-25)."""
    rows: list[tuple[Cell, ...]] = [
        (it.at, it.client, it.score, "" if it.score is None else GROUPS[group_of(it.score)], it.reason,
         names.get(it.employee, it.employee))
        for it in answers if employee in ("", it.employee)
    ]  # fmt: skip
    return Report(name="nps", title="Ответы клиентов", period=str(days), columns=SAID, rows=tuple(rows))


FEEDBACK = (
    Column("employee", "Сотрудник"),
    Column("n", "Ответы", "number", is_summed=True),
    Column("critics", "Критики", "number", is_summed=True),
    Column("complaints", "Жалобы", "number", is_summed=True),
    Column("nps", "NPS", "number"),
    Column("software", "Программа", "number"),
    Column("support", "Поддержка", "number"),
    Column("company", "Компания", "number"),
)


def feedback(
    answers: Sequence[Answers], complaints: Mapping[str, int], formula: Formula, names: Mapping[str, str], days: Days
) -> Report:
    """Sum up for everybody at the first line what clients said of whom (S002-25), with the three aspects (S003-25)."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    aspects: dict[str, list[list[int]]] = defaultdict(lambda: [[0, 0] for _ in ASPECTS])
    for it in answers:
        tallies[it.employee].add(it)
        for sums, more in zip(aspects[it.employee], it.aspects, strict=False):
            sums[0] += more[0]
            sums[1] += more[1]
    rows: list[tuple[Cell, ...]] = []
    for who in sorted({*tallies, *complaints}, key=lambda who: (tallies[who].index(formula) or 0, who)):
        tally = tallies[who]
        means = [Decimal(total) / count if count else None for total, count in aspects[who]]
        rows.append((names.get(who, who) or "не указан", tally.n, tally.critics, complaints.get(who, 0),
                     tally.index(formula), *means))  # fmt: skip
    return Report(name="feedback", title="Отзывы по сотрудникам", period=str(days), columns=FEEDBACK, rows=tuple(rows),
                  totals=summed(FEEDBACK, rows), chart=Chart("employee", bars=("nps",)))  # fmt: skip


class Segment(Struct, frozen=True):
    """What a client answered last and before that."""

    client: str
    manager: str
    at: datetime
    score: int
    before: int | None


def read_segments(reading: Reading, days: Days) -> list[Segment]:
    """Read the last two answers of every client up to the end of the period."""
    survey, owner = STATE["survey"], STATE["client"]
    place = func.row_number().over(
        partition_by=survey.c.client_id, order_by=(survey.c.answered.desc(), survey.c.id)
    ).label("place")  # fmt: skip
    last = (
        select(survey.c.client_id, survey.c.answered, survey.c.score, place)
        .where(~survey.c.deleted, survey.c.answered < days.until, survey.c.score.is_not(None))
        .subquery()
    )
    before = last.alias("before")
    query = (
        select(owner.c.name, owner.c.manager, last.c.answered, last.c.score, before.c.score)
        .join_from(last, owner, last.c.client_id == owner.c.id)
        .join(before, and_(before.c.client_id == last.c.client_id, before.c.place == 2), isouter=True)
        .where(last.c.place == 1)
    )
    return [Segment(name, reading.employee(manager), at, score, earlier)
            for name, manager, at, score, earlier in reading.rows(query)]  # fmt: skip


SEGMENTS = (
    Column("group", "Группа"),
    Column("client", "Клиент"),
    Column("manager", "Менеджер"),
    Column("score", "Оценка", "number"),
    Column("before", "Была", "number"),
    Column("at", "Когда", "day"),
    Column("action", "Что делать"),
)
_ACTIONS = {
    "critic": "узнать причину",
    "passive": "предложить новое",
    "promoter": "попросить совет",
}


def segments(found: Sequence[Segment], names: Mapping[str, str], days: Days, employee: str = "") -> Report:
    """List clients by the group of their last answer with what to do about it, critics first (S002-24)."""
    mine = [it for it in found if employee in ("", it.manager)]
    ordered = sorted(mine, key=lambda it: (list(_ACTIONS).index(group_of(it.score)), it.score, it.client))
    rows: list[tuple[Cell, ...]] = [
        (GROUPS[group_of(it.score)], it.client, names.get(it.manager, it.manager), it.score, it.before, it.at,
         _ACTIONS[group_of(it.score)])
        for it in ordered
    ]  # fmt: skip
    counts = Counter(group_of(it.score) for it in mine)
    notes = [f"{GROUPS[name].capitalize()}: {counts[name]} из {len(mine)}." for name in _ACTIONS if mine]
    risen = sum(1 for it in mine if it.before is not None and it.before < PROMOTER <= it.score)
    if risen:
        notes.append(f"Стали промоутерами: {risen}.")
    return Report(name="segments", title="Клиенты по последней оценке", period=str(days), columns=SEGMENTS,
                  rows=tuple(rows), notes=tuple(notes))  # fmt: skip


class Filed(Struct, frozen=True):
    """A complaint with the times of its steps."""

    department: str
    employee: str
    filed: datetime
    corrected: datetime | None
    confirmed: datetime | None
    is_withdrawn: bool = False


def read_complaints(reading: Reading, days: Days) -> list[Filed]:
    """Read the complaints that were filed in the period."""
    complaint = STATE["complaint"]
    query = select(complaint.c.department, complaint.c.employee, complaint.c.filed, complaint.c.corrected,
                   complaint.c.confirmed, complaint.c.state).where(
        ~complaint.c.deleted, complaint.c.filed >= days.since, complaint.c.filed < days.until
    )  # fmt: skip
    return [
        Filed(department or "", reading.employee(who), filed, corrected, confirmed, state == "withdrawn")
        for department, who, filed, corrected, confirmed, state in reading.rows(query)
    ]


COMPLAINTS = (
    Column("department", "Подразделение"),
    Column("filed", "Подано", "number", is_summed=True),
    Column("share", "Доля", "share"),
    Column("open", "Не исправлено", "number", is_summed=True),
    Column("corrected", "Исправлено", "number", is_summed=True),
    Column("confirmed", "Клиент подтвердил", "number", is_summed=True),
    Column("hours", "Часов до исправления", "number"),
)


def complaints(found: Sequence[Filed], days: Days) -> Report:
    """Count complaints by the department at fault, how many are put right and how long it took (S002-34, S003-27)."""
    real = [it for it in found if not it.is_withdrawn]
    groups: dict[str, list[Filed]] = defaultdict(list)
    for it in real:
        groups[it.department].append(it)
    rows: list[tuple[Cell, ...]] = []
    for department, items in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        spans = [it.corrected - it.filed for it in items if it.corrected]
        hours = Decimal(int(sum(spans, timedelta()).total_seconds())) / 3600 / len(spans) if spans else None
        rows.append((department or "не указано", len(items), share(len(items), len(real)), len(items) - len(spans),
                     len(spans), sum(1 for it in items if it.confirmed), hours))  # fmt: skip
    notes = (f"Отозвано клиентами: {len(found) - len(real)}.",) if len(found) > len(real) else ()
    return Report(name="complaints", title="Жалобы по подразделениям", period=str(days), columns=COMPLAINTS,
                  rows=tuple(rows), totals=summed(COMPLAINTS, rows), notes=notes,
                  chart=Chart("department", bars=("filed", "open"), is_lying=True))  # fmt: skip


REASONS = (
    Column("type", "Повод"),
    Column("question", "Вопрос"),
    Column("answer", "Ответ"),
    Column("count", "Раз", "number", is_summed=True),
)
OCCASIONS = {"refusal": "отказ", "return": "возврат", "complaint": "жалоба"}


def read_reasons(reading: Reading, days: Days) -> Counter[tuple[str, str, str]]:
    """Count the answers of questionnaires; the same words in another case are the same answer."""
    form = STATE["questionnaire"]
    query = select(form.c.type, form.c.answers).where(
        ~form.c.deleted, form.c.answered >= days.since, form.c.answered < days.until
    )
    counts: Counter[tuple[str, str, str]] = Counter()
    for type_, text in reading.rows(query):
        for it in msgspec.json.decode(text, type=tuple[Answer, ...]) if text else ():
            if it.answer.strip():
                counts[type_ or "", it.question, " ".join(it.answer.split()).casefold()] += 1
    return counts


def reasons(counts: Mapping[tuple[str, str, str], int], days: Days) -> Report:
    """List why clients refused, returned or complained, by question and frequency (S002-29)."""
    ordered = sorted(counts.items(), key=lambda item: (item[0][0], item[0][1], -item[1], item[0][2]))
    rows: list[tuple[Cell, ...]] = [
        (OCCASIONS.get(type_, type_), question, answer, count) for (type_, question, answer), count in ordered
    ]
    return Report(name="reasons", title="Причины отказов, возвратов и жалоб", period=str(days), columns=REASONS,
                  rows=tuple(rows), totals=summed(REASONS, rows))  # fmt: skip
