"""Remove a whole dataset, and nothing that is not of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fw_dataset.errors import VersionConflictError
from fw_dataset.format.layout import (
    LATEST_FOLDER,
    LATEST_MARKER,
    LATEST_NOTE,
    PUBLISHED,
    README,
    VersionLayout,
)
from fw_dataset.storage import LocalStorage, Storage
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.deletion import let_go
from fw_dataset.versions.workspace import sweep

__all__ = ["is_anything_left", "remove"]

# What is in the folder of a version; the last is a left-over of the 0.1 and 0.2 releases.
_OURS = re.compile(r"(README\.md|_claim\.json)|(provenance|tables|schemas|profiles|files_cache)/.+")
# What publishing leaves beside the versions, which is of no use without their files.
_METADATA = re.compile(r"[^/]+/metadata/(version-hint\.text|v\d+\.metadata\.json|[^/]+\.avro)")

_Claims = dict[VersionLayout, bytes]


def remove(storage: Storage, *, discard_claim: bool = False) -> list[str]:
    """Remove all versions of a dataset, and the files of its own beside them.

    The versions vanish one by one, the oldest first: so whoever asks for the latest meanwhile gets
    what was the latest before, or is told that there is none, but never an older one in its
    place. An interrupted removal is ended by the next one.

    Args:
        storage: the dataset's root.
        discard_claim: take the claims of other writers over, though they may still be at it.

    Returns:
        The keys of the objects below the dataset's root that are not of the dataset: they stay.

    Raises:
        VersionConflictError: another writer is at one of the versions; nothing was removed.
        StorageError: not all could be removed.
    """
    claims: _Claims = {}
    try:
        for layout in _layouts(storage):
            claims[layout] = claim.take(storage, layout, discard=discard_claim, doing="deleted")
        _remove_markers(storage, claims)
        for layout, mine in claims.items():
            _remove_rest(storage, layout, mine)
    except BaseException as error:
        for layout, mine in claims.items():
            let_go(storage, layout, mine, error)
        raise
    _remove_what_older_releases_left(storage)
    _remove_what_was_published(storage)
    storage.delete(README)
    if isinstance(storage, LocalStorage):
        sweep(storage.root)  # work folders of renderings that were killed
    return sorted(item.key for item in storage.list())


def is_anything_left(storage: Storage) -> bool:
    """Whether there are files of a dataset, which an interrupted removal left without versions."""
    return bool(_layouts(storage))


def _layouts(storage: Storage) -> list[VersionLayout]:
    """The folders that hold files of versions, whole or not."""
    return [layout for layout in Catalog(storage).layouts() if _has_ours(storage, layout)]


def _has_ours(storage: Storage, layout: VersionLayout) -> bool:
    return bool(_ours(layout.root, (item.key for item in storage.list(layout.root))))


def _ours(root: str, keys: Iterable[str]) -> list[str]:
    return [key for key in keys if _OURS.fullmatch(key[len(root) + 1 :])]


def _remove_markers(storage: Storage, claims: _Claims) -> None:
    catalog = Catalog(storage)
    with storage.exclusive():
        newest_first = catalog.versions()
        for version in newest_first:
            if version.layout not in claims:
                raise VersionConflictError(
                    f"version {version.label!r} of {storage.url} was made by another writer just"
                    " now; nothing was removed: try again"
                )
        for layout, mine in claims.items():
            claim.require(storage, layout, mine)
        for version in reversed(newest_first):
            storage.delete(version.layout.description)
        # Those that nobody can read are no versions, but go before their files all the same.
        storage.delete_many([layout.description for layout in claims])


def _remove_rest(storage: Storage, layout: VersionLayout, mine: bytes) -> None:
    keys = [item.key for item in storage.list(layout.root)]
    ours = _ours(layout.root, keys)
    claim.require(storage, layout, mine)
    storage.delete_many([key for key in ours if key != layout.claim])
    with storage.exclusive():
        claim.require(storage, layout, mine)
        if len(ours) == len(keys):
            storage.clear(layout.root)
        else:
            storage.sweep(layout.root)
            storage.delete(layout.claim)


def _remove_what_older_releases_left(storage: Storage) -> None:
    """Remove the latest version of the 0.1 and 0.2 releases, which is no version today."""
    if not storage.exists(LATEST_NOTE) and not storage.exists(LATEST_MARKER):
        return
    storage.delete(LATEST_MARKER)
    keys = [item.key for item in storage.list(LATEST_FOLDER)]
    storage.delete_many(_ours(LATEST_FOLDER, keys))
    # The last one: by it, an interrupted removal is known.
    storage.delete(LATEST_NOTE)


def _remove_what_was_published(storage: Storage) -> None:
    start = len(PUBLISHED) + 1
    keys = [item.key for item in storage.list(PUBLISHED)]
    storage.delete_many([key for key in keys if _METADATA.fullmatch(key[start:])])
