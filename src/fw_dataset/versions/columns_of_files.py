"""Whether a data file has the columns that its table's schema tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.types as pt

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.schema import DataModel

__all__ = ["column_faults"]

# How data files of other writers may hold a column of a type.
_KINDS: Mapping[ColumnType, Callable[[pa.DataType], bool]] = {
    ColumnType.INSTANT: pt.is_timestamp,
    ColumnType.DATE: pt.is_date,
    ColumnType.INTEGER: pt.is_integer,
    ColumnType.NUMBER: lambda kind: pt.is_floating(kind) or pt.is_decimal(kind),
    ColumnType.BOOLEAN: pt.is_boolean,
    ColumnType.TEXT_LIST: lambda kind: _is_list(kind) and _is_text(kind.value_type),
    ColumnType.INTEGER_LIST: lambda kind: _is_list(kind) and pt.is_integer(kind.value_type),
    ColumnType.NUMBER_LIST: lambda kind: _is_list(kind) and pt.is_floating(kind.value_type),
    ColumnType.DATE_LIST: lambda kind: _is_list(kind) and pt.is_date(kind.value_type),
    ColumnType.JSON: lambda _: True,
}
# Of these, the 0.3 and 0.4 releases wrote the text.
_AS_TEXT = frozenset(
    {ColumnType.TEXT, ColumnType.INSTANT, ColumnType.DATE, ColumnType.TEXT_LIST, ColumnType.JSON}
)


def column_faults(columns: pa.Schema, model: DataModel, *, exactly: bool) -> list[str]:
    """What is wrong with the columns of a data file; nothing where its schema names none.

    Args:
        columns: the columns that it has.
        model: the table's schema.
        exactly: take only the types that this package writes, in the schema's order.
    """
    wanted = model.properties
    if not wanted:
        return []
    names = list(columns.names)
    faults = [f"column {name!r} is missing" for name in wanted if name not in names]
    faults += [f"column {name!r} is not in the schema" for name in names if name not in wanted]
    for name in dict.fromkeys(names):
        if name in wanted:
            kind, expected = columns.field(names.index(name)).type, model.column_type(name)
            if not _is_of(kind, expected, exactly=exactly):
                faults.append(f"column {name!r} is {kind}, and not {expected.arrow}")
    if not faults and exactly and names != list(wanted):
        faults.append("the columns are in another order than in the schema")
    return faults


def _is_of(kind: pa.DataType, expected: ColumnType, *, exactly: bool) -> bool:
    if exactly:
        if expected.item is not None:  # the name of a list's elements does not matter
            return bool(pt.is_list(kind) and kind.value_type == expected.item.arrow)
        return bool(kind == expected.arrow)
    if pt.is_null(kind) or (expected in _AS_TEXT and _is_text(kind)):
        return True
    return expected in _KINDS and bool(_KINDS[expected](kind))


def _is_text(kind: pa.DataType) -> bool:
    if pt.is_dictionary(kind):
        kind = kind.value_type
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_null(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pt.is_list(kind) or pt.is_large_list(kind))
