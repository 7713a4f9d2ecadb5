"""Bring the data files of tables from one storage to another, and prove that they are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fw_dataset.errors import DatasetFormatError
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import Storage
from fw_dataset.versions.content import digests_of, pieces_of, write_next
from fw_dataset.versions.incoming import IncomingFile, IncomingTable

__all__ = ["Transfer", "copy_files", "plan_transfer"]

# What is on this machine's disk at once, and how many files at most.
_MOST_BYTES, _MOST_FILES = 1 << 28, 64


@dataclass(frozen=True)
class Transfer:
    """What there is to do for the data files of a table.

    Attributes:
        table: the table.
        digests: the SHA-256 of the files that are there already, by path.
        wanted: the files that are not.
        foreign: the keys of what is in the way: other files in the table's folder.
    """

    table: IncomingTable
    digests: dict[str, str]
    wanted: tuple[IncomingFile, ...]
    foreign: tuple[str, ...]


def plan_transfer(
    source: Storage, storage: Storage, layout: VersionLayout, table: IncomingTable
) -> Transfer:
    """Look what an earlier try has left of a table's data files.

    Raises:
        StorageError: a storage cannot be read.
    """
    there = {item.key: item for item in storage.list(layout.table(table.name))}
    ours = {f"{layout.root}/{file.path}": file for file in table.files}
    same_size = {
        key: file
        for key, file in ours.items()
        if key in there and there[key].size == file.source.size
    }
    theirs = _expected(source, list(same_size.values()))
    digests = {
        same_size[item.key].path: digest
        for item, digest in digests_of(storage, [there[key] for key in same_size])
        if theirs[same_size[item.key].path] == digest
    }
    return Transfer(
        table,
        digests,
        tuple(file for file in table.files if file.path not in digests),
        tuple(key for key in there if key not in ours),
    )


def _expected(source: Storage, files: Sequence[IncomingFile]) -> dict[str, str]:
    """The SHA-256 of files at the source; without a manifest, they are read for it."""
    known = {file.path: file.sha256 for file in files if file.sha256 is not None}
    unknown = {file.source.key: file for file in files if file.sha256 is None}
    read = digests_of(source, [file.source for file in unknown.values()])
    return known | {unknown[item.key].path: digest for item, digest in read}


def copy_files(
    source: Storage,
    storage: Storage,
    layout: VersionLayout,
    files: Sequence[IncomingFile],
    work: Path,
    stored: Callable[[int], None],
) -> dict[str, str]:
    """Copy data files by way of this machine; their SHA-256 is returned by path.

    Args:
        source: where they are.
        storage: where they go.
        layout: the version that they go to.
        files: the files.
        work: a folder to work in.
        stored: called with the size of each that is stored.

    Raises:
        DatasetFormatError: a file is not what the source's manifest says; it is not stored.
        StorageError: a file cannot be read or stored.
    """
    digests: dict[str, str] = {}
    for batch in _batches(files):
        fetched = _fetch(source, batch, work)
        digests.update({file.path: digest for file, _, digest in fetched})
        storage.put_files(
            [(f"{layout.root}/{file.path}", path) for file, path, _ in fetched], stored
        )
        for _, path, _ in fetched:
            path.unlink(missing_ok=True)
    return digests


def _batches(files: Sequence[IncomingFile]) -> Iterator[list[IncomingFile]]:
    batch: list[IncomingFile] = []
    size = 0
    for file in files:
        if batch and (size + file.source.size > _MOST_BYTES or len(batch) == _MOST_FILES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.source.size
    if batch:
        yield batch


def _fetch(
    source: Storage, batch: Sequence[IncomingFile], work: Path
) -> list[tuple[IncomingFile, Path, str]]:
    """Files as they were fetched, each with its SHA-256."""
    fetched: list[tuple[IncomingFile, Path, str]] = []
    pieces = pieces_of(source, [file.source for file in batch])
    for number, file in enumerate(batch):
        path = work / f"{number}.parquet"
        digest = write_next(pieces, path)
        if file.sha256 not in (None, digest):
            raise DatasetFormatError(
                f"{source.url}/{file.source.key}: its content is not what the manifest says"
                " (SHA-256); check the source with verify"
            )
        fetched.append((file, path, digest))
    return fetched
