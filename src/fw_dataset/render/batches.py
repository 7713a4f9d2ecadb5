"""Batches of records to Arrow: typed columns, ``extra``, and the counts of what was odd."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

from fw_dataset.errors import RecordError
from fw_dataset.format.tables import EXTRA
from fw_dataset.render.columns import MISFIT, Columns
from fw_dataset.render.decoding import Decoded, FastDecoder
from fw_dataset.render.exact import ExactReader, ExactRecord
from fw_dataset.render.report import TableReport
from fw_dataset.render.selection import Selection

__all__ = ["BATCH_BYTES", "BATCH_ROWS", "BatchRenderer", "RawRecord", "in_batches"]

BATCH_ROWS = 2048
BATCH_BYTES = 8 << 20
RawRecord = tuple[str, "bytes | None"]


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

    def render(self, records: Sequence[RawRecord]) -> pa.RecordBatch:
        """Render one batch; the report is added to.

        Raises:
            RecordError: a record cannot be read, and errors are not skipped.
        """
        with _collector_paused():
            return self._render(records)

    def _render(self, records: Sequence[RawRecord]) -> pa.RecordBatch:
        there = [(key, data) for key, data in records if self._is_there(key, data)]
        decoded, patches = self._decode([(key, data or b"") for key, data in there])
        batch = Columns(self._selection, self._fast.plan, decoded, patches)
        for name in self.schema.names:
            if name != EXTRA:
                self._fit(batch, name, there)
        return self._finish(batch)

    def _decode(
        self, records: Sequence[tuple[str, bytes]]
    ) -> tuple[list[Decoded | None], dict[int, ExactRecord | None]]:
        """Decode records fast, and those that are refused exactly; these by their row."""
        data = [data for _, data in records]
        exact: dict[int, ExactRecord | None] = {}
        while True:
            decoded = self._fast.decode(data)
            refused = [row for row, one in enumerate(decoded) if one is None]
            if not self._learn_from(refused, records, exact):
                return decoded, {row: exact[row] for row in refused}

    def _learn_from(
        self,
        refused: Iterable[int],
        records: Sequence[tuple[str, bytes]],
        exact: dict[int, ExactRecord | None],
    ) -> bool:
        """Read records exactly, until one has keys to learn, which makes decoding worth a retry.

        So it is decided by a record alone, not by what was met before it, how it is read.
        """
        for row in refused:
            if row not in exact:
                exact[row] = self._read_exactly(*records[row])
                read = exact[row]
                if read is not None and self._fast.learn(read.met):
                    return True
        return False

    def _is_there(self, key: str, data: bytes | None) -> bool:
        if data is None:
            self._reject(key, "it has no data")
        return data is not None

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

    def _fit(self, batch: Columns, name: str, records: Sequence[RawRecord]) -> None:
        """Read rows with a value that does not fit its column exactly."""
        try:
            batch.arrow(name)
        except MISFIT:
            for row in batch.misfits(name):
                key, data = records[row]
                batch.patch(row, self._read_exactly(key, data or b""))

    def _finish(self, batch: Columns) -> pa.RecordBatch:
        columns = {name: batch.arrow(name) for name in self.schema.names if name != EXTRA}
        if EXTRA in self.schema.names:
            columns[EXTRA] = pa.array(batch.extra(self._report), pa.string())
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
