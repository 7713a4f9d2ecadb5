"""Tables that are hidden and shown again; readers see the one or the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset import Dataset
from fw_dataset.errors import (
    DatasetFormatError,
    InvalidArgumentError,
    StorageError,
    TableNotFoundError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import LocalStorage, Storage
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.hiding import hide_tables, unhide_tables
from fw_dataset.versions.overview import list_versions
from fw_dataset.versions.verification import verify
from tests.support.datasets import copy_of, tree
from tests.support.emulators import Emulators
from tests.support.processes import run_killed, steps_of
from tests.support.shared_data import OLD_RELEASES, shared
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
from tests.versions.three_versions import content_of_three, render_three, seen, without

TABLES = ["acquisitions", "analyses", "files", "projects", "sessions", "subjects"]
HIDDEN = ["files", "subjects"]
Call = Callable[[Storage], None]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return without(content_of_three(tmp_path_factory.mktemp("three")), "v1", "v2")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_three(tmp_path_factory.mktemp("rendered"))


@pytest.fixture
def root(rendered: Path, tmp_path: Path) -> Path:
    return copy_of(rendered, tmp_path / "dataset")


def hide(storage: Storage, tables: list[str] = HIDDEN) -> None:
    hide_tables(Catalog(storage), tables)


def unhide(storage: Storage, tables: list[str] = HIDDEN) -> None:
    unhide_tables(Catalog(storage), tables)


def shown(storage: Storage) -> list[str]:
    """The tables of the latest version; all that says so has to agree."""
    catalog = Catalog(storage)
    found = catalog.find()
    assert list(found.models) == found.table_names
    assert sorted(found.description.tables) == found.table_names
    for described in found.description.tables.values():
        assert described["properties"]
        assert described["properties"] == described["data_model"]["properties"]
    (line,) = list_versions(catalog)
    assert line == found.info(found.id)
    assert verify(found, deep=True).problems == ()
    return found.table_names


def manifest_holds(storage: Storage) -> bool:
    content = content_of(storage)
    files = json.loads(content["versions/v3/provenance/manifest.json"])["files"]
    return all(
        hashlib.sha256(content[f"versions/v3/{entry['path']}"]).hexdigest() == entry["sha256"]
        for entry in files
    )


def test_hide_and_show_again(one: dict[str, bytes]) -> None:
    storage = memory_of(one)

    hide(storage)
    assert shown(storage) == [name for name in TABLES if name not in HIDDEN]
    assert Catalog(storage).find().hidden_names == HIDDEN
    assert manifest_holds(storage)
    data = {key for key in one if "/tables/" in key}
    assert data <= content_of(storage).keys()
    hide(storage)  # is no error
    hide(storage, ["files"])
    assert Catalog(storage).find().hidden_names == HIDDEN

    unhide(storage, ["files"])
    assert shown(storage) == [name for name in TABLES if name != "subjects"]
    unhide(storage, TABLES)  # nor is this one
    assert content_of(storage) == one


def test_unknown_tables(one: dict[str, bytes]) -> None:
    storage = memory_of(one)
    hide(storage, ["files"])
    before = content_of(storage)
    for call in (hide_tables, unhide_tables):
        for name in ("file", "../files", "hidden/files", "", ".", "FILES"):
            with pytest.raises(TableNotFoundError, match=r"files.*subjects"):
                call(Catalog(storage), ["subjects", name])
        with pytest.raises(InvalidArgumentError):
            call(Catalog(storage), [])
        with pytest.raises(VersionNotFoundError):
            call(Catalog(storage), ["files"], "nosuch")
    assert content_of(storage) == before


def test_one_name_will_do(one: dict[str, bytes]) -> None:
    storage = memory_of(one)
    hide_tables(Catalog(storage), "files")
    assert Catalog(storage).find().hidden_names == ["files"]


def test_a_version_that_somebody_is_at(one: dict[str, bytes]) -> None:
    storage = memory_of(one)
    mine = claim.take(storage, VersionLayout("v3"), doing="changed")
    for call in (hide, unhide):
        with pytest.raises(VersionConflictError, match="is being changed by process"):
            call(storage)
    claim.release(storage, VersionLayout("v3"), mine)
    assert content_of(storage) == one


def test_a_damaged_schema_or_manifest_stops_it(one: dict[str, bytes]) -> None:
    storage = memory_of(one)
    hide(storage)
    storage.put("versions/v3/schemas/hidden/files.schema.json", b"{")
    before = content_of(storage)
    with pytest.raises(DatasetFormatError, match="files"):
        unhide(storage)
    assert content_of(storage) == before

    storage = memory_of({**one, "versions/v3/provenance/manifest.json": b"{"})
    before = content_of(storage)
    with pytest.raises(DatasetFormatError, match="manifest"):
        hide(storage)
    assert content_of(storage) == before


@given(st.lists(st.tuples(st.booleans(), st.sets(st.sampled_from(TABLES), min_size=1)), max_size=6))
def test_any_sequence(one: dict[str, bytes], steps: list[tuple[bool, set[str]]]) -> None:
    storage, model = memory_of(one), set(TABLES)
    for is_hiding, names in steps:
        (hide if is_hiding else unhide)(storage, sorted(names))
        model = model - names if is_hiding else model | names
        assert shown(storage) == sorted(model)
    unhide(storage, TABLES)
    assert content_of(storage) == one


# ---------------------------------------------------------------------------------- interrupted


def states(one: dict[str, bytes], call: Call) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The dataset before and after the call."""
    storage = memory_of(one)
    if call is unhide:
        hide(storage)
    before = content_of(storage)
    call(storage)
    return before, content_of(storage)


