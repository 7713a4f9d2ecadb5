"""The manifest: every file of a version with its size, hash and rows."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fw_dataset.errors import DatasetFormatError

__all__ = ["FileEntry", "Manifest", "SnapshotIdentity"]


class FileEntry(BaseModel):
    """One file of a version.

    Attributes:
        path: its key, relative to the version's folder.
        bytes: its size.
        sha256: of its content, as 64 hex digits.
        table: the table whose data file it is, or None.
        rows: the rows in a data file, or None.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    path: str
    bytes: int = Field(ge=0)
    sha256: str
    table: str | None = None
    rows: int | None = None


class SnapshotIdentity(BaseModel):
    """Which snapshot a version was rendered from.

    Attributes:
        sha256: of the decompressed SQLite file.
        bytes: its size.
        source_sha256: of the file as it came, compressed or not.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    sha256: str
    bytes: int
    source_sha256: str


class Manifest(BaseModel):
    """All files of a version but the manifest and the description themselves."""

    model_config = ConfigDict(frozen=True, extra="allow")

    format: int = 1
    renderer: dict[str, str] = Field(default_factory=dict)
    snapshot: SnapshotIdentity | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    files: tuple[FileEntry, ...] = ()

    @classmethod
    def from_json(cls, text: bytes | str) -> Manifest:
        """Read a manifest.

        Raises:
            DatasetFormatError: it is not one.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            reason = " ".join(str(error).split())
            raise DatasetFormatError(f"the manifest cannot be read: {reason}") from None

    def to_json(self) -> bytes:
        """The manifest's bytes, the same for the same content."""
        return self.model_dump_json(indent=2).encode() + b"\n"

    def data_files(self, table: str) -> tuple[FileEntry, ...]:
        """The data files of one table, in order."""
        return tuple(entry for entry in self.files if entry.table == table)

    @property
    def rows(self) -> dict[str, int]:
        """Rows a table."""
        counts: dict[str, int] = {}
        for entry in self.files:
            if entry.table is not None:
                counts[entry.table] = counts.get(entry.table, 0) + (entry.rows or 0)
        return counts

    @property
    def total_bytes(self) -> int:
        """The size of all files in it."""
        return sum(entry.bytes for entry in self.files)
