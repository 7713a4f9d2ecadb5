"""The tables that are taken out of a version, and how far that is."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from fw_dataset.errors import (
    DatasetFormatError,
    InvalidArgumentError,
    StorageError,
    StorageFullError,
)
from fw_dataset.format.names import quote_identifier
from fw_dataset.query.connection import connect_version, read_failure
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["ExportedTables", "chosen_tables", "exported_tables"]

# DuckDB says it in the system's words, around which there are more or fewer of its own.
_UNWRITTEN = re.compile(r'Could not write file [^:]*: ([^":.]+)')
_FULL = {os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}


@dataclass(frozen=True)
class ExportedTables:
    """Some tables of a version, in a connection of their own.

    Attributes:
        version: the version.
        names: the tables.
        connection: which has a view of each.
        progress: told how many rows are through, or None.
    """

    version: CommittedVersion
    names: Sequence[str]
    connection: duckdb.DuckDBPyConnection
    progress: ProgressCallback | None

    def columns(self, table: str) -> dict[str, str]:
        """The DuckDB type of each column."""
        with self.reading(table):
            found = self.connection.execute(f"DESCRIBE {quote_identifier(table)}").fetchall()
        return {name: kind for name, kind, *_ in found}

    def descriptions(self, table: str) -> Mapping[str, str]:
        """What columns mean, as far as the schema says it."""
        properties = self.version.model(table).properties
        return {name: str(prop.get("description") or "") for name, prop in properties.items()}

    def tell(self, table: str, rows: int | None = None) -> None:
        """Say how many rows of a table are through; all, if not said."""
        if self.progress is not None:
            total = self.version.rows.get(table, 0)
            self.progress(Progress("export", table, total if rows is None else rows, total))

    @contextmanager
    def reading(self, table: str) -> Iterator[None]:
        """Say in our words why a table cannot be read, or taken where it goes."""
        try:
            yield
        except duckdb.Error as error:
            failure = read_failure(self.connection)
            if failure is not None:
                raise failure from None
            reason = " ".join(str(error).split())
            unwritten = _UNWRITTEN.search(reason)
            if unwritten is not None:
                kind = StorageFullError if unwritten[1] in _FULL else StorageError
                raise kind(f"table {table!r} cannot be written: {unwritten[1]}") from None
            raise DatasetFormatError(
                f"table {table!r} of version {self.version.label!r} cannot be exported: {reason}"
            ) from None


def chosen_tables(version: CommittedVersion, tables: Iterable[str] | None) -> list[str]:
    """The tables to take.

    Args:
        version: the version.
        tables: their names; else all that have columns or rows.

    Raises:
        InvalidArgumentError: none is named.
        TableNotFoundError: there is no such table.
        DatasetFormatError: one that is named has neither columns nor rows.
    """
    if tables is None:
        return [name for name in version.table_names if _has_columns(version, name)]
    names = list(dict.fromkeys([tables] if isinstance(tables, str) else tables))
    if not names:
        raise InvalidArgumentError("tables names no table: name some, or leave it out for all")
    for name in names:
        version.model(name)
        if not _has_columns(version, name):
            raise DatasetFormatError(
                f"table {name!r} of version {version.label!r} has neither columns nor data files"
            )
    return names


def _has_columns(version: CommittedVersion, table: str) -> bool:
    return bool(version.data_files(table) or version.model(table).properties)


@contextmanager
def exported_tables(
    version: CommittedVersion,
    names: Sequence[str],
    *,
    cache: str | os.PathLike[str] | None = None,
    progress: ProgressCallback | None = None,
) -> Iterator[ExportedTables]:
    """Open tables of a version to take them out.

    Raises:
        DatasetFormatError: a data file is missing or damaged.
        StorageError: the storage refuses access, or cannot be reached.
    """
    connection = connect_version(version, cache=cache)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield ExportedTables(version, names, connection, progress)
    finally:
        connection.close()
