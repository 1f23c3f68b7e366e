"""`hub document folder` and `hub document month`: many papers at once."""

from __future__ import annotations

import getpass
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import click

from hub.cli.app import App, pass_app, print_json, print_table, print_wrapped, progress, say
from hub.cli.client import one
from hub.files import remove_leftovers, write_file
from hub.model.errors import HubError
from hub.paperwork.client_folder import Paper, one_pdf, papers_named, papers_of
from hub.paperwork.issuing import BATCH, Issued
from hub.paperwork.month import Left, Plan, days_of, issue_month, parse_month, plan


@click.command()
@click.argument("client_key", metavar="CLIENT")
@click.option("--print", "file", type=click.Path(path_type=Path), help="Write everything as one PDF to FILE.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def folder(app: App, client_key: str, file: Path | None, as_json: bool) -> None:
    """Show the papers of CLIENT's folder in their printed order, with the number of copies.

    JSON: [{kind, title, copies, document, number, state, lacks}]
    """
    with app.store.read() as connection:
        papers = papers_of(connection, app.config, one(connection, client_key)["id"])
    if as_json:
        print_json(
            [
                {
                    "kind": it.kind, "title": it.title, "copies": it.copies, "lacks": it.lacks,
                    "document": it.document.id if it.document else None,
                    "number": it.document.number if it.document else "",
                    "state": _state(it),
                }
                for it in papers
            ]
        )  # fmt: skip
    else:
        shown = [
            (it.copies, it.document.number if it.document else "", it.lacks or _state(it), it.title) for it in papers
        ]
        print_table(("copies", "number", "state", "title"), shown, grow=3)
    if file:
        _print(app, papers, file)


@click.command("print")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("keys", type=int, nargs=-1, required=True, metavar="ID…")
@pass_app
def print_(app: App, file: Path, keys: tuple[int, ...]) -> None:
    """Write issued documents, of whichever clients, as one PDF to FILE, each in as many copies as it needs."""
    with app.store.read() as connection:
        papers = papers_named(connection, app.config, keys)
    _print(app, papers, file)


def _print(app: App, papers: list[Paper], file: Path) -> None:
    write_file(file, one_pdf(app.config, papers))
    say(f"{file}: {sum(it.copies for it in papers if not it.lacks)} papers.")
    for it in papers:
        if it.lacks:
            say(f"  left out: {it.title}: {it.lacks}")


def _state(paper: Paper) -> str:
    return paper.document.state if paper.document else ""


@click.command()
@click.option("--month", "text", required=True, help="The month, 2026-11.")
@click.option("--dry-run", is_flag=True, help="Only say what would be made and what is left out.")
@click.option("--all", "in_full", is_flag=True, help="List also the contracts for which nothing is due.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def month(app: App, text: str, dry_run: bool, in_full: bool, as_json: bool) -> None:
    """Make and issue the invoices and acts of a month for all contracts that are due.

    A run that was interrupted is run again: it goes on where it stopped. JSON: {month, made, waiting, issued, left:
    [{kind, contract, client, reason, detail, mend}], seconds}
    """
    first = parse_month(text)
    with app.store.read() as connection:
        found = plan(connection, app.config, first)
    if not as_json:
        _check_list(app, found, in_full=in_full)
    began = time.monotonic()
    issued, failed = (0, []) if dry_run else _issue(app, found)
    seconds = time.monotonic() - began
    unmade = [it for it in failed if isinstance(it, Left)]
    if as_json:
        waiting = sum(it.document > 0 for it in found.items)
        print_json(
            {"month": text, "made": len(found.items) - waiting, "waiting": waiting, "issued": issued,
             "left": [*found.left, *unmade], "seconds": round(seconds, 3)}
        )  # fmt: skip
    elif not dry_run:
        print_wrapped([(it.contract, it.kind, f"{it.client}: {it.reason}") for it in unmade])
        for each in failed:
            if isinstance(each, Issued):
                say(f"  document {each.id} was not issued: {each.error}")
        say(f"Issued {issued} in {seconds:.0f} s.")
    if failed:
        raise HubError(f"{len(failed)} documents were not issued.", hint="Mend it and run the same again.")


def _check_list(app: App, found: Plan, *, in_full: bool) -> None:
    """Show what is to be mended first, what is charged for a part of the month, and what is due."""
    shown: dict[tuple[str, str, str], list[str]] = {}
    for it in found.left:
        if it.mend or in_full:
            shown.setdefault((it.contract, it.client, f"{it.reason} {it.detail}".strip()), []).append(it.kind)
    if shown:
        say("Left out:" if in_full else "To be mended, left out until then:")
        print_wrapped([
            (f"  {contract}", ", ".join(kinds), ": ".join(filter(None, (client, why))))
            for (contract, client, why), kinds in shown.items()
        ])  # fmt: skip
    quiet = Counter(it.reason for it in found.left if not it.mend)
    if quiet and not in_full:
        say(f"Nothing due: {', '.join(f'{reason}: {count}' for reason, count in quiet.items())}. See them: --all")
    part = {it.contract["number"]: days_of(it.contract, found.month) for it in found.items}
    part = {number: days for number, days in part.items() if days != days_of({"start": None, "end": None}, found.month)}
    if part:
        rule = {"whole": "charged whole", "days": "charged by days"}[app.config.model.documents.month_part]
        say(f"In force for a part of the month, {rule} (documents: month_part):")
        print_wrapped([(f"  {number}", f"{days[0]:%d.%m}–{days[1]:%d.%m.%Y}") for number, days in part.items()])
    counts = Counter(it.kind for it in found.items)
    say(f"Due: {', '.join(f'{kind}: {count}' for kind, count in counts.items()) or 'nothing'}.")


def _issue(app: App, found: Plan) -> tuple[int, list[Left | Issued]]:
    """Issue what is due; return how much was issued, and what was not."""
    remove_leftovers(app.config.resolve(app.config.model.documents.folder))
    issued, failed, total, began = 0, list[Left | Issued](), len(found.items), time.monotonic()
    for done, each in enumerate(issue_month(app.store, app.config, found, by=getpass.getuser(), now=app.now()), 1):
        if isinstance(each, Left) or each.error:
            failed.append(each)
        else:
            issued += 1
        if done % BATCH == 0 or done == total:
            progress(_rate(done, total, time.monotonic() - began))
    return issued, failed


def _rate(done: int, total: int, seconds: float) -> str:
    left = timedelta(seconds=round((total - done) * seconds / done))
    return f"{done} of {total} documents, {done / max(seconds, 0.1):.0f} a second, {left} left"