@pytest.mark.parametrize("how", ["killed", "failing", "failing when done"])
@pytest.mark.parametrize("call", [hide, unhide])
def test_interrupted_at_each_call(one: dict[str, bytes], call: Call, how: str) -> None:
    before, after = states(one, call)
    opposite = unhide if call is hide else hide
    views = {tuple(Catalog(memory_of(state)).find().models) for state in (before, after)}
    for step in range(1, calls_of(memory_of(before), call) + 1):
        for repair, expected in ((call, after), (opposite, before)):
            storage = memory_of(before)
            if how == "killed":
                broken = killed_at(storage, step)
            else:
                broken = failing_at(storage, step, done=how == "failing when done")
            with suppress(KilledError, StorageError):
                call(broken)

            found = Catalog(storage).find()
            assert set(found.models) | set(HIDDEN) == set(TABLES)
            assert set(found.table_names) | set(found.hidden_names) == set(TABLES)
            if call is hide:
                assert tuple(found.models) in views or len(found.models) == len(TABLES) - 1
            assert isinstance(seen(storage, "v3"), tuple), step
            if how == "killed":
                bury(storage)
            repair(storage)
            assert content_of(storage) == expected, (step, repair)


@pytest.mark.parametrize("call", [hide, unhide])
def test_readers_at_each_call(one: dict[str, bytes], call: Call) -> None:
    """They look between any two calls of the writer, and it works between any two of theirs."""
    before, after = states(one, call)
    views = [seen(memory_of(state), "v3") for state in (before, after)]
    storage = memory_of(before)
    looks = []

    def look(_: int, __: str) -> None:
        looks.append(seen(storage, "v3"))
        list_versions(Catalog(storage))

    call(watched(storage, look, look))
    assert len(looks) > 20
    assert {type(found) for found in looks} == {tuple}
    assert (looks[0], looks[-1]) == tuple(views)

    for step in range(1, calls_of(memory_of(before), lambda store: seen(store, "v3")) + 1):
        inner = memory_of(before)

        def happen(number: int, _: str, step: int = step, inner: Storage = inner) -> None:
            if number == step:
                call(inner)

        assert seen(watched(inner, happen), "v3") in views, step


def change(root: Path, call: Call) -> None:
    call(LocalStorage(root))


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("call", [hide, unhide])
def test_killed_on_a_disk(rendered: Path, tmp_path: Path, call: Call, stride: int) -> None:
    before = copy_of(rendered, tmp_path / "before")
    if call is unhide:
        change(before, hide)
    work = partial(change, tmp_path / "dataset", call)
    copy_of(before, tmp_path / "dataset")
    steps = steps_of(work)
    after = tree(tmp_path / "dataset")
    killed = 0
    for step in range(1, steps + 1, stride):
        root = copy_of(before, tmp_path / str(step))
        killed += run_killed(partial(change, root, call), step).killed
        with Dataset.open(root) as dataset:
            for name in dataset.tables:
                dataset.execute(f"select count(*) from {name}")
        change(root, call)
        assert tree(root) == after, step
    assert killed > 5


