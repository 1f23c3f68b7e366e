"""Excel templates: rows for each item, numbers as numbers, texts from outside never as formulas."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from msgspec import structs

from hub.documents.docx import check_template, fill_docx, fill_template
from hub.documents.form import SAMPLE_DAY, SAMPLE_ORGANISATION
from hub.documents.forms import FORMS
from hub.documents.offers import Item
from hub.documents.xlsx import fill_workbook
from hub.model.errors import HubError

WORKBOOKS = sorted(kind for kind, form in FORMS.items() if form.is_workbook)


def template(cells: dict[str, Any], change: Callable[[Any], None] = lambda _: None) -> bytes:
    book = openpyxl.Workbook()
    for place, value in cells.items():
        book.active[place] = value
    change(book.active)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def sheet(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content)).active


def filled(cells: dict[str, Any], values: dict[str, Any], change: Callable[[Any], None] = lambda _: None) -> Any:
    return sheet(fill_workbook(template(cells, change), values))


@pytest.mark.parametrize("kind", WORKBOOKS)
def test_the_built_in_workbooks_are_filled(kind: str) -> None:
    values = FORMS[kind].sample_values()
    content = fill_workbook(FORMS[kind].template(), values)
    page = sheet(content)
    texts = [cell.value for row in page.iter_rows() for cell in row if cell.value is not None]
    assert not any("{" in str(text) for text in texts)
    for part in ("goods", "works"):
        for row in values.get(part, ()) if kind != "works_list" or part == "works" else ():
            assert row["title"] in texts
    assert (page.page_setup.paperSize, page.page_setup.fitToHeight) == (9, 0)
    assert page.oddFooter.right.text == "стр. &P из &N"
    assert fill_workbook(FORMS[kind].template(), values) == content


def test_the_offer_holds_numbers_that_add_up() -> None:
    """S004-15."""
    page = sheet(fill_template(FORMS["offer"].template(), FORMS["offer"].sample_values()))
    rows = [row for row in page.iter_rows(values_only=True) if isinstance(row[0], int)]
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert all(round(row[2] * row[4], 2) == row[5] for row in rows)
    assert sum(row[5] for row in rows) == 120743
    formats = {cell.number_format for row in page.iter_rows() for cell in row if isinstance(cell.value, float | int)}
    assert formats == {"0", "#,##0", "#,##0.######", "#,##0.00"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "=HYPERLINK(0)&"])
def test_texts_from_outside_are_never_formulas(start: str) -> None:
    hostile = f"{start}1+1|cmd"
    draft = structs.replace(FORMS["offer"].example, place=hostile, note=hostile,
                            items=(Item(hostile, price=FORMS["offer"].example.items[0].price),))  # fmt: skip
    form = FORMS["offer"]
    page = sheet(fill_workbook(form.template(), form.values(form.build(SAMPLE_ORGANISATION, draft, "1", SAMPLE_DAY))))
    cells = [cell for row in page.iter_rows() for cell in row if cell.value == hostile]
    assert len(cells) == 3
    assert {cell.data_type for cell in cells} == {"s"}
    assert all(cell.quotePrefix for cell in cells)


def test_a_row_is_repeated_and_everything_below_moves() -> None:
    def look(page: Any) -> None:
        page["B2"].number_format = "0.00"
        page.merge_cells("A4:B4")
        page.row_dimensions[4].height = 40
        page.row_dimensions[2].height = 22

    cells = {
        "A1": "Всего {{ count }}",
        "A2": "{{ rows[].title }}",
        "B2": "{{ rows[].sum }}",
        "B3": "{{ total }}",
        "A4": "Конец",
    }
    rows = [{"title": "раз", "sum": "1 000,50"}, {"title": "два", "sum": "-2,00"}, {"title": "три", "sum": "—"}]
    page = filled(cells, {"rows": rows, "total": "998,50", "count": 3}, look)
    assert [[cell.value for cell in row] for row in page["A1:B6"]] == [
        ["Всего 3", None], ["раз", 1000.5], ["два", -2], ["три", "—"], [None, "998,50"], ["Конец", None],
    ]  # fmt: skip
    assert [str(each) for each in page.merged_cells.ranges] == ["A6:B6"]
    assert [page.row_dimensions[place].height for place in range(2, 7)] == [22, 22, 22, None, 40]
    assert page["B4"].number_format == "0.00"


def test_an_empty_list_leaves_no_row() -> None:
    page = filled({"A1": "Начало", "A2": "{{ rows[].title }}", "A3": "Конец"}, {"rows": []})
    assert [cell.value for cell in page["A"]][:2] == ["Начало", "Конец"]


def test_two_lists_under_each_other_are_both_repeated() -> None:
    cells = {"A1": "{{ one[].x }}", "A2": "между", "A3": "{{ two[].x }}", "A4": "после"}
    page = filled(cells, {"one": [{"x": "1а"}, {"x": "1б"}], "two": [{"x": "2а"}, {"x": "2б"}]})
    assert [cell.value for cell in page["A"]] == ["1а", "1б", "между", "2а", "2б", "после"]


def test_account_numbers_and_joined_marks_stay_texts() -> None:
    def look(page: Any) -> None:
        page["A2"].number_format = "0.00"

    page = filled({"A1": "{{ account }}", "A2": "{{ a }} {{ a }}"}, {"account": "40702810900000000017", "a": "1"}, look)
    assert (page["A1"].value, page["A2"].value) == ("40702810900000000017", "1 1")


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"B4": "{{ numbr }}"}, r"cell B4 of 'Sheet' asks for `numbr`.*Known there: client, number, rows"),
        ({"B4": "{{ client.innn }}"}, r"asks for `innn`.*Known there: inn"),
        ({"B4": "{{ rows[].tittle }}"}, r"asks for `tittle`.*Known there: title"),
        ({"B4": "{{ number[].x }}"}, r"row 4 of 'Sheet' repeats for `number`. Lists: rows\."),
        ({"B4": "{{ rows[].title }}", "C4": "{{ goods[].title }}"}, "one list is possible"),
        ({"B4": "{{ client }}"}, "is not one value"),
        ({"B4": "{{ ''.__class__ }}"}, "no name of a field"),
        ({"B4": "{{ client.__class__ }}"}, "asks for `__class__`"),
        ({"B4": "{{ number | x }}"}, "no name of a field"),
    ],
)
def test_a_wrong_mark_is_named_with_its_cell(cells: dict[str, str], reason: str) -> None:
    values = {"number": "1", "client": {"inn": "1"}, "rows": [{"title": "x"}]}
    with pytest.raises(HubError, match=reason):
        filled(cells, values)


def test_a_template_of_the_firm_is_checked_by_its_file(tmp_path: Path) -> None:
    wrong = tmp_path / "offer.xlsx"
    wrong.write_bytes(template({"A1": "{{ seller.swift }}"}))
    with pytest.raises(HubError, match=r"offer\.xlsx: cell A1 of 'Sheet' asks for `swift`"):
        check_template(wrong, FORMS["offer"].sample_values())
    with pytest.raises(HubError, match="not a Word document"):
        fill_docx(wrong.read_bytes(), {})


def test_a_damaged_workbook_is_refused() -> None:
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook>")
    with pytest.raises(HubError, match="not an Excel document"):
        fill_template(packed.getvalue(), {}, name="offer.xlsx")
