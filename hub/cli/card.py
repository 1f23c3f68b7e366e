"""`hub client set|new` and `hub prospect`: what people say of a client themselves, on top of all sources."""

from __future__ import annotations

from typing import Any, cast

import click

from hub.cli.app import App, pass_app, print_json, say
from hub.cli.entity import as_document, entity_group
from hub.cli.entry import desk_of, flags_of, option, understood
from hub.entries import acts, clients
from hub.entries.acts import Desk, EntryError, is_open
from hub.entries.find import find_client
from hub.entries.prospects import REFERRAL
from hub.store import state
from hub.store.tables import STATE

_MEANINGS = {
    "name": "Name of the organisation or person.",
    "city": "City of the caller.",
    "contact": "Who called, - if not told.",
    "phone": "Phone; several with commas.",
    "email": "Address of mail; several with commas.",
    "inn": "ИНН.",
    "kpp": "КПП.",
    "origin": "How he found us (S004-12).",
    "manager": "Who of us is responsible.",
    "note": "What else is to be known.",
}
_CARD = [click.Option([f"--{name}"], metavar="TEXT", help=text) for name, text in _MEANINGS.items()]
_AGAIN = click.Option(["--again"], is_flag=True, help="Although ИНН, phone or address is known already.")
_JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print it as one JSON document.")
_ON_THE_WAY = tuple(
    name for name in REFERRAL.actions[0].fields if name not in ("client", "stage", "origin", "employee")
)


@click.command("set")
@click.argument("key")
@click.argument("values", nargs=-1, metavar="FIELD=VALUE…")
@click.option("--was", "seen", multiple=True, metavar="FIELD=VALUE", help="What you saw: a field that is otherwise by "
              "now is not overwritten, and you are told who changed it.")  # fmt: skip
@pass_app
def set_(app: App, key: str, values: tuple[str, ...], seen: tuple[str, ...]) -> None:
    """Say yourself what holds for a client, above what his sources say; FIELD= takes it back.

    Fields: name, full_name, inn, kpp, type, status, manager, zone, city, note, origin, segment, refuses_mailings,
    phone, email, address. `hub client show --why` tells who said what.
    """
    said, was = _pairs(values, "VALUES"), _pairs(seen, "--was")
    with app.store.write() as connection:
        client = find_client(connection, key)["id"]
        now = _told(lambda: clients.set_values(desk_of(app, connection), client, said, was))
        (row,) = state.read(connection, "client", STATE["client"].c.id == now)
    say(f"client {now}, {row['name']}: {', '.join(sorted(said))} as you say.")
    if now != client:
        say("  By this ИНН he is one with another client now; hub client split parts them.")


def _pairs(texts: tuple[str, ...], where: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not FIELD=VALUE, for example manager=ivanova", param_hint=where)
        pairs[name.strip()] = value
    return pairs


def _told(act: Any) -> Any:
    try:
        return act()
    except EntryError as error:
        if error.field in clients.FIELDS or error.field == "contact":
            raise click.BadParameter(str(error), param_hint=error.field) from error
        raise


def _new(app: App, *, again: bool, as_json: bool, **said: str | None) -> None:
    """Enter a client who calls for the first time (S003-4, S003-5)."""
    with app.store.write() as connection:
        key = _made(desk_of(app, connection), app, said, again=again)
        (row,) = state.read(connection, "client", STATE["client"].c.id == key)
    if as_json:
        print_json(as_document("client", {**row, "client_id": row["id"]}))
        return
    say(f"client {key}, {row['name']}: new.")


def _made(desk: Desk, app: App, said: dict[str, str | None], *, again: bool, status: str = "") -> str:
    given = {name: value for name, value in said.items() if value and name in (*clients.FIELDS, "contact")}
    contact = given.pop("contact", "")
    required = tuple(app.config.model.entering.caller)
    if status:
        given["status"] = status
    return cast("str", _told(lambda: clients.new_client(desk, given, contact=contact, required=required, again=again)))


def _prospect(app: App, *, again: bool, as_json: bool, **said: str | None) -> None:
    """Enter a prospect: his card, who recommended us, and the day of the next contact, which he must have (S001-14)."""
    way = {name: said.get(name) for name in (*_ON_THE_WAY, "origin")}
    with app.store.write() as connection, flags_of(REFERRAL):
        desk = desk_of(app, connection)
        client = _made(desk, app, said, again=again, status="prospect")
        done = acts.begin(desk, REFERRAL, {**way, "client": client, "employee": said.get("manager")})
        (row,) = state.read(connection, "referral", STATE["referral"].c.id == done.id)
    if as_json:
        print_json(as_document("referral", row))
        return
    say(f"client {client}, {said['name']}: prospect.")
    say(f"referral {done.id}: next contact {understood(app, row['next_contact'])}.")


new = click.Command("new", help=_new.__doc__, params=[*_CARD, _AGAIN, _JSON], callback=pass_app(_new))
prospect = entity_group("referral", "Prospects: new ones; then see hub referral.", ("id", *REFERRAL.columns),
                        REFERRAL.order, is_open=is_open(REFERRAL))  # fmt: skip
prospect.name = "prospect"
prospect.add_command(click.Command(
    "new", help=_prospect.__doc__,
    params=[*_CARD, *(option(REFERRAL, name, is_needed=name == "next_contact") for name in _ON_THE_WAY), _AGAIN, _JSON],
    callback=pass_app(_prospect),
))  # fmt: skip
