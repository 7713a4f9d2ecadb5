"""Parts of tables that are rendered in other processes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from pathlib import Path

from fw_dataset.errors import WorkerError
from fw_dataset.processes.fanning import fan_out
from fw_dataset.processes.pool import ProcessPool
from fw_dataset.render import parquet
from fw_dataset.render.parts import PartTask, RenderedPart, render_part_apart
from fw_dataset.render.selection import Selection
from fw_dataset.snapshot import SavedOrder, Snapshot

__all__ = ["parts_apart", "stretches"]

Parts = Generator[tuple[PartTask, int, RenderedPart], None, None]


def stretches(rows: int) -> Iterator[tuple[int, int]]:
    """The first record and the number of records of each part; one for a table without any."""
    size = parquet.ROWS_PER_FILE
    for first in range(0, max(rows, 1), size):
        yield first, min(size, rows - first)


@contextmanager
def parts_apart(
    executor: Executor,
    snapshot: Snapshot,
    selections: Mapping[str, Selection],
    folder: Path,
    skip_errors: bool,
) -> Iterator[Parts]:
    """Render the parts of all tables over an executor.

    Args:
        executor: runs :func:`render_part_apart`.
        snapshot: puts its tables in order, here.
        selections: per table what is kept.
        folder: beside it the parts are, until the context ends.
        skip_errors: leave out records that cannot be read.

    Returns:
        For each part, as it is done, what was asked for, the records of its table, and itself.

    Raises:
        RecordError: a record cannot be read: the first one of them in order.
        SnapshotError: the snapshot's file is damaged.
        WorkerError: the executor is broken, or its workers do not see the files.
    """
    with (
        _folder_beside(folder) as parts,
        closing(_rendered(executor, snapshot, selections, parts, skip_errors)) as rendered,
    ):
        yield rendered


def _rendered(
    executor: Executor,
    snapshot: Snapshot,
    selections: Mapping[str, Selection],
    folder: Path,
    skip_errors: bool,
) -> Parts:
    tasks: list[tuple[PartTask, int]] = []

    def calls() -> Iterator[tuple[PartTask]]:
        for name, selection in selections.items():
            source, total = _in_order(executor, snapshot, selection, folder / f"{name}.order")
            for first, rows in stretches(total):
                path = folder / f"{name}-{first}"
                task = PartTask(source, name, selection.kept, first, rows, path, skip_errors)
                tasks.append((task, total))
                yield (task,)

    with closing(fan_out(executor, render_part_apart, calls(), stop_at_error=True)) as outcomes:
        for number, outcome in outcomes:
            (task, total), part = tasks[number], outcome.result()
            if not part.path.exists():
                raise WorkerError(
                    f"{part.path}: a worker wrote this file, but it is not there: let the work"
                    " folder (workdir, --workdir) be on a file system that all workers share"
                )
            yield task, total, part


def _in_order(
    executor: Executor, snapshot: Snapshot, selection: Selection, path: Path
) -> tuple[SavedOrder, int]:
    """A table's order in a file, and how many records it has."""
    table = selection.table
    with snapshot.ordered(table.container, table.order) as ordered:
        source, rows = ordered.save(path), ordered.rows
    # Processes of our own are gone before the files are; others may be on other machines.
    return source if isinstance(executor, ProcessPool) else source.unmapped(), rows


@contextmanager
def _folder_beside(folder: Path) -> Iterator[Path]:
    """A folder for parts, removed at the end with all that is left in it."""
    parts = Path(tempfile.mkdtemp(prefix="parts-", dir=folder.absolute().parent))
    try:
        yield parts
    finally:
        # Under another name, nobody who still renders in vain can add to it meanwhile.
        gone = parts.rename(parts.with_name(f"{parts.name}.gone"))
        shutil.rmtree(gone, ignore_errors=True)
