"""Tables of a version as files for other programs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from fw_dataset.errors import DatasetFormatError, InvalidArgumentError
from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.query.comparable import as_text
from fw_dataset.query.duckdb_file import write_duckdb
from fw_dataset.query.exported_tables import ExportedTables, chosen_tables, exported_tables
from fw_dataset.query.iso_instants import INSTANT, as_iso
from fw_dataset.query.sqlite_file import write_sqlite
from fw_dataset.query.whole_outputs import local_path, whole_file, whole_folder
from fw_dataset.render.progress import ProgressCallback
from fw_dataset.storage import ObjectInfo
from fw_dataset.storage.system_errors import translated
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["FORMATS", "export_version"]

_CSV = "FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '', NEW_LINE '\\r\\n'"
_PARQUET = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000"


def export_version(
    version: CommittedVersion,
    dest: str | os.PathLike[str],
    form: str = "parquet",
    tables: Iterable[str] | None = None,
    *,
    force: bool = False,
    cache: str | os.PathLike[str] | None = None,
    progress: ProgressCallback | None = None,
) -> Path:
    """Write tables of a version to a folder or file, which appears when it is whole.

    Args:
        version: the version.
        dest: a path on this machine: a folder for ``"parquet"`` and ``"csv"``, which gets a file
            for each table, and a file for ``"duckdb"`` and ``"sqlite"``.
        form: one of :data:`FORMATS`.
        tables: the tables to write; else all.
        force: replace what an export has left there.
        cache: a folder of this machine that keeps data files of object stores.
        progress: called with how many rows of a table are through.

    Returns:
        The path.

    Raises:
        InvalidArgumentError: there is no such format, or no table is named.
        TableNotFoundError: there is no such table.
        ObjectExistsError: there is something at ``dest`` that is not to be replaced.
        DatasetFormatError: a data file is missing or damaged.
        StorageError: something cannot be read, or the output not be written.
    """
    if form not in FORMATS:
        raise InvalidArgumentError(f"format {form!r}: choose one of {', '.join(FORMATS)}")
    path, names = local_path(dest), chosen_tables(version, tables)
    place = (
        whole_folder(path, f".{form}", force=force)
        if form in _FOLDERS
        else whole_file(path, force=force)
    )
    with place as part, exported_tables(version, names, cache=cache, progress=progress) as opened:
        FORMATS[form](opened, part)
    return path


def _write_parquet(tables: ExportedTables, folder: Path) -> None:
    """Write a file for each table: the data file itself where there is one."""
    for table in tables.names:
        path, files = folder / f"{table}.parquet", tables.version.data_files(table)
        if len(files) == 1:
            _copy_file(tables, files[0], path)
        else:
            _copy(tables, table, "*", path, _PARQUET)
        tables.tell(table)


def _copy_file(tables: ExportedTables, file: ObjectInfo, path: Path) -> None:
    version, digest = tables.version, hashlib.sha256()
    with translated(Path(path.name)), open(path, "wb") as target:
        for piece in version.storage.stream(file.key):
            digest.update(piece)
            target.write(piece)
    known = {} if version.manifest is None else {e.path: e.sha256 for e in version.manifest.files}
    expected = known.get(file.key.removeprefix(f"{version.layout.root}/"))
    if expected is not None and expected != digest.hexdigest():
        raise DatasetFormatError(
            f"{version.storage.url}/{file.key}: it is not the file that the manifest names"
        )


def _write_csv(tables: ExportedTables, folder: Path) -> None:
    for table in tables.names:
        columns = tables.columns(table)
        cells = [_csv_cell(quote_identifier(name), kind) for name, kind in columns.items()]
        if len(cells) == 1:
            # A line with nothing in it would be skipped by most readers.
            cells = [f"coalesce(CAST({cells[0]} AS VARCHAR), '')"]
        named = zip(cells, map(quote_identifier, columns), strict=True)
        chosen = ", ".join(f"{cell} AS {name}" for cell, name in named)
        _copy(tables, table, chosen, folder / f"{table}.csv", _CSV)
        tables.tell(table)


def _csv_cell(name: str, kind: str) -> str:
    return as_iso(name, kind) if INSTANT.match(kind) else as_text(name, kind)


def _copy(tables: ExportedTables, table: str, cells: str, path: Path, options: str) -> None:
    with tables.reading(table):
        tables.connection.execute(
            f"COPY (SELECT {cells} FROM {quote_identifier(table)})"
            f" TO {quote_literal(str(path))} ({options})"
        )


def _write_duckdb(tables: ExportedTables, path: Path) -> None:
    for _ in write_duckdb(tables, path):
        pass


_FOLDERS = frozenset({"parquet", "csv"})
FORMATS: dict[str, Callable[[ExportedTables, Path], None]] = {
    "parquet": _write_parquet,
    "csv": _write_csv,
    "duckdb": _write_duckdb,
    "sqlite": write_sqlite,
}
"""What writes each format."""
