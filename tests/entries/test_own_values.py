"""A person's own word about a client stands on top of his sources, can be taken back, and ties no sources together."""

from __future__ import annotations

import io

import msgspec
from bureau import SCHOOL, Office

from hub.ingest import import_events
from hub.model.entities import Client, ContactPoint
from hub.operator import apply_verdicts, learn_verdicts
from hub.projection import Sources
from hub.store import log
from hub.store.database import Store


def school(office: Office) -> dict[str, object]:
    (row,) = [row for row in office.rows("client") if row["inn"] == SCHOOL["inn"]]
    return row


def test_own_value_stands_on_top_and_can_be_taken_back(each_office: Office) -> None:
    """Design, section 4: `operator` is on top; the id stays, so reminders keep their keys."""
    office = each_office
    before = school(office)
    office.ok("client", "set", "Школа № 5", "manager=Иванова М. С.", "city=Канск", "phone=294-08-54")
    own = school(office)
    assert (own["id"], own["name"]) == (before["id"], before["name"])
    assert (own["manager"], own["city"]) == ("ivanova", "Канск")
    why = office.ok("client", "show", str(before["id"]), "--why")
    assert any("Канск" in line and "operator" in line for line in why.splitlines())
    assert any("МБОУ «Школа № 5»" in line and "base" in line for line in why.splitlines() if "name" in line)
    office.says(
        "base", "1", Client(name="МБОУ «Школа № 5»", status="client", city="Ачинск", manager="petrov", **SCHOOL)
    )
    assert (school(office)["manager"], school(office)["city"]) == ("ivanova", "Канск")
    office.ok("client", "set", str(before["id"]), "city=")
    assert (school(office)["manager"], school(office)["city"]) == ("ivanova", "Ачинск")
    office.ok("client", "set", "Школа", "manager=", "phone=")
    assert (school(office)["manager"], school(office)["points"]) == ("petrov", [])


def test_a_change_in_another_place_is_told_and_not_overwritten(each_office: Office) -> None:
    """S002-4: who saw another value is told which source or person changed it and when; saying it again overwrites."""
    office = each_office
    card = {"name": "МБОУ «Школа № 5»", "status": "client", **SCHOOL}
    office.says("base", "1", Client(city="Ачинск", points=(ContactPoint("phone", "+73912000001"),), **card))
    office.ok("client", "set", "Школа № 5", "city=Канск", "--was", "city=Ачинск")
    told = office.refused("client", "set", "Школа № 5", "city=Дивногорск", "--was", "city=Ачинск")
    assert "city is Канск by now (operator, " in told
    assert "23.11.2026 10:00), you saw Ачинск" in told
    office.ok("client", "set", "Школа № 5", "city=Канск", "--was", "city=Ачинск")  # the same was meant
    office.ok("client", "set", "Школа № 5", "city=Дивногорск")
    assert school(office)["city"] == "Дивногорск"

    office.says("base", "1", Client(manager="petrov", points=(ContactPoint("phone", "+73912000002"),), **card))
    phone = ("client", "set", "Школа № 5", "phone=294-08-54", "manager=ivanova")
    assert "phone is +73912000002 by now (base, 23.11.2026 10:00)" in office.refused(
        *phone, "--was", "phone=+73912000001"
    )
    assert "manager is petrov by now" in office.refused(*phone, "--was", "manager=")
    office.ok(*phone, "--was", "phone=+73912000002", "--was", "manager=Петров Пётр Петрович")
    assert "Did you mean 'city'" in office.refused(*phone, "--was", "citi=x")


def test_own_value_holds_no_sources_together(office: Office) -> None:
    """What a person says of a client is no verdict that two systems mean one: when the keys part, so do they."""
    office.ok("client", "set", "Школа № 5", "city=Канск")
    office.says("desk", "7", Client(name="Школа 5", inn="2466001236", kpp="246601001"))
    cities = {row["name"]: row["city"] for row in office.rows("client")}
    assert sorted(cities) == ["КГБУЗ «Поликлиника»", "МБОУ «Школа № 5»", "Школа 5"]
    assert sorted(cities.values()) == ["", "", "Канск"]


def test_own_words_alone_are_no_client(office: Office) -> None:
    """When all sources have let the client go he is gone, and comes back with what was said."""
    from hub.ingest import ingest
    from hub.normalise import deletions
    from hub.store.types import instant_text

    office.ok("client", "set", "Поликлиника", "manager=ivanova")
    with office.store.write() as connection:
        gone = deletions(["client/2"], "", instant_text(office.now))
        ingest(connection, "base", gone, Sources(["base", "desk"]), office.now)
    assert [row["name"] for row in office.rows("client")] == ["МБОУ «Школа № 5»"]
    office.says("base", "2", Client(name="КГБУЗ «Поликлиника»", inn="2466001236"))
    assert [row["manager"] for row in office.rows("client") if "Поликлиника" in row["name"]] == ["ivanova"]


def test_store_made_from_the_log_says_the_same(office: Office, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """D-06 for own values and prospects."""
    from hub.cli.event import _text, as_cloudevent

    office.ok("client", "set", "Школа № 5", "manager=ivanova", "city=Канск")
    office.ok("prospect", "new", "--name", "Архив", "--city", "Канск", "--contact", "Ольга", "--phone", "294-08-99",
              "--next-contact", "завтра", "--referrer", "Школа № 5")  # fmt: skip
    with office.store.read() as connection:
        lines = [msgspec.json.encode({key: _text(value) for key, value in as_cloudevent(row).items()})
                 for row in log.pages(connection)]  # fmt: skip
    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    other.create()
    with other.write() as connection:
        verdicts = learn_verdicts(connection, lines)
        import_events(connection, io.BytesIO(b"\n".join(lines)), Sources(["base", "desk"]), office.now)
        apply_verdicts(connection, verdicts, Sources(["base", "desk"]))
    again = Office(tmp_path, other, {})
    assert [again.rows(kind) for kind in ("client", "referral", "contact")] == [
        office.rows(kind) for kind in ("client", "referral", "contact")
    ]
    other.close()


def test_what_cannot_be_said_of_a_client_is_refused(office: Office) -> None:
    for words, says in [
        (["manager=Сидоров"], "no employee is called"), (["inn=2465000008"], "check digits"),
        (["kpp=1"], "9 characters"),
        (["colour=red"], "is nothing that is said of a client"), (["manager"], "is not FIELD=VALUE"),
        (["status=vip"], "is no status"), (["zone=Красноярск"], "no time zone"),
        (["email=почта"], "no address of mail"),
        (["phone=звоните"], "is no phone"), ([], "nothing is said"), (["refuses_mailings=maybe"], "neither yes nor no"),
    ]:  # fmt: skip
        assert says in office.refused("client", "set", "Школа № 5", *words), words
    key = office.json("client", "new", "--name", "Фермер", "--city", "-", "--contact", "-", "--phone", "-")["id"]
    assert "no other name" in office.refused("client", "set", key, "name=")


def test_inn_that_another_client_has_makes_the_two_one_and_says_so(office: Office) -> None:
    told = office.ok("client", "set", "Поликлиника", f"inn={SCHOOL['inn']}", f"kpp={SCHOOL['kpp']}")
    assert len(office.rows("client")) == 1
    assert school(office)["id"] in told


def test_values_said_do_not_appear_in_the_audit(office: Office) -> None:
    from sqlalchemy import select

    from hub.store.tables import audit

    office.ok("client", "set", "Школа", "note=директор болеет")
    with office.store.read() as connection:
        (row,) = connection.execute(select(audit.c.what, audit.c.detail)).all()
    assert tuple(row) == ("client.set", "note")
