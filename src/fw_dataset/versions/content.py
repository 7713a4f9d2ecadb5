"""The content of many objects, several fetched at once, in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fw_dataset.errors import (
    BucketNotFoundError,
    CredentialsError,
    StorageError,
    StorageTimeoutError,
    StorageUnreachableError,
)
from fw_dataset.storage import CHUNK_SIZE, ObjectInfo, Storage

__all__ = ["Piece", "digests_of", "is_of_one_object", "pieces_of", "write_next"]

# What is in memory at once, and of how many objects at most.
_MOST_BYTES, _MOST_PIECES = 8 * CHUNK_SIZE, 64
# These concern the whole store, not one object in it.
_OF_THE_STORE = (
    BucketNotFoundError,
    CredentialsError,
    StorageTimeoutError,
    StorageUnreachableError,
)


@dataclass(frozen=True)
class Piece:
    """A stretch of an object.

    Attributes:
        file: the object.
        data: its bytes there.
        is_last: whether the object ends here.
    """

    file: ObjectInfo
    data: bytes
    is_last: bool


def is_of_one_object(error: StorageError) -> bool:
    """Whether a failure tells of one object rather than of the whole store."""
    return not isinstance(error, _OF_THE_STORE)


def pieces_of(storage: Storage, files: Sequence[ObjectInfo]) -> Iterator[Piece]:
    """The content of objects, one after the other; an empty one gives one empty piece.

    Raises:
        StorageError: an object is not there, or is shorter than its size says.
    """
    window: list[tuple[ObjectInfo, int, int]] = []
    held = 0
    for file in files:
        for start in range(0, file.size or 1, CHUNK_SIZE):
            stop = min(start + CHUNK_SIZE, file.size)
            if window and (held + stop - start > _MOST_BYTES or len(window) == _MOST_PIECES):
                yield from _fetched(storage, window)
                window, held = [], 0
            window.append((file, start, stop))
            held += stop - start
    yield from _fetched(storage, window)


def digests_of(storage: Storage, files: Sequence[ObjectInfo]) -> Iterator[tuple[ObjectInfo, str]]:
    """The SHA-256 of the content of each object, as 64 hex digits, in order.

    Raises:
        StorageError: as for :func:`pieces_of`.
    """
    digest = hashlib.sha256()
    for piece in pieces_of(storage, files):
        digest.update(piece.data)
        if piece.is_last:
            yield piece.file, digest.hexdigest()
            digest = hashlib.sha256()


def write_next(pieces: Iterator[Piece], path: Path) -> str:
    """Write the object whose pieces come next to a file; its SHA-256 is returned.

    Raises:
        StorageError: as for :func:`pieces_of`.
    """
    digest = hashlib.sha256()
    with open(path, "wb") as sink:
        for piece in pieces:
            digest.update(piece.data)
            sink.write(piece.data)
            if piece.is_last:
                break
    return digest.hexdigest()


def _fetched(storage: Storage, window: Sequence[tuple[ObjectInfo, int, int]]) -> Iterator[Piece]:
    if window:
        parts = storage.get_parts([(file.key, start, stop) for file, start, stop in window])
        for (file, _, stop), data in zip(window, parts, strict=True):
            yield Piece(file, data, stop == file.size)
