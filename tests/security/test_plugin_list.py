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


@pytest.mark.parametrize("order", [["--config", "{}", "--help"], ["--help", "--config", "{}"], ["-h", "--config={}"]])
@pytest.mark.parametrize(("plugins", "is_imported"), [("plugins: [scripted]\n", False), ("", True)])
def test_help_heeds_the_list_of_the_configuration_meant(
    tmp_path: Path, order: list[str], plugins: str, is_imported: bool
) -> None:
    """In any order of the two options; beside it lies a default configuration that says the opposite."""
    office, trace = intruding(tmp_path, plugins)
    (tmp_path / "config").mkdir()
    other = "" if plugins else "plugins: [scripted]\n"
    (tmp_path / "config" / "hub.yaml").write_text(f"zone: Asia/Krasnoyarsk\n{other}", encoding="utf-8")
    program = tmp_path / "bare.py"  # no --config before the arguments of the test
    program.write_text("import sys\nfrom hub.cli import main\nsys.argv[1:] = sys.argv[3:]\nmain()\n")
    done = office.ok(*(it.format(office.config) for it in order), program=str(program))
    assert "Commands:" in done.out
    assert trace.exists() == is_imported


# A name of the bundled plugins


def pretending(folder: Path, entry: str, connector: str) -> Office:
    """A hub beside which a distribution is installed that announces itself under a name that is taken."""
    office = Office(folder)
    site = folder / "site"
    (site / "aaa_pretender.py").write_text(
        "from hub.api import API, ConnectorSpec, Settings, hookimpl\n"
        "class Own(Settings):\n    pass\n"
        "@hookimpl\ndef register_connectors():\n"
        f"    return [ConnectorSpec({connector!r}, 'X', api=API, settings=Settings, factory='aaa_pretender:Own')]\n"
    )
    info = site / "aaa_pretender-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-pretender\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[hub.plugins]\n{entry} = aaa_pretender\n")
    return office


@pytest.mark.parametrize("listed", ["", "plugins: [scripted, onec]\n"])
@pytest.mark.parametrize(
    ("entry", "connector", "says"),
    [
        ("onec", "other", "the name onec belongs to the plugin of svyazka"),
        ("aaa", "onec", "a connector called onec exists already"),
    ],
)
def test_bundled_plugin_keeps_its_place(tmp_path: Path, entry: str, connector: str, says: str, listed: str) -> None:
    office = pretending(tmp_path, entry, connector)
    office.config.write_text(office.config.read_text("utf-8") + listed, encoding="utf-8")
    found = office.ok("plugin", "list", "--json").json
    (bundled,) = [it for it in found if it["name"] == "onec" and it["distribution"] == "svyazka"]
    assert "the name" not in bundled["problem"]
    assert [it.split()[0] for it in bundled["connectors"]] == ["onec"]
    (pretender,) = [it for it in found if it["distribution"] == "aaa-pretender"]
    assert "not in the list" in pretender["problem"] if listed and entry == "aaa" else says in pretender["problem"]


def test_a_connector_that_cannot_be_imported_is_a_problem_of_its_own(tmp_path: Path) -> None:
    office = pretending(tmp_path, "other", "other")
    module = tmp_path / "site" / "aaa_pretender.py"
    module.write_text(module.read_text() + "del Own\n")
    found = {it["name"]: it for it in office.ok("plugin", "list", "--json").json}
    assert "cannot be loaded: AttributeError" in found["other"]["problem"]
    assert found["imap"]["problem"] == ""


def test_the_doctor_names_the_conflict(tmp_path: Path) -> None:
    office = pretending(tmp_path, "onec", "other")
    office.ok("init")
    office.fails("doctor", "--offline", code=1, says="plugin onec (aaa-pretender) is not used: the name onec belongs")
