"""Every built-in form: its draft and context survive JSON, its page shows what the data say, nothing runs over."""

from __future__ import annotations

import io
import re
import runpy
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pypdf
import pytest
import typst
import zxingcpp
from msgspec import structs
from PIL import Image, ImageChops

from hub.config import Organisation
from hub.documents import docx
from hub.documents.form import SAMPLE_DAY, SAMPLE_ORGANISATION
from hub.documents.forms import FORMS, form_of
from hub.documents.parties import Party, Signer
from hub.documents.render import layout_inputs, render_pdf
from hub.model.errors import HubError, SettingsError

KINDS = sorted(FORMS)
HOSTILE = 'ООО <b> & "Рога" {{7*7}} #eval("6*7") *x* _y_ $z$ @q `r` // [a]'
WORDY = "Муниципальное бюджетное общеобразовательное учреждение " * 6
WANTED = {
    "title_page", "contract", "contract_software", "contract_installation", "invoice", "act", "software_act", "renewal",
    "reconciliation", "offer", "offer_internal", "checklist", "reclamation", "reference_request", "greeting",
    "newsletter", "invitation", "debt_letter", "works_list", "acceptance_act", "purchase_request", "power_of_attorney",
    "refusal_survey",
}  # fmt: skip


def test_every_document_of_the_client_folder_has_a_form() -> None:
    """S003-11, 12, 13, 22, 24, 26, 27; S000-14; S002-18, 19, 29, 31, 33, 37; S004-4, 5, 15, 22, 25."""
    assert set(FORMS) == WANTED
    copies = {"contract": 3, "contract_software": 3, "contract_installation": 3, "invoice": 2, "act": 2, "renewal": 2,
              "software_act": 2, "acceptance_act": 2, "reconciliation": 2, "debt_letter": 2}  # fmt: skip
    assert {kind: form.copies for kind, form in FORMS.items() if form.copies > 1} == copies


@pytest.mark.parametrize("kind", KINDS)
def test_draft_and_context_are_the_same_after_json(kind: str) -> None:
    form = FORMS[kind]
    assert msgspec.json.decode(msgspec.json.encode(form.example), type=form.draft) == form.example
    context = form.sample()
    assert msgspec.json.decode(msgspec.json.encode(context), type=form.context) == context
    assert form.values(context) == form.sample_values()


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b\u00a0\u00ad\u2010-]+", "", text).casefold()


def page_texts(kind: str, values: Any) -> str:
    form = form_of(kind)
    layout = form.layout()
    assert layout
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(layout, values)))
    return squeezed("".join(page.extract_text() for page in reader.pages))


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, it in value.items():
            yield from leaves(it, (*path, name))
    elif isinstance(value, list | tuple):
        for it in value:
            yield from leaves(it, (*path, "[]"))
    elif isinstance(value, str) and value:
        yield ".".join(path), value


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_shows_the_client_and_every_row(kind: str) -> None:
    values = FORMS[kind].sample_values()
    shown = page_texts(kind, values)
    assert squeezed(str(values["client"]["name"])) in shown
    for part in ("lines", "goods", "works", "keys", "steps", "rows", "questions", "blocks", "before", "after"):
        for path, text in leaves(values.get(part, ())):
            if path.rpartition(".")[2] not in ("running", "vat", "vat_rate"):
                assert squeezed(text) in shown, part


