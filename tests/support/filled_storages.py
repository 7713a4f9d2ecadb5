"""The same dataset in several kinds of storages, and storages that fail at a certain call."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.storage import LocalStorage, MemoryStorage, Storage
from tests.support.emulators import Emulators
from tests.support.store_places import StorePlace

__all__ = ["Failing", "copied_to", "new_storage"]

_names = itertools.count()
_WRITES = frozenset(
    {"put", "put_if_absent", "replace", "put_file", "put_files", "delete", "delete_many"}
)


def new_storage(kind: str, folder: Path, request: pytest.FixtureRequest) -> Storage:
    """An empty storage: ``local``, ``memory``, or a place in an emulated store."""
    if kind == "local":
        return LocalStorage(folder / f"dataset{next(_names)}")
    if kind == "memory":
        return MemoryStorage()
    running: Emulators = request.getfixturevalue("emulators")
    emulator, bucket = running.get(kind), f"filled{next(_names)}"
    emulator.make_bucket(bucket)
    return StorePlace(emulator, bucket, "a study").storage


def copied_to(storage: Storage, root: Path) -> Storage:
    """The storage, with what a folder holds."""
    source = LocalStorage(root)
    for item in source.list():
        storage.put(item.key, source.get(item.key))
    return storage


class Failing:
    """A storage whose calls go to another one, of which one fails before it is made.

    Attributes:
        calls: how many calls that write were made.
        at: the number of the call that fails, from 1; 0 for none.
        before: called before each of them.
    """

    def __init__(self, storage: Storage, at: int = 0, error: BaseException | None = None) -> None:
        self.storage, self.at, self.error = storage, at, error
        self.calls = 0
        self.before: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.storage, name)
        if name not in _WRITES:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.before is not None:
                self.before()
            if self.calls == self.at and self.error is not None:
                raise self.error
            return found(*args, **kwargs)

        return call
