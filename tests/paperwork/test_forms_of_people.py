"""S002-12: a form for one person takes what is not said from that of another, and all forms are printed at once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pypdf
from click.testing import CliRunner, Result

from hub.cli import cli
from hub.documents.own import form_of
from hub.paperwork.sheet import draft_of, sheet_of
from hub.store import documents as rows


def run(firm: Any, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(firm.folder / "hub.yaml"), *words])


def made(firm: Any, *words: str) -> Any:
    """Make a document and return its draft."""
    done = run(firm, "document", "new", *words)
    assert done.exit_code == 0, done.output
    with firm.store.read() as connection:
        row = rows.listed(connection)[0]
    return draft_of(form_of(firm.config, row.kind), sheet_of(row))


def test_a_form_takes_what_is_not_said_from_that_of_another_person(firm: Any) -> None:
    firm.configure("{kinds: {visa: {title: Анкета, fields: [country, purpose, hotel]}}}")
    first = made(firm, "visa", "--client", firm.client()["id"], "--field", "country=Китай", "--field",
                 "purpose=обучение", "--field", "hotel=Центральная")  # fmt: skip
    second = made(firm, "visa", "--client", firm.client("Больница")["id"], "--like", "1", "--field", "hotel=Южная")
    assert (first.client.name, second.client.name) == ("МБОУ «Средняя школа № 5»", "Больница")
    assert second.fields == {"country": "Китай", "purpose": "обучение", "hotel": "Южная"}
    bill = made(firm, "invoice", "--client", firm.client()["id"], "--line", "Обучение; 1000")
    other = made(firm, "invoice", "--client", firm.client("Больница")["id"], "--like", "3")
    assert [line.title for line in other.lines] == [line.title for line in bill.lines] == ["Обучение"]
    wrong = run(firm, "document", "new", "invoice", "--client", firm.client()["id"], "--like", "1")
    assert "kind 'visa' and not 'invoice'" in str(wrong.exception)


def test_forms_of_several_people_are_printed_as_one_pdf(firm: Any, tmp_path: Path) -> None:
    keys = [firm.draft("invoice") for _ in range(3)]
    for key in keys[:2]:
        firm.issue(key)
    target = tmp_path / "all.pdf"
    done = run(firm, "document", "print", str(target), *(str(key) for key in keys))
    assert done.exit_code == 0, done.output
    pages = pypdf.PdfReader(io.BytesIO(target.read_bytes())).pages
    assert len(pages) == 4, "two invoices in two copies"
    assert "4 papers" in done.output
    assert "left out: Счёт на оплату: not issued yet" in done.output
    assert "there is no document 99" in str(run(firm, "document", "print", str(target), "99").exception)
