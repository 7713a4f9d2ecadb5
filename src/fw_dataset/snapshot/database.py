"""The snapshot's SQLite file: its tables, its records, the order they are read in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fw_dataset.errors import SnapshotError
from fw_dataset.format.names import quote_identifier
from fw_dataset.snapshot.order import OrderedTable, RawRecord

__all__ = ["TABLES", "RawRecord", "Record", "Snapshot", "SourceCopy", "SourceFile", "key_text"]

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


BATCH_ROWS = 2048
BATCH_BYTES = 8 << 20


class Record(NamedTuple):
    """One record: its primary key, and its JSON as bytes (None where the source has none)."""

    id: str
    data: bytes | None


class Snapshot:
    """A checked snapshot, open for reading by one thread."""

    def __init__(self, path: Path, source: SourceFile, name: str | None = None) -> None:
        self.path, self.source = path, source
        self.name = name or str(path)
        self._connection = self._connect()
        self._background = ThreadPoolExecutor(1)
        self._ahead: dict[str, Future[OrderedTable]] = {}

    def _connect(self) -> sqlite3.Connection:
        # immutable: no lock and no journal beside a file that may be the user's own.
        uri = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
        # Made in one thread and used in another, never in two at once.
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        connection.text_factory = bytes
        return connection

    def close(self) -> None:
        """Release the file."""
        for future in self._ahead.values():
            if not future.cancel() and future.exception() is None:
                future.result().close()
        self._ahead.clear()
        self._background.shutdown()
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
        for batch in self.batches(table, order):
            for key, data in batch:
                yield Record(key_text(key), data)

    def batches(self, table: str, order: Sequence[str] = ()) -> Iterator[list[RawRecord]]:
        """The same records in lists of at most 2048, or of about 8 MB where they are long.

        Keys are as SQLite gives them; :func:`key_text` makes a text of one.
        """
        ahead = self._ahead.pop(table, None)
        with self._reading(table):
            ordered = (
                OrderedTable(self._connect(), table, order) if ahead is None else ahead.result()
            )
            with closing(ordered):
                batch: list[RawRecord] = []
                size = 0
                for part in ordered.rows():
                    batch += part
                    size += sum(len(data) for _, data in part if data is not None)
                    if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
                        yield batch
                        batch, size = [], 0
                if batch:
                    yield batch

    def order_ahead(self, tables: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Begin to put tables in order while others are read, in the order they are needed."""
        for table, order in tables:
            self._ahead[table] = self._background.submit(self._order, table, order)

    def _order(self, table: str, order: Sequence[str]) -> OrderedTable:
        ordered = OrderedTable(self._connect(), table, order)
        try:
            ordered.try_in_sqlite()
        except BaseException:
            ordered.close()
            raise
        return ordered

    @contextmanager
    def _reading(self, table: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SnapshotError(
                f"snapshot {self.name}: table {table!r} cannot be read: {error}"
            ) from None


def key_text(key: object) -> str:
    """A record's key as text."""
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
