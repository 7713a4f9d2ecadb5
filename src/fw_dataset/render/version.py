"""Render a snapshot into the folder of a version: tables, schemas, report."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fw_dataset.format.manifest import FileEntry
from fw_dataset.format.schema import DataModel
from fw_dataset.processes.spread import Spread
from fw_dataset.render import parquet
from fw_dataset.render.apart import parts_apart, stretches
from fw_dataset.render.parquet import DataFiles
from fw_dataset.render.parts import RenderedPart, render_part
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
    spread: Spread = Spread(workers=1),  # noqa: B008 - a value that nobody changes
) -> RenderedTables:
    """Render the primary tables of a snapshot into ``folder``.

    Args:
        snapshot: the snapshot.
        selections: per table what is kept.
        folder: the version's folder; parts that other processes render wait in a folder beside it.
        skip_errors: leave out records that cannot be read.
        progress: told of records as they are read; by other processes, as parts are done.
        spread: where the parts are rendered.

    Raises:
        RecordError: a record cannot be read, and errors are not skipped.
        SnapshotError: the snapshot's file is damaged.
        WorkerError: the executor is broken, or its workers do not see the files.
    """
    rendered = RenderedTables()
    rendered.report.with_unknown = all(s.keeps_extra for s in selections.values())
    snapshot.order_ahead((s.table.container, s.table.order) for s in selections.values())
    tables = {name: _Table(one, folder) for name, one in selections.items()}
    with spread.over(_most_parts(snapshot, selections, spread)) as executor:
        if executor is None:
            for table in tables.values():
                table.render(snapshot, skip_errors, progress)
        else:
            with parts_apart(executor, snapshot, selections, folder, skip_errors) as parts:
                for task, rows, part in parts:
                    tables[task.table].take(part, task.first, rows, progress)
                for table in tables.values():
                    table.name_files()
    for table in tables.values():
        table.put_into(rendered)
    return rendered


def _most_parts(snapshot: Snapshot, selections: Mapping[str, Selection], spread: Spread) -> int:
    """How many parts the longest table has, where that decides who renders them."""
    if not spread.processes(sys.maxsize):
        return 1
    rows = max(snapshot.count(one.table.container) for one in selections.values())
    return -(-rows // parquet.ROWS_PER_FILE)


class _Table:
    """A table that is made of parts."""

    def __init__(self, selection: Selection, folder: Path) -> None:
        self._selection = selection
        self._name = selection.table.name
        self._files = DataFiles(folder, self._name)
        self._parts: dict[int, RenderedPart] = {}
        self._rows = self._bytes = 0

    def render(
        self, snapshot: Snapshot, skip_errors: bool, progress: ProgressCallback | None
    ) -> None:
        """Render all parts here, one after the other."""
        table = self._selection.table
        with snapshot.ordered(table.container, table.order) as ordered:
            for first, rows in stretches(ordered.rows):
                with ordered.batches(first, rows) as batches:
                    part = render_part(
                        batches,
                        self._selection,
                        self._files.folder / f"{len(self._parts)}.partial",
                        skip_errors=skip_errors,
                        told=partial(self._tell, progress, ordered.rows),
                    )
                self.take(part, first, ordered.rows, None)
        self.name_files()

    def take(
        self, part: RenderedPart, first: int, rows: int, progress: ProgressCallback | None
    ) -> None:
        """Take a part, by the place of its first record; they can come in any order."""
        self._parts[first] = part
        if part.report.rows_read:
            self._tell(progress, rows, part.report.rows_read, part.source_bytes)
        self._rows += part.report.rows_read
        self._bytes += part.source_bytes

    def _tell(self, progress: ProgressCallback | None, total: int, rows: int, size: int) -> None:
        if progress is not None:
            done = self._rows + rows
            progress(Progress("render", self._name, done, total, self._bytes + size))

    def name_files(self) -> None:
        """Give the files their names, and drop those without rows, unless there is no other."""
        self._parts = dict(sorted(self._parts.items()))
        parts = list(self._parts.values())
        has_rows = any(part.written.rows for part in parts)
        for part in parts:
            if part.written.rows or (not has_rows and part is parts[0]):
                self._files.add(part.path, part.written)
            else:
                part.path.unlink()

    def put_into(self, rendered: RenderedTables) -> None:
        """Add the whole table to what was rendered."""
        report = rendered.report.tables[self._name] = TableReport()
        for part in self._parts.values():
            report.add(part.report)
        nulls = self._files.null_columns
        model = self._selection.model
        rendered.models[self._name] = model.requiring(
            [c for c in model.properties if c not in nulls]
        )
        rendered.entries += self._files.entries
