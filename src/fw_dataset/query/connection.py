"""A DuckDB connection with one view for each table, scanning its Parquet files natively."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress

import duckdb

from fw_dataset.errors import DatasetFormatError, FWDatasetError
from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.format.schema import DataModel
from fw_dataset.storage import ObjectInfo
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["connect_version", "read_failure"]

_Path = Callable[[str], str]
_GLOB = re.compile(r"([*?\[])")


def connect_version(
    version: CommittedVersion,
    *,
    fully_populate: bool = True,
    cache: str | os.PathLike[str] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB database over the tables of a version.

    Args:
        version: the version.
        fully_populate: give the tables their rows; without it, they are empty and no data file
            is opened where the schema says the columns, which is enough to look at them.
        cache: a folder of this machine that keeps data files of object stores.

    Raises:
        DatasetFormatError: a data file is missing or damaged.
        StorageError: the storage refuses access, or cannot be reached.
    """
    connection = duckdb.connect()
    try:
        with suppress(duckdb.CatalogException):  # a DuckDB that has no such setting
            # Data files never change, so that what their footers say is read once.
            connection.execute("set parquet_metadata_cache = true")
        path = _paths(connection, version, cache, ahead=fully_populate)
        for name in version.table_names:
            sql = _table(version, name, path, fully_populate=fully_populate)
            if sql is not None:
                _create(connection, version, name, sql)
    except BaseException:
        connection.close()
        raise
    return connection


def read_failure(connection: duckdb.DuckDBPyConnection) -> FWDatasetError | None:
    """Why a connection could not read a data file of an object store, or None.

    It is what DuckDB's own error says with a traceback around it.
    """
    remote = sys.modules.get("fw_dataset.query.remote")
    return None if remote is None else remote.failure_of(connection)


def _paths(
    connection: duckdb.DuckDBPyConnection,
    version: CommittedVersion,
    cache: str | os.PathLike[str] | None,
    *,
    ahead: bool,
) -> _Path:
    """What DuckDB opens for a data file: the file itself, or one that is read through us."""
    storage = version.storage
    if storage.native_path(version.layout.root) is not None:
        _ = version.models  # so that damage is found now; elsewhere it would take requests
        return lambda key: storage.native_path(key) or key
    from fw_dataset.query.remote import register_files  # noqa: PLC0415 - loads fsspec

    return register_files(connection, version, cache, ahead=ahead)


def _table(
    version: CommittedVersion, name: str, path: _Path, *, fully_populate: bool
) -> str | None:
    """The SQL that makes a table; None for one without files and columns."""
    quoted = quote_identifier(name)
    if fully_populate or not version.model(name).properties:
        files = version.data_files(name)
        if files:
            scan = f"select * from {_scan(files, path)}"
            if fully_populate:
                return f"create view {quoted} as {scan}"
            return f"create table {quoted} as {scan} limit 0"
    model = version.model(name)
    if model.properties:
        return f"create table {quoted} ({_columns(model)})"
    return None


def _create(
    connection: duckdb.DuckDBPyConnection, version: CommittedVersion, name: str, sql: str
) -> None:
    try:
        connection.execute(sql)
    except duckdb.Error as error:
        failure = read_failure(connection)
        if failure is not None:
            raise failure from None
        reason = " ".join(str(error).split())
        raise DatasetFormatError(
            f"table {name!r} of version {version.label!r} cannot be opened: {reason}"
        ) from None


def _scan(files: list[ObjectInfo], path: _Path) -> str:
    paths = ", ".join(_file(path(file.key)) for file in files)
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
