"""What cannot be read is an error that says why: never a wrong row, never a hang."""

from __future__ import annotations

import hashlib
import threading
import traceback
from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa
import pytest

from fw_dataset.errors import (
    DatasetFormatError,
    FWDatasetError,
    ObjectNotFoundError,
    StorageTimeoutError,
)
from fw_dataset.storage.parts import PartStore
from fw_dataset.storage.reading import ReadFileSystem
from tests.support.reading import CountingStorage, columns_file, parquet, queried, sizes, view

DATA = columns_file(50_000, 3)
SMALL = parquet(pa.table({"a": range(1000)}))
QUESTION = "select sum(c0 % 5), sum(c2 % 5) from v"

Edit = Callable[[CountingStorage], None]


def ask(edit: Edit, *, opened: bool, data: bytes = DATA) -> ReadFileSystem:
    """Have two files, change the second one, and ask both; DuckDB must refuse."""
    storage = CountingStorage()
    storage.put("t/a.parquet", DATA)
    storage.put("t/b.parquet", data)
    system = ReadFileSystem(storage, sizes(storage), memory=1 << 20)
    create = f"create view v as from {view(system, ['t/a.parquet', 't/b.parquet'])}"
    with queried(system) as connection:
        if opened:
            connection.execute(create)
        edit(storage)
        with pytest.raises(duckdb.Error) as raised:  # noqa: PT012 - the view may fail or the question
            connection.execute(create.replace("create", "create or replace"))
            connection.execute(QUESTION).fetchall()
        assert system.failure is not None
        reason = str(system.failure)
        assert "memory://t/b.parquet" in reason
        assert reason.partition(": ")[2].split()[0] in str(raised.value)
        # The connection lives on.
        assert connection.execute("select 1").fetchall() == [(1,)]
    return system


def swap(data: bytes) -> Edit:
    return lambda storage: storage.put("t/b.parquet", data)


@pytest.mark.parametrize("opened", [False, True])
def test_an_object_that_is_gone(opened: bool) -> None:
    system = ask(lambda storage: storage.delete("t/b.parquet"), opened=opened)
    assert isinstance(system.failure, ObjectNotFoundError)


