"""Delete versions: each is there whole for readers, or is no version."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from fw_dataset.errors import (
    DatasetNotFoundError,
    ObjectNotFoundError,
    StorageDeniedError,
    StorageError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.format.layout import VersionLayout
from fw_dataset.format.names import LATEST
from fw_dataset.storage import Storage
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog

__all__ = ["delete_id", "delete_latest", "delete_version", "let_go"]


def delete_version(catalog: Catalog, version: str, *, discard_claim: bool = False) -> str:
    """Delete a version that is not the latest; its id is returned.

    What an interrupted deletion or rendering left of a version is deleted by its id.

    Args:
        catalog: the versions.
        version: an id or label.
        discard_claim: take the claim of another writer over, though it may still be at it.

    Raises:
        VersionNotFoundError: there is no such version, nor anything left of one.
        VersionConflictError: it is the latest, or another writer is at it.
        StorageError: not all could be deleted. The same call again ends it.
    """
    layout = _committed(catalog, version)
    check = _check_is_left if layout is None else _check_is_not_latest
    layout = layout or VersionLayout(version)
    check(catalog, layout)
    _delete(catalog, layout, check, discard_claim=discard_claim)
    return layout.version


def delete_id(catalog: Catalog, version: str) -> None:
    """Delete the version of an id that was looked up before, unless it is the latest.

    Raises:
        VersionNotFoundError: it is gone; its id may be the label of another one by now.
        VersionConflictError: it is the latest, or another writer is at it.
        StorageError: as for :func:`delete_version`.
    """
    layout = VersionLayout(version)
    _check_is_not_latest(catalog, layout)
    _delete(catalog, layout, _check_is_not_latest, discard_claim=False)


def delete_latest(catalog: Catalog, *, discard_claim: bool = False) -> str:
    """Delete the newest version, after which the one before it is the latest; its id is returned.

    Args:
        catalog: the versions.
        discard_claim: take the claim of another writer over, though it may still be at it.

    Raises:
        VersionConflictError: there is no other version, or another writer is at it.
        StorageError: not all could be deleted. ``delete_version`` with its id ends it.
    """
    latest = catalog.find(LATEST)
    _check_is_latest(catalog, latest.layout)
    _delete(catalog, latest.layout, _check_is_latest, discard_claim=discard_claim)
    return latest.id


def _committed(catalog: Catalog, version: str) -> VersionLayout | None:
    """The version that is meant; None for what is left of one that is none any more, or none yet.

    Raises:
        VersionNotFoundError: there is not even that.
    """
    try:
        return catalog.find(version).layout
    except (DatasetNotFoundError, VersionNotFoundError):
        if version not in [layout.version for layout in catalog.layouts()]:
            raise
        return None


def _check_is_left(catalog: Catalog, layout: VersionLayout) -> None:
    """Make sure that something is no version, rather than one that may not be read."""
    with suppress(ObjectNotFoundError):
        catalog.storage.get(layout.description)
    if catalog.described([layout]):
        raise VersionConflictError(
            f"version {layout.version!r} of {catalog.storage.url} was finished by another writer"
            " just now; look at the versions and try again"
        )


def _check_is_not_latest(catalog: Catalog, layout: VersionLayout) -> None:
    """Make sure that a version can go, and another one stays."""
    found = catalog.versions()
    if not any(version.id == layout.version for version in found):
        raise VersionNotFoundError(
            f"version {layout.version!r} of {catalog.storage.url} was deleted by another writer"
            " just now"
        )
    if found[0].id == layout.version:
        raise VersionConflictError(
            f"version {found[0].label!r} of {catalog.storage.url} is the latest, which stays;"
            " to delete it all the same, use delete_latest() (fw-dataset delete --latest)"
        )
    _check_stays(catalog, found[0].layout)


def _check_is_latest(catalog: Catalog, layout: VersionLayout) -> None:
    found = catalog.require()
    if found[0].id != layout.version:
        raise VersionConflictError(
            f"version {layout.version!r} of {catalog.storage.url} is not the latest any more:"
            " another writer was quicker; look at the versions and try again"
        )
    if len(found) < 2:
        raise VersionConflictError(
            f"version {found[0].label!r} is the only one of {catalog.storage.url}; to remove the"
            " whole dataset, use remove() (fw-dataset remove)"
        )
    _check_stays(catalog, found[1].layout)


def _check_stays(catalog: Catalog, layout: VersionLayout) -> None:
    """Make sure that nobody deletes the version that is to stay.

    Whoever deletes one claims it first and then looks at the other's claim: so of two writers,
    of whatever machines, at most one goes on.
    """
    if claim.is_being_deleted(catalog.storage, layout):
        raise VersionConflictError(
            f"version {layout.version!r} of {catalog.storage.url}, which is to stay, is being"
            " deleted by another writer; try again when that is done"
        )


def _delete(
    catalog: Catalog,
    layout: VersionLayout,
    check: Callable[[Catalog, VersionLayout], None],
    *,
    discard_claim: bool,
) -> None:
    storage = catalog.storage
    mine = claim.take(storage, layout, discard=discard_claim, doing="deleted")
    try:
        with storage.exclusive():
            # Looked at again after the claim: others may have deleted versions just before.
            claim.require(storage, layout, mine)
            check(catalog, layout)
            storage.delete(layout.description)
        claim.require(storage, layout, mine)
        claim.remove_strays(storage, layout)
        with storage.exclusive():
            claim.require(storage, layout, mine)
            storage.clear(layout.root)
    except BaseException as error:
        let_go(storage, layout, mine, error)
        raise


def let_go(storage: Storage, layout: VersionLayout, mine: bytes, error: BaseException) -> None:
    """Give the claim of a deletion that failed back, or leave it to the next writer."""
    is_broken = isinstance(error, StorageError) and not isinstance(error, StorageDeniedError)
    if storage.native_path(layout.root) is None and (is_broken or not isinstance(error, Exception)):
        # What was asked of the store last may still happen.
        claim.abandon(mine)
    claim.give_back(storage, layout, mine)
