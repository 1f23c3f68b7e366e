"""The tree keeps its shape: short modules, imports that point downwards, every plugin is listed, no slips."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PLUGINS = sorted(folder.name for folder in (ROOT / "plugins").iterdir() if (folder / "__init__.py").is_file())
LONGEST = 600
SLIPS = {
    "a path of one machine": r"(?<![\w.])/(?:wor[k]|tm[p]|far[m]|roo[t])/",
    "a package index": r"https?://[a-z.-]*(?:pyp[i]|pythonhoste[d]|npmj[s]|debia[n])[a-z.]*",
    "tools of writing": r"(?i)sub-?agen[t]|chatgp[t]|claud[e]|large language mode[l]",
    "an unfinished mark": r"\b(?:TOD[O]|FIXM[E]|XX[X])\b",
}


def files() -> list[Path]:
    """Every text file of the project, as git knows it or as it lies there without git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [
            path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        ]
    return [path for path in found if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


def modules(*folders: str) -> Iterator[Path]:
    """Every Python file under the folders."""
    for folder in folders:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "__pycache__" not in path.parts)


def imported(path: Path) -> set[str]:
    """The absolute names a file imports anywhere, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            if node.module == "hub":
                names |= {f"hub.{alias.name}" for alias in node.names}
    return names


def test_no_module_is_longer_than_a_reader_can_hold():
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_bytes().splitlines())
        for path in modules("hub", "plugins", "scripts", "tests")
        if "migrations" not in path.parts  # a migration records a schema once and is never edited
    }

    assert len(lengths) > 50
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize("kind", SLIPS)
def test_no_text_of_the_project_carries_a_slip(kind):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if re.search(SLIPS[kind], line)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("a path of one machine", "see /tm" + "p/x"),
        ("a package index", "https://pyp" + "i.org/simple"),
        ("tools of writing", "the sub" + "agent said"),
        ("an unfinished mark", "# TO" + "DO later"),
    ],
)
def test_a_slip_would_be_seen(kind, line):
    assert re.search(SLIPS[kind], line)


def test_data_outside_the_tree_is_named_in_tests_only():
    allowed = {"tests", ".ci"}
    found = [
        path.relative_to(ROOT).as_posix()
        for path in files()
        if not allowed.intersection(path.relative_to(ROOT).parts)
        and re.search(
            r"\.\./share[d]|share[d]/(?:data|reference|peers)", path.read_text(encoding="utf-8", errors="replace")
        )
    ]

    assert found == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_imports_the_public_module_and_nothing_else_of_the_hub(plugin):
    strangers = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(f"plugins/{plugin}")
        for name in imported(path)
        if name == "hub" or name.startswith(("hub.", "hub_"))
        if not (name in ("hub.api", plugin) or name.startswith(f"{plugin}."))
        if not ("tests" in path.parts and (name in ("hub", "hub.tools") or name.startswith("hub.testing")))
    }

    assert strangers == set()


def test_the_hub_imports_no_plugin():
    found = {
        f"{path.relative_to(ROOT)}: {name}" for path in modules("hub") for name in imported(path) if _is_plugin(name)
    }

    assert found == set()


def _is_plugin(name: str) -> bool:
    return name.partition(".")[0] in PLUGINS


def test_layers_and_contracts_hold():
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_every_list_of_the_project_names_every_plugin():
    tools = PROJECT["tool"]
    contracts = tools["importlinter"]["contracts"]
    lists = {
        "entry points": PROJECT["project"]["entry-points"]["hub.plugins"].values(),
        "wheel": [name.removeprefix("plugins/") for name in tools["hatch"]["build"]["targets"]["wheel"]["packages"]],
        "mypy": tools["mypy"]["packages"],
        "coverage": tools["coverage"]["run"]["source_pkgs"],
        "deptry": tools["deptry"]["known_first_party"],
        "import-linter": tools["importlinter"]["root_packages"],
        "what plugins may know": next(it for it in contracts if "public module" in it["name"])["source_modules"],
        "independence": next(it for it in contracts if it["type"] == "independence")["modules"],
    }

    assert PLUGINS
    assert {
        title: sorted(set(PLUGINS) - set(names)) for title, names in lists.items() if set(PLUGINS) - set(names)
    } == {}


def test_versions_are_pinned_for_every_dependency():
    """S-32."""
    lines = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    pinned = {_plain_name(line.partition("==")[0]) for line in lines}
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = {_plain_name(text) for group in (PROJECT["project"]["dependencies"], *extras) for text in group}

    assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+", line) for line in lines), "one name==version a line, no address"
    assert wanted - pinned == set()


def _plain_name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()
