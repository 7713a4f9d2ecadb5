"""Render a snapshot into the folder of a version: tables, schemas, report."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fw_dataset.format.manifest import FileEntry
from fw_dataset.format.schema import DataModel
from fw_dataset.render.batches import BatchRenderer
from fw_dataset.render.parquet import TableWriter
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.render.report import RenderingReport, TableReport
from fw_dataset.render.selection import Selection
from fw_dataset.snapshot import Snapshot

__all__ = ["RenderedTables", "render_tables"]


@dataclass
class RenderedTables:
    """What was rendered.

    Attributes:
        models: the schema of each table, in the order of the tree.
        entries: the data files.
        report: the counts.
    """

    models: dict[str, DataModel] = field(default_factory=dict)
    entries: list[FileEntry] = field(default_factory=list)
    report: RenderingReport = field(default_factory=RenderingReport)


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
    renderer = BatchRenderer(selection, report, skip_errors=skip_errors)
    done = 0
    try:
        with ThreadPoolExecutor(1) as writing:
            pending: Future[None] | None = None
            for batch in snapshot.batches(table.container, table.order):
                report.rows_read += len(batch)
                rows = renderer.render(batch)
                done += sum(len(data) for _, data in batch if data is not None)
                if pending is not None:
                    pending.result()
                # Compressing needs no Python: the next batch is decoded meanwhile.
                pending = writing.submit(writer.write, rows)
                if progress is not None:
                    progress(Progress("render", table.name, report.rows_read, total, done))
            if pending is not None:
                pending.result()
        writer.close()
    except BaseException:
        writer.abort()
        raise
