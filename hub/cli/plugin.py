"""`hub plugin`: what is installed, how good it is, and the start of a new one."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from pathlib import Path

import click

from hub.cli.app import App, pass_app, print_json, print_table, say
from hub.model.errors import SettingsError
from hub.plugins import capabilities, factory_of
from hub.yaml_text import nearest


@click.group()
def plugin() -> None:
    """Plugins: installed ones, new ones, their quality."""


@plugin.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_(app: App, as_json: bool) -> None:
    """List the installed plugins and what their connectors can do."""
    plugins = app.permitted_plugins()
    rows = []
    for found in plugins.found:
        can, problem = [], found.problem
        for name in found.connectors:
            try:
                can.append(f"{name} ({', '.join(capabilities(factory_of(plugins.connectors[name])))})")
            except SettingsError as error:
                can.append(name)
                problem = problem or str(error)
        rows.append({"name": found.name, "distribution": found.distribution, "version": found.version,
                     "connectors": can, "problem": problem})  # fmt: skip
    if as_json:
        print_json(rows)
        return
    print_table(("plugin", "from", "version", "connectors", "problem"),
                [(row["name"], row["distribution"], row["version"], ", ".join(row["connectors"]), row["problem"])
                 for row in rows], grow=3)  # fmt: skip


@plugin.command()
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to make it; else hub-NAME here.")
def new(name: str, folder: Path | None) -> None:
    """Write a new plugin NAME: a complete distribution whose tests pass as it is."""
    from hub.testing.scaffold import create_plugin

    made = create_plugin(name, folder or Path(f"hub-{name}"))
    say(f"Made {made}. Try it:")
    say(f"  pip install -e '{made}[dev]'")
    say(f"  pytest {made}")


@plugin.command()
@click.argument("name")
@click.option("--peer", "peer_name", default="", help="module:Class of the peer; else the one the plugin names.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def check(app: App, name: str, peer_name: str, as_json: bool) -> None:
    """Run the conformance kit on the connector NAME against its peer and compute its level."""
    from hub.testing.conformance import run

    plugins = app.permitted_plugins()
    spec = plugins.spec(name)
    peer = _peer(name, peer_name)
    report = run(spec, peer)
    if as_json:
        print_json({"connector": name, "level": report.level, "findings": report.findings})
    else:
        for finding in report.findings:
            say(
                f"{finding.outcome:8} {finding.group:10} {finding.check}"
                + (f": {finding.message}" if finding.message else "")
            )
        say(f"{name}: {report.level or 'below bronze'}")
    if report.failed or report.level is None:
        sys.exit(1)


def _peer(name: str, given: str) -> type:
    entries = {entry.name: entry.value for entry in importlib.metadata.entry_points(group="hub.peers")}
    where = given or entries.get(name, "")
    module, _, attribute = where.partition(":")
    if not attribute:
        raise SettingsError(
            f"no peer is known for {name!r}.", hint=f"Give --peer module:Class. {nearest(name, list(entries))}"
        )
    try:
        found: type = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"the peer {where} cannot be loaded: {error}") from error
    return found
