"""What the documentation says is so: commands exist, files load, code runs, and nothing that exists is left out."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hub import hookspecs
from hub.cli import COMMANDS, cli
from hub.cli.setup import EXAMPLE
from hub.config import HubConfig, load_config
from hub.letter_rules import LetterRule
from hub.model import errors
from hub.model.entities import ENTITIES
from hub.plugins import Plugins
from hub.reminders.conditions import EVENTS
from hub.reminders.rules import BUILTIN, load_rules
from hub.testing.meanings import meanings

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "plugins").glob("*/README.md")])
BLOCK = re.compile(r"^(?P<indent> *)```(?P<kind>\w*)\n(?P<body>.*?)^(?P=indent)```", re.M | re.S)


def _generator() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "scripts" / "reference.py")
    sys.path.insert(0, str(ROOT / "scripts"))  # as for a script that is run
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def reference(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)


def blocks(page: Path, *kinds: str) -> list[str]:
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [inspect.cleandoc("\n" + it["body"]) for it in found if it["kind"] in kinds]


# The reference


@pytest.mark.parametrize("name", GENERATOR.PAGES)
def test_reference_is_what_the_code_says(name):
    assert reference(name) == GENERATOR.page(name), "run: make reference"


def test_every_reference_page_is_made_from_the_code():
    assert {page.name for page in REFERENCE.glob("*.md")} == set(GENERATOR.PAGES)


def test_a_changed_signature_makes_a_page_stale(monkeypatch):
    def startup(hub: object, place: str) -> None:
        """Run once."""

    startup.hub_spec = hookspecs.startup.hub_spec
    monkeypatch.setattr(hookspecs, "startup", startup)

    assert GENERATOR.page("hooks.md") != reference("hooks.md")
    assert "startup(hub: object, place: str)" in GENERATOR.page("hooks.md")


def test_each_hook_has_a_heading_with_its_signature():
    written = headings(reference("hooks.md"))
    hooks = [function for function in vars(hookspecs).values() if hasattr(function, "hub_spec")]

    assert len(hooks) > 5
    for hook in hooks:
        parameters = ", ".join(f"{name}: {kind}" for name, kind in hook.__annotations__.items() if name != "return")
        assert f"`{hook.__name__}({parameters}) -> {hook.__annotations__['return']}`" in written


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli, info_name="hub")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield f"hub {name}", command
        if isinstance(command, click.Group):
            yield from ((f"hub {name} {verb}", each) for verb, each in command.commands.items())


def test_each_command_has_a_heading_its_words_and_its_options():
    text = reference("commands.md")
    sections = dict(re.findall(r"^##+ `([^`]+)`\n(.*?)(?=^##|\Z)", text, re.M | re.S))

    for path, command in commands():
        usage = " ".join([path, *command.collect_usage_pieces(click.Context(command))])
        assert usage in sections, usage
        assert (command.help or "").split("\n")[0] in sections[usage]
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert any(f"{flag}" in sections[usage] for flag in option.opts), f"{path}: {option.opts}"


def test_each_command_says_what_it_does():
    assert [path for path, command in commands() if not (command.help or "").strip()] == []


def test_each_setting_has_a_row_with_its_meaning():
    text = reference("connectors.md")
    specs = Plugins().connectors.values()

    assert len(specs) >= 4
    for spec in specs:
        section = re.search(rf"^## {re.escape(spec.title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        assert section is not None, spec.title
        said = meanings(spec.settings)
        for name in spec.settings.model_fields:
            row = next((line for line in section[1].splitlines() if line.startswith(f"| `{name}` |")), "")
            assert " ".join(said.get(name, "missing").split()).replace("|", "\\|") in row, f"{spec.name}.{name}"


def test_each_configuration_key_has_a_row():
    rows = re.findall(r"^\| `(\w+)` \|", reference("configuration.md"), re.M)

    assert set(HubConfig.model_fields) <= set(rows)
    assert set(LetterRule.model_fields) <= set(rows)
    assert {"bic", "substitute", "vanish_limit", "number_pattern", "approve", "working_days"} <= set(rows)


def test_each_kind_and_type_of_event_is_there():
    text = reference("events.md")

    assert [kind for kind in ENTITIES if f"`{kind}`" not in headings(text)] == []
    assert [name for name in EVENTS if f"`{name}`" not in text] == []
    assert [f"{kind}.{name}" for kind, entity in ENTITIES.items() for name in entity.__struct_fields__
            if f"| `{name}` |" not in text] == []  # fmt: skip


def test_each_error_has_a_heading_with_its_signature():
    written = headings(reference("errors.md"))
    kinds = [it for it in vars(errors).values() if isinstance(it, type) and issubclass(it, errors.HubError)]

    assert len(kinds) == 6
    for kind in kinds:
        named = [name for name in inspect.signature(kind).parameters if name != "self"]
        assert any(head.startswith(f"`{kind.__name__}(") and all(name in head for name in named) for head in written)


def test_each_builtin_rule_stands_there_as_it_is():
    text = reference("rules.md")
    rules = load_rules((BUILTIN,), None)

    assert len(rules) >= 7
    assert [rule.id for rule in rules if f"`{rule.id}`" not in headings(text)] == []
    assert [file.name for file in BUILTIN.glob("*.yaml") if file.read_text("utf-8").strip() not in text] == []


def test_each_public_name_is_there():
    from hub import api

    text = "\n".join(reference(name) for name in ("api.md", "events.md", "errors.md"))
    known = set(re.findall(r"^## `(\w+)", text, re.M)) | {kind.__name__ for kind in ENTITIES.values()}

    assert set(api.__all__) - known == set()


# Links, commands, files and code of the pages


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            anchors = {
                re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in headings(file.read_text("utf-8"))
            }
            assert anchor in anchors, target


def spoken_commands(page: Path) -> list[str]:
    """The `hub …` lines of shell blocks and the `hub …` words of the prose."""
    text = page.read_text(encoding="utf-8")
    lines = [line.strip() for block in blocks(page, "sh", "bat") for line in block.splitlines()]
    lines += [re.sub(r"\s+", " ", words) for words in re.findall(r"`(hub [a-z][^`]*)`", BLOCK.sub("", text))]
    return [re.sub(r"^\S*[/\\]hub ", "hub ", line) for line in lines if re.match(r"(\S*[/\\])?hub ", line)]


SPEAKING = [page for page in PAGES if page != REFERENCE / "commands.md" and spoken_commands(page)]


@pytest.mark.parametrize("page", SPEAKING, ids=name_of)
def test_commands_in_the_text_exist_with_their_options(page):
    for line in spoken_commands(page):
        words = shlex.split(line)[1:]
        command: click.Command = cli
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(click.Context(command), words[0])
            if found is None and re.fullmatch(r"[A-Z]+|…", words[0]):
                break
            assert found is not None, line
            command, words = found, words[1:]
        known = {flag for option in command.params for flag in option.opts} | {"--help", "--version"}
        assert {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"} <= known, line


def test_an_invented_command_would_be_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```sh\nhub sync --everything\n```\nand `hub dance`\n")

    assert spoken_commands(page) == ["hub sync --everything", "hub dance"]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "sh")], ids=name_of)
def test_make_targets_in_the_text_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    spoken = re.findall(r"(?:^|`)make ([a-z][a-z-]*)(?=`| *$| +#)", page.read_text(encoding="utf-8"), re.M)

    assert set(spoken) <= targets


def example_without_comment_marks() -> str:
    """The example as somebody has it who uses all that it offers."""
    filled = EXAMPLE.replace("employees: []", "employees:").replace("connections: {}", "connections:")
    return re.sub(r"^#(?=  \S)", "", re.sub(r"^# (?=organisation:|  )", "", filled, flags=re.M), flags=re.M)


def configurations() -> Iterator[tuple[str, str]]:
    """Each configuration in the text; what a connection alone leaves out is the firm's."""
    yield "config/hub.example.yaml", EXAMPLE
    yield "config/hub.example.yaml, all of it", example_without_comment_marks()
    for page in PAGES:
        for block in blocks(page, "yaml") if page.parent != REFERENCE else ():
            yield name_of(page), f'area_code: "391"\n{block}' if block.startswith("connections:") else block


