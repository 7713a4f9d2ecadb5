"""The records of one batch as columns: decoded structs taken apart, exact rows patched in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import UNSET
from msgspec.structs import astuple

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import INFO, PrimaryColumn
from fw_dataset.render.decoding import Decoded, FieldPlan
from fw_dataset.render.exact import ExactRecord
from fw_dataset.render.report import TableReport
from fw_dataset.render.selection import Selection
from fw_dataset.render.values import POOL, can_cast, to_moments

__all__ = ["MISFIT", "Columns"]

MISFIT = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError)
"""What Arrow raises for a value that does not fit its column."""

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Columns:
    """The columns of one batch.

    Args:
        selection: the table and the columns that are kept.
        plan: what the fields of the structs are.
        decoded: a struct and the text of ``info`` for each row, or None for an exact row.
        patches: the exact rows; None for a record that could not be read.
    """

    def __init__(
        self,
        selection: Selection,
        plan: FieldPlan,
        decoded: Sequence[Decoded | None],
        patches: Mapping[int, ExactRecord | None],
    ) -> None:
        self.patches = dict(patches)
        self._rows = len(decoded)
        self._kept = selection.kept
        self._types = {column.name: column.type for column in selection.table.columns}
        self._values: dict[str, Sequence[Any]] = {
            INFO: [None if one is None else one[1] for one in decoded]
        }
        self._learnt: dict[tuple[str, ...], dict[int, Any]] = {}
        self._arrow: dict[str, pa.Array] = {}
        empty = plan.struct()
        self._take_apart(plan, [empty if one is None else one[0] for one in decoded])

    def _take_apart(self, plan: FieldPlan, structs: list[Any]) -> None:
        plain = len(plan.fields)
        columns = _transposed(structs, plain + len(plan.nested))
        for (key, column), values in zip(plan.fields, columns[:plain], strict=True):
            self._take((key,), column, values)
        for (key, (kind, fields)), objects in zip(
            plan.nested.items(), columns[plain:], strict=True
        ):
            none = kind()
            inner = [value if type(value) is kind else none for value in objects]
            for (name, column), values in zip(fields, _transposed(inner, len(fields)), strict=True):
                self._take((key, name), column, values)

    def _take(
        self, path: tuple[str, ...], column: PrimaryColumn | None, values: Sequence[Any]
    ) -> None:
        unset = values.count(UNSET)
        if column is None:
            self._learnt[path] = {
                row: value
                for row, value in enumerate(values)
                if value is not None and value is not UNSET
            }
        elif column.name != INFO and column.name in self._kept:
            if unset == len(values):
                values = [None] * unset
            elif unset:
                values = [None if value is UNSET else value for value in values]
            if column.type is ColumnType.JSON:
                values = [None if value is None else _encode(value) for value in values]
            self._values[column.name] = values

    def patch(self, row: int, exact: ExactRecord | None) -> None:
        """Take a row's values from a record that was read exactly."""
        self.patches[row] = exact
        self._arrow.clear()

    def _patched(self, name: str) -> Sequence[Any]:
        if not self.patches:
            return self._values[name]
        values = list(self._values[name])
        for row, exact in self.patches.items():
            value = None if exact is None else exact.values.get(name)
            as_bytes = self._types[name] is ColumnType.JSON and isinstance(value, str)
            values[row] = value.encode() if as_bytes else value  # type: ignore[union-attr]
        return values

    def arrow(self, name: str) -> pa.Array:
        """One column.

        Raises:
            pyarrow.ArrowInvalid: a value does not fit; so do the others of :data:`MISFIT`.
        """
        made = self._arrow.get(name)
        if made is None:
            made = self._arrow[name] = _to_arrow(self._patched(name), self._types[name])
        return made

    def misfits(self, name: str) -> Iterator[int]:
        """The rows whose value does not fit a column."""
        kind = self._types[name]
        for row, value in enumerate(self._values[name]):
            if row not in self.patches and not _converts(value, kind):
                yield row

    def extra(self, report: TableReport) -> list[Any]:
        """The JSON text of ``extra`` for each row; keys that no column holds are counted."""
        rows: dict[int, dict[str, Any]] = {}
        for path, there in self._learnt.items():
            plain = [row for row in there if row not in self.patches]
            for row in plain:
                target = rows.setdefault(row, {})
                for key in path[:-1]:
                    target = target.setdefault(key, {})
                target[path[-1]] = there[row]
            report.count_unknown(path, len(plain))
        texts: list[Any] = [None] * self._rows
        for row, value in rows.items():
            texts[row] = _encode_sorted(value)
        for row, exact in self.patches.items():
            texts[row] = None if exact is None else exact.extra
        return texts


def _transposed(structs: list[Any], width: int) -> list[tuple[Any, ...]]:
    """The fields of structs as columns."""
    return list(zip(*map(astuple, structs), strict=True)) or [()] * width


def _to_arrow(values: Sequence[Any], kind: ColumnType) -> pa.Array:
    if kind in (ColumnType.INSTANT, ColumnType.DATE):
        return to_moments(values, kind)
    if kind is ColumnType.JSON:
        # Bytes in, so that Arrow checks the UTF-8 of what was never decoded.
        return pa.array(values, pa.binary(), memory_pool=POOL).cast(pa.string(), memory_pool=POOL)
    return pa.array(values, kind.arrow, memory_pool=POOL)


def _converts(value: Any, kind: ColumnType) -> bool:
    if kind in (ColumnType.INSTANT, ColumnType.DATE):
        return value is None or can_cast(value, kind)
    try:
        _to_arrow([value], kind)
    except MISFIT:
        return False
    return True
