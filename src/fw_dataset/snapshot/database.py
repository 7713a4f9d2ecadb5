"""The snapshot's SQLite file: its tables, its records, the order they are read in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from fw_dataset.errors import SnapshotError
from fw_dataset.format.names import quote_identifier
from fw_dataset.snapshot.order import OrderedTable
from fw_dataset.snapshot.records import RawBatch
from fw_dataset.snapshot.stretches import MOST_MAPPED, SavedOrder, connect, reading

__all__ = ["TABLES", "OrderedRecords", "Record", "Snapshot", "SourceCopy", "SourceFile", "key_text"]

TABLES = ("project", "subject", "session", "acquisition", "file", "analysis")


@dataclass(frozen=True)
class SourceCopy:
    """A gzipped copy of a snapshot in the work folder, and its SHA-256."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class SourceFile:
    """What a snapshot's file is.

    Attributes:
        sha256: of the decompressed SQLite file, 64 hex digits.
        bytes: its size.
        source_sha256: of the file as it came.
        copy: the gzipped copy for the provenance, or None.
    """

    sha256: str
    bytes: int
    source_sha256: str
    copy: SourceCopy | None


class Record(NamedTuple):
    """One record: its primary key, and its JSON as bytes (None where the source has none)."""

    id: str
    data: bytes | None


class OrderedRecords:
    """The records of one table, in order.

    Attributes:
        rows: how many there are.
    """

    def __init__(self, ordered: OrderedTable, executor: Executor, saved: SavedOrder) -> None:
        self._ordered, self._executor, self._saved = ordered, executor, saved
        self.rows = ordered.rows

    @contextmanager
    def batches(self, first: int = 0, rows: int | None = None) -> Iterator[Iterator[RawBatch]]:
        """A stretch of the records in batches of at most 2048, or of about 8 MB if they are long.

        A batch can be asked for single records until the context ends. Keys are as SQLite gives
        them; :func:`key_text` makes a text of one.

        Args:
            first: the place of its first record, from 0.
            rows: its length; None for all that come.
        """
        with (
            reading(self._saved.name, self._saved.table),
            closing(self._ordered.batches(self._executor, first, rows)) as batches,
        ):
            yield batches

    def save(self, path: Path) -> SavedOrder:
        """Write the order to a file; what is returned reads by it in any process."""
        with reading(self._saved.name, self._saved.table):
            self._ordered.save(path)
        return replace(self._saved, order=path.absolute())


class Snapshot:
    """A checked snapshot, open for reading by one thread.

    Args:
        path: the SQLite file.
        source: what it is and where it comes from.
        name: what errors call it.
        is_own: whether nobody else can shorten the file, so that it can be mapped to memory.
    """

    def __init__(
        self, path: Path, source: SourceFile, name: str | None = None, *, is_own: bool = False
    ) -> None:
        self.path, self.source = path, source
        self._mapped_bytes = MOST_MAPPED if is_own else 0
        self.name = name or str(path)
        self._connection = self._connect()
        self._ordering, self._reader = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._ahead: dict[str, Future[OrderedTable]] = {}

    def _connect(self, mapped_bytes: int = 0) -> sqlite3.Connection:
        return connect(self.path, mapped_bytes)

    def close(self) -> None:
        """Release the file."""
        for future in self._ahead.values():
            if not future.cancel() and future.exception() is None:
                future.result().close()
        self._ahead.clear()
        self._ordering.shutdown()
        self._reader.shutdown()
        self._connection.close()

    def check(self) -> None:
        """Look whether it is a snapshot.

        Raises:
            SnapshotError: a table or column is missing, or there is not exactly one project.
        """
        for table in TABLES:
            with self._reading(table):
                info = self._connection.execute(f"pragma table_info({quote_identifier(table)})")
                columns = {bytes(row[1]).decode("utf-8", "replace") for row in info}
            if not columns:
                raise SnapshotError(f"snapshot {self.name}: table {table!r} is missing")
            if not {"id", "data"} <= columns:
                raise SnapshotError(
                    f"snapshot {self.name}: table {table!r} has no columns id and data"
                )
        (page,) = self._connection.execute("pragma page_size").fetchone()
        if self.source.bytes % page:  # SQLite itself would read zeros in place of the rest
            raise SnapshotError(
                f"snapshot {self.name}: it ends within a page; the file was cut short"
            )
        projects = self.count("project")
        if projects != 1:
            raise SnapshotError(
                f"snapshot {self.name}: table 'project' has {projects} rows; exactly one"
                " project can be rendered"
            )

    def count(self, table: str) -> int:
        """The records in a table."""
        with self._reading(table):
            row = self._connection.execute(f"select count(*) from {quote_identifier(table)}")
            return int(row.fetchone()[0])

    def records(self, table: str, order: Sequence[str] = ()) -> Iterator[Record]:
        """All records of a table, those of one subject, session … together.

        Args:
            table: the snapshot's table, such as ``"file"``.
            order: the keys of ``parents`` to order by, outermost first; the id comes last.
        """
        with self.ordered(table, order) as ordered, ordered.batches() as batches:
            for batch in batches:
                for part in batch.parts:
                    for key, data in part.records():
                        yield Record(key_text(key), data)

    @contextmanager
    def ordered(self, table: str, order: Sequence[str] = ()) -> Iterator[OrderedRecords]:
        """The same records, of which stretches can be read."""
        ahead = self._ahead.pop(table, None)
        with self._reading(table):
            ordered = (
                OrderedTable(self._connect(self._mapped_bytes), table, order)
                if ahead is None
                else ahead.result()
            )
            saved = SavedOrder(
                self.path.absolute(),
                self.source.bytes,
                Path(),
                self.name,
                table,
                self._mapped_bytes,
            )
            with closing(ordered):
                yield OrderedRecords(ordered, self._reader, saved)

    def order_ahead(self, tables: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Begin to put tables in order while others are read, in the order they are needed."""
        for table, order in tables:
            self._ahead[table] = self._ordering.submit(self._order, table, order)

    def _order(self, table: str, order: Sequence[str]) -> OrderedTable:
        ordered = OrderedTable(self._connect(self._mapped_bytes), table, order)
        try:
            ordered.try_in_sqlite()
        except BaseException:
            ordered.close()
            raise
        return ordered

    def _reading(self, table: str) -> AbstractContextManager[None]:
        return reading(self.name, table)


def key_text(key: object) -> str:
    """A record's key as text."""
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
