"""What one occasion asks for each of many clients is one entry of the list of the day; nothing else is put together."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from bureau import Office

from hub.model.entities import Call, Client, Contact, ContactPoint, Reference
from hub.model.events import Event
from hub.store.meta import set_meta

SCHOOLS = 7


@pytest.fixture
def crowded(office: Office) -> Office:
    """The Monday after День бухгалтера in an office with many schools, all of them talked with on Thursday."""
    heard = office.now - timedelta(days=4)
    with office.store.write() as connection:
        set_meta(connection, "installed", (office.now - timedelta(days=30)).isoformat())
    for number in range(SCHOOLS):
        phone, mail = f"+739120000{number:02}", f"school{number}@example.ru"
        points = (ContactPoint("phone", phone), ContactPoint("email", mail))
        whose = Reference("client", f"s{number}")
        office.says("base", f"s{number}", Client(name=f"МБОУ «Школа, класс {number}»", status="client",
                                                 manager="ivanova", points=points))  # fmt: skip
        born = date(1980, 11, 24) if number == 3 else None
        office.says("base", f"a{number}", Contact(name=f"Зуева Анна {number}", client=whose, birthday=born,
                                                  position="главный бухгалтер", points=points))  # fmt: skip
        call = Call(number=phone, direction="outbound", state="connected", started=heard, talk_seconds=300)
        office.happens("base", Event("call.connected", Reference("call", f"c{number}"), call, heard))
    return office


def test_one_occasion_for_all_clients_is_one_entry(crowded: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """S002-16, S002-19: День бухгалтера, on eighty columns."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = crowded.ok("today", "--employee", "ivanova", "--all")
    lines = shown.splitlines()
    (place,) = [i for i, line in enumerate(lines) if "Поздравить: День бухгалтера" in line]
    assert lines[place].endswith(f"Поздравить: День бухгалтера ({SCHOOLS}\xa0клиентов)")
    assert shown.count("«Школа, класс") == 3 + 1, "three of the many, and the birthday"
    assert f"и\xa0ещё\xa0{SCHOOLS - 3}" in shown
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if "hub today --rule greeting_occasion" in line]
    assert "Поздравить с днём рождения: Зуева Анна 3" in shown
    alone = crowded.ok("today", "--employee", "ivanova", "--all", "--rule", "greeting_occasion")
    assert alone.count("Поздравить: День бухгалтера, МБОУ «Школа, класс") == SCHOOLS
    assert "днём рождения" not in alone
    told = crowded.json("today", "--employee", "ivanova", "--all")
    assert [it["rule"] for it in told].count("greeting_occasion") == SCHOOLS
    assert {it["rule"] for it in crowded.json("today", "--all", "--rule", "greeting")} == {"greeting"}


def test_an_occasion_for_few_clients_stands_line_by_line(crowded: Office) -> None:
    """And what was done for one client is done for him alone."""
    left = [it["id"] for it in crowded.json("today", "--all", "--employee", "ivanova", "--rule", "greeting_occasion")]
    for number in left[3:]:
        crowded.ok("reminder", "done", str(number))
    assert crowded.ok("today", "--all").count("Поздравить: День бухгалтера, МБОУ «Школа, класс") == 3
