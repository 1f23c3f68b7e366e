"""S-31: a plugin that is not on the list `plugins:` is imported by no command, not even by help or a mistyped name.

Control: with an empty list, and where there is no configuration, the same commands import it. Seen failing:
`hub --help`, `hub nonsense`, `hub plugin list` and `hub record parse` imported every plugin installed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import NOW, Office

COMMANDS = [
    ["--help"],
    ["nonsense"],
    ["plugin", "list"],
    ["record", "parse", "imap", "letter.eml"],
    ["doctor", "--offline"],
    ["sync", "--dry-run"],
    ["--now", NOW, "today"],
    ["rule", "list"],
    ["status"],
    ["run", "--once"],
]
LETTER = b"From: a@b.ru\r\nSubject: x\r\n\r\nx"


def intruding(folder: Path, plugins: str) -> tuple[Office, Path]:
    """A hub beside which a distribution is installed that leaves a trace when it is imported."""
    office = Office(folder)
    trace = folder / "trace"
    site = folder / "site"
    (site / "intruder.py").write_text(f"from pathlib import Path\nPath({str(trace)!r}).write_text('here')\n")
    info = site / "intruder-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: intruder\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hub.plugins]\nintruder = intruder\n")
    (folder / "letter.eml").write_bytes(LETTER)
    office.config.write_text(office.config.read_text("utf-8") + plugins, encoding="utf-8")
    return office, trace


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Office, Path]:
    office, trace = intruding(tmp_path_factory.mktemp("listed"), "plugins: [scripted]\n")
    office.ok("init")
    return office, trace


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_no_command_imports_what_is_not_on_the_list(listed: tuple[Office, Path], command: list[str]) -> None:
    office, trace = listed
    done = office.hub(*command)
    assert "Traceback" not in done.err
    assert not trace.exists()


def test_the_list_says_why(listed: tuple[Office, Path]) -> None:
    office, _ = listed
    assert (
        "not in the list"
        in {it["name"]: it for it in office.ok("plugin", "list", "--json").json}["intruder"]["problem"]
    )


def test_a_configuration_that_cannot_be_read_permits_nothing(tmp_path: Path) -> None:
    office, trace = intruding(tmp_path, "plugins: [scripted\n")
    for command in (["--help"], ["nonsense"], ["plugin", "list"]):
        office.hub(*command)
        assert not trace.exists()


@pytest.mark.parametrize("command", COMMANDS[:4], ids=lambda command: " ".join(command[:2]))
def test_control_an_empty_list_permits_all(tmp_path: Path, command: list[str]) -> None:
    office, trace = intruding(tmp_path, "")
    office.hub(*command)
    assert trace.exists()
