"""A version that is deleted is there whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from fw_dataset import Dataset, render_snapshot
from fw_dataset.errors import (
    DatasetNotFoundError,
    StorageDeniedError,
    StorageError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import LocalStorage, MemoryStorage, Storage
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.deletion import delete_latest, delete_version
from tests.support.datasets import copy_of, small_snapshot, tree, write_old_version
from tests.support.emulators import Emulators
from tests.support.jobs import whole_versions
from tests.support.privileges import as_ordinary_user
from tests.support.processes import run_killed, run_together, steps_of
from tests.support.store_places import StorePlace
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
from tests.versions.three_versions import (
    VERSIONS,
    content_of_three,
    render_three,
    seen,
    whole,
    without,
)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return content_of_three(tmp_path_factory.mktemp("three"))


@pytest.fixture
def storage(three: dict[str, bytes]) -> MemoryStorage:
    return memory_of(three)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_three(tmp_path_factory.mktemp("rendered"))


@pytest.fixture
def root(rendered: Path, tmp_path: Path) -> Path:
    return copy_of(rendered, tmp_path / "dataset")


def put_claim(storage: Storage, version: str, *, doing: str = "written") -> bytes:
    """The claim of a writer who runs."""
    return claim.take(storage, VersionLayout(version), doing=doing)


# ------------------------------------------------------------------------- what goes, what not


@pytest.mark.parametrize("name", ["v1", "first"])
def test_by_id_or_label(storage: MemoryStorage, three: dict[str, bytes], name: str) -> None:
    assert delete_version(Catalog(storage), name) == "v1"
    assert content_of(storage) == without(three, "v1")
    assert whole(storage) == ["v2", "v3"]


@pytest.mark.parametrize("name", ["v3", "latest"])
def test_never_the_latest(storage: MemoryStorage, three: dict[str, bytes], name: str) -> None:
    with pytest.raises(VersionConflictError, match="delete_latest"):
        delete_version(Catalog(storage), name)
    assert content_of(storage) == three


@pytest.mark.parametrize(
    "name", ["nosuch", "", ".", "..", "../v1", "v1/../v2", "v1/", "/", "v1/tables", "*", "a\nb"]
)
def test_nothing_but_versions(storage: MemoryStorage, three: dict[str, bytes], name: str) -> None:
    storage.put("versions/notes.txt", b"")
    with pytest.raises(VersionNotFoundError):
        delete_version(Catalog(storage), name)
    assert content_of(storage) == {**three, "versions/notes.txt": b""}


def test_a_label_that_leads_out_of_the_dataset_is_only_a_label(tmp_path: Path) -> None:
    root = tmp_path / "dataset"
    write_old_version(root, "v1", {}, label="../../outside")
    write_old_version(root, "v2", {}, created="2025-01-01T00:00:00Z")
    (tmp_path / "outside").mkdir()

    Dataset.open(root).delete_version("../../outside")

    assert (tmp_path / "outside").is_dir()
    assert [path.name for path in (root / "versions").iterdir()] == ["v2"]


def test_the_latest_with_one_before_it(storage: MemoryStorage, three: dict[str, bytes]) -> None:
    catalog = Catalog(storage)

    assert delete_latest(catalog) == "v3"
    assert delete_latest(catalog) == "v2"
    with pytest.raises(VersionConflictError, match=r"only one.*remove"):
        delete_latest(catalog)
    assert content_of(storage) == without(three, "v2", "v3")


def test_no_dataset() -> None:
    for call in (delete_latest, partial(delete_version, version="v1")):
        with pytest.raises(DatasetNotFoundError):
            call(Catalog(MemoryStorage()))


def test_errors_are_those_of_the_older_releases(storage: MemoryStorage) -> None:
    for name in ("v3", "nosuch"):
        with pytest.raises(ValueError, match=name):
            delete_version(Catalog(storage), name)


def test_a_version_of_an_older_release(tmp_path: Path) -> None:
    write_old_version(tmp_path, "v1", {})
    write_old_version(tmp_path, "v2", {}, created="2025-01-01T00:00:00Z")
    (tmp_path / "versions/v1/empty/folder").mkdir(parents=True)

    Dataset.open(tmp_path).delete_version("v1")

    assert [path.name for path in (tmp_path / "versions").iterdir()] == ["v2"]


# -------------------------------------------------------------------------------- other writers


def test_a_version_that_somebody_is_at(storage: MemoryStorage, three: dict[str, bytes]) -> None:
    mine = put_claim(storage, "v1")

    with pytest.raises(VersionConflictError, match="is being written by process"):
        delete_version(Catalog(storage), "v1")
    claim.release(storage, VersionLayout("v1"), mine)
    assert content_of(storage) == three


def test_discarding_the_claim_of_somebody_who_is_gone(storage: MemoryStorage) -> None:
    elsewhere = put_claim(storage, "v1").replace(b'"host": "', b'"host": "not-')
    storage.put(VersionLayout("v1").claim, elsewhere)

    with pytest.raises(VersionConflictError, match="--discard-claim"):
        delete_version(Catalog(storage), "v1")
    delete_version(Catalog(storage), "v1", discard_claim=True)
    assert whole(storage) == ["v2", "v3"]


@pytest.mark.parametrize("call", [partial(delete_version, version="v1"), delete_latest])
def test_the_one_that_stays_is_not_deleted_by_another(
    storage: MemoryStorage, three: dict[str, bytes], call: Callable[[Catalog], str]
) -> None:
    """Two machines, one lock each: the claims alone keep a version."""
    stays = "v2" if call is delete_latest else "v3"
    mine = put_claim(storage, stays, doing="deleted")

    with pytest.raises(VersionConflictError, match="being deleted by another"):
        call(Catalog(storage))
    claim.release(storage, VersionLayout(stays), mine)
    assert content_of(storage) == three
    call(Catalog(storage))


def test_a_dead_claim_on_the_one_that_stays_is_in_nobodys_way(storage: MemoryStorage) -> None:
    put_claim(storage, "v3", doing="deleted")
    bury(storage)

    assert delete_version(Catalog(storage), "v1") == "v1"


def delete(root: Path, version: str) -> str:
    catalog = Catalog(LocalStorage(root))
    return delete_latest(catalog) if version == "latest" else delete_version(catalog, version)


def test_writers_at_the_same_time_leave_one_version(rendered: Path, tmp_path: Path) -> None:
    for number in range(4):
        root = copy_of(rendered, tmp_path / str(number))
        calls = [partial(delete, root, name) for name in ("latest", "v1", "v2", "latest")]

        outcomes = run_together(calls)

        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        assert {type(error) for error in errors} <= {VersionConflictError, VersionNotFoundError}
        assert len(whole_versions(root)) == 3 - (len(calls) - len(errors)) >= 1
        names = {path.name for path in (root / "versions").iterdir()}
        assert names == set(whole_versions(root))


def test_a_version_that_may_not_be_deleted(root: Path) -> None:
    before = tree(root)
    for path in (root / "versions/v1", *(root / "versions/v1").rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with as_ordinary_user(), pytest.raises(StorageDeniedError):
        Dataset.open(root).delete_version("v1")
    assert tree(root) == before


def test_a_version_that_may_not_be_read_is_no_leftover(root: Path) -> None:
    description = root / "versions/v1/provenance/dataset_description.json"
    description.chmod(0)
    with as_ordinary_user(), pytest.raises(StorageDeniedError):
        Dataset.open(root).delete_version("v1")
    assert description.exists()


# ---------------------------------------------------------------------------------- interrupted


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_killed_at_each_call(three: dict[str, bytes], version: str) -> None:
    call = delete_latest if version == "v3" else partial(delete_version, version=version)
    steps = calls_of(memory_of(three), lambda storage: call(Catalog(storage)))
    states = set()
    for step in range(1, steps + 1):
        storage = memory_of(three)
        with pytest.raises(KilledError):
            call(Catalog(killed_at(storage, step)))

        there = whole(storage)
        states.add(version in there)
        assert set(there) | {version} == set(VERSIONS), step
        bury(storage)
        again = call if version in there else partial(delete_version, version=version)
        if version in there or without(content_of(storage), version) != content_of(storage):
            again(Catalog(storage))
        assert content_of(storage) == without(three, version), step
    assert steps > 8
    assert states == {True, False}


@pytest.mark.parametrize("done", [True, False])
def test_failing_at_each_call(three: dict[str, bytes], done: bool) -> None:
    steps = calls_of(memory_of(three), lambda storage: delete_version(Catalog(storage), "v1"))
    failed = 0
    for step in range(1, steps + 1):
        storage = memory_of(three)
        # A listing that fails ahead of its need is made up for.
        with suppress(StorageError):
            delete_version(Catalog(failing_at(storage, step, done=done)), "v1")
            assert "v1" not in whole(storage)

        failed += "v1" in whole(storage)
        assert set(whole(storage)) | {"v1"} == set(VERSIONS), step
        if without(content_of(storage), "v1") != content_of(storage):
            assert delete_version(Catalog(storage), "v1") == "v1", step
        assert content_of(storage) == without(three, "v1"), step
    assert failed > 4


def delete_if_there(root: Path, version: str) -> None:
    with suppress(VersionNotFoundError):
        delete(root, version)


def kill(rendered: Path, root: Path, step: int) -> bool:
    shutil.rmtree(root, ignore_errors=True)
    copy_of(rendered, root)
    return run_killed(partial(delete_if_there, root, "v1"), step).killed


@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_on_a_disk(rendered: Path, tmp_path: Path, stride: int) -> None:
    root = copy_of(rendered, tmp_path / "dataset")
    call = partial(delete_if_there, root, "v1")
    steps = steps_of(call)
    after = tree(root)
    killed = 0
    for step in range(1, steps + 1, stride):
        killed += kill(rendered, root, step)
        assert whole_versions(root) in (["v1", "v2", "v3"], ["v2", "v3"])
        call()
        assert tree(root) == after, step
    assert killed >= 6


def test_a_render_clears_what_is_left(rendered: Path, tmp_path: Path) -> None:
    root = copy_of(rendered, tmp_path / "dataset")
    snapshot = small_snapshot(tmp_path / "in", subjects=1)
    steps = steps_of(partial(delete, root, "v1"))
    for step in range(steps // 2, steps, 7):
        assert kill(rendered, root, step)
        assert whole_versions(root) == ["v2", "v3"]
        render_snapshot(snapshot, root, version="v1", label="first", created="2024-01-01T00:00:00Z")
        assert tree(root) == tree(rendered), step


def test_leftovers_of_a_rendering(storage: MemoryStorage, three: dict[str, bytes]) -> None:
    storage.put("versions/v9/tables/subjects/left.parquet", b"left")
    storage.put("versions/bad/provenance/dataset_description.json", b"{")

    assert delete_version(Catalog(storage), "v9") == "v9"
    assert delete_version(Catalog(storage), "bad") == "bad"
    assert content_of(storage) == three


# -------------------------------------------------------------------------------------- readers


def test_readers_get_the_old_or_an_error(three: dict[str, bytes]) -> None:
    """The deletion happens between any two calls of a reader."""
    before = seen(memory_of(three), "v1")
    outcomes = []
    for step in range(1, calls_of(memory_of(three), lambda storage: seen(storage, "v1")) + 1):
        inner = memory_of(three)

        def happen(number: int, _: str, step: int = step, inner: Storage = inner) -> None:
            if number == step:
                delete_version(Catalog(inner), "v1")

        outcomes.append(seen(watched(inner, happen), "v1"))
    assert before in outcomes
    assert [o for o in outcomes if o != before and not isinstance(o, str)] == []
    assert {o for o in outcomes if isinstance(o, str)} <= {
        "VersionNotFoundError",
        "ObjectNotFoundError",
    }


def test_readers_on_a_disk_get_the_old_or_an_error(rendered: Path, tmp_path: Path) -> None:
    """Where nothing was listed ahead, a reader looks for the description again."""
    before, number, outcomes = seen(LocalStorage(rendered), "v1"), 0, list[object]()
    while not outcomes or number < 100:
        number += 1
        root = copy_of(rendered, tmp_path / str(number))
        happened = []

        def happen(call: int, _: str, root: Path = root, step: int = number) -> None:
            if call == step:
                happened.append(delete(root, "v1"))  # noqa: B023 - called at once

        outcomes.append(seen(watched(LocalStorage(root), happen), "v1"))
        if not happened:
            break
    assert len(outcomes) > 8
    assert all(o == before or isinstance(o, str) for o in outcomes)
    assert {type(o) for o in outcomes} == {str, tuple}


def test_the_list_while_versions_go(three: dict[str, bytes]) -> None:
    from fw_dataset.versions.overview import list_versions

    lines = {info["version"]: info for info in list_versions(Catalog(memory_of(three)))}
    steps = calls_of(memory_of(three), lambda storage: list_versions(Catalog(storage)))
    for step in range(1, steps + 1):
        inner = memory_of(three)

        def happen(number: int, _: str, step: int = step, inner: Storage = inner) -> None:
            if number == step:
                delete_version(Catalog(inner), "v1")

        found = list_versions(Catalog(watched(inner, happen)))
        assert found in ([lines["v3"], lines["v2"], lines["v1"]], [lines["v3"], lines["v2"]])


# ------------------------------------------------------------------------- the dataset at hand


def test_the_dataset_at_hand(root: Path) -> None:
    dataset = Dataset.open(root)
    dataset.connect("v1")

    dataset.delete_version("first")

    assert [info["version"] for info in dataset.list_versions()] == ["v3", "v2"]
    with pytest.raises(VersionNotFoundError, match="deleted"):
        dataset.execute("select count(*) from subjects")
    with pytest.raises(VersionNotFoundError, match="deleted"):
        _ = dataset.tables
    with pytest.raises(VersionNotFoundError):
        dataset.connect("v1")
    assert dataset.connect().sql("select count(*) from subjects").fetchall() == [(3,)]
    assert dataset.delete_latest() == "v3"
    assert (dataset.version, dataset.latest_version_id) == ("v2", "v2")
    assert dataset.execute("select count(*) from subjects").fetchall() == [(2,)]


def test_another_version_at_hand(root: Path) -> None:
    dataset = Dataset.open(root)
    dataset.execute("create table mine as select 1")

    dataset.delete_version("v1")

    assert dataset.execute("select * from mine").fetchall() == [(1,)]
    dataset.connect("v2")
    assert dataset.delete_latest() == "v3"
    assert dataset.execute("select count(*) from subjects").fetchall() == [(2,)]


# -------------------------------------------------------------------------------- object stores


@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_in_an_object_store(
    emulators: Emulators, three: dict[str, bytes], kind: str, request: pytest.FixtureRequest
) -> None:
    emulator = emulators.get(kind)
    bucket = f"deletion{abs(hash(request.node.name)) % 10**8}"
    emulator.make_bucket(bucket)
    place = StorePlace(emulator, bucket, "stüdy/a b")
    for key, data in three.items():
        place.storage.put(key, data)
    dataset = Dataset.open(place.url, place.credentials)
    dataset.connect("v1")

    dataset.delete_version("v1")

    assert place.whole_versions() == ["v2", "v3"]
    with pytest.raises(VersionNotFoundError):
        dataset.execute("select count(*) from subjects")
    assert dataset.delete_latest() == "v3"
    assert place.whole_versions() == ["v2"]
    place.storage.put("foreign.txt", b"")
    assert dataset.remove() == ["foreign.txt"]
    assert set(place.content()) == {"foreign.txt"}
