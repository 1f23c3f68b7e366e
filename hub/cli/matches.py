"""`hub payment matches`: which invoice a payment pays that names none, and what speaks for it."""

from __future__ import annotations

import click

from hub.cli.app import App, pass_app, print_json, print_table, say
from hub.remind import suggested_matches


@click.command("matches")
@click.option("--near", is_flag=True, help="Only those that are for a person to judge.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def matches(app: App, near: bool, as_json: bool) -> None:
    """List payments that no source binds to an invoice, with the invoices they pay: exactly, or perhaps.

    Exact matches count for reminders; of the others a person knows.
    """
    with app.store.read() as connection:
        found = [it for it in suggested_matches(connection) if not (near and it[0].is_exact)]
    if as_json:
        print_json(
            [
                {"payment": it.payment, "invoices": it.invoices, "is_exact": it.is_exact, "reason": it.reason}
                for it, _, _ in found
            ]
        )
        return
    if not found:
        say("Nothing to match: every payment names its invoice, or nothing can be said of it.")
        return
    print_table(
        ("payment", "total", "invoices", "", "because"),
        [
            (payment["number"], str(payment["total"]), ", ".join(it["number"] for it in invoices),
             "exact" if match.is_exact else "perhaps", match.reason)
            for match, payment, invoices in found
        ],
        grow=4,
    )  # fmt: skip
