"""Rows that wait on disk, so that they need no memory."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType

import pyarrow as pa

from fw_dataset.render.threads import WorkBehind

__all__ = ["Spill"]

# The quickest; a tenth or so of the bytes are left.
_COMPRESSION = "lz4" if pa.Codec.is_available("lz4") else None


class Spill:
    """Batches of rows in a file that nobody else sees, and that goes when the block ends.

    Args:
        folder: where the file is.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - closed at the end of the block
        self._behind = WorkBehind()
        self._added = 0
        self._parts: list[tuple[int, int]] = []

    def add(self, rows: pa.RecordBatch) -> int:
        """Put rows there; the number by which they are had again."""
        self._behind.do(self._write, rows)
        self._added += 1
        return self._added - 1

    def read(self, number: int) -> pa.RecordBatch:
        """Rows that were put there."""
        self._behind.wait()
        start, length = self._parts[number]
        self._file.seek(start)
        with pa.ipc.open_stream(pa.py_buffer(self._file.read(length))) as stream:
            return stream.read_next_batch()

    def __enter__(self) -> Spill:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._behind.__exit__(kind, error, trace)
        finally:
            self._file.close()

    def _write(self, rows: pa.RecordBatch) -> None:
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression=_COMPRESSION)
        with pa.ipc.new_stream(sink, rows.schema, options=options) as stream:
            stream.write_batch(rows)
        data = sink.getvalue()
        self._parts.append((self._file.tell(), data.size))
        self._file.write(data)
