"""`hub project|offer|handover|purchase`: objects from the first control call to their closing (S004-14…26)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import msgspec

from hub.cli.app import App, pass_app, print_json, print_table, say
from hub.cli.entity import as_document
from hub.cli.entity import payment as payment
from hub.cli.entry import add_acts, desk_of, flags_of, group, option, said_of
from hub.connections import Hub
from hub.entries import acts, entered
from hub.entries.acts import Desk, Done, EntryError, own_key
from hub.entries.find import find
from hub.entries.goods import analogues, shelf
from hub.entries.objects import PAYMENT, PROJECT, called, contract_of, known_payments, open_points, payments_of, sums_of
from hub.entries.offers import OFFER, deferral_of, drop, rows_for
from hub.entries.sites import folder_of, keep_files, measured
from hub.entries.supplies import HANDOVER, PURCHASE
from hub.entries.talks import NOTE
from hub.entries.twins import part
from hub.entries.when import parse_moment
from hub.letter_files import letter_files
from hub.model.entities import Payment, Reference
from hub.model.entries import Project
from hub.model.values import Money, parse_decimal
from hub.object_files import keep_for
from hub.projection import OPERATOR
from hub.tools import SystemClock

project = group(PROJECT)
offer = group(OFFER)
handover = group(HANDOVER)
purchase = group(PURCHASE)
add_acts(payment, PAYMENT)
_JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print it as one JSON document.")


def _call(app: App, key: str, as_json: bool, next_call: str | None, **answer: str | None) -> None:
    """Enter what came of a control call, and the day of the next one; a refusal is called again in a year."""
    if not any(answer.values()):
        raise click.BadParameter("what did the client say?", param_hint="--text")
    said_of(app, PROJECT, "called", as_json, lambda desk: called(desk, key, {"next_call": next_call}, answer))


project.add_command(click.Command(
    "call", help=_call.__doc__, callback=pass_app(_call),
    params=[click.Argument(["key"], metavar="KEY"), option(PROJECT, "next_call"),
            *(option(NOTE, name) for name in ("result", "text", "contact", "employee")), _JSON],
))  # fmt: skip


def _sign(app: App, key: str, as_json: bool, number: str, day: str, **said: Any) -> None:
    """The contract is signed: the object goes into work (S004-20)."""

    def act(desk: Desk) -> Done:
        row = find(desk.connection, "project", key)
        if number:
            if said["contract"]:
                raise EntryError("say --number or --contract, not both.", field="contract")
            said["contract"] = contract_of(desk, str(row["client_id"]), number, day)
        return acts.go_on(desk, PROJECT, "sign", key, said)

    said_of(app, PROJECT, "in work", as_json, act)


project.add_command(click.Command(
    "sign", help=_sign.__doc__, callback=pass_app(_sign),
    params=[click.Argument(["key"], metavar="KEY"),
            click.Option(["--number"], default="", metavar="TEXT", help="Number of the contract; an unknown one is "
                         "entered as signed."),
            click.Option(["--date", "day"], default="", metavar="DAY", help="The day that contract bears; else today."),
            *(option(PROJECT, name, is_needed=name in ("start", "end"))
              for name in ("contract", "start", "end", "is_cash", "next_call")), _JSON],
))  # fmt: skip


@project.command("pay")
@click.argument("key")
@click.option("--total", required=True, metavar="AMOUNT", help="How much came in.")
@click.option("--date", "day", default="", metavar="DAY", help="The day; else today.")
@click.option("--number", default="", help="Number of the cash order, if there is one.")
@click.option("--purpose", default="", help="What it is for.")
@click.option("--again", is_flag=True, help="Although a payment of this sum and day is known.")
@pass_app
def pay(app: App, key: str, total: str, day: str, number: str, purpose: str, again: bool) -> None:
    """Enter money for an object that no other system tells of, such as cash (S004-21)."""
    with flags_of(PAYMENT), app.store.write() as connection:
        desk = desk_of(app, connection)
        object_key = own_key(desk, PROJECT, key)
        entry = entered(connection, Project, object_key)
        if entry.contract is None:
            raise EntryError("the object has no contract yet.",
                             hint="First: hub project sign KEY --number … --start DAY --end DAY")  # fmt: skip
        done = acts.begin(desk, PAYMENT, {"contract": entry.contract, "total": total, "date": day, "number": number,
                                          "purpose": purpose})  # fmt: skip
        made = done.entity
        assert isinstance(made, Payment)
        assert made.contract
        assert made.total
        assert made.date
        others = known_payments(desk, made.contract, made.total, made.date, done.id)
        if others and not again:
            raise EntryError(f"{made.total} of {made.date:%d.%m.%Y} is known from {others[0]['connection']} already.",
                             hint="Say --again if it is other money.")  # fmt: skip
        for other in others:
            part(connection, "payment", find(connection, "payment", done.id), other, by=desk.by, now=desk.now)
        sums = sums_of(desk, entry, object_key)
    say(
        f"payment {done.id}: {made.total} of {made.date:%d.%m.%Y}, {max(sums.agreed - sums.paid, Decimal(0)):.2f} left."
    )


@project.command("payments")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def payments(app: App, key: str, as_json: bool) -> None:
    """Show what was agreed, each payment with its day, and what is missing until the object can be closed (S004-21).

    JSON: {agreed, paid, payments: […], open: […]}
    """
    with app.store.read() as connection:
        desk = desk_of(app, connection)
        object_key = own_key(desk, PROJECT, key)
        entry = entered(connection, Project, object_key)
        desk = msgspec.structs.replace(desk, key=object_key)
        rows, sums, missing = payments_of(desk, entry), sums_of(desk, entry), open_points(desk, entry)
    if as_json:
        print_json({"agreed": sums.agreed, "paid": sums.paid, "open": missing,
                    "payments": [as_document("payment", row) for row in rows]})  # fmt: skip
        return
    table, left = [], sums.agreed
    for row in rows:
        left -= row["total"].amount if row["total"] else Decimal(0)
        table.append((f"{row['date']:%d.%m.%Y}" if row["date"] else "", row["number"], row["total"], f"{left:.2f}",
                      row["connection"], row["purpose"]))  # fmt: skip
    print_table(("date", "number", "total", "left", "source", "purpose"), table, grow=5)
    say(f"Agreed {sums.agreed:.2f}, paid {sums.paid:.2f}, left {max(sums.agreed - sums.paid, Decimal(0)):.2f}.")
    if missing and entry.state == "work":
        say(f"Missing until it can be closed: {', '.join(missing)}.")


@project.command("measure")
@click.argument("key")
@click.argument("sizes", nargs=-1, required=True, metavar="WHAT=STEPS…")
@pass_app
def measure(app: App, key: str, sizes: tuple[str, ...]) -> None:
    """Note the sizes of a site that were paced out; a step is 0.7 m unless the configuration says otherwise."""
    text = measured(sizes, app.config.model.entering.step)
    with app.store.write() as connection:
        desk = desk_of(app, connection)
        own = own_key(desk, PROJECT, key)
        about = Reference("project", own, OPERATOR)
        client = entered(connection, Project, own).client
        acts.begin(desk, NOTE, {"topic": "sketch", "text": text, "about": about, "client": client})
    say(text)


@project.command("file")
@click.argument("key")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--photo/--from-client", "are_photos", default=False, help="Photos of the site, or what the client gave.")
@click.option("--letters", is_flag=True, help="Keep what came by mail for the object; the daemon does it by itself.")
@click.option("--since", default="", metavar="DAY", help="With --letters: all files of the client from that day on.")
@pass_app
def file_(app: App, key: str, files: tuple[Path, ...], are_photos: bool, letters: bool, since: str) -> None:
    """Copy FILES into the folder of an object; without any it is only made (S004-13, S004-29)."""
    with app.store.read() as connection:
        row = find(connection, "project", key)
        desk = desk_of(app, connection)
    folder = folder_of(app.config, row)
    kept = keep_files(folder, files, are_photos=are_photos)
    if letters:
        begun = parse_moment(since, desk.now, desk.office, past=True) if since else None
        if since and begun is None:
            raise click.BadParameter(f"{since!r} is no day such as 15.11 or «2 недели назад».", param_hint="--since")
        with letter_files(Hub(app.config, app.plugins, app.store, SystemClock())) as get:
            kept += keep_for(app.store, app.config, get, row, begun)
    for path in dict.fromkeys(kept):
        say(f"  {path}")
    if not kept:
        say(f"  {folder}")


def _with_rows(act: Callable[..., Done], verb: str) -> Callable[..., None]:
    """Return a command that tells the rows and the sums of the offer after it."""

    def run(app: App, as_json: bool, **said: Any) -> None:
        made: list[str] = []

        def kept(desk: Desk) -> Done:
            done = act(desk, **said)
            made.append(done.id)
            return done

        said_of(app, OFFER, verb, as_json, kept)
        if not as_json:
            _tell(app, made[0])

    return run


def _new_offer(desk: Desk, lines: tuple[str, ...], deferral: int, **said: Any) -> Done:
    return acts.begin(desk, OFFER, {**said, "lines": rows_for(desk, lines, deferral)})


def _more(act: Callable[..., Done]) -> Callable[..., Done]:
    """Return what reads further rows at the offer's own term of payment."""

    def run(desk: Desk, key: str, lines: tuple[str, ...], **said: Any) -> Done:
        return act(desk, key, {**said, "lines": rows_for(desk, lines, deferral_of(desk, key)) if lines else ()})

    return run


