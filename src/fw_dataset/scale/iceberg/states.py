"""What a published table shows: which versions, and which of them without a tag's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Snapshot

__all__ = ["CONTENT", "CREATED", "DATASET", "LABEL", "VERSION", "TableState", "told"]

_OURS = "fw-dataset."
DATASET, LABEL = f"{_OURS}dataset", f"{_OURS}label."
"""Properties of a table: the project's id; and, a version's id behind it, that version's label."""
VERSION, CREATED, CONTENT = f"{_OURS}version", f"{_OURS}created", f"{_OURS}content"
"""In a snapshot's summary: the version's id and instant, and a digest of its data files."""


@dataclass(frozen=True)
class TableState:
    """A table as it is.

    Attributes:
        metadata: what Iceberg knows of it.
    """

    metadata: TableMetadata

    @property
    def current(self) -> Snapshot | None:
        """What readers see who name no tag."""
        return self.metadata.snapshot_by_name(MAIN_BRANCH)

    def tagged(self, version: str) -> Snapshot | None:
        """The snapshot with a version's tag."""
        return self.metadata.snapshot_by_name(version)

    def newest(self, version: str, known: Sequence[str]) -> str:
        """The newest version that is published, once ``version`` is.

        Args:
            version: the one that is being published.
            known: the dataset's versions, newest first; others do not count.
        """
        there = {version, *self._tags()}
        return next((one for one in known if one in there), version)

    def gone(self, known: Sequence[str]) -> list[str]:
        """The tags of versions that the dataset has no more."""
        return [tag for tag in self._tags() if tag not in known]

    def _tags(self) -> list[str]:
        """The tags that were set for versions, not those that others set."""
        found = []
        for name, ref in self.metadata.refs.items():
            snapshot = self.metadata.snapshot_by_id(ref.snapshot_id)
            is_tag = ref.snapshot_ref_type == SnapshotRefType.TAG
            if is_tag and snapshot is not None and told(snapshot, VERSION) == name:
                found.append(name)
        return found


def told(snapshot: Snapshot, name: str) -> str | None:
    """What a snapshot's summary says."""
    return None if snapshot.summary is None else snapshot.summary.additional_properties.get(name)
