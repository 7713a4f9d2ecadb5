"""Several datasets in one connection."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, overload

from fw_dataset.dataset import Dataset
from fw_dataset.errors import InvalidArgumentError, naming

if TYPE_CHECKING:
    import duckdb

    from fw_dataset.query import NamedTables, Source
    from fw_dataset.query.spark import SparkDatabase, SparkSession
    from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["connect_all"]

Location = str | os.PathLike[str]
Datasets = Mapping[str, "Dataset | Location"] | Sequence["Dataset | Location"]


@overload
def connect_all(
    datasets: Datasets,
    versions: str | Mapping[str, str] | None = None,
    *,
    cache: str | os.PathLike[str] | None = None,
    sql: str | None = None,
    engine: None = None,
) -> duckdb.DuckDBPyConnection: ...


@overload
def connect_all(
    datasets: Datasets,
    versions: str | Mapping[str, str] | None = None,
    *,
    engine: SparkSession,
    everything: str = "everything",
    places: Mapping[str, str] | None = None,
    check: bool = False,
) -> dict[str, SparkDatabase]: ...


def connect_all(
    datasets: Datasets,
    versions: str | Mapping[str, str] | None = None,
    *,
    cache: str | os.PathLike[str] | None = None,
    sql: str | None = None,
    engine: SparkSession | None = None,
    everything: str = "everything",
    places: Mapping[str, str] | None = None,
    check: bool = False,
) -> duckdb.DuckDBPyConnection | dict[str, SparkDatabase]:
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
        engine: a Spark session, in which the datasets are registered instead, each a database;
            DuckDB's ``cache`` and ``sql`` mean nothing to it. See
            :meth:`Dataset.register_spark` for ``places`` and ``check``.
        everything: with an engine, the name of the database that has all of them together.
        places: with an engine, where it has the datasets.
        check: with an engine, let it count the rows.

    Returns:
        The connection; with an engine, the databases by the names of the datasets, and that of
        all of them together.

    Raises:
        InvalidArgumentError: there are no datasets, a version is given to none of them, or an
            argument is not for this engine.
        InvalidNameError: a name cannot be a schema's, or two are the same to SQL.
        DatasetNotFoundError: there is no dataset at a place.
        VersionNotFoundError: a dataset has no such version.
        DatasetFormatError: a manifest is damaged, or a data file of an older release.
        StorageError: a storage refuses access, or cannot be reached.
        ClusterError: Spark does not do what it is asked.
    """
    from fw_dataset.query import connect_sources  # noqa: PLC0415 - DuckDB takes long to load

    if engine is None:
        if places is not None or check or everything != "everything":
            raise InvalidArgumentError(
                "places, check and everything are for a Spark session, which is given as engine"
            )
        named = _by_name(datasets)
        only = None if sql is None else _named(sql, named)
        names = list(named) if only is None else _asked(only, named)
        sources = _sources(named, names, versions)
        return connect_sources(sources, cache=cache or _cache_of(named.values()), only=only)
    if cache is not None or sql is not None:
        raise InvalidArgumentError("cache and sql are for DuckDB: leave them out with an engine")
    from fw_dataset.query.spark import register_sources  # noqa: PLC0415 - as above

    named = _by_name(datasets)
    return register_sources(
        engine,
        _sources(named, list(named), versions),
        named=isinstance(datasets, Mapping),
        everything=everything,
        places=places,
        check=check,
    )


def _by_name(datasets: Datasets) -> dict[str, Dataset | Location]:
    """The datasets by the names of their schemas."""
    from fw_dataset.query import check_schema_names, distinct_names  # noqa: PLC0415 - as above
    from fw_dataset.query.side_by_side import each  # noqa: PLC0415

    if isinstance(datasets, str | os.PathLike):
        raise InvalidArgumentError(
            f"datasets is one place, {os.fspath(datasets)!r}: give a list of them, or a mapping"
        )
    if isinstance(datasets, Mapping):
        named = dict(datasets)
    else:
        opened = each(_opened, datasets)
        named = dict(zip(distinct_names(one.name for one in opened), opened, strict=True))
    check_schema_names(list(named))
    return named


def _sources(
    named: Mapping[str, Dataset | Location],
    names: Sequence[str],
    versions: str | Mapping[str, str] | None,
) -> list[Source]:
    """The versions that are meant of some of the datasets."""
    from fw_dataset.query import Source  # noqa: PLC0415 - as above
    from fw_dataset.query.side_by_side import each  # noqa: PLC0415

    wanted = _wanted(list(named), versions)
    chosen = each(_opened, [named[name] for name in names])
    found = each(
        _version_of, [(one, wanted[name]) for name, one in zip(names, chosen, strict=True)]
    )
    return [
        Source(name, version, {"dataset": name, "dataset_version": version.id})
        for name, version in zip(names, found, strict=True)
    ]


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
