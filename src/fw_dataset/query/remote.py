"""Data files of object stores, for a DuckDB connection to read."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from weakref import WeakKeyDictionary

import duckdb

from fw_dataset.errors import FWDatasetError
from fw_dataset.format.manifest import Manifest
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
    files = {key: size for key, size in (version.listing or {}).items() if key.endswith(".parquet")}
    kept = None if cache is None else FileCache(cache)
    reader = ReadFileSystem(version.storage, files, cache=kept)
    with ThreadPoolExecutor(1) as pool:
        # The manifest comes at the same time as the footers of all the files there are; but what
        # is in the cache is known by the manifest.
        coming = pool.submit(lambda: version.manifest)
        if kept is not None:
            _know(reader, version, coming.result())
        if ahead:
            reader.prefetch(files)
        if kept is None:
            _know(reader, version, coming.result())
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


def _know(reader: ReadFileSystem, version: CommittedVersion, manifest: Manifest | None) -> None:
    if manifest is not None:
        root = version.layout.root
        reader.set_digests({f"{root}/{entry.path}": entry.sha256 for entry in manifest.files})
