"""What every storage does with many objects, or many parts of one, at a time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.errors import ObjectNotFoundError, StorageError
from fw_dataset.storage import ObjectInfo, Storage
from tests.contract.keys import keys_of

CONTENT = bytes(range(256)) * 40


class ManyContract:
    """Part of the suite; a subclass gives the fixture ``storage``, empty for each test."""

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        raise NotImplementedError

    # ------------------------------------------------------------------------- many objects

    def test_get_many_keeps_the_order(self, storage: Storage) -> None:
        keys = [f"folder/{number}" for number in range(150)]
        for key in keys:
            storage.put(key, key.encode())
        random.Random(0).shuffle(keys)

        assert list(storage.get_many(keys)) == [key.encode() for key in keys]

    def test_get_many_tells_which_are_not_there(self, storage: Storage) -> None:
        storage.put("a/x", b"x")
        storage.put("y", b"")
        found = storage.get_many(["no/such", "a/x", "a", "y", "a/x"])

        assert [item for item in found if isinstance(item, bytes)] == [b"x", b"", b"x"]
        for index, key in ((0, "no/such"), (2, "a")):
            error = found[index]
            assert isinstance(error, ObjectNotFoundError)
            assert key in str(error)
            assert "\n" not in str(error)

    def test_get_many_of_nothing(self, storage: Storage) -> None:
        assert list(storage.get_many([])) == []

    def test_delete_many(self, storage: Storage) -> None:
        for number in range(60):
            storage.put(f"folder/{number}", b"")
        storage.put("kept", b"")
        storage.delete_many([f"folder/{number}" for number in range(70)])
        storage.delete_many(["no/such", "folder/1"])
        storage.delete_many([])

        assert keys_of(storage) == ["kept"]
        assert list(storage.folders()) == []

    # ------------------------------------------------------------------------------- ranges

    def test_get_ranges(self, storage: Storage) -> None:
        storage.put("a/x", CONTENT)
        size = len(CONTENT)
        ranges = [(size - 7, size), (0, 1), (5, 300), (6, 9), (300, 301), (0, size), (5, 300)]

        assert list(storage.get_ranges("a/x", ranges)) == [CONTENT[a:b] for a, b in ranges]

    def test_ranges_of_no_length(self, storage: Storage) -> None:
        storage.put("x", CONTENT)
        storage.put("empty", b"")

        assert list(storage.get_ranges("x", [])) == []
        assert list(storage.get_ranges("x", [(7, 7), (0, 0), (3, 5)])) == [b"", b"", CONTENT[3:5]]
        assert list(storage.get_ranges("empty", [(0, 0)])) == [b""]

    @pytest.mark.parametrize("beyond", [(0, 1), (1, 0), (50, 60)])
    def test_ranges_beyond_the_end(self, storage: Storage, beyond: tuple[int, int]) -> None:
        storage.put("a/x", CONTENT)
        start, end = (len(CONTENT) - 1 + step for step in beyond)
        with pytest.raises(StorageError, match="a/x") as caught:
            storage.get_ranges("a/x", [(0, 5), (min(start, end), max(start, end) + 1)])

        assert "\n" not in str(caught.value)

    def test_ranges_of_what_is_not_there(self, storage: Storage) -> None:
        with pytest.raises(ObjectNotFoundError, match="no/such"):
            storage.get_ranges("no/such", [(0, 1), (1, 2)])

    def test_parts_of_several_objects(self, storage: Storage) -> None:
        keys = [f"folder/{number}" for number in range(40)]
        for number, key in enumerate(keys):
            storage.put(key, CONTENT[number:])
        parts = [(key, start, start + 100) for start in (700, 0) for key in keys]

        found = storage.get_parts(parts)

        shift = {key: number for number, key in enumerate(keys)}
        assert list(found) == [CONTENT[shift[key] + a : shift[key] + b] for key, a, b in parts]
        assert list(storage.get_parts([])) == []
        with pytest.raises(ObjectNotFoundError, match="no/such"):
            storage.get_parts([*parts, ("no/such", 0, 1)])

    # ------------------------------------------------------------------------------ streams

    @pytest.mark.parametrize("size", [0, 1, 1000, 1001, 30_000])
    def test_stream(self, storage: Storage, size: int) -> None:
        data = random.Random(size).randbytes(size)
        storage.put("a/x", data)
        chunks = list(storage.stream("a/x", chunk_size=1000))

        assert b"".join(chunks) == data
        assert b"" not in chunks

    def test_streams_are_in_pieces(self, storage: Storage) -> None:
        storage.put("x", b"x" * 5_000_000)
        sizes = [len(chunk) for chunk in storage.stream("x", chunk_size=500_000)]

        assert sum(sizes) == 5_000_000
        assert len(sizes) > 3
        assert b"".join(storage.stream("x")) == b"x" * 5_000_000

    def test_a_stream_that_is_left(self, storage: Storage) -> None:
        storage.put("x", CONTENT * 100)
        for chunk in storage.stream("x", chunk_size=1000):
            assert CONTENT.startswith(chunk[:1])
            break

        assert storage.get("x") == CONTENT * 100

    def test_a_stream_of_what_is_not_there(self, storage: Storage) -> None:
        with pytest.raises(ObjectNotFoundError, match="no/such"):
            list(storage.stream("no/such"))

    # -------------------------------------------------------------------------------- files

    def test_put_files(self, storage: Storage, tmp_path: Path) -> None:
        files = self._files(tmp_path, [0, 1, 5, 100_000, 70_000, 3, *range(20)])
        sizes: list[int] = []
        contents = {key: path.read_bytes() for key, path in files}
        storage.put("folder/0", b"old and longer")
        storage.put_files(files, sizes.append)

        assert sorted(sizes) == sorted(map(len, contents.values()))
        assert {key: storage.get(key) for key in keys_of(storage)} == contents

    def test_put_files_without_a_callback(self, storage: Storage, tmp_path: Path) -> None:
        storage.put_files([])
        storage.put_files(self._files(tmp_path, [3]))

        assert list(storage.list()) == [ObjectInfo("folder/0", 3)]

    def test_put_files_of_which_one_is_not_there(self, storage: Storage, tmp_path: Path) -> None:
        files: list[Any] = self._files(tmp_path, [10] * 20)
        files[2][1].unlink()
        sizes: list[int] = []
        with pytest.raises(ObjectNotFoundError, match="source 2") as caught:
            storage.put_files(files, sizes.append)

        assert "\n" not in str(caught.value)
        stored = keys_of(storage)
        assert "folder/2" not in stored
        assert len(sizes) <= len(stored) < 19
        assert all(storage.get(key) == b"x" * 10 for key in stored)

    def test_an_error_of_the_callback_ends_put_files(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        def fail(_: int) -> None:
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            storage.put_files(self._files(tmp_path, [10] * 100), fail)

        assert 1 <= len(keys_of(storage)) < 100

    def _files(self, folder: Path, sizes: list[int]) -> list[tuple[str, Path]]:
        files = []
        for number, size in enumerate(sizes):
            path = folder / f"source {number}"
            path.write_bytes(b"x" * size)
            files.append((f"folder/{number}", path))
        return files

    # -------------------------------------------------------------------------- large ones

    def test_a_large_file(self, storage: Storage, tmp_path: Path) -> None:
        self._check_large(storage, tmp_path, 20_000_001)

    def _check_large(self, storage: Storage, folder: Path, size: int) -> None:
        data = random.Random(size).randbytes(size)
        path = folder / "large"
        path.write_bytes(data)
        storage.put_files([("a/large", path)])

        assert list(storage.list()) == [ObjectInfo("a/large", size)]
        assert storage.get("a/large") == data
        assert b"".join(storage.stream("a/large")) == data
        middle = size // 2
        assert list(storage.get_ranges("a/large", [(middle, middle + 3)])) == [
            data[middle : middle + 3]
        ]

    @pytest.mark.slow
    def test_a_very_large_file(self, storage: Storage, tmp_path: Path) -> None:
        self._check_large(storage, tmp_path, 100 * 1024 * 1024)
