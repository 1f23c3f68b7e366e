"""Write docs/reference from the code, or with --check tell which page is no longer what the code says."""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
import promises
import seeds
from msgspec import NODEFAULT, Struct
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from hub import api, formulas, hookspecs
from hub.cli import COMMANDS, cli
from hub.config import (
    Bank,
    Calendar,
    ChannelConfig,
    ConnectionConfig,
    Documents,
    Employee,
    Entering,
    HubConfig,
    Organisation,
    Outbox,
    OwnKind,
    Reports,
    SavedAttachments,
    Signer,
    VatSince,
)
from hub.entering import DiscountRule, WorkRule
from hub.letter_rules import LetterRule
from hub.model import connector, errors, settings
from hub.model.entities import ENTITIES
from hub.plugins import BUNDLED, Plugins, capabilities
from hub.reminders import conditions, rules
from hub.reports.registry import REPORTS, WORDS
from hub.testing import peer
from hub.testing.conformance import PROMISES, levels_markdown
from hub.testing.meanings import meanings
from hub.yaml_text import load_file

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
HEAD = "<!-- Made from the code by `make reference`; do not edit. -->\n"
CONFIGURATION: Mapping[str, tuple[type[BaseModel], str]] = {
    "(top)": (HubConfig, "Keys of the file."),
    "organisation": (Organisation, "Our own firm, as it stands on documents."),
    "organisation.bank": (Bank, "Where clients pay to."),
    "organisation.signer": (Signer, "Who signs contracts and acts for us."),
    "organisation.vat_rates": (VatSince, "VAT on our services from a day on, one entry for each change."),
    "employees": (Employee, "A list; one entry for each of our people."),
    "connections": (
        ConnectionConfig,
        "A mapping of name to connection; further keys are the settings of its connector.",
    ),
    "calendar": (Calendar, "Office hours and the firm's own changes to the production calendar."),
    "documents": (Documents, "How the documents the hub makes are numbered, drawn and kept."),
    "documents.kinds": (OwnKind, "A mapping of short name to a kind of document that the firm adds."),
    "entering": (Entering, "What people enter themselves."),
    "entering.discounts": (DiscountRule, "Discounts by quantity, one entry for each rule."),
    "entering.works": (WorkRule, "Works that follow from the goods of an offer, one entry for each rule."),
    "channels": (ChannelConfig, "A mapping of name to a way to tell employees at once, besides mail."),
    "outbox": (Outbox, "What may leave without a second look."),
    "attachments": (SavedAttachments, "Files that come by mail and are saved into folders, one entry for each wish."),
    "letters": (
        LetterRule,
        "What letters become, one entry for each rule, and [how](../how-to/turn-letters-into-tickets.md).",
    ),
    "reports": (
        Reports,
        "How reports count; which figures a formula may name is on the page of [reports](reports.md).",
    ),
}
HIDDEN = {ConnectionConfig: ("name", "settings")}

