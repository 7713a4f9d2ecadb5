"""Batches of records to Arrow: typed columns, ``extra``, and the counts of what was odd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import UNSET
from msgspec.structs import astuple

from fw_dataset.errors import RecordError
from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import EXTRA, INFO, PrimaryColumn
from fw_dataset.render.decoding import FastDecoder
from fw_dataset.render.exact import ExactReader, ExactRecord
from fw_dataset.render.report import TableReport
from fw_dataset.render.selection import Selection
from fw_dataset.render.values import can_cast

__all__ = ["BATCH_BYTES", "BATCH_ROWS", "BatchRenderer", "RawRecord", "in_batches"]

BATCH_ROWS = 2048
BATCH_BYTES = 8 << 20
_ZONED = pa.timestamp("us", "UTC")
_MISFIT = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError)

RawRecord = tuple[str, "bytes | None"]

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def in_batches(records: Iterable[RawRecord]) -> Iterator[list[RawRecord]]:
    """Part records into lists of at most 2048 rows and about 8 MB of JSON."""
    batch: list[RawRecord] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record[1] or b"")
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class BatchRenderer:
    """Turns batches of one table's records into Arrow record batches.

    Args:
        selection: the table and the columns to keep.
        report: where the counts go.
        skip_errors: leave records that cannot be read out, instead of raising.
    """

    def __init__(self, selection: Selection, report: TableReport, *, skip_errors: bool) -> None:
        self._selection = selection
        self._report = report
        self._skip_errors = skip_errors
        self._fast = FastDecoder(selection)
        self._exact = ExactReader(selection)
        self.schema = selection.model.to_arrow()
        self._types = {column.name: column.type for column in selection.table.columns}

    def render(self, records: Sequence[RawRecord]) -> pa.RecordBatch:
        """Render one batch; the report is added to.

        Raises:
            RecordError: a record cannot be read, and errors are not skipped.
        """
        batch = _Batch(self._selection, [record for record in records if self._is_there(record)])
        plan = self._fast.plan
        for row, (key, data) in enumerate(batch.records):
            assert data is not None
            decoded = self._fast.decode(data)
            if decoded is None:
                exact = self._read_exactly(key, data)
                if exact is not None and self._fast.learn(exact.met):
                    # Decided for the record alone, not by what was met before it.
                    decoded = self._fast.decode(data)
                if decoded is None:
                    batch.patches[row] = exact
            if self._fast.plan is not plan:
                batch.settle(plan)
                plan = self._fast.plan
            batch.add(decoded)
        batch.settle(plan)
        columns = {name: self._column(batch, name) for name in self.schema.names if name != EXTRA}
        return self._finish(batch, columns)

    def _is_there(self, record: RawRecord) -> bool:
        if record[1] is not None:
            return True
        self._reject(record[0], "it has no data")
        return False

    def _reject(self, key: str, reason: str) -> None:
        error = RecordError(self._selection.table.container, key, reason)
        if not self._skip_errors:
            raise error
        self._report.skip(key, reason)

    def _read_exactly(self, key: str, data: bytes) -> ExactRecord | None:
        try:
            return self._exact.read(data)
        except ValueError as error:
            self._reject(key, str(error))
            return None

    def _column(self, batch: _Batch, name: str) -> pa.Array:
        """One column; rows with a value that does not fit are read exactly first."""
        values = batch.column(name)
        kind = self._types[name]
        try:
            return _to_arrow(values, kind)
        except _MISFIT:
            for row, value in enumerate(values):
                if row not in batch.patches and not _converts(value, kind):
                    key, data = batch.records[row]
                    batch.patches[row] = self._read_exactly(key, data or b"")
        return self._column(batch, name)

    def _finish(self, batch: _Batch, columns: dict[str, pa.Array]) -> pa.RecordBatch:
        # A row read exactly for a later column may change earlier ones too.
        columns = {
            name: _to_arrow(batch.column(name), self._types[name]) if batch.patches else column
            for name, column in columns.items()
        }
        if EXTRA in self.schema.names:
            columns[EXTRA] = pa.array(batch.extra(self._report), pa.string())
        for exact in batch.patches.values():
            if exact is not None:
                self._report.count(exact.unfit, exact.unknown)
        rendered = pa.RecordBatch.from_arrays(
            [columns[name] for name in self.schema.names], schema=self.schema
        )
        dropped = {row for row, exact in batch.patches.items() if exact is None}
        if dropped:
            kept = [row for row in range(len(batch.records)) if row not in dropped]
            rendered = rendered.take(pa.array(kept, pa.int64()))
        self._report.rows_written += rendered.num_rows
        return rendered


class _Batch:
    """The decoded records of one batch, as columns."""

    def __init__(self, selection: Selection, records: list[RawRecord]) -> None:
        self._selection = selection
        self.records = records
        self.patches: dict[int, ExactRecord | None] = {}
        self._pending: list[Any] = []
        self._infos: list[bytes | None] = []
        self._columns: dict[str, list[Any]] = {c.name: [] for c in selection.table.columns}
        self._learnt: dict[tuple[str, ...], dict[int, Any]] = {}
        self._settled = 0

    def add(self, decoded: tuple[Any, bytes | None] | None) -> None:
        """Take the next record, or None for one that is read exactly."""
        record, info = decoded if decoded is not None else (None, None)
        self._pending.append(record)
        self._infos.append(info)

    def settle(self, plan: Any) -> None:
        """Take the pending structs, all of one type, apart into columns."""
        if not self._pending:
            return
        empty = plan.struct()
        structs = [empty if record is None else record for record in self._pending]
        plain = len(plan.fields)
        columns = list(zip(*map(astuple, structs), strict=True))
        for (key, column), values in zip(plan.fields, columns[:plain], strict=True):
            self._settle((key,), column, values)
        for (key, (kind, fields)), objects in zip(
            plan.nested.items(), columns[plain:], strict=True
        ):
            none = kind()
            inner = [value if type(value) is kind else none for value in objects]
            for (name, column), values in zip(
                fields, zip(*map(astuple, inner), strict=True), strict=True
            ):
                self._settle((key, name), column, values)
        self._settled += len(structs)
        self._pending = []

    def _settle(
        self, path: tuple[str, ...], column: PrimaryColumn | None, values: tuple[Any, ...]
    ) -> None:
        if column is None:
            there = {
                row: value
                for row, value in enumerate(values, self._settled)
                if value is not None and value is not UNSET
            }
            if there:
                self._learnt.setdefault(path, {}).update(there)
        elif column.name == INFO or column.name not in self._selection.kept:
            return
        elif values.count(UNSET) == len(values):
            self._columns[column.name].extend(repeat(None, len(values)))
        else:
            plain = values if UNSET not in values else [None if v is UNSET else v for v in values]
            if column.type is ColumnType.JSON:
                plain = [None if v is None else _encode(v) for v in plain]
            self._columns[column.name].extend(plain)

    def column(self, name: str) -> list[Any]:
        """The values of one column, patched where a record was read exactly."""
        values = self._infos if name == INFO else self._columns[name]
        if not self.patches:
            return values
        patched = list(values)
        for row, exact in self.patches.items():
            patched[row] = None if exact is None else exact.values.get(name)
        return patched

    def extra(self, report: TableReport) -> list[Any]:
        """The JSON text of ``extra`` for each row; keys that no column holds are counted."""
        rows: dict[int, dict[str, Any]] = {}
        for path, there in self._learnt.items():
            counted = 0
            for row, value in there.items():
                if row in self.patches:
                    continue
                counted += 1
                target = rows.setdefault(row, {})
                for key in path[:-1]:
                    target = target.setdefault(key, {})
                target[path[-1]] = value
            report.count_unknown(path, counted)
        texts: list[Any] = [None] * len(self.records)
        for row, value in rows.items():
            texts[row] = _encode_sorted(value)
        for row, exact in self.patches.items():
            texts[row] = None if exact is None else exact.extra
        return texts


def _to_arrow(values: Sequence[Any], kind: ColumnType) -> pa.Array:
    if kind is ColumnType.INSTANT:
        zoned = pa.array(values, pa.string()).cast(_ZONED)
        return zoned.cast(kind.arrow)
    if kind is ColumnType.DATE:
        return pa.array(values, pa.string()).cast(kind.arrow)
    if kind is ColumnType.JSON:
        # Bytes in, so that Arrow checks the UTF-8 of what was never decoded.
        data = [value.encode() if isinstance(value, str) else value for value in values]
        return pa.array(data, pa.binary()).cast(pa.string())
    return pa.array(values, kind.arrow)


def _converts(value: Any, kind: ColumnType) -> bool:
    if kind in (ColumnType.INSTANT, ColumnType.DATE):
        return value is None or can_cast(value, kind)
    try:
        _to_arrow([value], kind)
    except _MISFIT:
        return False
    return True
