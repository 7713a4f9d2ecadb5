"""Where published tables are kept: in a folder that needs no catalog, or in a catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
    ValidationError,
)
from pyiceberg.io import FileIO
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import (
    AddPartitionSpecUpdate,
    AddSchemaUpdate,
    AddSortOrderUpdate,
    AssertCreate,
    AssignUUIDUpdate,
    SetCurrentSchemaUpdate,
    SetDefaultSortOrderUpdate,
    SetDefaultSpecUpdate,
    SetLocationUpdate,
    SetPropertiesUpdate,
    TableRequirement,
    TableUpdate,
    UpgradeFormatVersionUpdate,
    update_table_metadata,
)

from fw_dataset.errors import (
    FWDatasetError,
    ObjectExistsError,
    ObjectNotFoundError,
    PublishingError,
)
from fw_dataset.scale.iceberg.storage_io import Place, StorageIO

__all__ = ["CatalogHome", "CommitLostError", "FolderHome", "Found", "Home", "named_catalog"]

_HINT = "version-hint.text"
_SECRET_IN_URL = re.compile(r"//[^/@\s]+@")


class CommitLostError(Exception):
    """Another publisher was quicker; nothing was changed."""


@dataclass(frozen=True)
class Found:
    """A table as it is, or as it would begin.

    Attributes:
        metadata: what is known of it.
        location: the file that says so; empty for one that is not there yet.
        io: what reads and writes its metadata.
        number: of a table in a folder, the number of its metadata file; 0 for none.
        staged: of a catalog, the table.
    """

    metadata: TableMetadata
    location: str
    io: FileIO
    number: int = 0
    staged: Table | None = None

    @property
    def is_new(self) -> bool:
        """Whether it is not there yet."""
        return not self.location


class Home(Protocol):
    """Keeps tables, each of which changes as a whole."""

    def tables(self) -> Sequence[str]:
        """The names of the tables that are there, and perhaps of what is no table."""

    def load(self, table: str) -> Found | None:
        """A table as it is now; None where there is none."""

    def begin(self, table: str, schema: Schema) -> Found:
        """A table that is not there yet; its columns may get other ids."""

    def expected(self, table: str) -> str | None:
        """Where a table's folder must be; None where that is the catalog's business."""

    def settle(self, table: str, found: Found) -> None:
        """Have readers see a table as it is, though its last publisher was killed."""

    def commit(
        self,
        table: str,
        found: Found,
        requirements: Sequence[TableRequirement],
        updates: Sequence[TableUpdate],
    ) -> str:
        """Change a table at once; where it is described then is returned.

        Raises:
            CommitLostError: it is another one by now.
        """


class FolderHome:
    """Tables in a folder, each with its metadata in ``metadata/v1.metadata.json``, ``v2…`` below.

    Whoever creates the file of the next number has changed the table; ``version-hint.text`` tells
    readers the number, and never goes back.

    Args:
        place: the storage.
        folder: the folder's key in it, or ``""``.
    """

    def __init__(self, place: Place, folder: str) -> None:
        self._place, self._folder = place, folder
        self._io = StorageIO(place)

    def tables(self) -> Sequence[str]:
        return self._place.storage.folders(self._folder)

    def load(self, table: str) -> Found | None:
        number = self._number(table)
        if not number:
            return None
        key = self._key(table, f"v{number}.metadata.json")
        try:
            metadata = TableMetadataUtil.parse_raw(self._place.storage.get(key).decode())
        except (ValidationError, ValueError) as error:
            raise PublishingError(
                f"{self._place.location(key)} is no Iceberg metadata: {_line(error)}; remove the"
                " table's folder, and publish again"
            ) from None
        return Found(metadata, self._place.location(key), self._io, number)

    def begin(self, table: str, schema: Schema) -> Found:
        metadata = new_table_metadata(
            schema=schema,
            partition_spec=UNPARTITIONED_PARTITION_SPEC,
            sort_order=UNSORTED_SORT_ORDER,
            location=self.expected(table),
            properties={},
        )
        return Found(metadata, "", self._io)

    def expected(self, table: str) -> str:
        return self._place.location(self._root(table))

    def commit(
        self,
        table: str,
        found: Found,
        requirements: Sequence[TableRequirement],
        updates: Sequence[TableUpdate],
    ) -> str:
        del requirements  # nobody has changed it if the next number is free
        metadata = update_table_metadata(
            found.metadata, tuple(updates), metadata_location=found.location or None
        )
        key = self._key(table, f"v{found.number + 1}.metadata.json")
        try:
            self._place.storage.put_if_absent(key, metadata.model_dump_json().encode())
        except ObjectExistsError:
            raise CommitLostError from None
        self._tell(table, found.number + 1)
        return self._place.location(key)

    def settle(self, table: str, found: Found) -> None:
        self._tell(table, found.number)

    def _tell(self, table: str, number: int) -> None:
        """Have the hint name this number, or a later one."""
        storage, key, text = self._place.storage, self._key(table, _HINT), str(number).encode()
        while True:
            try:
                with storage.exclusive():
                    there = storage.get(key)
                    if _as_number(there) >= number:
                        return
                    storage.replace(key, there, text)
            except ObjectNotFoundError:
                with suppress(ObjectExistsError):
                    storage.put_if_absent(key, text)
            except ObjectExistsError:
                pass  # another publisher wrote it just now: look again

    def _number(self, table: str) -> int:
        """The number of the newest metadata file, whatever the hint says; 0 for none."""
        storage = self._place.storage
        try:
            number = _as_number(storage.get(self._key(table, _HINT)))
        except ObjectNotFoundError:
            number = 0
        while storage.exists(self._key(table, f"v{number + 1}.metadata.json")):
            number += 1
        return number

    def _key(self, table: str, name: str) -> str:
        return f"{self._root(table)}/metadata/{name}"

    def _root(self, table: str) -> str:
        return f"{self._folder}/{table}" if self._folder else table


class CatalogHome:
    """Tables in a namespace of a catalog.

    Args:
        catalog: the catalog.
        namespace: the namespace, made when it is first needed.
    """

    def __init__(self, catalog: Catalog, namespace: str) -> None:
        self._catalog, self._namespace = catalog, namespace

    def tables(self) -> Sequence[str]:
        with _translated(self._catalog.name):
            try:
                found = self._catalog.list_tables(self._namespace)
            except NoSuchNamespaceError:
                return []
            return sorted(str(identifier[-1]) for identifier in found)

    def load(self, table: str) -> Found | None:
        with _translated(self._catalog.name):
            try:
                found = self._catalog.load_table((self._namespace, table))
            except (NoSuchTableError, NoSuchNamespaceError):
                return None
            return Found(found.metadata, found.metadata_location, found.io, staged=found)

    def begin(self, table: str, schema: Schema) -> Found:
        with _translated(self._catalog.name):
            self._have_namespace()
            made = self._catalog.create_table_transaction((self._namespace, table), schema)
            staged = made._table  # noqa: SLF001 - what knows how to write there
            return Found(made.table_metadata, "", staged.io, staged=staged)

    def expected(self, table: str) -> None:
        del table

    def settle(self, table: str, found: Found) -> None:
        del table, found

    def commit(
        self,
        table: str,
        found: Found,
        requirements: Sequence[TableRequirement],
        updates: Sequence[TableUpdate],
    ) -> str:
        target = found.staged
        if target is None:
            raise AssertionError(f"table {table!r} is of no catalog")
        if found.is_new:
            requirements = [AssertCreate()]
            updates = [*_beginning(found.metadata), *updates]
        with _translated(self._catalog.name):
            answer = self._catalog.commit_table(target, tuple(requirements), tuple(updates))
            return str(answer.metadata_location)

    def _have_namespace(self) -> None:
        try:
            self._catalog.load_namespace_properties(self._namespace)
        except NoSuchNamespaceError:
            try:
                self._catalog.create_namespace(self._namespace)
            except Exception:  # noqa: BLE001 - of two who make it at once, one fails somehow
                self._catalog.load_namespace_properties(self._namespace)


def named_catalog(name: str) -> Catalog:
    """The catalog of a name, as pyiceberg's configuration has it.

    Raises:
        PublishingError: it is not configured, or cannot be had.
    """
    with _translated(name):
        return load_catalog(name)


def _beginning(metadata: TableMetadata) -> list[TableUpdate]:
    """What makes a table that has no rows yet."""
    return [
        AssignUUIDUpdate(uuid=metadata.table_uuid),
        UpgradeFormatVersionUpdate(format_version=metadata.format_version),
        AddSchemaUpdate(schema_=metadata.schema()),
        SetCurrentSchemaUpdate(schema_id=-1),
        AddPartitionSpecUpdate(spec=UNPARTITIONED_PARTITION_SPEC),
        SetDefaultSpecUpdate(spec_id=-1),
        AddSortOrderUpdate(sort_order=UNSORTED_SORT_ORDER),
        SetDefaultSortOrderUpdate(sort_order_id=-1),
        SetLocationUpdate(location=metadata.location),
        SetPropertiesUpdate(updates=metadata.properties),
    ]


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turn the errors of a catalog, of whatever client it is made, into ours."""
    try:
        yield
    except FWDatasetError:
        raise
    except (CommitFailedException, TableAlreadyExistsError):
        raise CommitLostError from None
    except Exception as error:  # noqa: BLE001 - each kind of catalog raises its own
        raise PublishingError(
            f"the catalog {name!r} does not do it: {type(error).__name__}: {_line(error)}"
        ) from None


def _line(error: Exception) -> str:
    """What an error says, in one line, without what may be a password."""
    return _SECRET_IN_URL.sub("//…@", " ".join(str(error).split()))


def _as_number(hint: bytes) -> int:
    text = hint.strip()
    return int(text) if text.isdigit() else 0
