"""What people of the firm note for themselves and each other: diary, tasks, occasions, campaigns, traits, words."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from hub.entries import enter, new_key
from hub.entries.acts import Action, Desk, EntryError, Kind
from hub.entries.recurrence import EXAMPLES, parse_recurrence, read_rule
from hub.entries.talks import CLIENT, CONTACT, EMPLOYEE, not_past
from hub.model.entries import Campaign, Diary, Occasion, Task, Term, Trait
from hub.store import state
from hub.store.tables import STATE


def _diary(desk: Desk, before: Diary | None, entry: Diary) -> Diary:
    """Want a stretch of time that is over (an absence may be told before) and is no other's of the same employee."""
    if entry.begun is None or entry.ended is None or entry.ended <= entry.begun:
        raise EntryError("the stretch must end after it begins.", field="ended")
    if (entry.ended - entry.begun).days and entry.place != "absent":
        raise EntryError("a stretch of more than a day is no entry of a diary.", field="ended")
    if entry.ended > desk.now and entry.place != "absent":
        raise EntryError("that time is still to come.", field="ended", hint="Only an absence is told before.")
    table = STATE["diary"]
    rows = state.read(desk.connection, "diary", ~table.c.deleted, table.c.employee == entry.employee,
                      table.c.begun < entry.ended, table.c.ended > entry.begun)  # fmt: skip
    if rows and before is None:
        begun, ended = (rows[0][name].astimezone(desk.office.zone) for name in ("begun", "ended"))
        raise EntryError(f"{begun:%d.%m %H:%M}–{ended:%H:%M} is told of.", field="begun",
                         hint=f"Change it: hub diary change {rows[0]['id']}")  # fmt: skip
    return entry


DIARY = Kind(
    entity=Diary,
    title="The work-time diary: what each hour went to (S004-8, S004-9).",
    meanings={
        "begun": "When it began: «сегодня в 10:00».",
        "ended": "When it ended.",
        "place": "Where.",
        "activity": "What was done.",
        "client": CLIENT,
        "project": "The object, if it was one: id or name.",
        "employee": EMPLOYEE,
    },
    choices={"place": ("office", "client", "absent")},
    columns=("begun", "ended", "employee", "place", "activity"),
    order="begun",
    past=("begun", "ended"),
    actions=(
        Action(
            name="new",
            verb="written",
            help="Enter a stretch of the day.",
            fields=("begun", "ended", "place", "activity", "client", "project", "employee"),
            needs=("begun", "ended", "activity"),
            check=_diary,
        ),
    ),
)


def _task(desk: Desk, before: Task | None, entry: Task) -> Task:
    if entry.every and (before is None or entry.every != before.every):
        found = parse_recurrence(entry.every, desk.now, desk.office, entry.due)
        if found is None:
            raise EntryError(f"{entry.every!r} does not say how often.", field="every", hint=f"Write: {EXAMPLES}")
        entry = replace(entry, every=str(found[0]), due=found[1])
    if before is None and entry.due is not None and entry.due <= desk.now:
        raise EntryError("that time is over.", field="due", hint="Name a time that is still to come.")
    return entry if entry.by else replace(entry, by=desk.people.get(desk.by.casefold(), ""))


def _task_done(desk: Desk, before: Task | None, entry: Task) -> Task:
    """Give the next one of what comes again; times that were missed meanwhile are not made up for."""
    if before and before.done:
        raise EntryError("it is done already.")
    if entry.every and entry.due:
        again = read_rule(entry.every)
        if again is None:
            raise EntryError(f"{entry.every!r} is no rule of what comes again.", field="every",
                             hint=f"Correct it: hub task change {desk.key} --every \"каждый понедельник\"")  # fmt: skip
        due = again.after(max(desk.now, entry.due), entry.due, desk.office)
        coming = replace(entry, given=desk.now, due=due, done=None, result="")
        enter(desk.connection, coming, "given", key=new_key(), sources=desk.sources, at=desk.now, by=desk.by,
              now=desk.now)  # fmt: skip
    return entry


TASK = Kind(
    entity=Task,
    title="Tasks: what one employee asks another to do (S004-7).",
    meanings={
        "title": "What is to be done.",
        "text": "How, why, where to look.",
        "due": "Until when: «завтра в 12:00».",
        "every": "How often it comes again: «каждый понедельник в 10:00», «15 числа каждого месяца».",
        "client": CLIENT,
        "about": "The thing it is about: KIND/KEY.",
        "by": "Who asks; else whoever enters it.",
        "result": "What came of it.",
        "given": "When; else now.",
        "done": "When; else now.",
        "employee": "Who is to do it.",
    },
    columns=("due", "employee", "title", "done"),
    order="given",
    open_while="done",
    actions=(
        Action(
            name="new",
            verb="given",
            help="Give a task.",
            fields=("title", "employee", "due", "every", "text", "client", "about", "by"),
            needs=("title", "employee"),
            stamp="given",
            check=_task,
        ),
        Action(
            name="done",
            verb="done",
            help="It is done.",
            fields=("result",),
            stamp="done",
            check=_task_done,
        ),
    ),
)


