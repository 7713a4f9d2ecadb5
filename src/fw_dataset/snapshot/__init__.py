"""Snapshots in: a SQLite file, gzipped or not, read as JSON records in constant memory."""

from fw_dataset.snapshot.database import (
    RawRecord,
    Record,
    Snapshot,
    SourceCopy,
    SourceFile,
    key_text,
)
from fw_dataset.snapshot.source import open_snapshot, source_sha256

__all__ = [
    "RawRecord",
    "Record",
    "Snapshot",
    "SourceCopy",
    "SourceFile",
    "key_text",
    "open_snapshot",
    "source_sha256",
]
