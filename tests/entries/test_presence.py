"""S003-7: who asks for a certain manager is put through to him, or to sales when he is away; nothing is entered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from bureau import Office

PEOPLE = [
    {"id": "petrov", "name": "Петров Пётр Петрович", "role": "head", "phone": "доб. 10"},
    {"id": "ivanova", "name": "Иванова Мария Сергеевна", "head": "petrov", "phone": "доб. 11"},
    {"id": "ivanov", "name": "Иванов Олег Ильич", "head": "petrov", "phone": "доб. 12",
     "absent": ["2026-11-16..2026-11-24", "2026-11-25..2026-11-29"]},
    {"id": "belova", "name": "Белова Анна Олеговна", "head": "petrov", "absent": ["2026-11-23..2026-11-23"],
     "substitute": "ivanova"},
]  # fmt: skip
SALES = [
    {"id": "orlov", "name": "Орлов Илья Игоревич", "role": "sales", "phone": "доб. 20"},
    {"id": "lisin", "name": "Лисин Глеб Андреевич", "role": "sales", "absent": ["2026-11-20..2026-12-01"]},
]


@pytest.fixture
def firm(made: Callable[..., Office]) -> Office:
    return made(employees=[*PEOPLE, *SALES])


def test_who_is_there_takes_his_call(firm: Office) -> None:
    """S003-7: he is put through; no record is made."""
    before = firm.events()
    told = firm.json("employee", "where", "мария")
    assert told["through"] == [{"employee": "ivanova", "name": "Иванова Мария Сергеевна", "phone": "доб. 11"}]
    assert (told["away_until"], told["is_open"]) == (None, True)
    assert "Put through to Иванова Мария Сергеевна, доб. 11." in firm.ok("employee", "where", "Иванова")
    assert firm.events() == before


def test_who_is_known_to_be_away_has_sales_or_his_substitute(firm: Office) -> None:
    """S003-7: sales, unless the firm has named who stands in; two absences in a row are one."""
    told = firm.json("employee", "where", "ivanov")
    assert (told["away_until"], [it["employee"] for it in told["through"]]) == ("2026-11-29", ["orlov"])
    assert "away until 29.11.2026" in firm.ok("employee", "where", "Иванов")
    assert [it["employee"] for it in firm.json("employee", "where", "белова")["through"]] == ["ivanova"]
    firm.now += timedelta(days=1)
    assert [it["employee"] for it in firm.json("employee", "where", "белова")["through"]] == ["belova"]


def test_who_is_gone_for_good_is_away_until_the_end_of_time(made: Callable[..., Office]) -> None:
    gone = {"id": "gone", "name": "Ушедший Фёдор", "head": "petrov", "absent": ["2026-11-01..9999-12-31"]}
    office = made(employees=[*PEOPLE, gone])
    assert office.json("employee", "where", "gone")["away_until"] == "9999-12-31"
    office.ok("today")


def test_without_sales_the_head_takes_it_and_outside_hours_it_is_said(made: Callable[..., Office]) -> None:
    office = made(employees=PEOPLE)
    assert [it["employee"] for it in office.json("employee", "where", "ivanov")["through"]] == ["petrov"]
    office.now += timedelta(hours=12)
    assert "The office is closed now." in office.ok("employee", "where", "petrov")


def test_a_name_that_means_nobody_or_several_is_said_so(made: Callable[..., Office]) -> None:
    office = made(employees=[*PEOPLE, {"id": "olga", "name": "Иванова Ольга Петровна"}])
    assert "Did you mean 'Белова'" in office.refused("employee", "where", "Белава")
    assert "Иванова Мария Сергеевна (ivanova), Иванова Ольга Петровна (olga)" in office.refused(
        "employee", "where", "Иванова"
    )
    assert office.json("employee", "where", "ольга иванова")["employee"] == "olga"
    assert "nobody here is called" in office.refused("employee", "where", " ")
