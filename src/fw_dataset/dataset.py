"""A dataset: its versions, its tables, and SQL over them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fw_dataset.errors import VersionConflictError, VersionNotFoundError
from fw_dataset.format.names import LATEST
from fw_dataset.format.schema import DataModel
from fw_dataset.render.progress import ProgressCallback
from fw_dataset.storage import Credentials, Storage, open_storage
from fw_dataset.versions.catalog import Catalog, CommittedVersion, VersionInfo
from fw_dataset.versions.deletion import delete_latest, delete_version
from fw_dataset.versions.hiding import hide_tables, unhide_tables
from fw_dataset.versions.labels import relabel
from fw_dataset.versions.merging import merge
from fw_dataset.versions.migration import migrate
from fw_dataset.versions.overview import list_versions
from fw_dataset.versions.removal import remove
from fw_dataset.versions.reports import read_report
from fw_dataset.versions.retention import Retention, prune
from fw_dataset.versions.verification import Verification, verify

if TYPE_CHECKING:
    import duckdb

    from fw_dataset.format.profile import TableProfile
    from fw_dataset.query.differences import Difference
    from fw_dataset.query.finding import Match
    from fw_dataset.query.spark import SparkDatabase, SparkSession

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
        self._beside: dict[str, duckdb.DuckDBPyConnection] = {}

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
        """Close the connections that :meth:`execute` and :meth:`table` use."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        while self._beside:
            self._beside.popitem()[1].close()

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
        self, version: str | Sequence[str] = LATEST, fully_populate: bool = True
    ) -> duckdb.DuckDBPyConnection:
        """Choose a version and open a connection with one view for each of its tables.

        Several versions stand side by side, each a schema that is called as you ask for it, as in
        ``"v1".subjects``, and ``everything.subjects`` is all of them, with ``dataset_version``;
        nothing of a table is read before a query names it. The version at hand stays what it is.

        Args:
            version: an id, a label or ``"latest"``, which is looked up anew; or several of them;
                or ``"all"``, unless a version is called so: then the schemas' names are the ids.
            fully_populate: give the tables their rows; without it they are empty.

        Raises:
            VersionNotFoundError: there is no such version.
            DatasetFormatError: a schema or data file is damaged.
            InvalidNameError: a label cannot be a schema's name, or two are the same.
        """
        if not isinstance(version, str) or (version == "all" and not self.version_exists(version)):
            return _connect_several(
                self._storage, version, fully_populate=fully_populate, cache=self._cache
            )
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

    def table(self, name: str, version: str | None = None) -> duckdb.DuckDBPyRelation:
        """A table, or ``full_table`` or ``sessions_summary``, as a relation of DuckDB's.

        It is read when its rows are asked for: ``.filter(…)``, ``.aggregate(…)``, ``.df()`` …

        Args:
            name: of the table.
            version: an id, a label or ``"latest"``; the version at hand where none is named.

        Raises:
            TableNotFoundError: there is no such table.
            VersionNotFoundError: there is no such version.
        """
        from fw_dataset.query import relation  # noqa: PLC0415 - DuckDB takes long to load

        found = self._find(version)
        return relation(self._connected(found), found, name)

    def _connected(self, version: CommittedVersion) -> duckdb.DuckDBPyConnection:
        """The connection that this dataset keeps to a version."""
        if version.id == self._current.id:
            return self.conn
        if version.id not in self._beside:
            self._beside[version.id] = _connect(version, cache=self._cache)
        return self._beside[version.id]

    def register_spark(
        self,
        session: SparkSession,
        *,
        database: str | None = None,
        version: str = LATEST,
        tables: Iterable[str] | None = None,
        places: Mapping[str, str] | None = None,
        check: bool = False,
    ) -> SparkDatabase:
        """Register the tables of a version in a Spark session, Spark Connect or classic.

        They are registered by what schemas and manifest say, so that no data file is opened, but
        of the releases 0.3 and 0.4, whose files' footers are read. What was registered of this
        dataset in the database before is replaced; what others have there stays. The cluster reads
        the files with credentials of its own: none is told to it.

        Args:
            session: a ``pyspark.sql.SparkSession``.
            database: the database's name; else like the project's, with ``__`` and the version
                behind it where one is named, and ``_2``, ``_3`` … where it is another's.
            version: an id, a label or ``"latest"``, looked up anew.
            tables: the tables to register; else all.
            places: beginnings of :attr:`location`, each with the one that the cluster has, as in
                ``{"s3://": "s3://", "/data": "dbfs:/mnt/data"}``; else S3 is ``s3a://``, Azure
                ``abfss://``, and a folder ``file://``, which all of the cluster must see.
            check: let the cluster count the rows, which tells whether it sees the files.

        Returns:
            The database, its tables, and the columns that Spark cannot have.

        Raises:
            InvalidArgumentError: it is no session, no table is named, or a place is no URL.
            InvalidNameError: the database cannot be called so, or it or a table in it is
                somebody else's.
            TableNotFoundError: there is no such table.
            VersionNotFoundError: there is no such version.
            UnsupportedLocationError: no cluster can reach the dataset where it is.
            ClusterError: Spark does not do it, or does not count the rows that there are.
            DatasetFormatError: a schema is damaged, or a data file of an older release.
            StorageError: the storage refuses access, or cannot be reached.
        """
        from fw_dataset.query.spark import register_version  # noqa: PLC0415 - loads DuckDB, as above

        return register_version(
            session,
            self._catalog.find(version),
            database=database,
            suffix=None if version == LATEST else version,
            tables=tables,
            places=places,
            check=check,
        )

    def profile(
        self, table: str | None = None, version: str | None = None, *, values: bool = True
    ) -> dict[str, TableProfile]:
        """What is in the columns of a table, or of all tables.

        Profiles that were stored with the version are read; where there is none it is made now,
        for which all rows are read. Nothing is stored.

        Args:
            table: a table's name; else all tables.
            version: an id, a label or ``"latest"``; the version at hand where none is named.
            values: tell what stands in rows, too: extremes, frequent values, examples. Without it,
                only types, nulls, distinct values and keys of JSON are told.

        Returns:
            The profile of each table by name. One that was stored without values has none.

        Raises:
            TableNotFoundError: there is no such table.
            VersionNotFoundError: there is no such version.
            DatasetFormatError: a data file is missing or damaged.
            StorageError: the storage refuses access, or cannot be reached.
        """
        from fw_dataset.query.profiles import version_profiles  # noqa: PLC0415 - as above

        found = self._find(version)
        if table is not None:
            found.model(table)  # says which tables there are, if it is none
        names = list(found.models) if table is None else [table]
        return version_profiles(found, names, lambda: self._connected(found), values=values)

    def find(self, text: str, version: str | None = None) -> list[Match]:
        """Where a text is: in names, titles, descriptions, frequent values and keys of JSON.

        Case does not matter. It looks into profiles, which are had as for :meth:`profile`.

        Args:
            text: what to look for, such as ``"FSIQ"``.
            version: an id, a label or ``"latest"``; the version at hand where none is named.

        Returns:
            The places; those that are nothing but the text come first.

        Raises:
            VersionNotFoundError, DatasetFormatError, StorageError: as for :meth:`profile`.
        """
        from fw_dataset.query.finding import find_text  # noqa: PLC0415 - as above

        return find_text(text, self.profile(version=version), self._find(version).models)

    @property
    def latest_version_id(self) -> str:
        """The id of the newest version, looked up anew."""
        return self._catalog.find(LATEST).id

    def list_versions(self) -> list[VersionInfo]:
        """All versions, newest first, looked up anew."""
        return list_versions(self._catalog)

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

        Under ``"tables"`` stand the counts of each table, also of derived ones that were added
        later, and under ``"tabular_files"`` where the rows of each tabular file went.

        Raises:
            VersionNotFoundError: there is no such version.
            ObjectNotFoundError: the version has no report.
            DatasetFormatError: the report is damaged.
        """
        return read_report(self._find(version))

    def verify(
        self,
        version: str = LATEST,
        deep: bool = False,
        *,
        progress: ProgressCallback | None = None,
    ) -> Verification:
        """Check whether a version is whole. Damage is reported, not raised.

        Every file of the manifest is there and of its size, and nothing else is in the folders
        of tables and schemas; each table has a schema and data, and the description names those
        that are shown. Versions of the 0.3/0.4 releases have no manifest: of these the data files
        are opened instead, and the report says what could not be checked.

        Args:
            version: an id, a label or ``"latest"``.
            deep: read all files, too: their SHA-256, their rows, their columns and types.
            progress: called with a :class:`~fw_dataset.Progress`, stage ``"verify"``.

        Raises:
            VersionNotFoundError: there is no such version.
            StorageError: the storage refuses access, or cannot be reached.
        """
        return verify(self._catalog.find(version), deep=deep, progress=progress)

    def merge(
        self,
        source: Dataset | str | os.PathLike[str],
        tables: Iterable[str] | None = None,
        version: str = LATEST,
        *,
        source_version: str = LATEST,
        progress: ProgressCallback | None = None,
        discard_claim: bool = False,
    ) -> list[str]:
        """Add tables of another dataset, or of another version, to a version of this one.

        All is checked before anything is copied, and a table is there once all of it is. After
        an interruption the same call goes on where it was.

        Args:
            source: a dataset, or the path or URL of one that opens without credentials of its own.
            tables: the tables to add; else all that the source shows. None may exist here.
            version: the version to add to: an id, a label or ``"latest"``.
            source_version: the version to take them from.
            progress: called with a :class:`~fw_dataset.Progress`, stage ``"merge"``.
            discard_claim: take over from another writer of this version that is gone for good,
                though this cannot be proved.

        Returns:
            The names of the tables that were added.

        Raises:
            InvalidArgumentError: no table is named, or the source is the version itself.
            TableNotFoundError: the source shows no such table.
            VersionNotFoundError: there is no such version, here or there.
            VersionConflictError: a table of that name exists, or another writer is at it.
            DatasetFormatError: something of the tables is damaged at the source.
            StorageError: a storage refuses access, is full, or cannot be reached.
        """
        given = source if isinstance(source, Dataset) else Dataset.open(source)
        found = given._catalog.find(source_version)  # noqa: SLF001 - a dataset, too
        added = merge(
            self._catalog, version, found, tables, progress=progress, discard_claim=discard_claim
        )
        self._look_again()
        return added

    def _look_again(self) -> None:
        """See the version at hand as it is now, unless others have deleted it."""
        try:
            self._current = self._catalog.find_id(self.version)
        except VersionNotFoundError:
            self._let_go({self.version})
        self._found, self._connection = ("", 0.0), None

    def relabel(self, version: str, label: str) -> VersionInfo:
        """Give a version another label; its line in the list is returned.

        Args:
            version: an id, a label or ``"latest"``.
            label: one that no other version has as its label or id.

        Raises:
            InvalidNameError: it cannot be a label.
            VersionNotFoundError: there is no such version.
            VersionConflictError: the label is taken.
            StorageError: the storage refuses, or cannot be reached.
        """
        changed = relabel(self._catalog, version, label)
        if changed.id == self.version:
            self._current, self._found = changed, ("", 0.0)
        return changed.info(self.latest_version_id)

    def delete_version(self, version: str, *, discard_claim: bool = False) -> None:
        """Delete a version, but never the latest.

        It is gone for readers before the first of its files is. Should the deletion be
        interrupted, the same call with the version's id ends it.

        Args:
            version: an id or a label.
            discard_claim: take over from another writer of this version that is gone for good,
                though this cannot be proved.

        Raises:
            VersionNotFoundError: there is no such version.
            VersionConflictError: it is the latest, or another writer is at it.
            StorageError: not all could be deleted.
        """
        self._let_go({delete_version(self._catalog, version, discard_claim=discard_claim)})

    def delete_latest(self, *, discard_claim: bool = False) -> str:
        """Delete the newest version; the one before it is the latest then, here too.

        Args:
            discard_claim: as for :meth:`delete_version`.

        Returns:
            The id of the version that was deleted.

        Raises:
            VersionConflictError: there is no other version, or another writer is at it.
            StorageError: not all could be deleted; ``delete_version`` with its id ends it.
        """
        deleted = delete_latest(self._catalog, discard_claim=discard_claim)
        if deleted == self.version:
            self._current = self._catalog.find(LATEST)
            self._found, self._connection = ("", 0.0), None
        return deleted

    def prune(
        self,
        keep_last: int | None = None,
        keep_since: date | str | None = None,
        keep_labels: Iterable[str] | None = None,
        dry_run: bool = True,
    ) -> list[VersionInfo]:
        """Delete all versions but those that a rule keeps, and the latest.

        Args:
            keep_last: keep so many of the newest.
            keep_since: keep those made then or later: a day, which begins at midnight UTC, or an
                instant; as text, ISO 8601.
            keep_labels: keep those of these labels or ids.
            dry_run: delete nothing; only say what would be.

        Returns:
            What was, or would be, deleted, newest first.

        Raises:
            InvalidArgumentError: no rule is given, or one cannot be.
            VersionNotFoundError: a label is that of no version; nothing was deleted.
            VersionConflictError: another writer is at a version; tells what was deleted before.
            StorageError: a version could not be deleted; tells what was deleted before.
        """
        retention = Retention.of(keep_last, keep_since, keep_labels)
        chosen = prune(self._catalog, retention, dry_run=dry_run)
        if not dry_run:
            self._let_go({info["version"] for info in chosen})
        return chosen

    def hide_tables(
        self,
        tables: Iterable[str] | str,
        version: str | None = None,
        *,
        discard_claim: bool = False,
    ) -> None:
        """Hide tables of a version, or of the one at hand; their data stays where it is.

        Args:
            tables: their names, or one name; those that are hidden already stay so.
            version: an id, a label or ``"latest"``.
            discard_claim: as for :meth:`delete_version`.

        Raises:
            InvalidArgumentError: no table is named.
            TableNotFoundError: there is no such table; nothing was hidden.
            VersionNotFoundError: there is no such version.
            VersionConflictError: another writer is at the version.
            StorageError: a file could not be written; the same call again ends it.
        """
        chosen = version or self._current
        hide_tables(self._catalog, tables, chosen, discard_claim=discard_claim)
        self._look_again()

    def unhide_tables(
        self,
        tables: Iterable[str] | str,
        version: str | None = None,
        *,
        discard_claim: bool = False,
    ) -> None:
        """Show hidden tables again; what is given is as for :meth:`hide_tables`.

        Raises:
            InvalidArgumentError, TableNotFoundError, VersionNotFoundError, VersionConflictError,
                StorageError: as for :meth:`hide_tables`.
            DatasetFormatError: the schema of a hidden table cannot be read.
        """
        chosen = version or self._current
        unhide_tables(self._catalog, tables, chosen, discard_claim=discard_claim)
        self._look_again()

    def list_hidden_tables(self, version: str | None = None) -> list[str]:
        """The tables of a version, or of the one at hand, that are kept but not shown.

        Raises:
            VersionNotFoundError: there is no such version.
        """
        return list(self._find(version).hidden_names)

    def remove(self, *, discard_claim: bool = False) -> list[str]:
        """Remove the whole dataset: all its versions, and its own files beside them.

        Args:
            discard_claim: as for :meth:`delete_version`, at all versions.

        Returns:
            The keys of files below :attr:`location` that are not the dataset's own: they stay.

        Raises:
            VersionConflictError: another writer is at a version; nothing was removed.
            StorageError: not all could be removed; the same call again ends it.
        """
        left = remove(self._storage, discard_claim=discard_claim)
        self._let_go({self.version})
        return left

    @classmethod
    def migrate(
        cls,
        location: str | os.PathLike[str],
        credentials: Credentials | None = None,
        *,
        progress: ProgressCallback | None = None,
        discard_claim: bool = False,
    ) -> Dataset:
        """Bring a dataset of the 0.1 and 0.2 releases to today's tree, and open it.

        Their ``latest/`` becomes a version like the others. Interrupted, it loses nothing, and the
        same call ends it. A dataset of today is only opened.

        Args:
            location: as for :meth:`open`.
            credentials: as for :meth:`open`.
            progress: called with a :class:`~fw_dataset.Progress`, stage ``"migrate"``.
            discard_claim: as for :meth:`delete_version`.

        Raises:
            DatasetNotFoundError: there is no dataset.
            DatasetFormatError: it cannot be told what is in ``latest/``; nothing was changed.
            VersionConflictError: another writer is at the version.
            StorageError: a file could not be read or written.
        """
        storage = open_storage(location, credentials)
        migrate(storage, progress, discard_claim=discard_claim)
        return cls(storage)

    def _let_go(self, deleted: Container[str]) -> None:
        """Forget what was known of the version at hand, if it is one of these."""
        if self._current.id in deleted:
            # Asked anew for anything of it, it says that it is gone.
            self._current = replace(self._current, listing=None)
            self._found, self._connection = ("", 0.0), None

    def diff(self, old: str, new: str, tables: Iterable[str] | None = None) -> Difference:
        """Compare two versions: tables, columns, rows, and which columns changed how often.

        Rows are told by their ``id``, those of ``files`` by ``file_id`` and ``version``; those of
        tables that have no such columns are compared as a whole. Values are compared exactly.

        Args:
            old: an id, a label or ``"latest"``.
            new: the same.
            tables: the tables to compare; else all.

        Returns:
            The numbers, and on demand the rows. Close it, or use it in a ``with`` statement.

        Raises:
            InvalidArgumentError: no table is named.
            TableNotFoundError: neither version has a table of that name.
            VersionNotFoundError: there is no such version.
            DatasetFormatError: a data file is missing or damaged.
            StorageError: the storage refuses access, or cannot be reached.
        """
        from fw_dataset.query.differences import compare_versions  # noqa: PLC0415 - as above

        before, after = self._catalog.find(old), self._catalog.find(new)
        return compare_versions(before, after, tables, cache=self._cache)

    def download(self, dest: str | os.PathLike[str], force: bool = False) -> Iterator[str]:
        """Write all tables of the version at hand to ``dataset.db`` in a folder: a DuckDB database.

        The work is done while the result is iterated. The file appears when it is whole.

        Args:
            dest: a folder of this machine, made if it is missing.
            force: replace a ``dataset.db`` that is there.

        Yields:
            What has been done, for people.

        Raises:
            ObjectExistsError: the file is there, and ``force`` was not given.
            DatasetFormatError: a data file is missing or damaged.
            StorageError: something cannot be read, or the file not be written.
        """
        from fw_dataset.query.duckdb_file import download_version  # noqa: PLC0415 - as above

        return download_version(self._current, dest, force=force, cache=self._cache)

    def export(
        self,
        dest: str | os.PathLike[str],
        format: str = "parquet",
        tables: Iterable[str] | None = None,
        version: str | None = None,
        *,
        force: bool = False,
        progress: ProgressCallback | None = None,
    ) -> Path:
        """Write tables as files for other programs; they appear when all of them are whole.

        Args:
            dest: a path on this machine. For ``"parquet"`` and ``"csv"`` a folder, which gets a
                file for each table; for ``"duckdb"`` and ``"sqlite"`` a file.
            format: ``"parquet"``, ``"csv"``, ``"duckdb"`` or ``"sqlite"``.
            tables: the tables to write; else all.
            version: an id, a label or ``"latest"``; the version at hand where none is named.
            force: replace what an export has left there.
            progress: called with a :class:`~fw_dataset.Progress`, stage ``"export"``.

        Returns:
            The path.

        Raises:
            InvalidArgumentError: there is no such format, or no table is named.
            TableNotFoundError: there is no such table.
            VersionNotFoundError: there is no such version.
            ObjectExistsError: there is something at ``dest`` that is not to be replaced.
            DatasetFormatError: a data file is missing or damaged.
            StorageError: something cannot be read, or the output not be written.
        """
        from fw_dataset.query.export import export_version  # noqa: PLC0415 - as above

        options: Any = {"force": force, "cache": self._cache, "progress": progress}
        return export_version(self._find(version), dest, format, tables, **options)

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


def _connect_several(
    storage: Storage, versions: Sequence[str] | str, **options: Any
) -> duckdb.DuckDBPyConnection:
    from fw_dataset.query import connect_versions  # noqa: PLC0415 - DuckDB takes long to load

    return connect_versions(storage, versions, **options)


def _read_failure(connection: duckdb.DuckDBPyConnection) -> Exception | None:
    from fw_dataset.query import read_failure  # noqa: PLC0415 - DuckDB takes long to load

    return read_failure(connection)
