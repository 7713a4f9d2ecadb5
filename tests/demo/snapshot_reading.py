"""Reading snapshots back for the tests of the generator: plain SQLite and plain JSON."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any


def texts(snapshot: Path, table: str) -> list[tuple[str, str]]:
    """Return id and JSON text of every record, in the order in which they stand."""
    if snapshot.suffix == ".gz":
        plain = snapshot.with_name(f"{snapshot.name}.plain")
        if not plain.exists():
            plain.write_bytes(gzip.decompress(snapshot.read_bytes()))
        snapshot = plain
    with closing(sqlite3.connect(snapshot)) as connection:
        rows = connection.execute(f"SELECT id, data FROM {table} ORDER BY rowid").fetchall()
    return [(identifier, data.decode("utf-8")) for identifier, data in rows]


def records(snapshot: Path, table: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield id and record of every row of a table."""
    for identifier, text in texts(snapshot, table):
        yield identifier, json.loads(text)