CONFIGURATIONS = list(configurations())


@pytest.mark.parametrize(("place", "text"), CONFIGURATIONS, ids=[place for place, _ in CONFIGURATIONS])
def test_configurations_in_the_text_are_right(place, text, tmp_path, monkeypatch):
    for name in re.findall(r"env:(\w+)", text):
        monkeypatch.setenv(name, "4711")
    for number, name in enumerate(re.findall(r"file:([^\s,}\"]+)", text)):
        secret = tmp_path / f"secret-{number}"
        secret.write_text("4711")
        text = text.replace(f"file:{name}", f"file:{secret}")
    file = tmp_path / "hub.yaml"
    file.write_text(text, encoding="utf-8")

    config = load_config(file)
    connectors = Plugins().connectors
    assert config.model.connections or "connector:" not in re.sub("^#.*", "", text, flags=re.M)
    for connection in config.model.connections.values():
        if connection.connector != "phonebook":  # the plugin of the how-to is run below
            config.settings(connection, connectors[connection.connector].settings)


def test_example_configuration_is_what_init_writes():
    assert (ROOT / "config" / "hub.example.yaml").read_text(encoding="utf-8") == EXAMPLE


def test_readme_begins_with_the_two_commands():
    first = blocks(ROOT / "README.md", "sh")[0]

    assert [line.partition("#")[0].strip() for line in first.splitlines()] == ["make demo", "make test"]


# The plugin of the how-to


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phonebook")
    text = (ROOT / "docs" / "how-to" / "write-a-plugin.md").read_text(encoding="utf-8")
    for name, body in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```", text, re.M | re.S):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(body, encoding="utf-8")
    return folder


def in_plugin(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder / "src"), str(ROOT), str(ROOT / "plugins")])
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


LEVEL = """
from hub.testing.conformance import run
from hub_phonebook import register_connectors
from hub_phonebook.peer import PhonebookPeer
print(run(register_connectors()[0], PhonebookPeer).level)
"""


def test_plugin_of_the_how_to_passes_its_tests(plugin):
    done = in_plugin(plugin, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(plugin))

    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


def test_plugin_of_the_how_to_reaches_the_level_it_says(plugin):
    text = (ROOT / "docs" / "how-to" / "write-a-plugin.md").read_text(encoding="utf-8")
    said = re.search(r"this plugin reaches \*\*(\w+)\*\*", text)
    done = in_plugin(plugin, "-c", LEVEL)

    assert said is not None
    assert done.stdout.strip() == said[1], done.stderr[-2000:]


def test_forgetting_what_the_how_to_warns_of_costs_the_level(plugin, tmp_path):
    import shutil

    careless = tmp_path / "careless"
    shutil.copytree(plugin, careless)
    connector = careless / "src" / "hub_phonebook" / "connector.py"
    code = connector.read_text(encoding="utf-8")
    connector.write_text(code.replace('if not content.endswith(b"\\n"):', "if False:"), encoding="utf-8")
    done = in_plugin(careless, "-c", LEVEL)

    assert 'if not content.endswith(b"\\n"):' in code
    assert done.stdout.strip() == "bronze", done.stderr[-2000:]
