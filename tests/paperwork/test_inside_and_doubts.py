"""What is for our own people never goes to a client, and what looks wrong is said before and after the issue."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from hub.cli import cli
from hub.config import load_config
from hub.documents.forms import FORMS
from hub.model.errors import HubError
from hub.operator import merge
from hub.paperwork.sending import readers
from hub.projection import Sources

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
INTERNAL = ("offer_internal", "works_list", "purchase_request", "title_page", "checklist", "reclamation")
EMPLOYEES = "\nemployees:\n  - {id: frolov, name: Фролов Глеб, mail: frolov@example.ru}\n"


def run(firm: Any, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(firm.folder / "hub.yaml"), *arguments])


def draft_of(firm: Any, kind: str) -> Path:
    path = firm.folder / f"{kind}.json"
    path.write_bytes(msgspec.json.encode(FORMS[kind].example))
    return path


@pytest.fixture
def staffed(firm: Any) -> Any:
    path = firm.folder / "hub.yaml"
    path.write_text(path.read_text() + EMPLOYEES)
    firm.config = load_config(path)
    return firm


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_costs_and_complaints_stay_in_the_house(staffed: Any, kind: str) -> None:
    """S004-15, S003-27."""
    draft = str(draft_of(staffed, kind))  # as good as on the day of the example
    made = run(staffed, "--now", NOW.isoformat(), "document", "new", kind, "--client", "2466001236", "--draft", draft)
    assert made.exit_code == 0, made.output
    found, client = staffed.get(1), staffed.client()
    if kind not in INTERNAL:
        assert readers(staffed.config, found, [], client) == ["school@example.ru"]
        return
    for given in ([], ["school@example.ru"], ["frolov@example.ru", "stranger@example.ru"]):
        with pytest.raises(HubError, match="is for our own people"):
            readers(staffed.config, found, given, client)
    assert readers(staffed.config, found, ["frolov@example.ru"], client) == ["frolov@example.ru"]


def test_what_looks_wrong_is_said_with_the_draft_and_with_the_issue(firm: Any) -> None:
    path = draft_of(firm, "contract")
    draft = json.loads(path.read_bytes())
    draft["client"]["signer"] = {"name": "Ли Мин", "position": "старший мастер", "basis": "Устава"}
    path.write_text(json.dumps(draft, ensure_ascii=False))
    made = run(firm, "document", "new", "contract", "--client", "2466001236", "--draft", str(path))
    doubts = [line for line in made.output.splitlines() if "Check:" in line]
    assert any("«старший мастер»" in line for line in doubts)
    issued = run(firm, "document", "issue", "1")
    assert issued.exit_code == 0
    assert [line for line in issued.output.splitlines() if "Check:" in line] == doubts


def test_what_is_right_raises_no_doubt(firm: Any) -> None:
    made = run(firm, "document", "new", "act", "--client", "2466001236", "--draft", str(draft_of(firm, "act")))
    assert "Check:" not in made.output


def test_papers_of_a_merged_client_stay_with_it(firm: Any) -> None:
    """`list --client`, the folder and the row itself know the client under the id that holds now."""
    firm.issue(firm.draft("invoice"))
    firm.issue(firm.draft("act", client="Ромашка"))
    gone, kept = firm.client("Ромашка")["id"], firm.client()["id"]
    with firm.store.write() as connection:
        holds = merge(connection, gone, kept, Sources(()), by="anna", now=NOW)
    assert holds in (gone, kept)
    for key in (gone, kept):
        listed = json.loads(run(firm, "document", "list", "--client", key, "--json").stdout)
        assert [(it["kind"], it["client"]) for it in listed] == [("act", holds), ("invoice", holds)]
        folder = json.loads(run(firm, "document", "folder", key, "--json").stdout)
        assert [it["number"] for it in folder if it["kind"] == "invoice"] == ["1"]
    assert {firm.get(1).client, firm.get(2).client} == {holds}
