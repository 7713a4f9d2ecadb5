"""Batches of records to Arrow: typed columns, ``extra``, and the counts of what was odd."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

from fw_dataset.errors import RecordError
from fw_dataset.format.tables import EXTRA
from fw_dataset.render.columns import MISFIT, Columns
from fw_dataset.render.decoding import Decoded, FastDecoder
from fw_dataset.render.exact import ExactReader, ExactRecord
from fw_dataset.render.report import TableReport
from fw_dataset.render.selection import Selection
from fw_dataset.render.values import POOL
from fw_dataset.snapshot import RawRecord, key_text

__all__ = ["BatchRenderer"]


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

    def render(self, records: Sequence[RawRecord]) -> pa.RecordBatch:
        """Render one batch; the report is added to.

        Raises:
            RecordError: a record cannot be read, and errors are not skipped.
        """
        with _collector_paused():
            return self._render(records)

    def _render(self, records: Sequence[RawRecord]) -> pa.RecordBatch:
        if any(data is None for _, data in records):
            records = [record for record in records if self._is_there(record)]
        decoded, patches = self._decode(records)
        batch = Columns(self._selection, self._fast.plan, decoded, patches)
        for name in self.schema.names:
            if name != EXTRA:
                self._fit(batch, name, records)
        return self._finish(batch)

    def _decode(
        self, records: Sequence[RawRecord]
    ) -> tuple[list[Decoded | None], dict[int, ExactRecord | None]]:
        """Decode records fast, and those that are refused exactly; these by their row."""
        exact: dict[int, ExactRecord | None] = {}

        def learn_from(row: int) -> bool:
            """So that it is the record alone, not what came before it, that decides its reader."""
            if row in exact:
                return False
            read = exact[row] = self._read_exactly(records[row])
            return read is not None and self._fast.learn(read.met)

        decoded = self._fast.decode([data or b"" for _, data in records], learn_from)
        return decoded, {row: exact[row] for row, one in enumerate(decoded) if one is None}

    def _is_there(self, record: RawRecord) -> bool:
        if record[1] is None:
            self._reject(record[0], "it has no data")
        return record[1] is not None

    def _reject(self, key: object, reason: str) -> None:
        if not self._skip_errors:
            raise RecordError(self._selection.table.container, key_text(key), reason)
        self._report.skip(key_text(key), reason)

    def _read_exactly(self, record: RawRecord) -> ExactRecord | None:
        try:
            return self._exact.read(record[1] or b"")
        except ValueError as error:
            self._reject(record[0], str(error))
            return None

    def _fit(self, batch: Columns, name: str, records: Sequence[RawRecord]) -> None:
        """Read rows with a value that does not fit its column exactly."""
        try:
            batch.arrow(name)
        except MISFIT:
            for row in batch.misfits(name):
                batch.patch(row, self._read_exactly(records[row]))

    def _finish(self, batch: Columns) -> pa.RecordBatch:
        columns = {name: batch.arrow(name) for name in self.schema.names if name != EXTRA}
        if EXTRA in self.schema.names:
            columns[EXTRA] = pa.array(batch.extra(self._report), pa.string(), memory_pool=POOL)
        for exact in batch.patches.values():
            if exact is not None:
                self._report.count(exact.unfit, exact.unknown)
        rendered = pa.RecordBatch.from_arrays(
            [columns[name] for name in self.schema.names], schema=self.schema
        )
        unread = {row for row, exact in batch.patches.items() if exact is None}
        if unread:
            kept = [row for row in range(rendered.num_rows) if row not in unread]
            rendered = rendered.take(pa.array(kept, pa.int64()))
        self._report.rows_written += rendered.num_rows
        return rendered


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the cycle collector, which a batch's tuples call again and again for nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
