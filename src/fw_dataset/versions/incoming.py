"""The tables of a source that are to be merged: checked before anything is copied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from fw_dataset.errors import (
    DatasetFormatError,
    InvalidArgumentError,
    StorageError,
    TableNotFoundError,
    naming,
)
from fw_dataset.format.manifest import FileEntry
from fw_dataset.format.names import check_table_name
from fw_dataset.format.schema import DataModel
from fw_dataset.storage import ObjectInfo
from fw_dataset.versions.catalog import CommittedVersion
from fw_dataset.versions.footers import footers_of

__all__ = ["IncomingFile", "IncomingTable", "choose"]

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_DATA_SUFFIX = ".parquet"


@dataclass(frozen=True)
class IncomingFile:
    """A data file at the source.

    Attributes:
        source: the object.
        path: where it goes, relative to the version's folder, as at the source.
        rows: the rows in it.
        sha256: of its content, or None where the source has no manifest.
    """

    source: ObjectInfo
    path: str
    rows: int
    sha256: str | None


@dataclass(frozen=True)
class IncomingTable:
    """A table at the source.

    Attributes:
        name: its name.
        schema: its schema's file, as it is.
        model: the schema.
        files: its data files, in order.
    """

    name: str
    schema: bytes
    model: DataModel
    files: tuple[IncomingFile, ...]


def choose(source: CommittedVersion, tables: Iterable[str] | None) -> list[IncomingTable]:
    """The tables to merge, all of which could be read.

    Args:
        source: the version that has them.
        tables: their names; None for all that are shown.

    Raises:
        InvalidArgumentError: no table is named.
        InvalidNameError: a name cannot be a table's.
        TableNotFoundError: the source does not show such a table.
        DatasetFormatError: a schema or data file of them is damaged or missing.
        StorageError: the source cannot be read.
    """
    names = _names(source, tables)
    schemas = source.storage.get_many([source.layout.schema(name) for name in names])
    there = {item.key: item.size for item in source.objects_in(f"{source.layout.root}/tables")}
    found = []
    for name, schema in zip(names, schemas, strict=True):
        if isinstance(schema, StorageError):
            raise schema
        model = DataModel.from_json(schema, name)
        files = _files(source, name, there)
        if not files and not model.properties:
            raise DatasetFormatError(
                f"table {name!r} of version {source.label!r} at {source.storage.url} has neither"
                " columns nor data files"
            )
        found.append(IncomingTable(name, schema, model, files))
    return found


def _names(source: CommittedVersion, tables: Iterable[str] | None) -> list[str]:
    if isinstance(tables, str):
        raise InvalidArgumentError(f"tables={tables!r}: give a list, such as [{tables!r}]")
    names = source.table_names if tables is None else list(dict.fromkeys(tables))
    if not names:
        reason = "the source shows no table" if tables is None else "tables is empty"
        raise InvalidArgumentError(f"there is nothing to merge: {reason}")
    for name in names:
        check_table_name(name)
        if name not in source.table_names:
            raise TableNotFoundError(
                f"version {source.label!r} at {source.storage.url} shows no table {name!r};"
                f" {naming(source.table_names, name)}"
            )
    return names


def _files(source: CommittedVersion, table: str, there: dict[str, int]) -> tuple[IncomingFile, ...]:
    """The data files of a table, whose footers were read."""
    start = len(source.layout.root) + 1
    listed = {} if source.manifest is None else {e.path: e for e in source.manifest.files}
    found = source.data_files(table)
    for item in found:
        _check_place(source, table, item)
        if there.get(item.key) != item.size:
            size = there.get(item.key)
            reason = "it is missing" if size is None else f"it has {size} bytes, not {item.size}"
            raise _damaged(source, item.key, reason)
    files = []
    for item, rows in zip(found, _rows(source, found), strict=True):
        path = item.key[start:]
        entry = listed.get(path)
        if entry is not None and entry.rows not in (None, rows):
            raise _damaged(
                source, item.key, f"it has {rows} rows, and the manifest says {entry.rows}"
            )
        files.append(IncomingFile(item, path, rows, _digest(source, item, entry)))
    return tuple(files)


def _check_place(source: CommittedVersion, table: str, item: ObjectInfo) -> None:
    """A manifest of somebody else's must not lead out of the table's folder."""
    folder = f"{source.layout.table(table)}/"
    parts = item.key[len(folder) :].split("/")
    is_within = item.key.startswith(folder) and not {"", ".", ".."} & set(parts)
    if not is_within or not item.key.endswith(_DATA_SUFFIX):
        raise _damaged(source, item.key, f"it is no data file of table {table!r}")


def _rows(source: CommittedVersion, files: Sequence[ObjectInfo]) -> list[int]:
    counts = []
    for item, footer in zip(files, footers_of(source.storage, files), strict=True):
        if isinstance(footer, DatasetFormatError):
            raise _damaged(source, item.key, str(footer))
        try:
            footer.schema.to_arrow_schema()
        except (OSError, ValueError, NotImplementedError, pa.ArrowException) as error:
            raise _damaged(source, item.key, f"its columns cannot be read: {error}") from None
        counts.append(int(footer.num_rows))
    return counts


def _digest(source: CommittedVersion, item: ObjectInfo, entry: FileEntry | None) -> str | None:
    if entry is None:
        return None
    if not _SHA256.fullmatch(entry.sha256):
        raise _damaged(source, item.key, "the manifest's SHA-256 of it is none")
    return entry.sha256.lower()


def _damaged(source: CommittedVersion, key: str, reason: str) -> DatasetFormatError:
    return DatasetFormatError(
        f"{source.storage.url}/{key}: {reason}; nothing was merged: check the source with verify"
    )
