from __future__ import annotations

import contextlib
import io
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import openpyxl
import pytest
import zxingcpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hub.documents import docx as word
from hub.documents.docx import check_template, fill_docx
from hub.documents.forms import form_of
from hub.documents.invoice import InvoiceContext, sample_context, template_values
from hub.documents.limits import plain, printable
from hub.documents.xlsx import fill_workbook
from hub.model.entities import Line
from hub.model.errors import HubError

MakeContext = Callable[..., InvoiceContext]
MakeLine = Callable[..., Line]
HOSTILE = 'ООО <b> & "Рога" </w:t> {{7*7}} {% for x in y %} {_{ %_} \' {#'


def template(*paragraphs: str) -> bytes:
    made = docx.Document()
    for text in paragraphs:
        made.add_paragraph(text)
    packed = io.BytesIO()
    made.save(packed)
    return packed.getvalue()


def texts(content: bytes) -> list[str]:
    """Return every text of the body, tables included, in the order of the page."""
    body = docx.Document(io.BytesIO(content)).element.body
    kind = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    return ["".join(run.text or "" for run in part.iter(f"{kind}t")) for part in body.iter(f"{kind}p")]


def test_the_shipped_template_is_filled(make_context: MakeContext, make_line: MakeLine) -> None:
    context = make_context(make_line("Первая", rate=10), make_line("Вторая", rate=22, quantity="2"), note="Строка")
    shown = texts(fill_docx(form_of("invoice").template(), template_values(context)))
    for needed in (
        "40702810900000000017", "30101810200000000777", "040407777", "Счёт на оплату № 17 от 22 ноября 2026 г.",
        "Первая", "Вторая", "В том числе НДС 22\u00a0%:", "В том числе НДС 10\u00a0%:", "300,00", "36,07",
        "Триста рублей 00 копеек", "Оплатить не позднее 27 ноября 2026 г.", "Строка", "Руководитель", "Бухгалтер",
        "Договор № 17/2026 от 01.02.2026", "Оплата по QR-коду",
    ):  # fmt: skip
        assert needed in shown
    assert not any("{" in text for text in shown)


def test_absent_things_leave_no_empty_row(make_context: MakeContext) -> None:
    full = texts(fill_docx(form_of("invoice").template(), template_values(make_context(note="Строка"))))
    bare = texts(
        fill_docx(form_of("invoice").template(), template_values(make_context(due=None, basis="")) | {"qr": ""})
    )
    assert "Основание:" in full
    assert not {"Основание:", "Оплата по QR-коду"} & set(bare)
    assert len(bare) == len(full) - 4  # two cells of the basis, the due day, the comment


def test_the_code_in_the_document_reads_back(make_context: MakeContext) -> None:
    context = make_context()
    content = fill_docx(form_of("invoice").template(), template_values(context))
    with zipfile.ZipFile(io.BytesIO(content)) as filled:
        picture = Image.open(io.BytesIO(filled.read("word/media/image1.png")))
    assert zxingcpp.read_barcode(picture).text == context.qr
    shape = docx.Document(io.BytesIO(content)).inline_shapes[0]
    assert shape.width.mm == pytest.approx(38)


