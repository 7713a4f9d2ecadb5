"""What is left of a dataset when its storage fails, and whether it can be mended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from fw_dataset import Dataset
from fw_dataset.errors import StorageError, VersionConflictError
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import Storage
from fw_dataset.versions.catalog import Catalog
from tests.stateful.dataset_machine import (
    EPOCH,
    DatasetMachine,
    ids,
    names,
    new_labels,
    steps,
    subjects,
    tables,
)
from tests.stateful.dataset_model import Version
from tests.support.datasets import PRIMARY
from tests.support.mergeable import ROWS
from tests.support.watched_storage import calls_of, content_of, failing_at, memory_of

CALLS_TO_OPEN = 3


class MergedError(Exception):
    """A merge that had failed before had been done all the same."""


class FailingMachine(DatasetMachine):
    """The same on a storage that fails now and then; others may come before it is mended."""

    def teardown(self) -> None:
        try:
            for version in self.model.versions:
                self.finish(version)
        finally:
            super().teardown()

    @rule(
        version=ids, label=st.none() | new_labels, subjects=subjects, step=steps, done=st.booleans()
    )
    def render_on_a_failing_storage(
        self, version: str, label: str | None, subjects: int, step: int, done: bool
    ) -> None:
        is_new = version not in self.model.versions
        if not is_new or self.model.render_error(version, label, subjects) is not None:
            return
        failing = failing_at(self.storage, step, done=done)
        choices = {"version": version, "label": label, "created": EPOCH}
        new = Version(version, label or version, EPOCH, subjects)
        has_failed = True
        with suppress(StorageError):
            self.render_into(failing, self.snapshots[subjects], **choices)
            has_failed = False
        if version in {found.id for found in Catalog(self.storage).versions()}:
            self.rendered(new)
            self.look_for_a_claim(new)
        else:
            assert has_failed
            self.model.left.add(version)

    def look_for_a_claim(self, version: Version) -> None:
        """Note what a writer left who could not give it back, which is no failure."""
        if self.storage.exists(VersionLayout(version.id).claim):
            version.unfinished.add(("claim", ""))

    @precondition(lambda self: self.model.versions)
    @rule(
        change=st.sampled_from(["hide", "unhide", "merge", "relabel", "delete"]),
        place=st.integers(0, 2),
        tables=tables,
        label=new_labels,
        step=steps,
        done=st.booleans(),
    )
    def change_on_a_failing_storage(
        self, change: str, place: int, tables: list[str], label: str, step: int, done: bool
    ) -> None:
        version = self.model.newest_first[-1 - place % len(self.model.versions)]
        tables = [table for table in tables if change != "merge" or table in ROWS]
        if not self.is_possible(change, version, tables, label):
            return

        def work(storage: Storage) -> None:
            self.do(change, Dataset(storage), version.id, tables, label)

        # Every call is as likely as any other, so it has to be known how many there are.
        calls = self.calls_of(work) - CALLS_TO_OPEN
        failing = failing_at(self.storage, CALLS_TO_OPEN + 1 + step % calls, done=done)
        has_failed = True
        with suppress(StorageError, MergedError):
            work(failing)
            has_failed = False
        self.changed(version.id)
        self.look_what_was_done(change, version, tables, label, has_failed=has_failed)

    def calls_of(self, work: Callable[[Storage], object]) -> int:
        def tried(storage: Storage) -> None:
            with suppress(MergedError):
                work(storage)

        return calls_of(memory_of(content_of(self.storage)), tried)

    def do(
        self, change: str, dataset: Dataset, version: str, tables: list[str], label: str
    ) -> None:
        if change == "merge":
            try:
                dataset.merge(self.source, tables, version)
            except VersionConflictError as error:
                raise MergedError from error
        elif change == "relabel":
            dataset.relabel(version, label)
        elif change == "delete":
            dataset.delete_version(version)
        else:
            call = dataset.hide_tables if change == "hide" else dataset.unhide_tables
            call(tables, version)

    def is_possible(self, change: str, version: Version, tables: list[str], label: str) -> bool:
        if change == "merge":
            return bool(tables) and None in self.model.merge_errors(version, tables)
        if change == "relabel":
            return self.model.relabel_error(version, label) is None
        if change == "delete":
            return self.model.delete_error(version) is None
        return self.model.hide_error(version, tables) is None

    def look_what_was_done(
        self, change: str, version: Version, tables: list[str], label: str, *, has_failed: bool
    ) -> None:
        """Let the model follow what is there, if it is what was there before, or on the way."""
        found = {one.id: one for one in Catalog(self.storage).versions()}.get(version.id)
        if found is None:
            assert change == "delete"
            self.deleted(version)
            self.model.left.update([version.id] if has_failed else [])
            return
        assert has_failed or change != "delete"
        before, after = deepcopy(version), deepcopy(version)
        if change == "relabel":
            after.label = label
        elif change != "delete":
            after.change(change, tables)
        version.label = found.label
        version.hidden = set(found.hidden_names)
        version.merged = {*found.table_names, *found.hidden_names} - set(PRIMARY)
        if has_failed:
            assert version.label in (before.label, after.label)
            assert before.hidden & after.hidden <= version.hidden <= before.hidden | after.hidden
            assert before.merged <= version.merged <= after.merged
            if change in ("hide", "unhide", "merge"):
                version.left_in_the_middle(change, tables)
        else:
            version.unfinished = after.unfinished
            assert version == after
        self.look_for_a_claim(version)

    @precondition(lambda self: self.model.versions)
    @rule(name=names)
    def finish(self, name: str) -> None:
        """Do again what failed; then all is well."""
        version = self.model.meant(name)
        if version is None:
            return
        dataset = Dataset(self.storage, version.id)
        for what, table in sorted(version.unfinished):
            if what == "merge":
                if table in version.hidden:
                    dataset.unhide_tables(table, version.id)
                    version.unhide([table])
                with suppress(VersionConflictError):  # all of it was done
                    dataset.merge(self.source, [table], version.id)
                version.merge([table])
        if version.hidden:
            dataset.hide_tables(version.hidden, version.id)
        if version.shown:
            dataset.unhide_tables(version.shown, version.id)
        if version.unfinished:
            self.changed(version.id)
        version.unfinished.clear()
        assert dataset.verify(version.id, deep=True).problems == ()
