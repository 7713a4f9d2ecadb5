"""Render records in memory, without a snapshot and without files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import pyarrow as pa

from fw_dataset.format.tables import EXTRA
from fw_dataset.render.batches import BatchRenderer
from fw_dataset.render.exact import ExactReader
from fw_dataset.render.report import TableReport
from fw_dataset.render.selection import ControlColumns, Selection, select_columns
from fw_dataset.snapshot import RawBatch

_EXECUTOR = ThreadPoolExecutor(1)
_ALL = select_columns(None)
ALL_TABLES = tuple(_ALL)


@dataclass
class Rendered:
    """What came of some records of one table."""

    batches: list[pa.RecordBatch]
    report: TableReport

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for batch in self.batches for row in batch.to_pylist()]

    @property
    def table(self) -> pa.Table:
        return pa.Table.from_batches(self.batches)


def selection_of(table: str, control_columns: ControlColumns | None = None) -> Selection:
    """Return the selection of a table."""
    return (_ALL if control_columns is None else select_columns(control_columns))[table]


def render_batches(
    table: str,
    batches: Iterable[Sequence[bytes | None]],
    *,
    selection: Selection | None = None,
    skip_errors: bool = False,
) -> Rendered:
    """Render batches one after the other; the ids of the records are their numbers."""
    report = TableReport()
    renderer = BatchRenderer(selection or _ALL[table], report, _EXECUTOR, skip_errors=skip_errors)
    return _render(renderer, report, batches)


def render(table: str, *records: bytes | str, selection: Selection | None = None) -> Rendered:
    """Render records of a table as one batch, with a renderer that has seen others before."""
    batch = [data.encode() if isinstance(data, str) else data for data in records]
    if selection is not None:
        return render_batches(table, [batch], selection=selection)
    renderer, report = _kept_renderer(table)
    for field in fields(report):
        setattr(report, field.name, getattr(TableReport(), field.name))
    rendered = _render(renderer, report, [batch])
    return Rendered(rendered.batches, deepcopy(report))


def render_row(table: str, record: bytes | str) -> dict[str, Any]:
    """Render one record alone; how, is as in :func:`render`."""
    (row,) = render(table, record).rows
    return row


def render_alone(table: str, record: bytes) -> dict[str, Any]:
    """Render one record with a renderer that has seen no other."""
    (row,) = render_batches(table, [[record]]).rows
    return row


@cache
def _kept_renderer(table: str) -> tuple[BatchRenderer, TableReport]:
    report = TableReport()
    return BatchRenderer(_ALL[table], report, _EXECUTOR, skip_errors=False), report


def _render(
    renderer: BatchRenderer, report: TableReport, batches: Iterable[Sequence[bytes | None]]
) -> Rendered:
    done: list[pa.RecordBatch] = []
    for batch in batches:
        records = [(str(report.rows_read + row), data) for row, data in enumerate(batch)]
        report.rows_read += len(records)
        done.append(renderer.render(RawBatch.of(records)))
    return Rendered(done, report)


def there(row: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that are not null."""
    return {name: value for name, value in row.items() if value is not None}


def read_exactly(table: str, record: bytes) -> dict[str, Any]:
    """Read one record on the exact path, to values that are as :func:`render_row` gives them."""
    selection = _ALL[table]
    exact = ExactReader(selection).read(record)
    row = {**exact.values, EXTRA: exact.extra}
    arrays = []
    for field in selection.model.to_arrow():
        value = pa.array([row.get(field.name)])
        if pa.types.is_timestamp(field.type) and not pa.types.is_null(value.type):
            value = value.cast(pa.timestamp("us", "UTC"))
        arrays.append(value.cast(field.type))
    batch = pa.RecordBatch.from_arrays(arrays, schema=selection.model.to_arrow())
    (read,) = batch.to_pylist()
    return read  # type: ignore[no-any-return]
