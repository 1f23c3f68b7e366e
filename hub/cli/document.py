"""`hub document`: paperwork and its states."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from hub.cli.app import App, pass_app, print_json, print_table, say
from hub.cli.client import one
from hub.cli.papers import folder, month, print_
from hub.cli.returns import attach, scans
from hub.cli.template import template
from hub.connections import Hub, courier_connection, mail_connection
from hub.documents.own import form_of
from hub.entries.find import find
from hub.model.errors import HubError
from hub.model.values import Email
from hub.paperwork.drafts import (
    Wish,
    correct,
    doubts_of,
    keep_draft,
    new_document,
    parse_line,
    read_draft,
)
from hub.paperwork.issuing import issue_all
from hub.paperwork.known import SOURCES, from_entity
from hub.paperwork.life import NEXT, move
from hub.paperwork.sending import letter, parcel, readers, send, ship, used_of
from hub.paperwork.sheet import read_file, sheet_of
from hub.store import documents as rows
from hub.store.documents import STATES, DocumentRow
from hub.subscribers import announcer
from hub.tools import FileBlobs, SystemClock

MOVES = sorted({state for following in NEXT.values() for state in following} - {"draft", "approved"}, key=STATES.index)


@click.group()
def document() -> None:
    """Documents: made, numbered, sent, tracked."""


for command in (template, folder, print_, month, attach, scans):
    document.add_command(command)


def _wish_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say what stands on a document."""
    for option in (
        click.option("--line", "lines", multiple=True, help="«title; quantity; unit; price», once for each row."),
        click.option("--basis", default="", help="What it is issued under, for example a contract."),
        click.option("--due", default="", help="Last day to pay, 2026-12-01."),
        click.option("--note", "remark", default="", help="A remark at the end."),
        click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="Any other field of the form."),
        click.option("--day", default="", help="The day it bears; else that of its issue."),
    ):
        function = option(function)
    return function


def _wish(app: App, lines: Sequence[str], fields: Sequence[str], day: str, **short: str) -> Wish:
    found: dict[str, list[str]] = {name: [text] for name, text in short.items() if text}
    for field in fields:
        name, sign, text = field.partition("=")
        if not sign or not name.strip():
            raise click.BadParameter(f"{field!r} is not NAME=VALUE", param_hint="--field")
        found.setdefault(name.strip(), []).append(text.strip())
    _day(short["due"], "--due")
    borne = _day(day, "--day")
    on = borne or app.now().astimezone(app.zone).date()
    return Wish([parse_line(line, app.config, on) for line in lines], found, borne)


