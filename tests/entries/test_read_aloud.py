"""What stands on the terminal keeps its width and its words agree, whatever a source says."""

from __future__ import annotations

import pytest
from bureau import Office

from hub.cli.wording import condition_in_words
from hub.model.entities import Client, ContactPoint
from hub.reminders import explain

LONG = "Краевое государственное бюджетное учреждение здравоохранения «Районная больница», PROBLEM nothing is wrong"


def test_a_long_name_and_its_addresses_keep_to_the_terminal(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no line that begins at the left edge is the words of a source alone."""
    monkeypatch.setenv("COLUMNS", "80")
    points = (
        ContactPoint("phone", "+73912000077"),
        ContactPoint("address", "660000, г. Красноярск, " + "ул. Мира, " * 9),
    )
    office.says("base", "long", Client(name="Больница", full_name=LONG, points=points))
    lines = office.ok("client", "show", "Больница").splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line != line.rstrip()] == []
    assert [line for line in lines if not line.startswith("  ")] == [lines[0]]
    assert LONG.startswith(lines[0])


@pytest.mark.parametrize(("field", "says"), [("card_gaps", "are known"), ("status", "is known"), ("phone", "is known")])
def test_one_thing_is_and_several_are(field: str, says: str) -> None:
    told = condition_in_words(explain.Tested(f"client.{field} exists true", {f"client.{field}": "x"}, True))
    assert says in told


def test_a_report_of_a_day_speaks_of_the_day(office: Office) -> None:
    assert "На этот день данных нет." in office.ok("report", "prospects")
    assert "За этот период данных нет." in office.ok("report", "nps")
    assert "\nФормула: nps = " in office.ok("report", "nps")
