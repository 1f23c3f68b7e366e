"""`hub document`: paperwork and its states."""

from __future__ import annotations

import getpass
from datetime import date
from pathlib import Path

import click

from hub import outbox
from hub.cli.app import App, pass_app, print_json, print_table, say
from hub.cli.client import one
from hub.connections import Hub, mail_connection
from hub.documents.docx import check_template
from hub.documents.forms import FORMS
from hub.files import write_file
from hub.model.errors import HubError
from hub.model.values import Email
from hub.paperwork import issue, letter, new_invoice, parse_line, read_file
from hub.store import documents as rows
from hub.store.documents import STATES
from hub.store.problems import note
from hub.tools import FileBlobs, SystemClock


@click.group()
def document() -> None:
    """Documents: made, numbered, sent, tracked."""


@document.command()
@click.argument("kind", type=click.Choice(sorted(FORMS)))
@click.option("--client", "client_key", required=True, help="Id or ИНН of the client.")
@click.option(
    "--line", "lines", multiple=True, required=True, help="«title; quantity; unit; price», once for each row."
)
@click.option("--basis", default="", help="What it is issued under, for example a contract.")
@click.option("--due", default="", help="Last day to pay, 2026-12-01.")
@click.option("--note", "remark", default="", help="A remark at the end.")
@pass_app
def new(app: App, kind: str, client_key: str, lines: tuple[str, ...], basis: str, due: str, remark: str) -> None:
    """Make a draft of KIND."""
    del kind
    day = _day(due)
    now = app.now()
    with app.store.write() as connection:
        client = one(connection, client_key)
        key = new_invoice(connection, app.config, client, [parse_line(line, app.config) for line in lines], basis=basis,
                          due=day, note=remark, by=getpass.getuser(), now=now)  # fmt: skip
    say(f"Draft {key}. Issue it with: hub document issue {key}")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no day such as 2026-12-01", param_hint="--due") from error


@document.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_(app: App, as_json: bool) -> None:
    """List documents, the newest first."""
    with app.store.read() as connection:
        found = rows.listed(connection)
    if as_json:
        print_json(
            [
                {
                    "id": each.id,
                    "kind": each.kind,
                    "number": each.number,
                    "state": each.state,
                    "client": each.client,
                    "title": each.title,
                    "created_at": each.created_at,
                    "issued_at": each.issued_at,
                }
                for each in found
            ]
        )
        return
    print_table(
        ("id", "kind", "number", "state", "title"),
        [(each.id, each.kind, each.number or f"черн-{each.id}", each.state, each.title) for each in found],
        grow=4,
    )


@document.command()
@click.argument("key", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def show(app: App, key: int, as_json: bool) -> None:
    """Show a document and its files."""
    with app.store.read() as connection:
        found, files = rows.get(connection, key), rows.files(connection, key)
    if as_json:
        print_json({**{name: getattr(found, name) for name in found.__struct_fields__}, "files": files})
        return
    say(f"{found.title}, № {found.number or '—'}, {found.state}")
    folder = app.config.resolve(app.config.model.documents.folder)
    for file in files:
        read_file(app.config, file)
        say(f"  {folder / file.name}  {file.size_bytes} bytes, unchanged since issue")


@document.command("issue")
@click.argument("key", type=int)
@pass_app
def issue_(app: App, key: int) -> None:
    """Give a draft its number and make its files; it never changes afterwards."""
    found = issue(app.store, app.config, key, by=getpass.getuser(), now=app.now())
    say(f"Issued № {found.number}.")
    folder = app.config.resolve(app.config.model.documents.folder)
    with app.store.read() as connection:
        for file in rows.files(connection, key):
            say(f"  {folder / file.name}")


@document.command()
@click.argument("key", type=int)
@click.option("--to", multiple=True, help="Address; else the client's own.")
@pass_app
def send(app: App, key: int, to: tuple[str, ...]) -> None:
    """Put a letter with the document into the outbox; the daemon sends it, `hub run --once` at once."""
    hub = Hub(app.config, app.plugins, app.store, SystemClock())
    name = mail_connection(hub)
    now = app.now()
    blobs = FileBlobs(app.config.folder / "blobs")
    with app.store.read() as connection:
        found, files = rows.get(connection, key), rows.files(connection, key)
        addresses = [_address(text) for text in to] or _of_client(one(connection, found.client or ""))
    data = letter(app.config, found, files, addresses, blobs.put)
    with app.store.write() as connection:
        command = outbox.add(connection, "mail.send", name, data, title=str(data["subject"]), client=found.client,
                             by=getpass.getuser(), now=now, approve=app.config.model.outbox.has_to_wait("mail.send"),
                             key=f"document-{key}-{found.version}-{'-'.join(sorted(addresses))}")  # fmt: skip
        if found.state == "issued":
            rows.set_state(connection, key, "sent", ("issued",))
        note(connection, who=getpass.getuser(), what="document.send", about=f"document/{key}", detail=command, now=now)
    say(f"In the outbox: {command}. It goes out with `hub run`; see: hub command show {command}")


def _address(text: str) -> str:
    parsed = Email.parse(text)
    if parsed is None:
        raise click.BadParameter(f"{text!r} is no e-mail address", param_hint="--to")
    return parsed.address


def _of_client(client: dict[str, object]) -> list[str]:
    points = client["points"]
    assert isinstance(points, list)
    found = [str(point["value"]) for point in points if point["type"] == "email" and point.get("value")]
    if not found:
        raise HubError("the client has no e-mail address.", hint="Give one with --to.")
    return found[:1]


@document.command()
@click.argument("kind", type=click.Choice(sorted(FORMS)))
@click.argument("file", type=click.Path(path_type=Path))
def template(kind: str, file: Path) -> None:
    """Write the built-in Word template of KIND to FILE, to be changed in Word and put into the templates folder."""
    if file.exists():
        raise HubError(f"{file} exists already.", hint="Give another name.")
    write_file(file, FORMS[kind].template())
    say(f"{file}: change it in Word; `hub document check {kind} {file}` tells whether it can be filled.")


@document.command()
@click.argument("kind", type=click.Choice(sorted(FORMS)))
@click.argument("file", type=click.Path(path_type=Path))
def check(kind: str, file: Path) -> None:
    """Fill the Word template FILE with an invented example and say what is wrong in it."""
    check_template(file, FORMS[kind].sample_values())
    say(f"{file} can be filled.")


@document.command()
@click.argument("key", type=int)
@click.argument("state", type=click.Choice([state for state in STATES if state not in ("draft", "numbered", "issued")]))
@pass_app
def mark(app: App, key: int, state: str) -> None:
    """Note what became of a document, for example that it came back signed."""
    now = app.now()
    with app.store.write() as connection:
        allowed = ("draft", "issued", "sent") if state == "cancelled" else STATES[2:-1]
        rows.set_state(connection, key, state, allowed)
        note(connection, who=getpass.getuser(), what=f"document.{state}", about=f"document/{key}", detail="", now=now)
    say(f"The document {key} is {state}.")
