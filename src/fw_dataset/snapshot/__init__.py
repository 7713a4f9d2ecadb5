"""Snapshots in: a SQLite file, gzipped or not, read as JSON records in constant memory."""

from fw_dataset.snapshot.database import (
    OrderedRecords,
    Record,
    Snapshot,
    SourceCopy,
    SourceFile,
    key_text,
)
from fw_dataset.snapshot.records import BETWEEN, SEPARATOR, RawBatch, RawPart, RawRecord
from fw_dataset.snapshot.source import open_snapshot, source_sha256
from fw_dataset.snapshot.stretches import SavedOrder

__all__ = [
    "BETWEEN",
    "SEPARATOR",
    "OrderedRecords",
    "RawBatch",
    "RawPart",
    "RawRecord",
    "Record",
    "SavedOrder",
    "Snapshot",
    "SourceCopy",
    "SourceFile",
    "key_text",
    "open_snapshot",
    "source_sha256",
]
