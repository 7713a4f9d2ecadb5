"""What people do to a dataset, and what that does to its model.

There are two of them: each has a handle of its own on the one dataset, which may be stale by now.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fw_dataset import Dataset, Progress
from fw_dataset.errors import (
    FWDatasetError,
    RecordError,
    StorageFullError,
    VersionConflictError,
)
from fw_dataset.pipeline import Request, publish
from fw_dataset.storage import Storage
from fw_dataset.versions.workspace import work_folder
from tests.stateful.dataset_model import Expected, Model, Version
from tests.support.mergeable import ROWS

IDS = ["a", "b", "c"]
LABELS = ["a", "b", "x", "y z", "latest"]
EPOCH = datetime(2024, 1, 1, tzinfo=timezone.utc)
SUBJECTS = [1, 2, 3]

users = st.sampled_from([0, 1])
ids = st.sampled_from(IDS)
new_labels = st.sampled_from(LABELS)
names = st.sampled_from([*IDS, *LABELS])
subjects = st.sampled_from(SUBJECTS)
days = st.integers(0, 3)
tables = st.lists(st.sampled_from(["subjects", "files", *ROWS]), min_size=1, max_size=2)
more_tables = st.lists(st.sampled_from([*ROWS, *ROWS, "nosuch"]), min_size=1, max_size=2)
steps = st.integers(1, 30)


@dataclass
class Handle:
    """What somebody holds.

    Attributes:
        dataset: it.
        version: the id of the version at hand.
        is_fresh: nobody has changed that version since it was looked at.
    """

    dataset: Dataset
    version: str
    is_fresh: bool = True


class DatasetMachine(RuleBasedStateMachine):
    """What people do to a dataset, each through a handle of their own, and to its model."""

    snapshots: dict[int, Path]
    bad: Path
    source: Path
    begun: Storage

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.storage = self.make()
        self.model = Model()
        self.handles: dict[int, Handle] = {}
        self.counts: dict[str, set[int]] = {}

    def make(self) -> Storage:
        raise NotImplementedError

    def state(self) -> object:
        """All that is there."""
        raise NotImplementedError

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(count=st.sampled_from([2, 3, 1, 3, 0]))
    def begin(self, count: int) -> None:
        """With some versions already, so that there is something to do."""
        assert not list(self.storage.list())
        for number, version in enumerate(IDS[:count]):
            created = EPOCH + timedelta(days=number)
            self.rendered(Version(version, version, created, SUBJECTS[number]))
        for item in self.begun.list():
            root = item.key.split("/")
            if count and (len(root) < 2 or root[1] in IDS[:count]):
                self.storage.put(item.key, self.begun.get(item.key))

    # --------------------------------------------------------------------------------- the users

    def handle(self, user: int) -> Handle:
        if user not in self.handles:
            dataset = Dataset(self.storage)
            dataset.connect()  # what was found while it was opened may serve for a second
            self.handles[user] = Handle(dataset, self.model.latest.id)
        return self.handles[user]

    def changed(self, version: str) -> None:
        """Note that what is known of a version is not true any more."""
        for handle in self.handles.values():
            if handle.version == version:
                handle.is_fresh = False

    def tried(self, work: Callable[[], object], *errors: Expected) -> bool:
        """Whether something was done; else it has to be refused so, and to change nothing.

        None among the errors says that it may be done.
        """
        before = self.state()
        error = _error_of(work)
        if error is None:
            assert None in errors
            return True
        assert type(error) in errors, repr(error)
        assert self.state() == before
        return False

    # --------------------------------------------------------------------------------- rendering

    def render_into(
        self, storage: Storage, snapshot: Path, progress: Any = None, **choices: Any
    ) -> Dataset:
        """As ``render_snapshot`` does it, for storages that have no URL of their own."""
        request = Request.make(**choices)
        storage.check_writable()
        with work_folder(storage, self.folder) as work:
            version = publish(snapshot, storage, work, request, progress)
        return Dataset(storage, version)

    def rendered(self, new: Version) -> None:
        """Note that a version was rendered, or found there."""
        known = self.model.versions.setdefault(new.id, new)
        known.label = new.label
        self.counts.setdefault(new.id, set()).add(new.subjects)
        self.model.left.discard(new.id)
        self.changed(new.id)

    @rule(
        version=ids | st.just("latest"), label=st.none() | new_labels, subjects=subjects, day=days
    )
    def render(self, version: str, label: str | None, subjects: int, day: int) -> None:
        created = EPOCH + timedelta(days=day)
        choices = {"version": version, "label": label, "created": created}
        known = self.model.versions.get(version)
        if self.tried(
            lambda: self.render_into(self.storage, self.snapshots[subjects], **choices),
            self.model.render_error(version, label, subjects),
        ):
            label = label or (known.label if known else version)
            self.rendered(Version(version, label, created, subjects))

    @rule(version=st.sampled_from(["a", "d"]), stage=st.sampled_from(["read", "render", "publish"]))
    def render_until_it_is_broken_off(self, version: str, stage: str) -> None:
        """By a record that cannot be read, or a disk that is full."""

        def break_off(progress: Progress) -> None:
            if progress.stage == stage:
                raise StorageFullError("the disk is full")

        def work() -> None:
            snapshot = self.bad if stage == "read" else self.snapshots[4]
            self.render_into(self.storage, snapshot, break_off, version=version)

        assert not self.tried(work, RecordError, StorageFullError, VersionConflictError)

    # ---------------------------------------------------------------------- what a keeper changes

    @precondition(lambda self: self.model.versions)
    @rule(user=users, name=names, label=new_labels)
    def relabel(self, user: int, name: str, label: str) -> None:
        handle, version = self.handle(user), self.model.meant(name)
        error = self.model.relabel_error(version, label)
        if self.tried(lambda: handle.dataset.relabel(name, label), error):
            assert version is not None
            version.label = label
            was_fresh = handle.is_fresh
            self.changed(version.id)
            handle.is_fresh = was_fresh

    @precondition(lambda self: self.model.versions)
    @rule(user=users, name=st.none() | names, tables=tables, hiding=st.booleans())
    def hide_or_unhide(self, user: int, name: str | None, tables: list[str], hiding: bool) -> None:
        handle = self.handle(user)
        # Without a name it is the version at hand, which others may have deleted.
        known = self.model.versions.get(handle.version)
        version = known if name is None else self.model.meant(name)
        call = handle.dataset.hide_tables if hiding else handle.dataset.unhide_tables
        if self.tried(lambda: call(tables, name), self.model.hide_error(version, tables)):
            assert version is not None
            (version.hide if hiding else version.unhide)(tables)
            self.changed(version.id)
            handle.is_fresh = known is not None

    @precondition(lambda self: self.model.versions)
    @rule(user=users, name=names, tables=more_tables)
    def merge(self, user: int, name: str, tables: list[str]) -> None:
        handle, version = self.handle(user), self.model.meant(name)
        errors = self.model.merge_errors(version, tables)
        if self.tried(lambda: handle.dataset.merge(self.source, tables, name), *errors):
            assert version is not None
            version.merge(tables)
            self.changed(version.id)
            handle.is_fresh = handle.version in self.model.versions

    @precondition(lambda self: self.model.versions)
    @rule(user=users, name=names | st.sampled_from(IDS))
    def delete_version(self, user: int, name: str) -> None:
        version = self.model.meant(name)
        error = self.model.delete_error(version)
        if version is None and name in self.model.left & set(self.storage.folders("versions")):
            error = None
        if self.tried(lambda: self.handle(user).dataset.delete_version(name), error):
            self.deleted(version)
            self.model.left.discard(version.id if version else name)

    @precondition(lambda self: self.model.versions)
    @rule(user=users)
    def delete_latest(self, user: int) -> None:
        handle, latest = self.handle(user), self.model.latest
        error = VersionConflictError if len(self.model.versions) == 1 else None
        if self.tried(handle.dataset.delete_latest, error):
            self.deleted(latest)
            if handle.version == latest.id:
                handle.version, handle.is_fresh = self.model.latest.id, True

    def deleted(self, version: Version | None) -> None:
        if version is not None:
            del self.model.versions[version.id]
            self.changed(version.id)

    @precondition(lambda self: self.model.versions)
    @rule(
        user=users,
        last=st.none() | st.integers(1, 2),
        day=st.none() | days,
        labels=st.lists(names, max_size=2),
        dry=st.booleans(),
    )
    def prune(
        self, user: int, last: int | None, day: int | None, labels: list[str], dry: bool
    ) -> None:
        since = None if day is None else EPOCH + timedelta(days=day)
        chosen: list[str] = []

        def work() -> None:
            found = self.handle(user).dataset.prune(last, since, labels, dry_run=dry)
            chosen.extend(info["version"] for info in found)

        if self.tried(work, self.model.prune_error(last, since, labels)):
            expected = self.model.pruned(last, since, labels)
            assert chosen == [version.id for version in expected]
            for version in [] if dry else expected:
                self.deleted(version)


def _error_of(work: Callable[[], object]) -> FWDatasetError | None:
    try:
        work()
    except FWDatasetError as error:
        return error
    return None
