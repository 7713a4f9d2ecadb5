"""A DuckDB connection with one view for each table, scanning its Parquet files natively."""

from __future__ import annotations

import re

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
            is opened, which is enough to look at columns and types.

    Raises:
        DatasetFormatError: a data file is missing or damaged.
    """
    connection = duckdb.connect()
    try:
        for name, model in version.models.items():
            files = version.data_files(name) if fully_populate else []
            if files:
                _create_view(connection, version, name, files)
            elif model.properties:
                connection.execute(_empty_table(name, model))
    except BaseException:
        connection.close()
        raise
    return connection


def _create_view(
    connection: duckdb.DuckDBPyConnection,
    version: CommittedVersion,
    name: str,
    files: list[ObjectInfo],
) -> None:
    paths = ", ".join(_file(version.storage.native_path(file.key)) for file in files)
    # A folder named like `site=3` above the dataset must not become a column.
    options = "hive_partitioning = false" + (", union_by_name = true" if len(files) > 1 else "")
    try:
        connection.execute(
            f"create view {quote_identifier(name)} as"
            f" select * from read_parquet([{paths}], {options})"
        )
    except duckdb.Error as error:
        reason = " ".join(str(error).split())
        raise DatasetFormatError(
            f"table {name!r} of version {version.label!r} cannot be opened: {reason}"
        ) from None


def _file(path: str) -> str:
    """A path as SQL text; DuckDB would take brackets and stars in it for patterns."""
    return quote_literal(_GLOB.sub(r"[\1]", path))


def _empty_table(name: str, model: DataModel) -> str:
    columns = ", ".join(
        f"{quote_identifier(column)} {ColumnType.from_property(prop).sql}"
        for column, prop in model.properties.items()
    )
    return f"create table {quote_identifier(name)} ({columns})"
