"""Several versions of one dataset in one connection."""

from __future__ import annotations

import os
from collections.abc import Sequence

import duckdb

from fw_dataset.query.federation import Source, connect_sources
from fw_dataset.storage import Storage
from fw_dataset.versions.catalog import Catalog, CommittedVersion

__all__ = ["ALL", "connect_versions"]

ALL = "all"
"""Stands for all versions of a dataset."""


def connect_versions(
    storage: Storage,
    versions: Sequence[str] | str,
    *,
    fully_populate: bool = True,
    cache: str | os.PathLike[str] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open a connection in which each version is a schema, called as it was asked for.

    Args:
        storage: where the dataset is.
        versions: ids, labels and ``"latest"``; or ``"all"``, whose schemas are called by the ids.
        fully_populate: give the tables their rows; without it they are empty.
        cache: a folder of this machine that keeps data files of object stores.

    Raises:
        VersionNotFoundError: there is no such version.
        VersionConflictError: several versions have this label.
        InvalidNameError: a label cannot be a schema's name, or two are the same.
        StorageError: the storage refuses access, or cannot be reached.
    """
    catalog = _ReadOnce(storage)
    names = [one.id for one in catalog.require()] if versions == ALL else list(versions)
    sources = [Source(name, catalog.find(name), {"dataset_version": name}) for name in names]
    return connect_sources(sources, fully_populate=fully_populate, cache=cache)


class _ReadOnce(Catalog):
    """The versions as they were when it was made, so that all names mean the same moment."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self._found = super().require()

    def require(self) -> list[CommittedVersion]:
        return self._found
