"""A statement's rows written into a spool: as pages of JSON, or in a format for a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa

from fw_dataset.format.names import quote_identifier
from fw_dataset.serve.engine import Engine, Statement
from fw_dataset.serve.wire import json_object, plain_text

__all__ = ["PAGES", "Bounds", "TooLargeError", "write"]

PAGES = "pages"
_BATCH_ROWS = 2_048
_GROUP_ROWS = 122_880
_GROUP_BYTES = 32 << 20
# What Arrow lacks or Parquet cannot hold is text, as DuckDB spells it.
_AS_TEXT = frozenset(
    {"bignum", "bit", "interval", "time with time zone", "union", "varint", "variant"}
)


class TooLargeError(Exception):
    """A result passes a limit; the message is for who asked."""


@dataclass(frozen=True)
class Bounds:
    """How large a result and its pages may be; see :class:`~fw_dataset.serve.settings.Limits`."""

    rows: int
    bytes: int
    page_rows: int
    page_bytes: int


Tell = Callable[[dict[str, Any]], None]


class _Spool:
    """The file that is written, which counts."""

    def __init__(self, file: BinaryIO, bounds: Bounds) -> None:
        self._file, self._bounds = file, bounds
        self.rows = self.size = 0

    def write(self, data: Any) -> int:
        size = len(data) if isinstance(data, bytes) else memoryview(data).nbytes
        self.size += size
        if self.size > self._bounds.bytes:
            raise TooLargeError(
                f"the result has more than {self._bounds.bytes:,} bytes, which is the limit here:"
                " ask for fewer rows or columns"
            )
        self._file.write(data)
        return size

    def count(self, rows: int) -> None:
        self.rows += rows
        if self.rows > self._bounds.rows:
            raise TooLargeError(
                f"the result has more than {self._bounds.rows:,} rows, which is the limit here:"
                " use LIMIT"
            )

    # What pyarrow asks of a file.
    closed = False

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.flush()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


def write(
    engine: Engine, statement: Statement, form: str, file: BinaryIO, bounds: Bounds, tell: Tell
) -> None:
    """Run a statement and write its rows.

    Args:
        engine: what runs it.
        statement: the statement.
        form: ``pages``, ``csv``, ``ndjson``, ``arrow`` or ``parquet``.
        file: where to.
        bounds: how much.
        tell: is called with what can be read so far: ``{"page": [offset, length, rows]}`` for
            each page, or ``{"written": bytes}``.

    Raises:
        TooLargeError: the result passes a limit.
        duckdb.Error: the statement fails.
    """
    spool = _Spool(file, bounds)
    writer = {
        PAGES: _write_pages,
        "ndjson": _write_lines,
        "csv": _write_csv,
        "arrow": _write_arrow,
        "parquet": _write_parquet,
    }[form]
    writer(engine, statement, spool, bounds, tell)
    file.flush()
    tell({"written": spool.size, "rows": spool.rows})


def _rows(engine: Engine, statement: Statement, batch_rows: int) -> Iterator[list[str]]:
    row = json_object(statement.columns, statement.terms)
    for batch in engine.read(statement, row, batch_rows):
        yield batch.column(0).to_pylist()


def _write_pages(
    engine: Engine, statement: Statement, spool: _Spool, bounds: Bounds, tell: Tell
) -> None:
    waiting: list[str] = []
    size = 0

    def end_page() -> None:
        nonlocal size
        data = ",".join(waiting).encode()
        start = spool.size
        spool.count(len(waiting))
        spool.write(data)
        spool.flush()
        tell({"page": [start, len(data), len(waiting)]})
        waiting.clear()
        size = 0

    for rows in _rows(engine, statement, min(bounds.page_rows, _BATCH_ROWS)):
        for row in rows:
            waiting.append(row)
            size += len(row)
            if len(waiting) >= bounds.page_rows or size >= bounds.page_bytes:
                end_page()
    if waiting:
        end_page()


def _write_lines(
    engine: Engine, statement: Statement, spool: _Spool, _: Bounds, tell: Tell
) -> None:
    for rows in _rows(engine, statement, _BATCH_ROWS):
        spool.count(len(rows))
        spool.write("".join(f"{row}\n" for row in rows).encode())
        _progress(spool, tell)


def _progress(spool: _Spool, tell: Tell) -> None:
    spool.flush()
    tell({"written": spool.size})


def _write_csv(engine: Engine, statement: Statement, spool: _Spool, _: Bounds, tell: Tell) -> None:
    """UTF-8, a heading; texts are quoted, null is an empty field."""
    from pyarrow import csv  # noqa: PLC0415 - only for this

    named = zip(statement.columns, statement.terms, strict=True)
    terms = [f"{plain_text(t, c.type)} AS {quote_identifier(c.name)}" for c, t in named]
    reader = _named(engine.read(statement, ", ".join(terms), _BATCH_ROWS), statement)
    with csv.CSVWriter(spool, reader.schema) as writer:
        for batch in reader:
            spool.count(batch.num_rows)
            writer.write_batch(batch)
            _progress(spool, tell)


def _write_arrow(
    engine: Engine, statement: Statement, spool: _Spool, _: Bounds, tell: Tell
) -> None:
    reader = _arrow(engine, statement)
    with pa.ipc.new_stream(spool, reader.schema) as writer:
        for batch in reader:
            spool.count(batch.num_rows)
            writer.write_batch(batch)
            _progress(spool, tell)


def _write_parquet(
    engine: Engine, statement: Statement, spool: _Spool, _: Bounds, tell: Tell
) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only for this

    reader = _arrow(engine, statement)
    with pq.ParquetWriter(spool, reader.schema, compression="zstd") as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in reader:
            spool.count(batch.num_rows)
            waiting.append(batch)
            rows = sum(one.num_rows for one in waiting)
            if rows >= _GROUP_ROWS or sum(one.nbytes for one in waiting) >= _GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(waiting, reader.schema))
                waiting.clear()
                _progress(spool, tell)
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting, reader.schema))


def _arrow(engine: Engine, statement: Statement) -> Any:
    terms = [
        f"CAST({term} AS VARCHAR)" if column.type.id in _AS_TEXT else term
        for column, term in zip(statement.columns, statement.terms, strict=True)
    ]
    return _named(engine.read(statement, ", ".join(terms), _BATCH_ROWS), statement)


def _named(reader: Any, statement: Statement) -> Any:
    """The same batches with the columns' names, two of which may differ only by case."""
    names = [column.name for column in statement.columns]
    fields = [field.with_name(name) for field, name in zip(reader.schema, names, strict=True)]
    schema = pa.schema(fields)
    batches = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in reader)
    return pa.RecordBatchReader.from_batches(schema, batches)
