"""What every storage does. Each backend's tests subclass :class:`StorageContract`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.errors import (
    FWDatasetError,
    InvalidNameError,
    ObjectExistsError,
    ObjectNotFoundError,
)
from fw_dataset.storage import ObjectInfo, Storage
from tests.contract.keys import NAMES, TRICKS, keys_of
from tests.contract.many_contract import ManyContract


def put_if_absent(storage: Storage, key: str, data: bytes) -> bool:
    try:
        storage.put_if_absent(key, data)
    except ObjectExistsError:
        return False
    return True


def come_and_go(storage: Storage, name: str, times: int) -> None:
    for _ in range(times):
        storage.put(f"a/b/{name}", name.encode())
        assert storage.get(f"a/b/{name}") == name.encode()
        storage.delete(f"a/b/{name}")


def write_by_turns(storage: Storage, contents: Sequence[bytes], times: int) -> None:
    for turn in range(times):
        storage.put("turns/x", contents[turn % len(contents)])


def read_all_along(storage: Storage, contents: Sequence[bytes], times: int) -> None:
    for _ in range(times):
        assert storage.get("turns/x") in contents
        assert keys_of(storage, "turns") == ["turns/x"]


def add_under_lock(storage: Storage, times: int) -> None:
    for _ in range(times):
        with storage.exclusive():
            storage.put("counter", str(int(storage.get("counter")) + 1).encode())


class StorageContract(ManyContract):
    """The suite; a subclass gives the fixture ``storage``, empty for each test.

    Attributes:
        turns: how often each of several writers or readers at the same time does its work.
        races: how often several writers race for a new key.
        not_held: the names that the store cannot hold.
    """

    turns = 100
    races = 5
    not_held: frozenset[str] = frozenset()

    def together(self, calls: Sequence[partial[Any]]) -> list[Any]:
        """Run calls at the same time, in processes where the storage outlives one.

        The first argument of each is the storage.
        """
        barrier = threading.Barrier(len(calls))

        def at_once(call: Callable[[], Any]) -> Any:
            barrier.wait(60)
            return call()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(at_once, calls))

    # ------------------------------------------------------------------------------ replacing

    def test_replacing_what_is_still_the_same(self, storage: Storage) -> None:
        storage.put("a/x", b"old")
        with storage.exclusive():
            storage.replace("a/x", b"old", b"new")
        assert storage.get("a/x") == b"new"

    def test_replacing_what_has_changed(self, storage: Storage) -> None:
        storage.put("a/x", b"another")
        with pytest.raises(ObjectExistsError):
            storage.replace("a/x", b"old", b"new")
        with pytest.raises(ObjectNotFoundError):
            storage.replace("a/y", b"old", b"new")
        assert storage.get("a/x") == b"another"
        assert keys_of(storage) == ["a/x"]

    # ------------------------------------------------------------------------- what is there

    def test_an_empty_storage_has_nothing(self, storage: Storage) -> None:
        assert keys_of(storage) == []
        assert keys_of(storage, "a/b") == []
        assert list(storage.folders()) == []
        assert list(storage.folders("a")) == []
        assert not storage.exists("a")

    @pytest.fixture(params=NAMES)
    def name(self, request: pytest.FixtureRequest) -> str:
        name: str = request.param
        if name in self.not_held:
            pytest.skip("this store cannot hold that name")
        return name

    def test_what_is_put_is_there(self, storage: Storage, name: str) -> None:
        storage.put(f"folder/{name}", b"content")

        assert storage.get(f"folder/{name}") == b"content"
        assert storage.exists(f"folder/{name}")
        assert list(storage.list()) == [ObjectInfo(f"folder/{name}", 7)]
        assert list(storage.list("folder")) == [ObjectInfo(f"folder/{name}", 7)]
        assert list(storage.folders()) == ["folder"]

    def test_all_odd_names_stand_side_by_side(self, storage: Storage) -> None:
        keys = [f"folder/{number}/{name}" for number, name in enumerate(NAMES)]
        keys = [key for key in keys if not key.endswith(tuple(self.not_held))]
        for key in keys:
            storage.put(key, key.encode())

        assert keys_of(storage) == sorted(keys)
        assert [storage.get(key).decode() for key in keys] == keys

    def test_odd_folder_names(self, storage: Storage, name: str) -> None:
        storage.put(f"{name}/x", b"")

        assert list(storage.folders()) == [name.partition("/")[0]]
        assert keys_of(storage, name) == [f"{name}/x"]
        storage.clear(name)
        assert keys_of(storage) == []

    @pytest.mark.parametrize("size", [0, 1, 65_536, 17 * 1024 * 1024 + 1])
    def test_objects_of_any_size(self, storage: Storage, size: int) -> None:
        data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        storage.put("x", data)

        assert storage.get("x") == data
        assert list(storage.list()) == [ObjectInfo("x", size)]

    def test_put_replaces(self, storage: Storage) -> None:
        storage.put("a/x", b"a longer content")
        storage.put("a/x", b"new")

        assert storage.get("a/x") == b"new"
        assert list(storage.list()) == [ObjectInfo("a/x", 3)]

    def test_list_keeps_to_the_folder(self, storage: Storage) -> None:
        for key in ("a/x", "a/b/y", "ab/z", "a.b", "b"):
            storage.put(key, b"")

        assert keys_of(storage) == ["a.b", "a/b/y", "a/x", "ab/z", "b"]
        assert keys_of(storage, "a") == ["a/b/y", "a/x"]
        assert keys_of(storage, "a/b") == ["a/b/y"]
        assert keys_of(storage, "a/x") == []
        assert keys_of(storage, "b") == []

    def test_folders_are_those_right_below(self, storage: Storage) -> None:
        for key in ("b/x", "a/b/c/y", "a/d/z", "ab", "a/e"):
            storage.put(key, b"")

        assert list(storage.folders()) == ["a", "b"]
        assert list(storage.folders("a")) == ["b", "d"]
        assert list(storage.folders("ab")) == []
        assert list(storage.folders("a/b/c")) == []

    def test_a_folder_is_no_object(self, storage: Storage) -> None:
        storage.put("a/b", b"")

        assert not storage.exists("a")
        with pytest.raises(ObjectNotFoundError):
            storage.get("a")

    def test_nothing_is_below_an_object(self, storage: Storage) -> None:
        storage.put("a", b"")

        assert not storage.exists("a/b")
        with pytest.raises(ObjectNotFoundError):
            storage.get("a/b")
        storage.delete("a/b")
        storage.clear("a/b")
        assert keys_of(storage) == ["a"]

    def test_getting_what_is_not_there(self, storage: Storage) -> None:
        with pytest.raises(ObjectNotFoundError, match="no/such") as caught:
            storage.get("no/such")
        assert "\n" not in str(caught.value)

    # ----------------------------------------------------------------------------- removing

    def test_delete(self, storage: Storage) -> None:
        storage.put("a/x", b"")
        storage.put("a/y", b"")
        storage.delete("a/x")

        assert keys_of(storage) == ["a/y"]
        assert not storage.exists("a/x")

    def test_deleting_what_is_not_there_is_no_error(self, storage: Storage) -> None:
        storage.delete("a/b")
        storage.put("a/x", b"")
        storage.delete("a/b")

        assert keys_of(storage) == ["a/x"]

    def test_folders_vanish_with_their_last_object(self, storage: Storage) -> None:
        storage.put("a/b/c/x", b"")
        storage.put("a/y", b"")
        storage.delete("a/b/c/x")
        assert list(storage.folders("a")) == []
        storage.delete("a/y")
        assert list(storage.folders()) == []

    def test_clear(self, storage: Storage) -> None:
        for key in ("a/b/x", "a/b/c/y", "a/z", "ab"):
            storage.put(key, b"")
        storage.clear("a/b")
        assert keys_of(storage) == ["a/z", "ab"]
        storage.clear("a/b")
        storage.clear("no/such")
        storage.clear("a")
        assert keys_of(storage) == ["ab"]
        assert list(storage.folders()) == []

    def test_clear_leaves_an_object_of_that_name(self, storage: Storage) -> None:
        storage.put("a", b"")
        storage.clear("a")

        assert keys_of(storage) == ["a"]

    def test_sweep_leaves_what_is_whole(self, storage: Storage) -> None:
        storage.put("a/b/x", b"")
        storage.sweep("a")
        storage.sweep("no/such")

        assert keys_of(storage) == ["a/b/x"]

    # ------------------------------------------------------------------------ only if absent

    @pytest.mark.parametrize("data", [b"", b"old", b"new"])
    def test_put_if_absent(self, storage: Storage, data: bytes) -> None:
        storage.put_if_absent("a/x", data)
        for again in (data, b"new"):
            with pytest.raises(ObjectExistsError, match="a/x") as caught:
                storage.put_if_absent("a/x", again)
            assert "\n" not in str(caught.value)

        assert storage.get("a/x") == data
        assert keys_of(storage) == ["a/x"]

    def test_put_if_absent_after_delete(self, storage: Storage) -> None:
        storage.put_if_absent("x", b"1")
        storage.delete("x")
        storage.put_if_absent("x", b"2")

        assert storage.get("x") == b"2"

    def test_one_of_many_wins(self, storage: Storage) -> None:
        for attempt in range(self.races):
            key = f"race/{attempt}"
            contents = [f"{attempt} {writer}".encode() * 500 for writer in range(6)]
            won = self.together([partial(put_if_absent, storage, key, c) for c in contents])

            assert won.count(True) == 1
            assert storage.get(key) == contents[won.index(True)]
        assert len(keys_of(storage)) == self.races

    # --------------------------------------------------------------------------- from a file

    @pytest.mark.parametrize("if_absent", [False, True])
    @pytest.mark.parametrize("size", [0, 3, 5_000_000])
    def test_put_file(self, storage: Storage, tmp_path: Path, size: int, if_absent: bool) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"x" * size)
        storage.put_file("a/b", source, if_absent=if_absent)

        assert storage.get("a/b") == b"x" * size
        assert list(storage.list()) == [ObjectInfo("a/b", size)]

    def test_put_file_replaces(self, storage: Storage, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"new")
        storage.put("a", b"old and longer")
        storage.put_file("a", source)

        assert storage.get("a") == b"new"

    def test_put_file_if_absent_leaves_what_is_there(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"new")
        storage.put("a", b"old")
        with pytest.raises(ObjectExistsError):
            storage.put_file("a", source, if_absent=True)

        assert storage.get("a") == b"old"
        assert keys_of(storage) == ["a"]

    def test_put_file_of_a_file_that_is_not_there(self, storage: Storage, tmp_path: Path) -> None:
        with pytest.raises(ObjectNotFoundError, match="source"):
            storage.put_file("a/b", tmp_path / "source")

        assert keys_of(storage) == []
        assert list(storage.folders()) == []

    # ------------------------------------------------------------------------- at the same time

    def test_folders_that_come_and_go_harm_no_writer(self, storage: Storage) -> None:
        done = self.together([partial(come_and_go, storage, str(n), self.turns) for n in range(4)])

        assert done == [None] * 4
        assert keys_of(storage) == []

    def test_a_reader_sees_the_old_or_the_new(self, storage: Storage) -> None:
        contents = [b"old" * 50_000, b"new!" * 60_000]
        storage.put("turns/x", contents[0])
        done = self.together(
            [
                partial(write_by_turns, storage, contents, self.turns),
                partial(read_all_along, storage, contents, 2 * self.turns),
            ]
        )

        assert done == [None, None]

    def test_exclusive_blocks_follow_one_another(self, storage: Storage) -> None:
        storage.put("counter", b"0")
        times = self.turns // 4
        self.together([partial(add_under_lock, storage, times) for _ in range(4)])

        assert storage.get("counter") == str(4 * times).encode()

    def test_an_exclusive_block_ends_with_its_error(self, storage: Storage) -> None:
        with pytest.raises(KeyError, match="mine"), storage.exclusive():
            raise KeyError("mine")
        with storage.exclusive():
            storage.put("x", b"")

    # -------------------------------------------------------------------------------- bad keys

    @pytest.mark.parametrize("key", TRICKS)
    def test_keys_that_leave_the_root_are_refused(
        self, storage: Storage, tmp_path: Path, key: str
    ) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"")
        storage.put("kept", b"")
        calls: list[Callable[[], object]] = [
            lambda: storage.exists(key),
            lambda: storage.get(key),
            lambda: storage.get_many(["kept", key]),
            lambda: storage.get_ranges(key, [(0, 1)]),
            lambda: storage.get_parts([("kept", 0, 0), (key, 0, 1)]),
            lambda: list(storage.stream(key)),
            lambda: storage.put(key, b""),
            lambda: storage.put_if_absent(key, b""),
            lambda: storage.put_file(key, source),
            lambda: storage.put_files([(key, source)]),
            lambda: storage.delete(key),
            lambda: storage.delete_many([key]),
            lambda: storage.clear(key),
            lambda: storage.sweep(key),
        ]
        if key:
            calls += [lambda: list(storage.list(key)), lambda: storage.folders(key)]
        for call in calls:
            with pytest.raises(InvalidNameError) as caught:
                call()
            assert isinstance(caught.value, FWDatasetError)
            assert "\n" not in str(caught.value)
        assert keys_of(storage) == ["kept"]

    def test_it_is_a_storage(self, storage: Storage) -> None:
        assert isinstance(storage, Storage)
        assert storage.url
