"""The footers of Parquet files: what a file says of itself, without its rows."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from fw_dataset.errors import DatasetFormatError
from fw_dataset.storage import ObjectInfo, Storage

__all__ = ["rows_of"]

# Holds the footers of all but the widest tables.
_TAIL = 64 << 10
# The footer's length, and the format's mark.
_END = 8


def rows_of(storage: Storage, files: Sequence[ObjectInfo]) -> list[int]:
    """The rows in each of some data files, whose footers are fetched side by side.

    Raises:
        DatasetFormatError: a file is no Parquet file.
        StorageError: a file cannot be read.
    """
    tails = storage.get_parts([(f.key, max(0, f.size - _TAIL), f.size) for f in files])
    tails = [
        tail if _footer(tail) <= len(tail) else _longer(storage, file, _footer(tail))
        for file, tail in zip(files, tails, strict=True)
    ]
    return [_rows(file, tail) for file, tail in zip(files, tails, strict=True)]


def _footer(tail: bytes) -> int:
    return int.from_bytes(tail[-_END:-4], "little") + _END


def _longer(storage: Storage, file: ObjectInfo, size: int) -> bytes:
    return storage.get_parts([(file.key, max(0, file.size - size), file.size)])[0]


def _rows(file: ObjectInfo, tail: bytes) -> int:
    try:
        return int(pq.read_metadata(pa.BufferReader(tail)).num_rows)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise DatasetFormatError(f"data file {file.key} cannot be read: {reason}") from None
