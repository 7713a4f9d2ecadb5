"""Snapshots in: a SQLite file, gzipped or not, read as JSON records in constant memory."""

from fw_dataset.snapshot.database import Record, Snapshot, SourceCopy, SourceFile
from fw_dataset.snapshot.source import open_snapshot, source_sha256

__all__ = ["Record", "Snapshot", "SourceCopy", "SourceFile", "open_snapshot", "source_sha256"]
