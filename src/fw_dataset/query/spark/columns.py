"""The columns of tables as Spark can have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as pt

from fw_dataset.errors import DatasetFormatError
from fw_dataset.query.columns import Columns, KnownColumns, has_manifest
from fw_dataset.query.spark.wording import spark_type
from fw_dataset.versions.catalog import CommittedVersion
from fw_dataset.versions.footers import footers_of

__all__ = ["SparkColumns", "columns_for_spark"]

_NO_TYPE = ""


@dataclass(frozen=True)
class SparkColumns:
    """The columns of a table.

    Attributes:
        kept: the DuckDB type of each, by name, in order.
        left_out: why others are not there.
    """

    kept: Columns
    left_out: Mapping[str, str]


def columns_for_spark(version: CommittedVersion, table: str, known: KnownColumns) -> SparkColumns:
    """What columns a table gets in Spark.

    No data file is opened where the version's schemas are to be relied on. Those of the releases
    0.3 and 0.4 are not: their files' footers are read.

    Raises:
        DatasetFormatError: a data file of an older release is damaged.
        StorageError: the storage refuses access, or cannot be reached.
    """
    columns = known.of_schema(version, table)
    if not (has_manifest(version) and columns):
        columns = _of_footers(version, table) or columns
    alike: dict[str, list[str]] = {}
    for name in columns:
        alike.setdefault(name.casefold(), []).append(name)
    left_out = {
        name: reason
        for name, kind in columns.items()
        if (reason := _reason(name, kind, alike[name.casefold()]))
    }
    kept = {name: kind for name, kind in columns.items() if name not in left_out}
    return SparkColumns(kept, left_out)


def _reason(name: str, kind: str, alike: list[str]) -> str:
    """Why Spark cannot have a column; empty where it can."""
    if len(alike) > 1:
        others = " and ".join(repr(other) for other in alike if other != name)
        return f"Spark takes it for the same as {others}: it does not tell upper from lower case"
    if not name or "${" in name:
        return "Spark does not take such a name"
    if spark_type(kind) is None:
        return f"Spark does not read its type ({kind or 'not the same in all data files'})"
    return ""


def _of_footers(version: CommittedVersion, table: str) -> Columns:
    """The columns that the data files have, by DuckDB's names of their types."""
    found: dict[str, str] = {}
    for footer in footers_of(version.storage, version.data_files(table)):
        if isinstance(footer, DatasetFormatError):
            raise footer
        for field in footer.schema.to_arrow_schema():
            kind = _duckdb_type(field.type)
            if found.setdefault(field.name, kind) != kind:
                found[field.name] = _NO_TYPE
    return found


def _duckdb_type(kind: pa.DataType) -> str:
    """What DuckDB calls a type; what it has no name for here is called as Arrow does."""
    if pt.is_dictionary(kind):
        return _duckdb_type(kind.value_type)
    if pt.is_list(kind) or pt.is_large_list(kind):
        return f"{_duckdb_type(kind.value_type)}[]"
    if pt.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pt.is_timestamp(kind) and kind.unit != "ns":
        return "TIMESTAMP" if kind.tz is None else "TIMESTAMP WITH TIME ZONE"
    return _NAMES.get(kind, str(kind))


_NAMES: Mapping[pa.DataType, str] = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.large_binary(): "BLOB",
    pa.date32(): "DATE",
}
