"""Lists of people from files and the clipboard: columns understood, names cleaned, nobody entered twice."""

from __future__ import annotations

import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from bureau import Office
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hub.entries.people.names import Name, cleaned, folded, russian, sex_of, split_name
from hub.entries.people.person import person_of, without_cards
from hub.entries.people.table import read_table
from hub.model.entities import Contact, ContactPoint, Order, Reference
from hub.model.errors import HubError
from hub.store.tables import audit, event_data, meta

HEAD = "№\tФамилия\tИмя\tОтчество\tДата рождения\tТелефон\tПаспорт серия\tНомер\tГражданство"
ROWS = (
    "1\tИВАНОВА\tмария\tСергеевна\t01.02.1980\t8 913 111-22-33\t75\t1234567\tРФ",
    "2\tПетрoв\tИван9\t\t31.02.1990\t\t\t\t",
    "3\tСидоров\tПётр\tИльич\t5.6.75\t200-00-05\t\t\tРФ",
    "4\tИванова\tМария\tСергеевна\t01.02.1980\t\t\t\t",
)
LIST = "\r\n".join((HEAD, *ROWS)).encode()


def told(office: Office, content: bytes | str, *words: str) -> Any:
    office.pasted = content.encode() if isinstance(content, str) else content
    return office.json("client", "import", "-", *words)


def states(answer: Any) -> list[str]:
    return [it["state"] for it in answer["rows"]]


def everything(office: Office) -> str:
    """Return all texts of the store that people could read."""
    with office.store.read() as connection:
        columns = (event_data.c.data, meta.c.value, audit.c.detail)
        texts = [text for column in columns for text in connection.execute(select(column)).scalars()]
    return "\n".join([*texts, *(str(row) for kind in ("contact", "client", "trait") for row in office.rows(kind))])


def test_pasted_list_is_shown_then_kept_and_a_second_time_nothing_is_written(each_office: Office) -> None:
    """S002-5, S002-6: the clipboard; the preview is what happens; who is known is not entered twice."""
    office = each_office
    before = office.events()
    shown = told(office, LIST, "--dry-run")
    assert (office.events(), shown["load"]) == (before, "")
    assert states(shown) == ["new", "wrong", "new", "twice"]
    assert [it["detail"] for it in shown["rows"]][1:] == ["'31.02.1990' is no day of birth", "", "stands in row 2"]
    done = told(office, LIST)
    assert done["rows"] == shown["rows"]
    people = {row["name"]: row for row in office.rows("contact")}
    mary = people["Иванова Мария Сергеевна"]
    assert (mary["birthday"], mary["note"]) == (date(1980, 2, 1), "Пол: ж. Гражданство: РФ")
    assert [(it["type"], it["value"]) for it in mary["points"]] == [("phone", "+79131112233")]
    assert [it["value"] for it in people["Сидоров Пётр Ильич"]["points"]] == ["+73912000005"]
    assert next(it for it in office.rows("client") if it["id"] == mary["client_id"])["type"] == "person"
    before = office.events()
    assert states(told(office, LIST)) == ["known", "wrong", "known", "twice"]
    assert office.events() == before


def test_numbers_of_passports_and_cards_are_never_kept(office: Office) -> None:
    """S002-5: contradiction 8 of the seeds; not in a column of their own and not in a remark."""
    card = "4111 1111 1111 1111"
    told(office, f"{HEAD}\tКарта\tПримечание\n{ROWS[0]}\t{card}\tкарта {card} и билет 555-2\n")
    told(office, "ФИО\tПаспорт\nЛосев Пётр\t75 7654321\n")
    kept = everything(office)
    numbers = ("1234567", "7654321", card, card.replace(" ", ""), "1111 1111")  # four digits may stand in an id
    assert [it in kept for it in (*numbers, "Лосев")] == [*[False] * len(numbers), True]
    assert "билет 555-2" in everything(office)
    office.pasted = f"Козлов Иван\tkozlov@example.ru\t{card}\t75 1234567".encode()
    assert [it["field"] for it in office.json("client", "import", "-", "--dry-run")["columns"]] == [
        "name", "email", "card", "passport"
    ]  # fmt: skip
    assert without_cards("билет 1234567890123") == "билет 1234567890123", "its check digit is wrong"


