"""The tables that are written: what they take of drafts, and what they make of batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from fw_dataset.format.schema import DataModel
from fw_dataset.render.objects.drafts import Draft
from fw_dataset.render.objects.places import Found, Place
from fw_dataset.render.objects.quality import Checks
from fw_dataset.render.objects.reading import InfoBatch
from fw_dataset.render.objects.spill import Spill
from fw_dataset.render.objects.tables import ObjectTable
from fw_dataset.render.objects.writing import ObjectRows, SharedColumns, named
from fw_dataset.render.parquet import TableWriter
from fw_dataset.render.report import TableReport

__all__ = ["ChecksOutput", "ObjectsOutput", "Output", "Rows"]

Rows = tuple[pa.RecordBatch, int]
"""Rows, and the bytes that they take where they are made."""


class Output(Protocol):
    """One table that is written."""

    model: DataModel
    writer: TableWriter
    report: TableReport

    def lacks(self, number: int) -> bool:
        """Whether a batch must be read to have the table's rows."""

    def rows(
        self, number: int, batch: InfoBatch | None, found: Mapping[Place, Found]
    ) -> Rows | None:
        """Its rows of the batch of some number, None where there are none."""


class ObjectsOutput:
    """A table of objects.

    Args:
        table: the table.
        writer: where its rows go.
        shared: the columns that rows begin with.
        drafts: by batch those that there are, None where rows have none.
        spill: where their rows are.
    """

    def __init__(
        self,
        table: ObjectTable,
        writer: TableWriter,
        shared: SharedColumns,
        drafts: Sequence[Mapping[Place, Draft | None]],
        spill: Spill,
    ) -> None:
        self.model = table.model
        self.writer = writer
        self.report = TableReport()
        for path, count in table.without.items():
            self.report.count_unknown(named(path), count)
        self._maker = ObjectRows(table, shared)
        self._spill = spill
        own = ((number, of.get(table.place), table.place in of) for number, of in enumerate(drafts))
        fitting: dict[int, Draft] = {}
        self._lacking: set[int] = set()
        fits: dict[int, bool] = {}
        for number, draft, is_there in own:
            if draft is not None and fits.setdefault(id(draft.plan), draft.fits(table)):
                fitting[number] = draft
            elif is_there:
                self._lacking.add(number)
        self._drafts = fitting

    def lacks(self, number: int) -> bool:
        """Whether the batch has rows without a draft that fits."""
        return number in self._lacking

    def rows(
        self, number: int, batch: InfoBatch | None, found: Mapping[Place, Found]
    ) -> Rows | None:
        """The rows as they were drafted, or else made anew."""
        table = self._maker.table
        draft, own = self._drafts.get(number), found.get(table.place)
        if draft is not None:
            rows, size = draft.read(self._spill, table)
            for column, count in draft.unfit.items():
                self.report.unfit[column] = self.report.unfit.get(column, 0) + count
        elif batch is not None and own is not None:
            rows = self._maker.make(batch, own, self.report)
            size = rows.nbytes
        else:
            return None
        self.report.rows_written += rows.num_rows
        return rows, size


class ChecksOutput:
    """The table of checks.

    Args:
        model: its schema.
        writer: where its rows go.
        checks: what the rows were made by.
        drafts: the rows of each batch by their number in the spill, and the bytes they took.
        spill: where they are.
    """

    def __init__(
        self,
        model: DataModel,
        writer: TableWriter,
        checks: Checks,
        drafts: Mapping[int, tuple[int, int]],
        spill: Spill,
    ) -> None:
        self.model = model
        self.writer = writer
        self.report = checks.report
        self._latest = checks.latest()
        self._drafts, self._spill = drafts, spill
        self._schema = model.to_arrow()

    def lacks(self, _: int) -> bool:
        """No batch must be read once more."""
        return False

    def rows(self, number: int, *_: object) -> Rows | None:
        """The rows of a batch, now that the latest ones are known."""
        if number not in self._drafts:
            return None
        at, size = self._drafts[number]
        drafted = self._spill.read(at)
        columns = dict(zip(drafted.schema.names, drafted.columns, strict=True))
        latest = columns["latest"] = self._latest.slice(self.report.rows_written, drafted.num_rows)
        self.report.rows_written += drafted.num_rows
        arrays = [columns[name] for name in self._schema.names]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema), size + latest.nbytes
