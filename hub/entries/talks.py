"""What is said by clients and promised to them: surveys, complaints, notes of calls, promises, decisions, meetings."""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches

from msgspec.structs import replace

from hub.entries.acts import Action, Desk, EntryError, Kind
from hub.entries.when import add_months
from hub.model.entries import Complaint, Decision, Meeting, Note, Promise, Questionnaire, Survey

CLIENT = "The client: id, ИНН or name."
CONTACT = "Who of his people: id or name."
EMPLOYEE = "Which of our people; else whoever enters it."
TICKET = "The ticket: its number or id."
_ASPECTS = ("software", "support", "company")
_CRITIC, _PROMOTER = 6, 9
"""Boundaries of S002-21: critics 0–6, passives 7–8, promoters 9–10."""


def not_past(desk: Desk, day: date | None, field: str) -> None:
    """Refuse a day that is over where only a day ahead makes sense."""
    if day is not None and day < desk.today:
        raise EntryError(f"{day:%d.%m.%Y} is over.", field=field, hint="Name a day that is still to come.")


def _survey(_desk: Desk, before: Survey | None, entry: Survey) -> Survey:
    """Want one figure at least; the verdict on the three aspects (S003-25) follows from the worst of them."""
    said = [value for name in _ASPECTS if (value := getattr(entry, name)) is not None]
    if entry.score is None and not said and not entry.verdict:
        raise EntryError("a survey needs an answer.", field="score",
                         hint="Give --score, one of the aspects or --verdict.")  # fmt: skip
    derived = verdict_of(said) if said else ""
    given_before = before.verdict if before else ""
    if derived and (not entry.verdict or (before and entry.verdict == given_before and said != _said(before))):
        return replace(entry, verdict=derived)
    return entry


def _said(survey: Survey) -> list[int]:
    return [value for name in _ASPECTS if (value := getattr(survey, name)) is not None]


def verdict_of(aspects: list[int]) -> str:
    """Return satisfied, neutral or dissatisfied; the worst of software, support and company counts."""
    worst = min(aspects)
    return "dissatisfied" if worst <= _CRITIC else "satisfied" if worst >= _PROMOTER else "neutral"


SURVEY = Kind(
    entity=Survey,
    title="Surveys: how content clients are, and why.",
    meanings={
        "client": CLIENT,
        "contact": CONTACT,
        "score": "Would he recommend us, 0 to 10.",
        "software": "Content with the software, 0 to 10.",
        "support": "Content with the support, 0 to 10.",
        "company": "Content with the company as a whole, 0 to 10.",
        "verdict": "How it is to be taken; else the worst of the three aspects decides.",
        "reason": "The main reason, in the client's words.",
        "text": "What else was said.",
        "answered": "When; else now.",
        "employee": EMPLOYEE,
    },
    choices={"verdict": ("satisfied", "neutral", "dissatisfied")},
    ranges=dict.fromkeys(("score", *_ASPECTS), (0, 10)),
    columns=("answered", "score", *_ASPECTS, "reason"),
    order="answered",
    actions=(
        Action(
            name="new",
            verb="answered",
            help="Enter what a client answered (S002-20, S003-25).",
            fields=("client", "contact", "score", *_ASPECTS, "verdict", "reason", "text", "employee"),
            needs=("client",),
            stamp="answered",
            check=_survey,
        ),
        Action(
            name="explain",
            verb="explained",
            help="Enter the reason that was learnt after the answer (S002-23).",
            fields=("reason", "text"),
            needs=("reason",),
        ),
    ),
)

_STEPS = {
    "acknowledged": ("filed",),
    "corrected": ("filed", "acknowledged"),
    "confirmed": ("corrected",),
    "withdrawn": ("filed", "acknowledged", "corrected"),
}
"""State of a complaint → the states it may follow."""


def _complaint_step(_desk: Desk, before: Complaint | None, entry: Complaint) -> Complaint:
    if before and before.state not in _STEPS.get(entry.state, ()):
        hint = "First enter what was corrected." if before.state in ("filed", "acknowledged") else ""
        raise EntryError(f"a complaint that is {before.state} cannot become {entry.state}.", hint=hint)
    return entry