@pytest.mark.parametrize("ending", ["xlsx", "docx", "csv", "cp1251", "utf16"])
def test_the_same_people_come_from_each_kind_of_file(office: Office, tmp_path: Path, ending: str) -> None:
    """S002-6: text in each encoding, Excel, Word."""
    rows = [line.split("\t") for line in (HEAD, *ROWS)]
    file = tmp_path / f"list.{ending}"
    if ending == "xlsx":
        import openpyxl

        book = openpyxl.Workbook()
        book.create_sheet("Люди")
        for row in rows:
            book["Люди"].append([date(1980, 2, 1) if cell == "01.02.1980" else cell for cell in row])
        book.save(file)
    elif ending == "docx":
        import docx

        made = docx.Document()
        made.add_paragraph("Список")
        table = made.add_table(len(rows), len(rows[0]))
        for place, cells in zip(table.rows, rows, strict=True):
            for cell, text in zip(place.cells, cells, strict=True):
                cell.text = text
        made.save(str(file))
    else:
        text = "\n".join(";".join(row) for row in rows)
        file.write_bytes(text.encode({"csv": "utf-8-sig", "utf16": "utf-16"}.get(ending, ending)))
    answer = office.json("client", "import", str(file))
    assert states(answer) == ["new", "wrong", "new", "twice"]
    assert sorted(row["name"] for row in office.rows("contact"))[0] == "Иванова Мария Сергеевна"


def test_columns_are_said_kept_and_found_again_in_another_order(office: Office) -> None:
    """S002-7: a mapping under a name goes by the headings; without headings by places."""
    first = "Кто\tГде\tКогда\nКозлов Иван\tКанск\t01.02.1980\n"
    said = ("--column", "Кто=name", "--column", "Где=city", "--column", "Когда=birthday", "--mapping", "тур")
    assert states(told(office, first, *said)) == ["new"]
    again = told(office, "Когда\tКто\tЛишнее\n03.04.1981\tЛосев Пётр\tх\n", "--mapping", "тур")
    assert [it["field"] for it in again["columns"]] == ["birthday", "name", "-"]
    row = next(it for it in office.rows("contact") if it["name"] == "Лосев Пётр")
    assert row["birthday"] == date(1981, 4, 3)
    office.pasted = first.encode()
    assert "no column 'Куда'" in office.refused("client", "import", "-", "--column", "Куда=city")
    assert "latin_surname" in office.refused("client", "import", "-", "--column", "Кто=latin_surnam")
    assert "COLUMN=FIELD" in office.refused("client", "import", "-", "--column", "Кто")


def test_latin_columns_become_russian_names_and_tell_the_sex(office: Office) -> None:
    """S002-8, S002-9: surname with MR or MRS, surname and given name in one column, and what is guessed is said."""
    answer = told(office, "SURNAME;NAME;Birth\nSHCHERBAKOV MR;IURII;01.01.1990\nIVANOVA/OLGA MRS;;02.02.1991\n")
    assert [it["detail"] for it in answer["rows"]] == [
        "Щербаков Юрий from SHCHERBAKOV IURII", "Иванова Ольга from IVANOVA OLGA"
    ]  # fmt: skip
    notes = {row["name"]: row["note"] for row in office.rows("contact")}
    assert notes["Щербаков Юрий"] == "Латиницей: SHCHERBAKOV IURII. Пол: м"
    assert notes["Иванова Ольга"] == "Латиницей: IVANOVA OLGA. Пол: ж"


