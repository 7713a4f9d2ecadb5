"""Rows that are made while a table is read for the first time.

Which columns a table of objects has is known only when all rows were seen, but mostly the first
ones tell. So rows are made of a batch with the columns that are known so far, and those batches
are read once more whose rows would be others with all that is known in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from fw_dataset.render.objects import tables
from fw_dataset.render.objects.naming import base_name
from fw_dataset.render.objects.places import Found, Place
from fw_dataset.render.objects.reading import InfoBatch
from fw_dataset.render.objects.spill import Spill
from fw_dataset.render.objects.survey import Survey
from fw_dataset.render.objects.tables import FindKeyword, ObjectTable, plan_table
from fw_dataset.render.objects.writing import ObjectRows, SharedColumns, empty_column
from fw_dataset.render.report import TableReport

__all__ = ["Draft", "Drafts"]

# A table whose columns change more often has no drafts any more: most would be in vain.
_MOST_PLANS = 50


@dataclass(frozen=True)
class Draft:
    """The rows of one place in one batch.

    Attributes:
        plan: the columns with which they were made.
        spilled: their number in the spill.
        bytes: what they took in memory.
        rows: how many they are.
        unfit: how many values did not fit, by column.
    """

    plan: ObjectTable
    spilled: int
    bytes: int
    rows: int
    unfit: Mapping[str, int]

    def fits(self, table: ObjectTable) -> bool:
        """Whether the table's rows are these, but for columns in which these have nothing."""
        plan = self.plan
        if plan.is_complete != table.is_complete:
            return False
        if plan.columns == table.columns:
            return True
        there = {column.path: column for column in table.columns}
        return plan.is_complete and all(there.get(own.path) == own for own in plan.columns)

    def read(self, spill: Spill, table: ObjectTable) -> tuple[pa.RecordBatch, int]:
        """The rows of a table that they fit, and what these take in memory."""
        drafted = spill.read(self.spilled)
        columns = dict(zip(drafted.schema.names, drafted.columns, strict=True))
        size = self.bytes
        for column in table.columns:
            if column.name not in columns:
                empty = columns[column.name] = empty_column(column, self.rows)
                size += empty.nbytes
        schema = table.model.to_arrow()
        return pa.RecordBatch.from_arrays([columns[n] for n in schema.names], schema=schema), size


@dataclass
class _Plan:
    """The columns that a place has so far.

    Attributes:
        shape: what of the survey decides about them.
        maker: makes rows with them.
        changes: how often they were others.
    """

    shape: object
    maker: ObjectRows
    changes: int = 0


class Drafts:
    """The drafts of one primary table.

    Args:
        spill: where the rows are.
        shared: the columns that rows begin with.

    Attributes:
        batches: of each batch, for the places that are found in it, their drafts or None.
    """

    def __init__(self, spill: Spill, shared: SharedColumns) -> None:
        self.batches: list[dict[Place, Draft | None]] = []
        self._spill, self._shared = spill, shared
        self._plans: dict[Place, _Plan] = {}

    def see(
        self,
        batch: InfoBatch,
        found: Mapping[Place, Found],
        surveys: Mapping[Place, Survey],
        find: Mapping[Place, FindKeyword],
    ) -> None:
        """Draft the rows of a batch, which the surveys have seen."""
        self.batches.append(
            {
                place: self._draft(place, batch, objects, surveys[place], find[place])
                for place, objects in found.items()
            }
        )

    def _draft(
        self, place: Place, batch: InfoBatch, found: Found, survey: Survey, find: FindKeyword
    ) -> Draft | None:
        if survey.keys > tables.MOST_COLUMNS:
            return None
        plan = self._plan(place, survey, find)
        if plan.changes > _MOST_PLANS:
            return None
        report = TableReport()
        rows = plan.maker.make(batch, found, report)
        at = self._spill.add(rows)
        return Draft(plan.maker.table, at, rows.nbytes, rows.num_rows, report.unfit)

    def _plan(self, place: Place, survey: Survey, find: FindKeyword) -> _Plan:
        known = self._plans.get(place)
        if known is not None and known.changes > _MOST_PLANS:
            return known
        shape = survey.shape()
        if known is None or known.shape != shape:
            table = plan_table(base_name(place), place, survey, "", find)
            changes = 0 if known is None else known.changes + 1
            known = self._plans[place] = _Plan(shape, ObjectRows(table, self._shared), changes)
        return known
