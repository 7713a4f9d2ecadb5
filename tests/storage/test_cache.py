"""The cache on local disk: bounded, shared, and never a source of damage."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_dataset.errors import DatasetFormatError
from fw_dataset.storage.cache import FileCache
from fw_dataset.storage.reading import ReadFileSystem
from tests.support.reading import CountingStorage, columns_file, queried, settled, sizes, view

DIGEST = "ab" * 32
QUESTION = "select sum(c0 % 5), sum(c2 % 5) from {}"


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def taken(folder: Path) -> int:
    return sum(path.stat().st_size for path in files(folder))


def test_what_was_stored_is_there(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "deep" / "cache", 1000)
    assert cache.get(DIGEST, 0, 5) is None
    assert not cache.folder.exists()
    cache.put(DIGEST, 0, 5, b"01234")
    cache.put(DIGEST, 5, 5, b"")
    assert cache.get(DIGEST, 0, 5) == b"01234"
    assert cache.get(DIGEST, 5, 5) == b""
    assert cache.get(DIGEST, 0, 4) is None
    assert cache.get("cd" * 32, 0, 5) is None
    assert FileCache(cache.folder, 1000).get(DIGEST, 0, 5) == b"01234"
    # Images' metadata are nobody else's business.
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert repr(cache) == f"FileCache({str(cache.folder)!r}, 1000)"


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_bytes is -1"):
        FileCache(tmp_path, -1)
    with pytest.raises(ValueError, match="is not a hash"):
        FileCache(tmp_path, 10).get("../../etc/passwd", 0, 5)
    FileCache(tmp_path, 1000).put(DIGEST, 0, 5, b"0123")
    assert files(tmp_path) == []


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[:-1],
    "longer": lambda data: data + b"x",
    "one bit": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "zeros": lambda data: bytes(len(data)),
    "empty": lambda data: b"",  # noqa: ARG005
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_not_there(tmp_path: Path, damage: str) -> None:
    cache = FileCache(tmp_path, 1000)
    cache.put(DIGEST, 0, 9, b"012345678")
    [path] = files(tmp_path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert cache.get(DIGEST, 0, 9) is None
    assert files(tmp_path) == []
    cache.put(DIGEST, 0, 9, b"012345678")
    assert cache.get(DIGEST, 0, 9) == b"012345678"


def test_a_file_in_the_place_of_another_is_not_taken_for_it(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 1000)
    cache.put(DIGEST, 0, 3, b"abc")
    [path] = files(tmp_path)
    path.rename(path.with_name(f"{DIGEST}-3-6"))
    assert cache.get(DIGEST, 3, 6) is None


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 10 * 104)
    for number in range(10):
        cache.put(DIGEST, 100 * number, 100 * number + 100, bytes(100))
        old = time.time() - 1000 + number
        os.utime(tmp_path / "ab" / f"{DIGEST}-{100 * number}-{100 * number + 100}", (old, old))
    assert cache.get(DIGEST, 0, 100) is not None
    cache.put(DIGEST, 1000, 1100, bytes(100))
    assert taken(tmp_path) <= 10 * 104
    assert cache.get(DIGEST, 0, 100) is not None
    assert cache.get(DIGEST, 100, 200) is None
    assert cache.get(DIGEST, 900, 1000) is not None
    assert cache.get(DIGEST, 1000, 1100) is not None


@settings(max_examples=30, deadline=None)
@given(
    puts=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 400)), max_size=40),
    most=st.integers(0, 2000),
)
def test_it_takes_no_more_than_its_room(
    tmp_path_factory: pytest.TempPathFactory, puts: list[tuple[int, int]], most: int
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cache = FileCache(folder, most)
    for start, length in puts:
        data = bytes([start]) * length
        cache.put(DIGEST, start, start + length, data)
        assert taken(folder) <= most
        assert cache.get(DIGEST, start, start + length) in (data, None)


def test_what_dead_writers_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    left, fresh = tmp_path / "ab" / ".partial-1-x", tmp_path / "ab" / ".partial-2-x"
    for path in (left, fresh):
        path.write_bytes(b"x")
    os.utime(left, (time.time() - 4000,) * 2)
    FileCache(tmp_path, 1000).put(DIGEST, 0, 1, b"x")
    assert not left.exists()
    assert fresh.exists()


@pytest.mark.parametrize("made", ["a file in the way", "no room"])
def test_what_cannot_be_stored_is_not(tmp_path: Path, made: str) -> None:
    cache = FileCache(tmp_path / "cache", 1000)
    if made == "a file in the way":
        (tmp_path / "cache").write_text("mine")
        cache.put(DIGEST, 0, 5, b"01234")
        assert (tmp_path / "cache").read_text() == "mine"
    else:
        code = (
            "import resource, signal, sys\n"
            "from fw_dataset.storage.cache import FileCache\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
            "cache = FileCache(sys.argv[1], 10_000)\n"
            f"cache.put({DIGEST!r}, 0, 5000, bytes(5000))\n"
            f"assert cache.get({DIGEST!r}, 0, 5000) is None\n"
        )
        subprocess.run([sys.executable, "-c", code, str(cache.folder)], check=True)
        assert files(cache.folder) == []
    assert cache.get(DIGEST, 0, 5) is None


WRITER = f"""
import random, sys
from fw_dataset.storage.cache import FileCache
cache = FileCache(sys.argv[1], 200_000)
chosen = random.Random(int(sys.argv[2]))
found = 0
for _ in range(1500):
    start = chosen.randrange(300)
    data = bytes([start % 256]) * 1000
    there = cache.get({DIGEST!r}, start, start + 1000)
    assert there in (None, data), "damaged"
    found += there is not None
    cache.put({DIGEST!r}, start, start + 1000, data)
