"""The end of a month: who gets what, who is left out and why; a second run and an interrupted one double nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from forks import Forks, QuickOffice
from inside import rows as table_rows
from lab import opened
from pypdf import PdfReader
from sqlalchemy import update

from hub.cli import cli
from hub.config import load_config
from hub.engine.jobs import LeaseLost
from hub.model.errors import HubError, SettingsError, Unavailable
from hub.paperwork.client_folder import one_pdf, papers_of
from hub.paperwork.month import _alone, issue_month, parse_month, plan
from hub.paperwork.sheet import sheet_of
from hub.store import documents as rows
from hub.store.tables import job

NOW = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
NOVEMBER = date(2026, 11, 1)
MakeContract = Callable[..., dict[str, Any]]


def left_of(found: Any) -> dict[str, str]:
    return {it.contract: f"{it.reason} {it.detail}".strip() for it in found.left if it.kind == "act"}


def test_everything_is_looked_at_before_anything_is_issued(firm: Any, make_contract: MakeContract) -> None:
    firm.learn(
        "contract",
        ("1", make_contract("7", "1")),
        ("2", make_contract("8", "2")),
        ("3", make_contract("9", "3")),
        ("4", make_contract("10", "1", fee=None)),
        ("5", make_contract("11", "1", is_closed=True)),
        ("6", make_contract("12", "1", start="2026-12-01")),
        ("7", make_contract("13", "1", end="2026-10-31")),
        ("8", make_contract("14", "1", end="2026-11-01")),
        ("9", make_contract("15", "9")),
    )
    act = {"number": "У-5", "client": {"kind": "client", "external_id": "1"}, "date": "2026-11-30",
           "contract": {"kind": "contract", "external_id": "8"}}  # fmt: skip
    firm.learn("act", ("5", act))
    with firm.store.read() as connection:
        found = plan(connection, firm.config, NOVEMBER)
    assert left_of(found) == {
        "8": "the client has no ИНН", "9": "the check digits of the client's ИНН 2466001237 are wrong",
        "10": "no monthly fee", "11": "closed", "12": "not begun begins on 01.12.2026",
        "13": "over ended on 31.10.2026", "14": "made in 1C № У-5", "15": "its client is not known",
    }  # fmt: skip
    assert {it.contract for it in found.left if it.mend} == {"8", "9", "15"}
    assert sorted((it.contract["number"], it.kind) for it in found.items) == [
        ("14", "invoice"), ("7", "act"), ("7", "invoice"),
    ]  # fmt: skip
    with firm.store.read() as connection:
        assert rows.listed(connection) == []


def test_a_month_is_issued_once(firm: Any, make_contract: MakeContract) -> None:
    """The second run finds everything done; cancelled documents are made again; the last day of the month stands."""
    firm.learn("contract", ("1", make_contract("7", "1")))
    with firm.store.read() as connection:
        found = plan(connection, firm.config, NOVEMBER)
    issued = list(issue_month(firm.store, firm.config, found, by="anna", now=NOW))
    assert [(it.row.kind, it.row.number) for it in issued] == [("invoice", "1"), ("act", "1")]
    text = PdfReader(firm.files(issued[1].id)["pdf"]).pages[0].extract_text().replace("\u00a0", " ")
    assert "30 ноября 2026 г." in text
    assert "Абонентское обслуживание за ноябрь 2026 г. по договору № 7" in " ".join(text.split())
    with firm.store.read() as connection:
        again = plan(connection, firm.config, NOVEMBER)
        other = plan(connection, firm.config, date(2026, 12, 1))
    assert (len(again.items), left_of(again)) == (0, {"7": f"issued already № 1, document {issued[1].id}"})
    assert len(other.items) == 2
    with _alone(firm.store, NOVEMBER), pytest.raises(Unavailable):
        list(issue_month(firm.store, firm.config, other.__class__(NOVEMBER, other.items, ()), by="boris", now=NOW))
    with pytest.raises(HubError, match="is no month"):
        parse_month("2026-13")


def test_an_issue_that_was_frozen_or_planned_before_another_doubles_nothing(
    firm: Any, make_contract: MakeContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-02, F-08: between two batches its lease runs out, and another process issues the whole month."""
    monkeypatch.setattr("hub.paperwork.month.BATCH", 1)
    firm.learn("contract", ("1", make_contract("7", "1")), ("2", make_contract("8", "1")))
    with firm.store.read() as connection:
        found = plan(connection, firm.config, NOVEMBER)
    frozen = issue_month(firm.store, firm.config, found, by="anna", now=NOW)
    next(frozen)
    with firm.store.write() as connection:
        connection.execute(update(job).values(lease_until=NOW.replace(year=2020)))
    assert len(list(issue_month(firm.store, firm.config, found, by="boris", now=NOW))) == 3
    with pytest.raises(LeaseLost):
        list(frozen)
    assert list(issue_month(firm.store, firm.config, found, by="vera", now=NOW)) == []
    with firm.store.read() as connection:
        assert Counter((it.kind, it.state) for it in rows.listed(connection)) == {
            ("invoice", "issued"): 2, ("act", "issued"): 2,
        }  # fmt: skip


