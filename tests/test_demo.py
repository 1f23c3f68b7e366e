"""The demo tells the whole story twice: the second time nothing changes and nothing is sent again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NOW = "2026-11-20T10:00:00+07:00"


def hub(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from hub.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, timeout=240, check=False, encoding="utf-8",
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("demo") / "demo"
    done = hub("demo", "--folder", str(place))
    assert done.returncode == 0, done.stderr
    (place / "first.txt").write_text(done.stdout, encoding="utf-8")
    return place


def lists(folder: Path) -> list[dict[str, object]]:
    done = hub("--config", str(folder / "hub.yaml"), "--now", NOW, "today", "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_awkward_cases_are_told(folder: Path) -> None:
    """S001-2: what comes in finds its client, or a person is asked."""
    told = (folder / "first.txt").read_text(encoding="utf-8")
    assert "2 entries of 1C are one client" in told, "two spellings with one ИНН and КПП are one client"
    assert "Perhaps one client" in told, "an equal name without ИНН is only a suggestion"
    assert "438 of 441 calls" in told, "a shared, an unknown and a hidden number are left to people"
    assert "134 of 134 messages" in told, "letters in cp1251 and koi8-r find their client too"
    assert "Дежурный менеджер" in told, "calls without a client go to whoever is on duty"
    assert "the mail server took" in told


def test_three_managers_get_their_lists(folder: Path) -> None:
    """S000-3, S000-4, S000-5, S000-9, S000-10, S002-33: each kind of reminder is there, for the right person."""
    found = lists(folder)
    assert {"ivanova", "sidorov", "belova", "dezhurny"} == {item["assignee"] for item in found}
    rules = {item["rule"] for item in found}
    assert rules >= {
        "missed_call",
        "weekly_call",
        "urgent_ticket",
        "important_ticket_stuck",
        "contract_renewal",
        "invoice_overdue",
    }
    missed = [item for item in found if item["rule"] == "missed_call"]
    assert len(missed) == 4, (
        "one client, one unknown, one shared and one hidden number; who was called back is not there"
    )
    assert [item["count"] for item in missed if item["client"]] == [2], "two phones of one client are one reminder"


def test_deleted_contract_reminds_nobody(folder: Path) -> None:
    done = hub("--config", str(folder / "hub.yaml"), "contract", "list", "--json")
    contracts = {item["number"]: item for item in json.loads(done.stdout)}
    assert contracts["999"]["is_closed"], "it ends in five days and is marked for deletion in 1C"
    assert not [item for item in lists(folder) if "999" in str(item["title"])]


def test_second_run_changes_nothing_and_sends_nothing(folder: Path) -> None:
    before = hub("--config", str(folder / "hub.yaml"), "db", "dump").stdout
    again = hub("demo", "--folder", str(folder))
    assert again.returncode == 0, again.stderr
    assert "Second run: nothing changed, nothing was sent twice." in again.stdout
    assert hub("--config", str(folder / "hub.yaml"), "db", "dump").stdout == before


def test_invoice_lies_there_as_it_was_sent(folder: Path) -> None:
    import email
    import email.policy

    letter = email.message_from_bytes((folder / "received-by-the-client.eml").read_bytes(), policy=email.policy.default)
    (attached,) = letter.iter_attachments()
    pdf = next((folder / "documents").glob("*.pdf"))
    assert attached.get_content() == pdf.read_bytes()
    assert str(letter["subject"]).startswith("Счёт на оплату № ЕУ-1")