def test_lines_of_a_letter_are_people_too(office: Office) -> None:
    """S002-6: a text without columns."""
    text = ("1. Кузнецов Илья Никитич, 12.12.1981, тел. 8-913-555-66-77\n"
            "2) Анна Петровна Ким anna@example.ru\n3. —\n")  # fmt: skip
    assert states(told(office, text)) == ["new", "new", "wrong"]
    people = {row["name"]: row for row in office.rows("contact")}
    assert [it["value"] for it in people["Ким Анна Петровна"]["points"]] == ["anna@example.ru"]
    assert people["Кузнецов Илья Никитич"]["birthday"] == date(1981, 12, 12)
    assert [it["value"] for it in people["Кузнецов Илья Никитич"]["points"]] == ["+79135556677"]


def test_who_is_known_is_added_to_and_a_difference_waits_for_a_word(office: Office) -> None:
    """S002-3, S002-4: gaps are filled; where the list says other than what is known, a person decides."""
    told(office, LIST)
    more = "ФИО\tДата рождения\tДолжность\tПочта\nИванова Мария Сергеевна\t01.02.1980\tбухгалтер\tmary@example.ru\n"
    (row,) = told(office, more)["rows"]
    assert (row["state"], row["detail"]) == ("added to", "+ position, + email")
    other = "ФИО\tДата рождения\tДолжность\tПримечание\nИванова Мария Сергеевна\t01.02.1980\tдиректор\tдве дочери\n"
    (row,) = told(office, other)["rows"]
    assert (row["state"], row["detail"]) == ("differs", "+ note, position: бухгалтер → директор")
    assert next(it for it in office.rows("contact") if it["name"].startswith("Иван"))["position"] == "бухгалтер"
    assert states(told(office, other, "--overwrite")) == ["added to"]
    row = next(it for it in office.rows("contact") if it["name"].startswith("Иван"))
    assert (row["position"], row["birthday"], len(row["points"])) == ("директор", date(1980, 2, 1), 2)
    assert row["note"] == "Пол: ж. Гражданство: РФ. две дочери"


def test_a_name_alone_makes_nobody_known(office: Office) -> None:
    """S002-2: a namesake of another day is another; without a day a person decides; a phone is one person's."""
    told(office, LIST)
    rows = (
        "ФИО\tрожд\tтел\nИванова Мария Сергеевна\t03.03.1985\t\nСидоров Пётр Ильич\t\t\nКим Анна\t\t8 913 111-22-33\n"
    )
    answer = told(office, rows, "--dry-run")
    assert states(answer) == ["new", "doubtful", "doubtful"]
    assert answer["rows"][2]["detail"] == "the phone or mailbox is that of Иванова Мария Сергеевна"
    assert states(told(office, rows, "--again", "--dry-run")) == ["new", "new", "new"]


def test_people_of_other_sources_stay_theirs(office: Office) -> None:
    """S002-26: who stands in 1C is not entered again; what 1C lacks is said."""
    office.says("base", "k9", Contact(name="Орлова Вера Ильинична", client=Reference("client", "1"), points=(
        ContactPoint("phone", "+79131110000"),)))  # fmt: skip
    before = office.events()
    answer = told(office, "ФИО\tтел\tрожд\nОрлова Вера Ильинична\t8 913 111-00-00\t01.01.1970\n")
    assert [(it["state"], it["detail"]) for it in answer["rows"]] == [
        ("known", "by base, which does not know: birthday, note")
    ]  # fmt: skip
    assert office.events() == before


def test_people_of_organisations_find_their_client(office: Office) -> None:
    """S002-5: by ИНН or name; an unknown organisation is entered once; one client may be said for all."""
    rows = ("ФИО\tОрганизация\tИНН\tДолжность\nБелова Ирина Олеговна\t\t2466001236\tглавбух\n"
            "Лосев Пётр\tООО «Заря»\t\tдиректор\nКим Анна\tООО «Заря»\t\t\n")  # fmt: skip
    assert states(told(office, rows)) == ["new"] * 3
    names = {row["id"]: row["name"] for row in office.rows("client")}
    assert {row["name"]: names[row["client_id"]] for row in office.rows("contact")} == {
        "Сидорова Анна Ивановна": "МБОУ «Школа № 5»", "Белова Ирина Олеговна": "КГБУЗ «Поликлиника»",
        "Лосев Пётр": "ООО «Заря»", "Ким Анна": "ООО «Заря»",
    }  # fmt: skip
    assert sorted(names.values()).count("ООО «Заря»") == 1
    assert states(told(office, "Сидорова Анна Ивановна\t01.01.1970\n", "--client", "Школа № 5")) == ["known"]
    assert states(told(office, "Сидорова Анна Ивановна\t2465000008\n", "--column", "2=inn")) == ["wrong"]