INTRODUCTIONS: Mapping[str, str] = {
    "commands.md": """
# Commands

Every command follows the same order: `hub [OPTIONS] COMMAND`. What is meant for scripts goes to stdout, progress and
messages go to stderr. Commands that list or show take `--json` and then print one JSON document and nothing else.

Exit codes: 0 done, 1 something failed, 2 wrong usage, 3 some connections failed.
""",
    "configuration.md": """
# Configuration

One YAML file: the one given by `--config`, else by `HUB_CONFIG`, else `config/hub.yaml`. Every scalar is read as text
and typed by the key it stands for, so `kpp: 046501001` stays what it says. Unknown and repeated keys, anchors and tags
are errors that name the line. `config/hub.example.yaml` is a first file; `hub init` writes it.

A secret is never written into the file. It is a reference: `env:NAME` (environment variable), `file:PATH` (content of
a file) or `keyring:SERVICE/NAME` (the system's key ring, needs the extra `keyring`).
""",
    "connectors.md": """
# Connectors

The settings of a connection stand beside the [common keys](configuration.md#connections). A required setting must be
given, except `zone` and `area_code`, which the firm's configuration may give. Each plugin's README says what it reads.
""",
    "hooks.md": """
# Hooks

Hooks register and announce; none of them changes data in flight. A plugin marks its functions with `hub.api.hookimpl`.
""",
    "api.md": """
# The public module

`hub.api` is all that a plugin imports of the hub. The nouns (Client, Invoice …) are on the page of
[events](events.md), the errors on [theirs](errors.md).
""",
    "events.md": """
# Events

An event's type is `noun.past_verb`. An observation, `<kind>.observed`, carries what its source says now; an occurrence
says what happened and carries the whole entity as well. Dates of a source are days, instants are aware UTC, money is
exact. A field that is not required and not given means that the source does not say.
""",
    "errors.md": "\n# Errors\n",
    "levels.md": """
# Quality levels

A level is computed from what the conformance kit finds, never declared: `hub plugin check NAME`.
""",
    "rules.md": """
# Rules

Built-in rules are switched off or replaced by their id in `config/rules/*.yaml`. `hub rule check` reads all of them,
`hub rule preview NAME` lists what one would touch now, `hub rule test FILE` runs a scenario.
""",
    "reports.md": """
# Reports

`hub report NAME` prints a table, `--json` one document for scripts, `--xlsx FILE` writes a workbook with a chart,
`--png FILE` a picture of the chart. Days are days of the firm's zone; both ends of `--from` and `--to` are inside.
Sums are in roubles, with VAT as on the documents.
""",
    "seeds.md": """
# What answers each demand

The demands are the 150 rows of the five documents the hub was made for (S000 to S004). A row is proven by a built-in
rule with its scenario, which shows when it opens, stays quiet, ends and goes up and which fails when any part of the
rule is taken away, or by tests that name the row. Nothing is called proven by hand.
""",
    "promises.md": """
# Which test proves which promise

What the hub does under faults, bad input and attack, and what its libraries do by default. A test stands here when its
docstring names the row; a row without one says for what it waits. The rows are kept in `tests/promises.toml`.
""",
}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; an empty one is a sentence."""
    lines = ["| " + " | ".join(_cell(cell) for cell in row).rstrip() + " |" for row in rows]
    return "\n".join([f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *lines]) if lines else "None."


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def commands() -> str:
    """Every command with its usage, arguments and options."""
    parts = [*_command(cli, "hub", 2)]
    for name in COMMANDS:
        found = cli.get_command(click.Context(cli, info_name="hub"), name)
        if found is not None:
            parts += _command(found, f"hub {name}", 2)
    return "\n\n".join(parts)


def _command(command: click.Command, path: str, depth: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"{'#' * depth} `{' '.join([path, *command.collect_usage_pieces(context)])}`"
    yield inspect.cleandoc(command.help or "")
    options = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    if rows := [(f"`{record[0]}`", record[1]) for record in options if record]:
        yield table(("option", "meaning"), rows)
    if isinstance(command, click.Group) and command is not cli:
        for name, each in command.commands.items():
            yield from _command(each, f"{path} {name}", depth + 1)


def configuration() -> str:
    """Every key of the configuration file."""
    parts = []
    for name, (model, text) in CONFIGURATION.items():
        hidden = HIDDEN.get(model, ())
        parts += [
            f"## `{name}`",
            text,
            _settings_table(model, hidden),
        ]
    return "\n\n".join(parts)


def _settings_table(model: type[BaseModel], hidden: Collection[str] = ()) -> str:
    said = meanings(model)
    rows = [
        (f"`{name}`", type_words(field), _default(field), said.get(name, ""))
        for name, field in model.model_fields.items() if name not in hidden
    ]  # fmt: skip
    return table(("key", "value", "default", "meaning"), rows)


def type_words(field: FieldInfo) -> str:
    """Return what a person may write for a setting."""
    return _words(field.annotation) + _limits(field.metadata)


def _words(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner = [
            part for extra in arguments[1:] for part in (extra.metadata if isinstance(extra, FieldInfo) else [extra])
        ]
        return _words(arguments[0]) + _limits(inner)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return ", or ".join(_words(each) for each in arguments if each is not type(None))
    if origin is tuple:
        return f"list of {_words(arguments[0])}"
    if origin is not None and issubclass(origin, Mapping):
        return f"mapping of {_words(arguments[0])} to {_words(arguments[1])}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "mapping, see below"
    known = {
        str: "text",
        int: "number",
        bool: "yes or no",
        timedelta: "duration, such as `15m`",
        SecretStr: "secret reference",
    }
    return known.get(kind, kind.__name__.lower())


def _limits(metadata: Iterable[Any]) -> str:
    words = []
    for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
        words += [
            f"{sign} {_plain(getattr(limit, name))}" for limit in metadata if getattr(limit, name, None) is not None
        ]
    return f" {', '.join(words)}" if words else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    return f"`{_plain(default)}`" if default not in (None, "", (), {}) and not isinstance(default, BaseModel) else ""


def _plain(value: Any) -> str:
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
            if seconds and seconds % size == 0:
                return f"{seconds // size}{unit}"
        return f"{seconds}s"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def connectors() -> str:
    """Every bundled connector with its settings."""
    plugins = Plugins()
    ours = [plugin for plugin in plugins.found if plugin.distribution == BUNDLED]
    if broken := [f"{plugin.name}: {plugin.problem or 'no connector'}" for plugin in ours if not plugin.connectors]:
        raise SystemExit(f"plugins that cannot be described: {'; '.join(broken)}")
    parts = []
    for name in sorted(each for plugin in ours for each in plugin.connectors):
        spec = plugins.connectors[name]
        module = inspect.getdoc(sys.modules[spec.factory.partition(".")[0]]) or ""
        made = f"`{spec.name}`: {', '.join(capabilities(_class(spec.factory)))}."
        parts += [f"## {spec.title}", f"{made} {module}", _settings_table(spec.settings)]
    return "\n\n".join(parts)


def _class(factory: str) -> Any:
    module, _, name = factory.partition(":")
    return getattr(__import__(module, fromlist=[name]), name)


def hooks() -> str:
    """Every hook with its signature."""
    parts = []
    for name, function in vars(hookspecs).items():
        if options := getattr(function, "hub_spec", None):
            first = " The first answer that is not `None` counts." if options["firstresult"] else ""
            parts += [f"## `{signature(name, function)}`", f"{inspect.getdoc(function)}{first}"]
    return "\n\n".join(parts)


def signature(name: str, function: Callable[..., Any]) -> str:
    """Return a signature as it is written, without quotes around annotations and without `self`."""
    written = inspect.signature(function)
    kept = [parameter for parameter in written.parameters.values() if parameter.name not in ("self", "cls")]
    text = re.sub(r"(: |-> )'([^']+)'", r"\1\2", str(written.replace(parameters=kept)))
    return name + text.replace("datetime.timedelta", "timedelta")


def public_module() -> str:
    """Every name of hub.api."""
    parts: list[str] = []
    for name in api.__all__:
        thing = getattr(api, name)
        if thing in ENTITIES.values() or (isinstance(thing, type) and issubclass(thing, Exception)):
            continue
        parts += _described(name, thing)
    return "\n\n".join(parts)


def _described(name: str, thing: Any) -> Iterator[str]:
    if words := _constant_words(name):
        yield f"## `{name}`"
        yield words
    elif isinstance(thing, type):
        yield f"## `{name}`"
        yield inspect.cleandoc(thing.__doc__ or "") if "__doc__" in vars(thing) else ""
        yield _struct_table(thing) if issubclass(thing, Struct) else ""
        yield table(("method", "does"), _methods(thing)) if _methods(thing) else ""
    else:
        function = inspect.unwrap(thing)
        yield f"## `{signature(name, function)}`"
        yield inspect.getdoc(function) or ""


def _constant_words(name: str) -> str:
    known = {"hookimpl": "The mark of a plugin's hooks: `@hookimpl`.", "Entity": "Any of the nouns."}
    for module in (api, connector, settings):
        found = re.search(rf'^{name}(?:: \w+)? = .+?\n"""(.+?)"""', inspect.getsource(module), re.M | re.S)
        if found:
            return found[1]
    return known.get(name, "")


def _struct_table(struct: type[Struct]) -> str:
    written = {
        name: text for each in reversed(struct.__mro__) for name, text in getattr(each, "__annotations__", {}).items()
    }
    names, defaults = struct.__struct_fields__, struct.__struct_defaults__
    padded = (NODEFAULT,) * (len(names) - len(defaults)) + defaults
    rows = [
        (f"`{name}`", f"`{written[name]}`", _struct_default(value)) for name, value in zip(names, padded, strict=True)
    ]
    return table(("field", "type", "default"), rows)


def _struct_default(value: Any) -> str:
    if value is NODEFAULT:
        return "required"
    return f"`{value!r}`" if isinstance(value, bool | int) or (isinstance(value, str) and value) else ""


def _methods(thing: type) -> list[tuple[str, str]]:
    rows = []
    for name, found in vars(thing).items():
        method = found.__func__ if isinstance(found, classmethod) else found
        if name.startswith("_"):
            continue
        if isinstance(method, property):
            rows.append((f"`{name}`", inspect.getdoc(method) or ""))
        elif isinstance(method, types.FunctionType):
            rows.append((f"`{signature(name, method)}`", (inspect.getdoc(method) or "").partition("\n\n")[0]))
    return rows


def events() -> str:
    """The vocabulary: kinds, their fields, the types of events."""
    parts = ["## Types of events", table(("kind", "types"), _types())]
    for kind, entity in ENTITIES.items():
        parts += [f"## `{kind}`", inspect.getdoc(entity) or "", _struct_table(entity)]
        own = set(entity.__struct_fields__)
        extra = [f"`{name}` ({what})" for name, what in conditions.FIELDS[kind].items() if name not in own]
        parts.append(f"Rules know besides: {', '.join(extra)}.")
    for kind in sorted(set(conditions.FIELDS) - set(ENTITIES)):
        known = [f"`{name}` ({what})" for name, what in conditions.FIELDS[kind].items()]
        parts += [f"## `{kind}`", f"Not read from a connector. Rules know: {', '.join(known)}."]
    return "\n\n".join(parts)


def _types() -> Iterator[tuple[str, str]]:
    for kind in conditions.FIELDS:
        names = sorted(name for name in conditions.EVENTS if name.startswith(f"{kind}."))
        yield f"`{kind}`", ", ".join(f"`{name}`" for name in names)


def error_page() -> str:
    """The errors a connector may raise."""
    before, _, tree = (inspect.getdoc(errors) or "").partition("\n\n")
    parts = [before, f"```\n{tree}\n```"]
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.HubError):
            parts += [f"## `{signature(name, kind.__init__)}`".replace(" -> None", ""), inspect.getdoc(kind) or ""]
    return "\n\n".join(parts)


def levels() -> str:
    """The quality levels, the checks of the conformance kit and the troubles of a peer."""
    promises = ((f"`{it.name}`", it.level + (", vital" if it.vital else ""), it.text) for it in PROMISES.values())
    faults = (inspect.getsource(peer).partition("Fault = Literal")[2].split('"""')[1]).partition("\n\n")
    return "\n\n".join([
        levels_markdown().rstrip(),
        "## Checks",
        table(("check", "level", "promise"), promises),
        "## Troubles of a peer",
        faults[0],
        table(("fault", "trouble"), (re.split(r"\s{2,}", line, maxsplit=1) for line in faults[2].strip().splitlines())),
    ])  # fmt: skip