SHOWN: dict[str, tuple[str, ...]] = {
    "contract": ("12 400,00 руб. (Двенадцать тысяч четыреста рублей 00 копеек), в том числе НДС 22 % — 2 236,07 руб.",
                 "в лице директора Соколовой Анны Борисовны, действующей на основании Устава,",
                 "в лице директора Орлова Петра Ильича, действующего на основании Устава,", "03234643047010001900",
                 "Казначейский счёт", "Единый казначейский счёт", "40102810245370000011", "30 (тридцать) календарных"),
    "contract_installation": ("аванс 30 % — 25 410,90 руб. (Двадцать пять тысяч четыреста десять рублей 90 копеек)",
                              "59 292,10 руб. (Пятьдесят девять тысяч двести девяносто два рубля 10 копеек)",
                              "24 (двадцать четыре) месяца"),
    "contract_software": ("19 500,00 руб. (Девятнадцать тысяч пятьсот рублей 00 копеек), без НДС (подп. 26 п. 2 ст.",),
    "renewal": ("договора № 17/2026 от 1 февраля 2026 г.", "по 31 декабря 2027 г. включительно",
                "С 1 января 2027 г. стоимость услуг"),
    "act": ("-900,00", "16 000,00", "2 885,25", "Шестнадцать тысяч рублей 00 копеек", "ноябрь 2026 г."),
    "software_act": ("68 700,00", "216,39", "Без НДС (подп. 26 п. 2 ст. 149 НК РФ)", "УП-000417"),
    "acceptance_act": ("106 003,00", "70 000,00 руб.", "36 003,00 руб.", "14 фотографий", "с 19 октября 2026 г."),
    "reconciliation": ("37 200,00", "17 400,00", "24 800,00", "задолженность в пользу ООО «Полярная сова» составляет",
                       "Сальдо на 01.07.2026"),
    "debt_letter": ("22 400,00 руб. (Двадцать две тысячи четыреста рублей 00 копеек)", "1 декабря 2026 г.", "68"),
    "offer": ("120 743,00", "79 018,00", "41 725,00", "21 773,32", "Предложение действует до 22 декабря 2026 г."),
    "offer_internal": ("45 895,00", "38,0 %", "74 848,00", "Клиенту не передавать"),
    "works_list": ("16 690,00", "Монтаж: Камера уличная", "1 декабря 2026 г."),
    "purchase_request": ("41 200,00", "24 400,00", "ООО «Вега»"),
    "power_of_attorney": ("уполномочивает Фролова Глеба Андреевича (должность: инженер)", "по 22 декабря 2026 г."),
    "invoice": ("40702810900000000017", "Шестнадцать тысяч девятьсот рублей 00 копеек", "27 ноября 2026 г."),
    "title_page": ("№ 17/2026 от 01.02.2026", "Иванова Ольга Петровна", "Красноярск", "Ларина Мария Сергеевна",
                   "+7 391 200-00-05"),
    "invitation": ("Уважаемая Мария Сергеевна!", "10 декабря 2026 г. в 10:00"),
    "refusal_survey": ("отказ от покупки", "Что вызвало раздражение при покупке?"),
    "reclamation": ("Специалист обещал перезвонить и не перезвонил.", "Отдел поддержки"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(SHOWN))
def test_the_page_shows_the_sums_and_wordings(kind: str) -> None:
    shown = page_texts(kind, FORMS[kind].sample_values())
    for text in SHOWN[kind]:
        assert squeezed(text) in shown


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_an_archive_pdf_with_its_fonts_inside(kind: str) -> None:
    form = FORMS[kind]
    values = form.sample_values()
    content = render_pdf(form.layout() or b"", values)
    assert render_pdf(form.layout() or b"", values) == content
    reader = pypdf.PdfReader(io.BytesIO(content))
    metadata = reader.xmp_metadata
    assert metadata
    assert (metadata.pdfaid_part, metadata.pdfaid_conformance) == ("2", "B")
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
            assert {"/FontFile2", "/FontFile3"} & set(descriptor)


@pytest.mark.parametrize("kind", KINDS)
def test_no_wording_is_left_unfinished(kind: str) -> None:
    values = FORMS[kind].sample_values()
    letter = FORMS[kind].letter(values)
    for text in [text for _, text in leaves(values)] + [letter.subject, letter.text]:
        for slip in ("None", "{", "..", " ,", " .", "  ", "г. г.", "руб. руб.", "( "):
            assert slip not in text, text
    assert letter.subject


def with_names(draft: Any, name: str) -> Any:
    changed = structs.replace(
        draft, client=Party(name, "2466001236", address=name, signer=Signer(name, name, name), phone=name)
    )
    texts = {
        field: name
        for field in (
            "basis",
            "note",
            "place",
            "contract",
            "manager",
            "remarks",
            "contact",
            "product",
            "text",
            "demand",
        )
        if isinstance(getattr(draft, field, None), str)
    }
    if hasattr(draft, "lines"):
        texts["lines"] = tuple(structs.replace(line, title=name, unit="компл") for line in draft.lines)
    if hasattr(draft, "items"):
        texts["items"] = tuple(structs.replace(item, title=name, supplier=name) for item in draft.items)
    return structs.replace(changed, **texts)


def built(kind: str, draft: Any, organisation: Organisation = SAMPLE_ORGANISATION) -> Any:
    form = FORMS[kind]
    return form.values(form.build(organisation, draft, "17" if form.is_numbered else "", SAMPLE_DAY))


def pictures(kind: str, values: Any, ppi: int = 40) -> list[Image.Image]:
    source, inputs = layout_inputs(form_of(kind).layout() or b"", values)
    made = typst.compile(source, format="png", ppi=ppi, ignore_system_fonts=True, sys_inputs=inputs)
    return [Image.open(io.BytesIO(page)) for page in (made if isinstance(made, list) else [made])]


@pytest.mark.parametrize("name", ["Ж" * 300, WORDY], ids=["one word", "many words"])
@pytest.mark.parametrize("kind", KINDS)
def test_long_names_stay_inside_the_page(kind: str, name: str) -> None:
    for page in pictures(kind, built(kind, with_names(FORMS[kind].example, name))):
        grey = page.convert("L")
        margin = int(10 / 25.4 * 40)  # ten of the twelve millimetres right of the text
        for box in ((grey.width - margin, 0, grey.width, grey.height), (0, 0, margin, grey.height)):
            assert min(grey.crop(box).tobytes()) == 255


@pytest.mark.parametrize("kind", KINDS)
def test_data_never_becomes_markup(kind: str) -> None:
    values = built(kind, with_names(FORMS[kind].example, HOSTILE))
    assert squeezed(HOSTILE) in page_texts(kind, values)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_issued_needs_our_firm_and_a_client(kind: str) -> None:
    form = FORMS[kind]
    with pytest.raises(SettingsError):
        form.build(None, form.example, "17", SAMPLE_DAY)
    with pytest.raises(HubError, match=r"name of the (client|buyer)"):
        form.build(SAMPLE_ORGANISATION, structs.replace(form.example, client=Party(" ")), "17", SAMPLE_DAY)


def test_the_mark_at_the_foot_of_every_page_is_read_back() -> None:
    values = {**FORMS["contract"].sample_values(), "mark": "hub:contract:42:1"}
    pages = pictures("contract", values, ppi=200)
    assert [[code.text for code in zxingcpp.read_barcodes(page)] for page in pages] == [["hub:contract:42:1"]] * 3


def test_the_payment_code_of_the_drawn_invoice_is_read_back() -> None:
    form = FORMS["invoice"]
    page = pictures("invoice", {**form.sample_values(), "mark": "hub:invoice:42:1"}, ppi=200)[0]
    assert {code.text for code in zxingcpp.read_barcodes(page)} == {form.sample().qr, "hub:invoice:42:1"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not FORMS[kind].is_workbook])
