"""Reference vectors of names, positions, requisites, phones and passports, and some of our own."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.documents.genitive import decline_name, gender_of, position_genitive, short_name
from hub.documents.latin import latin
from hub.model.values import Phone, is_account, is_corr_account, is_inn, is_kpp, is_ogrn, is_snils

Text = Callable[[str], str]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def test_reference_names_in_the_genitive(shared_text: Text) -> None:
    cases = rows(shared_text("names_genitive.tsv"))
    assert len(cases) > 20
    for case in cases:
        name = " ".join(case[part] for part in ("surname", "name", "patronymic"))
        declined = decline_name(name, "genitive")
        assert (declined.text, declined.is_certain) == (case["genitive"], True)
        assert gender_of(name) == case["gender"]


def test_reference_positions_in_the_genitive(shared_text: Text) -> None:
    for case in rows(shared_text("positions_genitive.tsv")):
        declined = position_genitive(case["position"])
        assert (declined.text, declined.is_certain) == (case["genitive"], True)


def test_reference_passports_in_latin(shared_text: Text) -> None:
    for case in rows(shared_text("translit_passport.tsv")):
        assert latin(case["ru"]) == case["icao"]


def test_reference_phones(shared_text: Text) -> None:
    for case in rows(shared_text("phones.tsv")):
        phone = Phone.parse(case["raw"], case["default_area"] or "")
        assert ((phone.number, phone.extension) if phone else ("", "")) == (case["e164"] or "", case["ext"] or "")


def test_reference_requisites(shared_text: Text) -> None:
    data = json.loads(shared_text("requisites.json"))
    plain = {"inn": is_inn, "kpp": is_kpp, "ogrn": is_ogrn, "ogrnip": is_ogrn, "snils": is_snils}
    for name, holds in plain.items():
        assert all(holds(value) for value in data[name]["valid"]), name
        assert not any(holds(value) for value in data[name]["invalid"]), name
    for name, fits in (("account", is_account), ("corr", is_corr_account)):
        assert all(fits(account, bic) for bic, account in data[name]["valid"]), name
        assert not any(fits(account, bic) for bic, account in data[name]["invalid"]), name
    assert all(is_corr_account(account, bic) for bic, account in data["corr_treasury_from_memory"])


@pytest.mark.parametrize(
    ("name", "genitive", "short"),
    [
        ("Анна Борисовна Соколова", "Анны Борисовны Соколовой", "Соколова А. Б."),
        ("Алиев Ильхам Гейдар оглы", "Алиева Ильхама Гейдар оглы", "Алиев И. Г."),
        ("Ильич Игорь Ильич", "Ильича Игоря Ильича", "Ильич И. И."),
        ("Салтыкова-Щедрина Инна Львовна", "Салтыковой-Щедриной Инны Львовны", "Салтыкова-Щедрина И. Л."),
    ],
)
def test_names_with_a_patronymic_are_declined(name: str, genitive: str, short: str) -> None:
    assert (decline_name(name, "genitive").text, short_name(name)) == (genitive, short)
    assert decline_name(name, "genitive").is_certain


@pytest.mark.parametrize("name", ["Ли Мин", "John Smith", "Соколова А. Б.", "Иванов", ""])
def test_a_name_that_does_not_tell_its_gender_is_unsure(name: str) -> None:
    declined = decline_name(name, "genitive")
    assert (declined.text, declined.is_certain) == (name, False)


def test_initials_are_declined_when_the_gender_is_known() -> None:
    assert decline_name("Соколова А. Б.", "genitive", "f").text == "Соколовой А. Б."
    assert decline_name("Орлов П. И.", "accusative", "m").text == "Орлова П. И."


@pytest.mark.parametrize(
    ("position", "genitive", "certain"),
    [
        ("Директор МБОУ СОШ № 5", "директора МБОУ СОШ № 5", True),
        ("и. о. директора", "и. о. директора", True),
        ("врио начальника управления", "врио начальника управления", True),
        ("Исполняющая обязанности заведующей", "исполняющей обязанности заведующей", True),
        ("заведующий хозяйством", "заведующего хозяйством", True),
        ("директор исполнительный", "директора исполнительный", False),
        ("начальник отдела, главный бухгалтер", "начальника отдела, главный бухгалтер", False),
        ("старший мастер", "старший мастер", False),
    ],
)
def test_positions_beyond_the_table(position: str, genitive: str, certain: bool) -> None:
    declined = position_genitive(position)
    assert (declined.text, declined.is_certain) == (genitive, certain)


def test_the_firms_own_table_wins() -> None:
    own = {"Старший мастер": "старшего мастера", "директор": "директора (своего)"}
    assert position_genitive("старший мастер", own).text == "старшего мастера"
    assert position_genitive("Директор", own).text == "директора (своего)"


@given(st.text(max_size=30))
def test_any_text_goes_through_the_words_of_people(text: str) -> None:
    decline_name(text, "accusative", "m")
    position_genitive(text)
    short_name(text)
    latin(text)
