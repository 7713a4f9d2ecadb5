"""What a version's folder holds, damaged or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from fw_dataset.errors import (
    DatasetFormatError,
    ObjectNotFoundError,
    StorageError,
    VersionNotFoundError,
)
from fw_dataset.format.description import DatasetDescription
from fw_dataset.format.layout import VersionLayout
from fw_dataset.format.manifest import FileEntry, Manifest
from fw_dataset.format.schema import DataModel
from fw_dataset.storage import ObjectInfo, Storage
from fw_dataset.versions import claim
from fw_dataset.versions.content import is_of_one_object

__all__ = ["Inventory", "Problem", "take_inventory"]

_T = TypeVar("_T")
_SCHEMAS, _HIDDEN, _TABLES = "schemas/", "schemas/hidden/", "tables/"
_SCHEMA_SUFFIX, _DATA_SUFFIX = ".schema.json", ".parquet"


@dataclass(frozen=True, order=True)
class Problem:
    """Something in a version that is not as it must be.

    Attributes:
        path: the file or folder, below the dataset's root.
        kind: ``"missing"``, ``"size"``, ``"content"``, ``"rows"``, ``"columns"`` or
            ``"unreadable"`` of a file of the version; ``"foreign"`` for a file that is none;
            ``"table"`` for a schema without data, and data without a schema; ``"manifest"``,
            ``"schema"`` and ``"description"`` of these; ``"leftover"`` for what a writer left
            that is gone.
        message: what is wrong, in words.
    """

    path: str
    kind: str
    message: str


@dataclass(frozen=True)
class Inventory:
    """A version's folder at one moment; paths are relative to it.

    Attributes:
        storage: where it is.
        layout: the version.
        sizes: the bytes of each file.
        documents: the content of the description, the manifest and the schemas.
        description: the description, or None where it is damaged.
        manifest: the manifest, or None where there is none, or a damaged one.
        shown: the schema of each table that is shown; None for one that is damaged.
        hidden: the same of those that are hidden.
        problems: what cannot be read.
        writer: who may be at work on the version, or None.
    """

    storage: Storage
    layout: VersionLayout
    sizes: Mapping[str, int]
    documents: Mapping[str, bytes]
    description: DatasetDescription | None
    manifest: Manifest | None
    shown: Mapping[str, DataModel | None]
    hidden: Mapping[str, DataModel | None]
    problems: tuple[Problem, ...]
    writer: str | None

    def is_as(self, other: Inventory) -> bool:
        """Whether nothing has changed from one moment to the other."""
        return (self.sizes, self.documents) == (other.sizes, other.documents)

    def problem(self, kind: str, path: str, message: str) -> Problem:
        """A problem with a file of the version."""
        return Problem(f"{self.layout.root}/{path}", kind, message)

    def object(self, path: str) -> ObjectInfo:
        """A file of the version as its storage knows it."""
        return ObjectInfo(f"{self.layout.root}/{path}", self.sizes[path])

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """What the manifest lists; nothing without one."""
        return () if self.manifest is None else self.manifest.files

    @property
    def tables(self) -> dict[str, list[str]]:
        """The data files of each table that has some: of the manifest, or that are there."""
        found: dict[str, list[str]] = {}
        for entry in self.files:
            if entry.table is not None:
                found.setdefault(entry.table, []).append(entry.path)
        listed = frozenset(found)
        for path in sorted(self.sizes):
            table, _, name = path.removeprefix(_TABLES).partition("/")
            is_data = path.startswith(_TABLES) and name.endswith(_DATA_SUFFIX)
            if is_data and table not in listed:
                found.setdefault(table, []).append(path)
        return found


def take_inventory(
    storage: Storage, layout: VersionLayout, objects: Iterable[ObjectInfo]
) -> Inventory:
    """Look at what a version's folder holds.

    Args:
        storage: where it is.
        layout: the version.
        objects: the objects of its folder.

    Raises:
        VersionNotFoundError: it is no version any more.
        StorageError: the storage refuses, or cannot be reached.
    """
    start = len(layout.root) + 1
    sizes = {item.key[start:]: item.size for item in objects}
    claimed = sizes.pop(layout.claim[start:], None) is not None
    marker, listing = layout.description[start:], layout.manifest[start:]
    shown, hidden = _schemas(sizes, _SCHEMAS), _schemas(sizes, _HIDDEN)
    reading = _Reading(storage, layout)
    wanted = [marker, *([listing] if listing in sizes else []), *shown.values(), *hidden.values()]
    reading.fetch(list(dict.fromkeys(wanted)))
    if marker in reading.gone:
        raise VersionNotFoundError(f"{storage.url} has no version {layout.version!r} any more")
    writer = _writer(reading, layout.claim[start:]) if claimed else None
    return Inventory(
        storage=storage,
        layout=layout,
        sizes=sizes,
        documents=reading.documents,
        description=reading.parsed("description", marker, DatasetDescription.from_json),
        manifest=reading.parsed("manifest", listing, Manifest.from_json),
        shown=_models(reading, shown),
        hidden=_models(reading, hidden),
        problems=tuple(reading.problems),
        writer=writer,
    )


class _Reading:
    """The documents of a version, and what cannot be read of them."""

    def __init__(self, storage: Storage, layout: VersionLayout) -> None:
        self.storage, self.layout = storage, layout
        self.documents: dict[str, bytes] = {}
        self.gone: set[str] = set()
        self.problems: list[Problem] = []

    def fetch(self, paths: list[str]) -> None:
        contents = self.storage.get_many([f"{self.layout.root}/{path}" for path in paths])
        for path, content in zip(paths, contents, strict=True):
            if isinstance(content, bytes):
                self.documents[path] = content
            elif isinstance(content, ObjectNotFoundError):
                self.gone.add(path)
            elif is_of_one_object(content):
                self.add("unreadable", path, str(content))
            else:
                raise content

    def parsed(self, kind: str, path: str, parse: Callable[[bytes], _T]) -> _T | None:
        if path not in self.documents:
            return None
        try:
            return parse(self.documents[path])
        except DatasetFormatError as error:
            self.add(kind, path, str(error))
            return None

    def add(self, kind: str, path: str, message: str) -> None:
        self.problems.append(Problem(f"{self.layout.root}/{path}", kind, message))


def _schemas(paths: Iterable[str], folder: str) -> dict[str, str]:
    """The schemas right below a folder, by the table's name."""
    names = {path.removeprefix(folder): path for path in sorted(paths) if path.startswith(folder)}
    return {
        name.removesuffix(_SCHEMA_SUFFIX): path
        for name, path in names.items()
        if "/" not in name and name.endswith(_SCHEMA_SUFFIX) and not name.startswith(".")
    }


def _models(reading: _Reading, schemas: Mapping[str, str]) -> dict[str, DataModel | None]:
    def read(name: str) -> Callable[[bytes], DataModel]:
        return lambda text: DataModel.from_json(text, name)

    return {name: reading.parsed("schema", path, read(name)) for name, path in schemas.items()}


def _writer(reading: _Reading, path: str) -> str | None:
    """Who may be at work; the claim of one who is gone is a problem."""
    try:
        found = claim.holder(reading.storage, reading.layout)
    except StorageError as error:
        if not is_of_one_object(error):
            raise
        reading.add("unreadable", path, str(error))
        return None
    if found is None:
        return None
    who, is_gone = found
    if is_gone:
        reading.add(
            "leftover", path, f"the claim of {who}, which is gone; the next writer takes it over"
        )
        return None
    return who
