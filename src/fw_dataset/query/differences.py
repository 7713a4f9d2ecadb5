"""What differs between two versions of a dataset."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

import duckdb

from fw_dataset.errors import (
    DatasetFormatError,
    InvalidArgumentError,
    StorageFullError,
    TableNotFoundError,
    naming,
)
from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.query.connection import read_failure
from fw_dataset.query.numbered_rows import NumberedRows, numbered_rows
from fw_dataset.query.scans import exactly
from fw_dataset.query.table_comparison import SCHEMA, TableComparison, rows_of_one
from fw_dataset.query.table_difference import TableDifference
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["Difference", "TableDifference", "compare_versions"]

# Ordinary tables take a third of it; the rest is for data files whose pages are huge.
_MOST_MEMORY = "2GB"
_OLD, _NEW = "old", "new"


class Difference:
    """What differs between two versions; made by :meth:`fw_dataset.Dataset.diff`.

    The numbers are there from the beginning. The rows are looked up when they are asked for, as
    long as it is not closed. It can stand in a ``with`` statement, which closes it.

    Attributes:
        tables: what became of each table that both versions have.
        tables_added: the rows of each table that only the new version has.
        tables_removed: the same of the old one.
    """

    def __init__(
        self,
        versions: _BothVersions,
        comparisons: Mapping[str, TableComparison | None],
        tables: Mapping[str, TableDifference],
        alone: Mapping[str, Mapping[str, int]],
    ) -> None:
        self._versions = versions
        self._comparisons = dict(comparisons)
        self._shown: set[str] = set()
        self.tables: Mapping[str, TableDifference] = MappingProxyType(dict(tables))
        self.tables_added: Mapping[str, int] = MappingProxyType(dict(alone[_NEW]))
        self.tables_removed: Mapping[str, int] = MappingProxyType(dict(alone[_OLD]))

    def __repr__(self) -> str:
        return f"Difference({self.old!r}, {self.new!r}, is_equal={self.is_equal})"

    def __enter__(self) -> Difference:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection and of what it keeps on disk."""
        self._versions.close()

    @property
    def old(self) -> str:
        """The id of the one version."""
        return self._versions.of(_OLD).id

    @property
    def new(self) -> str:
        """The id of the other version."""
        return self._versions.of(_NEW).id

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        alone = self.tables_added or self.tables_removed
        return not alone and all(table.is_equal for table in self.tables.values())

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "old": self.old,
            "new": self.new,
            "tables": {name: table.to_dict() for name, table in self.tables.items()},
            "tables_added": dict(self.tables_added),
            "tables_removed": dict(self.tables_removed),
        }

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with the views ``changes.subjects``, ``old.subjects`` and so on.

        Raises:
            DatasetFormatError: a data file is damaged.
        """
        for table in self._names():
            self._show(table)
        return self._versions.connection

    def rows(self, table: str) -> duckdb.DuckDBPyRelation:
        """All that differs in a table, looked up when the result is read.

        Its columns are ``change`` (``"added"``, ``"removed"``, ``"changed"``), those of the key,
        and as text ``column``, ``old`` and ``new``. A row that changed has a row here for each
        column that did; of a row that was added or removed, ``column`` is null, and ``new`` or
        ``old`` is all of it as a JSON object.

        Raises:
            TableNotFoundError: neither version has the table, or it was not compared.
            DatasetFormatError: a data file is damaged.
        """
        known = self._names()
        if table not in known:
            raise TableNotFoundError(f"no table {table!r} was compared; {naming(known, table)}")
        self._show(table)
        return self._versions.connection.sql(f"FROM changes.{quote_identifier(table)}")

    def _names(self) -> list[str]:
        return sorted({*self.tables, *self.tables_added, *self.tables_removed})

    def _show(self, table: str) -> None:
        """Create the views of a table."""
        if table in self._shown:
            return
        versions, name = self._versions, quote_identifier(table)
        if table in self.tables_added:
            sql = rows_of_one(table, versions.rows(_NEW, table), "added")
        elif table in self.tables_removed:
            sql = rows_of_one(table, versions.rows(_OLD, table), "removed")
        else:
            sql = self._comparison(table).rows()
        with versions.reading(table):
            versions.connection.execute(f"CREATE VIEW changes.{name} AS {sql}")
            for side in (_OLD, _NEW):
                if table in versions.of(side).table_names:
                    rows = versions.rows(side, table).plain()
                    versions.connection.execute(f"CREATE VIEW {side}.{name} AS FROM {rows}")
        self._shown.add(table)

    def _comparison(self, table: str) -> TableComparison:
        found = self._comparisons[table]
        if found is None:  # of the same data files, so that nothing was read yet
            found = self._comparisons[table] = self._versions.comparison(table)
            with self._versions.reading(table):
                found.prepare()
        return found


def compare_versions(
    old: CommittedVersion,
    new: CommittedVersion,
    tables: Iterable[str] | None = None,
    *,
    cache: str | os.PathLike[str] | None = None,
) -> Difference:
    """Compare two versions.

    Args:
        old: the one version.
        new: the other.
        tables: the tables to compare; else all.
        cache: a folder of this machine that keeps data files of object stores.

    Raises:
        InvalidArgumentError: no table is named.
        TableNotFoundError: neither version has a table of that name.
        DatasetFormatError: a data file is missing or damaged.
        StorageError: the storage refuses access, or cannot be reached.
    """
    chosen = _chosen(old, new, tables)
    versions = _BothVersions(old, new, cache)
    try:
        alone = {
            side: {
                name: versions.rows(side, name).count
                for name in chosen
                if name in this.table_names and name not in other.table_names
            }
            for side, this, other in ((_OLD, old, new), (_NEW, new, old))
        }
        comparisons: dict[str, TableComparison | None] = {}
        found: dict[str, TableDifference] = {}
        for name in chosen:
            if name in alone[_OLD] or name in alone[_NEW]:
                continue
            comparisons[name], found[name] = None, TableDifference()
            if not _have_the_same_files(old, new, name):
                comparisons[name] = comparison = versions.comparison(name)
                with versions.reading(name):
                    comparison.prepare()
                    found[name] = comparison.compare()
    except BaseException:
        versions.close()
        raise
    return Difference(versions, comparisons, found, alone)


def _chosen(
    old: CommittedVersion, new: CommittedVersion, tables: Iterable[str] | None
) -> list[str]:
    known = sorted({*old.table_names, *new.table_names})
    if tables is None:
        return known
    wanted = list(dict.fromkeys([tables] if isinstance(tables, str) else tables))
    if not wanted:
        raise InvalidArgumentError("tables names no table: name some, or leave it out for all")
    for name in wanted:
        if name not in known:
            raise TableNotFoundError(
                f"neither version {old.label!r} nor {new.label!r} has a table {name!r};"
                f" {naming(known, name)}"
            )
    return wanted


def _have_the_same_files(old: CommittedVersion, new: CommittedVersion, table: str) -> bool:
    """Whether the data files of a table are equal to the byte, by what the manifests say."""
    if old.manifest is None or new.manifest is None:
        return False
    before, after = (
        [(entry.bytes, entry.sha256) for entry in manifest.data_files(table)]
        for manifest in (old.manifest, new.manifest)
    )
    return bool(before) and before == after


class _BothVersions:
    """Two versions in one connection."""

    def __init__(
        self, old: CommittedVersion, new: CommittedVersion, cache: str | os.PathLike[str] | None
    ) -> None:
        self._sides = {_OLD: old, _NEW: new}
        self._rows: dict[tuple[str, str], NumberedRows] = {}
        self._number = 0
        spilled = Path(tempfile.gettempdir()) / f"fw-dataset-{os.getpid()}-{secrets.token_hex(6)}"
        self.connection = duckdb.connect()
        self.close = weakref.finalize(self, _close, self.connection, spilled)
        _prepare(self.connection, spilled)
        distant = {
            side: version
            for side, version in self._sides.items()
            if version.storage.native_path(version.layout.root) is None
        }
        self._readers: dict[str, Any] = {}
        if distant:
            from fw_dataset.query.remote import register_tables  # noqa: PLC0415 - loads fsspec

            readers = register_tables(self.connection, list(distant.values()), cache)
            self._readers = dict(zip(distant, readers, strict=True))

    def of(self, side: str) -> CommittedVersion:
        """The version on a side."""
        return self._sides[side]

    def rows(self, side: str, table: str) -> NumberedRows:
        """A table of the version on a side."""
        if (side, table) not in self._rows:
            version = self.of(side)
            with self.reading(table):
                self._rows[side, table] = numbered_rows(
                    self.connection, version, table, self._patterns(side, table)
                )
        return self._rows[side, table]

    def comparison(self, table: str) -> TableComparison:
        """What compares a table."""
        self._number += 1
        old, new = self.rows(_OLD, table), self.rows(_NEW, table)
        return TableComparison(self.connection, table, self._number, old, new)

    @contextmanager
    def reading(self, table: str) -> Iterator[None]:
        """Say in our words why a table cannot be read."""
        try:
            yield
        except duckdb.Error as error:
            failure = read_failure(self.connection)
            if failure is not None:
                raise failure from None
            reason = " ".join(str(error).split())
            if isinstance(error, duckdb.OutOfMemoryException):
                raise StorageFullError(
                    f"table {table!r} cannot be compared in {_MOST_MEMORY} of memory and what is"
                    f" free in {tempfile.gettempdir()}: {reason.partition(' Possible ')[0]}"
                ) from None
            labels = " and ".join(repr(version.label) for version in self._sides.values())
            raise DatasetFormatError(
                f"table {table!r} of versions {labels} cannot be compared: {reason}"
            ) from None

    def _patterns(self, side: str, table: str) -> list[str]:
        version = self.of(side)
        if side in self._readers:
            reader = self._readers[side]
            return [exactly(reader.path(file.key)) for file in reader.look_up(table)]
        native = version.storage.native_path
        return [exactly(native(f.key) or f.key) for f in version.data_files(table)]


def _prepare(connection: duckdb.DuckDBPyConnection, spilled: Path) -> None:
    for setting in (
        "parquet_metadata_cache = true",
        # It keeps what was read, up to the limit of memory, and nothing here is read again soon.
        "enable_external_file_cache = false",
    ):
        with suppress(duckdb.CatalogException):  # a DuckDB that has no such setting
            connection.execute(f"SET {setting}")
    ((allowed,),) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
    connection.execute(f"SET memory_limit = {quote_literal(_MOST_MEMORY)}")
    ((chosen,),) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
    if _bytes(allowed) < _bytes(chosen):  # a small machine, or a container
        connection.execute(f"SET memory_limit = {quote_literal(allowed)}")
    # Without it, DuckDB would put what does not fit in memory into the current folder.
    connection.execute(f"SET temp_directory = {quote_literal(str(spilled))}")
    connection.execute("SET TimeZone = 'UTC'")
    for schema in (SCHEMA, "changes", _OLD, _NEW):
        connection.execute(f"CREATE SCHEMA {schema}")


def _bytes(size: str) -> float:
    number, unit = size.split()
    power = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB").index(unit)
    return float(number) * 1024.0**power


def _close(connection: duckdb.DuckDBPyConnection, spilled: Path) -> None:
    connection.close()
    shutil.rmtree(spilled, ignore_errors=True)
