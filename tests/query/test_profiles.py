"""Profiles of versions: stored or made, from any storage."""

from __future__ import annotations

from pathlib import Path

import pytest

from fw_dataset import Dataset, errors, render_snapshot
from fw_dataset.demo import write_snapshot
from fw_dataset.format.layout import VersionLayout
from fw_dataset.format.profile import TableProfile
from fw_dataset.storage import MemoryStorage, Storage
from tests.support.shared_data import OLD_RELEASES, shared
from tests.support.watched_storage import (
    calls_of,
    content_of,
    failing_at,
    memory_of,
    watched,
)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A dataset of one version, ``v1``."""
    folder = tmp_path_factory.mktemp("profiles")
    write_snapshot(folder / "snapshot.db.gz", subjects=4)
    render_snapshot(folder / "snapshot.db.gz", folder / "dataset", version="v1")
    root = folder / "dataset"
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def storage(content: dict[str, bytes]) -> MemoryStorage:
    return memory_of(content)


def test_a_store_gives_the_same_as_a_folder(
    storage: MemoryStorage, content: dict[str, bytes], tmp_path: Path
) -> None:
    for key, data in content.items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    found = Dataset(storage).profile()

    assert list(found) == sorted(found)
    assert {name: one.rows for name, one in found.items()} == Dataset(storage).row_counts()
    assert found == Dataset.open(tmp_path).profile()
    assert content_of(storage) == content  # looking writes nothing


def test_what_is_stored_is_read_without_opening_data(storage: MemoryStorage) -> None:
    made = Dataset(storage).profile()
    for name, profile in made.items():
        storage.put(VersionLayout("v1").profile(name), profile.to_json())
    for item in list(storage.list()):
        if item.key.endswith(".parquet"):
            storage.delete(item.key)

    assert Dataset(storage).profile() == made
    bare = Dataset(storage).profile("files", values=False)["files"]
    assert bare == made["files"].without_values()


def test_stored_without_values_stays_so(storage: MemoryStorage) -> None:
    bare = Dataset(storage).profile("subjects")["subjects"].without_values()
    storage.put(VersionLayout("v1").profile("subjects"), bare.to_json())

    assert Dataset(storage).profile("subjects", values=True) == {"subjects": bare}


def test_results_that_are_still_read_go_on(storage: MemoryStorage) -> None:
    with Dataset(storage) as dataset:
        rows = dataset.execute("SELECT id FROM files")
        first = rows.fetchone()
        dataset.profile("subjects")

        assert len([first, *rows.fetchall()]) == dataset.row_counts()["files"]


def test_a_store_that_fails_is_told_as_such(storage: MemoryStorage) -> None:
    def work(storage: Storage) -> dict[str, TableProfile]:
        return Dataset(storage).profile("files")

    whole, told = work(storage), set()
    for step in range(1, calls_of(storage, work) + 1):
        try:
            found = work(failing_at(storage, step, done=False))
        except errors.StorageError as error:
            told.add(str(error) == f"call {step} fails")
        else:
            assert found == whole  # what failed could be had in another way

    assert told == {True}


def test_another_version_and_tables_that_are_not_there(storage: MemoryStorage) -> None:
    dataset = Dataset(storage)

    assert list(dataset.profile("subjects", "v1")) == ["subjects"]
    with pytest.raises(errors.TableNotFoundError, match="'nope'"):
        dataset.profile("nope")
    with pytest.raises(errors.VersionNotFoundError, match="'v9'"):
        dataset.profile(version="v9")


def test_few_questions_are_asked_of_a_store(storage: MemoryStorage) -> None:
    for name, profile in Dataset(storage).profile().items():
        storage.put(VersionLayout("v1").profile(name), profile.to_json())
    dataset = Dataset(watched(storage))
    before = dataset._storage.calls  # type: ignore[attr-defined]

    dataset.profile()

    # The schemas and the profiles, each side by side.
    assert dataset._storage.calls - before <= 2  # type: ignore[attr-defined]


def test_a_profile_of_another_table_does_not_count(storage: MemoryStorage) -> None:
    stray = TableProfile(table="files", rows=99)
    storage.put(VersionLayout("v1").profile("subjects"), stray.to_json())

    assert Dataset(storage).profile("subjects")["subjects"].rows == 4


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_datasets_of_older_releases(release: str) -> None:
    (marker,) = list(shared("data", "old_format", release).rglob("dataset_description.json"))[:1]
    dataset = Dataset.open(marker.parents[3])

    found = dataset.profile()

    assert {name: one.rows for name, one in found.items()} == dataset.row_counts()
    for name, profile in found.items():
        described = dataset.execute(f'DESCRIBE "{name}"').fetchall()
        assert [(c.name, c.type) for c in profile.columns] == [row[:2] for row in described]