def test_what_the_issue_would_refuse_is_on_the_check_list(firm: Any, make_contract: MakeContract) -> None:
    """Before anything is issued: a contract that no document can be made of, and a firm that lacks its own side."""
    firm.learn("contract", ("1", make_contract("7", "1")), ("2", make_contract("8" * 101, "1")))
    firm.learn("client", ("1", {"name": "Школа № 5", "full_name": "\u202e", "inn": "2466001236", "kpp": "246601001"}))
    with firm.store.read() as connection:
        found = plan(connection, firm.config, NOVEMBER)
    assert {(it.kind, it.mend) for it in found.left} == {("invoice", True), ("act", True)}
    assert all("name of the" in it.reason for it in found.left)
    path = firm.folder / "hub.yaml"
    path.write_text(path.read_text().replace('kpp: "246501001"', 'kpp: ""').replace('"2465000007"', '""'))
    with firm.store.read() as connection, pytest.raises(SettingsError):
        plan(connection, load_config(path), NOVEMBER)


@pytest.mark.parametrize(
    ("part", "days", "price", "words"),
    [
        ("whole", ("2026-11-16", None), "10000", "за ноябрь 2026 г. по договору № 7"),
        ("days", ("2026-11-16", None), "5000.00", "за ноябрь 2026 г. (с 16 по 30 ноября) по договору № 7"),
        ("days", ("2026-01-01", "2026-11-07"), "2333.33", "за ноябрь 2026 г. (с 1 по 7 ноября) по договору № 7"),
        ("days", ("2026-11-01", "2026-11-30"), "10000", "за ноябрь 2026 г. по договору № 7"),
    ],
)
def test_a_part_of_a_month_is_charged_as_it_is_set(
    firm: Any, make_contract: MakeContract, part: str, days: tuple[str, str | None], price: str, words: str
) -> None:
    firm.configure(f"{{month: [act], month_part: {part}}}")
    fee = {"amount": "10000", "currency": "RUB"}
    firm.learn("contract", ("1", make_contract("7", "1", fee=fee, start=days[0], end=days[1])))
    with firm.store.read() as connection:
        found = plan(connection, firm.config, NOVEMBER)
    (done,) = issue_month(firm.store, firm.config, found, by="anna", now=NOW)
    (line,) = json.loads(bytes(sheet_of(done.row).draft))["lines"]
    assert (line["price"]["amount"], line["title"]) == (price, f"Абонентское обслуживание {words}")


