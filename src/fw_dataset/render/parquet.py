"""Write a table's rows to Parquet files whose names are the hashes of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.manifest import FileEntry
from fw_dataset.format.schema import DataModel

__all__ = ["BYTES_PER_GROUP", "ROWS_PER_FILE", "ROWS_PER_GROUP", "TableWriter"]

ROWS_PER_GROUP = 100_000
ROWS_PER_FILE = 2_000_000
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


@dataclass
class _OpenFile:
    path: Path
    sink: _HashingFile
    writer: pq.ParquetWriter
    rows: int = 0


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
        self._table = model.id
        self._folder = folder / "tables" / model.id
        self._folder.mkdir(parents=True)
        self._schema = model.to_arrow()
        self._rows_per_file = rows_per_file
        self._bytes_per_group = bytes_per_group
        self._plain = [
            name
            for name in model.properties
            if model.column_type(name) is ColumnType.JSON or name in _UNIQUE_COLUMNS
        ]
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = 0
        self._file: _OpenFile | None = None
        self.entries: list[FileEntry] = []
        self.null_columns: set[str] = set()

    def write(self, batch: pa.RecordBatch, size: int | None = None) -> None:
        """Add rows.

        Args:
            batch: the rows.
            size: the bytes that they count as, where it is not what they take right now.
        """
        self.null_columns.update(
            name
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
            if column.null_count
        )
        if self._pending and self._pending_rows + batch.num_rows > ROWS_PER_GROUP:
            self._flush()
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        self._pending_bytes += batch.nbytes if size is None else size
        if self._pending_bytes >= self._bytes_per_group:
            self._flush()

    def close(self) -> None:
        """Finish the last file; a table without rows gets one, too."""
        if self._pending_rows or (not self.entries and self._file is None):
            self._flush()
        self._finish_file()

    def abort(self) -> None:
        """Let go of an unfinished file, which may not be writable any more."""
        file, self._file = self._file, None
        if file is not None:
            file.writer.is_open = False  # or it would write its footer when it is collected
            with suppress(OSError):
                file.sink.close()

    def _flush(self) -> None:
        rows = pa.Table.from_batches(self._pending, self._schema)
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        for piece in _pieces(rows, self._room()):
            file = self._file or self._begin_file()
            file.writer.write_table(piece, row_group_size=ROWS_PER_GROUP)
            file.rows += piece.num_rows
            if file.rows >= self._rows_per_file:
                self._finish_file()

    def _room(self) -> Iterable[int]:
        yield self._rows_per_file - (self._file.rows if self._file else 0)
        while True:
            yield self._rows_per_file

    def _begin_file(self) -> _OpenFile:
        path = self._folder / f"{len(self.entries)}.partial"
        sink = _HashingFile(path)
        writer = pq.ParquetWriter(
            pa.PythonFile(sink, mode="w"),
            self._schema,
            compression="zstd",
            version="2.6",
            use_dictionary=[name for name in self._schema.names if name not in self._plain],
            write_statistics=True,
        )
        self._file = _OpenFile(path, sink, writer)
        return self._file

    def _finish_file(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        file.writer.close()
        file.sink.close()
        digest = file.sink.digest.hexdigest()
        name = f"{digest[:32]}.parquet"
        if any(entry.path.endswith(name) for entry in self.entries):
            name = f"{digest[:32]}-{len(self.entries)}.parquet"  # the same rows once more
        file.path.rename(file.path.with_name(name))
        self.entries.append(
            FileEntry(
                path=f"tables/{self._table}/{name}",
                bytes=file.sink.size,
                sha256=digest,
                table=self._table,
                rows=file.rows,
            )
        )


def _pieces(rows: pa.Table, room: Iterable[int]) -> Iterable[pa.Table]:
    start = 0
    for space in room:
        yield rows.slice(start, space)
        start += space
        if start >= rows.num_rows:
            return
