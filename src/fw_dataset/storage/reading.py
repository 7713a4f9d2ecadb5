"""Parquet files of a storage as a file system that DuckDB reads from.

DuckDB opens files through fsspec's interface only. It asks for the size and the age of a file
again and again, looks for patterns in every name, and reads one stretch after another: all but
the bytes are answered from what is known, and the bytes are fetched by whole columns.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from threading import get_ident
from typing import Any, NoReturn
from urllib.parse import quote, unquote

from fsspec import AbstractFileSystem

from fw_dataset.errors import (
    DatasetFormatError,
    FWDatasetError,
    ObjectNotFoundError,
    StorageDeniedError,
)
from fw_dataset.storage.base import Storage
from fw_dataset.storage.cache import FileCache
from fw_dataset.storage.parts import Part, PartStore, place
from fw_dataset.storage.read_ahead import Series, StoredFile

__all__ = ["ReadFileSystem"]

_MEMORY = 256 << 20
# Small files are fetched whole at once up to this length together; of more, the ends only.
_MOST_WHOLE = 32 << 20
_MAGIC = (b"PAR1", b"PARE")
_TRAILER = 8
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
# Data files never change; DuckDB keeps for itself only what is not of today.
_LONG_AGO = datetime(2000, 1, 1, tzinfo=timezone.utc)


class ReadFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """The data files of a storage, to be registered with one DuckDB connection.

    Only the files that are named here are there. Use SQL over them
    (``read_parquet([…])``), not ``connection.read_parquet``, which deadlocks in DuckDB 1.5.

    Args:
        storage: where the files are.
        files: their lengths in bytes by key; those of one folder are read in this order.
        digests: the SHA-256 of their content by key, as in :meth:`set_digests`.
        cache: a folder on local disk to look into before the storage is asked.
        memory: the bytes to hold in memory, for columns that are asked for again.

    Attributes:
        protocol: the scheme of its paths, like no other's.
        failure: the error that DuckDB was given last, which its own error repeats in many
            words, or None.
    """

    cachable = False

    def __init__(
        self,
        storage: Storage,
        files: Mapping[str, int],
        *,
        digests: Mapping[str, str] | None = None,
        cache: FileCache | None = None,
        memory: int = _MEMORY,
    ) -> None:
        super().__init__()
        self.protocol = f"fwds{secrets.token_hex(6)}"
        self.failure: FWDatasetError | None = None
        self._storage, self._memory = storage, memory
        self._digests: dict[str, str] = {}
        self._footers: dict[str, str] = {}
        self._parts = PartStore(
            storage, memory=memory, check=self._check, content=self._content, cache=cache
        )
        self._files = {key: StoredFile(key, size, self._parts) for key, size in files.items()}
        self._places = self._in_series()
        self.set_digests(digests or {})

    def __repr__(self) -> str:
        return f"ReadFileSystem({self._storage.url!r}, {len(self._files)} files)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ReadFileSystem belongs to one process and cannot be pickled")

    def path(self, key: str) -> str:
        """What stands in SQL for a file; there is no pattern in it.

        Raises:
            ObjectNotFoundError: the file system was not made for that key.
        """
        self._file(key)
        return f"{self.protocol}://{quote(key, safe='/')}"

    def prefetch(self, keys: Iterable[str]) -> None:
        """Have the footers of files, and small files whole, in one round trip.

        It takes another one where a footer is long. Of so many files that memory would not hold
        what is fetched, the first ones.

        Raises:
            StorageError: the storage does not give one of them.
            DatasetFormatError: one of them is not the file that was written.
        """
        files = [self._file(key) for key in dict.fromkeys(keys)]
        small = [file for file in files if file.is_whole]
        if sum(file.size for file in small) > _MOST_WHOLE:
            for file in small:
                file.split()
        room = self._memory // 2
        wanted: list[StoredFile] = []
        for file in files:
            room -= file.end[2] - file.end[1]
            if room < 0:
                break
            wanted.append(file)
        self._parts.get([file.end for file in wanted])
        rests = [file.rest_of_footer() for file in wanted]
        self._parts.get([rest for rest in rests if rest is not None])

    def set_digests(self, digests: Mapping[str, str]) -> None:
        """Say what the content of files is, as soon as that is known.

        Files that are fetched whole are held against it, those that were already as well, and
        the cache shares what has the same content.

        Args:
            digests: SHA-256 by key, 64 hex digits; other keys and texts are passed over.

        Raises:
            DatasetFormatError: a file that was fetched is another one.
        """
        self._digests.update({key: text for key, text in digests.items() if _SHA256.match(text)})
        for key in self._digests.keys() & self._files.keys():
            end = self._files[key].end
            data = self._parts.peek(end)
            if data is not None:
                self._check(end, data)

    def close(self) -> None:
        """Let go of what is in memory; it is read again when somebody asks."""
        self._parts.close()

    # What DuckDB calls.

    def open(self, path: str, mode: str = "rb", **_: Any) -> _OpenFile:
        """Open a file for reading, which is all that can be done with it."""
        if mode != "rb":
            raise StorageDeniedError(f"{self._named(path)}: data files are only read")
        return _OpenFile(self, self._file(self._key(path)))

    def glob(self, path: str, **_: Any) -> list[str]:
        """The path itself: paths hold no patterns."""
        return [path] if self._key(path) in self._files else []

    def unstrip_protocol(self, name: str) -> str:
        """The path with its scheme."""
        return name if "://" in name else f"{self.protocol}://{name}"

    def size(self, path: str) -> int:
        """The length in bytes."""
        return self._file(self._key(path)).size

    def modified(self, path: str) -> datetime:
        """Long ago."""
        self._file(self._key(path))
        return _LONG_AGO

    def exists(self, path: str, **_: Any) -> bool:
        """Whether the file system was made for it."""
        return self._key(path) in self._files

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, length and kind."""
        return {"name": path, "size": self.size(path), "type": "file"}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """All files below a folder."""
        start = f"{self._key(path).rstrip('/')}/".lstrip("/")
        paths = [self.path(key) for key in self._files if key.startswith(start)]
        return [self.info(path) for path in paths] if detail else paths

    def read(self, key: str, start: int, stop: int) -> bytes:
        """Bytes of a file, fewer at its end.

        Raises:
            StorageError: the storage does not give them.
            DatasetFormatError: the file is not the one that was written.
        """
        stop = min(stop, self._file(key).size)
        if start >= stop:
            return b""
        series, number = self._places[key]
        try:
            return series.read(number, start, stop)
        except FWDatasetError as error:
            self.failure = error
            raise

    def _in_series(self) -> dict[str, tuple[Series, int]]:
        folders: dict[str, list[StoredFile]] = {}
        for key, file in self._files.items():
            folders.setdefault(key.rpartition("/")[0], []).append(file)
        places: dict[str, tuple[Series, int]] = {}
        for files in folders.values():
            series = Series(files, self._parts)
            places.update({file.key: (series, at) for at, file in enumerate(files)})
        return places

    def _key(self, path: str) -> str:
        return unquote(path.removeprefix(f"{self.protocol}://"))

    def _file(self, key: str) -> StoredFile:
        try:
            return self._files[key]
        except KeyError:
            name = place(self._storage, key)
            raise ObjectNotFoundError(f"{name}: is none of the files to read") from None

    def _named(self, path: str) -> str:
        return place(self._storage, self._key(path))

    def _check(self, part: Part, data: bytes) -> None:
        """Whether what was fetched can be of the file."""
        key, start, stop = part
        size = self._files[key].size
        if stop < size:
            return
        problem = _problem_of_end(data, size)
        if start > 0:
            self._footers[key] = _hash(data)
        elif key in self._digests and _hash(data) != self._digests[key]:
            problem = "its content is not what the manifest says (SHA-256)"
        if problem:
            raise DatasetFormatError(
                f"{place(self._storage, key)}: {problem}: it was changed or damaged after it was"
                " written; render the version anew"
            )

    def _content(self, part: Part) -> str | None:
        """How the cache knows a part.

        A whole file that was checked is shared by all that have the same. Of another, whose
        stretches cannot be checked, what is kept is of that very object; and where no manifest
        says what it holds, of one with that very footer.
        """
        key, start, stop = part
        size, known = self._files[key].size, self._digests.get(key)
        if known and start == 0 and stop == size:
            return known
        known = known or self._footers.get(key)
        return known and _hash(f"{place(self._storage, key)} {size} {known}".encode())


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _problem_of_end(data: bytes, size: int) -> str | None:
    if data[-4:] not in _MAGIC:
        return f"it does not end as a Parquet file of {size} bytes"
    if int.from_bytes(data[-_TRAILER:-4], "little") + _TRAILER + 4 > size:
        return "its Parquet footer is damaged"
    return None


class _OpenFile:
    """A file as DuckDB reads it: with several threads at once, each at its own position.

    DuckDB's threads call ``seek`` and then ``read`` without holding one another off. They are
    unknown to Python in between, so that a ``threading.local`` forgets; their number stays.
    """

    def __init__(self, system: ReadFileSystem, file: StoredFile) -> None:
        self._system, self._key = system, file.key
        self._positions: dict[int, int] = {}
        self.size = file.size
        self.closed = False

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self.tell(), self.size)[whence]
        self._positions[get_ident()] = position = max(0, base + offset)
        return position

    def tell(self) -> int:
        return self._positions.get(get_ident(), 0)

    def read(self, length: int = -1) -> bytes:
        start = self.tell()
        stop = self.size if length is None or length < 0 else start + length
        data = self._system.read(self._key, start, stop)
        self._positions[get_ident()] = start + len(data)
        return data

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> _OpenFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
