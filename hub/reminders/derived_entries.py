"""Fields of what people enter: promises, surveys, referrals, checklists, objects with offers, and of clients by them.

Lines of lists come from the store as mappings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hub.model.values import Money, parse_decimal
from hub.reminders.derived import talks
from hub.reminders.world import HISTORIES, Fact, Points, World, amount, derived, history_of
from hub.reminders.world import TYPES as TYPES

_BEFORE_THE_TERM = timedelta(hours=1)
FREE_TICKETS = 3
"""So many tickets are solved free of charge before a contract is offered (S000-17)."""
MEETINGS = 3
"""So many meetings without a contract mean that we do not talk with who decides (S002-42); ours."""


def first_fact(world: World, kind: str, object_id: str, verb: str = "") -> Fact | None:
    """Return the first fact about a thing, of any verb or of one."""
    facts = world.about(kind, object_id)
    return next((fact for fact in facts if not verb or fact.type == f"{kind}.{verb}"), None)


def moments(world: World, rows: Iterable[tuple[str, Mapping[str, Any]]], field: str) -> Iterator[datetime]:
    """Yield the instants that a field of these objects says."""
    return filter(None, (world.moment(row.get(field)) for _, row in rows))


# Tickets


@derived("ticket", "promised_wait_until", "moment")
def _promised_wait_until(world: World, ticket: str) -> datetime | None:
    """Return until when the client promised to wait: his last word counts (S000-6)."""
    given = world.moment(world.get("ticket", ticket).get("promised_wait_until"))
    promises = [(world.moment(row.get("given")), world.moment(row.get("until"))) for _, row in _of(world, ticket)]
    dated = [(said, until) for said, until in promises if said and until]
    return max(dated)[1] if dated else given


def _of(world: World, ticket: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    return world.linked("promise", "ticket", ticket)


@derived("ticket", "wait_ends", "moment")
def _wait_ends(world: World, ticket: str) -> datetime | None:
    """Return an hour before the promised term, when the manager looks once more whether work has begun."""
    until = world.value("ticket", ticket, "promised_wait_until")
    return until - _BEFORE_THE_TERM if until else None


# Clients


@history_of("client", "poll_from")
def _poll_from(world: World, client: str) -> Points:
    """Return from when the weeks to the next poll count: each answer, else the first purchase.

    Nothing before a firm has recorded its first answer of any client: a firm that does not ask is not flooded.
    """
    polls = HISTORIES["client", "last_poll"](world, client)
    begun = world.value("firm", "firm", "polls_begun")
    if polls or not begun:
        return polls
    return [(max(begun, world.value("client", client, "first_purchase") or begun), "")]


@derived("firm", "polls_begun", "moment")
def _polls_begun(world: World, _: str) -> datetime | None:
    given = world.moment(world.get("firm", "firm").get("polls_begun"))
    return given or min(moments(world, world.objects.get("survey", {}).items(), "answered"), default=None)


@derived("client", "second_purchase", "moment")
def _second_purchase(world: World, client: str) -> datetime | None:
    """Return the day of the second payment that stands for a purchase of its own (S002-17)."""
    rows = [(key, row) for key, row in world.owned("payment", client) if row.get("is_posted") is not False]
    days = sorted(set(moments(world, rows, "date")))
    return days[1] if len(days) > 1 else None


@derived("client", "card_gaps", "text")
def _card_gaps(world: World, client: str) -> str:
    """Return what is missing on the card, in words: a phone, an address of mail, a person to talk to (S002-26)."""
    contacts = [row for _, row in world.owned("contact", client)]
    rows = [world.get("client", client), *contacts]
    points = {point.type for row in rows for point in row.get("points", ())}
    has_phone = "phone" in points or any(row.get("phones") for row in rows)
    has_mail = "email" in points or any(row.get("mails") for row in rows)
    gaps = [("телефон", has_phone), ("адрес почты", has_mail), ("контактное лицо", bool(contacts))]
    return ", ".join(words for words, there in gaps if not there)


@derived("client", "known_since", "moment")
def _known_since(world: World, client: str) -> datetime:
    """Return from when the card is ours to keep: the first purchase, the start of use at the earliest."""
    return max(world.enforce_from, world.value("client", client, "first_purchase") or world.enforce_from)


@derived("client", "meetings", "number")
def _meetings(world: World, client: str) -> int:
    return len(world.owned("meeting", client))


@derived("client", "contracts", "number")
def _contracts(world: World, client: str) -> int:
    return sum(1 for _, row in world.owned("contract", client) if not row.get("is_closed"))


# Checklists


@derived("checklist", "left", "number")
def _checklist_left(world: World, checklist: str) -> int:
    """Return how many lines nobody has done; a line that names events is done by the first of them (S003-24)."""
    fields = world.get("checklist", checklist)
    begun = world.moment(fields.get("created")) or world.enforce_from
    return sum(1 for line in fields.get("items", ()) if not _is_done(world, line, str(fields.get("client")), begun))


def _is_done(world: World, line: Mapping[str, Any], client: str, since: datetime) -> bool:
    return bool(line.get("done")) or any(world.with_client(each, client, since) for each in line.get("ticks", ()))


@derived("client", "checklist_started", "moment")
def _checklist_started(world: World, client: str) -> datetime | None:
    return min(moments(world, world.owned("checklist", client), "created"), default=None)


@derived("client", "is_onboarded", "flag")
def _is_onboarded(world: World, client: str) -> bool:
    """Tell whether there are checklists and no line of them is left."""
    lists = world.owned("checklist", client)
    return bool(lists) and all(row.get("completed") or not world.value("checklist", key, "left") for key, row in lists)


# Surveys and referrals


@derived("survey", "talked", "moment")
def _talked(world: World, survey: str) -> datetime | None:
    """Return the first talk with the client after his answer (S002-23)."""
    fields = world.get("survey", survey)
    answered = world.moment(fields.get("answered"))
    points = talks(world, str(fields.get("client") or "")) if answered else []
    return next((moment for moment, _ in points if answered and moment > answered), None)


@derived("survey", "days_since_ask", "number")
def _days_since_ask(world: World, survey: str) -> int | None:
    """Return how many days before this answer the client was last asked for a recommendation; `None` for never."""
    fields = world.get("survey", survey)
    answered = world.moment(fields.get("answered"))
    asked = [each for each in _asks(world, str(fields.get("client") or "")) if answered and each < answered]
    return (answered - max(asked)).days if answered and asked else None


@derived("client", "last_reference_ask", "moment")
def _last_reference_ask(world: World, client: str) -> datetime | None:
    return max(_asks(world, client), default=None)


def _asks(world: World, client: str) -> list[datetime]:
    """Return when the client was asked for a recommendation, or gave one."""
    notes = [item for item in world.owned("note", client) if item[1].get("topic") == "recommendation"]
    given = world.linked("referral", "referrer", client)
    return [*moments(world, notes, "written"), *moments(world, given, "created")]


@derived("survey", "recommended", "moment")
def _recommended(world: World, survey: str) -> datetime | None:
    """Return the first recommendation that the client gave after this answer."""
    fields = world.get("survey", survey)
    answered = world.moment(fields.get("answered"))
    given = moments(world, world.linked("referral", "referrer", str(fields.get("client") or "")), "created")
    return min((each for each in given if answered and each >= answered), default=None)


@derived("referral", "third_free", "moment")
def _third_free(world: World, referral: str) -> datetime | None:
    """Return when the third free ticket was counted: now a contract can be offered (S000-18)."""
    facts = [fact for fact in world.about("referral", referral) if fact.fields.get("free_tickets", 0) >= FREE_TICKETS]
    enough = (world.get("referral", referral).get("free_tickets") or 0) >= FREE_TICKETS
    if not enough:
        return None
    return facts[0].time if facts else world.moment(world.get("referral", referral).get("created"))


# Complaints


@derived("task", "employee", "text")
def _task_employee(world: World, task: str) -> str:
    """Return who has to do it: the id of the employee, whom a mailbox of tasks names by its address."""
    named = str(world.get("task", task).get("employee") or "")
    if "@" not in named:
        return named
    people = sorted(world.objects.get("employee", {}).items())
    return next((key for key, row in people if str(row.get("mail") or "").casefold() == named.casefold()), named)


@derived("complaint", "head", "text")
def _complaint_head(world: World, complaint: str) -> str:
    """Return who heads the department at fault: of its own people, else by a role such as `support_head`."""
    department = str(world.get("complaint", complaint).get("department") or "")
    people = sorted(world.objects.get("employee", {}).items())
    own = [(key, row) for key, row in people if department and row.get("department") == department]
    heads = [key for key, row in own if str(row.get("role")).endswith("head")]
    named = [key for role in (f"{department}_head", "department_head", "head") for key, row in people
             if row.get("role") == role]  # fmt: skip
    return next(iter([*heads, *(str(row["head"]) for _, row in own if row.get("head")), *named]), "")


# Objects and offers


@derived("project", "created", "moment")
def _project_created(world: World, project: str) -> datetime | None:
    first = first_fact(world, "project", project)
    return first.time if first else None


@derived("project", "next_call", "day")
def _project_next_call(world: World, project: str) -> date | None:
    return _next_call(world, "project", project)


@derived("offer", "next_call", "day")
def _offer_next_call(world: World, offer: str) -> date | None:
    return _next_call(world, "offer", offer)


def _next_call(world: World, kind: str, object_id: str) -> date | None:
    """Return the day of the next control call; after a refusal without one it is in a year (S004-18)."""
    fields = world.get(kind, object_id)
    given = fields.get("next_call")
    refused = first_fact(world, kind, object_id, "refused") if fields.get("state") == "refused" else None
    if not refused or (isinstance(given, date) and given > refused.time.astimezone(world.calendars.zone).date()):
        return given
    office = world.calendars.get("office")
    day = office.local_day(refused.time)
    leap = (day.month, day.day) == (2, 29)
    return office.day_from(day.replace(year=day.year + 1, day=28 if leap else day.day))


@derived("project", "total", "money")
def _project_total(world: World, project: str) -> Money:
    """Return the sum of the offers that became a contract."""
    offers = [row for _, row in world.linked("offer", "project", project) if row.get("state") == "contract"]
    return Money(sum((amount(row.get("total")) for row in offers), Decimal(0)))


@derived("project", "paid", "money")
def _project_paid(world: World, project: str) -> Money:
    """Return what came in under the contract of the object (S004-21)."""
    contract = str(world.get("project", project).get("contract") or "")
    rows = [row for _, row in world.linked("payment", "contract", contract)] if contract else []
    return Money(sum((amount(row.get("total")) for row in rows if row.get("is_posted") is not False), Decimal(0)))


@derived("project", "unpaid", "money")
def _project_unpaid(world: World, project: str) -> Money:
    total, paid = (amount(world.value("project", project, field)) for field in ("total", "paid"))
    return Money(max(total - paid, Decimal(0)))


@derived("project", "open_points", "text")
def _open_points(world: World, project: str) -> str:
    """Return, in words, which of the three conditions of closing are missing (S004-25)."""
    fields = world.get("project", project)
    points = [
        ("нет акта приёмки с фотографией", fields.get("accepted") and fields.get("has_photo")),
        ("оплачено не полностью", not amount(world.value("project", project, "unpaid"))),
        ("не собраны бухгалтерские документы", fields.get("is_cash") or fields.get("papers_collected")),
    ]
    return ", ".join(words for words, fulfilled in points if not fulfilled)


@derived("project", "purchase", "text")
def _purchase(world: World, project: str) -> str:
    return ", ".join(str(row.get("number") or key) for key, row in world.linked("purchase", "project", project))


@derived("offer", "last_handover", "moment")
def _last_handover(world: World, offer: str) -> datetime | None:
    return max(moments(world, _handovers(world, offer), "date"), default=None)


@derived("offer", "difference", "text")
def _difference(world: World, offer: str) -> str:
    """Return what went to the site and is not in the offer, or more of it than offered, in words (S004-6, S004-23).

    What is offered and has not gone yet counts once the object is accepted. Warranty goods and works do not count.
    """
    handed = [line for _, row in _handovers(world, offer) for line in row.get("lines", ())]
    offered = [line for line in world.get("offer", offer).get("lines", ()) if not line.get("is_work")]
    went = _quantities(line for line in handed if not line.get("is_warranty"))
    wanted = _quantities(offered)
    project = str(world.get("offer", offer).get("project") or "")
    finished = bool(went) and bool(world.get("project", project).get("accepted"))
    words = []
    for title in sorted({**wanted, **went}):
        less, more = wanted.get(title, Decimal(0)), went.get(title, Decimal(0))
        if more > less or (finished and more < less):
            words.append(f"{title}: отгружено {more.normalize():f} вместо {less.normalize():f}")
    return "; ".join(words)


def _handovers(world: World, offer: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what was handed over under the offer, or to its object without naming an offer."""
    project = str(world.get("offer", offer).get("project") or "")
    loose = world.linked("handover", "project", project) if project else ()
    return [*world.linked("handover", "offer", offer), *(item for item in loose if not item[1].get("offer"))]


