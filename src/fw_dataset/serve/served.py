"""What is served: datasets with their versions, and each table by the name it has in SQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb

from fw_dataset.dataset import Dataset
from fw_dataset.errors import InvalidArgumentError, ObjectNotFoundError, TableNotFoundError, naming
from fw_dataset.format.instants import format_instant
from fw_dataset.format.names import free_name, quote_identifier, table_name
from fw_dataset.format.schema import DataModel
from fw_dataset.query.columns import Columns, KnownColumns
from fw_dataset.query.views import FULL_TABLE, JOINED_TABLES, SESSIONS_SUMMARY, joined_views
from fw_dataset.serve.columns_of_files import columns_of_files
from fw_dataset.serve.wire import Column, described_model
from fw_dataset.storage import ObjectInfo
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["ServedDataset", "ServedTable", "ServedTables", "ServedVersion"]

MAIN = "main"
"""The schema whose tables need no schema in front of their names."""
_RESERVED = ("everything", "fw_dataset", "information_schema", MAIN, "memory", "system", "temp")
_JOINED = {
    FULL_TABLE: "Each file with the labels of its subject, session and acquisition.",
    SESSIONS_SUMMARY: "Each session with the number of its acquisitions, files and analyses.",
}


@dataclass(frozen=True)
class ServedTable:
    """A table of a version, or a view over some of them.

    Attributes:
        name: its full name, as Data Connect and SQL have it: ``files``, ``study.files``.
        schema: the schema in SQL.
        table: its name in that schema.
        version: the version that it belongs to.
        needs: for a view, the full names of the tables that it reads.
        view: for a view, its columns and its SQL.
    """

    name: str
    schema: str
    table: str
    version: CommittedVersion = field(repr=False)
    needs: tuple[str, ...] = ()
    view: tuple[Columns, str] | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def quoted(self) -> str:
        """Its full name for SQL, whatever is in it."""
        return f"{quote_identifier(self.schema)}.{quote_identifier(self.table)}"

    @cached_property
    def files(self) -> Sequence[ObjectInfo]:
        """Its data files, in the order of their rows; a view has none."""
        return () if self.view else tuple(self.version.data_files(self.table))

    @property
    def rows(self) -> int | None:
        """How many rows it has; None for a view, of which nobody knows without a query."""
        return None if self.view else self.version.rows[self.table]

    @property
    def description(self) -> str:
        """What its rows are."""
        return _JOINED[self.table] if self.view else self.version.model(self.table).description

    @property
    def model(self) -> DataModel:
        """Its columns as its schema describes them, with meanings."""
        if self.view is None:
            return self.version.model(self.table)
        return DataModel(id=self.table, description=self.description)

    @property
    def columns(self) -> Columns:
        """The DuckDB type of each column by name, in order. The first call may open files.

        Raises:
            DatasetFormatError: a data file is damaged.
            StorageError: the storage refuses access, or cannot be reached.
        """
        with self._lock:  # many may ask at once at the start
            return self._columns

    @cached_property
    def _columns(self) -> Columns:
        if self.view is not None:
            return self.view[0]
        known = KnownColumns()
        found = known.of_files(self.version, self.table)
        if found is None and self.files:
            found = columns_of_files(self.version.storage, self.files)
        return found or known.of_schema(self.version, self.table)

    @cached_property
    def data_model(self) -> dict[str, Any]:
        """The JSON Schema of its rows as they travel; see :mod:`fw_dataset.serve.wire`.

        Raises:
            DatasetFormatError: a data file is damaged.
            StorageError: the storage refuses access, or cannot be reached.
        """
        columns = [Column(name, duckdb.sqltype(kind)) for name, kind in self.columns.items()]
        return described_model(self.model, columns)

    def profile(self) -> dict[str, Any] | None:
        """What was counted in its columns, or None where the version has no profile of it."""
        if self.view is not None:
            return None
        key = f"{self.version.layout.root}/profiles/{self.table}.profile.json"
        try:
            profile = json.loads(self.version.storage.get(key))
        except (ObjectNotFoundError, ValueError):
            return None
        return profile if isinstance(profile, dict) else None


@dataclass(frozen=True)
class ServedVersion:
    """A version of a dataset; nothing here says where it is.

    Attributes:
        schema: in SQL; the tables of ``main`` need none in front of their names.
        id: the version's id.
        label: its label, or else its id.
        created: when it was made, as text.
        tables: its tables, by their names in the schema.
    """

    schema: str
    id: str
    label: str
    created: str
    tables: Mapping[str, ServedTable] = field(repr=False)


@dataclass(frozen=True)
class ServedDataset:
    """A dataset with the versions of it that are served.

    Attributes:
        name: by which it is known here.
        title: the label of the project.
        description: the description of the project.
        versions: the one that ``name.table`` means first, then the others, newest first.
    """

    name: str
    title: str
    description: str
    versions: tuple[ServedVersion, ...]


class ServedTables:
    """All that is served.

    One dataset's tables are called as in its version: ``files``. Of several, each is a schema:
    ``study.files``. With all versions each of them, also the one that is meant without, is a
    schema, too: ``study_at_v1.files``, after its label. So a name stays true when newer ones come.
    """

    def __init__(self, datasets: Sequence[ServedDataset]) -> None:
        self.datasets: Mapping[str, ServedDataset] = {one.name: one for one in datasets}
        self.tables: Mapping[str, ServedTable] = {
            table.name: table for table in _all_tables(datasets)
        }
        self._folded = {name.casefold(): table for name, table in self.tables.items()}

    @classmethod
    def of(
        cls,
        datasets: Mapping[str, Dataset],
        *,
        version: str | None = None,
        all_versions: bool = False,
    ) -> ServedTables:
        """Serve datasets, each through one of its versions.

        Args:
            datasets: the datasets by the names that they are to have.
            version: an id, a label or ``"latest"``; else the version at hand of each.
            all_versions: serve each version of theirs under a name of its own, too.

        Raises:
            InvalidArgumentError: there are none.
            VersionNotFoundError: a dataset has no such version.
            DatasetFormatError: something of a version is damaged.
            StorageError: a storage refuses access, or cannot be reached.
        """
        if not datasets:
            raise InvalidArgumentError("there is nothing to serve: name at least one dataset")
        taken = set(_RESERVED)
        served = []
        for wanted, dataset in datasets.items():
            name = free_name(table_name(wanted), taken)
            taken.add(name)
            main = MAIN if len(datasets) == 1 else name
            found = dataset._find(version)  # noqa: SLF001 - what it stands for
            others = dataset._catalog.versions() if all_versions else ()  # noqa: SLF001
            versions = [_version(main, found), *_others(name, others, taken)]
            served.append(ServedDataset(name, dataset.name, dataset.description, tuple(versions)))
        return cls(served)

    def __iter__(self) -> Iterator[ServedTable]:
        return iter(self.tables.values())

    def find(self, name: str) -> ServedTable:
        """The table of a full name; SQL does not tell upper from lower case.

        Raises:
            TableNotFoundError: there is none.
        """
        found = self.tables.get(name) or self._folded.get(name.casefold())
        if found is None:
            raise TableNotFoundError(f"there is no table {name!r}; {naming(self.tables, name)}")
        return found


def _all_tables(datasets: Sequence[ServedDataset]) -> Iterator[ServedTable]:
    for dataset in datasets:
        for version in dataset.versions:
            yield from version.tables.values()


def _others(
    name: str, versions: Iterable[CommittedVersion], taken: set[str]
) -> Iterator[ServedVersion]:
    for version in versions:
        schema = free_name(f"{name}_at_{_plain(version.label)}", taken)
        taken.add(schema)
        yield _version(schema, version)


def _plain(label: str) -> str:
    # Behind `_at_` a number may come first.
    return table_name(f"v{label}")[1:] or "version"


def _version(schema: str, version: CommittedVersion) -> ServedVersion:
    tables: dict[str, ServedTable] = {}
    seen: set[str] = set()
    for table in version.table_names:
        if table.casefold() not in seen:  # SQL cannot tell them apart
            seen.add(table.casefold())
            tables[table] = ServedTable(_full(schema, table), schema, table, version)
    _ = version.models  # damage is to be found before anything is served
    for view in _views(schema, version, tables):
        tables[view.table] = view
    created = format_instant(version.description.created)
    return ServedVersion(schema, version.id, version.label, created, tables)


def _views(
    schema: str, version: CommittedVersion, tables: Mapping[str, ServedTable]
) -> list[ServedTable]:
    """The joined views, where what they read need not be fetched to know its columns."""
    joined = [name for name in JOINED_TABLES if name in tables]
    known = KnownColumns()
    distant = version.storage.native_path(version.layout.root) is None
    if distant and any(known.of_files(version, name) is None for name in joined):
        return []
    columns = {name: tables[name].columns if name in joined else {} for name in tables}
    needs = tuple(tables[name].name for name in joined)
    return [
        ServedTable(_full(schema, v.name), schema, v.name, version, needs, (v.columns, v.sql))
        for v in joined_views(schema, columns)
    ]


def _full(schema: str, table: str) -> str:
    return table if schema == MAIN else f"{schema}.{table}"
