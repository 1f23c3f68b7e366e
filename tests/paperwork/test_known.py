"""Papers of what people entered: an offer and what follows from it, a purchase, a check-list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook
from pypdf import PdfReader

from hub.cli import cli
from hub.config import load_config
from hub.paperwork.sheet import sheet_of

EXTRA = """
employees:
  - {id: ivanova, name: Иванова Мария Сергеевна, role: manager, phone: "+7 391 200-00-02"}
entering:
  works: [{goods: камера, price: "2500"}]
"""
CAMERA, REGISTER = "Камера уличная; 6; шт; 8450,50; 6100", "Регистратор; 1; шт; 21300; 16800"
WORK = "работа: Пусконаладка; 1; компл; 9000; 3333,33"


def run(firm: Any, *arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["--config", str(firm.folder / "hub.yaml"), *arguments])
    assert done.exit_code == code, done.output
    return done


def entered(firm: Any, noun: str) -> dict[str, Any]:
    (found,) = json.loads(run(firm, noun, "list", "--json").stdout)
    return dict(found)


def text_of(path: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(path).pages).replace("\u00a0", " ").split())


@pytest.fixture
def office(firm: Any) -> Any:
    """An object with an offer of two goods, a work that follows and one of its own."""
    path = firm.folder / "hub.yaml"
    path.write_text(path.read_text() + EXTRA)
    firm.config = load_config(path)
    run(firm, "project", "new", "--client", "2466001236", "--name", "Видеонаблюдение", "--address", "ул. Школьная, 7",
        "--employee", "ivanova", "--next-call", "через 2 недели")  # fmt: skip
    run(firm, "offer", "new", "--project", "Видеонаблюдение", "--client", "2466001236", "--line", CAMERA, "--line",
        REGISTER, "--line", WORK, "--employee", "ivanova", "--next-call", "через 2 недели")  # fmt: skip
    return firm


def test_an_entered_offer_becomes_its_papers(office: Any) -> None:
    """S004-4, S004-5, S004-15: the client's copy under its number without costs; profit and pay to the kopeck."""
    offer = entered(office, "offer")
    for key, kind in enumerate(("offer", "offer_internal", "works_list"), 1):
        run(office, "document", "from", kind, offer["number"])
        run(office, "document", "issue", str(key))
    copy = office.get(1)
    assert copy.number == offer["number"]
    assert b"6100" not in bytes(sheet_of(copy).context)
    shown = text_of(office.files(1)["pdf"])
    assert "Видеонаблюдение, ул. Школьная, 7" in shown
    assert "96 003,00" in shown
    assert "3 333,33" not in shown
    profit = f"{float(offer['profit']['amount']):,.2f}".replace(",", " ").replace(".", ",")
    internal = text_of(office.files(2)["pdf"])
    assert f"Прогноз прибыли — {profit} руб." in internal
    assert "по расценкам работ" in internal
    works = text_of(office.files(3)["pdf"])
    assert "Всего к оплате монтажному отделу: 10 833,33 руб." in works
    cells = [it for row in load_workbook(office.files(2)["xlsx"]).active.iter_rows(values_only=True) for it in row]
    assert "по расценкам работ" in cells


def test_the_client_reads_until_when_he_may_pay(office: Any) -> None:
    """S002-46: in the PDF and in the workbook."""
    run(office, "offer", "new", "--client", "2466001236", "--line", CAMERA, "--deferral", "21")
    run(office, "document", "from", "offer", "2")
    run(office, "document", "issue", "1")
    assert "Оплата: в течение 21 дня после поставки." in text_of(office.files(1)["pdf"])
    cells = [it for row in load_workbook(office.files(1)["xlsx"]).active.iter_rows(values_only=True) for it in row]
    assert "Оплата: в течение 21\xa0дня после поставки." in cells


def test_an_offer_that_changed_is_its_next_version(office: Any) -> None:
    """And one that did not is the document that is there."""
    for _ in range(2):
        assert "Document 1, № 1" in run(office, "document", "from", "offer", "1").stdout
    run(office, "document", "issue", "1")
    run(office, "offer", "add", entered(office, "offer")["id"], "--line", "Кабель; 10; м; 46; 31,20")
    assert "Document 2, № 1, draft" in run(office, "document", "from", "offer", "1").stdout
    run(office, "document", "issue", "2")
    assert [(office.get(key).version, office.get(key).state) for key in (1, 2)] == [(1, "archived"), (2, "issued")]


def test_a_purchase_shows_what_things_cost_us(office: Any) -> None:
    """S004-22: what the offers of the object need and the stock does not have."""
    run(office, "purchase", "new", "--project", "Видеонаблюдение", "--needed", "через 3 недели")
    run(office, "document", "from", "purchase_request", entered(office, "purchase")["id"])
    run(office, "document", "issue", "1")
    assert "План затрат: 53 400,00 руб." in text_of(office.files(1)["pdf"])


def test_an_entered_check_list_is_printed_as_it_stands(office: Any) -> None:
    """S003-24: who did which line and when, with room for signatures; ticked further it is printed anew."""
    run(office, "checklist", "new", "--client", "2466001236", "--template", "appendix_1", "--employee", "ivanova")
    key = entered(office, "checklist")["id"]
    run(office, "checklist", "tick", key, "1", "--by", "ivanova")
    for _ in range(2):
        assert "Document 1, draft" in run(office, "document", "from", "checklist", key).stdout
    run(office, "document", "issue", "1")
    shown = text_of(office.files(1)["pdf"])
    assert shown.count("Иванова М. С.") == 2, "the manager and the first line"
    assert shown.count("Приложение") == 2, "in the heading and at the foot"
    run(office, "checklist", "tick", key, "2", "--by", "ivanova")
    assert "Document 2, draft" in run(office, "document", "from", "checklist", key).stdout


def test_what_cannot_be_printed_is_said(office: Any) -> None:
    for kind, key in (("offer", "99"), ("checklist", "none")):
        failed = run(office, "document", "from", kind, key, code=1)
        assert f"there is no {kind} {key!r}" in str(failed.exception)
    run(office, "offer", "new", "--client", "2466001236", "--total", "5000", "--next-call", "через 2 недели")
    assert "has no rows" in str(run(office, "document", "from", "offer", "2", code=1).exception)
