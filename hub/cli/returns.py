"""`hub document attach` and `scans`: signed copies that came back."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from hub.cli.app import App, pass_app, print_json, say
from hub.connections import Hub
from hub.documents.codes import can_read, codes_in
from hub.letter_files import letter_files
from hub.model.errors import HubError
from hub.paperwork.returns import attach as attach_scan
from hub.paperwork.returns import collect, recognise
from hub.tools import SystemClock


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--document", "key", type=int, default=None, help="The document; else the code on the scan says it.")
@pass_app
def attach(app: App, file: Path, key: int | None) -> None:
    """Keep the scan FILE of a signed document and note that it came back."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise HubError(f"{file} cannot be read: {error.strerror}.") from error
    if key is None:
        key = _by_code(app, file, content)
    found = attach_scan(app.store, app.config, key, file.name, content, by=getpass.getuser(), now=app.now())
    say(f"{file.name} is kept with № {found.number or found.id}, which is {found.state}.")


def _by_code(app: App, file: Path, content: bytes) -> int:
    if not can_read():
        raise HubError("which document is it?", hint="Say --document ID, or install the extra: svyazka[scan]")
    with app.store.read() as connection:
        for text in codes_in(content, file.suffix[1:].lower()):
            if row := recognise(connection, text):
                return row.id
    raise HubError(f"no code of a document was found on {file}.", hint="Say which it is: --document ID")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def scans(app: App, as_json: bool) -> None:
    """Look through the files of letters that came since the last look and keep the scans among them.

    The daemon does it every minute. JSON: [{document, number, name, by_code, rule}]
    """
    with letter_files(Hub(app.config, app.plugins, app.store, SystemClock())) as get:
        found = collect(app.store, app.config, get, by=getpass.getuser(), now=app.now())
    if as_json:
        print_json(found)
        return
    for each in found:
        how = "its code" if each.by_code else f"the rule {each.rule}" if each.rule else "its number"
        say(f"№ {each.number}: {each.name}, by {how}")
    say(f"{len(found)} scans were kept.")
