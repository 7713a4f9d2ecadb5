"""Publish a version of a dataset as Iceberg tables."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from typing import TYPE_CHECKING

from fw_dataset.errors import InvalidArgumentError, MissingExtraError, PublishingError
from fw_dataset.format.layout import PUBLISHED
from fw_dataset.format.names import table_name
from fw_dataset.render.progress import ProgressCallback
from fw_dataset.scale.iceberg.publications import Publication
from fw_dataset.storage import Credentials, Storage, address_of, open_storage

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

    from fw_dataset.dataset import Dataset
    from fw_dataset.scale.iceberg.homes import Home
    from fw_dataset.scale.iceberg.storage_io import Place

__all__ = ["publish_iceberg"]


def publish_iceberg(
    dataset: Dataset,
    *,
    version: str | None = None,
    location: str | os.PathLike[str] | None = None,
    catalog: Catalog | str | None = None,
    namespace: str | None = None,
    tables: Iterable[str] | None = None,
    credentials: Credentials | None = None,
    address: str | None = None,
    read_back: bool = True,
    restart: bool = False,
    progress: ProgressCallback | None = None,
) -> Publication:
    """Publish a version as Apache Iceberg tables, for other systems; no data file is copied.

    Each table gets a snapshot with the version's rows, tagged with the version's id, in one atomic
    commit; the newest version that is published is what readers see who name no tag. What is
    published is left alone, so that an interrupted call is ended by the same call again.

    Args:
        dataset: the dataset.
        version: an id, a label or ``"latest"``; the version at hand where none is named.
        location: a path or URL for the tables' folders; else the folder ``iceberg`` of the dataset.
        catalog: instead, a pyiceberg catalog, or the name of one that is configured.
        namespace: in a catalog, where the tables are; else called like the project.
        tables: these only; else all, and those that only other versions have are emptied.
        credentials: what the location's store asks for, where it is not within the dataset.
        address: what other systems call the dataset's root, where that is not its URL.
        read_back: read each table before it is published, and compare rows and values.
        restart: where a column is of another type than before, or the dataset was moved, drop the
            table's earlier snapshots, instead of refusing.
        progress: called with a :class:`~fw_dataset.Progress` for each table.

    Raises:
        MissingExtraError: pyiceberg is not installed (extra ``iceberg``).
        InvalidArgumentError: both a location and a catalog are given, or a namespace for a folder.
        VersionNotFoundError: there is no such version.
        TableNotFoundError: the version has no such table.
        PublishingError: a table is of another dataset, has columns that Iceberg has not or that
            changed their types, does not read back as it is, or the catalog refuses.
        DatasetFormatError: a data file is damaged.
        StorageError: a storage refuses access, or cannot be reached.
    """
    _check_installed()
    # They need pyiceberg.
    from fw_dataset.scale.iceberg.editions import publish_tables  # noqa: PLC0415
    from fw_dataset.scale.iceberg.storage_io import Place  # noqa: PLC0415
    from fw_dataset.scale.iceberg.table_publishing import Edition  # noqa: PLC0415

    if catalog is not None and location is not None:
        raise InvalidArgumentError("location and catalog are given: name one of them")
    if catalog is None and namespace is not None:
        raise InvalidArgumentError("namespace is given without a catalog: name that, too")
    storage = dataset._storage  # noqa: SLF001 - what it stands for
    found = dataset._find(version)  # noqa: SLF001
    if found.id == "main":
        raise PublishingError(
            "a version whose id is 'main' cannot be published: Iceberg calls the current rows so"
        )
    place = Place(address or address_of(storage), storage)
    names = None if tables is None else list(dict.fromkeys(tables))
    known = tuple(one.id for one in dataset._catalog.versions())  # noqa: SLF001
    with ExitStack() as stack:
        if catalog is None:
            home, where = _folder(place, location, credentials)
        else:
            opened = stack.enter_context(_opened(catalog))
            home, where = _catalog(opened, namespace or table_name(dataset.name))
        edition = Edition(found, known, home, place, read_back=read_back, restart=restart)
        done = publish_tables(edition, names, progress)
    return Publication(found.id, found.label, where, done)


def _check_installed() -> None:
    try:
        import pyiceberg  # noqa: F401, PLC0415 - it is asked for
    except ImportError as error:
        raise MissingExtraError(
            "publishing as Iceberg needs pyiceberg: pip install 'fw-dataset[iceberg]'"
            f" ({error.name or error} is missing)"
        ) from None


def _folder(
    place: Place, location: str | os.PathLike[str] | None, credentials: Credentials | None
) -> tuple[Home, str]:
    from fw_dataset.scale.iceberg.homes import FolderHome  # noqa: PLC0415 - as above
    from fw_dataset.scale.iceberg.storage_io import Place  # noqa: PLC0415

    if location is None:
        return FolderHome(place, PUBLISHED), place.location(PUBLISHED)
    other = open_storage(location, credentials)
    folder = _within(other, place.storage)
    if folder is not None:
        return FolderHome(place, folder), place.location(folder)
    elsewhere = Place(address_of(other), other)
    return FolderHome(elsewhere, ""), elsewhere.address


def _within(one: Storage, other: Storage) -> str | None:
    """The folder of ``other`` that ``one`` is, or None where it is somewhere else."""
    start = f"{other.url}/"
    if not one.url.startswith(start):
        return None
    folder = address_of(one).removeprefix(f"{address_of(other)}/")
    if folder.partition("/")[0] in ("versions", "latest"):
        raise InvalidArgumentError(
            f"location {one.url} is in the folder of the dataset's versions: name another one"
        )
    return folder


def _catalog(catalog: Catalog, namespace: str) -> tuple[Home, str]:
    from fw_dataset.scale.iceberg.homes import CatalogHome  # noqa: PLC0415 - as above

    return CatalogHome(catalog, namespace), f"{catalog.name}.{namespace}"


def _opened(catalog: Catalog | str) -> AbstractContextManager[Catalog]:
    """The catalog; one that is opened here is closed here."""
    if not isinstance(catalog, str):
        return nullcontext(catalog)
    from fw_dataset.scale.iceberg.homes import named_catalog  # noqa: PLC0415 - as above

    return closing(named_catalog(catalog))
