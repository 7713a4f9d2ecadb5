"""Parts of a table that another process reads: by a file that has the order."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fw_dataset.errors import SnapshotError, WorkerError
from fw_dataset.snapshot.order import OrderedTable
from fw_dataset.snapshot.records import RawBatch

__all__ = ["MOST_MAPPED", "SavedOrder", "connect", "reading"]

# Mapped pages count as memory of this process, though the system can take them back.
MOST_MAPPED = 256 << 20


@dataclass(frozen=True)
class SavedOrder:
    """A table of a snapshot, with the order of its records in a file; it is picklable.

    Attributes:
        database: the SQLite file, an absolute path.
        bytes: its size.
        order: the file with the order.
        name: what errors call the snapshot.
        table: the table.
        mapped_bytes: so much of the database may be mapped to memory, where nobody can shorten it.
    """

    database: Path
    bytes: int
    order: Path
    name: str
    table: str
    mapped_bytes: int = 0

    def unmapped(self) -> SavedOrder:
        """The same for machines that share the files: these can vanish while they are read."""
        return replace(self, mapped_bytes=0)

    @contextmanager
    def batches(self, first: int, rows: int) -> Iterator[Iterator[RawBatch]]:
        """A stretch of the records, as :meth:`OrderedRecords.batches` gives it.

        Raises:
            WorkerError: this process does not see the files.
            SnapshotError: the table cannot be read.
        """
        self._check()
        with reading(self.name, self.table), ThreadPoolExecutor(1) as reader:
            connection = connect(self.database, self.mapped_bytes)
            with (
                closing(OrderedTable(connection, self.table, (), self.order)) as ordered,
                closing(ordered.batches(reader, first, rows)) as batches,
            ):
                yield batches

    def check_wanted(self) -> None:
        """Look whether anybody still waits for what is read here.

        Raises:
            WorkerError: the file with the order was removed.
        """
        if not self.order.exists():
            raise WorkerError(f"the rendering of snapshot {self.name} was given up meanwhile")

    def _check(self) -> None:
        for path, size in ((self.order, None), (self.database, self.bytes)):
            try:
                found = path.stat().st_size
            except OSError as error:
                raise _unseen(path, error.strerror or str(error)) from None
            if size not in (None, found):
                raise _unseen(path, f"it has {found} bytes there, not {size}")


def _unseen(path: Path, reason: str) -> WorkerError:
    return WorkerError(
        f"{path}: the worker on host {socket.gethostname()!r} does not see what is there: {reason};"
        " let the snapshot and the work folder (workdir, --workdir) be on a file system that all"
        " workers share"
    )


def connect(path: Path, mapped_bytes: int = 0) -> sqlite3.Connection:
    """Open a snapshot's file for reading."""
    # immutable: no lock and no journal beside a file that may be the user's own.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    # Made in one thread and used in another, never in two at once.
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    connection.text_factory = bytes
    connection.execute(f"pragma mmap_size = {mapped_bytes}")
    return connection


@contextmanager
def reading(name: str, table: str) -> Iterator[None]:
    """A block that reads a table of a snapshot; what SQLite raises is told in our words.

    Raises:
        SnapshotError: the table cannot be read.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise SnapshotError(f"snapshot {name}: table {table!r} cannot be read: {error}") from None
