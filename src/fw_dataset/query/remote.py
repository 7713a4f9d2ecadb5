"""Data files of object stores, for a DuckDB connection to read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from weakref import WeakKeyDictionary

import duckdb

from fw_dataset.errors import DatasetFormatError, FWDatasetError
from fw_dataset.format.manifest import Manifest
from fw_dataset.storage.background import begin
from fw_dataset.storage.cache import FileCache
from fw_dataset.storage.reading import ReadFileSystem
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["failure_of", "register_files"]

_readers: WeakKeyDictionary[duckdb.DuckDBPyConnection, ReadFileSystem] = WeakKeyDictionary()


def register_files(
    connection: duckdb.DuckDBPyConnection,
    version: CommittedVersion,
    cache: str | os.PathLike[str] | None,
    *,
    ahead: bool,
) -> Callable[[str], str]:
    """Let a connection read the data files of a version.

    Args:
        connection: DuckDB's.
        version: the version.
        cache: a folder of this machine that keeps what was read.
        ahead: fetch the footers now, all at once.

    Returns:
        What stands in SQL for a data file's key.

    Raises:
        StorageError: the storage does not give what is asked of it.
        DatasetFormatError: the manifest or a data file is damaged.
    """
    there = version.objects_in(f"{version.layout.root}/tables")
    files = {item.key: item.size for item in there if item.key.endswith(".parquet")}
    kept = None if cache is None else FileCache(cache)
    reader = ReadFileSystem(version.storage, files, cache=kept)
    # The manifest comes at the same time as the footers of all the files there are; but what is in
    # the cache is known by the manifest.
    coming = begin(lambda: version.manifest)
    if kept is not None:
        _know(reader, version, files, coming.result())
    try:
        if ahead:
            reader.prefetch(files)
    except FWDatasetError:
        # It may be a file that belongs to no table.
        coming.result()
        reader.prefetch([f.key for name in version.table_names for f in version.data_files(name)])
    if kept is None:
        _know(reader, version, files, coming.result())
    connection.register_filesystem(reader)
    with suppress(TypeError):  # a connection that cannot be referred to weakly
        _readers[connection] = reader
    return reader.path


def failure_of(connection: duckdb.DuckDBPyConnection) -> FWDatasetError | None:
    """Why the last read of a connection failed, which DuckDB tells with a traceback around it."""
    reader = _readers.get(connection)
    if reader is None:
        return None
    failure, reader.failure = reader.failure, None
    return failure


def _know(
    reader: ReadFileSystem,
    version: CommittedVersion,
    files: Mapping[str, int],
    manifest: Manifest | None,
) -> None:
    if manifest is None:
        return
    root = version.layout.root
    for entry in manifest.files:
        size = files.get(f"{root}/{entry.path}", entry.bytes)
        if size != entry.bytes:
            raise DatasetFormatError(
                f"{version.storage.url}/{root}/{entry.path}: it has {size} bytes, and the manifest"
                f" says {entry.bytes}: it was changed after it was written; render the version anew"
            )
    reader.set_digests({f"{root}/{entry.path}": entry.sha256 for entry in manifest.files})