offer.commands["new"].params.insert(-1, click.Option(
    ["--deferral"], type=click.IntRange(0, 3650), default=0, metavar="DAYS",
    help="How many days after delivery the client pays; the discounts of the catalogue's prices may depend on it.",
))  # fmt: skip
offer.commands["new"].callback = pass_app(_with_rows(_new_offer, "made"))
offer.commands["add"].callback = pass_app(
    _with_rows(_more(lambda desk, key, said: acts.go_on(desk, OFFER, "add", key, said)), "added")
)
offer.commands["change"].callback = pass_app(
    _with_rows(_more(lambda desk, key, said: acts.change(desk, OFFER, key, said)), "changed")
)


@offer.command("lines")
@click.argument("key")
@pass_app
def lines(app: App, key: str) -> None:
    """Show the rows of an offer with price, cost and forecast profit, and what the stock does not have."""
    _tell(app, key)


@offer.command("drop")
@click.argument("key")
@click.argument("rows", type=int, nargs=-1, required=True)
@pass_app
def drop_(app: App, key: str, rows: tuple[int, ...]) -> None:
    """Take ROWS out of an offer; the works that follow from dropped goods go with them."""
    with app.store.write() as connection:
        done = drop(desk_of(app, connection), key, rows)
    say(f"offer {done.id}: dropped.")
    _tell(app, done.id)