def _quantities(lines: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[str(line.get("title"))] += parse_decimal(str(line.get("quantity") or "1")) or Decimal(0)
    return found


@derived("offer", "prepaid", "moment")
def _prepaid(world: World, offer: str) -> datetime | None:
    """Return the first payment of the client on or after the day on which he accepted the offer (S004-19)."""
    accepted = first_fact(world, "offer", offer, "accepted")
    if accepted is None or not accepted.client:
        return None
    day = world.calendars.get("office").local_day(accepted.time)
    rows = [item for item in world.owned("payment", accepted.client) if item[1].get("is_posted") is not False]
    return min((each for each in moments(world, rows, "date") if each.astimezone(world.calendars.zone).date() >= day),
               default=None)  # fmt: skip


@derived("campaign", "send_on", "day")
def _send_on(world: World, campaign: str) -> date | None:
    fields = world.get("campaign", campaign)
    return fields.get("date") or fields.get("published")


# Months and working days of employees


@derived("month", "growth", "money")
def _growth(world: World, month: str) -> Money:
    """Return by how much the monthly fees of the employee's clients grew from the end of the month before to its end.

    Won and lost clients and changed fees all count (S001-18, S001-19).
    """
    fields = world.get("month", month)
    end: date = fields["end"]
    return Money(_base(world, fields, end) - _base(world, fields, end.replace(day=1) - timedelta(days=1)))


@derived("month", "employee_name", "text")
def _employee_name(world: World, month: str) -> str:
    return str(world.get("employee", str(world.get("month", month).get("employee") or "")).get("name") or "")


def _base(world: World, fields: Mapping[str, Any], day: date) -> Decimal:
    base = Decimal(0)
    for client, _ in world.linked("client", "manager", str(fields.get("employee") or "")):
        for _, contract in world.owned("contract", client):
            start, end = contract.get("start") or contract.get("date") or date.min, contract.get("end") or date.max
            if start <= day <= end and not (contract.get("is_closed") and end == date.max):
                base += amount(contract.get("fee"))
    return base


@derived("workday", "missing_hours", "number")
def _missing_hours(world: World, workday: str) -> int:
    """Return for how many office hours of the day the diary of the employee says nothing (S004-9)."""
    fields = world.get("workday", workday)
    office = world.calendars.get("office")
    rows = world.linked("diary", "employee", str(fields.get("employee") or ""))
    begun = [(world.moment(row.get("begun")), world.moment(row.get("ended"))) for _, row in rows]
    told = [(start, end or start + timedelta(hours=1)) for start, end in begun if start]
    hours = office.hours_of(fields["day"])
    return sum(1 for hour in hours if not any(start < hour + timedelta(hours=1) and hour < end for start, end in told))
