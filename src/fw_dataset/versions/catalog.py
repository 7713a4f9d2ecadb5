"""What versions a dataset has, and which one is meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TypedDict

from fw_dataset.errors import (
    DatasetFormatError,
    DatasetNotFoundError,
    InvalidNameError,
    ObjectNotFoundError,
    StorageDeniedError,
    StorageError,
    TableNotFoundError,
    VersionConflictError,
    VersionNotFoundError,
    naming,
)
from fw_dataset.format.description import DatasetDescription
from fw_dataset.format.instants import format_instant
from fw_dataset.format.layout import LATEST_MARKER, VERSIONS, VersionLayout
from fw_dataset.format.manifest import Manifest
from fw_dataset.format.names import LATEST
from fw_dataset.format.schema import DataModel
from fw_dataset.storage import ObjectInfo, Storage
from fw_dataset.storage.beside import begin
from fw_dataset.versions.footers import rows_of

__all__ = ["Catalog", "CommittedVersion", "VersionInfo"]

_SCHEMA_SUFFIX = ".schema.json"
_DATA_SUFFIX = ".parquet"
_NO_VERSION = (ObjectNotFoundError, StorageDeniedError)


class VersionInfo(TypedDict):
    """A line in the list of versions.

    ``rows`` and ``bytes`` count the data files; ``created`` is an instant as text.
    """

    version: str
    label: str
    created: str
    latest: bool
    rows: int | None
    bytes: int


@dataclass(frozen=True)
class CommittedVersion:
    """One version, and what it says of itself. Its files are read when they are asked for."""

    storage: Storage
    layout: VersionLayout
    description: DatasetDescription
    listing: Mapping[str, int] | None = field(default=None, repr=False, compare=False)
    """The sizes of the version's objects by key, where they are known."""

    @property
    def id(self) -> str:
        """The version's id."""
        return self.layout.version

    @property
    def label(self) -> str:
        """The version's label, or else its id."""
        return self.description.version_label or self.id

    @cached_property
    def manifest(self) -> Manifest | None:
        """The list of its files; versions of the 0.3/0.4 releases have none."""
        try:
            return Manifest.from_json(self.storage.get(self.layout.manifest))
        except ObjectNotFoundError:
            return None

    @cached_property
    def models(self) -> dict[str, DataModel]:
        """The schema of each table that is shown, by name.

        Raises:
            DatasetFormatError: a schema cannot be read.
        """
        found: dict[str, DataModel] = {}
        schemas = self.storage.get_many([self._schema(name) for name in self.table_names])
        for name, schema in zip(self.table_names, schemas, strict=True):
            if isinstance(schema, ObjectNotFoundError):
                # The table was hidden since it was listed: it is as it was.
                schema = self.storage.get(f"{self.layout.hidden_schemas}/{name}{_SCHEMA_SUFFIX}")
            if isinstance(schema, StorageError):
                raise schema
            found[name] = DataModel.from_json(schema, name)
        return found

    @cached_property
    def table_names(self) -> list[str]:
        """The names of the tables that are shown, sorted."""
        return self._tables_of(self.layout.schemas)

    @cached_property
    def hidden_names(self) -> list[str]:
        """The names of the tables that are kept but not shown, sorted."""
        hidden = self._tables_of(self.layout.hidden_schemas)
        return [name for name in hidden if name not in self.table_names]

    def _tables_of(self, folder: str) -> list[str]:
        """The tables whose schemas stand in a folder, but not below it."""
        names = (item.key[len(folder) + 1 :] for item in self.objects_in(folder))
        # What starts with a dot was left by the system that copied the files.
        return sorted(
            name.removesuffix(_SCHEMA_SUFFIX)
            for name in names
            if "/" not in name and name.endswith(_SCHEMA_SUFFIX) and not name.startswith(".")
        )

    def _schema(self, table: str) -> str:
        return f"{self.layout.schemas}/{table}{_SCHEMA_SUFFIX}"

    def objects_in(self, folder: str) -> Iterable[ObjectInfo]:
        """The objects below one of the version's folders.

        Raises:
            VersionNotFoundError: the version has been deleted since it was found.
        """
        if self.listing is None:
            found = list(self.storage.list(folder))
            # A deletion begins with the description: while it is there, so is all the rest.
            if not self.storage.exists(self.layout.description):
                raise VersionNotFoundError(
                    f"version {self.label!r} of {self.storage.url} was deleted meanwhile;"
                    " connect() opens another"
                )
            return found
        start = f"{folder}/"
        return [ObjectInfo(key, n) for key, n in self.listing.items() if key.startswith(start)]

    def model(self, table: str) -> DataModel:
        """The schema of one table.

        Raises:
            TableNotFoundError: the version has no such table.
        """
        try:
            return self.models[table]
        except KeyError:
            raise TableNotFoundError(
                f"version {self.label!r} has no table {table!r}; {naming(self.models, table)}"
            ) from None

    def data_files(self, table: str) -> list[ObjectInfo]:
        """The data files of a table, with keys below the storage's root."""
        entries = () if self.manifest is None else self.manifest.data_files(table)
        if entries:
            return [ObjectInfo(f"{self.layout.root}/{e.path}", e.bytes) for e in entries]
        # A table that is being merged has its data files first, then its schema, and is in the
        # manifest last.
        return self.listed_files(table)

    def listed_files(self, table: str) -> list[ObjectInfo]:
        """The data files in a table's folder, whatever a manifest says."""
        found = self.objects_in(self.layout.table(table))
        return sorted((f for f in found if f.key.endswith(_DATA_SUFFIX)), key=lambda f: f.key)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The rows of each table, from the manifest or else from the files' footers."""
        listed = {} if self.manifest is None else self.manifest.rows
        files = {name: self.data_files(name) for name in self.table_names if name not in listed}
        rows = iter(rows_of(self.storage, [file for found in files.values() for file in found]))
        counted = {name: sum(islice(rows, len(found))) for name, found in files.items()}
        return {name: {**listed, **counted}[name] for name in self.table_names}

    def info(self, latest: str) -> VersionInfo:
        """The version's line in the list, ``latest`` being the id of the latest version."""
        rows: int | None = None
        # A damaged version is still one; the list is for the others, too.
        with suppress(DatasetFormatError):
            rows = sum(self.rows.values())
        return VersionInfo(
            version=self.id,
            label=self.label,
            created=format_instant(self.description.created),
            latest=self.id == latest,
            rows=rows,
            bytes=self._bytes(),
        )

    def _bytes(self) -> int:
        """The size of all data files."""
        try:
            files = [file for name in self.table_names for file in self.data_files(name)]
        except DatasetFormatError:
            found = self.objects_in(f"{self.layout.root}/tables")
            files = [file for file in found if file.key.endswith(_DATA_SUFFIX)]
        return sum(file.size for file in files)