def test_the_same_values_give_the_same_document() -> None:
    values = template_values(sample_context())
    content = fill_docx(form_of("invoice").template(), values)
    assert fill_docx(form_of("invoice").template(), values) == content
    with zipfile.ZipFile(io.BytesIO(content)) as filled:
        assert {entry.date_time for entry in filled.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_data_never_becomes_template_or_markup(make_context: MakeContext, make_line: MakeLine) -> None:
    """L17, S-07."""
    values = template_values(make_context(make_line(HOSTILE), basis=HOSTILE, note=HOSTILE))
    shown = texts(fill_docx(form_of("invoice").template(), values))
    assert shown.count(HOSTILE) == 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Cn"]), min_size=1, max_size=50))
def test_any_name_stands_in_the_document_exactly(name: str) -> None:
    """L17."""
    content = word._fill(word._Task(template("До {{ name }} после"), {"name": name}))
    assert texts(content) == [f"До {name} после"]


def test_a_tag_that_word_split_into_runs_is_found() -> None:
    """B-23."""
    made = docx.Document()
    paragraph = made.add_paragraph()
    for piece in ("{", "{ na", "me }", "}"):
        paragraph.add_run(piece).bold = piece == "{"
    packed = io.BytesIO()
    made.save(packed)
    assert texts(fill_docx(packed.getvalue(), {"name": "Сова"})) == ["Сова"]


def test_an_unknown_field_is_named_with_the_known_ones() -> None:
    """B-23."""
    values = {"seller": {"inn": "1", "name": "x"}, "number": "1"}
    with pytest.raises(
        HubError, match=r"^a\.docx: page 1, paragraph 1: .*`seller\.innn`; did you mean `seller\.inn`\?$"
    ):
        fill_docx(template("{{ seller.innn }}"), values, name="a.docx")
    with pytest.raises(HubError, match=r"paragraph 1: .*`numbr`; did you mean `number`"):
        fill_docx(template("{{ numbr }}"), values)


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("{{ ''.__class__.__mro__ }}", "paragraph 1: .*reaches into the program"),
        ("{{ qr._image }}", "paragraph 1: .*reaches into the program"),
        ("{{ qr.tpl }}", "`qr` is a text and has no `tpl`"),
        ("{{ lines.append(1) }}", "paragraph 1: .*`lines` is a list"),
        ("{{ lipsum.__globals__ }}", "paragraph 1: .*reaches into the program"),
        ("{{ number }", "paragraph 1: .*not closed"),
        ("{% for line in lines %}", "paragraph 1: .*never closed"),
        ("{% include 'x' %}", "paragraph 1: .*loads no other files"),
        ("{{ range(10**9) | list }}", "paragraph 1: .*range"),
        ("{% for line in lines %}{{ line }}{% endif %}", "."),
        ("{% fur line in lines %}", "no such statement; did you mean `for`"),
        ("{{ numbr }}", "no `numbr`; did you mean `number`"),
        ("{% endfor %}", "paragraph 1: .*nothing was opened"),
        ("{{ number | nofilter }}", "nofilter"),
    ],
)
def test_a_template_that_reaches_too_far_or_is_wrong_is_refused(tag: str, reason: str) -> None:
    """L18, B-23, S-07."""
    values = {"number": "1", "lines": ["a"], "qr": "ST00012|Name=x"}
    with pytest.raises(HubError, match=rf"^The template: .*({reason})"):
        fill_docx(template(tag), values)


def test_a_loop_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """L19, B-23."""
    monkeypatch.setattr(word, "TIMEOUT_SECONDS", 2)
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(HubError, match="not filled within 2 seconds"):
        fill_docx(template(loop), {})


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="memory of a child is limited on POSIX only")
def test_a_template_that_eats_memory_is_stopped() -> None:
    """L19, B-23, S-05."""
    with pytest.raises(HubError, match="needs more than 1024 MiB"):
        fill_docx(template("{{ ('a' * 3000000000) | length }}"), {})


@pytest.mark.parametrize("content", [b"", b"{{ x }}", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)])
def test_what_is_not_a_word_file_is_refused(content: bytes) -> None:
    """B-23."""
    with pytest.raises(HubError, match=r"^old\.doc is not a whole Word or zip file"):
        fill_docx(content, {}, name="old.doc")


def repacked(change: Callable[[dict[str, bytes]], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(template("x"))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_a_workbook_and_a_broken_document_are_refused() -> None:
    with pytest.raises(HubError, match="is not a Word document"):
        fill_docx(repacked(lambda files: files.pop("word/document.xml")), {})
    with pytest.raises(HubError, match="damaged"):
        fill_docx(repacked(lambda files: files.update({"word/document.xml": b"<w:document>"})), {})


@pytest.mark.parametrize("entity", ['SYSTEM "file://{secret}"', 'SYSTEM "http://127.0.0.1:{port}/e"', '"&y;&y;&y;"'])
def test_entities_in_a_word_file_show_and_fetch_nothing(tmp_path: Path, entity: str) -> None:
    """L15, B-04, S-04."""
    secret = tmp_path / "secret"
    secret.write_text("the-text-of-a-secret-file")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        declared = entity.format(secret=secret, port=listener.getsockname()[1])
        doctype = f'<!DOCTYPE x [<!ENTITY y "aaaaaaaaaa"><!ENTITY x {declared}>]>'.encode()

        def change(files: dict[str, bytes]) -> None:
            head, body = files["word/document.xml"].split(b"?>", 1)
            files["word/document.xml"] = head + b"?>" + doctype + body.replace(b">x<", b">x &x;<")

        content = repacked(change)
        shown = ""
        with contextlib.suppress(HubError):
            shown = " ".join(texts(fill_docx(content, {})))
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert "secret" not in shown
    assert len(shown) < 100


def test_entities_in_a_harmless_word_file_are_the_control() -> None:
    """The control of L15: the same change without entities is filled."""
    assert texts(fill_docx(repacked(lambda files: files.update()), {})) == ["x"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"0" * (201 << 20), "larger than any"),
        (template("Без полей"), ""),
        (template("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}"), "recursion|damaged|deep|no such statement"),
    ],
    ids=["huge", "no field", "recursion"],
)
def test_odd_templates_are_told_or_filled(tmp_path: Path, content: bytes, says: str) -> None:
    """B-23."""
    file = tmp_path / "odd.docx"
    file.write_bytes(content)
    if says:
        with pytest.raises(HubError, match=says):
            check_template(file, {})
    else:
        check_template(file, {})