def _day(text: str, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no day such as 2026-12-01", param_hint=option) from error


@document.command()
@click.argument("kind")
@click.option("--client", "client_key", required=True, help="Id or ИНН of the client.")
@_wish_options
@click.option("--draft", "file", type=click.Path(path_type=Path), help="A whole draft as JSON; see `example`.")
@click.option("--like", type=int, default=0, metavar="ID", help="Take what is not said, but for the client, from "
              "this document of the kind.")  # fmt: skip
@pass_app
def new(
    app: App, kind: str, client_key: str, lines: tuple[str, ...], basis: str, due: str, remark: str,
    fields: tuple[str, ...], day: str, file: Path | None, like: int,
) -> None:  # fmt: skip
    """Make a draft of KIND; `hub document template list` shows the kinds."""
    form = form_of(app.config, kind)
    if file and like:
        raise click.UsageError("say --draft or --like, not both.")
    wish = msgspec.structs.replace(_wish(app, lines, fields, day, basis=basis, due=due, note=remark), like=like)
    by, now = getpass.getuser(), app.now()
    given = read_draft(form, _content(file), str(file)) if file else None
    with app.store.write() as connection:
        client = one(connection, client_key)
        if given is not None:
            key = keep_draft(connection, app.config, form, given, client, wish.day, by=by, now=now)
        else:
            key = new_document(connection, app.config, kind, client, wish, by=by, now=now)
        row = rows.get(connection, key)
    say(f"Draft {key}. Issue it with: hub document issue {key}")
    _say_doubts(app, row)


def _say_doubts(app: App, row: DocumentRow) -> None:
    for doubt in doubts_of(app.config, row, app.now()):
        say(f"  Check: {doubt}")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise HubError(f"{file} cannot be read: {error.strerror}.") from error


@document.command()
@click.argument("kind")
@pass_app
def example(app: App, kind: str) -> None:
    """Print an invented draft of KIND as JSON, to be changed and given to `hub document new KIND --draft FILE`."""
    print_json(msgspec.to_builtins(form_of(app.config, kind).example))


@document.command("from")
@click.argument("kind", type=click.Choice(list(SOURCES)), metavar="KIND")
@click.argument("key")
@pass_app
def from_(app: App, kind: str, key: str) -> None:
    """Make a draft of KIND from what is known already; KEY is the id or number of the thing.

    An invoice or act of 1C keeps the number that it has there, an entered offer its own. From an offer are made: offer,
    offer_internal, works_list; from a purchase: purchase_request; from an entered check-list: checklist.
    """
    with app.store.write() as connection:
        found = find(connection, SOURCES[kind][0], key)
        if not found["client_id"]:
            raise HubError(f"the {SOURCES[kind][0]} {key!r} has no client.")
        client = one(connection, found["client_id"])
        made = from_entity(connection, app.config, kind, found["id"], client, by=getpass.getuser(), now=app.now())
        row = rows.get(connection, made)
    say(f"Document {made}, {f'№ {row.number}, ' if row.number else ''}{row.state}.{_next(row)}")


def _next(row: DocumentRow) -> str:
    return f" Issue it with: hub document issue {row.id}" if row.state in ("draft", "approved", "numbered") else ""


@document.command("correct")
@click.argument("key", type=int)
@_wish_options
@pass_app
def correct_(
    app: App, key: int, lines: tuple[str, ...], basis: str, due: str, remark: str, fields: tuple[str, ...], day: str
) -> None:
    """Make a draft of the next version of an issued document; it keeps the number."""
    wish = _wish(app, lines, fields, day, basis=basis, due=due, note=remark)
    with app.store.write() as connection:
        client = one(connection, rows.get(connection, key).client or "")
        made = correct(connection, app.config, key, client, wish, by=getpass.getuser(), now=app.now())
        row = rows.get(connection, made)
    say(f"Draft {made}: version {row.version} of № {row.number}. Issue it with: hub document issue {made}")


@document.command("list")
@click.option("--client", "client_key", default="", help="Only those of this client.")
@click.option("--kind", default="", help="Only of this kind.")
@click.option("--state", type=click.Choice(STATES), help="Only in this state.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_(app: App, client_key: str, kind: str, state: str | None, as_json: bool) -> None:
    """List documents, the newest first."""
    with app.store.read() as connection:
        client = one(connection, client_key)["id"] if client_key else ""
        found = rows.listed(connection, client, kind=kind, state=state or "")
    if as_json:
        names = ("id", "kind", "number", "version", "state", "client", "title", "created_at", "issued_at")
        print_json([{name: getattr(each, name) for name in names} for each in found])
        return
    print_table(
        ("id", "kind", "number", "state", "title"),
        [(each.id, each.kind, _number(each), each.state, each.title) for each in found],
        grow=4,
    )


def _number(each: DocumentRow) -> str:
    version = f" v{each.version}" if each.version > 1 else ""
    draft = f"черн-{each.id}" if each.state in ("draft", "approved") else "—"
    return f"{each.number or draft}{version}"


@document.command()
@click.argument("key", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def show(app: App, key: int, as_json: bool) -> None:
    """Show a document, its files, and who did what with it."""
    with app.store.read() as connection:
        found, files, past = rows.get(connection, key), rows.files(connection, key), rows.history(connection, key)
    if as_json:
        sheet = sheet_of(found)
        content = {
            "origin": sheet.origin,
            "day": sheet.day,
            "draft": _read(sheet.draft),
            "context": _read(sheet.context),
        }
        past_ = [{"at": at, "who": who, "what": what, "detail": detail} for at, who, what, detail in past]
        plain = {name: getattr(found, name) for name in found.__struct_fields__ if name != "context"}
        print_json({**plain, **content, "files": files, "history": past_})
        return
    say(f"{found.title}, № {_number(found)}, {found.state}")
    place = app.config.resolve(app.config.model.documents.folder)
    for at, who, what, detail in past:
        say(f"  {app.local(at)}  {what.partition('.')[2]:14} {who}  {detail}".rstrip())
    for file in files:
        read_file(app.config, file)
        say(f"  {place / file.name}  {file.size_bytes} bytes, unchanged since")


def _read(raw: msgspec.Raw) -> Any:
    return msgspec.json.decode(bytes(raw))


@document.command()
@click.argument("keys", metavar="KEY...", type=int, nargs=-1, required=True)
@pass_app
def approve(app: App, keys: tuple[int, ...]) -> None:
    """Approve drafts, so that they can be issued."""
    with app.store.write() as connection:
        for key in keys:
            move(connection, app.config, key, "approved", by=getpass.getuser(), now=app.now())
    say(f"Approved: {', '.join(map(str, keys))}.")


@document.command("issue")
@click.argument("keys", metavar="KEY...", type=int, nargs=-1, required=True)
@pass_app
def issue_(app: App, keys: tuple[int, ...]) -> None:
    """Give drafts their numbers and make their files; they never change afterwards."""
    done = issue_all(app.store, app.config, list(dict.fromkeys(keys)), by=getpass.getuser(), now=app.now())
    place = app.config.resolve(app.config.model.documents.folder)
    failed = None
    for each in done:
        if each.row is None:
            failed = failed or each.error
            if len(done) > 1:
                say(f"{each.id}: not issued: {each.error}")
            continue
        head = f"{each.id}: issued" if len(done) > 1 else "Issued"
        say(f"{head} № {each.row.number}." if each.row.number else f"{head}.")
        with app.store.read() as connection:
            for file in rows.files(connection, each.id):
                say(f"  {place / file.name}")
        if each.remark:
            say(f"  {each.remark[0].upper()}{each.remark[1:]}.")
        _say_doubts(app, each.row)
    if failed:
        raise failed


@document.command("send")
@click.argument("key", type=int)
@click.option(
    "--to", multiple=True, help="Address; else the client's own, as before. What is internal goes to employees only."
)
@pass_app
def send_(app: App, key: int, to: tuple[str, ...]) -> None:
    """Put a letter with the document into the outbox; the daemon sends it, `hub run --once` at once."""
    mail = mail_connection(Hub(app.config, app.plugins, app.store, SystemClock()))
    blobs = FileBlobs(app.config.folder / "blobs")
    with app.store.read() as connection:
        found, files = rows.get(connection, key), rows.files(connection, key)
        client, used = one(connection, found.client or ""), used_of(connection, found.client)
        addresses = readers(app.config, found, [_address(text) for text in to], client, used)
    data = letter(app.config, found, files, addresses, blobs.put)
    with app.store.write() as connection:
        command_id = send(connection, app.config, found, data, mail, by=getpass.getuser(), now=app.now())
    say(f"In the outbox: {command_id}. It goes out with `hub run`; see: hub command show {command_id}")


@document.command("ship")
@click.argument("keys", metavar="KEY...", type=int, nargs=-1, required=True)
@click.option("--courier", default="", help="The connection that orders it; needed when several can.")
@click.option("--city", default="", help="Where it goes.")
@click.option("--address", default="", help="Address; else the client's own.")
@click.option("--contact", default="", help="Who takes it.")
@click.option("--phone", default="", help="Telephone there; else the client's own.")
@click.option("--note", "remark", default="", help="A word to the courier.")
@pass_app
def ship_(
    app: App, keys: tuple[int, ...], courier: str, city: str, address: str, contact: str, phone: str, remark: str
) -> None:
    """Order a courier through the outbox for printed documents of one client, as one parcel."""
    name = courier_connection(Hub(app.config, app.plugins, app.store, SystemClock()), courier)
    with app.store.write() as connection:
        found = [rows.get(connection, key) for key in sorted(set(keys))]
        if len({each.client for each in found}) > 1:
            raise HubError("these documents belong to several clients.", hint="Order a courier for each.")
        client = one(connection, found[0].client or "")
        data = parcel(app.config, found, client, city=city, address=address, contact=contact, phone=phone, note=remark)
        command_id = ship(connection, app.config, found, data, name, by=getpass.getuser(), now=app.now())
    say(f"In the outbox: {command_id}. It goes out with `hub run`; see: hub command show {command_id}")


def _address(text: str) -> str:
    parsed = Email.parse(text)
    if parsed is None:
        raise click.BadParameter(f"{text!r} is no e-mail address", param_hint="--to")
    return parsed.address


@document.command()
@click.argument("key", type=int)
@click.argument("state", type=click.Choice(MOVES))
@click.option("--detail", default="", help="A word on it, such as the number of a parcel.")
@pass_app
def mark(app: App, key: int, state: str, detail: str) -> None:
    """Note what became of a document, for example that it came back signed."""
    with app.store.write() as connection:
        event = move(connection, app.config, key, state, by=getpass.getuser(), now=app.now(), detail=detail)
    if event and (announce := announcer(app.store, app.plugins, app.now)):
        announce([event])
    say(f"The document {key} is {state}.")
