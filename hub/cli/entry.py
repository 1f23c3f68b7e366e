"""`hub survey|complaint|note …`: one group for each kind of entry, made from its fields and actions.

`group` gives list, show, every action of the kind, `change` and `remove`; whoever adds a kind adds no command.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import click
from sqlalchemy import Connection

from hub.cli.app import App, pass_app, print_json, say
from hub.cli.entity import as_document, entity_group
from hub.entries import acts
from hub.entries.acts import Action, Desk, Done, EntryError, Kind, hints_of, is_open
from hub.entries.kinds import KINDS
from hub.facts import aliases, calendars_of
from hub.model.entities import Reference
from hub.model.values import Money
from hub.store import state
from hub.store.tables import STATE

_WEEKDAYS = ("пн", "вт", "ср", "чт", "пт", "сб", "вс")
_METAVARS: dict[Any, str] = {date: "DAY", datetime: "TIME", Money: "AMOUNT", int: "NUMBER", str: "TEXT"}


def desk_of(app: App, connection: Connection) -> Desk:
    """Return where the person at this terminal enters things."""
    return Desk(
        connection=connection, config=app.config, sources=app.sources, office=calendars_of(app.config).get("office"),
        people=aliases(app.config), now=app.now(), by=getpass.getuser(),
    )  # fmt: skip


def group(kind: Kind) -> click.Group:
    """Return the commands of one kind of entry."""
    made = entity_group(kind.name, kind.title, ("id", *kind.columns), kind.order, is_open=is_open(kind))
    add_acts(made, kind)
    return made


def add_acts(made: click.Group, kind: Kind) -> None:
    """Add what can be done with a kind of entry to its group."""
    made.add_command(_new(kind))
    for action in kind.actions[1:]:
        made.add_command(_step(kind, action))
    made.add_command(_change(kind))
    made.add_command(_remove(kind))


def _new(kind: Kind) -> click.Command:
    action = kind.actions[0]

    def run(app: App, as_json: bool, **said: Any) -> None:
        said_of(app, kind, action.verb, as_json, lambda desk: acts.begin(desk, kind, said))

    return _command(kind, action.name, action.help, (*action.fields, action.stamp), action.needs, run)


def _step(kind: Kind, action: Action) -> click.Command:
    def run(app: App, key: str, as_json: bool, **said: Any) -> None:
        said_of(app, kind, action.verb, as_json, lambda desk: acts.go_on(desk, kind, action.name, key, said))

    return _keyed(_command(kind, action.name, action.help, (*action.fields, action.stamp), action.needs, run))


def _change(kind: Kind) -> click.Command:
    stamps = {action.stamp for action in kind.actions}
    fields = tuple(name for name in kind.meanings if name not in stamps)

    def run(app: App, key: str, as_json: bool, **said: Any) -> None:
        given = {name: value for name, value in said.items() if value is not None}
        said_of(app, kind, "changed", as_json, lambda desk: acts.change(desk, kind, key, given))

    return _keyed(_command(kind, "change", f"Correct a {kind.name} that was entered wrongly.", fields, (), run))


def _remove(kind: Kind) -> click.Command:
    @click.command("remove", help=f"Take a {kind.name} back that was entered by mistake.")
    @click.argument("key")
    @pass_app
    def remove(app: App, key: str) -> None:
        with app.store.write() as connection:
            gone = acts.remove(desk_of(app, connection), kind, key)
        say(f"{kind.name} {gone}: removed.")

    return remove


def _keyed(command: click.Command) -> click.Command:
    command.params.insert(0, click.Argument(["key"], metavar="KEY"))
    return command


def _command(
    kind: Kind, name: str, text: str, fields: tuple[str, ...], needs: tuple[str, ...], run: Callable[..., None]
) -> click.Command:
    options = [option(kind, field, is_needed=field in needs) for field in fields if field]
    options.append(click.Option(["--json", "as_json"], is_flag=True, help="Print the entry as one JSON document."))
    return click.Command(name, help=text, params=list(options), callback=pass_app(run))


def option(kind: Kind, field: str, *, is_needed: bool = False) -> click.Option:
    """Return the option of a field: its text is read by the service, rows may be given several times."""
    hint = hints_of(kind.entity)[field]
    text = kind.meanings[field] + (" Needed." if is_needed else "")
    flag = "--" + field.replace("_", "-")
    if hint is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}"], default=None, help=text)
    if hint is tuple:
        return click.Option([flag.removesuffix("s"), field], multiple=True, metavar="TEXT", help=text)
    metavar = "|".join(kind.choices.get(field, ())) or ("KEY" if hint is Reference else _METAVARS[hint])
    return click.Option([flag], metavar=metavar, help=text)


def said_of(app: App, kind: Kind, verb: str, as_json: bool, act: Callable[[Desk], Done]) -> None:
    """Do it in one transaction and tell what was kept, with days and times as they were understood."""
    with flags_of(kind), app.store.write() as connection:
        done = act(desk_of(app, connection))
        (row,) = state.read(connection, kind.name, STATE[kind.name].c.id == done.id)
        client = state.read(connection, "client", STATE["client"].c.id == row.get("client_id"))
    if as_json:
        print_json(as_document(kind.name, row))
        return
    whose = f", {client[0]['name']}" if client else ""
    say(f"{kind.name} {done.id}{whose}: {verb.replace('_', ' ')}.")
    for name in done.given:
        if shown := understood(app, getattr(done.entity, name)):
            say(f"  {name:14} {shown}")


@contextmanager
def flags_of(kind: Kind) -> Iterator[None]:
    """Name the option of the field that is at fault."""
    try:
        yield
    except EntryError as error:
        if error.field not in kind.meanings:
            raise
        raise click.BadParameter(str(error), param_hint=option(kind, error.field).opts[0]) from error


def understood(app: App, value: Any) -> str:
    """Return how a day or a time was understood; whoever wrote «в пятницу» wants to see which."""
    if isinstance(value, datetime):
        value = value.astimezone(app.zone)
        return f"{_WEEKDAYS[value.weekday()]} {value:%d.%m.%Y %H:%M}"
    return f"{_WEEKDAYS[value.weekday()]} {value:%d.%m.%Y}" if isinstance(value, date) else ""


ticket = group(KINDS["ticket"])
survey = group(KINDS["survey"])
complaint = group(KINDS["complaint"])
note = group(KINDS["note"])
promise = group(KINDS["promise"])
decision = group(KINDS["decision"])
meeting = group(KINDS["meeting"])
referral = group(KINDS["referral"])
diary = group(KINDS["diary"])
task = group(KINDS["task"])
occasion = group(KINDS["occasion"])
campaign = group(KINDS["campaign"])
trait = group(KINDS["trait"])
shipment = group(KINDS["shipment"])
