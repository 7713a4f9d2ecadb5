"""Write a table's rows to Parquet files whose names are the hashes of their content."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.manifest import FileEntry
from fw_dataset.format.schema import DataModel

__all__ = [
    "BYTES_PER_GROUP",
    "ROWS_PER_FILE",
    "ROWS_PER_GROUP",
    "DataFiles",
    "FileWriter",
    "TableWriter",
    "WrittenFile",
]

ROWS_PER_GROUP = 100_000
# Of a primary table also what one process renders at a time: some ten seconds of work.
ROWS_PER_FILE = 500_000
# Records with long JSON make smaller row groups, so that memory stays bounded.
BYTES_PER_GROUP = 128 << 20
_UNIQUE_COLUMNS = ("id", "file_id", "hash", "client_hash", "path", "uid")


class _HashingFile:
    """A file that knows the SHA-256 and the length of what was written to it."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "wb")  # noqa: SIM115
        self.digest = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self.digest.update(view)
        self.size += view.nbytes
        self._file.write(view)
        return view.nbytes

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()
        self.closed = True

    @property
    def mode(self) -> str:
        return "wb"


@dataclass(frozen=True)
class WrittenFile:
    """A data file that has no name of its own yet.

    Attributes:
        rows: its rows.
        bytes: its size.
        sha256: of its content, as 64 hex digits.
        null_columns: the columns that have a null in it.
    """

    rows: int
    bytes: int
    sha256: str
    null_columns: frozenset[str]


class FileWriter:
    """Writes one data file.

    Args:
        path: the file, which must not be there.
        model: the table's schema.
        bytes_per_group: bytes that wait at most until they are written, as a row group.

    Attributes:
        rows: the rows that it was given.
    """

    def __init__(
        self, path: Path, model: DataModel, bytes_per_group: int = BYTES_PER_GROUP
    ) -> None:
        self._schema = model.to_arrow()
        self._bytes_per_group = bytes_per_group
        plain = {
            name
            for name in model.properties
            if model.column_type(name) is ColumnType.JSON or name in _UNIQUE_COLUMNS
        }
        self._sink = _HashingFile(path)
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self._sink, mode="w"),
            self._schema,
            compression="zstd",
            version="2.6",
            use_dictionary=[name for name in self._schema.names if name not in plain],
            write_statistics=True,
        )
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = 0
        self._null_columns: set[str] = set()
        self.rows = 0

    def write(self, batch: pa.RecordBatch, size: int | None = None) -> None:
        """Add rows.

        Args:
            batch: the rows.
            size: the bytes that they count as, where it is not what they take right now.
        """
        self._null_columns.update(
            name
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
            if column.null_count
        )
        if self._pending and self._pending_rows + batch.num_rows > ROWS_PER_GROUP:
            self._flush()
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        self._pending_bytes += batch.nbytes if size is None else size
        self.rows += batch.num_rows
        if self._pending_bytes >= self._bytes_per_group:
            self._flush()

    def close(self) -> WrittenFile:
        """Finish the file."""
        if self._pending_rows or not self.rows:
            self._flush()
        self._writer.close()
        self._sink.close()
        return WrittenFile(
            self.rows,
            self._sink.size,
            self._sink.digest.hexdigest(),
            frozenset(self._null_columns),
        )

    def abort(self) -> None:
        """Let go of the unfinished file, which may not be writable any more."""
        self._writer.is_open = False  # or it would write its footer when it is collected
        with suppress(OSError):
            self._sink.close()

    def _flush(self) -> None:
        rows = pa.Table.from_batches(self._pending, self._schema)
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        self._writer.write_table(rows, row_group_size=ROWS_PER_GROUP)


class DataFiles:
    """The data files of one table, below ``folder/tables/{table}/``.

    Args:
        folder: the folder of the version.
        table: the table's name.

    Attributes:
        folder: the folder of the data files.
        entries: those that are there, in order.
        null_columns: the columns that have a null in any of them.
    """

    def __init__(self, folder: Path, table: str) -> None:
        self._table = table
        self.folder = folder / "tables" / table
        self.folder.mkdir(parents=True)
        self.entries: list[FileEntry] = []
        self.null_columns: set[str] = set()

    def add(self, path: Path, written: WrittenFile) -> None:
        """Take a file in, under the hash of its content."""
        name = f"{written.sha256[:32]}.parquet"
        if any(entry.path.endswith(name) for entry in self.entries):
            # The same rows once more.
            name = f"{written.sha256[:32]}-{len(self.entries)}.parquet"
        path.rename(self.folder / name)
        self.null_columns |= written.null_columns
        self.entries.append(
            FileEntry(
                path=f"tables/{self._table}/{name}",
                bytes=written.bytes,
                sha256=written.sha256,
                table=self._table,
                rows=written.rows,
            )
        )


class TableWriter:
    """Writes one table below ``folder/tables/{table}/``.

    Args:
        folder: the folder of the version.
        model: the table's schema.
        rows_per_file: rows after which another file is begun.
        bytes_per_group: bytes that wait at most until they are written, as a row group.
    """

    def __init__(
        self,
        folder: Path,
        model: DataModel,
        rows_per_file: int = ROWS_PER_FILE,
        bytes_per_group: int = BYTES_PER_GROUP,
    ) -> None:
        self._model = model
        self._rows_per_file = rows_per_file
        self._bytes_per_group = bytes_per_group
        self._files = DataFiles(folder, model.id)
        self._writer: FileWriter | None = None

    @property
    def entries(self) -> list[FileEntry]:
        """The files that are finished."""
        return self._files.entries

    @property
    def null_columns(self) -> set[str]:
        """The columns that have a null in them."""
        return self._files.null_columns

    def write(self, batch: pa.RecordBatch, size: int | None = None) -> None:
        """Add rows.

        Args:
            batch: the rows.
            size: the bytes that they count as, where it is not what they take right now.
        """
        if not batch.num_rows and self.entries and self._writer is None:
            return  # a file would be begun for nothing
        size = batch.nbytes if size is None else size
        writer = self._begun()
        room = self._rows_per_file - writer.rows
        while batch.num_rows > room:
            part = size * room // batch.num_rows
            writer.write(batch.slice(0, room), part)
            batch, size = batch.slice(room), size - part
            self._finish_file()
            writer, room = self._begun(), self._rows_per_file
        writer.write(batch, size)
        if writer.rows >= self._rows_per_file:
            self._finish_file()

    def close(self) -> None:
        """Finish the last file; a table without rows gets one, too."""
        if not self.entries:
            self._begun()
        self._finish_file()

    def abort(self) -> None:
        """Let go of an unfinished file, which may not be writable any more."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abort()

    def _begun(self) -> FileWriter:
        if self._writer is None:
            self._writer = FileWriter(self._partial(), self._model, self._bytes_per_group)
        return self._writer

    def _finish_file(self) -> None:
        if self._writer is not None:
            written = self._writer.close()
            self._writer = None
            self._files.add(self._partial(), written)

    def _partial(self) -> Path:
        return self._files.folder / f"{len(self.entries)}.partial"
