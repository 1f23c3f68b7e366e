"""Organisations and currencies by the names people know, looked up in 1C: a command need not know their `Ref_Key`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hub.api import Rejected, currency_code

from .candidates import SOURCES
from .client import ODataClient
from .difference import decode
from .settings import OneCSettings
from .values import KEY, text_of

CURRENCIES = "Catalog_Валюты"
MOST_NAMES = 10
_INN = re.compile(r"\d{10}|\d{12}", re.ASCII)


def with_keys(
    data: Mapping[str, Any], client: ODataClient, published: Collection[str], settings: OneCSettings
) -> Mapping[str, Any]:
    """Return the data with keys in the place of names. Raises Rejected for a name that is not there, or there twice."""
    found = {word: data[word] for word in ("organisation", "currency") if _is_name(data.get(word))}
    if "organisation" in found:
        sets = (*settings.sets.get("organisations", ()), *SOURCES["organisations"].sets)
        rows = _rows(client, [it for it in sets if it in published], "an organisation")
        found["organisation"] = _only("organisation", found["organisation"], rows, _is_organisation)
    if "currency" in found:
        rows = _rows(client, [CURRENCIES] if CURRENCIES in published else [], "a currency")
        found["currency"] = _only("currency", found["currency"], rows, _is_currency)
    return {**data, **found}


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and not KEY.fullmatch(value.lower())


def _rows(client: ODataClient, sets: Sequence[str], what: str) -> list[Mapping[str, Any]]:
    if not sets:
        raise Rejected(f"{what} cannot be found by its name.", hint="Publish its catalogue, or write its Ref_Key.")
    rows = [decode(raw) for raw in client.values(sets[0], "")]
    return [row for row in rows if not row.get("DeletionMark") and not row.get("IsFolder")]


def _only(word: str, name: str, rows: Sequence[Mapping[str, Any]], fits: Any) -> str:
    keys = [str(row["Ref_Key"]) for row in rows if fits(row, name.strip())]
    if len(keys) == 1:
        return keys[0]
    if keys:
        raise Rejected(f"1C has {len(keys)} of the {word} {name}.", hint="Write the Ref_Key of the one that is meant.")
    known = sorted({text_of(row.get("Description")) for row in rows})
    raise Rejected(f"1C has no {word} {name}.", hint=f"It has {', '.join(known[:MOST_NAMES]) or 'none'}.")


def _is_organisation(row: Mapping[str, Any], name: str) -> bool:
    if _INN.fullmatch(name):
        return text_of(row.get("ИНН")) == name
    return name in (text_of(row.get("Description")), text_of(row.get("НаименованиеПолное")))


def _is_currency(row: Mapping[str, Any], name: str) -> bool:
    """Tell whether it is the currency: 1C keeps the numeric code, and as name letters or a Russian abbreviation."""
    wanted = currency_code(name)
    return wanted in (currency_code(text_of(row.get("Code"))), currency_code(text_of(row.get("Description"))))
