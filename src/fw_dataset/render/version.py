"""Render a snapshot into the folder of a version: tables, schemas, report."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from fw_dataset.format.manifest import FileEntry
from fw_dataset.format.schema import DataModel
from fw_dataset.render.batches import BatchRenderer
from fw_dataset.render.decoding import Begun
from fw_dataset.render.parquet import TableWriter
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.render.report import RenderingReport, TableReport
from fw_dataset.render.selection import Selection
from fw_dataset.snapshot import Snapshot

__all__ = ["RenderedTables", "render_tables"]

# Batches that wait for the writer, which now and then compresses a row group for long.
_MOST_PENDING = 8


@dataclass
class RenderedTables:
    """What was rendered.

    Attributes:
        models: the schema of each table, in the order of the tree.
        entries: the data files.
        report: the counts.
        profiles: the content of the profiles' files, by table, where these are made.
    """

    models: dict[str, DataModel] = field(default_factory=dict)
    entries: list[FileEntry] = field(default_factory=list)
    report: RenderingReport = field(default_factory=RenderingReport)
    profiles: dict[str, bytes] = field(default_factory=dict)


def render_tables(
    snapshot: Snapshot,
    selections: Mapping[str, Selection],
    folder: Path,
    *,
    skip_errors: bool,
    progress: ProgressCallback | None,
) -> RenderedTables:
    """Render the primary tables of a snapshot into ``folder``.

    Raises:
        RecordError: a record cannot be read, and errors are not skipped.
        SnapshotError: the snapshot's file is damaged.
    """
    rendered = RenderedTables()
    rendered.report.with_unknown = all(s.keeps_extra for s in selections.values())
    snapshot.order_ahead((s.table.container, s.table.order) for s in selections.values())
    for name, selection in selections.items():
        report = rendered.report.tables[name] = TableReport()
        writer = TableWriter(folder, selection.model)
        _render_table(snapshot, selection, writer, report, skip_errors, progress)
        columns = selection.model.properties
        never_null = [column for column in columns if column not in writer.null_columns]
        rendered.models[name] = selection.model.requiring(never_null)
        rendered.entries += writer.entries
    return rendered


def _render_table(
    snapshot: Snapshot,
    selection: Selection,
    writer: TableWriter,
    report: TableReport,
    skip_errors: bool,
    progress: ProgressCallback | None,
) -> None:
    table = selection.table
    total = snapshot.count(table.container)
    done = 0
    # Arrow's own work and that of SQLite go on beside Python's: a batch is read while one before
    # it is decoded, one more is made columns, and those before that are compressed.
    begun: deque[Begun] = deque()
    pending: deque[Future[None]] = deque()
    try:
        with (
            ThreadPoolExecutor(1) as writing,
            ThreadPoolExecutor(1) as decoding,
            snapshot.batches(table.container, table.order) as batches,
        ):
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
                if progress is not None and batch is not None:
                    progress(Progress("render", table.name, report.rows_read, total, done))
        writer.close()
    except BaseException:
        writer.abort()
        raise