def rule_page() -> str:
    """The format of rules and every built-in rule as it is."""
    files = sorted(rules.BUILTIN.glob("*.yaml"))
    known = [(file, rule) for file in files for rule in rules.read_rules(load_file(file))]
    summary = (
        (f"[`{rule.id}`](#{rule.id})", rule.severity, rule.title.written, " ".join(rule.seeds)) for _, rule in known
    )
    parts = ["## Built-in rules", table(("rule", "severity", "title", "asked for in"), summary)]
    parts += ["## Format", inspect.getdoc(rules) or "", "## Conditions", inspect.getdoc(conditions) or ""]
    parts.append("What a rule may name is on the page of [events](events.md).")
    for file in files:
        names = ", ".join(f"`{rule.id}`" for origin, rule in known if origin == file)
        parts += [f"## {names}", f"```yaml\n{file.read_text(encoding='utf-8').strip()}\n```"]
    return "\n\n".join(parts)


def seed_page() -> str:
    """Every demand, what answers it, and the scenarios and tests that prove it."""
    states = seeds.states()
    rows = [
        (
            row,
            words,
            kind,
            ", ".join(f"[`{name}`](rules.md#{name})" for name in states[row][0]),
            ", ".join(f"`{name}`" for name in states[row][1]),
            states[row][2],
        )
        for row, (kind, words) in seeds.ROWS.items()
    ]
    counts = [sum(row[5].startswith(word) for row in rows) for word in ("proven", "in part", "waits", "not software")]
    text = "{} rows are proven, {} in part, {} wait, {} are no matter of software.".format(*counts)
    return f"{text}\n\n{table(('row', 'demand', 'answer', 'rules', 'tests', 'state'), rows)}"


