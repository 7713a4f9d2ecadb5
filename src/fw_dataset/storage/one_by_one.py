"""What a storage without a way to go does for several objects: one after another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from fw_dataset.errors import StorageError

__all__ = ["OneByOne"]


class OneByOne(ABC):
    """The methods of a storage for many objects, over those for one."""

    @abstractmethod
    def get(self, key: str) -> bytes: ...

    @abstractmethod
    def delete(self, key: str) -> None: ...

    @abstractmethod
    def _part(self, key: str, start: int, end: int) -> bytes: ...

    def get_many(self, keys: Sequence[str]) -> Sequence[bytes | StorageError]:
        return [self._get_or_error(key) for key in keys]

    def _get_or_error(self, key: str) -> bytes | StorageError:
        try:
            return self.get(key)
        except StorageError as error:
            return error

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        return self.get_parts([(key, start, end) for start, end in ranges])

    def get_parts(self, parts: Sequence[tuple[str, int, int]]) -> Sequence[bytes]:
        return [self._part(key, start, end) for key, start, end in parts]

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)
