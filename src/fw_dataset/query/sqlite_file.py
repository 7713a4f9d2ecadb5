"""Tables of a version as a SQLite database file, through Python's own module."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from fw_dataset.errors import StorageError, StorageFullError
from fw_dataset.format.names import quote_identifier
from fw_dataset.query.comparable import as_text
from fw_dataset.query.exported_tables import ExportedTables
from fw_dataset.query.iso_instants import INSTANT, as_iso

__all__ = ["write_sqlite"]

_ROWS_AT_ONCE = 2_000
_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
)
_REALS = frozenset({"FLOAT", "DOUBLE"})


def write_sqlite(tables: ExportedTables, path: Path) -> None:
    """Write tables to a new database.

    Integers and booleans (0 and 1) become INTEGER, floating numbers REAL, all else TEXT: instants
    and days ISO 8601, lists JSON. NaN, which SQLite would make null, becomes the text ``NaN``.

    Raises:
        StorageError: the file cannot be written, or SQLite cannot hold a table.
    """
    for table in tables.names:
        with _translated(table), closing(sqlite3.connect(path)) as target:
            # The file is thrown away unless all goes well, and is synchronised once at the end.
            target.execute("PRAGMA journal_mode = OFF")
            target.execute("PRAGMA synchronous = OFF")
            with target:
                _copy(tables, table, target)


def _copy(tables: ExportedTables, table: str, target: sqlite3.Connection) -> None:
    columns, name = tables.columns(table), quote_identifier(table)
    kinds = ", ".join(f"{quote_identifier(c)} {_kind(kind)}" for c, kind in columns.items())
    target.execute(f"CREATE TABLE {name} ({kinds})")
    insert = f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})"
    done = 0
    for rows in _batches(tables, table, columns):
        target.executemany(insert, rows)
        done += len(rows)
        tables.tell(table, done)
    tables.tell(table)


def _batches(
    tables: ExportedTables, table: str, columns: Mapping[str, str]
) -> Iterator[Sequence[Sequence[Any]]]:
    cells = ", ".join(_cell(quote_identifier(name), kind) for name, kind in columns.items())
    numbers = [place for place, kind in enumerate(columns.values()) if kind in _REALS]
    with tables.reading(table):
        result = tables.connection.execute(f"SELECT {cells} FROM {quote_identifier(table)}")
        while rows := result.fetchmany(_ROWS_AT_ONCE):
            yield [_without_nan(row, numbers) for row in rows] if numbers else rows


def _without_nan(row: Sequence[Any], numbers: Sequence[int]) -> Sequence[Any]:
    # NaN is the only value that does not equal itself.
    if all(row[place] == row[place] for place in numbers):
        return row
    return ["NaN" if value != value else value for value in row]


def _kind(kind: str) -> str:
    if kind in _INTEGERS or kind == "BOOLEAN":
        return "INTEGER"
    return "REAL" if kind in _REALS else "TEXT"


def _cell(name: str, kind: str) -> str:
    if kind == "BOOLEAN":
        return f"CAST({name} AS INTEGER)"
    if kind in _INTEGERS or kind in _REALS:
        return name
    return as_iso(name, kind) if INSTANT.match(kind) else as_text(name, kind)


@contextmanager
def _translated(table: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if "disk is full" in str(error):
            raise StorageFullError(f"no room for table {table!r}: {error}") from None
        raise StorageError(f"SQLite cannot hold table {table!r}: {error}") from None