def test_the_check_list_comes_before_the_issue(firm: Any, make_contract: MakeContract) -> None:
    """On 80 columns: what is to be mended in full, what is not due as a count, what is charged in part."""
    firm.configure("{month: [act]}")
    firm.learn(
        "contract",
        ("1", make_contract("7", "1", start="2026-11-16")),
        ("2", make_contract("8", "2")),
        ("3", make_contract("9", "1", is_closed=True)),
    )
    command = ["--config", str(firm.folder / "hub.yaml"), "--now", "2026-12-01T10:00+07:00", "document", "month",
               "--month", "2026-11"]  # fmt: skip
    looked = CliRunner().invoke(cli, [*command, "--dry-run"])
    assert looked.output.splitlines() == [
        "To be mended, left out until then:",
        "  8  act  Ромашка: the client has no ИНН",
        "Nothing due: closed: 1. See them: --all",
        "In force for a part of the month, charged whole (documents: month_part):",
        "  7  16.11–30.11.2026",
        "Due: act: 1.",
    ]
    assert "9  act  Школа № 5: closed" in CliRunner().invoke(cli, [*command, "--dry-run", "--all"]).output
    done = CliRunner().invoke(cli, command)
    assert (done.exit_code, done.stdout.splitlines()[-1][:8]) == (0, "Issued 1")
    assert "1 of 1 documents" in done.stderr


def test_the_folder_of_a_client_is_printed_in_its_order(firm: Any) -> None:
    """S003-11 … S003-13: title page once, contract three times, invoice twice; what is missing is said."""
    firm.issue(firm.draft("invoice"))
    firm.issue(firm.draft("title_page", contract="№ 7", manager="Иванова"))
    client = firm.client()["id"]
    with firm.store.read() as connection:
        papers = papers_of(connection, firm.config, client)
    assert [(it.kind, it.copies, it.lacks) for it in papers] == [
        ("title_page", 1, ""), ("contract", 3, "not issued yet"), ("invoice", 2, ""),
    ]  # fmt: skip
    firm.issue(firm.draft("contract", "Сопровождение; 1; мес; 1000", start="2026-12-01", end="2027-11-30"))
    with firm.store.read() as connection:
        papers = papers_of(connection, firm.config, client)
    made = firm.folder / "folder.pdf"
    made.write_bytes(one_pdf(firm.config, papers))
    pages = [page.extract_text() for page in PdfReader(made).pages]
    starts = [
        next((word for word in ("Титульный", "ДОГОВОР", "Счёт на оплату") if word.casefold() in page.casefold()), "…")
        for page in pages
    ]
    assert Counter(starts)["Счёт на оплату"] >= 2
    contract = len(PdfReader(firm.files(papers[1].document.id)["pdf"]).pages)
    assert len(pages) == 1 + 3 * contract + 2
    assert "Счёт на оплату" in pages[-1]


@pytest.mark.parametrize("point", ["number:3", "file:3", "committed:2", "commit:3"])
def test_a_month_that_is_killed_and_run_again_is_whole(
    forks: Forks, tmp_path: Path, made_file: Path, make_contract: MakeContract, point: str
) -> None:
    """No number twice, no hole, no file half-written, and every document once, wherever it was killed."""
    office = QuickOffice(forks, tmp_path)
    (tmp_path / "hub.db").write_bytes(made_file.read_bytes())
    office.connect({}, extra="documents: {month: [invoice]}\n")
    facts = {"client/1": {"name": "Школа", "inn": "2466001236", "kpp": "246601001", "status": "client"}}
    facts |= {f"contract/{number}": make_contract(str(number), "1") for number in range(4)}
    lines = [
        json.dumps({"id": key, "source": "b", "type": f"{key.partition('/')[0]}.observed", "subject": key, "data": it})
        for key, it in facts.items()
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(lines), encoding="utf-8")
    office.ok("event", "import", "log.jsonl")
    now = ("--now", "2026-12-01T10:00+07:00")
    assert office.hub(*now, "document", "month", "--month", "2026-11", HUB_TEST_STOP=point).code == -9
    done = office.ok(*now, "document", "month", "--month", "2026-11", "--json").json
    with opened(office.store_url) as store:
        made = table_rows(store, "document")
        files = {row.name for row in table_rows(store, "document_file")}
        audit = Counter(row.object for row in table_rows(store, "audit") if row.what == "document.issue")
    assert sorted(int(row.number) for row in made) == [1, 2, 3, 4]
    assert {row.state for row in made} == {"issued"}
    assert set(audit.values()) == {1}
    assert len(audit) == 4
    assert {it.name for it in (tmp_path / "documents").iterdir() if it.name[0] != "."} == files
    assert done["issued"] + sum(it["reason"].startswith("issued already") for it in done["left"]) == 4
