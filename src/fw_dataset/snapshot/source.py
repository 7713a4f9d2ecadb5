"""Open a snapshot: unpack it, take its hashes, check that it is one."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isal import igzip, isal_zlib

from fw_dataset.errors import (
    FWDatasetError,
    SnapshotError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
)
from fw_dataset.snapshot.database import Snapshot, SourceCopy, SourceFile

__all__ = ["open_snapshot", "source_sha256"]

_GZIP_MAGIC = b"\x1f\x8b"
_SQLITE_MAGIC = b"SQLite format 3\x00"
_CHUNK = 1 << 20

BytesDone = Callable[[int, int], None]


@dataclass(frozen=True)
class _Unpacked:
    database: Path
    source: SourceFile


@contextmanager
def open_snapshot(
    path: str | os.PathLike[str],
    workdir: Path,
    *,
    keep: bool = True,
    progress: BytesDone | None = None,
) -> Iterator[Snapshot]:
    """Unpack and check a snapshot, and close it at the end.

    Args:
        path: a SQLite file (``snapshot.db``), gzipped (``snapshot.db.gz``) or not.
        workdir: a folder for the unpacked file and the copy of the source.
        keep: make a gzipped copy of the source, for the version's provenance.
        progress: called with the bytes of the source read so far and in all.

    Raises:
        SnapshotError: it is not there, damaged, or not a snapshot.
        StorageError: the work folder cannot be written or is full.
    """
    source = Path(path)
    try:
        with open(source, "rb") as file:
            magic = file.read(len(_SQLITE_MAGIC))
    except OSError as error:
        raise SnapshotError(f"snapshot {source}: {error.strerror or error}") from None
    told = _Told(progress)
    with _translated(source, workdir, told):
        if magic.startswith(_GZIP_MAGIC):
            unpacked = _unpack(source, workdir, keep=keep, progress=told)
        elif magic == _SQLITE_MAGIC:
            unpacked = _take(source, workdir, keep=keep)
        elif not magic:
            raise SnapshotError(f"snapshot {source}: the file is empty")
        else:
            raise SnapshotError(
                f"snapshot {source}: it is neither gzip nor SQLite (it starts with {magic[:8]!r})"
            )
    is_own = unpacked.database != source
    snapshot = Snapshot(unpacked.database, unpacked.source, str(source), is_own=is_own)
    try:
        snapshot.check()
        yield snapshot
    finally:
        snapshot.close()


def source_sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a snapshot's file as it is, 64 hex digits.

    Raises:
        SnapshotError: the file cannot be read.
    """
    try:
        return _hash_and_copy(Path(path), None)
    except OSError as error:
        raise SnapshotError(f"snapshot {path}: {error.strerror or error}") from None


class _Told:
    """The caller's callback, whose own errors are no errors of the snapshot."""

    def __init__(self, progress: BytesDone | None) -> None:
        self._progress = progress
        self.error: Exception | None = None

    def __call__(self, done: int, total: int) -> None:
        if self._progress is not None:
            try:
                self._progress(done, total)
            except Exception as error:
                self.error = error
                raise


def _unpack(source: Path, workdir: Path, *, keep: bool, progress: BytesDone) -> _Unpacked:
    """Decompress, hash both forms and copy the source, the three side by side."""
    database = workdir / "snapshot.db"
    copy = workdir / "snapshot.db.gz" if keep else None
    content = hashlib.sha256()
    total = source.stat().st_size
    with ThreadPoolExecutor(2) as pool, open(source, "rb") as raw, igzip.open(raw) as packed:
        copying = pool.submit(_hash_and_copy, source, copy)
        hashing = pool.submit(lambda: None)
        with open(database, "wb") as out:
            while chunk := packed.read(_CHUNK):
                hashing.result()
                hashing = pool.submit(content.update, chunk)
                out.write(chunk)
                progress(min(raw.tell(), total), total)
            size = out.tell()
        hashing.result()
        source_digest = copying.result()
    with open(database, "rb") as file:
        if file.read(len(_SQLITE_MAGIC)) != _SQLITE_MAGIC:
            raise SnapshotError(f"snapshot {source}: what is in the gzip is not a SQLite database")
    kept = None if copy is None else SourceCopy(copy, source_digest)
    return _Unpacked(database, SourceFile(content.hexdigest(), size, source_digest, kept))


def _take(source: Path, workdir: Path, *, keep: bool) -> _Unpacked:
    """Read an unpacked snapshot where it stands; the copy gets gzipped."""
    journal = source.with_name(source.name + "-wal")
    if journal.exists() and journal.stat().st_size:
        raise SnapshotError(
            f"snapshot {source}: changes wait in {journal.name}; close the program that has it open"
        )
    copy = workdir / "snapshot.db.gz" if keep else None
    digest = _hash_and_copy(source, None)
    kept = None
    if copy is not None:
        _compress(source, copy)
        kept = SourceCopy(copy, _hash_and_copy(copy, None))
    return _Unpacked(source, SourceFile(digest, source.stat().st_size, digest, kept))


def _hash_and_copy(source: Path, copy: Path | None) -> str:
    digest = hashlib.sha256()
    with open(source, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if copy is not None:
        shutil.copyfile(source, copy)
    return digest.hexdigest()


def _compress(source: Path, copy: Path) -> None:
    # No name and no time in the header: the same source gives the same bytes.
    with (
        open(source, "rb") as file,
        open(copy, "wb") as out,
        igzip.IGzipFile(filename="", mode="wb", compresslevel=1, fileobj=out, mtime=0) as packed,
    ):
        shutil.copyfileobj(file, packed, _CHUNK)


@contextmanager
def _translated(source: Path, workdir: Path, told: _Told) -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError, isal_zlib.error) as error:  # type: ignore[misc] # stubs say object
        if error is told.error or isinstance(error, FWDatasetError):
            raise
        raise _translation(error, source, workdir) from None


def _translation(error: Exception, source: Path, workdir: Path) -> FWDatasetError:
    if isinstance(error, EOFError):
        return SnapshotError(
            f"snapshot {source}: the gzip ends too early; the file was cut short, take it anew"
        )
    if not isinstance(error, OSError) or isinstance(error, igzip.BadGzipFile):
        return SnapshotError(f"snapshot {source}: the gzip is damaged: {error}")
    if isinstance(error, PermissionError):
        return StorageDeniedError(f"{error.filename or workdir}: {error.strerror}")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFullError(
            f"{workdir}: no space left for the unpacked snapshot; name another work folder"
        )
    return StorageError(f"{error.filename or source}: {error.strerror or error}")