def test_a_bomb_is_refused_before_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """L16, B-23, S-05."""
    monkeypatch.setattr(word.subprocess, "run", lambda *_, **__: pytest.fail("the bomb was opened"))
    bomb = repacked(lambda files: files.update({"word/document.xml": b"<w:p/>" * 20_000_000}))
    with pytest.raises(HubError, match="would unpack"):
        fill_docx(bomb, {})


def test_the_child_gets_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-26."""
    monkeypatch.setenv("ONEC_PASSWORD", "hunter2")
    assert "hunter2" not in str(word._environment())


def test_check_template_tells_what_is_wrong(tmp_path: Path) -> None:
    values = template_values(sample_context())
    good, wrong = tmp_path / "good.docx", tmp_path / "wrong.docx"
    good.write_bytes(form_of("invoice").template())
    wrong.write_bytes(template("{{ bank.swift }}"))
    check_template(good, values)
    with pytest.raises(
        HubError,
        match=r"page 1, paragraph 1: .*`bank\.swift`; known there: account, bic, corr",
    ):
        check_template(wrong, values)
    with pytest.raises(HubError, match=r"absent\.docx cannot be read"):
        check_template(tmp_path / "absent.docx", values)


def test_a_template_with_names_of_its_own_is_filled(shared_path: Callable[[str], Path]) -> None:
    foreign = shared_path("template_invoice_contract.docx").read_bytes()
    line = {"n": 1, "name": "Работа", "qty": "1", "unit": "шт", "price": "5", "sum": "5"}
    values = {
        "seller": {name: f"seller {name}" for name in ("name", "inn", "kpp", "bic", "corr", "acc", "addr", "head")},
        "buyer": "Школа", "clauses": ["Первое.", "Второе."], "items": [line, line], "date_words": "22 ноября 2026 г.",
        "head_gen": "директора", "number": "17", "qr": "", "stamp": "", "total": "10", "total_words": "x", "vat": "0",
    }  # fmt: skip
    with pytest.raises(HubError, match=r"page 1, table 1, row 1, cell 1: .*no `seller\.bank`"):
        fill_docx(foreign, values)
    values["seller"]["bank"] = "seller bank"
    shown = texts(fill_docx(foreign, values))
    assert "ИНН seller inn" in shown
    assert shown.count("Работа") == 2
    assert not any("{" in text for text in shown)


def test_an_unknown_kind_names_the_nearest_one() -> None:
    with pytest.raises(HubError, match=r"'invoise'") as caught:
        form_of("invoise")
    assert caught.value.hint == "Did you mean 'invoice'?"


def excel(text: str) -> bytes:
    """Return an Excel template with this text in its first cell."""
    book, packed = openpyxl.Workbook(), io.BytesIO()
    book.active["A1"] = text
    book.save(packed)
    return packed.getvalue()


@pytest.mark.parametrize("text", ["=1+1", "+7 391 200-00-00", "-1", "@sum", "a\x00\x1bb", "{{ other }}", "н" * 32_767])
def test_any_text_stands_in_a_workbook_as_text(text: str) -> None:
    """L33, L35, S-08: a formula from outside stays a text, and no sign stops the writing."""
    sheet = openpyxl.load_workbook(io.BytesIO(fill_workbook(excel("{{ name }}"), plain({"name": text})))).active
    assert (sheet["A1"].value, sheet["A1"].data_type) == (printable(text), "s")


def test_a_text_too_long_for_a_cell_names_the_cell() -> None:
    """L34."""
    with pytest.raises(HubError, match=r"cell A1 .* 40000 signs"):
        fill_workbook(excel("{{ name }}"), {"name": "н" * 40_000})


def test_a_template_may_write_a_name_in_latin_letters() -> None:
    """S002-8, S002-12: forms of embassies."""
    values = {"name": "Щербаков Юрий"}
    assert texts(fill_docx(template("{{ name | latin }}"), values)) == ["Shcherbakov Iurii"]