print(found)
"""


def test_several_processes_share_it(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    outputs = [writer.communicate(timeout=120) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4, outputs
    assert all(int(out) > 100 for out, _ in outputs)
    # Each may have passed the limit by a twentieth.
    assert taken(tmp_path) <= 200_000 * 1.2
    assert not [path for path in files(tmp_path) if path.name.startswith(".")]


@pytest.fixture
def storage() -> CountingStorage:
    found = CountingStorage()
    found.put("t/a.parquet", columns_file(50_000, 3))
    found.put("t/b.parquet", columns_file(100, 1))
    return found


def digests(storage: CountingStorage) -> dict[str, str]:
    return {key: hashlib.sha256(storage.get(key)).hexdigest() for key in sizes(storage)}


def ask(system: ReadFileSystem) -> list[tuple[int, ...]]:
    keys = ["t/a.parquet", "t/b.parquet"]
    system.prefetch(keys)
    with queried(system, threads=1) as connection:
        answer = connection.execute(QUESTION.format(view(system, keys))).fetchall()
    settled(system)  # what is fetched ahead is stored, too
    return answer


def test_a_second_process_asks_the_storage_for_nothing(
    tmp_path: Path, storage: CountingStorage
) -> None:
    known = digests(storage)
    cache = FileCache(tmp_path, 100 << 20)
    plain = ask(ReadFileSystem(storage, sizes(storage)))
    first = ask(ReadFileSystem(storage, sizes(storage), digests=known, cache=cache))
    storage.rounds.clear()
    second = ask(ReadFileSystem(storage, sizes(storage), digests=known, cache=cache))
    assert plain == first == second
    assert storage.rounds == []


def test_without_hashes_only_what_belongs_to_that_footer_is_taken(
    tmp_path: Path, storage: CountingStorage
) -> None:
    cache = FileCache(tmp_path, 100 << 20)
    first = ask(ReadFileSystem(storage, sizes(storage), cache=cache))
    storage.rounds.clear()
    assert ask(ReadFileSystem(storage, sizes(storage), cache=cache)) == first
    assert len(storage.rounds) == 1  # the footer, and the small file
    # Another file of the same length under the same name, as when a version was made anew.
    storage.put("t/a.parquet", columns_file(50_000, 3, seed=1))
    system = ReadFileSystem(storage, sizes(storage), cache=cache)
    assert ask(system) == ask(ReadFileSystem(storage, sizes(storage)))
    assert ask(system) != first


def test_a_damaged_copy_does_no_harm_to_a_good_one(tmp_path: Path) -> None:
    """Stretches of a large file cannot be checked: they are never those of another object."""
    cache = FileCache(tmp_path, 100 << 20)
    good = CountingStorage()
    good.put("good/t/a.parquet", data := columns_file(50_000, 3))
    known = hashlib.sha256(data).hexdigest()
    good.put("bad/t/a.parquet", data[:100_000] + bytes(1000) + data[101_000:])
    answers = []
    for key in ("bad/t/a.parquet", "good/t/a.parquet"):
        system = ReadFileSystem(
            good, sizes(good), digests=dict.fromkeys(sizes(good), known), cache=cache
        )
        with queried(system) as connection:
            answers += connection.execute(QUESTION.format(view(system, [key]))).fetchall()
    assert answers[0] != answers[1]


def test_a_small_file_that_is_damaged_is_not_kept(tmp_path: Path, storage: CountingStorage) -> None:
    known = digests(storage)
    data = storage.get("t/b.parquet")
    storage.put("t/b.parquet", data[:10] + b"\xff" + data[11:])
    cache = FileCache(tmp_path, 100 << 20)
    for _ in range(2):
        with pytest.raises(DatasetFormatError, match=r"t/b\.parquet: its content"):
            ask(ReadFileSystem(storage, sizes(storage), digests=known, cache=cache))
