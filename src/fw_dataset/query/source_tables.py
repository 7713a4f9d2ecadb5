"""The tables of versions in a connection of several: their columns, and SQL for their rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from fw_dataset.errors import DatasetFormatError
from fw_dataset.query.columns import Columns, KnownColumns, ask, empty
from fw_dataset.query.connection import read_failure
from fw_dataset.query.scans import exactly, scan
from fw_dataset.query.side_by_side import each
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["SourceTable", "SourceTables", "tables_of_all"]


@dataclass(frozen=True)
class SourceTable:
    """A table of a source.

    Attributes:
        columns: its columns.
        rows: what stands in SQL for its rows.
        rows_of_all: the same, where it is read in all sources.
    """

    columns: Columns
    rows: str
    rows_of_all: str


SourceTables = dict[str, SourceTable]
"""The tables of a source by name."""

_Rows = Callable[[str], tuple[str, str]]
"""The two kinds of SQL for the rows of a table; empty where it has no files."""


def tables_of_all(
    connection: duckdb.DuckDBPyConnection,
    versions: Sequence[CommittedVersion],
    cache: str | os.PathLike[str] | None,
) -> list[SourceTables]:
    """The tables of versions, by name.

    Args:
        connection: which gets to know the stores that the versions are in.
        versions: the versions.
        cache: a folder of this machine that keeps data files of object stores.

    Raises:
        DatasetFormatError: a manifest is damaged, or a data file of an older release.
        StorageError: a storage refuses access, or cannot be reached.
    """
    known = KnownColumns()
    distant = [one for one in versions if one.storage.native_path(one.layout.root) is None]
    rows = _distant_rows(connection, distant, known, cache) if distant else {}
    return [
        _tables_of(connection, one, known, rows.get(id(one)) or _native_rows(one))
        for one in versions
    ]


def _native_rows(version: CommittedVersion) -> _Rows:
    """Files of this machine, which DuckDB opens itself."""

    def rows(table: str) -> tuple[str, str]:
        files = [f.key for f in version.data_files(table)]
        paths = [exactly(version.storage.native_path(key) or key) for key in files]
        sql = scan(paths, several=len(paths) > 1) if paths else ""
        return sql, sql

    return rows


def _distant_rows(
    connection: duckdb.DuckDBPyConnection,
    versions: Sequence[CommittedVersion],
    known: KnownColumns,
    cache: str | os.PathLike[str] | None,
) -> dict[int, _Rows]:
    """Files of stores, which DuckDB reads through us; those that must be asked are fetched now."""
    from fw_dataset.query.remote import (  # noqa: PLC0415 - loads fsspec
        TableFiles,
        register_tables,
    )

    def look_up(pair: tuple[CommittedVersion, TableFiles]) -> None:
        version, reader = pair
        unknown = [name for name in version.table_names if known.of_files(version, name) is None]
        if unknown:
            reader.look_up_all(unknown)

    def rows_of(reader: TableFiles) -> _Rows:
        def rows(table: str) -> tuple[str, str]:
            files = reader.listed(table)
            if not files:
                return "", ""
            one, of_all = (reader.pattern(table, of_all=choice) for choice in (False, True))
            several = len(files) > 1
            return scan([one], several=several), scan([of_all], several=several)

        return rows

    readers = register_tables(connection, versions, cache)
    pairs = list(zip(versions, readers, strict=True))
    each(look_up, pairs)
    return {id(version): rows_of(reader) for version, reader in pairs}


def _tables_of(
    connection: duckdb.DuckDBPyConnection,
    version: CommittedVersion,
    known: KnownColumns,
    rows: _Rows,
) -> SourceTables:
    found: SourceTables = {}
    for name in version.table_names:
        one, of_all = rows(name)
        columns = known.of_files(version, name)
        if columns is None and one:
            columns = _ask(connection, version, name, one)
        elif columns is None:
            columns = known.of_schema(version, name)
        if columns:
            none = "" if one else empty(columns)
            found[name] = SourceTable(columns, one or none, of_all or none)
    return found


def _ask(
    connection: duckdb.DuckDBPyConnection, version: CommittedVersion, table: str, rows: str
) -> Columns:
    try:
        return ask(connection, rows)
    except duckdb.Error as error:
        failure = read_failure(connection)
        if failure is not None:
            raise failure from None
        reason = " ".join(str(error).split())
        raise DatasetFormatError(
            f"table {table!r} of version {version.label!r} cannot be opened: {reason}"
        ) from None
