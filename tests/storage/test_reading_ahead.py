"""Which bytes are fetched for a read: whole columns, together where small, and the next ones."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_dataset.storage.parquet_layout import Layout
from fw_dataset.storage.parts import PartStore
from fw_dataset.storage.reading import ReadFileSystem
from tests.support.reading import (
    CountingStorage,
    columns_file,
    parquet,
    queried,
    settled,
    sizes,
    view,
)

ONE_COLUMN = "select sum(c1 % 5) from {}"
MIB = 1 << 20


def layout_of(data: bytes) -> Layout:
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    return Layout.from_footer(data[end:], [end, len(data)])


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 3000),
    groups=st.integers(1, 12),
    columns=st.integers(1, 30),
    place=st.floats(0, 1),
    length=st.integers(1, 100_000),
)
def test_stretches_cover_the_file_once(
    rows: int, groups: int, columns: int, place: float, length: int
) -> None:
    data = columns_file(rows, groups, columns)
    layout = layout_of(data)
    assert layout.bounds[0] == 0
    assert layout.bounds[-1] == len(data)
    assert all(one < other for one, other in pairwise(layout.bounds))
    assert len(layout.groups) == groups
    assert all(len(group) == columns for group in layout.groups)
    start = int(place * (len(data) - 1))
    stop = min(start + length, len(data))
    found = list(layout.stretches(start, stop))
    assert found[0][0] <= start < found[0][1]
    assert found[-1][0] < stop <= found[-1][1]
    assert all(one[1] == other[0] for one, other in pairwise(found))
    for chunk in layout.within(start, stop):
        assert chunk.start < stop
        assert chunk.stop > start


def test_a_small_column_comes_with_its_neighbours_and_a_large_one_alone() -> None:
    small = layout_of(columns_file(1000, 1, columns=40))
    assert len(small.bounds) == 3
    large = layout_of(columns_file(100_000, 2, columns=3))
    chunks = {chunk.start for chunk in large.chunks[1:]}
    assert chunks <= set(large.bounds)
    assert len(large.bounds) == 8
    huge = layout_of(columns_file(2_500_000, 1, columns=1))
    assert max(stop - start for start, stop in pairwise(huge.bounds)) <= 8 * MIB
    assert len(huge.bounds) == 5


def test_a_footer_that_arrow_cannot_read_gives_blocks() -> None:
    layout = Layout.from_footer(b"no footer" + bytes(8) + b"PAR1", [3 * MIB, 4 * MIB])
    assert list(layout.bounds) == [0, MIB, 2 * MIB, 3 * MIB, 4 * MIB]
    assert layout.within(0, 10) == []


def test_only_the_wanted_columns_are_read() -> None:
    storage = CountingStorage()
    storage.put("a.parquet", data := columns_file(100_000, 4, columns=12))
    system = ReadFileSystem(storage, sizes(storage))
    system.prefetch(["a.parquet"])
    with queried(system) as connection:
        connection.execute(ONE_COLUMN.format(view(system, ["a.parquet"]))).fetchall()
    settled(system)
    # One request for the end, and one a row group.
    assert len(storage.parts) == 5
    assert storage.bytes_read < len(data) / 12 + 200_000


def test_the_next_row_groups_are_fetched_while_one_is_waited_for() -> None:
    storage = CountingStorage()
    storage.put("a.parquet", columns_file(50_000, 12, columns=8))
    system = ReadFileSystem(storage, sizes(storage))
    system.prefetch(["a.parquet"])
    storage.hold_until(4)
    with queried(system, threads=1) as connection:
        connection.execute(ONE_COLUMN.format(view(system, ["a.parquet"]))).fetchall()
    settled(system)
    assert storage.most_at_once >= 4
    assert len(storage.parts) == len(set(storage.parts)) == 13


def test_the_next_files_are_fetched_while_one_is_waited_for() -> None:
    storage = CountingStorage()
    for number in range(12):
        storage.put(f"t/{number:02}.parquet", columns_file(50_000, 1, columns=8))
    system = ReadFileSystem(storage, sizes(storage))
    system.prefetch(sizes(storage))
    storage.hold_until(4)
    with queried(system, threads=1) as connection:
        connection.execute(ONE_COLUMN.format(view(system, list(sizes(storage))))).fetchall()
    settled(system)
    assert storage.most_at_once >= 4
    assert len(storage.parts) == len(set(storage.parts)) == 24


def test_files_of_other_folders_are_left_alone() -> None:
    storage = CountingStorage()
    for name in "abc":
        storage.put(f"{name}/x.parquet", columns_file(50_000, 2))
    system = ReadFileSystem(storage, sizes(storage))
    system.prefetch(sizes(storage))
    with queried(system) as connection:
        connection.execute(ONE_COLUMN.format(view(system, ["a/x.parquet"]))).fetchall()
    settled(system)
    assert {key for key, _, _ in storage.parts[3:]} == {"a/x.parquet"}


def test_one_row_group_of_many_does_not_read_them_all() -> None:
    storage = CountingStorage()
    rows = 2_000_000
    table = pa.table({"id": range(rows), "c1": range(rows, 2 * rows)})
    data = parquet(table, row_group_size=50_000, compression="none", use_dictionary=False)
    storage.put("a.parquet", data)
    system = ReadFileSystem(storage, sizes(storage))
    with queried(system) as connection:
        question = f"select c1 from {view(system, ['a.parquet'])} where id = 50123"
        assert connection.execute(question).fetchall() == [(rows + 50_123,)]
    settled(system)
    assert storage.bytes_read < len(data) / 2


@pytest.mark.parametrize("threads", [1, 8])
def test_memory_is_bounded(threads: int) -> None:
    storage = CountingStorage()
    storage.put("a.parquet", columns_file(50_000, 30, columns=3))
    system = ReadFileSystem(storage, sizes(storage), memory=4 * MIB)
    with queried(system, threads=threads) as connection:
        question = (
            f"select sum(c0 % 5), sum(c1 % 5), sum(c2 % 5) from {view(system, ['a.parquet'])}"
        )
        assert connection.execute(question).fetchall()
        settled(system)
        assert 0 < system._parts._held <= 4 * MIB
        system.close()
        assert system._parts._held == 0
        assert connection.execute(question).fetchall()


def test_parts_that_lie_together_are_one_request() -> None:
    storage = CountingStorage()
    storage.put("a", bytes(range(100)))
    storage.put("b", bytes(range(100)))
    parts = PartStore(storage, memory=1000, check=lambda *_: None)
    wanted = [("a", 0, 10), ("a", 10, 30), ("b", 30, 40), ("a", 50, 60)]
    found, ahead = parts.get(wanted)
    assert found == [bytes(range(start, stop)) for _, start, stop in wanted]
    assert storage.rounds == [[("a", 0, 30), ("a", 50, 60), ("b", 30, 40)]]
    assert ahead == -1
    assert parts.get(wanted[:1]) == (found[:1], 0)
    parts.fetch_ahead([("b", 0, 5), ("b", 30, 40)])
    settled(parts)
    assert storage.parts[3:] == [("b", 0, 5)]
    assert parts.get([("b", 0, 5)]) == ([bytes(range(5))], 1)
    assert parts.get([("b", 0, 5)]) == ([bytes(range(5))], 0)
    assert parts.peek(("b", 0, 5)) == bytes(range(5))
    assert parts.peek(("b", 0, 6)) is None
    parts.close()
    parts.fetch_ahead([("b", 0, 7)])
    settled(parts)
    assert len(storage.parts) == 4
