"""Add tables of another version to a version: each appears whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fw_dataset.errors import InvalidArgumentError
from fw_dataset.render.progress import ProgressCallback
from fw_dataset.storage import MemoryStorage
from fw_dataset.versions.additions import Addition, add
from fw_dataset.versions.catalog import Catalog, CommittedVersion
from fw_dataset.versions.incoming import IncomingTable, choose

__all__ = ["merge"]

_NOTES = "merged"


def merge(
    catalog: Catalog,
    version: str,
    source: CommittedVersion,
    tables: Iterable[str] | None = None,
    *,
    progress: ProgressCallback | None = None,
    discard_claim: bool = False,
) -> list[str]:
    """Copy tables of ``source`` into a version that has none of their names.

    All is checked before anything is copied. Data files land first, then the schemas, by which
    the tables are there for readers, then manifest and description. What an interrupted merge
    of the same tables has done is not done again.

    Args:
        catalog: the dataset to add to.
        version: its version: an id, a label or ``"latest"``.
        source: the version to take from.
        tables: the tables to take; None for all that are shown.
        progress: told the bytes that are copied, stage ``"merge"``.
        discard_claim: take over from another writer of the version, though it may be at it still.

    Returns:
        The names of the tables.

    Raises:
        InvalidArgumentError: no table is named, or the source is the version itself.
        InvalidNameError: a name cannot be a table's.
        TableNotFoundError: the source has no such table.
        VersionNotFoundError: there is no such version.
        VersionConflictError: the version has a table of that name; or another writer is at it.
        DatasetFormatError: something of the chosen tables is damaged.
        StorageError: a storage refuses, is full, or cannot be reached.
    """
    target = catalog.find(version)
    _check_is_another(target, source)
    incoming = choose(source, tables)
    addition = Addition(
        source.storage,
        incoming,
        note=lambda found: {_NOTES: _noted(found.get(_NOTES), source, incoming)},
        refused=lambda standing: _refused(source, standing),
        stage="merge",
    )
    add(catalog, target, addition, progress=progress, discard_claim=discard_claim)
    return [table.name for table in incoming]


def _check_is_another(target: CommittedVersion, source: CommittedVersion) -> None:
    ours, theirs = target.storage, source.storage
    # All storages in memory have the same URL.
    is_same = ours is theirs or (ours.url == theirs.url and not isinstance(ours, MemoryStorage))
    if is_same and target.id == source.id:
        raise InvalidArgumentError(
            f"version {target.label!r} at {ours.url} cannot be merged into itself"
        )


def _noted(
    found: object, source: CommittedVersion, incoming: Sequence[IncomingTable]
) -> list[Mapping[str, Any]]:
    """Where each merged table comes from, the earlier ones first."""
    names = {table.name for table in incoming}
    earlier = found if isinstance(found, list) else []
    kept = [n for n in earlier if not (isinstance(n, dict) and n.get("table") in names)]
    return kept + [
        {
            "table": table.name,
            "from_dataset": source.description.id,
            "version": source.id,
            "location": source.storage.url,
        }
        for table in incoming
    ]


def _refused(source: CommittedVersion, standing: Iterable[str]) -> str:
    taken = set(standing)
    free = [name for name in source.table_names if name.casefold() not in taken]
    out = f"choose others: tables={free}" if free else "it has all tables of the source"
    return f"so that of version {source.label!r} at {source.storage.url} cannot be merged; {out}"
