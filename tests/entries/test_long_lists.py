"""A table shows the newest lines and says how many there are; a document for programs holds all."""

from __future__ import annotations

from datetime import timedelta

from bureau import NOW, Office

from hub.cli.entity import MOST
from hub.ingest import ingest
from hub.model.entities import Call, Client, Contact, Message, Reference
from hub.model.events import Event
from hub.normalise import fact_of
from hub.projection import Sources

MORE = 30
SCHOOL = Reference("client", "1")


def lines(office: Office, *words: str) -> tuple[list[str], str]:
    """Return the lines of a table without its head, and what is said below it."""
    told = office.ok(*words).splitlines()[1:]
    return (told[:-1], told[-1]) if told[-1].startswith("…") else (told, "")


def busy(office: Office) -> Office:
    """Let more calls and people be known than a table shows, and one letter of which nobody says when it came."""
    said = []
    for number in range(MOST + MORE):
        moment, person = NOW - timedelta(minutes=number), Contact(name=f"Человек {number:03}", client=SCHOOL)
        call = Call(number=f"+7391294{number:04}", started=moment, talk_seconds=61)
        said.append(fact_of(Event("call.connected", Reference("call", f"c{number}"), call, moment), ""))
        said.append(fact_of(Event("contact.observed", Reference("contact", f"p{number}"), person, moment), ""))
    with office.store.write() as connection:
        ingest(connection, "base", said, Sources(["base", "desk"]), NOW)
    return office


def test_a_table_shows_the_newest_and_says_how_many_are_left(each_office: Office) -> None:
    office = busy(each_office)
    shown, below = lines(office, "call", "list")
    assert len(shown) == MOST
    assert "+73912940000" in shown[-1], "the newest stands last, where one looks"
    assert f"+7391294{MOST - 1:04}" in shown[0]
    assert below == f"… and {MORE} older ones. All of them: --limit {MOST + MORE}"
    shown, below = lines(office, "call", "list", "--limit", str(MOST + MORE))
    assert (len(shown), below) == (MOST + MORE, "")
    shown, below = lines(office, "call", "list", "--limit", "2")
    assert ["+73912940001" in shown[0], "+73912940000" in shown[1]] == [True, True]
    assert below == f"… and {MOST + MORE - 2} older ones. All of them: --limit {MOST + MORE}"


def test_a_table_by_name_shows_the_first(each_office: Office) -> None:
    shown, below = lines(busy(each_office), "contact", "list", "--client", "Школа № 5", "--limit", "3")
    assert [line.split()[:2] for line in shown] == [["Сидорова", "Анна"], ["Человек", "000"], ["Человек", "001"]]
    assert below == f"… and {MOST + MORE - 2} more. All of them: --limit {MOST + MORE + 1}"


def test_a_document_for_programs_holds_all_unless_less_is_asked_for(each_office: Office) -> None:
    office = busy(each_office)
    calls = office.json("call", "list")
    assert len(calls) == MOST + MORE
    assert office.json("call", "list", "--limit", "5") == calls[-5:], "the newest, oldest of them first"


def test_what_has_no_date_is_older_than_everything(each_office: Office) -> None:
    """Both databases put it at the same end."""
    office = each_office
    for key, sent in (("m1", None), ("m2", NOW), ("m3", NOW - timedelta(days=1))):
        office.says("desk", key, Message(message_id=f"<{key}@x>", sent=sent, subject=f"Письмо {key}"))
    assert [it["subject"] for it in office.json("message", "list", "--limit", "2")] == ["Письмо m3", "Письмо m2"]
    assert office.json("message", "list", "--limit", "3")[0]["subject"] == "Письмо m1"


def test_a_short_table_says_nothing_more(office: Office) -> None:
    office.says("base", "3", Client(name="ООО «Третий»"))
    assert lines(office, "contact", "list")[1] == ""
