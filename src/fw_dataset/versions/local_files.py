"""The data files of a version on this machine, fetched where they are elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from fw_dataset.errors import DatasetFormatError
from fw_dataset.storage import ObjectInfo
from fw_dataset.versions.catalog import CommittedVersion
from fw_dataset.versions.content import pieces_of, write_next

__all__ = ["local_files"]


def local_files(
    version: CommittedVersion, tables: Iterable[str], work: Path
) -> dict[str, list[Path]]:
    """The data files of each table, in order; those of a folder where they stand.

    Args:
        version: the version.
        tables: the tables.
        work: a folder for what is fetched.

    Raises:
        DatasetFormatError: a file is not what the manifest says.
        StorageError: a file cannot be read.
    """
    return {table: _local(version, table, work / table) for table in tables}


def _local(version: CommittedVersion, table: str, folder: Path) -> list[Path]:
    files = version.data_files(table)
    native = [version.storage.native_path(file.key) for file in files]
    if all(path is not None for path in native):
        return [Path(path) for path in native if path is not None]
    folder.mkdir(parents=True, exist_ok=True)
    return _fetched(version, files, folder)


def _fetched(version: CommittedVersion, files: Sequence[ObjectInfo], folder: Path) -> list[Path]:
    start = len(version.layout.root) + 1
    listed = {} if version.manifest is None else {e.path: e for e in version.manifest.files}
    paths: list[Path] = []
    pieces = pieces_of(version.storage, files)
    for number, file in enumerate(files):
        path = folder / f"{number}.parquet"
        digest = write_next(pieces, path)
        entry = listed.get(file.key[start:])
        if entry is not None and entry.sha256.lower() != digest:
            raise DatasetFormatError(
                f"{version.storage.url}/{file.key}: its content is not what the manifest says"
                " (SHA-256); check the dataset with verify"
            )
        paths.append(path)
    return paths
