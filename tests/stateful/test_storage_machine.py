"""Storages against a dict, over any sequence of operations."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from fw_dataset.errors import ObjectExistsError, ObjectNotFoundError
from fw_dataset.storage import LocalStorage, MemoryStorage, Storage

# An object and a folder never share a name here: that is where storages differ.
FOLDERS = ["a", "a/b", "a b", "[x]*", "é"]
KEYS = [f"{folder}/{name}.o" for folder in FOLDERS for name in ("x", "y")] + ["z.o"]

keys = st.sampled_from(KEYS)
folders = st.sampled_from(FOLDERS)
contents = st.binary(max_size=20)


class StorageMachine(RuleBasedStateMachine):
    """The model is a dict from keys to contents."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.storage = self.make()
        self.model: dict[str, bytes] = {}

    def make(self) -> Storage:
        raise NotImplementedError

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def source(self, data: bytes) -> Path:
        path = self.folder / "source"
        path.write_bytes(data)
        return path

    @rule(key=keys, data=contents, from_file=st.booleans())
    def put(self, key: str, data: bytes, from_file: bool) -> None:
        if from_file:
            self.storage.put_file(key, self.source(data))
        else:
            self.storage.put(key, data)
        self.model[key] = data

    @rule(key=keys, data=contents, from_file=st.booleans())
    def put_if_absent(self, key: str, data: bytes, from_file: bool) -> None:
        def put() -> None:
            if from_file:
                self.storage.put_file(key, self.source(data), if_absent=True)
            else:
                self.storage.put_if_absent(key, data)

        if key in self.model:
            with pytest.raises(ObjectExistsError):
                put()
        else:
            put()
            self.model[key] = data

    @rule(key=keys)
    def delete(self, key: str) -> None:
        self.storage.delete(key)
        self.model.pop(key, None)

    @rule(folder=folders)
    def clear(self, folder: str) -> None:
        self.storage.clear(folder)
        self.model = {k: v for k, v in self.model.items() if not k.startswith(f"{folder}/")}

    @rule(folder=folders)
    def sweep(self, folder: str) -> None:
        self.storage.sweep(folder)

    @rule(key=keys)
    def get(self, key: str) -> None:
        assert self.storage.exists(key) == (key in self.model)
        if key in self.model:
            assert self.storage.get(key) == self.model[key]
        else:
            with pytest.raises(ObjectNotFoundError):
                self.storage.get(key)

    @rule(folder=st.just("") | folders)
    def look(self, folder: str) -> None:
        start = f"{folder}/" if folder else ""
        below = {key: len(data) for key, data in self.model.items() if key.startswith(start)}
        assert {item.key: item.size for item in self.storage.list(folder)} == below
        rests = [key[len(start) :] for key in below]
        names = sorted({rest.split("/")[0] for rest in rests if "/" in rest})
        assert list(self.storage.folders(folder)) == names

    @invariant()
    def everything_is_there(self) -> None:
        assert {item.key for item in self.storage.list()} == self.model.keys()


class LocalMachine(StorageMachine):
    def make(self) -> Storage:
        return LocalStorage(self.folder / "root")

    @invariant()
    def there_is_nothing_else_on_disk(self) -> None:
        root = self.folder / "root"
        for path in root.rglob("*"):
            key = path.relative_to(root).as_posix()
            below = [known for known in self.model if known.startswith(f"{key}/")]
            assert below if path.is_dir() else key in self.model


class MemoryMachine(StorageMachine):
    def make(self) -> Storage:
        return MemoryStorage()


@pytest.mark.parametrize("machine", [LocalMachine, MemoryMachine])
def test_a_storage_is_a_dict(machine: type[StorageMachine]) -> None:
    chosen = settings(max_examples=25, stateful_step_count=30)
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [LocalMachine, MemoryMachine])
def test_a_storage_is_a_dict_for_long(machine: type[StorageMachine]) -> None:
    chosen = settings(max_examples=1000, stateful_step_count=60)
    run_state_machine_as_test(machine, settings=chosen)
