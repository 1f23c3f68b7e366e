"""What a source knows of our firm and people and the configuration does not: said in `hub doctor`, never written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from hub.config import Config, Organisation
from hub.facts import aliases
from hub.store import state
from hub.store.tables import STATE

FIELDS = ("kpp", "ogrn", "address", "phone", "director", "accountant")
MOST = 5


def organisation_findings(connection: Connection, configured: Organisation | None) -> Iterator[tuple[str, str]]:
    """Yield what `organisation:` lacks or says otherwise than the accounting, each with what to write."""
    known = [row for row in state.read(connection, "organisation") if not row["deleted"] and row["inn"]]
    if configured is None:
        for row in known[:MOST]:
            held = {name: row[name] for name in ("inn", *FIELDS) if row[name]}
            yield f"{row['connection']} knows {_name(row)}.", f"If you are that, write `{_written(_name(row), held)}`."
        return
    ours = [it for it in known if it["inn"] == configured.inn]
    if ours:
        yield from _gaps(connection, configured, ours[0])


def manager_findings(connection: Connection, config: Config) -> Iterator[tuple[str, str]]:
    """Yield that clients are in the care of somebody whom no employee is called: their reminders reach nobody there."""
    table, known = STATE["client"], aliases(config)
    counted = select(table.c.manager, func.count()).where(~table.c.deleted, table.c.manager != "")
    strange = [number for name, number in connection.execute(counted.group_by(table.c.manager))
               if name.casefold() not in known]  # fmt: skip
    if strange:
        count, names = sum(strange), len(strange)
        yield (
            f"of the clients {count} have a manager whom no employee is called (different names: {names}).",
            "See them: hub client list --all. Write each name into `aliases:` of the employee who is meant.",
        )


def _gaps(connection: Connection, configured: Organisation, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in FIELDS:
        if row[name] and not getattr(configured, name):
            yield f"`organisation:` has no {name}.", f'{row["connection"]} says: `{name}: "{row[name]}"`.'
    if configured.kpp and row["kpp"] and configured.kpp != row["kpp"]:
        yield (
            f"`organisation:` has the КПП {configured.kpp}, but {row['connection']} says {row['kpp']}.",
            "Correct the one that is wrong.",
        )
    if configured.bank is None:
        accounts = state.read(connection, "bank_account")
        own = [it for it in accounts if it["organisation"] == row["id"] and not it["is_closed"] and not it["deleted"]]
        for account in own[:MOST]:
            also = "".join(f', {name}: "{account[it]}"' for name, it in _BANK.items() if account[it])
            yield (
                "`organisation:` has no bank, which invoices need.",
                f'{row["connection"]} says: `bank: {{account: "{account["number"]}"{also}}}`.',
            )


_BANK = {"bic": "bic", "corr_account": "corr_account", "name": "bank"}


def _name(row: Mapping[str, Any]) -> str:
    return str(row["full_name"] or row["name"])


def _written(name: str, held: Mapping[str, str]) -> str:
    fields = "".join(f', {key}: "{value}"' for key, value in held.items())
    return f'organisation: {{name: "{name}"{fields}}}'
