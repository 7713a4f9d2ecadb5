"""Snapshot files: SQLite with one table a container type, plain or gzipped.

A snapshot appears under its name only when it is whole. The same records give the same bytes
(with the same SQLite and zlib): nothing of the clock enters the file.
"""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

TABLES = ("project", "subject", "session", "acquisition", "file", "analysis")
"""The tables of a snapshot, each `id TEXT PRIMARY KEY, data BLOB` (JSON)."""

Row = tuple[str, bytes, bool]
"""Id, JSON text, and whether the record was made odd."""

_COPY_BYTES = 1 << 20
_CACHE_KIB = 32 * 1024


@dataclass(frozen=True, slots=True)
class SnapshotCounts:
    """What is in a snapshot: records of each table, odd ones among them, bytes of JSON."""

    project: int
    subject: int
    session: int
    acquisition: int
    file: int
    analysis: int
    odd: int
    json_bytes: int

    @property
    def records(self) -> int:
        """Records of all tables together."""
        return sum(getattr(self, table) for table in TABLES)


def write_snapshot_file(path: Path, rows: Callable[[str], Iterable[Row]]) -> SnapshotCounts:
    """Write the rows of every table to `path`, gzipped when its name ends in `.gz`.

    The folder is made if it is missing, and a file of that name replaced. Rows are taken one
    by one, a table after the other.
    Raises OSError when the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that the last step is a rename within one file system.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        whole = Path(folder, "snapshot.db")
        counts = _write_database(whole, rows)
        if path.suffix == ".gz":
            whole = _compressed(whole)
        whole.replace(path)
    return counts


def _write_database(path: Path, rows: Callable[[str], Iterable[Row]]) -> SnapshotCounts:
    counted: dict[str, int] = {}
    tally = _Tally()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # The file is thrown away when anything fails, so a journal would protect nothing.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("BEGIN")
        for table in TABLES:
            connection.execute(f"CREATE TABLE {table} (id TEXT PRIMARY KEY, data BLOB)")
        for table in TABLES:
            before = tally.records
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", tally.over(rows(table)))
            counted[table] = tally.records - before
        connection.execute("COMMIT")
    return SnapshotCounts(**counted, odd=tally.odd, json_bytes=tally.json_bytes)


class _Tally:
    """Counts rows, and the bytes of their JSON, as they pass."""

    def __init__(self) -> None:
        self.records = 0
        self.odd = 0
        self.json_bytes = 0

    def over(self, rows: Iterable[Row]) -> Iterator[tuple[str, bytes]]:
        for identifier, data, odd in rows:
            self.records += 1
            self.odd += odd
            self.json_bytes += len(data)
            yield identifier, data


def _compressed(source: Path) -> Path:
    """Gzip a file beside itself; neither name nor time enter it, so that equal gives equal."""
    target = source.with_suffix(".db.gz")
    with (
        source.open("rb") as plain,
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed,
    ):
        shutil.copyfileobj(plain, packed, _COPY_BYTES)
    return target
