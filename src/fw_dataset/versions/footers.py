"""The footers of Parquet files: what a file says of itself, without its rows."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from fw_dataset.errors import DatasetFormatError
from fw_dataset.storage import ObjectInfo, Storage

__all__ = ["footers_of", "rows_of"]

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
    counts = []
    for footer in footers_of(storage, files):
        if isinstance(footer, DatasetFormatError):
            raise footer
        counts.append(int(footer.num_rows))
    return counts


def footers_of(
    storage: Storage, files: Sequence[ObjectInfo]
) -> list[pq.FileMetaData | DatasetFormatError]:
    """The footer of each of some data files, fetched side by side, or why it is none.

    Raises:
        StorageError: a file cannot be read.
    """
    tails = list(storage.get_parts([(f.key, max(0, f.size - _TAIL), f.size) for f in files]))
    long = [n for n, file in enumerate(files) if _length(file, tails[n]) > len(tails[n])]
    wanted = [(files[n].key, files[n].size - _length(files[n], tails[n])) for n in long]
    wholes = storage.get_parts(
        [(key, start, files[n].size) for n, (key, start) in zip(long, wanted, strict=True)]
    )
    for n, whole in zip(long, wholes, strict=True):
        tails[n] = whole
    return [_footer(file, tail) for file, tail in zip(files, tails, strict=True)]


def _length(file: ObjectInfo, tail: bytes) -> int:
    """How long the footer says it is; of a damaged file, that is not believed."""
    length = int.from_bytes(tail[-_END:-4], "little") + _END
    return length if length <= file.size else 0


def _footer(file: ObjectInfo, tail: bytes) -> pq.FileMetaData | DatasetFormatError:
    try:
        return pq.read_metadata(pa.BufferReader(tail))
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        return DatasetFormatError(f"data file {file.key} cannot be read: {reason}")