def _tell(app: App, key: str) -> None:
    with app.store.read() as connection:
        row = find(connection, "offer", key)
        desk = desk_of(app, connection)
        told = []
        for line in row["lines"]:
            there = shelf(desk, line.get("product") or line["title"]) if not line.get("is_work") else None
            short = there.stock if there and there.stock is not None else None
            if there and short is not None and short < _decimal(line.get("quantity", "1")):
                others = ", ".join(
                    f"{it.name} ({it.stock.normalize():f})" for it in analogues(desk, there)[:3] if it.stock
                )
                told.append(
                    f"{there.name}: {short.normalize():f} in stock."
                    + (f" Of the same group: {others}." if others else "")
                )
    if not row["lines"]:
        return
    table = [
        (place, line.get("quantity", "1"), line.get("unit", ""), _amount(line.get("price")), _sum(line, "price"),
         _sum(line, "cost"), ("работа: " if line.get("is_work") else "") + line["title"])
        for place, line in enumerate(row["lines"], 1)
    ]  # fmt: skip
    print_table(("№", "qty", "unit", "price", "total", "cost", "title"), table, grow=6)
    total, cost, profit = (row[name].amount if row[name] else Decimal(0) for name in ("total", "cost", "profit"))
    share = f", {profit * 100 / total:.1f} %" if total else ""
    say(f"Total {total:.2f}, cost {cost:.2f}, forecast profit {profit:.2f}{share}.")
    if deferral := max(line.get("deferral", 0) for line in row["lines"]):
        say(f"The client pays {deferral} days after delivery at the latest.")
    for text in told:
        say(f"  {text}")


def _decimal(text: Any) -> Decimal:
    return parse_decimal(str(text)) or Decimal(0)


def _amount(price: dict[str, Any] | None) -> str:
    return f"{_decimal(price['amount']):.2f}" if price else ""


def _sum(line: dict[str, Any], name: str) -> str:
    price = line.get(name)
    if not price:
        return ""
    return f"{(Money(_decimal(price['amount'])) * _decimal(line.get('quantity', '1'))).rounded().amount:.2f}"
