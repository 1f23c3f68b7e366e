"""What an issue of Redmine means: the ticket as it is now, its comments, and when it was closed and reopened.

Everything is resolved from the issue itself and the settings, because a journal holds only ids as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from hub.api import BadRecord, Comment, Event, Record, Reference, Ticket

from .settings import Priority, RedmineSettings, State

Moment = Annotated[datetime, Meta(tz=True)]

_STATE_WORDS: tuple[tuple[str, State], ...] = (
    (r"reject|cancel|declin|duplicate|won.?t|отклон|отмен|отказ|дубл", "cancelled"),
    (r"\bclosed|закрыт", "closed"),
    (r"resolved|solved|\bdone\b|\bfixed|реш[её]н[аоы]?\b|выполнен[аоы]?\b|исправлен[аоы]?\b", "solved"),
    (r"feedback|\bwait|pending|\bhold|postpon|defer|обратная связь|ожида|отлож|приостан", "postponed"),
    (r"progress|assigned|\bopen|reopen|в работе|назначен|открыт", "open"),
    (r"\bnew\b|\bнов(ая|ый|ое)\b", "new"),
)
_PRIORITY_WORDS: tuple[tuple[str, Priority], ...] = (
    (r"\b(не|not|non)[ -]?(срочн|важн|urgent|important)|\blow|minor|trivial|низк", "low"),
    (r"urgent|immediate|critical|blocker|срочн|немедл|критич|авари", "urgent"),
    (r"\bhigh|important|major|высок|важн", "important"),
    (r"normal|medium|обычн|нормал|средн", "normal"),
)
_PRIORITY_RANKS: dict[int, Priority] = {1: "low", 2: "normal", 3: "important", 4: "urgent", 5: "urgent"}
"""Ids of a fresh installation: Low, Normal, High, Urgent, Immediate."""


class Value(Struct, frozen=True):
    """A thing with id and name, as Redmine writes statuses, priorities, users and projects."""

    id: int
    name: str | None = None
    is_closed: bool | None = None


class CustomField(Struct, frozen=True):
    """A custom field of an issue; several values come as a list."""

    id: int
    name: str | None = None
    value: Any = None


class Detail(Struct, frozen=True):
    """A change of one field; values are ids as text."""

    property: str | None = None
    name: str | None = None
    old_value: str | None = None
    new_value: str | None = None


class Journal(Struct, frozen=True):
    """A comment, some changes of fields, or both."""

    id: int
    created_on: Moment | None = None
    user: Value | None = None
    notes: str | None = None
    private_notes: bool | None = None
    details: list[Detail] | None = None


class Issue(Struct, frozen=True):
    """An issue as the server gives it alone; fields that are not named here do not matter."""

    id: int
    status: Value
    subject: str | None = None
    priority: Value | None = None
    author: Value | None = None
    assigned_to: Value | None = None
    description: str | None = None
    due_date: date | None = None
    custom_fields: list[CustomField] | None = None
    created_on: Moment | None = None
    updated_on: Moment | None = None
    closed_on: Moment | None = None
    journals: list[Journal] | None = None
    allowed_statuses: list[Value] | None = None


class _Document(Struct):
    issue: Issue


class _Change(Struct, frozen=True):
    """One change of a ticket that rules speak of: its state, its specialist, its priority."""

    type: str
    journal: Journal


def normalise(record: Record, settings: RedmineSettings) -> Iterator[Event]:
    """Yield the ticket, its comments, and each change of its state, specialist and priority. Raises BadRecord."""
    issue = _decode(record)
    ticket = record.reference("ticket")
    changes = list(_changes(issue, settings.statuses))
    data = _ticket(issue, settings, reopens=sum(change.type == "ticket.reopened" for change in changes))
    yield Event("ticket.observed", ticket, data, time=_utc(issue.updated_on))
    for journal in issue.journals or ():
        if text := _text(journal.notes):
            yield Event(
                "comment.observed",
                Reference("comment", str(journal.id)),
                Comment(
                    ticket=ticket,
                    author=_name(journal.user),
                    text=text,
                    written=_utc(journal.created_on),
                    is_public=not journal.private_notes,
                ),
                time=_utc(journal.created_on),
            )
    for change in changes:
        journal = change.journal
        event_id = f"{change.type}/{record.external_id}/{journal.id}"
        yield Event(change.type, ticket, data, time=_utc(journal.created_on), id=event_id)


def state_of(status_id: int, name: str, is_closed: bool | None, statuses: Mapping[int, State]) -> State:
    """Return the state of a status: by the settings, else by `is_closed` and well-known words, else open."""
    if status_id in statuses:
        return statuses[status_id]
    word = state_word(name) or "open"
    if is_closed is None:
        return word
    if is_closed:
        return "cancelled" if word == "cancelled" else "closed"
    return "open" if is_over(word) else word


def state_word(name: str) -> State | None:
    """Return what the name of a status says, Russian or English; `None` when it is not a well-known one."""
    return next((state for pattern, state in _STATE_WORDS if re.search(pattern, name.casefold())), None)


def priority_of(priority_id: int, name: str, priorities: Mapping[int, Priority]) -> Priority:
    """Return the priority: by the settings, else by well-known words, else by the ranks of a fresh installation."""
    if priority_id in priorities:
        return priorities[priority_id]
    return priority_word(name) or _PRIORITY_RANKS.get(priority_id, "normal")


def priority_word(name: str) -> Priority | None:
    """Return what the name of a priority says, Russian or English; `None` when it is not a well-known one."""
    return next((priority for pattern, priority in _PRIORITY_WORDS if re.search(pattern, name.casefold())), None)


def is_over(state: State) -> bool:
    """Tell whether nobody works on a ticket in that state any more."""
    return state in ("closed", "cancelled")


def _decode(record: Record) -> Issue:
    try:
        return msgspec.json.decode(record.payload, type=_Document, strict=False).issue
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error) if isinstance(error, msgspec.ValidationError) else "it is not JSON"
        raise BadRecord(f"issue {record.external_id} of Redmine cannot be understood: {reason}.") from error


def _ticket(issue: Issue, settings: RedmineSettings, *, reopens: int) -> Ticket:
    status, priority = issue.status, issue.priority or Value(0)
    state = state_of(status.id, status.name or "", status.is_closed, settings.statuses)
    return Ticket(
        number=str(issue.id),
        subject=issue.subject or "",
        client_inn=_client_inn(issue, settings.client_field),
        state=state,
        status=status.name or "",
        priority=priority_of(priority.id, priority.name or "", settings.priorities),
        author=_name(issue.author),
        specialist=_name(issue.assigned_to),
        description=_text(issue.description),
        created=_utc(issue.created_on),
        last_activity=_utc(issue.updated_on),
        closed=_utc(issue.closed_on) if is_over(state) else None,  # Redmine keeps closed_on after a reopening
        due=issue.due_date,
        reopens=reopens,
        url=f"{settings.url}/issues/{issue.id}",
    )


def _client_inn(issue: Issue, wanted: str) -> str:
    for field in issue.custom_fields or ():
        if wanted in (str(field.id), field.name):
            values = field.value if isinstance(field.value, list) else [field.value]
            return next((str(value).strip() for value in values if value), "")
    return ""


def _changes(issue: Issue, statuses: Mapping[int, State]) -> Iterator[_Change]:
    closing = _closing_ids(issue, statuses)
    for journal in issue.journals or ():
        for detail in journal.details or ():
            if detail.property != "attr" or detail.old_value == detail.new_value:
                continue
            if detail.name == "status_id":
                before, after = detail.old_value in closing, detail.new_value in closing
                passage = "ticket.reopened" if before else "ticket.closed"
                yield _Change(passage if before != after else "ticket.status", journal)
            elif detail.name == "assigned_to_id" and detail.new_value:
                yield _Change("ticket.assigned", journal)
            elif detail.name == "priority_id":
                yield _Change("ticket.priority", journal)


def _closing_ids(issue: Issue, statuses: Mapping[int, State]) -> set[str]:
    """Return the ids of closed statuses, as text, that the settings and the issue itself reveal.

    The issue tells them by its own status, by those it may go to, and by the change at the time it was closed last.
    """
    known = {status.id: status.is_closed for status in issue.allowed_statuses or ()}
    known[issue.status.id] = is_over(state_of(issue.status.id, issue.status.name or "", issue.status.is_closed, {}))
    known |= {status_id: is_over(state) for status_id, state in statuses.items()}
    closing = {str(status_id) for status_id, is_closed in known.items() if is_closed}
    for journal in issue.journals or ():
        if issue.closed_on is not None and journal.created_on == issue.closed_on:
            changed = [it.new_value for it in journal.details or () if it.name == "status_id" and it.new_value]
            closing |= {value for value in changed if value not in map(str, known)}
    return closing


def _name(value: Value | None) -> str:
    return (value.name or "").strip() if value else ""


def _text(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").strip()


def _utc(moment: datetime | None) -> datetime | None:
    try:
        return moment.astimezone(UTC) if moment else None
    except OverflowError as error:
        raise BadRecord("an issue of Redmine has a time at the edge of the calendar.") from error