CHANGES = {
    "cut": DATA[:-1000],
    "cut to nearly nothing": DATA[:100],
    "empty": b"",
    "another one, longer": columns_file(60_000, 3, seed=1),
    "no Parquet": b"x" * len(DATA),
    "a footer of endless length": DATA[:-8] + b"\xff\xff\xff\x7fPAR1",
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_object_that_was_changed(change: str) -> None:
    system = ask(swap(CHANGES[change]), opened=False)
    assert isinstance(system.failure, DatasetFormatError)


def test_an_object_that_is_cut_while_it_is_read() -> None:
    system = ask(swap(DATA[: len(DATA) // 2]), opened=True)
    assert isinstance(system.failure, DatasetFormatError)


def test_prefetching_says_what_is_wrong() -> None:
    storage = CountingStorage()
    storage.put("a.parquet", SMALL)
    system = ReadFileSystem(storage, {"a.parquet": len(SMALL), "b.parquet": 100})
    with pytest.raises(ObjectNotFoundError, match=r"memory://b\.parquet: there is no such object"):
        system.prefetch(["a.parquet", "b.parquet"])
    with pytest.raises(ObjectNotFoundError, match=r"memory://c\.parquet: is none of the files"):
        system.prefetch(["c.parquet"])
    for size in (0, 5, len(SMALL) - 1):
        system = ReadFileSystem(storage, {"a.parquet": size})
        with pytest.raises(DatasetFormatError, match=f"it does not end .* file of {size} bytes"):
            system.prefetch(["a.parquet"])


def test_a_small_file_is_held_against_its_hash() -> None:
    storage = CountingStorage()
    storage.put("a.parquet", SMALL)
    good = hashlib.sha256(SMALL).hexdigest()
    ReadFileSystem(storage, sizes(storage), digests={"a.parquet": good}).prefetch(["a.parquet"])
    damaged = SMALL[:50] + b"\x00\x01" + SMALL[52:]
    storage.put("a.parquet", damaged)
    system = ReadFileSystem(storage, sizes(storage), digests={"a.parquet": good})
    with pytest.raises(DatasetFormatError, match=r"a\.parquet: its content is not what"):
        system.prefetch(["a.parquet"])
    # The manifest may come after the file.
    system = ReadFileSystem(storage, sizes(storage))
    system.prefetch(["a.parquet"])
    with pytest.raises(DatasetFormatError, match=r"a\.parquet: its content is not what"):
        system.set_digests({"a.parquet": good, "elsewhere": good})
    ReadFileSystem(storage, sizes(storage), digests={"a.parquet": "?"}).prefetch(["a.parquet"])


def test_what_failed_once_is_tried_again() -> None:
    storage = CountingStorage()
    storage.put("a.parquet", DATA)
    system = ReadFileSystem(storage, sizes(storage))

    def refuse(_: Sequence[tuple[str, int, int]]) -> None:
        raise StorageTimeoutError("memory://a.parquet: no answer within 3 s")

    with queried(system) as connection:
        connection.execute(f"create view v as from {view(system, ['a.parquet'])}")
        storage.before = refuse
        with pytest.raises(duckdb.Error, match="no answer within 3 s"):
            connection.execute(QUESTION).fetchall()
        assert isinstance(system.failure, StorageTimeoutError)
        storage.before = lambda _: None
        assert connection.execute(QUESTION).fetchall()


def test_fetching_ahead_may_fail_unheard() -> None:
    storage = CountingStorage(delay=0.002)
    storage.put("a.parquet", columns_file(20_000, 12))
    system = ReadFileSystem(storage, sizes(storage))
    failed = []

    def refuse(parts: Sequence[tuple[str, int, int]]) -> None:
        # DuckDB's threads are not Python's: only those that fetch ahead are.
        if any(frame.name == "_run_ahead" for frame in traceback.extract_stack()):
            failed.append(parts)
            raise StorageTimeoutError("memory://a.parquet: no answer within 3 s")

    with queried(system) as connection:
        connection.execute(f"create view v as from {view(system, ['a.parquet'])}")
        storage.before = refuse
        answer = connection.execute("select count(*), count(c0), max(c1 % 5) from v").fetchall()
    assert answer == [(240_000, 240_000, 4)]
    assert failed
    assert system.failure is None


class Interrupted(BaseException):
    """Like Ctrl-C: not an Exception."""


def test_who_waits_for_one_that_is_interrupted_goes_on() -> None:
    storage = CountingStorage()
    storage.put("a", b"0123456789")
    begun, go_on = threading.Event(), threading.Event()

    def interrupt(_: object) -> None:
        storage.before = lambda _: None
        begun.set()
        go_on.wait(10)
        raise Interrupted

    storage.before = interrupt
    parts = PartStore(storage, memory=100, check=lambda *_: None)
    outcomes: list[object] = []

    def first() -> None:
        try:
            parts.get([("a", 0, 5)])
        except Interrupted as error:
            outcomes.append(type(error))

    one = threading.Thread(target=first)
    one.start()
    assert begun.wait(10)
    other = threading.Thread(target=lambda: outcomes.append(parts.get([("a", 0, 5)])[0]))
    other.start()
    go_on.set()
    one.join(10)
    other.join(10)
    assert sorted(map(str, outcomes)) == sorted(map(str, [Interrupted, [b"01234"]]))


def test_waiting_threads_share_one_failure() -> None:
    storage = CountingStorage(delay=0.05)
    parts = PartStore(storage, memory=100, check=lambda *_: None)
    failures: list[FWDatasetError] = []

    def want() -> None:
        try:
            parts.get([("gone", 0, 5)])
        except FWDatasetError as error:
            failures.append(error)

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(failures) == 4
    assert {type(error) for error in failures} == {ObjectNotFoundError}
    assert len(storage.rounds) < 4
