"""The floor: the least that this work can cost in Python, written by hand for this one catalogue.

One process, one thread: httpx, raw bytes hashed, typed decode of what differs, `executemany` or COPY and a merge, one
row and three child rows per record, a commit per page. No mapping, no log of events, no identity, no checks.

`all` reads every object and compares hashes; `scan` asks for versions only and fetches what has another one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sqlite3
from base64 import b64encode
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import msgspec
import psycopg
from msgspec import Raw, Struct, field

SET = quote("Catalog_Контрагенты")
JSON = "$format=application/json%3Bodata%3Dnometadata"
KEYS_PER_REQUEST = 24
TEXTS = (
    "Ref_Key", "DataVersion", "Description", "Code", "Parent_Key", "НаименованиеПолное", "ДополнительнаяИнформация",
    "КодПоОКПО", "РегистрационныйНомер", "НалоговыйНомер", "НаименованиеМеждународное", "Комментарий", "ИНН", "КПП",
    "ЮридическоеФизическоеЛицо", "ГоловнойКонтрагент_Key", "СтранаРегистрации_Key", "ОсновнойМенеджер_Key",
    "ДатаРегистрации", "СрокОплаты", "PredefinedDataName",
)  # fmt: skip
FLAGS = ("DeletionMark", "IsFolder", "ОбособленноеПодразделение", "НДСПоСтавкам4и2", "Predefined")
CONTACT = (
    "Ref_Key", "LineNumber", "Тип", "Вид_Key", "Представление", "ЗначенияПолей", "Страна", "Регион", "Город", "АдресЭП",
    "НомерТелефона", "Значение",
)  # fmt: skip
PART = "КонтактнаяИнформация"
COLUMNS = (*TEXTS, *FLAGS)

_Contact = msgspec.defstruct("_Contact", [(it, str) for it in CONTACT], forbid_unknown_fields=True)
_Row = msgspec.defstruct(
    "_Row",
    [*((it, str) for it in TEXTS), *((it, bool) for it in FLAGS), (PART, list[_Contact])],  # type: ignore[valid-type]
    forbid_unknown_fields=True,  # a field that the source has and the floor does not store is an error
)
_values = attrgetter(*COLUMNS)
_contact_values = attrgetter(*CONTACT)


class _Head(Struct):
    key: str = field(name="Ref_Key")
    version: str = field(name="DataVersion")


class _Heads(Struct):
    value: list[_Head]


class _Raws(Struct):
    value: list[Raw]


_heads = msgspec.json.Decoder(_Heads)
_raws = msgspec.json.Decoder(_Raws)
_row = msgspec.json.Decoder(_Row)


class Target(Protocol):
    """The database: what is known of some keys, and one page of rows to store."""

    def known(self, column: str, keys: Sequence[str]) -> dict[str, Any]: ...

    def save(self, rows: list[tuple[Any, ...]], contacts: list[tuple[Any, ...]], changed: list[str]) -> None: ...

    def count(self) -> int: ...


def _list(names: Collection[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


_UPDATES = ", ".join(f'"{name}" = excluded."{name}"' for name in (*COLUMNS[1:], "row_hash"))
_MERGE = f'ON CONFLICT ("Ref_Key") DO UPDATE SET {_UPDATES}'


def _tables(blob: str, flag: str) -> Iterator[str]:
    flags = "".join(f', "{it}" {flag} NOT NULL' for it in FLAGS)
    texts = "".join(f', "{it}" text NOT NULL' for it in TEXTS[1:])
    yield (
        f'CREATE TABLE IF NOT EXISTS counterparty ("Ref_Key" text NOT NULL PRIMARY KEY{texts}{flags},'
        f" row_hash {blob} NOT NULL)"
    )
    columns = "".join(f'"{it}" text NOT NULL, ' for it in CONTACT)
    yield f'CREATE TABLE IF NOT EXISTS contact ({columns}PRIMARY KEY ("Ref_Key", "LineNumber"))'


class SQLite:
    """A file, as durable as the hub's."""

    def __init__(self, path: str) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        for pragma in ("page_size = 8192", "journal_mode = WAL", "synchronous = FULL", "cache_size = -32000"):
            self._base.execute(f"PRAGMA {pragma}")
        for statement in _tables("blob", "integer"):
            self._base.execute(statement)
        marks = ", ".join("?" * (len(COLUMNS) + 1))
        self._insert = f"INSERT INTO counterparty ({_list((*COLUMNS, 'row_hash'))}) VALUES ({marks}) {_MERGE}"
        self._contact = f"INSERT INTO contact ({_list(CONTACT)}) VALUES ({', '.join('?' * len(CONTACT))})"

    def known(self, column: str, keys: Sequence[str]) -> dict[str, Any]:
        query = f'SELECT "Ref_Key", "{column}" FROM counterparty WHERE "Ref_Key" IN ({", ".join("?" * len(keys))})'
        return dict(self._base.execute(query, keys).fetchall())

    def save(self, rows: list[tuple[Any, ...]], contacts: list[tuple[Any, ...]], changed: list[str]) -> None:
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany(self._insert, rows)
        self._base.executemany('DELETE FROM contact WHERE "Ref_Key" = ?', [(key,) for key in changed])
        self._base.executemany(self._contact, contacts)
        self._base.execute("COMMIT")

    def count(self) -> int:
        return int(self._base.execute("SELECT count(*) FROM counterparty").fetchone()[0])


