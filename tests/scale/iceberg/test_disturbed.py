"""Publishers that are killed, and several at once: a table is as before, or as after."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil

from fw_dataset import Dataset, publish_iceberg
from fw_dataset.errors import PublishingError, StorageError, StorageUnreachableError
from fw_dataset.storage import MemoryStorage, Storage
from tests.scale.iceberg.published import render_versions, table_at, tags, theirs
from tests.support.datasets import copy_of
from tests.support.processes import run_killed, run_together, steps_of
from tests.support.watched_storage import KilledError, killed_at, watched

TABLES = ["subjects", "sessions"]
ADDRESS = "s3://bucket/study"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    list(render_versions(folder, {"v1": 1, "v2": 2}))
    return folder / "out"


def in_memory(folder: Path) -> MemoryStorage:
    storage = MemoryStorage()
    for path in folder.rglob("*"):
        if path.is_file():
            storage.put(path.relative_to(folder).as_posix(), path.read_bytes())
    return storage


def publish(storage: Storage, version: str, *, read_back: bool = True) -> None:
    publish_iceberg(
        Dataset(storage), version=version, address=ADDRESS, tables=TABLES, read_back=read_back
    )


def shown(storage: Storage, table: str) -> TableMetadata | None:
    """What a reader finds that only knows the hint."""
    folder = f"iceberg/{table}/metadata"
    if not storage.exists(f"{folder}/version-hint.text"):
        return None
    number = storage.get(f"{folder}/version-hint.text").decode()
    return TableMetadataUtil.parse_raw(storage.get(f"{folder}/v{number}.metadata.json").decode())


def state(storage: Storage) -> dict[str, tuple[str, ...]]:
    """The tags of each table, the current one last; every file that a reader needs is there."""
    found = {}
    for table in TABLES:
        metadata = shown(storage, table)
        if metadata is None:
            continue
        for snapshot in metadata.snapshots:
            assert storage.exists(snapshot.manifest_list.removeprefix(f"{ADDRESS}/"))
        current = metadata.refs["main"].snapshot_id
        names = {ref.snapshot_id: name for name, ref in metadata.refs.items() if name != "main"}
        found[table] = (*sorted(names.values()), names[current])
    return found


def test_killed_at_any_step_and_run_again(two: Path) -> None:
    first = in_memory(two)
    publish(first, "v1")
    before = state(first)
    after = dict.fromkeys(TABLES, ("v1", "v2", "v2"))
    content = {item.key: first.get(item.key) for item in first.list()}
    seen = set()
    for step in steps():
        storage = MemoryStorage()
        for key, data in content.items():
            storage.put(key, data)
        try:
            publish(killed_at(storage, step), "v2", read_back=False)
        except KilledError:
            pass
        else:
            break
        there = state(storage)
        seen.add(tuple(there.values()))
        assert set(there.values()) <= {*before.values(), *after.values()}
        publish(storage, "v2", read_back=False)
        assert state(storage) == after
    assert len(seen) == 3  # as before, one table, and both
    assert step > 20


def steps() -> Iterator[int]:
    yield from range(1, 1000)


@pytest.mark.parametrize("call", ["put", "put_if_absent", "replace"])
def test_a_store_that_fails_leaves_nothing_half(two: Path, call: str) -> None:
    storage = in_memory(two)
    publish(storage, "v1")
    before = {item.key for item in storage.list()}

    def fail(_: int, name: str) -> None:
        if name == call:
            raise StorageUnreachableError("bucket: not there")

    with pytest.raises(StorageError, match="not there"):
        publish(watched(storage, fail), "v2")
    assert state(storage)["sessions"] == ("v1", "v1")
    if call == "put":
        assert {item.key for item in storage.list()} == before
    publish(storage, "v2")
    assert set(state(storage).values()) == {("v1", "v2", "v2")}


def test_another_publisher_between_looking_and_committing(two: Path) -> None:
    storage = in_memory(two)
    meanwhile = iter(["v1"])

    def other(_: int, name: str) -> None:
        if name == "put_if_absent":
            for version in meanwhile:
                publish(storage, version)

    publish(watched(storage, other), "v2")

    assert set(state(storage).values()) == {("v1", "v2", "v2")}
    # Of the attempt that was lost, nothing is left.
    kept = Counter(item.key.rpartition(".")[2] for item in storage.list("iceberg/subjects"))
    assert kept == {"avro": 5, "json": 2, "text": 1}


def test_one_who_never_wins_says_so(two: Path) -> None:
    storage = in_memory(two)
    key = "iceberg/subjects/metadata/v{}.metadata.json"
    publish(storage, "v1")

    def other(_: int, name: str) -> None:
        if name == "put_if_absent":
            number = next(n for n in range(1, 99) if not storage.exists(key.format(n)))
            storage.put(key.format(number), storage.get(key.format(1)))

    with pytest.raises(PublishingError, match="changed by others 8 times"):
        publish(watched(storage, other), "v2")


def test_the_hint_never_goes_back(two: Path) -> None:
    """One who is late with the hint leaves that of the one who came after."""
    storage = in_memory(two)
    publish(storage, "v1")
    late = iter(["v2"])

    def other(_: int, name: str) -> None:
        if name == "put_if_absent":  # the table is changed, and the hint is not
            for version in late:
                publish(storage, version)

    dataset = Dataset(storage)
    dataset.relabel("v1", "first")
    publish(watched(storage, after=other), "first")
    assert storage.get("iceberg/subjects/metadata/version-hint.text") == b"3"
    assert set(state(storage).values()) == {("v1", "v2", "v2")}


def test_processes_at_the_same_time(two: Path, tmp_path: Path) -> None:
    root = copy_of(two, tmp_path / "dataset")
    calls = [partial(publish_there, root, version) for version in ("v1", "v2", "v2")]

    outcomes = run_together(calls)

    assert [outcome.error for outcome in outcomes] == [None] * 3
    for name in TABLES:
        table = table_at(root / "iceberg", name)
        assert sorted(tags(table)) == ["v1", "v2"]
        assert table.metadata.snapshot_by_name("v2") == table.metadata.current_snapshot()
        assert [len(theirs(table, tag)) for tag in ("v1", "v2")] == [1, 2]


def publish_there(root: Path, version: str) -> None:
    publish_iceberg(Dataset.open(root), version=version, tables=TABLES)


def test_threads_at_the_same_time(two: Path) -> None:
    storage = in_memory(two)
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(publish, storage, version) for version in ("v1", "v2") * 4]
    assert [one.exception() for one in done] == [None] * 8
    assert set(state(storage).values()) == {("v1", "v2", "v2")}


@pytest.mark.slow
def test_a_process_is_killed_at_any_step(two: Path, tmp_path: Path) -> None:
    """The same on a disk, with processes that are gone in earnest."""
    root = copy_of(two, tmp_path / "dataset")
    publish_one(root, "v1")
    before = copy_of(root, tmp_path / "before")
    call = partial(publish_one, root, "v2")
    killed = 0
    for step in range(1, steps_of(call) + 1):
        copied(before, root)
        killed += run_killed(call, step).killed
        table = table_at(root / "iceberg", "subjects")
        assert list(tags(table)) in (["v1"], ["v1", "v2"])
        assert len(theirs(table)) == len(tags(table))
        call()
        table = table_at(root / "iceberg", "subjects")
        assert list(tags(table)) == ["v1", "v2"]
        assert [len(theirs(table, tag)) for tag in ("v1", "v2")] == [1, 2]
        left = [path.name for path in root.rglob("*") if path.name.startswith(".")]
        assert left == []
    assert killed > 20


def publish_one(root: Path, version: str) -> None:
    publish_iceberg(Dataset.open(root), version=version, tables=["subjects"], read_back=False)


def copied(before: Path, root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    copy_of(before, root)
