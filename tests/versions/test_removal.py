"""A whole dataset is removed, and nothing else; what is interrupted is ended later."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from fw_dataset import Dataset
from fw_dataset.errors import (
    DatasetNotFoundError,
    StorageError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import MemoryStorage, Storage
from fw_dataset.versions import claim
from fw_dataset.versions.removal import is_anything_left, remove
from tests.support.watched_storage import (
    KilledError,
    bury,
    calls_of,
    content_of,
    failing_at,
    killed_at,
    memory_of,
    watched,
)
from tests.versions.three_versions import VERSIONS, content_of_three, render_three, whole, without


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return content_of_three(tmp_path_factory.mktemp("three"))


@pytest.fixture
def storage(three: dict[str, bytes]) -> MemoryStorage:
    return memory_of(three)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return render_three(tmp_path)


def test_remove(root: Path) -> None:
    dataset = Dataset.open(root)

    assert dataset.remove() == []

    assert list(root.iterdir()) == []
    with pytest.raises(DatasetNotFoundError):
        dataset.connect()
    with pytest.raises(VersionNotFoundError):
        dataset.execute("select 1 from subjects")
    assert dataset.remove() == []


def test_remove_leaves_what_is_not_of_the_dataset(root: Path) -> None:
    foreign = ["notes.txt", "versions/notes.txt", "versions/with space/x", "other/versions/v1/x"]
    foreign += ["versions/v1/mine.txt", "versions/mine/notes.txt", "latest/tables/x.parquet"]
    for name in foreign:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("mine")

    assert Dataset.open(root).remove() == sorted(foreign)
    assert [p.relative_to(root).as_posix() for p in sorted(root.rglob("*")) if p.is_file()] == (
        sorted(foreign)
    )


def test_remove_takes_leftovers_along(storage: MemoryStorage) -> None:
    storage.put("versions/v9/tables/subjects/left.parquet", b"left")
    storage.put("versions/bad/provenance/dataset_description.json", b"{")

    assert is_anything_left(storage)
    assert remove(storage) == []
    assert content_of(storage) == {}
    assert not is_anything_left(storage)


def test_remove_of_a_dataset_that_somebody_writes_to(
    storage: MemoryStorage, three: dict[str, bytes]
) -> None:
    mine = claim.take(storage, VersionLayout("v9"))

    with pytest.raises(VersionConflictError, match="being written"):
        remove(storage)
    assert content_of(storage) == {**three, "versions/v9/_claim.json": mine}


def test_remove_while_a_version_appears(three: dict[str, bytes]) -> None:
    for step in range(1, calls_of(memory_of(three), remove) + 1):
        inner = memory_of(without(three, "v1"))

        def appear(number: int, _: str, step: int = step, inner: Storage = inner) -> None:
            if number == step:
                for key, data in without(three, "v2", "v3").items():
                    inner.put(key, data)

        try:
            remove(watched(inner, appear))
        except VersionConflictError:
            assert whole(inner) == list(VERSIONS), step
        else:
            assert whole(inner) in ([], ["v1"]), step


@pytest.mark.parametrize("done", [True, False, None])
def test_remove_is_interrupted(three: dict[str, bytes], done: bool | None) -> None:
    """The oldest go first, and none comes back as the latest."""
    states = []
    for step in range(1, calls_of(memory_of(three), remove) + 1):
        storage = memory_of(three)
        broken = killed_at(storage, step) if done is None else failing_at(storage, step, done=done)
        with suppress(KilledError, StorageError):
            remove(broken)
            assert whole(storage) == []

        there = whole(storage)
        assert there == list(VERSIONS[3 - len(there) :]), step
        states.append(len(there))
        if done is None:
            bury(storage)
        assert remove(storage) == []
        assert content_of(storage) == {}, step
    assert set(states) == {0, 1, 2, 3}


def test_work_folders_of_killed_renderings_go_along(root: Path) -> None:
    (root / ".fw-dataset-work-abc").mkdir()
    (root / ".fw-dataset-work-abc/in-use.lock").write_text("")
    (root / ".fw-dataset-work-abc/snapshot.db").write_text("")

    assert Dataset.open(root).remove() == []
    assert list(root.iterdir()) == []