def _occasion(desk: Desk, before: Occasion | None, entry: Occasion) -> Occasion:
    if not entry.is_yearly and (before is None or before.date != entry.date):
        not_past(desk, entry.date, "date")
    return entry


OCCASION = Kind(
    entity=Occasion,
    title="Days worth a word: anniversaries, holidays, reporting dates, events (S002-16, S002-18, S002-37).",
    meanings={
        "title": "What day it is.",
        "date": "The day; of a yearly one the year does not matter.",
        "type": "What kind of day.",
        "client": f"{CLIENT} Without one it is everybody's day.",
        "contact": CONTACT,
        "is_yearly": "Whether it comes again each year; so it does unless it is said otherwise.",
    },
    choices={"type": ("anniversary", "holiday", "reporting", "event")},
    columns=("date", "type", "title", "is_yearly"),
    order="date",
    actions=(
        Action(
            name="new",
            verb="noted",
            help="Enter a day.",
            fields=("title", "date", "type", "client", "contact", "is_yearly"),
            needs=("title", "date"),
            check=_occasion,
        ),
    ),
)


def _campaign(desk: Desk, before: Campaign | None, entry: Campaign) -> Campaign:
    if before is None:
        not_past(desk, entry.date, "date")
        return entry if entry.published or entry.date else replace(entry, published=desk.today)
    return entry


CAMPAIGN = Kind(
    entity=Campaign,
    title="Mailings and invitations: news, useful articles, greetings (S000-13, S002-19, S002-37).",
    meanings={
        "title": "What it is about.",
        "block": "news, useful or greeting.",
        "segment": "For which group of clients; else for all.",
        "text": "What is written, or where it lies.",
        "published": "The day on which the article came out; else today.",
        "date": "The day on which it is to go out.",
        "sent": "When; else now.",
        "employee": "Who sends it; else whoever enters it.",
    },
    choices={"block": ("news", "useful", "greeting")},
    columns=("published", "date", "block", "segment", "title", "sent"),
    order="published",
    open_while="sent",
    past=("published",),
    actions=(
        Action(
            name="new",
            verb="published",
            help="Enter what is to be sent to clients.",
            fields=("title", "block", "segment", "text", "published", "date", "employee"),
            needs=("title",),
            check=_campaign,
        ),
        Action(name="send", verb="sent", help="It was sent to the clients.", stamp="sent"),
    ),
)


def _trait(desk: Desk, _before: Trait | None, entry: Trait) -> Trait:
    return entry if entry.noticed else replace(entry, noticed=desk.today)


TRAIT = Kind(
    entity=Trait,
    title="What is worth knowing: hobbies, preferences, competitors (S002-16, S002-26, S002-36).",
    meanings={
        "client": CLIENT,
        "contact": CONTACT,
        "type": "hobby, preference, competitor or another word.",
        "value": "What it is, in a word or two.",
        "text": "More about it.",
        "noticed": "The day; else today.",
        "employee": EMPLOYEE,
    },
    columns=("noticed", "type", "value", "text"),
    order="noticed",
    past=("noticed",),
    actions=(
        Action(
            name="new",
            verb="noted",
            help="Enter what was noticed.",
            fields=("client", "contact", "type", "value", "text", "noticed", "employee"),
            needs=("client", "type", "value"),
            check=_trait,
        ),
    ),
)


def _term(desk: Desk, before: Term | None, entry: Term) -> Term:
    """One text has one value in a language; a second is a correction."""
    if before is None:
        for row in words_of(desk, entry.dictionary):
            if (row["text"].casefold(), row["language"]) == (entry.text.casefold(), entry.language):
                raise EntryError(f"it is known: {row['text']} → {row['value']}.", field="text",
                                 hint=f"Change it: hub term change {row['id']}")  # fmt: skip
    return entry


def words_of(desk: Desk, dictionary: str) -> list[dict[str, Any]]:
    """Return the words of a dictionary by their text."""
    table = STATE["term"]
    return state.read(desk.connection, "term", ~table.c.deleted, table.c.dictionary == dictionary, order="text")


TERM = Kind(
    entity=Term,
    title="Dictionaries: how a word reads in another language (S002-13, S002-14).",
    meanings={
        "dictionary": "Which dictionary, for example country or position.",
        "text": "The word as it stands on the card.",
        "language": "Into which language: en, fr, …",
        "value": "How it reads there.",
    },
    columns=("dictionary", "text", "language", "value"),
    order="text",
    actions=(
        Action(
            name="new",
            verb="learnt",
            help="Learn a word.",
            fields=("dictionary", "text", "language", "value"),
            needs=("dictionary", "text", "value"),
            check=_term,
        ),
    ),
)
