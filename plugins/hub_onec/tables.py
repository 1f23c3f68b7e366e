"""Virtual tables: prices, stock and balances, which 1C computes on request; one row becomes one record."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from hub.api import Record, Rejected

from .candidates import CHARTS, Source
from .client import UNKNOWN_NAME, ODataClient, ODataError
from .joins import Joins, row_of
from .metadata import Schema
from .resolve import SHOWN, function_of, shown_names
from .values import EMPTY_KEY

_SERVICE = frozenset({"Period", "Recorder", "Recorder_Type", "Recorder_Key", "LineNumber", "Active", "RecordType"})
_RESOURCE = re.compile(r"(?:Balance|BalanceDr|BalanceCr|Turnover|Receipt|Expense)$")
_NUMBERS = ("Edm.Double", "Edm.Decimal", "Edm.Int16", "Edm.Int32", "Edm.Int64")
ACCOUNTS = 18
"""So many accounts fit into one address."""
LONGEST_ID = 300


def read_table(
    client: ODataClient, joins: Joins, schema: Schema, source: Source, set_name: str, stream: str, period: datetime
) -> list[Record]:
    """Return the rows of one register. Raises Rejected when it has no such table."""
    bound = function_of(schema, set_name, source.table)
    if not bound:
        raise Rejected(f"{set_name} has no {source.table}.", hint=f"Put {stream} into `skip:`.")
    types = {**schema.types.get(set_name, {}), **schema.types.get(f"{set_name}_RecordType", {})}
    select = ",".join(["*", *(it for it in shown_names(source.row) if f"{it.partition(SHOWN)[0]}_Key" in types)])
    rows: list[bytes] = []
    for where in _accounts(client, source, set_name):
        try:
            rows += client.table(bound, source.table, period, where, select="" if select == "*" else select)
        except ODataError as error:
            if select == "*" or error.code not in UNKNOWN_NAME:
                raise
            select = "*"  # this publication shows no references here
            rows += client.table(bound, source.table, period, where)
    records: dict[str, Record] = {}
    joined = joins.with_objects(source.joins, rows)
    for payload, whole in zip(rows, joined, strict=True):
        name = f"{set_name}/{row_id(payload, types)}"
        while name in records:
            name += "+"  # rows that differ in nothing but their amounts
        records[name] = Record(name, whole, "", False, stream)
    return list(records.values())


def row_id(payload: bytes, types: Mapping[str, str]) -> str:
    """Return what tells a row of a virtual table from the others: its dimensions, without time and amounts."""
    row = row_of(payload)
    values: list[str] = []
    for name in sorted(row):
        value = row[name]
        if name in _SERVICE or "@" in name or SHOWN in name or _RESOURCE.search(name) or types.get(name) in _NUMBERS:
            continue
        if isinstance(value, str | bool):
            values.append("" if value == EMPTY_KEY else str(value).strip())
    text = "/".join(values)
    return text if len(text) <= LONGEST_ID and text.strip("/") else hashlib.sha256(text.encode()).hexdigest()


class _Account(msgspec.Struct):
    key: str = msgspec.field(name="Ref_Key")


_account = msgspec.json.Decoder(_Account)


def _accounts(client: ODataClient, source: Source, set_name: str) -> list[str]:
    """Return filters for the accounts that matter, found by the beginnings of their codes, a few in one address."""
    if not source.accounts:
        return [""]
    chart = CHARTS[set_name]
    wanted = " or ".join(f"startswith(Code,'{code}')" for code in source.accounts)
    keys = [_account.decode(raw).key for raw in client.values(chart, "Ref_Key,Code", wanted)]
    if not keys:
        raise Rejected(f"{chart} has no account {' or '.join(source.accounts)}.", hint=f"Look at {chart} in 1C.")
    clauses = [f"Account_Key eq guid'{key}'" for key in keys]
    return [" or ".join(clauses[at : at + ACCOUNTS]) for at in range(0, len(clauses), ACCOUNTS)]
