"""The value columns of a table, and making them of the objects of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from fw_dataset.format.column_types import ColumnType
from fw_dataset.render.objects.plain import to_json
from fw_dataset.render.objects.survey import Path
from fw_dataset.render.objects.values import Reader, read_date
from fw_dataset.render.values import POOL

__all__ = ["Rests", "ValueColumn", "make_column"]

# What Arrow takes for each type without changing it; of texts it refuses all others itself.
_TAKEN: Mapping[ColumnType, frozenset[type]] = {
    ColumnType.INTEGER: frozenset((int, type(None))),
    ColumnType.NUMBER: frozenset((int, float, type(None))),
    ColumnType.BOOLEAN: frozenset((bool, type(None))),
}
_MISFIT = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError)
_DAYS = ColumnType.DATE.arrow

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class ValueColumn:
    """One column of a table of objects.

    Attributes:
        name: its name.
        path: the keys that lead to its values from the table's objects.
        type: its type.
        read: fits a value that is not None.
        spells: whether numbers can stand in it as they are spelled.
        has_single: of a list, whether a list of one stands for a single value, so that a value
            that is itself such a list is kept in ``extra``, too.
    """

    name: str
    path: Path
    type: ColumnType
    read: Reader
    spells: bool = False
    has_single: bool = False


@dataclass
class Rests:
    """What no column of a batch holds, to stand in ``extra``, by row."""

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)

    def keep(self, row: int, path: Sequence[str], value: Any) -> None:
        """Keep a value of a row under its path."""
        level = self.rows.setdefault(row, {})
        for name in path[:-1]:
            level = level.setdefault(name, {})
        level[path[-1]] = value

    def column(self, rows: int) -> pa.Array:
        """The column ``extra``."""
        if not self.rows:
            return pa.nulls(rows, pa.string())
        texts: list[str | None] = [None] * rows
        for row, rest in self.rows.items():
            texts[row] = to_json(rest)
        return pa.array(texts, pa.string(), memory_pool=POOL)


def make_column(
    column: ValueColumn,
    values: list[Any],
    spelled: Callable[[int], Any],
    misfit: Callable[[int, Any, bool], None],
) -> pa.Array:
    """Make a column of values.

    Args:
        column: the column.
        values: one for each row, None for none.
        spelled: gives the value of a row with numbers that know their spelling.
        misfit: called with each row and what ``extra`` is to keep of its value, and whether that
            is counted as one that did not fit.
    """
    made = _whole_column(column, values)
    if made is not None:
        return made
    read, fitted = column.read, [None] * len(values)
    for row, value in enumerate(values):
        if value is None:
            continue
        result = read(spelled(row) if column.spells and _holds_fraction(value) else value)
        fitted[row] = result.column
        if result.rest is not None or not result.fits:
            misfit(row, result.rest, not result.fits)
    return pa.array(fitted, column.type.arrow, memory_pool=POOL)


def _holds_fraction(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _whole_column(column: ValueColumn, values: list[Any]) -> pa.Array | None:
    """The column of values that all are as its type wants them; else None."""
    kind = column.type
    try:
        if kind is ColumnType.TEXT:
            return pa.array(values, kind.arrow, memory_pool=POOL)
        if kind is ColumnType.JSON:
            return _json(values)
        if kind is ColumnType.DATE:
            return _dates(values)
        if kind.item is not None:
            return _lists(column, values)
        fits = set(map(type, values)) <= _TAKEN[kind]
        return pa.array(values, kind.arrow, memory_pool=POOL) if fits else None
    except _MISFIT:
        return None


def _dates(values: list[Any]) -> pa.Array | None:
    """Dates, each of which is read once."""
    encoded = pa.array(values, pa.string(), memory_pool=POOL).dictionary_encode()
    days = []
    for text in encoded.dictionary.to_pylist():
        result = read_date(text)
        if result.rest is not None:
            return None
        days.append(result.column)
    return pc.take(pa.array(days, _DAYS), encoded.indices)


def _json(values: list[Any]) -> pa.Array | None:
    try:
        texts = [None if value is None else _encode(value) for value in values]
    except (TypeError, UnicodeEncodeError):
        return None
    return pa.array(texts, pa.binary(), memory_pool=POOL).cast(pa.string())


def _lists(column: ValueColumn, values: list[Any]) -> pa.Array | None:
    item = column.type.item
    if item is None or item is ColumnType.DATE:
        return None
    if column.has_single and any(type(one) is list and len(one) == 1 for one in values):
        return None
    lists = [one if one is None or type(one) is list else [one] for one in values]
    if item is not ColumnType.TEXT:
        items = chain.from_iterable(filter(None, lists))
        if not set(map(type, items)) <= _TAKEN[item]:
            return None
    return pa.array(lists, column.type.arrow, memory_pool=POOL)
