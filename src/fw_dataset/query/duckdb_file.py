"""Tables of a version as a DuckDB database file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.query.exported_tables import ExportedTables, chosen_tables, exported_tables
from fw_dataset.query.whole_outputs import local_path, whole_file
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["download_version", "write_duckdb"]

_DATABASE = "dataset.db"
_CATALOG = "fw_dataset_export"


def download_version(
    version: CommittedVersion,
    folder: str | os.PathLike[str],
    *,
    force: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Iterator[str]:
    """Write all tables of a version to ``dataset.db`` in a folder, while it is iterated.

    Yields:
        What has been done, for people.

    Raises:
        ObjectExistsError: the file is there, and ``force`` was not given.
        DatasetFormatError: a data file is missing or damaged.
        StorageError: something cannot be read, or the file not be written.
    """
    path = local_path(folder) / _DATABASE
    with whole_file(path, force=force) as part:
        names = chosen_tables(version, None)
        with exported_tables(version, names, cache=cache) as tables:
            for table in write_duckdb(tables, part):
                yield f"Created table {table}"
    yield f"Saved {path}"


def write_duckdb(tables: ExportedTables, path: Path) -> Iterator[str]:
    """Write tables to a new database, with what they and their columns mean as comments.

    Yields:
        The name of each table that is done.
    """
    execute = tables.connection.execute
    with tables.reading(_DATABASE):
        execute(f"ATTACH {quote_literal(str(path))} AS {_CATALOG}")
    try:
        for table in tables.names:
            with tables.reading(table):
                _copy(tables, table)
            tables.tell(table)
            yield table
    finally:
        with tables.reading(_DATABASE):
            # What is in the log beside it goes into the file.
            execute(f"DETACH {_CATALOG}")


def _copy(tables: ExportedTables, table: str) -> None:
    execute = tables.connection.execute
    source = quote_identifier(table)
    target = f"{_CATALOG}.main.{source}"
    execute(f"CREATE TABLE {target} AS FROM {source}")
    meaning = tables.version.model(table).description
    execute(f"COMMENT ON TABLE {target} IS {quote_literal(meaning)}")
    columns = tables.columns(table)
    for column, text in tables.descriptions(table).items():
        if text and column in columns:
            name = quote_identifier(column)
            execute(f"COMMENT ON COLUMN {target}.{name} IS {quote_literal(text)}")
