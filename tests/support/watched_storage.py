"""A storage at each call of which something happens: it fails, its writer dies, a reader looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from fw_dataset.errors import StorageError
from fw_dataset.storage import MemoryStorage, Storage

_CALLS = frozenset(
    {
        *("list", "folders", "exists", "get", "get_many", "get_ranges", "get_parts", "stream"),
        *("put", "put_if_absent", "replace", "put_file", "put_files"),
        *("delete", "delete_many", "clear", "sweep"),
    }
)
Happening = Callable[[int, str], None]


class KilledError(BaseException):
    """The process is gone: nothing is tidied up."""


class _Watched:
    def __init__(self, storage: Storage, before: Happening, after: Happening) -> None:
        self._storage, self._before, self._after = storage, before, after
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._storage, name)
        return self._watching(name, found) if name in _CALLS else found

    def _watching(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            number = self.calls
            self._before(number, name)
            result = call(*args, **kwargs)
            self._after(number, name)
            return result

        return watched


def _nothing(_: int, __: str) -> None:
    pass


def watched(storage: Storage, before: Happening = _nothing, after: Happening = _nothing) -> Storage:
    """The storage, with something before or after each call, by its number and name."""
    return cast(Storage, _Watched(storage, before, after))


def killed_at(storage: Storage, step: int) -> Storage:
    """The storage of a process that is killed before its ``step``-th call, from 1."""

    def before(number: int, _: str) -> None:
        if number >= step:
            raise KilledError

    return watched(storage, before)


def failing_at(storage: Storage, step: int, *, done: bool) -> Storage:
    """A storage whose ``step``-th call fails, after it was done or without; others are well."""

    def fail(number: int, _: str) -> None:
        if number == step:
            raise StorageError(f"call {step} fails")

    return watched(storage, after=fail) if done else watched(storage, before=fail)


def calls_of(storage: Storage, work: Callable[[Storage], object]) -> int:
    """How many calls some work makes on a storage."""
    counting = watched(storage)
    work(counting)
    return int(counting.calls)  # type: ignore[attr-defined]


def memory_of(content: dict[str, bytes]) -> MemoryStorage:
    """A storage in memory with this content."""
    storage = MemoryStorage()
    for key, data in content.items():
        storage.put(key, data)
    return storage


def content_of(storage: Storage) -> dict[str, bytes]:
    """All objects by key."""
    return {item.key: storage.get(item.key) for item in storage.list()}


def bury(storage: Storage) -> None:
    """Let the claims that this process left be those of one that is gone."""
    for item in list(storage.list()):
        if item.key.endswith("_claim.json"):
            text = storage.get(item.key)
            storage.put(item.key, text.replace(b'"started": "', b'"started": "0'))
