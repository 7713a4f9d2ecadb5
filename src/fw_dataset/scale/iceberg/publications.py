"""What was published, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Publication", "PublishedTable"]


@dataclass(frozen=True)
class PublishedTable:
    """What has become of one table.

    Attributes:
        name: the table.
        state: ``"published"``, ``"unchanged"`` where it was before, or ``"emptied"`` where the
            version has no such table, but another version has.
        rows: its rows in the version.
        files: its data files that have rows.
        bytes: their length.
        snapshot_id: the snapshot with the version's tag.
        is_current: whether this is what readers see who name no tag.
        metadata_location: the file by which other systems register the table.
    """

    name: str
    state: str
    rows: int
    files: int
    bytes: int
    snapshot_id: int
    is_current: bool
    metadata_location: str


@dataclass(frozen=True)
class Publication:
    """What was published.

    Attributes:
        version: the version's id, which is the tag.
        label: the version's label.
        place: the folder, or the catalog and namespace.
        tables: the tables.
    """

    version: str
    label: str
    place: str
    tables: tuple[PublishedTable, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "version": self.version,
            "label": self.label,
            "place": self.place,
            "tables": [dict(vars(table)) for table in self.tables],
        }