def test_the_word_template_is_filled_and_says_the_same(kind: str) -> None:
    import docx as reader

    form = FORMS[kind]
    values = {**form.sample_values(), "mark": "hub:42"}
    filled = docx._fill(docx._Task(form.template(), docx.plain_mapping(values)))
    body = reader.Document(io.BytesIO(filled)).element.body
    tag = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}t"
    shown = squeezed("".join(part.text or "" for part in body.iter(tag)))
    assert "{" not in shown
    for text in SHOWN.get(kind, ()):
        assert squeezed(text) in shown
    for section in values.get("sections", ()):
        for clause in section["clauses"]:
            assert squeezed(clause["text"]) in shown


def test_a_date_in_the_calendar_stands_on_the_file() -> None:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(FORMS["act"].layout() or b"", FORMS["act"].sample_values())))
    assert reader.metadata
    assert reader.metadata.creation_date
    assert reader.metadata.creation_date.date() == date(2026, 11, 22)
    assert (reader.metadata.title, reader.metadata.author) == ("Акт № 17 от 22 ноября 2026 г.", "ООО «Полярная сова»")


GALLERY = Path(__file__).parents[2] / "docs" / "gallery"


@pytest.mark.parametrize("kind", KINDS)
def test_the_gallery_shows_the_form_as_it_is_drawn(kind: str) -> None:
    drawn = runpy.run_path(str(GALLERY.parents[1] / "scripts" / "gallery.py"))["picture"](FORMS[kind])[0]
    kept = (GALLERY / f"{kind}.png").read_bytes()
    assert len(kept) < 60 * 1024
    assert f"({kind}.png)" in (GALLERY / "README.md").read_text(encoding="utf-8")
    old, new = (Image.open(io.BytesIO(each)).convert("L") for each in (kept, drawn))
    assert old.size == new.size
    difference = ImageChops.difference(old, new).point(lambda grey: 255 if grey > 64 else 0)
    assert difference.getbbox() is None, "run: make gallery"


@pytest.mark.parametrize("kind", KINDS)
def test_a_built_in_template_is_the_same_whenever_it_is_made(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = FORMS[kind].template()
    later = time.time() + 100_000
    monkeypatch.setattr(time, "time", lambda: later)
    assert FORMS[kind].template() == first
