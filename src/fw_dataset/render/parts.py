"""A part of a table: consecutive records that become one data file, here or in another process.

Whatever has a state (keys that were learnt, row groups, counts) begins anew with each part. So its
file is the same, byte for byte, whoever renders it and whatever was rendered before.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from fw_dataset.format.tables import primary_table
from fw_dataset.render.batches import BatchRenderer
from fw_dataset.render.decoding import Begun
from fw_dataset.render.parquet import FileWriter, WrittenFile
from fw_dataset.render.report import TableReport
from fw_dataset.render.selection import Selection
from fw_dataset.snapshot import RawBatch, SavedOrder

__all__ = ["PartTask", "RenderedPart", "render_part", "render_part_apart"]

# Batches that wait for the writer, which now and then compresses a row group for long.
_MOST_PENDING = 8

Told = Callable[[int, int], None]
"""Called with the records that were read so far, and with the bytes of their JSON."""


@dataclass(frozen=True)
class RenderedPart:
    """A part that was rendered.

    Attributes:
        path: its file.
        written: what is in the file.
        report: what was counted.
        source_bytes: how long the JSON of its records is.
    """

    path: Path
    written: WrittenFile
    report: TableReport
    source_bytes: int


@dataclass(frozen=True)
class PartTask:
    """A part to be rendered by any process that sees the files; it is picklable.

    Attributes:
        source: the records, in order.
        table: the name of the primary table.
        kept: the columns to keep.
        first: the place of the part's first record.
        rows: how many records it has.
        path: the file to write.
        skip_errors: leave out records that cannot be read.
    """

    source: SavedOrder
    table: str
    kept: frozenset[str]
    first: int
    rows: int
    path: Path
    skip_errors: bool


def render_part_apart(task: PartTask) -> RenderedPart:
    """Render a part that another process asks for.

    Two that render the same part at once do not disturb each other: each writes a file of its
    own, and the last one to be done leaves what the first one left.

    Raises:
        RecordError: a record cannot be read, and errors are not skipped.
        SnapshotError: the snapshot's file is damaged.
        WorkerError: this process does not see the files, or nobody waits for it any more.
    """
    selection = Selection(primary_table(task.table), task.kept)
    own = task.path.with_name(f"{task.path.name}.{uuid.uuid4().hex}")
    try:
        with task.source.batches(task.first, task.rows) as batches:
            part = render_part(
                batches,
                selection,
                own,
                skip_errors=task.skip_errors,
                told=lambda _rows, _bytes: task.source.check_wanted(),
            )
        own.replace(task.path)
    except BaseException:
        with suppress(OSError):
            own.unlink()
        raise
    return RenderedPart(task.path, part.written, part.report, part.source_bytes)


def render_part(
    batches: Iterator[RawBatch],
    selection: Selection,
    path: Path,
    *,
    skip_errors: bool,
    told: Told,
) -> RenderedPart:
    """Render records into one data file.

    Raises:
        RecordError: a record cannot be read, and errors are not skipped.
    """
    report = TableReport()
    done = 0
    writer = FileWriter(path, selection.model)
    # Arrow's own work and that of SQLite go on beside Python's: a batch is read while one before
    # it is decoded, one more is made columns, and those before that are compressed.
    begun: deque[Begun] = deque()
    pending: deque[Future[None]] = deque()
    try:
        with ThreadPoolExecutor(1) as writing, ThreadPoolExecutor(1) as decoding:
            renderer = BatchRenderer(selection, report, decoding, skip_errors=skip_errors)
            for batch in chain(batches, [None]):
                if batch is not None:
                    report.rows_read += batch.rows
                    begun.append(renderer.begin(batch))
                    done += batch.bytes
                while len(begun) > (0 if batch is None else 1):
                    pending.append(writing.submit(writer.write, renderer.finish(begun.popleft())))
                while len(pending) > (0 if batch is None else _MOST_PENDING):
                    pending.popleft().result()
                if batch is not None:
                    told(report.rows_read, done)
        return RenderedPart(path, writer.close(), report, done)
    except BaseException:
        writer.abort()
        raise