def test_people_are_bound_to_a_list_and_an_order_and_come_again_for_the_next(office: Office) -> None:
    """S002-10, S002-11: one order for all of them; the people of an earlier one are taken, found by a surname."""
    for number in ("17", "18"):
        office.says("base", f"o{number}", Order(number=number, client=Reference("client", "1")))
    told(office, LIST, "--list", "Тур 17", "--about", "order/17")
    before = office.events()
    assert told(office, LIST, "--list", "Тур 17")["load"] == ""
    assert office.events() == before
    names = ["Иванова Мария Сергеевна", "Сидоров Пётр Ильич"]
    assert [it["name"] for it in office.json("client", "people", "Тур 17")] == names
    assert [it["name"] for it in office.json("client", "people", "order/17")] == names
    assert [it["people"] for it in office.json("client", "people", "--search", "сидоров")] == [2, 2]
    assert office.json("client", "people", "--search", "кузнецов") == []
    assert "2 people more" in office.ok("client", "people", "order/17", "--about", "order/18")
    assert "0 people more" in office.ok("client", "people", "order/17", "--about", "order/18")
    assert [it["name"] for it in office.json("client", "people", "order/18")] == names
    assert "nobody stands" in office.refused("client", "people", "Тур 99", "--to", "Тур 18")


def test_a_load_is_taken_back_whole(office: Office) -> None:
    """S002-5: whom it made new goes, whom it found stays; not when something was entered about them since."""
    before = [office.rows(kind) for kind in ("contact", "client", "trait")]
    key = told(office, LIST, "--list", "Тур 17")["load"]
    office.ok("note", "new", "--client", "Сидоров Пётр Ильич", "--text", "перезвонить")
    assert "has a note meanwhile" in office.refused("client", "take-back", key)
    office.ok("note", "remove", office.json("note", "list")[0]["id"])
    assert "2 people" in office.ok("client", "take-back", key)
    assert [office.rows(kind) for kind in ("contact", "client", "trait")] == before
    assert "nothing of it is left" in office.refused("client", "take-back", key)
    assert states(told(office, LIST)) == ["new", "wrong", "new", "twice"]


def belov(office: Office) -> dict[str, Any]:
    return next(it for it in office.rows("contact") if it["name"] == "Белов Илья")


