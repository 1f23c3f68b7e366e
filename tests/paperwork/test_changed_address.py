"""S-36 at the command line: a document does not go to a changed address until somebody has asked the client."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from inside import Source
from inside import run as sync
from lab import item

from hub.cli import cli
from hub.model.errors import HubError

MAIL = """
connections:
  mail: {connector: imap, host: 127.0.0.1, user: office@example.ru, password: "env:MAIL_PASSWORD",
         smtp_host: 127.0.0.1, smtp_tls: none, tls: none}
employees:
  - {id: frolov, name: Фролов Глеб, mail: frolov@example.ru}
"""
TAX = {"inn": "2466001236", "kpp": "246601001"}


@pytest.fixture
def hub(firm: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MAIL_PASSWORD", "canary")
    path = firm.folder / "hub.yaml"
    path.write_text(path.read_text() + MAIL)
    for _ in range(2):
        firm.issue(firm.draft())

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["--config", str(path), *arguments])

    return run


def says(firm: Any, address: str) -> None:
    points = [{"type": "email", "value": address}]
    sync(firm.store, Source(), [item("client", "1", name="Школа № 5", points=points, **TAX)], connection="books")


def sent_to(hub: Any) -> list[str]:
    commands = json.loads(hub("command", "list", "--json").stdout)
    return [json.loads(hub("command", "show", it["id"], "--json").stdout)["data"]["to"][0] for it in commands]


def test_a_document_waits_until_somebody_has_asked(firm: Any, hub: Any) -> None:
    assert hub("document", "send", "1").exit_code == 0
    says(firm, "school@examp1e.ru")

    refused = hub("document", "send", "2")
    assert isinstance(refused.exception, HubError)
    assert "nobody has confirmed s•••@examp1e.ru" in str(refused.exception)
    assert "hub problem confirm 1 --reason" in refused.exception.hint
    assert sent_to(hub) == ["school@example.ru"]
    assert json.loads(hub("document", "list", "--json").stdout)[0]["state"] == "issued"

    seen = hub("status").stdout
    assert "s•••@example.ru → s•••@examp1e.ru" in " ".join(seen.split())
    assert "hub problem show 1; then: hub problem confirm 1 --reason" in " ".join(seen.split())
    assert max(map(len, seen.splitlines())) <= 80
    (listed,) = json.loads(hub("problem", "list", "--json").stdout)
    shown = json.loads(hub("problem", "show", "1", "--json").stdout)
    assert shown == {**listed, "before": "school@example.ru", "now": "school@examp1e.ru"}
    told = hub("problem", "show", "1").stdout
    assert "before  school@example.ru" in told
    assert "now     school@examp1e.ru" in told
    assert "examp1e" in hub("problem", "list").stdout

    assert hub("problem", "confirm", "1").exit_code == 2
    assert hub("problem", "confirm", "1", "--reason", " ").exit_code == 2
    assert hub("problem", "confirm", "1", "--reason", "звонила в школу", "--by", "frolov").exit_code == 0
    assert hub("problem", "list").stdout == "No open problems.\n"
    assert hub("problem", "confirm", "1", "--reason", "ещё раз").exit_code == 1
    assert hub("document", "send", "2").exit_code == 0
    assert sorted(sent_to(hub)) == ["school@examp1e.ru", "school@example.ru"]


def test_a_document_may_go_where_it_went_before(firm: Any, hub: Any) -> None:
    assert hub("document", "send", "1").exit_code == 0
    says(firm, "school@examp1e.ru")
    assert hub("document", "send", "2", "--to", "school@examp1e.ru").exit_code == 1
    assert hub("document", "send", "2", "--to", "school@example.ru").exit_code == 0
    assert sent_to(hub) == ["school@example.ru"] * 2


def test_what_stays_in_the_house_does_not_wait(firm: Any, hub: Any) -> None:
    assert hub("document", "send", "1").exit_code == 0
    says(firm, "school@examp1e.ru")
    example = firm.folder / "list.json"
    example.write_text(hub("document", "example", "works_list").stdout)
    made = hub("document", "new", "works_list", "--client", TAX["inn"], "--draft", str(example))
    assert made.exit_code == 0, made.output
    assert hub("document", "issue", "3").exit_code == 0
    done = hub("document", "send", "3", "--to", "frolov@example.ru")
    assert done.exit_code == 0, done.output


def test_a_problem_that_is_not_there(hub: Any) -> None:
    for verb in (["show", "7"], ["confirm", "7", "--reason", "так"]):
        refused = hub("problem", *verb)
        assert isinstance(refused.exception, HubError)
        assert refused.exception.hint == "See: hub problem list"
