"""`hub demo`: the whole story on local stand-ins over real sockets, no account needed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from hub import outbox
from hub.cli.app import App, columns, pass_app, say
from hub.cli.client import one, references_by_entity
from hub.cli.sync import Meter
from hub.cli.today import print_lists
from hub.connections import Hub, mail_connection, sync_connection
from hub.daemon import Daemon, handlers_of
from hub.files import write_file
from hub.model.errors import HubError
from hub.operator import suggestions
from hub.paperwork.drafts import Wish, new_document, parse_line
from hub.paperwork.issuing import issue
from hub.paperwork.sending import letter, send
from hub.remind import note_installed, refresh
from hub.store import commands, state
from hub.store import documents as rows
from hub.store.database import Store
from hub.sync import Counts
from hub.testing.demo.firm import MANAGERS, NOW
from hub.testing.demo.world import OUR_MAIL, World
from hub.testing.demo.world import key as onec_key
from hub.tools import FileBlobs, SystemClock

STREAMS = {
    "accounting": "1C, OData",
    "office": "mail, IMAP",
    "helpdesk": "tickets, Redmine REST",
    "telephony": "calls, Asterisk CDR",
}


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Where everything is kept.",
)
@pass_app
def demo(app: App, folder: Path) -> None:
    """Play a working day of an invented 1C franchisee with a hundred clients; a second run finds nothing new."""
    del app
    started = time.monotonic()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ports_file = folder / "ports.json"
    ports = msgspec.json.decode(ports_file.read_bytes(), type=dict[str, int]) if ports_file.exists() else {}
    is_first = not (folder / "hub.db").exists()
    _title("1. Stand-in systems on this machine")
    try:
        world = World(folder, ports).__enter__()
    except OSError as error:
        raise HubError(
            f"a port of the earlier demo is taken by another program ({error.strerror}).",
            hint=f"Free it, or remove the folder {folder} for a new demo.",
        ) from error
    try:
        write_file(ports_file, msgspec.json.encode(world.ports()))
        _play(folder, world, is_first=is_first)
    finally:
        world.__exit__(None, None, None)
    say()
    say(f"The demo took {time.monotonic() - started:.0f} s.")


def _play(folder: Path, world: World, *, is_first: bool) -> None:
    path = _configure(folder, world)
    app = App(str(path), NOW.isoformat())
    store = Store(app.config.store_url)
    if is_first:
        store.create()
        with store.write() as connection:
            note_installed(connection, datetime(2026, 10, 1, tzinfo=UTC))
    store.close()
    hub = Hub(app.config, app.plugins, app.store, SystemClock())
    try:
        for name, title in STREAMS.items():
            say(f"   {name:11} {title:22} {_address(app, name)}")
        _title("2. Reading them")
        changed = _sync(hub)
        _title("3. Who is one client, and why")
        _show_identity(hub)
        _title(f"4. Whom to call today, {NOW:%d.%m.%Y}, 10:00 in Krasnoyarsk")
        print_lists(app, refresh(app.store, app.config, app.plugins, app.now()), most=6)
        _title("5. An invoice, made and sent")
        _invoice(hub, app, world, folder)
        _farewell(folder, path, changed=changed, is_first=is_first)
    finally:
        app.close()


def _title(text: str) -> None:
    say()
    say(text)
    say("─" * min(columns(), 78))


def _configure(folder: Path, world: World) -> Path:
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    for name, value in world.secrets().items():
        write_file(secrets / name, value.encode())
    place = secrets.resolve()
    ports = world.ports()
    people = "\n".join(
        f"  - {{id: {key}, name: {name}, role: manager, head: petrov, "
        f"mail: {key}@yenisey-uchet.example, aliases: [{onec_key('manager', n)}]}}"
        for n, (key, name) in enumerate(MANAGERS)
    )
    text = f"""\
# Made by `hub demo`; everything in it is invented.
zone: Asia/Krasnoyarsk
area_code: "391"
store: sqlite:///hub.db
organisation:
  name: ООО «Енисей-Учёт»
  inn: "2465000007"
  kpp: "246501001"
  address: 660000, г. Красноярск, ул. Примерная, д. 1
  phone: +7 391 200-00-00
  director: Петров А. И.
  accountant: Ветрова В. Г.
  vat_rate: "22"
  bank:
    name: АО «ПРИМЕРБАНК» Г. КРАСНОЯРСК
    bic: "040407777"
    account: "40702810900000000017"
    corr_account: "30101810200000000777"
employees:
{people}
  - {{id: petrov, name: Петров Андрей Ильич, role: head, mail: petrov@yenisey-uchet.example}}
  - {{id: dezhurny, name: Дежурный менеджер, role: duty, mail: duty@yenisey-uchet.example}}
connections:
  accounting:
    connector: onec
    url: {world.onec.url}
    user: {world.onec.user}
    password: file:{place}/onec
    fields: {{manager: ОсновнойМенеджер_Key, fee: АбонентскаяПлата}}
  office:
    connector: imap
    host: 127.0.0.1
    port: {ports["imap"]}
    tls: none
    user: {OUR_MAIL}
    password: file:{place}/mail
    sender_name: ООО «Енисей-Учёт»
    since: 3650d
    smtp_host: 127.0.0.1
    smtp_port: {ports["smtp"]}
    smtp_tls: none
  helpdesk: {{connector: redmine, url: "http://127.0.0.1:{ports["redmine"]}", key: "file:{place}/redmine"}}
  telephony: {{connector: asterisk, source: {world.cdr.resolve()}, trunks: PJSIP/trunk}}