class Catalog:
    """The committed versions at a dataset's root, read anew at each call."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def versions(self) -> list[CommittedVersion]:
        """All committed versions, newest first; equal instants are settled by the id."""
        return sorted(self._committed(), key=age, reverse=True)

    def _committed(self) -> Iterator[CommittedVersion]:
        # Elsewhere, what is in all versions is asked for at the same time, in one question.
        coming = begin(self.listings) if self._is_distant() else None
        described = self.described(self.layouts())
        listings = {} if coming is None else coming.result()
        for layout, description in described:
            listing = listings.get(layout.version, {})
            # The description comes last: where it was not seen yet, more may be missing.
            known = listing if layout.description in listing else None
            yield CommittedVersion(self.storage, layout, description, known)

    def layouts(self) -> list[VersionLayout]:
        """What may be versions: the folders whose names are ids."""
        found = []
        for name in self.storage.folders(VERSIONS):
            with suppress(InvalidNameError):
                found.append(VersionLayout(name))
        return found

    def described(
        self, layouts: Sequence[VersionLayout]
    ) -> list[tuple[VersionLayout, DatasetDescription]]:
        """Those that are versions, with what each says of itself.

        A folder without a readable description is no version.

        Raises:
            StorageError: the storage cannot be reached.
        """
        found = []
        contents = self.storage.get_many([layout.description for layout in layouts])
        for layout, content in zip(layouts, contents, strict=True):
            if isinstance(content, StorageError):
                if not isinstance(content, _NO_VERSION):
                    raise content
                continue
            with suppress(DatasetFormatError):
                found.append((layout, DatasetDescription.from_json(content)))
        return found

    def _is_distant(self) -> bool:
        return self.storage.native_path(VERSIONS) is None

    def listings(self) -> dict[str, dict[str, int]]:
        """The sizes of all objects by version and key; nothing where they cannot be listed."""
        listings: dict[str, dict[str, int]] = {}
        try:
            items = list(self.storage.list(VERSIONS))
        except StorageError:
            return {}  # a key that cannot be listed concerns one version only
        for item in items:
            version = item.key[len(VERSIONS) + 1 :].partition("/")[0]
            listings.setdefault(version, {})[item.key] = item.size
        return listings

    def require(self) -> list[CommittedVersion]:
        """All committed versions, of which there must be one.

        Raises:
            DatasetNotFoundError: there is none.
            StorageDeniedError: there are some, but none may be read.
        """
        found = self.versions()
        if found:
            return found
        for folder in self.storage.folders(VERSIONS):
            with suppress(InvalidNameError, ObjectNotFoundError):
                self.storage.get(VersionLayout(folder).description)
        if self.storage.exists(LATEST_MARKER):
            raise DatasetNotFoundError(
                f"the dataset at {self.storage.url} was laid out by a 0.1 or 0.2 release; bring it"
                " to today's tree first (Dataset.migrate, fw-dataset migrate)"
            )
        if self.storage.exists("provenance/dataset_description.json"):
            raise DatasetNotFoundError(
                f"{self.storage.url} is the folder of one version; open the dataset, two folders up"
            )
        raise DatasetNotFoundError(
            f"no dataset at {self.storage.url}: nothing is committed below {VERSIONS}/ there"
        )

    def find(self, version: str = LATEST) -> CommittedVersion:
        """The version of an id or label, or the latest.

        Raises:
            DatasetNotFoundError: there is no dataset.
            VersionNotFoundError: there is no such version.
            VersionConflictError: several versions have this label.
        """
        found = self.require()
        if version == LATEST:
            return found[0]
        for candidate in found:
            if candidate.id == version:
                return candidate
        labelled = [candidate for candidate in found if candidate.label == version]
        if len(labelled) > 1:
            raise VersionConflictError(
                f"label {version!r} is that of {len(labelled)} versions; name one by its id:"
                f" {', '.join(candidate.id for candidate in labelled)}"
            )
        if not labelled:
            raise VersionNotFoundError(self._unknown(version, found))
        return labelled[0]

    def find_id(self, version: str) -> CommittedVersion:
        """The version of an id that was looked up before, which may be another's label by now.

        Raises:
            DatasetNotFoundError: there is no dataset any more.
            VersionNotFoundError: the version was deleted since.
        """
        for candidate in self.require():
            if candidate.id == version:
                return candidate
        raise VersionNotFoundError(
            f"version {version!r} of {self.storage.url} was deleted meanwhile;"
            " connect() opens another"
        )

    def _unknown(self, version: str, found: list[CommittedVersion]) -> str:
        names = {name for candidate in found for name in (candidate.id, candidate.label)}
        return f"{self.storage.url} has no version {version!r}; {naming(names, version)}"


def age(version: CommittedVersion) -> tuple[object, str]:
    return version.description.created, version.id
