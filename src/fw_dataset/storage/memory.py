"""A storage in memory, for tests and for trying things out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fw_dataset.errors import ObjectExistsError, ObjectNotFoundError, StorageError
from fw_dataset.storage.base import CHUNK_SIZE, ObjectInfo
from fw_dataset.storage.keys import check_key
from fw_dataset.storage.one_by_one import OneByOne
from fw_dataset.storage.system_errors import translated

__all__ = ["MemoryStorage"]


class MemoryStorage(OneByOne):
    """Objects in a dict."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def __repr__(self) -> str:
        return f"MemoryStorage({len(self._objects)} objects)"

    @property
    def url(self) -> str:
        return "memory://"

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        start = f"{check_key(prefix)}/" if prefix else ""
        with self._lock:
            found = [ObjectInfo(k, len(v)) for k, v in self._objects.items() if k.startswith(start)]
        return iter(found)

    def folders(self, prefix: str = "") -> Sequence[str]:
        start = len(prefix) + 1 if prefix else 0
        rests = (item.key[start:] for item in self.list(prefix))
        return sorted({rest.split("/", 1)[0] for rest in rests if "/" in rest})

    def exists(self, key: str) -> bool:
        return check_key(key) in self._objects

    def get(self, key: str) -> bytes:
        try:
            return self._objects[check_key(key)]
        except KeyError:
            raise ObjectNotFoundError(f"{self.url}{key}: there is no such object") from None

    def _part(self, key: str, start: int, end: int) -> bytes:
        data = self.get(key)
        if end > len(data):
            raise StorageError(f"{self.url}{key}: it is shorter than it was when it was listed")
        return data[start:end]

    def stream(self, key: str, chunk_size: int = CHUNK_SIZE) -> Iterator[bytes]:
        data = self.get(key)
        return (data[start : start + chunk_size] for start in range(0, len(data), chunk_size))

    def check_writable(self) -> None:
        """It always can."""

    def put(self, key: str, data: bytes) -> None:
        with self._lock:
            self._objects[check_key(key)] = bytes(data)

    def put_if_absent(self, key: str, data: bytes) -> None:
        with self._lock:
            if check_key(key) in self._objects:
                raise ObjectExistsError(f"{self.url}{key}: exists already")
            self._objects[key] = bytes(data)

    def replace(self, key: str, old: bytes, new: bytes) -> None:
        with self._lock:
            there = self._objects.get(check_key(key))
            if there is None:
                raise ObjectNotFoundError(f"{self.url}{key}: there is no such object")
            if there != old:
                raise ObjectExistsError(f"{self.url}{key}: it is another one by now")
            self._objects[key] = bytes(new)

    def put_file(self, key: str, path: Path, *, if_absent: bool = False) -> None:
        put = self.put_if_absent if if_absent else self.put
        with translated(path):
            data = path.read_bytes()
        put(key, data)

    def put_files(
        self, files: Sequence[tuple[str, Path]], stored: Callable[[int], None] | None = None
    ) -> None:
        for key, path in files:
            self.put_file(key, path)
            if stored is not None:
                stored(len(self.get(key)))

    def clear(self, prefix: str) -> None:
        for item in self.list(check_key(prefix)):
            self.delete(item.key)

    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(check_key(key), None)

    def sweep(self, prefix: str) -> None:
        check_key(prefix)  # and no writer outlives its objects

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._writing:
            yield

    def native_path(self, key: str) -> None:
        check_key(key)
