"""A client is found by whatever somebody remembers of him, and his card shows whom to ask for."""

from __future__ import annotations

from datetime import date

from bureau import Office

from hub.model.entities import Contact, ContactPoint, Reference


def people(office: Office) -> Office:
    """Let two people of one surname stand at two clients."""
    for key, client, name, position, day, phone in (
        ("k2", "1", "Соловьёва Вера Ильинична", "Главный бухгалтер", date(1970, 1, 2), "+79131110001"),
        ("k3", "2", "Соловьёва Ольга Петровна", "Кассир", date(1981, 3, 4), "+79131110002"),
    ):
        office.says("base", key, Contact(name=name, client=Reference("client", client), position=position, birthday=day,
                                         points=(ContactPoint("phone", phone),)))  # fmt: skip
    return office


def found(office: Office, text: str) -> list[str]:
    return [it["name"] for it in office.json("client", "list", "--search", text)]


def test_surname_finds_and_a_further_key_tells_apart(each_office: Office) -> None:
    """S002-1, S002-2: a surname; of several a given name, a day of birth or digits of a phone."""
    office = people(each_office)
    both = ["КГБУЗ «Поликлиника»", "МБОУ «Школа № 5»"]
    assert found(office, "соловьева") == both
    assert found(office, "СОЛОВЬЁВА ольга") == both[:1]
    assert found(office, "соловьева 02.01.1970") == both[1:]
    assert found(office, "0002") == both[:1]
    assert found(office, "бухгалтер") == both[1:]
    assert found(office, "школа вера") == both[1:], "words of the client and of his person together"
    assert found(office, "2466001236") == both[:1]
    assert (
        found(office, "phone") == found(office, "%") == found(office, "соловьева кузнецова") == found(office, " ") == []
    )


def test_card_shows_the_chief_accountant_and_the_one_manager(office: Office) -> None:
    """S000-1: an organisation of the state, whom to ask for there, who of us is responsible."""
    people(office)
    office.ok("client", "set", "Школа № 5", "manager=ivanova", "type=государственная организация")
    told = office.ok("client", "show", "Школа № 5")
    assert "  person    Соловьёва Вера Ильинична, Главный бухгалтер, 02.01.1970, +79131110001\n" in told
    assert "  manager   Иванова Мария Сергеевна\n" in told
    assert "  type      государственная организация\n" in told
    card = office.json("client", "show", "Школа № 5")
    assert [it["position"] for it in card["people"] if it["position"]] == ["Главный бухгалтер"]
