"""Data files of object stores, for a DuckDB connection to read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote
from weakref import WeakKeyDictionary

import duckdb

from fw_dataset.errors import DatasetFormatError, FWDatasetError
from fw_dataset.format.manifest import Manifest
from fw_dataset.query.side_by_side import each
from fw_dataset.storage import ObjectInfo
from fw_dataset.storage.beside import begin
from fw_dataset.storage.cache import FileCache
from fw_dataset.storage.reading import ReadFileSystem
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["TableFiles", "failure_of", "register_files", "register_tables"]

_readers: WeakKeyDictionary[duckdb.DuckDBPyConnection, Sequence[ReadFileSystem]] = (
    WeakKeyDictionary()
)
# What the files of all versions of a connection may hold in memory together, and each at least.
_MEMORY, _LEAST_MEMORY = 256 << 20, 8 << 20
_ONE, _ALL = "one", "all"


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
    files = _sizes(version)
    kept = None if cache is None else FileCache(cache)
    reader = ReadFileSystem(version.storage, files, cache=kept)

    def named() -> list[str]:
        return [f.key for name in version.table_names for f in version.data_files(name)]

    _fetch(reader, version, files, files if ahead else (), named, is_cached=kept is not None)
    _register(connection, [reader])
    return reader.path


def register_tables(
    connection: duckdb.DuckDBPyConnection,
    versions: Sequence[CommittedVersion],
    cache: str | os.PathLike[str] | None,
) -> list[TableFiles]:
    """Let a connection read versions; nothing is asked of their stores before it does.

    Args:
        connection: DuckDB's.
        versions: the versions.
        cache: a folder of this machine that keeps what was read.
    """
    kept = None if cache is None else FileCache(cache)
    memory = max(_LEAST_MEMORY, _MEMORY // max(1, len(versions)))
    readers = [TableFiles(version, cache=kept, memory=memory) for version in versions]
    for reader in readers:
        reader.others = readers
    _register(connection, readers)
    return readers


def failure_of(connection: duckdb.DuckDBPyConnection) -> FWDatasetError | None:
    """Why the last read of a connection failed, which DuckDB tells with a traceback around it."""
    found = None
    for reader in _readers.get(connection, ()):
        found = found or reader.failure
        reader.failure = None
    return found


class TableFiles(ReadFileSystem):
    """The data files of a version, looked up when a table is read.

    Its patterns stand for the files of a table, whichever they are.

    Args:
        version: the version.
        cache: as for the file system of files.
        memory: as for the file system of files.

    Attributes:
        others: all that belong to the same connection.
    """

    def __init__(self, version: CommittedVersion, *, cache: FileCache | None, memory: int) -> None:
        self._version = version
        self._sizes = _sizes(version)
        super().__init__(version.storage, self._sizes, cache=cache, memory=memory)
        self.others: Sequence[TableFiles] = (self,)
        self._is_cached = cache is not None
        self._lock = threading.Lock()
        self._found: dict[str, list[ObjectInfo]] = {}

    def pattern(self, table: str, *, of_all: bool) -> str:
        """What stands in SQL for the files of a table.

        Args:
            table: its name.
            of_all: the table is read in all versions of the connection, so that looking it up
                here looks it up everywhere, side by side.
        """
        return f"{self.protocol}://{_ALL if of_all else _ONE}/{quote(table, safe='')}/*"

    def glob(self, path: str, **options: Any) -> list[str]:
        """The files of a table, or the path itself."""
        whose, _, rest = path.removeprefix(f"{self.protocol}://").partition("/")
        if whose not in (_ONE, _ALL):
            return super().glob(path, **options)
        table = unquote(rest.removesuffix("/*"))
        try:
            if whose == _ALL:
                having = [other for other in self.others if table in other.tables]
                each(lambda other: other.look_up(table), having)
            return [self.path(file.key) for file in self.look_up(table)]
        except FWDatasetError as error:
            self.failure = error
            raise

    def listed(self, table: str) -> list[str]:
        """The keys in a table's folder, whatever a manifest says; nothing is asked for that."""
        folder = f"{self._version.layout.table(table)}/"
        return sorted(key for key in self._sizes if key.startswith(folder))

    @cached_property
    def tables(self) -> frozenset[str]:
        """The tables of the version."""
        return frozenset(self._version.table_names)

    def look_up(self, table: str) -> list[ObjectInfo]:
        """The files of a table, with their footers fetched.

        Raises:
            StorageError: the storage does not give what is asked of it.
            DatasetFormatError: the manifest or a data file is damaged.
        """
        self.look_up_all([table])
        return self._found[table]

    def look_up_all(self, tables: Sequence[str]) -> None:
        """Look tables up at the same time.

        Raises:
            StorageError: the storage does not give what is asked of it.
            DatasetFormatError: the manifest or a data file is damaged.
        """
        with self._lock:
            wanted = [table for table in tables if table not in self._found]
            if wanted:
                version = self._version

                def named() -> list[str]:
                    return [file.key for table in wanted for file in version.data_files(table)]

                there = [key for table in wanted for key in self.listed(table)]
                _fetch(self, version, self._sizes, there, named, is_cached=self._is_cached)
                self._found.update({table: version.data_files(table) for table in wanted})


def _register(connection: duckdb.DuckDBPyConnection, readers: Sequence[ReadFileSystem]) -> None:
    for reader in readers:
        connection.register_filesystem(reader)
    with suppress(TypeError):  # a connection that cannot be referred to weakly
        _readers[connection] = readers


def _sizes(version: CommittedVersion) -> dict[str, int]:
    there = version.objects_in(f"{version.layout.root}/tables")
    return {item.key: item.size for item in there if item.key.endswith(".parquet")}


def _fetch(
    reader: ReadFileSystem,
    version: CommittedVersion,
    files: Mapping[str, int],
    there: Iterable[str],
    named: Callable[[], list[str]],
    *,
    is_cached: bool,
) -> None:
    """Have footers, and the manifest at the same time.

    Args:
        reader: what is to have them.
        version: the version.
        files: the sizes of all files there are.
        there: the files whose footers are wanted, as far as is known without the manifest.
        named: these files as the manifest has them.
        is_cached: what is in the cache is known by the manifest, so that it comes first.
    """
    coming = begin(lambda: _manifest(version))
    if is_cached:
        _know(reader, version, files, coming.result())
    try:
        reader.prefetch(there)
    except FWDatasetError:
        # It may be a file that belongs to no table.
        coming.result()
        reader.prefetch(named())
    if not is_cached:
        _know(reader, version, files, coming.result())


def _manifest(version: CommittedVersion) -> Manifest | None:
    # Before Python 3.12, a cached property is computed for one object after the other.
    known = vars(version)
    if "manifest" not in known:
        known["manifest"] = vars(CommittedVersion)["manifest"].func(version)
    return version.manifest


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