def report_page() -> str:
    """Every report, the figures a formula may name, and the shipped formulas."""
    rows = [
        (f"`{it.name}`", it.summary, WORDS[it.usual], ", ".join(f"`--{name}`" for name in it.filters))
        for it in REPORTS.values()
    ]
    parts = [table(("report", "shows", "days when none are said", "besides"), rows), "## Formulas"]
    parts += [inspect.getdoc(formulas) or "", "Every report of pay shows the formula it used."]
    parts.append(table(("formula", "as shipped"), [(f"`{k}`", f"`{v}`") for k, v in formulas.SHIPPED.items()]))
    parts += ["## Figures", table(("figure", "meaning"), [(f"`{k}`", v) for k, v in formulas.FIGURES.items()])]
    return "\n\n".join(parts)


def promises_page() -> str:
    """Every promise with the tests that name it."""
    groups = list(promises.tables())
    states = [row[3] for _, rows in groups for row in rows]
    done, parts = (sum(state.startswith(word) for state in states) for word in ("proven", "in part"))
    count = f"{done} rows are proven, {parts} more in part, {len(states) - done - parts} wait."
    heads = ("row", "promise", "tests", "state")
    return "\n\n".join([count, *(f"## {title}\n\n{table(heads, rows)}" for title, rows in groups)])


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands,
    "configuration.md": configuration,
    "connectors.md": connectors,
    "hooks.md": hooks,
    "api.md": public_module,
    "events.md": events,
    "errors.md": error_page,
    "levels.md": levels,
    "rules.md": rule_page,
    "reports.md": report_page,
    "seeds.md": seed_page,
    "promises.md": promises_page,
}


def page(name: str) -> str:
    """Return the whole text of a page."""
    text = f"{HEAD}{INTRODUCTIONS[name]}\n{PAGES[name]()}\n"
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.splitlines())) + "\n"


def main() -> int:
    """Write the pages; with --check write nothing and fail when one is not what the code says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    stale = []
    for name in PAGES:
        file, text = FOLDER / name, page(name)
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                FOLDER.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    unknown = sorted(found.name for found in FOLDER.glob("*.md") if found.name not in PAGES)
    if check and (stale or unknown):
        print(
            f"docs/reference is not what the code says: {', '.join(stale + unknown)}. Run: make reference",
            file=sys.stderr,
        )
        return 1
    print(f"docs/reference: {len(PAGES)} pages, {len(stale)} {'stale' if check else 'written'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
