"""Trees of the 0.1 and 0.2 releases become today's, wherever they or we were interrupted."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fw_dataset import Dataset
from fw_dataset.errors import DatasetFormatError, DatasetNotFoundError, StorageError
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import LocalStorage, Storage
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.migration import migrate
from fw_dataset.versions.removal import remove
from tests.support.datasets import copy_of, tree, untouched, write_json, write_old_version
from tests.support.emulators import Emulators
from tests.support.processes import run_killed, steps_of
from tests.support.store_places import StorePlace
from tests.support.watched_storage import (
    KilledError,
    bury,
    calls_of,
    content_of,
    failing_at,
    killed_at,
    memory_of,
)
from tests.versions.three_versions import render_three

OLD, NEW = "66cf6701af1c6f3855f1ee61", "670000001af1c6f3855f1ee6"
MARKER = "provenance/dataset_description.json"
NOTE = "versions/latest_version.json"
CREATED = "2025-01-01T00:00:00Z"


def tables(rows: int) -> dict[str, pa.Table]:
    return {"subjects": pa.table({"id": [str(row) for row in range(rows)]})}


def write_tree(root: Path) -> Path:
    """The tree of a 0.2 release: the newest version of three rows, and one before it of two."""
    write_old_version(root, OLD, tables(2), created="2024-01-01T00:00:00Z")
    folder = write_old_version(root, NEW, tables(3), label="new", created=CREATED)
    write_json(folder / "provenance/snapshot_info.json", {"_id": NEW, "created": CREATED})
    (folder / "provenance/README.md").write_text("about latest")
    (folder / "files_cache").mkdir()
    (folder / "files_cache/x.csv").write_text("a,b\n")
    folder.rename(root / "latest")
    write_json(root / NOTE, json.loads((root / "latest" / MARKER).read_text()))
    (root / "README.md").write_text("old words")
    return root


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return content_of(LocalStorage(write_tree(tmp_path_factory.mktemp("old"))))


@pytest.fixture(scope="module")
def new(old: dict[str, bytes]) -> dict[str, bytes]:
    content = {
        key.replace("latest/", f"versions/{NEW}/", 1) if key.startswith("latest/") else key: data
        for key, data in old.items()
    }
    del content[NOTE]
    return content


def test_the_latest_becomes_a_version(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "data")
    written = {path.relative_to(root / "latest") for path in (root / "latest").rglob("*")}
    progress: list[Any] = []

    dataset = Dataset.migrate(root, progress=progress.append)

    assert (dataset.version, dataset.version_label) == (NEW, "new")
    assert [info["rows"] for info in dataset.list_versions()] == [3, 2]
    assert dataset.execute("select count(*) from subjects").fetchall() == [(3,)]
    folder = root / "versions" / NEW
    assert {path.relative_to(folder) for path in folder.rglob("*")} == written
    assert sorted(path.name for path in root.iterdir()) == ["README.md", "versions"]
    assert sorted(path.name for path in (root / "versions").iterdir()) == [OLD, NEW]
    assert {step.stage for step in progress} == {"migrate"}
    assert progress[-1].bytes == progress[-1].total_bytes > 0
    before = untouched(root)
    assert Dataset.migrate(root).version == NEW
    assert untouched(root) == before


def test_the_only_version(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "data")
    for path in sorted((root / "versions").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(DatasetNotFoundError, match="migrate"):
        Dataset.open(root)

    assert [info["version"] for info in Dataset.migrate(root).list_versions()] == [NEW]


def test_a_tree_of_today_is_left_alone(tmp_path: Path) -> None:
    root = render_three(tmp_path)
    (root / "latest").mkdir()
    (root / "latest/mine.txt").write_text("mine")
    before = untouched(root)

    assert migrate(LocalStorage(root)) is None
    assert untouched(root) == before


def test_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError):
        Dataset.migrate(tmp_path / "none")
    assert not (tmp_path / "none").exists()


# ----------------------------------------------------------------- what those releases left behind


def without(content: dict[str, bytes], *keys: str) -> dict[str, bytes]:
    return {key: data for key, data in content.items() if key not in keys}


def both(old: dict[str, bytes], new: dict[str, bytes]) -> dict[str, bytes]:
    """The newest version in both places."""
    return {**new, **old}


def table_of(content: dict[str, bytes], start: str) -> str:
    (key,) = (key for key in content if key.startswith(f"{start}/tables/"))
    return key


def test_interrupted_moves_of_those_releases(old: dict[str, bytes], new: dict[str, bytes]) -> None:
    all_there = both(old, new)
    there, latest = f"versions/{NEW}", "latest"
    for left in (
        without(all_there, table_of(new, there)),
        without(all_there, f"{there}/{MARKER}"),
        without(all_there, f"{there}/{MARKER}", table_of(new, there)),
        without(all_there, table_of(old, latest)),
        without(all_there, f"{latest}/{MARKER}"),
        without(all_there, f"{latest}/{MARKER}", table_of(old, latest)),
        without(all_there, f"{latest}/{MARKER}", NOTE),
        without(all_there, NOTE),
    ):
        storage = memory_of(left)

        migrate(storage)

        if NOTE in left or f"{latest}/{MARKER}" in left:
            assert content_of(storage) == new
        else:
            assert content_of(storage) == left, "nobody says that it is of a dataset"


def test_a_note_without_a_latest(new: dict[str, bytes], old: dict[str, bytes]) -> None:
    storage = memory_of({**new, NOTE: old[NOTE]})
    assert migrate(storage) == NEW
    assert content_of(storage) == new

    lost = {**{key: data for key, data in new.items() if NEW not in key}, NOTE: old[NOTE]}
    storage = memory_of(lost)
    assert migrate(storage) is None
    assert content_of(storage) == lost


def test_two_renderings_of_one_snapshot(old: dict[str, bytes], new: dict[str, bytes]) -> None:
    """Their files have other names: together they would have each row twice."""
    there = table_of(new, f"versions/{NEW}")
    other = {**without(both(old, new), there), there.replace("0a1b", "ffff"): new[there]}
    storage = memory_of(other)
    with pytest.raises(DatasetFormatError, match=r"not the same content.*nothing was changed"):
        migrate(storage)
    assert content_of(storage) == other

    other = {**both(old, new), there: new[there][:-1] + b"?"}
    storage = memory_of(other)
    with pytest.raises(DatasetFormatError, match=r"subjects0a1b-0\.parquet"):
        migrate(storage)
    assert content_of(storage) == other


def test_a_latest_that_nobody_knows(old: dict[str, bytes]) -> None:
    left = without(old, f"latest/{MARKER}")
    storage = memory_of(left)
    with pytest.raises(DatasetFormatError, match="no version has its files"):
        migrate(storage)
    assert content_of(storage) == left


@pytest.mark.parametrize("lack", [{"version": ""}, {"created": ""}, {"version": "", "created": ""}])
@pytest.mark.parametrize("helped", ["note", "snapshot", "id"])
def test_descriptions_that_lack_something(
    old: dict[str, bytes], lack: dict[str, str], helped: str
) -> None:
    own = json.loads(old[f"latest/{MARKER}"])
    poor = json.dumps({**own, **lack, "odd": 1}).encode()
    content = {**old, f"latest/{MARKER}": poor}
    if helped != "note":
        del content[NOTE]
    if helped == "id":
        content["latest/provenance/snapshot_info.json"] = json.dumps({"_id": NEW}).encode()
    storage = memory_of(content)

    assert migrate(storage) == NEW

    found = Catalog(storage).find(NEW)
    assert found.label == "new"
    assert found.rows == {"subjects": 3}
    year = 2025 if "created" not in lack or helped != "id" else 2024  # 0x67000000 is in 2024
    assert found.description.created.year == year
    assert json.loads(storage.get(found.layout.description))["odd"] == 1


def test_a_description_that_says_nothing(old: dict[str, bytes]) -> None:
    for text in (b"{", b'{"version": "../x"}', b"[]"):
        content = {**without(old, NOTE, "latest/provenance/snapshot_info.json")}
        content[f"latest/{MARKER}"] = text
        storage = memory_of(content)
        with pytest.raises(DatasetFormatError):
            migrate(storage)
        assert content_of(storage) == content


def test_remove_takes_the_latest_along(old: dict[str, bytes]) -> None:
    for step in (*range(1, calls_of(memory_of(old), remove) + 1), None):
        storage = memory_of(old)
        if step is not None:
            with suppress(StorageError):
                remove(failing_at(storage, step, done=False))
        assert remove(storage) == []
        assert content_of(storage) == {}, step


# -------------------------------------------------------------------------------------- interrupted


def rows_seen(storage: Storage) -> list[int]:
    return [sum(version.rows.values()) for version in Catalog(storage).versions()]


@pytest.mark.parametrize("how", ["killed", "failing", "failing when done"])
@pytest.mark.parametrize("with_note", [True, False])
def test_interrupted_at_each_call(
    old: dict[str, bytes], new: dict[str, bytes], how: str, with_note: bool
) -> None:
    content = old if with_note else without(old, NOTE)
    data = set(old.values()) - {old[f"latest/{MARKER}"]}
    steps = calls_of(memory_of(content), migrate)
    for step in range(1, steps + 1):
        storage = memory_of(content)
        if how == "killed":
            broken = killed_at(storage, step)
        else:
            broken = failing_at(storage, step, done=how == "failing when done")
        with suppress(KilledError, StorageError):
            migrate(broken)

        assert data <= set(content_of(storage).values()), "something is lost"
        assert rows_seen(storage) in ([2], [3, 2]), step
        if how == "killed":
            bury(storage)
        assert migrate(storage) in (NEW, None)
        assert content_of(storage) == new, step
    assert steps > 15


def move(root: Path) -> None:
    migrate(LocalStorage(root))


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_on_a_disk(tmp_path: Path, stride: int) -> None:
    before = write_tree(tmp_path / "before")
    root = copy_of(before, tmp_path / "dataset")
    steps = steps_of(partial(move, root))
    after = tree(root)
    killed = 0
    for step in range(1, steps + 1, stride):
        root = copy_of(before, tmp_path / str(step))
        killed += run_killed(partial(move, root), step).killed
        assert rows_seen(LocalStorage(root)) in ([2], [3, 2])
        move(root)
        assert tree(root) == after, step
    assert killed > 10


def test_somebody_is_at_it(old: dict[str, bytes]) -> None:
    storage = memory_of(old)
    elsewhere = claim.take(storage, VersionLayout(NEW)).replace(b'"host": "', b'"host": "not-')
    storage.put(VersionLayout(NEW).claim, elsewhere)
    before = content_of(storage)

    with pytest.raises(ValueError, match="--discard-claim"):
        migrate(storage)
    assert content_of(storage) == before
    assert migrate(storage, discard_claim=True) == NEW


@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_in_an_object_store(
    emulators: Emulators, old: dict[str, bytes], new: dict[str, bytes], kind: str
) -> None:
    emulator = emulators.get(kind)
    emulator.make_bucket("migration")
    place = StorePlace(emulator, "migration", "a b")
    for key, data in old.items():
        place.storage.put(key, data)

    dataset = Dataset.migrate(place.url, place.credentials)

    assert place.content() == new
    assert dataset.execute("select count(*) from subjects").fetchall() == [(3,)]
