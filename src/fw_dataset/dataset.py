"""A dataset: its versions, its tables, and SQL over them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fw_dataset.errors import DatasetFormatError, VersionConflictError, VersionNotFoundError
from fw_dataset.format.names import LATEST
from fw_dataset.format.schema import DataModel
from fw_dataset.storage import Credentials, Storage, open_storage
from fw_dataset.versions.catalog import Catalog, CommittedVersion, VersionInfo

if TYPE_CHECKING:
    import duckdb

__all__ = ["Dataset", "Table"]

_FRESH_SECONDS = 1.0


@dataclass(frozen=True)
class Table:
    """One table of a version.

    Attributes:
        name: its name in SQL.
        data_model: its columns, with their types and meanings.
    """

    name: str
    data_model: DataModel

    @property
    def description(self) -> str:
        """What its rows are."""
        return self.data_model.description


class Dataset:
    """A dataset at one place, seen through one of its versions, the latest if none is named.

    :meth:`connect` chooses another version. Opening and reading write nothing. Use
    :meth:`open` to make one.
    """

    def __init__(
        self,
        storage: Storage,
        version: str = LATEST,
        *,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        self._storage = storage
        self._catalog = Catalog(storage)
        self._cache = cache
        self._current = self._catalog.find(version)
        # What was found while the dataset was opened serves its first connection, too.
        self._found = (version, time.monotonic())
        self._connection: duckdb.DuckDBPyConnection | None = None

    @classmethod
    def open(
        cls,
        location: str | os.PathLike[str],
        credentials: Credentials | None = None,
        *,
        cache: str | os.PathLike[str] | None = None,
    ) -> Dataset:
        """Open the dataset at a path or URL, the folder that holds ``versions/``.

        Args:
            location: a path, or a URL such as ``s3://bucket/prefix``, ``gs://…`` or ``az://…``.
            credentials: what the store asks for (docs/how-to/storage.md has all forms); else what
                the environment gives. Folders need none.
            cache: a folder of this machine that keeps data files of object stores.

        Raises:
            CredentialsError: the credentials are of no form that would do.
            DatasetNotFoundError: there is no committed version there.
            UnsupportedLocationError: the URL is of a kind that cannot be opened.
            StorageError: the storage refuses access, or cannot be reached.
        """
        return cls(open_storage(location, credentials), cache=cache)

    def __repr__(self) -> str:
        return f"Dataset({self._storage.url!r}, version={self.version_label!r})"

    def __enter__(self) -> Dataset:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection that :meth:`execute` uses."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @property
    def location(self) -> str:
        """Where the dataset is; no credential is in it."""
        return self._storage.url

    @property
    def id(self) -> str:
        """The id of the project."""
        return self._current.description.id

    @property
    def name(self) -> str:
        """The label of the project."""
        return self._current.description.name

    @property
    def description(self) -> str:
        """The description of the project."""
        return self._current.description.description

    @property
    def version(self) -> str:
        """The id of the version at hand."""
        return self._current.id

    @property
    def version_label(self) -> str:
        """The label of the version at hand, or else its id."""
        return self._current.label

    @property
    def created(self) -> datetime:
        """When the version at hand was made (UTC)."""
        return self._current.description.created

    @property
    def tables(self) -> Mapping[str, Table]:
        """The tables of the version at hand, by name."""
        models = self._current.models
        return MappingProxyType({name: Table(name, model) for name, model in models.items()})

    @property
    def conn(self) -> duckdb.DuckDBPyConnection:
        """The connection of :meth:`execute`, made at the first use."""
        if self._connection is None:
            self._connection = _connect(self._current, cache=self._cache)
        return self._connection

    def connect(
        self, version: str = LATEST, fully_populate: bool = True
    ) -> duckdb.DuckDBPyConnection:
        """Choose a version and open a connection with one view for each of its tables.

        Args:
            version: an id, a label or ``"latest"``, which is looked up anew.
            fully_populate: give the tables their rows; without it they are empty.

        Raises:
            VersionNotFoundError: there is no such version.
            DatasetFormatError: a schema or data file is damaged.
        """
        found, when = self._found
        is_fresh = version == found and time.monotonic() - when < _FRESH_SECONDS
        self._found = ("", 0.0)
        chosen = self._current if is_fresh else self._catalog.find(version)
        connection = _connect(chosen, fully_populate=fully_populate, cache=self._cache)
        # The caller may still hold the one before, so it is let go, not closed.
        self._current, self._connection = chosen, connection
        return connection

    def execute(self, sql: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
        """Run SQL on the version at hand, with ``?`` or ``$1`` parameters if there are any.

        Returns:
            The connection with DuckDB's own result: ``.fetchall()``, ``.fetchmany(n)``, ``.df()``.
            For Arrow and polars ask ``connect().sql(…)``, whose results go there in every DuckDB.

        Raises:
            duckdb.Error: the query is wrong.
            StorageError: a data file cannot be read from its object store.
        """
        connection = self.conn
        _read_failure(connection)  # of an earlier query
        try:
            return connection.execute(sql, parameters)
        except Exception:
            failure = _read_failure(connection)
            if failure is not None:
                raise failure from None
            raise

    @property
    def latest_version_id(self) -> str:
        """The id of the newest version, looked up anew."""
        return self._catalog.find(LATEST).id

    def list_versions(self) -> list[VersionInfo]:
        """All versions, newest first, looked up anew."""
        found = self._catalog.require()
        return [version.info(found[0].id) for version in found]

    def version_exists(self, version: str) -> bool:
        """Whether there is a version of that id or label."""
        try:
            self._catalog.find(version)
        except VersionNotFoundError:
            return False
        except VersionConflictError:
            pass  # several versions have this label
        return True

    def get_version_info(self, version: str | None = None) -> VersionInfo:
        """A version's line in the list; of the version at hand where none is named.

        Raises:
            VersionNotFoundError: there is no such version.
        """
        return self._find(version).info(self.latest_version_id)

    def get_table_schema(self, table: str, version: str | None = None) -> dict[str, Any]:
        """The JSON Schema of a table; of the version at hand where none is named.

        Raises:
            TableNotFoundError: there is no such table.
            VersionNotFoundError: there is no such version.
        """
        return self._find(version).model(table).to_dict()

    def get_description(self, version: str | None = None) -> dict[str, Any]:
        """The dataset description of a version, as it stands on disk.

        Raises:
            VersionNotFoundError: there is no such version.
        """
        found = self._find(version)
        description: dict[str, Any] = json.loads(found.description.to_json())
        return description

    def row_counts(self, version: str | None = None) -> dict[str, int]:
        """The rows of each table, without a query.

        Raises:
            VersionNotFoundError: there is no such version.
        """
        return dict(self._find(version).rows)

    def report(self, version: str | None = None) -> dict[str, Any]:
        """What the renderer counted; versions of the 0.3/0.4 releases have no report.

        Raises:
            VersionNotFoundError: there is no such version.
            ObjectNotFoundError: the version has no report.
            DatasetFormatError: the report is damaged.
        """
        found = self._find(version)
        text = self._storage.get(found.layout.report)
        try:
            report: dict[str, Any] = json.loads(text)
        except ValueError as error:
            raise DatasetFormatError(
                f"the report of version {found.label!r} cannot be read: {error}"
            ) from None
        return report

    def _find(self, version: str | None) -> CommittedVersion:
        return self._current if version is None else self._catalog.find(version)


def _connect(
    version: CommittedVersion,
    *,
    fully_populate: bool = True,
    cache: str | os.PathLike[str] | None = None,
) -> duckdb.DuckDBPyConnection:
    from fw_dataset.query import connect_version  # noqa: PLC0415 - DuckDB takes long to load

    return connect_version(version, fully_populate=fully_populate, cache=cache)


def _read_failure(connection: duckdb.DuckDBPyConnection) -> Exception | None:
    from fw_dataset.query import read_failure  # noqa: PLC0415 - DuckDB takes long to load

    return read_failure(connection)