COMPLAINT = Kind(
    entity=Complaint,
    title="Complaints: who is at fault, what was corrected, whether the client is content (S003-27).",
    meanings={
        "client": CLIENT,
        "department": "The department at fault; its head is told at once.",
        "text": "What the client complains of.",
        "number": "Number of the client's letter, if there is one.",
        "survey": "The survey in which it was said: id.",
        "ticket": TICKET,
        "action": "What was done so that it does not happen again.",
        "filed": "When it was made; else now.",
        "acknowledged": "When; else now.",
        "corrected": "When; else now.",
        "confirmed": "When; else now.",
        "employee": EMPLOYEE,
    },
    columns=("filed", "department", "state", "text"),
    order="filed",
    open_while="confirmed",
    over=("withdrawn",),
    actions=(
        Action(
            name="new",
            verb="filed",
            help="Enter a complaint.",
            fields=("client", "department", "text", "number", "survey", "ticket", "employee"),
            needs=("department", "text"),
            stamp="filed",
            fixed={"state": "filed"},
        ),
        Action(
            name="ack",
            verb="acknowledged",
            help="The head of the department has taken note of it.",
            fields=("employee",),
            stamp="acknowledged",
            fixed={"state": "acknowledged"},
            check=_complaint_step,
        ),
        Action(
            name="correct",
            verb="corrected",
            help="Enter the corrective action.",
            fields=("action",),
            needs=("action",),
            stamp="corrected",
            fixed={"state": "corrected"},
            check=_complaint_step,
        ),
        Action(
            name="confirm",
            verb="confirmed",
            help="The client is content with what was done.",
            stamp="confirmed",
            fixed={"state": "confirmed"},
            check=_complaint_step,
        ),
        Action(
            name="withdraw",
            verb="withdrawn",
            help="The client takes the complaint back.",
            fields=("action",),
            fixed={"state": "withdrawn"},
            check=_complaint_step,
        ),
    ),
)


TOPICS = ("call", "renewal", "debt", "recommendation", "receipt", "decision", "loss", "papers", "wish", "invitation",
          "reporting", "origin", "commercial", "support", "management", "sketch")  # fmt: skip
RESULTS = ("reached", "satisfied", "agreed", "refused", "promised", "received", "right", "wrong", "later")


def _note(desk: Desk, before: Note | None, entry: Note) -> Note:
    """After a refusal the client is called again in a year, on a working day (S004-18)."""
    for field, known in (("topic", TOPICS), ("result", RESULTS)):
        said = getattr(entry, field)
        if said and said not in known and (close := get_close_matches(said, known, 1, 0.75)):  # rules would not see it
            raise EntryError(f"{said!r} is no {field} that rules know.", field=field,
                             hint=f"Did you mean {close[0]!r}?")  # fmt: skip
    if not (entry.result or entry.text or entry.next_contact):
        raise EntryError("a note needs a word.", field="text", hint="Give --result, --text or --next-contact.")
    if entry.result == "refused" and entry.next_contact is None:
        day = desk.office.local_day(entry.written) if entry.written else desk.today
        return replace(entry, next_contact=desk.office.day_from(add_months(day, 12)))
    if before is None or before.next_contact != entry.next_contact:
        not_past(desk, entry.next_contact, "next_contact")
    return entry


NOTE = Kind(
    entity=Note,
    title="Notes: what came of a call or a visit, and the day of the next one (S004-16…18).",
    meanings={
        "client": CLIENT,
        "contact": CONTACT,
        "about": "The thing spoken of: KIND/KEY, for example offer/of12ab34.",
        "topic": "What it was about: call, renewal, debt, recommendation, receipt, decision, loss, papers, wish, "
        "invitation, reporting, origin; commercial, support or management: the caller waits to be called by them.",
        "result": "One word: reached, satisfied, agreed, refused, promised, received, right, wrong, later, …",
        "text": "What was said.",
        "written": "When; else now.",
        "next_contact": "The day of the next talk; after a refusal, if none is said, a working day in a year.",
        "employee": EMPLOYEE,
    },
    columns=("written", "topic", "result", "next_contact", "text"),
    order="written",
    actions=(
        Action(
            name="new",
            verb="written",
            help="Enter what came of a talk.",
            fields=("client", "contact", "about", "topic", "result", "text", "next_contact", "employee"),
            stamp="written",
            check=_note,
        ),
    ),
)


