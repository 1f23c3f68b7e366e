"""Every check of the kit catches the connectors broken on purpose, and lets the honest one pass."""

import pytest
import sabotage
import saboteurs_act
import saboteurs_announce
import saboteurs_read
import saboteurs_wait
from notebook_peer import NotebookPeer

from hub.testing.conformance import PROMISES, run, wait
from hub.testing.conformance.kit import Case, examine

# each enters its saboteurs when it is imported
MODULES = (
    saboteurs_announce,
    saboteurs_read,
    saboteurs_act,
    saboteurs_wait,
)
WAITING = {it.name for it in PROMISES.values() if it.group == "wait"}


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    for name in ("NEWS_SECONDS", "ABSENCE_SECONDS", "LATE_SECONDS"):
        monkeypatch.setattr(wait, name, 1.5)


def test_honest_connector_keeps_every_promise():
    report = run(sabotage.HONEST, NotebookPeer)

    assert [(it.check, it.message) for it in report.findings if it.outcome != "passed"] == []
    assert {it.check for it in report.findings} == set(PROMISES) - WAITING
    assert report.level == "platinum"


@pytest.mark.parametrize("check", sorted(WAITING))
def test_honest_waker_keeps_every_promise(check):
    finding = examine(PROMISES[check], Case(saboteurs_wait.WAKING, NotebookPeer))

    assert (finding.outcome, finding.message) == ("passed", "")


def test_every_check_has_a_saboteur():
    assert set(PROMISES) - {saboteur.check for saboteur in sabotage.SABOTEURS} == set()


@pytest.mark.parametrize("saboteur", sabotage.SABOTEURS, ids=lambda it: f"{it.check}: {it.name}")
def test_saboteur_is_caught(saboteur):
    finding = examine(PROMISES[saboteur.check], Case(saboteur.spec, NotebookPeer))

    assert finding.outcome == "failed", finding
    assert saboteur.words in finding.message
