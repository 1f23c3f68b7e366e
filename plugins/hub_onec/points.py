"""Phones and mailboxes as 1C keeps them: rows of a part that is written whole, so those that stand there go along."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hub.api import Rejected

from .client import ODataClient
from .difference import decode

PART = "КонтактнаяИнформация"
KINDS = "Catalog_ВидыКонтактнойИнформации"
WORDS: Mapping[str, tuple[str, str, str]] = {
    "phone": ("Телефон", "НомерТелефона", "Телефон"),
    "email": ("АдресЭлектроннойПочты", "АдресЭП", "Email"),
}
"""Word → member of `Тип`, column of the bare value, beginning of the predefined name of its kind."""
OWNERS = {"counterparty": "Контрагента", "contact": "КонтактногоЛица"}


def point_rows(
    client: ODataClient, noun: str, held: Sequence[Mapping[str, Any]], said: Mapping[str, str],
    columns: Mapping[str, str],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return all rows of the part: the first of each type said gets the new value, the others stay as they are."""
    rows = [{name: it for name, it in row.items() if name in columns and name != "Ref_Key"} for row in held]
    for word, value in said.items():
        kind, column, _ = WORDS[word]
        row = next((it for it in rows if it.get("Тип") == kind), None)
        if row is None:
            row = {"Тип": kind, "Вид_Key": _kind(client, noun, word)}
            rows.append(row)
        elif str(row.get("Представление") or "").strip() == value:
            continue
        row["Представление"] = value
        row[column] = value if word == "email" else re.sub(r"\D", "", value)
        texts = {"Значение": json.dumps({"value": value, "type": kind}, ensure_ascii=False), "ЗначенияПолей": ""}
        row |= texts  # 1C does not compute them anew
    written = [{name: it for name, it in row.items() if name in columns} for row in rows]
    return [{**row, "LineNumber": str(number)} for number, row in enumerate(written, 1)]


def _kind(client: ODataClient, noun: str, word: str) -> str:
    """Return the key of the kind, which differs from base to base."""
    wanted = f"{WORDS[word][2]}{OWNERS[noun]}"
    if KINDS not in client.published():
        raise Rejected(f"{word} needs the kinds of contact information.", hint=f"Publish {KINDS}.")
    for content in client.values(KINDS, "Ref_Key,Description,PredefinedDataName"):
        row = decode(content)
        if row.get("PredefinedDataName") == wanted:
            return str(row["Ref_Key"])
    raise Rejected(f"{KINDS} has no {wanted}.", hint=f"Write the rows of {PART} in `fields`.")
