"""A dataset against a model, over any sequence of renders, failures, labels and look-ups."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fw_dataset import Dataset, Progress, render_snapshot
from fw_dataset.errors import (
    DatasetNotFoundError,
    InvalidNameError,
    RecordError,
    StorageFullError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.storage import LocalStorage
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.labels import relabel
from tests.support.datasets import small_snapshot, small_study, tree
from tests.support.jobs import whole_versions
from tests.support.snapshots import write_snapshot

IDS = ["a", "b", "c", "latest"]
LABELS = ["a", "b", "x", "y", "x y", "latest"]
EPOCH = datetime(2024, 1, 1, tzinfo=timezone.utc)
SUBJECTS = [1, 2, 3]

ids = st.sampled_from(IDS)
labels = st.none() | st.sampled_from(LABELS)
subjects = st.sampled_from(SUBJECTS)
days = st.integers(0, 3)


@dataclass
class Version:
    """What the model knows of a version."""

    id: str
    label: str
    created: datetime
    subjects: int


class DatasetMachine(RuleBasedStateMachine):
    """The model is a dict of versions; after each step the dataset says the same."""

    snapshots: dict[int, Path]
    bad: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "out/dataset"
        self.versions: dict[str, Version] = {}
        self.opened: Dataset | None = None
        self.at_hand = ""

    @initialize()
    def begin(self) -> None:
        assert not self.root.exists()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    # ----------------------------------------------------------------------------- the model

    @property
    def newest_first(self) -> list[Version]:
        key = {id_: (version.created, id_) for id_, version in self.versions.items()}
        return sorted(self.versions.values(), key=lambda version: key[version.id], reverse=True)

    def meant(self, name: str) -> Version | None:
        if name == "latest":
            return self.newest_first[0]
        if name in self.versions:
            return self.versions[name]
        found = [version for version in self.versions.values() if version.label == name]
        return found[0] if found else None

    def is_taken(self, name: str | None, version: str) -> bool:
        others = (other for other in self.versions.values() if other.id != version)
        return any(name in (other.id, other.label) for other in others)

    def expected_error(self, version: str, label: str | None, subjects: int) -> type | None:
        known = self.versions.get(version)
        if "latest" in (version, label):
            return InvalidNameError
        if label is not None and self.is_taken(label, version):
            return VersionConflictError
        if known is None and self.is_taken(version, version):
            return VersionConflictError
        if known is not None and known.subjects != subjects:
            return VersionConflictError
        return None

    # ----------------------------------------------------------------------------- the rules

    @rule(version=ids, label=labels, subjects=subjects, day=days)
    def render(self, version: str, label: str | None, subjects: int, day: int) -> None:
        created = EPOCH + timedelta(days=day)
        snapshot = self.snapshots[subjects]
        error = self.expected_error(version, label, subjects)
        if error is not None:
            before = tree(self.root)
            with pytest.raises(error):
                render_snapshot(snapshot, self.root, version=version, label=label, created=created)
            assert tree(self.root) == before
            return
        dataset = render_snapshot(
            snapshot, self.root, version=version, label=label, created=created
        )
        known = self.versions.setdefault(version, Version(version, version, created, subjects))
        known.label = label or known.label
        assert (dataset.version, dataset.version_label) == (version, known.label)

    @rule(version=ids, label=labels)
    def render_a_bad_record(self, version: str, label: str | None) -> None:
        before = tree(self.folder)
        with pytest.raises((RecordError, InvalidNameError, VersionConflictError)):
            render_snapshot(self.bad, self.root, version=version, label=label)
        assert tree(self.folder) == before

    @rule(version=st.sampled_from(["d", "e"]), stage=st.sampled_from(["render", "publish"]))
    def render_until_it_is_broken_off(self, version: str, stage: str) -> None:
        before = tree(self.folder)

        def break_off(progress: Progress) -> None:
            if progress.stage == stage:
                raise StorageFullError("the disk is full")

        with pytest.raises(StorageFullError):
            render_snapshot(self.snapshots[1], self.root, version=version, progress=break_off)
        assert tree(self.folder) == before

    @precondition(lambda self: self.versions)
    @rule(name=st.sampled_from([*IDS, *LABELS]), label=st.sampled_from(LABELS))
    def relabel(self, name: str, label: str) -> None:
        catalog = Catalog(LocalStorage(self.root))
        version = self.meant(name)
        if version is None:
            with pytest.raises(VersionNotFoundError):
                relabel(catalog, name, label)
        elif label == "latest":
            with pytest.raises(InvalidNameError):
                relabel(catalog, name, label)
        elif self.is_taken(label, version.id):
            with pytest.raises(VersionConflictError):
                relabel(catalog, name, label)
        else:
            assert relabel(catalog, name, label).label == label
            version.label = label

    @precondition(lambda self: self.versions)
    @rule()
    def open(self) -> None:
        self.opened = Dataset.open(self.root)
        self.at_hand = self.newest_first[0].id

    @precondition(lambda self: self.opened)
    @rule(name=st.sampled_from([*IDS, *LABELS]))
    def connect(self, name: str) -> None:
        assert self.opened is not None
        version = self.meant(name)
        if version is None:
            with pytest.raises(VersionNotFoundError, match=self.newest_first[0].id):
                self.opened.connect(name)
        else:
            self.opened.connect(name)
            self.at_hand = version.id

    @precondition(lambda self: self.opened)
    @rule()
    def query(self) -> None:
        assert self.opened is not None
        assert self.opened.version == self.at_hand
        expected = self.versions[self.at_hand].subjects
        for table in ("subjects", "files"):
            found = self.opened.execute(f"select count(*) from {table}").fetchall()
            assert found == [(expected,)]

    @precondition(lambda self: self.versions)
    @rule(name=st.sampled_from([*IDS, *LABELS]))
    def look_up(self, name: str) -> None:
        dataset = Dataset.open(self.root)
        version = self.meant(name)
        assert dataset.version_exists(name) == (version is not None)
        if version is not None:
            info = dataset.get_version_info(name)
            assert (info["version"], info["label"]) == (version.id, version.label)
            assert info["latest"] == (version is self.newest_first[0])
            assert dataset.row_counts(name)["subjects"] == version.subjects

    # ------------------------------------------------------------------------ what always holds

    @invariant()
    def the_list_is_the_models(self) -> None:
        if not self.versions:
            with pytest.raises(DatasetNotFoundError):
                Dataset.open(self.root)
            assert not self.root.exists()
            return
        listed = Dataset.open(self.root).list_versions()
        assert [(info["version"], info["label"]) for info in listed] == [
            (version.id, version.label) for version in self.newest_first
        ]
        assert [info["latest"] for info in listed] == [True] + [False] * (len(listed) - 1)

    @invariant()
    def every_version_is_whole_and_nothing_else_is_there(self) -> None:
        assert whole_versions(self.root) == sorted(self.versions)
        if self.versions:
            assert sorted(path.name for path in self.root.iterdir()) == ["README.md", "versions"]
            folders = {path.name for path in (self.root / "versions").iterdir()}
            assert folders == set(self.versions)


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snapshots")
    for count in SUBJECTS:
        small_snapshot(folder, str(count), subjects=count)
    study = small_study(4)
    write_snapshot(folder / "bad.db.gz", {**study, "file": [*study["file"], ("x", b"[]")]})
    return folder


def run_machine(snapshots: Path, examples: int, steps: int) -> None:
    class Machine(DatasetMachine):
        pass

    Machine.snapshots = {count: snapshots / f"{count}.db.gz" for count in SUBJECTS}
    Machine.bad = snapshots / "bad.db.gz"
    chosen = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    run_state_machine_as_test(Machine, settings=chosen)


def test_a_dataset_is_its_model(snapshots: Path) -> None:
    run_machine(snapshots, examples=8, steps=15)


@pytest.mark.slow
def test_a_dataset_is_its_model_for_long(snapshots: Path) -> None:
    run_machine(snapshots, examples=200, steps=40)