class PostgreSQL:
    """A database, written by COPY; a merge only where rows are known already."""

    def __init__(self, url: str) -> None:
        self._base = psycopg.connect(url, autocommit=True)
        for statement in _tables("bytea", "boolean"):
            self._base.execute(statement)
        self._base.execute("CREATE TEMP TABLE incoming (LIKE counterparty) ON COMMIT DELETE ROWS")
        self._listed = _list((*COLUMNS, "row_hash"))

    def known(self, column: str, keys: Sequence[str]) -> dict[str, Any]:
        query = f'SELECT "Ref_Key", "{column}" FROM counterparty WHERE "Ref_Key" = ANY(%s)'
        return dict(self._base.execute(query, (list(keys),)).fetchall())

    def save(self, rows: list[tuple[Any, ...]], contacts: list[tuple[Any, ...]], changed: list[str]) -> None:
        with self._base.transaction():
            if changed:
                self._copy("incoming", self._listed, rows)
                self._base.execute(
                    f"INSERT INTO counterparty ({self._listed}) SELECT {self._listed} FROM incoming {_MERGE}"
                )
                self._base.execute('DELETE FROM contact WHERE "Ref_Key" = ANY(%s)', (changed,))
            else:
                self._copy("counterparty", self._listed, rows)
            self._copy("contact", _list(CONTACT), contacts)

    def count(self) -> int:
        found = self._base.execute("SELECT count(*) FROM counterparty").fetchone()
        assert found is not None
        return int(found[0])

    def _copy(self, table: str, listed: str, rows: list[tuple[Any, ...]]) -> None:
        with self._base.cursor() as cursor, cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


class Floor:
    """Reads the catalogue into the target."""

    def __init__(self, url: str, target: Target, page: int) -> None:
        pair = f"{os.environ['BENCH_USER']}:{os.environ['BENCH_PASSWORD']}"
        headers = {"Authorization": "Basic " + b64encode(pair.encode()).decode()}
        self._http = httpx.Client(headers=headers, timeout=300, trust_env=False)
        self._url = url
        self._target = target
        self._page = page
        self.written = 0

    def read_all(self) -> None:
        """Read every object, store those whose bytes differ from what is stored."""
        for content in self._pages(""):
            heads, raws = _heads.decode(content).value, _raws.decode(content).value
            self._store([head.key for head in heads], raws)

    def scan(self) -> None:
        """Ask for versions, fetch and store the objects whose version is not the stored one."""
        for content in self._pages("&$select=Ref_Key,DataVersion"):
            heads = _heads.decode(content).value
            known = self._target.known("DataVersion", [head.key for head in heads])
            keys = [head.key for head in heads if known.get(head.key) != head.version]
            for start in range(0, len(keys), KEYS_PER_REQUEST):
                wanted = "%20or%20".join(f"Ref_Key%20eq%20guid'{it}'" for it in keys[start : start + KEYS_PER_REQUEST])
                content = self._get(f"&$filter={wanted}")
                self._store([head.key for head in _heads.decode(content).value], _raws.decode(content).value)

    def _store(self, keys: list[str], raws: list[Raw]) -> None:
        known = self._target.known("row_hash", keys)
        rows: list[tuple[Any, ...]] = []
        contacts: list[tuple[Any, ...]] = []
        changed: list[str] = []
        for key, raw in zip(keys, raws, strict=True):
            digest = hashlib.sha256(raw).digest()
            before = known.get(key)
            if before == digest:
                continue
            if before is not None:
                changed.append(key)
            row = _row.decode(raw)
            rows.append((*_values(row), digest))
            contacts += map(_contact_values, getattr(row, PART))
        if rows:
            self._target.save(rows, contacts, changed)
            self.written += len(rows)

    def _pages(self, select: str) -> Iterator[bytes]:
        skip = 0
        while True:
            content = self._get(f"{select}&$orderby=Ref_Key&$top={self._page}&$skip={skip}")
            if content.find(b'"Ref_Key"', 0, 200) < 0:  # an empty page ends the walk
                return
            yield content
            skip += self._page

    def _get(self, query: str) -> bytes:
        answer = self._http.get(f"{self._url}{SET}?{JSON}{query}")
        answer.raise_for_status()
        return answer.content


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.floor")
    parser.add_argument("url", help="the service root")
    parser.add_argument("database", help="sqlite:///FILE or postgresql://…")
    parser.add_argument("way", choices=("all", "scan"))
    parser.add_argument("--page", type=int, default=1000)
    given = parser.parse_args()
    path = given.database.removeprefix("sqlite:///")
    target: Target = PostgreSQL(given.database) if path == given.database else SQLite(path)
    floor = Floor(given.url, target, given.page)
    (floor.scan if given.way == "scan" else floor.read_all)()
    print(msgspec.json.encode({"written": floor.written, "stored": target.count()}).decode())


if __name__ == "__main__":
    main()
