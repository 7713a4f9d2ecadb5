"""A version is told by its id, whatever others call theirs while something is done to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from fw_dataset import Dataset
from fw_dataset.errors import FWDatasetError
from fw_dataset.storage import MemoryStorage, Storage
from tests.support.mergeable import write_source
from tests.support.watched_storage import calls_of, content_of, memory_of, watched
from tests.versions.three_versions import content_of_three, whole

CHANGES: dict[str, Callable[[Dataset, Path], object]] = {
    "hide": lambda dataset, _: dataset.hide_tables("subjects", "v1"),
    "unhide": lambda dataset, _: dataset.unhide_tables("files", "v1"),
    "hide at hand": lambda dataset, _: dataset.hide_tables("subjects"),
    "unhide at hand": lambda dataset, _: dataset.unhide_tables("files"),
    "merge": lambda dataset, source: dataset.merge(source, version="v1"),
    "prune": lambda dataset, _: dataset.prune(keep_labels=["v2"], dry_run=False),
    "relabel": lambda dataset, _: dataset.relabel("v1", "one"),
}
# These are told a name, which may be anybody's until they have looked up whose it is.
NAMED = ("hide", "unhide", "merge", "relabel")
CALLS_TO_LOOK_UP = 3


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Three versions, of each of which a table is hidden."""
    storage = memory_of(content_of_three(tmp_path_factory.mktemp("three")))
    for version in ("v1", "v2", "v3"):
        Dataset(storage).hide_tables("files", version)
    return content_of(storage)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("source") / "dataset")


def elsewhere(storage: MemoryStorage) -> Storage:
    """The same objects for a writer of another machine, who waits for none of our locks."""
    other = MemoryStorage()
    other._objects = storage._objects
    return other


def tables_of(storage: Storage, version: str) -> dict[str, bytes]:
    """The files of a version but its description, which holds the label."""
    start = f"versions/{version}/"
    return {
        key: data
        for key, data in content_of(storage).items()
        if key.startswith(start) and not key.endswith("dataset_description.json")
    }


@pytest.mark.parametrize("change", CHANGES)
def test_its_id_becomes_anothers_label_at_each_call(
    content: dict[str, bytes], source: Path, change: str
) -> None:
    def at_hand(storage: Storage) -> Dataset:
        return Dataset(storage, "v1")

    total = calls_of(memory_of(content), lambda store: CHANGES[change](at_hand(store), source))
    first = calls_of(memory_of(content), at_hand) + 1
    deleted = 0
    for step in range(first + CALLS_TO_LOOK_UP if change in NAMED else first, total + 1):
        storage = memory_of(content)
        before = tables_of(storage, "v2")

        def meddle(number: int, _: str, step: int = step, inner: MemoryStorage = storage) -> None:
            if number == step:
                other = Dataset(elsewhere(inner), "v3")
                with suppress(FWDatasetError):  # somebody is at it
                    other.delete_version("v1")
                if not other.version_exists("v1"):
                    other.relabel("v2", "v1")

        with suppress(FWDatasetError):
            CHANGES[change](at_hand(watched(storage, meddle)), source)

        assert "v2" in whole(storage), step
        assert tables_of(storage, "v2") == before, step
        deleted += "v1" not in whole(storage)
    assert deleted > 2
