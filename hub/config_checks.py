"""What must fit together in the configuration: employees and their heads, formulas, bank accounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hub.formulas import SHIPPED, Formula, FormulaError
from hub.letter_rules import misfits
from hub.model.values import is_account, is_corr_account
from hub.yaml_text import nearest

if TYPE_CHECKING:
    from hub.config import Config


def check_together(config: Config) -> None:
    """Raise SettingsError with file and line for the first value that does not fit the others."""
    for index, wish in enumerate(config.model.attachments):
        if wish.connection not in config.model.connections:
            raise config.document.error(
                ("attachments", index, "connection"), f"no connection is called {wish.connection!r}.",
                hint=nearest(wish.connection, list(config.model.connections)),
            )  # fmt: skip
    for place, mistake, fix in misfits(config.model.letters, list(config.model.connections)):
        raise config.document.error(place, mistake, hint=fix)
    ids: set[str] = set()
    for index, employee in enumerate(config.model.employees):
        if employee.id in ids:
            raise config.document.error(("employees", index, "id"), f"the employee id {employee.id!r} stands twice.")
        ids.add(employee.id)
    for index, employee in enumerate(config.model.employees):
        for field in ("head", "substitute"):
            named = getattr(employee, field)
            if named and named not in ids:
                raise config.document.error(
                    ("employees", index, field), f"no employee has the id {named!r}.", hint=nearest(named, list(ids))
                )
    _check_formulas(config)
    _check_heads(config)
    _check_options(config)
    bank = config.model.organisation and config.model.organisation.bank
    if bank:
        if not is_account(bank.account, bank.bic):
            raise config.document.error(("organisation", "bank", "account"), "the account does not fit the БИК.")
        if not is_corr_account(bank.corr_account, bank.bic):
            raise config.document.error(("organisation", "bank", "corr_account"), "the account does not fit the БИК.")


def _check_formulas(config: Config) -> None:
    model, document = config.model, config.document
    for name, text in model.formulas.items():
        try:
            Formula(text)
        except FormulaError as error:
            raise document.error(("formulas", name), f"formula {name}: {error}") from None
    known = {**SHIPPED, **model.formulas}
    for who, name in model.reports.pay.items():
        if name not in known:
            raise document.error(
                ("reports", "pay", who), f"no formula is called {name!r}.", hint=nearest(name, list(known))
            )
    for field in ("attraction", "retention"):
        for month in getattr(model.reports, field):
            if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month, re.ASCII):
                raise document.error(("reports", field, month), f"{month!r} is no month such as 2026-11.")


def _check_options(config: Config) -> None:
    """Refuse a list of values for a field that nothing has: it would never be asked."""
    if not config.model.entering.options:
        return
    from hub.model.entities import ENTITIES

    known = [f"{kind}.{name}" for kind, entity in ENTITIES.items() for name in entity.__struct_fields__]
    for name in config.model.entering.options:
        if name not in known:
            raise config.document.error(("entering", "options", name), f"there is no field {name!r}.",
                                        hint=nearest(name, known))  # fmt: skip


def _check_heads(config: Config) -> None:
    heads = {person.id: person.head for person in config.model.employees}
    for index, person in enumerate(heads):
        chain = [person]
        while (above := heads.get(chain[-1], "")) and above not in chain:
            chain.append(above)
        if above == person:
            words = f"heads go round in a circle: {' → '.join([*chain, above])}."
            raise config.document.error(("employees", index, "head"), words, hint="Who stands at the top has none.")
