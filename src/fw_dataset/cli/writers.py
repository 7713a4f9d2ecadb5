"""A result's rows in each of the formats, batch by batch, so that memory does not grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from fw_dataset.cli.failures import CommandError
from fw_dataset.cli.result import Result
from fw_dataset.cli.text import as_cells, json_rows

__all__ = ["WRITERS"]

# A row group of Parquet is as large as those of the dataset, unless its rows are huge.
_GROUP_ROWS = 122_880
_GROUP_BYTES = 64 << 20


def _write_csv(result: Result, sink: BinaryIO) -> int:
    """Comma separated, UTF-8, a heading; null is an empty field, an empty text is ``""``."""
    sink.write((",".join(map(_csv_quoted, result.schema.names)) + "\n").encode())
    written = 0
    for batch in result.batches:
        cells = [_csv_cells(column) for column in batch.columns]
        # A line with nothing in it would be skipped by most readers.
        null = '""' if len(cells) == 1 else ""
        filled = [pc.fill_null(column, null) for column in cells]
        lines = pc.binary_join_element_wise(*filled, ",")
        sink.write("".join(f"{line}\n" for line in lines.to_pylist()).encode())
        written += batch.num_rows
    return written


def _csv_cells(column: pa.Array) -> pa.Array:
    text = as_cells(column)
    odd = pc.match_substring_regex(text, r'[",\r\n]|^$')
    if not pc.any(odd).as_py():
        return text
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.if_else(odd, quoted, text)


def _csv_quoted(name: str) -> str:
    quoted: str = _csv_cells(pa.array([name]))[0].as_py()
    return quoted


def _write_ndjson(result: Result, sink: BinaryIO) -> int:
    """A JSON object a line."""
    names = _told_apart(result.schema.names)
    written = 0
    for batch in result.batches:
        sink.write("".join(f"{row}\n" for row in json_rows(batch, names)).encode())
        written += batch.num_rows
    return written


def _write_json(result: Result, sink: BinaryIO) -> int:
    """One JSON array of objects, an object a line."""
    names = _told_apart(result.schema.names)
    written = 0
    for batch in result.batches:
        if batch.num_rows:
            sink.write(b",\n" if written else b"[\n")
            sink.write(",\n".join(json_rows(batch, names)).encode())
            written += batch.num_rows
    sink.write(b"\n]\n" if written else b"[]\n")
    return written


def _write_parquet(result: Result, sink: BinaryIO) -> int:
    import pyarrow.parquet as pq

    schema = _renamed(result.schema)
    written = 0
    try:
        with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
            for table in _grouped(result.batches, schema):
                writer.write_table(table)
                written += table.num_rows
    except pa.ArrowNotImplementedError as error:
        raise CommandError(f"Parquet cannot hold this: {error}; cast it in the query") from None
    return written


def _grouped(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        waiting.append(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.Table.from_batches(waiting, schema)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting, schema)


def _write_arrow(result: Result, sink: BinaryIO) -> int:
    """Arrow's file format in a file (also known as Feather), its stream format in a pipe."""
    schema = _renamed(result.schema)
    opened = pa.ipc.new_file if sink.seekable() else pa.ipc.new_stream
    written = 0
    with opened(sink, schema) as writer:
        for batch in result.batches:
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            written += batch.num_rows
    return written


def _renamed(schema: pa.Schema) -> pa.Schema:
    names = _told_apart(schema.names)
    return pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])


def _told_apart(names: Sequence[str]) -> list[str]:
    """The names, with ``a`` and ``a_1`` where two columns are called ``a``, as DuckDB does it."""
    told: dict[str, None] = {}
    for name in names:
        number, free = 0, name
        while free in told or (number and free in names):
            number += 1
            free = f"{name}_{number}"
        told[free] = None
    return list(told)


WRITERS: dict[str, Callable[[Result, BinaryIO], int]] = {
    "csv": _write_csv,
    "json": _write_json,
    "ndjson": _write_ndjson,
    "parquet": _write_parquet,
    "arrow": _write_arrow,
}
"""Per format what writes a result and says how many rows there were."""
