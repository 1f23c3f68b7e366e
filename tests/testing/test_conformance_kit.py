"""What authors meet: the one line in their tests, the report without pytest, the levels."""

import subprocess
import sys

import msgspec
import pytest
import sabotage
from hub_notebook.connector import Notebook
from notebook_peer import NotebookPeer

from hub.testing.conformance import PROMISES, Finding, conformance, level, levels_markdown, run
from hub.testing.conformance.kit import Case, examine, groups

HONEST = sabotage.HONEST


class OnlyReads(Notebook):
    commands = execute = find = None


class OnlyWrites(Notebook):
    streams = read = normalise = None


class PoorPeer(NotebookPeer):
    """A system whose objects never change or vanish and that makes no trouble but being away."""

    removable = ()
    faults = ("down",)

    def change(self, stream, external_id):
        raise NotImplementedError("what was written stays")

    def command(self):
        return None


def findings(outcome, *checks):
    """Return findings of all checks: those named with that outcome, the others passed."""
    assert set(checks) <= set(PROMISES)
    return [Finding(it.name, it.group, outcome if it.name in checks else "passed") for it in PROMISES.values()]


@pytest.mark.parametrize("first", ["import hub.testing.peer", "import hub.testing.conformance.kit"])
def test_conformance_is_a_function_whatever_was_imported_first(first):
    lines = [
        f"import sys; sys.path[:] = {sys.path!r}",
        first,
        "from hub.testing import conformance",
        "from hub_notebook import register_connectors",
        "print(conformance(register_connectors()[0], peer=object).__name__)",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == "TestConformanceOfNotebook", done.stderr


def test_class_has_one_test_with_the_promise_per_check():
    made = conformance(HONEST, peer=NotebookPeer)

    tests = {name: method.__doc__ for name, method in vars(made).items() if name.startswith("test_")}
    assert tests == {f"test_{it.name}": it.text for it in PROMISES.values() if it.group != "wait"}
    assert all(text.endswith(".") for text in tests.values())


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (Notebook, ("spec", "check", "read", "normalise", "execute")),
        (OnlyReads, ("spec", "check", "read", "normalise")),
        (OnlyWrites, ("spec", "check", "execute")),
    ],
)
def test_groups_follow_from_methods(made, expected, monkeypatch):
    monkeypatch.setattr("hub_notebook.connector.Notebook", made)

    assert groups(HONEST) == expected


def test_factory_that_fails_leaves_its_check_to_tell():
    spec = msgspec.structs.replace(HONEST, factory="no_such_package:Nothing")

    assert groups(spec) == ("spec",)
    assert "spec_factory_is_there" in {it.check for it in run(spec, NotebookPeer).failed}


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ("check_wrong_password_is_tried_once", "'auth' is not in PoorPeer.faults"),
        ("read_survives_cut", "'cut' is not in PoorPeer.faults"),
        ("read_removal_is_noticed", "PoorPeer.removable is empty"),
        ("read_change_appears", "PoorPeer.change is not implemented: what was written stays"),
        ("execute_has_one_effect", "PoorPeer.command returns None"),
    ],
)
def test_what_the_peer_cannot_produce_is_skipped_with_its_declaration(check, reason):
    finding = examine(PROMISES[check], Case(HONEST, PoorPeer))

    assert (finding.outcome, finding.message) == ("skipped", reason)


def test_connector_that_calls_exit_is_a_failed_check(monkeypatch):
    def leave(self):
        raise SystemExit(3)

    monkeypatch.setattr(Notebook, "check", leave)

    finding = examine(PROMISES["check_says_who_we_are"], Case(HONEST, NotebookPeer))

    assert (finding.outcome, finding.message) == ("failed", "unexpected SystemExit: 3")


def test_read_without_end_is_a_failed_check(monkeypatch):
    from hub.api import Batch
    from hub.testing.conformance import harness

    def forever(self, stream, cursor):
        while True:
            yield Batch()

    monkeypatch.setattr(Notebook, "read", forever)
    monkeypatch.setattr(harness, "MOST_BATCHES", 20)

    finding = examine(PROMISES["read_first_read_is_whole"], Case(HONEST, NotebookPeer))

    assert finding.message == "reading clients does not end: 20 batches"


def test_peer_is_stopped_after_a_failed_check(monkeypatch):
    stopped = []

    class Watched(NotebookPeer):
        def stop(self):
            super().stop()
            stopped.append(self)

    monkeypatch.setattr(Notebook, "check", lambda self: 1 / 0)

    assert examine(PROMISES["check_says_who_we_are"], Case(HONEST, Watched)).outcome == "failed"
    assert len(stopped) == 1


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], None),
        (findings("failed"), "platinum"),
        (findings("failed", "spec_has_title"), None),
        (findings("skipped", "read_first_read_is_whole"), None),
        (findings("skipped", "read_change_appears"), "platinum"),
        (findings("failed", "read_resumes_after_any_batch"), "bronze"),
        (findings("skipped", "read_survives_down"), "bronze"),
        (findings("failed", "read_removal_is_noticed"), "silver"),
        (findings("skipped", "read_removal_is_noticed"), "platinum"),
        (findings("failed", "spec_readme_names_settings"), "gold"),
        (findings("skipped", "execute_has_one_effect"), "gold"),
        ([it for it in findings("failed") if it.group != "execute"], "platinum"),
    ],
)
def test_level_is_the_highest_whose_checks_hold(found, expected):
    assert level(found) == expected


def test_table_of_levels_names_every_check_once():
    table = levels_markdown()

    assert [table.count(f"`{name}`") for name in PROMISES] == [1] * len(PROMISES)
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:6]] == ["bronze", "silver", "gold", "platinum"]