documents: {{number_pattern: "ЕУ-{{seq}}"}}
"""
    path = folder / "hub.yaml"
    write_file(path, text.encode())
    return path


def _address(app: App, name: str) -> str:
    settings = app.config.model.connections[name].settings
    return str(settings.get("url") or settings.get("source") or f"{settings.get('host')}:{settings.get('port')}")


def _sync(hub: Hub) -> bool:
    meter = Meter(quiet=False)
    results: list[Counts] = []
    for name in hub.config.model.connections:
        done = sync_connection(hub, name, progress=meter.show)
        results += done
        for counts in done:
            if counts.error:
                raise HubError(f"{name}: {counts.error}")
            if counts.read:
                say(
                    f"   {name + '/' + counts.stream:26} {counts.read:5} read  {counts.new:5} new"
                    f"  {counts.changed:4} changed"
                    f"  {counts.bad:2} bad  {counts.seconds:4.1f} s"
                )
    changed = any(counts.new or counts.changed or counts.deleted for counts in results)
    if not changed:
        say("   Nothing changed.")
    return changed


def _show_identity(hub: Hub) -> None:
    with hub.store.read() as connection:
        table = state.table("client")
        clients = {row["id"]: row for row in state.read(connection, "client", ~table.c.deleted)}
        references = references_by_entity(connection, list(clients))
        asked = suggestions(connection)
        calls = state.read(connection, "call", state.table("call").c.client_id.is_(None))
    for key, found in references.items():
        if len(found) > 1:
            say(f"   {clients[key]['name']} (ИНН {clients[key]['inn']}): {len(found)} entries of 1C are one client,")
            for reference in found:
                if reference["reason"] != "first seen":
                    say(f"      because of the {reference['reason'].replace('inn:', 'ИНН/КПП ')}")
    bound = _bound(hub)
    say(
        "   Found their client by exact keys: "
        + ", ".join(f"{number} of {total} {kind}s" for kind, (number, total) in bound.items())
    )
    unknown = sorted({str(row["number"] or "hidden number") for row in calls})
    say(f"   Left to people: calls of {', '.join(unknown)}")
    say("   (a number nobody gave, one that three clients give, a hidden one).")
    for suggestion in asked[:3]:
        say(f"   Perhaps one client: {suggestion.left_name} / {suggestion.right_name} — {suggestion.reason}.")


def _bound(hub: Hub) -> dict[str, tuple[int, int]]:
    counts = {}
    with hub.store.read() as connection:
        for kind in ("call", "message", "ticket", "invoice", "payment"):
            found = [row["client_id"] for row in state.read(connection, kind)]
            counts[kind] = sum(client is not None for client in found), len(found)
    return counts


def _invoice(hub: Hub, app: App, world: World, folder: Path) -> None:
    now = app.now()
    with hub.store.read() as connection:
        made = rows.listed(connection)
        client = one(connection, world.firm.organisations[0].inn)
    if made:
        say(f"   № {made[0].number} was issued and sent in the first run; an issued document never changes.")
        return
    fee = world.firm.organisations[0].fee
    with hub.store.write() as connection:
        lines = [parse_line(f"Абонентское обслуживание за декабрь 2026 г.; 1; мес; {fee}", hub.config, now.date())]
        basis = "Договор № 1-АО от 25.12.2025"
        wish = Wish(lines, {"basis": [basis]})
        key = new_document(connection, hub.config, "invoice", client, wish, by="demo", now=now)
    found = issue(hub.store, hub.config, key, by="demo", now=now)
    with hub.store.read() as connection:
        files = rows.files(connection, key)
    say(f"   Issued № {found.number} for {client['name']}: {', '.join(file.name for file in files)}")
    blobs = FileBlobs(hub.config.folder / "blobs")
    data = letter(hub.config, found, files, [world.firm.organisations[0].mail], blobs.put)
    with hub.store.write() as connection:
        command = send(connection, hub.config, found, data, mail_connection(hub), by="demo", now=now)
    Daemon(hub, {outbox.KIND: handlers_of(hub)[outbox.KIND]}, with_schedules=False).run_once()
    with hub.store.read() as connection:
        sent = commands.get(connection, command)
    state_now = sent.state if sent else "lost"
    if state_now != "done" or not world.smtp.arrived:
        raise HubError(
            f"the letter is {state_now}.", hint=f"See: hub --config {folder / 'hub.yaml'} command show {command}"
        )
    arrived = world.smtp.arrived[0]
    write_file(folder / "received-by-the-client.eml", arrived.raw)
    say(f"   Sent to {', '.join(arrived.recipients)}; the mail server took {len(arrived.raw) // 1024} KiB once.")


def _farewell(folder: Path, path: Path, *, changed: bool, is_first: bool) -> None:
    _title("6. Where everything lies")
    for name, what in (
        ("hub.yaml", "the configuration"), ("hub.db", "the store"), ("documents/", "the invoice as PDF and Word file"),
        ("received-by-the-client.eml", "the letter as it arrived"),
    ):  # fmt: skip
        say(f"   {folder / name!s:34} {what}")
    if not is_first and not changed:
        say()
        say("   Second run: nothing changed, nothing was sent twice.")
    say()
    say("   Try next:")
    config: Any = f"hub --config {path} --now {NOW.isoformat()}"
    for command in (
        "today --employee ivanova",
        "reminder list",
        "reminder why 1",
        "client list --search Больница",
        "match list",
        "status",
    ):
        say(f"   {config} {command}")
