from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
import typst
import zxingcpp
from PIL import Image, ImageChops

from hub.documents.invoice import InvoiceContext, Party, sample_context, template_values
from hub.documents.qr import payment_payload
from hub.documents.render import layout_inputs, layouts, render_pdf
from hub.model.entities import Line
from hub.model.errors import HubError
from hub.model.values import Money

MakeContext = Callable[..., InvoiceContext]
MakeLine = Callable[..., Line]
HOSTILE = 'ООО <b> & "Рога" </w:t> {{7*7}} #eval("6*7") *x* _y_ $z$ @q `r` \\ // [a]'


def pages(values: dict, ppi: int = 150) -> list[Image.Image]:
    source, inputs = layout_inputs("invoice", values)
    made = typst.compile(source, format="png", ppi=ppi, ignore_system_fonts=True, sys_inputs=inputs)
    return [Image.open(io.BytesIO(page)) for page in (made if isinstance(made, list) else [made])]


def drawn_texts(values: dict) -> str:
    """Return every text of the drawn tables and headings, without the spaces and breaks a layout may add."""
    source, inputs = layout_inputs("invoice", values)
    texts: list[str] = []

    def collect(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("text"), str):
                texts.append(node["text"])
            for value in node.values():
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    for selector in ("table", "heading"):
        collect(json.loads(typst.query(source, selector, ignore_system_fonts=True, sys_inputs=inputs)))
    return "\n".join(texts).replace("\u200b", "").replace("\u00a0", " ")


def page_count(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def test_the_same_values_give_the_same_pdf(make_context: MakeContext) -> None:
    values = template_values(make_context())
    pdf = render_pdf("invoice", values)
    assert pdf.startswith(b"%PDF-")
    assert page_count(pdf) == 1
    assert render_pdf("invoice", values) == pdf
    assert render_pdf("invoice", values | {"number": "18"}) != pdf


def test_the_printed_code_reads_back_at_150_dots_per_inch(make_context: MakeContext) -> None:
    context = make_context()
    page = pages(template_values(context))[0]
    codes = zxingcpp.read_barcodes(page)
    assert [code.text for code in codes] == [context.qr]
    corners = codes[0].position
    width_mm = (corners.top_right.x - corners.top_left.x) / 150 * 25.4
    assert 30 < width_mm < 38  # the 38 mm hold the quiet zone as well


def test_the_largest_payload_still_reads_back(make_context: MakeContext) -> None:
    payload = payment_payload(
        name="Щ" * 160, account="40702810900000000017", bank_name="Ж" * 45, bic="040407777",
        corr_account="30101810200000000777", amount=Money(Decimal("999999999999.99")), purpose="Ы" * 210,
        inn="2465000007", kpp="246501001",
    )  # fmt: skip
    page = pages(template_values(make_context()) | {"qr": payload}, ppi=300)[0]
    assert zxingcpp.read_barcode(page).text == payload


def test_without_a_payload_there_is_no_code(make_context: MakeContext) -> None:
    assert zxingcpp.read_barcodes(pages(template_values(make_context()) | {"qr": ""})[0]) == []


def test_data_never_becomes_markup(make_context: MakeContext, make_line: MakeLine) -> None:
    """S-07."""
    values = template_values(make_context(make_line(HOSTILE), basis=HOSTILE, number=HOSTILE, note=HOSTILE))
    values["buyer"] = {**values["buyer"], "requisites": HOSTILE}
    values["seller"] = {**values["seller"], "name": HOSTILE}
    values["bank"] = {**values["bank"], "name": HOSTILE}
    assert drawn_texts(values).count(HOSTILE) >= 5
    assert render_pdf("invoice", values)


def test_everything_a_bank_needs_is_drawn() -> None:
    values = template_values(sample_context())
    texts = drawn_texts(values)
    bank, seller, buyer = values["bank"], values["seller"], values["buyer"]
    for needed in (*bank.values(), seller["inn"], seller["kpp"], seller["name"], buyer["name"], buyer["inn"]):
        assert needed in texts
    for needed in ("Счёт на оплату № 17 от 22 ноября 2026 г.", values["basis"], "Соколова А. Б."):
        assert needed in texts


def test_two_hundred_lines_fill_several_pages(make_context: MakeContext, make_line: MakeLine) -> None:
    long = make_context(*(make_line(f"Работа {number} " + "и ещё " * (number % 7)) for number in range(200)))
    values = template_values(long)
    count = page_count(render_pdf("invoice", values))
    assert 5 <= count <= 12
    assert "Работа 199" in drawn_texts(values)


@pytest.mark.parametrize("name", ["Ж" * 300, "Очень длинное имя " * 17, "Щ" * 10_000])
def test_long_names_stay_inside_the_page(name: str, make_context: MakeContext, make_line: MakeLine) -> None:
    values = template_values(make_context(make_line(name, quantity="123456,789"), basis=name, note=name))
    values["buyer"] = {**values["buyer"], "requisites": name}
    for page in pages(values, ppi=40):
        grey = page.convert("L")
        margin = int(grey.width * 10 / 210)  # ten of the twelve millimetres right of the text
        for box in ((grey.width - margin, 0, grey.width, grey.height), (0, 0, margin, grey.height)):
            assert min(grey.crop(box).tobytes()) == 255


def test_a_long_number_stays_inside_its_column(make_context: MakeContext) -> None:
    values = template_values(make_context())
    row = values["lines"][0]
    wide = values | {"lines": [{**row, "quantity": "999\u00a0999\u00a0999,999999"}]}
    short, long = (pages(each)[0].convert("L") for each in (values, wide))
    left, _, right, _ = (edge / 150 * 25.4 for edge in ImageChops.difference(short, long).getbbox())
    assert 109 <= left < right <= 127  # millimetres from the left edge: where the column of quantities lies


def test_an_unknown_layout_names_the_known_ones() -> None:
    assert "invoice" in layouts()
    with pytest.raises(HubError, match=r"no layout '\.\./secret'.*invoice"):
        render_pdf("../secret", {})


def test_values_that_do_not_fit_the_layout_get_a_clear_error() -> None:
    with pytest.raises(HubError, match="layout 'invoice' cannot be drawn"):
        render_pdf("invoice", {"number": "1"})


def test_only_plain_values_reach_a_layout(make_context: MakeContext) -> None:
    with pytest.raises(TypeError):
        render_pdf("invoice", template_values(make_context()) | {"buyer": Party("x")})
