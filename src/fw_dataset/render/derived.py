"""Derived tables: what is made of the primary tables, and the columns that all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fw_dataset.format.manifest import FileEntry
from fw_dataset.format.schema import DataModel

__all__ = ["FILE_COLUMNS", "PARENT_COLUMNS", "DerivedTables", "PrimaryFiles"]

PrimaryFiles = Mapping[str, Sequence[Path]]
"""The data files of each primary table on this machine, in order."""


def _identifier(title: str, description: str) -> Mapping[str, Any]:
    return MappingProxyType(
        {"type": ["string", "null"], "title": title, "description": description}
    )


PARENT_COLUMNS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        f"parents.{level}": _identifier(
            level.capitalize(), f"Identifier of the {level} that the row belongs to."
        )
        for level in ("group", "project", "subject", "session", "acquisition", "analysis")
    }
)
"""The schema properties of the columns that every row of a derived table begins with."""

FILE_COLUMNS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "parents.file": _identifier(
            "File", "The file's `file_id`, which all versions of the file share."
        ),
        "file.id": _identifier("File version", "The `id` of the row in `files`."),
        "file.version": MappingProxyType(
            {
                "type": ["integer", "null"],
                "title": "Version",
                "description": "Number of the file's version, from 1.",
                "format": "bigint",
            }
        ),
    }
)
"""Those that follow where a row comes from a file: its ``file_id``, ``id`` and ``version``."""


@dataclass
class DerivedTables:
    """Tables that were made of primary tables, as files below ``tables/``.

    Attributes:
        models: the schema of each table, in the order in which they are to be shown.
        entries: the data files.
        report: what the rendering report says of them, ready for JSON: per table the counts.
        files: of tabular files, one entry each: where its rows went, or why it has none.
    """

    models: dict[str, DataModel] = field(default_factory=dict)
    entries: list[FileEntry] = field(default_factory=list)
    report: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: DerivedTables) -> None:
        """Put other tables behind these."""
        self.models |= other.models
        self.entries += other.entries
        self.report |= other.report
        self.files += other.files
