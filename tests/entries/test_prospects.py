"""Prospects: a card, a way with stages in their order, three free tickets, always a day of the next contact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from bureau import Office

from hub.model.entities import Client

CARD = ("--name", "МКУ «Архив»", "--city", "Канск", "--contact", "-", "--phone", "8 (391) 200-00-07")


def test_prospect_is_a_client_of_the_operator_with_a_day_of_the_next_contact(each_office: Office) -> None:
    """S001-14, S000-15: without the day there is no prospect."""
    office = each_office
    assert "next_contact must be said" in office.refused("prospect", "new", *CARD)
    made = office.json("prospect", "new", *CARD, "--referrer", "Школа № 5", "--need", "не сдаётся отчёт",
                       "--competitor", "ООО «Сосед»", "--next-contact", "в пятницу",
                       "--manager", "ivanova")  # fmt: skip
    (client,) = [row for row in office.rows("client") if row["name"] == "МКУ «Архив»"]
    assert (client["status"], client["manager"], client["city"], client["connection"]) == (
        "prospect", "ivanova", "Канск", "operator",
    )  # fmt: skip
    assert [point["value"] for point in client["points"]] == ["+73912000007"]
    (row,) = office.rows("referral")
    assert (row["client_id"], row["stage"], row["next_contact"]) == (client["id"], "contact", date(2026, 11, 27))
    assert row["referrer"] == next(it["id"] for it in office.rows("client") if "Школа" in it["name"])
    assert row["employee"] == "ivanova"
    assert made["id"] == row["id"]
    assert len(office.rows("contact")) == 1  # a dash is no person


def test_third_free_ticket_leads_to_the_offer(each_office: Office) -> None:
    """S000-17, S001-15: three are solved free of charge, a fourth is not; then the contract is won."""
    office = each_office
    key = office.json("prospect", "new", *CARD, "--next-contact", "15.12")["id"]
    office.ok("referral", "move", key, "--stage", "need_wait", "--next-contact", "через 2 недели")
    stages = []
    for minute in range(3):
        office.now = office.now.replace(minute=minute + 1)
        office.ok("referral", "ticket", key)
        stages.append((office.rows("referral")[0]["stage"], office.rows("referral")[0]["free_tickets"]))
    assert stages == [("free_ticket", 1), ("free_ticket", 2), ("offer", 3)]
    assert "Now offer a contract" in office.refused("referral", "ticket", key)
    assert "Back goes only need_wait" in office.refused("referral", "move", key, "--stage", "contact",
                                                        "--next-contact", "завтра")  # fmt: skip
    office.ok("referral", "win", key, "--fee", "12 500,00")
    (row,) = office.rows("referral")
    assert (row["stage"], row["fee"].amount, row["next_contact"]) == ("won", Decimal("12500.00"), None)
    assert [it["status"] for it in office.rows("client") if it["name"] == "МКУ «Архив»"] == ["client"]
    assert "it is won already" in office.refused("referral", "lose", key, "--reason", "передумали")
    happened = [name for name, _ in office.events() if name.startswith("referral") and "observed" not in name]
    assert happened == ["referral.created", "referral.moved", *["referral.ticket_solved"] * 3, "referral.won"]


def test_who_recommended_us_is_named_by_the_id_he_has_now(office: Office) -> None:
    """Two clients who become one later have one id, also where one of them is the other client of a referral."""
    office.ok("referral", "new", "--client", "Школа", "--referrer", "Поликлиника", "--next-contact", "завтра")
    office.says("base", "3", Client(name="Поликлиника № 1"))
    ids = {row["name"]: row["id"] for row in office.rows("client")}
    office.ok("client", "merge", ids["Поликлиника № 1"], ids["КГБУЗ «Поликлиника»"])
    kept = min(ids["Поликлиника № 1"], ids["КГБУЗ «Поликлиника»"])
    assert office.rows("referral")[0]["referrer"] == kept
    office.ok("referral", "ticket", office.rows("referral")[0]["id"])
    assert office.rows("referral")[0]["referrer"] == kept


def test_next_contact_lies_ahead_whenever_the_prospect_is_touched(office: Office) -> None:
    """S001-14: and so on, periodically."""
    key = office.json("referral", "new", "--client", "Поликлиника", "--next-contact", "завтра")["id"]
    assert "is over" in office.refused("referral", "move", key, "--next-contact", "20.11.2026")
    assert "recommends himself" in office.refused("referral", "new", "--client", "Поликлиника", "--referrer",
                                                  "Поликлиника", "--next-contact", "завтра")  # fmt: skip
    assert "reason must be said" in office.refused("referral", "lose", key)
    office.ok("referral", "lose", key, "--reason", "остались у прежних")
    assert office.json("prospect", "list", "--open") == []
    assert office.json("referral", "list")[0]["reason"] == "остались у прежних"


def test_caller_who_is_known_is_not_entered_twice(office: Office) -> None:
    """S002-3, S003-8: the existing client is chosen; who is really another says so."""
    card = ("--name", "Регистратура", "--city", "Красноярск", "--contact", "Ольга", "--phone", "294-08-53")
    assert "this phone is known" in office.refused("client", "new", *card)
    office.ok("client", "new", *card, "--again")
    assert {row["name"] for row in office.rows("contact")} == {"Сидорова Анна Ивановна", "Ольга"}


def test_card_of_a_new_caller_is_full(made: Callable[..., Office]) -> None:
    """S003-4, S003-5: name, city, contact person (a dash if not told) and phone, or what the firm wants."""
    office = made()
    assert "city, contact, phone must be said" in office.refused("client", "new", "--name", "МКУ «Архив»")
    assert "is no phone" in office.refused("client", "new", *CARD[:-1], "двести")
    office.ok("client", "new", *CARD, "--origin", "сайт")
    assert [(row["name"], row["origin"]) for row in office.rows("client")] == [("МКУ «Архив»", "сайт")]


def test_firm_says_what_its_card_wants(made: Callable[..., Office]) -> None:
    """S004-12: whoever calls for the first time is asked how he found us."""
    office = made(entering={"caller": ["name", "origin"]})
    assert "origin must be said" in office.refused("client", "new", "--name", "Фермер")
    office.ok("client", "new", "--name", "Фермер", "--origin", "выставка")
