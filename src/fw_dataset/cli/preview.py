"""The first rows of a result as a text table, and the count of all."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as pt

from fw_dataset.cli.result import Result
from fw_dataset.cli.table import Column, lay_out
from fw_dataset.cli.text import as_cells

__all__ = ["Preview", "preview"]

_NULL = "NULL"
_PLAN = ["explain_key", "explain_value"]


@dataclass(frozen=True)
class Preview:
    """What there is to see of a result.

    Attributes:
        lines: heading, rule, rows.
        rows: the rows of the result.
        rows_shown: how many of them are in the lines.
        columns: the columns of the result.
        columns_shown: how many of them are in the lines.
    """

    lines: list[str]
    rows: int
    rows_shown: int
    columns: int
    columns_shown: int


def preview(result: Result, max_rows: int, width: int | None) -> Preview:
    """Read a result to its end and lay out its first rows.

    Args:
        result: the result.
        max_rows: how many rows to lay out; 0 is all.
        width: the terminal's columns; None cuts nothing.
    """
    schema = result.schema
    cells: list[list[str]] = [[] for _ in schema]
    rows = 0
    for batch in result.batches:
        wanted = batch.num_rows if max_rows == 0 else max(0, max_rows - rows)
        rows += batch.num_rows
        if wanted:
            for texts, column in zip(cells, batch.slice(0, wanted).columns, strict=True):
                texts += [_NULL if cell is None else cell for cell in as_cells(column).to_pylist()]
    shown = len(cells[0])
    if schema.names == _PLAN:
        return Preview("\n".join(cells[1]).splitlines(), rows, shown, len(schema), len(schema))
    columns = [_column(field, texts) for field, texts in zip(schema, cells, strict=True)]
    layout = lay_out(columns, width)
    return Preview(layout.lines, rows, shown, len(schema), layout.shown)


def _column(field: pa.Field, cells: list[str]) -> Column:
    kind = field.type
    number = pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind)
    firm = number or pt.is_temporal(kind) or pt.is_boolean(kind)
    return Column(field.name, cells, right=bool(number), firm=bool(firm))
