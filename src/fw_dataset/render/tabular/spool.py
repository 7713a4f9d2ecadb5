"""Batches of many tables, kept until all of a table are there: in memory, and on disk if many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

__all__ = ["Spool"]

_MEMORY = 64 << 20
_ROWS = 1 << 16
_BYTES = 8 << 20


@dataclass
class _Kept:
    schema: pa.Schema
    pending: list[pa.RecordBatch] = field(default_factory=list)
    bytes: int = 0
    file: Path | None = None


class Spool:
    """Keeps batches by the number of their table.

    Args:
        folder: where to put what is too much for memory.
        memory: bytes of batches that may wait in memory.
    """

    def __init__(self, folder: Path, memory: int = _MEMORY) -> None:
        self._folder, self._memory = folder, memory
        self._tables: dict[int, _Kept] = {}
        self._bytes = 0

    def add(self, table: int, batch: pa.RecordBatch) -> None:
        """Keep a batch behind those of its table."""
        kept = self._tables.setdefault(table, _Kept(batch.schema))
        kept.pending.append(batch)
        kept.bytes += batch.nbytes
        self._bytes += batch.nbytes
        while self._bytes > self._memory:
            self._put_away(*max(self._tables.items(), key=lambda item: item[1].bytes))

    def forget(self, table: int) -> None:
        """Keep nothing of a table."""
        kept = self._tables.pop(table, None)
        if kept is not None:
            self._bytes -= kept.bytes
            if kept.file is not None:
                kept.file.unlink()

    def take(self, table: int) -> Iterator[pa.RecordBatch]:
        """The batches of a table in order, small ones put together; they are forgotten then."""
        kept = self._tables.pop(table, None)
        if kept is None:
            return
        self._bytes -= kept.bytes
        yield from _together(_all(kept))
        if kept.file is not None:
            kept.file.unlink()

    def _put_away(self, table: int, kept: _Kept) -> None:
        # Opened for a moment only: there may be more tables than files may be open. Its batches
        # make a stream of their own behind those that are there.
        kept.file = kept.file or self._folder / f"{table}.arrows"
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with (
            kept.file.open("ab") as file,
            pa.ipc.new_stream(file, kept.schema, options=options) as writer,
        ):
            for batch in kept.pending:
                writer.write_batch(batch)
        self._bytes -= kept.bytes
        kept.pending, kept.bytes = [], 0


def _all(kept: _Kept) -> Iterator[pa.RecordBatch]:
    if kept.file is not None:
        size = kept.file.stat().st_size
        with kept.file.open("rb") as file:
            while file.tell() < size:
                with pa.ipc.open_stream(file) as reader:
                    yield from reader
    yield from kept.pending


def _together(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= _ROWS or size >= _BYTES:
            yield _one(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield _one(waiting)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    (batch,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return batch
