"""Lists saved as .xlsx: headings anywhere, groups and totals, cells that are wrong, files that are no tables."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.api import BadRecord, Money, Price, Product, Reference, SettingsError, Stock, Stream, Unavailable
from hub.testing.peers.onec_tables import workbook
from hub_onec_services import workbook as workbooks
from hub_onec_services.table_settings import Table, TablesSettings
from hub_onec_services.tables import Tables
from hub_onec_services.workbook import open_sheet

HEADINGS = ["Код", "Наименование", "ИНН", "КПП"]
CLIENTS = {"file": "*.xlsx", "key": "Код", "kind": "client",
           "fields": {"name": "Наименование", "inn": "ИНН", "kpp": "КПП"}}  # fmt: skip


class Lists:
    """A folder and what a hub keeps of it."""

    def __init__(self, folder: Any) -> None:
        self.folder = folder
        self.streams: dict[str, Any] = {"clients": dict(CLIENTS)}
        self.cursor: Any = None
        self.records: dict[str, Any] = {}

    def save(self, *rows: Any, name: str = "list.xlsx", sheet: str = "Лист_1", **others: Any) -> None:
        (self.folder / name).write_bytes(workbook({sheet: rows, **others}))

    def connector(self) -> Tables:
        given = {"folder": str(self.folder), "streams": self.streams, "area_code": "391"}
        return Tables(TablesSettings.model_validate(given), None)  # type: ignore[arg-type]

    def sync(self, stream: str = "clients") -> list[str]:
        seen: set[str] = set()
        for batch in self.connector().read(Stream(stream), self.cursor):
            self.records |= {record.external_id: record for record in batch.records}
            seen |= {record.external_id for record in batch.records}
            if batch.complete:
                self.records = {key: record for key, record in self.records.items() if key in seen}
            self.cursor = batch.cursor or self.cursor
        return sorted(self.records)

    def entity(self, key: str) -> Any:
        (event,) = self.connector().normalise(self.records[key])
        return event.data


@pytest.fixture
def lists(tmp_path):
    return Lists(tmp_path)


def test_the_headings_are_found_below_titles_and_the_size_in_the_file_is_not_believed(lists):
    """L13, B-20."""
    lists.save(["Контрагенты"], [], ["Отбор", None, "все"], HEADINGS, ["1", "Школа", 2463000001, 246301001])

    assert lists.sync() == ["1"]
    assert (lists.entity("1").name, lists.entity("1").inn, lists.entity("1").kpp) == (
        "Школа",
        "2463000001",
        "246301001",
    )


def test_a_zero_that_the_table_took_away_comes_back(lists):
    lists.save(HEADINGS, ["1", "Школа", 274062111, 27401001])

    assert lists.sync() == ["1"]
    assert (lists.entity("1").inn, lists.entity("1").kpp) == ("0274062111", "027401001")


def test_groups_and_totals_are_left_out_and_counted(lists):
    lists.save(HEADINGS, [None, "Группа: Школы"], ["1", "Школа"], [], [None, "Итого", 1])

    assert lists.sync() == ["1"]
    assert [what for what, _ in lists.connector().check().findings] == [
        "list.xlsx, sheet Лист_1: 2 rows without Код are left out (2, 5 …)."
    ]


def test_a_wrong_cell_is_named_with_sheet_row_and_column_and_the_others_are_read(lists):
    """B-20."""
    lists.streams["clients"] |= {"kind": "invoice", "fields": {"number": "Код", "total": "Сумма"}}
    lists.save(["Код", "Сумма"], ["1", 1500.5], ["2", "дорого"], ["3", "#REF!"])

    assert lists.sync() == ["1", "2", "3"]
    assert lists.entity("1").total == Money(Decimal("1500.5"))
    for key, words in (("2", "row 3: column Сумма is no amount"), ("3", "row 4: column Сумма holds the error #REF!")):
        with pytest.raises(BadRecord, match=f"list.xlsx, sheet Лист_1, {words}"):
            lists.entity(key)
    assert sum("column Сумма" in what for what, _ in lists.connector().check().findings) == 2


def test_a_row_that_moves_is_not_a_change(lists):
    lists.save(HEADINGS, ["1", "Школа"])
    lists.sync()
    before = lists.records["1"].payload
    lists.save(["Контрагенты"], HEADINGS, ["0", "Новая"], ["1", "Школа"])

    assert lists.sync() == ["0", "1"]
    assert lists.records["1"].payload == before


def test_a_file_that_is_the_same_is_not_read_again(lists):
    lists.save(HEADINGS, ["1", "Школа"])
    lists.sync()

    assert list(lists.connector().read(Stream("clients"), lists.cursor)) == []


def test_another_wish_reads_the_same_file_again(lists):
    lists.save([*HEADINGS, "Телефон"], ["1", "Школа", None, None, "200-00-01"])
    lists.sync()
    lists.streams["clients"]["fields"] = {**CLIENTS["fields"], "phone": "Телефон"}
    lists.sync()

    assert [it.value for it in lists.entity("1").points] == ["+73912000001"]


def test_what_is_no_longer_in_the_list_is_gone_but_a_missing_file_says_nothing(lists):
    lists.save(HEADINGS, ["1", "Школа"], ["2", "Сад"])
    lists.sync()
    lists.save(HEADINGS, ["2", "Сад"])
    assert lists.sync() == ["2"]

    (lists.folder / "list.xlsx").unlink()
    assert lists.sync() == ["2"]


def test_of_several_files_the_one_changed_last_counts(lists):
    lists.save(HEADINGS, ["1", "старая"], name="b.xlsx")
    lists.save(HEADINGS, ["1", "новая"], name="a.xlsx")
    lists.save(HEADINGS, ["1", "открыта"], name="~$a.xlsx")
    os.utime(lists.folder / "b.xlsx", (1, 1))
    lists.sync()

    assert lists.entity("1").name == "новая"


def test_a_sheet_by_name(lists):
    lists.streams["clients"]["sheet"] = "Клиенты"
    lists.save(["пусто"], Клиенты=[HEADINGS, ["7", "Школа"]])

    assert lists.sync() == ["7"]


@pytest.mark.parametrize(
    ("changed", "rows", "words"),
    [
        ({"sheet": "Нет"}, [HEADINGS], "has no sheet Нет; it has Лист_1"),
        ({}, [["Код", "Наименование", "ИНН"]], "row 1 has no column КПП; it has Код, Наименование, ИНН"),
        ({"header": "2"}, [HEADINGS, ["x"]], "row 2 has no column Код, Наименование, ИНН, КПП; it has x"),
        ({}, [["x"]] * 40, "the first 30 rows has no column"),
        ({}, [], "has no column"),
        ({}, [[*HEADINGS, "ИНН"]], "row 1: the column ИНН is there twice"),
        ({}, [HEADINGS, ["1", "a"], ["1", "b"]], "two rows have the Код '1'"),
    ],
)
def test_what_does_not_fit_the_configuration_is_named(lists, changed, rows, words):
    lists.streams["clients"] |= changed
    lists.save(*rows)

    with pytest.raises(SettingsError, match=words):
        lists.sync()
    assert lists.cursor is None


def damaged(content: bytes, part: str, replace: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for item in old.infolist():
            new.writestr(item.filename, replace if item.filename == part else old.read(item))
    return made.getvalue()


GOOD = workbook({"a": [HEADINGS, ["1", "Школа"]]})
SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no whole .xlsx file"),
        (GOOD[: len(GOOD) // 2], "no whole .xlsx file"),
        (b"<html>", "no whole .xlsx file"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "no whole .xlsx file"),
        (damaged(GOOD, SHEET, b"<worksheet"), "no whole .xlsx file"),
        (damaged(GOOD, "xl/workbook.xml", b"<x/>"), "no whole .xlsx file"),
        (damaged(GOOD, SHEET, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "document type"),
        (damaged(GOOD, SHEET, '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16")), "document type"),
    ],
)
def test_what_is_no_table_is_named_and_tried_again(lists, content, words):
    """L10, B-20, B-21."""
    (lists.folder / "list.xlsx").write_bytes(content)

    for action in (lists.sync, lists.connector().check):
        with pytest.raises(Unavailable, match=words):
            action()


def test_an_archive_that_unpacks_to_too_much_is_refused(lists, monkeypatch):
    """L11, L12, S-05."""
    monkeypatch.setattr("hub_onec_services.workbook.MOST_UNPACKED", 100)
    lists.save(HEADINGS)

    with pytest.raises(Unavailable, match="unpacks to more than"):
        lists.sync()


def test_a_lone_row_at_the_end_of_a_sheet_is_read_and_one_beyond_it_is_refused(lists, monkeypatch):
    """L14: the rows between are made up by the library, one by one; here sheets end sooner, to save the time."""
    assert workbooks.MOST_ROWS == 2**20
    monkeypatch.setattr(workbooks, "MOST_ROWS", 10_000)
    row = '<row r="%d"><c t="inlineStr"><is><t>9</t></is></c><c t="inlineStr"><is><t>Сад</t></is></c></row></sheetData>'
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        sheet = archive.read(SHEET).decode()
    for number in (10_000, 10_001, 10**9):
        content = damaged(GOOD, SHEET, sheet.replace("</sheetData>", row % number).encode())
        (lists.folder / "list.xlsx").write_bytes(content)
        began = time.process_time()
        if number == 10_000:
            assert lists.sync() == ["1", "9"]
        else:
            with pytest.raises(Unavailable, match=r"no whole \.xlsx file"):
                lists.sync()
        assert time.process_time() - began < 5


def test_no_folder_is_unavailable_and_no_file_is_told(lists):
    assert lists.connector().check().findings[0][0].startswith("There is no *.xlsx in")
    lists.folder = lists.folder / "nothing"
    with pytest.raises(Unavailable, match="cannot be read"):
        lists.connector().check()


def test_one_list_gives_goods_prices_and_stock(lists):
    given = {"file": "*.xlsx", "key": "Артикул"}
    fields = {"product": {"name": "Номенклатура", "article": "Артикул"},
              "price": {"product": "Артикул", "price": "Цена"},
              "stock": {"product": "Артикул", "quantity": "Остаток"}}  # fmt: skip
    lists.streams = {kind: {**given, "kind": kind, "fields": it} for kind, it in fields.items()}
    lists.save(["Артикул", "Номенклатура", "Цена", "Остаток"], ["А-1", "Бумага", 350.1, 12.5])
    found = {}
    for kind in fields:
        lists.sync(kind)
        (event,) = lists.connector().normalise(lists.records["А-1"])
        found[kind] = event.data
        assert event.subject == Reference(kind, "А-1")
    assert found["product"] == Product(name="Бумага", article="А-1")
    assert found["price"] == Price(product=Reference("product", "А-1"), price=Money(Decimal("350.1")))
    assert found["stock"] == Stock(product=Reference("product", "А-1"), quantity="12.5")


def test_prices_are_kept_as_they_are(lists):
    lists.streams = {"prices": {"file": "*.xlsx", "key": "Артикул", "columns": "Цена, Остаток"}}
    lists.save(
        ["Артикул", "Номенклатура", "Цена", "Остаток"], ["А-1", "Бумага", 350.1, 12], ["А-2", "Ручка", None, True]
    )
    lists.sync("prices")

    assert json.loads(lists.records["А-1"].payload)["cells"] == {"Артикул": "А-1", "Цена": "350.1", "Остаток": "12"}
    assert json.loads(lists.records["А-2"].payload)["cells"] == {"Артикул": "А-2", "Остаток": "true"}
    assert list(lists.connector().normalise(lists.records["А-1"])) == []
    assert "mean nothing" in lists.connector().check().findings[0][0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"file": "../x.xlsx"}, "name of a file in the folder"),
        ({"key": ""}, "at least one heading"),
        ({"kind": "ware"}, "kind 'ware' is none of"),
        ({"fields": {"price": "Цена"}}, "no field price"),
        ({"header": "-1"}, "greater than or equal"),
    ],
)
def test_wrong_settings_say_what_is_wrong(lists, changed, words):
    lists.streams["clients"] |= changed
    with pytest.raises(ValidationError, match=words):
        lists.connector()


def test_a_file_of_another_program_is_read_too(lists):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["Прайс"], HEADINGS, ["1", "Школа", "2463000001", None]):
        sheet.append(row)
    book.save(lists.folder / "list.xlsx")

    assert lists.sync() == ["1"]
    assert lists.entity("1").inn == "2463000001"


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Cn", "Co"]), min_size=1, max_size=12)
CELLS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.decimals(-(10**6), 10**6, places=2) | TEXT


@settings(max_examples=50)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6), st.integers(0, 5))
def test_cells_come_back_as_they_were_written(rows, above):
    rows = [[it if not str(it).startswith("#") else "x" for it in row] for row in rows]
    content = workbook({"a": [*[["Заголовок"]] * above, ["К", "А", "Б"], *rows]})
    table = Table(file="x.xlsx", key="К")
    with open_sheet("x.xlsx", content, table) as sheet:
        lines = list(sheet.lines())
    expected = [dict(zip("КАБ", map(shown, row), strict=True)) for row in rows]

    assert [line.cells for line in lines] == [kept for row in expected if (kept := {k: v for k, v in row.items() if v})]


def shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return str(int(value)) if value == int(value) else str(float(value))
    return str(value)
