"""A dataset against a model, over any sequence of what is done to it and what fails meanwhile."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from fw_dataset import Dataset, render_snapshot
from fw_dataset.errors import DatasetNotFoundError, FWDatasetError, VersionNotFoundError
from fw_dataset.storage import LocalStorage, MemoryStorage, Storage
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.verification import verify
from tests.stateful.dataset_machine import EPOCH, IDS, SUBJECTS, names, users
from tests.stateful.failing_machine import FailingMachine
from tests.support.datasets import small_snapshot, small_study, tree
from tests.support.mergeable import write_source
from tests.support.snapshots import write_snapshot
from tests.support.watched_storage import content_of


class WatchedMachine(FailingMachine):
    """After each step the dataset is as the model, and nothing else is there."""

    # ------------------------------------------------------------------------------- what is seen

    @precondition(lambda self: self.model.versions)
    @rule(user=users)
    def open(self, user: int) -> None:
        self.handles.pop(user, None)
        self.handle(user)

    @precondition(lambda self: self.model.versions)
    @rule(user=users, name=names)
    def connect(self, user: int, name: str) -> None:
        handle, version = self.handle(user), self.model.meant(name)
        error = None if version else VersionNotFoundError
        if self.tried(lambda: handle.dataset.connect(name), error):
            assert version is not None
            handle.version, handle.is_fresh = version.id, True

    @precondition(lambda self: self.model.versions)
    @rule(user=users)
    def query(self, user: int) -> None:
        handle = self.handle(user)
        try:
            found = handle.dataset.execute(
                "select (select count(*) from subjects), (select count(*) from files)"
            ).fetchall()
        except (FWDatasetError, duckdb.Error):
            # A table is hidden, or others have changed the version since it was looked at.
            hidden = self.model.versions[handle.version].hidden if handle.is_fresh else {"files"}
            assert hidden & {"subjects", "files"}
            return
        ((subjects, files),) = found
        assert subjects == files
        if handle.is_fresh:
            assert subjects == self.model.versions[handle.version].subjects
        assert subjects in self.counts[handle.version]

    @precondition(lambda self: self.model.versions)
    @rule(user=users, name=names, deep=st.booleans())
    def look_up(self, user: int, name: str, deep: bool) -> None:
        dataset, version = self.handle(user).dataset, self.model.meant(name)
        assert dataset.version_exists(name) == (version is not None)
        if version is None:
            with pytest.raises(VersionNotFoundError):
                dataset.verify(name, deep=deep)
            return
        info = dataset.get_version_info(name)
        assert (info["version"], info["label"]) == (version.id, version.label)
        assert info["latest"] == (version is self.model.latest)
        assert info["rows"] == sum(version.rows.values())
        assert dataset.row_counts(name) == version.rows
        assert set(dataset.list_hidden_tables(name)) == version.hidden
        if not version.unfinished:
            assert dataset.get_description(name)["tables"].keys() == version.shown
            assert dataset.verify(name, deep=deep).problems == ()

    # ------------------------------------------------------------------------ what always holds

    @invariant()
    def the_list_is_the_models(self) -> None:
        if not self.model.versions:
            with pytest.raises(DatasetNotFoundError):
                Dataset(self.storage)
            return
        expected = [(version.id, version.label) for version in self.model.newest_first]
        for dataset in [handle.dataset for handle in self.handles.values()] or [
            Dataset(self.storage)
        ]:
            listed = dataset.list_versions()
            assert [(info["version"], info["label"]) for info in listed] == expected
            assert [info["latest"] for info in listed] == [True] + [False] * (len(listed) - 1)
            for info, version in zip(listed, self.model.newest_first, strict=True):
                assert version.unfinished or info["rows"] == sum(version.rows.values())

    @invariant()
    def what_is_at_hand_is_as_it_was_looked_at(self) -> None:
        for handle in self.handles.values():
            assert handle.dataset.version == handle.version
            if handle.is_fresh:
                version = self.model.versions[handle.version]
                assert handle.dataset.version_label == version.label
                assert handle.dataset.tables.keys() == version.shown
                assert handle.dataset.row_counts() == version.rows
                assert set(handle.dataset.list_hidden_tables()) == version.hidden

    @invariant()
    def every_version_is_whole_and_nothing_else_is_there(self) -> None:
        for found in Catalog(self.storage).versions():
            if not self.model.versions[found.id].unfinished:
                assert verify(found).problems == ()
        folders = set(self.storage.folders("versions"))
        assert self.model.versions.keys() <= folders
        assert folders <= self.model.versions.keys() | self.model.left
        beside = {item.key.partition("/")[0] for item in self.storage.list()}
        assert beside <= {"README.md", "versions"}


class LocalMachine(WatchedMachine):
    def make(self) -> Storage:
        return LocalStorage(self.folder / "out/dataset")

    def state(self) -> object:
        found = tree(self.folder)
        return {path: what for path, what in found.items() if not path.endswith("_claim.json")}

    @invariant()
    def there_is_nothing_else_on_disk(self) -> None:
        if not self.model.versions and not self.model.left:
            assert tree(self.folder) == {}
        elif self.model.versions:
            root = self.folder / "out/dataset"
            assert sorted(path.name for path in root.iterdir()) == ["README.md", "versions"]
            folders = {path.name for path in (root / "versions").iterdir()}
            assert folders <= self.model.versions.keys() | self.model.left


class MemoryMachine(WatchedMachine):
    def make(self) -> Storage:
        return MemoryStorage()

    def state(self) -> object:
        found = content_of(self.storage)
        return {key: data for key, data in found.items() if not key.endswith("_claim.json")}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Snapshots to render, one of them bad, and a dataset to merge tables of."""
    folder = tmp_path_factory.mktemp("prepared")
    for count in [*SUBJECTS, 4]:
        small_snapshot(folder, str(count), subjects=count)
    for number, version in enumerate(IDS):
        created = EPOCH + timedelta(days=number)
        snapshot = folder / f"{SUBJECTS[number]}.db.gz"
        render_snapshot(snapshot, folder / "begun", version=version, created=created)
    study = small_study(4)
    write_snapshot(folder / "bad.db.gz", {**study, "file": [*study["file"], ("x", b"[]")]})
    write_source(folder / "source")
    return folder


def run_machine(kind: type[WatchedMachine], prepared: Path, examples: int, steps: int) -> None:
    kind.snapshots = {count: prepared / f"{count}.db.gz" for count in [*SUBJECTS, 4]}
    kind.bad = prepared / "bad.db.gz"
    kind.source = prepared / "source"
    kind.begun = LocalStorage(prepared / "begun")
    chosen = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    run_state_machine_as_test(kind, settings=chosen)


@pytest.mark.parametrize("kind", [LocalMachine, MemoryMachine])
def test_a_dataset_is_its_model(kind: type[WatchedMachine], prepared: Path) -> None:
    run_machine(kind, prepared, examples=10, steps=25)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [LocalMachine, MemoryMachine])
def test_a_dataset_is_its_model_for_long(kind: type[WatchedMachine], prepared: Path) -> None:
    run_machine(kind, prepared, examples=200, steps=50)
