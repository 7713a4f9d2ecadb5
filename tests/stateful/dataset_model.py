"""What a dataset should be like: a few versions, and which names and tables each has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from fw_dataset.errors import (
    FWDatasetError,
    InvalidArgumentError,
    InvalidNameError,
    TableNotFoundError,
    VersionConflictError,
    VersionNotFoundError,
)
from tests.support.datasets import PRIMARY
from tests.support.mergeable import ROWS

__all__ = ["Expected", "Model", "Version"]

Expected = type[FWDatasetError] | None


@dataclass
class Version:
    """A version.

    Attributes:
        id: its id.
        label: its label.
        created: when it was made.
        subjects: how many subjects it has, and as many sessions, acquisitions and files.
        merged: the tables that were merged into it.
        hidden: the tables that are not shown.
        unfinished: what failed on it and was not done again since: "hide" or "merge" and the
            table, or "claim" of a writer who did not give it back.
    """

    id: str
    label: str
    created: datetime
    subjects: int
    merged: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    unfinished: set[tuple[str, str]] = field(default_factory=set)

    @property
    def tables(self) -> set[str]:
        """All tables."""
        return {*PRIMARY, *self.merged}

    @property
    def shown(self) -> set[str]:
        """Those that readers see."""
        return self.tables - self.hidden

    @property
    def rows(self) -> dict[str, int]:
        """The rows of each table that is shown."""
        alone = {"projects": 1, "analyses": 1, **ROWS}
        return {name: alone.get(name, self.subjects) for name in self.shown}

    def hide(self, names: Iterable[str]) -> None:
        """Hide tables."""
        self.hidden.update(names)
        self._done("hide", names)

    def unhide(self, names: Iterable[str]) -> None:
        """Show tables."""
        self.hidden.difference_update(names)
        self._done("hide", names)

    def merge(self, names: Iterable[str]) -> None:
        """Add tables."""
        self.merged.update(names)
        self._done("merge", names)

    def change(self, how: str, names: Iterable[str]) -> None:
        """Hide, unhide or merge tables."""
        {"hide": self.hide, "unhide": self.unhide, "merge": self.merge}[how](names)

    def left_in_the_middle(self, how: str, names: Iterable[str]) -> None:
        """Note that tables were to be hidden, shown or merged."""
        what = "merge" if how == "merge" else "hide"
        self.unfinished.update((what, name) for name in names)

    def _done(self, what: str, names: Iterable[str]) -> None:
        self.unfinished.difference_update((what, name) for name in names)
        self.unfinished.discard(("claim", ""))


class Model:
    """The versions by id, and what failed renderings and deletions may have left of others."""

    def __init__(self) -> None:
        self.versions: dict[str, Version] = {}
        self.left: set[str] = set()

    @property
    def newest_first(self) -> list[Version]:
        """The versions as they are listed."""
        order = {id_: (version.created, id_) for id_, version in self.versions.items()}
        return sorted(self.versions.values(), key=lambda version: order[version.id], reverse=True)

    @property
    def latest(self) -> Version:
        """The newest version."""
        return self.newest_first[0]

    def meant(self, name: str) -> Version | None:
        """The version of an id or label, or the latest."""
        if name == "latest":
            return self.latest
        if name in self.versions:
            return self.versions[name]
        found = [version for version in self.versions.values() if version.label == name]
        return found[0] if found else None

    def is_taken(self, name: str | None, version: str) -> bool:
        """Whether a name is that of another version."""
        others = (other for other in self.versions.values() if other.id != version)
        return any(name in (other.id, other.label) for other in others)

    # -------------------------------------------------------------------------- what is refused

    def render_error(self, version: str, label: str | None, subjects: int) -> Expected:
        """How a rendering fails."""
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

    def relabel_error(self, version: Version | None, label: str) -> Expected:
        """How another label fails."""
        if version is None:
            return VersionNotFoundError
        if label == "latest":
            return InvalidNameError
        return VersionConflictError if self.is_taken(label, version.id) else None

    def hide_error(self, version: Version | None, names: Iterable[str]) -> Expected:
        """How hiding tables, or showing them again, fails."""
        if version is None:
            return VersionNotFoundError
        return None if version.tables.issuperset(names) else TableNotFoundError

    def merge_errors(self, version: Version | None, names: Iterable[str]) -> set[Expected]:
        """How merging tables may end.

        One that failed may have failed after all was done: only then it is a conflict. And whose
        claim was left, nobody knows: it may have been that of a merge.
        """
        if version is None:
            return {VersionNotFoundError}
        if not ROWS.keys() >= set(names):
            return {TableNotFoundError}
        there = version.tables.intersection(names)
        doubts = {("claim", ""), *(("merge", name) for name in there)} & version.unfinished
        halfway = {name for name in there if doubts & {("claim", ""), ("merge", name)}}
        if there - halfway or there & version.hidden:
            return {VersionConflictError}
        return {None, VersionConflictError} if halfway else {None}

    def delete_error(self, version: Version | None) -> Expected:
        """How a deletion fails, if nothing is left of such a version either."""
        if version is None:
            return VersionNotFoundError
        return VersionConflictError if version is self.latest else None

    def prune_error(self, last: int | None, since: datetime | None, labels: list[str]) -> Expected:
        """How pruning fails."""
        if last is None and since is None and not labels:
            return InvalidArgumentError
        return VersionNotFoundError if None in map(self.meant, labels) else None

    def pruned(self, last: int | None, since: datetime | None, labels: list[str]) -> list[Version]:
        """What pruning deletes, newest first."""
        return [
            version
            for place, version in enumerate(self.newest_first)
            if place > 0
            and (last is None or place >= last)
            and (since is None or version.created < since)
            and not {version.id, version.label}.intersection(labels)
        ]
