"""`hub client`: the clients, what each source says of them, and everything that happened with them."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from functools import partial
from typing import Any

import click
import msgspec
from sqlalchemy import Connection, func, or_, select

from hub.cli.app import App, pass_app, print_json, print_table, print_wrapped, say, say_wrapped
from hub.cli.card import new, set_
from hub.cli.people import import_, people, take_back_
from hub.entries.find import find_client, search_clients
from hub.entries.twins import join_same
from hub.entries.words import TOLD, Teller, story
from hub.facts import aliases
from hub.normalise import decode
from hub.operator import merge, split
from hub.projection import Sources
from hub.store import log, parties, state
from hub.store.problems import note
from hub.store.tables import STATE

TABLE = STATE["client"]
MOST_FOUND = 500
"""A search that finds more is none; so many are shown."""


@click.group()
def client() -> None:
    """Clients: organisations and people we serve."""


@client.command("list")
@click.option("--search", default="", help="Words of the name, ИНН, city; a person, his phone, mail or day of birth.")
@click.option("--all", "everything", is_flag=True, help="Also those who never bought anything.")
@click.option("--manager", default="", help="Only those of this manager.")
@click.option("--limit", type=click.IntRange(1), default=None, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_(app: App, search: str, everything: bool, manager: str, limit: int | None, as_json: bool) -> None:
    """List clients by name."""
    with app.store.read() as connection:
        bought = bought_by(connection)
        conditions = [~TABLE.c.deleted]
        if search:
            conditions.append(TABLE.c.id.in_(search_clients(connection, search)[:MOST_FOUND]))
        elif not everything and not manager:
            conditions.append(or_(TABLE.c.status != "", TABLE.c.id.in_(bought)))
        if manager:
            names = aliases(app.config)
            mine = names.get(manager.casefold(), manager)
            conditions.append(TABLE.c.manager.in_({mine, manager, *_written(connection, names, mine)}))
        rows = state.read(connection, "client", *conditions, limit=limit, order="name")
        references = references_by_entity(connection, [row["id"] for row in rows])
        known = set(connection.execute(bought).scalars())
    who = aliases(app.config)
    shown = [
        {
            "id": row["id"],
            "name": row["name"],
            "inn": row["inn"],
            "kpp": row["kpp"],
            "status": row["status"] or ("client" if row["id"] in known else "unknown"),
            "manager": who.get(str(row["manager"] or "").casefold(), row["manager"]),
            "references": references.get(row["id"], []),
        }
        for row in rows
    ]
    if as_json:
        print_json(shown)
        return
    print_table(
        ("id", "name", "inn", "kpp", "status", "manager"),
        [tuple(row[key] for key in ("id", "name", "inn", "kpp", "status", "manager")) for row in shown],
        grow=1,
    )


def _written(connection: Connection, names: Mapping[str, str], employee: str) -> list[str]:
    """Return the ways in which sources write this manager."""
    written = connection.execute(select(TABLE.c.manager).distinct()).scalars()
    return [it for it in written if it and names.get(it.casefold()) == employee]


def bought_by(connection: Connection) -> Any:
    """Return a query of the clients that have a contract, an invoice, an act or a payment."""
    del connection
    queries = [
        select(STATE[kind].c.client_id).where(STATE[kind].c.client_id.is_not(None))
        for kind in ("contract", "invoice", "act", "payment")
    ]
    return queries[0].union(*queries[1:])


def references_by_entity(connection: Connection, entities: list[str]) -> dict[str, list[dict[str, str]]]:
    """Return the references of each client."""
    found: dict[str, list[dict[str, str]]] = {}
    for entity, source, kind, external_id, reason in sorted(parties.references_of(connection, entities)):
        found.setdefault(entity, []).append(
            {"connection": source, "kind": kind, "external_id": external_id, "reason": reason}
        )
    return found


def one(connection: Connection, key: str) -> dict[str, Any]:
    """Return the client of that id, beginning of an id, ИНН or name; old ids redirect."""
    return find_client(connection, key)


@client.command()
@click.argument("key")
@click.option("--why", is_flag=True, help="Say which source gave each field and why the sources are one client.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def show(app: App, key: str, why: bool, as_json: bool) -> None:
    """Show one client; KEY is an id, an ИНН or a name."""
    sources = app.sources
    with app.store.read() as connection:
        row = one(connection, key)
        references = references_by_entity(connection, [row["id"]]).get(row["id"], [])
        said = _said(connection, references, sources) if why else []
        contacts = STATE["contact"]
        people = state.read(connection, "contact", ~contacts.c.deleted, contacts.c.client_id == row["id"], order="name")
        counts = {
            kind: connection.execute(
                select(func.count()).select_from(STATE[kind]).where(STATE[kind].c.client_id == row["id"])
            ).scalar()
            for kind in STATE
            if "client_id" in STATE[kind].c
        }
    if as_json:
        shown = [{name: it[name] for name in ("id", "name", "position", "birthday", "points")} for it in people]
        print_json({**row, "people": shown, "references": references, "counts": counts,
                    **({"why": said} if why else {})})  # fmt: skip
        return
    say_wrapped("", str(row["full_name"] or row["name"]))
    ours = {person.id: person.name for person in app.config.model.employees}
    for field in ("id", "name", "inn", "kpp", "type", "status", "manager", "city"):
        if row[field]:
            shown = row[field]
            if field == "manager":
                shown = ours.get(aliases(app.config).get(str(shown).casefold(), ""), shown)
            say(f"  {field:9} {shown}" + _by(field, row[field], said))
    for point in row["points"]:
        way = f"{point.get('value') or point.get('raw', '')}  {point.get('label', '')}".rstrip()
        say_wrapped(f"  {point['type']:9} ", way)
    for person in people:
        ways = ", ".join(str(it.get("value") or it.get("raw", "")) for it in person["points"])
        born = f"{person['birthday']:%d.%m.%Y}" if person["birthday"] else ""
        say("  person    " + ", ".join(filter(None, (person["name"], person["position"], born, ways))))
    say("  seen in")
    for reference in references:
        say(f"    {reference['connection']}/{reference['external_id']}: {reference['reason']}")
    if any(counts.values()):
        say_wrapped("  ", ", ".join(f"{kind}: {number}" for kind, number in counts.items() if number))


def _by(field: str, value: Any, said: list[dict[str, Any]]) -> str:
    first = next((voice for voice in said if voice["fields"].get(field) == value), None)
    return f"   ← {first['connection']}" if first else ""


def _said(connection: Connection, references: list[dict[str, str]], sources: Sources) -> list[dict[str, Any]]:
    voices = []
    for reference in references:
        newest = log.latest(connection, reference["connection"], [f"client/{reference['external_id']}"])
        for event in newest.values():
            entity = decode("client", event.data)
            fields = msgspec.to_builtins(entity) if entity else {}
            voices.append({"connection": reference["connection"], "external_id": reference["external_id"],
                           "version": event.version, "fields": fields})  # fmt: skip
    return sorted(voices, key=lambda voice: sources.rank(str(voice["connection"])))


@client.command()
@click.argument("key")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def timeline(app: App, key: str, limit: int, as_json: bool) -> None:
    """Print what happened with a client, the newest first."""
    rows: list[dict[str, Any]] = []
    with app.store.read() as connection:
        found = one(connection, key)
        teller = Teller(app.zone, {it.id: it.name for it in app.config.model.employees}, partial(_name, connection))
        for kind in TOLD:
            for row in state.read(connection, kind, STATE[kind].c.client_id == found["id"], ~STATE[kind].c.deleted):
                rows += [{"time": moment, "kind": kind, "text": text} for moment, text in story(kind, row, teller)]
    rows.sort(key=lambda row: (str(row["time"].isoformat()), row["text"]), reverse=True)
    if as_json:
        print_json(rows[:limit])
        return
    print_wrapped([(_when(app, row["time"]), row["kind"], row["text"]) for row in rows[:limit]])


def _when(app: App, moment: Any) -> str:
    return app.local(moment) if hasattr(moment, "hour") else str(moment.strftime("%d.%m.%Y"))


def _name(connection: Connection, client: str) -> str:
    found = state.read(connection, "client", TABLE.c.id == parties.follow(connection, client))
    return str(found[0]["name"]) if found else client


@client.command("merge")
@click.argument("left")
@click.argument("right")
@pass_app
def merge_(app: App, left: str, right: str) -> None:
    """Say that two clients are one; the old id redirects, and `split` takes it back."""
    now = app.now()
    with app.store.write() as connection:
        first, second = one(connection, left), one(connection, right)
        kept = merge(
            connection,
            first["id"],
            second["id"],
            app.sources,
            by=getpass.getuser(),
            now=now,
        )
        join_same(connection, app.sources, now)
        note(connection, who=getpass.getuser(), what="client.merge", about=f"client/{kept}", detail="", now=now)
    say(f"One client now: {kept}.")


@client.command("split")
@click.argument("key")
@click.argument("reference")
@pass_app
def split_(app: App, key: str, reference: str) -> None:
    """Part REFERENCE (connection/external id) from a client; they never merge by themselves again."""
    now = app.now()
    source, _, external_id = reference.partition("/")
    with app.store.write() as connection:
        found = one(connection, key)
        new = split(
            connection,
            found["id"],
            source,
            external_id,
            app.sources,
            by=getpass.getuser(),
            now=now,
        )
        note(connection, who=getpass.getuser(), what="client.split", about=f"client/{new}", detail="", now=now)
    say(f"A client of its own now: {new}.")


for command in (new, set_, import_, people, take_back_):
    client.add_command(command)