# ------------------------------------------------------------------------- the dataset at hand


def test_the_dataset_at_hand(root: Path) -> None:
    dataset = Dataset.open(root)
    assert dataset.execute("select count(*) from files").fetchall() == [(3,)]

    dataset.hide_tables(["files"])

    assert dataset.list_hidden_tables() == ["files"]
    assert "files" not in dataset.tables
    assert "files" not in dataset.row_counts()
    assert dataset.list_hidden_tables("v1") == []
    with pytest.raises(Exception, match="files"):
        dataset.execute("select count(*) from files")
    assert dataset.execute("select count(*) from subjects").fetchall() == [(3,)]

    dataset.hide_tables("files", version="first")
    assert dataset.list_hidden_tables("v1") == ["files"]
    dataset.unhide_tables(["files"])
    assert dataset.list_hidden_tables() == []
    assert dataset.execute("select count(*) from files").fetchall() == [(3,)]
    dataset.connect("v1")
    assert dataset.list_hidden_tables() == ["files"]


@pytest.mark.parametrize("call", [Dataset.hide_tables, Dataset.unhide_tables])
def test_a_deleted_version_at_hand_is_no_other_one(
    root: Path, call: Callable[[Dataset, str], None]
) -> None:
    """Others have deleted it, and given its id to another version as a label."""
    dataset = Dataset.open(root)
    dataset.connect("v2")
    other = Dataset.open(root)
    other.hide_tables("files")
    other.delete_version("v2")
    other.relabel("v3", "v2")
    before = tree(root)

    with pytest.raises(VersionNotFoundError, match=r"'v2' .* was deleted meanwhile"):
        call(dataset, "files" if call is Dataset.unhide_tables else "subjects")

    assert tree(root) == before
    assert dataset.version == "v2"


def test_relabel(root: Path) -> None:
    dataset = Dataset.open(root)

    info = dataset.relabel("first", "the first")

    assert (info["version"], info["label"], info["latest"]) == ("v1", "the first", False)
    assert dataset.relabel("latest", "now")["latest"]
    assert dataset.version_label == "now"
    dataset.connect("the first")
    with pytest.raises(VersionNotFoundError):
        dataset.connect("first")
    with pytest.raises(VersionConflictError):
        dataset.relabel("v2", "now")


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_a_version_of_an_older_release(tmp_path: Path, release: str) -> None:
    source = next(shared("data", "old_format", release, "datasets").glob("*/*/*"))
    root = copy_of(source, tmp_path / "old")
    before = {path for path in tree(root) if not path.endswith("dataset_description.json")}
    dataset = Dataset.open(root)
    description: dict[str, Any] = dataset.get_description()

    dataset.hide_tables(["files", "analyses"])

    assert sorted(dataset.tables) == ["acquisitions", "sessions", "subjects"]
    assert dataset.list_versions()[0]["rows"] == sum(dataset.row_counts().values())
    assert sorted(dataset.get_description()["tables"]) == sorted(dataset.tables)
    dataset.unhide_tables(["files", "analyses"])
    assert {p for p in tree(root) if not p.endswith("dataset_description.json")} == before
    assert sorted(dataset.get_description()["tables"]) == sorted(description["tables"])
    assert dataset.get_description()["tables"]["files"]["properties"]
    assert dataset.execute("select count(*) from files").fetchall() == [(2000,)]


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
def test_in_an_object_store(emulators: Emulators, one: dict[str, bytes], kind: str) -> None:
    emulator = emulators.get(kind)
    emulator.make_bucket("hiding")
    place = StorePlace(emulator, "hiding", "a b")
    for key, data in one.items():
        place.storage.put(key, data)
    dataset = Dataset.open(place.url, place.credentials)

    dataset.hide_tables(HIDDEN)
    assert shown(place.storage) == [name for name in TABLES if name not in HIDDEN]
    assert dataset.list_hidden_tables() == HIDDEN
    dataset.relabel("v3", "third")
    dataset.relabel("third", "v3")
    dataset.unhide_tables(HIDDEN)
    assert place.content() == one
    assert dataset.execute("select count(*) from files").fetchall() == [(3,)]
