"""The columns of one batch: those that were decoded, with the rows that were read exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from fw_dataset.format.column_types import ColumnType
from fw_dataset.render.decoding import Decoded
from fw_dataset.render.exact import ExactRecord
from fw_dataset.render.report import TableReport
from fw_dataset.render.selection import Selection
from fw_dataset.render.values import POOL, can_cast, to_moments

__all__ = ["MISFIT", "Columns"]

MISFIT = pa.ArrowInvalid
"""What Arrow raises for a text that is not the instant or date that its column holds."""

_MOMENTS = (ColumnType.INSTANT, ColumnType.DATE)
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Columns:
    """The columns of one batch.

    Args:
        selection: the table and the columns that are kept.
        decoded: the records.
        patches: the rows that were read exactly; None for a record that could not be read.
    """

    def __init__(
        self,
        selection: Selection,
        decoded: Decoded,
        patches: Mapping[int, ExactRecord | None],
    ) -> None:
        self.patches = dict(patches)
        self._types = {column.name: column.type for column in selection.table.columns}
        self._decoded = decoded
        self._arrow: dict[str, pa.Array] = {}

    def patch(self, row: int, exact: ExactRecord | None) -> None:
        """Take a row's values from a record that was read exactly."""
        self.patches[row] = exact
        self._arrow.clear()

    def arrow(self, name: str) -> pa.Array:
        """One column.

        Raises:
            pyarrow.ArrowInvalid: a text is not the instant or date that the column holds.
        """
        made = self._arrow.get(name)
        if made is None:
            made = self._patched(name)
            if self._types[name] in _MOMENTS:
                made = to_moments(made, self._types[name])
            self._arrow[name] = made
        return made

    def _patched(self, name: str) -> pa.Array:
        values = self._decoded.columns[name]
        if not self.patches:
            return values
        exact = [None if one is None else one.values.get(name) for one in self.patches.values()]
        rows = list(range(len(values)))
        for place, row in enumerate(self.patches, len(values)):
            rows[row] = place
        both = pa.concat_arrays([values, pa.array(exact, values.type)], memory_pool=POOL)
        return both.take(pa.array(rows, pa.int64()))

    def misfits(self, name: str) -> Iterator[int]:
        """The rows whose text is not the instant or date that a column holds."""
        kind = self._types[name]
        for row, text in enumerate(self._decoded.columns[name].to_pylist()):
            if row not in self.patches and text is not None and not can_cast(text, kind):
                yield row

    def extra(self, report: TableReport) -> list[Any]:
        """The JSON text of ``extra`` for each row; keys that no column holds are counted."""
        rows: dict[int, dict[str, Any]] = {}
        for path, values in self._decoded.learnt.items():
            there = [
                row
                for row, value in enumerate(values)
                if value is not None and row not in self.patches
            ]
            for row in there:
                target = rows.setdefault(row, {})
                for key in path[:-1]:
                    target = target.setdefault(key, {})
                target[path[-1]] = values[row]
            report.count_unknown(path, len(there))
        texts: list[Any] = [None] * self._decoded.rows
        for row, value in rows.items():
            texts[row] = _encode_sorted(value)
        for row, exact in self.patches.items():
            texts[row] = None if exact is None else exact.extra
        return texts
