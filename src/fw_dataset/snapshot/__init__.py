"""Snapshots in: a SQLite file, gzipped or not, read as JSON records in constant memory."""

from fw_dataset.snapshot.database import (
    Record,
    Snapshot,
    SourceCopy,
    SourceFile,
    key_text,
)
from fw_dataset.snapshot.records import BETWEEN, SEPARATOR, RawBatch, RawPart, RawRecord
from fw_dataset.snapshot.source import open_snapshot, source_sha256

__all__ = [
    "BETWEEN",
    "SEPARATOR",
    "RawBatch",
    "RawPart",
    "RawRecord",
    "Record",
    "Snapshot",
    "SourceCopy",
    "SourceFile",
    "key_text",
    "open_snapshot",
    "source_sha256",
]
