"""Our storages as pyiceberg's FileIO: credentials, retries and errors are ours."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import TracebackType

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from fw_dataset.errors import ObjectExistsError, ObjectNotFoundError
from fw_dataset.storage import Storage

__all__ = ["Place", "StorageIO"]


class Place:
    """A storage, by the address that stands in Iceberg's metadata.

    Args:
        address: what other systems call its root.
        storage: the storage.
    """

    def __init__(self, address: str, storage: Storage) -> None:
        self.address, self.storage = address.rstrip("/"), storage

    def key(self, location: str) -> str | None:
        """The key of what is at a location; None where that is somewhere else."""
        start = f"{self.address}/"
        return location.removeprefix(start) if location.startswith(start) else None

    def location(self, key: str) -> str:
        """Where the object of a key is, for other systems."""
        return f"{self.address}/{key}"


class StorageIO(FileIO):
    """Reads and writes in our storages; what is in none of them is left to another FileIO.

    Args:
        places: the storages, the first that holds a location is asked.
        sizes: the bytes of the objects that are read by stretches, by location; all others are
            small, and read whole.
        other: for all other locations.
    """

    def __init__(
        self, *places: Place, sizes: Mapping[str, int] | None = None, other: FileIO | None = None
    ) -> None:
        super().__init__({} if other is None else dict(other.properties))
        self._places, self._sizes, self._other = places, dict(sizes or {}), other

    def new_input(self, location: str) -> InputFile:
        """What is at a location, to read."""
        found = self._find(location)
        if found is None:
            return self._elsewhere(location).new_input(location)
        return _Input(location, *found, self._sizes.get(location))

    def new_output(self, location: str) -> OutputFile:
        """What is to be at a location."""
        found = self._find(location)
        if found is None:
            return self._elsewhere(location).new_output(location)
        return _Output(location, *found)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Remove what is at a location."""
        where = location if isinstance(location, str) else location.location
        found = self._find(where)
        if found is None:
            self._elsewhere(where).delete(where)
        else:
            found[0].delete(found[1])

    def _find(self, location: str) -> tuple[Storage, str] | None:
        for place in self._places:
            key = place.key(location)
            if key is not None:
                return place.storage, key
        return None

    def _elsewhere(self, location: str) -> FileIO:
        if self._other is None:
            raise ObjectNotFoundError(f"{location}: it is neither of the dataset nor published")
        return self._other


class _Input(InputFile):
    def __init__(self, location: str, storage: Storage, key: str, size: int | None) -> None:
        super().__init__(location)
        self._storage, self._key, self._size = storage, key, size

    def __len__(self) -> int:
        return len(self._storage.get(self._key)) if self._size is None else self._size

    def exists(self) -> bool:
        return self._storage.exists(self._key)

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002 - they all are
        if self._size is None:
            return io.BytesIO(self._storage.get(self._key))
        return io.BufferedReader(_Stretches(self._storage, self._key, self._size), 1 << 20)


class _Stretches(io.RawIOBase):
    """An object of which only those stretches are fetched that are read."""

    def __init__(self, storage: Storage, key: str, size: int) -> None:
        super().__init__()
        self._storage, self._key, self._size, self._at = storage, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        stop = min(self._at + len(buffer), self._size)
        if stop <= self._at:
            return 0
        (data,) = self._storage.get_ranges(self._key, [(self._at, stop)])
        buffer[: len(data)] = data
        self._at = stop
        return len(data)


class _Output(OutputFile):
    def __init__(self, location: str, storage: Storage, key: str) -> None:
        super().__init__(location)
        self._storage, self._key = storage, key
        self._written: int | None = None

    def __len__(self) -> int:
        return len(self._storage.get(self._key)) if self._written is None else self._written

    def exists(self) -> bool:
        return self._storage.exists(self._key)

    def to_input_file(self) -> InputFile:
        return _Input(self.location, self._storage, self._key, None)

    def create(self, overwrite: bool = False) -> OutputStream:
        if not overwrite and self.exists():
            raise ObjectExistsError(f"{self.location}: exists already")
        return _Writing(self._store)

    def _store(self, data: bytes) -> None:
        self._storage.put(self._key, data)
        self._written = len(data)


class _Writing(io.BytesIO):
    """What is written, stored as a whole when it is closed after nothing was raised."""

    def __init__(self, store: Callable[[bytes], None]) -> None:
        super().__init__()
        self._store = store

    def close(self) -> None:
        if not self.closed:
            data = self.getvalue()
            super().close()
            self._store(data)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            super().close()
