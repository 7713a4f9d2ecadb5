"""The list of all versions, in as few questions to the storage as there can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from fw_dataset.errors import DatasetFormatError, ObjectNotFoundError, StorageError
from fw_dataset.format.instants import format_instant
from fw_dataset.format.manifest import Manifest
from fw_dataset.storage.beside import begin
from fw_dataset.versions.catalog import Catalog, CommittedVersion, VersionInfo, age
from fw_dataset.versions.footers import rows_of

__all__ = ["list_versions"]

_SCHEMAS, _SUFFIX = "schemas/", ".schema.json"


def list_versions(catalog: Catalog) -> list[VersionInfo]:
    """All versions, newest first.

    Of versions with a manifest, two small documents are read and nothing is listed: all of that
    is asked for at once, when the folders are known. Versions of the 0.3 and 0.4 releases are
    listed after that, and the footers of all their data files are read together.

    Raises:
        DatasetNotFoundError: there is none.
        StorageError: the storage refuses access, or cannot be reached.
    """
    layouts = catalog.layouts()
    coming = begin(lambda: catalog.storage.get_many([layout.manifest for layout in layouts]))
    described = catalog.described(layouts)
    manifests = dict(zip([layout.version for layout in layouts], coming.result(), strict=True))
    found = [CommittedVersion(catalog.storage, *each) for each in described]
    lines = _of_old_versions(catalog, [v for v in found if _is_old(manifests[v.id])])
    for version in found:
        if not _is_old(manifests[version.id]):
            lines[version.id] = _line(version, manifests[version.id])
    newest_first = [v for v in sorted(found, key=age, reverse=True) if v.id in lines]
    if not newest_first:
        found = catalog.require()  # which says what is wrong
        return [version.info(found[0].id) for version in found]
    latest = newest_first[0].id
    return [{**lines[v.id], "latest": v.id == latest} for v in newest_first]


def _is_old(manifest: bytes | StorageError) -> bool:
    return isinstance(manifest, ObjectNotFoundError)


def _line(version: CommittedVersion, content: bytes | StorageError) -> VersionInfo:
    if isinstance(content, StorageError):
        raise content
    try:
        manifest = Manifest.from_json(content)
    except DatasetFormatError:
        return version.info("")
    shown = _shown(entry.path for entry in manifest.files)
    return VersionInfo(
        version=version.id,
        label=version.label,
        created=format_instant(version.description.created),
        latest=False,
        rows=sum(rows for table, rows in manifest.rows.items() if table in shown),
        bytes=sum(entry.bytes for entry in manifest.files if entry.table in shown),
    )


def _shown(paths: Iterable[str]) -> set[str]:
    """The tables whose schemas stand where readers look for them."""
    names = (
        path[len(_SCHEMAS) : -len(_SUFFIX)]
        for path in paths
        if path.startswith(_SCHEMAS) and path.endswith(_SUFFIX)
    )
    return {name for name in names if "/" not in name}


def _of_old_versions(
    catalog: Catalog, versions: Sequence[CommittedVersion]
) -> dict[str, VersionInfo]:
    """The lines of versions without a manifest, by id; those that are deleted by now have none."""
    if not versions:
        return {}
    listings = catalog.listings()
    # Listed after its description was read: one that lacks it now was deleted in between.
    there = [
        replace(version, listing=listings.get(version.id) if listings else None)
        for version in versions
        if not listings or version.layout.description in listings.get(version.id, {})
    ]
    files = {v.id: [f for name in v.table_names for f in v.listed_files(name)] for v in there}
    rows: dict[str, int] = {}
    # Where one file is damaged, each version is asked by itself.
    with suppress(DatasetFormatError):
        counts = iter(rows_of(catalog.storage, [f for found in files.values() for f in found]))
        rows = {version: sum(islice(counts, len(found))) for version, found in files.items()}
    return {
        version.id: _old_line(version, rows[version.id], sum(f.size for f in files[version.id]))
        if rows
        else version.info("")
        for version in there
    }


def _old_line(version: CommittedVersion, rows: int, size: int) -> VersionInfo:
    return VersionInfo(
        version=version.id,
        label=version.label,
        created=format_instant(version.description.created),
        latest=False,
        rows=rows,
        bytes=size,
    )
