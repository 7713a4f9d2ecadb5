"""Hide tables from readers, and show them again; their data files stay where they are.

A table is shown when its schema stands in ``schemas/``, and kept but not shown when it stands in
``schemas/hidden/`` only. While one is moved, it stands in both, and is shown: what is interrupted
then is ended by the same call again, or undone by the opposite one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from fw_dataset.errors import (
    InvalidArgumentError,
    ObjectNotFoundError,
    TableNotFoundError,
    naming,
)
from fw_dataset.format.description import DatasetDescription
from fw_dataset.format.layout import VersionLayout
from fw_dataset.format.manifest import Manifest
from fw_dataset.format.names import LATEST
from fw_dataset.format.schema import DataModel
from fw_dataset.format.tables import PRIMARY_CONTAINERS
from fw_dataset.storage import Storage
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog, CommittedVersion
from fw_dataset.versions.deletion import let_go
from fw_dataset.versions.rewriting import rewrite

__all__ = ["hide_tables", "unhide_tables"]

_PRIMARY = list(PRIMARY_CONTAINERS)


_Move = tuple[str, str]


def hide_tables(
    catalog: Catalog,
    tables: Iterable[str] | str,
    version: str | CommittedVersion = LATEST,
    *,
    discard_claim: bool = False,
) -> None:
    """Hide tables of a version; those that are hidden already stay so.

    One that was found before is told by its id alone.

    Raises:
        InvalidArgumentError: no table is named.
        TableNotFoundError: the version has no such table; nothing was hidden.
        VersionNotFoundError: there is no such version.
        VersionConflictError: another writer is at the version.
        StorageError: a file could not be written. The same call again ends it.
    """
    with _changing(catalog, tables, version, discard_claim) as (found, names):
        layout = found.layout
        moves = [(_shown(layout, name), _hidden(layout, name)) for name in names]
        standing = _standing(found, moves)
        _copy(catalog.storage, standing)
        _rewrite_manifest(catalog.storage, layout, moves)
        _rewrite_description(catalog.storage, layout, without=names)
        # Those that are gone, too: their folder may have stayed.
        catalog.storage.delete_many([old for old, _ in moves])


def unhide_tables(
    catalog: Catalog,
    tables: Iterable[str] | str,
    version: str | CommittedVersion = LATEST,
    *,
    discard_claim: bool = False,
) -> None:
    """Show hidden tables of a version again; those that are shown already stay so.

    One that was found before is told by its id alone.

    Raises:
        InvalidArgumentError: no table is named.
        TableNotFoundError: the version has no such table; nothing was changed.
        DatasetFormatError: the schema of a hidden table cannot be read; nothing was changed.
        VersionNotFoundError: there is no such version.
        VersionConflictError: another writer is at the version.
        StorageError: a file could not be written. The same call again ends it.
    """
    with _changing(catalog, tables, version, discard_claim) as (found, names):
        layout = found.layout
        moves = [(_hidden(layout, name), _shown(layout, name)) for name in names]
        standing = _standing(found, moves)
        models = {
            name: _model(catalog.storage, old if (old, new) in standing else new, name)
            for name, (old, new) in zip(names, moves, strict=True)
        }
        _copy(catalog.storage, standing)
        _rewrite_manifest(catalog.storage, layout, moves)
        _rewrite_description(catalog.storage, layout, adding=models)
        # Those that are gone, too: their folder may have stayed.
        catalog.storage.delete_many([old for old, _ in moves])


@contextmanager
def _changing(
    catalog: Catalog,
    tables: Iterable[str] | str,
    version: str | CommittedVersion,
    discard: bool,
) -> Iterator[tuple[CommittedVersion, list[str]]]:
    """A block that no other writer of the version is in, given the version and the tables."""
    names = list(dict.fromkeys([tables] if isinstance(tables, str) else tables))
    if not names:
        raise InvalidArgumentError("no table is named: give the names of one or more")
    storage = catalog.storage
    found = catalog.find(version) if isinstance(version, str) else catalog.find_id(version.id)
    _check_are_there(found, names)
    mine = claim.take(storage, found.layout, discard=discard, doing="changed")
    try:
        with storage.exclusive():
            claim.require(storage, found.layout, mine)
            found = catalog.find_id(found.id)
            _check_are_there(found, names)
            storage.sweep(found.layout.root)
            _ = found.manifest  # so that a damaged one is told before anything is changed
            yield found, names
        claim.release(storage, found.layout, mine)
    except BaseException as error:
        let_go(storage, found.layout, mine, error)
        raise


def _check_are_there(version: CommittedVersion, names: Sequence[str]) -> None:
    known = {*version.table_names, *version.hidden_names}
    for name in names:
        if name not in known:
            raise TableNotFoundError(
                f"version {version.label!r} has no table {name!r}; {naming(known, name)}"
            )


def _shown(layout: VersionLayout, table: str) -> str:
    return f"{layout.schemas}/{table}.schema.json"


def _hidden(layout: VersionLayout, table: str) -> str:
    return f"{layout.hidden_schemas}/{table}.schema.json"


def _standing(version: CommittedVersion, moves: Sequence[_Move]) -> list[_Move]:
    """The moves of schemas that stand where they are to go from."""
    there = {item.key for item in version.objects_in(version.layout.schemas)}
    return [move for move in moves if move[0] in there]


def _model(storage: Storage, key: str, table: str) -> DataModel:
    return DataModel.from_json(storage.get(key), table)


def _copy(storage: Storage, moves: Sequence[_Move]) -> None:
    for old, new in moves:
        storage.put(new, storage.get(old))


def _rewrite_manifest(storage: Storage, layout: VersionLayout, moves: Sequence[_Move]) -> None:
    """Let the manifest name the schemas where they stand now."""
    start = len(layout.root) + 1
    paths = {old[start:]: new[start:] for old, new in moves}

    def change(content: bytes) -> bytes:
        manifest = Manifest.from_json(content)
        files = [
            entry.model_copy(update={"path": paths.get(entry.path, entry.path)})
            for entry in manifest.files
        ]
        files.sort(key=lambda entry: entry.path)
        if tuple(files) == manifest.files:
            return content
        return manifest.model_copy(update={"files": tuple(files)}).to_json()

    with suppress(ObjectNotFoundError):  # versions of the 0.3 and 0.4 releases have none
        rewrite(storage, layout.manifest, change)


def _rewrite_description(
    storage: Storage,
    layout: VersionLayout,
    *,
    without: Sequence[str] = (),
    adding: Mapping[str, DataModel] | None = None,
) -> None:
    """Let the description name the tables that are shown now."""
    added = DatasetDescription.describe_tables(adding or {})

    def change(content: bytes) -> bytes:
        description = DatasetDescription.from_json(content)
        tables = {k: v for k, v in description.tables.items() if k not in without}
        if added.keys() - tables:
            tables = _in_order({**tables, **{k: v for k, v in added.items() if k not in tables}})
        if list(tables) == list(description.tables):
            return content
        return description.model_copy(update={"tables": tables}).to_json()

    rewrite(storage, layout.description, change)


def _in_order(tables: dict[str, Any]) -> dict[str, Any]:
    """The primary tables first, as renderings have them; the others as they stand."""

    def place(name: str) -> int:
        return _PRIMARY.index(name) if name in _PRIMARY else len(_PRIMARY)

    return {name: tables[name] for name in sorted(tables, key=place)}
