"""DuckDB reads through us what it reads from local files, and asks no more than it must."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_dataset.errors import ObjectNotFoundError, StorageDeniedError
from fw_dataset.format.names import quote_literal
from fw_dataset.storage.read_ahead import SMALL
from fw_dataset.storage.reading import ReadFileSystem
from tests.support.reading import (
    CountingStorage,
    columns_file,
    local,
    parquet,
    queried,
    sizes,
    view,
)


def wide() -> pa.Table:
    return pa.table({f"column {number}": [number, None, -number] for number in range(400)})


def nested() -> pa.Table:
    structs = [{"a": [1, 2], "b": {"c": "x"}}, None, {"a": [], "b": {"c": None}}] * 5000
    maps = [[("k", 1)], [], None] * 5000
    return pa.table(
        {
            "s": structs,
            "l": [[["a"], None, []], None, [[None, "ü"]]] * 5000,
            "m": pa.array(maps, pa.map_(pa.string(), pa.int64())),
            "n": range(15000),
        }
    )


def kinds() -> pa.Table:
    return pa.table(
        {
            "t": pa.array(
                [datetime(2024, 2, 29, 12, tzinfo=timezone.utc), None], pa.timestamp("us")
            ),
            "b": [True, None],
            "x": [b"\x00\xff", None],
            "d": pa.array([1.5, float("nan")]),
            "none": pa.nulls(2),
        }
    )


SHAPES: dict[str, Callable[[], list[bytes]]] = {
    "nested": lambda: [parquet(nested(), row_group_size=1000)],
    "nested, large": lambda: [parquet(nested(), row_group_size=5000, compression="none")],
    "wide": lambda: [parquet(wide())],
    "kinds": lambda: [parquet(kinds())],
    "no rows": lambda: [parquet(kinds().slice(0, 0)), parquet(kinds())],
    "many row groups": lambda: [columns_file(1000, 60)],
    "one large row group": lambda: [columns_file(200_000, 1)],
    "large and small": lambda: [columns_file(50_000, 3), columns_file(10, 1), columns_file(9, 2)],
    "a long footer": lambda: [columns_file(300, 300, columns=12)],
    "dictionaries and indexes": lambda: [
        parquet(
            pa.table({"a": [f"{n % 7}" for n in range(300_000)], "b": range(300_000)}),
            row_group_size=50_000,
            write_page_index=True,
            compression="zstd",
        )
    ],
}


@pytest.mark.parametrize("prefetch", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_rows_are_those_of_local_files(tmp_path: Path, shape: str, prefetch: bool) -> None:
    storage = CountingStorage()
    for number, data in enumerate(SHAPES[shape]()):
        storage.put(f"tables/t/part {number}.parquet", data)
    system = ReadFileSystem(storage, sizes(storage))
    if prefetch:
        system.prefetch(sizes(storage))
    theirs = f"read_parquet([{', '.join(map(quote_literal, local(tmp_path, storage)))}])"
    with queried(system) as connection:
        ours = view(system, list(sizes(storage)))
        for question in (
            "select * from {}",
            "select count(*) from {}",
            "select max(columns(*)) from {}",
        ):
            here = connection.execute(question.format(ours))
            rows, columns = here.fetchall(), [column[:2] for column in here.description]
            there = connection.execute(question.format(theirs))
            # As text: a NaN is not equal to itself.
            assert sorted(map(str, rows)) == sorted(map(str, there.fetchall()))
            assert columns == [column[:2] for column in there.description]


def test_a_filter_reads_the_columns_of_the_rows_it_leaves(tmp_path: Path) -> None:
    storage = CountingStorage()
    storage.put("a.parquet", columns_file(50_000, 8))
    system = ReadFileSystem(storage, sizes(storage))
    [path] = local(tmp_path, storage)
    question = "select sum(c0 % 1000), max(c2) from {} where c1 % 97 = 5 or c3 < 100000000000"
    with queried(system) as connection:
        ours = connection.execute(question.format(view(system, ["a.parquet"]))).fetchall()
        theirs = connection.execute(question.format(quote_literal(path))).fetchall()
    assert ours == theirs


@pytest.mark.parametrize(
    "key",
    ["a*b?/[c]{d}.parquet", "a b/ü%20+&=#.parquet", 'it\'s/"x".parquet', "site=3/x.parquet", "x"],
)
def test_no_name_is_taken_for_a_pattern(key: str) -> None:
    storage = CountingStorage()
    storage.put(key, parquet(pa.table({"a": [1, 2]})))
    storage.put("other.parquet", parquet(pa.table({"a": [5]})))
    system = ReadFileSystem(storage, sizes(storage))
    with queried(system) as connection:
        result = connection.execute(f"select * from {view(system, [key])}")
        assert [column[0] for column in result.description] == ["a"]
        assert result.fetchall() == [(1,), (2,)]


def test_two_file_systems_live_side_by_side() -> None:
    systems = []
    for value in (1, 2):
        storage = CountingStorage()
        storage.put("x.parquet", parquet(pa.table({"a": [value]})))
        systems.append(ReadFileSystem(storage, sizes(storage)))
    with queried(systems[0]) as connection:
        connection.register_filesystem(systems[1])
        for system, value in zip(systems, (1, 2), strict=True):
            rows = connection.execute(f"from {view(system, ['x.parquet'])}").fetchall()
            assert rows == [(value,)]


def test_footers_and_small_files_come_in_one_round_trip() -> None:
    storage = CountingStorage()
    for number in range(50):
        storage.put(f"t/{number:02}.parquet", columns_file(100, 1, seed=number))
    storage.put("t/large.parquet", columns_file(50_000, 2))
    system = ReadFileSystem(storage, sizes(storage))
    system.prefetch(sizes(storage))
    assert len(storage.rounds) == 1
    assert len(storage.parts) == 51
    with queried(system) as connection:
        keys = list(sizes(storage))
        connection.execute(f"create view v as from {view(system, keys, ', union_by_name = true')}")
        assert len(storage.rounds) == 1
        connection.execute("select sum(c0 % 10) from v").fetchall()
    assert {key for key, _, _ in storage.parts[51:]} == {"t/large.parquet"}


def test_long_footers_take_one_round_trip_more() -> None:
    storage = CountingStorage()
    for number in range(3):
        storage.put(f"{number}.parquet", columns_file(300, 300, columns=12))
    system = ReadFileSystem(storage, sizes(storage))
    system.prefetch(sizes(storage))
    assert [len(parts) for parts in storage.rounds] == [3, 3]
    with queried(system) as connection:
        connection.execute(f"create view v as from {view(system, ['0.parquet', '2.parquet'])}")
    assert len(storage.rounds) == 2


def test_of_many_small_files_only_the_ends_come_first() -> None:
    storage = CountingStorage()
    data = columns_file(14_000, 1)
    assert 400 << 10 < len(data) < SMALL
    for number in range(100):
        storage.put(f"{number:03}.parquet", data)
    system = ReadFileSystem(storage, sizes(storage))
    system.prefetch(sizes(storage))
    assert [len(parts) for parts in storage.rounds] == [100]
    assert storage.bytes_read < 10 << 20
    with queried(system) as connection:
        connection.execute(f"create view v as from {view(system, list(sizes(storage)))}")
        assert len(storage.rounds) == 1
        assert connection.execute("select count(c1), max(c1) from v").fetchone() is not None


def test_what_was_read_is_read_from_memory_next_time() -> None:
    storage = CountingStorage()
    storage.put("a.parquet", columns_file(50_000, 4))
    system = ReadFileSystem(storage, sizes(storage))
    with queried(system) as connection:
        question = f"select sum(c1 % 10) from {view(system, ['a.parquet'])}"
        first = connection.execute(question).fetchall()
        asked = len(storage.rounds)
        assert connection.execute(question).fetchall() == first
        assert len(storage.rounds) == asked


def test_eight_threads_read_one_file() -> None:
    storage = CountingStorage(delay=0.002)
    storage.put("a.parquet", data := columns_file(20_000, 16))
    system = ReadFileSystem(storage, sizes(storage))
    with queried(system, threads=8) as connection:
        question = f"select count(*), sum(c0 % 7), sum(c3 % 7) from {view(system, ['a.parquet'])}"
        with ThreadPoolExecutor(8) as pool:
            cursors = [connection.cursor() for _ in range(8)]
            answers = list(pool.map(lambda c: c.execute(question).fetchall(), cursors))
    assert len({str(answer) for answer in answers}) == 1
    assert answers[0][0][0] == 320_000
    # Nobody fetches what another one fetches already.
    assert len(storage.parts) == len(set(storage.parts))
    assert storage.bytes_read <= len(data)


DATA = columns_file(30_000, 4)
SMALL_DATA = columns_file(1000, 2)


@settings(max_examples=60, deadline=None)
@given(
    data=st.sampled_from([DATA, SMALL_DATA]),
    reads=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 700_000)), min_size=1, max_size=12),
    threads=st.integers(1, 4),
)
def test_any_bytes_are_those_of_the_file(
    data: bytes, reads: list[tuple[float, int]], threads: int
) -> None:
    storage = CountingStorage()
    storage.put("a.parquet", data)
    system = ReadFileSystem(storage, sizes(storage), memory=1 << 20)

    def read(place: tuple[float, int]) -> bool:
        start, length = int(place[0] * len(data)), place[1]
        file.seek(start)
        return file.read(length) == data[start : start + length] and file.tell() == min(
            start + length, len(data)
        )

    with system.open(system.path("a.parquet")) as file, ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(read, reads))
        file.seek(-4, 2)
        assert file.read() == b"PAR1"
    assert file.closed


def test_what_is_known_is_not_asked() -> None:
    storage = CountingStorage()
    storage.put("t/a.parquet", SMALL_DATA)
    system = ReadFileSystem(storage, sizes(storage))
    path = system.path("t/a.parquet")
    assert system.size(path) == len(SMALL_DATA)
    assert system.exists(path)
    assert system.glob(path) == [path]
    assert not system.exists(path + "x")
    assert system.glob(path + "x") == []
    assert system.isfile(path)
    assert system.info(path) == {"name": path, "size": len(SMALL_DATA), "type": "file"}
    assert system.ls("t", detail=False) == [path]
    assert system.ls("tt") == []
    assert system.modified(path).year == 2000
    assert storage.rounds == []
    assert system.cat_file(path, start=0, end=4) == b"PAR1"


def test_it_only_reads() -> None:
    system = ReadFileSystem(CountingStorage(), {"a": 1})
    with pytest.raises(StorageDeniedError, match="memory://a: data files are only read"):
        system.open(system.path("a"), "wb")
    with pytest.raises(ObjectNotFoundError, match="memory://b: is none of the files"):
        system.path("b")
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(system)
    assert repr(system) == "ReadFileSystem('memory://', 1 files)"


def test_the_package_does_not_load_it() -> None:
    code = "import sys, fw_dataset, fw_dataset.storage; print('fsspec' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