def test_a_load_is_taken_back_from_those_who_were_known_as_well(office: Office) -> None:
    """S002-5: what a list added to them goes, what it overwrote comes back, what changed since stays."""
    head = "Фамилия\tИмя\tДата рождения\tДолжность\tТелефон\tПримечание\n"
    told(office, f"{head}Белов\tИлья\t05.06.1975\tбухгалтер\t8 902 200-00-01\tстрогий\n")
    before = office.rows("contact")
    rows = f"{head}Белов\tИлья\t05.06.1975\tглавный бухгалтер\t8 902 200-00-02\tлюбит театр\n"
    load = told(office, rows, "--overwrite", "--list", "Тур 17")["load"]
    held = belov(office)
    assert (held["position"], held["note"], len(held["points"])) == (
        "главный бухгалтер",
        "Пол: м. строгий. любит театр",
        2,
    )
    assert "0 people are taken back. 1 have back what they had." in office.ok("client", "take-back", load)
    assert office.rows("contact") == before
    assert office.rows("trait") == []
    assert "nothing of it is left" in office.refused("client", "take-back", load)

    load = told(office, rows, "--overwrite")["load"]
    office.now += timedelta(hours=1)
    later = f"{head}Белов\tИлья\t05.06.1975\tдиректор\t8 902 200-00-03\tпишет вечером\n"
    told(office, later, "--overwrite")
    done = office.call("client", "take-back", load)
    assert "1 have back" in done.output
    assert "left as it is: Белов Илья: position" in done.output
    held = belov(office)
    assert (held["position"], held["note"]) == ("директор", "Пол: м. строгий. пишет вечером")
    assert sorted(it["value"] for it in held["points"]) == ["+79022000001", "+79022000003"]


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "holds no rows"), (b"%PDF-1.7", "is a PDF"), (b"\xd0\xcf\x11\xe0old", "old Excel"), (b"a\x00b", "is no text"),
    (b"PK\x03\x04broken", "not a whole"), (b"\t".join([b"x"] * 70), "70 columns"), (b"x\n" * 20_001, "more than 20000"),
])  # fmt: skip
def test_what_is_no_list_is_refused_with_what_to_do(content: bytes, reason: str) -> None:
    """S002-6."""
    with pytest.raises(HubError, match=reason):
        read_table(content, "list")


def test_a_workbook_with_a_document_type_is_refused() -> None:
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("word/document.xml", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    with pytest.raises(HubError, match="document type"):
        read_table(packed.getvalue(), "list")


@pytest.mark.parametrize(("written", "name"), [
    ("Иванов Иван Петрович", Name("Иванов", "Иван", "Петрович")),
    ("Анна Ивановна Рабинович", Name("Рабинович", "Анна", "Ивановна")),
    ("Абрамович Роман Аркадьевич", Name("Абрамович", "Роман", "Аркадьевич")), ("Иван Иванов", Name("Иванов", "Иван")),
    ("ИВАНОВ-ПЕТРОВ и. п.", Name("Иванов-Петров", "И.", "П.")),
    ("Алиев Ильхам Гейдар оглы", Name("Алиев", "Ильхам", "Гейдар Оглы")),
    ("Петрoв8 _ Иван;", Name("Петров", "Иван")), ("О'Коннор Шон", Name("О'Коннор", "Шон")), ("", Name()),
])  # fmt: skip
def test_names_are_cleaned_and_taken_apart(written: str, name: Name) -> None:
    """S002-9: wrong signs go, capitals and Latin look-alikes are put right, the order of the words does not matter."""
    assert split_name(written) == name


@pytest.mark.parametrize(("latin", "expected"), [
    ("IURII SHCHERBAKOV", "Юрий Щербаков"), ("NATALIA IVANOVA", "Наталья Иванова"), ("TCHAIKOVSKY", "Тчайковский"),
    ("KHIUGO TSOI", "Хюго Цой"), ("ZHUKOVSKII", "Жуковский"), ("ALEXANDER VOLKOV", "Александр Волков"), ("Ким", "Ким"),
    ("MARIIA SOLOVEVA-BELAIA", "Мария Соловева-Белая"),
])  # fmt: skip
def test_latin_names_are_proposed_in_russian_letters(latin: str, expected: str) -> None:
    """S002-8."""
    assert russian(latin) == expected


def test_sex_follows_from_patronymic_or_surname() -> None:
    """S002-9."""
    assert [sex_of(split_name(it)) for it in ("Ким Анна Ильинична", "Ким Илья Никитич", "Белая Вера", "Ли Чен")] == [
        "ж", "м", "ж", ""
    ]  # fmt: skip


@given(st.text(max_size=60))
def test_cleaning_ends_and_adds_nothing(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert not any(sign.isdigit() for sign in once)
    assert person_of(1, {"line": [text]}, today=date(2026, 11, 22), area_code="391").row == 1


@given(st.permutations(["Иванов", "Иван", "Петрович"]))
def test_the_order_of_words_makes_nobody_another(words: list[str]) -> None:
    assert folded(" ".join(words)) == folded("ИВАНОВ Иван Петрович")
