"""S-03, S-04, S-09, S-10, S-11: what no code of the hub and its plugins may call, found in its syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = frozenset({"pickle", "marshal", "shelve", "dill", "xml", "xmlrpc", "telnetlib", "ftplib"})
NAMES = frozenset({"eval", "exec", "compile", "__import__"})
CALLS = frozenset(
    {
        "os.system",
        "os.popen",
        "os.execv",
        "os.spawnv",
        "yaml.load",
        "yaml.load_all",
        "yaml.unsafe_load",
        "yaml.full_load",
        "tempfile.mktemp",
        "ssl._create_unverified_context",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "pandas.read_pickle",
        "logging.config.listen",
        "random.seed",
    }
)
PARSERS = frozenset({"fromstring", "parse", "XML", "HTML", "iterparse", "XMLParser"})
SAFE_XML = {"resolve_entities": False, "no_network": True, "load_dtd": False}


def called(node: ast.expr) -> str:
    """Return the dotted name of what is called."""
    if isinstance(node, ast.Attribute):
        return f"{called(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def offences(source: str) -> Iterator[str]:
    """Yield what a module does that none may."""
    speaks_sql = "sqlalchemy" in source or "text(f" in source or "exec_driver_sql" in source
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [it.name for it in node.names]
            wrong = (it for it in names if it.partition(".")[0] in MODULES and it != "xml.sax.saxutils")
            yield from (f"{node.lineno}: imports {it}" for it in wrong)
        elif isinstance(node, ast.Attribute) and node.attr in ("CERT_NONE", "CERT_OPTIONAL"):
            yield f"{node.lineno}: {node.attr}"
        elif isinstance(node, ast.Call):
            yield from (f"{node.lineno}: {it}" for it in _calls(node, speaks_sql=speaks_sql))


def _calls(node: ast.Call, *, speaks_sql: bool) -> Iterator[str]:
    name = called(node.func)
    given = {it.arg: getattr(it.value, "value", None) for it in node.keywords}
    if name in NAMES or name in CALLS:
        yield name
    if given.get("shell") or given.get("autoescape", True) is False:
        yield f"{name} with shell=True or autoescape=False"
    if any(
        it.arg in ("verify", "check_hostname") and getattr(it.value, "value", True) is False for it in node.keywords
    ):
        yield f"{name} without verification"
    is_xml = name.startswith("etree.") and name.partition(".")[2] in PARSERS and "parser" not in given
    is_safe = all(given.get(option) is value for option, value in SAFE_XML.items()) and not given.get("huge_tree")
    if is_xml and not is_safe:
        yield f"{name} without the safe options"
    is_sql = speaks_sql and name.rpartition(".")[2] in ("text", "exec_driver_sql")
    if is_sql and node.args and not isinstance(node.args[0], ast.Constant | ast.IfExp):
        yield f"{name} with a text that is put together"


def sources() -> list[Path]:
    found = [*(ROOT / "hub").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    kept = [it for it in found if "tests" not in it.relative_to(ROOT).parts]
    assert len(kept) > 100
    return kept


ALLOWED = {
    # A field of more than 10 MB, such as a file that 1C keeps, is one text; entities stay closed.
    "plugins/hub_onec/exchange.py": {"etree.XMLParser without the safe options"},
    # The same for a letter with a large file.
    "hub/testing/peers/ews.py": {"etree.XMLParser without the safe options"},
    # The name of an error that exchangelib's own parser raises; nothing is parsed with it.
    "plugins/hub_exchange/client.py": {"imports xml.sax"},
    # The kit compares what two processes made of one record; both are its own.
    "hub/testing/conformance/normalise.py": {"imports pickle"},
    # A column is named by the schema, values are bound.
    "hub/store/bulk.py": {"connection.exec_driver_sql with a text that is put together"},
    # A number of our own; SQLite binds none in a PRAGMA.
    "hub/store/database.py": {"connection.exec_driver_sql with a text that is put together"},
    # A paragraph of a Word file is called so there.
    "hub/documents/templates.py": {"text with a text that is put together"},
    # The conditions of two indexes, written in the same module.
    "hub/store/tables.py": {"text with a text that is put together"},
}


def test_no_module_calls_what_is_forbidden() -> None:
    """L4."""
    found = []
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        allowed = ALLOWED.get(name, set())
        found += [f"{name}:{it}" for it in offences(path.read_text("utf-8")) if it.partition(": ")[2] not in allowed]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from xml.etree import ElementTree",
        "import xml.dom.minidom as x",
        "eval('1')",
        "import yaml\nyaml.load(text)",
        "os.system('ls')",
        "subprocess.run('ls', shell=True)",
        "httpx.get(url, verify=False)",
        "context.verify_mode = ssl.CERT_NONE",
        "etree.fromstring(content)",
        "etree.iterparse(file, no_network=True)",
        "etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)",
        "connection.execute(text(f'SELECT {name}'))",
        "connection.exec_driver_sql('SELECT ' + name)",
        "Environment(autoescape=False)",
    ],
)
def test_control_offences_are_found(source: str) -> None:
    assert list(offences(source))


def test_control_what_is_allowed_is_still_there() -> None:
    for name, kinds in ALLOWED.items():
        there = {it.partition(": ")[2] for it in offences((ROOT / name).read_text("utf-8"))}
        assert kinds <= there, name
