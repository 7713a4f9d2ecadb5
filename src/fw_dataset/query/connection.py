"""A DuckDB connection with one view for each table, scanning its Parquet files natively."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import duckdb

from fw_dataset.errors import DatasetFormatError, FWDatasetError, TableNotFoundError, naming
from fw_dataset.format.names import quote_identifier
from fw_dataset.query.columns import Columns, KnownColumns, ask, definition
from fw_dataset.query.lazy import create_views
from fw_dataset.query.scans import exactly, scan
from fw_dataset.query.views import FULL_TABLE, JOINED_TABLES, SESSIONS_SUMMARY, joined_views
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["connect_version", "read_failure", "relation"]

_Path = Callable[[str], str]


def connect_version(
    version: CommittedVersion,
    *,
    fully_populate: bool = True,
    cache: str | os.PathLike[str] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB database over the tables of a version.

    Beside them are the joined views of :mod:`fw_dataset.query.views`.

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
        created = []
        for name in version.table_names:
            sql = _table(version, name, path, fully_populate=fully_populate)
            if sql is not None:
                _create(connection, version, name, sql)
                created.append(name)
        _join(connection, version, created)
    except BaseException:
        connection.close()
        raise
    return connection


def relation(
    connection: duckdb.DuckDBPyConnection, version: CommittedVersion, name: str
) -> duckdb.DuckDBPyRelation:
    """A table or joined view of a connection that :func:`connect_version` opened.

    Raises:
        TableNotFoundError: there is none of that name.
    """
    # Of another name, DuckDB would take a variable of the caller's for the table.
    if name in (*version.table_names, FULL_TABLE, SESSIONS_SUMMARY):
        with suppress(duckdb.CatalogException):
            return connection.sql(f"FROM main.{quote_identifier(name)}")
    raise TableNotFoundError(
        f"version {version.label!r} has no table {name!r}; {naming(version.table_names, name)}"
    )


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
        files = [exactly(path(file.key)) for file in version.data_files(name)]
        if files:
            rows = f"select * from {scan(files, several=len(files) > 1)}"
            if fully_populate:
                return f"create view {quoted} as {rows}"
            return f"create table {quoted} as {rows} limit 0"
    columns = KnownColumns().of_schema(version, name)
    return f"create table {quoted} ({definition(columns)})" if columns else None


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


def _join(
    connection: duckdb.DuckDBPyConnection, version: CommittedVersion, created: Sequence[str]
) -> None:
    """Create the joined views, which open nothing until they are used."""
    known = KnownColumns()
    tables: dict[str, Columns] = {name: {} for name in created}
    for name in tables.keys() & set(JOINED_TABLES):
        tables[name] = known.of_files(version, name) or ask(connection, f"main.{name}")
    create_views(connection, joined_views("main", tables))