def _promise(desk: Desk, _before: Promise | None, entry: Promise) -> Promise:
    if entry.until is not None and entry.until <= (entry.given or desk.now):
        raise EntryError("that time is over.", field="until", hint="Until when does the client wait?")
    return entry


PROMISE = Kind(
    entity=Promise,
    title="Promises: until when a client agreed to wait for a specialist (S000-6).",
    meanings={
        "client": CLIENT,
        "ticket": TICKET,
        "until": "Until when he waits: «завтра в 10:00», 2h, …",
        "who": "Who of the client's people gave his word.",
        "text": "What was said.",
        "given": "When; else now.",
        "employee": EMPLOYEE,
    },
    columns=("given", "until", "who", "text"),
    order="given",
    actions=(
        Action(
            name="new",
            verb="given",
            help="Enter that a client waits.",
            fields=("client", "ticket", "until", "who", "text", "employee"),
            needs=("ticket", "until"),
            stamp="given",
            check=_promise,
        ),
    ),
)

_WANTED = {"keep": ("reason",), "replace": ("specialist", "reason"), "overtime": ("specialist",), "plan": ("planned",)}
"""Decision → what must be said with it."""


def _decision(desk: Desk, before: Decision | None, entry: Decision) -> Decision:
    missing = [name for name in _WANTED.get(entry.decision, ()) if not getattr(entry, name)]
    if missing:
        raise EntryError(f"with {entry.decision} {' and '.join(missing)} must be said.", field=missing[0])
    if before is None or before.planned != entry.planned:
        not_past(desk, entry.planned, "planned")
    return entry


DECISION = Kind(
    entity=Decision,
    title="Decisions about a ticket: keep or replace the specialist, overtime, a planned day, the client's consent.",
    meanings={
        "client": CLIENT,
        "ticket": TICKET,
        "decision": "keep or replace (the specialist), overtime, plan (a day), consent (to cancel it).",
        "specialist": "Who works on it from now on, or stays longer.",
        "reason": "Why; needed with keep and replace (S000-8).",
        "planned": "The day on which it will be solved.",
        "decided": "When; else now.",
        "employee": EMPLOYEE,
    },
    choices={"decision": ("keep", "replace", "overtime", "plan", "consent")},
    columns=("decided", "decision", "specialist", "planned", "reason"),
    order="decided",
    actions=(
        Action(
            name="new",
            verb="made",
            help="Enter a decision.",
            fields=("client", "ticket", "decision", "specialist", "reason", "planned", "employee"),
            needs=("ticket", "decision"),
            stamp="decided",
            check=_decision,
        ),
    ),
)


def _questionnaire(_desk: Desk, _before: Questionnaire | None, entry: Questionnaire) -> Questionnaire:
    if not any(it.answer.strip() for it in entry.answers):
        raise EntryError("no question is answered.", field="answer", hint="Give --answer once for each question.")
    return entry


QUESTIONNAIRE = Kind(
    entity=Questionnaire,
    title="Questionnaires of refusals, returns and complaints (S002-29).",
    meanings={
        "client": CLIENT,
        "type": "What it is about: refusal, return, complaint or another word of the configuration.",
        "answers": "An answer; once for each question, in their order, - where there was none.",
        "answered": "When; else now.",
        "employee": EMPLOYEE,
    },
    columns=("answered", "type"),
    order="answered",
    actions=(
        Action(
            name="new",
            verb="answered",
            help="Enter the answers; the questions: hub questionnaire questions.",
            fields=("client", "type", "answers", "employee"),
            needs=("client", "type"),
            stamp="answered",
            check=_questionnaire,
        ),
    ),
)

MEETING = Kind(
    entity=Meeting,
    title="Meetings with clients (S002-39…42).",
    meanings={
        "client": CLIENT,
        "contact": CONTACT,
        "held": "When it began; else now.",
        "minutes": "How long it took.",
        "place": "Where.",
        "has_decider": "Whether who decides was there.",
        "result": "One word: agreed, refused, later, …",
        "text": "What was said.",
        "employee": EMPLOYEE,
    },
    ranges={"minutes": (0, 1440)},
    columns=("held", "minutes", "has_decider", "result", "text"),
    order="held",
    actions=(
        Action(
            name="new",
            verb="held",
            help="Enter a meeting that was held.",
            fields=("client", "contact", "minutes", "place", "has_decider", "result", "text", "employee"),
            needs=("client",),
            stamp="held",
        ),
    ),
)
