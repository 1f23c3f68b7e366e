"""Write many rows at once: `executemany` on SQLite, COPY on PostgreSQL.

Rows are tuples of text, integers, booleans, bytes and None in the order of `columns` (see `hub.store.types`).
Plain Core inserts cost about three times as much on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

Row = Sequence[Any]
COPY_FROM = 200
"""From so many rows on COPY is cheaper than single statements on PostgreSQL."""


def insert(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert rows that are known to be new."""
    if not rows:
        return
    if connection.dialect.name == "postgresql" and len(rows) >= COPY_FROM:
        _copy(connection, _quoted(table.name), columns, rows)
    else:
        _execute_many(connection, _insert_sql(table, columns, connection.dialect.name), rows)


def upsert(
    connection: Connection, table: Table, columns: tuple[str, ...], keys: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Insert rows or overwrite those with the same keys; rows must have distinct keys."""
    if not rows:
        return
    if connection.dialect.name == "postgresql" and len(rows) >= COPY_FROM:
        temporary = f"incoming_{table.name}"
        listed = ", ".join(map(_quoted, columns))
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE IF NOT EXISTS {temporary} ON COMMIT DELETE ROWS AS "  # noqa: S608
            f"SELECT {listed} FROM {_quoted(table.name)} LIMIT 0"
        )
        connection.exec_driver_sql(f"TRUNCATE {temporary}")
        _copy(connection, temporary, columns, rows)
        connection.exec_driver_sql(
            f"INSERT INTO {_quoted(table.name)} ({listed}) "  # noqa: S608 names come from our own tables
            f"SELECT {listed} FROM {temporary} {_on_conflict(columns, keys)}"
        )
    else:
        sql = f"{_insert_sql(table, columns, connection.dialect.name)} {_on_conflict(columns, keys)}"
        _execute_many(connection, sql, rows)


def mergeable(connection: Connection, table: Table) -> Any:
    """Return an INSERT of this kind of database that can say what happens with a row that is there already."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # this one takes a while to import: only its users wait

        return postgresql.insert(table)
    return sqlite.insert(table)


def delete(connection: Connection, table: Table, keys: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Delete the rows with these keys."""
    if rows:
        mark = _mark(connection.dialect.name)
        condition = " AND ".join(f"{_quoted(key)} = {mark}" for key in keys)
        _execute_many(connection, f"DELETE FROM {_quoted(table.name)} WHERE {condition}", rows)  # noqa: S608


def select_in(
    connection: Connection, table: Table, columns: tuple[str, ...], key: str, values: Iterable[Any], /, **fixed: Any
) -> list[Any]:
    """Return the rows whose `key` is among the values and whose `fixed` columns are equal, as plain tuples."""
    wanted = list(values)
    found: list[Any] = []
    listed = ", ".join(map(_quoted, columns))
    mark = _mark(connection.dialect.name)
    condition = " AND ".join([*(f"{_quoted(name)} = {mark}" for name in fixed), f"{_quoted(key)} IN "])
    head = f"SELECT {listed} FROM {_quoted(table.name)} WHERE {condition}"  # noqa: S608
    given = tuple(fixed.values())
    for start in range(0, len(wanted), 1000):
        piece = wanted[start : start + 1000]
        if connection.dialect.name == "postgresql":  # one JSON text: the driver takes 3 µs for each element of an array
            typed = "::bigint" if isinstance(piece[0], int) else ""
            sql = f"{head.removesuffix('IN ')}= ANY(ARRAY(SELECT json_array_elements_text({mark}::json){typed}))"
            arguments = (*given, msgspec.json.encode(piece).decode())
        else:
            sql = f"{head}({', '.join([mark] * len(piece))})"
            arguments = (*given, *piece)
        found.extend(connection.exec_driver_sql(sql, arguments).fetchall())
    return found


def not_empty(connection: Connection, tables: Iterable[Table]) -> set[str]:
    """Return the names of those tables that have a row: one question, which is not compiled anew at each start."""
    asked = (f"SELECT '{table.name}' WHERE EXISTS (SELECT 1 FROM {_quoted(table.name)})" for table in tables)  # noqa: S608
    return set(connection.exec_driver_sql(" UNION ALL ".join(asked)).scalars())


def _copy(connection: Connection, target: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(f"COPY {target} ({', '.join(map(_quoted, columns))}) FROM STDIN") as copy:
            if block := _plain_block(rows, len(columns)):
                copy.write(block)
                return
            for row in rows:
                copy.write_row(row)
    finally:
        cursor.close()


def _plain_block(rows: Sequence[Row], width: int) -> str:
    """Return rows of nothing but plain text as COPY wants them, or an empty string if anything has to be escaped."""
    try:
        block = "\n".join(["\t".join(row) for row in rows]) + "\n"
    except TypeError:
        return ""
    is_plain = block.count("\t") == len(rows) * (width - 1) and block.count("\n") == len(rows)
    return block if is_plain and "\\" not in block and "\r" not in block else ""


def _execute_many(connection: Connection, sql: str, rows: Sequence[Row]) -> None:
    connection.exec_driver_sql(sql, [row if isinstance(row, tuple) else tuple(row) for row in rows])


@lru_cache(maxsize=256)
def _insert_sql(table: Table, columns: tuple[str, ...], dialect: str) -> str:
    marks = ", ".join([_mark(dialect)] * len(columns))
    return f"INSERT INTO {_quoted(table.name)} ({', '.join(map(_quoted, columns))}) VALUES ({marks})"  # noqa: S608


def _on_conflict(columns: tuple[str, ...], keys: tuple[str, ...]) -> str:
    rest = [column for column in columns if column not in keys]
    action = (
        "DO UPDATE SET " + ", ".join(f"{_quoted(c)} = excluded.{_quoted(c)}" for c in rest) if rest else "DO NOTHING"
    )
    return f"ON CONFLICT ({', '.join(map(_quoted, keys))}) {action}"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _mark(dialect: str) -> str:
    return "?" if dialect == "sqlite" else "%s"
