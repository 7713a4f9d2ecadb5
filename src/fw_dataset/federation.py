"""Several datasets in one connection."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from fw_dataset.dataset import Dataset
from fw_dataset.errors import InvalidArgumentError, naming

if TYPE_CHECKING:
    import duckdb

    from fw_dataset.query import NamedTables
    from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["connect_all"]

Location = str | os.PathLike[str]


def connect_all(
    datasets: Mapping[str, Dataset | Location] | Sequence[Dataset | Location],
    versions: str | Mapping[str, str] | None = None,
    *,
    cache: str | os.PathLike[str] | None = None,
    sql: str | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open one connection over several datasets: each is a schema, as in ``"siteA".files``.

    The schema ``everything`` has each table of all of them together, by the columns' names, with
    ``dataset`` and ``dataset_version`` in front. Where tables differ, a column is null or of a
    wider type, and ``fw_dataset.drift`` says so; ``fw_dataset.sources`` lists the datasets. No
    data file is opened before a query names its table.

    Args:
        datasets: the datasets by the names of their schemas; or just the datasets, whose schemas
            are called like their projects, with ``_2``, ``_3`` … behind a name that is taken.
            Each is a dataset, or a path or URL that opens without credentials of its own.
        versions: an id, a label or ``"latest"`` for all of them, or for each by its schema's
            name; else each dataset's version at hand.
        cache: a folder of this machine that keeps data files of object stores; else the one that
            a dataset was opened with.
        sql: the query that is to be asked. With many datasets, most of the time goes to making
            views: then there are only those that the query names. Datasets of a mapping that it
            does not name are not opened, unless it asks ``everything``. All is there as ever if
            it is more than a ``SELECT``, or looks into the catalog or ``fw_dataset``.

    Raises:
        InvalidArgumentError: there are no datasets, or a version is given to none of them.
        InvalidNameError: a name cannot be a schema's, or two are the same to SQL.
        DatasetNotFoundError: there is no dataset at a place.
        VersionNotFoundError: a dataset has no such version.
        DatasetFormatError: a manifest is damaged, or a data file of an older release.
        StorageError: a storage refuses access, or cannot be reached.
    """
    # DuckDB takes long to load.
    from fw_dataset.query import (  # noqa: PLC0415
        Source,
        check_schema_names,
        connect_sources,
        distinct_names,
    )
    from fw_dataset.query.side_by_side import each  # noqa: PLC0415

    if isinstance(datasets, str | os.PathLike):
        raise InvalidArgumentError(
            f"datasets is one place, {os.fspath(datasets)!r}: give a list of them, or a mapping"
        )
    if isinstance(datasets, Mapping):
        places = dict(datasets)
    else:
        opened = each(_opened, datasets)
        places = dict(zip(distinct_names(one.name for one in opened), opened, strict=True))
    check_schema_names(list(places))
    wanted = _wanted(list(places), versions)
    only = None if sql is None else _named(sql, places)
    names = list(places) if only is None else _asked(only, places)
    chosen = each(_opened, [places[name] for name in names])
    found = each(
        _version_of, [(one, wanted[name]) for name, one in zip(names, chosen, strict=True)]
    )
    sources = [
        Source(name, version, {"dataset": name, "dataset_version": version.id})
        for name, version in zip(names, found, strict=True)
    ]
    return connect_sources(sources, cache=cache or _cache_of(places.values()), only=only)


def _named(sql: str, names: Collection[str]) -> NamedTables | None:
    """The tables that a query names; None where all must be there."""
    from fw_dataset.query import EVERYTHING, named_tables  # noqa: PLC0415 - as above

    return named_tables(sql, [*names, EVERYTHING]) or None


def _asked(only: NamedTables, names: Collection[str]) -> list[str]:
    """The datasets that are asked."""
    from fw_dataset.query import EVERYTHING  # noqa: PLC0415 - as above

    schemas = {schema for schema, _ in only}
    return [name for name in names if EVERYTHING in schemas or name.casefold() in schemas]


def _opened(dataset: Dataset | Location) -> Dataset:
    return dataset if isinstance(dataset, Dataset) else Dataset.open(dataset)


def _cache_of(datasets: Iterable[Dataset | Location]) -> str | os.PathLike[str] | None:
    caches = (one._cache for one in datasets if isinstance(one, Dataset))  # noqa: SLF001
    return next((cache for cache in caches if cache is not None), None)


def _version_of(chosen: tuple[Dataset, str | None]) -> CommittedVersion:
    dataset, version = chosen
    return dataset._find(version)  # noqa: SLF001 - what it stands for


def _wanted(
    names: Sequence[str], versions: str | Mapping[str, str] | None
) -> dict[str, str | None]:
    if not isinstance(versions, Mapping):
        return dict.fromkeys(names, versions)
    for name in versions:
        if name not in names:
            raise InvalidArgumentError(
                f"versions names {name!r}, which is no dataset; {naming(names, name)}"
            )
    return {name: versions.get(name) for name in names}
