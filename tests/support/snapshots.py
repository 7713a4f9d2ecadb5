"""Tiny snapshots, made from records as dictionaries or as raw JSON."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

TABLES = ("project", "subject", "session", "acquisition", "file", "analysis")
PROJECT: dict[str, Any] = {
    "_id": "63b0cd00f4df741e50442fa4",
    "label": "Study",
    "parents": {"group": "lab"},
}

Data: TypeAlias = "Mapping[str, Any] | bytes | str | None"
Rows: TypeAlias = "Iterable[tuple[object, Data]]"


def write_database(path: Path, tables: Mapping[str, Rows], *, schema: str = "") -> Path:
    """Write a SQLite file with all tables of a snapshot; those not given are empty.

    A dictionary is stored as JSON in a BLOB, bytes as a BLOB, a text as TEXT. Without rows of
    its own, ``project`` gets one.

    Args:
        path: the file to make.
        tables: per table its rows: an id, and the record.
        schema: the columns of every table, in SQL.
    """
    schema = schema or "(id TEXT PRIMARY KEY, data BLOB)"
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in TABLES:
            connection.execute(f"create table {table} {schema}")
        for table, rows in {"project": [(PROJECT["_id"], PROJECT)], **tables}.items():
            connection.executemany(
                f"insert into {table} (id, data) values (?, ?)",
                ((key, _stored(data)) for key, data in rows),
            )
    return path


def write_snapshot(path: Path, tables: Mapping[str, Rows]) -> Path:
    """Write a gzipped snapshot; the arguments are those of :func:`write_database`."""
    plain = write_database(path.with_name(f"{path.name}.plain"), tables)
    path.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    plain.unlink()
    return path


def of_records(*records: Mapping[str, Any]) -> list[tuple[object, Data]]:
    """Return rows whose ids are the records' own, or their numbers."""
    return [(record.get("_id", str(row)), record) for row, record in enumerate(records)]


def _stored(data: Data) -> object:
    return json.dumps(data).encode() if isinstance(data, Mapping) else data
