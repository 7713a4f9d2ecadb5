"""Read a snapshot as any reader would, before there is one, and count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import FileScanTask, Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from fw_dataset.errors import FWDatasetError, PublishingError

__all__ = ["check_snapshot"]

# Of one data file, columns of so many decompressed bytes are in memory at once, or a single one.
_MOST_BYTES = 256 << 20


def check_snapshot(
    table: str,
    metadata: TableMetadata,
    snapshot: Snapshot,
    io: FileIO,
    rows: int,
    values: Mapping[str, int | None],
    weights: Mapping[str, int],
) -> None:
    """Make sure that a snapshot gives the rows that the data files have, and all their values.

    A reader that does not find a column in a file by the name mapping gives nulls, and says
    nothing: so the values that are not null are counted in each column.

    Args:
        table: the table, for messages.
        metadata: what readers would know of it.
        snapshot: the snapshot, which is among it.
        io: what reads it.
        rows: the rows that there are.
        values: for each column, by its name in Iceberg, the values that are not null, those
            within lists; None where that is not known.
        weights: for each column its decompressed bytes in the largest file.

    Raises:
        PublishingError: there are others.
    """
    try:
        found_rows, found = _count(metadata, snapshot, io, weights)
    except FWDatasetError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever keeps pyiceberg from reading it
        reason = " ".join(str(error).split())
        raise PublishingError(
            f"table {table!r} cannot be read back, and was not published: {reason}"
        ) from None
    if found_rows != rows:
        raise PublishingError(
            f"table {table!r} has {rows:,} rows, but {found_rows:,} when read back; it was not"
            " published"
        )
    for name, count in values.items():
        if count is not None and found[name] != count:
            raise PublishingError(
                f"column {name!r} of table {table!r} has {count:,} values, but {found[name]:,} when"
                " read back; it was not published"
            )


def _count(
    metadata: TableMetadata, snapshot: Snapshot, io: FileIO, weights: Mapping[str, int]
) -> tuple[int, dict[str, int]]:
    """The rows, and the values that are not null in each column."""
    reader = Table(("published",), metadata, "", io, NoopCatalog("published"))
    scan = reader.scan(snapshot_id=snapshot.snapshot_id)
    tasks = list(scan.plan_files())
    found = dict.fromkeys(weights, 0)
    rows = 0
    for number, names in enumerate(_groups(weights)):
        projection = scan.select(*names).projection()
        for task in tasks:
            if not isinstance(task, FileScanTask):
                raise TypeError(f"{task!r} is no data file")
            arrow = ArrowScan(metadata, io, projection, AlwaysTrue())
            for batch in arrow.to_record_batches([task]):
                rows += 0 if number else batch.num_rows
                for name in names:
                    found[name] += _values(batch.column(batch.schema.get_field_index(name)))
    return rows, found


def _groups(weights: Mapping[str, int]) -> Iterator[Sequence[str]]:
    """The columns that are read together."""
    group: list[str] = []
    held = 0
    for name, weight in weights.items():
        if group and held + weight > _MOST_BYTES:
            yield group
            group, held = [], 0
        group.append(name)
        held += weight
    if group:
        yield group


def _values(column: pa.Array) -> int:
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        column = pc.list_flatten(column)
    return len(column) - int(column.null_count)
