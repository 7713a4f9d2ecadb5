"""Whatever happens on the way, merged tables are whole or not there."""

from __future__ import annotations

import json
import shutil
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fw_dataset import Dataset, Progress
from fw_dataset.errors import (
    DatasetNotFoundError,
    StorageError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.storage import LocalStorage, MemoryStorage, Storage
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.labels import relabel
from tests.support.datasets import copy_of, tree, write_old_version
from tests.support.filled_storages import Failing, copied_to, new_storage
from tests.support.mergeable import (
    LAYOUT,
    ROWS,
    add,
    content_of,
    parquet,
    rows_seen,
    write_source,
    write_target,
)
from tests.support.processes import run, run_killed, run_together, steps_of


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_target(tmp_path_factory.mktemp("merging"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("merging") / "source")


@pytest.fixture
def memory(rendered: Path) -> Storage:
    return copied_to(MemoryStorage(), rendered)


# ------------------------------------------------------------------------------ it is interrupted


def check_readers(storage: Storage, before: dict[str, int]) -> None:
    """Readers have what was there, and of the new tables all rows or no table."""
    seen = rows_seen(storage)
    counted = Dataset(storage).row_counts()
    assert seen == counted
    assert seen.items() >= before.items()
    for name in seen.keys() - before.keys():
        assert seen[name] == ROWS[name]


@pytest.mark.parametrize("kind", ["local", "memory", "s3"])
@pytest.mark.parametrize(
    "error", [StorageError("the disk is full"), KeyboardInterrupt()], ids=["error", "interrupt"]
)
def test_failing_at_each_call(
    kind: str,
    error: BaseException,
    request: pytest.FixtureRequest,
    rendered: Path,
    source: Path,
    tmp_path: Path,
) -> None:
    def new() -> Failing:
        return Failing(copied_to(new_storage(kind, tmp_path, request), rendered))

    whole = new()
    before = rows_seen(whole.storage)
    whole.before = lambda: check_readers(whole.storage, before)
    Dataset(as_storage(whole)).merge(source)
    expected = content_of(whole.storage)
    assert whole.calls >= 7

    failed = 0
    for at in range(1, whole.calls + 1):
        failing = new()
        failing.at, failing.error = at, error
        try:
            Dataset(as_storage(failing)).merge(source)
        except type(error):
            failed += 1
        check_readers(failing.storage, before)
        failing.at = 0
        if content_of(failing.storage) != expected:
            Dataset(as_storage(failing)).merge(source)
        assert content_of(failing.storage) == expected, at
        assert Dataset(failing.storage).verify(deep=True).ok
    assert failed >= whole.calls - 1  # a claim that cannot be given back is no failure


def as_storage(failing: Failing) -> Any:
    return failing


def test_failing_again_and_again(rendered: Path, source: Path) -> None:
    """Each try fails one call later than the one before, in the same place."""
    failing = Failing(copied_to(MemoryStorage(), rendered))
    failing.error = StorageError("again")
    for at in range(1, 30):
        failing.calls, failing.at = 0, at
        try:
            Dataset(as_storage(failing)).merge(source)
        except StorageError:
            continue
        break
    else:
        pytest.fail("it never ends")

    assert Dataset(failing.storage).verify(deep=True).ok
    assert rows_seen(failing.storage).items() >= ROWS.items()


def test_what_is_there_is_not_copied_again(rendered: Path, source: Path) -> None:
    failing = Failing(copied_to(MemoryStorage(), rendered), at=3)
    failing.error = StorageError("after the data files")
    with pytest.raises(StorageError, match="after the data files"):
        Dataset(as_storage(failing)).merge(source)
    steps: list[Progress] = []

    Dataset(failing.storage).merge(source, progress=steps.append)

    assert steps == []


def test_a_merge_that_was_not_noted_goes_on_after_hiding_and_showing(
    rendered: Path, source: Path
) -> None:
    """Shown again, the table is in the description, but the manifest still lacks it."""

    class Unnoted(Failing):
        def replace(self, key: str, old: bytes, new: bytes) -> None:
            if key == LAYOUT.manifest:
                raise StorageError("before the manifest")
            self.storage.replace(key, old, new)

    memory = copied_to(MemoryStorage(), rendered)
    with pytest.raises(StorageError, match="before the manifest"):
        Dataset(as_storage(Unnoted(memory))).merge(source)
    dataset = Dataset(memory)
    dataset.hide_tables("scores")
    dataset.unhide_tables("scores")
    assert "scores" in dataset.get_description()["tables"]
    assert not dataset.verify().ok

    assert dataset.merge(source) == ["scores", "visits"]

    assert dataset.verify(deep=True).ok
    assert rows_seen(memory).items() >= ROWS.items()
    with pytest.raises(VersionConflictError, match="has a table 'scores' already"):
        dataset.merge(source)


def test_what_an_interrupted_merge_left_gives_way_to_another_source(
    memory: Storage, source: Path
) -> None:
    left = f"{LAYOUT.table('scores')}/scores0a1b-0.parquet"
    memory.put(left, b"half of it")
    memory.put(f"{LAYOUT.table('scores')}/another.parquet", parquet(pa.table({"id": [1]})))

    Dataset(memory).merge(source, ["scores"])

    assert rows_seen(memory)["scores"] == 3
    assert Dataset(memory).verify(deep=True).ok


def test_without_a_manifest_foreign_files_are_nobodys_to_remove(
    source: Path, tmp_path: Path
) -> None:
    write_old_version(tmp_path, "v1", {"subjects": pa.table({"id": [1]})})
    foreign = tmp_path / "versions/v1/tables/scores/mine.parquet"
    foreign.parent.mkdir()
    foreign.write_bytes(parquet(pa.table({"id": [1]})))
    before = tree(tmp_path)

    with pytest.raises(VersionConflictError, match=r"mine\.parquet: it is in the way"):
        Dataset.open(tmp_path).merge(source)

    assert tree(tmp_path) == before


def kill_at_steps(rendered: Path, source: Path, folder: Path, stride: int) -> int:
    root = folder / "dataset"
    call = partial(add, root, source)
    copy_of(rendered, root)
    before = rows_seen(LocalStorage(root))
    steps = steps_of(call)
    expected = tree(root)
    killed = 0
    for step in range(1, steps + 10, stride):
        shutil.rmtree(root)
        copy_of(rendered, root)
        if not run_killed(call, step).killed:
            continue
        killed += 1
        check_readers(LocalStorage(root), before)
        if tree(root) == expected:
            continue  # all was done, and a merge that is done is not done twice
        again = run(call)
        assert again.error is None, (step, again.error)
        assert tree(root) == expected, step
    return killed


def test_killed_at_some_steps(rendered: Path, source: Path, tmp_path: Path) -> None:
    assert kill_at_steps(rendered, source, tmp_path, 9) >= 6


@pytest.mark.slow
def test_killed_at_every_step(rendered: Path, source: Path, tmp_path: Path) -> None:
    assert kill_at_steps(rendered, source, tmp_path, 1) >= 50


def test_readers_see_a_table_that_no_manifest_lists_yet(memory: Storage, source: Path) -> None:
    """Data files and schema were copied by hand, or by a merge that has not ended."""
    for item in LocalStorage(source).list("versions/s1"):
        path = item.key.removeprefix("versions/s1/")
        if path.startswith(("tables/", "schemas/")):
            memory.put(f"{LAYOUT.root}/{path}", (source / item.key).read_bytes())

    dataset = Dataset(memory)

    assert rows_seen(memory).items() >= ROWS.items()
    assert dataset.row_counts() == rows_seen(memory)
    assert {problem.kind for problem in dataset.verify().problems} == {"foreign", "description"}
    assert dataset.merge(source) == ["scores", "visits"]
    assert dataset.verify(deep=True).ok


# ------------------------------------------------------------------------------------- at once


def test_two_at_once(rendered: Path, source: Path, tmp_path: Path) -> None:
    alone = copy_of(rendered, tmp_path / "alone")
    add(alone, source)
    for attempt in range(3):
        root = copy_of(rendered, tmp_path / f"out-{attempt}")
        outcomes = run_together([partial(add, root, source)] * 3)

        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        assert len(errors) == 2
        assert all(isinstance(error, VersionConflictError) for error in errors)
        assert tree(root) == tree(alone)


def test_different_tables_at_once(rendered: Path, source: Path, tmp_path: Path) -> None:
    for attempt in range(3):
        root = copy_of(rendered, tmp_path / f"out-{attempt}")
        outcomes = run_together([partial(add, root, source, name) for name in ROWS])

        for outcome in outcomes:
            assert outcome.error is None or isinstance(outcome.error, VersionConflictError)
        added = [name for outcome in outcomes for name in outcome.value or []]
        assert added
        assert Dataset.open(root).verify(deep=True).ok
        assert set(Dataset.open(root).tables) - set(Dataset.open(rendered).tables) == set(added)


def test_a_living_writer_is_not_disturbed(memory: Storage, source: Path) -> None:
    mine = claim.take(memory, LAYOUT)
    before = content_of(memory)

    with pytest.raises(VersionConflictError, match="--discard-claim"):
        Dataset(memory).merge(source)

    assert content_of(memory) == before
    assert Dataset(memory).merge(source, discard_claim=True) == ["scores", "visits"]
    with pytest.raises(VersionConflictError):
        claim.require(memory, LAYOUT, mine)


def test_who_loses_the_claim_shows_nothing(memory: Storage, source: Path) -> None:
    def lose(_: Progress) -> None:
        claim.take(memory, LAYOUT, discard=True)

    with pytest.raises(VersionConflictError, match="is claimed by"):
        Dataset(memory).merge(source, progress=lose)

    assert rows_seen(memory).keys().isdisjoint(ROWS)


def test_a_version_that_is_deleted_meanwhile(memory: Storage, source: Path) -> None:
    failing = Failing(memory)
    failing.before = lambda: memory.clear(LAYOUT.root)

    with pytest.raises((VersionNotFoundError, DatasetNotFoundError)):
        Dataset(as_storage(failing)).merge(source)

    assert [item.key for item in memory.list()] == ["README.md"]


def test_a_label_that_changes_meanwhile_stays(memory: Storage, source: Path) -> None:
    """Somebody else relabels between our reading of the description and our writing."""

    class Relabelling(Failing):
        def replace(self, key: str, old: bytes, new: bytes) -> None:
            if key == LAYOUT.description and not changed:
                changed.append(True)
                found = json.loads(memory.get(key))
                memory.put(key, json.dumps({**found, "version_label": "new"}).encode())
            memory.replace(key, old, new)

    changed: list[bool] = []
    dataset = Dataset(as_storage(Relabelling(memory)))

    dataset.merge(source)

    assert changed
    assert dataset.version_label == "new"
    assert dataset.verify().ok


def test_relabelling_and_merging_at_once(memory: Storage, source: Path) -> None:
    ended = threading.Event()

    def keep_relabelling() -> None:
        number = 0
        while not ended.is_set():
            relabel(Catalog(memory), "v1", f"label {number}")
            number += 1

    thread = threading.Thread(target=keep_relabelling)
    thread.start()
    try:
        Dataset(memory).merge(source)
    finally:
        ended.set()
        thread.join()

    assert Dataset(memory).verify(deep=True).ok
    assert Dataset(memory).version_label.startswith("label")


# ------------------------------------------------------------------------------------ large ones


def test_large_files_are_copied_in_bounded_memory(tmp_path: Path, rendered: Path) -> None:
    rows = pa.table({"n": pa.array(range(6_000_000)), "m": pa.array(range(6_000_000))})
    folder = write_old_version(tmp_path / "source", "s1", {"large": rows})
    path = next((folder / "tables/large").iterdir())
    pq.write_table(rows, path, compression="none", use_dictionary=False)
    assert path.stat().st_size > 90e6
    del rows
    root = copy_of(rendered, tmp_path / "out")

    outcome = run(partial(peak_of_merge, root, tmp_path / "source"))

    assert outcome.error is None
    # Eight pieces of 8 MiB, twice while the next ones are fetched; the file has 92 MiB.
    assert outcome.value < 150 << 20
    assert Dataset.open(root).verify(deep=True).ok


def peak_of_merge(root: Path, source: Path) -> int:
    """The bytes of Python objects, at most."""
    import tracemalloc

    tracemalloc.start()
    add(root, source)
    return tracemalloc.get_traced_memory()[1]
