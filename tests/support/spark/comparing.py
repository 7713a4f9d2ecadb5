"""What Spark gives beside what DuckDB gives, cell by cell."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.types as pt

__all__ = ["Table", "columns_of", "same_rows", "table_of"]

Table = pa.Table
_UNSIGNED = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
}


def table_of(source: Any, sql: str) -> pa.Table:
    """The answer of a Spark session or a DuckDB connection."""
    if isinstance(source, duckdb.DuckDBPyConnection):
        found = source.sql(sql)
        # DuckDB 1.3 calls it otherwise.
        return found.to_arrow_table() if hasattr(found, "to_arrow_table") else found.arrow()
    return source.sql(sql).toArrow()


def columns_of(table: pa.Table) -> dict[str, str]:
    """Names and types; unsigned integers as Spark has them."""
    return {field.name: _type(field.type) for field in table.schema}


def same_rows(one: pa.Table, other: pa.Table) -> bool:
    """Whether both have the same rows, in whichever order; more than two of a kind count."""
    return _rows(one) == _rows(other)


def _type(kind: pa.DataType) -> str:
    if pt.is_list(kind) or pt.is_large_list(kind):
        return f"list<{_type(kind.value_type)}>"
    if pt.is_timestamp(kind):
        return f"timestamp[{'instant' if kind.tz else 'plain'}]"
    plain = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary(), **_UNSIGNED}
    return str(plain.get(kind, kind))


def _rows(table: pa.Table) -> list[tuple[str, ...]]:
    columns = [[_cell(value) for value in column.to_pylist()] for column in table.columns]
    return sorted(zip(*columns, strict=True)) if columns else []


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return repr([_cell(item) for item in value])
    if hasattr(value, "astimezone") and value.tzinfo is not None:
        return repr(value.timestamp())
    return f"{value}" if hasattr(value, "as_tuple") else repr(value)
