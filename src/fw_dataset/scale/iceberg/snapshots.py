"""A version of a table as a snapshot: its manifests and their list, not yet seen by any reader."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from pyiceberg.io import FileIO
from pyiceberg.manifest import (
    DataFile,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation, Snapshot, Summary

from fw_dataset.errors import FWDatasetError

__all__ = ["SnapshotWriter"]

_FORMAT: Literal[2] = 2
_COMPRESSION: Literal["deflate"] = "deflate"


@dataclass
class SnapshotWriter:
    """Writes the files of one snapshot.

    Attributes:
        io: what writes them.
        metadata: the table as it is; the files go to its folder for metadata.
        written: what was written so far.
    """

    io: FileIO
    metadata: TableMetadata
    written: list[str] = field(default_factory=list)

    def write(
        self,
        files: Sequence[DataFile],
        schema: Schema,
        parent: Snapshot | None,
        told: Mapping[str, str],
    ) -> Snapshot:
        """Write a snapshot that has just these files; those of its parent are gone in it.

        Args:
            files: its data files.
            schema: their columns.
            parent: the snapshot before it, or None where it stands beside the others.
            told: what its summary says of it.
        """
        number = self.metadata.new_snapshot_id()
        sequence = self.metadata.next_sequence_number()
        removed = [] if parent is None else self._entries(parent)
        manifests = []
        if files:
            manifests.append(self._manifest(number, schema, [_added(one, number) for one in files]))
        if removed:
            entries = [_removed(entry, number) for entry in removed]
            manifests.append(self._manifest(number, schema, entries))
        list_path = self._path(f"snap-{number}")
        with write_manifest_list(
            _FORMAT,
            self.io.new_output(list_path),
            number,
            None if parent is None else parent.snapshot_id,
            sequence,
            _COMPRESSION,
        ) as writer:
            writer.add_manifests(manifests)
        return Snapshot(
            snapshot_id=number,
            parent_snapshot_id=None if parent is None else parent.snapshot_id,
            sequence_number=sequence,
            manifest_list=list_path,
            schema_id=schema.schema_id,
            summary=_summary(files, [entry.data_file for entry in removed], told),
        )

    def discard(self) -> None:
        """Remove what was written, for which no reader will ask."""
        for path in self.written:
            # It is in nobody's way, and the reason why nothing was published is told already.
            with suppress(FWDatasetError, OSError):
                self.io.delete(path)

    def _manifest(
        self, number: int, schema: Schema, entries: Sequence[ManifestEntry]
    ) -> ManifestFile:
        output = self.io.new_output(self._path(f"{number}-m{len(self.written)}"))
        spec = UNPARTITIONED_PARTITION_SPEC
        with write_manifest(_FORMAT, spec, schema, output, number, _COMPRESSION) as writer:
            for entry in entries:
                writer.add_entry(entry)
        return writer.to_manifest_file()

    def _entries(self, snapshot: Snapshot) -> list[ManifestEntry]:
        return [
            entry
            for manifest in snapshot.manifests(self.io)
            for entry in manifest.fetch_manifest_entry(self.io, discard_deleted=True)
        ]

    def _path(self, stem: str) -> str:
        # A name of its own for each attempt: of two publishers, neither writes the other's files.
        path = f"{self.metadata.location}/metadata/{stem}-{uuid.uuid4()}.avro"
        self.written.append(path)
        return path


def _added(file: DataFile, number: int) -> ManifestEntry:
    return ManifestEntry.from_args(
        status=ManifestEntryStatus.ADDED,
        snapshot_id=number,
        sequence_number=None,
        file_sequence_number=None,
        data_file=file,
    )


def _removed(entry: ManifestEntry, number: int) -> ManifestEntry:
    return ManifestEntry.from_args(
        status=ManifestEntryStatus.DELETED,
        snapshot_id=number,
        sequence_number=entry.sequence_number,
        file_sequence_number=entry.file_sequence_number,
        data_file=entry.data_file,
    )


def _summary(
    files: Sequence[DataFile], removed: Sequence[DataFile], told: Mapping[str, str]
) -> Summary:
    counts = {**_counts("added", files), **_counts("deleted", removed)}
    rows, size = _totals(files)
    totals = {"total-data-files": len(files), "total-records": rows, "total-files-size": size}
    for kind in ("delete-files", "position-deletes", "equality-deletes"):
        totals[f"total-{kind}"] = 0
    texts = {name: str(value) for name, value in {**counts, **totals}.items()}
    if removed:
        operation = Operation.OVERWRITE if files else Operation.DELETE
    else:
        operation = Operation.APPEND
    return Summary(operation, **texts, **told)


def _counts(kind: Literal["added", "deleted"], files: Sequence[DataFile]) -> dict[str, int]:
    if not files:
        return {}
    rows, size = _totals(files)
    moved = "added" if kind == "added" else "removed"
    return {f"{kind}-data-files": len(files), f"{kind}-records": rows, f"{moved}-files-size": size}


def _totals(files: Sequence[DataFile]) -> tuple[int, int]:
    return sum(f.record_count for f in files), sum(f.file_size_in_bytes for f in files)
