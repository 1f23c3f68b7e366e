"""The page on letters is true: its rules make what it says, its commands run in their order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from letters_firm import Firm

from hub.letters import read_letter_rules

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "turn-letters-into-tickets.md").read_text(encoding="utf-8")


@pytest.fixture
def paged(firm: Firm) -> Firm:
    """The firm with the rules of the page, which hold from the beginning of the year."""
    (config,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
    rules = config.partition("letters:\n")[2]
    firm.configure("\n" + re.sub(r"^( *)make:", r"\1since: 2026-01-01\n\1make:", rules, flags=re.M))
    firm.knows("МБОУ «Школа № 5»")
    return firm


def test_rules_of_the_page_make_what_it_says(paged: Firm) -> None:
    assert len(read_letter_rules(paged.hub.config)) == 6
    paged.mail(subject="Срочно: касса", to="support@example.ru", minute=1)
    paged.mail(subject="Накладная", to="support@example.ru", minute=2)
    paged.mail("Ставлю 9", subject="Re: Оцените нашу работу", minute=3)
    paged.mail("Долго.", subject="Претензия", minute=4)
    paged.mail(subject="Счёт", to="sales@example.ru", minute=5)
    paged.sync()
    assert sorted((it["subject"], it["priority"]) for it in paged.rows("ticket")) == [
        ("Накладная", "normal"), ("Срочно: касса", "urgent"),
    ]  # fmt: skip
    assert [it["score"] for it in paged.rows("survey")] == [9]
    assert [it["department"] for it in paged.rows("complaint")] == ["поддержка"]


def test_commands_of_the_page_run_in_their_order(paged: Firm) -> None:
    paged.takes(subject="Накладная", to="support@example.ru", minute=2)
    number = paged.ticket()["number"]
    page = PAGE.replace("261122-4839", number)
    commands = [line for block in re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S) for line in block.splitlines()]
    assert len(commands) == 11
    for line in commands:
        paged.ok(*shlex.split(line)[1:])
    old, new = sorted(paged.rows("ticket"), key=lambda it: it["created"])
    assert (old["state"], old["reopens"], old["specialist"], old["priority"]) == ("cancelled", 1, "Орлов", "important")
    assert (new["state"], new["priority"], new["client_id"]) == ("new", "urgent", paged.rows("client")[0]["id"])


def test_a_step_that_does_not_follow_is_refused(paged: Firm) -> None:
    paged.takes(subject="Накладная", to="support@example.ru")
    number = paged.ticket()["number"]
    assert "has not ended" in str(paged.call("ticket", "reopen", number).exception)
    paged.ok("ticket", "cancel", number)
    assert "is cancelled" in str(paged.call("ticket", "solve", number).exception)
