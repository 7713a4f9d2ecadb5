"""A DuckDB connection with one view for each table, scanning its Parquet files natively."""

from __future__ import annotations

import re
from contextlib import suppress

import duckdb

from fw_dataset.errors import DatasetFormatError
from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.format.schema import DataModel
from fw_dataset.storage import ObjectInfo
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["connect_version"]

_GLOB = re.compile(r"([*?\[])")


def connect_version(
    version: CommittedVersion, *, fully_populate: bool = True
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB database over the tables of a version.

    Args:
        version: the version.
        fully_populate: give the tables their rows; without it, they are empty and no data file
            is opened where the schema says the columns, which is enough to look at them.

    Raises:
        DatasetFormatError: a data file is missing or damaged.
    """
    connection = duckdb.connect()
    try:
        with suppress(duckdb.CatalogException):  # a DuckDB that has no such setting
            # Data files never change, so that what their footers say is read once.
            connection.execute("set parquet_metadata_cache = true")
        for name, model in version.models.items():
            sql = _table(version, name, model, fully_populate=fully_populate)
            if sql is not None:
                _create(connection, version, name, sql)
    except BaseException:
        connection.close()
        raise
    return connection


def _table(
    version: CommittedVersion, name: str, model: DataModel, *, fully_populate: bool
) -> str | None:
    """The SQL that makes a table; None for one without files and columns."""
    quoted = quote_identifier(name)
    files = version.data_files(name) if fully_populate or not model.properties else []
    if files:
        scan = f"select * from {_scan(version, files)}"
        if fully_populate:
            return f"create view {quoted} as {scan}"
        return f"create table {quoted} as {scan} limit 0"
    if model.properties:
        return f"create table {quoted} ({_columns(model)})"
    return None


def _create(
    connection: duckdb.DuckDBPyConnection, version: CommittedVersion, name: str, sql: str
) -> None:
    try:
        connection.execute(sql)
    except duckdb.Error as error:
        reason = " ".join(str(error).split())
        raise DatasetFormatError(
            f"table {name!r} of version {version.label!r} cannot be opened: {reason}"
        ) from None


def _scan(version: CommittedVersion, files: list[ObjectInfo]) -> str:
    paths = ", ".join(_file(version.storage.native_path(file.key)) for file in files)
    # A folder named like `site=3` above the dataset must not become a column.
    options = "hive_partitioning = false" + (", union_by_name = true" if len(files) > 1 else "")
    return f"read_parquet([{paths}], {options})"


def _file(path: str) -> str:
    """A path as SQL text; DuckDB would take brackets and stars in it for patterns."""
    return quote_literal(_GLOB.sub(r"[\1]", path))


def _columns(model: DataModel) -> str:
    return ", ".join(
        f"{quote_identifier(column)} {ColumnType.from_property(prop).sql}"
        for column, prop in model.properties.items()
    )
