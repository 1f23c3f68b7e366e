"""What an issue means: states, priorities, reopenings, comments, and what damaged records do."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import BadRecord, Comment, Event, Record, Ticket
from hub_redmine.normalise import normalise, priority_of, state_of
from hub_redmine.settings import RedmineSettings

SAMPLES = Path(__file__).parents[3].parent / "shared" / "data" / "tickets" / "redmine"
CLOSED, OPEN = {"id": 5, "name": "Closed", "is_closed": True}, {"id": 2, "name": "In Progress", "is_closed": False}


def settings(**given: Any) -> RedmineSettings:
    return RedmineSettings.model_validate({"url": "https://help.example.ru/", "key": "invented", **given})


def events(issue: dict[str, Any] | bytes, **given: Any) -> list[Event]:
    payload = issue if isinstance(issue, bytes) else json.dumps({"issue": {"id": 7, "status": OPEN, **issue}}).encode()
    return list(normalise(Record("7", payload), settings(**given)))


def ticket(issue: dict[str, Any], **given: Any) -> Ticket:
    data = events(issue, **given)[0].data
    assert isinstance(data, Ticket)
    return data


def moved(journal_id: int, day: int, old: str, new: str, notes: str = "") -> dict[str, Any]:
    detail = {"property": "attr", "name": "status_id", "old_value": old, "new_value": new}
    return {"id": journal_id, "created_on": f"2026-05-{day:02}T03:00:00Z", "notes": notes, "details": [detail]}


def test_fields_of_a_ticket() -> None:
    data = ticket(
        {
            "subject": "Не проводится документ",
            "description": "Срочно!\r\nПозвоните",
            "author": {"id": 6, "name": "Пётр Бухгалтер"},
            "assigned_to": {"id": 5, "name": "Анна Менеджер"},
            "priority": {"id": 3, "name": "High"},
            "due_date": "2026-11-30",
            "created_on": "2026-11-22T01:16:26Z",
            "updated_on": "2026-11-22T04:16:27+03:00",
            "custom_fields": [
                {"id": 2, "name": "Ссылка", "value": "x"},
                {"id": 1, "name": "Клиент ИНН", "value": " 7707083893 "},
            ],
        }
    )
    assert data == Ticket(
        number="7",
        subject="Не проводится документ",
        description="Срочно!\nПозвоните",
        author="Пётр Бухгалтер",
        specialist="Анна Менеджер",
        client_inn="7707083893",
        state="open",
        status="In Progress",
        priority="important",
        due=date(2026, 11, 30),
        created=datetime(2026, 11, 22, 1, 16, 26, tzinfo=UTC),
        last_activity=datetime(2026, 11, 22, 1, 16, 27, tzinfo=UTC),
        url="https://help.example.ru/issues/7",
    )
    assert data.keys() == ("inn:7707083893",)


@pytest.mark.parametrize(
    ("field", "value", "inn"),
    [
        ("1", "7707083893", "7707083893"),
        ("Клиент ИНН", ["", "7707083893", "7736050003"], "7707083893"),
        ("Клиент ИНН", 7707083893, "7707083893"),
        ("Клиент ИНН", None, ""),
        ("Другое", "7707083893", ""),
    ],
)
def test_client_field_is_found_by_id_or_name(field: str, value: Any, inn: str) -> None:
    assert (
        ticket({"custom_fields": [{"id": 1, "name": "Клиент ИНН", "value": value}]}, client_field=field).client_inn
        == inn
    )


@pytest.mark.parametrize(
    ("name", "is_closed", "state"),
    [
        ("Новая", False, "new"),
        ("New", False, "new"),
        ("В работе", False, "open"),
        ("Решена", False, "solved"),
        ("Resolved", None, "solved"),
        ("На решении", False, "open"),
        ("Выполняется", False, "open"),
        ("Обратная связь", False, "postponed"),
        ("Отложено", False, "postponed"),
        ("Закрыта", True, "closed"),
        ("Закрыта", None, "closed"),
        ("Закрыта", False, "open"),
        ("Решена", True, "closed"),
        ("Отклонена", True, "cancelled"),
        ("Rejected", True, "cancelled"),
        ("Отказ", False, "open"),
        ("Переоткрыта", False, "open"),
        ("", None, "open"),
    ],
)
def test_state_of_an_unmapped_status(name: str, is_closed: bool | None, state: str) -> None:
    assert state_of(42, name, is_closed, {}) == state


def test_state_by_id_wins_over_name_and_flag() -> None:
    assert (
        ticket({"status": {"id": 8, "name": "Новая", "is_closed": False}}, statuses={"8": "postponed"}).state
        == "postponed"
    )


@pytest.mark.parametrize(
    ("priority_id", "name", "priority"),
    [
        (1, "Low", "low"),
        (2, "Нормальный", "normal"),
        (3, "Высокий", "important"),
        (4, "Срочный", "urgent"),
        (5, "Immediate", "urgent"),
        (17, "Не срочно", "low"),
        (17, "Важный", "important"),
        (4, "А", "urgent"),
        (17, "А", "normal"),
    ],
)
def test_priority_of_an_unmapped_id(priority_id: int, name: str, priority: str) -> None:
    assert priority_of(priority_id, name, {}) == priority


def test_priority_by_id_wins_over_name() -> None:
    assert ticket({"priority": {"id": 4, "name": "Urgent"}}, priorities={"4": "low"}).priority == "low"


def test_closed_time_of_a_reopened_ticket_is_not_shown() -> None:
    closed_on = {"closed_on": "2026-05-12T03:00:00Z"}
    assert ticket({"status": OPEN, **closed_on}).closed is None
    assert ticket({"status": CLOSED, **closed_on}).closed == datetime(2026, 5, 12, 3, tzinfo=UTC)


STEPS = [("1", "2"), ("2", "5"), ("5", "2"), ("2", "6"), ("6", "5"), ("5", "1")]
HISTORY = [moved(11 + place, 1 + place, *step) for place, step in enumerate(STEPS)]


@pytest.mark.parametrize(
    ("known", "given"),
    [
        ({"allowed_statuses": [CLOSED, {"id": 6, "name": "Rejected", "is_closed": True}, OPEN]}, {}),
        ({}, {"statuses": {"5": "closed", "6": "cancelled"}}),
    ],
    ids=["by the issue", "by the settings"],
)
def test_reopenings_are_counted_from_the_history(known: dict[str, Any], given: dict[str, Any]) -> None:
    found = events({"journals": HISTORY, **known}, **given)
    assert [(it.type, it.id) for it in found[1:]] == [
        ("ticket.status", "ticket.status/7/11"),
        ("ticket.closed", "ticket.closed/7/12"),
        ("ticket.reopened", "ticket.reopened/7/13"),
        ("ticket.closed", "ticket.closed/7/14"),
        ("ticket.status", "ticket.status/7/15"),
        ("ticket.reopened", "ticket.reopened/7/16"),
    ]
    assert found[3].time == datetime(2026, 5, 3, 3, tzinfo=UTC)
    assert {it.data for it in found} == {found[0].data}
    assert found[0].data.reopens == 2


def test_closing_status_is_known_by_the_time_of_closing() -> None:
    found = events({"journals": HISTORY[:3], "closed_on": "2026-05-02T03:00:00Z"})
    assert [it.type for it in found[1:]] == ["ticket.status", "ticket.closed", "ticket.reopened"]
    assert {it.type for it in events({"journals": HISTORY[:3]})[1:]} == {"ticket.status"}


def test_a_new_specialist_and_a_new_priority_are_events_s000_8() -> None:
    def changed(number: int, name: str, before: str | None, after: str | None) -> dict[str, Any]:
        detail = {"property": "attr", "name": name, "old_value": before, "new_value": after}
        return {"id": number, "created_on": f"2026-05-0{number}T03:00:00Z", "notes": "", "details": [detail]}

    history = [
        changed(1, "assigned_to_id", None, "5"), changed(2, "assigned_to_id", "5", "6"),
        changed(3, "assigned_to_id", "6", None), changed(4, "priority_id", "2", "4"), changed(5, "subject", "a", "b"),
    ]  # fmt: skip
    assert [it.key() for it in events({"journals": history})[1:]] == [
        "ticket.assigned/7/1", "ticket.assigned/7/2", "ticket.priority/7/4",
    ]  # fmt: skip


def test_journals_with_text_are_comments() -> None:
    journals = [
        {
            "id": 21,
            "user": {"id": 5, "name": "Анна Менеджер"},
            "notes": "Позвонила\r\nЖдёт",
            "created_on": "2026-05-12T03:00:00Z",
        },
        {"id": 22, "notes": "Сложный", "private_notes": True, "details": []},
        {"id": 23, "notes": "", "details": []},
        {"id": 24, "notes": None},
    ]
    first, second = events({"journals": journals})[1:]
    assert (str(first.subject), first.key(), first.type) == ("/comment/21", "comment/21", "comment.observed")
    assert isinstance(first.data, Comment)
    assert (first.data.author, first.data.text, first.data.is_public) == ("Анна Менеджер", "Позвонила\nЖдёт", True)
    assert first.data.written == first.time == datetime(2026, 5, 12, 3, tzinfo=UTC)
    assert first.data.ticket.external_id == "7"
    assert not second.data.is_public


def test_nulls_and_numbers_as_text_are_understood() -> None:
    empty = dict.fromkeys(["subject", "priority", "author", "assigned_to", "description", "due_date", "custom_fields",
                           "created_on", "updated_on", "closed_on", "journals", "allowed_statuses"])  # fmt: skip
    assert ticket({"id": "7", **empty}) == Ticket(
        number="7", subject="", status="In Progress", url="https://help.example.ru/issues/7"
    )


BAD = [
    b"", b"[]", b"null", b"{}", b"<html></html>", b'\xef\xbb\xbf{"issue":{}}', b'{"issue":null}', b'{"issue":[]}',
    b'{"issue":{"id":7}}', b'{"issue":{"id":null,"status":{"id":1}}}', b'{"issue":{"id":1e400,"status":{"id":1}}}',
    b'{"issue":{"id":NaN,"status":{"id":1}}}', b'{"issue":{"id":7,"status":{"id":1},}}',
    b'{"issue":{"id":7,"status":{"id":1},"subject":12}}', b'{"issue":{"id":7,"status":{"id":1},"subject":"\\ud800"}}',
    b'{"issue":{"id":7,"status":{"id":1},"x":' + b"[" * 2000 + b"]" * 2000 + b"}}",
    b'{"issue":{"id":7,"status":{"id":1},"subject":"\xd0"}}',
]  # fmt: skip


@pytest.mark.parametrize("payload", BAD)
def test_damaged_record_is_bad(payload: bytes) -> None:
    with pytest.raises(BadRecord) as caught:
        events(payload)
    assert "issue 7 of Redmine" in str(caught.value)


@pytest.mark.parametrize(
    "moment", ["2026-02-30T00:00:00Z", "2026-05-12T03:00:00", "31.12.25", "٢٠٢٦-05-12T03:00:00Z",
               "2026-05-12T24:00:00Z", "0001-01-01T00:00:00+05:00"]
)  # fmt: skip
def test_time_that_is_none_makes_the_record_bad(moment: str) -> None:
    with pytest.raises(BadRecord):
        events({"updated_on": moment})


def test_error_repeats_nothing_of_the_record() -> None:
    with pytest.raises(BadRecord) as caught:
        events({"subject": {"secret": "Иванова"}})
    assert "Иванова" not in str(caught.value)


NAMES = st.sampled_from(["id", "name", "value", "notes", "details", "status_id", "old_value"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner))
FIELDS = st.sampled_from(
    ["status", "priority", "custom_fields", "journals", "updated_on", "subject", "allowed_statuses"]
)


@given(JSON, FIELDS)
def test_anything_is_a_ticket_or_a_bad_record(value: Any, field: str) -> None:
    """B-05."""
    payload = json.dumps({"issue": {"id": 7, "status": OPEN, field: value}}).encode()
    try:
        found = events(payload)
    except BadRecord:
        return
    assert isinstance(found[0].data, Ticket)
    assert len({it.key() for it in found}) == len({(it.subject.kind, it.subject.external_id, it.id) for it in found})


@pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded samples are not beside the project")
def test_recorded_issue() -> None:
    found = events((SAMPLES / "issue_full.json").read_bytes())
    data = found[0].data
    assert isinstance(data, Ticket)
    assert (data.state, data.priority, data.specialist, data.client_inn) == (
        "open",
        "important",
        "Админ Системный",
        "7701234567",
    )
    assert data.description == "Ошибка при проведении. Срочно!\nКонтакт: Иванова М.П."
    comments = [it for it in found if it.type == "comment.observed"]
    assert [(it.key(), it.data.is_public) for it in comments] == [("comment/1", True), ("comment/2", False)]


@pytest.mark.parametrize("name", ["new", "progress"])
def test_settings_refuse_what_is_no_state(name: str) -> None:
    allowed = {"new": True, "progress": False}[name]
    try:
        settings(statuses={"1": name})
    except ValueError:
        assert not allowed
    else:
        assert allowed


@pytest.mark.parametrize(
    "url", ["help.example.ru", "ftp://help.example.ru", "https://hub:pass@help.example.ru", "https://", ""]
)
def test_settings_refuse_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        settings(url=url)
