"""Batches of records to Arrow: typed columns, ``extra``, and the counts of what was odd."""

from __future__ import annotations

from concurrent.futures import Executor

import pyarrow as pa

from fw_dataset.errors import RecordError
from fw_dataset.format.tables import EXTRA
from fw_dataset.render.collector import collector_paused
from fw_dataset.render.columns import MISFIT, Columns
from fw_dataset.render.decoding import Begun, Decoded, FastDecoder
from fw_dataset.render.exact import ExactReader, ExactRecord
from fw_dataset.render.report import TableReport
from fw_dataset.render.selection import Selection
from fw_dataset.render.values import POOL
from fw_dataset.snapshot import RawBatch, RawRecord, key_text

__all__ = ["BatchRenderer"]


class BatchRenderer:
    """Turns batches of one table's records into Arrow record batches.

    Args:
        selection: the table and the columns to keep.
        report: where the counts go.
        executor: for work that needs no Python.
        skip_errors: leave records that cannot be read out, instead of raising.
    """

    def __init__(
        self,
        selection: Selection,
        report: TableReport,
        executor: Executor,
        *,
        skip_errors: bool,
    ) -> None:
        self._selection = selection
        self._report = report
        self._skip_errors = skip_errors
        self._fast = FastDecoder(selection, executor)
        self._exact = ExactReader(selection)
        self.schema = selection.model.to_arrow()

    def render(self, raw: RawBatch) -> pa.RecordBatch:
        """Render one batch; the report is added to.

        Raises:
            RecordError: a record cannot be read, and errors are not skipped.
        """
        return self.finish(self.begin(raw))

    def begin(self, raw: RawBatch) -> Begun:
        """Begin to render a batch, so that another can be finished meanwhile.

        Raises:
            RecordError: a record has no data, and errors are not skipped.
        """
        with collector_paused():
            return self._fast.begin(self._with_data(raw))

    def finish(self, begun: Begun) -> pa.RecordBatch:
        """Finish the rendering of a batch; the report is added to.

        Raises:
            RecordError: a record cannot be read, and errors are not skipped.
        """
        with collector_paused():
            batch = Columns(self._selection, *self._decode(begun))
            for name in self.schema.names:
                if name != EXTRA:
                    self._fit(batch, name, begun.raw)
            return self._finish(batch)

    def _decode(self, begun: Begun) -> tuple[Decoded, dict[int, ExactRecord | None]]:
        """Decode records fast, and those that are refused exactly; these by their row."""
        exact: dict[int, ExactRecord | None] = {}

        def learn_from(row: int) -> bool:
            """So that it is the record alone, not what came before it, that decides its reader."""
            if row in exact:
                return False
            read = exact[row] = self._read_exactly(begun.raw.record(row))
            return read is not None and self._fast.learn(read.met)

        decoded = self._fast.finish(begun, learn_from)
        return decoded, {row: exact[row] for row in decoded.odd}

    def _with_data(self, raw: RawBatch) -> RawBatch:
        """The batch without records that have no data."""
        if all(part.text is not None for part in raw.parts):
            return raw
        records = [record for part in raw.parts for record in part.records()]
        there = [record for record in records if self._is_there(record)]
        return raw if len(there) == len(records) else RawBatch.of(there)

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

    def _fit(self, batch: Columns, name: str, raw: RawBatch) -> None:
        """Read rows with a value that does not fit its column exactly."""
        try:
            batch.arrow(name)
        except MISFIT:
            for row in batch.misfits(name):
                batch.patch(row, self._read_exactly(raw.record(row)))

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
